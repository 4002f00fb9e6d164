"""Replay: a company's whole log as typed events, as fast as one process can decode it.

Postgres groups each page by topic, so that msgspec decodes thousands of events of one Struct in one call.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from operator import attrgetter
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from psycopg.pq.abc import PGresult

from domain.catalogue import TOPICS
from domain.event import Event
from domain.upcasting import upcast
from infra.database import Connection

Fact = TypeVar("Fact")


class Replayed(msgspec.Struct, Generic[Fact], array_like=True, gc=False):
    """An event of the log: where it stands, which record it is about, and the typed fact."""

    seq: int
    record_id: UUID
    version: int
    fact: Fact


_PAGE = b"""
SELECT topic, max(seq), string_agg('[' || seq || ',"' || record_id || '",' || version || ',' || data || ']', ',')
FROM (
    SELECT topic, seq, record_id, version, data FROM events
    WHERE company_id = %b AND seq > %b AND seq <= %b ORDER BY seq LIMIT %b
) AS page
GROUP BY topic
"""

_by_seq = attrgetter("seq")


def replay(
    connection: Connection, company_id: UUID, *, after: int = 0, until: int = 2**62, page: int = 5_000
) -> Iterator[list[Replayed[Event]]]:
    """Pages of the log in order of seq, each event decoded into the Struct of its topic (or of the one it is upcast to).

    Raises UnknownTopic where the log was written by newer software, msgspec.ValidationError where its bytes are damaged.
    """
    cursors = (connection.cursor(binary=True), connection.cursor(binary=True))
    with connection.pipeline() as pipeline:
        cursors[0].execute(_PAGE, (company_id, after, until, page))
        turn = 0
        while True:
            pipeline.sync()
            rows = cursors[turn].pgresult
            ends = [int.from_bytes(rows.get_value(row, 1) or b"", "big") for row in range(rows.ntuples)] if rows else []
            if not ends or rows is None:
                return
            turn = 1 - turn  # Postgres gathers the next page while this one is being decoded
            cursors[turn].execute(_PAGE, (company_id, max(ends), until, page))
            yield _events(rows)


def _events(rows: PGresult) -> list[Replayed[Event]]:
    events: list[Replayed[Event]] = []
    for row in range(rows.ntuples):
        topic = (rows.get_value(row, 0) or b"").decode()
        events += _decode(topic, b"[" + (rows.get_value(row, 2) or b"") + b"]")
    if rows.ntuples > 1:
        events.sort(key=_by_seq)
    return events


def _decode(topic: str, items: bytes) -> list[Replayed[Event]]:
    decoder = _decoder(topic)
    if decoder is not None:
        decoded: list[Replayed[Event]] = decoder.decode(items)
        return decoded
    raw = msgspec.json.decode(items, type=list[Replayed[dict[str, Any]]])
    return [Replayed(item.seq, item.record_id, item.version, _upcast(topic, item.fact)) for item in raw]


def _upcast(topic: str, fields: dict[str, Any]) -> Event:
    today, changed = upcast(topic, fields)
    return msgspec.convert(changed, TOPICS[today])


@cache
def _decoder(topic: str) -> msgspec.json.Decoder[Any] | None:
    struct = TOPICS.get(topic)
    return msgspec.json.Decoder(list[Replayed[struct]]) if struct is not None else None  # type: ignore[valid-type]
