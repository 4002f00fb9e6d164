"""Fifty tills replay at once, over real HTTP, each with answers that get lost: nothing is lost and nothing done twice."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from saimpex_desktops import Desktop
from tills import Till

from tests.api.conftest import Company, Server

TILLS = 50
SALES = 4
SECONDS_MAX = 60.0


def test_fifty_tills_replay_at_once(served: Company, server: Server) -> None:
    owner = Till(served)
    product = owner.product(stock=TILLS)
    cashiers = [served.create("user", name=f"Cashier {i}", role="staff")["number"] for i in range(TILLS)]
    employee = owner.done("hrm/addEmployee", name="Mariem")["id"]
    limits = httpx.Limits(max_connections=TILLS)
    with httpx.Client(base_url=server.url, timeout=SECONDS_MAX, limits=limits) as client:
        tills = [Desktop(client, f"till-{i}", lambda: served.token) for i in range(TILLS)]
        for till, cashier in zip(tills, cashiers, strict=True):
            opened = till.queue("shift_open", {"cashier_id": cashier, "opening_cash": 100})
            customer = till.queue("customer", {"name": f"Of {till.device_id}"})
            for _ in range(SALES):
                items = [{"product_id": product, "quantity": 1}]
                till.queue("sale", {"items": items, "open_shift_client_id": opened.client_id, "customer_id": customer.client_id})
            till.queue("attendance", {"employee_id": employee, "date": "2026-05-28", "status": 1})  # the same mark, from everywhere
            till.queue("shift_close", {"open_shift_client_id": opened.client_id, "closing_cash": 100 + 11 * SALES})

        def replay(till: Desktop) -> None:
            till.cuts = ["answer", "", "request", "", "answer", "answer"]
            while not till.sync():
                pass

        begin = time.monotonic()
        with ThreadPoolExecutor(TILLS) as threads:
            list(threads.map(replay, tills))
        seconds = time.monotonic() - begin
    items = [item for till in tills for item in till.outbox]
    assert Counter(item.sync_status for item in items) == {"synced": TILLS * (SALES + 4)}, {item.sync_error for item in items}
    sales = [item.answer["order"] for item in items if item.entity_type == "sale"]
    assert sorted(one["order_code"] for one in sales) == [f"ORD-POS-{i + 1:06}" for i in range(TILLS * SALES)]
    for kind, count in (("invoice", TILLS * SALES), ("payment", TILLS * SALES), ("shift", TILLS), ("attendance", 1)):
        assert len(served.get(f"/records/{kind}", params={"after": 0, "limit": 1000}).json()["records"]) == count, kind
    assert owner.stock(product) == TILLS - TILLS * SALES
    assert {item.answer["variance"] for item in items if item.entity_type == "shift_close"} == {0}
    if seconds > SECONDS_MAX:
        pytest.fail(f"it took {seconds:.0f} seconds")
