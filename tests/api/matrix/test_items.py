"""Items of a push, one by one: whatever is wrong with one is said of that one, and the good ones stand."""

from __future__ import annotations

from typing import Any

import pytest
from matrix_devices import delete, insert, update

GOOD = insert("parties", "good", name="Good", party_type="customer")
NESTED: dict[str, Any] = {}
for _ in range(40):
    NESTED = {"in": NESTED}

REFUSED: list[tuple[str, Any, str, str]] = [
    ("no object", 7, "invalid_field", ""),
    ("unknown table", insert("spaceships", "x", name="X"), "invalid_field", "table"),
    ("unknown operation", {**GOOD, "operation": "UPSERT"}, "invalid_field", "operation"),
    ("no local id", {"table": "parties", "operation": "INSERT", "data": {"name": "X"}}, "invalid_field", "local_id"),
    ("no record id", {"table": "parties", "operation": "UPDATE", "data": {"name": "X"}}, "invalid_field", "record_id"),
    ("no data", {"table": "parties", "operation": "INSERT", "local_id": "x"}, "invalid_field", "data"),
    ("another company's id", update("parties", 9_000_000, {"name": "X"}), "record_not_found", "id"),
    ("id of zero", update("parties", 0, {"name": "X"}), "record_not_found", "record_id"),
    ("an id beyond all", update("parties", 9_999_999_999_999_999, {"name": "X"}), "record_not_found", "record_id"),
    ("a negative id", update("parties", -5, {"name": "X"}), "record_not_found", "id"),
    ("a truth value as id", update("parties", True, {"name": "X"}), "invalid_field", "record_id"),
    ("unknown local id", update("parties", "nobody", {"name": "X"}), "record_not_found", "id"),
    ("deletion of nothing", delete("parties", 9_000_000), "record_not_found", "id"),
    ("dangling parent", insert("transaction_lines", "l", transaction_id=8_888, quantity=1), "reference_missing", "transaction_id"),
    (
        "dangling local parent",
        insert("transaction_lines", "l", transaction_id="t?", quantity=1),
        "reference_missing",
        "transaction_id",
    ),
    ("a name too long", insert("parties", "x", name="x" * 300), "invalid_field", "name"),
    ("no name", insert("parties", "x", phone="1"), "invalid_field", "name"),
    ("a bad choice", insert("parties", "x", name="X", party_type="enemy"), "invalid_field", "party_type"),
    ("no number", insert("products", "x", name="X", sale_price="dear"), "invalid_field", "sale_price"),
    ("a number beyond all", insert("products", "x", name="X", sale_price="1e999999999"), "invalid_field", "sale_price"),
    (
        "a whole number beyond all",
        insert("parties", "x", name="X", payment_terms_days="1e999999"),
        "invalid_field",
        "payment_terms_days",
    ),
    ("no date", insert("transactions", "x", type="sale", date="yesterday"), "invalid_field", "date"),
    ("no moment", {**GOOD, "local_id": "x", "timestamp": "noon"}, "invalid_field", "timestamp"),
    ("no moment of the last sync", {**GOOD, "local_id": "x", "last_sync_at": "noon"}, "invalid_field", "last_sync_at"),
    ("a long local id", insert("parties", "x" * 200, name="X"), "invalid_field", "local_id"),
    ("a company", insert("companies", "x", name="Another"), "not_allowed", "table"),
    ("the company's deletion", delete("companies", 1), "not_allowed", "table"),
    ("a conflict", insert("conflicts", "x", status="settled"), "not_allowed", "table"),
    ("an unknown type", insert("transactions", "x", type="gift"), "invalid_field", "type"),
    ("an unknown account", insert("account_transactions", "x", account_id="nowhere", debit="1"), "invalid_field", "account_id"),
    ("a line of nothing", insert("account_transactions", "x", account_id=1, transaction_type="sale"), "invalid_field", "debit"),
    ("a role that is none", insert("users", "x", full_name="X", role="emperor"), "invalid_field", "role"),
    ("a version to come", update("parties", 1, {"name": "X"}, base_version=10**9), "cursor_ahead", "base_seq"),
    ("nested too deep", insert("settings", "x", name="x", value=NESTED), "invalid_field", ""),
]


