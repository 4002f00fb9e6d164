"""Events and read models as Parquet, for DuckDB, Polars, Spark and the like; partitioned by company and month as Hive does.

A row group holds the same number of rows whatever the pages, and the writer's settings are fixed: the same books give the same
bytes with the same version of pyarrow, which writes its version into every file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pyarrow import parquet as pq

from domain.errors import NotExportable
from domain.event import RecordedEvent
from domain.money import EXACT, ZERO
from infra.exports.columns import Form, columns_of_kind, value_of
from infra.exports.places import CountedFile, Place
from infra.exports.source import JournalLine, Source

EVENTS, JOURNAL, BALANCES = "events", "journal_lines", "account_balances"
TABLES = (EVENTS, JOURNAL, BALANCES)
"""The tables there are beside one per kind of record."""

ROWS_PER_GROUP = 20_000
DIGITS, SCALE = 38, 9
"""Of decimals: as many digits as there can be, nine of them after the point, which is as many as the ledger takes."""
_LARGEST = Decimal(10) ** (DIGITS - SCALE)

_TYPES: Mapping[Form, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "decimal": pa.decimal128(DIGITS, SCALE),
    "date": pa.date32(),
    "time": pa.timestamp("us", "UTC"),
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "number": pa.float64(),
}


@dataclass(frozen=True, slots=True)
class _Table:
    """A table's rows, with the month that each belongs to; months come in order."""

    path: str
    columns: Sequence[tuple[str, Form]]
    rows: Callable[[], Iterator[list[tuple[str, tuple[Any, ...]]]]]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(name, _TYPES[form]) for name, form in self.columns])


def write(source: Source, place: Place, tables: Sequence[str]) -> Iterator[int]:
    """Write tables (of TABLES, or kinds), in files of a company and a month; yields the rows written since the last time."""
    if {JOURNAL, BALANCES} & set(tables):
        source.wait_for_journal()
    for name in tables:
        yield from _Months(source, place, _table(source, name)).write()


def write_one(source: Source, place: Place, table: str) -> Iterator[int]:
    """Write one table as one file; yields the rows written since the last time."""
    if table in (JOURNAL, BALANCES):
        source.wait_for_journal()
    found = _table(source, table)
    with place.open(f"{table}.parquet") as file:
        groups = _Groups(found, file)
        for page in found.rows():
            groups.add([row for _, row in page])
            yield len(page)
        groups.close()


def _table(source: Source, name: str) -> _Table:
    if name == EVENTS:
        return _Table(EVENTS, _EVENT_COLUMNS, lambda: _events(source))
    if name == JOURNAL:
        return _Table(JOURNAL, _JOURNAL_COLUMNS, lambda: _journal(source))
    if name == BALANCES:
        return _Table(BALANCES, _BALANCE_COLUMNS, lambda: _balances(source))
    columns = [(column.name, column.form) for column in columns_of_kind(name)]
    return _Table(f"records/{name}", columns, lambda: _records(source, name))


# Rows ---------------------------------------------------------------------------------------------

_EVENT_COLUMNS: Sequence[tuple[str, Form]] = (
    ("seq", "integer"),
    ("recorded_at", "time"),
    ("occurred_at", "time"),
    ("kind", "text"),
    ("record_id", "text"),
    ("version", "integer"),
    ("topic", "text"),
    ("actor_id", "text"),
    ("device_id", "text"),
    ("command_id", "text"),
    ("correlation_id", "text"),
    ("hash", "text"),
    ("data", "json"),
)
_JOURNAL_COLUMNS: Sequence[tuple[str, Form]] = (
    ("seq", "integer"),
    ("line", "integer"),
    ("record_id", "text"),
    ("kind", "text"),
    ("account", "text"),
    ("party_id", "text"),
    ("document_id", "text"),
    ("due", "date"),
    ("place_id", "text"),
    ("currency", "text"),
    ("debit", "decimal"),
    ("credit", "decimal"),
    ("balance", "decimal"),
    ("dated", "date"),
    ("posted_on", "date"),
    ("reverses", "integer"),
)
_BALANCE_COLUMNS: Sequence[tuple[str, Form]] = (
    ("account", "text"),
    ("currency", "text"),
    ("debit", "decimal"),
    ("credit", "decimal"),
    ("balance", "decimal"),
)


def _month(moment: date) -> str:
    return f"{moment.year:04}-{moment.month:02}"


def _events(source: Source) -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """Events by the month (in UTC) in which they were recorded."""
    for page in source.events():
        yield [(_month(event.recorded_at), _event_row(event)) for event in page]


def _event_row(event: RecordedEvent) -> tuple[Any, ...]:
    values = (getattr(event, name) for name, _ in _EVENT_COLUMNS)
    return tuple(value.hex() if name == "hash" else value for (name, _), value in zip(_EVENT_COLUMNS, values, strict=True))


