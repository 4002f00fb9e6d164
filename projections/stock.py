"""Stock value: what every movement of goods was worth, and quantity, value and average cost of each product after it.

Weighted moving average, in the order of the log: goods come in at their own cost, or where none is known at the average; they go
out at the average. A movement that is withdrawn or changed posts its reversal at the value it had. Stock that is below nothing is
valued at its last cost, and what comes in then settles the shortfall at its own; where nothing is left, no value is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext
from typing import Any
from uuid import UUID

from domain.catalogue import CATALOGUE, fields_of
from domain.event import RecordedEvent
from domain.money import EXACT, ZERO, minor_unit
from domain.upcasting import topic_today
from projections.projection import Changes, Index, Row, Table, View

STOCK_LINES = Table(
    name="stock_lines",
    columns={
        "record_id": "uuid",
        "seq": "bigint",
        "line": "integer",
        "product_id": "uuid",
        "store_id": "uuid",
        "invoice_id": "uuid",
        "quantity": "numeric",
        "given_cost": "numeric",
        "unit_cost": "numeric",
        "value": "numeric",
        "quantity_after": "numeric",
        "value_after": "numeric",
        "average_after": "numeric",
        "dated": "date",
        "reversal": "boolean",
    },
    key=("record_id", "seq", "line"),
    nullable=frozenset({"store_id", "invoice_id", "given_cost"}),
    indexes=(Index("stock_lines_by_product", "company_id, product_id, seq, line"),),
)
"""One row per movement, and two per change. `given_cost` is what the movement said of its cost, `unit_cost` what it was valued at;
`…_after` are the product's over all stores. Costs and values are in the company's currency. The key serves the fold: what stands
for a movement is its last row."""
STOCK_PRODUCTS = Table(
    name="stock_products",
    columns={
        "product_id": "uuid",
        "quantity": "numeric",
        "value": "numeric",
        "average": "numeric",
        "cost": "numeric",
        "moved": "boolean",
    },
    key=("product_id",),
    nullable=frozenset({"average", "cost"}),
)
"""The latest of each product; `cost` is the catalogue's."""
STOCK_COMPANIES = Table(name="stock_companies", columns={"record_id": "uuid", "currency": "text"}, key=("record_id",))
"""The currency in which the company's stock is valued."""

_CENT = minor_unit("USD")
_COST = Decimal(1).scaleb(-9)
"""Costs are kept with as many decimals as a field of a record may have."""


@dataclass(slots=True)
class _Product:
    quantity: Decimal = ZERO
    value: Decimal = ZERO
    average: Decimal | None = None
    cost: Decimal | None = None
    moved: bool = False
    is_new: bool = True
    touched: bool = False

    def move(self, quantity: Decimal, given: Decimal | None, cent: Decimal) -> tuple[Decimal, Decimal]:
        """Move goods in or out; returns unit cost and value."""
        known = self.average if self.average is not None else self.cost or ZERO
        after = self.quantity + quantity
        if quantity < 0:
            unit_cost = known
            if self.quantity > 0 and after > 0:
                value_after = self.value + (quantity * self.value / self.quantity).quantize(cent)
            else:
                value_after = (after * unit_cost).quantize(cent)
        else:
            unit_cost = given if given is not None else known
            if self.quantity > 0:
                value_after = self.value + (quantity * unit_cost).quantize(cent)
                self._average(after, value_after)
            else:
                value_after = (after * unit_cost).quantize(cent)
                self.average = unit_cost
        return unit_cost, self._set(after, value_after)

    def take_back(self, quantity: Decimal, value: Decimal) -> Decimal:
        """Take a movement back at the value it had; returns what that adds."""
        after, value_after = self.quantity - quantity, self.value - value
        self._average(after, value_after)
        return self._set(after, value_after)

    def _average(self, quantity: Decimal, value: Decimal) -> None:
        if quantity > 0 and value >= 0:
            self.average = (value / quantity).quantize(_COST)

    def _set(self, quantity: Decimal, value: Decimal) -> Decimal:
        value = value if quantity else ZERO
        change = value - self.value
        self.quantity, self.value = quantity, value
        self.moved = self.touched = True
        return change


@dataclass(frozen=True, slots=True)
class _Movement:
    """What stands for a movement."""

    product_id: UUID
    store_id: UUID | None
    invoice_id: UUID | None
    quantity: Decimal
    given: Decimal | None
    unit_cost: Decimal
    value: Decimal
    dated: date


class StockProjection:
    """Stock rows and the latest value of each product."""

    name = "stock"
    version = 1
    kinds: frozenset[str] | None = frozenset({"company", "product", "stock_movement"})
    tables = (STOCK_LINES, STOCK_PRODUCTS, STOCK_COMPANIES)
    inline = False

    def fold(self, company_id: UUID, events: Sequence[RecordedEvent], view: View) -> Changes:
        """Value what each event moves."""
        decoded = [(event, fields_of(event)) for event in events]
        folding = _Folding()
        with localcontext(EXACT):
            folding.load(company_id, decoded, view)
            for event, fields in decoded:
                folding.post(event, fields)
        return folding.changes()


