"""Payments: of one invoice, or unallocated."""

from __future__ import annotations

from api.fintrack.objects.object import Field, Join, Object

OF_INVOICE = Join("invoice", "invoice", ("dueDate", "invoiceNumber", "status", "totalAmount", "type"), "invoice_id")
SELECTED = (
    "id",
    "invoiceId",
    "businessId",
    "date",
    "amount",
    "currency",
    "method",
    "payerName",
    "reference",
    "notes",
    "isActive",
)

PAYMENT = Object(
    name="payment",
    plural="payments",
    service="paymentmanagement-api",
    kind="payment",
    fields=(
        Field("amount", "Double", "amount", required=True, filterable=True),
        Field("currency", "String", "currency", required=True, filterable=True),
        Field("date", "Date", "date", required=True, filterable=True),
        Field("invoiceId", "ID", "invoice_id", filterable=True),
        Field("method", "String", "method", filterable=True),
        Field("notes", "Text", "notes"),
        Field("payerName", "String", "payer_name"),
        Field("reference", "String", "reference", filterable=True),
    ),
    order="-date",
    selected={"get": SELECTED, "list": SELECTED},
    joins={"get": (OF_INVOICE,), "list": (OF_INVOICE,)},
    has_fetch_list=False,
)
