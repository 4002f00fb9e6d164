"""Shift reports over HTTP: X while the shift is open, Z when it is closed, and never other cash than the journal's."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from infra.composition import Services
from infra.settings import Settings

from .conftest import Company, register

pytestmark = pytest.mark.usefixtures("following")


def report(company: Company, path: str, **query: Any) -> dict[str, Any]:
    answer = company.get(f"/reports/{path}", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-seq"] == str(answer.json()["seq"]) == str(company.head())
    found: dict[str, Any] = answer.json()
    return found


def act(company: Company, type_: str, record_id: str, **data: Any) -> None:
    answer = company.execute({"type": type_, "id": record_id, "data": data})
    assert answer.status_code == 200, answer.text


def trade(company: Company) -> dict[str, Any]:
    """A morning at the till: two sales, one by card in part, a return, change money, petty cash and an expense."""
    cashier = company.create("user", name="=Sara")
    shift = company.create("shift", cashier_id=cashier["id"], opening_cash="500", till="1")["id"]
    tea = company.create("product", name="Tea", price="10", vat_rate="10")["id"]
    at = {"shift_id": shift}

    def sell(type_: str, lines: list[dict[str, Any]], **more: Any) -> str:
        found: str = company.create("invoice", type=type_, lines=lines, moves_stock=True, **at, **more)["id"]
        return found

    first = sell("sales", [{"product_id": tea, "quantity": 3, "discount": "2.5"}, {"description": "Bag", "unit_price": "1"}])
    second = sell("sales", [{"product_id": tea, "quantity": 1}], discount="1", shipping="4")
    back = sell("sales_return", [{"product_id": tea, "quantity": 1}], returns_id=first)
    company.create("payment", amount="20", invoice_id=first, method="cash", **at)
    company.create("payment", amount="11.25", invoice_id=first, method="card", **at)
    company.create("payment", amount="14", invoice_id=second, **at)
    company.create("payment", amount="11", invoice_id=back, **at)
    company.create("cash_transaction", amount="15", direction="in", category="change", **at)
    moved = company.create("cash_transaction", amount="40", direction="out", category="1100", **at)["id"]
    company.create("expense", amount="3.50", category="cleaning", **at)
    company.create("expense", amount="99", status="requested", **at)
    company.create("invoice", type="sales", lines=[{"description": "elsewhere", "unit_price": "77"}])
    return {"shift": shift, "cashier": cashier, "moved": moved, "first": first}


def in_the_journal(settings: Settings, company: Company, shift: str) -> Decimal:
    """What the books posted to cash for whatever names the shift."""
    company.get("/reports/trial-balance")  # until the journal has reached the head
    with psycopg.connect(settings.database_url or "") as owner:
        row = owner.execute(
            """SELECT coalesce(sum(debit - credit), 0) FROM daftar.journal_lines j JOIN daftar.records r
            ON r.company_id = j.company_id AND r.id = j.record_id
            WHERE j.company_id = %s AND account = '1000' AND r.document::jsonb -> 'data' ->> 'shift_id' = %s""",
            (company.id, shift),
        ).fetchone()
    assert row is not None
    return Decimal(row[0])


def test_x_then_z(company: Company, api_settings: Settings) -> None:
    made = trade(company)
    shift = made["shift"]
    x = report(company, "shift/1")
    header = x["shift"]
    assert (header["report"], header["number"], header["cashier"], header["status"]) == ("X", 1, "=Sara", "open")
    assert (header["id"], header["cashier_id"]) == (shift, made["cashier"]["id"])
    common = {"currency": "USD"}
    assert x["documents"] == [
        {"type": "sales", **common, "count": 2, "gross": "41.00", "discounts": "3.50", "charges": "4.00", "net": "41.50",
         "vat": "3.75", "total": "45.25"},
        {"type": "sales_return", **common, "count": 1, "gross": "10.00", "discounts": "0.00", "charges": "0.00", "net": "10.00",
         "vat": "1.00", "total": "11.00"},
    ]  # fmt: skip
    assert x["vat"] == [
        {"type": "sales", "vat_rate": "0", "levy_rate": "0", **common, "net": "1.00", "vat": "0.00"},
        {"type": "sales", "vat_rate": "10", "levy_rate": "0", **common, "net": "37.50", "vat": "3.75"},
        {"type": "sales_return", "vat_rate": "10", "levy_rate": "0", **common, "net": "10.00", "vat": "1.00"},
    ]
    assert [tuple(row.values()) for row in x["payments"]] == [
        ("card", "in", "USD", 1, "11.25", "0.00"),
        ("cash", "in", "USD", 2, "34.00", "34.00"),
        ("cash", "out", "USD", 1, "11.00", "-11.00"),
    ]
    assert [tuple(row.values()) for row in x["cash_movements"]] == [
        ("in", "change", "USD", 1, "15.00"),
        ("out", "1100", "USD", 1, "40.00"),
    ]
    assert [tuple(row.values()) for row in x["expenses"]] == [("cleaning", None, "USD", 1, "3.50", "-3.50")]
    drawer = {
        **common, "opening": "500.00", "payments_in": "34.00", "payments_out": "11.00", "moved_in": "15.00", "moved_out": "40.00",
        "expenses": "3.50", "expected": "494.50", "counted": None, "variance": None, "late_cash": None,
    }  # fmt: skip
    assert x["drawer"] == drawer
    assert in_the_journal(api_settings, company, shift) == Decimal("494.50") - 500

    act(company, "shift.close", shift, closing_cash="490", notes="busy")
    z = report(company, f"shift/{shift}")
    assert (z["shift"]["report"], z["shift"]["closing_notes"], z["shift"]["variance_reason"]) == ("Z", "busy", None)
    assert z["drawer"] == {**drawer, "counted": "490.00", "variance": "-4.50"}
    assert {**z, "shift": {}, "drawer": {}, "seq": 0} == {**x, "shift": {}, "drawer": {}, "seq": 0}

    act(company, "cash_transaction.update", made["moved"], amount="45")
    late = report(company, "shift/1")["drawer"]
    assert (late["expected"], late["variance"], late["late_cash"]) == ("489.50", "0.50", "-5.00")
    stored = company.get(f"/records/shift/{shift}").json()["data"]
    assert (stored["expected_cash"], stored["variance"]) == ("489.50", "0.50")
    assert in_the_journal(api_settings, company, shift) == Decimal("489.50") - 500


def test_shifts_and_their_cashiers(company: Company, services: Services, client: Any) -> None:
    made = trade(company)
    act(company, "shift.close", made["shift"], closing_cash="490")
    company.create("shift", cashier_id=made["cashier"]["id"], opening_cash="1")
    other = company.create("user", name="Nabil")
    company.create("shift", cashier_id=other["id"])
    found = report(company, "shifts")
    assert [(row["number"], row["report"], row["cashier"], row["variance"]) for row in found["shifts"]] == [
        (3, "X", "Nabil", None),
        (2, "X", "=Sara", None),
        (1, "Z", "=Sara", "-4.50"),
    ]
    last = found["shifts"][-1]
    assert (last["sales"], last["returns"], last["net"], last["vat"], last["total"]) == (2, 1, "31.50", "2.75", "34.25")
    assert (last["gross"], last["discounts"], last["charges"], last["cash"]) == ("31.00", "3.50", "4.00", "-5.50")
    assert [(row["cashier"], row["shifts"], row["sales"], row["total"], row["variance"]) for row in found["cashiers"]] == [
        ("=Sara", 2, 2, "34.25", "-4.50"),
        ("Nabil", 1, 0, "0.00", "0"),
    ]
    assert [row["number"] for row in report(company, "shifts", cashier=other["number"])["shifts"]] == [3]
    assert [row["number"] for row in report(company, "shifts", limit=1)["shifts"]] == [3]
    assert report(company, "shifts", to="2020-01-01") | {"seq": 0} == {"seq": 0, "shifts": [], "cashiers": []}
    today = company.get("/records/shift/1").json()["data"]["opened_at"][:10]
    assert len(report(company, "shifts", **{"from": today, "to": today})["shifts"]) == 3
    stranger = register(services, client)
    assert stranger.get(f"/reports/shift/{made['shift']}").json()["code"] == "record_not_found"
    assert stranger.get("/reports/shifts").json()["shifts"] == []


def test_as_csv_and_not_modified(company: Company) -> None:
    made = trade(company)
    answer = company.get("/reports/shift/1", headers={"Accept": "text/csv"})
    assert answer.headers["content-disposition"] == 'attachment; filename="shift-1.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {"section": "drawer", "name": "expected", "currency": "USD", "count": "", "amount": "494.50", "vat": ""} in rows
    assert {"section": "payments", "name": "in card", "currency": "USD", "count": "1", "amount": "11.25", "vat": ""} in rows
    rows = list(csv.DictReader(io.StringIO(company.get("/reports/shifts", params={"format": "csv"}).text)))
    assert (rows[0]["cashier"], rows[0]["total"]) == ("'=Sara", "34.25")
    tag = company.get("/reports/shift/1").headers["etag"]
    assert company.get("/reports/shift/1", headers={"If-None-Match": tag}).status_code == 304
    act(company, "shift.close", made["shift"], closing_cash="1")
    assert company.get("/reports/shift/1", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("path", "query", "status", "code", "place"),
    [
        ("shift/1", {}, 404, "record_not_found", "shift"),
        ("shift/99999999999999999", {}, 404, "record_not_found", "shift"),
        ("shift/x", {}, 404, "record_not_found", "shift"),
        ("shift/1", {"at_seq": 1}, 422, "invalid_field", "at_seq"),
        ("shifts", {"limit": 0}, 422, "invalid_field", "limit"),
        ("shifts", {"from": "2026-02-02", "to": "2026-02-01"}, 422, "invalid_field", "from"),
        ("shifts", {"cashier": 99}, 404, "record_not_found", "cashier"),
        ("shifts", {"cashier": "x"}, 404, "record_not_found", "cashier"),
    ],
)
def test_what_cannot_be_asked(company: Company, path, query, status, code, place) -> None:
    answer = company.get(f"/reports/{path}", params=query)
    body = answer.json()
    assert (answer.status_code, body["code"], body.get("path")) == (status, code, place), body
