"""Following a log: positions as leases, batches folded and committed with their position, and parking where an event is
poison.

A follower's position row of a company is both its cursor and its lease: whoever holds the row advances it, everybody else
skips it, and what the batch wrote commits with the new position. So any number of workers fold every event of a company
once, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import psycopg
import structlog

from domain.event import RecordedEvent
from infra.followers.tables import Connection, home_of
from infra.followers.writing import TableView, prefer_indexes, settle, write
from projections.projection import Projection

BATCH = 2_000
"""Seqs per transaction of a live follower."""
LONGEST_REASON = 2_000

log = structlog.get_logger("daftar.followers")


class Away(Exception):
    """What the follower writes to cannot be reached now. Nothing has moved; the same events come again, later."""


class Follower(Protocol):
    """Something that is given every event of every company, in order."""

    @property
    def name(self) -> str:
        """Names its positions."""

    def prepare(self, connection: Connection) -> None:
        """Make ready to handle events, outside of any transaction. Raises Away."""

    def handle(self, connection: Connection, company_id: UUID, after: int, until: int) -> int:
        """Handle the events with `after` < seq ≤ `until`, or the first of them, in the transaction that moves the position.

        Returns the seq it has handled them to. Any error but Away and the database's own is poison.
        """


ReadRange = Callable[[Connection, UUID, int, int, frozenset[str] | None], list[RecordedEvent]]
"""`read_range`, or what answers the same."""


class ProjectionFollower:
    """Folds a projection. Aside from the live tables it has a name of its own, may COPY, and may share what is read of the log."""

    def __init__(
        self, projection: Projection, *, name: str | None = None, copy: bool = False, read: ReadRange | None = None
    ) -> None:
        self.projection = projection
        self.read = read or read_range
        self.name = name or projection.name
        self.kinds = projection.kinds
        self.copy = copy
        self._home = None if self.name != projection.name else home_of(projection)

    def prepare(self, connection: Connection) -> None:
        """Always ready: its tables are where the events are."""

    def handle(self, connection: Connection, company_id: UUID, after: int, until: int) -> int:
        """Fold and write. Raises Outdated where the live tables are another version's."""
        self._find_tables(connection)
        if events := self.read(connection, company_id, after, until, self.kinds):
            prefer_indexes(connection)
            changes = self.projection.fold(company_id, events, TableView(connection, company_id))
            write(connection, company_id, changes, copy=self.copy)
            if self._home is not None:
                settle(connection, self.projection)
        return until

    def _find_tables(self, connection: Connection) -> None:
        """Look for tables where the live ones are, for the rest of the transaction.

        Whose they are is asked anew for every batch, with the position held: a rebuild by another version may just have been
        swapped in.
        """
        if self._home is None:
            return
        built = connection.execute(_BUILT, (f"{self._home}, pg_catalog", self.projection.name)).fetchone()
        if built is None or built[1] != self.projection.version:
            raise Outdated(self.projection.name, built[1] if built else None, self.projection.version)


class Outdated(Exception):
    """The projection's live tables were built by another version (None: by none). They are left alone until a rebuild."""

    def __init__(self, projection: str, built: int | None, version: int) -> None:
        super().__init__(f"{projection} was built by version {built or 'none'}, this is version {version}: it needs a rebuild")


class Poisoned(Exception):
    """Handling the events after `seq`, up to `until`, failed; `__cause__` says how."""

    def __init__(self, follower: str, seq: int, until: int) -> None:
        super().__init__(f"{follower}: the events after {seq} up to {until} could not be handled")
        self.follower = follower
        self.seq = seq
        self.until = until


@dataclass(frozen=True, slots=True)
class Advanced:
    """Where a follower stands in a company's log now, where the log ends, and where it is parked, if it is."""

    seq: int
    head: int
    parked_seq: int | None = None

    @property
    def behind(self) -> bool:
        """Whether there is more that can be handled."""
        return self.parked_seq is None and self.seq < self.head


_BUILT = b"""
SELECT set_config('search_path', %b::text, true), (SELECT version FROM daftar.projections WHERE name = %b)
"""
_TAKE = b"""
SELECT p.seq, h.seq FROM daftar.positions p JOIN daftar.heads h USING (company_id)
WHERE p.follower = %b AND p.company_id = %b AND p.parked_seq IS NULL FOR UPDATE OF p SKIP LOCKED
"""
_MOVE = b"UPDATE daftar.positions SET seq = %b, updated_at = now() WHERE follower = %b AND company_id = %b"
_PARK = b"""
UPDATE daftar.positions SET parked_seq = %b, parked_error = %b, parked_at = now()
WHERE follower = %b AND company_id = %b AND seq = %b
"""
_RANGE = b"""
SELECT seq, kind, record_id, version, topic, data, recorded_at, occurred_at, actor_id, device_id, hash
FROM daftar.events WHERE company_id = %b AND seq > %b AND seq <= %b ORDER BY seq
"""
"""Folding needs nothing of what only the answers to commands need."""
_RANGE_OF_KINDS = _RANGE.replace(b" ORDER BY", b" AND kind = ANY(%b) ORDER BY")
_ADD = b"""
INSERT INTO daftar.positions (follower, company_id) SELECT %b, c.company_id FROM daftar.companies c
WHERE NOT EXISTS (SELECT FROM daftar.positions p WHERE p.company_id = c.company_id AND p.follower = %b) ON CONFLICT DO NOTHING
"""
_ADD_THESE = _ADD.replace(b" ON CONFLICT", b" AND c.company_id = ANY(%b) ON CONFLICT")


