"""What changed since a time: records of a kind after the event that the time names, and the time to ask with next.

`recorded_at` strictly increases within a company, so a time names one event exactly. The point, the head and the records come from
one statement, hence from one snapshot: whoever was given a cursor was given everything up to it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timezone
from uuid import UUID

import msgspec

from domain.errors import CompanyNotFound
from domain.record import Record
from infra.database import Database
from infra.store.pipeline import decode_timestamp, run

REMEMBERED = 10_000
BEGINNING = datetime(1970, 1, 1, tzinfo=timezone.utc)
"""Before every log."""

# Halves what is left of the log, like `infra.history.moments`; most who ask know all of it but the end
_SINCE = """
WITH RECURSIVE search (low, high) AS (
    SELECT CASE WHEN recorded_at <= %b::timestamptz THEN seq ELSE 0 END, seq FROM heads WHERE company_id = %b
    UNION ALL
    SELECT CASE WHEN e.recorded_at <= %b::timestamptz THEN e.seq ELSE low END,
        CASE WHEN e.recorded_at <= %b::timestamptz THEN high ELSE e.seq - 1 END
    FROM search JOIN events e ON e.company_id = %b AND e.seq = (low + high + 1) / 2 WHERE low < high
), point AS MATERIALIZED (SELECT low AS seq FROM search WHERE low = high)"""
_ANSWER = """
SELECT h.seq, h.recorded_at, clock_timestamp(), p.seq, '[' || coalesce(string_agg(f.item, ',' ORDER BY f.seq), '') || ']'
FROM heads h JOIN point p ON true LEFT JOIN found f ON true WHERE h.company_id = %b GROUP BY h.seq, h.recorded_at, p.seq"""
_RECORDS = f"""{_SINCE}, found AS (
    SELECT r.seq, '{{"record":' || r.document || '}}' AS item
    FROM records r WHERE r.company_id = %b AND r.kind = %b AND r.seq > (SELECT seq FROM point)
){_ANSWER}""".encode()
# A product that was sold has not changed itself, but what is left of it has
_PRODUCTS = f"""{_SINCE}, named AS MATERIALIZED (
    SELECT id FROM records WHERE company_id = %b AND kind = 'product' AND seq > (SELECT seq FROM point)
    UNION
    SELECT (m.document::jsonb #>> '{{data,product_id}}')::uuid FROM point p JOIN records m
        ON m.company_id = %b AND m.kind = 'stock_movement' AND m.seq > p.seq WHERE p.seq > 0
), found AS (
    SELECT r.seq, '{{"record":' || r.document || ',"stock":"' || coalesce((SELECT sum(s.quantity) FROM stock_levels s
        WHERE s.company_id = r.company_id AND s.product_id = r.id), 0) || '"}}' AS item
    FROM named n JOIN records r ON r.company_id = %b AND r.id = n.id
){_ANSWER}""".encode()
_END = b"SELECT recorded_at FROM heads WHERE company_id = %b"
_FIRST = b"SELECT recorded_at FROM events WHERE company_id = %b AND seq = 1"
# When each kind's last change was recorded
_LAST = b"""
SELECT k.kind, e.recorded_at FROM unnest(%b::text[]) AS k (kind)
CROSS JOIN LATERAL (SELECT max(r.seq) AS seq FROM records r WHERE r.company_id = %b AND r.kind = k.kind) AS l
JOIN events e ON e.company_id = %b AND e.seq = l.seq
"""


class Item(msgspec.Struct, frozen=True):
    """A record; of a product, also how much of it there is in all stores."""

    record: Record
    stock: str = "0"


@dataclass(frozen=True, slots=True)
class Delta:
    """What changed after `after`, in order of seq; `head` and `head_at` are where the log ended, `now` is the database's clock."""

    head: int
    head_at: datetime
    now: datetime
    after: int
    items: list[Item]


_items = msgspec.json.Decoder(list[Item])


class Deltas:
    """Reads what changed since a time. Remembers when companies' last known events were recorded: that never changes."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._ends: dict[UUID, tuple[int, datetime]] = {}

    def read(self, company_id: UUID, kind: str, since: datetime | None) -> Delta:
        """Records of a kind (deleted ones too) that changed after `since`; all of them without it. Raises CompanyNotFound."""
        moment = since or BEGINNING
        point = (moment, company_id, moment, moment, company_id)
        if kind == "product":
            statement, parameters = _PRODUCTS, [*point, company_id, company_id, company_id, company_id]
        else:
            statement, parameters = _RECORDS, [*point, company_id, kind, company_id]
        with self.database.company(company_id) as connection:
            rows = run(connection, statement, parameters)
        if not rows.ntuples:
            raise CompanyNotFound
        head, head_at, now, after, items = (rows.get_value(0, column) or b"" for column in range(5))
        delta = Delta(
            int.from_bytes(head, "big"),
            decode_timestamp(head_at),
            decode_timestamp(now),
            int.from_bytes(after, "big"),
            _items.decode(items),
        )
        if len(self._ends) >= REMEMBERED:
            self._ends.clear()
        self._ends[company_id] = (delta.head, delta.head_at)
        return delta

    def end(self, company_id: UUID) -> datetime:
        """When the last event was recorded. Raises CompanyNotFound."""
        with self.database.company(company_id) as connection:
            rows = run(connection, _END, (company_id,))
        if not rows.ntuples:
            raise CompanyNotFound
        return decode_timestamp(rows.get_value(0, 0) or b"")

    def first(self, company_id: UUID) -> datetime:
        """When the first event was recorded. Raises CompanyNotFound."""
        with self.database.company(company_id) as connection:
            rows = run(connection, _FIRST, (company_id,))
        if not rows.ntuples:
            raise CompanyNotFound
        return decode_timestamp(rows.get_value(0, 0) or b"")

    def last_changes(self, company_id: UUID, kinds: Collection[str]) -> dict[str, datetime]:
        """When each kind's last change was recorded; kinds without any record are left out."""
        with self.database.company(company_id) as connection:
            return dict(connection.execute(_LAST, (list(kinds), company_id, company_id), binary=True).fetchall())

    def head_recorded_at(self, company_id: UUID, moment: datetime) -> int | None:
        """The seq of the event that is known to have been recorded at this very time, if it is the last one that is known."""
        seq, recorded_at = self._ends.get(company_id, (0, None))
        return seq if recorded_at == moment else None
