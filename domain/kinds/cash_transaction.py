"""Cash transaction: cash that is put into a till or taken out of it, and is no payment: change money, petty cash, a pick-up."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from domain.chart import CASH, root_of
from domain.command import Command
from domain.decision import Decision
from domain.errors import AmountNotPositive, InvalidField
from domain.kind import Kind, Wish
from domain.kinds.drawer import NOTHING, counted, drawer_wishes, recount
from domain.money import require_exact
from domain.policy import Policy
from domain.record import Record, assign
from domain.values import CurrencyCode, Day, Fields, Line, Reference, Text


class CashTransaction(Fields, frozen=True, kw_only=True):
    """`in` debits cash and credits its category, `out` the other way round; `date` is today and `currency` the company's.

    The category is a name (a part of other income, or of expenses), or the code of an account, as `1100` for what is brought to the
    bank. `reason` says in one line what for.
    """

    amount: Decimal
    direction: Literal["in", "out"]
    currency: CurrencyCode | None = None
    date: Day | None = None
    reason: Line | None = None
    category: Line | None = None
    reference: Line | None = None
    notes: Text | None = None
    cash_id: Reference | None = None
    shift_id: Reference | None = None
    extra: dict[str, Any] = {}


class CashTransactionKind(Kind):
    """A change takes back what was posted, and posts anew."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """The shift whose drawer it moved."""
        return drawer_wishes(decision, command, record)

    def decide_create(self, decision: Decision, record_id: UUID, data: CashTransaction) -> None:
        """Record cash that came in or went out."""
        currency = data.currency or decision.currency
        amount = _checked(data.amount, currency, data.category)
        complete = msgspec.structs.replace(data, amount=amount, currency=currency, date=data.date or decision.today)
        decision.create(self, record_id, complete)
        recount(decision, NOTHING, counted(decision, record_id))

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Correct a cash transaction."""
        complete = dict(changes)
        after = assign(record.data, changes)
        amount = _checked(Decimal(after["amount"]), after["currency"], after.get("category"))
        if {"amount", "currency"} & changes.keys():
            complete["amount"] = str(amount)
        before = counted(decision, record.id)
        decision.change(self, record, complete)
        recount(decision, before, counted(decision, record.id))

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Take a cash transaction back."""
        before = counted(decision, record.id)
        decision.delete(self, record)
        recount(decision, before, counted(decision, record.id))


def _checked(amount: Decimal, currency: str, category: str | None) -> Decimal:
    if amount <= 0:
        raise AmountNotPositive(path="data.amount")
    if root_of((category or "").strip()) == CASH:
        raise InvalidField(f"The other side of a cash transaction is not cash ({CASH}) again; name another.", path="data.category")
    return require_exact(amount, currency, "data.amount")


CASH_TRANSACTION = CashTransactionKind(
    name="cash_transaction",
    fields=CashTransaction,
    policy=Policy.SERVER_WINS,
    references={"cash_id": "cash", "shift_id": "shift"},
    kept=frozenset({"currency", "date"}),
    dated="date",
    posted=frozenset({"amount", "direction", "currency", "date", "category", "cash_id"}),
    verbs=("recorded", "changed", "deleted"),
)
