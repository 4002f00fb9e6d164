"""hledger journals: accounts and entries, once; what is not understood is refused with its line."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.command import Actor, Command

from .conftest import SAMPLES, Books

SAMPLE = (SAMPLES / "books.journal").read_text("utf-8")


def balances(books: Books) -> dict[tuple[str, str], Decimal]:
    """Account and currency → debits less credits, of every posted entry."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in books.data("journal_line"):
        sums[line["account_code"], line["currency"]] += Decimal(line["debit"]) - Decimal(line["credit"])
    return {key: total for key, total in sorted(sums.items()) if total}


def test_the_sample_is_imported_once(books: Books) -> None:
    assert books.load("hledger", "", SAMPLE, dry_run=True).created == 8
    assert books.load("hledger", "", SAMPLE).created == 8
    opened = {record["data"]["name"]: record["data"] for record in books.records("account") if record.get("source")}
    codes = {name: account["code"] for name, account in opened.items()}
    assert codes == {"bank:checking": "1600", "bank:euro account": "1601", "coffee": "6100"}
    assert balances(books) == {
        ("1000", "USD"): Decimal(341),
        ("1600", "USD"): Decimal(11500),
        ("1601", "EUR"): Decimal(250),
        ("3900", "USD"): Decimal(-12750),
        ("4000", "EUR"): Decimal(-250),
        ("6000:rent", "USD"): Decimal(900),
        ("6100", "USD"): Decimal(9),
    }
    entries = books.data("journal_entry")
    assert (len(entries), {entry["status"] for entry in entries}) == (5, {"posted"})
    assert (entries[1]["reference"], entries[1]["description"], entries[1]["extra"]) == ("1042", "Rent of January", {"status": "*"})
    assert entries[4]["notes"] == "shown at the fair in Kiel"
    head = books.head
    again = books.load("hledger", "", SAMPLE)
    assert (again.created, again.unchanged, books.head) == (0, 5, head)
    # A transaction with a uuid is known again when it was changed; the others are known by what they say
    changed = SAMPLE.replace("Rent of January", "Rent of January 2026")
    assert books.load("hledger", "", changed).differences[0].fields == ["description"]
    assert books.refused("hledger", "", changed, update=True)[0]["code"] == "entry_posted"
    third = SAMPLE + "\n" + SAMPLE[SAMPLE.index("2026-01-09") : SAMPLE.index("2026-01-09", SAMPLE.index("2026-01-09") + 1)]
    assert books.load("hledger", "", third).created == 1, "a third equal coffee is a third"


def test_names_are_mapped(books: Books) -> None:
    mapping = {"accounts": {"assets:bank:checking": "1100", "expenses:coffee": "6000:coffee"}, "commodities": {"$": "CAD"}}
    books.load("hledger", "", SAMPLE, mapping=mapping)
    assert balances(books)["1100", "CAD"] == Decimal(11500)
    assert balances(books)["6000:coffee", "CAD"] == Decimal(9)
    assert books.load("hledger", "", SAMPLE, mapping=mapping).created == 0


EXPORTED = """\
; Babil: the books as of event 42, hash 00

decimal-mark .
commodity 1000. JPY
commodity 1000.00 USD

account assets:1000 Cash  ; type: A
account assets:1010 Till in the shop  ; type: A
account assets:1200 Accounts receivable  ; type: A
account expenses:6000 Expenses:rent of may  ; type: X, name: Rent
account expenses:6000 Expenses:2024  ; type: X

2026-03-21 (S-1) Shirin Rugs | sale  ; seq:12, kind:invoice, record:0197a6b2
    assets:1200 Accounts receivable  26.72 USD
    revenues:4000 Sales  -23.50 USD
    liabilities:2100 VAT payable  -3.22 USD

2026-04-01=2026-03-22 () payment  ; seq:13, kind:payment, record:0197a6b3
    assets:1010 Till in the shop  26.72 USD  ; date2:2026-03-22
    assets:1200 Accounts receivable  -26.72 USD

2026-03-22 () Reversal: expense  ; seq:14, kind:expense, record:0197a6b4, reverses:13
    expenses:6000 Expenses:rent of may  1000 JPY
    expenses:6000 Expenses:2024  5 JPY
    equity:7777 Something: else  -1005 JPY
"""


