"""Invoices and their items. Status and total are derived: from the items, the payments and the due day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from api.documents import Document
from api.fintrack.objects.object import Field, Join, Object, Row, Seen
from api.fintrack.objects.parties import CUSTOMER_CONTACT, SUPPLIER_CONTACT
from api.fintrack.values import NIL, day_of, read_id
from domain.errors import InvalidField
from domain.kinds.settlement import status_of
from domain.record import Record
from infra.lists.listing import AnyOf, Condition

STATUSES = tuple((name, name) for name in ("unpaid", "partial", "paid", "overdue"))
TYPES = (("sales", "sales"), ("purchase", "purchase"))
PARTNERS = {"sales": "customerId", "purchase": "supplierId"}
"""Which of the two fields names the partner of an invoice of this type; the other is empty."""
MOST_ITEMS = 1_000

_TYPE = ("data", "type")
_PARTY = ("data", "party_id")
_DUE = ("data", "due_date")
_STATUS = ("data", "status")


def needs_partner(type_: str) -> str:
    """What is said where an invoice has not the partner that it needs."""
    return "Purchase invoice must have supplierId" if type_ == "purchase" else "Sales invoice must have customerId"


def _complete_invoice(form: Row, data: Row, record: Record | None, zone: ZoneInfo) -> Row:
    """The partner, and the items of a new invoice."""
    type_ = record.data["type"] if record is not None else data["type"]
    name = PARTNERS[type_]
    if name in form or record is None:
        given = form.get(name)
        if given is None:
            raise InvalidField(needs_partner(type_), path=name)
        data["party_id"] = str(read_id(given, name))
    if record is None and form.get("items") is not None:
        data["lines"] = _lines(form["items"], zone)
    return data


def _lines(items: Any, zone: ZoneInfo) -> list[Row]:
    if not isinstance(items, list) or len(items) > MOST_ITEMS:
        raise InvalidField(f"`items` must be a list of at most {MOST_ITEMS} items.", path="items")
    lines: list[Row] = []
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise InvalidField("An item must be an object.", path=f"items[{index}]")
        try:
            line, own = INVOICE_ITEM.new_data({**item, "invoiceId": NIL}, zone), INVOICE_ITEM.own_id(item)
        except InvalidField as error:
            raise error.at(f"items[{index}]") from None
        del line["invoice_id"]
        if own is not None:
            line["id"] = str(own)
        lines.append(line)
    return lines


def _finish_invoice(document: Document, row: Row, seen: Seen) -> None:
    data = document.data
    row[PARTNERS.get(data["type"], "customerId")] = data.get("party_id")
    due = day_of(data["due_date"]) if data.get("due_date") else None
    STATUS.show(row, status_of(Decimal(data["total"]), Decimal(data["paid"]), due, seen.today))


def _by_partner(type_: str) -> Any:
    """Filters by customer or by supplier: the party of invoices of one type."""

    def made(given: Sequence[str], _: date) -> AnyOf:
        ids = tuple(str(read_id(value, PARTNERS[type_])) for value in given if value != "null")
        options: list[tuple[Condition, ...]] = []
        if ids:
            options.append((Condition((_TYPE,), (type_,)), Condition((_PARTY,), ids)))
        if "null" in given:
            other = next(name for name in PARTNERS if name != type_)
            options.append((Condition((_TYPE,), (other,)),))
            options.append((Condition((_PARTY,), test="missing"),))
        return AnyOf(tuple(options))

    return made


def _by_status(given: Sequence[str], today: date) -> AnyOf:
    """Filters by the status of today: that an invoice has fallen due may not have been noted yet."""
    field = INVOICE.by_wire["status"]
    options: list[tuple[Condition, ...]] = []
    for value in given:
        status = None if value == "null" else field.option(value, "status")
        if status == "paid":
            options.append((Condition((_STATUS,), ("paid",)),))
        elif status == "overdue":
            open_ = Condition((_STATUS,), ("unpaid", "partial", "overdue"))
            options.append((open_, Condition((_DUE,), most=str(today - timedelta(days=1)), test="range")))
        elif status is not None:
            due = Condition((_DUE,), least=str(today), test="range", or_missing=True)
            options.append((Condition((_STATUS,), (status,)), due))
    return AnyOf(tuple(options))


def _is_trade(invoice: Record | Document) -> bool:
    return invoice.data["type"] in PARTNERS


STATUS = Field("status", "Enum", "status", settable="never", filterable=True, options=STATUSES)
ITEM_BRIEF = ("description", "quantity", "total", "unitPrice", "vatAmount", "vatRate")
ITEMS = Join("items", "invoiceItem", ITEM_BRIEF, local=True)
PARTY_FULL = ("address", "contactEmail", "contactName", "name", "notes", "phone", "taxNumber")

INVOICE = Object(
    name="invoice",
    plural="invoices",
    service="invoicemanagement-api",
    kind="invoice",
    fields=(
        Field("currency", "String", "currency", required=True),
        Field("customerId", "ID", filterable=True),
        Field("dueDate", "Date", "due_date", required=True, filterable=True),
        Field("invoiceNumber", "String", "invoice_number", required=True, filterable=True),
        Field("issueDate", "Date", "issue_date", required=True, filterable=True),
        Field("notes", "Text", "notes"),
        STATUS,
        Field("supplierId", "ID", filterable=True),
        Field("totalAmount", "Double", "total", settable="never"),
        Field("type", "Enum", "type", required=True, settable="create", filterable=True, options=TYPES),
    ),
    order="-issueDate",
    where=(Condition((_TYPE,), tuple(PARTNERS)),),
    shows=_is_trade,
    complete=_complete_invoice,
    finish=_finish_invoice,
    derived=frozenset({"customerId", "supplierId", "status"}),
    filters={"customerId": _by_partner("sales"), "supplierId": _by_partner("purchase"), "status": _by_status},
    joins={
        "get": (ITEMS, CUSTOMER_CONTACT, SUPPLIER_CONTACT),
        "list": (ITEMS, CUSTOMER_CONTACT, SUPPLIER_CONTACT),
        "fetch": (
            Join("customer", "customer", (*PARTY_FULL, "businessId"), link="party_id"),
            Join("supplier", "supplier", PARTY_FULL, link="party_id"),
        ),
    },
    wires={"lines": "items", "invoice_number": "invoiceNumber"},
)


# Items ----------------------------------------------------------------------------------------------


def _complete_item(form: Row, data: Row, record: Record | None, _: ZoneInfo) -> Row:
    """A product, or for the nil id a line in words of its own."""
    name = "productOrServiceId"
    if name in form:
        data["product_id"] = None if form[name] in (None, NIL) else str(read_id(form[name], name))
    if record is None and data.get("product_id") is None:
        for needed, ours in (("description", "description"), ("unitPrice", "unit_price")):
            if data.get(ours) in (None, ""):
                raise InvalidField(f"`{needed}` is required on a line without a product.", path=needed)
        data.pop("product_id", None)
    return data


def _finish_item(document: Document, row: Row, _: Seen) -> None:
    row["productOrServiceId"] = document.data.get("product_id") or NIL


INVOICE_ITEM = Object(
    name="invoiceItem",
    plural="invoiceItems",
    service="invoicemanagement-api",
    kind="invoice_line",
    fields=(
        Field("description", "String", "description"),
        Field("invoiceId", "ID", "invoice_id", required=True, settable="create", filterable=True),
        Field("productOrServiceId", "ID", required=True),
        Field("quantity", "Double", "quantity", required=True),
        Field("total", "Double", "total", settable="never"),
        Field("unitPrice", "Double", "unit_price", absent="0"),
        Field("vatAmount", "Double", "vat", settable="never"),
        Field("vatRate", "Double", "vat_rate", absent="0"),
    ),
    order="createdAt",
    complete=_complete_item,
    finish=_finish_item,
    derived=frozenset({"productOrServiceId"}),
    joins={
        "get": (
            Join("productOrService", "productOrService", ("currency", "name", "price", "sku", "type", "vatRate"), "product_id"),
        ),
        "list": (
            Join("productOrService", "productOrService", ("currency", "name", "price", "sku", "type", "vatRate"), "product_id"),
        ),
        "fetch": (
            Join(
                "invoice",
                "invoice",
                (
                    "currency",
                    "customerId",
                    "dueDate",
                    "invoiceNumber",
                    "issueDate",
                    "notes",
                    "status",
                    "supplierId",
                    "totalAmount",
                    "type",
                ),
                "invoice_id",
                local=True,
            ),
            Join(
                "productOrService",
                "productOrService",
                ("currency", "description", "name", "notes", "price", "sku", "type", "vatRate"),
                "product_id",
            ),
        ),
    },
    nouns={"invoice line": "invoice item"},
    wires={"product_id": "productOrServiceId"},
)
