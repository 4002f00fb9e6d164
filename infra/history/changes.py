"""Who changed what: the events of a record, a user, a device or a period, each with its fields from what to what.

Rows come in the order of the log. Values before an event come from folding the record's earlier events, one query for all the
records of a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec

from domain.books import evolve
from domain.catalogue import CATALOGUE, fields_of
from domain.errors import CursorAhead, InvalidField, RecordNotFound
from domain.event import RecordedEvent
from domain.history import FieldChange, Step, changes_between
from domain.record import Record, decode_record
from infra.database import Connection, Database
from infra.history.moments import moment_of, seq_before, zone_of
from infra.history.streams import events_by_record
from infra.reading.reader import Reader, known_kinds
from infra.requests import is_storable
from infra.store.arrays import texts, uuids

WINDOW = 50_000
"""Events that one page looks through at most, so that a rare user in a long log makes short pages, never slow ones."""

MOST_DIGITS = 15

_NAME_FIELDS = {"user": "email", "device": "device_id"}
_PARAMETERS = {"user": "actor", "device": "device"}
_OF_NAME = b"SELECT id FROM records WHERE company_id = %b AND kind = %b AND lower(document::jsonb -> 'data' ->> %b) = lower(%b)"
_LABELS = (
    "name",
    "invoice_number",
    "order_number",
    "receipt_number",
    "cheque_number",
    "title",
    "file_name",
    "description",
    "reference",
    "category",
    "code",
    "email",
    "device_id",
)


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A user, by id and by the name and e-mail he has today."""

    id: UUID
    name: str | None = None
    email: str | None = None


class DeviceName(msgspec.Struct, frozen=True, kw_only=True):
    """A device, by id and by the name it has today."""

    id: UUID
    name: str | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One event: who did what to which record. `label` is what people call the record, as of the event."""

    seq: int
    recorded_at: datetime
    occurred_at: datetime
    actor: Person | None
    device: DeviceName | None
    kind: str
    record_id: UUID
    number: int
    label: str | None
    topic: str
    changes: list[FieldChange]


class ChangesPage(msgspec.Struct, frozen=True, kw_only=True):
    """Changes in order; `cursor` is what to ask with next. A page may be empty and yet have more."""

    changes: list[Change]
    cursor: int
    has_more: bool


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which events: those with `after` < seq ≤ `until` that fit everything that is not None."""

    after: int
    until: int
    record_id: UUID | None = None
    actors: list[UUID] | None = None
    devices: list[UUID] | None = None
    kinds: list[str] | None = None


# What is asked for --------------------------------------------------------------------------------


def wanted_of(
    reader: Reader,
    company_id: UUID,
    *,
    record: str | None = None,
    actor: str | None = None,
    device: str | None = None,
    kinds: list[str] | None = None,
    begin: str | None = None,
    end: str | None = None,
    after: int = 0,
) -> Wanted:
    """The events that people's words name, up to the head of now.

    `record`: an id, or kind/number; `actor`: a user's id, number or e-mail; `device`: a device's id, number or own name; `begin`
    and `end`: dates in the company's zone, both included, or times, of which the end is not. Periods are of `recorded_at`.
    Raises RecordNotFound, UnknownKind, InvalidField, CursorAhead.
    """
    for path, text in (("record", record), ("actor", actor), ("device", device)):
        if text is not None and not (text.strip() and is_storable(text)):
            raise InvalidField("This must not be blank, nor hold the NUL character.", path=path)
    known_kinds(kinds)
    zone = zone_of(reader, company_id)
    first = moment_of(begin, zone, "from") if begin is not None else None
    last = moment_of(end, zone, "to", end=True) if end is not None else None
    if first is not None and last is not None and last <= first:
        raise InvalidField("The period ends before it begins.", path="to")
    record_id = _record(reader, company_id, record) if record is not None else None
    actors = _named(reader, company_id, "user", actor) if actor is not None else None
    devices = _named(reader, company_id, "device", device) if device is not None else None
    with reader.database.company(company_id) as connection:
        (head,) = connection.execute(b"SELECT seq FROM heads WHERE company_id = %b", (company_id,)).fetchone() or (0,)
        if after > head:
            raise CursorAhead(f"The cursor is {after}, but this company's log ends at {head}.", path="after", head=head)
        low = seq_before(connection, company_id, first) if first is not None else 0
        high = seq_before(connection, company_id, last) if last is not None else head
    after = max(after, low)
    return Wanted(after=after, until=max(high, after), record_id=record_id, actors=actors, devices=devices, kinds=kinds)


def _record(reader: Reader, company_id: UUID, text: str) -> UUID:
    kind, slash, number = text.rpartition("/")
    if slash:
        if not _is_number(number):
            raise RecordNotFound(
                f"There is no {kind.replace('_', ' ')} {number!r}; name a record by id or as kind/number.", path="record"
            )
        found = reader.find_record(company_id, kind, int(number))
        if found is not None:
            return decode_record(found.document).id
    elif (record_id := _uuid(text)) is not None:
        with reader.database.company(company_id) as connection:
            if _documents(connection, company_id, [record_id]):
                return record_id
    raise RecordNotFound(f"There is no record {text!r}; name it by its id, or as invoice/12.", path="record")


