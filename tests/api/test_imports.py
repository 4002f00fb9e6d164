"""Imports over HTTP: the body is the file, the answer its report or every problem in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Company

PARTIES = "code,name\nC-1,Shirin Rugs\nC-2,Mina\n"


def send(company: Company, path: str, content: str | bytes, media_type: str = "text/csv", **more: Any) -> Any:
    headers = {"Content-Type": media_type} if media_type else {}
    return company.call("POST", f"/imports/{path}", content=content, headers=headers, **more)


def test_a_file_is_imported_once(company: Company) -> None:
    head = company.head()
    dry = send(company, "csv?kind=parties&dry_run=true", PARTIES)
    assert (dry.status_code, dry.json()["created"], company.head()) == (200, 2, head)
    answer = send(company, "csv?kind=parties", PARTIES)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["created"], answer.json()["seq"]) == (2, company.head())
    again = send(company, "csv?kind=parties", PARTIES).json()
    assert (again["created"], again["unchanged"], again["seq"]) == (0, 2, company.head())
    assert company.head() == head + 2
    event = company.get(f"/events?after={head}").json()["events"][0]
    assert event["actor_id"] == str(company.user_id), "the log says who imported"
    changed = send(company, "csv?kind=parties&update=true", PARTIES.replace("Mina", "Mina K."))
    assert changed.json()["updated"] == 1


def test_every_bad_row_is_answered(company: Company) -> None:
    head = company.head()
    answer = send(company, "csv?kind=parties", "code,name,currency\nA,A,QQQ\nB,,USD\n")
    assert answer.status_code == 422
    problem = answer.json()
    assert (problem["code"], problem["path"], problem["problem_count"], problem["stored"]) == ("import_refused", "line 2", 2, 0)
    assert [(one["line"], one["column"], one["code"]) for one in problem["problems"]] == [
        (2, "currency", "unknown_currency"),
        (3, "name", "invalid_field"),
    ]
    assert company.head() == head


def test_journals_and_statements(company: Company) -> None:
    journal = "2026-01-01 x\n  assets:1000 Cash  5 USD\n  equity:3000 Capital\n"
    assert send(company, "hledger", journal, "text/plain").json()["created"] >= 1
    assert send(company, "hledger", journal, "").json()["created"] == 0
    assert send(company, "ofx", "no statement", "application/x-ofx").json()["code"] == "import_refused"
    assert send(company, "ofx?account=Bank", b"\x00\xff", "application/octet-stream").json()["code"] == "import_refused"


@pytest.mark.parametrize(
    ("path", "media_type", "content", "status", "code"),
    [
        ("xml", "text/csv", PARTIES, 404, "route_not_found"),
        ("csv", "text/csv", PARTIES, 422, "invalid_field"),
        ("csv?kind=people", "text/csv", PARTIES, 422, "invalid_field"),
        ("ofx?kind=parties", "text/csv", PARTIES, 422, "invalid_field"),
        ("csv?kind=parties&dry_run=maybe", "text/csv", PARTIES, 422, "invalid_field"),
        ("csv?kind=parties&mapping=x", "text/csv", PARTIES, 422, "invalid_field"),
        ("csv?kind=parties&encoding=klingon", "text/csv", PARTIES, 422, "invalid_field"),
        ("csv?kind=parties", "application/json", "{}", 415, "media_type_unsupported"),
        ("csv?kind=parties", "multipart/form-data; boundary=x", "--x--", 415, "media_type_unsupported"),
        ("csv?kind=parties", "text/csv", "", 400, "malformed_request"),
        ("csv?kind=parties", "text/csv", "name\n" + "x" * 2_000_000, 413, "body_too_large"),
    ],
)
def test_requests_that_make_no_sense(company: Company, path: str, media_type: str, content: str, status: int, code: str) -> None:
    answer = send(company, path, content, media_type)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_who_may_import(company: Company, member: Callable[[str], Company]) -> None:
    assert send(member("accountant"), "csv?kind=parties", PARTIES).status_code == 200
    refused = send(member("viewer"), "csv?kind=parties", PARTIES)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert company.client.post("/ledger/v1/imports/csv?kind=parties", content=PARTIES).status_code == 401


def test_the_description(client: Any) -> None:
    operation = client.get("/schema/openapi.json").json()["paths"]["/ledger/v1/imports/{file_format}"]["post"]
    assert set(operation["requestBody"]["content"]) >= {"text/csv", "application/x-ofx", "text/plain"}
    assert {"kind", "dry_run", "account", "decimal_comma"} <= {one["name"] for one in operation["parameters"]}
    assert "import_refused" in operation["responses"]["422"]["description"]
