"""What a sync needs to know beside the records that changed: when they were made, their numbers, and what is still to be pulled."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from infra.database import CompanyConnections
from infra.store.arrays import uuids
from infra.store.pipeline import run

NOBODY = UUID(int=0)
"""A device that there is not: everything is others'."""

_FIRST = b"""
SELECT e.record_id, e.seq FROM unnest(%b::uuid[]) AS asked (id)
JOIN events e ON e.company_id = %b AND e.record_id = asked.id AND e.version = 1
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
_CURRENT = b"SELECT id, number, seq FROM records WHERE company_id = %b AND id = ANY(%b)"
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

    def first_seqs(self, company_id: UUID, record_ids: Sequence[UUID]) -> dict[str, int]:
        """The seq of the first event of each of these records."""
        if not record_ids:
            return {}
        with self.database.company(company_id) as connection:
            found = run(connection, _FIRST, (uuids(record_ids), company_id))
        values = ((found.get_value(row, 0) or b"", found.get_value(row, 1) or b"") for row in range(found.ntuples))
        return {str(UUID(bytes=record_id)): int.from_bytes(seq, "big") for record_id, seq in values}

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

    def current(self, company_id: UUID, record_ids: Sequence[UUID]) -> dict[UUID, tuple[int, int]]:
        """The number of each of these records, and the seq that it is at."""
        if not record_ids:
            return {}
        with self.database.company(company_id) as connection:
            found = run(connection, _CURRENT, (company_id, uuids(record_ids)))
        rows = ([found.get_value(row, column) or b"" for column in range(3)] for row in range(found.ntuples))
        return {UUID(bytes=own): (int.from_bytes(number, "big"), int.from_bytes(seq, "big")) for own, number, seq in rows}

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
