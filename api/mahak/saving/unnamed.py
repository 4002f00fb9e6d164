"""Rows that have no id of their client's: of collections that know none, what they say is their name, so that a repeat is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.mahak.saving.batch import Item
from infra.requests import fingerprint_of

_NOT_SAID = frozenset({"deleted", "rowversion", "datahash", "createsyncid", "updatesyncid", "updatedate"})
DIGITS = 32


def name_by_content(lists: Mapping[str, Sequence[Item]]) -> None:
    """Give rows of collections without client ids one made of what they say; equal rows of one batch are counted."""
    for items in lists.values():
        seen: dict[str, int] = {}
        for item in items:
            if item.error is not None or item.id or item.client_key or item.collection.client_wire or not item.collection.plans:
                continue
            said = {name: value for name, value in item.row.items() if name not in _NOT_SAID and value not in (None, "")}
            digest = fingerprint_of(said).hex()[:DIGITS]
            seen[digest] = count = seen.get(digest, 0) + 1
            item.client_key = f"{item.collection.entity}#{digest}" + (f"/{count}" if count > 1 else "")


def digest_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """What rows say, in short."""
    said = [{name: value for name, value in row.items() if name not in _NOT_SAID and value not in (None, "")} for row in rows]
    return fingerprint_of(said).hex()[:DIGITS]


def key_after(key: str, seq: int) -> str:
    """The name of a row that says what a deleted one said, which is deleted as of `seq`: another row."""
    return f"{key.partition('@')[0]}@{seq}"
