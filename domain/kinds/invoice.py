"""Invoice: what is owed for a sale or a purchase. Its totals come from its lines, its status from payments and the due day."""

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
from domain.errors import PartyRoleMissing
from domain.kind import Action, ChildrenOf, HolderOf, Kind, NoFields, StockOf, Unique, Wish
from domain.kinds.denomination import redenominate
from domain.kinds.disputable import Disputed, DisputeResolved
from domain.kinds.invoice_line import INVOICE_LINE
from domain.kinds.lines import NewLine, Sums, check_discount, price_lines
from domain.kinds.number_series import holders_of_series, take_number, wants_of_number
from domain.kinds.payment import PAYMENT, NewPayment
from domain.kinds.settlement import (
    InvoiceBecameOverdue,
    InvoiceSettlementChanged,
    InvoiceTotalled,
    InvoiceTotals,
    status_now,
    status_of,
)
from domain.kinds.stock_movement import stock_of_line
from domain.money import ZERO, round_to
from domain.policy import Policy
from domain.record import Record, assign
from domain.values import CurrencyCode, Fields, Line, Name, Reference, Text, always

InvoiceType = Literal["sales", "purchase", "sales_return", "purchase_return"]


class Invoice(Fields, frozen=True, kw_only=True):
    """`issue_date` is today and `currency` the company's where they are not given; without a `due_date` it is never overdue.

    `moves_stock` makes every line of a tracked product move stock out (sales, purchase returns) or in. `returns_id` is the
    invoice that this one takes back. What only one dialect has (Mahak's carrier, settlement type and place of sale; the free
    status text of Matrix) is in `extra`.
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
    return_reason: Line | None = None
    discount: Decimal | None = None
    shipping: Decimal | None = None
    other_cost: Decimal | None = None
    moves_stock: bool = always(False)
    store_id: UUID | None = None
    shift_id: Reference | None = None
    seller_id: Reference | None = None
    project_id: UUID | None = None
    shipping_address: Text | None = None
    extra: dict[str, Any] = {}


class NewInvoice(Invoice, frozen=True, kw_only=True):
    """An invoice with the lines and the payments to make in the same breath.

    `require_stock` refuses what stock does not cover. `require_active` refuses products that were deleted or are not sold any
    more; a till that was offline did not know, and what it sold is sold. Without an `invoice_number` the next one of
    `number_series` is taken.
    """

    lines: Annotated[list[NewLine], Meta(max_length=5_000)] = []
    payments: Annotated[list[NewPayment], Meta(max_length=100)] = []
    require_stock: bool = False
    require_active: bool = True
    number_series: Name | None = None


def _mark_overdue(decision: Decision, invoice: Record, _: NoFields) -> None:
    if invoice.data["status"] != "overdue" and status_now(decision, invoice.data) == "overdue":
        decision.emit(INVOICE, invoice.id, InvoiceBecameOverdue())


class InvoiceKind(Kind):
    """Lines and payments follow their invoice: to another party; a deletion removes the lines and frees the payments."""

    def holders(self, data: Any) -> Iterable[HolderOf]:
        """The series that numbers the invoice."""
        yield from holders_of_series(getattr(data, "number_series", None))

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """A deletion, another currency and another party need the invoice's family; new lines may need stock."""
        if record is not None and isinstance(getattr(command.data, "currency", None), str):
            yield ChildrenOf(record.id)
        if command.action == "update" and record is not None and _names_another_party(command.data, record):
            yield ChildrenOf(record.id)
        if command.action == "delete" and record is not None:
            yield ChildrenOf(record.id)
            for line in decision.books.living_children(record.id, "invoice_line"):
                yield from stock_of_line(record.data, line.data)
        if command.action == "create" and isinstance(command.data, NewInvoice):
            yield from self._wants_of_new(decision, command.data)

    def _wants_of_new(self, decision: Decision, data: NewInvoice) -> Iterable[Wish]:
        if data.number_series is not None and data.invoice_number is None:
            yield from wants_of_number(decision, data.number_series, "invoice", "invoice_number")
        for item in data.lines if data.moves_stock else ():
            if product_id := decision.find("product", item.product_id):
                yield StockOf(product_id, item.store_id or data.store_id)

    def decide_create(self, decision: Decision, record_id: UUID, data: NewInvoice) -> None:
        """Issue the invoice with the sums of its lines, then add the lines and the payments."""
        currency = data.currency or decision.currency
        check_party(decision, data.type, data.party_id)
        lines = price_lines(decision, data.lines, currency, require_active=data.require_active)
        costs = Sums.of_costs(msgspec.structs.asdict(data), currency)
        sums = sum((priced.sums for priced in lines), costs)
        check_discount(sums - costs, sums)
        totals = sums.totals(currency)
        number = data.invoice_number
        if number is None and data.number_series is not None:
            number = take_number(decision, data.number_series, "invoice", "invoice_number")
        complete = {"currency": currency, "issue_date": data.issue_date or decision.today, "invoice_number": number}
        invoice = decision.create(
            self,
            record_id,
            msgspec.structs.replace(data, **complete),
            **totals,
            paid=round_to(ZERO, currency),
            status=status_of(totals["total"], ZERO, data.due_date, decision.today),
        )
        for index, priced in enumerate(lines):
            INVOICE_LINE.add(decision, invoice, priced, require_stock=data.require_stock, path=f"data.lines[{index}]")
        for index, payment in enumerate(data.payments):
            PAYMENT.add(decision, invoice.id, payment, f"data.payments[{index}]")

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change the header; a new due day may change the status, a new discount, cost or currency the total and the status."""
        if "party_id" in changes:
            check_party(decision, record.data["type"], changes["party_id"])
        after = assign(record.data, changes)
        currency = after["currency"]
        derived: dict[str, Any] = {}
        change = Sums.of_costs(after, currency) - Sums.of_costs(record.data, record.data["currency"])
        if "currency" in changes:
            change += redenominate(decision, record, currency)
            derived["paid"] = str(round_to(ZERO, currency))
        if change or "currency" in changes:
            sums = Sums.of_record(after) + change
            if "discount" in changes:
                check_discount(sums - Sums.of_costs(after, currency), sums)
            derived.update(msgspec.to_builtins(sums.totals(currency)))
        status = status_now(decision, {**after, **derived})
        if status != record.data["status"]:
            derived["status"] = status
        decision.change(self, record, {**changes, **derived})
        if after.get("party_id") != (before := record.data.get("party_id")):
            for payment in decision.books.living_children(record.id, "payment"):
                if payment.data.get("party_id") == before:  # else somebody else has paid it
                    decision.change(PAYMENT, payment, {"party_id": after.get("party_id")})

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Free the payments (they become the party's credit), remove the lines, delete the invoice."""
        for payment in decision.books.living_children(record.id, "payment"):
            decision.change(PAYMENT, payment, {"invoice_id": None})
        for line in decision.books.living_children(record.id, "invoice_line"):
            INVOICE_LINE.remove(decision, record, line)
        decision.delete(self, record)