def _journal(source: Source) -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """Journal lines by the month of the books."""
    for page in source.journal():
        yield [(_month(line.posted_on), tuple(line)) for line in page]


def _balances(source: Source) -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """What every account turned over in a month, and its balance at the month's end, for the months in which it moved."""
    balances: dict[tuple[str, str], Decimal] = {}
    month, turned = "", dict[tuple[str, str], list[Decimal]]()
    for page in source.journal():
        for line in page:
            if _month(line.posted_on) != month:
                if turned:
                    yield _turnovers(month, turned, balances)
                month, turned = _month(line.posted_on), {}
            _add(line, turned)
    if turned:
        yield _turnovers(month, turned, balances)


def _add(line: JournalLine, turned: dict[tuple[str, str], list[Decimal]]) -> None:
    sums = turned.setdefault((line.account, line.currency), [ZERO, ZERO])
    sums[0] = EXACT.add(sums[0], line.debit)
    sums[1] = EXACT.add(sums[1], line.credit)


def _turnovers(
    month: str, turned: Mapping[tuple[str, str], list[Decimal]], balances: dict[tuple[str, str], Decimal]
) -> list[tuple[str, tuple[Any, ...]]]:
    rows: list[tuple[str, tuple[Any, ...]]] = []
    for key, (debit, credit) in sorted(turned.items()):
        balances[key] = EXACT.add(balances.get(key, ZERO), EXACT.subtract(debit, credit))
        rows.append((month, (*key, debit, credit, balances[key])))
    return rows


def _records(source: Source, kind: str) -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """Records of a kind by the month (in UTC) in which they were made."""
    columns = columns_of_kind(kind)
    for page in source.records(kind):
        yield [(_month(record.created_at), tuple(value_of(record, column) for column in columns)) for record in page]


# Files --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Groups:
    """Writes one file, a row group at a time."""

    table: _Table
    file: CountedFile
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    writer: pq.ParquetWriter = field(init=False)

    def __post_init__(self) -> None:
        self.writer = pq.ParquetWriter(
            self.file, self.table.schema, version="2.6", compression="zstd", compression_level=3, data_page_version="1.0"
        )

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self.rows.extend(rows)
        while len(self.rows) >= ROWS_PER_GROUP:
            self._put(self.rows[:ROWS_PER_GROUP])
            del self.rows[:ROWS_PER_GROUP]

    def _put(self, rows: Sequence[tuple[Any, ...]]) -> None:
        columns = zip(*rows, strict=True)
        arrays = [_array(name, form, column) for (name, form), column in zip(self.table.columns, columns, strict=True)]
        self.writer.write_table(pa.Table.from_arrays(arrays, schema=self.table.schema), row_group_size=ROWS_PER_GROUP)

    def close(self) -> None:
        if self.rows:
            self._put(self.rows)
            self.rows = []
        self.writer.close()


@dataclass(slots=True)
class _Months:
    """Writes a table into a file per month."""

    source: Source
    place: Place
    table: _Table

    def write(self) -> Iterator[int]:
        pages = self.table.rows()
        page = next(pages, [])
        while page:
            month = page[0][0]
            name = f"{self.table.path}/company={self.source.codename}/month={month}/part-0.parquet"
            with self.place.open(name) as file:
                groups = _Groups(self.table, file)
                while page and page[0][0] == month:
                    end = next((index for index, (other, _) in enumerate(page) if other != month), len(page))
                    groups.add(row for _, row in page[:end])
                    yield end
                    page = page[end:] or next(pages, [])
                groups.close()


def _array(name: str, form: Form, values: Iterable[Any]) -> pa.Array:
    """A column of a row group. Raises NotExportable where a value is none of the column's form."""
    try:
        return pa.array([_value(value, form, name) for value in values], _TYPES[form])
    except (pa.ArrowException, ValueError, ArithmeticError, TypeError) as error:
        message = f"The column {name} holds a value that is no {form}: {error}. Export to another format."
        raise NotExportable(message, path=name) from error


def _value(value: Any, form: Form, name: str) -> Any:
    if value is None:
        return None
    if form == "decimal":
        amount = Decimal(value)
        if abs(amount) >= _LARGEST:
            raise NotExportable(f"{name} is {amount}, which no Parquet decimal can hold; export to another format.", path=name)
        return amount
    if form == "date":
        return value if isinstance(value, date) else date.fromisoformat(value)
    if form == "time":
        return value if isinstance(value, datetime) else datetime.fromisoformat(value)
    if form in ("integer", "number", "boolean"):
        return value
    return value.decode() if isinstance(value, bytes) else str(value)
