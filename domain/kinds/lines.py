"""What lines of invoices and of orders have in common: their fields, how they are priced, and how they are priced anew.

VAT per line, half away from zero at the currency's decimals.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from domain.decision import Decision
from domain.errors import AmountNotPositive, InvalidField, ReferenceMissing
from domain.kind import Kind
from domain.money import HUNDRED, ZERO, require_exact, round_to
from domain.record import Record
from domain.values import ClientId, Count, Fields, Line, Reference, Text, always

FILLED = ("description", "unit_price", "vat_rate", "levy_rate")
"""The fields that come from the product where they are not given."""


class LineFields(Fields, frozen=True, kw_only=True):
    """What a line says. Description, unit price and VAT rate come from the product where they are not given.

    `unit_price` is net and may have more decimals than the currency; rates are percents; `discount` is an amount off the line,
    `discount_percent` a percent; `levy_rate` is a second tax that is summed with VAT (Mahak's charge). What only Mahak has
    (width, height, item count, income and expense items) is in `extra`.
    """

    product_id: Reference | None = None
    product_detail_id: Reference | None = None
    description: Text | None = None
    quantity: Decimal = always(Decimal(1))
    quantity2: Decimal | None = None
    unit_price: Decimal | None = None
    discount: Decimal | None = None
    discount_percent: Decimal | None = None
    vat_rate: Decimal | None = None
    levy_rate: Decimal | None = None
    store_id: UUID | None = None
    expense_category: Line | None = None
    position: Count | None = None
    gift: Count | None = None
    promotion_code: Line | None = None
    extra: dict[str, Any] = {}


class NewLine(LineFields, frozen=True, kw_only=True):
    """A line inside a new invoice or order; a client may give it its own id."""

    id: UUID | None = None
    client_id: ClientId | None = None


class LineTotals(Fields, frozen=True, kw_only=True):
    """`net` is quantity times unit price less discounts; `vat` includes the levy; `total` is their sum."""

    net: Decimal
    vat: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class Sums:
    """What a line, or a discount on the whole, adds to an invoice or an order."""

    net: Decimal
    vat: Decimal

    @classmethod
    def of_costs(cls, data: dict[str, Any], currency: str) -> Sums:
        """A discount on the whole and costs beside the lines; they carry no VAT. Raises AmountNotPositive, TooManyDecimals."""
        amounts: dict[str, Decimal] = {}
        for name in ("discount", "shipping", "other_cost"):
            amounts[name] = amount = Decimal(data.get(name) or ZERO)
            require_exact(amount, currency, f"data.{name}")
            if amount < 0:
                raise AmountNotPositive("The amount must not be negative.", path=f"data.{name}")
        return cls(amounts["shipping"] + amounts["other_cost"] - amounts["discount"], ZERO)

    @classmethod
    def of_record(cls, data: dict[str, Any]) -> Sums:
        """What a line adds, or what an invoice or order comes to."""
        return cls(Decimal(data["net"]), Decimal(data["vat"]))

    def totals(self, currency: str) -> dict[str, Any]:
        """Net, VAT and total at the currency's decimals."""
        return {
            "net": round_to(self.net, currency),
            "vat": round_to(self.vat, currency),
            "total": round_to(self.net + self.vat, currency),
        }

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.net + other.net, self.vat + other.vat)

    def __sub__(self, other: Sums) -> Sums:
        return Sums(self.net - other.net, self.vat - other.vat)

    def __neg__(self) -> Sums:
        return Sums(-self.net, -self.vat)

    def __bool__(self) -> bool:
        return self.net != ZERO or self.vat != ZERO


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line with everything filled in, and its sums. `id` and `client_id` are those of a nested line."""

    line: LineFields
    sums: Sums
    id: UUID | None = None
    client_id: str | None = None


def price_line(
    decision: Decision, line: LineFields, currency: str, path: str, *, fill: bool = True, require_active: bool = True
) -> PricedLine:
    """Fill a line in from its product (unless not `fill`), one that is still sold (unless not `require_active`), and compute it.

    Raises ReferenceMissing, AmountNotPositive, InvalidField.
    """
    filled: dict[str, Any] = {}
    if line.product_id is not None and fill:
        product = decision.living(line.product_id, "product", f"{path}.product_id", or_deleted=not require_active).data
        if require_active and not product["is_active"]:
            raise ReferenceMissing(f"The product {product['name']!r} is not active.", path=f"{path}.product_id")
        if not line.description:
            filled["description"] = product["name"]
        if line.unit_price is None:
            filled["unit_price"] = Decimal(product.get("price", 0))
        for name in ("vat_rate", "levy_rate"):
            if getattr(line, name) is None and product.get(name) is not None:
                filled[name] = Decimal(product[name])
    elif line.unit_price is None:
        raise InvalidField("A line without a product needs a `unit_price`.", path=f"{path}.unit_price")
    complete = msgspec.structs.replace(line, **filled) if filled else line
    ids = (line.id, line.client_id) if isinstance(line, NewLine) else (None, None)
    return PricedLine(complete, _sums(complete, currency, path), *ids)


def price_lines(decision: Decision, lines: list[NewLine], currency: str, *, require_active: bool = True) -> list[PricedLine]:
    """The nested lines of a create command."""
    return [
        price_line(decision, line, currency, f"data.lines[{index}]", require_active=require_active)
        for index, line in enumerate(lines)
    ]


def check_discount(lines: Sums, whole: Sums) -> None:
    """Raise unless an invoice or an order with these lines comes to nothing or more; one without lines waits for them."""
    if lines and whole.net + whole.vat < ZERO:
        raise InvalidField("The discount is more than the lines and the costs come to.", path="data.discount")


def _sums(line: LineFields, currency: str, path: str) -> Sums:
    if line.quantity <= 0:
        raise AmountNotPositive("The quantity must be more than zero.", path=f"{path}.quantity")
    price = line.unit_price or ZERO
    if price < 0:
        raise AmountNotPositive("The unit price must not be negative.", path=f"{path}.unit_price")
    for name in ("vat_rate", "levy_rate", "discount_percent"):
        rate = getattr(line, name)
        if rate is not None and not 0 <= rate <= HUNDRED:
            raise InvalidField("A percentage lies between 0 and 100.", path=f"{path}.{name}")
    gross = line.quantity * price
    discount = (line.discount or ZERO) + gross * (line.discount_percent or ZERO) / HUNDRED
    if (line.discount or ZERO) < 0 or discount > gross:
        raise InvalidField("The discount must lie between nothing and the whole line.", path=f"{path}.discount")
    net = round_to(gross - discount, currency)
    vat = round_to(net * (line.vat_rate or ZERO) / HUNDRED, currency)
    levy = round_to(net * (line.levy_rate or ZERO) / HUNDRED, currency)
    return Sums(net, vat + levy)


class LineKind(Kind):
    """A kind of line; `parent` is the field that names what it stands on."""

    def emit_line(self, decision: Decision, owner: Record, priced: PricedLine, *, path: str = "data") -> Record:
        """Emit a line; its owner's sums are the caller's."""
        line_id = priced.id or decision.new_id()
        if priced.client_id is not None:
            decision.client_ids[line_id] = (decision.actor.source, priced.client_id)
        fields = {name: getattr(priced.line, name) for name in LineFields.__struct_fields__}
        line = self.fields(**fields, **{str(self.parent): owner.id})
        nested = path if path != "data" else ""
        return decision.create(self, line_id, line, path=nested, **priced.sums.totals(owner.data["currency"]))

    def reprice(self, decision: Decision, record: Record, changes: dict[str, Any], currency: str) -> tuple[dict[str, Any], Sums]:
        """`changes` with all that follows from them, and what they add to the owner's sums.

        What a new product brings comes from the product unless it is given; so does a field that is cleared.
        A line keeps a product that was deleted since.
        """
        merged = {**record.data, **changes}
        fill = any(name in changes and changes[name] is None for name in FILLED)
        if changes.get("product_id") is not None:
            fill = True
            for name in FILLED:
                if name not in changes:
                    merged.pop(name, None)
        given = {name: merged[name] for name in LineFields.__struct_fields__ if merged.get(name) is not None}
        priced = price_line(decision, msgspec.convert(given, LineFields), currency, "data", fill=fill)
        after: dict[str, Any] = msgspec.to_builtins(priced.line)
        after.update(msgspec.to_builtins(priced.sums.totals(currency)))
        complete = {name: value for name, value in changes.items() if name not in FILLED}
        for name in (*FILLED, "net", "vat", "total"):
            if not self.same(name, record.data.get(name), after.get(name)):
                complete[name] = after.get(name)
        return complete, priced.sums - Sums.of_record(record.data)
