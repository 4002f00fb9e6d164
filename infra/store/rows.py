"""What the store reads: the statement that loads what a decision needs, and Postgres' rows as records, heads and events."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from psycopg.pq.abc import PGresult

from domain.errors import CompanyNotFound
from domain.event import RecordedEvent
from domain.needs import Needs
from domain.record import decode_record
from infra.database import Connection
from infra.store.arrays import int8s, texts, uuids
from infra.store.interface import Answer, Head, Loaded
from infra.store.pipeline import decode_timestamp
from infra.store.statements import EVENT_COLUMNS, READ_STREAMS, READ_TRACES, load_statement
from projections.records import NO_STORE

_numbers = msgspec.json.Decoder(dict[str, int])


def load_query(company_id: UUID, needs: Needs, keys: Sequence[str] = ()) -> tuple[bytes, list[Any]]:
    """One statement that loads what is needed, and its parameters; empty where nothing is."""
    parts: list[str] = []
    parameters: list[Any] = []
    if needs.ids:
        parts.append("ids")
        parameters += (company_id, uuids(list(needs.ids)))
    if needs.parents:
        parts.append("parents")
        parameters += (company_id, uuids(list(needs.parents)))
    if needs.traces:
        parts.append("traces")
        persons = uuids(list(needs.traces))
        parameters += (company_id, persons, company_id, persons)
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
    if needs.holders:
        parts.append("holders")
        kinds, names, values = zip(*needs.holders, strict=True)
        parameters += (texts(kinds), texts(names), texts(values), company_id)
    if needs.stock:
        parts.append("stock")
        products, stores = zip(*needs.stock, strict=True)
        parameters += (uuids(products), uuids([store or NO_STORE for store in stores]), company_id)
    if needs.shifts:
        parts.append("shifts")
        parameters += (company_id, texts([str(shift) for shift in needs.shifts]))
    if keys:
        parts.append("keys")
        parameters += (company_id, texts(keys))
    return (load_statement(tuple(parts)) if parts else b""), parameters


def collect(loaded: Loaded, rows: PGresult) -> None:
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
        elif what == b"holder":
            loaded.records.append(decode_record(document))
            loaded.unique[a, b, c] = UUID(bytes=value(row, 5))
        elif what == b"unique":
            loaded.unique[a, b, c] = UUID(bytes=value(row, 5))
        elif what == b"stock":
            store = UUID(bytes=value(row, 6))
            loaded.stock[UUID(bytes=value(row, 5)), None if store == NO_STORE else store] = Decimal(document.decode())
        else:
            loaded.answers[a] = Answer(a, bytes.fromhex(b), document)


def head_of(rows: PGresult) -> Head:
    """The head in the one row of READ_HEAD or TAKE_HEAD. Raises CompanyNotFound where there is none."""
    if rows.ntuples == 0:
        raise CompanyNotFound
    seq, recorded_at, hash_, numbers, now = (rows.get_value(0, column) or b"" for column in range(5))
    return Head(int.from_bytes(seq, "big"), decode_timestamp(recorded_at), hash_, _numbers.decode(numbers), decode_timestamp(now))


def event_of_row(row: tuple[Any, ...]) -> RecordedEvent:
    """The event in a row of EVENT_COLUMNS."""
    company, seq, kind, record, version, topic, data, recorded, occurred, actor, device, command, correlation, *proof = row
    hash_, sealed, person = proof
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
        sealed=sealed or b"",
        person_id=person,
    )


def select_streams(connection: Connection, company_id: UUID, record_ids: Collection[UUID]) -> list[RecordedEvent]:
    """All events of these records, in order."""
    rows = connection.execute(READ_STREAMS, (company_id, list(record_ids)), binary=True).fetchall()
    return list(map(event_of_row, rows))


def select_traces(connection: Connection, company_id: UUID, person_id: UUID) -> list[RecordedEvent]:
    """All events of the records that hold personal data of this person, and of the person's own record, in order."""
    parameters = (company_id, [person_id], company_id, [person_id])
    return list(map(event_of_row, connection.execute(READ_TRACES, parameters, binary=True).fetchall()))


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
