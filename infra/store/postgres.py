"""The store in Postgres.

A write takes the company's head row first and keeps it to the end, so everything it loads is current, everything it decides
holds when it commits, numbers stay dense and seq gap-free, without a retry (docs/decisions/0002-head-first.md). Companies never
wait for each other; readers never wait at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.errors import UniqueViolation
from psycopg.pq.abc import PGresult

from domain.errors import CompanyNotFound, RecordExists, ServiceUnavailable, ValueTaken
from domain.event import JSON, RecordedEvent
from domain.needs import Needs
from domain.record import Record, decode_record
from infra.database import Connection, Database, is_lost
from infra.store.arrays import bools, byteas, int4s, int8s, texts, timestamps, utf8s, uuids
from infra.store.interface import Answer, Append, Head, Loaded, SequenceConflict
from infra.store.pipeline import Pipeline, decode_timestamp, run
from infra.store.statements import (
    EVENT_COLUMNS,
    INSERT_COMPANY,
    INSERT_NEXT_COMPANY,
    READ_HEAD,
    READ_STREAMS,
    RELEASE_UNIQUE,
    TAKE_HEAD,
    TAKE_HEAD_BOUNDED,
    load_statement,
    write_statement,
)

NO_STORE = UUID(int=0)
"""How the company's only store is kept in a key column, which cannot be NULL."""
BOUNDED_SINCE = 170_000
WRITE_TIMEOUT = "60s"
"""How long a write may hold a company's head: a client that hangs must not stop all others for ever."""
CHUNK = 256
"""Rows per statement: while Postgres writes one chunk, the next is being encoded."""
ANSWER_LOST = "The database was lost while it was storing; send the same request again, with its key, to learn what became of it."

_numbers = msgspec.json.Decoder(dict[str, int])


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
            return _head(run(connection, READ_HEAD, (company_id,)))

    def read_events(
        self, company_id: UUID, after: int, limit: int, *, until: int | None = None, kinds: list[str] | None = None
    ) -> list[RecordedEvent]:
        """Events with `after` < seq (≤ `until`), in order."""
        with self.database.company(company_id) as connection:
            return select_events(connection, company_id, after, limit, until=until, kinds=kinds)

    def read_stream(self, company_id: UUID, record_id: UUID, *, until: int | None = None) -> list[RecordedEvent]:
        """The events of one record, in order."""
        with self.database.company(company_id) as connection:
            rows = connection.execute(READ_STREAMS, (company_id, [record_id]), binary=True).fetchall()
        events = map(event_of_row, rows)
        return [event for event in events if until is None or event.seq <= until]

    def read_records(self, company_id: UUID, needs: Needs) -> Loaded:
        """Records by id, number, client id or parent, without the head."""
        loaded = Loaded()
        statement, parameters = _load_parts(company_id, needs, [])
        if statement:
            with self.database.company(company_id) as connection:
                _collect(loaded, run(connection, statement, parameters))
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
        statement, parameters = _load_parts(self.company_id, needs, keys)
        with Pipeline(self.connection) as pipeline:
            pipeline.send(b"BEGIN")
            if self.connection.pgconn.server_version >= BOUNDED_SINCE:
                pipeline.send(TAKE_HEAD_BOUNDED, (WRITE_TIMEOUT, self.company_id))
            else:
                pipeline.send(TAKE_HEAD, (self.company_id,))
            if statement:  # of its own, after the head is held: its snapshot sees everything committed before
                pipeline.send(statement, parameters)
            _, head, *found = pipeline.results()
        self.head = _head(head)
        for rows in found:
            _collect(self.loaded, rows)
        self._read_histories(self.loaded, needs)

    def load(self, needs: Needs) -> Loaded:
        """Load more."""
        loaded = Loaded()
        statement, parameters = _load_parts(self.company_id, needs, [])
        if statement:
            _collect(loaded, run(self.connection, statement, parameters))
        self._read_histories(loaded, needs)
        return loaded

    def _read_histories(self, loaded: Loaded, needs: Needs) -> None:
        if not needs.histories:
            return
        rows = self.connection.execute(READ_STREAMS, (self.company_id, list(needs.histories)), binary=True).fetchall()
        loaded.histories.update({record_id: [] for record_id in needs.histories})
        for event in map(event_of_row, rows):
            loaded.histories[event.record_id].append(event)

    def append(self, append: Append) -> None:
        """Write everything and commit: one round trip, however many rows."""
        try:
            with Pipeline(self.connection) as pipeline:
                _append(pipeline, self.company_id, append)
                pipeline.send(b"COMMIT")
                pipeline.results()
        except UniqueViolation as error:
            raise SequenceConflict(str(error)) from error
        except psycopg.Error as error:
            if is_lost(self.connection, error):  # perhaps after the commit, before its answer
                raise ServiceUnavailable(ANSWER_LOST, stored="unknown") from error
            raise


# Writing ------------------------------------------------------------------------------------------


def _insert_company(connection: Connection, company_id: UUID, codename: str, database_id: int | None) -> int:
    if database_id is not None:
        connection.execute(INSERT_COMPANY, (company_id, codename, database_id))
        return database_id
    # Numbers that were asked for lie anywhere: where the sequence meets one, the next is tried
    while (row := connection.execute(INSERT_NEXT_COMPANY, (company_id, codename)).fetchone()) is None:
        pass
    return int(row[0])


