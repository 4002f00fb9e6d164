"""`daftar check`: nothing is found where nothing is wrong, also beside writers; and each break is found by the check it breaks."""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import contextmanager
from decimal import Decimal

import pytest
from checking import catch_up, check_books, findings
from click.testing import CliRunner

from domain.command import Command
from infra.checking import NAMES, run_checks
from infra.cli.check import check
from infra.followers.runner import Runner
from infra.ids import new_id
from infra.processes.worker import projection_followers
from tests.followers.test_followers import running

MINE = "company_id = (SELECT company_id FROM companies WHERE codename = 'babil')"
A_SHIFT = f"{MINE} AND kind = 'shift'"
ONE_EVENT = f"{MINE} AND seq = 30"
A_PHONE = f"{MINE} AND seq = (SELECT max(seq) FROM events WHERE {MINE} AND topic = 'party.changed.v1')"
A_SALE = f"{MINE} AND kind = 'invoice' AND NOT deleted AND document::jsonb #>> '{{data,type}}' = 'sales'"

BREAKS = {
    "an event": (f"UPDATE events SET data = data || ' ' WHERE {ONE_EVENT}", {"chain"}, "event 30"),
    "a hash": (f"UPDATE events SET hash = sha256(hash) WHERE {ONE_EVENT}", {"chain", "projections"}, "event 30"),
    "the head's time": (f"UPDATE heads SET recorded_at = recorded_at + interval '1 s' WHERE {MINE}", {"sequence"}, "recorded_at"),
    "the head's hash": (f"UPDATE heads SET hash = sha256(hash) WHERE {MINE}", {"sequence"}, "the head's hash"),
    "the head's seq": (f"UPDATE heads SET seq = seq + 1 WHERE {MINE}", {"sequence"}, "the head's seq"),
    "an event that is gone": (f"DELETE FROM events WHERE {A_PHONE}", {"chain", "sequence", "records", "projections"}, "is missing"),
    "the head's numbers": (f"UPDATE heads SET numbers = jsonb_set(numbers, '{{party}}', '99') WHERE {MINE}", {"numbers"}, "party"),
    "a kind of no records": (f"UPDATE heads SET numbers = numbers || '{{\"cheque\": 1}}' WHERE {MINE}", {"numbers"}, "cheque"),
    "a record's number": (
        f"UPDATE records SET number = 99 WHERE {MINE} AND kind = 'party' AND number = 5",
        {"numbers", "records"},
        "party: numbers 1 to 5",
    ),
    "a name": (
        f"UPDATE records SET document = replace(document, 'Tea 1', 'Tee 1') WHERE {MINE} AND kind = 'product' AND number = 2",
        {"records"},
        "records",
    ),
    "a unique value": (f"UPDATE unique_values SET value = 'x' WHERE {MINE} AND value = 'babil-1'", {"unique"}, "'babil-1'"),
    "a unique value's holder": (
        f"UPDATE unique_values SET record_id = company_id WHERE {MINE} AND value = 'babil-1'",
        {"unique"},
        "product.sku 'babil-1'",
    ),
    "a unique value of nobody": (
        f"INSERT INTO unique_values SELECT company_id, 'product', 'sku', 'x', company_id FROM companies WHERE {MINE}",
        {"unique"},
        "'x'",
    ),
    "a client id": (f"UPDATE client_ids SET record_id = company_id WHERE {MINE} AND client_id = 'i1'", {"client-ids"}, "'i1'"),
    "a client id that is gone": (f"DELETE FROM client_ids WHERE {MINE} AND client_id = 'i1'", {"client-ids"}, "'i1'"),
    "a level": (f"UPDATE stock_levels SET quantity = quantity + 1 WHERE {MINE}", {"stock"}, "product"),
    "a shift's expected cash": (
        f"UPDATE records SET document = jsonb_set(document::jsonb, '{{data,expected_cash}}', '\"99\"')::text WHERE {A_SHIFT}",
        {"records", "shifts"},
        "the expected cash of shift 1",
    ),
    "an answer": (
        f"INSERT INTO answers SELECT company_id, 'k', '', '{{}}', 999999 FROM companies WHERE {MINE}",
        {"answers"},
        "key 'k'",
    ),
    "a balance": (
        f"UPDATE account_balances SET balance = balance + 1 WHERE {MINE} AND account = '1000'",
        {"balanced", "projections"},
        "account 1000",
    ),
    "a line": (
        f"UPDATE journal_lines SET debit = debit + 1 WHERE {MINE} AND seq = (SELECT min(seq) FROM journal_lines WHERE {MINE})",
        {"balanced", "projections", "receivables"},
        "the lines of event",
    ),
    "a line's party": (
        f"UPDATE journal_lines SET party_id = NULL WHERE {MINE} AND account = '1200'",
        {"receivables", "projections"},
        "account 1200 of no party",
    ),
    "an invoice that says it is unpaid": (
        f"UPDATE records SET document = jsonb_set(document::jsonb, '{{data,paid}}', '\"0.01\"')::text WHERE {A_SALE}",
        {"records", "receivables"},
        "what is paid of invoice",
    ),
    "a turnover": (f"UPDATE account_months SET debit = debit + 1 WHERE {MINE}", {"projections"}, "account_months"),
    "another version's tables": (
        "UPDATE projections SET version = 1 WHERE name = 'balances'",
        {"balanced", "receivables", "projections"},
        "needs a rebuild",
    ),
    "a document that is no JSON": (
        f"UPDATE records SET document = '{{' WHERE {MINE} AND kind = 'stock_movement' AND number = 1",
        {"client-ids", "stock", "records"},
        "invalid input syntax",
    ),
}


