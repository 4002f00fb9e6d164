"""Saving: both families, every kind of row, links in any order, repetitions, conflicts, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from mahak_clients import SALE, Client, save_v1, save_v2


def results(answer: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return answer["Data"]["Objects"][name]["Results"]


def number_of(answer: dict[str, Any], name: str, index: int = 0) -> int:
    return results(answer, name)[index]["EntityId"]


def test_a_batch_in_any_order_is_linked_by_client_ids(mahak: Client) -> None:
    told = save_v2(mahak, **SALE)
    data = told["data"]
    assert told["success"] is told["result"] is True
    assert data["orders"]["records"][0]["orderClientId"] == 1
    pulled = mahak.pull_v2(ordersRowVersion=0, orderDetailsRowVersion=0, customersRowVersion=0)["data"]
    order = pulled["orders"]["records"][0]
    assert order["orderId"] == data["orders"]["records"][0]["orderId"]
    assert order["rowVersion"] == data["orders"]["records"][0]["rowVersion"]
    assert order["totalAmount"] == 2000
    assert order["orderDate"] == "2026-03-01T10:20:30"
    assert order["personId"] == data["people"]["records"][0]["personId"]
    line = pulled["orderDetails"]["records"][0]
    assert line["orderId"] == order["orderId"]
    assert line["productDetailId"] == data["productDetails"]["records"][0]["productDetailId"]
    assert line["rowVersion"] == data["orderDetails"]["records"][0]["rowVersion"]


def test_v2_answers_a_repeated_batch_as_the_first_time(mahak: Client) -> None:
    first, second = save_v2(mahak, **SALE), save_v2(mahak, **SALE)
    assert second == first
    unnamed = {
        **SALE,
        "orderDetails": [{**SALE["orderDetails"][0], "orderDetailClientId": None}],
        "orders": [{**SALE["orders"][0], "orderClientId": 2}],
    }
    unnamed["orderDetails"][0]["orderClientId"] = 2
    first, second = save_v2(mahak, **unnamed), save_v2(mahak, **unnamed)
    assert second["data"]["orderDetails"] == first["data"]["orderDetails"]
    assert len(mahak.pull_v2(orderDetailsRowVersion=0)["data"]["orderDetails"]["records"]) == 2


@pytest.fixture
def overtake(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], list[Any]]:
    """Does something between a batch's looking for what there is and its transaction; once. What it returned is in the list."""
    execution = import_module("api.mahak.saving.execution")
    look, done = execution.read_known, list[Any]()

    def between(do: Callable[[], Any]) -> list[Any]:
        def look_and_be_overtaken(*args: Any) -> Any:
            known = look(*args)
            if not done:
                done.append(None)
                done[0] = do()
            return known

        monkeypatch.setattr(execution, "read_known", look_and_be_overtaken)
        return done

    return between


def test_the_same_batch_by_another_request_meanwhile_is_one(mahak: Client, overtake: Callable[..., list[Any]]) -> None:
    done = overtake(lambda: save_v2(mahak, **SALE))
    assert save_v2(mahak, **SALE) == done[0]
    found = mahak.pull_v2(ordersRowVersion=0, customersRowVersion=0, productsRowVersion=0)["data"]
    assert [len(found[name]["records"]) for name in ("orders", "customers", "products")] == [1, 1, 1]


def test_what_was_deleted_meanwhile_is_not_changed_any_more(mahak: Client, overtake: Callable[..., list[Any]]) -> None:
    person = save_v2(mahak, people=[{"personClientId": 7, "firstName": "Sara"}])["data"]["people"]["records"][0]["personId"]
    overtake(lambda: save_v2(mahak, people=[{"personId": person, "deleted": True}]))
    save_v2(mahak, 409, people=[{"personClientId": 8, "firstName": "Ann"}, {"personId": person, "firstName": "Sima"}])
    assert [row["deleted"] for row in mahak.pull_v2(customersRowVersion=0)["data"]["customers"]["records"]] == [True]


