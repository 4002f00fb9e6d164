"""hledger and Beancount accept the journals, and their balances are ours to the last decimal."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from beancount import loader
from beancount.core import data

from domain.command import Command
from infra.demo import read_chinook
from infra.exports import hledger as writer
from infra.exports import open_source
from infra.exports.accounts import amount_text, distinct_names
from infra.exports.source import entry_of


def run(*command: str, code: int = 0) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout


def hledger_balances(program: str, journal: Path) -> dict[tuple[str, str], Decimal]:
    """(account, currency) → balance, as the program says."""
    said = run(program, "-f", str(journal), "bal", "--flat", "-N", "-O", "csv", "--layout", "bare")
    rows = csv.DictReader(io.StringIO(said))
    return {(row["account"], row["commodity"]): Decimal(row["balance"]) for row in rows if Decimal(row["balance"])}


def our_names(books) -> dict[str, str]:
    source = open_source(books.database, books.company_id)
    chart = source.chart()
    codes = {one.account for one in source.opened()} | set(chart)
    return dict(distinct_names(codes, lambda code: writer.account_name(entry_of(chart, code), code), " ~"))


def beancount_balances(path: Path) -> dict[tuple[str, str], Decimal]:
    """(our code of the account, currency) → balance."""
    entries, errors, _ = loader.load_file(str(path))
    assert not errors, errors[:3]
    codes = {entry.account: entry.meta["code"] for entry in entries if isinstance(entry, data.Open)}
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for entry in entries:
        if isinstance(entry, data.Transaction):
            for posting in entry.postings:
                sums[codes[posting.account], posting.units.currency] += posting.units.number
    return {key: value for key, value in sums.items() if value}


def test_chinook_in_hledger(chinook, hledger, tmp_path):
    journal = tmp_path / "chinook.journal"
    journal.write_bytes(chinook.export("hledger"))
    run(hledger, "-f", str(journal), "check", "--strict", "ordereddates", "commodities", "accounts")
    theirs = {(name.split(":")[1].split(" ")[0], currency): n for (name, currency), n in hledger_balances(hledger, journal).items()}
    assert theirs == chinook.balances()
    sold = sum((row["Total"] for row in read_chinook().invoices), Decimal(0))
    assert theirs["4000", "USD"] == -sold == Decimal("-2328.60")
    assert "-2328.60 USD" in run(hledger, "-f", str(journal), "bal", "type:R")
    assert run(hledger, "-f", str(journal), "print", "tag:kind=payment").count("Payment received") == 332


def test_chinook_in_beancount(chinook, tmp_path):
    path = tmp_path / "chinook.beancount"
    path.write_bytes(chinook.export("beancount"))
    run(sys.executable, "-m", "beancount.scripts.check", str(path))
    theirs = beancount_balances(path)
    assert theirs == chinook.balances()
    assert theirs["4000", "USD"] == Decimal("-2328.60")


def test_odd_books_in_hledger(odd, hledger, tmp_path):
    journal = tmp_path / "odd.journal"
    journal.write_bytes(odd.export("hledger"))
    run(hledger, "-f", str(journal), "check", "--strict", "ordereddates")
    names = our_names(odd)
    assert len(set(names.values())) == len(names)
    ours = {(names[code], currency): balance for (code, currency), balance in odd.balances().items()}
    assert hledger_balances(hledger, journal) == ours
    assert {currency for _, currency in ours} == {"JPY", "USD", "KWD", "EUR"}


def test_odd_books_in_beancount(odd, tmp_path):
    path = tmp_path / "odd.beancount"
    path.write_bytes(odd.export("beancount"))
    run(sys.executable, "-m", "beancount.scripts.check", str(path))
    ours = {(" ".join(code.split()), currency): balance for (code, currency), balance in odd.balances().items()}
    assert beancount_balances(path) == ours


def test_beancount_refuses_what_is_wrong(tmp_path):
    """The check above can fail."""
    path = tmp_path / "bad.beancount"
    path.write_text('2024-01-01 open Assets:Cash\n2024-01-02 * "x"\n  Assets:Cash  1 USD\n')
    run(sys.executable, "-m", "beancount.scripts.check", str(path), code=1)


@pytest.mark.parametrize("format_", ["hledger", "beancount"])
def test_a_reversal_is_marked_and_names_what_it_takes_back(books, format_):
    payment = books.create("payment", amount="7", date="2024-01-05", method="bank")
    first = books.head()
    books.change("payment", payment, amount="9")
    text = books.export(format_).decode()
    assert text.count("Reversal: Payment received") == 1
    assert f"reverses:{first}" in text.replace(": ", ":")
    assert text.count("record:" if format_ == "hledger" else "  record: ") == 3


def test_what_is_dated_in_closed_books_keeps_its_day(books, hledger, tmp_path):
    books.create("payment", amount="5", date="2024-01-10", method="bank")
    close(books, "2024-01-31")
    books.create("payment", amount="7", date="2024-01-20", method="bank")
    journal = tmp_path / "closed.journal"
    journal.write_bytes(books.export("hledger"))
    text = journal.read_text()
    assert "\n2024-01-10 (payment-1)" in text
    assert "\n2024-02-01=2024-01-20 (payment-2)" in text
    run(hledger, "-f", str(journal), "check", "--strict", "ordereddates")
    assert "7.00 USD" in run(hledger, "-f", str(journal), "reg", "--date2", "date:2024-01-20", "assets")
    path = tmp_path / "closed.beancount"
    path.write_bytes(books.export("beancount"))
    assert "dated: 2024-01-20" in path.read_text()
    assert beancount_balances(path) == books.balances()


def close(books, day: str) -> None:
    """Close the books through a day."""
    books.execute(Command(kind="company", action="close_books", id=books.company_id, data={"through": day}))


def test_dates_that_beancount_does_not_know(books, tmp_path):
    books.create("payment", amount="5", date="0001-01-01", method="bank")
    books.create("payment", amount="6", date="9999-12-31", method="bank")
    path = tmp_path / "far.beancount"
    path.write_bytes(books.export("beancount"))
    assert beancount_balances(path) == books.balances()
    assert 'posted-on: "9999-12-31"' in path.read_text()


def test_an_empty_log(books, hledger, tmp_path):
    for name, format_ in (("a.journal", "hledger"), ("a.beancount", "beancount")):
        (tmp_path / name).write_bytes(books.export(format_, 0))
    run(hledger, "-f", str(tmp_path / "a.journal"), "check", "--strict")
    assert beancount_balances(tmp_path / "a.beancount") == {}


@pytest.mark.parametrize("format_", ["hledger", "beancount", "ndjson"])
def test_the_same_seq_gives_the_same_bytes(books, format_):
    party = books.create("party", name="Before")
    payment = books.create("payment", amount="5", party_id=str(party))
    seq = books.head()
    first = books.export(format_)
    assert books.export(format_) == first
    books.change("party", party, name="After")
    books.delete("payment", payment)
    books.create("expense", amount="3", currency="JPY", category="new")
    books.create("account", code="8000", name="New", type="expense")
    assert books.export(format_, seq) == first
    assert books.export(format_) != first


def test_every_seq_balances(odd, tmp_path):
    head = odd.head()
    for seq in range(1, head, max(1, head // 6)):
        path = tmp_path / f"{seq}.beancount"
        path.write_bytes(odd.export("beancount", seq))
        ours = {(" ".join(code.split()), currency): balance for (code, currency), balance in odd.balances(seq).items()}
        assert beancount_balances(path) == ours


def test_codes_whose_names_are_the_same_stay_apart():
    names = distinct_names(["a", "A ", "b"], lambda code: code.strip().lower(), " ~")
    assert names["A "] == "a"
    assert names["a"].startswith("a ~")
    assert len(names["a"]) == len("a ~") + 8
    assert names["b"] == "b"


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [("5", "USD", "5.00"), ("5", "JPY", "5"), ("-0.5", "KWD", "-0.500"), ("1.2345", "USD", "1.2345"), ("-0.00", "USD", "0.00")],
)
def test_amounts(amount, currency, text):
    assert amount_text(Decimal(amount), currency) == text
