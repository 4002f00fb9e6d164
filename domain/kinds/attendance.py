"""Attendance: whether an employee was there on a day, and from when to when. An employee is a user, with a password or without."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from domain.command import Command
from domain.decision import Decision
from domain.errors import InvalidField, ValueTaken
from domain.kind import HolderOf, Kind, Unique, Wish
from domain.policy import Policy
from domain.record import Record, assign
from domain.values import Day, Fields, Reference, Text, always


class Attendance(Fields, frozen=True, kw_only=True):
    """`date` is today where it is not given; `check_in` and `check_out` are moments, a night shift's end is on the next day."""

    employee_id: Reference
    date: Day | None = None
    status: Literal["present", "absent", "late", "half_day", "on_leave", "holiday"] = always("present")
    check_in: datetime | None = None
    check_out: datetime | None = None
    notes: Text | None = None
    extra: dict[str, Any] = {}


class AttendanceKind(Kind):
    """An employee is marked once a day; a second mark is a change of the first."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """What was marked of this employee and day before."""
        given = getattr(command.data, "employee_id", None)
        employee = decision.find("user", given) if given else UUID(record.data["employee_id"]) if record is not None else None
        if employee is None:
            return
        yield employee
        day = getattr(command.data, "date", None) or (record.data["date"] if record is not None else decision.today)
        yield HolderOf("attendance", "employee_and_day", _value(employee, day))

    def decide_create(self, decision: Decision, record_id: UUID, data: Attendance) -> None:
        """Mark an employee's day; where it is marked already, ValueTaken says by which record, which is the one to update."""
        day = data.date or decision.today
        employee = decision.living(data.employee_id, "user", "data.employee_id")
        held = decision.books.unique.get(("attendance", "employee_and_day", _value(employee.id, day)))
        if (other := decision.books.record(held) if held is not None else None) is not None:
            raise ValueTaken(
                f"This employee was marked {other.data['status']} on {day} already; update that mark.",
                path="data.date",
                field="employee_and_day",
                number=other.number,
                id=str(other.id),
            )
        complete = msgspec.structs.replace(data, date=day)
        _check_moments(decision, msgspec.to_builtins(complete))
        decision.create(self, record_id, complete)

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Correct a mark, or add when the employee left."""
        _check_moments(decision, assign(record.data, changes))
        decision.change(self, record, changes)


def _value(employee: UUID, day: object) -> str:
    return f"{employee}\x1f{day}"


def _check_moments(decision: Decision, data: dict[str, Any]) -> None:
    came, left = (_moment(decision, data.get(name)) for name in ("check_in", "check_out"))
    if came is not None and left is not None and left < came:
        raise InvalidField("Nobody leaves before they come.", path="data.check_out")


def _moment(decision: Decision, text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=decision.time_zone)


ATTENDANCE = AttendanceKind(
    name="attendance",
    fields=Attendance,
    policy=Policy.MERGE,
    references={"employee_id": "user"},
    unique=(Unique("employee_and_day", ("employee_id", "date")),),
    fixed=frozenset({"employee_id"}),
    kept=frozenset({"date"}),
    verbs=("marked", "changed", "deleted"),
    personal=frozenset({"notes", "extra"}),
    person="employee_id",
)