def _named(reader: Reader, company_id: UUID, kind: str, text: str) -> list[UUID]:
    """The users or devices of this name; several where one was deleted and another has its name now."""
    field = _NAME_FIELDS[kind]
    if (reference := _uuid(text)) is not None or _is_number(text):
        found = reader.find_record(company_id, kind, int(text) if reference is None else reference)
        ids = [decode_record(found.document).id] if found else []
    else:
        with reader.database.company(company_id) as connection:
            ids = [id_ for (id_,) in connection.execute(_OF_NAME, (company_id, kind, field, text)).fetchall()]
    if not ids:
        path = _PARAMETERS[kind]
        raise RecordNotFound(f"There is no {kind} {text!r}; name it by its id, number or {field}.", path=path)
    return ids


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS


# Pages --------------------------------------------------------------------------------------------


def changes_page(database: Database, company_id: UUID, wanted: Wanted, limit: int) -> ChangesPage:
    """The next changes: at most `limit`, among the next WINDOW events (of a record: among all of its own)."""
    window = wanted.until if wanted.record_id is not None else min(wanted.until, wanted.after + WINDOW)
    with database.company(company_id) as connection:
        found = _find(connection, company_id, wanted, window, limit)
    cursor = found[-1][0] if len(found) == limit else window
    changes = _describe(database, company_id, dict(found)) if found else []
    return ChangesPage(changes=changes, cursor=cursor, has_more=cursor < wanted.until)


def changes_pages(database: Database, company_id: UUID, wanted: Wanted, limit: int = 500) -> Iterator[ChangesPage]:
    """Every page."""
    while True:
        page = changes_page(database, company_id, wanted, limit)
        yield page
        if not page.has_more:
            return
        wanted = msgspec.structs.replace(wanted, after=page.cursor)


def _find(connection: Connection, company_id: UUID, wanted: Wanted, until: int, limit: int) -> list[tuple[int, UUID]]:
    """The seq and the record of the events."""
    statement = "SELECT seq, record_id FROM events WHERE company_id = %b AND seq > %b AND seq <= %b"
    parameters: list[Any] = [company_id, wanted.after, until]
    if wanted.record_id is not None:
        statement += " AND record_id = %b"
        parameters.append(wanted.record_id)
    if wanted.actors is not None:
        statement += " AND actor_id = ANY(%b)"
        parameters.append(uuids(wanted.actors))
    if wanted.devices is not None:
        statement += " AND device_id = ANY(%b)"
        parameters.append(uuids(wanted.devices))
    if wanted.kinds is not None:
        statement += " AND kind = ANY(%b)"
        parameters.append(texts(wanted.kinds))
    parameters.append(limit)
    return connection.execute(f"{statement} ORDER BY seq LIMIT %b".encode(), parameters, binary=True).fetchall()


def _describe(database: Database, company_id: UUID, found: dict[int, UUID]) -> list[Change]:
    shown: dict[int, tuple[Step, dict[str, Any]]] = {}
    events = events_by_record(database, company_id, max(found), records=set(found.values()))
    for _, stream in groupby(events, key=lambda event: event.record_id):
        for step, before in _steps(stream):
            if step.event.seq in found:
                shown[step.event.seq] = step, before
    people = {some for step, _ in shown.values() for some in (step.event.actor_id, step.event.device_id) if some}
    with database.company(company_id) as connection:
        known = _documents(connection, company_id, sorted(people))
    return [_change(step, before, known) for _, (step, before) in sorted(shown.items())]


def _steps(stream: Iterable[RecordedEvent]) -> Iterator[tuple[Step, dict[str, Any]]]:
    """Each event of a record with the record after it, and its data before."""
    record: Record | None = None
    for event in stream:
        before = record.data if record else {}
        fields = fields_of(event)
        record = evolve(record, event, CATALOGUE[event.kind], fields)
        yield Step(event, fields, record), before


def _documents(connection: Connection, company_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Record]:
    statement = b"SELECT document FROM records WHERE company_id = %b AND id = ANY(%b)"
    rows = connection.execute(statement, (company_id, uuids(list(ids)))).fetchall()
    return {record.id: record for record in (decode_record(document) for (document,) in rows)}


def _change(step: Step, before: dict[str, Any], known: dict[UUID, Record]) -> Change:
    event, record = step.event, step.record
    actor = known[event.actor_id].data if event.actor_id in known else {}
    device = known[event.device_id].data if event.device_id in known else {}
    return Change(
        seq=event.seq,
        recorded_at=event.recorded_at,
        occurred_at=event.occurred_at,
        actor=Person(id=event.actor_id, name=actor.get("name"), email=actor.get("email")) if event.actor_id else None,
        device=DeviceName(id=event.device_id, name=device.get("name") or device.get("device_id")) if event.device_id else None,
        kind=event.kind,
        record_id=event.record_id,
        number=record.number,
        label=next((str(record.data[name]) for name in _LABELS if record.data.get(name)), None),
        topic=event.topic,
        changes=changes_between(before, record.data),
    )
