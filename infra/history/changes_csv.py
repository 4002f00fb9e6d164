"""The who-changed-what report as CSV: a line per changed field, and one for an event that changed none."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from domain.event import JSON
from domain.history import FieldChange
from infra.history.changes import Change

COLUMNS = (
    "seq",
    "recorded_at",
    "occurred_at",
    "actor_id",
    "actor_name",
    "actor_email",
    "device_id",
    "device_name",
    "kind",
    "record_id",
    "number",
    "label",
    "topic",
    "field",
    "before",
    "after",
)


def header() -> str:
    """The first line."""
    return _lines([COLUMNS])


def lines_of(changes: Sequence[Change]) -> str:
    """The lines of some changes."""
    return _lines(row for change in changes for row in _rows(change))


def value_text(value: Any) -> str:
    """A value as people read it: a text as it is, nothing as nothing, anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else JSON.encode(value).decode()


def _rows(change: Change) -> Iterator[tuple[Any, ...]]:
    actor, device = change.actor, change.device
    common = (
        change.seq,
        change.recorded_at.isoformat().replace("+00:00", "Z"),
        change.occurred_at.isoformat().replace("+00:00", "Z"),
        actor.id if actor else None,
        actor.name if actor else None,
        actor.email if actor else None,
        device.id if device else None,
        device.name if device else None,
        change.kind,
        change.record_id,
        change.number,
        change.label,
        change.topic,
    )
    for one in change.changes or [FieldChange(field="")]:
        yield (*common, one.field, value_text(one.from_), value_text(one.to))


def _lines(rows: Any) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
