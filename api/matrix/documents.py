"""Records as the sync reads them: their stored documents, decoded no further than a row needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import msgspec

from domain.record import Record

Row = dict[str, Any]
"""A row of a table as its clients have it: snake_case columns."""

Numbers = Mapping[str, int]
"""The numbers of records by their ids, as far as they were looked up."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A stored document. Ids and times stay the texts that they are there: a pull of many rows has no time to make more of them."""

    kind: str
    id: str
    number: int
    seq: int
    version: int
    deleted: bool = False
    created_at: str
    updated_at: str
    created_by: str | None = None
    data: dict[str, Any] = {}


_decoder = msgspec.json.Decoder(Document)
_list_decoder = msgspec.json.Decoder(list[Document])


def document_of(record: Record) -> Document:
    """A record as its document."""
    return _decoder.decode(record.encode())


def documents_of(items: bytes) -> list[Document]:
    """The documents in the inside of a JSON list."""
    return _list_decoder.decode(b"[" + items + b"]")


def time_text(stored: str) -> str:
    """A stored moment as the sync's clients have it: `2026-11-20T08:48:48.000000Z`."""
    if len(stored) == 27:
        return stored
    return moment_text(datetime.fromisoformat(stored))


def moment_text(moment: datetime) -> str:
    """A moment as the sync's clients have it: `2026-11-20T08:48:48.000000Z`."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
