"""Carts: the lines of a sale that is made or held, and what the till worked out for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from api.saimpex import values
from api.saimpex.forms import Field, Form, field, ref, rows
from api.saimpex.values import Row
from domain.errors import InvalidField
from domain.money import HUNDRED, ZERO, round_to

LINE = Form(
    "CartItem",
    ref("product_id", required=True, also=("id",)),
    field("quantity", values.positive, type_=float, required=True, also=("qty",)),
    field("unit_price", values.amount, type_=float, also=("price",)),
    field("discount", values.amount, type_=float),
    field("tax_rate", values.percent, "vat_rate", type_=float),
    field("total", values.amount, "stated_total", type_=float, also=("line_total", "total_price", "subtotal")),
)
CART: tuple[Field, ...] = (
    rows("items", LINE, "lines", required=True, also=("products", "cart_items", "cart")),
    ref("customer_id", "party_id"),
    ref("shift_id", by_client="open_shift_client_id"),
    field("notes", values.text(20_000)),
    field("total_amount", values.amount, "stated_total", type_=float, also=("total", "grand_total")),
)
STATED: tuple[Field, ...] = (
    field("subtotal", values.amount, "stated_net", type_=float, also=("sub_total",)),
    field("tax_amount", values.amount, "stated_vat", type_=float, also=("total_tax", "tax_total")),
)


def lines_of(rows_: Iterable[Row]) -> list[Row]:
    """The lines of an invoice, without what is only stated."""
    return [{name: value for name, value in row.items() if not name.startswith("stated_")} for row in rows_]


def check_stated(stated: Row, names: Mapping[str, Any], *, place: str = "") -> None:
    """Raise InvalidField where a sum that the till stated is not what it comes to. `names`: our name → what it may be."""
    for name, allowed in names.items():
        given = stated.get(name)
        if given is not None and given not in allowed:
            message = f"{plain(given)} was sent, but it comes to {plain(allowed[0])}."
            raise InvalidField(message, path=f"{place}{name}", expected=plain(allowed[0]), given=plain(given))


def plain(value: Decimal) -> str:
    """An amount in a sentence."""
    return f"{value:f}"


def sum_of(lines: Iterable[Row], currency: str) -> Decimal:
    """What lines come to by their own prices, with VAT, as an invoice adds them up."""
    total = ZERO
    for line in lines:
        net = round_to(line["quantity"] * line.get("unit_price", ZERO) - line.get("discount", ZERO), currency)
        total += net + round_to(net * line.get("vat_rate", ZERO) / HUNDRED, currency)
    return total
