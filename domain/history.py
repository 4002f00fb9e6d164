"""The history of one record: what each of its events set, and the record after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.books import evolve
from domain.event import RecordedEvent
from domain.kind import Kind
from domain.policy import Divergence
from domain.record import Record, assign


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a record, the fields it set, and the record after it."""

    event: RecordedEvent
    fields: dict[str, Any]
    record: Record


class FieldChange(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A field's value before and after; null where it had or has none."""

    field: str
    from_: Any = None
    to: Any = None


def changes_between(before: dict[str, Any], after: dict[str, Any]) -> list[FieldChange]:
    """Every field whose value differs."""
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [FieldChange(field=name, from_=before.get(name), to=after.get(name)) for name in changed]


def fold_history(events: Iterable[RecordedEvent], kind: Kind, fields_of: Callable[[RecordedEvent], dict[str, Any]]) -> list[Step]:
    """Every event of one stream, in order."""
    steps: list[Step] = []
    record: Record | None = None
    for event in events:
        fields = fields_of(event)
        record = evolve(record, event, kind, fields)
        steps.append(Step(event, fields, record))
    return steps


def record_at(steps: list[Step], seq: int) -> Record | None:
    """The record as of `seq`, or None where it did not exist yet."""
    found: Record | None = None
    for step in steps:
        if step.event.seq > seq:
            break
        found = step.record
    return found


def diverge(steps: list[Step], kind: Kind, base_seq: int, device_id: UUID | None, own_since: int | None = None) -> Divergence:
    """What others did to the record since `base_seq`. Raises LookupError where `steps` are not its whole history.

    A device's own edits are never foreign to it, nor is what the same request did before (from the seq `own_since` on).
    """
    if not steps:
        raise LookupError("The history of the record was not loaded.")
    base = record_at(steps, base_seq)
    known = dict(base.data) if base else {}
    foreign: dict[str, datetime] = {}
    moved = False
    for step in steps:
        if step.event.seq <= base_seq:
            continue
        event = step.event
        if (device_id is not None and event.device_id == device_id) or (own_since is not None and event.seq >= own_since):
            own = {name: value for name, value in step.fields.items() if name in step.record.data or value is None}
            known = assign(known, own)
        else:
            moved = True
            # A clock that was ahead must not win for ever: nothing happened later than it was recorded.
            foreign.update(dict.fromkeys(step.fields, min(event.occurred_at, event.recorded_at)))
    return Divergence(known, steps[-1].record.data, foreign, moved, kind.same)
