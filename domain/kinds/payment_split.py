"""Payment split: the part of a payment that went into one of the payment accounts. What is not split is where the payment says."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from domain.command import Command
from domain.decision import Decision
from domain.errors import AmountNotPositive
from domain.kind import Kind, Wish
from domain.kinds.drawer import counted, recount, wishes_of_part
from domain.money import require_exact
from domain.policy import Policy
from domain.record import Record
from domain.values import Fields, Line, Reference


class PaymentSplit(Fields, frozen=True, kw_only=True):
    """`amount` is in the payment's currency."""

    payment_id: Reference
    payment_account_id: Reference | None = None
    amount: Decimal
    reference: Line | None = None
    extra: dict[str, Any] = {}


class PaymentSplitKind(Kind):
    """Parts of a payment, each at a place of its own."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """The payment the part belongs to, and the drawer that it was put into."""
        return wishes_of_part(decision, command, record)

    def decide_create(self, decision: Decision, record_id: UUID, data: PaymentSplit) -> None:
        """Say where a part of a payment went."""
        amount = self._checked(decision, data.amount, data.payment_id)
        payment = decision.find("payment", data.payment_id)
        before = counted(decision, payment)
        decision.create(self, record_id, msgspec.structs.replace(data, amount=amount))
        recount(decision, before, counted(decision, payment))

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change how much it was, or where it went."""
        complete = dict(changes)
        if "amount" in changes:
            complete["amount"] = str(self._checked(decision, Decimal(changes["amount"]), record.data["payment_id"]))
        before = counted(decision, record.data["payment_id"])
        decision.change(self, record, complete)
        recount(decision, before, counted(decision, record.data["payment_id"]))

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Take back that a part went elsewhere."""
        before = counted(decision, record.data["payment_id"])
        decision.delete(self, record)
        recount(decision, before, counted(decision, record.data["payment_id"]))

    def _checked(self, decision: Decision, amount: Decimal, payment_id: Reference | str) -> Decimal:
        if amount <= 0:
            raise AmountNotPositive(path="data.amount")
        payment = decision.living(payment_id, "payment", "data.payment_id")
        return require_exact(amount, payment.data["currency"], "data.amount")


PAYMENT_SPLIT = PaymentSplitKind(
    name="payment_split",
    fields=PaymentSplit,
    policy=Policy.SERVER_WINS,
    references={"payment_id": "payment", "payment_account_id": "payment_account"},
    parent="payment_id",
    fixed=frozenset({"payment_id"}),
    verbs=("recorded", "changed", "deleted"),
)
