"""One ledger: what a FinTrack front end writes is pulled by the apps of other dialects, and what they write is listed here."""

from __future__ import annotations

from typing import Any

import pytest
from mahak_clients import PACKAGE, PASSWORD, Client
from matrix_devices import Device, insert


@pytest.fixture
def mahak(company: Any) -> Client:
    """A visitor's app of the same business."""
    body = {"type": "company.update", "id": str(company.id), "data": {"package_number": PACKAGE}}
    assert company.execute(body).status_code == 200
    found = company.client.post("/API/v3/Sync/Login", json={"userName": company.email, "password": PASSWORD})
    client = Client(company, found.json()["Data"]["DatabaseId"])
    client.visitor_id = found.json()["Data"]["VisitorId"]
    return client


@pytest.fixture
def device(company: Any) -> Device:
    """A tablet with the Matrix app."""
    return Device(company.client, company.token, "tablet")


def pulled(device: Device) -> dict[str, Any]:
    """The latest rows by table; each table has at most one here."""
    return {change["table"]: {**change["data"], "operation": change["operation"]} for change in device.pull()}


WANTED = {f"from{name}Version": 0 for name in ("Person", "Product", "ProductDetail", "Order", "OrderDetail", "Receipt")}


def test_what_is_written_here_is_pulled_there(owner, device, mahak):
    customer = owner.make("customer", name="Ada", contactEmail="ada@example.com", phone="+98 21 1")
    product = owner.product("tea")
    invoice = owner.invoice("X-1", customer["id"], items=[{"productOrServiceId": product["id"], "quantity": 2}])
    payment = owner.payment(90, invoiceId=invoice["id"], method="cash")
    rows = pulled(device)
    assert (rows["parties"]["name"], rows["parties"]["party_type"]) == ("Ada", "customer")
    assert (rows["products"]["sku"], rows["products"]["sale_price"]) == ("tea", "100.00")
    sale = rows["invoices"]
    assert (sale["invoice_number"], sale["grand_total"], sale["paid_amount"], sale["status"]) == (
        "X-1",
        "240.00",
        "90.00",
        "partial",
    )
    assert sale["party_id"] == rows["parties"]["id"]
    assert rows["transaction_lines"]["line_amount"] == "240.00"
    assert (rows["payment_ins"]["total_amount"], rows["payment_ins"]["invoice_id"]) == ("90.00", sale["id"])
    found = mahak.pull(**WANTED)
    [person], [order], [line], [receipt] = (found[name] for name in ("People", "Orders", "OrderDetails", "Receipts"))
    assert (person["FirstName"], person["Email"]) == ("Ada", "ada@example.com")
    assert (order["OrderType"], order["PersonId"]) == (201, person["PersonId"])
    assert (line["OrderId"], line["Price"], line["Count1"], line["TaxPercent"]) == (order["OrderId"], 100, 2, 20)
    assert (receipt["OrderId"], receipt["CashAmount"]) == (order["OrderId"], 90)
    # Changed and deleted here, told there
    owner.change("customer", customer["id"], name="Ada L.")
    owner.payment(150, invoiceId=invoice["id"])
    owner.delete("payment", payment["id"])
    rows = pulled(device)
    assert (rows["parties"]["operation"], rows["parties"]["name"]) == ("UPDATE", "Ada L.")
    assert (rows["invoices"]["status"], rows["invoices"]["paid_amount"]) == ("partial", "150.00")
    later = mahak.pull(fromPersonVersion=person["RowVersion"], fromReceiptVersion=receipt["RowVersion"])
    assert [row["FirstName"] for row in later["People"]] == ["Ada L."]
    assert {(row["ReceiptId"], row["Deleted"]) for row in later["Receipts"]} >= {(receipt["ReceiptId"], True)}


def test_what_the_matrix_app_pushes_is_listed_here(owner, device):
    device.made(
        insert("parties", "c1", name="Shirin", party_type="customer"),
        insert("parties", "s1", name="Bahar", party_type="supplier"),
        insert("products", "p1", name="Tea", sku="T-1", sale_price=5.25),
        insert("transactions", "t1", type="sale", date="2025-12-13T09:55:00Z", party_id="c1", total_amount=10.5),
        insert("transaction_lines", "l1", transaction_id="t1", product_id="p1", quantity=2, unit_price="5.25", line_amount="10.50"),
        insert(
            "invoices", "i1", transaction_id="t1", invoice_type="sale", party_id="c1", due_date="2099-01-31", grand_total="10.50"
        ),
        insert(
            "payment_ins", "r1", receipt_no="R1", party_id="c1", invoice_id="i1", total_amount="10.50", receipt_date="2025-12-14"
        ),
    )
    [customer] = owner.list("customer")
    assert customer["name"] == "Shirin"
    assert [one["name"] for one in owner.list("supplier")] == ["Bahar"]
    assert [(one["sku"], one["price"]) for one in owner.list("productOrService")] == [("T-1", 5.25)]
    [invoice] = owner.list("invoice", "?status=paid")
    assert (invoice["totalAmount"], invoice["customerId"], invoice["customer"][0]["name"]) == (10.5, customer["id"], "Shirin")
    assert [(one["quantity"], one["total"]) for one in owner.list("invoiceItem", f"?invoiceId={invoice['id']}")] == [(2, 10.5)]
    assert [(one["amount"], one["invoiceId"]) for one in owner.list("payment")] == [(10.5, invoice["id"])]
    # And changed here, it is told there
    device.pull()
    owner.change("customer", customer["id"], name="Shirin K.")
    assert pulled(device)["parties"]["name"] == "Shirin K."


def test_what_mahaks_app_saves_is_listed_here(owner, mahak):
    saved = mahak.post(
        "/Sync/SaveAllDataV2",
        {
            "people": [{"personClientId": 7, "firstName": "Sara", "lastName": "Karimi"}],
            "products": [{"productClientId": 4, "name": "Tea"}],
            "productDetails": [{"productDetailClientId": 5, "productClientId": 4, "price1": 1000}],
            "orders": [{"orderClientId": 1, "orderType": 201, "personClientId": 7, "orderDate": "2026-03-01T10:20:30"}],
            "orderDetails": [
                {"orderDetailClientId": 11, "orderClientId": 1, "productDetailClientId": 5, "count1": 2, "price": 1000}
            ],
            "receipts": [{"receiptClientId": 2, "personClientId": 7, "orderClientId": 1, "cashAmount": 500, "date": "2026-03-02"}],
        },
    )
    assert saved.status_code == 200, saved.text
    [customer] = owner.list("customer")
    assert customer["name"] == "Sara Karimi"
    assert [one["name"] for one in owner.list("productOrService")] == ["Tea"]
    [invoice] = owner.list("invoice")
    assert (invoice["type"], invoice["totalAmount"], invoice["status"]) == ("sales", 2000, "partial")
    assert invoice["customerId"] == customer["id"]
    assert [one["quantity"] for one in owner.list("invoiceItem", f"?invoiceId={invoice['id']}")] == [2]
    assert [(one["amount"], one["invoiceId"]) for one in owner.list("payment")] == [(500, invoice["id"])]
    owner.payment(1500, invoiceId=invoice["id"])
    assert owner.get("invoice", invoice["id"])["status"] == "paid"
    assert len(mahak.pull(fromReceiptVersion=0)["Receipts"]) == 2
