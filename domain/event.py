"""Events: past-tense facts with permanent topics, and the Struct in which one is recorded."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from uuid import UUID

import msgspec

from domain.values import ClientId, Line, Number

JSON = msgspec.json.Encoder(decimal_format="string")


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A fact about one record. Its JSON object holds exactly the fields that the fact sets.

    A record is the fold of its events by assignment (see `domain.record.evolve`), which is what makes the three-way merge,
    the history and every as-of view exact.
    """


class Created(Event, frozen=True, kw_only=True):
    """The first event of a record: it carries the number and, where a client made the record, the client's id."""

    number: Number
    client_id: ClientId | None = None
    source: Line | None = None


class Changed(Event, frozen=True, kw_only=True):
    """Some fields were given new values."""


class Deleted(Event, frozen=True, kw_only=True):
    """The record was deleted. It stays pullable as a tombstone."""


class RecordedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row of the log. `data` is the event's JSON, kept byte for byte; times are UTC with microseconds."""

    company_id: UUID
    seq: int
    kind: str
    record_id: UUID
    version: int
    topic: str
    data: bytes
    recorded_at: datetime
    occurred_at: datetime
    actor_id: UUID | None = None
    device_id: UUID | None = None
    command_id: UUID | None = None
    correlation_id: UUID | None = None
    hash: bytes = b""


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC: exact, unlike a float timestamp."""
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def canonical_bytes(event: RecordedEvent) -> bytes:
    """What the chain hashes: a JSON array of every column but `data` and `hash`, a newline, and `data` byte for byte.

    Order: company_id, seq, kind, record_id, version, topic, recorded_at, occurred_at, actor_id, device_id, command_id,
    correlation_id. Times are RFC 3339 in UTC with a Z, with six digits of fraction or, where it is zero, none.
    """
    return (
        JSON.encode(
            (
                event.company_id,
                event.seq,
                event.kind,
                event.record_id,
                event.version,
                event.topic,
                event.recorded_at,
                event.occurred_at,
                event.actor_id,
                event.device_id,
                event.command_id,
                event.correlation_id,
            )
        )
        + b"\n"
        + event.data
    )


def chain_hash(previous: bytes, event: RecordedEvent) -> bytes:
    """SHA-256(previous hash ‖ canonical bytes); the first event of a company follows 32 zero bytes."""
    return hashlib.sha256(previous + canonical_bytes(event)).digest()


GENESIS = bytes(32)
