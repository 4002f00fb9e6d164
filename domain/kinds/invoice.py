"""Invoice: what is owed for a sale or a purchase. Its totals come from its lines, its status from its payments and its due day.

Neither totals nor status can be set by a client; `settle` and `total` are the only places that change them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from domain.command import Command
from domain.decision import Decision
from domain.errors import PartyRoleMissing
from domain.event import Changed
from domain.kind import Action, ChildrenOf, Kind, NoFields, StockOf, Unique, Wish
from domain.kinds.invoice_line import INVOICE_LINE, NewLine, Sums, price_line
from domain.kinds.payment import PAYMENT
from domain.kinds.stock_movement import stock_of_line
from domain.money import ZERO, minor_unit
from domain.policy import Policy
from domain.record import Record
from domain.values import CurrencyCode, Fields, Line, Reference, Text, always

InvoiceType = Literal["sales", "purchase", "sales_return", "purchase_return"]
Status = Literal["unpaid", "partial", "paid", "overdue"]


class Invoice(Fields, frozen=True, kw_only=True):
    """`issue_date` is today and `currency` the company's where they are not given; without a `due_date` it is never overdue.

    `moves_stock` makes every line of a tracked product move stock out (sales, purchase returns) or in.
    """

    type: InvoiceType
    party_id: Reference | None = None
    invoice_number: Line | None = None
    currency: CurrencyCode | None = None
    issue_date: date | None = None
    due_date: date | None = None
    delivery_date: date | None = None
    reference: Line | None = None
    notes: Text | None = None
    order_id: Reference | None = None
    returns_id: Reference | None = None
    discount: Decimal | None = None
    shipping: Decimal | None = None
    other_cost: Decimal | None = None
    moves_stock: bool = always(False)
    store_id: UUID | None = None
    shift_id: UUID | None = None
    seller_id: Reference | None = None
    project_id: UUID | None = None
    shipping_address: Text | None = None
    extra: dict[str, Any] = {}


class InvoiceTotals(Fields, frozen=True, kw_only=True):
    """Sums of the lines, what was paid, and the status that follows. Amounts in the invoice's currency."""

    net: Decimal
    vat: Decimal
    total: Decimal
    paid: Decimal
    status: Status


class NewInvoice(Invoice, frozen=True, kw_only=True):
    """An invoice with the lines to make in the same breath. `require_stock` refuses what stock does not cover."""

    lines: list[NewLine] = []
    require_stock: bool = False


class InvoiceTotalled(Changed, frozen=True, kw_only=True):
    """The lines, or the discount and costs, changed: new sums, and the status that follows."""

    net: Decimal
    vat: Decimal
    total: Decimal
    status: Status


class InvoiceSettlementChanged(Changed, frozen=True, kw_only=True):
    """A payment was made, changed, moved or taken back: what is paid now, and the status that follows."""

    paid: Decimal
    status: Status


class InvoiceBecameOverdue(Changed, frozen=True, kw_only=True):
    """The due day has passed at the company's midnight."""

    status: Literal["overdue"] = always("overdue")


def status_of(total: Decimal, paid: Decimal, due: date | None, today: date) -> Status:
    """The one rule for an invoice's status; the due day itself is not overdue."""
    if total > 0 and paid >= total:
        return "paid"
    if due is not None and due < today:
        return "overdue"
    return "partial" if paid > 0 else "unpaid"


def total(decision: Decision, invoice: Record, change: Sums) -> None:
    """Add `change` to the invoice's sums and emit them, with the status that follows."""
    if not change:
        return
    data = decision.books.records[invoice.id].data
    unit = minor_unit(data["currency"])
    new_total = Decimal(data["total"]) + change.net + change.vat
    event = InvoiceTotalled(
        net=(Decimal(data["net"]) + change.net).quantize(unit),
        vat=(Decimal(data["vat"]) + change.vat).quantize(unit),
        total=new_total.quantize(unit),
        status=_status(decision, data, total=new_total),
    )
    decision.emit(INVOICE, invoice.id, event)


def settle(decision: Decision, invoice: Record, change: Decimal) -> None:
    """Add `change` to what is paid on the invoice and emit it, with the status that follows."""
    if change == ZERO:
        return
    data = decision.books.records[invoice.id].data
    paid = Decimal(data["paid"]) + change
    event = InvoiceSettlementChanged(
        paid=paid.quantize(minor_unit(data["currency"])), status=_status(decision, data, paid=paid)
    )
    decision.emit(INVOICE, invoice.id, event)


def _status(decision: Decision, data: dict[str, Any], **known: Decimal) -> Status:
    due = date.fromisoformat(data["due_date"]) if data.get("due_date") else None
    return status_of(
        known.get("total", Decimal(data["total"])), known.get("paid", Decimal(data["paid"])), due, decision.today
    )


