"""Rebuilding read models beside the live ones, and swapping them in.

A rebuild is a follower of its own (`NAME+rebuild`) whose tables are in a schema of its own, without indexes but the primary
keys and without row-level security, so that rows are copied in. Positions and rows commit together: whoever is killed is
resumed by running the command again. At the end, whatever writes the live tables is kept out for the moment that it takes
to fold the rest and move the tables between schemas. Readers see the old rows until then and the new ones after.
"""

from __future__ import annotations

import multiprocessing
import os
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg import sql

from infra.collecting import collect_seldom
from infra.database import Connection
from infra.followers.follower import Poisoned, ProjectionFollower, add_positions, advance, reason_of
from infra.followers.tables import LIVE, create_tables, drop_schema, finish_tables, record_built, swap_tables, use_schema
from infra.followers.writing import prefer_indexes
from projections.analyst import AnalystProjection
from projections.projection import Projection
from projections.registry import BUILT_IN, Registry, discover

BATCH = 10_000
"""Seqs per transaction of a rebuild."""
FEW = 5_000
"""Events that are folded sooner than processes are started."""
NEARLY = 500
"""Events that may be left to fold while writers wait."""
SWAP_ATTEMPTS = 40
REBUILD_LOCK = 0x0DAF7A3

Progress = Callable[[str, int, int], None]
"""Told (what, events folded, events in all) a few times a second."""


class RebuildFailed(Exception):
    """The rebuild stopped; the live tables are as they were, and running it again goes on where it stopped."""


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What a rebuild did. `resumed` events were folded by an earlier attempt."""

    projection: str
    companies: int
    events: int
    resumed: int
    seconds: float


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


def rebuild(
    owner_url: str,
    names: Sequence[str],
    *,
    processes: int | None = None,
    progress: Progress | None = None,
    batch: int = BATCH,
    registry: Registry = BUILT_IN,
) -> list[RebuildReport]:
    """Rebuild the named projections and swap them in, one after the other's fold. Raises RebuildFailed.

    The tables may be others than those of the version before: they are made, replaced and removed in the swap.
    """
    began = time.monotonic()
    projections = [registry.projections[name] for name in names]
    with connect(owner_url) as connection, alone(connection, names, REBUILD_LOCK, "rebuilt"):
        with _said(projections):
            resumed = {projection.name: _prepare(connection, projection) for projection in projections}
        build(owner_url, names, "rebuild", processes=processes, progress=progress, batch=batch, registry=registry)
        if progress:
            progress("indexing", 0, 0)
        with ThreadPoolExecutor(len(names)) as threads, _said(projections):
            list(threads.map(lambda projection: _finish(owner_url, projection), projections))
        reports: list[RebuildReport] = []
        for name, projection in zip(names, projections, strict=True):
            companies, events = _swap_in(connection, projection, batch)
            seconds = time.monotonic() - began
            reports.append(RebuildReport(name, companies, events, resumed[name], seconds))
    return reports


@contextmanager
def alone(connection: Connection, names: Sequence[str], lock: int, done: str) -> Iterator[None]:
    """One rebuild or verification of a projection at a time; the lock goes with the session, however it ends."""
    try:
        for name in sorted(names):
            row = connection.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", (lock, name)).fetchone()
            if not (row and row[0]):
                raise RebuildFailed(f"{name} is being {done} by another process right now")
        yield
    finally:
        with suppress(psycopg.Error):  # sooner than the server notices that the session is over
            connection.execute("SELECT pg_advisory_unlock_all()")


@contextmanager
def _said(projections: Sequence[Projection]) -> Iterator[None]:
    """Declarations that the database refuses (an index of a column that is not there) are the declaring file's fault."""
    try:
        yield
    except (psycopg.ProgrammingError, psycopg.DataError, psycopg.IntegrityError) as error:
        files = [str(projection.file) for projection in projections if isinstance(projection, AnalystProjection)]
        raise RebuildFailed(f"the tables of {', '.join(files) or 'Daftar'} cannot be made: {error}") from error


