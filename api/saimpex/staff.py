"""Employees and their days: attendance, leave, and expenses that somebody has to approve, with their receipts."""

from __future__ import annotations

from datetime import date, datetime, time

from litestar.handlers import HTTPRouteHandler

from api.saimpex import tags, values
from api.saimpex.access import Till, keepers
from api.saimpex.files import address_of_file, pictures_of
from api.saimpex.forms import Form, field, ref
from api.saimpex.known import find_all, key_of, number_beside
from api.saimpex.rows import times
from api.saimpex.values import Row
from api.saimpex.writing import Asked, Made, Plan, writes
from domain.command import Command
from domain.errors import ReferenceMissing
from domain.needs import Needs
from domain.record import Record
from infra.ids import new_id

ATTENDANCE_STATUS = {1: "present", 2: "absent", 3: "late", 4: "half_day", 5: "on_leave", 6: "holiday"}
LEAVE_TYPES = {1: "annual", 2: "sick", 3: "casual", 4: "unpaid", 5: "maternity", 6: "other"}
ANSWERED = {"requested": 1, "approved": 2, "rejected": 3, "cancelled": 4}
_CODES = {name: code for codes in (ATTENDANCE_STATUS, LEAVE_TYPES) for code, name in codes.items()}


def _either(values_: dict[int, str]) -> values.Read:
    return values.choice({**values_, **{name: name for name in values_.values()}})


# Attendance -----------------------------------------------------------------------------------------

ATTENDANCE = Form(
    "AttendanceMark",
    ref("employee_id", required=True, also=("user_id",)),
    field("date", values.day),
    field("status", _either(ATTENDANCE_STATUS), type_=int),
    field("check_in", values.clock, also=("check_in_time", "clock_in")),
    field("check_out", values.clock, also=("check_out_time", "clock_out")),
    field("notes", values.text(20_000), also=("remarks",)),
)


@writes(
    "hrm/markAttendance",
    id="saimpexMarkAttendance",
    tag=tags.HRM,
    summary="Mark whether an employee was there on a day",
    description="`status`: 1 present, 2 absent, 3 late, 4 half day, 5 on leave, 6 holiday. A second mark adds to the first.",
    form=ATTENDANCE,
    body_example={"employee_id": 3, "date": "2026-05-28", "status": 1, "check_in": "08:00"},
    answer=Row,
    example={"attendance": {"id": 55, "employee_id": 3, "date": "2026-05-28", "status": 1}},
    synced=True,
    created=201,
    message="Attendance marked successfully",
)
def mark_attendance(asked: Asked) -> Plan:
    """The first mark of a day makes it, others change it."""
    till, read = asked.till, asked.values
    employee = find_employee(till, read["employee_id"], "employee_id")
    day = read.get("date") or asked.day.isoformat()
    data = {name: value for name, value in read.items() if value is not None and name not in ("employee_id", "date")}
    for name in ("check_in", "check_out"):
        if name in data:
            data[name] = _moment(till, day, data[name])
    needs = Needs(holders={("attendance", "employee_and_day", f"{employee.id}\x1f{day}")})
    marked = [one for one in till.services.store.read_records(till.principal.company_id, needs).records if not one.deleted]
    if marked:
        command = asked.command("attendance", "update", data, marked[0].id)
    else:
        command = asked.create("attendance", {**data, "employee_id": employee.id, "date": day})
    return Plan([command], lambda made: {"attendance": attendance_row(made.record(), employee.number)}, overtaken=True)


def _moment(till: Till, day: str, text: str) -> datetime:
    """A time of day, in the company's zone; a moment as it is."""
    if (moment := values.moment_or_none(text)) is not None:
        return moment if moment.tzinfo else moment.replace(tzinfo=till.zone)
    hours, minutes, *_ = map(int, text.split(":"))
    return datetime.combine(date.fromisoformat(day), time(hours, minutes), till.zone)


def attendance_row(record: Record, employee: int | None) -> Row:
    """A mark."""
    data = record.data
    return {
        "id": record.number,
        "employee_id": employee,
        "date": data["date"],
        "status": _CODES[data["status"]],
        "check_in": values.stored_time(data.get("check_in")),
        "check_out": values.stored_time(data.get("check_out")),
        "notes": data.get("notes"),
        **times(record),
    }


def find_employee(till: Till, reference: Row, path: str) -> Record:
    """The user that is named. Raises ReferenceMissing."""
    found = find_all(till, "user", [reference])
    if key_of(reference) not in found:
        raise ReferenceMissing(f"There is no employee {key_of(reference)}.", path=path, reference=key_of(reference))
    return found[key_of(reference)]


# Leave ----------------------------------------------------------------------------------------------

LEAVE = Form(
    "LeaveRequest",
    ref("user_id", "employee_id", also=("employee_id",)),
    field("type", _either(LEAVE_TYPES), type_=int, also=("leave_type",)),
    field("from_date", values.day, required=True, also=("start_date",)),
    field("to_date", values.day, required=True, also=("end_date",)),
    field("half_day", values.flag, type_=bool),
    field("reason", values.text(20_000)),
)


@writes(
    "hrm/requestLeave",
    id="saimpexRequestLeave",
    tag=tags.HRM,
    summary="Ask for days off",
    description="`type`: 1 annual, 2 sick, 3 casual, 4 unpaid, 5 maternity, 6 other.",
    form=LEAVE,
    body_example={"user_id": 3, "type": 1, "from_date": "2026-06-01", "to_date": "2026-06-03", "reason": "Family"},
    answer=Row,
    example={"leave": {"id": 9, "user_id": 3, "type": 1, "from_date": "2026-06-01", "to_date": "2026-06-03", "status": 1}},
    synced=True,
    created=201,
    message="Leave requested successfully",
)
def request_leave(asked: Asked) -> Plan:
    """For an employee, or for oneself."""
    data = dict(asked.values)
    data["employee_id"] = data.get("employee_id") or asked.till.principal.user_id
    return Plan([asked.create("leave", data)], lambda made: _say_leave(made, made.number(made.record().data["employee_id"])))


