"""What is refused, in the words of whoever sent it, and what is not taken for something else."""

from __future__ import annotations

from typing import Any

import pytest
from mahak_clients import SALE, Client, save_v1, save_v2

from api.mahak.collections import OF_VENDOR
from api.mahak.saving.answers import ANSWERED, NOT_ANSWERED


def line(**said: Any) -> dict[str, Any]:
    """An order with this line."""
    return {"orders": [{"orderClientId": 9, "customerId": 1}], "orderDetails": [{"orderClientId": 9, "productId": 1, **said}]}


WORDS: list[tuple[str, dict[str, Any], str, str]] = [
    ("orders", {**line(quantity=1, unitPrice=1), "orders": [{"orderClientId": 9, "customerId": 999}]}, "customerId", "reference"),
    ("orderDetails", line(productId=999, quantity=1, unitPrice=1), "productId", "reference"),
    ("orderDetails", line(quantity=-1, unitPrice=1), "quantity", "field"),
    ("orderDetails", line(quantity="two", unitPrice=1), "quantity", "field"),
    ("orderDetails", line(quantity=1, unitPrice={}), "unitPrice", "field"),
    ("orderDetails", line(count1=-1, price=1), "count1", "field"),
    ("receipts", {"receipts": [{"receiptClientId": 1, "personId": 1, "cashAmount": -5}]}, "cashAmount", "field"),
    ("receipts", {"receipts": [{"receiptClientId": 1, "personId": 1, "amount": -5}]}, "amount", "field"),
    ("customers", {"customers": [{"customerClientId": 1, "name": {"a": 1}}]}, "name", "field"),
    ("banks", {"banks": [{"bankClientId": 1, "name": "a\x00b"}]}, "name", "field"),
]


@pytest.mark.parametrize(("entity", "batch", "field", "what"), WORDS, ids=[f"{one[0]}.{one[2]}-{n}" for n, one in enumerate(WORDS)])
def test_a_refusal_names_the_field_as_the_row_has_it(
    mahak: Client, entity: str, batch: dict[str, Any], field: str, what: str
) -> None:
    save_v2(mahak, **SALE)
    before = mahak.pull_v2(banksRowVersion=0, ordersRowVersion=0, customersRowVersion=0, receiptsRowVersion=0)
    error = save_v2(mahak, 400, **batch)["data"]["errors"][0]
    assert (error["entity"], error["index"], error["field"]) == (entity, 0, field)
    assert error["code"] == (2001 if what == "reference" else 3001)
    assert mahak.pull_v2(banksRowVersion=0, ordersRowVersion=0, customersRowVersion=0, receiptsRowVersion=0) == before


@pytest.mark.parametrize("code", [{"a": 1}, [1], True, 1.5, 2**31])
def test_a_code_is_a_number_or_a_word(mahak: Client, code: Any) -> None:
    for name, wire in (("banks", "bankGroupCode"), ("banks", "bankCode"), ("products", "productCode")):
        if (wire, code) == ("bankGroupCode", 2**31):
            continue  # a reference to nothing
        error = save_v2(mahak, 400, **{name: [{"name": "n", wire: code}]})["data"]["errors"][0]
        assert (error["entity"], error["field"], error["code"]) == (name, wire, 3001)
    save_v2(mahak, products=[{"name": "n", "productCode": "PROD-A"}])


def test_v1_a_text_with_nul_fails_alone(mahak: Client) -> None:
    answer = save_v1(mahak, Banks=[{"BankClientId": 1, "Name": "Melli"}, {"BankClientId": 2, "Name": "a\x00b"}])
    good, bad = answer["Data"]["Objects"]["Banks"]["Results"]
    assert good["Result"] is True
    assert bad["Errors"][0]["Property"] == "Name"
    letters = mahak.http.get("/API/v3/Sync/DeadLetters", headers={"Authorization": f"Bearer {mahak.token}"})
    number = letters.json()["data"]["deadLetters"][0]["number"]
    again = mahak.post(f"/Sync/DeadLetters/{number}/Retry")
    assert (again.status_code, again.json()["success"]) == (200, False)


def test_a_payment_of_a_sale_is_refused_and_not_kept_as_a_receipt(mahak: Client) -> None:
    order = save_v2(mahak, **SALE)["data"]["orders"]["records"][0]
    for named in ({"orderId": order["orderId"]}, {"orderClientId": 1}):
        error = save_v2(mahak, 400, payments=[{"paymentClientId": 1, "cashAmount": 5, **named}])["data"]["errors"][0]
        assert (error["entity"], error["code"], error["field"]) == ("payments", 3001, next(iter(named)))
    together = {"orders": [{**SALE["orders"][0], "orderClientId": 2}], "payments": [{"orderClientId": 2, "cashAmount": 5}]}
    together["orderDetails"] = [{**SALE["orderDetails"][0], "orderClientId": 2, "orderDetailClientId": 12}]
    assert save_v2(mahak, 400, **together)["data"]["errors"][0]["entity"] == "payments"
    assert mahak.pull_v2(receiptsRowVersion=0)["data"]["receipts"]["records"] == []
    save_v2(mahak, receipts=[{"receiptClientId": 1, "cashAmount": 5, "orderClientId": 1}])


