"""Verifying a log: every link of the hash chain, and everything else that must hold of it.

Each event's hash covers the one before, so any stretch of the log can be checked by itself from the hash that precedes it:
a long log is cut into stretches that are checked in parallel. What was changed, dropped, added or reordered is found at its
first seq.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from typing import Any
from uuid import UUID

import psycopg

from domain.errors import CompanyNotFound, LogBroken
from domain.event import GENESIS, RecordedEvent, chain_hash
from infra.database import Database
from infra.followers.tables import Connection
from infra.store.rows import event_of_row
from infra.store.sealing import is_intact
from infra.store.statements import EVENT_COLUMNS
from infra.verification.log_tree import first_wrong_subtree, root_from_log

PAGE = 2_000
STRETCH = 50_000
"""Events that one process checks before it says how far it is."""

Progress = Callable[[int], None]
"""Told how many more events have been checked."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was found. `first_bad_seq` is None where everything holds; `reason` says what is wrong there.

    `tree_problem`: what is wrong with the kept Merkle tree of a log that holds; the tree can be rebuilt, a log cannot.
    """

    company_id: UUID
    events: int
    head_seq: int
    head_hash: bytes
    first_bad_seq: int | None = None
    reason: str | None = None
    tree_problem: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the log is what was written."""
        return self.first_bad_seq is None


@dataclass(frozen=True, slots=True)
class Bad:
    """Something that must hold and does not."""

    seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class Extent:
    """A company's head, and the last event there is, of one snapshot."""

    company_id: UUID
    seq: int
    hash: bytes
    recorded_at: datetime
    last_seq: int


@dataclass(frozen=True, slots=True)
class KnownHead:
    """A head that was exported before: its hash, and where it was signed the root of the Merkle tree."""

    seq: int
    hash: bytes
    root: bytes | None = None


_EXTENT = b"""
SELECT h.seq, h.hash, h.recorded_at, coalesce((SELECT max(seq) FROM events e WHERE e.company_id = h.company_id), 0)
FROM heads h WHERE h.company_id = %b
"""
_KEY = """
CASE WHEN person_id IS NOT NULL THEN (
    SELECT key FROM person_keys k WHERE k.company_id = events.company_id AND k.person_id = events.person_id AND k.seq = events.seq
) END"""
_PAGE = f"SELECT {EVENT_COLUMNS}, {_KEY} FROM events WHERE company_id = %b AND seq > %b AND seq <= %b ORDER BY seq".encode()
_LINK = b"SELECT hash, recorded_at FROM events WHERE company_id = %b AND seq = %b"
_VERSIONS = b"""
SELECT seq, version, expected FROM (
    SELECT seq, version, row_number() OVER (PARTITION BY record_id ORDER BY seq) AS expected
    FROM events WHERE company_id = %b AND seq <= %b
) AS streams WHERE version <> expected ORDER BY seq LIMIT 1
"""


_KEYS = b"""
WITH erased AS MATERIALIZED (
    SELECT DISTINCT record_id AS person_id FROM events WHERE company_id = %b AND topic IN ('party.erased.v1', 'user.erased.v1')
)
SELECT e.seq, k.key IS NULL FROM events e
LEFT JOIN person_keys k ON k.company_id = e.company_id AND k.person_id = e.person_id AND k.seq = e.seq
LEFT JOIN erased p ON p.person_id = e.person_id
WHERE e.company_id = %b AND e.seq <= %b AND e.sealed IS NOT NULL AND (k.key IS NULL) = (p.person_id IS NULL)
ORDER BY e.seq LIMIT 1
"""


def extent_of(connection: Connection, company_id: UUID) -> Extent:
    """Where the company's log ends. Raises CompanyNotFound."""
    row = connection.execute(_EXTENT, (company_id,), binary=True).fetchone()
    if row is None:
        raise CompanyNotFound
    seq, hash_, recorded_at, last_seq = row
    return Extent(company_id, seq, hash_, recorded_at, last_seq)


