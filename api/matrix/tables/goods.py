"""Products, their categories and units, and the stock ledger."""

from __future__ import annotations

from decimal import Decimal

from api.matrix.columns import Inbound, amount, choice, day, flag, link, quantity, shown, text
from api.matrix.documents import Document, Numbers, Row
from api.matrix.tables.table import Table

UNITS = Table(
    name="units_of_measure",
    kind="unit",
    phase=1,
    columns=(text("name"), text("abbrev", "abbreviation")),
    required=("name",),
    has_company=False,
)

CATEGORIES = Table(
    name="item_categories",
    kind="product_category",
    phase=1,
    columns=(text("name"), link("parent_category_id", "parent_id", "item_categories")),
    required=("name",),
    references=("parent_id",),
)

PRODUCTS = Table(
    name="products",
    kind="product",
    phase=2,
    columns=(
        text("sku"),
        text("name"),
        link("category_id", "category_id", "item_categories"),
        link("uom_id", "unit_id", "units_of_measure"),
        flag("is_tracked", default=True),
        amount("last_cost", "cost", default="0.00"),
        amount("sale_price", "price", default="0.00"),
        quantity("opening_qty", "opening_quantity", default="0.000"),
        flag("is_active", default=True),
    ),
    required=("name",),
    searched=("sku", "name"),
    references=("category_id", "unit_id"),
)

_INWARD = {"inPurchase": "purchase", "inAdjustment": "adjustment"}
_OUTWARD = {"outSale": "sale", "outAdjustment": "adjustment"}


def _complete(row: Row, data: Row, inbound: Inbound) -> Row:
    """The movement's type in the client's word too; a transaction is our invoice, whichever of the two is named."""
    if row.get("movement_type"):
        data["movement_type"] = row["movement_type"]
    if data.get("invoice_id") is None and row.get("transaction_id"):
        data["invoice_id"] = inbound.reference("transactions", row["transaction_id"], "data.transaction_id")
    return data


def _finish(document: Document, row: Row, _: Numbers) -> None:
    """The movement's type as the client has it, by its sign where another dialect made it; and what it cost."""
    moved = Decimal(document.data["quantity"])
    reason = document.data.get("reason")
    kinds = _INWARD if moved > 0 else _OUTWARD
    by_reason = {ours: theirs for theirs, ours in kinds.items()}
    row["movement_type"] = document.data.get("movement_type") or by_reason.get(str(reason), list(kinds)[-1])
    if row["unit_cost"] is not None and row["total_cost"] is None:
        row["total_cost"] = shown(abs(moved) * Decimal(document.data["unit_cost"]), 2)
    row["transaction_id"] = row["invoice_id"]


STOCK = Table(
    name="stock_ledger",
    synonym="stock_ledgers",
    kind="stock_movement",
    phase=6,
    columns=(
        link("product_id", "product_id", "products"),
        day("date"),
        choice("movement_type", "reason", {**_INWARD, **_OUTWARD}),
        quantity("quantity_delta", "quantity"),
        amount("unit_cost"),
        amount("total_cost", "extra.total_cost"),
        link("invoice_id", "invoice_id", "invoices"),
    ),
    complete=_complete,
    finish=_finish,
    more_columns=frozenset({"transaction_id"}),
    required=("product_id", "quantity_delta"),
    references=("product_id", "invoice_id"),
)
