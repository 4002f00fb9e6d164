"""Order and its lines: what was asked for but not yet invoiced. It moves no stock and owes no money; its invoice does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from domain.command import Command
from domain.decision import Decision
from domain.errors import AlreadyResolved, InvalidField, LedgerError
from domain.event import Changed
from domain.kind import Action, ChildrenOf, HolderOf, Kind, Unique, Wish
from domain.kinds.disputable import Disputable, Disputed, DisputeResolved
from domain.kinds.invoice import INVOICE, NewInvoice, check_party
from domain.kinds.lines import LineFields, LineKind, LineTotals, NewLine, PricedLine, Sums, check_discount, price_line, price_lines
from domain.kinds.number_series import holders_of_series, take_number, wants_of_number
from domain.kinds.payment import PAYMENT, Payment
from domain.policy import Policy
from domain.record import Record, assign
from domain.values import CurrencyCode, Day, Fields, Line, Name, Reference, Text, always

Status = Literal["draft", "open", "received", "cancelled"]


class OrderLine(LineFields, frozen=True, kw_only=True):
    """A line and the order it stands on."""

    order_id: Reference


class OrderTotalled(Changed, frozen=True, kw_only=True):
    """The lines changed: new sums."""

    net: Decimal
    vat: Decimal
    total: Decimal


def total(decision: Decision, order: Record, change: Sums) -> None:
    """Add `change` to the order's sums and emit them."""
    if change:
        data = decision.books.records[order.id].data
        sums = (Sums.of_record(data) + change).totals(data["currency"])
        decision.emit(ORDER, order.id, OrderTotalled(**sums))


class OrderLineKind(LineKind):
    """Adding, changing and removing a line re-totals its order."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """The line's order and its product."""
        if record is not None:
            yield UUID(record.data["order_id"])
            if record.data.get("product_id"):
                yield UUID(record.data["product_id"])

    def decide_create(self, decision: Decision, record_id: UUID, data: OrderLine) -> None:
        """Add a line to an order that exists."""
        order = decision.living(data.order_id, "order", "data.order_id")
        priced = price_line(decision, data, order.data["currency"], "data")
        self.emit_line(decision, order, PricedLine(priced.line, priced.sums, record_id))
        total(decision, order, priced.sums)

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change a line: it is priced anew."""
        order = decision.living(record.data["order_id"], "order", "data.order_id")
        complete, change = self.reprice(decision, record, changes, order.data["currency"])
        decision.change(self, record, complete)
        total(decision, order, change)

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Remove a line and take it out of the order's sums."""
        order = decision.living(record.data["order_id"], "order", "data.order_id")
        decision.delete(self, record)
        total(decision, order, -Sums.of_record(record.data))


ORDER_LINE = OrderLineKind(
    name="order_line",
    fields=OrderLine,
    derived=LineTotals,
    policy=Policy.SERVER_WINS,
    references={"order_id": "order", "product_id": "product", "product_detail_id": "product_detail"},
    parent="order_id",
    fixed=frozenset({"order_id"}),
    verbs=("added", "changed", "removed"),
)


class Order(Fields, frozen=True, kw_only=True):
    """A customer's order (`sales`), ours to a supplier (`purchase`), or one handed to whoever delivers it (`delivery`).

    A `draft` is not sent yet. `order_date` is today and `currency` the company's where they are not given. Carrier, settlement
    type and place (Mahak's alone) are in `extra`.
    """

    type: Literal["sales", "purchase", "delivery"]
    status: Status = always("open")
    party_id: Reference | None = None
    order_number: Line | None = None
    currency: CurrencyCode | None = None
    order_date: date | None = None
    delivery_date: date | None = None
    reference: Line | None = None
    notes: Text | None = None
    discount: Decimal | None = None
    shipping: Decimal | None = None
    other_cost: Decimal | None = None
    store_id: UUID | None = None
    seller_id: Reference | None = None
    project_id: UUID | None = None
    shipping_address: Text | None = None
    extra: dict[str, Any] = {}


