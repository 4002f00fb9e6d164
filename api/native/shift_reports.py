"""The reports of shifts, X and Z: always of now, and from the records themselves, so they wait for no projection."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.asking_reports import Told
from api.bearer import claims_of
from api.endpoint import endpoint
from api.http_errors import HttpRequest
from api.native import shift_forms as forms
from api.native.references import reference_of
from api.native.report_examples import EXAMPLES
from api.native.report_forms import AsOf
from api.native.reporting import Asking, report_operation
from api.reading_requests import read_query, services_of
from domain.errors import InvalidField, RecordNotFound
from domain.event import JSON
from infra.reading.shifts import read_shift, read_shifts
from infra.reports import asking as reports
from infra.reports.shifts import shift_report, shifts_report, tape


@endpoint(
    "GET",
    "/ledger/v1/reports/shift/{shift:str}",
    report_operation(
        "reportShift",
        "The X report of an open shift, the Z report of a closed one",
        forms.ShiftReport,
        EXAMPLES["shift"],
        forms.ShiftQuery,
        refusals=(RecordNotFound,),
        description="As CSV, a line for each sum. `drawer` is in the shift's currency, every other row in its own.",
    ),
)
async def report_shift(request: HttpRequest, shift: FromPath[str]) -> ASGIResponse:
    """The report of one shift, named by its id or number."""
    asking = _asking(request, read_query(request, forms.ShiftQuery))
    try:
        reference = reference_of("shift", shift)
    except RecordNotFound as error:
        error.path = "shift"
        raise
    read = await _run(asking, partial(read_shift, asking.services.database, asking.claims.cid, reference))
    report = shift_report(read, read.shifts[0])
    parts = {"lines": tape(report)} if asking.wants_csv else report
    return _answer(asking, f"shift-{read.shifts[0].number}", read.seq, parts, forms.TapeLine, "lines")


@endpoint(
    "GET",
    "/ledger/v1/reports/shifts",
    report_operation(
        "reportShifts",
        "Shifts with their turnover and their drawers, and the sums of their cashiers",
        forms.ShiftsReport,
        EXAMPLES["shifts"],
        forms.ShiftsQuery,
        refusals=(RecordNotFound,),
        description="The latest first. As CSV, the shifts. Turnover is sales less returns, in the shift's currency.",
    ),
)
async def report_shifts(request: HttpRequest) -> ASGIResponse:
    """The shifts that were opened between two days."""
    query = read_query(request, forms.ShiftsQuery)
    asking = _asking(request, query)
    if query.from_ is not None and query.to is not None and query.from_ > query.to:
        raise InvalidField(f"{query.from_} is after {query.to}; the first day comes before the last one.", path="from")
    cashier_id = await _run(asking, partial(_user, asking, query.cashier)) if query.cashier is not None else None
    asked = partial(read_shifts, first=query.from_, last=query.to, cashier_id=cashier_id, limit=query.limit)
    read = await _run(asking, partial(asked, asking.services.database, asking.claims.cid))
    return _answer(asking, "shifts", read.seq, shifts_report(read), forms.ShiftSummary, "shifts")


HANDLERS = [report_shift, report_shifts]


def _asking(request: HttpRequest, query: forms.ShiftQuery) -> Asking:
    return Asking(request, services_of(request), claims_of(request), AsOf(format=query.format))


async def _run(asking: Asking, what: partial[Any]) -> Any:
    """What a session that is still open asks for, on a thread of its own."""

    def read() -> Any:
        asking.services.identity.confirm(asking.claims)
        return what()

    return await asking.services.threads.run(read)


def _user(asking: Asking, ref: str) -> UUID:
    try:
        found = asking.services.reader.find_record(asking.claims.cid, "user", reference_of("user", ref))
    except RecordNotFound as error:
        error.path = "cashier"
        raise
    if found is None:
        raise RecordNotFound("There is no such user.", path="cashier")
    return UUID(msgspec.json.decode(found.document)["id"])


def _answer(
    asking: Asking, name: str, seq: int, parts: Mapping[str, Any], columns: type[msgspec.Struct], rows: str
) -> ASGIResponse:
    encoded = {part: JSON.encode(value) for part, value in parts.items()}
    return asking.answer(name, Told(reports.Answer(seq, seq, None, encoded), seq), columns, rows)