def mind_the_till(shop) -> None:
    """A shift that is closed, with what went through its drawer before and after."""
    cashier, shift = new_id(), new_id()

    def made(kind: str, **data: object) -> Command:
        return Command(kind=kind, action="create", data={"shift_id": str(shift), **data})

    shop.execute(
        Command(kind="user", action="create", id=cashier, data={"name": "Sara"}),
        Command(kind="shift", action="create", id=shift, data={"cashier_id": str(cashier), "opening_cash": "50"}),
        made("payment", amount="20", method="cash"),
        made("payment", amount="30", method="card"),
        made("cash_transaction", amount="8", direction="out", category="2000"),
        made("cash_transaction", amount="3", direction="in", category="1200"),
        Command(kind="shift", action="close", id=shift, data={"closing_cash": "64.50"}),
        made("expense", amount="4.50", category="cleaning"),
    )


@pytest.fixture
def shop(open_shop, settings):
    """A shop that has done a bit of everything, and another beside it."""
    shop = open_shop()
    shop.trade(2)
    mind_the_till(shop)
    open_shop("other", 2)
    catch_up(settings.database_url, [shop.company_id])
    return shop


@contextmanager
def broken(owner, statement):
    """The database after the statement, and for the rest as it was."""
    table = re.search(r"(?:UPDATE|FROM|INTO) (\w+)", statement)[1]
    owner.execute(f"CREATE TEMP TABLE saved AS SELECT * FROM {table}")
    assert owner.execute(statement).rowcount > 0, statement
    yield
    owner.execute(f"DELETE FROM {table}")
    owner.execute(f"INSERT INTO {table} SELECT * FROM saved")
    owner.execute("DROP TABLE saved")


def test_every_break_is_found_by_the_check_it_breaks(shop, owner, settings):
    assert findings(settings.database_url) == []
    for what, (statement, checks, where) in BREAKS.items():
        with broken(owner, statement):
            found = findings(settings.database_url)
        assert {line.split(":")[0] for line in found} == checks, (what, found)
        assert any(where in line for line in found), (what, found)
        assert "version" in what or not any(line.split(":")[1] == " other" for line in found), (what, found)
    assert findings(settings.database_url) == []


def test_every_check_is_broken_by_something():
    assert set().union(*(checks for _, checks, _ in BREAKS.values())) == set(NAMES) - {"files"}  # tests/infra/test_files.py


def test_there_is_no_false_alarm_beside_writers_and_followers_that_lag(open_shop, worker, settings):
    shops = [open_shop(f"shop{n}", seed=n) for n in range(2)]
    stop, errors = threading.Event(), []

    def trade(shop) -> None:
        try:
            while not stop.is_set():
                shop.trade()
                time.sleep(0.1)  # all that is written is checked again
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=trade, args=(shop,)) for shop in shops]
    for thread in threads:
        thread.start()
    try:
        with running(Runner(worker, projection_followers(), sweep_seconds=0.3, batch=7)):
            for _ in range(4):
                assert findings(settings.database_url) == []
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert errors == []


