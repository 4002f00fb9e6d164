"""What makes an analyst's projection short: rows by key while a fold goes on, and the fields of events and how they change records.

`daftar projections new` writes a file that uses them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.catalogue import CATALOGUE, fields_of
from domain.event import RecordedEvent
from domain.upcasting import topic_today
from projections.projection import Changes, Index, Row, Table, View

__all__ = ["Changes", "Index", "Rows", "Table", "changes_of", "fields_of", "is_deletion"]


def changes_of(*tables: Rows) -> Changes:
    """What has changed in these tables: the answer of a fold."""
    changes = Changes()
    for rows in tables:
        rows.write(changes)
    return changes


def is_deletion(event: RecordedEvent) -> bool:
    """Whether the event deletes its record, by whatever word its kind has for it (deleted, removed, closed, withdrawn)."""
    kind = CATALOGUE[event.kind]
    return kind.topics.get(topic_today(event.topic)) is kind.Deleted


_FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "uuid": UUID,
    "date": date.fromisoformat,
    "timestamptz": datetime.fromisoformat,
    "numeric": Decimal,
    "bigint": int,
    "integer": int,
}


class Rows:
    """The rows of one table by key, as they change during a fold: loaded a batch at a time, written once, at the end."""

    def __init__(self, view: View, table: Table) -> None:
        self.table = table
        self._view = view
        self._rows: dict[Row, dict[str, Any] | None] = {}
        self._stored: set[Row] = set()
        self._changed: set[Row] = set()

    def load(self, keys: Iterable[Row]) -> None:
        """Load the rows of these keys, in one query. A key that is not loaded is looked up when it is asked for."""
        wanted = [key for key in dict.fromkeys(map(self._key, keys)) if key not in self._rows]
        self._take(self.table.key, wanted)
        for key in wanted:
            self._rows.setdefault(key, None)

    def find(self, column: str, value: Any) -> list[dict[str, Any]]:
        """All rows whose column has this value, those changed in this fold as they are now. Give the column an index."""
        value = self._value(column, value)
        self._take((column,), [(value,)])
        return [row for row in self._rows.values() if row is not None and row[column] == value]

    def get(self, *key: Any) -> dict[str, Any] | None:
        """The row of a key, column → value, or None. Change it with `put`."""
        key = self._key(key)
        if key not in self._rows:
            self.load([key])
        return self._rows[key]

    def put(self, *key: Any, **values: Any) -> None:
        """Give the row of a key these values; the columns that are not named stay, in a new row they are empty."""
        key = self._key(key)
        before = self.get(*key) or dict.fromkeys(self.table.columns)
        given = {name: self._value(name, value) for name, value in values.items()}
        row = {**before, **dict(zip(self.table.key, key, strict=True)), **given}
        self._rows[key] = row
        self._changed.add(key)

    def add(self, *key: Any, **amounts: Any) -> None:
        """Add these amounts to the row of a key; a row that is not there yet counts from 0."""
        before = self.get(*key) or {}
        self.put(*key, **{name: (before.get(name) or 0) + self._value(name, amount) for name, amount in amounts.items()})

    def delete(self, *key: Any) -> None:
        """Take the row of a key away, if there is one."""
        key = self._key(key)
        if self.get(*key) is not None:
            self._rows[key] = None
            self._changed.add(key)

    def _key(self, key: Row) -> Row:
        if len(key) != len(self.table.key):
            raise ValueError(f"the key of {self.table.name!r} is ({', '.join(self.table.key)}), not {key!r}")
        return tuple(self._value(name, value) for name, value in zip(self.table.key, key, strict=True))

    def _value(self, column: str, value: Any) -> Any:
        """A value as the column has it: fields of events are text where JSON knows no better."""
        if column not in self.table.columns:
            raise ValueError(f"the table {self.table.name!r} has no column {column!r}")
        return _FROM_TEXT.get(self.table.columns[column], str)(value) if isinstance(value, str) else value

    def write(self, changes: Changes) -> None:
        """Add what has changed to `changes`."""
        rows = [(key, self._rows[key]) for key in sorted(self._changed, key=repr)]
        for key, row in rows:
            for name, value in (row or {}).items():
                if value is None and name not in self.table.nullable:
                    raise ValueError(f"the row {key!r} of {self.table.name!r} has no {name}")
        changes.deletes[self.table] = [key for key, row in rows if row is None and key in self._stored]
        changes.inserts[self.table] = [tuple(row.values()) for key, row in rows if row is not None and key not in self._stored]
        changes.puts[self.table] = [tuple(row.values()) for key, row in rows if row is not None and key in self._stored]

    def _take(self, by: tuple[str, ...], values: list[Row]) -> None:
        for key, row in self._found(by, values):
            self._stored.add(key)
            self._rows.setdefault(key, row)

    def _found(self, by: tuple[str, ...], values: list[Row]) -> Iterator[tuple[Row, dict[str, Any]]]:
        columns = tuple(self.table.columns)
        if values:
            for found in self._view.find(self.table, by, values, columns):
                row = dict(zip(columns, found, strict=True))
                yield tuple(row[name] for name in self.table.key), row