def test_numbered_accounts_keep_their_codes(books: Books) -> None:
    books.load("hledger", "", EXPORTED)
    assert balances(books) == {
        ("1010", "USD"): Decimal("26.72"),
        ("2100", "USD"): Decimal("-3.22"),
        ("4000", "USD"): Decimal("-23.50"),
        ("6000:2024", "JPY"): Decimal(5),
        ("6000:rent of may", "JPY"): Decimal(1000),
        ("7777:else", "JPY"): Decimal(-1005),
    }
    assert books.data("journal_entry")[1]["extra"] == {"date2": "2026-03-22"}
    assert books.load("hledger", "", EXPORTED).created == 0
    opened = {record["data"]["code"]: record["data"]["type"] for record in books.records("account") if record.get("source")}
    assert opened == {"1010": "asset", "7777": "equity"}


def journal(*lines: str) -> str:
    return "\n".join(lines) + "\n"


HEADER = "2026-01-01 x"
NUMBERS = [
    ("$-5.10", "-5.10", "USD"),
    ("-$5.10", "-5.10", "USD"),
    ("$ 5", "5", "USD"),
    ("5 EUR", "5", "EUR"),
    ("5EUR", "5", "EUR"),
    ("EUR 5", "5", "EUR"),
    ('"EUR" 5', "5", "EUR"),
    ("+5", "5", "USD"),
    ("1,234.56 EUR", "1234.56", "EUR"),
    ("1.234,56 EUR", "1234.56", "EUR"),
    ("1,234,567 EUR", "1234567", "EUR"),
    ("1 234.56 EUR", "1234.56", "EUR"),
    ("12,50 EUR", "12.50", "EUR"),
    (".5 EUR", "0.5", "EUR"),
    ("5. EUR", "5", "EUR"),
    ("1.234 KWD", "1.234", "KWD"),
]


@pytest.mark.parametrize(("text", "number", "currency"), NUMBERS)
def test_amounts(books: Books, text: str, number: str, currency: str) -> None:
    books.load("hledger", "", journal(HEADER, f"  assets:cash  {text}", "\texpenses:1\t"))
    assert balances(books)["1000", currency] == Decimal(number)


@pytest.mark.parametrize(
    ("directive", "text", "number"),
    [("decimal-mark ,", "1.234 EUR", "1234"), ("decimal-mark .", "1,234 EUR", "1234"),
     ("commodity 1.000,00 EUR", "1.234 EUR", "1234"), ("commodity EUR\n  format 1.000,00 EUR", "1.234 EUR", "1234"),
     ("D 1.000,00 EUR", "1.234", "1234"), ("commodity EUR", "5 EUR", "5")],
)  # fmt: skip
def test_directives_say_which_mark_is_which(books: Books, directive: str, text: str, number: str) -> None:
    books.load("hledger", "", journal(directive, HEADER, f" assets:cash  {text}", " expenses:x"))
    assert balances(books)["1000", "EUR"] == Decimal(number)


def test_dates_years_comments_and_several_commodities(books: Books) -> None:
    content = journal(
        "* org heading", "# comment", "; comment", "comment", "2026-99-99 not read", "end comment", "payee Someone", "tag trip",
        "Y2026", "1/5 Short date ; with: a tag", "  ; more", "  assets:cash  5 EUR  ; why", "  ; below", "  assets:cash  7 USD",
        "  income:4000", "", "2026.2.7 (code) Dots", "  ! assets:cash  1 USD", "  * expenses:x  -1 USD",
    )  # fmt: skip
    books.load("hledger", "", content)
    assert [entry["date"] for entry in books.data("journal_entry")] == ["2026-01-05", "2026-02-07"]
    assert balances(books)["4000", "EUR"] == Decimal(-5)
    assert balances(books)["4000", "USD"] == Decimal(-7)


