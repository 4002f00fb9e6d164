"""Shift: a cashier's time at a till, from the cash it began with to the cash that was counted at its end.

Nothing is written to the shift when something is sold: what is to be expected in the drawer is worked out when the shift is closed,
from every payment, expense and cash movement that names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from domain.command import Command
from domain.decision import Decision
from domain.errors import AmountNotPositive, InvalidField, NotAllowed, ShiftAlreadyClosed, StillReferenced, ValueTaken
from domain.event import Changed
from domain.kind import Action, CashOf, HolderOf, Kind, Unique, Wish
from domain.kinds.drawer import COUNTED, ShiftRecounted, cash_in, places_of
from domain.money import ZERO, require_exact
from domain.policy import Policy
from domain.record import Record
from domain.values import CurrencyCode, Fields, Line, Reference, Text, always

MANAGERS = frozenset({"system", "superAdmin", "saasAdmin", "tenantOwner", "tenantAdmin", "owner", "accountant"})
"""Roles that may close, and explain, the shift of another cashier."""


class Shift(Fields, frozen=True, kw_only=True):
    """`cashier_id` is the user who stands at the till: whoever opens the shift, where nobody is named.

    `currency` is the company's where it is not given; only cash in it is counted.
    """

    cashier_id: Reference | None = None
    opening_cash: Decimal = always(ZERO)
    currency: CurrencyCode | None = None
    till: Line | None = None
    notes: Text | None = None
    extra: dict[str, Any] = {}


class NewShift(Shift, frozen=True, kw_only=True):
    """A shift that is opened. `may_overlap`: where it was opened, nobody could know that the one before is not closed here yet."""

    may_overlap: bool = False


class ShiftState(Fields, frozen=True, kw_only=True):
    """When it was opened and closed by the till's clock, and what was counted.

    `overlaps` is its own number where it is open beside a later one of the same cashier, because its close was not told yet.
    `variance` is the cash that was counted less what was expected: below zero some is missing. Cash that turns up after the close
    changes what was expected, and is summed in `late_cash`.
    """

    status: Literal["open", "closed"]
    opened_at: datetime
    overlaps: int | None = None
    closed_at: datetime | None = None
    closing_cash: Decimal | None = None
    expected_cash: Decimal | None = None
    variance: Decimal | None = None
    variance_reason: Text | None = None
    closing_notes: Text | None = None
    late_cash: Decimal | None = None


class CloseShift(Fields, frozen=True, kw_only=True):
    """The cash that was counted, and why it is not what was expected.

    A variance without a reason is taken as well: the drawer was counted, perhaps offline, and that is a fact. The reason can be
    given later, by `explain`.
    """

    closing_cash: Decimal
    variance_reason: Text | None = None
    notes: Text | None = None


class ExplainVariance(Fields, frozen=True, kw_only=True):
    """Why the drawer of a closed shift did not hold what was expected."""

    variance_reason: Text


class ShiftClosed(Changed, frozen=True, kw_only=True):
    """The drawer was counted; `expected_cash` is what should have been in it, by all that was recorded until then."""

    status: Literal["closed"] = always("closed")
    closed_at: datetime
    closing_cash: Decimal
    expected_cash: Decimal
    variance: Decimal
    variance_reason: Text | None = None
    closing_notes: Text | None = None


class ShiftVarianceExplained(Changed, frozen=True, kw_only=True):
    """Somebody said why the drawer did not hold what was expected."""

    variance_reason: Text


def _close(decision: Decision, shift: Record, data: CloseShift) -> None:
    if shift.data["status"] == "closed":
        raise ShiftAlreadyClosed(f"The shift {shift.number} was closed at {shift.data['closed_at']} already.", path="id")
    _require_own(decision, shift)
    closing = _amount(data.closing_cash, shift.data["currency"], "data.closing_cash")
    expected = Decimal(shift.data["opening_cash"]) + cash_in(decision.books, shift)
    event = ShiftClosed(
        closed_at=decision.occurred_at or decision.now,
        closing_cash=closing,
        expected_cash=expected,
        variance=closing - expected,
        variance_reason=data.variance_reason or None,
        closing_notes=data.notes,
    )
    decision.emit(SHIFT, shift.id, event)


def _explain(decision: Decision, shift: Record, data: ExplainVariance) -> None:
    if shift.data["status"] != "closed":
        raise InvalidField(f"The shift {shift.number} is open; its drawer was not counted yet.", path="id")
    _require_own(decision, shift)
    if data.variance_reason != shift.data.get("variance_reason"):
        decision.emit(SHIFT, shift.id, ShiftVarianceExplained(variance_reason=data.variance_reason))


def _require_own(decision: Decision, shift: Record) -> None:
    actor = decision.actor
    if actor.role not in MANAGERS and str(actor.user_id) != shift.data["cashier_id"]:
        raise NotAllowed(f"The shift {shift.number} is another cashier's; only a manager may close it for them.", path="id")


def _amount(amount: Decimal, currency: str, path: str) -> Decimal:
    if amount < 0:
        raise AmountNotPositive("There is no less than nothing in a drawer.", path=path)
    return require_exact(amount, currency, path)


@dataclass(frozen=True, slots=True)
class WhileOpen(Unique):
    """A value that is held while the shift is open, and free again when it is closed. The latest shift has the cashier's own."""

    def value(self, data: Mapping[str, Any]) -> str | None:
        """The value of an open shift, None of a closed one."""
        if data.get("status", "open") != "open":
            return None
        value = Unique.value(self, data)
        return f"{value} {data['overlaps']}" if data.get("overlaps") else value


