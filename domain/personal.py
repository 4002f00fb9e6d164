"""Personal data: what is left of it when a person is erased.

The log is never rewritten, but people may ask to be forgotten. So what the chain hashes of an event with personal fields is not
its clear text but the redacted data and a ciphertext (`domain.event.canonical_bytes`). Each such event has a key of its own, kept
apart from the log under the person's id. Erasing destroys the keys and puts the redacted data in the place of the clear text:
every hash still fits, and nobody can open the ciphertext any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from uuid import UUID

import msgspec

from domain.event import JSON, Event, RecordedEvent
from domain.values import Fields, always

ERASED = "(erased)"
"""What stands in a required field whose text was erased."""


def redaction_of(name: str, structs: Iterable[type[Fields]], personal: frozenset[str], *, is_person: bool) -> type[Fields]:
    """The Struct of what an erasure sets: each personal field cleared or `(erased)`; a person is also marked and inactive."""
    columns: list[tuple[str, Any, Any]] = [
        (f.name, f.type | None | msgspec.UnsetType, msgspec.UNSET)
        for struct in structs
        for f in msgspec.structs.fields(struct)
        if f.name in personal
    ]
    if unknown := personal - {column[0] for column in columns}:
        raise TypeError(f"{name} has no fields {sorted(unknown)}")
    if is_person:
        columns += [("is_active", bool, always(False)), ("erased", bool, always(True))]
    made: Any = msgspec.defstruct(f"{name}Redaction", columns, bases=(Fields,), frozen=True, kw_only=True)
    redaction: type[Fields] = made
    return redaction


def redacted_data(struct: type[Event], personal: frozenset[str], fields: Mapping[str, Any]) -> bytes:
    """The JSON of an event without its personal fields; those it cannot be without say `(erased)`."""
    needed = _required(struct)
    return JSON.encode(
        {
            name: value if name not in personal else ERASED
            for name, value in fields.items()
            if name not in personal or name in needed
        }
    )


@cache
def _required(struct: type[Event]) -> frozenset[str]:
    return frozenset(f.name for f in msgspec.structs.fields(struct) if f.required)


def redacted(event: RecordedEvent) -> RecordedEvent:
    """A sealed event as it is when its person is erased."""
    return msgspec.structs.replace(event, data=event.sealed.partition(b"\n")[0])


def without(events: Iterable[RecordedEvent], person_id: UUID) -> list[RecordedEvent]:
    """The events as they are when this person is erased."""
    return [redacted(event) if event.person_id == person_id else event for event in events]
