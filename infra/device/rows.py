"""What a person sees on a device: the server's rows with everything that was done here since on top."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]

CLEAN, QUEUED, REJECTED = "", "queued", "rejected"


@dataclass(frozen=True, slots=True)
class Item:
    """One change of the outbox."""

    number: int
    table: str
    row_id: str
    operation: str
    data: Row
    base_version: int
    made_at: str
    state: str = QUEUED
    code: str = ""
    message: str = ""
    field: str = ""

    @property
    def is_local(self) -> bool:
        """Whether its row has no id of the server's yet."""
        return not self.row_id.isdecimal()


@dataclass(slots=True)
class Seen:
    """A row as it is seen here. `state` says whether some of it is not on the server yet, or was rejected there."""

    id: str
    data: Row
    state: str = CLEAN
    changed: set[str] = field(default_factory=set)


_COLUMNS = "number, table_name, row_id, operation, data, base_version, made_at, state, code, message, field"
_DATA = 4


def read_items(connection: sqlite3.Connection, condition: str = "true", *values: Any) -> list[Item]:
    """Items of the outbox, in the order in which they were made."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM outbox WHERE {condition} ORDER BY number", values)
    return [Item(*(json.loads(value) if place == _DATA else value for place, value in enumerate(row))) for row in rows]


def read_rows(connection: sqlite3.Connection, table: str) -> dict[str, Seen]:
    """The rows of a table by their ids. What was rejected is not on top of what the server has; a new row of it still shows."""
    stored = connection.execute("SELECT id, data FROM rows WHERE table_name = ? ORDER BY length(id), id", (table,))
    rows = {row_id: Seen(row_id, json.loads(data)) for row_id, data in stored}
    for item in read_items(connection, "table_name = ?", table):
        _lay_on(rows, item)
    return rows


def _lay_on(rows: dict[str, Seen], item: Item) -> None:
    state = REJECTED if item.state == REJECTED else QUEUED
    if item.operation == "INSERT":
        rows[item.row_id] = Seen(item.row_id, {"id": item.row_id, **item.data}, state, set(item.data))
        return
    row = rows.get(item.row_id)
    if row is None or (state == REJECTED and row.state != REJECTED):
        return
    if item.operation == "UPDATE":
        row.data |= item.data
        row.changed |= set(item.data)
        row.state = row.state or state
    elif item.operation == "DELETE":
        del rows[item.row_id]
    elif item.operation == "RESOLVE":
        row.state = state


def server_rows(connection: sqlite3.Connection) -> dict[tuple[str, str], Row]:
    """Every row as the server has it, as far as it was pulled: (table, id) → row."""
    found = connection.execute("SELECT table_name, id, data FROM rows")
    return {(table, row_id): json.loads(data) for table, row_id, data in found}
