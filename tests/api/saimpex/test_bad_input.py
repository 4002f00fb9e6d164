"""What the app must never be able to do, case by case: the right status, the field by its name, and nothing is stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from tills import Till, queued

from api.saimpex.words import localized
from infra.composition import Services
from tests.api.saimpex.conftest import Registry

Body = dict[str, Any]


@dataclass
class Shop:
    """A shop where much has happened, the till of one of its cashiers, and another company with as much."""

    owner: Till
    cashier: Till
    ids: dict[str, int] = field(default_factory=dict)
    actions: dict[str, Body] = field(default_factory=dict)


@pytest.fixture(scope="module")
def at(registry: Registry) -> Shop:
    """The shop. The other company has more of everything, so its last numbers name nothing here."""
    for _ in range(2):
        company = registry.company()
        shop = Shop(Till(company), Till(registry.member(company, "staff")))
        owner = shop.owner
        copies = 1 if _ else 3
        for _copy in range(copies):
            ids = {"product": owner.product(), "customer": owner.customer(), "supplier": owner.supplier()}
            ids["hold"] = owner.done("pos/holdSale", cart(ids["product"]))["held_transaction"]["id"]
            ids["cash"] = owner.done("pos/createCashTransaction", amount=5, type=1)["id"]
            ids["closed"] = owner.done("pos/openShift", opening_cash=5)["id"]
            owner.done("pos/closeShift", shift_id=ids["closed"], closing_cash=5)
        ids["open"] = owner.done("pos/openShift", opening_cash=5)["id"]
        shop.ids = ids
        if copies == 3:
            foreign = dict(ids)
    shop.ids |= {f"their_{name}": number for name, number in foreign.items()}
    assert all(shop.ids[f"their_{name}"] > shop.ids[name] for name in foreign)
    shop.actions["customer"] = {"name": "Aïcha", **queued()}
    owner.done("crm/createCustomer", shop.actions["customer"])
    return shop


def cart(product: Any, quantity: Any = 1, **more: Any) -> Body:
    return {"items": [{"product_id": product, "quantity": quantity, **more}]}


SALE = "pos/createSale"
CASES: dict[str, tuple[str, Callable[[Shop], Body], int, str]] = {
    "unknown product": (SALE, lambda at: cart(9999), 422, "items.0.product_id"),
    "foreign product": (SALE, lambda at: cart(at.ids["their_product"]), 422, "items.0.product_id"),
    "foreign customer": (SALE, lambda at: {**cart(1), "customer_id": at.ids["their_customer"]}, 422, "customer_id"),
    "foreign shift": (SALE, lambda at: {**cart(1), "shift_id": at.ids["their_open"]}, 422, "shift_id"),
    "foreign hold": (SALE, lambda at: {**cart(1), "held_transaction_id": at.ids["their_hold"]}, 409, ""),
    "a supplier as customer": (SALE, lambda at: {**cart(1), "customer_id": at.ids["supplier"]}, 422, "customer_id"),
    "negative quantity": (SALE, lambda at: cart(1, -2), 422, "items.0.quantity"),
    "no quantity": (SALE, lambda at: cart(1, 0), 422, "items.0.quantity"),
    "quantity in words": (SALE, lambda at: cart(1, "two"), 422, "items.0.quantity"),
    "quantity beyond all": (SALE, lambda at: cart(1, 10**30), 422, "items.0.quantity"),
    "negative price": (SALE, lambda at: cart(1, 1, price=-1), 422, "items.0.price"),
    "tax over 100": (SALE, lambda at: cart(1, 1, tax_rate=101), 422, "items.0.tax_rate"),
    "a line's total": (SALE, lambda at: cart(1, 2, total=99), 422, "items.0.total"),
    "the total": (SALE, lambda at: {**cart(1, 2), "total_amount": 99}, 422, "total_amount"),
    "the subtotal": (SALE, lambda at: {**cart(1, 2), "subtotal": 99}, 422, "subtotal"),
    "the tax": (SALE, lambda at: {**cart(1, 2), "tax_amount": 99}, 422, "tax_amount"),
    "the change": (SALE, lambda at: {**cart(1), "paid_amount": 20, "change_amount": 1}, 422, "change_amount"),
    "paid too little": (SALE, lambda at: {**cart(1), "paid_amount": 1}, 422, "payment"),
    "paid too much by card": (SALE, lambda at: {**cart(1), "payment": {"method": "card", "amount": 99}}, 422, "payment"),
    "discount beyond the sale": (SALE, lambda at: {**cart(1), "common_discount": 99}, 422, "common_discount"),
    "an empty cart": (SALE, lambda at: {"items": []}, 422, "items"),
    "no cart": (SALE, lambda at: {}, 422, "items"),
    "a cart of words": (SALE, lambda at: {"items": ["tea"]}, 422, "items.0"),
    "a cart too long": (SALE, lambda at: {"items": cart(1)["items"] * 1001}, 422, "items"),
    "an unknown coupon": (SALE, lambda at: {**cart(1), "coupon_code": "X"}, 422, "coupon_code"),
    "not enough stock": (SALE, lambda at: cart(1, 21), 422, "items.0.quantity"),
    "hold an unknown product": ("pos/holdSale", lambda at: cart(9999), 422, "items.0.product_id"),
    "hold nothing": ("pos/holdSale", lambda at: {}, 422, "items"),
    "hold too large a cart": ("pos/holdSale", lambda at: {**cart(1), "x": "y" * 300_000}, 422, "cart"),
    "close twice": ("pos/closeShift", lambda at: {"shift_id": at.ids["closed"], "closing_cash": 5}, 409, ""),
    "close a foreign shift": ("pos/closeShift", lambda at: {"shift_id": at.ids["their_open"], "closing_cash": 5}, 409, ""),
    "close with less than nothing": ("pos/closeShift", lambda at: {"shift_id": 1, "closing_cash": -5}, 422, "closing_cash"),
    "close without counting": ("pos/closeShift", lambda at: {"shift_id": at.ids["open"]}, 422, "closing_cash"),
    "open a second shift": ("pos/openShift", lambda at: {}, 422, "cashier_id"),
    "open for nobody": ("pos/openShift", lambda at: {"cashier_id": 9999}, 422, "cashier_id"),
    "cash of nothing": ("pos/createCashTransaction", lambda at: {"amount": 0, "type": 1}, 422, "amount"),
    "cash that goes nowhere": ("pos/createCashTransaction", lambda at: {"amount": 1, "type": 3}, 422, "type"),
    "cash in thirds of a cent": ("pos/createCashTransaction", lambda at: {"amount": 0.333, "type": 1}, 422, "amount"),
    "cash on no day": ("pos/createCashTransaction", lambda at: {"amount": 1, "type": 1, "date": "2026-02-30"}, 422, "date"),
    "correct foreign cash": ("pos/updateCashTransaction", lambda at: {"id": at.ids["their_cash"], "amount": 1}, 409, ""),
    "stock of a foreign product": (
        "pos/updateStock",
        lambda at: {"product_id": at.ids["their_product"], "stock_type": 1, "quantity": 1},
        422,
        "product_id",
    ),
    "less than no stock": ("pos/updateStock", lambda at: {"product_id": 1, "stock_type": 1, "quantity": -1}, 422, "quantity"),
    "stock neither in nor out": (
        "pos/updateStock",
        lambda at: {"product_id": 1, "stock_type": 0, "quantity": 1},
        422,
        "stock_type",
    ),
    "a customer without a name": ("crm/createCustomer", lambda at: {"name": " "}, 422, "name"),
    "a name too long": ("crm/createCustomer", lambda at: {"name": "x" * 256}, 422, "name"),
    "a name of another type": ("crm/createCustomer", lambda at: {"name": ["Aïcha"]}, 422, "name"),
    "a name with NUL": ("crm/createCustomer", lambda at: {"name": "a\x00"}, 422, "name"),
    "change a foreign customer": (
        "crm/updateCustomer",
        lambda at: {"customer_id": at.ids["their_customer"] + 1, "name": "X"},
        409,
        "",
    ),
    "change a supplier as a customer": ("crm/updateCustomer", lambda at: {"customer_id": at.ids["supplier"], "name": "X"}, 409, ""),
    "change a customer as a supplier": (
        "erp/updateSupplier",
        lambda at: {"supplier_id": at.ids["customer"], "phone": "1"},
        404,
        "",
    ),
    "a supplier without a name": ("erp/addSupplier", lambda at: {"supplier_code": "S"}, 422, "supplier_name"),
    "order from a customer": (
        "erp/createPurchaseOrder",
        lambda at: {"supplier_id": at.ids["customer"], "products": [{"product_id": 1, "quantity": 1, "unit_price": 1}]},
        422,
        "supplier_id",
    ),
    "order a foreign product": (
        "erp/createPurchaseOrder",
        lambda at: {
            "supplier_id": at.ids["supplier"],
            "products": [{"product_id": at.ids["their_product"], "quantity": 1, "unit_price": 1}],
        },
        422,
        "products.0.product_id",
    ),
    "order nothing": ("erp/createPurchaseOrder", lambda at: {"supplier_id": at.ids["supplier"], "products": []}, 422, "products"),
    "post what does not balance": (
        "erp/createJournalEntry",
        lambda at: {"lines": [{"account_code": "1000", "debit": 2}, {"account_code": "3000", "credit": 1}], "post_now": True},
        422,
        "lines",
    ),
    "an unknown account": (
        "erp/createJournalEntry",
        lambda at: {"lines": [{"account_code": "1000", "debit": 2}, {"account_code": "x", "credit": 2}]},
        422,
        "lines.1.account_code",
    ),
    "attendance of nobody": ("hrm/markAttendance", lambda at: {"employee_id": 9999, "status": 1}, 422, "employee_id"),
    "attendance at 25 o'clock": (
        "hrm/markAttendance",
        lambda at: {"employee_id": 1, "status": 1, "check_in": "25:00"},
        422,
        "check_in",
    ),
    "leave that ends before it begins": (
        "hrm/requestLeave",
        lambda at: {"from_date": "2026-06-03", "to_date": "2026-06-01"},
        422,
        "to_date",
    ),
    "an expense of nothing": ("hrm/requestExpense", lambda at: {"amount": 0}, 422, "amount"),
    "a mapping to nothing yet": (SALE, lambda at: {**cart(1), "held_transaction_client_id": str(uuid4())}, 409, ""),
    "a customer not made yet": (SALE, lambda at: {**cart(1), "customer_client_id": str(uuid4())}, 409, ""),
    "a product not made yet": (SALE, lambda at: cart(str(uuid4())), 409, ""),
    "a shift not opened yet": (
        "pos/closeShift",
        lambda at: {"open_shift_client_id": str(uuid4()), "closing_cash": 1},
        409,
        "",
    ),
    "a mapping that is no UUID": (
        SALE,
        lambda at: {**cart(1), "held_transaction_client_id": "7"},
        422,
        "held_transaction_client_id",
    ),
    "client_id with another body": ("crm/createCustomer", lambda at: {**at.actions["customer"], "name": "Moussa"}, 409, ""),
    "client_id of another endpoint": (SALE, lambda at: {**cart(1), "client_id": at.actions["customer"]["client_id"]}, 409, ""),
    "client_id that is none": (SALE, lambda at: {**cart(1), "client_id": "1"}, 422, "client_id"),
    "device_id over 64": (SALE, lambda at: {**cart(1), "device_id": "d" * 65}, 422, "device_id"),
    "a sum beyond all": (SALE, lambda at: cart(1, 10**14, price=10**14), 422, "request"),
    "a day before time": ("pos/createCashTransaction", lambda at: {"amount": 1, "type": 1, "date": "0001-01-01"}, 422, "date"),
    "no moment": (SALE, lambda at: {**cart(1), "client_created_at": None}, 422, "client_created_at"),
    "a moment that is none": (SALE, lambda at: {**cart(1), "client_created_at": "soon"}, 422, "client_created_at"),
    "a moment before time": (SALE, lambda at: {**cart(1), "client_created_at": "0001-01-01T00:00:00Z"}, 422, "client_created_at"),
    "a moment after time": (SALE, lambda at: {**cart(1), "client_created_at": "9999-12-31T23:59:59"}, 422, "client_created_at"),
}
ONLINE_ONLY = {"not enough stock", "open a second shift", "post what does not balance"}
"""What is refused online only: offline stock may become negative, shifts overlap, and drafts need not balance."""
OFFLINE_ONLY = {"client_id of another endpoint", "client_id that is none", "no moment"}


def _all() -> Iterator[tuple[str, bool]]:
    for name in CASES:
        for offline in (False, True):
            if name not in (ONLINE_ONLY if offline else OFFLINE_ONLY):
                yield name, offline


@pytest.mark.parametrize(("name", "offline"), list(_all()))
def test_it_is_refused_and_nothing_is_stored(at: Shop, name: str, *, offline: bool) -> None:
    path, body, status, place = CASES[name]
    action, head = queued(device=f"till-{uuid4()}") if offline else {}, at.owner.company.head()
    refused = at.owner.refused(status, path, {**action, **body(at)})
    if status == 422:
        assert list(refused["data"]["errors"]) == list(refused["message"]) == [place]
        assert all(refused["message"][place][language] for language in ("message_en", "message_fr", "message_ar"))
    else:
        assert refused["message"]
    assert at.owner.company.head() == head, "a refusal wrote something"


def test_another_cashiers_shift_stays_open(at: Shop) -> None:
    head = at.owner.company.head()
    refused = at.cashier.refused(422, "pos/closeShift", shift_id=at.ids["open"], closing_cash=5, **queued())
    assert "another cashier" in refused["data"]["errors"]["shift_id"][0]
    assert at.owner.company.head() == head


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("erp/createPurchaseOrder", {"supplier_id": 9999, "products": []}, "There is no supplier number 9999."),
        (SALE, {"customer_id": 9999}, "There is no customer number 9999."),
        (SALE, {"customer_client_id": "550e8400-e29b-41d4-a716-446655440000"}, "There is no customer with the client id '550e8400"),
        ("pos/openShift", {"cashier_id": 9999}, "There is no cashier number 9999."),
    ],
)
def test_what_is_missing_is_called_as_its_field_calls_it(at: Shop, path: str, body: Body, message: str) -> None:
    line = {"product_id": at.ids["product"], "quantity": 1, "unit_price": 1}
    body = {**body, "products" if "products" in body else "items": [line]}
    answer = at.owner.post(path, {**body, **queued()}).json()
    told = answer["message"]
    assert (told if isinstance(told, str) else answer["data"]["errors"].popitem()[1][0]).startswith(message)


@pytest.mark.parametrize("since", ["", "soon", "0", "2026-13-01T00:00:00Z", "9" * 60, "2026-05-28T09:00:00+99:00", "\x00", "[]"])
def test_cursors(at: Shop, since: str) -> None:
    for path in ("pos/fetchProducts", "crm/customersList", "getCustomers", "erp/getSuppliers", "erp/getProducts", "getSettings"):
        answer = at.owner.get(path, updated_since=since)
        assert answer.status_code == (422 if since else 200), (path, answer.text)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"7",
        b'"x"',
        b"[]",
        b"{",
        b'{"items": NaN}',
        b"\xff\xfe",
        b'{"items": [{"product_id": 1, "quantity": 1e400}]}',
        b'{"items": [{"product_id": {"$ne": 1}, "quantity": 1}]}',
        b'{"items": [{"product_id": [1], "quantity": true}]}',
        b'{"items": [{"product_id": true, "quantity": 1}], "customer_id": 1.5}',
        b'{"client_id": [], "items": []}',
        b'{"client_id": {}, "client_created_at": {}, "device_id": [7], "items": 1}',
        b"[" * 10_000,
        b'{"items":' * 200 + b"1" + b"}" * 200,
        b'{"items": [{"product_id": 1, "quantity": ' + b"9" * 5_000 + b"}]}",
    ],
)
def test_nonsense(at: Shop, raw: bytes) -> None:
    head = at.owner.company.head()
    paths = (SALE, "pos/holdSale", "pos/closeShift", "crm/updateCustomer", "erp/createJournalEntry", "login", "sync/registerDevice")
    for path in paths:
        answer = at.owner.call("POST", path, content=raw, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422), (path, answer.text)
        assert answer.json()["status"] == "false"
    assert at.owner.company.head() == head


def test_too_large(at: Shop) -> None:
    for path in ("crm/createCustomer", "hrm/requestExpense", "login"):
        assert at.owner.post(path, name="x" * 3_000_000).status_code == 413, path


def test_who_may_not(at: Shop, services: Services) -> None:
    token = at.owner.token
    claims = services.identity.tokens.read(token, "access")
    expired = services.identity.tokens.sign(msgspec.structs.replace(claims, exp=int(time.time()) - 1))
    for bad in ("", "x", token[:-3] + "abc", expired):
        answer = at.owner.call("POST", SALE, json={**cart(1), **queued()}, headers={"Authorization": f"Bearer {bad}"})
        assert (answer.status_code, answer.json()["status"], answer.headers["www-authenticate"]) == (401, "false", "Bearer")


@pytest.mark.parametrize("code", ["coupon_refused", "not_yours", "file_type_refused", "file_too_large", "account_closed"])
def test_what_a_cashier_may_meet_is_said_in_three_languages(code: str) -> None:
    assert len({texts[0] for texts in localized(code, ["in English"]).values()}) == 3
