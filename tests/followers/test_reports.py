"""Reports say what the journal says: between any days, by either day, as of any seq, and as they did when the log ended there."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.chart import CUSTOMER_CREDIT, PAYABLE, RECEIVABLE, SUPPLIER_CREDIT, VAT_PAYABLE, VAT_RECOVERABLE
from domain.command import Command
from infra.followers.follower import ProjectionFollower, add_positions, advance
from infra.ids import new_id
from infra.reports.aged import BUCKETS, aged
from infra.reports.asking import Question, ask
from infra.reports.lines import Page, general_ledger, party_statement
from infra.reports.statements import accounts, balance_sheet, income_and_expense
from infra.reports.stock_value import stock_value
from infra.reports.trial_balance import trial_balance
from infra.reports.vat_summary import vat_summary
from projections.registry import PROJECTIONS

FOLLOWERS = [ProjectionFollower(projection) for projection in PROJECTIONS.values() if not projection.inline]
TODAY = datetime.now(timezone.utc).date()
PARTY_ACCOUNTS = {"1200", "1250", "1500", "2000", "2200"}
REPORTS = {
    "trial balance": trial_balance,
    "income and expense": income_and_expense,
    "balance sheet": balance_sheet,
    "accounts": accounts,
    "receivables": lambda question: aged(question, "receivables"),
    "payables": lambda question: aged(question, "payables"),
    "VAT": vat_summary,
    "stock": stock_value,
    "receivables' ledger": lambda question: general_ledger(question, "1200", Page(10_000)),
    "expenses' ledger": lambda question: general_ledger(question, "6000", Page(10_000), parts=True),
}


def follow(worker, company_id, until=None):
    with worker.connection() as connection:
        for follower in FOLLOWERS:
            add_positions(connection, follower.name)
            while (advanced := advance(connection, follower, company_id, until=until)) is not None and advanced.behind:
                pass


def tell(api, shop, report, **question):
    asked = Question(company_id=shop.company_id, **question)
    answer = ask(api, asked, report(asked))
    return {name: json.loads(part) for name, part in answer.parts.items()}


def spread_out(shop):
    """Trade whose facts are dated over half a year, and change their dates; returns the seqs after each request."""
    seqs = []
    chance = shop.chance
    for _ in range(5):
        seqs.append(shop.trade())
        days = [TODAY - timedelta(days=chance.randint(0, 180)) for _ in range(4)]
        lines = [{"product_id": str(chance.choice(shop.products)), "quantity": 3, "unit_price": "7.35", "levy_rate": "1.5"}]
        for day, kind in zip(days, ["sales", "purchase", "sales_return", "purchase"], strict=True):
            fields = {
                "type": kind,
                "issue_date": day.isoformat(),
                "due_date": (day + timedelta(days=chance.randint(0, 40))).isoformat(),
                "party_id": str(chance.choice(shop.parties)),
                "moves_stock": True,
                "lines": lines,
            }
            seqs.append(shop.execute(Command(kind="invoice", action="create", id=new_id(), data=fields)))
        moved, day = chance.choice(shop.open), (TODAY - timedelta(days=chance.randint(0, 180))).isoformat()
        seqs.append(shop.execute(Command(kind="invoice", action="update", id=moved, data={"issue_date": day})))
        amount = {"amount": "3.10", "date": chance.choice(days).isoformat(), "party_id": str(shop.parties[1])}
        for direction in ("in", "out"):
            data = {**amount, "direction": direction}
            seqs.append(shop.execute(Command(kind="payment", action="create", id=new_id(), data=data)))
    return seqs


def close_books(shop, through):
    shop.execute(Command(kind="company", action="close_books", id=shop.company_id, data={"through": through.isoformat()}))


class Journal:
    """The lines themselves, to be summed up the plain way."""

    def __init__(self, owner, shop):
        columns = "seq, account, currency, debit, credit, dated, posted_on, party_id, coalesce(document_id, record_id)"
        self.lines = owner.execute(f"SELECT {columns} FROM journal_lines WHERE company_id = %s", (shop.company_id,)).fetchall()

    def sums(self, *, begin=None, end=None, by="posted_on", at_seq=None, only=lambda line: True, key=lambda line: line[1:3]):
        """Key → opening, debit, credit, closing of what was posted by the end of the period."""
        found = defaultdict(lambda: [Decimal(0)] * 4)
        for line in filter(only, self.lines):
            day = line[5] if by == "dated" else line[6]
            if (end is not None and day > end) or (at_seq is not None and line[0] > at_seq):
                continue
            sums = found[key(line)]
            if begin is not None and day < begin:
                sums[0] += line[3] - line[4]
            else:
                sums[1] += line[3]
                sums[2] += line[4]
            sums[3] += line[3] - line[4]
        return dict(found)


def as_numbers(rows, *key):
    return {tuple(row[name] for name in key): [Decimal(row[n]) for n in ("opening", "debit", "credit", "closing")] for row in rows}


@pytest.fixture
def traded(open_shop, worker, api, owner):
    """Half a year of trade in which the books were closed twice."""
    shop = open_shop(seed=5)
    seqs = spread_out(shop)
    close_books(shop, TODAY - timedelta(days=90))
    seqs += spread_out(shop)
    close_books(shop, TODAY - timedelta(days=20))
    seqs += spread_out(shop)
    follow(worker, shop.company_id)
    return shop, seqs


def questions(seqs):
    days = st.none() | st.integers(-5, 200).map(lambda ago: TODAY - timedelta(days=ago))
    ordered = st.tuples(days, days).map(lambda pair: pair if None in pair else tuple(sorted(pair)))
    by = st.sampled_from(["posted_on", "dated"])
    return st.builds(
        lambda pair, by, seq: {"begin": pair[0], "end": pair[1], "by": by, "at_seq": seq},
        ordered,
        by,
        st.none() | st.sampled_from(seqs) | st.integers(0, seqs[-1]),
    )


def test_reports_are_the_sums_of_the_journal(traded, api, owner):
    shop, seqs = traded
    journal = Journal(owner, shop)
    assert sum(line[5] != line[6] for line in journal.lines) > 50, "facts came after the books were closed"

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(asked=questions(seqs))
    def check(asked):
        expected = journal.sums(**asked)
        if asked["begin"] is None and asked["end"] is None:
            expected = {key: [0, max(sums[3], 0), max(-sums[3], 0), sums[3]] for key, sums in expected.items()}
        found = tell(api, shop, trial_balance, **asked)
        assert as_numbers(found["accounts"], "account", "currency") == expected
        for total in found["totals"]:
            assert Decimal(total["debit"]) == Decimal(total["credit"])
            assert Decimal(total["closing"]) == 0
        check_earnings(api, shop, asked, expected)
        check_sheet(api, shop, asked)
        check_lines(api, shop, journal, asked)
        check_aged(api, shop, journal, asked)
        check_vat(api, shop, journal, asked)

    check()


def check_earnings(api, shop, asked, expected):
    found = tell(api, shop, income_and_expense, **asked)
    earned = sum((sums[2] - sums[1] for (account, _), sums in expected.items() if account[0] in "456"), Decimal(0))
    assert sum(Decimal(total["net"]) for total in found["totals"]) == earned


def check_sheet(api, shop, asked):
    for total in tell(api, shop, balance_sheet, **{**asked, "begin": None})["totals"]:
        assert total["assets"] == total["liabilities_and_equity"]


def check_lines(api, shop, journal, asked):
    """Pages of forty lines, joined, are the period's lines, and their balances run from the opening to the closing."""
    party = shop.parties[1]
    only = {
        lambda line: line[1] == "1200": lambda question, page: general_ledger(question, "1200", page),
        lambda line: line[1].startswith("6000"): lambda question, page: general_ledger(question, "6000", page, parts=True),
        lambda line: line[7] == party and line[1] in PARTY_ACCOUNTS: lambda question, page: party_statement(question, party, page),
    }
    for which, report in only.items():
        expected = journal.sums(**asked, only=which, key=lambda line: line[2:3])
        page, lines = Page(40), []
        while True:
            found = tell(api, shop, lambda question, page=page, report=report: report(question, page), **asked)
            assert as_numbers(found["balances"], "currency") == expected
            lines += found["lines"]
            assert len(found["lines"]) <= 40
            if found["next"] is None:
                break
            day, seq, line = found["next"].split(".")
            page = Page(40, date.fromisoformat(day), int(seq), int(line))
        keys = [(line[asked["by"]], line["seq"], line["line"]) for line in lines]
        assert keys == sorted(set(keys))
        for (currency,), (opening, debit, _, closing) in expected.items():
            balance = opening
            for line in lines:
                if line["currency"] == currency:
                    balance += Decimal(line["debit"]) - Decimal(line["credit"])
                    assert Decimal(line["balance"]) == balance
            assert balance == closing
            assert sum(Decimal(line["debit"]) for line in lines if line["currency"] == currency) == debit


