"""CSV, Parquet and NDJSON hold what the books hold, as of any seq; DuckDB and Polars read them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from domain.catalogue import CATALOGUE
from domain.errors import CursorAhead, InvalidField, NotExportable, UnknownFormat, UnknownKind
from domain.record import decode_record
from infra.exports import FORMATS, open_source, parquet, plan
from infra.exports.columns import columns_of_kind
from infra.history.asof import records_as_of
from infra.history.moments import seq_at
from infra.reading.reader import Reader

FORMULAS = ("=2+5", "+98 21 5555", "-1+1", "@SUM(1)", "\tx", "\rx", "'quoted", "\uff1d1+1")


def rows_of(file: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.decode(), newline="")))


def stored(books, kind):
    """The kind's records today, as pulls send them."""
    pages = Reader(books.database).record_pages(books.company_id, 0, [kind])
    found = [decode_record(json.dumps(item)) for page in pages for item in json.loads(b"[" + page.items + b"]")]
    return sorted(found, key=lambda record: record.number)


def test_every_kind_has_columns_that_parquet_can_hold():
    for kind in CATALOGUE:
        columns = columns_of_kind(kind)
        assert len({column.name for column in columns}) == len(columns)
        assert {column.form for column in columns} <= set(parquet._TYPES)
    forms = {column.name: column.form for column in columns_of_kind("invoice")}
    assert (forms["total"], forms["issue_date"], forms["party_id"], forms["extra"]) == ("decimal", "date", "text", "json")
    assert (forms["deleted"], forms["created_at"], forms["number"], forms["moves_stock"]) == (
        "boolean",
        "time",
        "integer",
        "boolean",
    )


def test_csv_of_chinook(chinook, tmp_path):
    files = chinook.export_to(tmp_path / "csv", "csv")
    invoices = rows_of(files["invoice.csv"])
    assert len(invoices) == 412
    assert sum(Decimal(row["total"]) for row in invoices) == Decimal("2328.60")
    assert [int(row["number"]) for row in invoices] == list(range(1, 413))
    assert set(files) == {f"{kind}.csv" for kind in CATALOGUE if stored(chinook, kind)}


def test_csv_holds_every_value(odd):
    for kind in ("invoice", "party", "expense", "payment"):
        rows, records = rows_of(odd.export("csv", kinds=[kind], single=True)), stored(odd, kind)
        assert len(rows) == len(records)
        for row, record in zip(rows, records, strict=True):
            assert (row["id"], row["seq"], row["deleted"]) == (str(record.id), str(record.seq), str(record.deleted).lower())
            for column in columns_of_kind(kind):
                if column.field is None:
                    continue
                said, value = row[column.name], record.data.get(column.field)
                said = said[1:] if column.form == "text" and said.startswith("'") else said
                if value is None or column.form == "json":
                    assert (json.loads(said) if said else None) == value
                else:
                    assert said == (str(value).lower() if isinstance(value, bool) else str(value))


def test_csv_never_begins_a_formula(books):
    for text in FORMULAS:
        books.create("party", name=f"{text} ", phone="-5")
    rows = rows_of(books.export("csv", kinds=["party"], single=True))
    assert [row["name"] for row in rows] == [f"'{text} " for text in FORMULAS]
    assert {row["phone"] for row in rows} == {"'-5"}
    opening = books.create("party", name="x", opening_balance="-5")
    (row,) = [row for row in rows_of(books.export("csv", kinds=["party"], single=True)) if row["id"] == str(opening)]
    assert row["opening_balance"] == "-5", "an amount is no text"


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_the_same_seq_gives_the_same_files(books, tmp_path, format_):
    party = books.create("party", name="Before")
    books.create("payment", amount="5", party_id=str(party), date="2024-01-31")
    seq = books.head()
    first = books.export_to(tmp_path / "first", format_)
    books.change("party", party, name="After")
    books.create("party", name="Later")
    books.create("bank", name="A kind that was not in use")
    books.create("payment", amount="7", date="2024-01-30")
    assert books.export_to(tmp_path / "again", format_, seq) == first
    assert books.export_to(tmp_path / "later", format_).keys() > first.keys()


