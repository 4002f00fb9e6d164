"""Discounts of orders: a percent follows its lines, and no discount takes an order below nothing; in both families."""

from __future__ import annotations

from typing import Any

import pytest
from mahak_clients import Client, save_v1, save_v2

Row = dict[str, Any]


@pytest.fixture
def detail(mahak: Client) -> int:
    """What the orders sell."""
    told = save_v2(
        mahak, productDetails=[{"productDetailClientId": 5, "productClientId": 4}], products=[{"productClientId": 4, "name": "Tea"}]
    )
    return told["data"]["productDetails"]["records"][0]["productDetailId"]


def sale(detail: int, *prices: int, **header: Any) -> dict[str, list[Row]]:
    lines = [
        {"orderClientId": 1, "orderDetailClientId": 10 + place, "productDetailId": detail, "count1": 1, "price": price}
        for place, price in enumerate(prices)
    ]
    return {"orders": [{"orderClientId": 1, "orderType": 201, **header}], "orderDetails": lines}


def rows_of(mahak: Client) -> tuple[Row, list[Row]]:
    """The only order, and its living lines."""
    data = mahak.pull_v2(ordersRowVersion=0, orderDetailsRowVersion=0)["data"]
    return data["orders"]["records"][0], [line for line in data["orderDetails"]["records"] if not line["deleted"]]


@pytest.mark.parametrize("kind", [201, 203])
def test_a_percent_is_of_the_lines_whatever_changes(mahak: Client, detail: int, kind: int) -> None:
    save_v2(mahak, **sale(detail, 1000, 3000, orderType=kind, discount=10, discountType=1))
    order, lines = rows_of(mahak)
    assert (order["discount"], order["discountType"], order["totalAmount"]) == (10, 1, 3600)
    number, line = {"orderId": order["orderId"]}, {"orderDetailId": lines[0]["orderDetailId"]}
    for batch, total in (
        ({"orders": [{**number, "discount": 20}]}, 3200),
        ({"orderDetails": [{**line, "count1": 2}]}, 4000),
        (
            {"orderDetails": [{**line, "price": 100_000, "count1": 1}], "orders": [{**number, "discount": 50, "discountType": 1}]},
            51_500,
        ),
        ({"orderDetails": [{**number, "productDetailId": detail, "price": 97_000, "count1": 1}]}, 100_000),
        ({"orderDetails": [{**line, "deleted": True}]}, 50_000),
        ({"orders": [{**number, "discountType": 0, "discount": 1000}]}, 99_000),
    ):
        save_v2(mahak, **batch)
        assert rows_of(mahak)[0]["totalAmount"] == total, batch
    told = save_v2(mahak, 400, orders=[{**number, "discountType": 1}])  # a thousand percent
    assert (told["code"], told["data"]["field"]) == (3001, "orders[0].discount")
    save_v2(mahak, orders=[rows_of(mahak)[0]])
    assert rows_of(mahak)[0]["totalAmount"] == 99_000, "what was pulled, sent back"


def test_v1_an_order_that_comes_again_has_the_percent_of_the_lines_that_stand(mahak: Client, detail: int) -> None:
    save_v1(mahak, **sale(detail, 1000, 3000, discount=10, discountType=1))
    save_v1(mahak, **sale(detail, 1000, 9000, discount=30, discountType=1))
    assert rows_of(mahak)[0]["totalAmount"] == 7000
    again = sale(detail, 1000, 9000, 500, discount=30, discountType=1)
    again["orderDetails"][1]["count1"] = -1
    again["orderDetails"][2]["count1"] = -1
    told = save_v1(mahak, **again)["Data"]["Objects"]["OrderDetails"]["Results"]
    assert [one["Result"] for one in told] == [True, False, False]
    assert rows_of(mahak)[0]["totalAmount"] == 7000, "of the lines that were there"


def test_v1_a_new_order_has_the_percent_of_the_lines_that_were_accepted(mahak: Client, detail: int) -> None:
    batch = sale(detail, 1000, 9000, discount=30, discountType=1)
    batch["orderDetails"][1]["productDetailId"] = 99
    told = save_v1(mahak, **batch)["Data"]["Objects"]["OrderDetails"]["Results"]
    assert [one["Result"] for one in told] == [True, False]
    assert rows_of(mahak)[0]["totalAmount"] == 700
    batch = sale(detail, 1000, 9000, discount=30, discountType=1, orderClientId=2)
    for line in batch["orderDetails"]:
        line |= {"orderClientId": 2, "orderDetailClientId": line["orderDetailClientId"] + 10}
    batch["orderDetails"][1]["count1"] = 0
    save_v1(mahak, **batch)
    orders = mahak.pull_v2(ordersRowVersion=0)["data"]["orders"]["records"]
    assert [order["totalAmount"] for order in orders] == [700, 700]