def test_a_projection_that_is_far_behind_is_compared_with_what_was_then(open_shop, settings):
    shop = open_shop()
    middle = shop.trade(2)
    catch_up(settings.database_url, [shop.company_id])
    for invoice in shop.open[:4]:
        shop.execute(Command(kind="invoice", action="delete", id=invoice))
    assert shop.trade(2) > middle
    assert findings(settings.database_url) == []


def test_what_is_owed_is_worked_out_with_everything_that_moves_it(open_shop, settings):
    shop = open_shop()
    customer, supplier, other = shop.parties[:3]
    sale, purchase, back = new_id(), new_id(), new_id()

    def new(kind, record_id=None, **data):
        return Command(kind=kind, action="create", id=record_id or new_id(), data=data)

    line = [{"description": "Work", "quantity": 1, "unit_price": "100"}]
    entry = [
        {"account_code": "1200", "debit": "7", "party_id": str(customer)},
        {"account_code": "2000", "credit": "7"},
    ]
    shop.execute(
        new("party", name="Old customer", opening_balance="50.50"),
        new("party", name="Old supplier", opening_balance="-20", currency="EUR", roles=["supplier"]),
        new("invoice", sale, type="sales", party_id=str(customer), lines=line),
        new("invoice", purchase, type="purchase", party_id=str(supplier), lines=line),
        new("invoice", back, type="sales_return", party_id=str(customer), lines=line),
        new("payment", amount="130", invoice_id=str(sale)),
        new("payment", amount="15", invoice_id=str(back)),
        new("payment", amount="30", invoice_id=str(purchase), party_id=str(other)),
        new("payment", amount="9", party_id=str(customer)),
        new("expense", amount="12", supplier_id=str(supplier)),
        new("expense", amount="13", supplier_id=str(supplier), method="cash"),
        new("payment", amount="3", category="1200", direction="out"),
        new("journal_entry", lines=entry, post_now=True),
        new("journal_entry", lines=entry),
    )
    check_books(settings.database_url)
    shop.execute(Command(kind="invoice", action="delete", id=sale))
    check_books(settings.database_url)


# The command --------------------------------------------------------------------------------------


def run(settings, *arguments: str):
    return CliRunner().invoke(check, arguments, env=settings.environment(), standalone_mode=False)


@pytest.mark.tampers
def test_the_command_says_what_is_wrong_and_ends_with_1(shop, owner, settings):
    well = run(settings, "--processes", "2")
    assert well.exception is None, well.exception
    assert (well.return_value, well.stdout) == (0, "2 companies, 13 checks: everything holds\n"), well.output
    owner.execute(f"UPDATE stock_levels SET quantity = quantity + 1 WHERE {MINE} AND quantity > 0")
    bad = run(settings, "--only", "stock", "--only", "chain", "--company", "babil")
    assert bad.return_value == 1
    assert re.search(r"babil stock: product \S+: expected \d+, found \d+\n", bad.stdout)
    assert bad.stdout.endswith("not hold\n")
    lines = [json.loads(text) for text in run(settings, "--only", "stock", "--json").stdout.splitlines()]
    assert (lines[0]["company"], lines[0]["check"]) == ("babil", "stock")
    assert Decimal(lines[0]["found"]) == Decimal(lines[0]["expected"]) + 1
    assert (lines[-1]["ok"], lines[-1]["companies"], lines[-1]["findings"]) == (False, 2, len(lines) - 1)
    assert run(settings, "--only", "stock", "--company", "other").return_value == 0
    assert "no company" in str(run(settings, "--company", "nowhere").exception)


def test_companies_are_shared_by_processes(open_shop, settings):
    shops = {shop.company_id: shop.codename for shop in (open_shop(f"s{n}", n) for n in range(3))}
    told: list[str] = []
    checked = run_checks(settings.database_url, shops, only=["chain", "records"], processes=2, progress=told.append)
    assert (checked.ok, checked.companies, checked.checks) == (True, 3, ("chain", "records"))
    assert sorted(told) == ["records", "s0", "s1", "s2"]
