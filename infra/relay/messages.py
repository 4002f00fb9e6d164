"""What is published: a message per event, on the subject `daftar.<company>.<kind>.<event>`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import psycopg
import structlog

from infra.reading.reader import EVENT_ENVELOPE, EVENT_JSON

BATCH_BYTES = 4 * 1024 * 1024
"""Data of events in one batch: so much is in memory, and on its way, at a time."""
ENVELOPE_BYTES = 4 * 1024
"""More than what a message is beside its event's data: the envelope and the headers."""

log = structlog.get_logger("daftar.relay")

_READ = f"""
SELECT seq, (SELECT codename FROM companies WHERE company_id = %b), kind, topic, record_id::text, bytes > %b,
       CASE WHEN bytes > %b THEN {EVENT_ENVELOPE} || ',"oversized":true,"bytes":' || bytes || '}}' ELSE {EVENT_JSON} END
FROM (
    SELECT *, sum(least(bytes, %b)) OVER (ORDER BY seq) - least(bytes, %b) AS before
    FROM (
        SELECT *, octet_length(data) + coalesce(octet_length(sealed) * 2, 0) AS bytes
        FROM events WHERE company_id = %b AND seq > %b AND seq <= %b
    ) AS event
) AS counted WHERE before < %b ORDER BY seq
""".encode()
"""The first events of a range, as many as are a batch. What is too large is not even read."""


class Message(msgspec.Struct, frozen=True):
    """An event, ready to publish. `payload` is its JSON object as `GET /events` has it."""

    seq: int
    subject: str
    headers: dict[str, str]
    payload: bytes


def subject_of(codename: str, topic: str) -> str:
    """`daftar.<company>.<kind>.<event>`: `invoice.became-overdue.v1` of babil is `daftar.babil.invoice.became-overdue`.

    The company is its codename: it never changes, and has no dots, wildcards or spaces in it.
    """
    kind, event, _ = topic.split(".")
    return f"daftar.{codename}.{kind}.{event}"


def message_id(company_id: UUID, seq: int) -> str:
    """By which JetStream knows a message that it has had before."""
    return f"{company_id}:{seq}"


def read_messages(connection: psycopg.Connection[Any], company_id: UUID, after: int, until: int, largest: int) -> list[Message]:
    """The messages of the events after `after`, up to `until` or until there are enough.

    `largest` is what the server takes, in bytes: a larger event's message says all but its data, and `oversized`.
    """
    limit = largest - ENVELOPE_BYTES
    parameters = (company_id, limit, limit, limit, limit, company_id, after, until, BATCH_BYTES)
    messages: list[Message] = []
    for seq, codename, kind, topic, record_id, oversized, item in connection.execute(_READ, parameters, binary=True):
        headers = {
            "Nats-Msg-Id": message_id(company_id, seq),
            "Daftar-Seq": str(seq),
            "Daftar-Company": codename,
            "Daftar-Company-Id": str(company_id),
            "Daftar-Kind": kind,
            "Daftar-Topic": topic,
            "Daftar-Record-Id": record_id,
        }
        if oversized:
            headers["Daftar-Oversized"] = "true"
            log.warning("an event is too large for a message: it goes without its data", company=codename, seq=seq, largest=largest)
        messages.append(Message(seq, subject_of(codename, topic), headers, item.encode()))
    return messages
