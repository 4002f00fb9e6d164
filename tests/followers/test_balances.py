"""The books balance: whatever is written, whatever is changed or deleted, as of every event."""

from __future__ import annotations

from decimal import Decimal

import psycopg
import pytest
from trial_balances import trial_balance, trial_balance_at

from domain.command import Command
from infra.followers.follower import ProjectionFollower, add_positions, advance
from infra.ids import new_id
from projections.registry import PROJECTIONS

BALANCES = ProjectionFollower(PROJECTIONS["balances"])


def follow(worker, shop, limit=2_000):
    with worker.connection() as connection:
        add_positions(connection, "balances")
        while advance(connection, BALANCES, shop.company_id, limit=limit).behind:
            pass


def balances(worker, shop, seq=None):
    with worker.connection() as connection:
        rows = trial_balance(connection, shop.company_id) if seq is None else trial_balance_at(connection, shop.company_id, seq)
    return {(row.account, row.currency): row.balance for row in rows}


def create(kind, record_id=None, **data: object):
    return Command(kind=kind, action="create", id=record_id or new_id(), data=data)


def amounts(**accounts: str):
    return {(account.removeprefix("a").replace("_", ":"), "USD"): Decimal(value) for account, value in accounts.items()}


def invoice(shop, one, kind="sales"):
    lines = [{"description": "Tea", "quantity": 2, "unit_price": "50", "vat_rate": "10"}]
    return create("invoice", one, type=kind, party_id=str(shop.parties[0]), lines=lines, currency="USD")


def paid(one):
    return create("payment", amount="60", invoice_id=str(one))


def unallocated(shop):
    return create("payment", amount="7", currency="USD", party_id=str(shop.parties[0]), method="bank")


def expense(shop, **data: object):
    return create("expense", amount="12.30", currency="USD", category="Rent", supplier_id=str(shop.parties[1]), **data)


def entry(one):
    lines = [{"account_code": "1000", "debit": "100"}, {"account_code": "3000", "credit": "100"}]
    return create("journal_entry", one, currency="USD", lines=lines)


def action(kind, name, one):
    return Command(kind=kind, action=name, id=one)


def update(kind, one, **data: object):
    return Command(kind=kind, action="update", id=one, data=data)


def cheque(shop, one, direction="in"):
    """A payment of 100 at the bank, 60 of it by cheque."""
    shop.cheque_payment = new_id()
    fields = {"party_id": str(shop.parties[0]), "method": "bank", "direction": direction}
    return [
        create("payment", shop.cheque_payment, amount="100", **fields),
        create("cheque", one, amount="60", payment_id=str(shop.cheque_payment)),
    ]


