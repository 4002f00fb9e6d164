"""What the proofs of the ledger share: how to open it, how to write to it, and how to audit what it stored."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import msgspec

from domain.books import Books
from domain.catalogue import CATALOGUE, fields_of
from domain.chart import DEFAULT_CHART
from domain.command import Actor, Command, Idempotency
from domain.event import GENESIS, RecordedEvent, chain_hash
from infra.database import Database
from infra.ledger import Ledger, Outcome
from infra.requests import fingerprint_of
from infra.store.append import parent_of
from infra.store.memory import MemoryStore
from infra.store.postgres import PostgresStore
from projections.records import NO_STORE

Store = MemoryStore | PostgresStore
BEGUN = 1 + len(DEFAULT_CHART)
"""How many events a company's log begins with: its registration, and the accounts of its default chart."""
PAGE = 700
"""A page size that divides nothing, so that pages are cut at odd places."""


def wish(type_: str, data: dict[str, Any] | None = None, **envelope: Any) -> Command:
    """The command `kind.action`."""
    kind, _, action = type_.partition(".")
    return Command(kind=kind, action=action, data=data, **envelope)


def once(key: str, commands: Iterable[Command]) -> Idempotency:
    """The idempotency of a request that holds these commands."""
    return Idempotency(key=key, fingerprint=fingerprint_of(list(commands)))


def register(ledger: Ledger, **company: Any) -> UUID:
    """A new company's id."""
    data = {"name": "Babil", "codename": f"c-{uuid4().hex}", **company}
    return ledger.register_company([wish("company.create", data)])[0]


def cashier() -> Actor:
    """Somebody at a device of their own."""
    return Actor(user_id=uuid4(), device_id=uuid4(), role="owner")


def create(ledger: Ledger, company: UUID, kind: str, actor: Actor | None = None, **data: Any) -> UUID:
    """Create one record; its id."""
    return created(ledger.execute(company, [wish(f"{kind}.create", data)], actor or Actor()))


def created(outcome: Outcome) -> UUID:
    """The id in the first result."""
    result: Any = outcome.results[0]
    found: UUID = result.id
    return found


def read_log(store: Store, company: UUID, after: int = 0) -> list[RecordedEvent]:
    """Every event after a seq, page by page."""
    events: list[RecordedEvent] = []
    while page := store.read_events(company, after, PAGE):
        events += page
        after = page[-1].seq
    return events


class Tables(msgspec.Struct):
    """What a store keeps of a company beside its log. Records as (kind, number, seq, parent, deleted, document)."""

    records: dict[UUID, tuple[str, int, int, UUID | None, bool, bytes]]
    unique: dict[tuple[str, str, str], UUID]
    clients: dict[tuple[str, str, str], UUID]
    stock: dict[tuple[UUID, UUID | None], Decimal]


def stored_tables(store: Store, company: UUID) -> Tables:
    """The inline read models as they are stored."""
    if isinstance(store, PostgresStore):
        return _tables_in_postgres(store, company)
    kept = store._companies[company]
    records = {r.id: (r.kind, r.number, r.seq, kept.parents.get(r.id), r.deleted, r.encode()) for r in kept.records.values()}
    return Tables(records, dict(kept.unique), dict(kept.clients), {k: v for k, v in kept.stock.items() if v})


def _tables_in_postgres(store: PostgresStore, company: UUID) -> Tables:
    with store.database.company(company) as connection:
        records = connection.execute("SELECT id, kind, number, seq, parent_id, deleted, document FROM records").fetchall()
        unique = connection.execute("SELECT kind, name, value, record_id FROM unique_values").fetchall()
        clients = connection.execute("SELECT kind, source, client_id, record_id FROM client_ids").fetchall()
        stock = connection.execute("SELECT product_id, store_id, quantity FROM stock_levels WHERE quantity <> 0").fetchall()
    return Tables(
        {row[0]: (*row[1:6], row[6].encode()) for row in records},
        {row[:3]: row[3] for row in unique},
        {row[:3]: row[3] for row in clients},
        {(product, None if place == NO_STORE else place): quantity for product, place, quantity in stock},
    )


def replayed_tables(company: UUID, events: Iterable[RecordedEvent]) -> tuple[Books, Tables]:
    """The inline read models as a fresh fold of the log makes them."""
    books = Books(company, undoable=False)
    for event in events:
        books.apply(event, CATALOGUE[event.kind], fields_of(event))
    records = {r.id: (r.kind, r.number, r.seq, parent_of(r), r.deleted, r.encode()) for r in books.records.values()}
    return books, Tables(
        records,
        {key: holder for key, holder in books.unique.items() if holder is not None},
        dict(books.by_client),
        {key: level for key, level in books.stock.items() if level},
    )


def audit(store: Store, company: UUID) -> list[RecordedEvent]:
    """Assert everything that must hold of a company's log and of what is kept beside it; returns the log."""
    head = store.head(company)
    events = read_log(store, company)
    assert [event.seq for event in events] == list(range(1, len(events) + 1)), "seq has no gaps"
    assert all(a.recorded_at < b.recorded_at for a, b in pairwise(events)), "recorded_at strictly increases"
    previous = GENESIS
    for event in events:
        assert event.company_id == company
        previous = chain_hash(previous, event)
        assert event.hash == previous, f"the chain holds at {event.seq}"
    assert (head.seq, head.hash) == (len(events), previous), "the head agrees with the log"
    if events:
        assert head.recorded_at == events[-1].recorded_at
    books, expected = replayed_tables(company, events)
    audit_numbers(events)
    assert head.numbers == books.numbers, "the head knows the last numbers"
    assert stored_tables(store, company) == expected, "what is stored is what the log says"
    return events


def audit_numbers(events: Iterable[RecordedEvent]) -> None:
    """Versions count each record's events from 1, numbers count each kind's records from 1."""
    versions: dict[UUID, int] = {}
    numbers: dict[str, int] = {}
    for event in events:
        assert event.version == versions.get(event.record_id, 0) + 1, f"versions are dense at {event.seq}"
        versions[event.record_id] = event.version
        if event.version == 1:
            number = fields_of(event)["number"]
            assert number == numbers.get(event.kind, 0) + 1, f"numbers are dense at {event.seq}"
            numbers[event.kind] = number


def open_store(url: str, size: int = 8) -> PostgresStore:
    """The store behind a connection string; its pool is open."""
    return PostgresStore(Database(url, size=size).open())