def check_aged(api, shop, journal, asked):
    asked = {**asked, "begin": None}
    for side, account, credit, sign in (
        ("receivables", RECEIVABLE, CUSTOMER_CREDIT, 1),
        ("payables", PAYABLE, SUPPLIER_CREDIT, -1),
    ):
        found = tell(api, shop, lambda question, side=side: aged(question, side), **asked)
        owed = journal.sums(**asked, only=lambda line, account=account: line[1] == account, key=lambda line: line[8])
        documents = {document: sign * sums[3] for document, sums in owed.items() if sums[3]}
        assert {row["document_id"]: Decimal(row["open"]) for row in found["documents"]} == {
            str(document): amount for document, amount in documents.items()
        }
        for row in (*found["documents"], *found["parties"], *found["totals"]):
            assert sum(Decimal(row[name]) for name in BUCKETS) == Decimal(row["open"])
        free = journal.sums(**asked, only=lambda line, credit=credit: line[1] == credit, key=lambda line: line[7])
        unallocated = {str(party): -sign * sums[3] for party, sums in free.items() if sums[3]}
        assert {row["party_id"]: Decimal(row["credit"]) for row in found["parties"] if Decimal(row["credit"])} == unallocated
        total = sum((Decimal(row["open"]) for row in found["totals"]), Decimal(0))
        assert total == sum(documents.values(), Decimal(0))
        day = asked["end"] or TODAY
        for row in found["documents"]:
            days = (day - date.fromisoformat(row["due"] or row["dated"])).days
            assert row["days_overdue"] == days
            bucket = "not_due" if days <= 0 else "days_over_90" if days > 90 else list(BUCKETS)[(days - 1) // 30 + 1]
            assert Decimal(row[bucket]) == Decimal(row["open"])


def check_vat(api, shop, journal, asked):
    """What the lines owe is what was posted to the tax accounts; the seqs between the events of one request do not count."""
    if asked["at_seq"] is not None and asked["at_seq"] not in SEQS[shop.company_id]:
        return
    found = tell(api, shop, vat_summary, **asked)
    for direction, account, sign in (("output", VAT_PAYABLE, -1), ("input", VAT_RECOVERABLE, 1)):
        sums = journal.sums(**asked, only=lambda line, account=account: line[1] == account).get((account, "USD"), [Decimal(0)] * 3)
        owed = sum(
            (Decimal(row["vat"]) + Decimal(row["levy"]) for row in found["rates"] if row["direction"] == direction), Decimal(0)
        )
        assert owed == sign * (sums[1] - sums[2])
    for total in found["totals"]:
        assert Decimal(total["payable"]) == sum(
            sign * Decimal(total[f"{direction}_{tax}"])
            for direction, sign in (("output", 1), ("input", -1))
            for tax in ("vat", "levy")
        )


SEQS: dict[object, set[int]] = {}


@pytest.fixture(autouse=True)
def _remember(request):
    if "traded" in request.fixturenames:
        shop, seqs = request.getfixturevalue("traded")
        SEQS[shop.company_id] = set(seqs)


def test_as_of_a_seq_is_what_was_said_when_the_log_ended_there(open_shop, worker, api, owner):
    shop = open_shop(seed=9)
    period = {"begin": TODAY - timedelta(days=60), "end": TODAY - timedelta(days=1)}
    asked = [{}, period, {**period, "by": "dated"}, {"end": TODAY}]
    then = {}
    for days in (90, 10):
        for trade in (shop.trade, lambda: spread_out(shop)[-1]):
            seq = trade()
            follow(worker, shop.company_id)
            then[seq] = [tell(api, shop, report, **one) for report in REPORTS.values() for one in asked]
        close_books(shop, TODAY - timedelta(days=days))
    follow(worker, shop.company_id)
    for seq, said in then.items():
        assert [tell(api, shop, report, **one, at_seq=seq) for report in REPORTS.values() for one in asked] == said


def test_another_company_sees_nothing_of_it(traded, open_shop, worker, api):
    shop, _ = traded
    other = open_shop("other")
    follow(worker, other.company_id)
    assert tell(api, other, lambda question: party_statement(question, shop.parties[1], Page(10)))["lines"] == []
    assert tell(api, other, trial_balance) == {"accounts": [], "totals": []}
