"""Journal entries: drafted offline, posted online; the ledger of an account and the trial balance."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from api.answers import NO_STORE, raw
from api.asking_reports import tell
from api.bearer import claims_of
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.reading_requests import query_pairs, services_of
from api.saimpex import tags, values
from api.saimpex.access import bookkeepers, keepers
from api.saimpex.envelope import Envelope, enveloped
from api.saimpex.forms import Form, field, ref, rows
from api.saimpex.rows import times
from api.saimpex.values import Row
from api.saimpex.writing import Asked, Made, Plan, writes
from domain import errors
from domain.errors import InvalidField, NotAllowed, RecordNotFound
from domain.record import Record
from infra.composition import Services
from infra.identity.tokens import Claims
from infra.reports.asking import Question, Report
from infra.reports.lines import Page, general_ledger
from infra.reports.trial_balance import trial_balance

MOST_LINES = 5_000
STATUS = {"draft": 1, "posted": 2}
LINE = Form(
    "JournalEntryLine",
    field("account_code", values.text(64), required=True, also=("account",)),
    field("debit", values.amount, type_=float),
    field("credit", values.amount, type_=float),
    field("description", values.text(20_000)),
)
ENTRY = Form(
    "JournalEntryForm",
    field("entry_date", values.day, "date", also=("date",)),
    field("description", values.text(20_000)),
    field("reference", values.text()),
    rows("lines", LINE, required=True),
    field("post_now", values.flag, type_=bool),
)
EXAMPLE: Row = {"id": 8, "status": 1, "is_draft": True, "entry_date": "2026-05-28", "total_debit": 100, "total_credit": 100}


@writes(
    "erp/createJournalEntry",
    id="saimpexCreateJournalEntry",
    tag=tags.ERP,
    summary="Draft a journal entry; online it can be posted at once",
    description="With a `client_id` it is a draft, whatever `post_now` says.",
    form=ENTRY,
    body_example={
        "entry_date": "2026-05-28",
        "description": "Adjustment",
        "lines": [{"account_code": "1000", "debit": 100, "credit": 0}, {"account_code": "3000", "debit": 0, "credit": 100}],
        "post_now": False,
    },
    answer=Row,
    example=EXAMPLE,
    synced=True,
    created=201,
    message="Journal entry created successfully",
)
def create_journal_entry(asked: Asked) -> Plan:
    """A draft, or an entry that counts at once."""
    data = dict(asked.values)
    post_now = bool(data.pop("post_now", None)) and not asked.offline
    if post_now:
        keepers(asked.till.principal.role)
    if len(data["lines"]) < 2:
        raise InvalidField("An entry has at least two lines.", path="lines")
    data["date"] = data.get("date") or asked.day
    return Plan([asked.create("journal_entry", {**data, "post_now": post_now})], _say)


@writes(
    "erp/postJournalEntry",
    id="saimpexPostJournalEntry",
    tag=tags.ERP,
    summary="Post a draft: it counts from now on, and is never edited again",
    form=Form("NamedEntry", ref("id", required=True, also=("journal_entry_id", "entry_id"), by_client="journal_entry_client_id")),
    body_example={"id": 8},
    answer=Row,
    example={**EXAMPLE, "status": 2, "is_draft": False},
    gate=keepers,
    message="Journal entry posted successfully",
    methods=("GET", "POST"),
)
def post_journal_entry(asked: Asked) -> Plan:
    """Refused where it does not balance."""
    return Plan([asked.command("journal_entry", "post", target=asked.values["id"])], _say)


def _say(made: Made) -> Row:
    entry = made.record()
    return entry_row(entry, made.children(entry, "journal_line"))


def entry_row(entry: Record, lines: list[Record]) -> Row:
    """An entry with its lines."""
    data = entry.data
    return {
        "id": entry.number,
        "status": STATUS[data["status"]],
        "is_draft": data["status"] == "draft",
        "entry_date": data["date"],
        "description": data.get("description"),
        "reference": data.get("reference"),
        "total_debit": sum((Decimal(line.data["debit"]) for line in lines), Decimal(0)),
        "total_credit": sum((Decimal(line.data["credit"]) for line in lines), Decimal(0)),
        "lines": [
            {
                "id": line.number,
                "account_code": line.data["account_code"],
                "debit": values.number(line.data["debit"]),
                "credit": values.number(line.data["credit"]),
                "description": line.data.get("description"),
            }
            for line in lines
        ],
        **times(entry),
    }


# Reports --------------------------------------------------------------------------------------------


class PeriodQuery(msgspec.Struct, kw_only=True):
    """Days, both inclusive."""

    from_date: str | None = None
    to_date: str | None = None


class LedgerQuery(PeriodQuery, kw_only=True):
    """An account, and days."""

    account_code: str | None = None
    limit: int | None = None


def _question(claims: Claims, query: dict[str, str]) -> Question:
    days: list[date | None] = []
    for names in (("from_date", "start_date", "from"), ("to_date", "end_date", "to")):
        name = next((name for name in names if query.get(name)), "")
        days.append(date.fromisoformat(values.any_day(query[name], name)) if name else None)
    begin, end = days
    if begin is not None and end is not None and begin > end:
        raise InvalidField(f"{begin} is after {end}; the first day comes before the last one.", path="from_date")
    return Question(company_id=claims.cid, begin=begin, end=end)


def _check_reader(services: Services, claims: Claims) -> None:
    bookkeepers(services.identity.confirm(claims).role)


async def _read(request: HttpRequest) -> tuple[Services, Claims, dict[str, str], Question]:
    claims, services = claims_of(request), services_of(request)
    query = dict(query_pairs(request))
    question = _question(claims, query)
    await services.threads.run(_check_reader, services, claims)
    return services, claims, query, question


async def ledger(request: HttpRequest) -> ASGIResponse:
    """The lines of an account, with the balance after each."""
    services, claims, query, question = await _read(request)
    name = next((name for name in ("account_code", "account") if query.get(name)), "account_code")
    if not query.get(name):
        raise InvalidField("The account code field is required.", path=name)
    code, limit = values.text(64)(query[name], name), values.whole(1, MOST_LINES)(query.get("limit") or 1_000, "limit")

    def report(asked: Question) -> Report:
        return general_ledger(asked, code, Page(limit))

    told = await tell(services, claims, report, question)
    parts = told.answer.parts
    if parts["exists"] != b"true":
        raise RecordNotFound(f"There is no account {code!r}.", path=name)
    payload = b'{"account_code":%b,"account_name":%b,"balances":%b,"lines":%b,"has_more":%b}' % (
        msgspec.json.encode(code),
        parts["name"],
        parts["balances"],
        parts["lines"],
        b"false" if parts["next"] == b"null" else b"true",
    )
    return raw(enveloped(payload), headers=NO_STORE)


async def balance(request: HttpRequest) -> ASGIResponse:
    """Every account: what it began with, its debits and credits, and what it ends with."""
    services, claims, _, question = await _read(request)
    parts = (await tell(services, claims, trial_balance, question)).answer.parts
    return raw(enveloped(b'{"accounts":%b,"totals":%b}' % (parts["accounts"], parts["totals"])), headers=NO_STORE)


class Ledger(msgspec.Struct, kw_only=True):
    """An account's lines."""

    account_code: str
    account_name: str | None
    balances: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    has_more: bool


