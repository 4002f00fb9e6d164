"""CSV files as rows of cells with their lines: delimiters, headers, and every cell read as its column says."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.errors import LedgerError
from infra.imports.model import Options, Place, Problems, check_size, refuse_at
from infra.imports.text import check_date_format, decode, read_amount, read_answer, read_count, read_currency, read_date

DELIMITERS = {",": ",", ";": ";", "tab": "\t", "\t": "\t", "comma": ",", "semicolon": ";"}
LONGEST_CELL = 100_000

Read = Callable[[str, Options], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, what reads a cell of it, and what else it may be called."""

    name: str
    read: Read
    synonyms: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row that are not blank, read, by the names of their columns; and what their headers are called."""

    line: int
    values: Mapping[str, Any]
    headers: Mapping[str, str]
    faulty: frozenset[str] = field(default_factory=frozenset)

    def place(self, name: str) -> Place:
        """The line and the header of a column."""
        return self.line, self.headers.get(name, name)

    def places(self, names: Mapping[str, str], prefix: str = "data.") -> dict[str, Place]:
        """Path of a field → its place, for columns → fields."""
        return {f"{prefix}{target}": self.place(name) for name, target in names.items() if name in self.headers}


def text(cell: str, _: Options) -> str:
    """A cell as it is."""
    return cell


def amount(cell: str, options: Options) -> Any:
    """A cell as an exact number."""
    return read_amount(cell, decimal_comma=options.decimal_comma)


def count(cell: str, _: Options) -> int:
    """A cell as a whole number."""
    return read_count(cell)


def day(cell: str, options: Options) -> Any:
    """A cell as a day."""
    return read_date(cell, options.date_format)


def answer(cell: str, _: Options) -> bool:
    """A cell as yes or no."""
    return read_answer(cell)


def currency(cell: str, _: Options) -> str:
    """A cell as a currency's code."""
    return read_currency(cell)


def normal(header: str) -> str:
    """A header without regard to case, spaces and punctuation: `Unit Price` is `unit_price`."""
    return re.sub(r"[\W_]+", "_", header.strip().casefold()).strip("_")


def read_table(raw: bytes, columns: Sequence[Column], options: Options, problems: Problems) -> list[Row]:
    """Every row that is not blank. Cells that cannot be read are problems; a broken file is an ImportRefused, or InvalidField."""
    check_date_format(options.date_format)
    content = decode(raw, options.encoding)
    rows = _rows(content, _delimiter(content, options))
    first = next(rows, None)
    if first is None:
        raise refuse_at(1, f"The file is empty; its first line names the columns: {_known(columns)}.")
    header_line, header = first
    wanted = _match(header_line, header, columns)
    names = {column.name: cell.strip() for column, cell in zip(wanted, header, strict=True) if column is not None}
    found: list[Row] = []
    for number, (line, cells) in enumerate(rows, 1):
        check_size(number, line)
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            problems.invalid(
                line, "", f"The row has {len(cells)} cells, the header {len(header)}; is a text with a comma not quoted?"
            )
            continue
        if len(cells) < len(header):
            problems.invalid(line, "", f"The row has {len(cells)} cells, the header {len(header)}; the last ones are missing.")
            continue
        found.append(_read(line, cells, wanted, names, options, problems))
    return found


def _read(
    line: int,
    cells: Sequence[str],
    wanted: Sequence[Column | None],
    names: Mapping[str, str],
    options: Options,
    problems: Problems,
) -> Row:
    values: dict[str, Any] = {}
    faulty: set[str] = set()
    for column, cell in zip(wanted, cells, strict=False):
        written = cell.strip()
        if column is None or not written:
            continue
        try:
            values[column.name] = column.read(written, options)
        except LedgerError as error:
            faulty.add(column.name)
            problems.add((line, names[column.name]), error)
    return Row(line, values, names, frozenset(faulty))


def _delimiter(content: str, options: Options) -> str:
    if options.delimiter:
        found = DELIMITERS.get(options.delimiter.strip(" ").casefold())
        if found is None:
            raise refuse_at(1, f"The delimiter is `,` `;` or `tab`, not {options.delimiter!r}.")
        return found
    head = next((line for line in content.split("\n", 50) if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", head)
    return max(",;\t", key=bare.count)


def _rows(content: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank with the line each begins on. A cell may hold line breaks. Raises ImportRefused."""
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise refuse_at(line, f"The CSV is broken: {_in_words(str(error))}.") from None
        if any(len(cell) > LONGEST_CELL for cell in cells):
            raise refuse_at(line, f"A cell has more than {LONGEST_CELL:,} characters.")
        if any(cell.strip() for cell in cells):
            yield line, cells


def _in_words(error: str) -> str:
    if "unexpected end of data" in error:
        return "a quote that opens in this row is never closed"
    if "expected after" in error:
        return "after a closing quote comes neither a delimiter nor the end of the row; a quote inside a text is doubled"
    return "a cell is too long; is a quote missing?" if "field larger" in error else error


def _match(line: int, header: Sequence[str], columns: Sequence[Column]) -> list[Column | None]:
    """The column of each header; of a blank header none. Raises ImportRefused for unknown, doubled and missing ones."""
    known = {normal(name): column for column in columns for name in (column.name, *column.synonyms)}
    matched: list[Column | None] = []
    for cell in header:
        if not cell.strip():
            matched.append(None)
            continue
        column = known.get(normal(cell))
        if column is None:
            raise refuse_at(line, f"There is no column {cell.strip()[:80]!r}; there are {_known(columns)}.", cell.strip()[:80])
        if column in matched:
            raise refuse_at(line, f"The column `{column.name}` is there twice.", cell.strip())
        matched.append(column)
    for column in columns:
        if column.required and column not in matched:
            raise refuse_at(line, f"The column `{column.name}` is missing; there are {_known(columns)}.", column.name)
    return matched


def _known(columns: Sequence[Column]) -> str:
    return ", ".join(f"`{column.name}`" for column in columns)
