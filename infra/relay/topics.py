"""Events under a dialect's own topic names: what its clients listened to before is published to a stream of its own.

The log is the truth here, too: every event of every company, whichever dialect wrote it, is shown as the dialect sees the record
before and after. What that looks like is the dialect's (`Topics`); order, position and repetition are the relay's.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import psycopg
import structlog

from domain.books import evolve
from domain.catalogue import CATALOGUE, fields_of
from domain.event import JSON
from domain.record import Record, decode_record
from infra.followers.follower import read_range
from infra.history.asof import find_as_of
from infra.relay.follower import Relay
from infra.relay.messages import BATCH_BYTES, ENVELOPE_BYTES, Message
from infra.relay.publisher import Publisher
from infra.relay.stream import StreamNames

FINTRACK = "api.fintrack.topics:TOPICS"
"""Named, not imported: dialects are the layer above."""
BATCH = 250
"""Events per batch at most; each is several messages."""

log = structlog.get_logger("daftar.relay")

_UNTIL = b"""
SELECT max(seq) FROM (
    SELECT seq, sum(octet_length(data)) OVER (ORDER BY seq) - octet_length(data) AS before
    FROM events WHERE company_id = %b AND seq > %b AND seq <= %b AND kind = ANY(%b)
) AS counted WHERE before < %b
"""
_COMPANY = b"SELECT document FROM records WHERE company_id = %b AND id = %b"


class Topics(Protocol):
    """How a dialect shows changes. `name` is the follower's, `kinds` are the kinds of records that it shows at all."""

    name: str
    kinds: frozenset[str]

    @property
    def stream(self) -> StreamNames:
        """The stream and every subject in it."""

    def of_change(
        self, company: Record, before: Record | None, after: Record, recorded_at: datetime
    ) -> Iterable[tuple[str, Mapping[str, Any]]]:
        """The topics of one event of a record, each with its payload."""


def load_topics(path: str) -> Topics:
    """The topics of a dialect, by where they are."""
    module, _, name = path.partition(":")
    found: Topics = getattr(importlib.import_module(module), name)
    return found


class TopicRelay(Relay):
    """Publishes every change under a dialect's topic names, at least once, in the order of the company's log."""

    def __init__(self, publisher: Publisher, topics: Topics) -> None:
        super().__init__(publisher)
        self.topics = topics
        self.name = topics.name

    def handle(self, connection: psycopg.Connection[Any], company_id: UUID, after: int, until: int) -> int:
        """Publish what the next events changed. Raises Away."""
        kinds = sorted(self.topics.kinds)
        (end,) = connection.execute(_UNTIL, (company_id, after, until, kinds, BATCH_BYTES)).fetchone() or (None,)
        if end is None:
            return until
        if messages := self._messages(connection, company_id, after, end):
            self.publish(connection, company_id, messages)
        return int(end)

    def _messages(self, connection: psycopg.Connection[Any], company_id: UUID, after: int, until: int) -> list[Message]:
        events = read_range(connection, company_id, after, until, self.topics.kinds)
        records = find_as_of(connection, company_id, after, {event.record_id for event in events})
        (document,) = connection.execute(_COMPANY, (company_id, company_id)).fetchone() or (None,)
        assert document is not None, "a company's first event is its registration"
        company = decode_record(document)
        messages: list[Message] = []
        for event in events:
            before = records.get(event.record_id)
            after_it = records[event.record_id] = evolve(before, event, CATALOGUE[event.kind], fields_of(event))
            for topic, payload in self.topics.of_change(company, before, after_it, event.recorded_at):
                messages.append(self._message(company, event.seq, after_it, topic, payload))
        return messages

    def _message(self, company: Record, seq: int, record: Record, topic: str, payload: Mapping[str, Any]) -> Message:
        headers = {
            "Nats-Msg-Id": f"{company.id}:{seq}:{topic}",
            "Daftar-Seq": str(seq),
            "Daftar-Company": str(company.data["codename"]),
            "Daftar-Company-Id": str(company.id),
            "Daftar-Record-Id": str(record.id),
        }
        body = JSON.encode(payload)
        if len(body) > self.publisher.largest - ENVELOPE_BYTES:
            headers["Daftar-Oversized"] = "true"
            log.warning("a change is too large for a message: it goes without its fields", topic=topic, seq=seq)
            body = JSON.encode({"id": record.id, "businessId": company.id, "oversized": True, "bytes": len(body)})
        return Message(seq, topic, headers, body)