def _append(pipeline: Pipeline, company_id: UUID, append: Append) -> None:
    if append.released:
        kinds, names, values = zip(*append.released, strict=True)
        pipeline.send(RELEASE_UNIQUE, (texts(kinds), texts(names), texts(values), company_id))
    chunks = max(len(append.events), len(append.created), len(append.updated))
    for start in range(0, max(chunks, 1), CHUNK):
        last = start + CHUNK >= chunks
        parts: list[str] = []
        parameters: list[Any] = []
        rows = slice(start, start + CHUNK)
        _events_part(parts, parameters, company_id, append.events[rows], append.hashes[rows])
        _records_part("created", parts, parameters, company_id, append.created[rows], append.parents)
        _records_part("updated", parts, parameters, company_id, append.updated[rows], append.parents)
        if last:
            _small_parts(parts, parameters, company_id, append)
            head = append.head
            parameters += (head.seq, head.recorded_at, head.hash, JSON.encode(head.numbers).decode(), company_id)
        pipeline.send(write_statement(tuple(parts), head=last), parameters)


def _events_part(
    parts: list[str],
    parameters: list[Any],
    company_id: UUID,
    events: Sequence[RecordedEvent],
    hashes: Sequence[bytes],
) -> None:
    if not events:
        return
    parts.append("events")
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


# Reading ------------------------------------------------------------------------------------------


def _load_parts(company_id: UUID, needs: Needs, keys: list[str]) -> tuple[bytes, list[Any]]:
    parts: list[str] = []
    parameters: list[Any] = []
    if needs.ids:
        parts.append("ids")
        parameters += (company_id, uuids(list(needs.ids)))
    if needs.parents:
        parts.append("parents")
        parameters += (company_id, uuids(list(needs.parents)))
    if needs.numbers:
        parts.append("numbers")
        kinds, numbers = zip(*needs.numbers, strict=True)
        parameters += (texts(kinds), int8s(numbers), company_id)
    if needs.clients:
        parts.append("clients")
        kinds, sources, clients = zip(*needs.clients, strict=True)
        parameters += (texts(kinds), texts(sources), texts(clients), company_id)
    if needs.unique:
        parts.append("unique")
        kinds, names, values = zip(*needs.unique, strict=True)
        parameters += (texts(kinds), texts(names), texts(values), company_id)
    if needs.stock:
        parts.append("stock")
        products, stores = zip(*needs.stock, strict=True)
        parameters += (uuids(products), uuids([store or NO_STORE for store in stores]), company_id)
    if keys:
        parts.append("keys")
        parameters += (company_id, texts(keys))
    return (load_statement(tuple(parts)) if parts else b""), parameters


def _collect(loaded: Loaded, rows: PGresult) -> None:
    """Put what LOAD_PARTS answered where it belongs; texts are decoded only where they are not documents."""
    value = rows.get_value
    for row in range(rows.ntuples):
        what, document = value(row, 0), value(row, 1) or b""
        if what == b"record":
            loaded.records.append(decode_record(document))
            continue
        a, b, c = ((value(row, column) or b"").decode() for column in (2, 3, 4))
        if what == b"client":
            loaded.records.append(decode_record(document))
            loaded.clients[a, b, c] = UUID(bytes=value(row, 5))
        elif what == b"unique":
            loaded.unique[a, b, c] = UUID(bytes=value(row, 5))
        elif what == b"stock":
            store = UUID(bytes=value(row, 6))
            loaded.stock[UUID(bytes=value(row, 5)), None if store == NO_STORE else store] = Decimal(document.decode())
        else:
            loaded.answers[a] = Answer(a, bytes.fromhex(b), document)


def _head(rows: PGresult) -> Head:
    if rows.ntuples == 0:
        raise CompanyNotFound
    seq, recorded_at, hash_, numbers, now = (rows.get_value(0, column) or b"" for column in range(5))
    return Head(int.from_bytes(seq, "big"), decode_timestamp(recorded_at), hash_, _numbers.decode(numbers), decode_timestamp(now))


def event_of_row(row: tuple[Any, ...]) -> RecordedEvent:
    """The event in a row of EVENT_COLUMNS."""
    company, seq, kind, record, version, topic, data, recorded, occurred, actor, device, command, correlation, hash_ = row
    return RecordedEvent(
        company_id=company,
        seq=seq,
        kind=kind,
        record_id=record,
        version=version,
        topic=topic,
        data=data.encode(),
        recorded_at=recorded,
        occurred_at=occurred,
        actor_id=actor,
        device_id=device,
        command_id=command,
        correlation_id=correlation,
        hash=hash_,
    )


def select_events(
    connection: Connection,
    company_id: UUID,
    after: int,
    limit: int,
    *,
    until: int | None = None,
    kinds: Sequence[str] | None = None,
) -> list[RecordedEvent]:
    """A keyset page of a company's log."""
    statement = f"SELECT {EVENT_COLUMNS} FROM events WHERE company_id = %b AND seq > %b"
    parameters: list[Any] = [company_id, after]
    if until is not None:
        statement += " AND seq <= %b"
        parameters.append(until)
    if kinds is not None:
        statement += " AND kind = ANY(%b)"
        parameters.append(list(kinds))
    statement += " ORDER BY seq LIMIT %b"
    parameters.append(limit)
    return [event_of_row(row) for row in connection.execute(statement.encode(), parameters, binary=True).fetchall()]
