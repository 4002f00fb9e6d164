"""The context in which rules decide: what they may ask of the books, and the events they emit into them.

What is emitted is folded into the books at once, so that the next rule sees it. Time, actor and ids come in from outside, so
the same inputs always make the same events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from domain.books import Books
from domain.command import Actor
from domain.errors import (
    InvalidField,
    ReferenceMissing,
    ValueTaken,
)
from domain.event import JSON, Event, RecordedEvent
from domain.kind import Kind
from domain.record import Record
from domain.values import Ref

NUL = b"\\u0000"
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Credential:
    """A password's hashes, on their way into the one table that keeps secrets; never part of an event."""

    user_id: UUID
    password_hash: str
    md5_hash: str


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one command. `seq` and `version` are the record's after it; `conflict` names a recorded conflict."""

    type: str
    kind: str
    id: UUID
    number: int
    seq: int
    version: int
    deleted: bool = msgspec.field(default_factory=bool)
    changed: bool = msgspec.field(default_factory=lambda: True)
    idempotent_replay: bool = msgspec.field(default_factory=bool)
    client_id: str | None = None
    conflict: UUID | None = None
    outcome: str | None = None


@dataclass(slots=True)
class Decision:
    """The context of one request's decisions and the events it has emitted so far."""

    catalogue: Mapping[str, Kind]
    books: Books
    actor: Actor
    now: datetime
    new_id: Callable[[], UUID]
    fields_of: Callable[[RecordedEvent], dict[str, Any]]
    correlation_id: UUID | None = None
    events: list[RecordedEvent] = field(default_factory=list)
    credentials: list[Credential] = field(default_factory=list)
    command_id: UUID | None = None
    occurred_at: datetime | None = None
    conflict: UUID | None = None
    outcome: str | None = None
    client_ids: dict[UUID, tuple[str, str]] = field(default_factory=dict)
    _today: date | None = None

    # What rules may ask ---------------------------------------------------------------------------

    @property
    def company(self) -> dict[str, Any]:
        """The company's own fields: name, currency, time_zone and so on; empty before it is registered."""
        record = self.books.record(self.books.company_id)
        return record.data if record else {}

    @property
    def currency(self) -> str:
        """The company's currency."""
        return str(self.company.get("currency", "USD"))

    @property
    def today(self) -> date:
        """Today in the company's time zone."""
        if self._today is None:
            self._today = self.now.astimezone(ZoneInfo(self.company.get("time_zone", "UTC"))).date()
        return self._today

    def living(self, record_id: UUID | str, kind: str, path: str) -> Record:
        """The living record that a reference names; raises ReferenceMissing, also for another company's."""
        found = self.books.record(record_id if isinstance(record_id, UUID) else UUID(record_id))
        if found is None or found.kind != kind or found.deleted:
            label = kind.replace("_", " ")
            raise ReferenceMissing(f"There is no {label} {record_id}.", path=path, kind=kind, id=str(record_id))
        return found

    def find(self, kind: str, reference: UUID | Ref | None) -> UUID | None:
        """The UUID behind a reference, or None where it names nothing that is loaded."""
        if reference is None or isinstance(reference, UUID):
            return reference
        if reference.number is not None:
            return self.books.by_number.get((kind, reference.number))
        return self.books.by_client.get((kind, reference.source or self.actor.source, reference.client_id or ""))

    # What rules may do ----------------------------------------------------------------------------

    def create(self, kind: Kind, record_id: UUID, data: Any, **derived: Any) -> Record:
        """Emit the kind's created event: the next dense number, the client's id, `data` and the derived fields."""
        fields = {name: getattr(data, name) for name in kind.field_names}
        fields.update(derived)
        fields["number"] = self.books.numbers.get(kind.name, 0) + 1
        if record_id in self.client_ids:
            fields["source"], fields["client_id"] = self.client_ids[record_id]
        return self.emit(kind, record_id, kind.Created(**fields))

    def change(self, kind: Kind, record: Record, changes: Mapping[str, Any], event: type[Event] | None = None) -> Record:
        """Emit a changed event that assigns `changes` (JSON values), or the more telling `event`."""
        return self.emit(kind, record.id, msgspec.convert(dict(changes), event or kind.Changed, strict=False))

    def delete(self, kind: Kind, record: Record) -> Record:
        """Emit the kind's deleted event."""
        return self.emit(kind, record.id, kind.Deleted())

    def emit(self, kind: Kind, record_id: UUID, event: Event) -> Record:
        """Number the event, fold it into the books and return the record after it. Raises ValueTaken."""
        data = JSON.encode(event)
        if NUL in data and _has_nul(msgspec.json.decode(data)):
            raise InvalidField("A text must not hold the NUL character.", path="data")
        before = self.books.record(record_id)
        recorded = RecordedEvent(
            company_id=self.books.company_id,
            seq=self.books.seq + 1,
            kind=kind.name,
            record_id=record_id,
            version=before.version + 1 if before else 1,
            topic=kind.topic_of[type(event)],
            data=data,
            recorded_at=self.now + MICROSECOND * len(self.events),
            occurred_at=self.occurred_at or self.now,
            actor_id=self.actor.user_id,
            device_id=self.actor.device_id,
            command_id=self.command_id,
            correlation_id=self.correlation_id,
        )
        fields: dict[str, Any] = msgspec.json.decode(data)
        if kind.unique:
            self._require_free(kind, before, fields)
        record = self.books.apply(recorded, kind, fields)
        self.events.append(recorded)
        return record

    def _require_free(self, kind: Kind, before: Record | None, fields: dict[str, Any]) -> None:
        data = {**before.data, **fields} if before else fields
        for unique in kind.unique:
            value = unique.value(data)
            holder = self.books.unique.get((kind.name, unique.name, value)) if value is not None else None
            if holder is not None and (before is None or holder != before.id):
                shown = " / ".join(str(data[name]) for name in unique.fields)
                raise ValueTaken(
                    f"Another {kind.name.replace('_', ' ')} already has the {unique.name} {shown!r}.",
                    path=f"data.{unique.fields[-1]}",
                    field=unique.name,
                    value=shown,
                )


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_has_nul(item) for item in value)
