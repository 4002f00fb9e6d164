"""A record's past: as of a seq or a time, and each of its events with what it changed, from what to what, by whom, on what."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.catalogue import CATALOGUE, fields_of
from domain.errors import RecordNotFound
from domain.history import FieldChange, Step, changes_between, fold_history
from domain.needs import Needs
from domain.record import decode_record
from infra.composition import Services
from infra.reading.reader import Found


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A user or a device, by id and by the name it has today."""

    id: UUID
    name: str | None = None


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the record."""

    seq: int
    version: int
    topic: str
    recorded_at: datetime
    occurred_at: datetime
    actor: Named | None
    device: Named | None
    changes: list[FieldChange]


class RecordHistory(msgspec.Struct, frozen=True, kw_only=True):
    """A record's events after a cursor, in order."""

    kind: str
    id: UUID
    number: int
    history: list[HistoryEntry]
    cursor: int
    has_more: bool


def as_of(services: Services, company_id: UUID, kind: str, found: Found, seq: int | None, moment: datetime | None) -> Found | None:
    """The record as it was when the log had `seq` events, or at `moment`; None where it did not exist yet."""
    if (seq is None or found.seq <= seq) and moment is None:
        return found
    then: Found | None = None
    for step in _steps(services, company_id, kind, decode_record(found.document).id):
        if (seq is not None and step.event.seq > seq) or (moment is not None and step.event.recorded_at > moment):
            break
        then = Found(step.record.encode(), step.record.seq, step.record.deleted)
    return then


def history_of(services: Services, company_id: UUID, kind: str, reference: UUID | int, after: int, limit: int) -> RecordHistory:
    """What happened to a record. Raises RecordNotFound."""
    found = services.reader.find_record(company_id, kind, reference)
    if found is None:
        raise RecordNotFound(f"There is no such {kind.replace('_', ' ')}.", path="ref")
    record = decode_record(found.document)
    steps = _steps(services, company_id, kind, record.id)
    before: dict[str, Any] = {}
    pairs: list[tuple[Step, dict[str, Any]]] = []
    for step in steps:
        if step.event.seq > after:
            pairs.append((step, before))
        before = step.record.data
    shown = pairs[:limit]
    names = _names(services, company_id, (step for step, _ in shown))
    entries = [_entry(step, data, names) for step, data in shown]
    more = len(pairs) > limit
    cursor = entries[-1].seq if entries else max(after, record.seq)
    return RecordHistory(kind=kind, id=record.id, number=record.number, history=entries, cursor=cursor, has_more=more)


def _steps(services: Services, company_id: UUID, kind: str, record_id: UUID) -> list[Step]:
    return fold_history(services.store.read_stream(company_id, record_id), CATALOGUE[kind], fields_of)


def _names(services: Services, company_id: UUID, steps: Iterable[Step]) -> dict[UUID, str]:
    """The names of everybody in these steps, in one query."""
    ids = {some for step in steps for some in (step.event.actor_id, step.event.device_id) if some is not None}
    if not ids:
        return {}
    records = services.store.read_records(company_id, Needs(ids=ids)).records
    return {record.id: record.data.get("name") or record.data.get("device_id") or "" for record in records}


def _entry(step: Step, before: dict[str, Any], names: dict[UUID, str]) -> HistoryEntry:
    event, after = step.event, step.record.data
    return HistoryEntry(
        seq=event.seq,
        version=event.version,
        topic=event.topic,
        recorded_at=event.recorded_at,
        occurred_at=event.occurred_at,
        actor=Named(id=event.actor_id, name=names.get(event.actor_id)) if event.actor_id else None,
        device=Named(id=event.device_id, name=names.get(event.device_id)) if event.device_id else None,
        changes=changes_between(before, after),
    )
