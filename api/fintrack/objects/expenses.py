"""Expenses. What was only asked for, or was refused, was not spent, and is none."""

from __future__ import annotations

from api.documents import Document
from api.fintrack.objects.invoices import PARTY_FULL
from api.fintrack.objects.object import Field, Join, Object
from domain.record import Record
from infra.lists.listing import Condition

SELECTED = (
    "id",
    "date",
    "amount",
    "currency",
    "category",
    "description",
    "supplierId",
    "notes",
    "isActive",
    "createdAt",
    "updatedAt",
)


def _is_spent(expense: Record | Document) -> bool:
    return bool(expense.data["status"] == "approved")


EXPENSE = Object(
    name="expense",
    plural="expenses",
    service="expensemanagement-api",
    kind="expense",
    fields=(
        Field("amount", "Double", "amount", required=True, filterable=True),
        Field("category", "String", "category", required=True, filterable=True),
        Field("currency", "String", "currency", required=True, filterable=True),
        Field("date", "Date", "date", required=True, filterable=True),
        Field("description", "String", "description", required=True, filterable=True),
        Field("notes", "Text", "notes"),
        Field("supplierId", "ID", "supplier_id", filterable=True),
    ),
    order="-date",
    where=(Condition((("data", "status"),), ("approved",)),),
    shows=_is_spent,
    selected={"get": SELECTED, "list": SELECTED},
    joins={
        "get": (
            Join(
                "supplier",
                "supplier",
                ("address", "contactEmail", "contactName", "name", "phone", "taxNumber"),
                "supplier_id",
            ),
        ),
        "list": (Join("supplier", "supplier", ("name",), "supplier_id"),),
        "fetch": (Join("supplier", "supplier", PARTY_FULL, "supplier_id"),),
    },
    nouns={"party": "supplier"},
)
