"""What one dialect writes the others read; what is pulled can be sent back; a product without details is its own detail."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest
from mahak_clients import SALE, Client, save_v1, save_v2
from matrix_devices import Device, insert

BASE = 1_000_000_000
EVERYTHING: dict[str, Any] = {
    **SALE,
    "bankGroups": [{"bankGroupClientId": 1, "bankGroupCode": 4, "name": "Iranian"}],
    "banks": [{"bankClientId": 1, "bankGroupClientId": 1, "bankCode": 300, "name": "Melli", "shaba": "IR1", "branch": "Yazd"}],
    "cashes": [{"cashClientId": 1, "cashCode": 2, "name": "Till", "avalDore": 10, "mogodi": 12}],
    "personGroups": [{"personGroupClientId": 1, "personGroupCode": 1, "name": "Good", "discountPercent": 2.5}],
    "people": [
        {
            "personClientId": 7,
            "personGroupClientId": 1,
            "personCode": 12,
            "firstName": "Sara",
            "lastName": "Karimi",
            "credit": 100,
            "birthDate": "1990-01-02T00:00:00",
            "latitude": 31.5,
            "gender": 1,
            "balance": 7,
        },
        {"personClientId": 8, "personType": 1, "organization": "Babil", "financeTaxPayerType": 2},
    ],
    "personAddresses": [{"personAddressClientId": 1, "personClientId": 7, "title": "Home", "isDefault": True}],
    "productProperties": [{"productClientId": 4}],
    "productCategories": [{"productCategoryClientId": 1, "productCategoryCode": 1, "name": "Drinks"}],
    "units": [{"unitClientId": 1, "unitCode": 2, "name": "kg"}],
    "products": [
        {"productClientId": 4, "name": "Tea", "productCategoryClientId": 1, "taxPercent": 9, "unitRatio": 12, "productCode": 77},
        {"productClientId": 5, "name": "Coffee", "price": 30},
    ],
    "productDetails": [{"productDetailClientId": 5, "productClientId": 4, "price1": 1000, "price3": 900, "discount1": 5}],
    "orders": [
        *SALE["orders"],
        {
            "orderClientId": 2,
            "orderType": 203,
            "personClientId": 8,
            "orderDate": "2026-03-02",
            "discount": 10,
            "discountType": 1,
            "settlementType": 1,
            "shippingAddress": '{"city": "Yazd"}',
        },
    ],
    "orderDetails": [
        *SALE["orderDetails"],
        {
            "orderDetailClientId": 12,
            "orderClientId": 2,
            "productDetailClientId": 5,
            "count1": 3,
            "count2": 1.5,
            "price": 7.5,
            "discount": 3,
            "discountType": 1,
            "gift": 1,
            "promotionCode": 3,
            "taxPercent": 9,
        },
    ],
    "receipts": [{"receiptClientId": 1, "personClientId": 7, "cashAmount": 40, "cashCode": 2, "date": "2026-03-03T11:00:00"}],
    "cheques": [{"chequeClientId": 1, "receiptClientId": 1, "bankClientId": 1, "number": "55", "amount": 60, "date": "2026-05-01"}],
    "payments": [{"paymentClientId": 1, "personClientId": 8, "cashAmount": 5}],
    "paymentCheques": [{"paymentChequeClientId": 1, "paymentClientId": 1, "amount": 2, "type": 2, "date": "2026-05-01"}],
    "stores": [{"storeClientId": 1, "storeCode": 1, "name": "North"}],
    "settings": [{"settingClientId": 1, "settingCode": 14008, "value": "1"}],
    "transferAccounts": [{"transferAccountClientId": 1, "price": 12.5, "type": 1}],
    "extraDatas": [{"itemType": 101, "itemId": 1, "data": "{}"}],
    "invoices": [{"invoiceClientId": 1, "customerClientId": 7, "invoiceDate": "2026-03-04", "dueDate": "2026-04-04"}],
    "invoiceDetails": [{"invoiceDetailClientId": 1, "invoiceClientId": 1, "productClientId": 5, "quantity": 1, "unitPrice": 30}],
    "journalEntries": [{"journalEntryClientId": 1, "date": "2026-03-05", "description": "Capital"}],
    "journalEntryLines": [
        {"journalEntryClientId": 1, "journalEntryLineClientId": 1, "accountCode": "1000", "debit": 100},
        {"journalEntryClientId": 1, "journalEntryLineClientId": 2, "accountCode": "3000", "credit": 100},
    ],
}


def pull_all(mahak: Client) -> dict[str, list[dict[str, Any]]]:
    asked = {f"{name}RowVersion": 0 for name in (*EVERYTHING, "visitors", "productDetailStoreAssets")}
    data = mahak.pull_v2(**asked)["data"]
    return {name: data[name]["records"] for name in asked_names(asked)}


def asked_names(asked: dict[str, int]) -> list[str]:
    return [name.removesuffix("RowVersion") for name in asked]


def test_what_is_pulled_can_be_sent_back_and_changes_nothing(mahak: Client) -> None:
    save_v2(mahak, **EVERYTHING)
    pulled = pull_all(mahak)
    assert all(pulled[name] for name in EVERYTHING), [name for name in EVERYTHING if not pulled[name]]
    wrong: list[Any] = []
    posted = {"journalEntryLines"}  # what is posted does not change, not even to the same
    for name in pulled:
        if name in posted:
            continue
        head = mahak.company.head()
        rows = pull_all(mahak)[name]
        save_v2(mahak, **{name: rows})
        changed = mahak.company.get(f"/events?after={head}").json()["events"]
        wrong += [(name, event["kind"], event["data"]) for event in changed]
    assert not wrong, "\n".join(map(str, wrong))
    v1 = mahak.pull(fromOrderVersion=0, fromOrderDetailVersion=0, fromPersonVersion=0, fromReceiptVersion=0, fromChequeVersion=0)
    head = mahak.company.head()
    told = save_v1(mahak, **{name: rows for name, rows in v1.items() if rows})
    assert told["Result"] is True
    assert mahak.company.head() == head


def test_a_product_without_details_is_changed_through_its_own(mahak: Client) -> None:
    save_v2(mahak, products=[{"productClientId": 1, "name": "Tea", "price": 10}])
    [own] = mahak.pull(fromProductDetailVersion=0)["ProductDetails"]
    assert (own["ProductDetailId"], own["Price1"], own["CustomerPrice"]) == (BASE + 1, 10, 10)
    told = save_v2(
        mahak, productDetails=[{"productDetailId": BASE + 1, "price1": 12.5, "price2": 11, "barcode": "626", "serials": "a"}]
    )
    record = told["data"]["productDetails"]["records"][0]
    [changed] = mahak.pull(fromProductDetailVersion=own["RowVersion"])["ProductDetails"]
    assert (record["productDetailId"], record["rowVersion"]) == (BASE + 1, changed["RowVersion"])
    assert (changed["Price1"], changed["CustomerPrice"], changed["Price2"]) == (12.5, 12.5, 11)
    assert (changed["Barcode"], changed["Serials"]) == ("626", "a")
    assert mahak.company.get("/records/product").json()["records"][0]["data"]["price"] == "12.5"
    save_v1(mahak, ProductDetails=[{"ProductDetailId": BASE + 1, "CustomerPrice": "15"}])
    [changed] = mahak.pull(fromProductDetailVersion=changed["RowVersion"])["ProductDetails"]
    assert (changed["Price1"], changed["CustomerPrice"]) == (12.5, 15)
    told = save_v2(mahak, 400, productDetails=[{"productDetailId": BASE + 1, "deleted": True}])
    assert told["code"] == 3001
    assert mahak.pull(fromProductVersion=0)["Products"][0]["Deleted"] is False


def test_the_guides_payments_have_an_amount_and_an_invoice(mahak: Client) -> None:
    save_v2(mahak, **SALE)
    save_v2(mahak, receipts=[{"receiptClientId": 1, "customerId": 1, "invoiceId": 1, "amount": 500, "date": "2026-03-01"}])
    row = mahak.pull_v2(receiptsRowVersion=0)["data"]["receipts"]["records"][0]
    assert (row["amount"], row["cashAmount"], row["invoiceId"], row["customerId"]) == (500, 500, 1, 1)
    assert mahak.pull_v2(ordersRowVersion=0)["data"]["orders"]["records"][0]["status"] == "partial"


@pytest.mark.parametrize("save", [save_v1, save_v2])
def test_rows_without_client_ids_are_not_doubled(mahak: Client, save: Any) -> None:
    link = {"products": [{"productClientId": 7, "name": "Tea"}], "productProperties": [{"productClientId": 7}]}
    two = {**link, "visitorLocations": [{"visitorId": 1, "latitude": 1.5}, {"visitorId": 1, "latitude": 1.5}]}
    first = save(mahak, **two)
    second = save(mahak, **two)
    if save is save_v2:
        assert first == second

    def pulled() -> dict[str, Any]:
        return mahak.pull(fromProductPropertyVersion=0, fromVisitorLocationVersion=0)

    assert (len(pulled()["ProductProperties"]), len(pulled()["VisitorLocations"])) == (1, 2)
    [row] = pulled()["ProductProperties"]
    save(mahak, productProperties=[{"productPropertyId": row["ProductPropertyId"], "deleted": True}])
    save(mahak, **link)  # linked again: another row
    save(mahak, **link)
    assert [row["Deleted"] for row in pulled()["ProductProperties"]] == [True, False]


def test_the_same_batch_six_times_at_once_is_one(mahak: Client) -> None:
    answers: list[dict[str, Any]] = []

    def send() -> None:
        answers.append(mahak.post("/Sync/SaveAllDataV2", EVERYTHING).json())

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one["success"] for one in answers] == [True] * 6, [one for one in answers if not one["success"]]
    assert len({str([row["orderId"] for row in one["data"]["orders"]["records"]]) for one in answers}) == 1
    pulled = pull_all(mahak)
    for name, rows in EVERYTHING.items():
        expected = len(rows) + {"orders": 1, "orderDetails": 1, "invoices": 1, "invoiceDetails": 1, "productDetails": 1}.get(
            name, 0
        )
        assert len(pulled[name]) == expected, name


def test_native_and_matrix_read_what_mahak_writes(mahak: Client) -> None:
    save_v2(mahak, **SALE, receipts=[{"receiptClientId": 1, "personClientId": 7, "orderClientId": 1, "cashAmount": 500}])
    [invoice] = mahak.company.get("/records/invoice").json()["records"]
    assert (invoice["data"]["type"], Decimal(invoice["data"]["total"]), invoice["data"]["status"]) == ("sales", 2000, "partial")
    device = matrix(mahak)
    rows: dict[str, list[dict[str, Any]]] = {}
    for change in device.pull(tables=["parties", "products", "transactions", "transaction_lines", "payment_ins", "stock_ledger"]):
        rows.setdefault(change["table_name" if "table_name" in change else "table"], []).append(change["data"])
    assert [row["name"] for row in rows["parties"]] == ["Sara Karimi"]
    assert [row["name"] for row in rows["products"]] == ["Tea"]
    assert any(Decimal(row["total_amount"]) == 2000 for row in rows["transactions"])
    assert [Decimal(row["quantity"]) for row in rows["transaction_lines"]] == [2]


def test_mahak_reads_what_native_and_matrix_write(mahak: Client) -> None:
    product = mahak.company.create("product", name="Rug", price="300")
    party = mahak.company.create("party", name="Mina Karimi", roles=["customer"])
    lines = [{"product_id": product["id"], "quantity": "2", "unit_price": "300"}]
    mahak.company.create("invoice", type="sales", party_id=party["id"], lines=lines, issue_date="2026-03-01")
    device = matrix(mahak)
    device.made(
        insert("parties", "p", name="Shirin", party_type="customer"),
        insert("transactions", "t", type="sale", party_id="p"),
        insert("transaction_lines", "l", transaction_id="t", description="Kilim", quantity=1, unit_price="180"),
    )
    pulled = mahak.pull(fromPersonVersion=0, fromOrderVersion=0, fromOrderDetailVersion=0, fromProductVersion=0)
    assert sorted(row["FirstName"] for row in pulled["People"]) == ["Mina Karimi", "Shirin"]
    assert [row["OrderType"] for row in pulled["Orders"]] == [201, 201]
    assert sorted((row["Price"], row["Count1"]) for row in pulled["OrderDetails"]) == [(180, 1), (300, 2)]
    assert {row["ProductDetailId"] for row in pulled["OrderDetails"]} == {0, BASE + product["number"]}
    shirin = next(row for row in pulled["People"] if row["FirstName"] == "Shirin")
    save_v1(mahak, People=[{"PersonId": shirin["PersonId"], "Phone": "0912"}])
    [changed] = [one for one in device.pull(tables=["parties"]) if one["record_id"] == shirin["PersonId"]]
    assert changed["data"]["phone"] == "0912"


def matrix(mahak: Client) -> Device:
    found = mahak.http.post(
        "/api/auth/login", json={"email": mahak.company.email, "password": "correct horse battery", "device_id": "tablet"}
    )
    assert found.status_code == 200, found.text
    return Device(mahak.http, found.json()["token"], "tablet")


def test_an_order_and_its_receipt_name_each_other_whichever_says_so(mahak: Client) -> None:
    sale = {**SALE, "orders": [{**SALE["orders"][0], "receiptClientId": 3, "receiptId": 0}]}
    save_v2(mahak, **sale, receipts=[{"receiptClientId": 3, "personClientId": 7, "cashAmount": 500}])
    asked = {"fromOrderVersion": 0, "fromReceiptVersion": 0}
    objects = mahak.pull(**asked)
    [order], [receipt] = objects["Orders"], objects["Receipts"]
    assert (order["ReceiptId"], order["ReceiptClientId"], order["PaymentId"]) == (receipt["ReceiptId"], 3, 0)
    assert (receipt["OrderId"], receipt["OrderClientId"]) == (order["OrderId"], 1)
    assert mahak.pull_v2(ordersRowVersion=0)["data"]["orders"]["records"][0]["status"] == "partial"
    save_v1(mahak, Orders=[order])
    assert mahak.pull(**asked) == objects, "what was pulled, sent back, is no change"
    save_v1(mahak, Receipts=[{"ReceiptId": receipt["ReceiptId"], "Deleted": True}])
    [order] = mahak.pull(fromOrderVersion=order["RowVersion"])["Orders"]
    assert (order["ReceiptId"], order["ReceiptClientId"]) == (0, 3), "what the client said remains"


def test_a_receipt_that_comes_after_its_order_is_the_orders(mahak: Client) -> None:
    save_v1(mahak, **{name[0].upper() + name[1:]: rows for name, rows in SALE.items()})
    [order] = mahak.pull(fromOrderVersion=0)["Orders"]
    assert (order["ReceiptId"], order["ReceiptClientId"]) == (0, 0)
    save_v1(mahak, Receipts=[{"ReceiptClientId": 9, "PersonClientId": 7, "OrderClientId": 1, "CashAmount": 2000}])
    [order] = mahak.pull(fromOrderVersion=order["RowVersion"])["Orders"]
    assert (order["ReceiptId"] > 0, order["ReceiptClientId"]) == (True, 9)


@pytest.mark.parametrize("family", [save_v1, save_v2])
def test_an_order_names_a_receipt_of_an_earlier_request(mahak: Client, family: Any) -> None:
    family(mahak, people=SALE["people"], receipts=[{"receiptClientId": 3, "personClientId": 7, "cashAmount": 500}])
    sale = {**SALE, "orders": [{**SALE["orders"][0], "receiptClientId": "3"}]}
    family(mahak, **sale)
    objects = mahak.pull(fromOrderVersion=0, fromReceiptVersion=0)
    [order], [receipt] = objects["Orders"], objects["Receipts"]
    assert (order["ReceiptId"], receipt["OrderId"], receipt["CashAmount"]) == (receipt["ReceiptId"], order["OrderId"], 500)
    family(mahak, **sale)
    assert mahak.pull(fromOrderVersion=0, fromReceiptVersion=0) == objects
    other = {
        "orders": [
            {**SALE["orders"][0], "orderClientId": 2, "receiptClientId": 3},
            {**SALE["orders"][0], "orderClientId": 4, "receiptId": 99},
        ]
    }
    lines = [{**SALE["orderDetails"][0], "orderDetailClientId": 10 + one, "orderClientId": one} for one in (2, 4)]
    family(mahak, **other, orderDetails=lines)
    objects = mahak.pull(fromOrderVersion=0, fromReceiptVersion=0)
    assert [row["ReceiptId"] for row in objects["Orders"]] == [1, 0, 99], (
        "it is on its order; one that is not there is kept as it came"
    )
    assert objects["Receipts"][0]["OrderId"] == order["OrderId"]