def _prepare(connection: Connection, projection: Projection) -> int:
    """Make ready to build, or to go on building; returns how many events are folded already."""
    follower = f"{projection.name}+rebuild"
    mark = _mark(projection)
    row = connection.execute("SELECT version FROM rebuilds WHERE projection = %s", (projection.name,)).fetchone()
    if row is None or row[0] != mark:
        begin_aside(connection, projection, "rebuild")
        connection.execute(
            "INSERT INTO rebuilds (projection, version) VALUES (%s, %s) ON CONFLICT (projection)"
            " DO UPDATE SET version = excluded.version, started_at = now()",
            (projection.name, mark),
        )
    add_positions(connection, follower)
    done = connection.execute("SELECT coalesce(sum(seq), 0)::bigint FROM positions WHERE follower = %s", (follower,)).fetchone()
    return int(done[0]) if done else 0


def _mark(projection: Projection) -> int:
    """What a rebuild may only be resumed by: the version, or an analyst's file, letter for letter, while it is being written."""
    if isinstance(projection, AnalystProjection):
        return zlib.crc32(projection.source.encode()) & 0x7FFFFFFF
    return projection.version


def begin_aside(connection: Connection, projection: Projection, purpose: str) -> None:
    """Empty tables in a schema of their own, and positions at 0. What an earlier attempt left is dropped."""
    schema, follower = schema_of(projection.name, purpose), f"{projection.name}+{purpose}"
    with connection.transaction():
        connection.execute("DELETE FROM rebuilds WHERE projection = %s AND %s = 'rebuild'", (projection.name, purpose))
        drop_schema(connection, schema)
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        create_tables(connection, projection, schema)
        connection.execute("DELETE FROM positions WHERE follower = %s", (follower,))


# Folding, in several processes --------------------------------------------------------------------


def build(
    owner_url: str,
    names: Sequence[str],
    purpose: str,
    *,
    processes: int | None = None,
    progress: Progress | None = None,
    batch: int = BATCH,
    registry: Registry = BUILT_IN,
) -> None:
    """Fold the named projections aside until they have reached the heads, with N processes sharing the companies."""
    followers = [f"{name}+{purpose}" for name in names]
    if processes is None:
        with connect(owner_url) as connection:
            done, total = _folded(connection, followers)
        if total - done < FEW:
            return  # what is left is folded before the swap, or the comparison
    count = processes or min(8, (os.cpu_count() or 1) + 1)  # each waits for Postgres about a third of the time
    context = multiprocessing.get_context("spawn")
    failures: multiprocessing.SimpleQueue[str] = context.SimpleQueue()
    workers = [
        context.Process(
            target=_build_process,
            args=(owner_url, list(names), purpose, batch, os.getpid(), failures, registry.folder),
            daemon=True,
        )
        for _ in range(count)
    ]
    for worker in workers:
        worker.start()
    try:
        with connect(owner_url) as connection:
            while any(worker.is_alive() for worker in workers):
                for worker in workers:
                    worker.join(0.2 / count)
                if progress:
                    progress("folding", *_folded(connection, followers))
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


def _folded(connection: Connection, followers: Sequence[str]) -> tuple[int, int]:
    row = connection.execute(
        "SELECT sum(p.seq)::bigint, sum(greatest(h.seq, p.seq))::bigint FROM positions p JOIN heads h USING (company_id)"
        " WHERE p.follower = ANY(%s)",
        (list(followers),),
    ).fetchone()
    return (row[0] or 0, row[1] or 0) if row else (0, 0)


