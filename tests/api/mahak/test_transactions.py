"""A person's transactions: what the ledger's documents say that they owe or are owed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from mahak_clients import SALE, Client, save_v2

Row = dict[str, Any]


class Ledger:
    """What an app keeps of the transactions."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.rows: dict[int, Row] = {}
        self.version = 0

    def pull(self) -> list[Row]:
        """What changed."""
        found = self.client.pull(fromTransactionVersion=self.version)["Transactions"]
        self.rows |= {row["TransactionId"]: row for row in found}
        self.version = max([self.version, *(row["RowVersion"] for row in found)])
        return found

    def owed(self, person: int) -> Decimal:
        """What a person owes by the living rows."""
        living = [row for row in self.rows.values() if row["PersonId"] == person and not row["Deleted"]]
        return sum((Decimal(str(row["DebtAmount"])) - Decimal(str(row["CreditAmount"])) for row in living), Decimal(0))


def told(row: Row) -> tuple[Any, ...]:
    return row["Type"], row["DebtAmount"], row["CreditAmount"], row["Status"], row["Deleted"]


@pytest.fixture
def ledger(mahak: Client) -> Ledger:
    """The owner's app."""
    return Ledger(mahak)


def test_documents_are_the_partys_ledger(mahak: Client, ledger: Ledger) -> None:
    create = mahak.company.create
    ann = create("party", name="Ann", opening_balance="100.50", code="41", extra={"balance": "7"}, roles=["customer", "supplier"])
    line = [{"description": "Tea", "quantity": "1", "unit_price": "30"}]
    for kind in ("sales", "sales_return", "purchase", "purchase_return"):
        create("invoice", type=kind, party_id=ann["id"], lines=line, issue_date="2026-11-01", invoice_number=f"N-{kind}")
    came = create("payment", party_id=ann["id"], amount="12.25", date="2026-11-02", notes="On account")
    create("payment", party_id=ann["id"], amount="5", direction="out")
    create("payment", amount="1")
    create("invoice", type="sales", lines=line)
    rows = ledger.pull()
    assert [told(row) for row in rows] == [
        (1, 100.5, 0, 1, False), (201, 30, 0, 1, False), (202, 0, 30, 2, False), (204, 0, 30, 2, False), (205, 30, 0, 1, False),
        (206, 0, 12.25, 2, False), (207, 5, 0, 1, False),
    ]  # fmt: skip
    assert {row["PersonId"] for row in rows} == {ann["number"]}
    assert len({row["TransactionId"] for row in rows}) == len(rows)
    assert all(1_000_000_000 < row["TransactionId"] < 2**31 for row in rows)
    assert [row["RowVersion"] for row in rows] == sorted({row["RowVersion"] for row in rows})
    assert (rows[1]["Date"], rows[1]["Description"], rows[1]["Balance"]) == ("2026-11-01T00:00:00", "N-sales", 0)
    assert (rows[5]["Date"], rows[5]["Description"], rows[0]["TransactionCode"], rows[0]["Balance"]) == (
        "2026-11-02T00:00:00", "On account", 0, 0,
    )  # fmt: skip
    assert ledger.owed(ann["number"]) == Decimal("93.25")
    v2 = mahak.pull_v2(fromTransactionVersion=0)["data"]["transactions"]["records"]
    assert [row["debtAmount"] for row in v2] == [row["DebtAmount"] for row in rows]
    mahak.company.execute({"type": "payment.update", "id": came["id"], "data": {"amount": "20", "direction": "out"}})
    assert [told(row) for row in ledger.pull()] == [(207, 20, 0, 1, False)]
    mahak.company.execute({"type": "payment.delete", "id": came["id"]})
    assert [told(row)[-1] for row in ledger.pull()] == [True]
    assert ledger.pull() == []


def test_what_stops_to_be_a_transaction_is_answered_as_deleted(mahak: Client, ledger: Ledger) -> None:
    create, execute = mahak.company.create, mahak.company.execute
    ann = create("party", name="Ann", opening_balance="-8")
    bob = create("party", name="Bob")
    payment = create("payment", party_id=ann["id"], amount="10", cash_amount="4")
    cheque = create("cheque", payment_id=payment["id"], amount="6", cheque_number="88")
    assert [told(row) for row in ledger.pull()] == [(1, 0, 8, 2, False), (206, 0, 10, 2, False)]
    assert execute({"type": "cheque.update", "id": cheque["id"], "data": {"status": "bounced"}}).status_code == 200
    assert [(*told(row), row["Description"]) for row in ledger.pull()] == [(208, 6, 0, 1, False, "88")]
    assert ledger.owed(ann["number"]) == Decimal(-12)
    execute({"type": "cheque.update", "id": cheque["id"], "data": {"status": "cleared"}})
    assert [told(row)[-1] for row in ledger.pull()] == [True]
    execute({"type": "party.update", "id": ann["id"], "data": {"opening_balance": "0"}})
    assert [(row["Type"], row["Deleted"]) for row in ledger.pull()] == [(1, True)]
    execute({"type": "party.update", "id": ann["id"], "data": {"name": "Anna"}})
    execute({"type": "party.update", "id": bob["id"], "data": {"name": "Robert"}})
    assert [row["Deleted"] for row in ledger.pull()] == [True]
    assert (ledger.owed(ann["number"]), ledger.owed(bob["number"])) == (Decimal(-10), Decimal(0))
    execute({"type": "payment.update", "id": payment["id"], "data": {"party_id": bob["id"]}})
    ledger.pull()
    assert (ledger.owed(ann["number"]), ledger.owed(bob["number"])) == (Decimal(0), Decimal(-10))


def test_rows_of_clients_stand_beside_them(mahak: Client, ledger: Ledger) -> None:
    ann = mahak.company.create("party", name="Ann", opening_balance="3")
    row = {
        "TransactionClientId": 5,
        "PersonId": ann["number"],
        "Type": 303,
        "DebtAmount": 2,
        "Balance": 9,
        "Description": "By hand",
    }
    saved = mahak.post("/Sync/SaveAllData", {"Transactions": [row]}).json()
    assert saved["Result"] is True, saved
    opening, own = ledger.pull()
    assert (own["TransactionId"], own["Balance"], own["TransactionClientId"]) == (
        saved["Data"]["Objects"]["Transactions"]["Results"][0]["EntityId"], 9, 5,
    )  # fmt: skip
    change = {"Transactions": [{"TransactionId": opening["TransactionId"], "DebtAmount": 99}]}
    refused = mahak.post("/Sync/SaveAllData", change).json()
    assert refused["Result"] is False
    assert refused["Data"]["Objects"]["Transactions"]["Results"][0]["Result"] is False
    assert ledger.pull() == []


def test_an_invoice_below_nothing_is_the_credit_of_who_would_owe_it(mahak: Client) -> None:
    sale = {**SALE, "orders": [{**SALE["orders"][0], "discount": 500}]}
    line = save_v2(mahak, **sale)["data"]["orderDetails"]["records"][0]["orderDetailId"]
    save_v2(mahak, orderDetails=[{"orderDetailId": line, "deleted": True}])
    [row] = mahak.pull(fromTransactionVersion=0)["Transactions"]
    assert (row["DebtAmount"], row["CreditAmount"], row["Status"]) == (0, 500, 2)
