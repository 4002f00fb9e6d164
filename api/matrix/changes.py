"""A push: what a client sends, item by item, each read by itself, so that a bad item does not take the good ones along."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from api.matrix.documents import Row
from api.matrix.tables import NAMES
from domain.errors import InvalidField
from infra.requests import fingerprint_of

OPERATIONS = ("INSERT", "UPDATE", "DELETE")
MOST_CHANGES = 5_000


class ChangeForm(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One change. An INSERT has a `local_id`; an UPDATE or DELETE names its record by `record_id`, `data.id` or `local_id`.

    `base_version` (or `last_sync_at`) is what the edit was based on, by which conflicts are found.
    """

    table: str
    operation: Literal["INSERT", "UPDATE", "DELETE"]
    data: dict[str, Any] = {}
    local_id: str | None = None
    record_id: int | str | None = None
    timestamp: str | None = None
    base_version: int | None = None
    last_sync_at: str | None = None


class PushForm(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a device has changed. `last_version` is what the device has pulled, if it says so."""

    device_id: Annotated[str, Meta(min_length=1, max_length=128)]
    changes: Annotated[list[ChangeForm], Meta(max_length=MOST_CHANGES)]
    company_id: int | None = None
    last_version: int | None = None
    last_sync_at: str | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One item of a push, read. `asked` is the table's name as the client has it, `table` the table's own."""

    index: int
    asked: str
    table: str
    operation: str
    data: Row
    local_id: str | None = None
    row_id: int | str | None = None
    timestamp: str | None = None
    base_version: int | None = None
    last_sync_at: str | None = None

    @property
    def place(self) -> tuple[str, str]:
        """What names this record among what its device sends."""
        return self.table, str(self.local_id if self.local_id is not None else self.row_id)


def read_change(index: int, item: Any, default_last_sync_at: str | None = None) -> Change:
    """One item. Raises InvalidField."""
    if not isinstance(item, dict):
        raise InvalidField("A change is an object.", path="")
    asked = item.get("table")
    if not isinstance(asked, str) or asked not in NAMES:
        raise InvalidField(f"There is no table {asked!r}; there are {', '.join(sorted(NAMES))}.", path="table")
    operation = str(item.get("operation", "")).upper()
    if operation not in OPERATIONS:
        raise InvalidField(f"An operation is one of {', '.join(OPERATIONS)}.", path="operation")
    data = item.get("data")
    if data is None and operation == "DELETE":
        data = {}
    if not isinstance(data, dict):
        raise InvalidField("`data` is an object with the row's columns.", path="data")
    local_id, row_id = _text(item.get("local_id"), "local_id"), item.get("record_id", data.get("id"))
    if operation == "INSERT":
        row_id = None
        if local_id is None:
            raise InvalidField("An INSERT needs a `local_id`, by which it can be named and repeated.", path="local_id")
    elif row_id is None or row_id == "":
        row_id = None
        if local_id is None:
            raise InvalidField(f"An {operation} names its record by `record_id`, by `data.id` or by `local_id`.", path="record_id")
    if row_id is not None and (isinstance(row_id, bool) or not isinstance(row_id, int | str)):
        raise InvalidField("`record_id` is a number.", path="record_id")
    base = item.get("base_version")
    if base is not None and (isinstance(base, bool) or not isinstance(base, int) or base < 0):
        raise InvalidField("`base_version` is a whole number from 0.", path="base_version")
    return Change(
        index=index,
        asked=asked,
        table=NAMES[asked],
        operation=operation,
        data=data,
        local_id=local_id,
        row_id=row_id,
        timestamp=_text(item.get("timestamp"), "timestamp"),
        base_version=base,
        last_sync_at=_text(item.get("last_sync_at"), "last_sync_at") or default_last_sync_at,
    )


def _text(value: Any, path: str) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidField("This must be a text.", path=path)
    return str(value)


def insert_key(table: str, local_id: str, device: str) -> str:
    """The key of an INSERT: what a local id stands for is settled once and for ever."""
    return _bounded(["matrix", device, table, local_id, "INSERT"])


def key_of(change: Change, device: str) -> str | None:
    """The key under which this item is executed once: device, table, row and operation; and what it says, but for an INSERT.

    None for an edit that says neither when it was made nor what it was based on: the same edit may be meant twice.
    """
    if change.operation == "INSERT":
        return insert_key(*change.place, device)
    if change.timestamp is None and change.base_version is None and change.last_sync_at is None:
        return None
    said = [change.data, change.timestamp, change.base_version, change.last_sync_at]
    return _bounded(["matrix", device, *change.place, change.operation, fingerprint_of(said).hex()[:24]])


def _bounded(parts: list[str]) -> str:
    key = "\n".join(parts)
    return key if len(key) <= 200 else "matrix\n" + hashlib.sha256(key.encode()).hexdigest()
