"""The store in Postgres.

A write takes the company's head row first and keeps it to the end, so everything it loads is current, everything it decides
holds when it commits, numbers stay dense and seq gap-free, without a retry (docs/decisions/0002-head-first.md). Companies never
wait for each other; readers never wait at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg.errors import UniqueViolation

from domain.errors import RecordExists, ServiceUnavailable, ValueTaken
from domain.event import JSON, RecordedEvent
from domain.needs import Needs
from domain.record import Record
from infra.database import Connection, Database, is_lost
from infra.store.arrays import bools, byteas, byteas_or_null, int4s, int8s, texts, timestamps, utf8s, uuids
from infra.store.interface import Append, Head, Loaded, PersonKey, SequenceConflict
from infra.store.pipeline import Pipeline, run
from infra.store.rows import collect, head_of, load_query, select_events, select_streams, select_traces
from infra.store.statements import (
    DROP_REJECTED,
    ERASE_PERSON,
    INSERT_COMPANY,
    INSERT_NEXT_COMPANY,
    READ_HEAD,
    RELEASE_UNIQUE,
    TAKE_HEAD,
    TAKE_HEAD_BOUNDED,
    write_statement,
)
from projections.records import NO_STORE

BOUNDED_SINCE = 170_000
WRITE_TIMEOUT = "60s"
"""How long a write may hold a company's head: a client that hangs must not stop all others for ever."""
CHUNK = 256
"""Rows per statement: while Postgres writes one chunk, the next is being encoded."""
ANSWER_LOST = "The database was lost while it was storing; send the same request again, with its key, to learn what became of it."


class PostgresStore:
    """Logs in Postgres. Safe for any number of threads and processes."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @contextmanager
    def write(self, company_id: UUID, needs: Needs, keys: list[str]) -> Iterator[PostgresTransaction]:
        """Take the company's head and load what is needed; an append commits, leaving without one rolls back."""
        with self.database.company(company_id) as connection:
            transaction = PostgresTransaction(connection, company_id)
            try:
                transaction.begin(needs, keys)
                yield transaction
            finally:
                if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE and not connection.closed:
                    run(connection, b"ROLLBACK")

    def register(self, company_id: UUID, codename: str, database_id: int | None, write: Append) -> int:
        """Begin a company's log."""
        with self.database.company(company_id) as connection:
            try:
                with connection.transaction():
                    chosen = _insert_company(connection, company_id, codename, database_id)
                    connection.execute(
                        "INSERT INTO heads (company_id, seq, recorded_at, hash) VALUES (%s, 0, %s, %s)",
                        (company_id, write.head.recorded_at, bytes(32)),
                    )
                    with Pipeline(connection) as pipeline:
                        _append(pipeline, company_id, write)
                        pipeline.results()
            except UniqueViolation as error:
                if error.diag.constraint_name == "companies_pkey":
                    raise RecordExists(f"There is a company with the id {company_id} already.", path="id") from None
                field = "database_id" if "database_id" in (error.diag.constraint_name or "") else "codename"
                raise ValueTaken(f"Another company already has this {field}.", path=f"data.{field}", field=field) from None
        return chosen

    def head(self, company_id: UUID) -> Head:
        """Where the log ends now."""
        with self.database.company(company_id) as connection:
            return head_of(run(connection, READ_HEAD, (company_id,)))

    def read_events(
        self, company_id: UUID, after: int, limit: int, *, until: int | None = None, kinds: list[str] | None = None
    ) -> list[RecordedEvent]:
        """Events with `after` < seq (≤ `until`), in order."""
        with self.database.company(company_id) as connection:
            return select_events(connection, company_id, after, limit, until=until, kinds=kinds)

    def read_stream(self, company_id: UUID, record_id: UUID, *, until: int | None = None) -> list[RecordedEvent]:
        """The events of one record, in order."""
        with self.database.company(company_id) as connection:
            events = select_streams(connection, company_id, [record_id])
        return [event for event in events if until is None or event.seq <= until]

    def read_records(self, company_id: UUID, needs: Needs, keys: Sequence[str] = ()) -> Loaded:
        """Records by id, number, client id or parent, and stored answers by key, without the head."""
        loaded = Loaded()
        statement, parameters = load_query(company_id, needs, keys)
        if statement:
            with self.database.company(company_id) as connection:
                collect(loaded, run(connection, statement, parameters))
        return loaded


