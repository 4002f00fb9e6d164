"""Stock movement: goods in or out of a store. Levels are the sum of movements; a correction is another movement."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from domain.books import stock_key
from domain.command import Command
from domain.decision import Decision
from domain.errors import AmountNotPositive, StillReferenced, StockInsufficient
from domain.kind import Kind, StockOf, Wish
from domain.money import EXACT, ZERO
from domain.policy import Policy
from domain.record import Record
from domain.values import LARGEST_EXPONENT, MOST_DECIMALS, Day, Fields, Line, Reference, Text

Reason = Literal["sale", "purchase", "return", "adjustment", "opening", "transfer"]


class StockMovement(Fields, frozen=True, kw_only=True):
    """`quantity` is signed: more than zero goes in, less goes out. `unit_cost` is in the company's currency.

    A second unit's count (Mahak) is in `extra`.
    """

    product_id: Reference
    product_detail_id: Reference | None = None
    store_id: UUID | None = None
    quantity: Decimal
    reason: Reason | None = None
    date: Day | None = None
    unit_cost: Decimal | None = None
    invoice_id: Reference | None = None
    invoice_line_id: Reference | None = None
    order_id: Reference | None = None
    notes: Text | None = None
    movement_type: Line | None = None
    extra: dict[str, Any] = {}


class NewStockMovement(StockMovement, frozen=True, kw_only=True):
    """A movement; with `require_stock` it is refused where it would make the level negative."""

    require_stock: bool = False


class StockMovementKind(Kind):
    """Only what a level needs is decided here; the level itself is folded with the books."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """The level that the movement moves."""
        data = command.data
        if isinstance(data, NewStockMovement) and (product_id := decision.find("product", data.product_id)):
            yield StockOf(product_id, data.store_id)
        if record is not None:
            store = record.data.get("store_id")
            yield StockOf(UUID(record.data["product_id"]), UUID(store) if store else None)

    def decide_create(self, decision: Decision, record_id: UUID, data: NewStockMovement) -> None:
        """Record a movement of at least something."""
        if data.quantity == 0:
            raise AmountNotPositive("A movement of nothing is none.", path="data.quantity")
        if data.require_stock:
            require_level(decision, data, "data.quantity")
        decision.create(self, record_id, msgspec.structs.replace(data, date=data.date or decision.today))

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Withdraw a movement, unless an invoice made it: then the invoice's line is what to change."""
        if record.data.get("invoice_line_id"):
            raise StillReferenced("An invoice made this movement; change the invoice's line.", path="id")
        decision.delete(self, record)


def require_level(decision: Decision, movement: StockMovement, path: str) -> None:
    """Raise StockInsufficient where the movement takes more than there is."""
    product = decision.living(movement.product_id, "product", "data.product_id")
    level = decision.books.stock.get(stock_key(product.id, movement.store_id), ZERO)
    change = movement.quantity
    if change < 0 and level + change < 0:
        raise StockInsufficient(
            f"There are {level.normalize():f} of {product.data['name']!r} in stock, {-change.normalize():f} were asked for.",
            path=path,
            available=str(level),
        )


OUTWARD = frozenset({"sales", "purchase_return"})


def stock_of_line(invoice: dict[str, Any], line: dict[str, Any]) -> Iterable[Wish]:
    """The level that a line of this invoice moves, if it moves any."""
    if invoice.get("moves_stock") and line.get("product_id"):
        store = line.get("store_id") or invoice.get("store_id")
        yield UUID(line["product_id"])
        yield StockOf(UUID(line["product_id"]), UUID(store) if store else None)


def move_stock_for_line(
    decision: Decision,
    invoice: dict[str, Any],
    line: Record,
    *,
    back: bool = False,
    require_stock: bool = False,
    path: str = "data",
) -> None:
    """Move the stock that a line moves, or move it `back`."""
    data = line.data
    if not invoice.get("moves_stock") or "product_id" not in data:
        return
    product = decision.books.records[UUID(data["product_id"])].data
    if product["type"] != "product" or not product["is_tracked"]:
        return
    store = data.get("store_id") or invoice.get("store_id")
    outward = (invoice["type"] in OUTWARD) is not back
    movement = StockMovement(
        product_id=UUID(data["product_id"]),
        product_detail_id=UUID(data["product_detail_id"]) if data.get("product_detail_id") else None,
        store_id=UUID(store) if store else None,
        quantity=-Decimal(data["quantity"]) if outward else Decimal(data["quantity"]),
        reason="return" if back else _REASONS[invoice["type"]],
        date=decision.today if back else Day.fromisoformat(invoice["issue_date"]),
        unit_cost=None if back else _cost_of_line(decision, invoice, data),
        invoice_id=UUID(data["invoice_id"]),
        invoice_line_id=line.id,
    )
    if require_stock:
        require_level(decision, movement, f"{path}.quantity")
    decision.create(STOCK_MOVEMENT, decision.new_id(), movement)


def _cost_of_line(decision: Decision, invoice: dict[str, Any], line: dict[str, Any]) -> Decimal | None:
    """What one of the goods cost that a purchase in the company's currency brings in; net, after discounts."""
    if invoice["type"] != "purchase" or invoice["currency"] != decision.currency:
        return None
    cost = EXACT.divide(Decimal(line["net"]), Decimal(line["quantity"]))
    return cost.quantize(Decimal(1).scaleb(-MOST_DECIMALS), context=EXACT) if cost.adjusted() < LARGEST_EXPONENT else None


_REASONS: dict[str, Reason] = {
    "sales": "sale",
    "purchase": "purchase",
    "sales_return": "return",
    "purchase_return": "return",
}

STOCK_MOVEMENT = StockMovementKind(
    name="stock_movement",
    fields=StockMovement,
    create_fields=NewStockMovement,
    policy=Policy.SERVER_WINS,
    references={
        "product_id": "product",
        "product_detail_id": "product_detail",
        "invoice_id": "invoice",
        "invoice_line_id": "invoice_line",
        "order_id": "order",
    },
    fixed=frozenset({"product_id", "product_detail_id", "store_id", "quantity", "invoice_id", "invoice_line_id"}),
    kept=frozenset({"date"}),
    dated="date",
    posted=frozenset({"product_id", "store_id", "quantity", "date", "unit_cost"}),
    verbs=("recorded", "changed", "withdrawn"),
)
