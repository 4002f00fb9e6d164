"""Payment: money in or out, on one invoice or on account. What it pays is folded into the invoice in the same decision."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from domain.command import Command
from domain.decision import Decision
from domain.errors import AmountNotPositive, CurrencyMismatch, InvalidField
from domain.kind import ChildrenOf, Kind, Wish
from domain.kinds.drawer import NOTHING, counted, drawer_wishes, recount
from domain.kinds.settlement import settle
from domain.money import ZERO, require_exact
from domain.policy import Policy
from domain.record import Record, assign
from domain.values import ClientId, CurrencyCode, Day, Fields, Line, Name, Reference, Text


class Payment(Fields, frozen=True, kw_only=True):
    """`direction` follows the invoice and is `in` without one; `date` is today and `currency` the invoice's where not given.

    Without an `invoice_id` the payment is the party's credit. It may exceed the invoice: the rest is credit too. `cash_amount`
    is the part in cash; cheques for the rest, and parts that went to other accounts, name the payment. `tendered` is what was
    handed over where some of it was given back as change.
    """

    amount: Decimal
    currency: CurrencyCode | None = None
    date: Day | None = None
    direction: Literal["in", "out"] | None = None
    invoice_id: Reference | None = None
    party_id: Reference | None = None
    order_id: Reference | None = None
    method: Line | None = None
    cash_amount: Decimal | None = None
    reference: Line | None = None
    payer_name: Line | None = None
    notes: Text | None = None
    receipt_number: Line | None = None
    category: Line | None = None
    cash_id: Reference | None = None
    bank_id: Reference | None = None
    payment_account_id: Reference | None = None
    shift_id: Reference | None = None
    project_id: UUID | None = None
    seller_id: Reference | None = None
    attachment: Name | None = None
    tendered: Decimal | None = None
    extra: dict[str, Any] = {}


class NewPayment(Fields, frozen=True, kw_only=True):
    """A payment inside a new invoice. Without an `amount` it pays what is left to pay, as far as what was `tendered` reaches."""

    id: UUID | None = None
    client_id: ClientId | None = None
    amount: Decimal | None = None
    tendered: Decimal | None = None
    date: Day | None = None
    method: Line | None = None
    reference: Line | None = None
    receipt_number: Line | None = None
    category: Line | None = None
    cash_id: Reference | None = None
    bank_id: Reference | None = None
    payment_account_id: Reference | None = None
    shift_id: Reference | None = None
    seller_id: Reference | None = None
    extra: dict[str, Any] = {}


class PaymentKind(Kind):
    """Every invoice that a payment touches is settled anew: on creation, change, move and deletion."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """The invoice the payment is on now, and its cheques where they go with it or bind its currency.

        A new payment on an invoice is its party's, whose name may be the payer's.
        """
        yield from drawer_wishes(decision, command, record)
        if record is None:
            if isinstance(command.data, Payment) and self.holds_personal(command.data):
                yield from decision.ids_at("invoice", command.data.invoice_id, "party_id")
            return
        if record.data.get("invoice_id"):
            yield UUID(record.data["invoice_id"])
        if command.action == "delete" or isinstance(getattr(command.data, "currency", None), str):
            yield ChildrenOf(record.id)

    def decide_create(self, decision: Decision, record_id: UUID, data: Payment) -> None:
        """Record a payment and settle its invoice."""
        filled: dict[str, Any] = {"date": data.date or decision.today, "direction": data.direction or "in"}
        currency = data.currency
        if data.invoice_id is not None:
            invoice = decision.living(data.invoice_id, "invoice", "data.invoice_id").data
            currency = currency or invoice["currency"]
            filled["direction"] = direction_of(invoice["type"])
            if data.party_id is None and invoice.get("party_id"):
                filled["party_id"] = UUID(invoice["party_id"])
        filled["currency"] = currency or decision.currency
        filled["amount"] = check_amounts(data.amount, data.cash_amount, filled["currency"])
        record = decision.create(self, record_id, msgspec.structs.replace(data, **filled))
        self.settle(decision, {}, record.data)
        recount(decision, NOTHING, counted(decision, record_id))

    def add(self, decision: Decision, invoice_id: UUID, payment: NewPayment, path: str) -> None:
        """Record a payment of an invoice that was just issued. Where nothing is left to pay and no amount is given, there is none.

        Raises AmountNotPositive, TooManyDecimals; InvalidField where less was handed over than is kept.
        """
        invoice = decision.books.records[invoice_id].data
        amount = payment.amount
        if amount is None:
            left = max(Decimal(invoice["total"]) - Decimal(invoice["paid"]), ZERO)
            amount = left if payment.tendered is None else min(left, payment.tendered)
            if amount == ZERO and not payment.tendered:
                return
        if payment.tendered is not None and payment.tendered < amount:
            raise InvalidField(f"{payment.tendered} was handed over, which is less than {amount}.", path=f"{path}.tendered")
        currency = invoice["currency"]
        known = {name: getattr(payment, name) for name in NewPayment.__struct_fields__ if name not in ("id", "client_id")}
        known.update(
            amount=check_amounts(amount, None, currency, path),
            currency=currency,
            date=payment.date or Day.fromisoformat(invoice["issue_date"]),
            direction=direction_of(invoice["type"]),
            invoice_id=invoice_id,
            party_id=UUID(invoice["party_id"]) if invoice.get("party_id") else None,
        )
        payment_id = payment.id or decision.new_id()
        if payment.client_id is not None:
            decision.client_ids[payment_id] = (decision.actor.source, payment.client_id)
        made = decision.create(self, payment_id, Payment(**known), path=path)
        self.settle(decision, {}, made.data)
        recount(decision, NOTHING, counted(decision, payment_id))

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change or move a payment: take it off the invoice it was on, put it on the one it is on now."""
        complete = dict(changes)
        after = assign(record.data, changes)
        if after.get("invoice_id"):
            invoice = decision.living(after["invoice_id"], "invoice", "data.invoice_id").data
            if after["direction"] != (direction := direction_of(invoice["type"])):
                complete["direction"] = direction
            moved = after["invoice_id"] != record.data.get("invoice_id")
            if "party_id" not in changes and (moved or not after.get("party_id")):  # it pays what the invoice's party owes
                complete["party_id"] = invoice.get("party_id")
        cash = Decimal(after["cash_amount"]) if after.get("cash_amount") else None
        amount = check_amounts(Decimal(after["amount"]), cash, after["currency"])
        if {"amount", "currency"} & changes.keys():
            complete["amount"] = str(amount)
        if "currency" in changes and self._parts(decision, record):
            raise CurrencyMismatch(f"The payment has cheques or parts in {record.data['currency']}.", path="data.currency")
        in_drawer = counted(decision, record.id)
        changed = decision.change(self, record, complete)
        if {"amount", "currency", "invoice_id"} & changes.keys():
            self.settle(decision, record.data, changed.data)
        recount(decision, in_drawer, counted(decision, record.id))

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Delete a payment with its cheques and parts and take it off its invoice."""
        in_drawer = counted(decision, record.id)
        for part in self._parts(decision, record):
            decision.delete(decision.catalogue[part.kind], part)
        decision.delete(self, record)
        self.settle(decision, record.data, {})
        recount(decision, in_drawer, NOTHING)

    def _parts(self, decision: Decision, payment: Record) -> list[Record]:
        children = decision.books.living_children
        return [*children(payment.id, "cheque"), *children(payment.id, "payment_split")]

    def settle(self, decision: Decision, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Take the payment off the invoice it was on and put it on the one it is on; one event per invoice.

        Raises CurrencyMismatch where the payment is not in the currency of the invoice it is on.
        """
        effects: dict[str, Decimal] = {}
        for data, sign in ((before, -1), (after, 1)):
            if invoice_id := data.get("invoice_id"):
                effects[invoice_id] = effects.get(invoice_id, ZERO) + sign * Decimal(data["amount"])
        for invoice_id, change in effects.items():
            invoice = decision.books.record(UUID(invoice_id))
            if invoice is None or invoice.deleted:
                continue
            if after.get("invoice_id") == invoice_id and after["currency"] != invoice.data["currency"]:
                raise CurrencyMismatch(
                    f"The payment is in {after['currency']}, the invoice in {invoice.data['currency']}.",
                    path="data.currency",
                )
            settle(decision, invoice, change)


