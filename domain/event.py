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
    """One row of the log. `data` is the event's JSON, kept byte for byte; times are UTC with microseconds.

    Where the data holds personal fields of `person_id`, `sealed` is what the chain hashes in its place: the data as it will be
    when that person is erased, a newline, and the ciphertext of the data as it is (see `domain.personal`).
    """

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
    sealed: bytes = b""
    person_id: UUID | None = None


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC: exact, unlike a float timestamp."""
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def canonical_bytes(event: RecordedEvent) -> bytes:
    """What the chain hashes: a JSON array of columns, a newline, and `data` byte for byte.

    Where the event is sealed, the last part is instead the redacted data, a newline, and the ciphertext in lower-case
    hexadecimal: destroying the key and the clear text leaves every hash as it is. (The second form came with the migration
    0005; events of before, and all others that hold nothing personal, have the first.)

    The columns, in order: company_id, seq, kind, record_id, version, topic, recorded_at, occurred_at, actor_id, device_id,
    command_id, correlation_id. Times are RFC 3339 in UTC with a Z, with six digits of fraction or, where it is zero, none.
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
        + (_sealed_text(event.sealed) if event.sealed else event.data)
    )


def _sealed_text(sealed: bytes) -> bytes:
    redacted, newline, ciphertext = sealed.partition(b"\n")
    return redacted + newline + ciphertext.hex().encode()


def chain_hash(previous: bytes, event: RecordedEvent) -> bytes:
    """SHA-256(previous hash ‖ canonical bytes); the first event of a company follows 32 zero bytes."""
    return hashlib.sha256(previous + canonical_bytes(event)).digest()


GENESIS = bytes(32)
