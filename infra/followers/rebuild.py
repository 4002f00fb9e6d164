"""Rebuilding read models beside the live ones, and swapping them in.

The tables are built aside (infra/followers/building.py); whoever is killed is resumed by running the command again. At the end,
whatever writes the live tables is kept out for the moment that it takes to fold the rest and move the tables between schemas.
Readers see the old rows until then and the new ones after.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg

from infra.database import Connection
from infra.followers.building import BATCH, Progress, RebuildFailed, begin_aside, build, connect, fold_rest, schema_of
from infra.followers.follower import add_positions
from infra.followers.tables import LIVE, finish_tables, make_indexes, record_built, swap_tables, use_schema
from infra.followers.writing import prefer_indexes, settle
from projections.analyst import AnalystProjection
from projections.projection import Index, Projection, Table
from projections.registry import BUILT_IN, Registry

SWAP_ATTEMPTS = 40
REBUILD_LOCK = 0x0DAF7A3


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What a rebuild did. `resumed` events were folded by an earlier attempt."""

    projection: str
    companies: int
    events: int
    resumed: int
    seconds: float


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
        with ThreadPoolExecutor(4 * len(names)) as threads, _said(projections):
            finishing: list[Future[None]] = []

            def finish(projection: Projection) -> None:
                finishing.append(_begin_to_finish(threads, owner_url, projection))

            build(owner_url, names, "rebuild", processes=processes, progress=progress, batch=batch, registry=registry, built=finish)
            if progress:
                progress("indexing", 0, 0)
            for one in finishing:
                one.result()
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


# Swapping -----------------------------------------------------------------------------------------


def _begin_to_finish(threads: ThreadPoolExecutor, owner_url: str, projection: Projection) -> Future[None]:
    """Have the tables finished in threads; an inverted index takes longer than all others, and is made beside them."""
    schema = schema_of(projection.name, "rebuild")

    def make(table: Table, index: Index) -> None:
        with connect(owner_url) as connection:
            make_indexes(connection, table, schema, [index])

    def finish() -> None:
        with connect(owner_url) as connection:
            for table in projection.tables:
                make_indexes(connection, table, schema, [index for index in table.indexes if index.method != "gin"])
            for one in inverted:
                one.result()
            finish_tables(connection, projection, schema)

    inverted = [
        threads.submit(make, table, index) for table in projection.tables for index in table.indexes if index.method == "gin"
    ]
    return threads.submit(finish)


def _swap_in(connection: Connection, projection: Projection, batch: int) -> tuple[int, int]:
    schema = schema_of(projection.name, "rebuild")
    for attempt in range(SWAP_ATTEMPTS):
        fold_rest(connection, projection, "rebuild", batch)
        try:
            with connection.transaction():
                # Whoever writes the live tables is kept out: writers by the heads, followers by the positions
                connection.execute("SET LOCAL lock_timeout = '2s'")
                connection.execute(f"LOCK TABLE {'heads' if projection.inline else 'positions'} IN EXCLUSIVE MODE")
                if projection.inline:  # and whoever renders rows from the documents (infra/sync/layout.py)
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
            settle(connection, projection)
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
