"""Reports over HTTP: they hold the caller's last write, as JSON, as CSV and in pages, and refuse what makes no sense."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from infra.composition import Services
from infra.settings import Settings

from .conftest import Company, register

pytestmark = pytest.mark.usefixtures("following")
SIMPLE = [
    "trial-balance",
    "aged-receivables",
    "aged-payables",
    "income-and-expense",
    "balance-sheet",
    "vat-summary",
    "stock-value",
    "accounts",
]
NOBODY = "0197a6b3-1f00-7a52-8c0b-5a4b3c2d1e0f"


def trade(company: Company) -> dict[str, Any]:
    """A sale of 250.00 and 25.00 VAT in March, of which 100.00 was paid; and a purchase of tea at 3.25."""
    party = company.create("party", name="=Shirin", roles=["customer", "supplier"])
    tea = company.create("product", name="Tea", sku="T", price="12.50", vat_rate="10")
    common = {"party_id": party["id"], "moves_stock": True}
    bought = company.create(
        "invoice",
        type="purchase",
        issue_date="2026-03-02",
        lines=[{"product_id": tea["id"], "quantity": 40, "unit_price": "3.25"}],
        **common,
    )
    sold = company.create(
        "invoice",
        type="sales",
        issue_date="2026-03-21",
        due_date="2026-03-25",
        lines=[{"product_id": tea["id"], "quantity": 20}],
        **common,
    )
    paid = company.create("payment", amount="100", invoice_id=sold["id"], date="2026-04-01")
    return {"party": party, "tea": tea, "bought": bought, "sold": sold, "paid": paid}


@pytest.fixture
def trading(company: Company) -> tuple[Company, dict[str, Any]]:
    return company, trade(company)


def report(company: Company, path: str, **query: Any) -> dict[str, Any]:
    answer = company.get(f"/reports/{path}", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-seq"] == str(answer.json()["seq"])
    return answer.json()


def by_account(rows: list[dict[str, Any]], name: str) -> dict[str, str]:
    return {row["account"]: row[name] for row in rows}


def test_every_report_tells_of_the_same_trade(trading: tuple[Company, dict[str, Any]]) -> None:
    company, made = trading
    head = company.head()
    told = report(company, "trial-balance", **{"from": "2026-03-01", "to": "2026-03-31"})
    assert told | {"accounts": [], "totals": []} == {
        "seq": head, "from": "2026-03-01", "to": "2026-03-31", "by": "posted_on", "accounts": [], "totals": [],
    }  # fmt: skip
    assert by_account(told["accounts"], "closing") == {
        "1200": "275.00", "1400": "13.00", "2000": "-143.00", "2100": "-25.00", "4000": "-250.00", "5000": "130.00",
    }  # fmt: skip
    assert by_account(told["accounts"], "name")["1200"] == "Accounts receivable"
    assert told["totals"] == [{"currency": "USD", "opening": "0.00", "debit": "418.00", "credit": "418.00", "closing": "0.00"}]
    latest = report(company, "trial-balance")
    assert by_account(latest["accounts"], "debit")["1200"] == "175.00"
    ledger = report(company, "general-ledger/1200")
    assert ledger["name"] == "Accounts receivable"
    assert [(line["kind"], line["balance"], line["party"]) for line in ledger["lines"]] == [
        ("invoice", "275.00", "=Shirin"),
        ("payment", "175.00", "=Shirin"),
    ]
    statement = report(company, f"party-statement/{made['party']['number']}")
    assert statement["balances"] == [
        {"currency": "USD", "opening": "0.00", "debit": "275.00", "credit": "243.00", "closing": "32.00"}
    ]
    assert [line["balance"] for line in statement["lines"]] == ["-143.00", "132.00", "32.00"]
    balance = report(company, f"party-balance/{made['party']['id']}", to="2026-03-31")
    assert by_account(balance["accounts"], "closing") == {"1200": "275.00", "2000": "-143.00"}
    aged = report(company, "aged-receivables", to="2026-05-01")
    assert [(row["number"], row["days_overdue"], row["days_31_60"]) for row in aged["documents"]] == [(2, 37, "175.00")]
    assert (aged["day"], aged["totals"][0]["net"]) == ("2026-05-01", "175.00")
    assert report(company, "aged-payables", to="2026-03-02", documents=False)["parties"][0]["not_due"] == "143.00"
    assert report(company, "aged-receivables", party=1, document=made["bought"]["id"])["documents"] == []
    assert report(company, "income-and-expense")["totals"] == [
        {"currency": "USD", "revenue": "250.00", "expense": "130.00", "net": "120.00"}
    ]
    sheet = report(company, "balance-sheet")["totals"][0]
    assert (sheet["assets"], sheet["liabilities_and_equity"], sheet["earnings"]) == ("288.00", "288.00", "120.00")
    vat = report(company, "vat-summary")
    assert [(row["direction"], row["vat_rate"], row["net"], row["vat"]) for row in vat["rates"]] == [
        ("output", "10", "250.00", "25.00"),
        ("input", "10", "130.00", "13.00"),
    ]
    assert vat["totals"][0]["payable"] == "12.00"
    stock = report(company, "stock-value", **{"from": "2026-03-10"})["products"][0]
    assert (stock["quantity"], stock["average_cost"], stock["value"], stock["opening_value"]) == ("20", "3.25", "65.00", "130.00")
    chart = report(company, "accounts")["accounts"]
    assert {row["account"]: row["balance"] for row in chart}["1200"] == "175.00"
    assert {row["account"]: row["balance"] for row in chart}["3000"] is None


def test_a_report_holds_the_callers_last_write(company: Company) -> None:
    party = company.create("party", name="Shirin")
    for n in range(1, 20):
        seq = company.create("payment", amount="1", party_id=party["id"])["seq"]
        told = report(company, "trial-balance")
        assert told["seq"] >= seq
        assert by_account(told["accounts"], "debit")["1000"] == f"{n}.00"


def test_as_of_a_seq_and_as_of_a_time(trading: tuple[Company, dict[str, Any]]) -> None:
    company, made = trading
    before = made["paid"]["seq"] - 1
    assert by_account(report(company, "trial-balance", at_seq=before)["accounts"], "closing")["1200"] == "275.00"
    paid = company.get(f"/events?after={before}&limit=1").json()["events"][0]["recorded_at"]
    assert report(company, "trial-balance", at=paid)["seq"] == made["paid"]["seq"]
    assert report(company, "trial-balance", at="2001-01-01T00:00:00Z") | {"seq": 0} == report(company, "trial-balance", at_seq=0)
    for name in SIMPLE:
        empty = report(company, name, at_seq=0)
        assert empty["seq"] == 0
        assert empty.get("totals", []) == []


def test_an_empty_company_has_reports(company: Company) -> None:
    for name in SIMPLE:
        told = report(company, name)
        assert told.get("totals", []) == []
    assert report(company, "general-ledger/1000")["lines"] == []
    party = company.create("party", name="Shirin")
    assert report(company, f"party-statement/{party['id']}")["balances"] == []


def test_etags(trading: tuple[Company, dict[str, Any]]) -> None:
    company, _ = trading
    first = company.get("/reports/trial-balance")
    same = {"headers": {"If-None-Match": first.headers["etag"]}}
    assert company.get("/reports/trial-balance", **same).status_code == 304
    company.create("party", name="Another")
    assert company.get("/reports/trial-balance", **same).status_code == 200


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("name", [*SIMPLE, "general-ledger/1200", "party-statement/1", "party-balance/1"])
def test_csv_holds_the_rows_of_the_json(trading: tuple[Company, dict[str, Any]], name: str) -> None:
    company, _ = trading
    told = report(company, name)
    answer = company.get(f"/reports/{name}", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; header=present; charset=utf-8"
    assert answer.headers["x-seq"] == str(told["seq"])
    assert answer.text.replace("\r\n", "").count("\n") == 0, "lines end as RFC 4180 says"
    part = next(part for part in ("lines", "documents", "rates", "products", "accounts") if part in told)
    expected = [{key: "" if value is None else str(value) for key, value in row.items()} for row in told[part]]
    for row in expected:
        if row.get("party"):
            row["party"] = "'=Shirin"
        if "closed" in row:
            row["closed"] = row["closed"].lower()
    assert read_csv(answer.text) == expected
    assert company.get(f"/reports/{name}?format=csv").text == answer.text


def test_pages_of_lines_are_as_of_the_first(company: Company) -> None:
    party = company.create("party", name="Shirin")
    payment = {"type": "payment.create", "data": {"amount": "1", "party_id": party["id"], "date": "2026-05-05"}}
    company.execute(*[payment] * 25)
    whole = report(company, "general-ledger/1000")
    page = report(company, "general-ledger/1000", limit=10)
    lines = page["lines"]
    early = {**payment, "data": {**payment["data"], "date": "2026-01-01"}}
    company.execute(early, payment)
    while page["cursor"] is not None:
        page = report(company, "general-ledger/1000", limit=10, cursor=page["cursor"])
        lines += page["lines"]
    assert lines == whole["lines"]
    assert page["balances"] == whole["balances"]
    assert len(read_csv(company.get("/reports/general-ledger/1000?format=csv").text)) == 27
    cut = company.get("/reports/general-ledger/1000?format=csv&limit=10")
    assert len(read_csv(cut.text)) == 10
    assert cut.headers["x-cursor"].startswith(cut.headers["x-seq"])


def test_a_stream_of_many_lines(company: Company) -> None:
    party = company.create("party", name="Shirin")
    company.execute(*[{"type": "payment.create", "data": {"amount": "1", "party_id": party["id"]}}] * 4_999)
    company.execute(*[{"type": "payment.create", "data": {"amount": "1", "party_id": party["id"]}}] * 2_000)
    for path in ("general-ledger/1000", "party-statement/1"):
        rows = read_csv(company.get(f"/reports/{path}?format=csv").text)
        assert [row["balance"].lstrip("-") for row in rows] == [f"{n}.00" for n in range(1, 7_000)]


def test_parts_of_an_account(company: Company) -> None:
    company.create("expense", amount="12.30", category="Rent")
    company.create("expense", amount="3", category="a/b")
    company.create("expense", amount="2")
    assert report(company, "general-ledger/6000")["balances"][0]["closing"] == "2.00"
    assert report(company, "general-ledger/6000", parts=True)["balances"][0]["closing"] == "17.30"
    rent = report(company, "general-ledger/6000:rent")
    assert (rent["name"], rent["lines"][0]["debit"]) == ("Expenses: rent", "12.30")
    assert report(company, "general-ledger/6000:a%2Fb")["balances"][0]["closing"] == "3.00"


REFUSED = [
    ("trial-balance?from=2026-02-30", 422, "invalid_field", "from"),
    ("trial-balance?to=yesterday", 422, "invalid_field", "to"),
    ("trial-balance?from=2026-03-02&to=2026-03-01", 422, "invalid_field", "from"),
    ("trial-balance?by=day", 422, "invalid_field", "by"),
    ("trial-balance?at_seq=1&at=2026-03-01T00:00:00Z", 422, "invalid_field", "at"),
    ("trial-balance?at=2026-03-01", 422, "invalid_field", "at"),
    ("trial-balance?at_seq=-1", 422, "invalid_field", "at_seq"),
    ("trial-balance?at_seq=999999", 409, "cursor_ahead", "at_seq"),
    ("trial-balance?unknown=1", 422, "invalid_field", "unknown"),
    ("trial-balance?to=2026-03-01&to=2026-03-02", 422, "invalid_field", "to"),
    ("trial-balance?format=xml", 422, "invalid_field", "format"),
    ("balance-sheet?from=2026-03-01", 422, "invalid_field", "from"),
    ("general-ledger/7777", 404, "record_not_found", "account"),
    ("general-ledger/1000?limit=0", 422, "invalid_field", "limit"),
    ("general-ledger/1000?cursor=1", 400, "cursor_invalid", "cursor"),
    ("general-ledger/1000?cursor=1.2026-02-30.1.1", 400, "cursor_invalid", "cursor"),
    ("general-ledger/1000?cursor=999999.2026-02-03.1.1", 409, "cursor_ahead", "cursor"),
    ("general-ledger/1000?cursor=1.2026-02-03.1.1&at_seq=1", 422, "invalid_field", "cursor"),
    ("party-statement/7", 404, "record_not_found", "party"),
    (f"party-statement/{NOBODY}", 404, "record_not_found", "party"),
    ("party-balance/x", 404, "record_not_found", "party"),
    ("aged-receivables?party=7", 404, "record_not_found", "party"),
    (f"aged-receivables?document={NOBODY}", 404, "record_not_found", "document"),
    ("nothing", 404, "route_not_found", ""),
]


@pytest.mark.parametrize(("path", "status", "code", "where"), REFUSED, ids=[case[0] for case in REFUSED])
def test_what_makes_no_sense_is_refused(company: Company, path: str, status: int, code: str, where: str) -> None:
    answer = company.get(f"/reports/{path}")
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem.get("path", "")) == (status, code, where), answer.text


def test_another_companys_party_is_nobody(trading: tuple[Company, dict[str, Any]], services: Services, client: Any) -> None:
    _, made = trading
    other = register(services, client)
    for path in (f"party-statement/{made['party']['id']}", f"aged-receivables?document={made['sold']['id']}"):
        assert other.get(f"/reports/{path}").status_code == 404
    assert report(other, "trial-balance")["accounts"] == []


def test_who_may_only_read_reads_reports(trading: tuple[Company, dict[str, Any]], member: Any) -> None:
    assert report(member("viewer"), "trial-balance")["accounts"]
    company, _ = trading
    company.call("POST", "/logout")
    assert company.get("/reports/trial-balance").status_code == 401


def test_a_parked_projection_is_told(company: Company, api_settings: Settings) -> None:
    report(company, "trial-balance")
    head = company.head()
    with psycopg.connect(api_settings.database_url, autocommit=True) as owner:
        owner.execute(
            "UPDATE daftar.positions SET parked_seq = %s, parked_error = 'x' WHERE company_id = %s AND follower = 'balances'",
            (head + 1, company.id),
        )
    company.create("party", name=uuid4().hex)
    answer = company.get("/reports/trial-balance")
    assert (answer.status_code, answer.json()["code"], answer.json()["parked_seq"]) == (503, "projection_behind", head + 1)
    assert answer.headers["retry-after"]
    assert report(company, "trial-balance", at_seq=head)["seq"] == head, "what it has reached is told"
    assert json.loads(company.get("/reports/vat-summary").text)["seq"] == head + 1
