"""Which links of visitors a pull answers: those that were made for the visitor who asks, or one to everything.

What a visitor may see is what it is linked to. Every user has a visitor's id, so everybody who asks is answered as a visitor; the
vendor's server too answers the links of whoever asks, because its apps keep all that they get. The links that others are given are
in the records that stand for them, which the native dialect reads.

Of each kind of link (people, goods, banks …) a visitor has either

- those that were made for it, as soon as somebody else has made one that is not deleted: it sees just those, and those that it made
  itself; they are rows of a collection of its own (`links_of`), or
- one to every living record: rows of the collection itself, which are the same for all visitors but for the visitor's id, which is
  put in while they are sent. Links that it made itself are answered as deleted there, because each would be a second one.

Going from one to the other happens at a seq, the *turn*: the first living link's, or the last deleted one's. Whoever has a version
before it gets the links that it loses as deleted and those that it gains as new, all in the version of the turn and therefore never
cut by a page; then goes on as everybody else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from api.mahak.collections import COLLECTIONS
from api.mahak.collections.implied import ANY_VISITOR
from api.mahak.collections.view import BASE
from domain.event import JSON
from infra.sync.rows import RowsPage

ASSIGNED, SELF_MADE = 0, 1
"""The parts of a visitor's own links: those that others made for it, and those that it made."""

_decoder = msgspec.json.Decoder(list[dict[str, Any]], float_hook=lambda digits: msgspec.Raw(digits.encode()))
_PLACEHOLDER = b'isitorId":%d' % ANY_VISITOR
"""In both families' spelling. No text in a row has it: a quotation mark in a text is escaped."""

Change = Callable[[bytes], bytes]
"""What is done to the rows of a page before they are sent."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the answer for one collection: its rows after a seq and up to another, and what is done to them.

    `version`: what all its rows count as; 0 where each has its own. `is_whole`: it is not cut by a page's size.
    """

    collection: str
    after: int
    until: int | None = None
    change: Change | None = None
    version: int = 0
    is_whole: bool = False


def links_of(name: str, user_id: str) -> str:
    """Where the links are that were made for a visitor."""
    return f"{name}/{user_id}"


def stages_of(name: str, user_id: str, visitor_id: int, after: int, made: RowsPage) -> list[Stage]:
    """What a visitor who has everything up to `after` is answered; `made` tells the span of the links that were made for it."""
    own, turn = links_of(name, user_id), made.lives_from or made.newest
    is_assigned = made.lives_from > 0
    mine = _Links(name, visitor_id)
    if after >= turn:
        return [Stage(own, after) if is_assigned else Stage(name, after, change=mine.sent)]
    if is_assigned:
        lost = [Stage(name, 0, change=replace(mine, version=turn).lost, version=turn, is_whole=True)] if after else []
        return [*lost, Stage(own, 0, until=turn, version=turn, is_whole=True), Stage(own, turn)]
    return [
        Stage(name, 0, until=turn, change=replace(mine, version=turn).gained, version=turn, is_whole=True),
        Stage(own, after, until=turn, change=replace(mine, version=0).deleted, version=turn, is_whole=True),
        Stage(name, turn, change=mine.sent),
    ]


@dataclass(frozen=True, slots=True)
class _Links:
    """The links of one visitor, as they are sent to it."""

    name: str
    visitor_id: int
    version: int = 0

    def sent(self, items: bytes) -> bytes:
        """The links to everything, as this visitor's."""
        return items.replace(_PLACEHOLDER, b'isitorId":%d' % self.visitor_id)

    def gained(self, items: bytes) -> bytes:
        """The same, in the version of the turn."""
        return self._changed(items, deleted=False)

    def lost(self, items: bytes) -> bytes:
        """The same as deleted, in the version of the turn; without those that were made."""
        return self._changed(items, deleted=True, implied_only=True)

    def deleted(self, items: bytes) -> bytes:
        """Links that were made, as deleted."""
        return self._changed(items, deleted=True)

    def _changed(self, items: bytes, *, deleted: bool, implied_only: bool = False) -> bytes:
        id_wire = COLLECTIONS[self.name].id_wire
        rows = _decoder.decode(b"[" + self.sent(items) + b"]")
        kept: list[bytes] = []
        for row in rows:
            names = {name.lower(): name for name in row}
            if implied_only and row[names[id_wire.lower()]] <= BASE:
                continue
            row[names["deleted"]] = deleted or row[names["deleted"]]
            row[names["rowversion"]] = self.version or row[names["rowversion"]]
            kept.append(JSON.encode(row))
        return b",".join(kept)
