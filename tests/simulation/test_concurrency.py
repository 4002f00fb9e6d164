"""Many writers at once: one gap-free log per company, exactly one winner, and readers who miss nothing."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any, TypeVar
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest
from bookkeeping import BEGUN, Store, audit, create, created, once, open_store, register, stored_tables, wish
from crew import Crew, is_running, request_of, wait_for
from fixtures import Urls

from domain.command import Actor
from domain.errors import LedgerError, ValueTaken
from infra.ledger import Ledger
from infra.reading.reader import Reader
from infra.store.postgres import PostgresStore

WRITERS = 8
T = TypeVar("T")


def all_at_once(number: int, work: Callable[[int], T]) -> list[T | LedgerError]:
    """What each of `number` threads got that start at the same moment."""
    barrier = Barrier(number)

    def run(place: int) -> T | LedgerError:
        barrier.wait(10)
        try:
            return work(place)
        except LedgerError as error:
            return error

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(run, range(number)))


def test_eight_writers_on_one_company_and_one_on_each_of_eight(urls: Urls) -> None:
    store = open_store(urls.api, size=2 * WRITERS)
    ledger = Ledger(store)
    shared = register(ledger)
    own = [register(ledger) for _ in range(WRITERS)]
    with psycopg.connect(urls.owner, autocommit=True) as owner:
        deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        before = owner.execute(deadlocks).fetchone()

        def write(place: int) -> None:
            company = shared if place < WRITERS else own[place - WRITERS]
            for turn in range(20):
                name = f"t{place}"
                commands = request_of(name, turn)
                ledger.execute(company, commands, Actor(), idempotency=once(f"{name}-{turn}", commands))

        assert all_at_once(2 * WRITERS, write) == [None] * 2 * WRITERS
        for company in (shared, *own):
            events = audit(store, company)
            assert sum(event.topic == "party.created.v1" for event in events) == 20 * (WRITERS if company == shared else 1)
        owner.execute("SELECT pg_stat_force_next_flush()")
        assert owner.execute(deadlocks).fetchone() == before
    store.database.close()


def test_equal_requests_at_once_create_one_record_and_all_succeed(store: Store, company: UUID) -> None:
    ledger = Ledger(store)
    for turn in range(5):
        commands = [wish("party.create", {"name": "A"})]
        key = once(str(turn), commands)
        answers: list[Any] = all_at_once(6, lambda _, c=commands, k=key: ledger.execute(company, c, Actor(), idempotency=k))
        assert len({created(outcome) for outcome in answers}) == 1
        assert sorted(outcome.idempotent_replay for outcome in answers) == [False] + [True] * 5
    assert len(audit(store, company)) == BEGUN + 5


def test_equal_client_ids_at_once_make_one_record(store: Store, company: UUID) -> None:
    ledger, actor = Ledger(store), Actor(device_id=uuid4())
    command = wish("party.create", {"name": "A"}, client_id="7")
    outcomes: list[Any] = all_at_once(6, lambda _: ledger.execute(company, [command], actor))
    assert len({created(outcome) for outcome in outcomes}) == 1
    assert len(audit(store, company)) == BEGUN + 1


def test_one_of_equal_unique_values_wins(store: Store, company: UUID) -> None:
    ledger = Ledger(store)
    for turn in range(5):
        sku = f"T{turn}"
        outcomes = all_at_once(6, lambda n, sku=sku: create(ledger, company, "product", name=str(n), sku=sku))
        assert [type(outcome) for outcome in outcomes].count(ValueTaken) == 5
        assert sum(isinstance(outcome, UUID) for outcome in outcomes) == 1
    assert len(audit(store, company)) == BEGUN + 5


def test_one_of_equal_codenames_wins(store: Store) -> None:
    ledger, codename = Ledger(store), f"c-{uuid4().hex}"
    outcomes = all_at_once(6, lambda _: register(ledger, codename=codename))
    assert [type(outcome) for outcome in outcomes].count(ValueTaken) == 5
    [winner] = [outcome for outcome in outcomes if isinstance(outcome, UUID)]
    audit(store, winner)


def test_stock_is_never_oversold(store: Store, company: UUID) -> None:
    ledger = Ledger(store)
    product = create(ledger, company, "product", name="Tea")
    create(ledger, company, "stock_movement", product_id=product, quantity="5")
    sale = {"product_id": product, "quantity": "-2", "require_stock": True}
    outcomes = all_at_once(6, lambda _: ledger.execute(company, [wish("stock_movement.create", sale)], Actor()))
    assert sum(not isinstance(outcome, LedgerError) for outcome in outcomes) == 2
    assert list(stored_tables(store, company).stock.values()) == [1]
    audit(store, company)


class Tail:
    """A client that follows a company's log and its records by cursor, and notes what it was given."""

    def __init__(self, url: str, company: UUID) -> None:
        self.store = open_store(url, size=2)
        self.reader = Reader(self.store.database)
        self.company = company
        self.cursors = {"events": 0, "records": 0, "parties": 0}
        self.seqs: list[int] = []
        self.times: list[str] = []
        self.hashes: list[str] = []
        self.records: dict[str, dict[str, Any]] = {}
        self.parties: dict[str, dict[str, Any]] = {}
        self.polls = 0

    def poll(self, limit: int) -> bool:
        """Pull one page of everything; whether there was anything."""
        self.polls += 1
        events = self.reader.pull("events", self.company, self.cursors["events"], limit)
        for event in msgspec.json.decode(b"[" + events.items + b"]"):
            assert event["seq"] == len(self.seqs) + 1, "nothing is missed, nothing repeated, all in order"
            self.seqs.append(event["seq"])
            self.times.append(event["recorded_at"])
            self.hashes.append(event["hash"])
        self.cursors["events"] = events.cursor
        assert events.cursor == len(self.seqs)
        found = events.count
        for name, kept, kinds in (("records", self.records, None), ("parties", self.parties, ["party"])):
            page = self.reader.pull("records", self.company, self.cursors[name], limit, kinds)
            documents = msgspec.json.decode(b"[" + page.items + b"]")
            seqs = [document["seq"] for document in documents]
            assert seqs == sorted(set(seqs))
            assert all(self.cursors[name] < seq <= page.cursor for seq in seqs)
            kept.update({document["id"]: document for document in documents})
            self.cursors[name] = page.cursor
            found += page.count
        return found > 0

    def follow(self, stop: Event) -> None:
        """Poll until everything was read after `stop`."""
        chance = random.Random(7)
        while True:
            last = stop.is_set()
            if not self.poll(chance.choice((1, 3, 20, 1000))):
                if last:
                    return
                time.sleep(0.002)


