"""Rendering the rows of a dialect: a layout, and bringing a company's rows up to its log (infra/sync/rows.py says what for).

Whoever finds the rows behind renders what is missing, in pages of a transaction each: take the position, read the documents after
it, render them, store the rows, move the position, commit. Others who want the same wait for the position and go on from where it
is, so nothing is rendered twice. The head is only read, so writes to the log wait for nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGresult

from infra.database import CompanyConnections, Connection, Database
from infra.reading.reader import LARGEST
from infra.store.arrays import UuidArray, bools, int4s, int8s, texts, utf8s, uuid
from infra.store.pipeline import Pipeline, run

RENDERED = 4_000
"""Records that are rendered in one transaction: who waits for it waits for so many."""
CHUNK = 500
"""Rows per statement: while Postgres writes one chunk, the next is being rendered."""
LARGEST_VERSION = 2**31 - 1
_TRUE = b"\x01"
_Key = tuple[str, str, int]
"""Record, collection and part."""


class SyncRow(NamedTuple):
    """A record as one collection has it.

    `collection`: what is pulled with a cursor of its own. `part`: which of the collection's views of the record this is (0 to
    32767); it orders the rows of one record. `body`: UTF-8 JSON, ready to send. `made_seq`: the seq of the record's first event,
    needed only for openings. `if_known`: only replaces a row that is there. `is_waiting`: something that the row names was not
    there yet; the row is rendered again when a record of the layout's `awaited` kinds comes.
    """

    record_id: UUID | str
    collection: str
    seq: int
    body: bytes
    deleted: bool = False
    part: int = 0
    made_seq: int = 0
    if_known: bool = False
    is_waiting: bool = False


Render = Callable[[bytes], Iterable[SyncRow]]
"""Documents, as the inside of a JSON list in order of seq → their rows. Whatever it looks up, it looks up before it returns."""


@dataclass(frozen=True)
class Layout:
    """What the rows of a dialect are. `awaited`: kinds that rows which are waiting wait for."""

    dialect: str
    version: int
    kinds: frozenset[str]
    renderer: Callable[[CompanyConnections, UUID], Render]
    awaited: frozenset[str] = frozenset()

    def key(self, company_id: UUID) -> tuple[UUID, str, int]:
        """What the rows and the position of a company are found by."""
        return company_id, self.dialect, self.version


# Statements ---------------------------------------------------------------------------------------

OF_LAYOUT = "company_id = %b AND dialect = %b AND layout = %b"
"""SQL that takes a layout's key."""
_BEGIN = b"INSERT INTO sync_positions (company_id, dialect, layout, seq) VALUES (%s, %s, %s, 0) ON CONFLICT DO NOTHING"
_DROP_POSITIONS = b"DELETE FROM sync_positions WHERE company_id = %s AND dialect = %s AND layout <= %s"
_DROP_ROWS = b"DELETE FROM sync_rows WHERE company_id = %s AND dialect = %s AND layout <= %s"
_LOCK = b"SELECT pg_advisory_xact_lock_shared(sync_rows_lock(%b))"
_LOCK_POSITION = f"SELECT seq FROM sync_positions WHERE {OF_LAYOUT} FOR UPDATE".encode()
# `kind` is hidden from the index of kinds, which would have to be read and sorted whole for every page
_DOCUMENTS = f"""
SELECT (SELECT seq FROM heads WHERE company_id = %b), count(*), max(seq), bool_or(kind = ANY(%b)), array_agg(id),
    string_agg(document, ',')
FROM (
    SELECT seq, id, kind, document FROM records WHERE company_id = %b
    AND seq > (SELECT CASE WHEN %b > seq THEN seq ELSE {LARGEST} END FROM sync_positions WHERE {OF_LAYOUT})
    AND kind || '' = ANY(%b) ORDER BY seq LIMIT %b
) AS page
""".encode()
_WAITING = f"""
SELECT string_agg(document, ',') FROM (
    SELECT document FROM records WHERE company_id = %b
    AND id IN (SELECT record_id FROM sync_rows WHERE {OF_LAYOUT} AND is_waiting) AND seq <= %b ORDER BY seq
) AS waiting
""".encode()
_UPSERT = b"""
INSERT INTO sync_rows (company_id, dialect, layout, record_id, collection, part, seq, made_seq, deleted, is_waiting, body)
SELECT %b, %b, %b, unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b)
ON CONFLICT (company_id, record_id, dialect, layout, collection, part) DO UPDATE SET seq = excluded.seq,
    made_seq = excluded.made_seq, deleted = excluded.deleted, is_waiting = excluded.is_waiting, body = excluded.body
"""
# Record by record on the primary key: until Postgres has statistics it takes other plans for as good, which read every row
_KNOWN = b"""
SELECT known.* FROM unnest(%b) AS rendered (id) CROSS JOIN LATERAL (
    SELECT record_id, collection, part FROM sync_rows
    WHERE company_id = %b AND record_id = rendered.id AND dialect || '' = %b AND layout + 0 = %b OFFSET 0
) AS known
"""
_REMOVE = f"""
DELETE FROM sync_rows s USING (SELECT unnest(%b) AS record_id, unnest(%b) AS collection, unnest(%b) AS part) AS gone
WHERE {OF_LAYOUT} AND s.record_id = gone.record_id AND s.collection = gone.collection AND s.part = gone.part
""".encode()
_MOVE = f"UPDATE sync_positions SET seq = %b WHERE {OF_LAYOUT}".encode()


