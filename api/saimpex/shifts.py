"""Shifts at a till: opened, closed, and reported; a cashier sees and closes their own."""

from __future__ import annotations

import msgspec
from litestar.response.base import ASGIResponse

from api.bearer import claims_of
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.reading_requests import query_pairs, services_of
from api.saimpex import tags, values
from api.saimpex.access import is_manager, till_of
from api.saimpex.deltas import said
from api.saimpex.envelope import Envelope
from api.saimpex.errors import NotYours
from api.saimpex.forms import Form, field, ref
from api.saimpex.known import number_beside
from api.saimpex.rows import times
from api.saimpex.values import Row
from api.saimpex.writing import Asked, Made, Plan, writes
from domain.errors import RecordNotFound
from domain.record import Record
from infra.composition import Services
from infra.identity.tokens import Claims
from infra.reading.shifts import read_shift
from infra.reports.shifts import shift_report

STATUS = {"open": 1, "closed": 2}
OPEN = Form(
    "OpenShift",
    ref("cashier_id", by_client="cashier_client_id"),
    field("opening_cash", values.amount, type_=float),
    field("notes", values.text(20_000)),
)
CLOSE = Form(
    "CloseShiftForm",
    ref("shift_id", "id", required=True, by_client="open_shift_client_id", also=("id",)),
    field("closing_cash", values.amount, type_=float, required=True),
    field("variance_reason", values.text(20_000)),
    field("notes", values.text(20_000)),
)
EXAMPLE: Row = {"id": 12, "cashier_id": 5, "status": 1, "opening_cash": 500, "opened_at": "2026-05-28T08:00:00.000000Z"}


@writes(
    "pos/openShift",
    id="saimpexOpenShift",
    tag=tags.POS,
    summary="Open a shift",
    form=OPEN,
    body_example={"cashier_id": 5, "opening_cash": 500, "notes": "Morning"},
    answer=Row,
    example=EXAMPLE,
    synced=True,
    created=201,
    message="Shift opened successfully",
)
def open_shift(asked: Asked) -> Plan:
    """One's own, or as a manager another cashier's. Offline nobody knew whether the close of the one before had been sent."""
    data = {**asked.values, "may_overlap": asked.offline}
    user_id, role = asked.till.principal.user_id, asked.till.principal.role
    data["cashier_id"] = data.get("cashier_id") or user_id
    data["till"] = asked.sync.device

    def say(made: Made) -> Row:
        shift = made.record()
        if shift.data["cashier_id"] != str(user_id) and not is_manager(role):
            raise NotYours("A cashier opens shifts of their own only; ask a manager.", path="data.cashier_id")
        return shift_row(shift, made.number(shift.data["cashier_id"]))

    return Plan([asked.create("shift", data)], say)


@writes(
    "pos/closeShift",
    id="saimpexCloseShift",
    tag=tags.POS,
    summary="Close a shift: what was counted against what is expected",
    description="`open_shift_client_id` names a shift by the action that opened it, where that was done offline.",
    form=CLOSE,
    body_example={"shift_id": 12, "closing_cash": 1200, "variance_reason": None},
    answer=Row,
    example={**EXAMPLE, "status": 2, "closing_cash": 1200, "expected_cash": 1200, "variance": 0},
    synced=True,
    message="Shift closed successfully",
)
def close_shift(asked: Asked) -> Plan:
    """Once; one's own, or as a manager another cashier's."""
    data = {name: value for name, value in asked.values.items() if name != "id"}
    named = asked.values["id"]
    cashier = number_beside(asked.till, "shift", named, "cashier_id")
    return Plan([asked.command("shift", "close", data, named)], lambda made: shift_row(made.record(), cashier))


def shift_row(shift: Record, cashier: int | None) -> Row:
    """A shift."""
    data = shift.data
    return {
        "id": shift.number,
        "cashier_id": cashier,
        "status": STATUS[data["status"]],
        "is_open": data["status"] == "open",
        "opening_cash": values.number(data["opening_cash"]),
        "closing_cash": values.number(data.get("closing_cash")),
        "expected_cash": values.number(data.get("expected_cash")),
        "variance": values.number(data.get("variance")),
        "variance_reason": data.get("variance_reason"),
        "late_cash": values.number(data.get("late_cash")),
        "notes": data.get("notes"),
        "closing_notes": data.get("closing_notes"),
        "opened_at": values.stored_time(data.get("opened_at")),
        "closed_at": values.stored_time(data.get("closed_at")),
        **times(shift),
    }


# Reports --------------------------------------------------------------------------------------------


class ShiftReportQuery(msgspec.Struct, kw_only=True):
    """Which shift; without one, the open one of whoever asks."""

    shift_id: int | None = None


@endpoint(
    "GET",
    "/api/desktop/pos/shiftReport",
    Operation(
        id="saimpexShiftReport",
        summary="The X report of an open shift, the Z report of a closed one",
        tag=tags.POS,
        query=ShiftReportQuery,
        answers={
            200: Answer(
                "What was sold, taken and spent, and what is expected in the drawer.",
                Envelope[Row],
                {
                    "status": "true",
                    "data": {"shift": {"report": "X", "number": 12}, "drawer": {"expected": "522.00"}},
                    "message": "Success",
                },
            )
        },
        refusals=(RecordNotFound,),
    ),
)
async def shift_report_of(request: HttpRequest) -> ASGIResponse:
    """A report; a cashier's own only."""
    claims, services = claims_of(request), services_of(request)
    given = dict(query_pairs(request)).get("shift_id")
    number = values.whole()(given, "shift_id") if given else None
    return said(await services.threads.run(_report, services, claims, number))


def _report(services: Services, claims: Claims, number: int | None) -> Row:
    till = till_of(services, claims, None)
    named = number if number is not None else till.open_shift_id()
    if named is None:
        raise RecordNotFound("You have no open shift; name one.", path="shift_id")
    read = read_shift(services.database, claims.cid, named)
    shift = read.shifts[0]
    if shift.data["cashier_id"] != str(claims.sub) and not is_manager(till.principal.role):
        raise RecordNotFound("There is no such shift.", path="shift_id")
    return shift_report(read, shift)


HANDLERS = [*open_shift, *close_shift, shift_report_of]
