"""Batches that come again because an answer was lost; and what a batch calls its collections."""

from __future__ import annotations

from typing import Any

from mahak_clients import SALE, Client, save_v1, save_v2


def order_of(mahak: Client) -> dict[str, Any]:
    return mahak.pull_v2(ordersRowVersion=0)["data"]["orders"]["records"][0]


def change(order: dict[str, Any], **said: Any) -> dict[str, Any]:
    """The sample of the guide: a new order, a line that is added to one that is there, and that one with its version."""
    return {
        "orders": [
            {"orderId": None, "orderClientId": 100, "customerClientId": 7, "rowVersion": None},
            {"orderId": order["orderId"], "orderClientId": 1, "rowVersion": order["rowVersion"], **said},
        ],
        "orderDetails": [
            {"orderDetailId": None, "orderClientId": 100, "productClientId": 4, "quantity": 2, "unitPrice": 47500},
            {"orderDetailId": None, "orderClientId": 1, "productClientId": 4, "quantity": 1, "unitPrice": 120000},
        ],
    }


def test_a_batch_that_names_versions_is_answered_as_the_first_time(mahak: Client) -> None:
    save_v2(mahak, **SALE)
    batch = change(order_of(mahak), description="by noon")
    first = save_v2(mahak, **batch)
    pulled = mahak.pull_v2(ordersRowVersion=0, orderDetailsRowVersion=0)
    assert save_v2(mahak, **batch) == first
    save_v2(mahak, orders=[{"orderId": batch["orders"][1]["orderId"], "description": "by one"}])
    assert save_v2(mahak, **batch) == first, "also when others changed the order since"
    after = mahak.pull_v2(ordersRowVersion=0, orderDetailsRowVersion=0)
    assert after["data"]["orderDetails"] == pulled["data"]["orderDetails"]
    letters = mahak.http.get("/API/v3/Sync/DeadLetters", headers={"Authorization": f"Bearer {mahak.token}"}).json()
    assert letters["data"]["total"] == 0, "what was accepted is no dead letter"


def test_another_batch_on_the_same_version_is_stale(mahak: Client) -> None:
    save_v2(mahak, **SALE)
    order = order_of(mahak)
    save_v2(mahak, **change(order, description="by noon"))
    for _ in range(2):
        assert save_v2(mahak, 409, **change(order, description="by two"))["code"] == 2002
    records = mahak.pull_v2(ordersRowVersion=0)["data"]["orders"]["records"]
    version = next(row["rowVersion"] for row in records if row["orderId"] == order["orderId"])
    delete = {"orders": [{"orderId": order["orderId"], "rowVersion": version, "deleted": True}]}
    first = save_v2(mahak, **delete)
    assert save_v2(mahak, **delete) == first


def test_a_batch_is_answered_by_the_names_that_it_has(mahak: Client) -> None:
    told = save_v2(mahak, customers=[{"customerClientId": 1, "name": "Ann"}])["data"]
    assert told["customers"]["records"][0]["customerClientId"] == 1
    assert told["objects"]["people"]["results"][0]["entityClientId"] == 1
    told = save_v2(mahak, customers=[{"customerClientId": 2, "name": "Bob"}], people=[{"personClientId": 3, "firstName": "Cid"}])[
        "data"
    ]
    assert [row["personClientId"] for row in told["people"]["records"]] == [2, 3], "under both names they are one"
    told = save_v2(mahak, 400, Customers=[{"customerClientId": 4, "name": "Dan", "credit": "much"}], people=[])["data"]
    assert told["errors"][0]["entity"] == "people"
    told = save_v2(mahak, 400, Customers=[{"customerClientId": 4, "name": "Dan", "credit": "much"}])["data"]
    assert (told["field"], told["errors"][0]["entity"]) == ("customers[0].credit", "customers")


def test_a_refused_batch_keeps_the_rows_of_both_names(mahak: Client) -> None:
    save_v2(mahak, 400, customers=[{"customerClientId": 2, "name": "Bob"}], people=[{"personClientId": 3, "credit": "much"}])
    headers = {"Authorization": f"Bearer {mahak.token}"}
    number = mahak.http.get("/API/v3/Sync/DeadLetters", headers=headers).json()["data"]["deadLetters"][0]["number"]
    batch = mahak.http.get(f"/API/v3/Sync/DeadLetters/{number}", headers=headers).json()["data"]["batch"]
    assert {name: len(rows) for name, rows in batch.items()} == {"customers": 1, "people": 1}


def test_a_product_goes_with_its_details(mahak: Client) -> None:
    save_v2(mahak, **SALE)
    stock = {"productDetailStoreAssetsRowVersion": 0, "orderDetailsRowVersion": 0}
    asked = {"productsRowVersion": 0, "productDetailsRowVersion": 0, "visitorProductsRowVersion": 0}
    before = mahak.pull_v2(**asked)["data"]
    product = before["products"]["records"][0]["productId"]
    assert save_v1(mahak, Products=[{"ProductId": product, "Deleted": True}])["Result"] is True
    after = mahak.pull_v2(**{name: before[name.removesuffix("RowVersion")]["rowVersion"] for name in asked})["data"]
    for name in ("products", "productDetails", "visitorProducts"):
        assert [row["deleted"] for row in after[name]["records"]] == [True], name
    detail = before["productDetails"]["records"][0]["productDetailId"]
    for box in (box for name, box in mahak.pull_v2(**stock)["data"].items() if name != "objects"):
        assert [row["productDetailId"] for row in box["records"]] == [detail], "what was sold is still that detail"


def test_a_detail_of_a_product_without_one_has_no_code_of_its_own(mahak: Client) -> None:
    save_v2(
        mahak,
        products=[
            {"productClientId": 1, "name": "Tea", "productCode": 208},
            {"productClientId": 2, "name": "Mint", "productCode": "M"},
        ],
    )
    told = mahak.pull_v2(productsRowVersion=0, productDetailsRowVersion=0)["data"]
    assert [row["productCode"] for row in told["products"]["records"]] == [208, "M"]
    assert [row["productDetailCode"] for row in told["productDetails"]["records"]] == [0, 0]
