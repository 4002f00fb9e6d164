"""CSV imports: what is stored, that nothing is stored twice, and that every bad row is named."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import InvalidField
from infra.imports import model
from infra.imports.csv_masters import PARTY_COLUMNS, PRODUCT_COLUMNS
from infra.imports.csv_table import read_table
from infra.imports.model import Options, Problems
from infra.imports.text import read_amount

from .conftest import Books

PARTIES = "code,name,roles,email,credit_limit\nC-1,Shirin Rugs,both,a@b.example,100.50\nC-2,Mina,customer,,\n"
PRODUCTS = "sku,name,price,vat_rate\nTEA,Green tea,4.50,9\nRUG,Kilim,180,\n"
INVOICES = """\
number,type,party,date,due_date,sku,description,quantity,unit_price,vat_rate
S-1,sales,C-1,2026-03-21,2026-04-20,TEA,,3,,
,,,,,,Delivery,1,10,20
S-2,sales,C-2,2026-03-22,,RUG,,2,170.50,
S-2,sales,C-2,2026-03-22,,TEA,,1,,
"""


def set_up(books: Books) -> None:
    books.load("csv", "parties", PARTIES)
    books.load("csv", "products", PRODUCTS)


def test_parties_are_stored_once_and_differences_are_told(books: Books) -> None:
    report = books.load("csv", "parties", PARTIES)
    assert (report.rows, report.created, report.unchanged) == (2, 2, 0)
    first, second = books.data("party")
    assert (first["name"], first["roles"], first["credit_limit"]) == ("Shirin Rugs", ["customer", "supplier"], "100.50")
    assert (second["name"], second["roles"]) == ("Mina", ["customer"])
    head = books.head
    again = books.load("csv", "parties", PARTIES)
    assert (again.created, again.unchanged, books.head) == (0, 2, head)

    changed = PARTIES.replace("Mina,", "Mina K.,").replace("100.50", "100.500")
    told = books.load("csv", "parties", changed)
    assert (told.unchanged, told.differs, books.head) == (1, 1, head)
    assert [(one.line, one.name, one.fields) for one in told.differences] == [(3, "Mina K.", ["name"])]
    assert books.load("csv", "parties", changed, update=True).updated == 1
    assert [party["name"] for party in books.data("party")] == ["Shirin Rugs", "Mina K."]
    assert books.load("csv", "parties", changed).unchanged == 2


def test_a_record_made_by_hand_is_the_same_by_its_key(books: Books) -> None:
    books.create(
        "party", name="Shirin Rugs", code="C-1", roles=["customer", "supplier"], email="a@b.example", credit_limit="100.50"
    )
    books.create("product", name="Green tea", sku="TEA", price="4")
    assert (books.load("csv", "parties", PARTIES).created, len(books.records("party"))) == (1, 2)
    report = books.load("csv", "products", PRODUCTS)
    assert (report.created, report.differs, report.differences[0].fields) == (1, 1, ["price", "vat_rate"])


def test_what_was_deleted_stays_deleted(books: Books) -> None:
    from domain.command import Actor, Command

    books.load("csv", "parties", PARTIES)
    books.ledger.execute(books.company_id, [Command(kind="party", action="delete", number=2)], Actor())
    report = books.load("csv", "parties", PARTIES, update=True)
    assert (report.created, report.unchanged, report.deleted, len(books.records("party"))) == (0, 1, 1, 1)


def test_invoices_with_their_lines(books: Books) -> None:
    set_up(books)
    dry = books.load("csv", "invoices", INVOICES, dry_run=True)
    assert (dry.dry_run, dry.created, books.records("invoice")) == (True, 2, [])
    assert books.load("csv", "invoices", INVOICES).created == 2
    first, second = books.data("invoice")
    # 3 x 4.50 at 9 %, and 10.00 at 20 %
    assert (first["invoice_number"], first["total"], first["due_date"]) == ("S-1", "26.72", "2026-04-20")
    assert (second["total"], second["issue_date"]) == (str(Decimal("341.00") + Decimal("4.91")), "2026-03-22")
    assert len(books.records("invoice_line")) == 4
    head = books.head
    assert books.load("csv", "invoices", INVOICES).unchanged == 2
    assert books.load("csv", "invoices", INVOICES, dry_run=True).unchanged == 2
    assert books.head == head


def test_an_update_changes_adds_and_removes_lines(books: Books) -> None:
    set_up(books)
    books.load("csv", "invoices", INVOICES)
    changed = INVOICES.replace("TEA,,3,,", "TEA,,4,,").replace("S-2,sales,C-2,2026-03-22,,TEA,,1,,\n", "")
    changed += ",,,,,RUG,,1,,\n,,,,,,Fringe,1,5,\n"
    told = books.load("csv", "invoices", changed)
    assert [(one.name, one.fields) for one in told.differences] == [("S-1", ["lines"]), ("S-2", ["lines"])]
    assert books.load("csv", "invoices", changed, update=True).updated == 2
    assert [invoice["total"] for invoice in books.data("invoice")] == ["31.62", "526.00"]
    shorter = INVOICES.replace(",,,,,,Delivery,1,10,20\n", "")
    assert books.load("csv", "invoices", shorter, update=True).updated == 2
    assert books.data("invoice")[0]["total"] == "14.72"
    assert books.load("csv", "invoices", shorter).unchanged == 2


OPENING = """\
account,party,debit,credit,sku,quantity,unit_cost
1000,,500,,,,
1100,,"1,500.00",,,,
,C-1,250,,,,
2000,C-1,,100,,,
1300,,45,,,,
,,,,TEA,10,4.50
"""


def test_opening_balances(books: Books) -> None:
    set_up(books)
    assert books.load("csv", "opening-balances", OPENING, date=date(2025, 12, 31)).created == 2
    (entry,) = books.data("journal_entry")
    assert (entry["status"], entry["date"]) == ("posted", "2025-12-31")
    lines = [(line["account_code"], line["debit"], line["credit"]) for line in books.data("journal_line")]
    assert lines[2:4] == [("1200", "250.00", "0.00"), ("2000", "0.00", "100.00")]
    assert lines[-1] == ("3900", "0.00", "2195.00")
    (movement,) = books.data("stock_movement")
    assert (movement["reason"], movement["quantity"], movement["unit_cost"]) == ("opening", "10", "4.50")
    head = books.head
    assert books.load("csv", "opening-balances", OPENING, date=date(2025, 12, 31)).unchanged == 2
    assert books.head == head
    changed = OPENING.replace("1000,,500", "1000,,501")
    assert books.load("csv", "opening-balances", changed, date=date(2025, 12, 31)).differs == 1
    problems = books.refused("csv", "opening-balances", changed, date=date(2025, 12, 31), update=True)
    assert problems[0]["code"] == "entry_posted", "what is posted is never edited"


# Bad files ----------------------------------------------------------------------------------------

BAD_ROWS: list[tuple[str, str, str, list[tuple[int, str, str, str]]]] = [
    (
        "parties",
        "code,name,email,currency,credit_limit,birth_date,is_active,roles,payment_terms_days",
        """\