class Held:
    """One connection in the place of a pool: whoever holds one and waits for a second may wait for ever."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def company(self, company_id: UUID) -> Iterator[Connection]:
        """The connection; it is confined to its company already."""
        yield self._connection


class RowKeeper:
    """Keeps the rows of one dialect."""

    def __init__(self, database: Database, layout: Layout) -> None:
        self.database = database
        self.layout = layout

    def catch_up(self, company_id: UUID, until: int) -> None:
        """Render what is missing up to `until`, if nobody else has meanwhile; in turns with whoever waits for the same."""
        with self.database.company(company_id) as connection:
            render = self.layout.renderer(Held(connection), company_id)
            position = self._advance(connection, company_id, render, until)
        if position is None:
            self.drop(company_id, self.layout.version - 1)
            with self.database.company(company_id) as connection:
                connection.execute(_BEGIN, self.layout.key(company_id))

    def _advance(self, connection: Connection, company_id: UUID, render: Render, until: int) -> int | None:
        """Advance page by page; where the rows are then. None where there is no position yet."""
        position: int | None = -1
        try:
            while position is not None and position < until:
                position = self._render_page(connection, company_id, render, until)
        finally:
            if connection.info.transaction_status != TransactionStatus.IDLE and not connection.closed:
                run(connection, b"ROLLBACK")
        return position

    def _render_page(self, connection: Connection, company_id: UUID, render: Render, until: int) -> int | None:
        """Render the next records and commit; where the rows are now, None where there is no position yet."""
        own, kinds, awaited = self.layout.key(company_id), texts(sorted(self.layout.kinds)), texts(sorted(self.layout.awaited))
        with Pipeline(connection) as pipeline:
            pipeline.send(b"BEGIN")
            pipeline.send(_LOCK, (company_id,))
            pipeline.send(_LOCK_POSITION, own)
            pipeline.send(_DOCUMENTS, (company_id, awaited, company_id, until, *own, kinds, RENDERED))
            _, _, locked, read = pipeline.results()
        if locked.ntuples == 0:
            return None
        before = number(locked, 0, 0)
        if before >= until:  # somebody else was faster
            return before
        head, count, last = (number(read, 0, column) for column in range(3))
        after = last if count == RENDERED else head
        rows = render(read.get_value(0, 5) or b"") if count else ()
        known: set[_Key] = set()
        if count:
            ids = UuidArray.received(read.get_value(0, 4) or b"")
            known = _keys(run(connection, _KNOWN, (ids, *own)))
        if read.get_value(0, 3) == _TRUE:
            waiting = run(connection, _WAITING, (company_id, *own, before)).get_value(0, 0)
            rows = chain(rows, render(waiting) if waiting else ())
        with Pipeline(connection) as pipeline:
            self._store(pipeline, own, rows, known)
            pipeline.send(_MOVE, (after, *own))
            pipeline.send(b"COMMIT")
            pipeline.results()
        return after

    def _store(self, pipeline: Pipeline, own: tuple[UUID, str, int], rows: Iterable[SyncRow], known: set[_Key]) -> None:
        """Store rows in the place of those that are `known` of the same records."""
        source, gone = iter(rows), set(known)
        while chunk := list(islice(source, CHUNK)):
            if gone:
                gone.difference_update([_key(row) for row in chunk])
            if any(row.if_known for row in chunk):
                chunk = [row for row in chunk if not row.if_known or _key(row) in known]
            if chunk:
                pipeline.send(_UPSERT, (*own, *_columns(chunk)))
        if gone:
            ids, collections, parts = zip(*gone, strict=True)
            pipeline.send(_REMOVE, (UuidArray([uuid(one) for one in ids]), texts(collections), int4s(parts), *own))

    def drop(self, company_id: UUID, up_to: int) -> None:
        """Throw away the layouts up to this version: first the positions, which waits for whoever renders."""
        with self.database.company(company_id) as connection, connection.transaction():
            for statement in (_DROP_POSITIONS, _DROP_ROWS):
                connection.execute(statement, (company_id, self.layout.dialect, up_to))


def _key(row: SyncRow) -> _Key:
    return str(row.record_id), row.collection, row.part


def _keys(result: PGresult) -> set[_Key]:
    read = ([result.get_value(row, column) or b"" for column in range(3)] for row in range(result.ntuples))
    return {(str(UUID(bytes=record)), collection.decode(), int.from_bytes(part, "big")) for record, collection, part in read}


def number(result: PGresult, row: int, column: int) -> int:
    """The whole number in a binary column; 0 where there is none."""
    return int.from_bytes(result.get_value(row, column) or b"", "big")


def _columns(rows: Sequence[SyncRow]) -> tuple[Any, ...]:
    ids, collections, seqs, bodies, deleted, parts, made, _, waiting = zip(*rows, strict=True)
    return (
        UuidArray([uuid(one) for one in ids]),
        texts(collections),
        int4s(parts),
        int8s(seqs),
        int8s(made),
        bools(deleted),
        bools(waiting),
        utf8s(bodies),
    )