class ShiftKind(Kind):
    """A cashier has one open shift at most, but for those of which a till tells the close after the opening of the next."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """The cashier's open shift; and to close or withdraw one, whatever was put into its drawer."""
        if isinstance(command.data, Shift) and (cashier := _cashier(decision, command.data)) is not None:
            yield cashier
            yield HolderOf("shift", "open_shift", str(cashier))
        if record is not None and command.action in ("close", "delete"):
            yield CashOf(record.id)
            for one in _counted(decision, record):
                yield from places_of(decision.books, one)

    def decide_create(self, decision: Decision, record_id: UUID, data: NewShift) -> None:
        """Open a shift, unless the cashier has an open one; one that may overlap puts the earlier of the two aside."""
        cashier = _cashier(decision, data)
        if cashier is None:
            raise InvalidField("Name the cashier.", path="data.cashier_id")
        decision.living(cashier, "user", "data.cashier_id")
        opened_at, overlaps = decision.occurred_at or decision.now, None
        held = decision.books.unique.get(("shift", "open_shift", str(cashier)))
        other = decision.books.record(held) if held is not None else None
        if other is not None and data.may_overlap:
            if opened_at < datetime.fromisoformat(other.data["opened_at"]):
                overlaps = decision.books.numbers.get(self.name, 0) + 1
            else:
                decision.change(self, other, {"overlaps": other.number})
        elif other is not None:
            raise ValueTaken(
                f"This cashier has an open shift, number {other.number}; close it first.",
                path="data.cashier_id",
                field="open_shift",
                number=other.number,
                id=str(other.id),
            )
        currency = data.currency or decision.currency
        opening = _amount(data.opening_cash, currency, "data.opening_cash")
        complete = msgspec.structs.replace(data, cashier_id=cashier, currency=currency, opening_cash=opening)
        decision.create(self, record_id, complete, status="open", opened_at=opened_at, overlaps=overlaps)

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change an open shift; of a closed one, what was counted stays."""
        complete = dict(changes)
        if "opening_cash" in changes:
            if record.data["status"] == "closed":
                message = f"The shift {record.number} is closed; what it began with stays."
                raise ShiftAlreadyClosed(message, path="data.opening_cash")
            opening = _amount(Decimal(changes["opening_cash"]), record.data["currency"], "data.opening_cash")
            complete["opening_cash"] = str(opening)
        decision.change(self, record, complete)

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Withdraw a shift that was opened by mistake."""
        if record.data["status"] == "closed":
            raise ShiftAlreadyClosed(f"The shift {record.number} is closed; it is kept.", path="id")
        if used := sum(1 for _ in _counted(decision, record)):
            raise StillReferenced(f"The shift {record.number} has {used} payment(s) or cash movement(s); close it.", path="id")
        decision.delete(self, record)


def _cashier(decision: Decision, data: Shift) -> UUID | None:
    return decision.find("user", data.cashier_id) if data.cashier_id is not None else decision.actor.user_id


def _counted(decision: Decision, shift: Record) -> Iterable[Record]:
    named = str(shift.id)
    for one in decision.books.records.values():
        if one.kind in COUNTED and one.data.get("shift_id") == named and not one.deleted:
            yield one


SHIFT = ShiftKind(
    name="shift",
    fields=Shift,
    create_fields=NewShift,
    derived=ShiftState,
    policy=Policy.SERVER_WINS,
    references={"cashier_id": "user"},
    unique=(WhileOpen("open_shift", ("cashier_id",)),),
    fixed=frozenset({"cashier_id", "currency"}),
    kept=frozenset({"cashier_id", "currency"}),
    verbs=("opened", "changed", "withdrawn"),
    actions={"close": Action(CloseShift, _close), "explain": Action(ExplainVariance, _explain)},
    extra_events={
        "shift.closed.v1": ShiftClosed,
        "shift.variance-explained.v1": ShiftVarianceExplained,
        "shift.recounted.v1": ShiftRecounted,
    },
)
