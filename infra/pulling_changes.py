"""Pulling changed records with what a sync needs beside them: which are new, and which only the asking device changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.errors import CompanyNotFound, CursorAhead
from infra.database import CompanyConnections
from infra.reading import LARGEST
from infra.store.arrays import texts, uuids
from infra.store.pipeline import run


@dataclass(frozen=True, slots=True)
class ChangedPage:
    """Documents that changed after a cursor, in order of seq, as the inside of a JSON list; and the cursor to go on with."""

    items: bytes
    count: int
    cursor: int
    has_more: bool
    head: int


_PAGE = b"""
SELECT (SELECT seq FROM heads WHERE company_id = %b), max(seq), count(*), string_agg(document, ',') FROM (
    SELECT seq, document FROM records WHERE company_id = %b AND seq > %b AND kind = ANY(%b) ORDER BY seq LIMIT %b
) AS page
"""
# A keyset per kind, merged: a small table of a large company costs what it holds, not what the company holds
_PAGE_OF_FEW = b"""
SELECT (SELECT seq FROM heads WHERE company_id = %b), max(seq), count(*), string_agg(document, ',') FROM (
    SELECT one.seq, one.document FROM unnest(%b::text[]) AS wanted (kind) CROSS JOIN LATERAL (
        SELECT seq, document FROM records
        WHERE company_id = %b AND kind = wanted.kind AND seq > %b ORDER BY seq LIMIT %b
    ) AS one ORDER BY one.seq LIMIT %b
) AS page
"""
FEW = 4
NOBODY = UUID(int=0)
"""A device that there is not: everything is others'."""

_MADE_BEFORE = b"""
SELECT e.record_id FROM unnest(%b::uuid[]) AS asked (id)
JOIN events e ON e.company_id = %b AND e.record_id = asked.id AND e.version = 1 WHERE e.seq <= %b
"""
_OWN = b"""
SELECT r.id FROM unnest(%b::uuid[]) AS asked (id)
JOIN records r ON r.company_id = %b AND r.id = asked.id
JOIN events l ON l.company_id = r.company_id AND l.seq = r.seq AND l.device_id = %b
WHERE NOT EXISTS (SELECT FROM events o WHERE o.company_id = r.company_id AND o.record_id = r.id AND o.seq > %b
                  AND o.device_id IS DISTINCT FROM %b)
"""
_UNSEEN = b"""
SELECT EXISTS (SELECT FROM events WHERE company_id = %b AND seq > %b AND seq <= %b AND kind = ANY(%b)
               AND device_id IS DISTINCT FROM %b)
"""
_PENDING = b"""
SELECT count(*) FROM records r WHERE r.company_id = %b AND r.seq > %b AND r.kind = ANY(%b)
AND ((SELECT l.device_id FROM events l WHERE l.company_id = r.company_id AND l.seq = r.seq) IS DISTINCT FROM %b
    OR EXISTS (SELECT FROM events o WHERE o.company_id = r.company_id AND o.record_id = r.id AND o.seq > %b
               AND o.device_id IS DISTINCT FROM %b))
"""
_NUMBERS = b"SELECT id, number FROM records WHERE company_id = %b AND id = ANY(%b)"
_ACCOUNTS = b"""
SELECT u.value, r.number FROM unique_values u JOIN records r ON r.company_id = u.company_id AND r.id = u.record_id
WHERE u.company_id = %b AND u.kind = 'account' AND u.name = 'code'
"""
# Backwards from the head: the moments that are asked for are recent ones
_SEQS_AT = b"""
SELECT asked.place, coalesce((SELECT e.seq FROM events e WHERE e.company_id = %b AND e.recorded_at <= asked.moment
                              ORDER BY e.seq DESC LIMIT 1), 0)
FROM unnest(%b::timestamptz[]) WITH ORDINALITY AS asked (moment, place)
"""