RENT = {("6000:rent", "USD"): Decimal("12.30"), ("2000", "USD"): Decimal("-12.30")}
CASES = {
    "sale": (lambda shop, one: [invoice(shop, one)], amounts(a1200="110", a2100="-10", a4000="-100")),
    "sales return": (
        lambda shop, one: [invoice(shop, one, "sales_return"), paid(one)],
        amounts(a1000="-60", a1200="-50", a2100="10", a4000="100"),
    ),
    "purchase": (
        lambda shop, one: [invoice(shop, one, "purchase")],
        amounts(a1400="10", a2000="-110", a5000="100"),
    ),
    "purchase return, paid back": (
        lambda shop, one: [invoice(shop, one, "purchase_return"), paid(one)],
        amounts(a1000="60", a1400="-10", a2000="50", a5000="-100"),
    ),
    "sale paid in part in cash": (
        lambda shop, one: [invoice(shop, one), paid(one)],
        amounts(a1000="60", a1200="50", a2100="-10", a4000="-100"),
    ),
    "unallocated payment at the bank": (lambda shop, _: [unallocated(shop)], amounts(a1100="7", a2200="-7")),
    "sale deleted after payment: the payment becomes credit": (
        lambda shop, one: [invoice(shop, one), paid(one), action("invoice", "delete", one)],
        amounts(a1000="60", a1200="0", a2100="0", a4000="0", a2200="-60"),
    ),
    "paid beyond the total: the rest is the customer's credit": (
        lambda shop, one: [invoice(shop, one), paid(one), paid(one)],
        amounts(a1000="120", a1200="0", a2100="-10", a4000="-100", a2200="-10"),
    ),
    "a purchase paid beyond its total": (
        lambda shop, one: [invoice(shop, one, "purchase"), paid(one), paid(one)],
        amounts(a1000="-120", a1400="10", a1500="10", a2000="0", a5000="100"),
    ),
    "paid by a cheque that is in hand": (cheque, amounts(a1050="60", a1100="40", a2200="-100")),
    "paid by a cheque that was cleared": (
        lambda shop, one: [*cheque(shop, one), update("cheque", one, status="cleared")],
        amounts(a1050="0", a1100="100", a2200="-100"),
    ),
    "paid by a cheque that bounced: the party owes it": (
        lambda shop, one: [*cheque(shop, one), update("cheque", one, status="bounced")],
        amounts(a1050="0", a1100="40", a1250="60", a2200="-100"),
    ),
    "payment deleted with its cheque": (
        lambda shop, one: [*cheque(shop, one), action("payment", "delete", shop.cheque_payment)],
        amounts(a1050="0", a1100="0", a2200="0"),
    ),
    "cheque that we wrote": (
        lambda shop, one: cheque(shop, one, direction="out"),
        amounts(a1100="-40", a1500="100", a2050="-60"),
    ),
    "cash put into the till, by category": (
        lambda _, __: [create("payment", amount="5", currency="USD", category="Float")],
        amounts(a1000="5", a4900_float="-5"),
    ),
    "cash taken out of the till, for an account of the chart": (
        lambda _, __: [create("payment", amount="5", currency="USD", direction="out", category="3000")],
        amounts(a1000="-5", a3000="5"),
    ),
    "payment into an account that is a cash desk": (
        lambda shop, one: [
            create("payment_account", one, type="cash", name="Till 2"),
            create("payment", amount="5", party_id=str(shop.parties[0]), payment_account_id=str(one), method="card"),
        ],
        amounts(a1000="5", a2200="-5"),
    ),
    "payment in parts, to two accounts, and the rest in cash": (
        lambda shop, one: [
            create("payment_account", one, type="bank", name="Main"),
            create("payment", cash := new_id(), amount="10", party_id=str(shop.parties[0])),
            create("payment_split", payment_id=str(cash), payment_account_id=str(one), amount="6"),
            create("payment_split", payment_id=str(cash), amount="1"),
        ],
        amounts(a1000="4", a1100="6", a2200="-10"),
    ),
    "opening balances": (
        lambda _, one: [
            create("party", name="Owes", roles=["customer"], opening_balance="30"),
            create("party", one, name="Is owed", roles=["supplier"]),
            update("party", one, opening_balance="-20"),
            create("bank", name="Main", opening_balance="100"),
            create("cash", name="Till", opening_balance="7"),
            create("account", code="2300", name="Loan", type="liability", opening_balance="50"),
        ],
        amounts(a1000="7", a1100="100", a1200="30", a2000="-20", a2300="-50", a3900="-67"),
    ),
    "an account that was closed after its opening balance was booked on": (
        lambda _, one: [
            create("account", one, code="1160", name="Safe", type="asset", opening_balance="50"),
            create(
                "journal_entry",
                cleared := new_id(),
                lines=[{"account_code": "1000", "debit": "50"}, {"account_code": "1160", "credit": "50"}],
            ),
            action("journal_entry", "post", cleared),
            action("account", "delete", one),
        ],
        amounts(a1000="50", a1160="0", a3900="-50"),
    ),
    "expense by category, owed": (lambda shop, _: [expense(shop)], RENT),
    "expense that waits for approval": (lambda shop, _: [expense(shop, status="requested")], {}),
    "manual entry as a draft": (lambda _, one: [entry(one)], {}),
    "manual entry, posted later": (
        lambda _, one: [entry(one), action("journal_entry", "post", one)],
        amounts(a1000="100", a3000="-100"),
    ),
}


@pytest.mark.parametrize(("steps", "expected"), CASES.values(), ids=list(CASES))
@pytest.mark.parametrize("limit", [1, 2_000], ids=["event by event", "in one batch"])
def test_every_fact_posts_by_the_table(own_shop, own_worker, steps, expected, limit):
    for command in steps(own_shop, new_id()):
        own_shop.execute(command)
    follow(own_worker, own_shop, limit)
    assert balances(own_worker, own_shop) == expected


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
    first = shop.execute(create("payment", payment, amount="7", party_id=str(shop.parties[0])))
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
    row = (
        "INSERT INTO journal_lines"
        " (company_id, seq, line, record_id, kind, account, currency, debit, credit, balance, dated, posted_on)"
        " VALUES (%s, 1, 1, %s, 'payment', '1000', 'USD', 5, 0, 5, '2024-01-01', '2024-01-01')"
    )
    with pytest.raises(psycopg.errors.CheckViolation, match="do not balance in USD"), worker.connection() as connection:
        connection.execute(row, (shop.company_id, new_id()))