def check_links(connection: Connection, company_id: UUID, after: int, until: int, progress: Progress | None = None) -> Bad | None:
    """Check the events with `after` < seq ≤ `until`: gap-free, times that strictly increase, every hash over the one before."""
    previous, before = GENESIS, None
    if after:
        row = connection.execute(_LINK, (company_id, after), binary=True).fetchone()
        if row is None:
            return Bad(after, "the event is missing")
        previous, before = row
    expected = after + 1
    for events in _pages(connection, company_id, after, until):
        for event, key in events:
            if event.seq != expected:
                return Bad(expected, "the event is missing")
            if event.hash != chain_hash(previous, event):
                return Bad(event.seq, "the event, or its place in the log, is not what was written: its hash does not fit")
            if event.sealed and not is_intact(event, key):
                return Bad(event.seq, "the clear text is not what was sealed")
            if before is not None and event.recorded_at <= before:
                return Bad(event.seq, "recorded_at does not increase")
            previous, before = event.hash, event.recorded_at
            expected += 1
        if progress:
            progress(len(events))
    return Bad(expected, "the event is missing") if expected <= until else None


def _pages(connection: Connection, company_id: UUID, after: int, until: int) -> Iterator[list[tuple[RecordedEvent, bytes | None]]]:
    """Pages of the log, each event with its key where it has one; Postgres gathers the next while this one is being checked."""
    cursors = (connection.cursor(binary=True), connection.cursor(binary=True))
    with connection.pipeline() as pipeline:
        turn = 0
        last = min(after + PAGE, until)
        cursors[0].execute(_PAGE, (company_id, after, last))
        while True:
            pipeline.sync()
            rows = cursors[turn].fetchall()
            turn = 1 - turn
            after, last = last, min(last + PAGE, until)
            if after < last:
                cursors[turn].execute(_PAGE, (company_id, after, last))
            yield [(event_of_row(row[:-1]), row[-1]) for row in rows]
            if after >= last:
                return


def check_versions(connection: Connection, company_id: UUID, until: int) -> Bad | None:
    """Check that every record's events up to `until` are numbered 1, 2, 3."""
    row = connection.execute(_VERSIONS, (company_id, until), binary=True).fetchone()
    return Bad(row[0], f"the record's version is {row[1]}, and should be {row[2]}") if row else None


def check_keys(connection: Connection, company_id: UUID, until: int) -> Bad | None:
    """Check that the keys of sealed events up to `until` are there, but for those of persons of whose erasure the log tells."""
    row = connection.execute(_KEYS, (company_id, company_id, until), binary=True).fetchone()
    if row is None:
        return None
    what = "its key is missing, though the log tells of no erasure" if row[1] else "the person was erased, and the key was not"
    return Bad(row[0], what)


def check_head(connection: Connection, extent: Extent, until: int) -> Bad | None:
    """Check the streams' versions and the keys up to `until`, and where that is the head, that the head is the last event's."""
    if bad := check_versions(connection, extent.company_id, until) or check_keys(connection, extent.company_id, until):
        return bad
    if until < extent.seq:
        return None
    if extent.last_seq > extent.seq:
        return Bad(extent.seq + 1, "the event is beyond the head")
    if extent.last_seq < extent.seq:
        return Bad(extent.last_seq + 1, "the event is missing: the head is further on")
    last = connection.execute(_LINK, (extent.company_id, extent.seq), binary=True).fetchone()
    if extent.seq and (last is None or last != (extent.hash, extent.recorded_at)):
        return Bad(extent.seq, "the head's hash or time is not that of the last event")
    return None


def check_known_head(connection: Connection, company_id: UUID, seq: int, hash_: bytes) -> Bad | None:
    """Check a head that was exported before: its event must still have that hash."""
    row = connection.execute(_LINK, (company_id, seq), binary=True).fetchone()
    if row is None:
        return Bad(seq, "the exported head's event is missing")
    return None if row[0] == hash_ else Bad(seq, "the log up to here is not the one whose head was exported")


def check_known_root(connection: Connection, company_id: UUID, seq: int, root: bytes) -> Bad | None:
    """Check the Merkle root of a head that was signed before, against the log alone."""
    try:
        found = root_from_log(connection, company_id, seq)
    except LogBroken:
        return None  # what is missing has been found by its link
    return None if found == root else Bad(seq, "the log up to here is not the one whose head was signed")


def report_of(extent: Extent, until: int, found: Iterable[Bad | None], tree_problem: str | None = None) -> VerifyReport:
    """The report of everything that was found: the first bad seq counts."""
    first = min((bad for bad in found if bad is not None), key=lambda bad: bad.seq, default=None)
    return VerifyReport(
        extent.company_id,
        until,
        extent.seq,
        extent.hash,
        first.seq if first else None,
        first.reason if first else None,
        None if first else tree_problem,
    )