def _names_another_party(changes: Any, invoice: Record) -> bool:
    """Whether changes that are sent may give an invoice to another party."""
    named = getattr(changes, "party_id", msgspec.UNSET)
    return named is not msgspec.UNSET and (None if named is None else str(named)) != invoice.data.get("party_id")


def check_party(decision: Decision, document: str, party_id: Any) -> None:
    """A sale needs a customer, a purchase a supplier; a sale at the till may have no party at all."""
    if party_id is None:
        return
    party = decision.living(party_id, "party", "data.party_id")
    role = "supplier" if document.startswith("purchase") else "customer"
    if role not in party.data["roles"]:
        raise PartyRoleMissing(f"Party {party.number} is not a {role}.", path="data.party_id")


INVOICE = InvoiceKind(
    name="invoice",
    fields=Invoice,
    derived=InvoiceTotals,
    create_fields=NewInvoice,
    policy=Policy.SERVER_WINS,
    references={"party_id": "party", "order_id": "order", "returns_id": "invoice", "seller_id": "user", "shift_id": "shift"},
    parent="party_id",
    nested={"lines": "invoice_line", "payments": "payment"},
    unique=(Unique("invoice_number", ("invoice_number",)),),
    fixed=frozenset({"type", "moves_stock", "store_id"}),
    kept=frozenset({"issue_date", "currency"}),
    dated="issue_date",
    posted=frozenset({"type", "party_id", "currency", "issue_date", "due_date", "net", "vat", "total"}),
    verbs=("issued", "changed", "deleted"),
    personal=frozenset({"shipping_address", "notes"}),
    person="party_id",
    actions={"mark_overdue": Action(NoFields, _mark_overdue)},
    extra_events={
        "invoice.totalled.v1": InvoiceTotalled,
        "invoice.settlement-changed.v1": InvoiceSettlementChanged,
        "invoice.became-overdue.v1": InvoiceBecameOverdue,
        "invoice.disputed.v1": Disputed,
        "invoice.dispute-resolved.v1": DisputeResolved,
    },
)
