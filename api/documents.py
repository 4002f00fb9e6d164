"""Stored documents of records as dialects read them: decoded no further than an answer needs."""

from __future__ import annotations

from typing import Any

import msgspec

from domain.record import Record


class Document(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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
    client_id: str | None = None
    source: str | None = None
    data: dict[str, Any] = {}


_decoder = msgspec.json.Decoder(Document)
_list_decoder = msgspec.json.Decoder(list[Document])


def document_of(record: Record) -> Document:
    """A record as its document."""
    return _decoder.decode(record.encode())


def documents_of(items: bytes) -> list[Document]:
    """The documents in the inside of a JSON list."""
    return _list_decoder.decode(b"[" + items + b"]")
