"""Reports from the books, between days, never older than the request. They are not enveloped: the front end reads their roots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from msgspec import Meta

from api.answers import answer
from api.endpoint import Answer as Told
from api.endpoint import Operation, endpoint
from api.fintrack.asking import Asker, confirm, read_request
from api.fintrack.bff.objects import SERVICE
from api.fintrack.describing import TENANT
from api.fintrack.roles import READ
from api.fintrack.values import number_of, read_day
from api.http_errors import HttpRequest
from domain import errors
from domain.errors import InvalidField
from infra.followers.waiting import standing_of, until_reached
from infra.reports.asking import Answer, Question, Report, ask
from infra.reports.parties import balances_of_parties
from infra.reports.statements import income_and_expense

TAG = "FinTrack: bff"
Row = dict[str, Any]


class Between(msgspec.Struct, kw_only=True):
    """Between which days, both included; without, from the first and to the last there are."""

    fromDate: Annotated[str, Meta(description="A day: 2026-03-21.")] | None = None  # noqa: N815 - as on the wire
    toDate: Annotated[str, Meta(description="A day: 2026-03-21.")] | None = None  # noqa: N815 - as on the wire


@dataclass(frozen=True)
class Reported:
    """One report: its route, what asks the books, and how what they say is answered. `example` shows it."""

    name: str
    summary: str
    report: Callable[[Question], Report]
    body: Callable[[Mapping[str, list[Row]], str], Row]
    example: Row


def _numbers(row: Row, names: Mapping[str, str]) -> Row:
    return {wire: number_of(row[ours]) for ours, wire in names.items()}


def _income_and_expense(parts: Mapping[str, list[Row]], currency: str) -> Row:
    """The totals are in the currency of the business; `totals` has them in every currency there is."""
    names = {"revenue": "totalIncome", "expense": "totalExpense", "net": "netIncome"}
    totals = [{"currency": one["currency"], **_numbers(one, names)} for one in parts["totals"]]
    nothing = {"currency": currency, **dict.fromkeys(names.values(), 0)}
    own = next((one for one in totals if one["currency"] == currency), nothing)
    rows = [
        {**{name: one[name] for name in ("type", "account", "name", "currency")}, "amount": number_of(one["amount"])}
        for one in parts["accounts"]
    ]
    return {**own, "totals": totals, "rows": rows}


def _balances(parts: Mapping[str, list[Row]], currency: str) -> Row:
    """A row for every party and currency; `totalBalance` is in the currency of the business."""
    names = {name: name for name in ("opening", "billed", "paid", "balance")}
    rows = [
        {"id": one["party_id"], "name": one["name"], "currency": one["currency"], **_numbers(one, names)}
        for one in parts["parties"]
    ]
    totals = [{"currency": one["currency"], **_numbers(one, names)} for one in parts["totals"]]
    total = next((one["balance"] for one in totals if one["currency"] == currency), 0)
    return {"rows": rows, "currency": currency, "totalBalance": total, "totals": totals}


_PARTY_EXAMPLE: Row = {
    "id": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "name": "Shirin",
    "currency": "USD",
    "opening": 0,
    "billed": 120,
    "paid": 20,
    "balance": 100,
}
_SUMS: Row = {"currency": "USD", "opening": 0, "billed": 120, "paid": 20, "balance": 100}
_BALANCES_EXAMPLE: Row = {"rows": [_PARTY_EXAMPLE], "currency": "USD", "totalBalance": 100, "totals": [_SUMS]}
_INCOME: Row = {"currency": "USD", "totalIncome": 100, "totalExpense": 30.5, "netIncome": 69.5}
_SALES: Row = {"type": "revenue", "account": "4000", "name": "Sales", "currency": "USD", "amount": 100}

REPORTS: Sequence[Reported] = (
    Reported(
        "income-expense",
        "Income and expense between days",
        income_and_expense,
        _income_and_expense,
        {**_INCOME, "totals": [_INCOME], "rows": [_SALES]},
    ),
    Reported(
        "customer-balances",
        "What customers owe at the end of a day",
        partial(balances_of_parties, side="receivables"),
        _balances,
        _BALANCES_EXAMPLE,
    ),
    Reported(
        "supplier-balances",
        "What suppliers are owed at the end of a day",
        partial(balances_of_parties, side="payables"),
        _balances,
        _BALANCES_EXAMPLE,
    ),
)


def _question(asker: Asker) -> Question:
    READ.check(asker.role)
    days: list[date | None] = []
    for name in ("fromDate", "toDate"):
        given = asker.single(name)
        days.append(read_day(given, name, asker.zone) if given else None)
    begin, end = days
    if begin is not None and end is not None and begin > end:
        raise InvalidField(f"{begin} is after {end}; `fromDate` comes before `toDate`.", path="fromDate")
    return Question(company_id=asker.company_id, begin=begin, end=end)


async def _tell(asker: Asker, question: Question, report: Report) -> Answer:
    """What the books say, of no earlier than now. Raises ProjectionBehind."""
    run, database = asker.services.threads.run, asker.services.database
    told = await run(ask, database, question, report)
    if told.reached < (wanted := told.head):
        await until_reached(partial(run, standing_of, database, report.follower, question.company_id), report.follower, wanted)
        told = await run(ask, database, question, report)
    return told


def _handler(reported: Reported) -> HTTPRouteHandler:
    operation = Operation(
        id="fintrackReport" + "".join(word.capitalize() for word in reported.name.split("-")),
        summary=reported.summary,
        description="Not enveloped. Amounts are those of the books, by the day on which they were posted.",
        tag=TAG,
        query=Between,
        headers=TENANT,
        answers={200: Told("The report.", dict[str, Any], reported.example)},
        refusals=(errors.InvalidField, errors.NotAllowed, errors.ProjectionBehind),
    )

    @endpoint("GET", f"/{SERVICE}/v1/reports/{reported.name}", operation)
    async def handle(request: HttpRequest) -> ASGIResponse:
        asked = await read_request(request)
        asker, question = await asked.services.threads.run(lambda: _asking(confirm(asked)))
        told = await _tell(asker, question, reported.report(question))
        parts: dict[str, list[Row]] = {name: msgspec.json.decode(body) for name, body in told.parts.items()}
        days = {"fromDate": question.begin, "toDate": question.end}
        return answer({**reported.body(parts, asker.company.data["currency"]), **days})

    return handle


def _asking(asker: Asker) -> tuple[Asker, Question]:
    return asker, _question(asker)


HANDLERS = [_handler(reported) for reported in REPORTS]
