"""Erasing a person: what is theirs is cleared wherever it stands, and never comes back.

The decision clears the personal fields of the person's own record and of every other record that holds some (invoices, payments,
conflicts and so on, deleted ones too), so that clients that pull learn of it. The store destroys the keys in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from domain.decision import Decision
from domain.errors import InvalidField, PersonNotSealed
from domain.event import RecordedEvent
from domain.history import fold_history
from domain.kind import NoFields
from domain.personal import without
from domain.record import Record
from domain.values import Fields


class PersonState(Fields, frozen=True, kw_only=True):
    """Whether the person was erased; then the record is never changed again."""

    erased: bool = False


def erase(decision: Decision, record: Record, _: NoFields) -> None:
    """Clear whatever is this person's; doing so twice is doing it once.

    Raises PersonNotSealed where part of it cannot be destroyed, and InvalidField where the same request has just written some.
    """
    traces = decision.books.traces[record.id]
    if record.data.get("erased") and all(event.record_id == record.id for event in traces):
        return
    if any(event.person_id == record.id for event in decision.events):
        raise InvalidField("Erase a person in another request than the one that writes to them.", path="type")
    streams: dict[Any, list[RecordedEvent]] = {}
    for event in traces:
        streams.setdefault(event.record_id, []).append(event)
    for event in decision.events:  # earlier in this request
        if event.record_id in streams:
            streams[event.record_id].append(event)
    _require_sealed(decision, streams[record.id])
    for stream in streams.values():
        _redact(decision, record, stream)
    decision.erased.append(record.id)


def _require_sealed(decision: Decision, stream: Sequence[RecordedEvent]) -> None:
    for event in stream:
        kind = decision.catalogue[event.kind]
        fields = decision.fields_of(event)
        held = any(fields.get(name) is not None for name in kind.personal)
        if held and not event.sealed and kind.topics.get(event.topic) is not kind.Redacted:
            raise PersonNotSealed(path="id", seq=event.seq)


def _redact(decision: Decision, person: Record, stream: Sequence[RecordedEvent]) -> None:
    """Emit what changes in the record of this stream, and keep it as the log will tell it from now on."""
    kind = decision.catalogue[stream[0].kind]
    current = decision.books.records[stream[0].record_id]
    left = without(stream, person.id)
    after = fold_history(left, kind, decision.fields_of)[-1].record
    cleared = {name: after.data.get(name) for name in current.data if current.data[name] != after.data.get(name)}
    decision.emit(kind, current.id, msgspec.convert(cleared, kind.Redacted))
    decision.books.replace(fold_history([*left, decision.events[-1]], kind, decision.fields_of)[-1].record)