A,,x,,,,,,
B,B,,XYZ,,,,,
C,C,,JPY,1.5,,,,
D,D,,,1.005,2026-02-30,,,
E,E,,,"1,5",21.3.2026,perhaps,friend,3.5
B,F,,,,,,,
""",
        [
            (2, "name", "invalid_field", "needed"),
            (3, "currency", "unknown_currency", "XYZ"),
            (4, "credit_limit", "too_many_decimals", "JPY"),
            (5, "birth_date", "invalid_field", "day"),
            (5, "credit_limit", "too_many_decimals", "USD"),
            (6, "credit_limit", "invalid_field", "comma"),
            (6, "birth_date", "invalid_field", "2026-03-21"),
            (6, "is_active", "invalid_field", "yes nor no"),
            (6, "roles", "invalid_field", "friend"),
            (6, "payment_terms_days", "invalid_field", "whole"),
            (7, "code", "invalid_field", "line 3"),
        ],
    ),
    (
        "products",
        "sku,name,price,VAT %,type,category",
        "A,A,-1,,,\nB,B,1,101,,\nC,C,1.2.3,,,\nD,D,,,thing,\nE,E,,,,Nowhere\n",
        [
            (4, "price", "invalid_field", "1.2.3"),
            (6, "category", "reference_missing", "Nowhere"),
        ],
    ),
    (
        "products",
        "sku,name,price,vat_rate,type",
        "A,A,-1,,\nB,B,1,101,\nD,D,1,,\n",
        [(2, "price", "invalid_field", "negative"), (3, "vat_rate", "invalid_field", "between 0 and 100")],
    ),
    ("products", "sku,name,type", "D,D,thing\n", [(2, "type", "invalid_field", "thing")]),
    (
        "invoices",
        "Number,Party,Date,Currency,SKU,Qty,Price",
        """\