def test_a_first_name_is_changed_in_a_row_that_is_sent_back_whole(mahak: Client) -> None:
    save_v2(mahak, **SALE)
    row = mahak.pull_v2(customersRowVersion=0)["data"]["customers"]["records"][0]
    assert row["name"] == "Sara Karimi"
    save_v2(mahak, customers=[{**row, "firstName": "Shirin"}])
    assert mahak.pull_v2(customersRowVersion=0)["data"]["customers"]["records"][0]["name"] == "Shirin Karimi"


def test_v1_answers_in_the_captured_order_and_tells_the_code(mahak: Client) -> None:
    assert len(ANSWERED) == 55
    assert set(ANSWERED) | NOT_ANSWERED == {collection.name for collection in OF_VENDOR}
    answer = save_v1(mahak, Banks=[{"BankClientId": 1, "BankCode": 300, "Name": "Saman"}, {"BankClientId": 2, "Name": "Melli"}])
    objects = answer["Data"]["Objects"]
    assert list(objects)[3:6] == ["Cashes", "Checklists", "Cheques"]
    assert list(objects)[-2:] == ["MahakPays", "TaxOrderReceipts"]
    first, second = objects["Banks"]["Results"]
    assert first["EntityCode"] == 300
    assert "EntityCode" not in second


def test_lines_that_a_batch_adds_to_an_order_are_not_doubled_when_it_comes_again(mahak: Client) -> None:
    order = save_v2(mahak, **SALE)["data"]["orders"]["records"][0]
    row = {"orderId": order["orderId"], "orderClientId": 102, "totalAmount": 2500}
    line = {"orderDetailId": None, "orderClientId": 102, "productDetailClientId": 5, "quantity": 1, "unitPrice": 500}
    first = save_v2(mahak, orders=[row], orderDetails=[line, line])
    again = save_v2(mahak, orders=[row], orderDetails=[line, line])
    assert again["data"]["orderDetails"] == first["data"]["orderDetails"]
    assert mahak.pull_v2(ordersRowVersion=0)["data"]["orders"]["records"][0]["totalAmount"] == 3000
    save_v2(mahak, orders=[{**row, "totalAmount": 3500}], orderDetails=[line])
    assert mahak.pull_v2(ordersRowVersion=0)["data"]["orders"]["records"][0]["totalAmount"] == 3500


def test_the_guides_notes_and_code_of_a_customer_are_kept(mahak: Client) -> None:
    save_v2(mahak, customers=[{"customerClientId": 1, "name": "Sara", "notes": "a note", "customerCode": "C-1"}])
    row = mahak.pull_v2(customersRowVersion=0)["data"]["customers"]["records"][0]
    assert (row["notes"], row["description"], row["customerCode"]) == ("a note", "a note", "C-1")
    save_v2(mahak, customers=[row])
    assert mahak.pull_v2(customersRowVersion=row["rowVersion"])["data"]["customers"]["records"] == []
    save_v2(mahak, customers=[{**row, "notes": "another"}])
    assert mahak.pull_v2(customersRowVersion=0)["data"]["customers"]["records"][0]["description"] == "another"


def test_what_names_a_refused_row_is_refused_in_its_clients_words(mahak: Client) -> None:
    batch = {**SALE, "orders": [{**SALE["orders"][0], "discount": 9_999_999}]}
    [order], [line] = (save_v1(mahak, **batch)["Data"]["Objects"][name]["Results"] for name in ("Orders", "OrderDetails"))
    assert order["Errors"][0]["Property"] == "Discount"
    assert line["Errors"] == [
        {"Property": "OrderClientId", "Code": 2001, "Error": "The order with the orderClientId 1 was refused or deleted."}
    ]
    save_v2(mahak, **SALE)
    save_v2(mahak, products=[{"productId": 1, "deleted": True}])
    more = {**line_of(2), "orderDetails": [{"orderClientId": 2, "productDetailId": 1, "quantity": 1, "unitPrice": 5}]}
    told = save_v2(mahak, 400, **more)
    assert told["message"] == "The productDetail with the productDetailId 1 was refused or deleted."
    assert (told["code"], told["data"]["field"]) == (2001, "orderDetails[0].productDetailId")


def line_of(client_id: int) -> dict[str, Any]:
    return {"orders": [{"orderClientId": client_id, "personClientId": 7}]}


@pytest.mark.parametrize("name", ["orderDetails", "invoiceDetails", "journalEntryLines"])
def test_a_line_that_names_nothing_is_an_orphan(mahak: Client, name: str) -> None:
    told = save_v2(
        mahak, 400, **{name: [{"productId": 1, "description": "Tea", "quantity": 1, "unitPrice": 1, "accountCode": "1000"}]}
    )
    assert told["data"]["errors"][0]["entity"] == name
    assert told["code"] in (2001, 3001)


def test_v1_a_count_of_what_is_gone_is_refused_for_itself(mahak: Client) -> None:
    save_v2(mahak, **SALE)
    save_v2(mahak, products=[{"productId": 1, "deleted": True}])
    told = save_v1(
        mahak, ProductDetailStoreAssets=[{"ProductDetailId": 1, "Count1": 5}], Banks=[{"BankClientId": 1, "Name": "Melli"}]
    )
    objects = told["Data"]["Objects"]
    assert objects["ProductDetailStoreAssets"]["Results"][0]["Errors"][0]["Code"] == 2001
    assert objects["Banks"]["Results"][0]["Result"] is True
