"""Customers and suppliers: parties in one of their roles."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from api.documents import Document
from api.fintrack.objects.object import Field, Join, Object, Row, Seen
from api.fintrack.roles import WRITE_AS_USER
from api.fintrack.values import number_of
from domain.record import Record
from infra.lists.listing import Condition

FIELDS = (
    Field("address", "Text", "address"),
    Field("contactEmail", "String", "email", filterable=True),
    Field("contactName", "String", "contact_name", filterable=True),
    Field("name", "String", "name", required=True, filterable=True),
    Field("notes", "Text", "notes"),
    Field("phone", "String", "phone", filterable=True),
    Field("taxNumber", "String", "tax_number", filterable=True),
)
BRIEF = ("id", "name", "taxNumber", "contactName", "contactEmail", "phone", "address", "notes", "isActive")
CONTACT = ("contactEmail", "contactName", "name")
BOTH = ("customer", "supplier")


def _in_role(role: str) -> tuple[Condition, ...]:
    """Active parties that have this role."""
    roles = ([role], list(BOTH), list(reversed(BOTH)))
    return Condition((("data", "roles"),), roles), Condition((("data", "is_active"),), (True,))


def _has_role(role: str) -> Any:
    def shows(party: Record | Document) -> bool:
        return role in party.data["roles"] and bool(party.data.get("is_active", True))

    return shows


def _complete_customer(form: Row, data: Row, _: Record | None, __: ZoneInfo) -> Row:
    """A client calls the contact's e-mail `email`."""
    if "contactEmail" not in form and "email" in form:
        email = form["email"]
        return {**data, "email": None if email is None else FIELDS[1].read(email, ZoneInfo("UTC"), "email")}
    return data


def _finish_customer(document: Document, row: Row, seen: Seen) -> None:
    """What the customer owes is a number in the currency beside it: that of the business, unless all of it is in another."""
    amount, currency = seen.balances.get(document.id, (Decimal(0), seen.currency))
    row["email"] = document.data.get("email")
    row["balance"], row["balanceCurrency"] = number_of(str(amount)), currency


CUSTOMER = Object(
    name="customer",
    plural="customers",
    service="customermanagement-api",
    kind="party",
    fields=FIELDS,
    order="name",
    where=_in_role("customer"),
    shows=_has_role("customer"),
    complete=_complete_customer,
    finish=_finish_customer,
    derived=frozenset({"email", "balance", "balanceCurrency"}),
    defaults={"roles": ["customer"]},
    selected={"list": (*BRIEF, "email", "balance", "balanceCurrency")},
    has_balances=True,
    create_gate=WRITE_AS_USER,
    nouns={"party": "customer"},
    removing_role="customer",
)

SUPPLIER = Object(
    name="supplier",
    plural="suppliers",
    service="suppliermanagement-api",
    kind="party",
    fields=FIELDS,
    order="name",
    where=_in_role("supplier"),
    shows=_has_role("supplier"),
    defaults={"roles": ["supplier"]},
    selected={"get": BRIEF, "list": BRIEF},
    nouns={"party": "supplier"},
    removing_role="supplier",
)

CUSTOMER_CONTACT = Join("customer", "customer", CONTACT, link="party_id")
SUPPLIER_CONTACT = Join("supplier", "supplier", CONTACT, link="party_id")
