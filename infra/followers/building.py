"""Building read models aside, by rebuilds and verifications: the fold of whole logs, in several processes.

A read model that is built is a follower of its own (`NAME+PURPOSE`) whose tables are in a schema of its own, without indexes but
the primary keys and without row-level security, so that rows are copied in. Positions and rows commit together: whoever is killed
is resumed by whoever comes next. Any number of processes share the work, company by company and read model by read model.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg import sql

from domain.event import RecordedEvent
from infra.database import Connection
from infra.followers.follower import Poisoned, ProjectionFollower, add_positions, advance, read_range, reason_of
from infra.followers.tables import LIVE, create_tables, drop_schema, use_schema
from infra.processes.collecting import collect_seldom
from projections.projection import Projection
from projections.registry import BUILT_IN, Registry, discover

BATCH = 10_000
"""Seqs per transaction."""
FEW = 5_000
"""Events that are folded sooner than processes are started."""
NEARLY = 500
"""Events that may be left to fold while writers wait."""

Progress = Callable[[str, int, int], None]
"""Told (what, events folded, events in all) a few times a second."""


class RebuildFailed(Exception):
    """The rebuild stopped; the live tables are as they were, and running it again goes on where it stopped."""


def schema_of(name: str, purpose: str) -> str:
    """The schema of tables aside."""
    return f"{LIVE}_{purpose}_{name}"


def connect(owner_url: str) -> Connection:
    """A connection of the owner for bulk work: nothing aside is worth waiting for the disk, it can be built again."""
    connection: Connection = psycopg.connect(owner_url, autocommit=True, prepare_threshold=0, application_name="daftar-rebuild")
    connection.execute(
        "SELECT set_config('synchronous_commit', 'off', false), set_config('jit', 'off', false),"
        " set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_bitmapscan', 'off', false),"
        " set_config('maintenance_work_mem', '128MB', false), set_config('search_path', 'daftar, pg_catalog', false),"
        " set_config('TimeZone', 'UTC', false)"  # documents hold times, and are compared byte for byte
    )
    return connection


def begin_aside(connection: Connection, projection: Projection, purpose: str) -> None:
    """Empty tables in a schema of their own, and positions at 0. What an earlier attempt left is dropped."""
    schema, follower = schema_of(projection.name, purpose), f"{projection.name}+{purpose}"
    with connection.transaction():
        connection.execute("DELETE FROM rebuilds WHERE projection = %s AND %s = 'rebuild'", (projection.name, purpose))
        drop_schema(connection, schema)
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        create_tables(connection, projection, schema)
        connection.execute("DELETE FROM positions WHERE follower = %s", (follower,))


# Processes ------------------------------------------------------------------------------------------


def build(
    owner_url: str,
    names: Sequence[str],
    purpose: str,
    *,
    processes: int | None = None,
    progress: Progress | None = None,
    batch: int = BATCH,
    registry: Registry = BUILT_IN,
    built: Callable[[Projection], None] = lambda _: None,
) -> None:
    """Fold the named projections aside until they have reached the heads, with N processes sharing the work.

    `built` is told of each projection of which next to nothing is left to fold, while the others are still being folded.
    """
    projections = [registry.projections[name] for name in names]
    followers = [f"{name}+{purpose}" for name in names]
    if processes is None:
        with connect(owner_url) as connection:
            done, total = _folded(connection, followers)
        if total - done < FEW:  # what is left is folded before the swap, or the comparison
            for projection in projections:
                built(projection)
            return
    count = processes or min(8, os.cpu_count() or 1)  # a process, or the server process that works for it, keeps one core busy
    context = multiprocessing.get_context("spawn")
    failures: multiprocessing.SimpleQueue[str] = context.SimpleQueue()
    workers = [
        context.Process(
            target=_build_process,
            args=(owner_url, list(names), purpose, batch, os.getpid(), place, failures, registry.folder),
            daemon=True,
        )
        for place in range(count)
    ]
    for worker in workers:
        worker.start()
    try:
        with connect(owner_url) as connection:
            unfinished = projections
            while any(worker.is_alive() for worker in workers):
                for worker in workers:
                    worker.join(0.2 / count)
                if progress:
                    progress("folding", *_folded(connection, followers))
                lagging = _lagging(connection, unfinished, purpose)
                for projection in unfinished:
                    if projection.name not in lagging:
                        built(projection)
                unfinished = [projection for projection in unfinished if projection.name in lagging]
            if progress:
                progress("folding", *_folded(connection, followers))
    finally:
        for worker in workers:
            worker.kill()
            worker.join()
    if not failures.empty():
        raise RebuildFailed(failures.get())
    if any(worker.exitcode != 0 for worker in workers):
        raise RebuildFailed("a process of the rebuild ended before its time; run it again to go on")
    for projection in unfinished:
        built(projection)


def _folded(connection: Connection, followers: Sequence[str]) -> tuple[int, int]:
    row = connection.execute(
        "SELECT sum(p.seq)::bigint, sum(greatest(h.seq, p.seq))::bigint FROM positions p JOIN heads h USING (company_id)"
        " WHERE p.follower = ANY(%s)",
        (list(followers),),
    ).fetchone()
    return (row[0] or 0, row[1] or 0) if row else (0, 0)


def pending(
    connection: Connection, projections: Sequence[Projection], purpose: str, *, least: int = 1
) -> dict[UUID, dict[str, int]]:
    """Company → projection → the seq to fold it to, of what lags at least so much; the company that lags most comes first.

    A rebuild goes to the head. A verification of a following projection goes to where the live one stands.
    """
    rows = connection.execute(
        "SELECT name, company_id, target FROM ("
        " SELECT w.name, p.company_id, p.seq, CASE WHEN w.live THEN coalesce(l.seq, 0) ELSE h.seq END AS target"
        " FROM unnest(%s::text[], %s::bool[]) AS w (name, live) JOIN positions p ON p.follower = w.name || '+' || %s"
        " JOIN heads h USING (company_id) LEFT JOIN positions l ON l.company_id = p.company_id AND l.follower = w.name"
        ") AS lag WHERE target - seq >= %s ORDER BY target - seq DESC",
        (
            [projection.name for projection in projections],
            [purpose == "verify" and not projection.inline for projection in projections],
            purpose,
            least,
        ),
    )
    found: dict[UUID, dict[str, int]] = {}
    for name, company_id, target in rows:
        found.setdefault(company_id, {})[name] = target
    return found


def _lagging(connection: Connection, projections: Sequence[Projection], purpose: str) -> set[str]:
    """The projections of which a process has something to fold."""
    return {name for until in pending(connection, projections, purpose, least=NEARLY).values() for name in until}


def _build_process(
    owner_url: str,
    names: list[str],
    purpose: str,
    batch: int,
    parent: int,
    place: int,
    failures: multiprocessing.SimpleQueue[str],
    folder: Path | None,
) -> None:
    """Take whatever is free, the longest log first, until next to nothing is left to fold.

    Each process begins with a company of its own, if there are so many: what one process folds, it reads once.
    """
    collect_seldom()
    registry = discover(folder)
    projections = [registry.projections[name] for name in names]
    with connect(owner_url) as connection:
        while os.getppid() == parent:
            use_schema(connection, (LIVE,))
            work = list(pending(connection, projections, purpose, least=NEARLY).items())
            if not work:
                return
            first = place % len(work)
            moved = False
            for company_id, until in work[first:] + work[:first]:
                try:
                    moved |= fold_company(connection, projections, purpose, company_id, batch, until, parent)
                except Poisoned as error:
                    failures.put(_why(connection, projections, company_id, purpose, error))
                    return
            if not moved:
                time.sleep(0.05)


# Folding ------------------------------------------------------------------------------------------


class _Log:
    """Reads ranges of a log, and keeps the last one for the other followers that stand before it."""

    def __init__(self) -> None:
        self.after: int | None = None
        self.wanted: frozenset[str] | None = None
        """The kinds that all who stand at the same event want; None: all."""
        self._range: tuple[UUID, int, int] | None = None
        self._kinds: frozenset[str] | None = None
        self._events: list[RecordedEvent] = []

    def read(
        self, connection: Connection, company_id: UUID, after: int, until: int, kinds: frozenset[str] | None
    ) -> list[RecordedEvent]:
        """As `read_range`, from the database or from memory."""
        known = self._kinds is None or (kinds is not None and kinds <= self._kinds)
        if self._range != (company_id, after, until) or not known:
            self._range, self._events = None, []
            self._events = read_range(connection, company_id, after, until, self.wanted)
            self._range, self._kinds, self.after = (company_id, after, until), self.wanted, after
        return self._events if kinds == self._kinds else [event for event in self._events if kinds is None or event.kind in kinds]


def fold_company(
    connection: Connection,
    projections: Sequence[Projection],
    purpose: str,
    company_id: UUID,
    batch: int,
    until: Mapping[str, int],
    parent: int | None = None,
) -> bool:
    """Fold one company aside, each of the projections named in `until` up to its seq; False where other processes have them all.

    Those that stand at the same event are folded one after the other, and what they fold is read once.
    """
    use_schema(connection, [schema_of(projection.name, purpose) for projection in projections])
    log = _Log()
    followers = {
        name: ProjectionFollower(projection, name=name, copy=True, read=log.read)
        for projection in projections
        if projection.name in until
        for name in (f"{projection.name}+{purpose}",)
    }
    moved = False
    while parent is None or os.getppid() == parent:
        behind = {
            name: seq for name, seq in _standing(connection, followers, company_id) if seq < until[followers[name].projection.name]
        }
        for name in sorted(behind, key=lambda name: (behind[name] != log.after, behind[name])):
            follower = followers[name]
            log.wanted = _kinds_of(followers[other] for other, seq in behind.items() if seq == behind[name])
            if advance(connection, follower, company_id, limit=batch, until=until[follower.projection.name]) is not None:
                moved = True
                break
        else:
            return moved
    return moved


def _standing(connection: Connection, followers: Iterable[str], company_id: UUID) -> list[tuple[str, int]]:
    rows: list[tuple[str, int]] = connection.execute(
        "SELECT follower, seq FROM daftar.positions WHERE company_id = %s AND follower = ANY(%s)", (company_id, list(followers))
    ).fetchall()
    return rows


def _kinds_of(followers: Iterable[ProjectionFollower]) -> frozenset[str] | None:
    kinds = [follower.kinds for follower in followers]
    known = [one for one in kinds if one is not None]
    return frozenset().union(*known) if len(known) == len(kinds) else None


def fold_rest(
    connection: Connection, projection: Projection, purpose: str, batch: int, companies: Sequence[UUID] | None = None
) -> None:
    """Fold what has come meanwhile, in all companies or these. Raises RebuildFailed."""
    use_schema(connection, (LIVE,))
    add_positions(connection, f"{projection.name}+{purpose}", companies)
    for company_id, until in pending(connection, [projection], purpose).items():
        try:
            fold_company(connection, [projection], purpose, company_id, batch, until)
        except Poisoned as error:
            raise RebuildFailed(_why(connection, [projection], company_id, purpose, error)) from error
    use_schema(connection, (LIVE,))


def _why(connection: Connection, projections: Sequence[Projection], company_id: UUID, purpose: str, error: Poisoned) -> str:
    """Name the event that cannot be folded: the batch is tried again, ever smaller."""
    projection = next(one for one in projections if f"{one.name}+{purpose}" == error.follower)
    follower = ProjectionFollower(projection, name=error.follower, copy=True)
    while error.until - error.seq > 1:
        try:
            advanced = advance(connection, follower, company_id, limit=(error.until - error.seq) // 2)
        except Poisoned as smaller:
            error = smaller
        else:
            if advanced is None or advanced.seq >= error.until:
                break  # each can be folded, and not together
            error.seq = advanced.seq
    return f"{projection.name}: event {error.until} of company {company_id} cannot be folded: {reason_of(error.__cause__)}"
