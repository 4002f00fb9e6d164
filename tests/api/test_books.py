"""Closed accounts and closed periods over HTTP: what is refused, by which code and where, and who may close."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from domain.chart import DEFAULT_CHART

from .conftest import Company

DAY_BEFORE = (date.today() - timedelta(days=2)).isoformat()  # noqa: DTZ011 - past in every time zone


def refused(company: Company, answer: httpx.Response, status: int, code: str, path: str) -> None:
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["path"]) == (status, code, path), problem


def entry(*codes: str, **rest: Any) -> dict[str, Any]:
    sides = ("debit", "credit")
    lines = [{"account_code": code, side: "10"} for code, side in zip(codes, sides, strict=True)]
    return {"type": "journal_entry.create", "client_id": f"entry {codes}", "data": {"lines": lines, **rest}}


def test_a_company_begins_with_its_chart(company: Company) -> None:
    accounts = company.get("/records/account?page_size=100").json()["records"]
    assert {account["data"]["code"] for account in accounts} == set(DEFAULT_CHART)
    assert all(account["data"]["is_system"] for account in accounts)


def test_accounts_that_are_closed(company: Company) -> None:
    account = {"type": "account.create", "client_id": "7000", "data": {"code": "7000", "name": "Travel", "type": "expense"}}
    draft = entry("7000:trains", "1000")
    assert company.execute(account, draft).status_code == 200
    assert company.execute({"type": "account.delete", "client_id": "7000"}).status_code == 200
    before = company.head()
    where = "commands[0].data.lines[0].account_code"
    refused(company, company.execute({"type": "journal_entry.post", "client_id": draft["client_id"]}), 409, "account_closed", where)
    refused(company, company.execute(entry("7000", "1000")), 409, "account_closed", where)
    refused(company, company.execute({**account, "client_id": "again"}), 409, "value_taken", "commands[0].data.code")
    assert company.head() == before


def test_periods_that_are_closed(company: Company) -> None:
    late = [
        {"type": "invoice.create", "data": {"type": "sales", "issue_date": DAY_BEFORE}},
        {"type": "payment.create", "data": {"amount": "5", "date": DAY_BEFORE}},
        {"type": "expense.create", "data": {"amount": "5", "date": DAY_BEFORE}},
        entry("1000", "3000", date=DAY_BEFORE, post_now=True),
    ]
    closing = {"type": "company.close_books", "id": str(company.id), "data": {"through": DAY_BEFORE}}
    assert company.execute(closing).status_code == 200
    assert company.execute(late[0]).status_code == 200, "late facts are taken with their own date"
    setting = {"type": "company.update", "id": str(company.id), "data": {"late_facts": "refuse"}}
    assert company.execute(setting).status_code == 200
    before = company.head()
    refused(company, company.execute(closing), 422, "invalid_field", "commands[0].data.through")
    for command in late:
        path = "commands[0].data.issue_date" if command["type"] == "invoice.create" else "commands[0].data.date"
        answer = company.execute(command)
        refused(company, answer, 409, "period_closed", path)
        assert (answer.json()["date"], answer.json()["closed_through"]) == (DAY_BEFORE, DAY_BEFORE)
    refused(company, company.call("DELETE", "/records/invoice/1"), 409, "period_closed", "id")
    assert company.head() == before
    opened = company.call("POST", f"/records/company/{company.id}/reopen_books", json={"data": {"through": None}})
    assert opened.status_code == 200, opened.text
    assert company.execute(*late).status_code == 200


@pytest.mark.parametrize(
    ("role", "may"), [("accountant", True), ("tenantAdmin", True), ("user", False), ("staff", False), ("viewer", False)]
)
def test_who_closes_books(company: Company, member: Callable[[str], Company], role: str, may: bool) -> None:
    closer = member(role)
    for action, through in (("close_books", DAY_BEFORE), ("reopen_books", None)):
        answer = closer.execute({"type": f"company.{action}", "id": str(company.id), "data": {"through": through}})
        if may:
            assert answer.status_code == 200, answer.text
        else:
            refused(company, answer, 403, "not_allowed", "commands[0].type")
