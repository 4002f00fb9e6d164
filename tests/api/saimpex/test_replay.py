"""Every write can be repeated: the same body is answered as it was, another body is refused, a refusal leaves the key free."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid1, uuid4

import httpx
import pytest
from tills import Till, queued

from tests.api.conftest import Company

Body = dict[str, Any]
LINES = [{"account_code": "1000", "debit": 100, "credit": 0}, {"account_code": "3000", "debit": 0, "credit": 100}]


def _employee(till: Till) -> int:
    return till.done("hrm/addEmployee", name="Mariem")["id"]


def _hold(till: Till) -> int:
    body = {"items": [{"product_id": till.product(), "quantity": 1}]}
    return till.done("pos/holdSale", body)["held_transaction"]["id"]


def _cart(till: Till) -> Body:
    return {"items": [{"product_id": till.product(), "quantity": 2}]}


def _purchase(till: Till) -> Body:
    return {"supplier_id": till.supplier(), "products": [{"product_id": till.product(), "quantity": 10, "unit_price": 5}]}


def _cash(till: Till) -> int:
    return till.done("pos/createCashTransaction", amount=5, type=1)["id"]


def _leave(till: Till) -> int:
    return till.done("hrm/requestLeave", from_date="2026-06-01", to_date="2026-06-03")["id"]


def _expense(till: Till) -> int:
    return till.done("hrm/requestExpense", amount=25)["id"]


def _coupon(till: Till) -> Body:
    code = f"EID{uuid4().hex[:6]}"
    till.company.create("coupon", code=code.upper(), percent="10")
    return {"coupon_code": code.lower(), "total_amount": 100}


WRITES: dict[str, tuple[Callable[[Till], Body], Body]] = {
    "pos/createSale": (_cart, {"notes": "other"}),
    "pos/holdSale": (_cart, {"notes": "other"}),
    "pos/resumeHeldSale": (lambda till: {"held_transaction_id": _hold(till)}, {"held_transaction_id": 99}),
    "pos/deleteHeldSale": (lambda till: {"held_transaction_id": _hold(till)}, {"held_transaction_id": 99}),
    "pos/openShift": (lambda till: {"cashier_id": _employee(till), "opening_cash": 500}, {"opening_cash": 501}),
    "pos/closeShift": (
        lambda till: {"shift_id": till.done("pos/openShift", cashier_id=_employee(till))["id"], "closing_cash": 0},
        {"closing_cash": 1},
    ),
    "pos/createCashTransaction": (lambda _: {"amount": 50, "type": 1, "reason": "Petty cash"}, {"amount": 51}),
    "pos/updateCashTransaction": (lambda till: {"id": _cash(till), "amount": 6}, {"amount": 7}),
    "pos/updateStock": (lambda till: {"product_id": till.product(), "stock_type": 1, "quantity": 10}, {"quantity": 11}),
    "pos/addProduct": (lambda _: {"name": "Coffee", "price": 3, "stock": 4}, {"name": "Cocoa"}),
    "pos/updateProduct": (lambda till: {"product_id": till.product(), "price": 11}, {"price": 12}),
    "pos/deleteProduct": (lambda till: {"product_id": till.product()}, {"product_id": 99}),
    "pos/applyCoupon": (_coupon, {"total_amount": 200}),
    "crm/createCustomer": (lambda _: {"name": "Mina"}, {"name": "Nina"}),
    "crm/updateCustomer": (lambda till: {"customer_id": till.customer(), "name": "Nina"}, {"name": "Tina"}),
    "erp/addSupplier": (lambda _: {"supplier_name": "Sahel", "supplier_code": "S1"}, {"supplier_code": "S2"}),
    "erp/updateSupplier": (lambda till: {"supplier_id": till.supplier(), "phone": "1"}, {"phone": "2"}),
    "erp/createPurchaseOrder": (_purchase, {"notes": "other"}),
    "erp/purchaseOrderRepayment": (
        lambda till: {"purchase_order_id": till.done("erp/createPurchaseOrder", _purchase(till))["id"], "amount": 20},
        {"amount": 21},
    ),
    "erp/createJournalEntry": (lambda _: {"entry_date": "2026-05-28", "lines": LINES}, {"description": "other"}),
    "erp/postJournalEntry": (lambda till: {"id": till.done("erp/createJournalEntry", lines=LINES)["id"]}, {"id": 99}),
    "hrm/markAttendance": (lambda till: {"employee_id": _employee(till), "date": "2026-05-28", "status": 1}, {"status": 2}),
    "hrm/requestLeave": (lambda _: {"type": 1, "from_date": "2026-06-01", "to_date": "2026-06-03"}, {"type": 2}),
    "hrm/requestExpense": (lambda _: {"amount": 25, "category": "transport"}, {"amount": 26}),
    "hrm/approveLeave": (lambda till: {"id": _leave(till)}, {"remarks": "other"}),
    "hrm/rejectLeave": (lambda till: {"id": _leave(till)}, {"remarks": "other"}),
    "hrm/approveExpense": (lambda till: {"id": _expense(till)}, {"remarks": "other"}),
    "hrm/rejectExpense": (lambda till: {"id": _expense(till)}, {"remarks": "other"}),
    "hrm/addEmployee": (lambda _: {"name": "Mariem", "role": "cashier"}, {"name": "Khadi"}),
    "hrm/updateEmployee": (lambda till: {"employee_id": _employee(till), "phone": "1"}, {"phone": "2"}),
    "hrm/deleteEmployee": (lambda till: {"employee_id": _employee(till)}, {"employee_id": 99}),
    "updateSettings": (lambda _: {"name": "Épicerie du Port", "is_busy": 1}, {"name": "other"}),
}
"""Endpoint → a body that is good, made with whatever it needs, and what makes another body of it."""


def test_the_table_is_complete(shop: Till) -> None:
    paths = shop.client.get("/schema/openapi.json").json()["paths"]
    posts = {
        path.removeprefix("/api/desktop/")
        for path, methods in paths.items()
        if path.startswith("/api/desktop/") and "post" in methods
    }
    assert posts - {"login", "sync/registerDevice"} == set(WRITES)


@pytest.mark.parametrize("path", WRITES)
def test_a_write_is_done_once(shop: Till, path: str) -> None:
    make, other = WRITES[path]
    till = shop
    body = {**make(till), **queued()}
    first = till.post(path, body)
    assert first.status_code in (200, 201), first.text
    assert first.json()["data"]["idempotent_replay"] is False
    head = till.company.head()

    again = till.post(path, dict(reversed(body.items())))
    assert again.status_code == 200, again.text
    assert again.json()["data"]["idempotent_replay"] is True
    said, replayed = first.json(), again.json()
    for answer in (said, replayed):
        del answer["data"]["idempotent_replay"]
    assert replayed == said

    refused = till.refused(409, path, {**body, **other})
    assert refused["data"]["code"] == "idempotency_key_reused"
    assert till.refused(409, path, {**body, "items": "nonsense", "lines": 7, "amount": "x", "name": []})["message"]
    assert till.company.head() == head, "a replay or a refusal wrote something"


def test_a_refusal_leaves_the_key_free(shop: Till) -> None:
    product, action = shop.product(), queued()
    shop.refused(422, "pos/createSale", items=[{"product_id": 99, "quantity": 1}], **action)
    assert shop.done("pos/createSale", items=[{"product_id": product, "quantity": 1}], **action)["idempotent_replay"] is False


def test_a_client_id_is_one_action_of_the_company(shop: Till) -> None:
    action = queued()
    shop.done("crm/createCustomer", name="Mina", **action)
    shop.refused(409, "erp/addSupplier", supplier_name="Mina", **action)
    upper = {**action, "client_id": action["client_id"].upper()}
    shop.refused(409, "crm/createCustomer", name="Nina", **upper)


def test_six_at_once_make_one(served: Company) -> None:
    till = Till(served)
    product = till.product()
    body = {"items": [{"product_id": product, "quantity": 1}], **queued()}
    with ThreadPoolExecutor(6) as threads:
        answers: list[httpx.Response] = list(threads.map(lambda _: till.post("pos/createSale", body), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["data"]["order"]["order_code"] for answer in answers}) == 1
    assert till.stock(product) == 19


def test_another_process_replays_it_too(till: Till, served: Company) -> None:
    body = {"name": "Mina", **queued()}
    made = till.done("crm/createCustomer", body)
    again = Till(served).done("crm/createCustomer", body)
    assert again["idempotent_replay"] is True
    assert again["id"] == made["id"]


def test_a_replay_says_what_was_said_then(shop: Till) -> None:
    body = {"name": "Mina", **queued()}
    made = shop.done("crm/createCustomer", body)
    shop.done("crm/updateCustomer", customer_id=made["id"], name="Nina")
    assert shop.done("crm/createCustomer", body)["name"] == "Mina"


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"client_id": "7"}, "client_id"),
        ({"client_id": 7}, "client_id"),
        ({"client_id": str(uuid1())}, "client_id"),
        ({"client_id": str(uuid4())}, "client_created_at"),
        ({"client_created_at": "yesterday"}, "client_created_at"),
        ({"device_id": "d" * 65}, "device_id"),
    ],
)
def test_sync_fields_are_checked(shop: Till, fields: Body, place: str) -> None:
    refused = shop.refused(422, "crm/createCustomer", {"name": "Mina", **fields})
    assert list(refused["data"]["errors"]) == [place]
    assert list(refused["message"][place]) == ["message_en", "message_fr", "message_ar"]


def test_online_requests_need_no_sync_fields(till: Till) -> None:
    assert till.customer() != till.customer()
    assert len(till.read("crm/customersList")["customers"]) == 2


def test_an_action_is_dated_when_it_was_done(till: Till) -> None:
    product = till.product()
    sale = till.done("pos/createSale", items=[{"product_id": product, "quantity": 1}], **queued(at="2026-05-28T23:30:00+00:00"))
    assert sale["order"]["date"] == "2026-05-28"
    early = till.done("pos/createSale", items=[{"product_id": product, "quantity": 1}], **queued(at="2199-01-01T00:00:00Z"))
    assert early["order"]["date"] < "2190", "a clock that is ahead dates nothing in the future"
    events = till.company.get("/events", params={"kinds": "invoice", "limit": 10}).json()["events"]
    assert events[0]["occurred_at"] == "2026-05-28T23:30:00.000000Z"
    assert events[0]["device_id"] is not None


def test_a_replay_says_nothing_of_somebody_who_was_erased(till: Till) -> None:
    made, kept = queued(), queued()
    customer = till.done("crm/createCustomer", name="Mina Karimi", mobile="555", **made)["id"]
    changed = {"customer_id": customer, "is_active": True, "credit_limit": 90, **queued()}
    till.done("crm/updateCustomer", changed)
    till.done("crm/createCustomer", name="Nina", **kept)
    assert till.company.execute({"type": "party.erase", "number": customer}).status_code == 200
    for path, body in (("crm/createCustomer", {"name": "Mina Karimi", "mobile": "555", **made}), ("crm/updateCustomer", changed)):
        again = till.post(path, body)
        assert again.json()["data"] == {"id": customer, "erased": True, "idempotent_replay": True}
    assert till.done("crm/createCustomer", name="Nina", **kept)["name"] == "Nina"
