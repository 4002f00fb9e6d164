"""A record: the fold of one stream of events, and the JSON envelope in which it is stored and sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.event import JSON


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The current (or as-of) state of one record. Encoded as JSON it is what clients pull, byte for byte.

    `number` is dense per company and kind, `seq` is the last event's, `version` counts the record's own events from 1.
    `data` holds JSON values only: amounts as strings, dates as ISO text, ids as UUID text.
    """

    kind: str
    id: UUID
    number: int
    seq: int
    version: int
    deleted: bool = msgspec.field(default_factory=bool)
    created_at: datetime
    updated_at: datetime
    created_by: UUID | None = None
    updated_by: UUID | None = None
    client_id: str | None = None
    source: str | None = None
    data: dict[str, Any] = {}

    def encode(self) -> bytes:
        """The envelope as JSON."""
        return JSON.encode(self)


_decoder = msgspec.json.Decoder(Record)


def decode_record(document: bytes | str) -> Record:
    """The Record in a stored envelope."""
    return _decoder.decode(document)


def assign(data: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """`data` with `fields` assigned; a null clears."""
    merged = {**data, **fields}
    for name, value in fields.items():
        if value is None:
            del merged[name]
    return merged
