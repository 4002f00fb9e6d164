"""What syncing clients leave behind beside the log: how far each device has pulled, and what was refused of what it sent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from infra.database import Connection, Database
from infra.store.pipeline import run

MOST_REJECTED = 10_000
"""Rejected items that are kept per source; the oldest are forgotten first."""
MOST_REJECTED_BYTES = 64 * 1024 * 1024
"""Of them together, as they are stored."""


@dataclass(frozen=True, slots=True)
class DeviceSync:
    """How far a device is, and how it syncs. A device that never synced has pulled up to 0."""

    pulled_seq: int = 0
    pulled_at: datetime | None = None
    pushed_seq: int = 0
    pushed_at: datetime | None = None
    pulls: int = 0
    pushes: int = 0
    conflicts: int = 0
    refusals: int = 0
    pull_seconds: float = 0.0
    push_seconds: float = 0.0
    pulled_items: int = 0
    pushed_items: int = 0
    first_at: datetime | None = None
    has_rejected: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item that was refused. `item_key` names it among what its source sends; `place` is where it goes (`parties INSERT`)."""

    item_key: str
    place: str
    item: str
    code: str
    message: str
    field: str = ""
    number: int = 0
    attempts: int = 1
    first_at: datetime | None = None
    last_at: datetime | None = None


_SYNC = b"""
SELECT pulled_seq, pulled_at, pushed_seq, pushed_at, pulls, pushes, conflicts, refusals, pull_seconds, push_seconds,
    pulled_items, pushed_items, first_at, EXISTS (SELECT FROM rejected_items r WHERE r.company_id = d.company_id
        AND r.dialect = d.dialect AND r.source = d.device)
FROM device_syncs d WHERE company_id = %b AND dialect = %b AND device = %b
"""
# Nobody waits for the disk: where this is lost in a crash, the device counts as further back than it is, which is the safe side
_PULLED = b"""
WITH hasty AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO device_syncs AS d (company_id, dialect, device, pulled_seq, pulled_at, pulls, pull_seconds, pulled_items)
SELECT %b, %b, %b, %b, now(), 1, %b, %b FROM hasty
ON CONFLICT (company_id, dialect, device) DO UPDATE SET pulled_seq = excluded.pulled_seq, pulled_at = now(), pulls = d.pulls + 1,
    pull_seconds = d.pull_seconds + excluded.pull_seconds, pulled_items = d.pulled_items + excluded.pulled_items
"""
_PUSHED = b"""
INSERT INTO device_syncs AS d (company_id, dialect, device, pulled_seq, pushed_seq, pushed_at, pushes, push_seconds, pushed_items,
    conflicts, refusals)
VALUES (%b, %b, %b, %b, %b, now(), 1, %b, %b, %b, %b)
ON CONFLICT (company_id, dialect, device) DO UPDATE SET pulled_seq = greatest(d.pulled_seq, excluded.pulled_seq),
    pushed_seq = greatest(d.pushed_seq, excluded.pushed_seq), pushed_at = now(), pushes = d.pushes + 1,
    push_seconds = d.push_seconds + excluded.push_seconds, pushed_items = d.pushed_items + excluded.pushed_items,
    conflicts = d.conflicts + excluded.conflicts, refusals = d.refusals + excluded.refusals
"""
_WROTE = b"""
INSERT INTO device_syncs AS d (company_id, dialect, device, pushed_seq) VALUES (%b, %b, %b, %b)
ON CONFLICT (company_id, dialect, device) DO UPDATE SET pushed_seq = greatest(d.pushed_seq, excluded.pushed_seq)
"""
_REJECT = b"""
INSERT INTO rejected_items AS r (company_id, dialect, source, item_key, place, item, code, message, field)
SELECT %b, %b, %b, * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[])
ON CONFLICT (company_id, dialect, source, item_key) DO UPDATE SET place = excluded.place, item = excluded.item,
    code = excluded.code, message = excluded.message, field = excluded.field, attempts = r.attempts + 1, last_at = now()
"""
_FORGET = b"DELETE FROM rejected_items WHERE company_id = %b AND dialect = %b AND source = %b AND item_key = ANY(%b)"
_FORGET_AND_PUSHED = b"WITH gone AS (" + _FORGET + b")" + _PUSHED
_TRIM = b"""
DELETE FROM rejected_items WHERE company_id = %b AND number IN (
    SELECT number FROM (
        SELECT number, row_number() OVER newest AS place, sum(pg_column_size(item)) OVER newest AS bytes FROM rejected_items
        WHERE company_id = %b AND dialect = %b AND source = %b
        WINDOW newest AS (ORDER BY last_at DESC, number DESC)
    ) kept WHERE place > %b OR (bytes > %b AND place > 1)
)
"""
_LIST = b"""
SELECT item_key, place, item, code, message, field, number, attempts, first_at, last_at FROM rejected_items
WHERE company_id = %b AND dialect = %b AND source = %b AND number > %b ORDER BY number LIMIT %b
"""
_ONE = b"""
SELECT item_key, place, item, code, message, field, number, attempts, first_at, last_at FROM rejected_items
WHERE company_id = %b AND dialect = %b AND source = %b AND number = %b
"""
_HAS_ANY = b"SELECT EXISTS (SELECT FROM rejected_items WHERE company_id = %b AND dialect = %b AND source = %b)"
_COUNT = b"SELECT count(*) FROM rejected_items WHERE company_id = %b AND dialect = %b AND source = %b"
_DISCARD = b"DELETE FROM rejected_items WHERE company_id = %b AND dialect = %b AND source = %b AND number = ANY(%b)"
_DISCARD_ALL = b"DELETE FROM rejected_items WHERE company_id = %b AND dialect = %b AND source = %b"