def direction_of(invoice_type: str) -> Literal["in", "out"]:
    """Sales and purchase returns bring money in; purchases and sales returns take it out."""
    return "in" if invoice_type in ("sales", "purchase_return") else "out"


def check_amounts(amount: Decimal, cash: Decimal | None, currency: str, path: str = "data") -> Decimal:
    """The amount at its currency's decimals. Raises unless it is positive and exact, and the part in cash lies within it.

    A payment of which nothing is in cash may be of nothing yet: its cheques are still to come.
    """
    if amount < 0 or (amount == 0 and cash != 0):
        raise AmountNotPositive(path=f"{path}.amount")
    if cash is not None and not 0 <= require_exact(cash, currency, f"{path}.cash_amount") <= amount:
        raise InvalidField("The part in cash lies between nothing and the amount.", path=f"{path}.cash_amount")
    return require_exact(amount, currency, f"{path}.amount")


PAYMENT = PaymentKind(
    name="payment",
    fields=Payment,
    policy=Policy.SERVER_WINS,
    references={
        "invoice_id": "invoice",
        "party_id": "party",
        "order_id": "order",
        "cash_id": "cash",
        "bank_id": "bank",
        "payment_account_id": "payment_account",
        "seller_id": "user",
        "shift_id": "shift",
    },
    parent="invoice_id",
    kept=frozenset({"currency", "date", "direction"}),
    dated="date",
    posted=frozenset(
        {
            "amount",
            "cash_amount",
            "currency",
            "date",
            "direction",
            "invoice_id",
            "party_id",
            "method",
            "category",
            "bank_id",
            "cash_id",
            "payment_account_id",
        }
    ),
    verbs=("recorded", "changed", "deleted"),
    personal=frozenset({"payer_name", "notes"}),
    person="party_id",
)
