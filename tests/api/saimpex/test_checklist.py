"""Section 15 of the desktop app's document, line by line, and its table of errors: done by a simulated desktop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from saimpex_desktops import ENDPOINTS, SYNC_ORDER, Cut, Desktop, Row
from tills import Till

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
LINES = [{"account_code": "1000", "debit": 100, "credit": 0}, {"account_code": "3000", "debit": 0, "credit": 100}]


@pytest.fixture
def desktop(till: Till) -> Desktop:
    """A desktop at which the owner works, with its caches."""
    desktop = Desktop(till.client, "desktop-abc123", lambda: till.token)
    assert desktop.sync()
    return desktop


def cart(product: int, **more: Any) -> Row:
    return {"items": [{"product_id": product, "quantity": 2}], **more}


def each_write(till: Till) -> Iterator[tuple[str, str, Row, bytes | None]]:
    """An action of every type of the outbox: its type, endpoint, payload and receipt."""
    product, customer, supplier = till.product(), till.customer(), till.supplier()
    shift = till.done("pos/openShift", cashier_id=till.done("hrm/addEmployee", name="Mariem")["id"])["id"]
    cash = till.done("pos/createCashTransaction", amount=5, type=1)["id"]
    yield "shift_open", "pos/openShift", {"cashier_id": 1, "opening_cash": 500, "notes": "Morning"}, None
    yield "held_sale", "pos/holdSale", cart(product), None
    yield "customer", "crm/createCustomer", {"name": "Aïcha"}, None
    yield "supplier", "erp/addSupplier", {"supplier_code": "S-1", "supplier_name": "Sahel", "contact_person": "Moussa"}, None
    yield "sale", "pos/createSale", cart(product), None
    yield "cash_transaction", "pos/createCashTransaction", {"amount": 50, "type": 2, "reason": "Petty cash"}, None
    yield "cash_transaction", "pos/updateCashTransaction", {"id": cash, "amount": 6}, None
    yield "stock_update", "pos/updateStock", {"product_id": product, "stock_type": 2, "quantity": 100}, None
    yield "attendance", "hrm/markAttendance", {"employee_id": 1, "date": "2026-05-28", "status": 1}, None
    yield "leave", "hrm/requestLeave", {"user_id": 1, "type": 1, "from_date": "2026-06-01", "to_date": "2026-06-03"}, None
    yield "expense", "hrm/requestExpense", {"amount": 25, "category": "transport"}, PDF
    yield "shift_close", "pos/closeShift", {"shift_id": shift, "closing_cash": 0, "variance_reason": None}, None
    products = [{"product_id": product, "quantity": 10, "unit_price": 5, "tax_rate": 0}]
    yield "purchase_order", "erp/createPurchaseOrder", {"supplier_id": supplier, "products": products}, None
    yield "journal_entry", "erp/createJournalEntry", {"entry_date": "2026-05-28", "lines": LINES}, None
    yield "customer_update", "crm/updateCustomer", {"customer_id": customer, "name": "Mariem"}, None


# - [ ] Each write endpoint: first sync creates row; second sync same client_id → idempotent_replay: true
def test_each_write_is_created_by_the_first_sync_and_replayed_by_the_second(till: Till, desktop: Desktop) -> None:
    items = [desktop.queue(type_, payload, endpoint, receipt) for type_, endpoint, payload, receipt in each_write(till)]
    assert {(item.entity_type, item.endpoint) for item in items} == {(t, e) for t, ends in ENDPOINTS.items() for e in ends}
    assert desktop.replay()
    assert [(item.sync_status, item.idempotent_replay) for item in items] == [("synced", False)] * len(items)
    assert set(desktop.id_map) == {item.client_id for item in items}
    head, answers = till.company.head(), [item.answer for item in items]
    for item in items:
        item.sync_status = "pending"
    assert desktop.replay()
    assert [(item.sync_status, item.idempotent_replay) for item in items] == [("synced", True)] * len(items)
    assert [{**item.answer, "idempotent_replay": False} for item in items] == answers
    assert till.company.head() == head


# - [ ] Offline PO → status draft, is_draft: true, no duplicate on replay
def test_an_offline_purchase_order_is_one_draft(till: Till, desktop: Desktop) -> None:
    products = [{"product_id": till.product(), "quantity": 10, "unit_price": 5, "tax_rate": 0}]
    body = {"supplier_id": till.supplier(), "order_date": "2026-05-28", "delivery_date": "2026-05-30", "products": products}
    item = desktop.queue("purchase_order", body)
    for _ in range(3):
        assert desktop.send(item)
        assert (item.answer["status"], item.answer["is_draft"], item.answer["po_number"]) == (1, True, "PO-000001")
    assert till.read("erp/purchaseOrders")["pagination"]["total"] == 1
    for kind in ("invoice", "payment"):
        assert till.company.get(f"/records/{kind}").json()["total"] == 0
    assert till.stock(1) == 20


# - [ ] Offline journal → draft only; post_now ignored with client_id
def test_an_offline_journal_entry_is_a_draft_whatever_post_now_says(till: Till, desktop: Desktop) -> None:
    item = desktop.queue("journal_entry", {"entry_date": "2026-05-28", "lines": LINES, "post_now": True})
    assert desktop.replay()
    assert (item.answer["is_draft"], item.answer["status"]) == (True, 1)
    assert [row["is_draft"] for row in till.read("erp/journalEntries")["journal_entries"]] == [True]
    posted = till.call("GET", "erp/postJournalEntry", params={"id": item.server_id})
    assert posted.json()["data"]["is_draft"] is False


# - [ ] Close shift with open_shift_client_id after offline open
def test_a_shift_that_was_opened_offline_is_closed_by_the_action_that_opened_it(till: Till, desktop: Desktop) -> None:
    opened = desktop.queue("shift_open", {"cashier_id": 1, "opening_cash": 500})
    closed = desktop.queue(
        "shift_close", {"shift_id": None, "open_shift_client_id": opened.client_id, "closing_cash": 495, "variance_reason": "coins"}
    )
    assert desktop.replay()
    assert opened.server_id == closed.server_id == desktop.id_map[opened.client_id]["server_id"]
    answer = closed.answer
    assert (answer["status"], answer["cashier_id"], answer["expected_cash"], answer["variance"]) == (2, 1, 500, -5)


# - [ ] Sale with held_transaction_client_id after offline hold
def test_a_sale_names_its_hold_by_the_action_that_held_it(till: Till, desktop: Desktop) -> None:
    product = till.product()
    held = desktop.queue("held_sale", cart(product))
    sale = desktop.queue("sale", cart(product, held_transaction_client_id=held.client_id))
    assert desktop.replay()
    assert sale.answer["order"]["order_code"] == "ORD-POS-000001"
    statuses = {row["id"]: row["status"] for row in till.read("pos/heldSales")["held_transactions"]}
    assert statuses == {held.server_id: 3}
    assert till.stock(product) == 18


# - [ ] Delta pulls merge deleted_ids and advance sync_cursor
def test_delta_pulls_merge_what_went_and_advance(till: Till, desktop: Desktop) -> None:
    kept, gone = till.product(), till.product(name="Coffee")
    customer, supplier = till.customer(), till.supplier()
    desktop.sync()
    before = {path: cache.cursor for path, cache in desktop.caches.items()}
    assert set(desktop.caches["pos/fetchProducts"].rows) == {kept, gone}
    till.done("pos/deleteProduct", product_id=gone)
    for party in (customer, supplier):
        till.company.call("DELETE", f"/records/party/{party}")
    desktop.sync()
    assert {path: set(cache.rows) for path, cache in desktop.caches.items()} == {
        path: {kept} if "roducts" in path else set() for path in desktop.caches
    }
    assert all((cache.cursor or "") > (before[path] or "") for path, cache in desktop.caches.items())


# - [ ] getSettings full load still works without updated_since
def test_settings_load_whole_without_updated_since(till: Till) -> None:
    whole = till.read("getSettings")
    assert (whole["name"], whole["status"]) == ("A company", 1)
    assert "settings" not in whole
    assert till.read("getSettings", updated_since="2000-01-01T00:00:00Z")["settings"] == whole


# - [ ] 401 pauses global sync
def test_a_401_pauses_everything_until_somebody_logs_in(till: Till, desktop: Desktop) -> None:
    items = [desktop.queue("customer", {"name": name}) for name in ("Aïcha", "Moussa")]
    good, desktop.token = desktop.token, "expired"
    assert not desktop.sync()
    assert desktop.paused
    assert [item.sync_status for item in items] == ["pending", "pending"]
    assert not desktop.replay(), "paused is paused"
    desktop.log_in = lambda: good
    desktop.log_in_again()
    assert desktop.sync()
    assert [item.sync_status for item in items] == ["synced", "synced"]


# Section 13 -----------------------------------------------------------------------------------------


MISSING = {
    "held_transaction_client_id": str(uuid4()),
    "customer_client_id": str(uuid4()),
    "open_shift_client_id": str(uuid4()),
    "customer_id": str(uuid4()),
}


@pytest.mark.parametrize("name", MISSING)
def test_409_fails_what_names_an_original_that_is_not_there(till: Till, desktop: Desktop, name: str) -> None:
    bad = desktop.queue("sale", cart(till.product(), **{name: MISSING[name]}))
    good = desktop.queue("sale", cart(1))
    assert desktop.replay()
    assert (bad.sync_status, good.sync_status) == ("failed", "synced"), "one that failed holds nothing up"
    assert "Send the action that makes it first" in (bad.sync_error or "")


def test_409_fails_a_client_id_that_is_used_again(till: Till, desktop: Desktop) -> None:
    first = desktop.queue("customer", {"name": "Aïcha"})
    second = desktop.queue("customer", {"name": "Moussa"})
    second.client_id = first.client_id
    assert desktop.replay()
    assert (first.sync_status, second.sync_status) == ("synced", "failed")


def test_422_fails_and_says_why(till: Till, desktop: Desktop) -> None:
    item = desktop.queue("sale", cart(99))
    assert desktop.replay()
    assert item.sync_status == "failed"
    assert "There is no product number 99" in (item.sync_error or "")


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_a_cut_keeps_it_pending_and_the_retry_succeeds(till: Till, desktop: Desktop, lost: str) -> None:
    item = desktop.queue("sale", cart(till.product()))
    desktop.cuts = [lost]
    with pytest.raises(Cut):
        desktop.replay()
    assert item.sync_status == "pending"
    assert desktop.sync()
    assert (item.sync_status, item.idempotent_replay) == ("synced", lost == "answer")
    assert till.stock(1) == 18


def test_the_order_of_section_11_is_first_in_first_out_within_a_type(desktop: Desktop) -> None:
    types = ("sale", "customer_update", "shift_close", "customer", "shift_open", "journal_entry", "customer", "sale")
    items = [desktop.queue(one, {}) for one in types]
    places = [next(i for i, stage in enumerate(SYNC_ORDER) if item.entity_type in stage) for item in desktop.waiting()]
    assert places == sorted(places)
    assert [item for item in desktop.waiting() if item.entity_type == "sale"] == [items[0], items[7]]


def test_two_days_offline_are_two_shifts(till: Till, desktop: Desktop) -> None:
    """In the recommended order the second shift is opened before the close of the first one is told."""
    product, shifts, sales = till.product(), [], []
    for day in (1, 2):
        opened = desktop.queue("shift_open", {"cashier_id": 1, "opening_cash": 100 * day})
        sales.append(desktop.queue("sale", cart(product)))
        closing = {"open_shift_client_id": opened.client_id, "closing_cash": 100 * day + 22}
        shifts.append((opened, desktop.queue("shift_close", closing)))
    today = desktop.queue("shift_open", {"cashier_id": 1, "opening_cash": 7})
    assert desktop.replay()
    assert [sale.answer["order"]["shift_id"] for sale in sales] == [opened.server_id for opened, _ in shifts]
    assert [closed.answer["variance"] for _, closed in shifts] == [0, 0]
    assert till.read("pos/shiftReport")["shift"]["number"] == today.server_id
    till.refused(422, "pos/openShift", cashier_id=1)


def test_shifts_of_one_cashier_may_be_told_in_any_order(till: Till, desktop: Desktop) -> None:
    late, early = (desktop.queue("shift_open", {"cashier_id": 1, "opening_cash": cash}) for cash in (2, 1))
    late.client_created_at, early.client_created_at = "2026-05-29T08:00:00Z", "2026-05-28T08:00:00Z"
    same = desktop.queue("shift_open", {"cashier_id": 1})
    same.client_created_at = early.client_created_at
    assert desktop.replay()
    assert [one.sync_status for one in (late, early, same)] == ["synced"] * 3
    assert till.read("pos/shiftReport")["shift"]["number"] == late.server_id
    sale = desktop.queue("sale", cart(till.product()))
    sale.client_created_at = "2026-05-28T12:00:00Z"
    assert desktop.replay()
    assert sale.answer["order"]["shift_id"] in (early.server_id, same.server_id)
    for one in (early, late, same):
        till.done("pos/closeShift", shift_id=one.server_id, closing_cash=0)