class ChangeReader:
    """Reads what changed."""

    def __init__(self, database: CompanyConnections) -> None:
        self.database = database

    def page(self, company_id: UUID, after: int, limit: int, kinds: Collection[str]) -> ChangedPage:
        """Records of these kinds whose last event is after the cursor. Raises CursorAhead."""
        asked = texts(sorted(kinds))
        if len(kinds) > FEW:
            statement, parameters = _PAGE, [company_id, company_id, min(after, LARGEST), asked, limit]
        else:
            statement, parameters = _PAGE_OF_FEW, [company_id, asked, company_id, min(after, LARGEST), limit, limit]
        with self.database.company(company_id) as connection:
            found = run(connection, statement, parameters)
        values = [found.get_value(0, column) for column in range(4)]  # bytes: no text is decoded here
        if values[0] is None:
            raise CompanyNotFound
        head, last, count = (int.from_bytes(value or b"", "big") for value in values[:3])
        if after > head:
            raise CursorAhead(
                f"The version {after} is in the future: this company is at {head}. It may be another company's; pull from 0.",
                path="last_version",
                head=head,
            )
        is_full = count == limit and last < head
        return ChangedPage(values[3] or b"", count, last if is_full else head, is_full, head)

    def made_before(self, company_id: UUID, record_ids: Sequence[UUID], seq: int) -> frozenset[str]:
        """Which of these records were there at `seq`."""
        return self._ids(company_id, _MADE_BEFORE, record_ids, (company_id, seq))

    def own(self, company_id: UUID, record_ids: Sequence[UUID], device_id: UUID, since: int) -> frozenset[str]:
        """Which of these records only this device changed after `since`."""
        return self._ids(company_id, _OWN, record_ids, (company_id, device_id, since, device_id))

    def _ids(self, company_id: UUID, statement: bytes, record_ids: Sequence[UUID], parameters: tuple[Any, ...]) -> frozenset[str]:
        if not record_ids:
            return frozenset()
        with self.database.company(company_id) as connection:
            found = run(connection, statement, (uuids(record_ids), *parameters))
        return frozenset(str(UUID(bytes=found.get_value(row, 0))) for row in range(found.ntuples))

    def has_unseen(self, company_id: UUID, after: int, until: int, kinds: Collection[str], device_id: UUID) -> bool:
        """Whether anybody but this device changed anything with `after` < seq ≤ `until`."""
        with self.database.company(company_id) as connection:
            row = connection.execute(_UNSEEN, (company_id, after, until, list(kinds), device_id), binary=True).fetchone()
        return bool(row and row[0])

    def pending(self, company_id: UUID, after: int, kinds: Collection[str], device_id: UUID | None) -> int:
        """How many records others than this device changed after `after`."""
        device = device_id or NOBODY
        parameters = (company_id, after, list(kinds), device, after, device)
        with self.database.company(company_id) as connection:
            row = connection.execute(_PENDING, parameters, binary=True).fetchone()
        return int(row[0]) if row else 0

    def numbers(self, company_id: UUID, record_ids: Collection[UUID]) -> dict[UUID, int]:
        """The numbers of records."""
        if not record_ids:
            return {}
        with self.database.company(company_id) as connection:
            return dict(connection.execute(_NUMBERS, (company_id, list(record_ids)), binary=True).fetchall())

    def account_numbers(self, company_id: UUID) -> dict[str, int]:
        """The numbers of the chart's accounts, by their codes."""
        with self.database.company(company_id) as connection:
            return dict(connection.execute(_ACCOUNTS, (company_id,), binary=True).fetchall())

    def seqs_at(self, company_id: UUID, moments: Sequence[datetime]) -> list[int]:
        """The last seq that was recorded at each of these moments; 0 before the first."""
        if not moments:
            return []
        with self.database.company(company_id) as connection:
            rows = connection.execute(_SEQS_AT, (company_id, list(moments)), binary=True).fetchall()
        return [seq for _, seq in sorted(rows)]