def verify_chain(database: Database, company_id: UUID, until: int | None = None, progress: Progress | None = None) -> VerifyReport:
    """Check a company's log up to `until` (the head) in this process, a page at a time in memory. Raises CompanyNotFound."""
    with database.company(company_id) as connection:
        extent = extent_of(connection, company_id)
        until = extent.seq if until is None else min(until, extent.seq)
        links = check_links(connection, company_id, 0, until, progress)
        return report_of(extent, until, (links, check_head(connection, extent, until)))


# All companies, in parallel -----------------------------------------------------------------------

_process: list[Connection] = []


def _connect(url: str) -> None:
    """Begin a process: one connection for all its work."""
    connection = psycopg.connect(url, autocommit=True, prepare_threshold=0, application_name="daftar-verify")
    connection.execute(
        "SELECT set_config('search_path', 'daftar, pg_catalog', false), set_config('jit', 'off', false),"
        " set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_bitmapscan', 'off', false),"
        " set_config('TimeZone', 'UTC', false)"
    )
    _process[:] = [connection]


def _stretch(company_id: UUID, after: int, until: int) -> tuple[int, Bad | None]:
    return until - after, check_links(_process[0], company_id, after, until)


def _ends(extent: Extent, known: KnownHead | None) -> tuple[int, Bad | None]:
    found = [check_head(_process[0], extent, extent.seq)]
    if known is not None:
        found.append(check_known_head(_process[0], extent.company_id, known.seq, known.hash))
        if known.root is not None:
            found.append(check_known_root(_process[0], extent.company_id, known.seq, known.root))
    return 0, min((bad for bad in found if bad), key=lambda bad: bad.seq, default=None)


def _tree(extent: Extent) -> str | None:
    try:
        return first_wrong_subtree(_process[0], extent.company_id, extent.seq)
    except LogBroken:
        return None  # what is missing has been found by its link


def verify_all(
    url: str,
    companies: Iterable[UUID],
    *,
    processes: int,
    known_head: KnownHead | None = None,
    progress: Progress | None = None,
) -> Iterator[VerifyReport]:
    """Check the logs of companies in N processes, as a role that sees them all; reports come as companies are done.

    `known_head`: an exported head, which every one of these companies must contain. The kept Merkle trees are checked too.
    """
    with psycopg.connect(url, autocommit=True, options="-c search_path=daftar,pg_catalog") as connection:
        extents = [extent_of(connection, company_id) for company_id in companies]
    left: dict[UUID, int] = {}
    found: dict[UUID, list[Bad | None]] = {extent.company_id: [] for extent in extents}
    by_id = {extent.company_id: extent for extent in extents}
    with ProcessPoolExecutor(processes, get_context("spawn"), _connect, (url,)) as pool:
        running: dict[Future[tuple[int, Bad | None]], UUID] = {}
        trees: dict[UUID, Future[str | None]] = {}
        for extent in extents:
            tasks: list[Future[tuple[int, Bad | None]]] = [
                pool.submit(_stretch, extent.company_id, after, min(after + STRETCH, extent.seq))
                for after in range(0, extent.seq, STRETCH)
            ]
            tasks.append(pool.submit(_ends, extent, known_head))
            trees[extent.company_id] = pool.submit(_tree, extent)
            left[extent.company_id] = len(tasks)
            running.update(dict.fromkeys(tasks, extent.company_id))
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for task in done:
                company_id = running.pop(task)
                count, bad = task.result()
                found[company_id].append(bad)
                left[company_id] -= 1
                if progress and count:
                    progress(count)
                if not left[company_id]:
                    extent = by_id[company_id]
                    yield report_of(extent, extent.seq, found[company_id], trees[company_id].result())


def companies_of(connection: Connection, codename: str | None = None) -> dict[UUID, str]:
    """Company → codename, of all companies or of one."""
    rows: list[tuple[Any, ...]] = connection.execute(
        "SELECT company_id, codename FROM daftar.companies WHERE %s::text IS NULL OR codename = %s ORDER BY codename",
        (codename, codename),
    ).fetchall()
    return dict(rows)
