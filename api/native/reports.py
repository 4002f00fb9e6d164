"""The books' reports: between dates, as of a seq or a time, as JSON or CSV, and never older than the request."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.endpoint import Operation, endpoint
from api.http_errors import HttpRequest
from api.native import report_forms as forms
from api.native.report_examples import EXAMPLES
from api.native.reporting import Asking, Lines, report_operation
from domain import errors
from domain.errors import RecordNotFound
from infra.reports.aged import Side, aged
from infra.reports.asking import Question, Report
from infra.reports.lines import Page, general_ledger, party_statement
from infra.reports.statements import accounts, balance_sheet, income_and_expense
from infra.reports.stock_value import stock_value
from infra.reports.trial_balance import trial_balance
from infra.reports.vat_summary import vat_summary

_REFUSALS = (errors.CursorAhead, errors.ProjectionBehind)


def _operation(
    name: str, summary: str, answer: type, query: type, *more: type[errors.LedgerError], description: str = ""
) -> Operation:
    title = "".join(part.capitalize() for part in name.split("-"))
    return report_operation(
        f"report{title}", summary, answer, EXAMPLES[name], query, refusals=(*_REFUSALS, *more), description=description
    )


def _simple(
    name: str,
    summary: str,
    report: Callable[[Question], Report],
    query: type,
    answer: type,
    row: type[msgspec.Struct],
    part: str = "accounts",
    description: str = "",
) -> HTTPRouteHandler:
    """An endpoint whose query is all it takes. As CSV it answers one of its parts."""

    async def handle(request: HttpRequest) -> ASGIResponse:
        asking, _ = Asking.read(request, query)
        return asking.answer(name, await asking.tell(report), row, part)

    return endpoint("GET", f"/ledger/v1/reports/{name}", _operation(name, summary, answer, query, description=description))(handle)


@endpoint(
    "GET",
    "/ledger/v1/reports/general-ledger/{account:path}",
    _operation(
        "general-ledger",
        "An account's lines, with the balance after each",
        forms.GeneralLedger,
        forms.LedgerQuery,
        errors.RecordNotFound,
        errors.CursorInvalid,
        description="In the order of days. Pages after the first are as of the seq that the first was read at.",
    ),
)
async def report_general_ledger(request: HttpRequest, account: FromPath[str]) -> ASGIResponse:
    """The general ledger of one account."""
    asking, query = Asking.read(request, forms.LedgerQuery)
    code = account.removeprefix("/")
    if "\x00" in code:  # no text of the database's can hold it, so no account is called so
        raise RecordNotFound(f"There is no account {code!r}.", path="account")

    def report(question: Question, page: Page) -> Report:
        return general_ledger(question, code, page, parts=query.parts)

    lines = Lines(asking, query, report)
    told = await lines.first()
    if told.answer.parts["exists"] != b"true":
        raise RecordNotFound(f"There is no account {code!r}, and nothing was posted to it by then.", path="account")
    return lines.answer("general-ledger", told, forms.LedgerLine, account=code)


@endpoint(
    "GET",
    "/ledger/v1/reports/party-statement/{party:str}",
    _operation(
        "party-statement",
        "What a party was billed, paid and owes, with the balance after each line",
        forms.PartyStatement,
        forms.Paged,
        errors.RecordNotFound,
        errors.CursorInvalid,
        description="The party's lines on receivables, payables, credit and dishonoured cheques. Above zero the party owes us.",
    ),
)
async def report_party_statement(request: HttpRequest, party: FromPath[str]) -> ASGIResponse:
    """The statement of one party."""
    asking, query = Asking.read(request, forms.Paged)
    party_id, name = await asking.party(party, "party")

    def report(question: Question, page: Page) -> Report:
        return party_statement(question, party_id, page)

    lines = Lines(asking, query, report)
    return lines.answer("party-statement", await lines.first(), forms.LedgerLine, party_id=party_id, party=name)


@endpoint(
    "GET",
    "/ledger/v1/reports/party-balance/{party:str}",
    _operation("party-balance", "What a party owes, by account", forms.PartyBalance, forms.Between, errors.RecordNotFound),
)
async def report_party_balance(request: HttpRequest, party: FromPath[str]) -> ASGIResponse:
    """The balance of one party."""
    asking, _ = Asking.read(request, forms.Between)
    party_id, name = await asking.party(party, "party")
    told = await asking.tell(lambda question: party_statement(question, party_id, None))
    return asking.answer("party-balance", told, forms.PartyAccount, "accounts", party_id=party_id, party=name)


def _aged(side: Side) -> HTTPRouteHandler:
    async def handle(request: HttpRequest) -> ASGIResponse:
        asking, query = Asking.read(request, forms.AgedQuery)
        party_id = (await asking.party(query.party, "party"))[0] if query.party is not None else None
        told = await asking.tell(partial(aged, side=side, party_id=party_id, document_id=query.document))
        if query.document is not None and told.answer.parts["known"] != b"true":
            raise RecordNotFound("There is no such document.", path="document")
        told.answer.parts.pop("known", None)
        row: Any = forms.AgedDocument
        if not query.documents:
            del told.answer.parts["documents"]
            row = forms.AgedParty
        return asking.answer(f"aged-{side}", told, row, "documents" if query.documents else "parties")

    described = _operation(
        f"aged-{side}",
        f"Open {side} by how long they have been due, per party and per document",
        forms.Aged,
        forms.AgedQuery,
        errors.RecordNotFound,
        description="As CSV, the documents; with `documents=false`, the parties.",
    )
    return endpoint("GET", f"/ledger/v1/reports/aged-{side}", described)(handle)


HANDLERS = [
    _simple(
        "trial-balance",
        "Opening, debits, credits and closing of every account",
        trial_balance,
        forms.Between,
        forms.TrialBalance,
        forms.AccountAmounts,
    ),
    report_general_ledger,
    report_party_statement,
    report_party_balance,
    _aged("receivables"),
    _aged("payables"),
    _simple(
        "income-and-expense",
        "Revenue, expense and what is left",
        income_and_expense,
        forms.Between,
        forms.IncomeAndExpense,
        forms.TypedAmount,
    ),
    _simple("balance-sheet", "Assets, liabilities and equity", balance_sheet, forms.AtDay, forms.BalanceSheet, forms.TypedAmount),
    _simple(
        "vat-summary", "VAT of sales and purchases by rate", vat_summary, forms.Between, forms.VatSummary, forms.VatRate, "rates"
    ),
    _simple(
        "stock-value",
        "Quantity and value of stock at moving average cost",
        stock_value,
        forms.StockQuery,
        forms.StockValue,
        forms.StockProduct,
        "products",
    ),
    _simple("accounts", "The chart of accounts with balances", accounts, forms.AtDay, forms.Accounts, forms.ListedAccount),
]
