"""Leave: an employee asks for days off, and somebody answers. An employee is a user, with a password or without."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from domain.decision import Decision
from domain.errors import AlreadyResolved, InvalidField
from domain.event import Changed
from domain.kind import Action, Kind
from domain.policy import Policy
from domain.record import Record, assign
from domain.values import Day, Fields, Reference, Text, always


class Leave(Fields, frozen=True, kw_only=True):
    """Days off from `from_date` to `to_date`, both inclusive."""

    employee_id: Reference
    type: Literal["annual", "sick", "casual", "unpaid", "maternity", "other"] = always("annual")
    from_date: Day
    to_date: Day
    half_day: bool = always(False)
    reason: Text | None = None
    extra: dict[str, Any] = {}


class LeaveState(Fields, frozen=True, kw_only=True):
    """What became of the request; who answered is the event's actor."""

    status: Literal["requested", "approved", "rejected", "cancelled"]
    answer: Text | None = None


class AnswerLeave(Fields, frozen=True, kw_only=True):
    """The answer, in words."""

    answer: Text | None = None


class LeaveApproved(Changed, frozen=True, kw_only=True):
    """The employee may stay away."""

    status: Literal["approved"] = always("approved")
    answer: Text | None = None


class LeaveRejected(Changed, frozen=True, kw_only=True):
    """The employee may not stay away."""

    status: Literal["rejected"] = always("rejected")
    answer: Text | None = None


class LeaveCancelled(Changed, frozen=True, kw_only=True):
    """The employee does not stay away after all."""

    status: Literal["cancelled"] = always("cancelled")
    answer: Text | None = None


def _approve(decision: Decision, leave: Record, data: AnswerLeave) -> None:
    _require(leave, "requested")
    decision.emit(LEAVE, leave.id, LeaveApproved(answer=data.answer))


def _reject(decision: Decision, leave: Record, data: AnswerLeave) -> None:
    _require(leave, "requested")
    decision.emit(LEAVE, leave.id, LeaveRejected(answer=data.answer))


def _cancel(decision: Decision, leave: Record, data: AnswerLeave) -> None:
    _require(leave, "requested", "approved")
    decision.emit(LEAVE, leave.id, LeaveCancelled(answer=data.answer))


def _require(leave: Record, *wanted: str) -> None:
    if leave.data["status"] not in wanted:
        raise AlreadyResolved(f"This leave is {leave.data['status']} already.", path="id")


class LeaveKind(Kind):
    """A request is changed until it is answered."""

    def decide_create(self, decision: Decision, record_id: UUID, data: Leave) -> None:
        """Ask for days off."""
        _check_days(data.from_date, data.to_date)
        decision.create(self, record_id, data, status="requested")

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change the request."""
        _require(record, "requested")
        after = assign(record.data, changes)
        _check_days(Day.fromisoformat(after["from_date"]), Day.fromisoformat(after["to_date"]))
        decision.change(self, record, changes)


def _check_days(first: Day, last: Day) -> None:
    if first > last:
        raise InvalidField(f"{first} is after {last}; the first day comes before the last one.", path="data.to_date")


LEAVE = LeaveKind(
    name="leave",
    fields=Leave,
    derived=LeaveState,
    policy=Policy.SERVER_WINS,
    references={"employee_id": "user"},
    fixed=frozenset({"employee_id"}),
    verbs=("requested", "changed", "withdrawn"),
    personal=frozenset({"reason", "answer", "extra"}),
    person="employee_id",
    actions={
        "approve": Action(AnswerLeave, _approve),
        "reject": Action(AnswerLeave, _reject),
        "cancel": Action(AnswerLeave, _cancel),
    },
    extra_events={
        "leave.approved.v1": LeaveApproved,
        "leave.rejected.v1": LeaveRejected,
        "leave.cancelled.v1": LeaveCancelled,
    },
)