def test_records_as_of_every_seq_are_the_folded_history(odd):
    log = [event for page in open_source(odd.database, odd.company_id).events() for event in page]
    for seq in (0, 1, 20, len(log) // 2, len(log) - 1, len(log)):
        for kind in ("invoice", "payment", "party"):
            found = [record for page in records_as_of(odd.database, odd.company_id, seq, kind, page=3) for record in page]
            made = {event.record_id for event in log[:seq] if event.kind == kind}
            assert {record.id for record in found} == made
            assert [record.number for record in found] == list(range(1, len(made) + 1))
            last = {event.record_id: event for event in log[:seq]}
            assert all(record.version == last[record.id].version and record.seq == last[record.id].seq for record in found)
    assert [r for page in records_as_of(odd.database, odd.company_id, len(log), "invoice") for r in page] == stored(odd, "invoice")


def test_a_time_names_a_seq(books):
    for number in range(9):
        books.create("party", name=str(number))
    log = [event for page in open_source(books.database, books.company_id).events() for event in page]
    with books.database.company(books.company_id) as connection:
        assert [seq_at(connection, books.company_id, event.recorded_at) for event in log] == [event.seq for event in log]
        assert seq_at(connection, books.company_id, log[0].recorded_at.replace(year=2000)) == 0


def test_ndjson_is_what_the_api_answers(odd):
    page = Reader(odd.database).pull("events", odd.company_id, 0, 10_000, separator=b"\n")
    assert odd.export("ndjson") == page.items + b"\n"
    for seq in (0, 1, 57):
        assert odd.export("ndjson", seq).splitlines() == page.items.split(b"\n")[:seq]
        lines = [line for line in page.items.split(b"\n")[:seq] if b'"kind":"invoice_line"' in line or b'"kind":"party"' in line]
        assert odd.export("ndjson", seq, ["invoice_line", "party"]).splitlines() == lines


# Parquet ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lake(chinook, tmp_path_factory) -> Path:
    """The Chinook company as Parquet."""
    path = tmp_path_factory.mktemp("lake")
    chinook.export_to(path, "parquet")
    return path


def test_duckdb_reads_it(chinook, lake):
    with duckdb.connect() as db:

        def ask(query: str) -> list[tuple[object, ...]]:
            return db.execute(query.replace("LAKE", str(lake))).fetchall()

        assert ask("SELECT count(*), sum(total), min(issue_date)::text FROM 'LAKE/records/invoice/**/*.parquet'") == [
            (412, Decimal("2328.60"), "2021-01-01")
        ]
        balances = ask(
            "SELECT account, currency, sum(debit - credit) AS balance FROM 'LAKE/journal_lines/**/*.parquet'"
            " GROUP BY ALL HAVING balance <> 0"
        )
        assert {(account, currency): balance for account, currency, balance in balances} == chinook.balances()
        months = ask(
            "SELECT month, -sum(debit - credit) FROM read_parquet('LAKE/journal_lines/**/*.parquet', hive_partitioning = true)"
            " WHERE company = 'chinook' AND account = '4000' GROUP BY month ORDER BY month"
        )
        assert (len(months), sum(turned for _, turned in months)) == (60, Decimal("2328.60"))
        last = ask(
            "SELECT account, currency, arg_max(balance, month) AS balance"
            " FROM read_parquet('LAKE/account_balances/**/*.parquet', hive_partitioning = true) GROUP BY ALL HAVING balance <> 0"
        )
        assert {(account, currency): balance for account, currency, balance in last} == chinook.balances()
        assert ask("SELECT count(*), max(seq), count(DISTINCT hash) FROM 'LAKE/events/**/*.parquet'") == [(chinook.head(),) * 3]
        zone = ask(
            "SELECT typeof(recorded_at), typeof(record_id), data->>'number' FROM 'LAKE/events/**/*.parquet' ORDER BY seq LIMIT 1"
        )
        assert zone == [("TIMESTAMP WITH TIME ZONE", "VARCHAR", "1")]


def test_polars_reads_it(chinook, lake):
    lines = pl.scan_parquet(f"{lake}/journal_lines/**/*.parquet", hive_partitioning=True)
    sums = lines.group_by("account", "currency").agg((pl.col("debit") - pl.col("credit")).sum().alias("b")).collect()
    assert {(account, currency): b for account, currency, b in sums.iter_rows() if b} == chinook.balances()
    invoices = pl.read_parquet(f"{lake}/records/invoice/**/*.parquet")
    assert invoices["total"].sum() == Decimal("2328.60")
    assert invoices.schema["issue_date"] == pl.Date
    assert invoices.schema["created_at"] == pl.Datetime("us", "UTC")
    assert invoices.schema["total"] == pl.Decimal(38, 9)


def test_parquet_holds_every_value(odd, tmp_path):
    for kind in ("invoice", "party", "expense", "payment", "account"):
        path = tmp_path / f"{kind}.parquet"
        path.write_bytes(odd.export("parquet", kinds=[kind], single=True))
        rows = pq.read_table(path).to_pylist()
        for row, record in zip(rows, stored(odd, kind), strict=True):
            assert (row["id"], row["number"], row["created_at"]) == (str(record.id), record.number, record.created_at)
            for column in columns_of_kind(kind):
                if column.field is not None:
                    said, value = row[column.name], record.data.get(column.field)
                    if column.form == "json":
                        said = said if said is None else json.loads(said)
                    elif column.form == "decimal" and value is not None:
                        value = Decimal(value)
                    elif column.form == "date" and said is not None:
                        said = said.isoformat()
                    assert said == value, column


def test_row_groups_do_not_depend_on_pages(odd, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 50)
    whole = odd.export("parquet", kinds=["events"], single=True)
    monkeypatch.setattr("infra.exports.source.Source.events.__defaults__", (7,), raising=False)
    assert odd.export("parquet", kinds=["events"], single=True) == whole
    file = pq.ParquetFile(pa.BufferReader(whole))
    counts = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert set(counts[:-1]) == {50}
    assert sum(counts) == odd.head()


def test_an_amount_beyond_parquet_is_refused():
    with pytest.raises(NotExportable, match="no Parquet decimal"):
        parquet._array("total", "decimal", ["1" + "0" * 29])
    with pytest.raises(NotExportable, match="total holds a value that is no decimal"):
        parquet._array("total", "decimal", ["much"])


def test_nothing_there_is_no_file(books, tmp_path):
    files = books.export_to(tmp_path / "lake", "parquet", kinds=["expense", "journal_lines"])
    assert files == {}
    assert pq.read_table(_written(tmp_path, books.export("parquet", kinds=["expense"], single=True))).num_rows == 0
    assert rows_of(books.export("csv", kinds=["expense"], single=True)) == []


def _written(folder: Path, body: bytes) -> Path:
    path = folder / "one.parquet"
    path.write_bytes(body)
    return path


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format_", "kinds", "options", "error"),
    [
        ("xlsx", None, {}, UnknownFormat),
        ("csv", ["no_such"], {}, UnknownKind),
        ("csv", ["events"], {}, UnknownKind),
        ("csv", [], {}, InvalidField),
        ("csv", ["invoice", "party"], {"single": True}, InvalidField),
        ("hledger", ["invoice"], {}, InvalidField),
    ],
)
def test_refusals(books, format_, kinds, options, error):
    with pytest.raises(error):
        plan(open_source(books.database, books.company_id), format_, kinds, **options)