BAD: list[tuple[list[str], int, str]] = [
    ([HEADER, " assets:cash  5 USD @ 2 EUR", " assets:cash  -10 EUR"], 2, "Prices"),
    ([HEADER, " assets:cash  5 USD {2 EUR}", " assets:cash  -10 EUR"], 2, "Lots"),
    ([HEADER, " (assets:cash)  5 USD"], 2, "Virtual"),
    ([HEADER, " [assets:cash]  5 USD"], 2, "Virtual"),
    ([HEADER, " assets:cash  = 5 USD", " income:x"], 2, "assignment"),
    ([HEADER, " assets:cash  5 USD", " income:x  -4 USD"], 1, "sum up to 1 USD"),
    ([HEADER, " assets:cash  5 USD", " income:x  -5 EUR"], 1, "does not balance"),
    ([HEADER, " assets:cash", " income:x"], 3, "Only one"),
    ([HEADER, " assets:cash  5 USD = 6 USD", " income:x"], 2, "asserted"),
    ([HEADER, " assets:cash  5 USD", " assets:cash  5 EUR == 5 EUR", " income:x"], 3, "USD beside it"),
    ([HEADER, " assets:cash  5 ACME", " income:x"], 2, "ACME"),
    ([HEADER, " assets:cash  5.0015 USD", " income:x"], 2, "decimals"),
    ([HEADER, " assets:cash  1.234 USD", " income:x"], 2, "two numbers"),
    ([HEADER, " assets:cash  five", " income:x"], 2, "not an amount"),
    ([HEADER, " assets:cash  --5", " income:x"], 2, "two signs"),
    ([HEADER, " assets:cash  1.2.3,4.5 USD", " income:x"], 2, "not a number"),
    ([HEADER, " cash  5 USD", " income:x"], 2, "which type"),
    ([HEADER, " expenses:1000 Cash  5 USD", " income:x"], 2, "is of the type asset"),
    ([HEADER, " assets:cash  5 USD ; date:2026-02-01", " income:x"], 2, "single postings"),
    ([HEADER, " assets:cash  5 USD ; [2026-02-01]", " income:x"], 2, "single postings"),
    (["2026-02-30 x", " assets:cash  5 USD", " income:x"], 1, "not a day"),
    (["2026-02-01=2026-02-31 x", " assets:cash  5 USD", " income:x"], 1, "2026-02-31"),
    (["02-01 x", " assets:cash  5 USD", " income:x"], 1, "year"),
    (["20260201 x"], 1, "no transaction"),
    (["~ monthly", " assets:cash  5 USD", " income:x"], 1, "Periodic"),
    (["= expenses", " assets:cash  5 USD"], 1, "Automated"),
    (["include other.journal"], 1, "join"),
    (["alias a=b"], 1, "Aliases"),
    (["apply account x"], 1, "apply account"),
    (["P 2026-01-01 EUR 1.10 USD"], 1, "Market prices"),
    (["i 2026/01/01 09:00:00 x"], 1, "no directive"),
    (["nonsense"], 1, "no directive"),
    (["  assets:cash  5"], 1, "belongs to no transaction"),
    (["decimal-mark x"], 1, "decimal mark"),
    (["account assets:x  ; type:Q", HEADER, " assets:x  1 USD", " income:x"], 3, "account type"),
    (["comment", "2026-01-01 x"], 1, "never ended"),
]


@pytest.mark.parametrize(("lines", "line", "words"), BAD, ids=[words for _, _, words in BAD])
def test_what_is_not_understood_is_refused(books: Books, lines: list[str], line: int, words: str) -> None:
    problems = books.refused("hledger", "", journal(*lines))
    assert [problem["line"] for problem in problems] == [line], problems
    assert words in problems[0]["message"]


def test_every_problem_of_a_file_is_told(books: Books) -> None:
    some = [bad for bad, _, words in BAD if words not in ("asserted", "USD beside it", "never ended")]
    lines = [line for bad in some for line in (*bad, "")]
    assert len(books.refused("hledger", "", journal(*lines))) >= len(some)


def test_a_mapping_has_known_tables(books: Books) -> None:
    from domain.errors import InvalidField

    with pytest.raises(InvalidField, match="tables"):
        books.load("hledger", "", SAMPLE, mapping={"acounts": {}})


def test_closed_accounts_and_assertions_that_hold(books: Books) -> None:
    content: Any = journal(
        "2026-01-02 later", " assets:cash  -2 USD = 3 USD", " assets:cash:till  0 USD =* 0 USD", " expenses:x", "",
        "2026-01-01 earlier", " assets:cash  5 USD == 5 USD", " income:x", "", "2026-01-03 sum", " assets:cash:till  1 USD",
        " assets:cash  -1 USD =* 3 USD",
    )  # fmt: skip
    assert books.load("hledger", "", content).created > 3


def test_closed_accounts_refuse_their_lines(books: Books) -> None:
    content = journal("2026-01-02 x", " assets:1010 Till  5 USD", " income:y")
    books.load("hledger", "", content)
    till = next(record["id"] for record in books.records("account") if record["data"]["code"] == "1010")
    books.ledger.execute(books.company_id, [Command(kind="account", action="delete", id=UUID(till))], Actor())
    problems = books.refused("hledger", "", journal("2026-01-03 x", " assets:1010 Till  5 USD", " income:y"))
    assert [(one["line"], one["code"]) for one in problems] == [(2, "account_closed")]
