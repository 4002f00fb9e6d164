"""A table of the sync: a view of one kind of record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from api.matrix.columns import Column, Inbound, data_of
from api.matrix.documents import Document, Numbers, Row, time_text
from domain.record import Record
from infra.lists.listing import Condition, Path

Seen = Document | Record
"""What `shows` looks at: both have the record's `data`."""
_Step = tuple[str, str, Callable[[Any, Numbers], Any] | None, Any]
_NOTHING: Row = {}


def every(_: Seen) -> bool:
    """Every record of the kind is a row."""
    return True


def _untouched(_: Row, data: Row, __: Inbound) -> Row:
    return data


def _as_it_is(_: Document, __: Row, ___: Numbers) -> None:
    return


@dataclass(frozen=True)
class Table:
    """One table. `phase` orders a push: what others refer to comes first.

    `shows`: whether a record of the kind is a row of this table. `complete` adds to our data what no single column says;
    `finish` does the same to an answered row. `id_base` is added to the record's number where the tables' ids would meet.
    """

    name: str
    kind: str
    phase: int
    columns: tuple[Column, ...]
    synonym: str = ""
    shows: Callable[[Seen], bool] = every
    complete: Callable[[Row, Row, Inbound], Row] = _untouched
    finish: Callable[[Document, Row, Numbers], None] = _as_it_is
    required: tuple[str, ...] = ()
    id_base: int = 0
    has_company: bool = True
    writable: bool = True
    has_author: bool = False
    """Whether a row says which user made it."""
    more_columns: frozenset[str] = frozenset()
    """What `complete` reads beside the columns."""
    where: tuple[Condition, ...] = ()
    """`shows`, as the database can tell it."""
    filters: Mapping[str, Callable[[str], tuple[Condition, ...] | None]] = field(default_factory=dict)
    """Columns that are derived, and what a list filters where one is given; None where no row of this kind fits."""
    sorts: Mapping[str, tuple[Path, bool]] = field(default_factory=dict)
    """Columns that are derived: where their values are, and whether they are amounts."""
    searched: tuple[str, ...] = ()
    """Columns in which a list searches."""
    references: tuple[str, ...] = ()
    """Our fields that hold ids of records, whose numbers a row needs."""

    def data(self, row: Row, inbound: Inbound, *, known_extra: Row | None = None) -> Row:
        """Our fields in a client's row. Raises InvalidField."""
        return self.complete(row, data_of(self.columns, row, inbound, known_extra=known_extra), inbound)

    @cached_property
    def _plan(self) -> tuple[list[tuple[str, str]], list[_Step], list[_Step]]:
        """How a row is written: (column, field) of what is answered as it is, and the steps of the others and of `extra`'s.

        A pull writes a hundred thousand rows: what can be known before is.
        """
        same: list[tuple[str, str]] = []
        steps: list[_Step] = []
        extras: list[_Step] = []
        for column in self.columns:
            if column.ours.startswith("extra."):
                extras.append((column.wire, column.ours.removeprefix("extra."), column.write, column.default))
            elif column.write is None and column.default is None:
                same.append((column.wire, column.ours))
            else:
                steps.append((column.wire, column.ours, column.write, column.default))
        return same, steps, extras

    def row(self, document: Document, numbers: Numbers, company_number: int) -> Row:
        """The client's row of a record, with its own times."""
        row: Row = {"id": self.row_id(document, company_number)}
        if self.has_company:
            row["company_id"] = company_number
        self.write_said(row, document, numbers)
        if self.finish is not _as_it_is:
            self.finish(document, row, numbers)
        row["created_at"] = time_text(document.created_at)
        row["updated_at"] = updated = time_text(document.updated_at)
        row["deleted_at"] = updated if document.deleted else None
        return row

    def write_said(self, row: Row, document: Document, numbers: Numbers) -> None:
        """Put into a row the columns that clients write, as they were written, and nothing that is derived."""
        (same, steps, extras), get = self._plan, document.data.get
        for wire, name in same:
            row[wire] = get(name)
        for wire, name, write, default in steps:
            value = get(name)
            row[wire] = default if value is None else value if write is None else write(value, numbers)
        if extras:
            get = (get("extra") or _NOTHING).get
            for wire, name, write, default in extras:
                value = get(name)
                row[wire] = default if value is None else value if write is None else write(value, numbers)

    def row_id(self, document: Document, company_number: int) -> int:
        """The id of a record's row."""
        return company_number if self.kind == "company" else self.id_base + document.number

    def drop_defaults(self, data: Row, record: Record) -> None:
        """Take out of an edit what was answered where we have no value: a client that sends whole rows sends it back."""
        for column in self.columns:
            name = column.ours
            if column.default is None or data.get(name) is None or record.data.get(name) is not None:
                continue
            if (data[name] if column.write is None else column.write(data[name], {})) == column.default:
                del data[name]

    @cached_property
    def column_names(self) -> frozenset[str]:
        """The names that a client may write."""
        return frozenset(column.wire for column in self.columns) | self.more_columns