class OrderTotals(Disputable, frozen=True, kw_only=True):
    """Sums of the lines, in the order's currency; and the invoice with which it was received."""

    net: Decimal
    vat: Decimal
    total: Decimal
    invoice_id: UUID | None = None


class NewOrder(Order, frozen=True, kw_only=True):
    """An order with the lines to make in the same breath. Without an `order_number` the next one of `number_series` is taken."""

    lines: Annotated[list[NewLine], Meta(max_length=5_000)] = []
    number_series: Name | None = None


class ReceiveOrder(Fields, frozen=True, kw_only=True):
    """What a purchase order came with: the supplier's invoice (`invoice_id` is the id it is to have) and what was paid at once.

    The invoice is of today and of the order's number where nothing else is given. `method` and the places, and the shift from
    whose drawer it was paid, are the payment's.
    """

    invoice_id: UUID | None = None
    invoice_number: Line | None = None
    date: Day | None = None
    due_date: Day | None = None
    moves_stock: bool = True
    paid_amount: Decimal | None = None
    method: Line | None = None
    reference: Line | None = None
    cash_id: UUID | None = None
    bank_id: UUID | None = None
    payment_account_id: UUID | None = None
    shift_id: UUID | None = None


PLACES = {"cash_id": "cash", "bank_id": "bank", "payment_account_id": "payment_account", "shift_id": "shift"}
"""The fields of `ReceiveOrder` that name other records."""


class OrderReceived(Changed, frozen=True, kw_only=True):
    """The goods came, with the invoice."""

    status: Literal["received"] = always("received")
    invoice_id: UUID


def _receive(decision: Decision, order: Record, data: ReceiveOrder) -> None:
    """Issue the purchase invoice with the order's lines, which brings the stock in, and pay what was paid."""
    ordered = order.data
    if ordered["type"] != "purchase":
        raise InvalidField("Only what was ordered from a supplier is received; this is no purchase order.", path="id")
    if ordered["status"] == "received":
        raise AlreadyResolved(f"The order {order.number} was received already.", path="id")
    if "received" not in NEXT[ordered["status"]]:
        raise InvalidField(f"An order that is {ordered['status']} is not received.", path="id")
    lines = decision.books.living_children(order.id, "order_line")
    if not lines:
        raise InvalidField("An order without lines is not received; add them first.", path="id")
    for name, kind in PLACES.items():
        if (named := getattr(data, name)) is not None:
            decision.living(named, kind, f"data.{name}")
    invoice_id = data.invoice_id or decision.new_id()
    copied = {name: ordered[name] for name in _COPIED if name in ordered}
    issued = msgspec.convert({**copied, "lines": [_line_fields(line) for line in lines], "type": "purchase"}, NewInvoice)
    about = {"invoice_number": data.invoice_number, "issue_date": data.date, "due_date": data.due_date, "order_id": order.id}
    INVOICE.decide_create(decision, invoice_id, msgspec.structs.replace(issued, moves_stock=data.moves_stock, **about))
    if data.paid_amount is not None:
        places = {name: getattr(data, name) for name in (*PLACES, "method", "reference")}
        paid = Payment(amount=data.paid_amount, invoice_id=invoice_id, order_id=order.id, date=data.date, **places)
        try:
            PAYMENT.decide_create(decision, decision.new_id(), paid)
        except LedgerError as error:
            error.path = "data.paid_amount" if error.path == "data.amount" else error.path
            raise
    decision.emit(ORDER, order.id, OrderReceived(invoice_id=invoice_id))


_COPIED = ("party_id", "currency", "discount", "shipping", "other_cost", "store_id", "seller_id", "project_id")


def _line_fields(line: Record) -> dict[str, Any]:
    return {name: line.data[name] for name in LineFields.__struct_fields__ if name in line.data}


NEXT: dict[Status, frozenset[Status]] = {
    "draft": frozenset({"open", "received", "cancelled"}),
    "open": frozenset({"received", "cancelled"}),
    "received": frozenset(),
    "cancelled": frozenset({"open"}),
}
"""What may follow each status; what was received stays received."""


