"""Fixtures of the proofs: one migrated database for a whole session, in which every test makes its own companies."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from bookkeeping import Store, open_store, register
from checking import Watch
from cloning import clone, drop

from infra.database import API_ROLE, WORKER_ROLE
from infra.embedded import EmbeddedPostgres
from infra.ledger import Ledger
from infra.store.memory import MemoryStore
from infra.store.postgres import PostgresStore


class Urls:
    """The connection strings of one database, by role."""

    def __init__(self, server: EmbeddedPostgres, name: str) -> None:
        self.name = name
        self.owner = server.url(database=name)
        self.api = server.url(API_ROLE, name)
        self.worker = server.url(WORKER_ROLE, name)


@pytest.fixture(scope="session")
def urls(postgres: EmbeddedPostgres, template: str) -> Iterator[Urls]:
    """A database with the schema, shared by the tests that keep to companies of their own."""
    name = clone(postgres, template, "proofs")
    yield Urls(postgres, name)
    drop(postgres, name)


@pytest.fixture(scope="session")
def watch(urls: Urls) -> Watch:
    """Checks the books of that database."""
    return Watch(urls.owner)


@pytest.fixture(autouse=True)
def books_hold(watch: Watch) -> Iterator[None]:
    """After each test: everything holds of the books it wrote."""
    yield
    watch.check()


@pytest.fixture(autouse=True, scope="module")
def books_hold_in_the_end(watch: Watch) -> Iterator[None]:
    """The same after each module, for tests that are many and short."""
    watch.begin()
    yield
    watch.check()


@pytest.fixture(scope="session")
def postgres_store(urls: Urls) -> Iterator[PostgresStore]:
    """The store of that database, as the API's role."""
    store = open_store(urls.api, size=12)
    yield store
    store.database.close()


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each of the two stores."""
    if request.param == "memory":
        return MemoryStore()
    found: PostgresStore = request.getfixturevalue("postgres_store")
    return found


@pytest.fixture
def ledger(store: Store) -> Ledger:
    """A ledger on the store."""
    return Ledger(store)


@pytest.fixture
def company(ledger: Ledger) -> UUID:
    """A fresh company."""
    return register(ledger)


def dump(owner_url: str, company: UUID | None = None) -> str:
    """Every value in every table of the database, of one company or of all, as text; bytes too where they are text."""
    rows: list[str] = []
    with psycopg.connect(owner_url, autocommit=True) as owner:
        tables = owner.execute(
            "SELECT format('%I.%I', c.relnamespace::regnamespace, c.relname), array_agg(a.attname ORDER BY a.attnum),"
            " string_agg(CASE WHEN a.atttypid = 'bytea'::regtype THEN format('encode(%1$I, ''escape'')', a.attname)"
            " ELSE format('%1$I::text', a.attname) END, ', ' ORDER BY a.attnum)"
            " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
            " WHERE c.relkind IN ('r', 'p', 'm') AND c.relnamespace NOT IN ('pg_catalog'::regnamespace,"
            " 'information_schema'::regnamespace) GROUP BY c.oid"
        ).fetchall()
        assert any(name == "daftar.events" for name, _, _ in tables)
        for name, columns, shown in tables:
            if company is None:
                found = owner.execute(f"SELECT concat_ws(' | ', {shown}) FROM {name} ORDER BY 1")
            elif "company_id" in columns:
                found = owner.execute(f"SELECT concat_ws(' | ', {shown}) FROM {name} WHERE company_id = %s ORDER BY 1", (company,))
            else:
                continue
            rows += [f"{name}: {row[0]}" for row in found]
    return "\n".join(rows)