class PostgresTransaction:
    """A transaction that holds a company's head."""

    def __init__(self, connection: Connection, company_id: UUID) -> None:
        self.connection = connection
        self.company_id = company_id
        self.loaded = Loaded()
        self.head: Head

    def begin(self, needs: Needs, keys: list[str]) -> None:
        """BEGIN, take the head, load: one round trip."""
        statement, parameters = load_query(self.company_id, needs, keys)
        with Pipeline(self.connection) as pipeline:
            pipeline.send(b"BEGIN")
            if self.connection.pgconn.server_version >= BOUNDED_SINCE:
                pipeline.send(TAKE_HEAD_BOUNDED, (WRITE_TIMEOUT, self.company_id))
            else:
                pipeline.send(TAKE_HEAD, (self.company_id,))
            if statement:  # of its own, after the head is held: its snapshot sees everything committed before
                pipeline.send(statement, parameters)
            _, head, *found = pipeline.results()
        self.head = head_of(head)
        for rows in found:
            collect(self.loaded, rows)
        self._read_histories(self.loaded, needs)

    def load(self, needs: Needs) -> Loaded:
        """Load more."""
        loaded = Loaded()
        statement, parameters = load_query(self.company_id, needs)
        if statement:
            collect(loaded, run(self.connection, statement, parameters))
        self._read_histories(loaded, needs)
        return loaded

    def _read_histories(self, loaded: Loaded, needs: Needs) -> None:
        for person_id in needs.traces:
            loaded.traces[person_id] = select_traces(self.connection, self.company_id, person_id)
        if not needs.histories:
            return
        loaded.histories.update({record_id: [] for record_id in needs.histories})
        for event in select_streams(self.connection, self.company_id, needs.histories):
            loaded.histories[event.record_id].append(event)

    def append(self, append: Append, meanwhile: Callable[[], None] | None = None) -> None:
        """Write everything and commit: one round trip, however many rows. `meanwhile` is called while Postgres is at work."""
        try:
            with Pipeline(self.connection) as pipeline:
                _append(pipeline, self.company_id, append)
                pipeline.send(b"COMMIT")
                try:
                    if meanwhile is not None:
                        pipeline.hand_over()
                        meanwhile()
                finally:
                    pipeline.results()
        except UniqueViolation as error:
            raise SequenceConflict(str(error)) from error
        except psycopg.Error as error:
            if is_lost(self.connection, error):  # perhaps after the commit, before its answer
                raise ServiceUnavailable(ANSWER_LOST, stored="unknown") from error
            raise


def _insert_company(connection: Connection, company_id: UUID, codename: str, database_id: int | None) -> int:
    if database_id is not None:
        connection.execute(INSERT_COMPANY, (company_id, codename, database_id))
        return database_id
    # Numbers that were asked for lie anywhere: where the sequence meets one, the next is tried
    while (row := connection.execute(INSERT_NEXT_COMPANY, (company_id, codename)).fetchone()) is None:
        pass
    return int(row[0])