def pending(
    connection: Connection, projections: Sequence[Projection], purpose: str, *, least: int = 1
) -> list[tuple[str, UUID, int]]:
    """(projection, company, the seq to fold to) of what lags at least so much, the longest first.

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
    return [(name, company_id, target) for name, company_id, target in rows]


def _build_process(
    owner_url: str,
    names: list[str],
    purpose: str,
    batch: int,
    parent: int,
    failures: multiprocessing.SimpleQueue[str],
    folder: Path | None,
) -> None:
    """Take whatever company is free, the longest first, until next to nothing is left to fold."""
    collect_seldom()
    registry = discover(folder)
    with connect(owner_url) as connection:
        while os.getppid() == parent:
            use_schema(connection, (LIVE,))
            work = pending(connection, [registry.projections[name] for name in names], purpose, least=NEARLY)
            moved = False
            for name, company_id, until in work:
                try:
                    moved |= fold_company(connection, registry.projections[name], purpose, company_id, batch, until, parent)
                except Poisoned as error:
                    failures.put(_why(connection, registry.projections[name], company_id, purpose, error))
                    return
            if not work:
                return
            if not moved:
                time.sleep(0.05)


def fold_company(
    connection: Connection,
    projection: Projection,
    purpose: str,
    company_id: UUID,
    batch: int,
    until: int,
    parent: int | None = None,
) -> bool:
    """Fold one company aside up to `until`; False where another process has it."""
    use_schema(connection, (schema_of(projection.name, purpose),))
    follower = ProjectionFollower(projection, name=f"{projection.name}+{purpose}", copy=True)
    moved = False
    while parent is None or os.getppid() == parent:
        advanced = advance(connection, follower, company_id, limit=batch, until=until)
        if advanced is None:
            return moved
        moved = True
        if not advanced.behind:
            return True
    return moved


def fold_rest(
    connection: Connection, projection: Projection, purpose: str, batch: int, companies: Sequence[UUID] | None = None
) -> None:
    """Fold what has come meanwhile, in all companies or these. Raises RebuildFailed."""
    use_schema(connection, (LIVE,))
    add_positions(connection, f"{projection.name}+{purpose}", companies)
    for _, company_id, until in pending(connection, [projection], purpose):
        try:
            fold_company(connection, projection, purpose, company_id, batch, until)
        except Poisoned as error:
            raise RebuildFailed(_why(connection, projection, company_id, purpose, error)) from error
    use_schema(connection, (LIVE,))


def _why(connection: Connection, projection: Projection, company_id: UUID, purpose: str, error: Poisoned) -> str:
    """Name the event that cannot be folded: the batch is tried again, ever smaller."""
    follower = ProjectionFollower(projection, name=f"{projection.name}+{purpose}", copy=True)
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


# Swapping -----------------------------------------------------------------------------------------


def _finish(owner_url: str, projection: Projection) -> None:
    with connect(owner_url) as connection:
        finish_tables(connection, projection, schema_of(projection.name, "rebuild"))


def _swap_in(connection: Connection, projection: Projection, batch: int) -> tuple[int, int]:
    schema = schema_of(projection.name, "rebuild")
    for attempt in range(SWAP_ATTEMPTS):
        fold_rest(connection, projection, "rebuild", batch)
        try:
            with connection.transaction():
                # Whoever writes the live tables is kept out: writers by the heads, followers by the positions
                connection.execute("SET LOCAL lock_timeout = '2s'")
                connection.execute(f"LOCK TABLE {'heads' if projection.inline else 'positions'} IN EXCLUSIVE MODE")
                if projection.inline:  # and whoever renders rows from the documents (infra/sync_layout.py)
                    connection.execute("LOCK TABLE sync_positions IN EXCLUSIVE MODE")
                fold_rest(connection, projection, "rebuild", batch)
                prefer_indexes(connection, prefer=False)
                swap_tables(connection, projection, schema)
                counts = _move_positions(connection, projection)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            time.sleep(0.05 * (attempt + 1))
        except psycopg.errors.DependentObjectsStillExist as error:
            detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
            raise RebuildFailed(f"{projection.name}: something was built on its live tables; drop that first{detail}") from error
        else:
            use_schema(connection, (LIVE,))
            return counts
    raise RebuildFailed(f"{projection.name}: something holds the live tables; run the rebuild again when it has ended")


def _move_positions(connection: Connection, projection: Projection) -> tuple[int, int]:
    aside = f"{projection.name}+rebuild"
    row = connection.execute(
        "SELECT count(*), coalesce(sum(seq), 0)::bigint FROM positions WHERE follower = %s", (aside,)
    ).fetchone() or (0, 0)
    if projection.inline:
        connection.execute(
            "UPDATE heads h SET numbers = n.numbers FROM (SELECT company_id, jsonb_object_agg(kind, last) AS numbers FROM"
            " (SELECT company_id, kind, max(number) AS last FROM daftar.records GROUP BY company_id, kind) AS k"
            " GROUP BY company_id) AS n WHERE n.company_id = h.company_id AND h.numbers <> n.numbers"
        )
        connection.execute("DELETE FROM sync_positions")  # rows of the documents before are rendered anew
    else:
        connection.execute(
            "INSERT INTO positions (follower, company_id, seq) SELECT %s, company_id, seq FROM positions WHERE follower = %s"
            " ON CONFLICT (company_id, follower) DO UPDATE SET seq = excluded.seq, parked_seq = NULL, parked_error = NULL,"
            " parked_at = NULL, updated_at = now()",
            (projection.name, aside),
        )
    connection.execute("DELETE FROM positions WHERE follower = %s", (aside,))
    connection.execute("DELETE FROM rebuilds WHERE projection = %s", (projection.name,))
    record_built(connection, projection)
    return row[0], row[1]
