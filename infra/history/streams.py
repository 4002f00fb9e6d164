"""Logs read record by record: the order in which records are folded one at a time, however many there are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any
from uuid import UUID

from domain.event import RecordedEvent
from infra.database import Database
from infra.store.arrays import texts, uuids
from infra.store.rows import event_of_row
from infra.store.statements import EVENT_COLUMNS

PAGE = 2_000

_NOBODY = UUID(int=0)


def events_by_record(
    database: Database,
    company_id: UUID,
    until: int,
    *,
    records: Collection[UUID] | None = None,
    kinds: Sequence[str] | None = None,
    page: int = PAGE,
) -> Iterator[RecordedEvent]:
    """Events with seq ≤ `until`, by record and version, a page at a time in memory and no connection held between pages.

    Events are never changed, so pages that are read one after the other are still one state: that of `until`.
    """
    statement = f"SELECT {EVENT_COLUMNS} FROM events WHERE company_id = %b AND (record_id, version) > (%b, %b) AND seq <= %b"
    chosen: list[Any] = []
    if records is not None:
        statement += " AND record_id = ANY(%b)"
        chosen.append(uuids(list(records)))
    if kinds is not None:
        statement += " AND kind = ANY(%b)"
        chosen.append(texts(kinds))
    query = f"{statement} ORDER BY record_id, version LIMIT %b".encode()
    record_id, version = _NOBODY, 0
    while True:
        with database.company(company_id) as connection:
            found = connection.execute(query, (company_id, record_id, version, until, *chosen, page), binary=True).fetchall()
        yield from map(event_of_row, found)
        if len(found) < page:
            return
        last = event_of_row(found[-1])
        record_id, version = last.record_id, last.version