def test_v2_tells_the_versions_that_rows_have_in_the_end(mahak: Client) -> None:
    first = save_v2(mahak, **SALE)["data"]
    order = first["orders"]["records"][0]["orderId"]
    told = save_v2(
        mahak,
        receipts=[{"receiptClientId": 1, "orderId": order, "cashAmount": 5, "personId": first["people"]["records"][0]["personId"]}],
        orders=[{"orderId": order, "description": "paid"}],
    )["data"]
    pulled = mahak.pull_v2(ordersRowVersion=0, receiptsRowVersion=0)["data"]
    for name in ("orders", "receipts"):
        assert told[name]["records"][0]["rowVersion"] == pulled[name]["records"][0]["rowVersion"]


def test_v1_a_row_that_came_before_changes_its_record(mahak: Client) -> None:
    first = save_v1(mahak, People=[{"PersonClientId": 7, "FirstName": "Sara", "Phone": "1"}])
    second = save_v1(mahak, People=[{"PersonClientId": 7, "FirstName": "Sarah", "RowVersion": 0}])
    assert number_of(first, "People") == number_of(second, "People")
    person = mahak.pull(fromPersonVersion=0)["People"][0]
    assert (person["FirstName"], person["Phone"], person["PersonClientId"]) == ("Sarah", "1", 7)
    assert person["RowVersion"] == results(second, "People")[0]["RowVersion"] > results(first, "People")[0]["RowVersion"]


def test_v1_answers_every_collection_and_each_row_for_itself(mahak: Client) -> None:
    told = save_v1(
        mahak,
        Orders=[{"OrderClientId": 1, "OrderType": 201, "OrderDate": "2026-03-01 10:00:00"}],
        OrderDetails=[{"OrderDetailClientId": 1, "OrderClientId": 1, "Count1": 1, "Price": 5}],
    )
    assert told["Result"] is False
    assert len(told["Data"]["Objects"]) == 55
    order = results(told, "Orders")[0]
    assert order["Result"] is True
    assert order["Index"] == 1
    line = results(told, "OrderDetails")[0]
    assert line["Result"] is False
    assert line["Errors"][0]["Property"] == "IncomeId,ExpenseId,ProductDetailId"
    assert "EntityId" not in line


def test_v1_an_order_stands_where_a_line_of_it_is_refused_by_the_ledger(mahak: Client) -> None:
    save_v1(
        mahak, Products=[{"ProductClientId": 4, "Name": "Tea"}], ProductDetails=[{"ProductDetailClientId": 5, "ProductClientId": 4}]
    )
    told = save_v1(
        mahak,
        Orders=[{"OrderClientId": 1, "OrderType": 201}],
        OrderDetails=[
            {"OrderDetailClientId": 1, "OrderClientId": 1, "ProductDetailClientId": 5, "Count1": 0, "Price": 5},
            {"OrderDetailClientId": 2, "OrderClientId": 1, "ProductDetailClientId": 5, "Count1": 3, "Price": 5},
        ],
        Receipts=[{"ReceiptClientId": 1, "OrderClientId": 1, "CashAmount": 15}],
    )
    assert [row["Result"] for row in results(told, "OrderDetails")] == [False, True]
    assert results(told, "OrderDetails")[0]["Errors"][0]["Property"] == "Count1"
    assert results(told, "Orders")[0]["Result"] is results(told, "Receipts")[0]["Result"] is True
    order = mahak.pull_v2(fromOrderVersion=0)["data"]["orders"]["records"][0]
    assert (order["totalAmount"], order["status"]) == (15, "paid")
    assert order["rowVersion"] == results(told, "Orders")[0]["RowVersion"]


def test_an_empty_batch_succeeds(mahak: Client) -> None:
    assert save_v1(mahak, Orders=[], People=[])["Result"] is True
    assert save_v1(mahak)["Result"] is True
    assert save_v2(mahak, orders=[])["success"] is True


def test_orders_need_lines_and_lines_an_order(mahak: Client) -> None:
    told = save_v2(mahak, 400, orders=[{"orderClientId": 1, "orderType": 201}])
    assert told["code"] == 2001
    told = save_v2(mahak, 400, orderDetails=[{"orderClientId": 99, "productId": 1, "quantity": 1}])
    assert told["code"] == 2001
    assert told["data"]["errors"][0]["entity"] == "orderDetails"
    assert told["data"]["errors"][0]["field"] == "orderClientId"
    assert mahak.pull(fromOrderVersion=0)["Orders"] == []


