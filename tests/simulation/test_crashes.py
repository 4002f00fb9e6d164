"""A crash between any two steps of a write: all of it or nothing is stored, and a retry under its key stores it once."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from uuid import UUID

import psycopg
import pytest
from bookkeeping import BEGUN, audit, create, once, open_store, register, wish
from breaking import Steps, cut
from crew import Crew, wait_for
from fixtures import Urls
from waiting import wait_until

from domain.command import Actor, Command
from domain.errors import ServiceUnavailable
from infra import database as database_module
from infra.embedded import DataDir, EmbeddedPostgres
from infra.ledger import Ledger
from infra.store import postgres as store_module
from infra.store.postgres import PostgresStore

STEPS_OF_A_REQUEST = 24
"""At least so many steps a write of the simulation takes; there may be more."""
STEPS_AT_MOST = 200


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several statements for a few events, as for thousands."""
    monkeypatch.setattr(store_module, "CHUNK", 4)


@pytest.fixture
def single_store(urls: Urls) -> Iterator[PostgresStore]:
    """A store with one connection: a broken one is noticed by the next who asks."""
    store = open_store(urls.api, size=1)
    yield store
    store.database.close()


def prepared(store: PostgresStore) -> tuple[UUID, list[Command]]:
    """A company, and a request that loads, wishes for more, and writes in several statements."""
    ledger = Ledger(store)
    company = register(ledger)
    product = create(ledger, company, "product", name="Tea", price="2")
    lines = [{"product_id": product, "quantity": "1"}] * 3
    invoice = create(ledger, company, "invoice", type="sales", moves_stock=True, lines=lines)
    create(ledger, company, "payment", amount="2", invoice_id=invoice)
    party = wish("party.create", {"name": "A"}, client_id="p", key="one")
    products = [wish("product.create", {"name": str(n), "sku": str(n)}) for n in range(6)]
    return company, [wish("invoice.delete", id=invoice), party, *products]


def steps_of_a_write(store: PostgresStore) -> list[str]:
    """The names of the steps."""
    company, commands = prepared(store)
    steps = Steps(lambda _: None, None)
    ledger = steps.arm(Ledger(store))
    try:
        ledger.execute(company, commands, Actor(), idempotency=once("k", commands))
    finally:
        steps.disarm()
    return steps.names


@pytest.mark.usefixtures("small_chunks")
def test_a_connection_lost_at_any_step(single_store: PostgresStore, urls: Urls) -> None:
    names = steps_of_a_write(single_store)
    assert sum("INSERT" in name for name in names) >= 6, f"several statements are sent: {names}"
    stored_and_lost = 0
    for at, name in enumerate(names):
        company, commands = prepared(single_store)
        before = single_store.head(company)
        steps = Steps(cut(urls.owner), at)
        ledger = steps.arm(Ledger(single_store))
        try:
            ledger.execute(company, commands, Actor(), idempotency=once("k", commands))
            answered = True
        except ServiceUnavailable as error:
            answered = False
            unknown = error.details.get("stored") == "unknown"
        finally:
            steps.disarm()
        stored = single_store.head(company).seq > before.seq
        log = audit(single_store, company)
        assert stored or not answered, f"an answer is kept, at {name}"
        assert answered or unknown or not stored, f"who is told that nothing was stored can rely on it, at {name}"
        stored_and_lost += stored and not answered
        again = Ledger(single_store).execute(company, commands, Actor(), idempotency=once("k", commands))
        assert again.idempotent_replay is stored, name
        after = audit(single_store, company)
        assert stored == (len(after) == len(log)), name
        assert sum(event.kind == "party" for event in after) == 1, name
    assert stored_and_lost > 0, "at some step the commit was done and its answer lost"