class OrderKind(Kind):
    """Lines follow their order: a deletion removes them."""

    def holders(self, data: Any) -> Iterable[HolderOf]:
        """The series that numbers the order."""
        yield from holders_of_series(getattr(data, "number_series", None))

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """A deletion and a receipt need the lines; a receipt, all that its invoice and payment name; a new order its number."""
        if command.action in ("delete", "receive") and record is not None:
            yield ChildrenOf(record.id)
        if isinstance(command.data, NewOrder) and command.data.number_series is not None and command.data.order_number is None:
            yield from wants_of_number(decision, command.data.number_series, "order", "order_number")
        if not isinstance(command.data, ReceiveOrder):
            return
        yield from (named for name in PLACES if (named := getattr(command.data, name)) is not None)
        if command.data.invoice_id is not None:
            yield command.data.invoice_id
        if command.data.invoice_number is not None:
            yield HolderOf("invoice", "invoice_number", command.data.invoice_number)
        if record is not None:
            yield from (UUID(record.data[name]) for name in ("party_id",) if record.data.get(name))
            for line in decision.books.living_children(record.id, "order_line"):
                if line.data.get("product_id"):
                    yield UUID(line.data["product_id"])

    def decide_create(self, decision: Decision, record_id: UUID, data: NewOrder) -> None:
        """Place the order with the sums of its lines, then add the lines."""
        currency = data.currency or decision.currency
        check_party(decision, data.type, data.party_id)
        lines = price_lines(decision, data.lines, currency)
        costs = Sums.of_costs(msgspec.structs.asdict(data), currency)
        sums = sum((priced.sums for priced in lines), costs)
        check_discount(sums - costs, sums)
        number = data.order_number
        if number is None and data.number_series is not None:
            number = take_number(decision, data.number_series, "order", "order_number")
        complete = {"currency": currency, "order_date": data.order_date or decision.today, "order_number": number}
        order = decision.create(self, record_id, msgspec.structs.replace(data, **complete), **sums.totals(currency))
        for index, priced in enumerate(lines):
            ORDER_LINE.emit_line(decision, order, priced, path=f"data.lines[{index}]")

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change the header; a new discount or cost changes the total."""
        if "party_id" in changes:
            check_party(decision, record.data["type"], changes["party_id"])
        if "status" in changes and changes["status"] not in NEXT[record.data["status"]]:
            raise InvalidField(f"An order that is {record.data['status']} does not become {changes['status']}.", path="data.status")
        after = assign(record.data, changes)
        currency = after["currency"]
        derived: dict[str, Any] = {}
        if change := Sums.of_costs(after, currency) - Sums.of_costs(record.data, currency):
            sums = Sums.of_record(after) + change
            if "discount" in changes:
                check_discount(sums - Sums.of_costs(after, currency), sums)
            derived = msgspec.to_builtins(sums.totals(currency))
        decision.change(self, record, {**changes, **derived})

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Remove the lines and delete the order."""
        for line in decision.books.living_children(record.id, "order_line"):
            decision.delete(ORDER_LINE, line)
        decision.delete(self, record)


ORDER = OrderKind(
    name="order",
    fields=Order,
    derived=OrderTotals,
    create_fields=NewOrder,
    policy=Policy.SERVER_WINS,
    references={"party_id": "party", "seller_id": "user"},
    nested={"lines": "order_line"},
    unique=(Unique("order_number", ("order_number",)),),
    fixed=frozenset({"type", "currency"}),
    kept=frozenset({"order_date"}),
    verbs=("placed", "changed", "deleted"),
    personal=frozenset({"shipping_address", "notes"}),
    person="party_id",
    actions={"receive": Action(ReceiveOrder, _receive)},
    extra_events={
        "order.totalled.v1": OrderTotalled,
        "order.received.v1": OrderReceived,
        "order.disputed.v1": Disputed,
        "order.dispute-resolved.v1": DisputeResolved,
    },
)