def test_v2_nothing_is_stored_where_one_row_is_wrong(mahak: Client) -> None:
    wrong = [{"personClientId": 1, "firstName": "Sara"}, {"personClientId": 2, "firstName": "Ali", "credit": "much"}]
    told = save_v2(mahak, 400, people=wrong, banks=[{"bankClientId": 1}])
    assert told["code"] == 3001
    assert [(e["entity"], e["index"], e["field"]) for e in told["data"]["errors"]] == [("people", 1, "credit")]
    told = save_v2(mahak, 400, people=wrong[:1], banks=[{"bankClientId": 1}])  # the ledger wants a name
    assert [(e["entity"], e["index"], e["field"], e["code"]) for e in told["data"]["errors"]] == [("banks", 0, "name", 3001)]
    assert mahak.pull(fromPersonVersion=0)["People"] == []


def test_a_stale_version_of_a_financial_record_refuses_the_batch(mahak: Client) -> None:
    first = save_v2(mahak, **SALE)["data"]
    order = first["orders"]["records"][0]
    changed = {"orderId": order["orderId"], "description": "changed", "rowVersion": order["rowVersion"]}
    save_v2(mahak, orders=[changed])
    people = [{"personClientId": 8, "firstName": "Never"}]
    told = save_v2(mahak, 409, orders=[{**changed, "description": "late"}], people=people)
    assert told["code"] == 2002
    assert told["data"]["errors"][0]["field"] == "rowVersion"
    assert all(row["FirstName"] != "Never" for row in mahak.pull(fromPersonVersion=0)["People"])
    v1 = save_v1(mahak, Orders=[{"OrderId": order["orderId"], "Description": "late", "RowVersion": order["rowVersion"]}])
    assert results(v1, "Orders")[0]["Errors"][0]["Code"] == 2002
    v1 = save_v1(mahak, Orders=[{"OrderId": order["orderId"], "Description": "no version"}])
    assert results(v1, "Orders")[0]["Result"] is True


def test_other_records_are_merged_by_field(mahak: Client) -> None:
    first = save_v2(mahak, products=[{"productClientId": 1, "name": "Tea", "description": "green"}])["data"]
    product = first["products"]["records"][0]
    version = product["rowVersion"]
    save_v2(mahak, products=[{"productId": product["productId"], "name": "Tea 500", "rowVersion": version}])
    told = save_v2(
        mahak, products=[{"productId": product["productId"], "name": "Tea", "description": "black", "rowVersion": version}]
    )
    assert (
        told["data"]["products"]["records"][0]["conflict"] == "merged"
        or told["data"]["products"]["records"][0]["rowVersion"] > version
    )
    row = mahak.pull(fromProductVersion=0)["Products"][0]
    assert (row["Name"], row["Description"]) == ("Tea 500", "black")


def test_deleting(mahak: Client) -> None:
    first = save_v2(mahak, **SALE)["data"]
    order = first["orders"]["records"][0]
    line = first["orderDetails"]["records"][0]
    told = save_v2(
        mahak,
        orders=[{"orderId": order["orderId"], "deleted": True, "rowVersion": order["rowVersion"]}],
        orderDetails=[{"orderDetailId": line["orderDetailId"], "deleted": True, "rowVersion": line["rowVersion"]}],
    )
    assert told["data"]["orders"]["records"][0]["deleted"] is True
    pulled = mahak.pull(fromOrderVersion=0, fromOrderDetailVersion=0)
    assert [row["Deleted"] for row in pulled["Orders"] + pulled["OrderDetails"]] == [True, True]
    save_v2(mahak, orders=[{"orderId": order["orderId"], "deleted": True}])  # twice is once
    told = save_v2(mahak, 409, orders=[{"orderId": order["orderId"], "description": "back?"}])
    assert told["code"] == 2002
    told = save_v2(mahak, banks=[{"bankClientId": 9, "name": "Gone", "deleted": True}])  # never sent before
    assert told["data"]["banks"]["records"][0]["bankId"] > 0
    assert mahak.pull(fromBankVersion=0)["Banks"][0]["Deleted"] is True


