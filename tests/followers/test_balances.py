"""The books balance: whatever is written, whatever is changed or deleted, as of every event."""

from __future__ import annotations

from decimal import Decimal

import psycopg
import pytest

from domain.command import Command
from infra.followers.follower import ProjectionFollower, add_positions, advance
from infra.ids import new_id
from projections.balances import trial_balance, trial_balance_at
from projections.registry import PROJECTIONS

BALANCES = ProjectionFollower(PROJECTIONS["balances"])


def follow(worker, shop, limit=2_000):
    with worker.connection() as connection:
        add_positions(connection, "balances")
        while advance(connection, BALANCES, shop.company_id, limit=limit).behind:
            pass


def balances(worker, shop, seq=None):
    with worker.connection() as connection:
        if seq is None:
            rows = trial_balance(connection, shop.company_id)
        else:
            rows = trial_balance_at(connection, shop.company_id, seq)
    return {(row.account, row.currency): row.balance for row in rows}


def create(kind, **data):
    return Command(kind=kind, action="create", id=data.pop("id", None) or new_id(), data=data)


def amounts(**accounts):
    return {(account.removeprefix("a").replace("_", ":"), "USD"): Decimal(value) for account, value in accounts.items()}


def sale(shop, invoice, **data):
    lines = [{"description": "Tea", "quantity": 2, "unit_price": "50", "vat_rate": "10"}]
    return create("invoice", id=invoice, type="sales", party_id=str(shop.parties[0]), lines=lines, currency="USD", **data)


CASES = [
    ("sales", [lambda shop, one: sale(shop, one)], amounts(a1200="110", a2100="-10", a4000="-100")),
    (
        "purchase",
        [lambda shop, one: sale(shop, one).__class__(kind="invoice", action="create", id=one, data={**sale(shop, one).data, "type": "purchase"})],
        amounts(a1400="10", a2000="-110", a5000="100"),
    ),
    (
        "sale paid in part in cash",
        [lambda shop, one: sale(shop, one), lambda shop, one: create("payment", amount="60", invoice_id=str(one))],
        amounts(a1000="60", a1200="50", a2100="-10", a4000="-100"),
    ),
    (
        "unallocated payment at the bank",
        [lambda shop, one: create("payment", amount="7", currency="USD", party_id=str(shop.parties[0]), method="bank")],
        amounts(a1100="7", a2200="-7"),
    ),
    (
        "sale deleted after payment: the payment becomes credit",
        [
            lambda shop, one: sale(shop, one),
            lambda shop, one: create("payment", amount="60", invoice_id=str(one)),
            lambda shop, one: Command(kind="invoice", action="delete", id=one),
        ],
        amounts(a1000="60", a1200="0", a2100="0", a4000="0", a2200="-60"),
    ),
    (
        "expense by category, owed",
        [lambda shop, one: create("expense", amount="12.30", currency="USD", category="Rent", supplier_id=str(shop.parties[1]))],
        {("6000:rent", "USD"): Decimal("12.30"), ("2000", "USD"): Decimal("-12.30")},
    ),
    (
        "expense that waits for approval",
        [lambda shop, one: create("expense", amount="12.30", currency="USD", status="requested")],
        {},
    ),
    (
        "manual entry, posted later",
        [
            lambda shop, one: create(
                "journal_entry",
                id=one,
                currency="USD",
                lines=[{"account_code": "1000", "debit": "100"}, {"account_code": "3000", "credit": "100"}],
            ),
            lambda shop, one: Command(kind="journal_entry", action="post", id=one),
        ],
        amounts(a1000="100", a3000="-100"),
    ),
]


@pytest.mark.parametrize(("steps", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
@pytest.mark.parametrize("limit", [1, 2_000], ids=["event by event", "in one batch"])
def test_every_fact_posts_by_the_table(open_shop, worker, steps, expected, limit):
    shop = open_shop()
    one = new_id()
    for step in steps:
        shop.execute(step(shop, one))
    follow(worker, shop, limit)
    assert balances(worker, shop) == expected


def test_books_balance_as_of_every_event(open_shop, worker, owner):
    shop = open_shop()
    head = shop.trade(4)
    follow(worker, shop)
    for seq in range(0, head + 1, 7):
        assert sum(balances(worker, shop, seq).values()) == 0
    assert balances(worker, shop, head) == balances(worker, shop)
    unpaid = owner.execute(
        "SELECT sum(((document::jsonb -> 'data' ->> 'total')::numeric - (document::jsonb -> 'data' ->> 'paid')::numeric)"
        " * CASE WHEN document::jsonb -> 'data' ->> 'type' = 'sales' THEN 1 ELSE -1 END)"
        " FROM records WHERE kind = 'invoice' AND NOT deleted AND document::jsonb -> 'data' ->> 'type' LIKE 'sales%'"
    ).fetchone()[0]
    assert balances(worker, shop)["1200", "USD"] == unpaid


def test_a_change_posts_the_reversal_and_names_what_it_reverses(open_shop, worker, owner):
    shop, payment = open_shop(), new_id()
    first = shop.execute(create("payment", id=payment, amount="7", party_id=str(shop.parties[0])))
    second = shop.execute(Command(kind="payment", action="update", id=payment, data={"amount": "9"}))
    follow(worker, shop)
    rows = owner.execute("SELECT seq, account, debit - credit, balance, reverses FROM journal_lines ORDER BY seq, line").fetchall()
    assert rows == [
        (first, "1000", 7, 7, None),
        (first, "2200", -7, -7, None),
        (second, "1000", -7, 0, first),
        (second, "2200", 7, 0, first),
        (second, "1000", 9, 9, None),
        (second, "2200", -9, -9, None),
    ]


def test_the_database_refuses_lines_that_do_not_balance(open_shop, worker, owner):
    shop = open_shop()
    row = "INSERT INTO journal_lines VALUES (%s, 1, 1, %s, 'payment', '1000', NULL, 'USD', 5, 0, 5, '2024-01-01', '2024-01-01', NULL)"
    with pytest.raises(psycopg.errors.CheckViolation, match="do not balance in USD"), worker.connection() as connection:
        connection.execute(row, (shop.company_id, new_id()))