@pytest.mark.parametrize("kind", [201, 202, 203, 204])
@pytest.mark.parametrize("said", [{"discount": 1001}, {"discount": 101, "discountType": 1}], ids=["amount", "percent"])
def test_a_discount_above_the_whole_is_refused_on_its_field(mahak: Client, detail: int, kind: int, said: Row) -> None:
    batch = sale(detail, 1000, orderType=kind, **said)
    told = save_v2(mahak, 400, **batch)
    error = told["data"]["errors"][0]
    assert (error["entity"], error["index"], error["field"], error["code"]) == ("orders", 0, "discount", 3001)
    objects = save_v1(mahak, **batch)["Data"]["Objects"]
    [order], [line] = objects["Orders"]["Results"], objects["OrderDetails"]["Results"]
    assert (order["Errors"][0]["Property"], order["Errors"][0]["Code"]) == ("Discount", 3001)
    assert line["Errors"][0]["Code"] == 2001, "an order that was refused has no lines"
    assert mahak.pull_v2(ordersRowVersion=0)["data"]["orders"]["records"] == []


def test_a_discount_is_seen_with_the_lines_and_costs_of_its_request(mahak: Client, detail: int) -> None:
    save_v2(mahak, **sale(detail, 1000, discount=1050, sendCost=50))
    order, [line] = rows_of(mahak)
    assert order["totalAmount"] == 0
    header = {"orderId": order["orderId"], "rowVersion": order["rowVersion"]}
    more = {"orderDetailId": line["orderDetailId"], "count1": 5}
    told = save_v2(mahak, 400, orders=[{**header, "discount": 1051}])
    assert told["data"]["field"] == "orders[0].discount"
    save_v2(mahak, orders=[{**header, "discount": 4000}], orderDetails=[more])
    assert rows_of(mahak)[0]["totalAmount"] == 1050
    stale = save_v1(mahak, orders=[{**header, "discount": 1}], orderDetails=[{**more, "count1": 6}])
    assert stale["Data"]["Objects"]["Orders"]["Results"][0]["Errors"][0]["Code"] == 2002
    assert rows_of(mahak)[0]["discount"] == 4000, "a refused row changes nothing"


def test_the_discount_of_a_line_is_refused_in_the_words_of_the_line(mahak: Client, detail: int) -> None:
    batch = sale(detail, 1000)
    batch["orderDetails"][0] |= {"discount": 101, "discountType": 1}
    assert save_v2(mahak, 400, **batch)["data"]["errors"][0]["field"] == "discount"


def test_a_percent_is_of_the_price_of_the_product_where_a_line_says_none(mahak: Client, detail: int) -> None:
    product = {"products": [{"productClientId": 9, "name": "Mint", "price": 1000}]}
    batch = sale(detail, 1, discount=10, discountType=1) | product
    batch["orderDetails"][0] = {"orderClientId": 1, "productClientId": 9, "quantity": 2}
    save_v2(mahak, **batch)
    order, [line] = rows_of(mahak)
    assert order["totalAmount"] == 1800
    more = {"orderId": order["orderId"], "productId": line["productId"], "quantity": 1, "orderDetailClientId": 77}
    save_v2(mahak, orderDetails=[more])
    assert rows_of(mahak)[0]["totalAmount"] == 2700


def test_a_correction_in_percent_is_of_the_lines(mahak: Client, detail: int) -> None:
    save_v2(mahak, **sale(detail, 1000, discount=50))
    item = {"id": rows_of(mahak)[0]["orderId"], "reason": "late", "resolution": "a tenth off"}
    found = mahak.post("/Sync/SolveOrderDispute", {"disputeItems": [{**item, "correction": {"discount": 10, "discountType": 1}}]})
    assert found.status_code == 200, found.text
    assert rows_of(mahak)[0]["totalAmount"] == 900


def test_lines_do_not_become_less_than_the_discount(mahak: Client, detail: int) -> None:
    save_v2(mahak, **sale(detail, 1000, 500, discount=1200))
    order, lines = rows_of(mahak)
    first, second = ({"orderDetailId": line["orderDetailId"]} for line in lines)
    told = save_v2(mahak, 400, orderDetails=[{**first, "price": 600}])
    assert (told["code"], told["data"]["errors"][0]["entity"], told["data"]["errors"][0]["index"]) == (3001, "orderDetails", 0)
    save_v2(mahak, 400, orderDetails=[{**second, "deleted": True}])
    assert rows_of(mahak)[0]["totalAmount"] == 300
    save_v2(mahak, orderDetails=[{**second, "deleted": True}], orders=[{"orderId": order["orderId"], "discount": 1000}])
    assert rows_of(mahak)[0]["totalAmount"] == 0