class Syncs:
    """The sync state of one dialect's devices."""

    def __init__(self, database: Database, dialect: str) -> None:
        self.database = database
        self.dialect = dialect

    def find(self, company_id: UUID, device: str) -> DeviceSync:
        """How far a device is."""
        with self.database.company(company_id) as connection:
            row = connection.execute(_SYNC, (company_id, self.dialect, device)).fetchone()
        return DeviceSync(*row) if row else DeviceSync()

    def note_pull(self, company_id: UUID, device: str, seq: int, *, seconds: float = 0.0, items: int = 0) -> None:
        """The device was given everything up to `seq`, which may be less than before: it may have lost its data."""
        with self.database.company(company_id) as connection:
            connection.execute(_PULLED, (company_id, self.dialect, device, seq, seconds, items))

    def note_write(self, company_id: UUID, device: str, seq: int) -> None:
        """The device wrote something, up to `seq`, other than by a push."""
        with self.database.company(company_id) as connection:
            connection.execute(_WROTE, (company_id, self.dialect, device, seq))

    def note_push(
        self,
        company_id: UUID,
        device: str,
        seq: int,
        *,
        seen: int = 0,
        seconds: float = 0.0,
        items: int = 0,
        conflicts: int,
        rejected: Sequence[Rejected],
        accepted: Collection[str],
    ) -> None:
        """The device pushed, up to `seq`, and has seen everything of others up to `seen`.

        What was refused is kept; what was accepted is no longer among it.
        """
        counts = (company_id, self.dialect, device, seen, seq, seconds, items, conflicts, len(rejected))
        done = (company_id, self.dialect, device, list(accepted))
        if not rejected:
            with self.database.company(company_id) as connection:
                connection.execute(_FORGET_AND_PUSHED, (*done, *counts))
            return
        with self.database.company(company_id) as connection, connection.transaction():
            connection.execute(_FORGET_AND_PUSHED, (*done, *counts))
            self._keep(connection, company_id, device, rejected)

    def note_items(self, company_id: UUID, source: str, *, rejected: Sequence[Rejected], accepted: Collection[str]) -> None:
        """A source that is no device sent items: what was refused is kept; what was accepted is no longer among it."""
        with self.database.company(company_id) as connection, connection.transaction():
            if accepted:
                connection.execute(_FORGET, (company_id, self.dialect, source, list(accepted)))
            if rejected:
                self._keep(connection, company_id, source, rejected)

    def _keep(self, connection: Connection, company_id: UUID, source: str, rejected: Sequence[Rejected]) -> None:
        columns = [[getattr(one, name) for one in rejected] for name in ("item_key", "place", "item", "code", "message", "field")]
        connection.execute(_REJECT, (company_id, self.dialect, source, *columns))
        connection.execute(_TRIM, (company_id, company_id, self.dialect, source, MOST_REJECTED, MOST_REJECTED_BYTES))

    def rejected(self, company_id: UUID, source: str, limit: int = 100, *, after: int = 0) -> list[Rejected]:
        """What is still refused of what a source sent, oldest first, after the number `after`."""
        with self.database.company(company_id) as connection:
            rows = connection.execute(_LIST, (company_id, self.dialect, source, after, limit)).fetchall()
        return [Rejected(*row) for row in rows]

    def find_rejected(self, company_id: UUID, source: str, number: int) -> Rejected | None:
        """One of a source's rejected items, by its number."""
        with self.database.company(company_id) as connection:
            row = connection.execute(_ONE, (company_id, self.dialect, source, number)).fetchone()
        return Rejected(*row) if row else None

    def count_rejected(self, company_id: UUID, source: str) -> int:
        """How many items of a source are still refused."""
        with self.database.company(company_id) as connection:
            row = connection.execute(_COUNT, (company_id, self.dialect, source)).fetchone()
        return int(row[0]) if row else 0

    def has_rejected(self, company_id: UUID, source: str) -> bool:
        """Whether any item of a source is still refused."""
        with self.database.company(company_id) as connection:
            return run(connection, _HAS_ANY, (company_id, self.dialect, source)).get_value(0, 0) == b"\x01"

    def discard(self, company_id: UUID, source: str, numbers: Sequence[int] | None = None) -> int:
        """Forget rejected items by their numbers, or all of the source; returns how many there were."""
        with self.database.company(company_id) as connection:
            if numbers is None:
                return connection.execute(_DISCARD_ALL, (company_id, self.dialect, source)).rowcount
            return connection.execute(_DISCARD, (company_id, self.dialect, source, list(numbers))).rowcount
