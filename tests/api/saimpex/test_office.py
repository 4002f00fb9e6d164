"""Behind the till: purchase orders, journal entries and reports, employees, leave and expenses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tills import Till, queued

from tests.api.conftest import Company

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
LINES = [{"account_code": "1000", "debit": 100, "credit": 0}, {"account_code": "3000", "debit": 0, "credit": 100}]


def ordered(till: Till, **more: Any) -> dict[str, Any]:
    line = {"product_id": till.product(), "quantity": 10, "unit_price": 5, "tax_rate": 0}
    return {"supplier_id": till.supplier(), "order_date": "2026-05-28", "delivery_date": "2026-05-30", "products": [line], **more}


def test_an_order_made_offline_is_a_draft(till: Till) -> None:
    body = ordered(till, **queued())
    made = till.done("erp/createPurchaseOrder", body)
    assert (made["status"], made["is_draft"], made["po_number"], made["total_amount"]) == (1, True, "PO-000001", 50)
    assert "invoice" not in made
    assert till.stock(1) == 20
    assert till.done("erp/createPurchaseOrder", body)["id"] == made["id"]
    assert till.company.get("/records/invoice").json()["total"] == 0
    till.refused(422, "erp/purchaseOrderRepayment", purchase_order_id=made["id"], amount=5)


def test_an_order_made_online_is_received(till: Till) -> None:
    made = till.done("erp/createPurchaseOrder", ordered(till), payment_method="cash", paid_amount=20)
    assert (made["status"], made["is_draft"]) == (3, False)
    assert (made["invoice"]["paid_amount"], made["invoice"]["due_amount"]) == (20, 30)
    assert till.stock(1) == 30
    till.refused(422, "erp/purchaseOrderRepayment", purchase_order_id=made["id"], amount=31)
    paid = till.done("erp/purchaseOrderRepayment", purchase_order_id=made["id"], amount=30)
    assert (paid["invoice"]["due_amount"], paid["invoice"]["payment_status"]) == (0, "paid")
    till.refused(404, "erp/purchaseOrderRepayment", purchase_order_id=99, amount=1)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"supplier_id": 99}, "supplier_id"),
        ({"products": []}, "products"),
        ({"products": [{"product_id": 99, "quantity": 1, "unit_price": 1}]}, "products.0.product_id"),
        ({"products": [{"product_id": 1, "quantity": -1, "unit_price": 1}]}, "products.0.quantity"),
        ({"order_date": "soon"}, "order_date"),
        ({"paid_amount": 51}, "paid_amount"),
    ],
)
def test_bad_orders(till: Till, change: dict[str, Any], place: str) -> None:
    body = ordered(till)
    head = till.company.head()
    assert list(till.refused(422, "erp/createPurchaseOrder", {**body, **change})["data"]["errors"]) == [place]
    assert till.company.head() == head


def test_an_entry_made_offline_is_a_draft_and_posted_online(till: Till, following: None) -> None:
    action = queued()
    assert till.get("erp/postJournalEntry", journal_entry_client_id=action["client_id"]).status_code == 409
    made = till.done("erp/createJournalEntry", entry_date="2026-05-28", lines=LINES, post_now=True, **action)
    assert (made["status"], made["is_draft"], made["total_debit"]) == (1, True, 100)
    posted = till.call("GET", "erp/postJournalEntry", params={"journal_entry_client_id": action["client_id"]})
    assert posted.json()["data"]["is_draft"] is False
    assert till.call("GET", "erp/postJournalEntry", params={"id": made["id"]}).status_code == 409
    assert till.call("GET", "erp/postJournalEntry", params={"id": 99}).status_code == 404
    now = till.done("erp/createJournalEntry", entry_date="2026-05-29", lines=LINES, post_now=True)
    assert now["status"] == 2
    balance = {row["account"]: row for row in till.read("erp/trialBalance")["accounts"]}
    assert (balance["1000"]["debit"], balance["3000"]["credit"]) == ("200.00", "200.00")
    ledger = till.read("erp/ledger", account_code="1000", from_date="2026-05-29")
    assert [row["debit"] for row in ledger["lines"]] == ["100.00"]
    assert ledger["account_name"] == "Cash"
    assert till.get("erp/ledger", account_code="nothing").status_code == 404
    assert till.get("erp/ledger").status_code == 422
    assert till.get("erp/trialBalance", from_date="x").status_code == 422


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        ([LINES[0]], "lines"),
        ([LINES[0], {"account_code": "9999", "credit": 100}], "lines.1.account_code"),
        ([LINES[0], {"account_code": "3000", "credit": -100}], "lines.1.credit"),
        ([LINES[0], {"account_code": "3000", "credit": 90}], "lines"),
    ],
)
def test_bad_entries(till: Till, lines: list[Any], place: str) -> None:
    refused = till.refused(422, "erp/createJournalEntry", lines=lines, post_now=True)
    assert list(refused["data"]["errors"]) == [place]


def test_the_till_shows_in_the_books(till: Till, following: None) -> None:
    till.done("pos/createSale", items=[{"product_id": till.product(), "quantity": 2}])
    till.done("pos/createCashTransaction", amount=5, type=2, category="misc")
    balance = {row["account"]: row["closing"] for row in till.read("erp/getTrialBalance")["accounts"]}
    assert balance["1000"] == "17.00"
    assert (balance["4000"], balance["2100"]) == ("-20.00", "-2.00")


# Employees ------------------------------------------------------------------------------------------


def test_employees(till: Till) -> None:
    made = till.done("hrm/addEmployee", name="Mariem", email="mariem@example.com", role="cashier", password="correct horse")
    session = till.client.post("/api/desktop/login", json={"username": "mariem@example.com", "password": "correct horse"})
    assert session.json()["data"]["user"] == {"id": made["id"], "name": "Mariem", "email": "mariem@example.com", "role": "staff"}
    till.done("hrm/updateEmployee", employee_id=made["id"], phone="222")
    assert [row["phone"] for row in till.read("hrm/employees", search="mariem")["employees"]] == ["222"]
    till.refused(422, "hrm/addEmployee", name="Other", email="mariem@example.com")
    till.refused(422, "hrm/addEmployee", name="Other", role="emperor")
    till.refused(422, "hrm/addEmployee", name="Other", password="short")
    till.done("hrm/deleteEmployee", employee_id=made["id"])
    till.refused(403, "hrm/deleteEmployee", employee_id=1)


def test_an_employee_is_sent_back_as_it_was_answered(till: Till) -> None:
    made = till.done("hrm/addEmployee", name="Mariem", email="mariem@example.com", role="manager")["employee"]
    assert made["role"] == "tenantAdmin"
    again = till.done("hrm/updateEmployee", {**made, "employee_id": made["id"], "phone": "222"})["employee"]
    assert again == {**made, "phone": "222", "updated_at": again["updated_at"]}
    till.refused(403, "hrm/updateEmployee", employee_id=made["id"], role="tenantOwner")


def test_nobody_locks_themselves_out(till: Till, member: Callable[[str], Company]) -> None:
    owner = Till(till.company, member("owner").token)
    own = next(row for row in till.read("hrm/employees")["employees"] if row["role"] == "owner")
    head = till.company.head()
    for change in ({"status": 0}, {"role": "viewer"}, {"email": None}):
        owner.refused(403, "hrm/updateEmployee", {"employee_id": own["id"], **change})
    owner.refused(403, "hrm/deleteEmployee", employee_id=own["id"])
    assert till.company.head() == head
    owner.done("hrm/updateEmployee", employee_id=own["id"], role="owner", status=1, name="Mina")
    till.done("hrm/deleteEmployee", employee_id=own["id"])
    assert owner.get("sync/ping").status_code == 401


def test_attendance_of_a_day_is_one_mark(till: Till) -> None:
    employee = till.done("hrm/addEmployee", name="Mariem")["id"]
    day = {"employee_id": employee, "date": "2026-05-28"}
    came = till.done("hrm/markAttendance", **day, status=1, check_in="08:00", **queued())["attendance"]
    left = till.done("hrm/markAttendance", **day, check_out="17:30", **queued())["attendance"]
    assert left["id"] == came["id"]
    times = ("2026-05-28T08:00:00.000000Z", "2026-05-28T17:30:00.000000Z")
    assert (left["status"], left["check_in"], left["check_out"]) == (1, *times)
    till.refused(422, "hrm/markAttendance", **day, check_out="07:00")
    till.refused(422, "hrm/markAttendance", {"employee_id": 99, "status": 1})
    till.refused(422, "hrm/markAttendance", {**day, "status": 9})


def test_hours_are_given_on_the_companys_clock_and_answered_in_utc(till: Till) -> None:
    till.done("updateSettings", time_zone="Asia/Tehran")
    body = {"employee_id": 1, "date": "2026-05-28", "check_in": "08:00", "check_out": "2026-05-28T17:00:00+03:30"}
    mark = till.done("hrm/markAttendance", body)["attendance"]
    assert (mark["check_in"], mark["check_out"]) == ("2026-05-28T04:30:00.000000Z", "2026-05-28T13:30:00.000000Z")
    for change in ({"check_in": "0001-01-01T00:00"}, {"check_out": "9999-12-31T23:59:59"}, {"date": "0001-01-01"}):
        assert list(till.refused(422, "hrm/markAttendance", {**body, **change})["data"]["errors"]) == list(change)


def test_leave_is_asked_for_and_answered(till: Till) -> None:
    made = till.done("hrm/requestLeave", type=2, from_date="2026-06-01", to_date="2026-06-03", reason="Flu", **queued())
    assert (made["leave"]["type"], made["leave"]["status"], made["leave"]["user_id"]) == (2, 1, 1)
    answered = till.done("hrm/approveLeave", leave_id=made["id"], remarks="Get well")
    assert (answered["leave"]["status"], answered["leave"]["remarks"]) == (2, "Get well")
    till.refused(409, "hrm/rejectLeave", leave_id=made["id"])
    till.refused(422, "hrm/requestLeave", from_date="2026-06-03", to_date="2026-06-01")
    till.refused(404, "hrm/approveLeave", id=99)


def test_an_expense_comes_with_its_receipt(till: Till) -> None:
    fields = {"amount": "25.50", "category": "transport", "description": "Taxi", **queued()}

    def send(amount: str = "25.50", content: bytes = PDF) -> Any:
        return till.call("POST", "hrm/requestExpense", data={**fields, "amount": amount}, files={"receipt": ("taxi.pdf", content)})

    made = send()
    assert made.status_code == 201, made.text
    expense = made.json()["data"]["expense"]
    assert (expense["amount"], expense["status"], expense["receipts"][0]["file_name"]) == (25.5, 1, "taxi.pdf")
    again = send()
    assert (again.status_code, again.json()["data"]["idempotent_replay"]) == (200, True), "the boundary is another one"
    assert send(amount="26").status_code == send(content=PDF + b"\n").status_code == 409
    attachment = till.company.get("/records/attachment").json()["records"]
    assert [one["data"]["record_kind"] for one in attachment] == ["expense"]
    assert till.done("hrm/approveExpense", id=expense["id"])["expense"]["status"] == 2
    till.refused(409, "hrm/approveExpense", id=expense["id"])
    bad = till.call(
        "POST", "hrm/requestExpense", data={"amount": "1", **queued()}, files={"receipt": ("x.exe", b"MZ\x90\x00" * 20)}
    )
    assert 400 <= bad.status_code < 500, bad.text
    till.refused(422, "hrm/requestExpense", amount=-1)
