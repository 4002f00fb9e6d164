"""What tests share: one embedded PostgreSQL and one NATS server per session, and a fresh database per test.

The schema is migrated once, into a template; a test's database is a clone of it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest
from cloning import clone, drop

from infra.embedded import DataDir, EmbeddedNats, EmbeddedPostgres
from infra.embedded.postgres import API_ROLE
from infra.settings import Settings, new_secret_key

TEMPLATE = "daftar_template"
HLEDGER_REQUIRED = os.environ.pop("DAFTAR_REQUIRE_HLEDGER", "") == "1"
CHROMIUM_REQUIRED = os.environ.pop("DAFTAR_REQUIRE_CHROMIUM", "") == "1"
"""Taken out of the environment: they are about these tests, and Daftar refuses variables that are no settings of its own."""


class Database(msgspec.Struct, frozen=True):
    """A database of one test: URLs of the role that owns the schema, and of the role that HTTP requests use."""

    name: str
    owner_url: str
    api_url: str


@pytest.fixture(scope="session")
def hledger() -> str:
    """The real program; tests that need it are skipped where it is not, unless DAFTAR_REQUIRE_HLEDGER=1."""
    found = shutil.which("hledger")
    if found is None and not HLEDGER_REQUIRED:
        pytest.skip("hledger is not installed (apt install hledger)")
    assert found, "DAFTAR_REQUIRE_HLEDGER is set, and there is no hledger on the PATH"
    return found


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser; tests that need it are skipped where it is not, unless DAFTAR_REQUIRE_CHROMIUM=1."""
    found = shutil.which("chromium")
    if found is None and not CHROMIUM_REQUIRED:
        pytest.skip("chromium is not installed (apt install chromium)")
    assert found, "DAFTAR_REQUIRE_CHROMIUM is set, and there is no chromium on the PATH"
    return found


@pytest.fixture(scope="session")
def data_dir() -> Iterator[DataDir]:
    """The data folder of the session's servers."""
    path = Path(tempfile.mkdtemp(prefix="daftar-test-"))
    folder = DataDir(path)
    folder.hold()
    yield folder
    folder.release()
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def postgres(data_dir: DataDir) -> Iterator[EmbeddedPostgres]:
    """The session's PostgreSQL. A test that stops or kills it starts its own instead."""
    server = EmbeddedPostgres(data_dir)
    server.start()
    with psycopg.connect(server.url(), autocommit=True) as connection:
        # This server need not survive a crash of the machine: tests of durability start their own. Making and dropping a
        # database per test is several times faster so.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def nats_url(data_dir: DataDir) -> Iterator[str]:
    """The URL of the session's NATS server."""
    server = EmbeddedNats(data_dir)
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """The name of a database with the schema, to clone; nobody may connect to it."""
    from infra.database import migrate

    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    url = postgres.url(database=TEMPLATE)
    settings = Settings(database_url=url, api_database_url=postgres.url(API_ROLE, TEMPLATE), secret_key=new_secret_key())
    assert migrate(url, settings.secret_key), "an empty database has migrations to apply"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {TEMPLATE} ALLOW_CONNECTIONS false")
    return TEMPLATE


@pytest.fixture
def database(postgres: EmbeddedPostgres, template: str) -> Iterator[Database]:
    """A fresh database with the schema, gone after the test."""
    name = clone(postgres, template, "test")
    yield Database(name, postgres.url(database=name), postgres.url(API_ROLE, name))
    drop(postgres, name)


@pytest.fixture
def settings(database: Database, nats_url: str, tmp_path: Path) -> Settings:
    """Settings with which every part of Daftar runs against the test's own database."""
    return Settings(
        database_url=database.owner_url,
        api_database_url=database.api_url,
        nats_url=nats_url,
        secret_key=new_secret_key(),
        data_dir=tmp_path,
        api_processes=1,
        log_level="warning",
    )
