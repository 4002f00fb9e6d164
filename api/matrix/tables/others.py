"""Settings, which two people never mix, and conflicts, which every device may read."""

from __future__ import annotations

from api.matrix.columns import Column, Inbound, text
from api.matrix.tables.table import Table
from domain.errors import InvalidField


def _read_object(value: object, _: Inbound, path: str) -> object:
    if not isinstance(value, dict):
        raise InvalidField("This must be an object.", path=path)
    return value


SETTINGS = Table(
    name="settings",
    kind="settings",
    phase=1,
    columns=(text("name"), Column("value", "value", _read_object, None), text("description")),
    required=("name", "value"),
)


CONFLICTS = Table(name="conflicts", kind="conflict", phase=9, columns=(), writable=False)
"""Pulled where they are asked for, by `include_conflicts` or by name; settled by `POST /api/sync/resolve`."""