def test_a_process_killed_at_any_step(urls: Urls, tmp_path: Path, postgres_store: PostgresStore) -> None:
    with Crew(urls.api, tmp_path) as crew:
        ledger = Ledger(postgres_store)
        at, stored_and_lost = 0, 0
        while True:
            company, name = register(ledger), f"w{at}"
            wait_for(crew.start(company, name, 1, die_at=at))
            if crew.answered(name):
                break  # it had no step of this number
            stored_and_lost += postgres_store.head(company).seq > BEGUN
            audit(postgres_store, company)
            wait_for(crew.start(company, name, 1))
            assert crew.answered(name) == 1
            kinds = [event.topic for event in audit(postgres_store, company)]
            assert kinds.count("party.created.v1") == kinds.count("party_group.created.v1") == kinds.count("invoice.issued.v1") == 1
            at += 1
            assert at < STEPS_AT_MOST, "a writer that nobody kills ends"
        assert at >= 10
        assert stored_and_lost >= 2, "killed between the commit and its answer, and before the hint"


def test_idle_connections_that_were_cut_are_replaced_unnoticed(urls: Urls) -> None:
    store = open_store(urls.api, size=3)
    ledger = Ledger(store)
    company = register(ledger)
    with psycopg.connect(urls.owner, autocommit=True) as owner:
        for _ in range(5):
            with store.database.company(company), store.database.company(company):
                pass
            owner.execute(
                "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE application_name = 'daftar'"
                " AND datname = current_database()"
            )
            create(ledger, company, "party", name="A")
    audit(store, company)
    store.database.close()


def test_whoever_hangs_with_the_head_is_cut_off(urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "WRITE_TIMEOUT", "700ms")
    monkeypatch.setattr(database_module, "LOCK_TIMEOUT", "200ms")
    store = open_store(urls.api, size=3)
    ledger = Ledger(store)
    company, other = register(ledger), register(ledger)
    holding, outcome = Event(), []

    def hang(*_: object) -> UUID:
        if not holding.is_set():
            holding.set()
            time.sleep(1.2)
        return UUID(int=1)

    def write() -> None:
        try:
            Ledger(store, make_id=hang).execute(company, [wish("party.create", {"name": "A"})], Actor())
        except Exception as error:  # noqa: BLE001
            outcome.append(error)

    thread = Thread(target=write)
    thread.start()
    holding.wait(5)
    with pytest.raises(ServiceUnavailable):
        create(ledger, company, "party", name="B")
    create(ledger, other, "party", name="B")
    thread.join(5)
    assert [type(error) for error in outcome] == [ServiceUnavailable]
    create(ledger, company, "party", name="B")
    assert len(audit(store, company)) == BEGUN + 1
    store.database.close()


def test_a_pool_survives_a_restart_of_the_database() -> None:
    """Killed and started again under writers: they are told, nothing that was answered is lost, and they go on by themselves."""
    path = Path(tempfile.mkdtemp(prefix="daftar-test-"))
    folder = DataDir(path)
    folder.hold()
    server = EmbeddedPostgres(folder)
    server.start()
    store = None
    try:
        url = server.url()
        database_module.migrate(url, "secret" * 8)
        store = open_store(server.url(database_module.API_ROLE), size=4)
        ledger = Ledger(store)
        company = register(ledger)
        stop, answered, refused, broken = Event(), [], [], []

        def write(name: str) -> None:
            place = 0
            while not stop.is_set():
                commands = [wish("party.create", {"name": f"{name}-{place}"})]
                try:
                    ledger.execute(company, commands, Actor(), idempotency=once(f"{name}-{place}", commands))
                    answered.append((time.monotonic(), f"{name}-{place}"))
                    place += 1
                except ServiceUnavailable:
                    refused.append(name)
                    time.sleep(0.02)
                except Exception as error:  # noqa: BLE001
                    broken.append(error)
                    return

        threads = [Thread(target=write, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(answered) > 50)
        server.kill()
        time.sleep(0.3)
        server.start()
        up = time.monotonic()
        wait_until(lambda: {name.split("-")[0] for at, name in answered if at > up} == set("abcd"))
        recovered = time.monotonic() - up
        stop.set()
        for thread in threads:
            thread.join(20)
        assert broken == []
        assert refused, "writers were told"
        assert recovered < 10
        log = audit(store, company)
        names = [event.data for event in log if event.kind == "party"]
        assert len(names) == len(set(names)) == len({name for _, name in answered})
    finally:
        if store is not None:
            store.database.close()
        server.stop()
        folder.release()
        shutil.rmtree(path)