def _say_leave(made: Made, employee: int | None) -> Row:
    row = leave_row(made.record(), employee)
    return {"leave": row, **row}


def leave_row(record: Record, employee: int | None) -> Row:
    """Days off, and what became of the request."""
    data = record.data
    return {
        "id": record.number,
        "user_id": employee,
        "type": _CODES[data["type"]],
        "from_date": data["from_date"],
        "to_date": data["to_date"],
        "half_day": data["half_day"],
        "reason": data.get("reason"),
        "status": ANSWERED[data["status"]],
        "status_text": data["status"],
        "remarks": data.get("answer"),
        **times(record),
    }


# Expenses -------------------------------------------------------------------------------------------

EXPENSE = Form(
    "ExpenseRequest",
    ref("user_id", "requested_by", also=("employee_id",)),
    field("amount", values.positive, type_=float, required=True),
    field("category", values.text(), also=("type", "expense_type")),
    field("description", values.text(), also=("title", "reason")),
    field("date", values.day, also=("expense_date",)),
    field("payment_method", values.text(), "method"),
    field("notes", values.text(20_000)),
)


@writes(
    "hrm/requestExpense",
    id="saimpexRequestExpense",
    tag=tags.HRM,
    summary="Ask to be paid an expense, with its receipt",
    description="As multipart/form-data the file `receipt` comes along; as JSON there is none.",
    form=EXPENSE,
    body_example={"user_id": 3, "amount": 25, "category": "transport", "description": "Taxi", "date": "2026-05-28"},
    answer=Row,
    example={"expense": {"id": 14, "user_id": 3, "amount": 25, "category": "transport", "status": 1, "receipts": []}},
    synced=True,
    created=201,
    message="Expense requested successfully",
    files="receipt",
)
def request_expense(asked: Asked) -> Plan:
    """The receipts first, then the request that names them; then they are bound to it."""
    data = dict(asked.values)
    expense_id = new_id()
    receipts = pictures_of(asked.stored, "expense", None, "receipts")
    data |= {
        "requested_by": data.get("requested_by") or asked.till.principal.user_id,
        "status": "requested",
        "date": data.get("date") or asked.day,
        "attachments": [receipt.id for receipt in receipts],
    }
    bound = {"record_kind": "expense", "record_id": expense_id}
    bindings = [Command(kind="attachment", action="update", id=receipt.id, data=bound) for receipt in receipts]

    def say(made: Made) -> Row:
        return _say_expense(made, made.number(made.record(len(receipts)).data["requested_by"]), len(receipts))

    return Plan([*receipts, asked.create("expense", data, expense_id), *bindings], say)


def _say_expense(made: Made, employee: int | None, index: int = 0) -> Row:
    record = made.record(index)
    row = expense_row(record, employee)
    for told, one in zip(row["receipts"], map(made.find, record.data.get("attachments", [])), strict=True):
        if one is not None:
            told |= {"id": one.number, "file_name": one.data["file_name"], "size": one.data["size"]}
    return {"expense": row, **row}


def expense_row(record: Record, employee: int | None) -> Row:
    """An expense, and what became of the request."""
    data = record.data
    receipts = list(map(address_of_file, data.get("attachments", [])))
    return {
        "id": record.number,
        "user_id": employee,
        "amount": values.number(data["amount"]),
        "category": data.get("category"),
        "description": data.get("description"),
        "date": data["date"],
        "notes": data.get("notes"),
        "status": ANSWERED[data["status"]],
        "status_text": data["status"],
        "remarks": data.get("answer"),
        "receipt_url": receipts[0] if receipts else None,
        "receipts": [{"receipt_url": one} for one in receipts],
        **times(record),
    }


# Answers --------------------------------------------------------------------------------------------


def _answers(kind: str, action: str, done: str) -> list[HTTPRouteHandler]:
    """An endpoint by which a manager answers a request."""
    title = kind.capitalize()
    form = Form(
        f"{action.capitalize()}{title}",
        ref("id", required=True, also=(f"{kind}_id",), by_client=f"{kind}_client_id"),
        field("remarks", values.text(20_000), "answer", also=("reason", "notes")),
    )

    @writes(
        f"hrm/{action}{title}",
        id=f"saimpex{action.capitalize()}{title}",
        tag=tags.HRM,
        summary=f"{action.capitalize()} a requested {kind}",
        form=form,
        body_example={"id": 9, "remarks": "Fine"},
        answer=Row,
        example={kind: {"id": 9, "status": ANSWERED[done]}},
        gate=keepers,
        message=f"{title} {done} successfully",
    )
    def handle(asked: Asked) -> Plan:
        data, named = {"answer": asked.values.get("answer")}, asked.values["id"]
        employee = number_beside(asked.till, kind, named, "employee_id" if kind == "leave" else "requested_by")
        say = _say_leave if kind == "leave" else _say_expense
        return Plan([asked.command(kind, action, data, named)], lambda made: say(made, employee))

    return handle


HANDLERS = [
    *mark_attendance,
    *request_leave,
    *request_expense,
    *_answers("leave", "approve", "approved"),
    *_answers("leave", "reject", "rejected"),
    *_answers("expense", "approve", "approved"),
    *_answers("expense", "reject", "rejected"),
]
