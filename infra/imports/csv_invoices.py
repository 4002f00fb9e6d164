"""CSV of invoices: one row per line; an invoice's own columns stand on its first row, and are blank or the same on the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.command import Command
from domain.errors import AmountNotPositive, InvalidField, LedgerError
from infra.imports.csv_masters import SOURCE
from infra.imports.csv_table import Column, Row, amount, answer, currency, day, read_table, text
from infra.imports.known import Known
from infra.imports.model import Item, Options, Place, Plan, Problems, given, natural_id

_TYPES = {
    "sales": "sales",
    "sale": "sales",
    "invoice": "sales",
    "purchase": "purchase",
    "bill": "purchase",
    "sales_return": "sales_return",
    "credit_note": "sales_return",
    "purchase_return": "purchase_return",
    "debit_note": "purchase_return",
}


def _type(cell: str, _: Options) -> str:
    found = _TYPES.get(cell.casefold().replace(" ", "_").replace("-", "_"))
    if found is None:
        raise InvalidField(f"{cell!r} is none of sales, purchase, sales_return, purchase_return.")
    return found


def _positive(cell: str, options: Options) -> Decimal:
    found: Decimal = amount(cell, options)
    if found <= 0:
        raise AmountNotPositive("The quantity must be more than zero; goods that come back are a sales_return.")
    return found


HEADER = (
    Column("number", text, ("invoice_number", "invoice", "invoice_no", "no"), required=True),
    Column("type", _type, ("invoice_type",)),
    Column("party", text, ("customer", "supplier", "party_code", "customer_code", "supplier_code", "party_id")),
    Column("date", day, ("issue_date", "invoice_date")),
    Column("due_date", day, ("due",)),
    Column("currency", currency),
    Column("reference", text, ("ref", "order_number", "po_number")),
    Column("notes", text, ("note", "comment", "memo")),
    Column("moves_stock", answer),
    Column("invoice_discount", amount),
    Column("shipping", amount, ("freight", "delivery")),
    Column("other_cost", amount),
)
LINE = (
    Column("sku", text, ("product", "product_sku", "item", "product_code")),
    Column("description", text, ("line_description", "text", "product_name")),
    Column("quantity", _positive, ("qty",)),
    Column("unit_price", amount, ("price", "net_price")),
    Column("discount", amount, ("line_discount",)),
    Column("discount_percent", amount),
    Column("vat_rate", amount, ("vat", "vat_percent", "tax_rate")),
    Column("levy_rate", amount),
)
_FIELDS = {
    "number": "invoice_number",
    "type": "type",
    "party": "party_id",
    "date": "issue_date",
    "due_date": "due_date",
    "currency": "currency",
    "reference": "reference",
    "notes": "notes",
    "moves_stock": "moves_stock",
    "invoice_discount": "discount",
    "shipping": "shipping",
    "other_cost": "other_cost",
}
_LINE_FIELDS = {"sku": "product_id", **{column.name: column.name for column in LINE if column.name != "sku"}}


@dataclass(slots=True)
class _Invoice:
    """An invoice's first row, and all of its rows."""

    first: Row
    rows: list[Row] = field(default_factory=list)
    faulty: bool = False


def plan_invoices(raw: bytes, options: Options, known: Known, problems: Problems) -> Plan:
    """An invoice per number, with a line per row."""
    rows = read_table(raw, (*HEADER, *LINE), options, problems)
    invoices = _grouped(rows, problems)
    items = [_item(number, invoice, known, problems) for number, invoice in invoices.items()]
    return Plan([item for item in items if item is not None])


def _grouped(rows: list[Row], problems: Problems) -> dict[str, _Invoice]:
    invoices: dict[str, _Invoice] = {}
    number: str | None = None
    for row in rows:
        number = row.values.get("number", number)
        if number is None:
            problems.invalid(*row.place("number"), "The first row needs the number of its invoice.")
            continue
        invoice = invoices.get(number)
        if invoice is None:
            invoice = invoices[number] = _Invoice(row)
        elif invoice.rows:
            _check_repeated(number, invoice, row, problems)
        invoice.rows.append(row)
        invoice.faulty = invoice.faulty or bool(row.faulty)
    return invoices


def _check_repeated(number: str, invoice: _Invoice, row: Row, problems: Problems) -> None:
    """What a further row says of the invoice is what its first row says."""
    for column in HEADER:
        value = row.values.get(column.name)
        if value is not None and value != invoice.first.values.get(column.name):
            problems.invalid(
                *row.place(column.name),
                f"The invoice {number!r} has another `{column.name}` on line {invoice.first.line:,};"
                " leave it blank here, or give this row another number.",
            )
            invoice.faulty = True


def _item(number: str, invoice: _Invoice, known: Known, problems: Problems) -> Item | None:
    first = invoice.first
    values = first.values
    kind = values.get("type", "sales")
    data: dict[str, Any] = {target: values[name] for name, target in _FIELDS.items() if name in values}
    data["type"] = kind
    places = first.places(_FIELDS)
    if "party" in values:
        data["party_id"] = _resolve("party", values["party"], first.place("party"), known, problems)
    data["lines"] = []
    for index, row in enumerate(invoice.rows):
        line = _line(row, known, problems)
        if line is None:
            invoice.faulty = True
            continue
        data["lines"].append(line)
        places |= row.places(_LINE_FIELDS, f"data.lines[{index}].")
        places[f"data.lines[{index}]"] = (row.line, "")
    if invoice.faulty or data.get("party_id", True) is None:
        return None
    return Item(
        line=first.line,
        name=number,
        command=Command(kind="invoice", action="create", client_id=natural_id("number", number), source=SOURCE, data=given(data)),
        places=places,
        unique=("invoice_number", number),
    )


def _line(row: Row, known: Known, problems: Problems) -> Mapping[str, Any] | None:
    line = {target: row.values[name] for name, target in _LINE_FIELDS.items() if name in row.values}
    if "sku" in row.values:
        product = _resolve("product", row.values["sku"], row.place("sku"), known, problems)
        if product is None:
            return None
        line["product_id"] = product
    elif "unit_price" not in line:
        if not row.faulty:
            place: Place = row.place("unit_price")
            problems.invalid(*place, "A line needs a product's sku, or a unit price of its own.")
        return None
    return line


def _resolve(kind: str, name: str, place: Place, known: Known, problems: Problems) -> UUID | None:
    try:
        return known.one(kind, name).id
    except LedgerError as error:
        problems.add(place, error)
        return None
