"""Cheque: a cheque or transfer slip that a payment was made with, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from domain.command import Command
from domain.decision import Decision
from domain.errors import AmountNotPositive, CurrencyMismatch
from domain.kind import Kind, Wish
from domain.kinds.drawer import counted, recount, wishes_of_part
from domain.money import require_exact
from domain.policy import Policy
from domain.record import Record, assign
from domain.values import CurrencyCode, Day, Fields, Line, Reference, Text, always


class Cheque(Fields, frozen=True, kw_only=True):
    """`amount` is part of its payment's; `date` is the day it falls due.

    Direction, currency and party are the payment's where they are not given. `bank_id` is our account it is drawn on or paid
    into, `bank_name`, `branch` and `account_number` are those of whoever wrote it.
    """

    amount: Decimal
    currency: CurrencyCode | None = None
    type: Literal["cheque", "transfer_slip"] = always("cheque")
    status: Literal["received", "deposited", "cleared", "bounced", "cancelled"] = always("received")
    direction: Literal["in", "out"] | None = None
    payment_id: Reference | None = None
    party_id: Reference | None = None
    bank_id: Reference | None = None
    cheque_number: Line | None = None
    date: Day | None = None
    bank_name: Line | None = None
    branch: Line | None = None
    account_number: Line | None = None
    code: Line | None = None
    notes: Text | None = None
    extra: dict[str, Any] = {}


class ChequeKind(Kind):
    """A cheque is in the currency of its payment, and goes with it.

    It has no date in the books of its own: it is never late that a cheque clears, or comes back, after the payment's period was
    closed.
    """

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """The payment the cheque belongs to, and the party that is filled in from it."""
        yield from wishes_of_part(decision, command, record)
        if isinstance(command.data, Cheque) and self.holds_personal(command.data):
            yield from decision.ids_at("payment", command.data.payment_id, "party_id")

    def decide_create(self, decision: Decision, record_id: UUID, data: Cheque) -> None:
        """Record a cheque."""
        filled: dict[str, Any] = {"direction": data.direction or "in", "currency": data.currency}
        if data.payment_id is not None:
            payment = decision.living(data.payment_id, "payment", "data.payment_id").data
            filled["direction"] = payment["direction"]
            filled["currency"] = data.currency or payment["currency"]
            if data.party_id is None and payment.get("party_id"):
                filled["party_id"] = UUID(payment["party_id"])
        filled["currency"] = filled["currency"] or decision.currency
        filled["amount"] = self._checked(decision, data.amount, filled["currency"], data.payment_id)
        payment_id = decision.find("payment", data.payment_id)
        before = counted(decision, payment_id)
        decision.create(self, record_id, msgspec.structs.replace(data, **filled))
        recount(decision, before, counted(decision, payment_id))

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change a cheque, most often its status."""
        complete = dict(changes)
        if {"amount", "currency", "payment_id"} & changes.keys():
            after = assign(record.data, changes)
            amount = self._checked(decision, Decimal(after["amount"]), after["currency"], after.get("payment_id"))
            if str(amount) != record.data["amount"]:
                complete["amount"] = str(amount)
        if changes.get("payment_id") is not None:
            complete["direction"] = decision.living(changes["payment_id"], "payment", "data.payment_id").data["direction"]
        payments = {record.data.get("payment_id"), assign(record.data, changes).get("payment_id")}
        before = [(payment_id, counted(decision, payment_id)) for payment_id in sorted(payments, key=str)]
        decision.change(self, record, complete)
        for payment_id, in_drawer in before:
            recount(decision, in_drawer, counted(decision, payment_id))

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Take a cheque back."""
        before = counted(decision, record.data.get("payment_id"))
        decision.delete(self, record)
        recount(decision, before, counted(decision, record.data.get("payment_id")))

    def _checked(self, decision: Decision, amount: Decimal, currency: str, payment_id: Reference | str | None) -> Decimal:
        if amount <= 0:
            raise AmountNotPositive(path="data.amount")
        exact = require_exact(amount, currency, "data.amount")
        if payment_id is not None:
            payment = decision.living(payment_id, "payment", "data.payment_id").data
            if payment["currency"] != currency:
                raise CurrencyMismatch(f"The cheque is in {currency}, its payment in {payment['currency']}.", path="data.currency")
        return exact


CHEQUE = ChequeKind(
    name="cheque",
    fields=Cheque,
    policy=Policy.SERVER_WINS,
    references={"payment_id": "payment", "party_id": "party", "bank_id": "bank"},
    parent="payment_id",
    kept=frozenset({"currency", "direction"}),
    verbs=("recorded", "changed", "deleted"),
    personal=frozenset({"account_number", "notes"}),
    person="party_id",
)
