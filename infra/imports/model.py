"""What imports are made of: options, the items of a plan, problems with their places, and the report."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from domain.command import Command
from domain.errors import ImportRefused, InvalidField, LedgerError

MOST_REPORTED = 1_000
"""Problems, differences and notes that a report lists; the rest is counted."""
MOST_ROWS = 200_000
"""Rows of a table, transactions of a statement or a journal: a file is held in memory while it is checked whole."""
LONGEST_MESSAGE = 500
LONGEST_CLIENT_ID = 128

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many items of it are done, and of how many."""


class FileOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a file is to be read and what is to be done with it; the defaults read what most programs write."""

    dry_run: Annotated[bool, Meta(description="Decide everything, report everything, store nothing.")] = False
    update: Annotated[bool, Meta(description="Change records that exist already and differ from the file.")] = False
    encoding: Annotated[str, Meta(max_length=40, description="Of the text: utf-8 unless a byte order mark says otherwise.")] = ""
    delimiter: Annotated[str, Meta(max_length=9, description="CSV: `,` `;` or `tab`; found by the header if not given.")] = ""
    decimal_comma: Annotated[bool, Meta(description="CSV: amounts are written like 1.234,56.")] = False
    date_format: Annotated[str, Meta(max_length=40, description="CSV: as strptime has it, like %d.%m.%Y; else ISO 8601.")] = ""
    date: Annotated[date | None, Meta(description="CSV opening-balances: the day of rows that name none.")] = None
    account: Annotated[str, Meta(max_length=255, description="OFX: name, code, IBAN or number of the bank account.")] = ""
    category: Annotated[str, Meta(max_length=255, description="OFX: the category of every payment.")] = ""


class Options(FileOptions, frozen=True, kw_only=True, omit_defaults=True):
    """The options of a file, and of hledger journals the codes of `accounts` and the currencies of `commodities`, by name."""

    mapping: Mapping[str, Mapping[str, str]] = {}


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a place of the file was refused. `line` counts from 1; `column` is the header, or the field, where one is to blame."""

    line: int
    column: str = ""
    code: str
    message: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A record that exists already, from this file's source or another, and does not say what the file says."""

    line: int
    kind: str
    id: UUID
    name: str
    fields: list[str]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file. `rows` counts the records in it; `differs` those that exist, differ, and were left as they are.

    With `dry_run` the counts say what would have been done. `seq` is where the log ends.
    """

    format: str
    kind: str
    dry_run: bool
    rows: int
    created: int
    updated: int
    unchanged: int
    differs: int
    deleted: int
    differences: list[Difference]
    notes: list[str]
    seq: int


Place = tuple[int, str]
"""A line and a column's name."""


@dataclass(frozen=True, slots=True)
class Item:
    """One record of the file as the command that creates it.

    `places` says where each field came from (`data.lines[0].quantity` → line, column). `existing` is the record that is known to
    be the same though another source made it; `unique` a unique value by which such a record can be found. `only_if_missing`:
    what exists is right, whatever it says. `supports`: other items of the file need this one. `said` is the data as the plan made
    it, without the defaults that the command's own data has.
    """

    line: int
    name: str
    command: Command
    places: Mapping[str, Place] = field(default_factory=dict)
    existing: UUID | None = None
    unique: tuple[str, str] | None = None
    only_if_missing: bool = False
    supports: bool = False
    said: Mapping[str, Any] = field(default_factory=dict)

    def place_of(self, path: str) -> Place:
        """Where in the file the field of a refusal is: the nearest place known to be above it."""
        while path:
            if path in self.places:
                return self.places[path]
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.line, ""


class Problems:
    """Collects problems; every one is counted, the first ones are kept."""

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self.count = 0

    def __bool__(self) -> bool:
        return self.count > 0

    def add(self, place: Place, error: LedgerError) -> None:
        """Note why a place is refused."""
        self.count += 1
        if len(self.found) < MOST_REPORTED:
            message, column = error.message[:LONGEST_MESSAGE], place[1][:80]  # either may quote the file
            self.found.append(Problem(line=place[0], column=column, code=error.code, message=message))

    def add_first(self, place: Place, error: LedgerError) -> None:
        """Note why a place is refused, unless its line has a problem already: this one may only follow from that."""
        if all(problem.line != place[0] for problem in self.found):
            self.add(place, error)

    def invalid(self, line: int, column: str, message: str) -> None:
        """Note that a place is not what it should be."""
        self.add((line, column), InvalidField(message))

    def refuse(self) -> None:
        """Raise ImportRefused if there is any problem."""
        if self.count:
            raise refused(sorted(self.found, key=lambda problem: problem.line), self.count)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file asks for: its items in the order in which they are to be stored, and what else is worth saying."""

    items: Sequence[Item]
    notes: Sequence[str] = ()


def refused(problems: Sequence[Problem], count: int, *, stored: int = 0) -> ImportRefused:
    """The refusal of a file, with every problem in `details`."""
    first = problems[0]
    place = f"line {first.line}" + (f", {first.column}" if first.column else "")
    more = f" ({count - 1:,} more)" if count > 1 else ""
    kept = f"The first {stored:,} records were stored before that; import the file again to continue." if stored else ""
    message = f"{place}: {first.message.rstrip('.')}{more}. {kept or 'Nothing was stored.'}"
    path = f"line {first.line}"
    return ImportRefused(message, path=path, problems=msgspec.to_builtins(list(problems)), problem_count=count, stored=stored)


def refuse_at(line: int, message: str, column: str = "") -> ImportRefused:
    """The refusal of a whole file for one reason."""
    return refused([Problem(line=line, column=column, code=InvalidField.code, message=message)], 1)


def check_size(rows: int, line: int, what: str = "rows") -> None:
    """Raise ImportRefused where a file is longer than can be checked at once."""
    if rows > MOST_ROWS:
        raise refuse_at(line, f"A file holds at most {MOST_ROWS:,} {what}; split it.")


def natural_id(*parts: object) -> str:
    """The client id of a natural key: the same for the same key, and short enough to be kept."""
    text = ":".join(str(part) for part in parts)
    return text if 0 < len(text) <= LONGEST_CLIENT_ID else f"sha256:{digest(text)}"


def digest(text: str) -> str:
    """SHA-256 of a text, hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}
