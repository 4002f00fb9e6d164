"""Settings, which two people never mix, and conflicts, which every device may read."""

from __future__ import annotations

from api.matrix.columns import Column, Inbound, Numbers, Row, text
from api.matrix.tables.table import Table
from domain.errors import InvalidField
from domain.record import Record


def _read_object(value: object, _: Inbound, path: str) -> object:
    if not isinstance(value, dict):
        raise InvalidField("This must be an object.", path=path)
    return value


SETTINGS = Table(
    name="settings",
    kind="settings",
    phase=1,
    columns=(text("name"), Column("value", "value", _read_object, lambda value, _: value), text("description")),
    required=("name", "value"),
)


def _finish_conflict(record: Record, row: Row, numbers: Numbers) -> None:
    data = record.data
    for name in ("action", "policy", "outcome", "status", "fields", "client", "server", "resolution", "note"):
        row[name] = data.get(name)
    row["record_id"] = numbers.of(data["record_id"])
    row["kind"] = data["record_kind"]


CONFLICTS = Table(
    name="conflicts", kind="conflict", phase=9, columns=(), finish=_finish_conflict, writable=False, references=("record_id",)
)
"""Pulled like any table; settled by `POST /api/sync/resolve`."""