def _mark_overdue(decision: Decision, invoice: Record, _: NoFields) -> None:
    if invoice.data["status"] != "overdue" and _status(decision, invoice.data) == "overdue":
        decision.emit(INVOICE, invoice.id, InvoiceBecameOverdue())


class InvoiceKind(Kind):
    """Lines and payments follow their invoice: a deletion removes the lines and frees the payments."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """A deletion needs the invoice's family; new lines may need stock."""
        if command.action == "delete" and record is not None:
            yield ChildrenOf(record.id)
            for line in decision.books.living_children(record.id, "invoice_line"):
                yield from stock_of_line(record.data, line.data)
        if command.action == "create" and isinstance(command.data, NewInvoice) and command.data.moves_stock:
            for item in command.data.lines:
                if product_id := decision.find("product", item.product_id):
                    yield StockOf(product_id, item.store_id or command.data.store_id)

    def decide_create(self, decision: Decision, record_id: UUID, data: NewInvoice) -> None:
        """Issue the invoice with the sums of its lines, then add the lines."""
        currency = data.currency or decision.currency
        minor_unit(currency)
        check_party(decision, data.type, data.party_id)
        lines = [
            price_line(decision, line, currency, path=f"data.lines[{index}]") for index, line in enumerate(data.lines)
        ]
        sums = Sums.of_costs(data.discount, data.shipping, data.other_cost, currency)
        for priced in lines:
            sums = sums + priced.sums
        unit = minor_unit(currency)
        invoice = decision.create(
            self,
            record_id,
            msgspec.structs.replace(data, currency=currency, issue_date=data.issue_date or decision.today),
            net=sums.net.quantize(unit),
            vat=sums.vat.quantize(unit),
            total=(sums.net + sums.vat).quantize(unit),
            paid=ZERO.quantize(unit),
            status=status_of(sums.net + sums.vat, ZERO, data.due_date, decision.today),
        )
        for index, priced in enumerate(lines):
            INVOICE_LINE.add(decision, invoice, priced, require_stock=data.require_stock, path=f"data.lines[{index}]")

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change the header; a new due day may change the status, a new discount or cost the total."""
        if "party_id" in changes:
            check_party(decision, record.data["type"], changes["party_id"])
        before = _costs(record.data)
        after = decision.change(self, record, changes)
        total(decision, after, _costs(after.data) - before)
        now = decision.books.records[record.id].data
        if "due_date" in changes and (status := _status(decision, now)) != now["status"]:
            sums = {name: Decimal(now[name]) for name in ("net", "vat", "total")}
            decision.emit(INVOICE, record.id, InvoiceTotalled(**sums, status=status))

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Free the payments (they become the party's credit), remove the lines, delete the invoice."""
        for payment in decision.books.living_children(record.id, "payment"):
            decision.change(PAYMENT, payment, {"invoice_id": None})
        for line in decision.books.living_children(record.id, "invoice_line"):
            INVOICE_LINE.remove(decision, record, line)
        decision.delete(self, record)


def _costs(data: dict[str, Any]) -> Sums:
    amounts = [Decimal(data[name]) if data.get(name) else None for name in ("discount", "shipping", "other_cost")]
    return Sums.of_costs(*amounts, data["currency"])


def check_party(decision: Decision, invoice_type: str, party_id: Any) -> None:
    """A sale needs a customer, a purchase a supplier; a sale at the till may have no party at all."""
    if party_id is None:
        return
    party = decision.living(party_id, "party", "data.party_id")
    role = "customer" if invoice_type.startswith("sales") else "supplier"
    if role not in party.data["roles"]:
        raise PartyRoleMissing(f"{party.data['name']!r} is not a {role}.", path="data.party_id")


INVOICE = InvoiceKind(
    name="invoice",
    fields=Invoice,
    derived=InvoiceTotals,
    create_fields=NewInvoice,
    policy=Policy.SERVER_WINS,
    references={"party_id": "party", "order_id": "order", "returns_id": "invoice", "seller_id": "user"},
    parent="party_id",
    nested={"lines": "invoice_line"},
    unique=(Unique("invoice_number", ("invoice_number",)),),
    fixed=frozenset({"type", "currency", "moves_stock", "store_id"}),
    verbs=("issued", "changed", "deleted"),
    actions={"mark_overdue": Action(NoFields, _mark_overdue)},
    extra_events={
        "invoice.totalled.v1": InvoiceTotalled,
        "invoice.settlement-changed.v1": InvoiceSettlementChanged,
        "invoice.became-overdue.v1": InvoiceBecameOverdue,
    },
)
