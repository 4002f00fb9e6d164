"""The state of a whole company as of any point of its log: every record as it stood, folded one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from domain.books import evolve
from domain.catalogue import CATALOGUE, fields_of
from domain.errors import CompanyNotFound, CursorAhead, LogBroken
from domain.record import Record
from infra.database import Database
from infra.history.moments import seq_at
from infra.history.streams import events_by_record

Progress = Callable[[int], None]
"""Told how many more events have been folded."""

_POINT = b"SELECT seq, hash, recorded_at FROM events WHERE company_id = %b AND seq = %b"


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a log: an event, its hash and its time; seq 0, before the first event, has neither."""

    seq: int
    hash: str | None = None
    recorded_at: datetime | None = None


def point_of(database: Database, company_id: UUID, seq: int | None = None, moment: datetime | None = None) -> Point:
    """The point that a seq or a time names; without either, the head. Raises CursorAhead, CompanyNotFound."""
    with database.company(company_id) as connection:
        row = connection.execute(b"SELECT seq FROM heads WHERE company_id = %b", (company_id,)).fetchone()
        if row is None:
            raise CompanyNotFound
        head = row[0]
        if seq is not None and seq > head:
            raise CursorAhead(f"This company's log ends at {head}.", path="at_seq", head=head)
        wanted = seq_at(connection, company_id, moment) if moment is not None else head if seq is None else seq
        if wanted == 0:
            return Point(0)
        found = connection.execute(_POINT, (company_id, wanted), binary=True).fetchone()
    if found is None:
        raise LogBroken
    return Point(found[0], found[1].hex(), found[2])


def records_at(
    database: Database, company_id: UUID, seq: int, kinds: Sequence[str] | None = None, progress: Progress | None = None
) -> Iterator[Record]:
    """Every record as it stood when the log had `seq` events, tombstones too, by id."""
    events = events_by_record(database, company_id, seq, kinds=kinds)
    for _, stream in groupby(events, key=lambda event: event.record_id):
        record: Record | None = None
        count = 0
        for event in stream:
            record = evolve(record, event, CATALOGUE[event.kind], fields_of(event))
            count += 1
        if progress:
            progress(count)
        if record is not None:
            yield record