,C-1,,,,1,5
S-1,Nobody,,,,1,5
S-2,C-1,,,NONE,1,5
S-3,C-1,2026-13-01,,,1,5
S-4,C-1,,QQQ,,1,5
S-5,C-1,,,,-1,5
S-6,C-1,,,,0,5
S-7,C-1,,,,1,
S-8,C-1,2026-01-01,,,1,5
S-8,C-2,2026-01-02,,,1,5
S-9,C-1,,,,1,5,7
S-10,C-1
""",
        [
            (2, "Number", "invalid_field", "first row"),
            (3, "Party", "reference_missing", "Nobody"),
            (4, "SKU", "reference_missing", "NONE"),
            (5, "Date", "invalid_field", "2026-13-01"),
            (6, "Currency", "unknown_currency", "QQQ"),
            (7, "Qty", "amount_not_positive", "more than zero"),
            (8, "Qty", "amount_not_positive", "more than zero"),
            (9, "Price", "invalid_field", "unit price"),
            (11, "Party", "invalid_field", "line 10"),
            (11, "Date", "invalid_field", "line 10"),
            (12, "", "invalid_field", "8 cells"),
            (13, "", "invalid_field", "2 cells"),
        ],
    ),
    (
        "invoices",
        "number,type,party,quantity,unit_price,vat_rate,invoice_discount,line_discount",
        """\
S-1,sales,C-1,1,-5,,,
S-2,sales,C-1,1,5,120,,
S-3,purchase,C-2,1,5,,,
S-4,sales,C-1,1,5,,0.005,
S-5,sales,C-1,1,5,,,6
S-6,sales,C-1,1,5,,,
S-6,,,1,0.001,,,
""",
        [
            (2, "unit_price", "amount_not_positive", "negative"),
            (3, "vat_rate", "invalid_field", "between 0 and 100"),
            (4, "party", "party_role_missing", "supplier"),
            (5, "invoice_discount", "too_many_decimals", "0.005"),
            (6, "line_discount", "invalid_field", "whole line"),
        ],
    ),
    (
        "opening-balances",
        "account,party,debit,credit,currency,sku,quantity,date",
        """\
