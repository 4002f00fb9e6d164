"""A table of the sync: a view of one kind of record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.matrix.columns import Column, Inbound, Numbers, Row, data_of, moment_text, row_of
from domain.record import Record


def _every(_: Record) -> bool:
    return True


def _untouched(_: Row, data: Row, __: Inbound) -> Row:
    return data


def _as_it_is(_: Record, row: Row, __: Numbers) -> None:
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
    shows: Callable[[Record], bool] = _every
    complete: Callable[[Row, Row, Inbound], Row] = _untouched
    finish: Callable[[Record, Row, Numbers], None] = _as_it_is
    required: tuple[str, ...] = ()
    id_base: int = 0
    has_company: bool = True
    writable: bool = True
    references: tuple[str, ...] = ()
    """Our fields that hold ids of records, whose numbers a row needs."""

    def data(self, row: Row, inbound: Inbound, *, known_extra: Row | None = None) -> Row:
        """Our fields in a client's row. Raises InvalidField."""
        return self.complete(row, data_of(self.columns, row, inbound, known_extra=known_extra), inbound)

    def row(self, record: Record, numbers: Numbers, company_number: int) -> Row:
        """The client's row of a record, with its own times."""
        row = row_of(self.columns, record, numbers)
        row["id"] = self.id_base + record.number
        if self.has_company:
            row["company_id"] = company_number
        self.finish(record, row, numbers)
        row["created_at"] = moment_text(record.created_at)
        row["updated_at"] = moment_text(record.updated_at)
        row["deleted_at"] = moment_text(record.updated_at) if record.deleted else None
        return row

    def referred(self, record: Record) -> list[Any]:
        """The ids of the records that the row names by number."""
        return [value for name in self.references if (value := record.data.get(name))]


def is_after(created_at: datetime, since: datetime) -> bool:
    """Whether a record was made after a device last looked."""
    return created_at > since
