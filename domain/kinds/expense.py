"""Expense: money spent on something that is no purchase invoice; where it must be asked for first, a request and its answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from domain.command import Command
from domain.decision import Decision
from domain.errors import AlreadyResolved, AmountNotPositive, PartyRoleMissing
from domain.event import Changed
from domain.kind import Action, Kind, Wish
from domain.kinds.drawer import NOTHING, counted, drawer_wishes, recount
from domain.money import require_exact
from domain.policy import Policy
from domain.record import Record, assign
from domain.values import CurrencyCode, Day, Fields, Line, Reference, Text, always


class Expense(Fields, frozen=True, kw_only=True):
    """`date` is today and `currency` the company's where they are not given; `description` says what for, in one line.

    `status` is `requested` where somebody has to approve it (`requested_by`), else `approved`; only the actions `approve` and
    `reject` change it. `attachments` are its receipts.
    """

    amount: Decimal
    currency: CurrencyCode | None = None
    date: Day | None = None
    category: Line | None = None
    description: Line | None = None
    notes: Text | None = None
    supplier_id: Reference | None = None
    method: Line | None = None
    reference: Line | None = None
    cash_id: Reference | None = None
    bank_id: Reference | None = None
    payment_account_id: Reference | None = None
    status: Literal["requested", "approved", "rejected"] = always("approved")
    requested_by: Reference | None = None
    attachments: Annotated[list[UUID], Meta(max_length=100)] = []
    shift_id: Reference | None = None
    project_id: UUID | None = None
    extra: dict[str, Any] = {}


class ExpenseAnswer(Fields, frozen=True, kw_only=True):
    """Who answered a request, in the event's actor; why, in words."""

    answer: Text | None = None


class ExpenseApproved(Changed, frozen=True, kw_only=True):
    """The requested expense may be spent."""

    status: Literal["approved"] = always("approved")
    answer: Text | None = None


class ExpenseRejected(Changed, frozen=True, kw_only=True):
    """The requested expense may not be spent."""

    status: Literal["rejected"] = always("rejected")
    answer: Text | None = None


def _approve(decision: Decision, expense: Record, data: ExpenseAnswer) -> None:
    _require_open(expense)
    before = counted(decision, expense.id)
    decision.emit(EXPENSE, expense.id, ExpenseApproved(answer=data.answer))
    recount(decision, before, counted(decision, expense.id))


def _reject(decision: Decision, expense: Record, data: ExpenseAnswer) -> None:
    _require_open(expense)
    decision.emit(EXPENSE, expense.id, ExpenseRejected(answer=data.answer))


def _require_open(expense: Record) -> None:
    if expense.data["status"] != "requested":
        raise AlreadyResolved(f"This expense is {expense.data['status']} already.", path="id")


class ExpenseKind(Kind):
    """Amounts are positive and exact; whoever supplied it is a supplier."""

    def posts(self, data: Mapping[str, Any]) -> bool:
        """What is only asked for, or was rejected, was not spent."""
        return bool(data["status"] == "approved")

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """The receipts it names, and the drawer that it was paid from."""
        yield from drawer_wishes(decision, command, record)
        attachments = getattr(command.data, "attachments", None)
        if isinstance(attachments, list):
            yield from attachments

    def decide_create(self, decision: Decision, record_id: UUID, data: Expense) -> None:
        """Record an expense, or the request for one."""
        currency = data.currency or decision.currency
        amount = check_amount(data.amount, currency)
        check_supplier(decision, data.supplier_id)
        check_receipts(decision, data.attachments)
        complete = msgspec.structs.replace(data, amount=amount, currency=currency, date=data.date or decision.today)
        decision.create(self, record_id, complete)
        recount(decision, NOTHING, counted(decision, record_id))

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change an expense."""
        complete = dict(changes)
        if {"amount", "currency"} & changes.keys():
            after = assign(record.data, changes)
            complete["amount"] = str(check_amount(Decimal(after["amount"]), after["currency"]))
        if "supplier_id" in changes:
            check_supplier(decision, changes["supplier_id"])
        check_receipts(decision, changes.get("attachments", []))
        before = counted(decision, record.id)
        decision.change(self, record, complete)
        recount(decision, before, counted(decision, record.id))

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Take an expense back."""
        before = counted(decision, record.id)
        decision.delete(self, record)
        recount(decision, before, counted(decision, record.id))


def check_amount(amount: Decimal, currency: str) -> Decimal:
    """The amount at its currency's decimals. Raises unless it is positive and exact."""
    if amount <= 0:
        raise AmountNotPositive(path="data.amount")
    return require_exact(amount, currency, "data.amount")


def check_supplier(decision: Decision, supplier_id: Reference | str | None) -> None:
    """Raise unless the party is a supplier."""
    if supplier_id is None:
        return
    party = decision.living(supplier_id, "party", "data.supplier_id")
    if "supplier" not in party.data["roles"]:
        raise PartyRoleMissing(f"Party {party.number} is not a supplier.", path="data.supplier_id")


def check_receipts(decision: Decision, attachments: Iterable[UUID | str]) -> None:
    """Raise unless every receipt is a stored attachment."""
    for index, attachment in enumerate(attachments):
        decision.living(attachment, "attachment", f"data.attachments[{index}]")


EXPENSE = ExpenseKind(
    name="expense",
    fields=Expense,
    derived=ExpenseAnswer,
    policy=Policy.SERVER_WINS,
    references={
        "supplier_id": "party",
        "cash_id": "cash",
        "bank_id": "bank",
        "payment_account_id": "payment_account",
        "requested_by": "user",
        "shift_id": "shift",
    },
    fixed=frozenset({"status", "requested_by"}),
    kept=frozenset({"currency", "date"}),
    dated="date",
    posted=frozenset(
        {"amount", "currency", "date", "category", "supplier_id", "method", "cash_id", "bank_id", "payment_account_id", "status"}
    ),
    verbs=("recorded", "changed", "deleted"),
    actions={"approve": Action(ExpenseAnswer, _approve), "reject": Action(ExpenseAnswer, _reject)},
    extra_events={"expense.approved.v1": ExpenseApproved, "expense.rejected.v1": ExpenseRejected},
)
