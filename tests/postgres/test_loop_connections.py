"""Connections that the event loop listens to: right answers, one company each, whatever becomes of servers and askers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from bookkeeping import create, register
from fixtures import Urls
from psycopg.errors import DivisionByZero

from domain.errors import ServiceUnavailable
from infra.database import Database
from infra.ledger import Ledger
from infra.lists.listing import MEANT_ALWAYS, Condition, Listing, Source, list_from, list_in_loop
from infra.lists.totals import Totals
from infra.loop_connections import LoopConnections
from infra.store.arrays import Json
from infra.store.postgres import PostgresStore

NOBODY = uuid4()
PID = b"SELECT pg_backend_pid()::bigint"
SEEN = b"SELECT count(*), current_setting('daftar.company_id') FROM records WHERE kind = 'party'"


def asking(url: str, work: Callable[[LoopConnections], Awaitable[Any]], *, size: int = 1, patience: float = 10.0) -> Any:
    """What the work comes to, in an event loop of its own."""

    async def run() -> Any:
        connections = LoopConnections(url, size=size, name="loop", patience_seconds=patience, settings=MEANT_ALWAYS)
        try:
            return await work(connections)
        finally:
            connections.close()

    return asyncio.run(run())


async def number(connections: LoopConnections, query: bytes, *parameters: Any, company: Any = NOBODY) -> int:
    """The integer that is answered."""
    (result,) = await connections.ask(company, [(query, parameters, True)])
    return int.from_bytes(result.get_value(0, 0) or b"", "big")


def kill(urls: Urls, query: str, *parameters: object) -> None:
    """End the connections of which this is true, as soon as there are any."""
    with psycopg.connect(urls.owner, autocommit=True) as connection:
        for _ in range(1_000):
            if connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {query}", parameters).fetchall():
                return
            time.sleep(0.01)
    raise TimeoutError


def test_each_company_sees_its_own_whoever_had_the_connection(urls, postgres_store):
    ledger = Ledger(postgres_store)
    companies = {register(ledger): count for count in (1, 2, 3)}
    for company, count in companies.items():
        for _ in range(count):
            create(ledger, company, "party", name="Ali")

    async def work(connections: LoopConnections) -> None:
        asked = [*companies, *companies, NOBODY, *reversed(companies)] * 5
        answers = await asyncio.gather(*(connections.ask(company, [(SEEN, (), True), (PID, (), False)]) for company in asked))
        for company, (seen, _) in zip(asked, answers, strict=True):
            assert int.from_bytes(seen.get_value(0, 0), "big") == companies.get(company, 0)
            assert seen.get_value(0, 1).decode() == str(company)
        assert len({pid.get_value(0, 0) for _, pid in answers}) <= 2
        for company, count in companies.items():
            with pytest.raises(DivisionByZero):
                await number(connections, b"SELECT 1 / count(*) FROM records WHERE kind = 'invoice'", company=company)
            assert await number(connections, SEEN, company=company) == count, "after what went wrong, too"

    asking(urls.api, work, size=2)


def test_answers_are_not_mixed_up_however_many_ask_and_however_large_they_are(urls):
    async def work(connections: LoopConnections) -> None:
        sizes = [(3 * place) % 101 * 4_001 for place in range(40)]
        query = b"SELECT jsonb_array_length($1), repeat('x', $2::bigint::integer)"
        questions = [[(query, (Json("[" + ",".join(["1"] * size) + "]"), size), True)] for size in sizes]  # to 0.8 MB and back
        for size, (result,) in zip(sizes, await asyncio.gather(*(connections.ask(NOBODY, one) for one in questions)), strict=True):
            assert int.from_bytes(result.get_value(0, 0), "big") == size == len(result.get_value(0, 1))

    asking(urls.api, work, size=3)


def test_who_gives_up_leaves_nothing_behind(urls):
    async def work(connections: LoopConnections) -> None:
        first = await number(connections, PID)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await number(connections, b"SELECT 5::bigint FROM pg_sleep(5)")
            assert await number(connections, b"SELECT 7::bigint") == 7, "not what the one before had asked"
        assert await number(connections, PID) != first, "what it would have answered is anybody's guess"
        waiting = [asyncio.create_task(number(connections, b"SELECT 1::bigint FROM pg_sleep(0.3)")) for _ in range(4)]
        await asyncio.sleep(0.1)
        for task in waiting[:3]:
            task.cancel()
        assert (await asyncio.gather(*waiting, return_exceptions=True))[3] == 1

    asking(urls.api, work)


def test_a_server_that_hangs_up_is_asked_again(urls):
    async def work(connections: LoopConnections) -> None:
        first = await number(connections, PID)
        await asyncio.to_thread(kill, urls, "pid = %s", first)
        assert await number(connections, PID) != first, "while nobody asked"
        with psycopg.connect(urls.api, autocommit=True) as other:
            other.execute("SELECT pg_advisory_lock(77)")
            asked = asyncio.create_task(number(connections, b"SELECT 3::bigint FROM pg_advisory_lock(77)"))
            await asyncio.to_thread(kill, urls, "application_name = 'loop' AND wait_event = 'advisory'")
        assert await asked == 3, "in the middle of an answer"

    asking(urls.api, work)


def test_everybody_has_a_turn_and_a_database_that_is_away_is_not_waited_for_long(urls):
    async def busy(connections: LoopConnections) -> None:
        slow = asyncio.create_task(number(connections, b"SELECT 1::bigint FROM pg_sleep(0.5)"))
        await asyncio.sleep(0.1)
        others = [number(connections, b"SELECT $1::bigint", value) for value in range(20)]
        assert await asyncio.gather(*others) == list(range(20))
        assert await slow == 1

    async def absent(connections: LoopConnections) -> None:
        began = time.perf_counter()
        for _ in range(2):
            with pytest.raises(ServiceUnavailable):
                await number(connections, b"SELECT 2::bigint")
        assert 0.4 < time.perf_counter() - began < 5

    asking(urls.api, busy, patience=0.3)
    asking("host=127.0.0.1 port=1 user=nobody", absent, patience=0.3)


def test_a_list_is_the_same_in_the_loop_and_in_a_thread(urls, postgres_store):
    ledger = Ledger(postgres_store)
    company = register(ledger)
    for number_ in range(30):
        create(ledger, company, "party", name=f"Ali {number_ % 3}", phone=f"{number_}")
    source = Source("party", (Condition((("data", "name"),), ("Ali 1",)),), order=("data", "phone"))
    listing = Listing((source,), descending=True, limit=4, offset=2)
    found = list_from(postgres_store.database, company, [source], descending=True, limit=4, offset=2)
    assert found.total == 10
    for has_moved in (False, True):
        read = lambda at, moved=has_moved: list_in_loop(at, Totals(), company, listing, has_moved=moved)  # noqa: E731
        assert asking(urls.api, read) == found
        assert asking(urls.api, lambda at: list_in_loop(at, Totals(), company, Listing(()))).total == 0


def test_a_pooled_connection_comes_back_without_what_was_begun(urls):
    database = Database(urls.api, size=1).open()
    try:
        company = register(Ledger(PostgresStore(database)))
        with database.company(company) as connection:
            connection.execute("BEGIN")
        with pytest.raises(DivisionByZero), database.company(company) as connection:
            connection.execute("BEGIN; SELECT set_config('daftar.company_id', '', true), 1 / 0")
        with database.company(company) as connection:
            assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            assert connection.execute("SELECT current_setting('daftar.company_id')").fetchone() == (str(company),)
    finally:
        database.close()