def _append(pipeline: Pipeline, company_id: UUID, append: Append) -> None:
    if append.erased:  # while the records still say who they were
        pipeline.send(DROP_REJECTED, (company_id, company_id, uuids(append.erased)))
    if append.released:
        kinds, names, values = zip(*append.released, strict=True)
        pipeline.send(RELEASE_UNIQUE, (texts(kinds), texts(names), texts(values), company_id))
    chunks = max(len(append.events), len(append.created), len(append.updated), len(append.keys))
    for start in range(0, max(chunks, 1), CHUNK):
        last = start + CHUNK >= chunks
        parts: list[str] = []
        parameters: list[Any] = []
        rows = slice(start, start + CHUNK)
        _events_part(parts, parameters, company_id, append.events[rows], append.hashes[rows])
        _keys_part(parts, parameters, company_id, append.keys[rows])
        _records_part("created", parts, parameters, company_id, append.created[rows], append.parents)
        _records_part("updated", parts, parameters, company_id, append.updated[rows], append.parents)
        if last:
            _small_parts(parts, parameters, company_id, append)
            head = append.head
            parameters += (head.seq, head.recorded_at, head.hash, JSON.encode(head.numbers).decode(), company_id)
        pipeline.send(write_statement(tuple(parts), head=last), parameters)
    for person_id in append.erased:
        pipeline.send(ERASE_PERSON, (person_id,))


def _events_part(
    parts: list[str],
    parameters: list[Any],
    company_id: UUID,
    events: Sequence[RecordedEvent],
    hashes: Sequence[bytes],
) -> None:
    if not events:
        return
    sealed = any(e.sealed for e in events)
    parts.append("sealed" if sealed else "events")
    parameters += (
        company_id,
        int8s([e.seq for e in events]),
        uuids([e.record_id for e in events]),
        int4s([e.version for e in events]),
        texts([e.kind for e in events]),
        texts([e.topic for e in events]),
        utf8s([e.data for e in events]),
        timestamps([e.recorded_at for e in events]),
        timestamps([e.occurred_at for e in events]),
        uuids([e.actor_id for e in events]),
        uuids([e.device_id for e in events]),
        uuids([e.command_id for e in events]),
        uuids([e.correlation_id for e in events]),
        byteas(hashes),
    )
    if sealed:
        parameters += (byteas_or_null([e.sealed for e in events]), uuids([e.person_id for e in events]))


def _keys_part(parts: list[str], parameters: list[Any], company_id: UUID, keys: Sequence[PersonKey]) -> None:
    if not keys:
        return
    parts.append("keys")
    persons, seqs, secrets = zip(*keys, strict=True)
    parameters += (company_id, uuids(persons), int8s(seqs), byteas(secrets))


def _records_part(
    part: str,
    parts: list[str],
    parameters: list[Any],
    company_id: UUID,
    records: Sequence[Record],
    parents: dict[UUID, UUID],
) -> None:
    if not records:
        return
    parts.append(part)
    parameters += (
        company_id,
        uuids([r.id for r in records]),
        texts([r.kind for r in records]),
        int8s([r.number for r in records]),
        int8s([r.seq for r in records]),
        uuids([parents.get(r.id) for r in records]),
        bools([r.deleted for r in records]),
        utf8s([r.encode() for r in records]),
    )


def _small_parts(parts: list[str], parameters: list[Any], company_id: UUID, append: Append) -> None:
    if append.claimed:
        kinds, names, values = zip(*append.claimed, strict=True)
        parts.append("claimed")
        parameters += (company_id, texts(kinds), texts(names), texts(values), uuids(list(append.claimed.values())))
    if append.clients:
        kinds, sources, clients = zip(*append.clients, strict=True)
        parts.append("clients")
        parameters += (company_id, texts(kinds), texts(sources), texts(clients), uuids(list(append.clients.values())))
    if append.stock:
        products, stores = zip(*append.stock, strict=True)
        parts.append("stock")
        quantities = texts([str(quantity) for quantity in append.stock.values()])
        parameters += (company_id, uuids(products), uuids([store or NO_STORE for store in stores]), quantities)
    if append.answers:
        parts.append("answers")
        parameters += (
            company_id,
            append.head.seq,
            texts([answer.key for answer in append.answers]),
            byteas([answer.fingerprint for answer in append.answers]),
            utf8s([answer.answer for answer in append.answers]),
        )
    if append.credentials:
        parts.append("credentials")
        parameters += (
            company_id,
            uuids([c.user_id for c in append.credentials]),
            texts([c.password_hash for c in append.credentials]),
            texts([c.md5_hash for c in append.credentials]),
        )
