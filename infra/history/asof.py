"""The books as of a seq: records as they were when the log had that many events.

Pages are keysets by number, each read on a connection of its own for as long as it takes: whoever reads slowly holds nothing. A
record that has changed since is folded anew from its events, so every page is exact as of the seq whatever is written meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any
from uuid import UUID

from domain.books import evolve
from domain.catalogue import CATALOGUE, fields_of
from domain.record import Record, decode_record
from infra.database import Connection, Database
from infra.store.rows import event_of_row
from infra.store.statements import EVENT_COLUMNS

PAGE = 250
"""Records of a page; some hold long texts."""
ROUND_TRIP = 250
"""Events that are decoded at a time."""

_BY_NUMBER = b"""
SELECT id, number, CASE WHEN seq <= %b THEN document END FROM records
WHERE company_id = %b AND kind = %b AND number > %b ORDER BY number LIMIT %b
"""
_BY_ID = b"SELECT id, number, CASE WHEN seq <= %b THEN document END FROM records WHERE company_id = %b AND id = ANY(%b)"
_EVENTS = f"""
SELECT {EVENT_COLUMNS} FROM events WHERE company_id = %b AND record_id = ANY(%b) AND seq <= %b
AND (record_id, version) > (%b, %b) ORDER BY record_id, version LIMIT %b
""".encode()


def records_as_of(database: Database, company_id: UUID, seq: int, kind: str, *, page: int = PAGE) -> Iterator[list[Record]]:
    """Pages of the kind's records as they were when the log had `seq` events, tombstones too, in order of their numbers."""
    last = 0
    while True:
        with database.company(company_id) as connection:
            rows = connection.execute(_BY_NUMBER, (seq, company_id, kind, last, page), binary=True).fetchall()
            found = _as_of(connection, company_id, seq, rows)
        if found:
            yield found
        # Numbers are dense in the order of the log: what comes after a record that did not exist yet did not exist either
        if len(rows) < page or len(found) < len(rows):
            return
        last = rows[-1][1]


def find_as_of(connection: Connection, company_id: UUID, seq: int, ids: Collection[UUID]) -> dict[UUID, Record]:
    """These records as they were when the log had `seq` events; those that did not exist yet are left out."""
    if not ids:
        return {}
    rows = connection.execute(_BY_ID, (seq, company_id, list(ids)), binary=True).fetchall()
    return {record.id: record for record in _as_of(connection, company_id, seq, rows)}


def _as_of(connection: Connection, company_id: UUID, seq: int, rows: Sequence[tuple[Any, ...]]) -> list[Record]:
    folded = _fold(connection, company_id, seq, [record_id for record_id, _, document in rows if document is None])
    records = (folded.get(record_id) if document is None else decode_record(document) for record_id, _, document in rows)
    return [record for record in records if record is not None]


def _fold(connection: Connection, company_id: UUID, seq: int, ids: Collection[UUID]) -> dict[UUID, Record]:
    """The records anew from their events; however long a record's history is, few of its events are in memory at a time."""
    records: dict[UUID, Record] = {}
    after: tuple[UUID, int] = (UUID(int=0), -1)
    left = sorted(ids)
    while left:
        rows = connection.execute(_EVENTS, (company_id, left, seq, *after, ROUND_TRIP), binary=True).fetchall()
        for event in map(event_of_row, rows):
            records[event.record_id] = evolve(records.get(event.record_id), event, CATALOGUE[event.kind], fields_of(event))
            after = (event.record_id, event.version)
        # Not a cursor that streams: it would leave the connection answering in pieces, which infra.store.pipeline does not expect
        left = [one for one in left if one >= after[0]] if len(rows) == ROUND_TRIP else []
    return records
