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
        """The payment the part belongs to."""
        if record is not None:
            yield UUID(record.data["payment_id"])

    def decide_create(self, decision: Decision, record_id: UUID, data: PaymentSplit) -> None:
        """Say where a part of a payment went."""
        amount = self._checked(decision, data.amount, data.payment_id)
        decision.create(self, record_id, msgspec.structs.replace(data, amount=amount))

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change how much it was, or where it went."""
        complete = dict(changes)
        if "amount" in changes:
            complete["amount"] = str(self._checked(decision, Decimal(changes["amount"]), record.data["payment_id"]))
        decision.change(self, record, complete)

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
