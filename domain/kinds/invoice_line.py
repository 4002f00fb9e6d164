"""Invoice line: one product or free text on an invoice. VAT per line, half away from zero at the currency's decimals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from domain.command import Command
from domain.decision import Decision
from domain.errors import AmountNotPositive, InvalidField, ReferenceMissing
from domain.kind import Kind, StockOf, Wish
from domain.kinds.stock_movement import move_stock_for_line, stock_of_line
from domain.money import HUNDRED, ZERO, minor_unit, require_exact, round_to
from domain.policy import Policy
from domain.record import Record
from domain.values import ClientId, Count, Fields, Line, Ref, Reference, Text, always


class LineFields(Fields, frozen=True, kw_only=True):
    """What a line says. Description, unit price and VAT rate come from the product where they are not given.

    `unit_price` is net and may have more decimals than the currency; rates are percents; `discount` is an amount off the line,
    `discount_percent` a percent; `levy_rate` is a second tax that is summed with VAT (Mahak's charge).
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


class InvoiceLine(LineFields, frozen=True, kw_only=True):
    """A line and the invoice it stands on."""

    invoice_id: Reference


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
    """What a line, or a discount on the whole, adds to an invoice."""

    net: Decimal
    vat: Decimal

    @classmethod
    def of_costs(
        cls, discount: Decimal | None, shipping: Decimal | None, other: Decimal | None, currency: str
    ) -> Sums:
        """A discount on the whole invoice and costs beside the lines; they carry no VAT."""
        amounts = {"discount": discount or ZERO, "shipping": shipping or ZERO, "other_cost": other or ZERO}
        for name, amount in amounts.items():
            require_exact(amount, currency, f"data.{name}")
        return cls(amounts["shipping"] + amounts["other_cost"] - amounts["discount"], ZERO)

    @classmethod
    def of_line(cls, data: dict[str, Any]) -> Sums:
        """What a line record adds."""
        return cls(Decimal(data["net"]), Decimal(data["vat"]))

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.net + other.net, self.vat + other.vat)

    def __sub__(self, other: Sums) -> Sums:
        return Sums(self.net - other.net, self.vat - other.vat)

    def __bool__(self) -> bool:
        return self.net != ZERO or self.vat != ZERO


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line with everything filled in, and its sums."""

    line: LineFields
    sums: Sums
    id: UUID | None = None
    client_id: str | None = None


def price_line(decision: Decision, line: LineFields, currency: str, path: str) -> PricedLine:
    """Fill a line in from its product and compute it. Raises ReferenceMissing, AmountNotPositive, InvalidField."""
    filled: dict[str, Any] = {}
    if line.product_id is not None:
        product = decision.living(line.product_id, "product", f"{path}.product_id").data
        if not product.get("is_active", True):
            raise ReferenceMissing(f"The product {product['name']!r} is not active.", path=f"{path}.product_id")
        if not line.description:
            filled["description"] = product["name"]
        if line.unit_price is None:
            filled["unit_price"] = Decimal(product.get("price", 0))
        if line.vat_rate is None and product.get("vat_rate") is not None:
            filled["vat_rate"] = Decimal(product["vat_rate"])
        if line.levy_rate is None and product.get("levy_rate") is not None:
            filled["levy_rate"] = Decimal(product["levy_rate"])
    elif line.unit_price is None:
        raise InvalidField("A line without a product needs a `unit_price`.", path=f"{path}.unit_price")
    complete = msgspec.structs.replace(line, **filled) if filled else line
    ids = (line.id, line.client_id) if isinstance(line, NewLine) else (None, None)
    return PricedLine(complete, _sums(complete, currency, path), *ids)


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
    if discount < 0 or discount > gross:
        raise InvalidField("The discount must lie between nothing and the whole line.", path=f"{path}.discount")
    net = round_to(gross - discount, currency)
    vat = round_to(net * (line.vat_rate or ZERO) / HUNDRED, currency)
    levy = round_to(net * (line.levy_rate or ZERO) / HUNDRED, currency)
    return Sums(net, vat + levy)


class InvoiceLineKind(Kind):
    """Adding, changing and removing a line re-totals its invoice and moves the stock it moves."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """The line's invoice, its product and, where the invoice moves stock, the stock."""
        data = record.data if record is not None else {}
        if record is not None:
            yield UUID(data["invoice_id"])
            if data.get("product_id"):
                yield UUID(data["product_id"])
        invoice_id = data.get("invoice_id") or decision.find("invoice", getattr(command.data, "invoice_id", None))
        invoice = decision.books.record(UUID(str(invoice_id))) if invoice_id else None
        if invoice is None:
            return
        yield from stock_of_line(invoice.data, data)
        given = getattr(command.data, "product_id", None)
        product_id = decision.find("product", given) if isinstance(given, UUID | Ref) else None
        if product_id is not None and invoice.data.get("moves_stock"):
            store = getattr(command.data, "store_id", None) or invoice.data.get("store_id")
            yield StockOf(product_id, UUID(str(store)) if store else None)

    def decide_create(self, decision: Decision, record_id: UUID, data: InvoiceLine) -> None:
        """Add a line to an invoice that exists."""
        invoice = decision.living(data.invoice_id, "invoice", "data.invoice_id")
        priced = price_line(decision, data, invoice.data["currency"], "data")
        source = decision.client_ids.get(record_id)
        self.add(decision, invoice, PricedLine(priced.line, priced.sums, record_id, source and source[1]))
        _total(decision, invoice, priced.sums)

    def add(
        self, decision: Decision, invoice: Record, priced: PricedLine, *, require_stock: bool = False, path: str = "data"
    ) -> None:
        """Emit the line of an invoice whose sums already hold it, or are about to, and the stock it moves."""
        line_id = priced.id or decision.new_id()
        if priced.client_id is not None:
            decision.client_ids[line_id] = (decision.actor.source, priced.client_id)
        fields = {name: getattr(priced.line, name) for name in LineFields.__struct_fields__}
        unit = minor_unit(invoice.data["currency"])
        line = decision.create(
            self,
            line_id,
            InvoiceLine(**fields, invoice_id=invoice.id),
            net=priced.sums.net.quantize(unit),
            vat=priced.sums.vat.quantize(unit),
            total=(priced.sums.net + priced.sums.vat).quantize(unit),
        )
        move_stock_for_line(decision, invoice.data, line, sign=1, require_stock=require_stock, path=path)

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change a line: what a new product brings comes from the product unless it is given."""
        invoice = decision.living(record.data["invoice_id"], "invoice", "data.invoice_id")
        merged = {**record.data, **changes}
        if "product_id" in changes:
            for name in ("description", "unit_price", "vat_rate", "levy_rate"):
                if name not in changes:
                    merged.pop(name, None)
        known = {name: value for name, value in merged.items() if name in LineFields.__struct_fields__}
        line = msgspec.convert({name: value for name, value in known.items() if value is not None}, LineFields)
        priced = price_line(decision, line, invoice.data["currency"], "data")
        before = Sums.of_line(record.data)
        filled = {
            name: value
            for name, value in msgspec.to_builtins(priced.line).items()
            if name not in changes and record.data.get(name) != value
        }
        unit = minor_unit(invoice.data["currency"])
        totals = {
            "net": str(priced.sums.net.quantize(unit)),
            "vat": str(priced.sums.vat.quantize(unit)),
            "total": str((priced.sums.net + priced.sums.vat).quantize(unit)),
        }
        moves = bool({"product_id", "quantity", "store_id"} & changes.keys())
        if moves:
            move_stock_for_line(decision, invoice.data, record, sign=-1)
        after = decision.change(self, record, {**changes, **filled, **totals})
        if moves:
            move_stock_for_line(decision, invoice.data, after, sign=1)
        _total(decision, invoice, priced.sums - before)

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Remove a line and take it out of the invoice's sums."""
        invoice = decision.living(record.data["invoice_id"], "invoice", "data.invoice_id")
        self.remove(decision, invoice, record)
        _total(decision, invoice, Sums(ZERO, ZERO) - Sums.of_line(record.data))

    def remove(self, decision: Decision, invoice: Record, line: Record) -> None:
        """Emit the removal and the stock that comes back; the invoice's sums are the caller's."""
        decision.delete(self, line)
        move_stock_for_line(decision, invoice.data, line, sign=-1)


def _total(decision: Decision, invoice: Record, change: Sums) -> None:
    from domain.kinds.invoice import total  # an invoice makes its lines, and a line re-totals its invoice

    total(decision, invoice, change)


INVOICE_LINE = InvoiceLineKind(
    name="invoice_line",
    fields=InvoiceLine,
    derived=LineTotals,
    policy=Policy.SERVER_WINS,
    references={"invoice_id": "invoice", "product_id": "product", "product_detail_id": "product_detail"},
    parent="invoice_id",
    fixed=frozenset({"invoice_id"}),
    verbs=("added", "changed", "removed"),
)