@pytest.mark.parametrize(("item", "code", "field"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_bad_item_is_refused_alone(device, item, code, field):
    tablet = device("tablet")
    tablet.made(insert("parties", "first", name="First"))
    answer = tablet.push(GOOD, item, update("parties", "good", {"phone": "5"}))
    assert [result["status"] for result in answer["results"]] == ["applied", "rejected", "applied"]
    (error,) = answer["errors"]
    assert (error["index"], error["code"]) == (1, code), error
    assert error["field"].startswith(field), error
    assert error["message"]
    status = tablet.status()
    assert status["rejected_items"] == 1
    assert status["rejected"][0]["code"] == code
    assert status["rejected"][0]["item"] == item


def test_a_rejected_item_is_forgotten_once_it_succeeds_or_is_discarded(device):
    tablet = device("tablet")
    bad = [insert("parties", f"p{i}", name="X", party_type="enemy") for i in range(3)]
    tablet.push(*bad)
    tablet.push(*bad)
    status = tablet.status()
    assert [(one["place"], one["attempts"]) for one in status["rejected"]] == [("parties INSERT", 2)] * 3
    tablet.made(insert("parties", "p0", name="X", party_type="supplier"))
    left = tablet.status()["rejected"]
    assert [one["item"]["local_id"] for one in left] == ["p1", "p2"]
    assert tablet.call("DELETE", f"/sync/rejected?numbers={left[0]['number']}").json()["discarded"] == 1
    assert tablet.call("DELETE", "/sync/rejected").json()["discarded"] == 1
    assert tablet.status()["rejected_items"] == 0


def test_too_many_changes_are_refused_and_as_many_as_may_be_are_not(device):
    tablet = device("tablet")
    changes = [insert("units_of_measure", f"u{i}", name=f"unit {i}") for i in range(3)]
    refused = tablet.post("push", changes=changes * 1_667)
    assert refused.status_code == 413
    assert refused.json()["code"] == "batch_too_large"
    assert "5000" in refused.json()["message"]
    assert tablet.push()["results"] == [], "an empty push is accepted"


def test_local_ids_may_be_digits_and_be_used_by_two_tables(devices):
    tablet, phone = devices
    taken = tablet.made(insert("parties", "x", name="Takes number 1 or so"))["x"]
    ids = tablet.made(
        insert("transaction_lines", "7", transaction_id=str(taken), product_id="7", quantity=1, unit_price="3"),
        insert("transactions", str(taken), type="sale", party_id="7"),
        insert("products", "7", name="Tea"),
        insert("parties", "7", name="Shirin"),
    )
    rows = {(change["table"], change["record_id"]): change["data"] for change in phone.pull()}
    sale = rows["transactions", ids[f"transactions:{taken}"]]
    assert sale["party_id"] == ids["parties:7"]
    assert sale["total_amount"] == "3.00"
    line = rows["transaction_lines", ids["transaction_lines:7"]]
    assert line["product_id"] == ids["products:7"]


def test_what_a_push_inserts_can_be_edited_and_deleted_in_it(devices):
    tablet, phone = devices
    ids = tablet.made(
        update("parties", "p1", {"phone": "2"}),  # before its INSERT
        insert("parties", "p1", name="One", phone="1"),
        {"table": "parties", "operation": "UPDATE", "local_id": "p1", "data": {"email": "one@example.com"}},
        insert("parties", "p2", name="Two"),
        delete("parties", "p2"),
    )
    seen = {change["record_id"]: change for change in phone.pull(tables=["parties"])}
    assert (seen[ids["p1"]]["data"]["phone"], seen[ids["p1"]]["data"]["email"]) == ("2", "one@example.com")
    assert seen[ids["p1"]]["operation"] == "INSERT"
    assert (seen[ids["p2"]]["operation"], seen[ids["p2"]]["data"]) == ("DELETE", {"id": ids["p2"]})


def test_a_value_that_the_push_itself_sets_free_can_be_taken(device):
    tablet = device("tablet")
    old = tablet.made(insert("products", "old", name="Old", sku="A-1"))["old"]
    answer = tablet.push(delete("products", old), insert("products", "new", name="New", sku="A-1"))
    assert [result["status"] for result in answer["results"]] == ["applied", "applied"]
    assert tablet.status()["rejected_items"] == 0


def test_a_total_counts_until_its_lines_come(devices):
    tablet, phone = devices
    sale = tablet.made(insert("transactions", "t", type="sale", total_amount="12.00"))["t"]
    total = lambda: phone.row("transactions", sale)["data"]["total_amount"]  # noqa: E731
    assert total() == "12.00"
    bad = tablet.push(insert("transaction_lines", "l0", transaction_id="t", product_id=77, quantity=1, unit_price=5))
    assert bad["errors"][0]["code"] == "reference_missing"
    assert total() == "12.00", "a line that is refused takes the place of nothing"
    tablet.made(
        insert("transaction_lines", "l1", transaction_id=sale, description="a", quantity=2, unit_price=5),
        insert("transaction_lines", "l2", transaction_id="t", description="b", quantity=1, unit_price=1.1 + 2.2),
    )
    assert total() == "13.30", "a binary fraction is rounded to the column's decimals"
    lines = [c for c in phone.pull() if c["table"] == "transaction_lines" and c["operation"] != "DELETE"]
    assert sorted(line["data"]["line_amount"] for line in lines) == ["10.00", "3.30"]


def test_money_that_is_a_transaction_has_an_id_of_its_own(devices):
    tablet, phone = devices
    ids = tablet.made(
        insert("transactions", "sale", type="sale", total_amount="5"),
        insert("transactions", "receipt", type="receipt", total_amount="5", cash_bank_account="till"),
        insert("payment_outs", "out", voucher_no="V1", total_amount="2"),
    )
    assert ids["receipt"] > 2_000_000_000_000
    tablet.made(update("transactions", ids["receipt"], {"total_amount": "6", "type": "receipt"}))
    rows = {(change["table"], change["record_id"]): change["data"] for change in phone.pull()}
    assert rows["transactions", ids["receipt"]]["total_amount"] == "6.00"
    assert rows["transactions", ids["receipt"]]["cash_bank_account"] == "till"
    assert ("payment_ins", ids["receipt"]) not in rows
    assert rows["payment_outs", ids["out"]]["voucher_no"] == "V1"
    answer = tablet.push(update("transactions", ids["receipt"], {"type": "sale"}))
    assert answer["errors"][0]["field"] == "type"


def test_accounts_of_the_same_code_are_one(devices):
    tablet, phone = devices
    chart = insert("accounts", "a", name="Petty cash", code="1055", account_type="asset")
    ids = tablet.made(
        chart, insert("account_transactions", "j", account_id="a", transaction_type="saleInvoice", reference_id=1, debit=3)
    )
    assert phone.made({**chart, "local_id": "mine"})["mine"] == ids["a"]
    line = phone.row("account_transactions", ids["j"])["data"]
    assert (line["account_id"], line["debit"], line["transaction_type"]) == (ids["a"], "3.00", "saleInvoice")
    later = tablet.made(
        insert("account_transactions", "k", account_id="a", transaction_type="saleInvoice", reference_id=1, credit=3)
    )
    assert phone.row("account_transactions", later["k"])["data"]["account_id"] == ids["a"]
    both = tablet.made(
        insert("accounts", "b1", name="One", code="7001", account_type="expense"),
        insert("accounts", "b2", name="Two", code="7001", account_type="expense"),
    )
    assert both["b1"] == both["b2"]


def test_a_journal_entry_counts_as_soon_as_it_balances(company, devices):
    tablet, _ = devices
    entry = {"transaction_type": "journalEntry", "reference_id": 5, "transaction_date": "2025-03-01"}
    codes = {
        row["data"]["code"]: row["record_id"] for row in tablet.post("pull", last_version=0, tables=["accounts"]).json()["changes"]
    }
    cash, sales = codes["1000"], codes["4000"]
    tablet.made(insert("account_transactions", "d", account_id=cash, debit="9", **entry))
    entries = lambda: company.get("/records/journal_entry").json()["records"]  # noqa: E731
    assert [one["data"]["status"] for one in entries()] == ["draft"]
    tablet.made(insert("account_transactions", "c", account_id=sales, credit="9", **entry))
    assert [one["data"]["status"] for one in entries()] == ["posted"]


def test_whole_rows_are_edits_of_what_differs(devices):
    tablet, phone = devices
    ids = tablet.made(
        insert("transactions", "t", type="saleReturn", total_amount="10"),
        insert("invoices", "i", transaction_id="t", invoice_type="sale", status="Return", grand_total="10"),
        insert("parties", "p", name="P", party_type="both", credit_limit="5"),
        insert("settings", "s", name="print", value={"size": "A4"}),
    )
    phone.pull()
    before = phone.version
    for table, name in (("transactions", "t"), ("invoices", "i"), ("parties", "p"), ("settings", "s")):
        row = phone.row(table, ids[name])["data"]
        answer = phone.push(update(table, ids[name], row))
        assert answer["errors"] == [], (table, answer)
        assert answer["results"][0]["status"] == "unchanged", (table, row)
    assert phone.pull() == []
    assert phone.version == before, "nothing was written"
    company = tablet.row("companies", tablet.post("pull", last_version=0, tables=["companies"]).json()["changes"][0]["record_id"])
    changed = phone.push(update("companies", company["record_id"], {**company["data"], "name": "Renamed"}))
    assert changed["errors"] == []
    assert [change["data"]["name"] for change in tablet.pull() if change["table"] == "companies"] == ["Renamed"]


def test_clocks_that_are_days_off_are_taken_as_they_are(devices):
    tablet, phone = devices
    party = tablet.made({**insert("parties", "p", name="P"), "timestamp": "2031-01-01T00:00:00Z"})["p"]
    tablet.made(update("parties", party, {"phone": "1"}, timestamp="2001-01-01T00:00:00Z"))
    phone.pull()
    tablet.made(update("parties", party, {"phone": "2"}, timestamp="2035-01-01T00:00:00Z"))
    answer = phone.push(update("parties", party, {"phone": "3"}, timestamp="2099-01-01T00:00:00Z"))
    assert answer["errors"] == []
    assert tablet.row("parties", party)["data"]["phone"] == "3", "both clocks were ahead; who came later has it"


def test_a_device_is_never_sent_past_what_it_has_not_seen(devices):
    tablet, phone = devices
    own = tablet.push(insert("parties", "a", name="A"))
    assert own["current_version"] > tablet.version, "nobody else wrote"
    phone.made(insert("parties", "b", name="B"))
    seen = own["current_version"]
    answer = tablet.push(insert("parties", "c", name="C"))
    assert answer["current_version"] <= seen
    tablet.version = answer["current_version"]
    assert [change["data"]["name"] for change in tablet.pull()] == ["B"]


def test_pages_and_tables_and_own_changes(devices):
    tablet, phone = devices
    tablet.made(*(insert("parties", f"p{i}", name=f"P{i}") for i in range(5)), insert("products", "x", name="X"))
    names: list[str] = []
    while True:
        answer = phone.post("pull", last_version=phone.version, limit=2, tables=["parties"]).json()
        phone.version = answer["current_version"]
        names += [change["data"]["name"] for change in answer["changes"]]
        if not answer["has_more"]:
            break
    assert names == [f"P{i}" for i in range(5)]
    assert tablet.post("pull", last_version=0, tables=["parties"]).json()["changes"] == []
    assert len(tablet.post("pull", last_version=0, tables=["parties"], include_own=True).json()["changes"]) == 5
    assert tablet.post("pull", last_version=0, tables=["stock_ledgers", "spaceships"]).status_code == 422
    ahead = tablet.post("pull", last_version=10**6)
    assert (ahead.status_code, ahead.json()["code"]) == (422, "cursor_ahead")
    assert "future" in ahead.json()["errors"]["last_version"][0]