def test_a_seq_ahead_of_the_log(books):
    with pytest.raises(CursorAhead):
        open_source(books.database, books.company_id, at_seq=10_000)


def test_an_archive_repeats_itself(books):
    books.create("party", name="x")
    first = books.archive("csv")
    assert books.archive("csv") == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist() if name == "party.csv"} == {
            "party.csv": books.export("csv", kinds=["party"], single=True)
        }


def test_every_format_says_what_its_file_is_called(books):
    source = open_source(books.database, books.company_id)
    name = f"{books.codename}-{source.seq}"
    assert {format_: plan(source, format_).file_name for format_ in FORMATS} == {
        "hledger": f"{name}.journal",
        "beancount": f"{name}.beancount",
        "csv": f"{name}-csv.zip",
        "parquet": f"{name}-parquet.zip",
        "ndjson": f"{name}.ndjson",
    }
    assert plan(source, "csv", ["invoice"], single=True).file_name == f"{name}-invoice.csv"


def test_a_long_history_is_folded_in_parts(books, monkeypatch):
    monkeypatch.setattr("infra.history.asof.ROUND_TRIP", 7)
    parties = [books.create("party", name=f"{number} at first") for number in range(3)]
    for turn in range(20):
        books.change("party", parties[turn % 3], name=f"{turn % 3} after {turn}")
    seq = books.head()
    for party in parties:
        books.change("party", party, name="today")
    (page,) = records_as_of(books.database, books.company_id, seq, "party")
    assert [record.data["name"] for record in page] == ["0 after 18", "1 after 19", "2 after 17"]
    for _ in range(3):  # the connection is as good as before
        assert Reader(books.database).pull("records", books.company_id, 0, 2).count == 2
