"""The follower that relays: its position moves when JetStream has stored a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
import structlog

from infra.relay import NAME
from infra.relay.messages import Message, read_messages
from infra.relay.publisher import Publisher
from infra.relay.stream import StreamState

BATCH = 1_000
"""Events per batch at most."""

log = structlog.get_logger("daftar.relay")

_NOTE = b"UPDATE positions SET stream_created = %b, stream_seq = %b WHERE follower = %b AND company_id = %b"
_FROM_THE_START = b"""
UPDATE positions SET seq = 0, stream_created = NULL, stream_seq = NULL
WHERE follower = %b AND stream_created <> %b
"""
_LOST_THE_END = b"""
SELECT company_id, codename FROM positions JOIN companies USING (company_id)
WHERE follower = %b AND stream_created = %b AND stream_seq > %b
"""
_BACK_TO = b"""
UPDATE positions SET seq = least(seq, %b), stream_seq = %b WHERE follower = %b AND company_id = %b AND stream_seq > %b
"""


class Relay:
    """Publishes every event of every company. Where NATS is away it waits; it never parks for that."""

    name = NAME

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        self._checked: StreamState | None = None

    def prepare(self, connection: psycopg.Connection[Any]) -> None:
        """Connect. A stream that is new gets everything; one that has lost its end gets that again."""
        state = self.publisher.connect()
        if state is self._checked:
            return
        anew = connection.execute(_FROM_THE_START, (self.name, state.created)).rowcount
        if anew:
            log.warning("the stream is a new one: it gets every event", companies=anew)
        lost = connection.execute(_LOST_THE_END, (self.name, state.created, state.last_seq)).fetchall()
        for company_id, codename in lost:
            back_to = max(0, self.publisher.last_seq_of(codename) - BATCH)  # what was refused in a batch came after what was not
            connection.execute(_BACK_TO, (back_to, state.last_seq, self.name, company_id, state.last_seq))
            log.warning("the stream has lost its end: it gets that again", company=codename, after=back_to)
        self._checked = state

    def handle(self, connection: psycopg.Connection[Any], company_id: UUID, after: int, until: int) -> int:
        """Publish the next events, and note where in the stream the last of them is. Raises Away."""
        messages = read_messages(connection, company_id, after, until, self.publisher.largest)
        if not messages:
            raise LookupError(f"the log has no events after {after}, up to {until}")
        self.publish(connection, company_id, messages)
        return messages[-1].seq

    def publish(self, connection: psycopg.Connection[Any], company_id: UUID, messages: Sequence[Message]) -> None:
        """Publish, and note where in the stream the last message is. Raises Away."""
        state, stream_seq = self.publisher.publish(messages)
        connection.execute(_NOTE, (state.created, stream_seq, self.name, company_id))