def add_positions(connection: Connection, follower: str, companies: Sequence[UUID] | None = None) -> None:
    """Begin at 0 in every company, or every one of these, that is new to the follower."""
    if companies is None:
        connection.execute(_ADD, (follower, follower))
    else:
        connection.execute(_ADD_THESE, (follower, follower, list(companies)))


def read_range(
    connection: Connection, company_id: UUID, after: int, until: int, kinds: frozenset[str] | None
) -> list[RecordedEvent]:
    """The events with `after` < seq ≤ `until`, in order; without command_id and correlation_id."""
    if kinds is None:
        rows = connection.execute(_RANGE, (company_id, after, until), binary=True)
    else:
        rows = connection.execute(_RANGE_OF_KINDS, (company_id, after, until, sorted(kinds)), binary=True)
    return [
        RecordedEvent(
            company_id=company_id,
            seq=seq,
            kind=kind,
            record_id=record_id,
            version=version,
            topic=topic,
            data=data.encode(),
            recorded_at=recorded_at,
            occurred_at=occurred_at,
            actor_id=actor_id,
            device_id=device_id,
            hash=hash_,
        )
        for seq, kind, record_id, version, topic, data, recorded_at, occurred_at, actor_id, device_id, hash_ in rows.fetchall()
    ]


def advance(
    connection: Connection, follower: Follower, company_id: UUID, *, limit: int = BATCH, until: int | None = None
) -> Advanced | None:
    """Handle the next (at most `limit`) seqs of a company in one transaction; None where it is parked or another's just now.

    Raises Poisoned, Away and Outdated, having changed nothing.
    """
    with connection.transaction():
        row = connection.execute(_TAKE, (follower.name, company_id), binary=True).fetchone()
        if row is None:
            return None
        seq, head = row
        head = head if until is None else min(head, until)
        target = min(seq + limit, head)
        if target <= seq:
            return Advanced(seq, head)
        try:
            reached = follower.handle(connection, company_id, seq, target)
        except (psycopg.OperationalError, psycopg.InterfaceError, Away, Outdated):
            raise
        except Exception as error:
            raise Poisoned(follower.name, seq, target) from error
        connection.execute(_MOVE, (reached, follower.name, company_id))
    return Advanced(reached, head)


def advance_or_park(
    connection: Connection, follower: Follower, company_id: UUID, *, limit: int = BATCH, until: int | None = None
) -> Advanced | None:
    """As `advance`; a batch that fails is halved until the poisoned event is found, and the company is parked before it.

    Raises Outdated: nothing is parked because of a version.
    """
    while True:
        try:
            return advance(connection, follower, company_id, limit=limit, until=until)
        except Poisoned as poisoned:
            if poisoned.until - poisoned.seq > 1:
                limit = (poisoned.until - poisoned.seq) // 2
                continue
            reason = reason_of(poisoned.__cause__)
            connection.execute(_PARK, (poisoned.until, reason, follower.name, company_id, poisoned.seq))
            log.exception("parked", follower=follower.name, company_id=str(company_id), seq=poisoned.until, reason=reason)
            return Advanced(poisoned.seq, poisoned.until, poisoned.until)


def reason_of(error: BaseException | None) -> str:
    """The error as one line that fits a column: its type and what it says."""
    text = f"{type(error).__name__}: {error}".replace("\0", "\\0").split("\n", 1)[0]
    return text[:LONGEST_REASON]


def retry(connection: Connection, follower: str) -> list[tuple[UUID, int]]:
    """Let every parked company go on; returns the companies and the seqs they were parked at."""
    rows: list[tuple[Any, ...]] = connection.execute(
        b"""WITH parked AS (
                SELECT company_id, parked_seq FROM daftar.positions WHERE follower = %b AND parked_seq IS NOT NULL FOR UPDATE
            ) UPDATE daftar.positions p SET parked_seq = NULL, parked_error = NULL, parked_at = NULL FROM parked
            WHERE p.follower = %b AND p.company_id = parked.company_id RETURNING p.company_id, parked.parked_seq""",
        (follower, follower),
    ).fetchall()
    return [(company_id, seq) for company_id, seq in rows]
