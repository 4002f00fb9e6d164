"""Push and pull: what one device sends, another gets, and nothing twice."""

from __future__ import annotations

from matrix_devices import insert

SALE = (
    insert("transaction_lines", "l1", transaction_id="t1", product_id="p1", quantity=2, unit_price="5.25", line_amount="10.50"),
    insert("invoices", "i1", transaction_id="t1", invoice_type="sale", party_id="c1", due_date="2099-01-31", grand_total="10.50"),
    insert("transactions", "t1", type="sale", date="2025-12-13T09:55:00Z", party_id="c1", total_amount=10.5),
    insert("parties", "c1", name="Shirin", party_type="customer"),
    insert("products", "p1", name="Tea", sku="T-1", sale_price=5.25),
    insert("payment_accounts", "a1", account_type="bank", account_name="Main"),
    insert("payment_ins", "r1", receipt_no="R1", party_id="c1", invoice_id="i1", total_amount="4", receipt_date="2025-12-14"),
    insert("payment_in_lines", "rl1", payment_in_id="r1", payment_account_id="a1", amount="4"),
    insert("stock_ledger", "s1", product_id="p1", quantity_delta=-2, movement_type="outSale", invoice_id="i1", unit_cost="3"),
    insert("account_transactions", "at1", account_id="acc", transaction_type="saleInvoice", reference_id="t1", debit="10.5"),
    insert("accounts", "acc", name="Receivable", code="1200", account_type="asset"),
)


def test_a_sale_pushed_in_any_order_reaches_the_other_device(devices):
    tablet, phone = devices
    answer = tablet.push(*SALE)
    assert answer["errors"] == []
    assert answer["id_mappings"]["i1"] == answer["id_mappings"]["t1"]
    rows = {(change["table"], change["record_id"]): change for change in phone.pull()}
    invoice = rows["invoices", answer["id_mappings"]["i1"]]
    assert invoice["operation"] == "INSERT"
    assert invoice["data"]["grand_total"] == "10.50"
    assert invoice["data"]["status"] == "partial"
    assert invoice["data"]["due_date"] == "2099-01-31"
    transaction = rows["transactions", answer["id_mappings"]["t1"]]["data"]
    assert (transaction["type"], transaction["total_amount"], transaction["date"]) == ("sale", "10.50", "2025-12-13")
    line = rows["transaction_lines", answer["id_mappings"]["l1"]]["data"]
    assert (line["transaction_id"], line["line_amount"]) == (transaction["id"], "10.50")
    assert line["product_id"] == answer["id_mappings"]["p1"]
    assert tablet.pull() == [], "a device does not get its own pushes back"
    assert phone.pull() == []


def test_a_push_that_is_repeated_makes_nothing_twice(devices):
    tablet, _ = devices
    first = tablet.push(*SALE)
    again = tablet.push(*SALE)
    assert again["id_mappings"] == first["id_mappings"]
    assert [result for result in again["results"] if result["status"] != "unchanged"] == []
    assert again["current_version"] == first["current_version"]


def test_a_refusal_names_the_clients_column(devices):
    tablet, _ = devices
    line = insert("transaction_lines", "l9", transaction_id=999_999, description="Tea", quantity=1, unit_price="1")
    [refused] = tablet.push(line)["errors"]
    assert (refused["code"], refused["field"]) == ("reference_missing", "transaction_id")