def test_receipts_are_cash_and_cheques_that_may_come_later(mahak: Client) -> None:
    save_v1(mahak, People=[{"PersonClientId": 7, "FirstName": "Sara"}])
    told = save_v1(mahak, Receipts=[{"ReceiptClientId": 1, "PersonClientId": 7, "CashAmount": 0, "Date": "2026-03-01T00:00:00"}])
    assert told["Result"] is True, told
    told = save_v1(
        mahak,
        Cheques=[
            {"ChequeClientId": 1, "ReceiptClientId": 1, "Amount": 40, "Type": 1, "Date": "2026-06-01T00:00:00"},
            {"ChequeClientId": 2, "ReceiptClientId": "1", "Amount": "60.0", "Type": 2, "Date": "2026-06-01"},
            {"ChequeClientId": 3, "ReceiptClientId": 1, "Amount": -5},
        ],
    )
    assert [row["Result"] for row in results(told, "Cheques")] == [True, True, False]
    receipt = mahak.pull_v2(fromReceiptVersion=0)["data"]["receipts"]["records"][0]
    assert (receipt["amount"], receipt["cashAmount"]) == (100, 0)
    save_v1(mahak, Cheques=[{"ChequeClientId": 2, "Deleted": True}], Receipts=[{"ReceiptClientId": 1, "CashAmount": 5}])
    receipt = mahak.pull_v2(fromReceiptVersion=0)["data"]["receipts"]["records"][0]
    assert (receipt["amount"], receipt["cashAmount"]) == (45, 5)


def test_stock_is_counted(mahak: Client) -> None:
    first = save_v2(mahak, **SALE)["data"]
    detail = first["productDetails"]["records"][0]["productDetailId"]
    assert mahak.pull(fromProductDetailStoreAssetVersion=0)["ProductDetailStoreAssets"][0]["Count1"] == -2
    told = save_v2(mahak, productDetailStoreAssets=[{"productDetailId": detail, "count1": 30}])
    asset = mahak.pull(fromProductDetailStoreAssetVersion=0)["ProductDetailStoreAssets"][0]
    assert asset["Count1"] == 30
    assert told["data"]["productDetailStoreAssets"]["records"][0]["productDetailStoreAssetId"] == asset["ProductDetailStoreAssetId"]
    again = save_v2(mahak, productDetailStoreAssets=[{"productDetailId": detail, "count1": 30}])
    assert again["success"] is True


def test_journal_entries_are_posted_where_they_balance(mahak: Client) -> None:
    def entry(client_id: int, credit: int) -> dict[str, Any]:
        return {
            "journalEntries": [{"journalEntryClientId": client_id, "date": "2026-03-01", "description": "Capital"}],
            "journalEntryLines": [
                {"journalEntryClientId": client_id, "accountCode": "1000", "debit": 100},
                {"journalEntryClientId": client_id, "accountCode": "3000", "credit": credit},
            ],
        }

    save_v2(mahak, **entry(1, 100))
    told = save_v2(mahak, 400, **entry(2, 90))
    assert told["code"] == 3001
    found = mahak.pull_v2(journalEntriesRowVersion=0)["data"]["journalEntries"]["records"]
    assert [row["status"] for row in found] == ["posted"]


