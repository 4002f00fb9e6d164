"""Rows that are ready to send: however and whenever they were rendered, they are what rendering everything now would give."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import psycopg
import pytest
from matrix_devices import Device, delete, insert, update

import api.matrix.pull
import infra.sync.layout
from api.matrix.documents import Document
from api.matrix.ready import LAYOUT, rows_of
from api.matrix.rendering import KINDS
from domain.command import Actor, Command
from infra.composition import Services
from infra.settings import Settings
from infra.sync.rows import SyncRows

SEQ = 6
"""The place of `seq` in a stored row."""
RENDERED = {1: "16ec6a1c209bae2a310500890ed345c74abeb9927d57330869436fa7b92afc25"}
"""SHA-256 of what each version of the layout makes of DOCUMENTS."""
MOMENT = "2025-12-13T09:55:00.000000Z"
ID = "01900000-0000-7000-8000-{:012d}".format
SOME: dict[str, list[dict[str, Any]]] = {
    "invoice": [
        {"type": "sales", "party_id": ID(1), "total": "10.5", "paid": "4", "status": "partial", "issue_date": "2025-12-13"},
        {"type": "purchase", "extra": {"matrix_type": "expense"}, "total": "3", "paid": "0", "status": "open"},
    ],
    "invoice_line": [
        {"invoice_id": ID(2), "product_id": ID(3), "quantity": "2", "unit_price": "5.25", "total": "10.5"},
        {"invoice_id": ID(2), "total": "10.5", "extra": {"placeholder": True}},
    ],
    "payment": [
        {"direction": "in", "amount": "4", "party_id": ID(1), "invoice_id": ID(2)},
        {"direction": "out", "amount": "4", "receipt_number": "R1"},
        {"direction": "out", "amount": "4", "extra": {"matrix_table": "transactions"}},
    ],
    "payment_split": [{"payment_id": ID(4), "amount": "4"}, {"amount": "4", "extra": {"table": "payment_out_lines"}}],
    "expense": [{"amount": "7", "status": "approved", "supplier_id": ID(1)}],
    "journal_line": [{"account_code": "cash", "debit": "1"}, {"account_code": "none", "credit": "1", "party_id": ID(1)}],
    "stock_movement": [{"product_id": ID(3), "quantity": "-2", "reason": "sale", "unit_cost": "3"}],
    "settings": [{"name": "print", "value": {"table": "stock_ledger"}}],
    "party": [{"name": "Shirin", "roles": ["customer", "supplier"], "credit_limit": "5"}],
}
DOCUMENTS = [
    Document(
        kind=kind, id=ID(n), number=n, seq=n + 100, version=1 + n % 2, deleted=deleted, created_at=MOMENT, updated_at=MOMENT,
        created_by=ID(5), data=data,
    )
    for n, (kind, data, deleted) in enumerate(
        (kind, data, deleted) for kind in sorted(KINDS) for data in SOME.get(kind, [{}]) for deleted in (False, True)
    )
]  # fmt: skip


def test_a_change_of_the_rows_is_a_new_version_of_the_layout() -> None:
    numbers = {**{ID(n): n for n in range(10)}, "account cash": 7}
    rows = list(rows_of(DOCUMENTS, numbers, {ID(1): 50}, 1001))
    assert {row.record_id for row in rows} >= {document.id for document in DOCUMENTS if document.kind != "invoice_line"}
    digest = hashlib.sha256(repr([tuple(row) for row in rows]).encode()).hexdigest()
    message = "Rows that were rendered before stay as they are: raise `version` of LAYOUT, and note what it renders here."
    assert {LAYOUT.version: digest}.items() <= RENDERED.items(), message


@pytest.fixture
def rows(services: Services) -> SyncRows:
    return SyncRows(services.database, LAYOUT)


@pytest.fixture
def stored(api_settings: Settings, company: Any) -> Callable[[], list[tuple[Any, ...]]]:
    """Reads every row of the company."""

    def read() -> list[tuple[Any, ...]]:
        with psycopg.connect(api_settings.database_url) as connection:
            statement = "SELECT * FROM daftar.sync_rows WHERE company_id = %s ORDER BY seq, part"
            return connection.execute(statement, (company.id,)).fetchall()

    return read


def shop(turn: int, random: Random) -> list[dict[str, Any]]:
    """What is sold in a turn."""
    own = {name: f"{name}{turn}" for name in ("c", "p", "t", "i", "l", "r")}
    kind, money = random.choice([("sale", "receipt"), ("purchase", "payment")])
    return [
        insert("parties", own["c"], name=f"Party {turn}", party_type="both"),
        insert("products", own["p"], name=f"Tea {turn}", sale_price="2"),
        insert("transactions", own["t"], type=kind, date="2025-12-13", party_id=own["c"], total_amount="10"),
        insert("transaction_lines", own["l"], transaction_id=own["t"], product_id=own["p"], quantity=2, unit_price="5"),
        insert("transactions", own["r"], type=money, date="2025-12-14", party_id=own["c"], total_amount="4"),
        insert("stock_ledger", f"s{turn}", product_id=own["p"], quantity_delta=-2, movement_type="outSale"),
        insert("payment_ins", f"pi{turn}", party_id=own["c"], total_amount="1"),
        insert("settings", f"x{turn}", name=f"x{turn}", value={"n": turn}),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_rendered_piece_by_piece_is_rendered_at_once(
    devices: list[Device],
    rows: SyncRows,
    company: Any,
    stored: Callable[[], list[tuple[Any, ...]]],
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    monkeypatch.setattr(infra.sync.layout, "RENDERED", 5)
    monkeypatch.setattr(api.matrix.pull, "PAGE", 4)  # so that answers are streamed
    tablet, phone = devices
    random, made = Random(seed), dict[tuple[str, str], int]()
    for turn in range(8):
        items = shop(turn, random)
        ids = tablet.made(*items)
        made.update({(item["table"], item["local_id"]): ids[item["local_id"]] for item in items})
        for (table, local), row_id in random.sample(sorted(made.items()), 6):
            change = update(table, row_id, EDITS[table](random)) if random.random() < 0.7 else delete(table, row_id)
            tablet.push(change)  # some are refused, because what they change was deleted
            made.pop((table, local), None) if change["operation"] == "DELETE" else None
        if random.random() < 0.6:
            phone.pull(limit=random.choice([0, 1, 7]))
    phone.pull()
    piecemeal = stored()
    assert len(piecemeal) > 40
    rows.drop(company.id)
    assert stored() == []
    phone.version = 0
    changes = phone.pull()
    assert stored() == piecemeal
    assert [change["version"] for change in changes] == [row[SEQ] for row in piecemeal]


EDITS: dict[str, Callable[[Random], dict[str, Any]]] = {
    "parties": lambda random: {"phone": str(random.random()), "address": "Street 1"},
    "products": lambda random: {"sale_price": f"{random.randint(1, 9)}"},
    "transactions": lambda random: {"reference_no": str(random.random())},
    "transaction_lines": lambda random: {"quantity": random.randint(1, 9)},
    "stock_ledger": lambda random: {"quantity_delta": -random.randint(1, 9)},
    "payment_ins": lambda random: {"total_amount": f"{random.randint(1, 9)}"},
    "settings": lambda random: {"value": {"n": random.random()}},
}


def test_a_pull_is_what_a_device_had_before(devices: list[Device]) -> None:
    """The wrapper depends on who pulls: the same row is new to one device, and changed for the other."""
    tablet, phone = devices
    stock = insert("stock_ledger", "s", product_id="p", quantity_delta=3, movement_type="inPurchase")
    ids = tablet.made(insert("products", "p", name="Tea"), stock)
    phone.pull()
    tablet.push(update("products", ids["p"], {"name": "Coffee"}))
    [change] = phone.pull()
    assert (change["operation"], change["table"], change["record_id"]) == ("UPDATE", "products", ids["p"])
    assert change["data"]["name"] == "Coffee"
    assert change["id"] == change["version"] == phone.version
    phone.version = 0
    changes = phone.pull(tables=["products", "stock_ledgers"])
    assert [(one["operation"], one["table"]) for one in changes] == [("INSERT", "stock_ledgers"), ("INSERT", "products")]
    tablet.push(delete("stock_ledger", ids["s"]))
    [change] = phone.pull(tables=["stock_ledger"])
    assert (change["operation"], change["table"], change["data"]) == ("DELETE", "stock_ledger", {"id": ids["s"]})


def test_a_line_that_names_a_part_of_an_account_learns_its_number(devices: list[Device], company: Any, services: Services) -> None:
    """Books may name a part of an account that has no record of its own yet."""
    tablet, _ = devices
    lines = [{"account_code": "1000:till", "debit": "1"}, {"account_code": "1000", "credit": "1"}]
    company.create("journal_entry", date="2025-12-13", lines=lines)
    first = next(row for row in tablet.pull() if row["table"] == "account_transactions")
    assert first["data"]["account_id"] is None
    command = Command(kind="account", action="create", data={"code": "1000:till", "name": "Till", "type": "asset"})
    [opened] = services.ledger.execute(company.id, [command], Actor()).results
    tablet.version = 0
    again = next(row for row in tablet.pull() if row["table"] == "account_transactions")
    assert again["data"]["account_id"] == msgspec.to_builtins(opened)["number"]
    assert again["version"] == first["version"]
