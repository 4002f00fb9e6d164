"""Files that were sent with a request are at an address that the same login opens; and the lists that name them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tills import Till, queued

from infra.composition import Services
from tests.api.conftest import Company
from tests.api.saimpex.conftest import Registry

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + b"\x00\x00\x00\x01" * 2 + b"\x08\x06\x00\x00\x00" + b"\x00" * 40


def fetched(till: Till, address: str) -> Any:
    assert address.startswith("/api/desktop/")
    return till.call("GET", address.removeprefix("/api/desktop/"))


def test_a_picture_is_shown_by_its_product(till: Till, member: Callable[[str], Company]) -> None:
    made = till.call("POST", "pos/addProduct", data={"name": "Tea"}, files={"image": ("tea.png", PNG, "image/png")})
    product = made.json()["data"]
    cursor = till.read("pos/fetchProducts")["sync_cursor"]
    staff = Till(till.company, member("staff").token)
    answer = fetched(staff, product["image"])
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, PNG, "image/png")
    changed = till.call(
        "POST", "pos/updateProduct", data={"product_id": product["id"]}, files={"image": ("b.png", PNG + b"1", "image/png")}
    )
    assert changed.status_code == 200, changed.text
    rows = till.read("pos/fetchProducts", updated_since=cursor)["products"]
    assert [row["image"] for row in rows] == [changed.json()["data"]["image"]] != [product["image"]]
    assert fetched(till, rows[0]["image"]).content == PNG + b"1"
    unknown = till.call("POST", "pos/updateProduct", data={"product_id": "99"}, files={"image": ("b.png", PNG, "image/png")})
    assert unknown.status_code == 404


def test_a_logo_is_shown_by_the_vendor(till: Till) -> None:
    made = till.call("POST", "updateSettings", data={"name": "Épicerie"}, files={"image": ("logo.png", PNG, "image/png")})
    assert made.status_code == 200, made.text
    assert fetched(till, till.read("getSettings")["image"]).content == PNG


def test_a_receipt_is_for_managers_and_whoever_sent_it(till: Till, registry: Registry, member: Callable[[str], Company]) -> None:
    mine, other = Till(till.company, member("staff").token), Till(till.company, member("staff").token)
    form = {"amount": "25", "category": "transport", **queued()}
    made = mine.call("POST", "hrm/requestExpense", data=form, files={"receipt": ("taxi.pdf", PDF)}).json()["data"]
    listed = till.read("hrm/expenses", status=1)["expenses"]
    assert [(row["id"], row["user_id"], row["receipt_url"]) for row in listed] == [
        (made["id"], made["user_id"], made["receipt_url"])
    ]
    assert till.done("hrm/approveExpense", id=made["id"])["receipt_url"] == made["receipt_url"]
    assert fetched(till, made["receipt_url"]).content == fetched(mine, made["receipt_url"]).content == PDF
    for stranger in (other, Till(registry.company())):
        assert fetched(stranger, made["receipt_url"]).status_code == 404
    assert till.client.get(made["receipt_url"]).status_code == 401
    for address in ("files/x", "files/01a1f9e5-e03b-7474-8408-acdefdb7248f"):
        assert till.call("GET", address).status_code == 404
    assert other.read("hrm/expenses")["expenses"] == []
    assert len(mine.read("hrm/expenses")["expenses"]) == 1


def test_a_file_whose_bytes_are_gone_is_not_found(till: Till, services: Services) -> None:
    made = till.call("POST", "hrm/requestExpense", data={"amount": "25"}, files={"receipt": ("taxi.pdf", PDF)}).json()["data"]
    (attachment,) = till.company.get("/records/attachment").json()["records"]
    asyncio.run(services.files.delete(attachment["data"]["storage_key"]))
    answer = fetched(till, made["receipt_url"])
    assert (answer.status_code, answer.json()["data"]["code"]) == (404, "file_missing")


@pytest.mark.parametrize(
    ("path", "name"), [("hrm/requestExpense", "receipt"), ("pos/addProduct", "image"), ("updateSettings", "image")]
)
def test_the_document_names_the_file(client: Any, path: str, name: str) -> None:
    described = client.get("/schema/openapi.json").json()["paths"][f"/api/desktop/{path}"]["post"]["requestBody"]["content"]
    assert "contentMediaType" in described["multipart/form-data"]["schema"]["properties"][name]


def test_a_receipt_may_be_larger_than_other_bodies(till: Till) -> None:
    large = PDF + b"%" * 3_000_000
    made = till.call("POST", "hrm/requestExpense", data={"amount": "25"}, files={"receipt": ("taxi.pdf", large)})
    assert made.status_code == 201, made.text
    assert len(fetched(till, made.json()["data"]["receipt_url"]).content) == len(large)


def test_lists_of_what_can_be_acted_on(till: Till, member: Callable[[str], Company]) -> None:
    product, customer = till.product(), till.customer()
    held = [till.done("pos/holdSale", items=[{"product_id": product, "quantity": 1}], customer_id=customer) for _ in range(3)]
    till.done("pos/resumeHeldSale", id=1)
    rows = till.read("pos/heldSales", status=1, per_page=1)
    assert [(row["id"], row["customer_id"], row["status"]) for row in rows["held_transactions"]] == [(3, customer, 1)]
    assert rows["held_transactions"][0] == held[2]["held_transaction"]
    assert rows["pagination"] == {"current_page": 1, "per_page": 1, "total": 2, "last_page": 2}

    shift = till.done("pos/openShift")["id"]
    cash = till.done("pos/createCashTransaction", amount=5, type=1)
    assert till.read("pos/cashTransactions")["cash_transactions"][0] == {n: v for n, v in cash.items() if n != "idempotent_replay"}
    assert cash["shift_id"] == shift

    body = {"supplier_id": till.supplier(), "products": [{"product_id": product, "quantity": 1, "unit_price": 5}]}
    orders = [till.done("erp/createPurchaseOrder", {**body, **more}) for more in ({}, queued())]
    drafts = till.read("erp/purchaseOrders", status="draft")["purchase_orders"]
    assert [(row["id"], row["po_number"], row["supplier_id"]) for row in drafts] == [
        (2, orders[1]["po_number"], body["supplier_id"])
    ]

    lines = [{"account_code": "1000", "debit": 5, "credit": 0}, {"account_code": "3000", "debit": 0, "credit": 5}]
    entry = till.done("erp/createJournalEntry", lines=lines)
    assert till.read("erp/journalEntries", status=1)["journal_entries"] == [
        {n: v for n, v in entry.items() if n != "idempotent_replay"}
    ]

    staff = Till(till.company, member("staff").token)
    leave = staff.done("hrm/requestLeave", from_date="2026-06-01", to_date="2026-06-03")["leave"]
    till.done("hrm/requestLeave", from_date="2026-06-01", to_date="2026-06-03")
    assert staff.read("hrm/leaves")["leaves"] == [leave]
    assert till.read("hrm/leaves")["pagination"]["total"] == 2
    assert staff.get("erp/journalEntries").status_code == 403
    assert till.get("hrm/leaves", status=9).status_code == till.get("hrm/leaves", page=0).status_code == 422


@pytest.mark.parametrize("path", ["pos/heldSales", "pos/cashTransactions", "erp/purchaseOrders", "hrm/leaves", "hrm/expenses"])
def test_lists_are_of_the_company(shop: Till, registry: Registry, path: str) -> None:
    other = Till(registry.company())
    other.done("pos/holdSale", items=[{"product_id": other.product(), "quantity": 1}])
    other.done("pos/createCashTransaction", amount=5, type=1)
    other.done("hrm/requestLeave", from_date="2026-06-01", to_date="2026-06-03")
    other.done("hrm/requestExpense", amount=5)
    assert shop.read(path)["pagination"]["total"] == 0
