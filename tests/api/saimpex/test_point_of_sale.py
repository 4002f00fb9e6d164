"""The till: sales with their stock and payments, carts that are held, shifts, cash, and everything that is refused there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from tills import Till, queued

from tests.api.conftest import Company

Body = dict[str, Any]


def items(product: int, quantity: float = 2, **more: Any) -> Body:
    return {"items": [{"product_id": product, "quantity": quantity, **more}]}


def test_a_sale_is_an_invoice_a_payment_and_stock(till: Till) -> None:
    product, customer = till.product(), till.customer()
    order = till.done("pos/createSale", items(product), customer_id=customer, payment={"method": "cash", "paid_amount": 50})[
        "order"
    ]
    assert (order["order_code"], order["total_amount"], order["paid_amount"], order["change"]) == ("ORD-POS-000001", 22, 22, 28)
    assert till.stock(product) == 18
    invoice = till.company.get(f"/records/invoice/{order['id']}").json()["data"]
    assert (invoice["invoice_number"], invoice["status"], invoice["vat"]) == ("ORD-POS-000001", "paid", "2.00")
    assert till.done("pos/createSale", items(product))["order"]["order_code"] == "ORD-POS-000002"


@pytest.mark.parametrize(
    ("payment", "methods", "change"),
    [
        ({}, {"cash": 22}, 0),
        ({"payment": "card"}, {"card": 22}, 0),
        ({"payments": [], "payment_method": "card", "paid_amount": 22}, {"card": 22}, 0),
        ({"payment_method": "card", "paid_amount": 22}, {"card": 22}, 0),
        ({"payment": {"method": "cash", "amount": 30}}, {"cash": 22}, 8),
        ({"payment_method": 1, "paid_amount": "25.50", "change_amount": 3.5}, {"cash": 22}, 3.5),
        ({"payment": [{"method": "cash", "amount": 10}, {"method": "card", "amount": 12}]}, {"card": 12, "cash": 10}, 0),
        (
            {"payments": [{"method": "cash", "amount": 20, "change": 10}, {"method": "card", "amount": 12}]},
            {"card": 12, "cash": 10},
            10,
        ),
    ],
)
def test_ways_to_pay(till: Till, payment: Body, methods: Body, change: float) -> None:
    order = till.done("pos/createSale", {**items(till.product()), **payment})["order"]
    assert {one["method"]: one["amount"] for one in order["payments"]} == methods
    assert (order["change"], order["payment_status"]) == (change, "paid")


def test_a_customer_may_owe(till: Till) -> None:
    product, customer = till.product(), till.customer()
    part = till.done("pos/createSale", items(product), customer_id=customer, paid_amount=5)["order"]
    assert (part["paid_amount"], part["due_amount"], part["payment_status"]) == (5, 17, "partial")
    credit = till.done("pos/createSale", items(product), customer_id=customer, payment_method="credit")["order"]
    assert (credit["paid_amount"], credit["payments"]) == (0, [])


BAD: list[tuple[Body, str]] = [
    ({"items": [{"product_id": 99, "quantity": 1}]}, "items.0.product_id"),
    ({"products": [{"product_id": 1, "quantity": 1}, {"product_id": 99, "quantity": 1}]}, "products.1.product_id"),
    ({"items": [{"product_id": 1, "quantity": 0}]}, "items.0.quantity"),
    ({"items": [{"product_id": 1, "quantity": -2}]}, "items.0.quantity"),
    ({"items": [{"product_id": 1, "quantity": "two"}]}, "items.0.quantity"),
    ({"items": [{"product_id": 1, "quantity": 1, "unit_price": -1}]}, "items.0.unit_price"),
    ({"items": [{"product_id": 1, "quantity": 1, "discount": 100}]}, "items.0.discount"),
    ({"items": [{"product_id": 1, "quantity": 1, "tax_rate": 101}]}, "items.0.tax_rate"),
    ({"items": [{"product_id": 1, "quantity": 1, "total": 5}]}, "items.0.total"),
    ({"items": [7]}, "items.0"),
    ({"items": []}, "items"),
    ({"items": "x"}, "items"),
    ({}, "items"),
    ({**items(1), "customer_id": 99}, "customer_id"),
    ({**items(1), "customer_id": 2}, "customer_id"),
    ({**items(1), "total_amount": 21}, "total_amount"),
    ({**items(1), "subtotal": 19}, "subtotal"),
    ({**items(1), "tax_amount": 1}, "tax_amount"),
    ({**items(1), "common_discount": 23}, "common_discount"),
    ({**items(1), "paid_amount": 5}, "payment"),
    ({**items(1), "payment": {"method": "card", "amount": 23}}, "payment"),
    ({**items(1), "payment": [{"method": "card", "amount": 5}, {"method": "cash", "amount": 5}]}, "payment"),
    ({**items(1), "payment": {"method": "cash", "amount": "x"}}, "payment.amount"),
    ({**items(1), "paid_amount": 30, "change_amount": 7}, "change_amount"),
    ({**items(1), "coupon_code": "nothing"}, "coupon_code"),
    ({**items(1), "shift_id": 9}, "shift_id"),
    ({**items(1), "common_discount": float("1e20")}, "common_discount"),
]


@pytest.mark.parametrize("offline", [False, True])
def test_bad_sales_are_refused_and_leave_nothing(till: Till, *, offline: bool) -> None:
    assert till.product() == 1
    gone = till.customer()
    supplier = till.supplier()
    assert (gone, supplier) == (1, 2)
    till.company.call("DELETE", f"/records/party/{gone}")
    head = till.company.head()
    for body, place in (*BAD, ({**items(1), "customer_id": gone}, "customer_id")):
        refused = till.refused(422, "pos/createSale", {**body, **(queued() if offline else {})})
        assert list(refused["data"]["errors"]) == [place], refused
    assert till.company.head() == head


def test_stock_may_become_negative_offline_only(till: Till) -> None:
    product = till.product()
    refused = till.refused(422, "pos/createSale", items(product, 21))
    assert refused["data"]["errors"] == {"items.0.quantity": ["There are 20 of 'Tea' in stock, 21 were asked for."]}
    till.refused(422, "pos/updateStock", product_id=product, stock_type=2, quantity=21)
    till.done("pos/createSale", items(product, 21), **queued())
    assert till.stock(product) == -1
    assert till.done("pos/updateStock", product_id=product, stock_type=2, quantity=1, **queued())["stock"] == -2


def test_what_is_not_sold_any_more_was_sold_offline(till: Till) -> None:
    gone, off, hold = till.product(), till.product(name="Coffee"), queued()
    cursor = till.read("pos/fetchProducts")["sync_cursor"]
    till.done("pos/deleteProduct", product_id=gone)
    till.done("pos/updateProduct", product_id=off, status=0)
    for product, message in ((gone, f"The product number {gone} was deleted."), (off, "The product 'Coffee' is not active.")):
        refused = till.refused(422, "pos/createSale", items(product))
        assert refused["data"]["errors"] == {"items.0.product_id": [message]}
    till.refused(422, "pos/holdSale", items(gone))
    assert till.done("pos/holdSale", {**items(gone), **hold})["held_transaction"]["total_amount"] == 22
    body = {"items": [{"product_id": gone, "quantity": 2}, {"product_id": off, "quantity": 21}]}
    order = till.done("pos/createSale", {**body, **queued(), "held_transaction_client_id": hold["client_id"]})["order"]
    assert (order["total_amount"], [line["name"] for line in order["items"]]) == (253, ["Tea", "Coffee"])
    assert till.stock(off) == -1
    changes = till.read("pos/fetchProducts", updated_since=cursor)
    assert ([row["id"] for row in changes["products"]], changes["deleted_ids"]) == ([off], [gone])
    till.refused(422, "pos/createSale", {**items(99), **queued()})


def test_a_customer_made_offline_is_named_by_the_action(till: Till) -> None:
    product, action = till.product(), queued()
    body = {**items(product), **queued()}
    for name in ("customer_client_id", "customer_id"):
        refused = till.refused(409, "pos/createSale", {**body, name: action["client_id"]})
        assert refused["data"]["code"] == "original_missing"
    customer = till.done("crm/createCustomer", name="Mina", **action)["id"]
    for name in ("customer_client_id", "customer_id"):
        sale = till.done("pos/createSale", {**items(product), **queued(), name: action["client_id"]})
        assert sale["order"]["customer_id"] == customer


# Held sales -----------------------------------------------------------------------------------------


def test_a_held_sale_is_sold_by_its_action(till: Till) -> None:
    product, hold = till.product(), queued()
    cart = {**items(product, 2, price=10, note="gift"), "label": "red hat"}
    refused = till.refused(409, "pos/createSale", **items(product), held_transaction_client_id=hold["client_id"], **queued())
    assert refused["data"]["code"] == "original_missing"
    held = till.done("pos/holdSale", {**cart, **hold})["held_transaction"]
    assert held["cart_data"] == cart
    assert held["total_amount"] == 22
    assert till.stock(product) == 20
    till.done("pos/createSale", **items(product), held_transaction_client_id=hold["client_id"], **queued())
    again = till.refused(409, "pos/createSale", **items(product), held_transaction_id=held["id"], **queued())
    assert again["data"]["code"] == "already_resolved"
    till.refused(409, "pos/deleteHeldSale", held_transaction_id=held["id"])
    assert till.stock(product) == 18


def test_a_held_sale_is_taken_back_once(till: Till) -> None:
    product = till.product()
    held = till.done("pos/holdSale", **items(product))["held_transaction"]["id"]
    assert till.done("pos/resumeHeldSale", id=held)["held_transaction"]["cart_data"] == items(product)
    till.refused(409, "pos/resumeHeldSale", id=held)
    assert till.call("DELETE", "pos/deleteHeldSale", params={"id": held}).json()["data"]["id"] == held
    till.refused(404, "pos/resumeHeldSale", id=99)
    till.refused(422, "pos/holdSale", **items(99))


# Shifts and cash ------------------------------------------------------------------------------------


def test_a_shift_counts_its_drawer(till: Till) -> None:
    opened, closed = queued(), queued()
    missing = {"open_shift_client_id": opened["client_id"], "closing_cash": 0}
    assert till.refused(409, "pos/closeShift", **missing, **queued())["data"]["code"] == "original_missing"
    shift = till.done("pos/openShift", opening_cash=500, notes="Morning", **opened)
    sale = till.done("pos/createSale", **items(till.product()), payment={"method": "cash", "paid_amount": 50})
    assert sale["order"]["shift_id"] == shift["id"]
    till.done("pos/createSale", **items(till.product()), payment="card", open_shift_client_id=opened["client_id"], **queued())
    cash = till.done("pos/createCashTransaction", amount=50, type=2, reason="Petty cash", **queued())
    assert (cash["shift_id"], cash["type"]) == (shift["id"], 2)
    till.done("pos/updateCashTransaction", id=cash["id"], amount=40)
    report = till.read("pos/shiftReport")
    assert (report["shift"]["report"], report["shift"]["number"]) == ("X", shift["id"])
    body = {
        "shift_id": None,
        "open_shift_client_id": opened["client_id"],
        "closing_cash": 480,
        "variance_reason": "coins",
        **closed,
    }
    done = till.done("pos/closeShift", body)
    assert (done["id"], done["expected_cash"], done["variance"], done["status"]) == (shift["id"], 482, -2, 2)
    assert till.done("pos/closeShift", body)["idempotent_replay"] is True
    till.refused(409, "pos/closeShift", shift_id=shift["id"], closing_cash=480)
    assert till.read("pos/shiftReport", shift_id=shift["id"])["shift"]["report"] == "Z"
    assert till.get("pos/shiftReport").status_code == till.get("pos/shiftReport", shift_id=99).status_code == 404
    assert [row["id"] for row in till.read("pos/shifts", status=2)["shifts"]] == [shift["id"]]
    assert till.read("pos/shifts", status="open")["shifts"] == []


def test_a_till_sells_in_the_shift_that_was_opened_at_it(till: Till) -> None:
    product, cashier = till.product(), till.done("hrm/addEmployee", name="Mariem")["id"]
    other = till.done("hrm/addEmployee", name="Khadi")["id"]
    shift = till.done("pos/openShift", cashier_id=cashier, opening_cash=100, **queued(device="till-1"))
    assert till.done("pos/createSale", items(product))["order"]["shift_id"] == shift["id"]
    second = till.done("pos/openShift", cashier_id=other, **queued(device="till-2"))
    assert till.done("pos/createSale", items(product))["order"]["shift_id"] is None, "it is not said in which"
    for device, wanted in (("till-1", shift["id"]), ("till-2", second["id"]), ("till-3", None)):
        sale = till.done("pos/createSale", {**items(product), **queued(device=device)})
        assert sale["order"]["shift_id"] == wanted
    early = till.done("pos/createSale", {**items(product), **queued(device="till-1", at="2026-05-28T08:00:00Z")})
    assert early["order"]["shift_id"] is None, "it was not open yet"
    closed = till.done("pos/closeShift", shift_id=shift["id"], closing_cash=144)
    assert (closed["expected_cash"], closed["variance"]) == (144, 0)


def test_what_turns_up_late_is_of_the_shift_that_was_open_then(till: Till, member: Callable[[str], Company]) -> None:
    product, cashier = till.product(price=10, tax_rate=0), Till(till.company, member("staff").token)
    first, second = queued(device="till-1", at="2026-05-28T08:00:00Z"), queued(device="till-1", at="2026-05-29T08:00:00Z")
    opened = cashier.done("pos/openShift", opening_cash=100, **first)
    closing = queued(device="till-1", at="2026-05-28T16:00:00Z")
    cashier.done("pos/closeShift", open_shift_client_id=first["client_id"], closing_cash=120, **closing)
    cashier.done("pos/openShift", **second)

    def sold(at: str, who: Till = cashier, device: str = "till-1") -> int | None:
        return who.done("pos/createSale", {**items(product, 1), **queued(at=at, device=device)})["order"]["shift_id"]

    assert sold("2026-05-28T09:00:00Z") == opened["id"]
    assert sold("2026-05-28T10:00:00Z", till) == opened["id"], "a manager replays what was sold at this till"
    assert sold("2026-05-28T10:00:00Z", till, "till-2") is None
    assert sold("2026-05-28T07:59:59Z") is sold("2026-05-28T16:00:01Z") is None
    assert sold("2026-05-29T09:00:00Z") == opened["id"] + 1
    report = till.read("pos/shiftReport", shift_id=opened["id"])["drawer"]
    assert (report["expected"], report["variance"], report["late_cash"]) == ("120.00", "0.00", "20.00")


def test_cashiers_have_their_own_shifts(till: Till, member: Callable[[str], Company]) -> None:
    first, second = (Till(till.company, member("staff").token) for _ in range(2))
    shift = first.done("pos/openShift", opening_cash=10)
    assert first.refused(422, "pos/openShift")["data"]["errors"]["cashier_id"]
    refused = second.refused(422, "pos/closeShift", shift_id=shift["id"], closing_cash=10)
    assert "another cashier's" in refused["data"]["errors"]["shift_id"][0]
    assert second.read("pos/shifts")["shifts"] == []
    assert second.get("pos/shiftReport", shift_id=shift["id"]).status_code == 404
    assert len(first.read("pos/shifts")["shifts"]) == len(till.read("pos/shifts")["shifts"]) == 1
    second.refused(422, "pos/openShift", cashier_id=shift["cashier_id"])
    second.refused(422, "pos/openShift", cashier_id=1)
    till.done("pos/closeShift", shift_id=shift["id"], closing_cash=10)


@pytest.mark.parametrize(
    ("path", "body", "status", "place"),
    [
        ("pos/closeShift", {"shift_id": 99, "closing_cash": 1}, 409, None),
        ("pos/closeShift", {"closing_cash": 1}, 422, "shift_id"),
        ("pos/closeShift", {"shift_id": 1, "closing_cash": -1}, 422, "closing_cash"),
        ("pos/openShift", {"cashier_id": 99}, 422, "cashier_id"),
        ("pos/openShift", {"opening_cash": "lots"}, 422, "opening_cash"),
        ("pos/createCashTransaction", {"amount": 0, "type": 1}, 422, "amount"),
        ("pos/createCashTransaction", {"amount": 5, "type": 3}, 422, "type"),
        ("pos/createCashTransaction", {"amount": 5, "type": 1, "date": "28/05/2026"}, 422, "date"),
        ("pos/createCashTransaction", {"amount": 1.005, "type": 1}, 422, "amount"),
        ("pos/updateCashTransaction", {"id": 99, "amount": 1}, 409, None),
        ("pos/updateStock", {"product_id": 99, "stock_type": 1, "quantity": 1}, 422, "product_id"),
        ("pos/updateStock", {"product_id": 99, "stock_type": 1, "quantity": -1}, 422, "quantity"),
        ("pos/updateStock", {"product_id": str(uuid4()), "stock_type": 1, "quantity": 1}, 409, None),
        ("pos/updateProduct", {"product_id": 99, "name": "x"}, 404, None),
        ("pos/addProduct", {"name": " "}, 422, "name"),
        ("pos/addProduct", {"name": "x", "price": -1}, 422, "price"),
        ("crm/updateCustomer", {"customer_id": 99, "name": "x"}, 409, None),
        ("crm/createCustomer", {}, 422, "name"),
    ],
)
def test_refusals(till: Till, path: str, body: Body, status: int, place: str | None) -> None:
    head = till.company.head()
    refused = till.refused(status, path, body)
    if place is not None:
        assert list(refused["data"]["errors"]) == [place]
    assert till.company.head() == head


# Coupons and products -------------------------------------------------------------------------------


def test_a_coupon_takes_something_off(till: Till) -> None:
    till.company.create("coupon", code="EID10", percent="10", max_uses=1)
    product = till.product()
    told = till.done("pos/applyCoupon", code="eid10", items=items(product)["items"])
    assert (told["discount"], told["payable_amount"]) == (2.2, 19.8)
    order = till.done("pos/createSale", items(product), coupon_code="EID10", total_amount=19.8)["order"]
    assert (order["discount"], order["paid_amount"]) == (2.2, 19.8)
    till.refused(422, "pos/createSale", items(product), coupon_code="EID10")
    till.refused(422, "pos/applyCoupon", code="EID10", total_amount=10)
    late = till.done("pos/createSale", items(product), coupon_code="EID10", coupon_discount=2, total_amount=20, **queued())
    assert late["order"]["discount"] == 2, "what was sold offline stays sold"
    unsaid = till.done("pos/createSale", items(product), coupon_code="EID10", total_amount=19.8, **queued())
    assert unsaid["order"]["discount"] == 2.2, "by its terms, where the till does not say"
    till.company.call("DELETE", "/records/coupon/1")
    till.refused(422, "pos/createSale", items(product), coupon_code="EID10", coupon_discount=2)
    till.refused(422, "pos/createSale", items(product), coupon_code="EID10", **queued())
    gone = till.done("pos/createSale", items(product), coupon_code="EID10", coupon_discount=2, total_amount=20, **queued())
    assert gone["order"]["discount"] == 2


def test_a_product_with_a_picture(till: Till) -> None:
    png = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + b"\x00\x00\x00\x01" * 2 + b"\x08\x06\x00\x00\x00" + b"\x00" * 40
    fields = {"name": "Tea", "price": "12.5", "stock": "3"}
    made = till.call("POST", "pos/addProduct", data=fields, files={"image": ("tea.png", png, "image/png")})
    assert made.status_code == 201, made.text
    product = made.json()["data"]["id"]
    assert till.stock(product) == 3
    changed = till.call("POST", "pos/updateProduct", data={"product_id": str(product), "price": "13"})
    assert changed.json()["data"]["price"] == 13
    till.done("pos/deleteProduct", product_id=product)
    refused = till.refused(422, "pos/createSale", items(product))
    assert refused["data"]["errors"] == {"items.0.product_id": [f"The product number {product} was deleted."]}
