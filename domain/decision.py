"""The context in which rules decide: what they may ask of the books, and the events they emit into them.

What is emitted is folded into the books at once, so that the next rule sees it. Time, actor and ids come in from outside, so
the same inputs always make the same events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from domain.books import Books
from domain.command import Actor
from domain.errors import InvalidField, PeriodClosed, RecordExists, ReferenceMissing, ValueTaken
from domain.event import JSON, Event, RecordedEvent
from domain.kind import Kind
from domain.personal import redacted_data
from domain.record import Record, assign
from domain.values import Ref, Reference, require_reasonable

NUL = b"\\u0000"
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Credential:
    """A password's hashes, on their way into the one table that keeps secrets; never part of an event."""

    user_id: UUID
    password_hash: str
    md5_hash: str


@dataclass(slots=True)
class Decision:
    """The context of one request's decisions and the events it has emitted so far.

    `client_ids` holds the source and client id of records that are about to be created, `erased` the persons whose keys are to be
    destroyed.
    """

    catalogue: Mapping[str, Kind]
    books: Books
    actor: Actor
    now: datetime
    new_id: Callable[[], UUID]
    fields_of: Callable[[RecordedEvent], dict[str, Any]]
    correlation_id: UUID | None = None
    events: list[RecordedEvent] = field(default_factory=list)
    credentials: list[Credential] = field(default_factory=list)
    erased: list[UUID] = field(default_factory=list)
    command_id: UUID | None = None
    occurred_at: datetime | None = None
    conflict: UUID | None = None
    outcome: str | None = None
    client_ids: dict[UUID, tuple[str, str]] = field(default_factory=dict)
    seqs_before: dict[UUID, int] = field(default_factory=dict)
    """Where records were that this very request has changed."""

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
        return self.now.astimezone(self.time_zone).date()

    @property
    def time_zone(self) -> ZoneInfo:
        """The company's time zone."""
        return ZoneInfo(self.company.get("time_zone", "UTC"))

    def living(self, reference: Reference | str, kind: str, path: str, *, or_deleted: bool = False) -> Record:
        """The living record that a reference names; raises ReferenceMissing, also for another company's.

        `or_deleted`: it may have been deleted since.
        """
        record_id = UUID(reference) if isinstance(reference, str) else self.find(kind, reference)
        found = self.books.record(record_id) if record_id is not None else None
        if found is None or found.kind != kind or (found.deleted and not or_deleted):
            named = f"{kind.replace('_', ' ')} {shown(reference)}"
            was = found is not None and found.kind == kind
            message = f"The {named} was deleted." if was else f"There is no {named}."
            raise ReferenceMissing(message, path=path, kind=kind, reference=shown(reference))
        return found

    def find(self, kind: str, reference: Reference | None) -> UUID | None:
        """The UUID behind a reference, or None where it names nothing that is loaded."""
        if reference is None or isinstance(reference, UUID):
            return reference
        if reference.number is not None:
            return self.books.by_number.get((kind, reference.number))
        return self.books.by_client.get((kind, reference.source or self.actor.source, reference.client_id or ""))

    def ids_at(self, kind: str, reference: Reference | None, name: str) -> Iterable[UUID]:
        """The id in a field of the record that a reference names, where both are there."""
        record_id = self.find(kind, reference)
        record = self.books.record(record_id) if record_id is not None else None
        if record is not None and record.data.get(name):
            yield UUID(record.data[name])

    # What rules may do ----------------------------------------------------------------------------

    def create(self, kind: Kind, record_id: UUID, data: Any, *, path: str = "", **derived: Any) -> Record:
        """Emit the kind's created event: the next dense number, the client's id, `data` and the derived fields.

        Raises RecordExists, and ValueTaken where the client's id is mapped already; `path` is the place of the record in the
        command, where it is not the command's own.
        """
        if self.books.record(record_id) is not None:
            raise RecordExists(f"A record with the id {record_id} exists already.", path=f"{path}.id" if path else "id")
        fields = kind.values_of(data)
        fields.update(derived)
        fields["number"] = self.books.numbers.get(kind.name, 0) + 1
        if (client := self.client_ids.pop(record_id, None)) is not None:
            source, client_id = client
            if (kind.name, source, client_id) in self.books.by_client:
                raise ValueTaken(
                    f"The client id {client_id!r} was given to another {label(kind.name)} before.",
                    path=f"{path}.client_id" if path else "client_id",
                    field="client_id",
                    value=client_id,
                )
            fields["source"], fields["client_id"] = source, client_id
        return self.emit(kind, record_id, kind.Created(**fields))

    def change(self, kind: Kind, record: Record, changes: Mapping[str, Any], event: type[Event] | None = None) -> Record:
        """Emit a changed event that assigns `changes` (JSON values), or the more telling `event`."""
        return self.emit(kind, record.id, msgspec.convert(dict(changes), event or kind.Changed))

    def delete(self, kind: Kind, record: Record) -> Record:
        """Emit the kind's deleted event."""
        return self.emit(kind, record.id, kind.Deleted())

    def emit(self, kind: Kind, record_id: UUID, event: Event) -> Record:
        """Number the event, fold it into the books and return the record after it.

        Raises ValueTaken, InvalidField, PeriodClosed, and OutOfRange where a computed amount is beyond what a book can hold.
        """
        require_reasonable(event)
        try:
            data = JSON.encode(event)
        except UnicodeEncodeError:
            raise InvalidField("A text must be valid Unicode, without lone surrogates.", path="data") from None
        fields: dict[str, Any] = msgspec.json.decode(data)
        if NUL in data and (place := nul_in(fields, "data")) is not None:
            raise InvalidField("A text must not hold the NUL character.", path=place)
        before = self.books.record(record_id)
        person_id = None
        if kind.personal and not kind.personal.isdisjoint(fields) and type(event) is not kind.Redacted:
            person_id = kind.person_of(record_id, {**before.data, **fields} if before else fields)
            if person_id is not None and self._is_erased(person_id):  # a late word about somebody who was to be forgotten
                data, person_id = redacted_data(type(event), kind.personal, fields), None
                fields = msgspec.json.decode(data)
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
            person_id=person_id,
        )
        if kind.unique:
            self._require_free(kind, before, fields)
        if kind.dated is not None and self.company.get("late_facts") == "refuse":
            self._require_open_period(kind, before, event, fields)
        self.seqs_before.setdefault(record_id, before.seq if before else 0)
        record = self.books.apply(recorded, kind, fields)
        self.events.append(recorded)
        return record

    def _is_erased(self, person_id: UUID) -> bool:
        record = self.books.record(person_id)
        return record is not None and record.data.get("erased", False)

    def _require_free(self, kind: Kind, before: Record | None, fields: dict[str, Any]) -> None:
        data = {**before.data, **fields} if before else fields
        for unique in kind.unique:
            value = unique.value(data)
            holder = self.books.unique.get((kind.name, unique.name, value)) if value is not None else None
            if holder is not None and (before is None or holder != before.id):
                if not kind.personal.isdisjoint(unique.fields):  # refusals are kept: nothing personal is repeated in them
                    raise ValueTaken(
                        f"Another {label(kind.name)} already has this {unique.name}.",
                        path=f"data.{unique.fields[-1]}",
                        field=unique.name,
                    )
                text = " / ".join(str(data[name]) for name in unique.fields)
                found = self.books.record(holder)
                gone = found is not None and found.deleted
                raise ValueTaken(
                    f"{'A deleted' if gone else 'Another'} {label(kind.name)} already has the {unique.name} {text!r}.",
                    path=f"data.{unique.fields[-1]}",
                    field=unique.name,
                    value=text,
                )

    def _require_open_period(self, kind: Kind, before: Record | None, event: Event, fields: dict[str, Any]) -> None:
        """Raise PeriodClosed where the event would change what a closed period's books say."""
        closed = self.company.get("closed_through")
        if closed is None:
            return
        deleted = isinstance(event, kind.Deleted)
        if before is not None and not deleted and not self._changes_posting(kind, before.data, fields):
            return
        dates: list[str] = []
        if before is not None and kind.posts(before.data):
            dates.append(self._day_of(kind, before.data, before.created_at))
        after = assign(before.data, fields) if before is not None else fields
        if not deleted and kind.posts(after):
            dates.append(self._day_of(kind, after, before.created_at if before is not None else self.now))
        late = min(dates, default="")
        if late and late <= closed:
            what_to_do = "date it later, or reopen them" if before is None else "reopen them first"
            raise PeriodClosed(
                f"The {label(kind.name)} is dated {late}, and the books are closed through {closed}; {what_to_do}.",
                path="id" if deleted else f"data.{kind.dated}",
                date=late,
                closed_through=closed,
            )

    @staticmethod
    def _changes_posting(kind: Kind, data: dict[str, Any], fields: dict[str, Any]) -> bool:
        return any(name in fields and not kind.same(name, data.get(name), fields[name]) for name in kind.posted)

    def _day_of(self, kind: Kind, data: Mapping[str, Any], made: datetime) -> str:
        """The day that a fact is dated, as ISO text; the day it was made where it names none."""
        day = data.get(str(kind.dated))
        return str(day) if day else made.astimezone(self.time_zone).date().isoformat()


def label(kind: str) -> str:
    """A kind's name in a sentence: `invoice line`."""
    return kind.replace("_", " ")


def shown(reference: Reference | str) -> str:
    """A reference in a sentence."""
    if not isinstance(reference, Ref):
        return str(reference)
    return f"number {reference.number}" if reference.number is not None else f"with the client id {reference.client_id!r}"


def nul_in(value: Any, path: str) -> str | None:
    """Where in a JSON value there is a NUL character, which Postgres cannot keep; without recursion, however deep it is."""
    waiting = [(path, value)]
    while waiting:
        place, item = waiting.pop()
        if isinstance(item, str) and "\x00" in item:
            return place
        if isinstance(item, dict):
            if any("\x00" in key for key in item):
                return place
            waiting.extend((f"{place}.{key}" if place else key, inner) for key, inner in item.items())
        elif isinstance(item, list):
            waiting.extend((f"{place}[{index}]", inner) for index, inner in enumerate(item))
    return None