@dataclass(slots=True)
class _Folding:
    cent: Decimal = _CENT
    companies: list[Row] = field(default_factory=list)
    products: dict[UUID, _Product] = field(default_factory=dict)
    movements: dict[UUID, _Movement | None] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)

    def load(self, company_id: UUID, decoded: Sequence[tuple[RecordedEvent, dict[str, Any]]], view: View) -> None:
        """What is known of the products and movements of these events."""
        for _, currency in view.find(STOCK_COMPANIES, ("record_id",), [(company_id,)], ("record_id", "currency")):
            self.cent = minor_unit(currency)
        created = {event.record_id for event, _ in decoded if event.version == 1}
        changed = {event.record_id for event, _ in decoded if event.kind == "stock_movement"} - created
        products = {event.record_id for event, _ in decoded if event.kind == "product"}
        products |= {UUID(fields["product_id"]) for _, fields in decoded if "product_id" in fields}
        found = view.find(STOCK_LINES, ("record_id",), [(key,) for key in changed], tuple(STOCK_LINES.columns))
        for row in sorted(found, key=lambda row: row[1:3]):
            key, _, _, product_id, store_id, invoice_id, quantity, given, unit_cost, value, _, _, _, dated, reversal = row
            standing = _Movement(product_id, store_id, invoice_id, quantity, given, unit_cost, value, dated)
            self.movements[key] = None if reversal else standing
            products.add(product_id)
        columns = ("product_id", "quantity", "value", "average", "cost", "moved")
        for key, *known in view.find(STOCK_PRODUCTS, ("product_id",), [(key,) for key in products - created], columns):
            quantity, value, average, cost, moved = known
            self.products[key] = _Product(quantity, value, average, cost, moved, is_new=False)

    def post(self, event: RecordedEvent, fields: dict[str, Any]) -> None:
        """Value what one event moves."""
        if event.kind == "company":
            if "currency" in fields:
                self.cent = minor_unit(fields["currency"])
                self.companies = [(event.record_id, fields["currency"])]
        elif event.kind == "product":
            if "cost" in fields:
                product = self.products.setdefault(event.record_id, _Product())
                product.cost, product.touched = _decimal(fields["cost"]), True
        else:
            self._post_movement(event, fields)

    def _post_movement(self, event: RecordedEvent, fields: dict[str, Any]) -> None:
        kind = CATALOGUE[event.kind]
        deleted = kind.topics.get(topic_today(event.topic)) is kind.Deleted
        standing = self.movements.get(event.record_id)
        if event.version == 1:
            after = _Movement(
                UUID(fields["product_id"]),
                _uuid(fields.get("store_id")),
                _uuid(fields.get("invoice_id")),
                Decimal(fields["quantity"]),
                _decimal(fields.get("unit_cost")),
                ZERO,
                ZERO,
                date.fromisoformat(fields["date"]) if fields.get("date") else event.occurred_at.date(),
            )
        elif standing is None or not (deleted or {"unit_cost", "date"} & fields.keys()):
            return
        else:
            self._take_back(event, standing)
            if deleted:
                self.movements[event.record_id] = None
                return
            after = _Movement(
                standing.product_id,
                standing.store_id,
                standing.invoice_id,
                standing.quantity,
                _decimal(fields["unit_cost"]) if "unit_cost" in fields else standing.given,
                ZERO,
                ZERO,
                date.fromisoformat(fields["date"]) if fields.get("date") else standing.dated,
            )
        self._move(event, after)

    def _take_back(self, event: RecordedEvent, standing: _Movement) -> None:
        product = self.products[standing.product_id]
        value = product.take_back(standing.quantity, standing.value)
        self._add_row(event, standing, -standing.quantity, standing.unit_cost, value, reversal=True)

    def _move(self, event: RecordedEvent, movement: _Movement) -> None:
        product = self.products.setdefault(movement.product_id, _Product())
        unit_cost, value = product.move(movement.quantity, movement.given, self.cent)
        self._add_row(event, movement, movement.quantity, unit_cost, value, reversal=False)
        self.movements[event.record_id] = _Movement(
            movement.product_id,
            movement.store_id,
            movement.invoice_id,
            movement.quantity,
            movement.given,
            unit_cost,
            value,
            movement.dated,
        )

    def _add_row(
        self, event: RecordedEvent, movement: _Movement, quantity: Decimal, unit_cost: Decimal, value: Decimal, *, reversal: bool
    ) -> None:
        product = self.products[movement.product_id]
        place = self.places[event.seq] = self.places.get(event.seq, 0) + 1
        what = (event.record_id, event.seq, place, movement.product_id, movement.store_id, movement.invoice_id)
        worth = (quantity, movement.given, unit_cost, value, product.quantity, product.value, product.average or ZERO)
        self.rows.append((*what, *worth, movement.dated, reversal))

    def changes(self) -> Changes:
        """The rows, and the products after them."""
        changes = Changes()
        changes.inserts[STOCK_LINES] = self.rows
        touched = [(key, one) for key, one in self.products.items() if one.touched]
        changes.inserts[STOCK_PRODUCTS] = [_product_row(key, one) for key, one in touched if one.is_new]
        changes.puts[STOCK_PRODUCTS] = [_product_row(key, one) for key, one in touched if not one.is_new]
        changes.puts[STOCK_COMPANIES] = self.companies
        return changes


def _product_row(product_id: UUID, one: _Product) -> Row:
    return (product_id, one.quantity, one.value, one.average, one.cost, one.moved)


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None


def _decimal(text: str | None) -> Decimal | None:
    return Decimal(text) if text is not None else None