def test_rows_that_the_ledger_has_no_kind_for_come_back(mahak: Client) -> None:
    told = save_v1(
        mahak,
        People=[{"PersonClientId": 7, "FirstName": "Sara"}],
        VisitorPeople=[{"PersonClientId": 7, "VisitorId": mahak.visitor_id}],
        Regions=[{"CityID": 5, "CityName": "Yazd", "ProvinceID": 2, "ProvinceName": "Yazd"}],
        Settings=[{"SettingCode": 14008, "SettingClientId": 1, "Value": "1"}],
        TransferAccounts=[{"TransferAccountClientId": 1, "Price": 12.5, "Type": 1, "Date": "2026-03-01T10:00:00"}],
        PersonAddresses=[{"PersonAddressClientId": 3, "PersonClientId": 7, "Title": "Home", "Latitude": 31.9}],
        Expenses=[{"ExpenseClientId": 1, "ExpenseGroupClientId": 2, "Name": "Fuel"}],
        ExpenseGroups=[{"ExpenseGroupClientId": 2, "Name": "Car"}],
    )
    assert told["Result"] is True, told
    pulled = mahak.pull(
        fromVisitorPersonVersion=0,
        fromRegionVersion=0,
        fromSettingVersion=0,
        fromTransferAccountVersion=0,
        fromPersonAddressVersion=0,
        fromExpenseVersion=0,
    )
    assert pulled["VisitorPeople"][0]["PersonId"] == number_of(told, "People")
    assert pulled["Regions"][0]["CityName"] == "Yazd"
    assert pulled["Settings"][0]["Value"] == "1"
    assert pulled["TransferAccounts"][0]["Price"] == 12.5
    assert pulled["PersonAddresses"][0]["PersonClientId"] == 7
    assert pulled["Expenses"][0]["ExpenseGroupId"] == number_of(told, "ExpenseGroups")


def test_stores_and_codes(mahak: Client) -> None:
    told = save_v1(
        mahak,
        Stores=[{"StoreClientId": 1, "StoreCode": 10, "Name": "North"}],
        PersonGroups=[{"PersonGroupCode": 4, "Name": "A"}],
        People=[{"PersonCode": 9, "FirstName": "B", "PersonGroupCode": 4}],
    )
    assert told["Result"] is True, told
    told = save_v1(
        mahak, People=[{"PersonCode": 10, "FirstName": "C", "PersonGroupCode": 4}, {"FirstName": "D", "PersonGroupCode": 5}]
    )
    assert [row["Result"] for row in results(told, "People")] == [True, False]
    assert results(told, "People")[1]["Errors"][0] | {"Error": ""} == {"Property": "PersonGroupCode", "Error": "", "Code": 2001}
    group = mahak.pull(fromPersonVersion=0)["People"][1]["PersonGroupId"]
    assert group == mahak.pull(fromPersonGroupVersion=0)["PersonGroups"][0]["PersonGroupId"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"orders": {}}, 3001),
        ({"people": [5]}, 3001),
        ({"people": [{"personClientId": "x"}]}, 3001),
        ({"people": [{"personId": -1, "firstName": "A"}]}, 3001),
        ({"people": [{"personId": 999, "firstName": "A"}]}, 2001),
        ({"people": [{"personClientId": 1, "firstName": "A"}, {"personClientId": 1, "firstName": "B"}]}, 3001),
        ({"people": [{"personClientId": 1, "firstName": "A", "rowVersion": 10**12, "personGroupId": 77}]}, 2001),
        ({"banks": [{"bankClientId": 1, "name": "A", "deleted": "maybe"}]}, 3001),
        ({"receipts": [{"receiptClientId": 1, "cashAmount": 5, "orderId": 12}]}, 2001),
        ({"receipts": [{"receiptClientId": 1, "cashAmount": -5}]}, 3001),
        ({"cheques": [{"chequeClientId": 1, "amount": 5, "receiptId": 3}]}, 2001),
        (
            {
                "orders": [{"orderClientId": 1, "orderType": 777}],
                "orderDetails": [{"orderClientId": 1, "description": "a", "unitPrice": 1}],
            },
            3001,
        ),
        ({"companies": [{"name": "Another"}]}, 403),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_stored(mahak: Client, body: dict[str, Any], code: int) -> None:
    head = mahak.http.get("/ledger/v1/head", headers={"Authorization": f"Bearer {mahak.token}"}).json()["seq"]
    found = mahak.post("/Sync/SaveAllDataV2", body)
    assert 400 <= found.status_code < 500, found.text
    assert found.json()["code"] == code, found.text
    assert found.json()["success"] is False
    assert mahak.http.get("/ledger/v1/head", headers={"Authorization": f"Bearer {mahak.token}"}).json()["seq"] == head