def test_a_tailing_reader_beside_writers_that_are_killed(urls: Urls, tmp_path: Path, postgres_store: PostgresStore) -> None:
    company = register(Ledger(postgres_store))
    chance, requests, kills = random.Random(11), 40, 24
    tail, stop = Tail(urls.api, company), Event()
    with ThreadPoolExecutor(1) as threads, Crew(urls.api, tmp_path) as crew:
        following = threads.submit(tail.follow, stop)
        try:
            names = [f"w{place}" for place in range(WRITERS)]
            writers = {name: crew.start(company, name, requests) for name in names}
            killed = 0
            while killed < kills and any(crew.answered(name) < requests for name in names):
                time.sleep(chance.uniform(0.005, 0.05))
                name = chance.choice(names)
                if crew.answered(name) < requests and is_running(writers[name]):
                    os.kill(writers[name], signal.SIGKILL)
                    wait_for(writers[name])
                    killed += 1
                    writers[name] = crew.start(company, name, requests)
            for pid in writers.values():
                wait_for(pid)
            assert {crew.answered(name) for name in names} == {requests}
        finally:
            stop.set()
        following.result(20)
    assert killed >= kills / 2
    events = audit(postgres_store, company)
    for topic in ("party.created.v1", "party_group.created.v1"):  # the second has no client id: only the key protects it
        assert sum(event.topic == topic for event in events) == WRITERS * requests, "each request once"
    assert tail.seqs == [event.seq for event in events]
    assert tail.hashes == [event.hash.hex() for event in events]
    assert tail.times == sorted(set(tail.times)), "a time names one seq"
    stored = {str(key): msgspec.json.decode(row[5]) for key, row in stored_tables(postgres_store, company).records.items()}
    assert tail.records == stored, "the pulls come to the records as they are"
    assert tail.parties == {key: record for key, record in stored.items() if record["kind"] == "party"}
    assert tail.polls > 20
    tail.store.database.close()


@pytest.mark.parametrize("page", [1, 2, 7])
def test_a_page_is_never_cut_inside_a_change(postgres_store: PostgresStore, page: int) -> None:
    """Whoever pulls in small pages while records move sees each of them, at the latest where it moved to."""
    ledger, reader = Ledger(postgres_store), Reader(postgres_store.database)
    company = register(ledger)
    ids = [create(ledger, company, "party", name=str(n)) for n in range(9)]
    seen: dict[str, int] = {}
    cursor, turns = 0, 0
    while True:
        pulled = reader.pull("records", company, cursor, page)
        seen.update({item["id"]: item["seq"] for item in msgspec.json.decode(b"[" + pulled.items + b"]")})
        cursor = pulled.cursor
        if turns < 12:
            ledger.execute(company, [wish("party.update", {"phone": str(turns)}, id=ids[turns % 9])], Actor())
            turns += 1
        elif not pulled.has_more:
            break
    stored = stored_tables(postgres_store, company).records
    assert seen == {str(record_id): row[2] for record_id, row in stored.items()}
