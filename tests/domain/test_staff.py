"""Attendance and leave: one mark a day, and requests that are answered once."""

from __future__ import annotations

import pytest

from tests.domain.spec import Spec, command, uid

SARA, NABIL, MARK, LEAVE = map(uid, range(1, 5))


def staff() -> Spec:
    return Spec(time_zone="Asia/Tokyo").given(
        command("user.create", {"name": "Sara"}, id=SARA), command("user.create", {"name": "Nabil"}, id=NABIL)
    )


def mark(**data: object) -> object:
    return command("attendance.create", {"employee_id": str(SARA), **data}, id=MARK)


def test_an_employee_is_marked_once_a_day() -> None:
    spec = staff().given(mark(check_in="2026-03-10T09:00:00"))
    spec.shows(MARK, date="2026-03-10", status="present")
    again = {"employee_id": {"number": 1}, "status": "late", "date": "2026-03-10"}
    spec.when(command("attendance.create", again)).refused("value_taken", "data.date")
    assert spec.error is not None
    assert spec.error.details["id"] == str(MARK)
    spec.when(command("attendance.update", {"check_out": "2026-03-10T17:00:00+09:00"}, id=MARK)).then("attendance.changed.v1")
    spec.when(command("attendance.create", {"employee_id": str(NABIL)})).then("attendance.marked.v1")
    spec.when(command("attendance.create", {**again, "date": "2026-03-11"}, id=uid(9))).then("attendance.marked.v1")
    spec.when(command("attendance.update", {"date": "2026-03-10"}, id=uid(9))).refused("value_taken", "data.date")
    spec.given(command("attendance.delete", id=MARK)).when(command("attendance.update", {"date": "2026-03-10"}, id=uid(9)))
    spec.then("attendance.changed.v1")


@pytest.mark.parametrize(
    ("data", "code", "path"),
    [
        ({"employee_id": str(uid(77))}, "reference_missing", "data.employee_id"),
        ({"status": "here"}, "invalid_field", "data.status"),
        ({"check_in": "2026-03-10T09:00:00Z", "check_out": "2026-03-10T17:00:00"}, "invalid_field", "data.check_out"),
        ({"check_in": "9 o'clock"}, "invalid_field", "data.check_in"),
    ],
)
def test_marks_that_make_no_sense(data, code, path) -> None:
    staff().when(mark(**data)).refused(code, path)


def ask(first: str, last: str) -> object:
    return command("leave.create", {"employee_id": str(SARA), "from_date": first, "to_date": last, "reason": "Family"}, id=LEAVE)


@pytest.mark.parametrize(("action", "status"), [("approve", "approved"), ("reject", "rejected"), ("cancel", "cancelled")])
def test_a_leave_is_answered_once(action, status) -> None:
    spec = staff().given(ask("2026-06-01", "2026-06-01")).shows(LEAVE, status="requested", type="annual")
    spec.when(command(f"leave.{action}", {"answer": "fine"}, id=LEAVE)).then(f"leave.{status}.v1")
    spec.shows(LEAVE, status=status, answer="fine")
    for again in ("approve", "reject"):
        spec.when(command(f"leave.{again}", id=LEAVE)).refused("already_resolved", "id")
    spec.when(command("leave.update", {"half_day": True}, id=LEAVE)).refused("already_resolved", "id")


def test_an_approved_leave_is_cancelled() -> None:
    spec = staff().given(ask("2026-06-01", "2026-06-03"), command("leave.approve", id=LEAVE))
    spec.when(command("leave.cancel", id=LEAVE)).then("leave.cancelled.v1")
    spec.when(command("leave.cancel", id=LEAVE)).refused("already_resolved", "id")


def test_a_leave_begins_before_it_ends() -> None:
    spec = staff().when(ask("2026-06-02", "2026-06-01")).refused("invalid_field", "data.to_date")
    spec.given(ask("2026-06-01", "2026-06-03"))
    spec.when(command("leave.update", {"to_date": "2026-05-31"}, id=LEAVE)).refused("invalid_field", "data.to_date")
    spec.when(command("leave.create", {"employee_id": str(SARA), "from_date": "2026-02-30", "to_date": "2026-03-01"}))
    spec.refused("invalid_field", "data.from_date")