1000,,1,,,,,
1000,,1,1,,,,2026-01-01
1000,,-1,,,,,2026-01-01
9999,,1,,,,,2026-01-01
1000,,1.005,,,,,2026-01-01
,,1,,,,,2026-01-01
,Nobody,1,,,,,2026-01-01
,,,,,TEA,-1,2026-01-01
,,,,,TEA,,2026-01-01
1000,,1,,XXQ,,,2026-01-01
""",
        [
            (2, "date", "invalid_field", "which day"),
            (3, "debit", "invalid_field", "not both"),
            (4, "debit", "amount_not_positive", "other side"),
            (5, "account", "reference_missing", "9999"),
            (6, "debit", "too_many_decimals", "USD"),
            (7, "account", "invalid_field", "names an account"),
            (8, "party", "reference_missing", "Nobody"),
            (9, "quantity", "amount_not_positive", "more than zero"),
            (10, "quantity", "invalid_field", "quantity"),
            (11, "currency", "unknown_currency", "XXQ"),
        ],
    ),
]


@pytest.mark.parametrize(
    ("kind", "header", "rows", "expected"), BAD_ROWS, ids=lambda value: value[:20] if isinstance(value, str) else ""
)
def test_every_bad_row_is_named(books: Books, kind: str, header: str, rows: str, expected: list[tuple[int, str, str, str]]) -> None:
    set_up(books)
    problems = books.refused("csv", kind, f"{header}\n{rows}")
    found = {(problem["line"], problem.get("column", ""), problem["code"]): problem["message"] for problem in problems}
    assert set(found) == {row[:3] for row in expected}
    for line, column, code, words in expected:
        assert words in found[line, column, code]


BAD_FILES: list[tuple[str | bytes, int, str]] = [
    (b"", 1, "empty"),
    (b"\n\n", 1, "empty"),
    (b"code,nam\n", 1, "`code`, "),
    (b"code\nA\n", 1, "`name` is missing"),
    (b"name,Name\n", 1, "twice"),
    (b'name,code\nA,B\n"C,D\nE,F\n', 3, "never closed"),
    (b'name,code\n"A"x,B\n', 2, "closing quote"),
    (b"name,code\nA,B\nM\xfcnch,C\n", 3, "0xfc"),
    ("name\nMunich\n".encode("utf-16-le"), 1, "NUL"),
    ("name\nM\n".encode("utf-16")[:-1], 2, "UTF-16"),
    (b"name\n" + b"x" * 140_000 + b"\n", 2, "too long"),
    (b"\x50\x4b\x03\x04\xff\xff", 1, "0xff"),
]


@pytest.mark.parametrize(("content", "line", "words"), BAD_FILES)
def test_broken_files_are_refused_with_their_line(books: Books, content: bytes, line: int, words: str) -> None:
    (problem,) = books.refused("csv", "parties", content)
    assert problem["line"] == line
    assert words in problem["message"]


@pytest.mark.parametrize(
    ("options", "path"),
    [({"encoding": "klingon"}, "encoding"), ({"encoding": "hex"}, "encoding"), ({"encoding": "idna"}, "encoding"),
     ({"date_format": "%q"}, "date_format"), ({"date_format": "%d%d"}, "date_format")],
)  # fmt: skip
def test_options_that_make_no_sense(books: Books, options: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidField) as refusal:
        books.load("csv", "parties", PARTIES, **options)
    assert refusal.value.path == path


def test_the_report_of_thousands_of_problems_is_bounded(books: Books) -> None:
    problems = books.refused("csv", "parties", "name,currency\n" + "A,QQQ\n" * 3_000)
    assert len(problems) == 1_000


def test_files_are_bounded(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "MOST_ROWS", 3)
    assert books.load("csv", "parties", "name\nA\nB\nC\n").created == 3
    (problem,) = books.refused("csv", "parties", "name\nA\nB\nC\n\nD\n")
    assert (problem["line"], "at most 3 rows" in problem["message"]) == (6, True)
    assert "at most 3" in books.refused("hledger", "", "\n" * 20)[0]["message"]
    assert "at most 3" in books.refused("ofx", "", "<A>" * 100)[0]["message"]


# How files are written ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b"\xef\xbb\xbf" + "Code;Name;E-Mail\r\nC-1;Müller;m@x.example\r\n".encode(), {}),
        ("Code\tName\tE-Mail\nC-1\tMüller\tm@x.example\n".encode("utf-16"), {}),
        ('code,NAME, e mail \n\n"C-1","Müller",m@x.example\n\n,,\n'.encode("cp1252"), {"encoding": "windows-1252"}),
        ("customer code|".replace("|", "\t").encode() + "Customer\temail\nC-1\tMüller\tm@x.example".encode(), {"delimiter": "tab"}),
        ("code,name,email\rC-1,Müller,m@x.example\r".encode(), {}),
    ],
)  # fmt: skip
def test_encodings_delimiters_and_headers(books: Books, content: bytes, options: dict[str, Any]) -> None:
    assert books.load("csv", "parties", content, **options).created == 1
    (party,) = books.data("party")
    assert (party["code"], party["name"], party["email"]) == ("C-1", "Müller", "m@x.example")


def test_decimal_commas_and_dates(books: Books) -> None:
    set_up(books)
    content = "Rechnung;number;party;date;unit_price;quantity\n"
    assert "Rechnung" in books.refused("csv", "invoices", content)[0]["message"]
    content = "number;party;date;unit_price;quantity\nR-1;C-1;21.03.2026;1.234,50;2\n"
    books.load("csv", "invoices", content, decimal_comma=True, date_format="%d.%m.%Y")
    (invoice,) = books.data("invoice")
    assert (invoice["total"], invoice["issue_date"]) == ("2469.00", "2026-03-21")


@pytest.mark.parametrize(
    ("text", "comma", "number"),
    [("1234.5", False, "1234.5"), ("1,234.50", False, "1234.50"), ("1,234,567", False, "1234567"), ("-0.5", False, "-0.5"),
     ("1.234,5", True, "1234.5"), ("1.234", True, "1234"), ("1 234,5", True, "1234.5"),
     ("\u06f1\u06f2\u066b\u06f5", False, "12.5"), ("\u22125", False, "-5"),
     ("1,234", False, None), ("1,5", False, None), ("12,34.5", False, None), ("1e5", False, None), ("NaN", False, None),
     ("Infinity", False, None), ("$5", False, None), ("1.2.3", False, None), ("--1", False, None), ("", False, None)],
)  # fmt: skip
def test_amounts_are_exact_and_never_guessed(text: str, comma: bool, number: str | None) -> None:
    if number is None:
        with pytest.raises(InvalidField):
            read_amount(text, decimal_comma=comma)
    else:
        assert read_amount(text, decimal_comma=comma) == Decimal(number)


# What is written out comes in as it was -----------------------------------------------------------

words = (
    st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), min_size=1, max_size=30)
    .map(str.strip)
    .filter(bool)
)
amounts = st.decimals(-(10**9), 10**9, places=3).map(lambda number: f"{number:f}")
cells = {"text": words, "amount": amounts, "count": st.integers(-(10**9), 10**9).map(str), "day": st.dates().map(str),
         "answer": st.sampled_from(["true", "false"]), "currency": st.sampled_from(["USD", "IRR", "JPY"])}  # fmt: skip


def tables(columns: Any) -> st.SearchStrategy[list[dict[str, str]]]:
    rows = {column.name: cells[column.read.__name__] for column in columns if column.read.__name__ in cells}
    required = {"name": rows.pop("name")}
    return st.lists(st.fixed_dictionaries(required, optional=rows), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    data=st.data(),
    columns=st.sampled_from([PARTY_COLUMNS, PRODUCT_COLUMNS]),
    delimiter=st.sampled_from([",", ";", "\t"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_is_written_as_csv_is_read_as_it_was(data: Any, columns: Any, delimiter: str, encoding: str, quoting: int) -> None:
    rows = data.draw(tables(columns))
    names = sorted({name for row in rows for name in row})
    out = io.StringIO()
    writer = csv.DictWriter(out, names, delimiter=delimiter, quoting=quoting)
    writer.writeheader()
    writer.writerows(rows)
    problems = Problems()
    table = read_table(out.getvalue().encode(encoding), columns, Options(delimiter=delimiter), problems)
    assert problems.found == []
    assert [{name: _written(value) for name, value in row.values.items()} for row in table] == [
        {name: _normal(value, name, columns) for name, value in row.items()} for row in rows
    ]


def _written(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value if isinstance(value, Decimal) else str(value)


def _normal(text: str, name: str, columns: Any) -> Any:
    read = next(column.read.__name__ for column in columns if column.name == name)
    return Decimal(text) if read == "amount" else text