class TrialBalance(msgspec.Struct, kw_only=True):
    """Accounts, and totals per currency."""

    accounts: list[dict[str, Any]]
    totals: list[dict[str, Any]]


def _reports() -> list[HTTPRouteHandler]:
    line = {"posted_on": "2026-05-28", "debit": "100.00", "credit": "0.00", "balance": "100.00"}
    example: Row = {"account_code": "1000", "account_name": "Cash", "balances": [], "lines": [line], "has_more": False}
    made: list[HTTPRouteHandler] = []
    for path, id_ in (("erp/ledger", "saimpexLedger"), ("erp/getLedger", "saimpexGetLedger")):
        operation = Operation(
            id=id_,
            summary="The lines of an account, with the balance after each",
            tag=tags.ERP,
            query=LedgerQuery,
            answers={200: Answer("The ledger.", Envelope[Ledger], {"status": "true", "data": example, "message": "Success"})},
            refusals=(NotAllowed, RecordNotFound, errors.ProjectionBehind),
        )
        made.append(endpoint("GET", f"/api/desktop/{path}", operation)(ledger))
    account = {"account": "1000", "name": "Cash", "type": "asset", "opening": "0.00", "debit": "100.00", "credit": "0.00"}
    totals: Row = {"accounts": [account], "totals": []}
    for path, id_ in (("erp/trialBalance", "saimpexTrialBalance"), ("erp/getTrialBalance", "saimpexGetTrialBalance")):
        operation = Operation(
            id=id_,
            summary="The trial balance",
            tag=tags.ERP,
            query=PeriodQuery,
            answers={
                200: Answer("The accounts.", Envelope[TrialBalance], {"status": "true", "data": totals, "message": "Success"})
            },
            refusals=(NotAllowed, errors.ProjectionBehind),
        )
        made.append(endpoint("GET", f"/api/desktop/{path}", operation)(balance))
    return made


HANDLERS = [*create_journal_entry, *post_journal_entry, *_reports()]
