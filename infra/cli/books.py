"""What commands that work on companies share: the database, the ledger, and refusals as exit codes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from domain import errors
from infra.cli.conventions import Failure, ServiceUnavailable, UsageProblem
from infra.database import Database
from infra.embedded import servers
from infra.ledger import Ledger
from infra.reading.reader import Reader
from infra.roles import api_url
from infra.settings import Settings, load
from infra.store.postgres import PostgresStore

PATIENCE_SECONDS = 3.0
"""How long a command waits for the database before it tells the person who waits for it."""


@dataclass(frozen=True, slots=True)
class Books:
    """The ledger of one deployment, written as the API's database role: row-level security binds a command as it binds HTTP."""

    settings: Settings
    database: Database
    ledger: Ledger
    reader: Reader


@contextmanager
def open_books(data_dir: str | None = None) -> Iterator[Books]:
    """The ledger that the settings name, else that of the data folder, which is started and migrated if need be."""
    given = load(data_dir=data_dir)
    with servers(given, nats=False) as settings:
        if not given.database_url:
            from infra.cli.processes import apply_migrations

            apply_migrations(settings)
        logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # each attempt that failed; the last one is told below
        database = Database(api_url(settings), size=2, name="daftar-cli", patience_seconds=PATIENCE_SECONDS).open()
        try:
            with refusals():
                yield Books(settings, database, Ledger(PostgresStore(database)), Reader(database))
        finally:
            database.close()


@contextmanager
def refusals() -> Iterator[None]:
    """Refusals of the ledger as failures of the command, with their code; an unreachable database as exit code 3."""
    try:
        yield
    except errors.ServiceUnavailable as error:
        raise ServiceUnavailable(error.message) from error
    except errors.CompanyNotFound as error:
        raise UsageProblem(f"{error.message} ({error.code})") from error
    except errors.LedgerError as error:
        place = f", {error.path}" if error.path else ""
        raise Failure(f"{error.message} ({error.code}{place})") from error
    except psycopg.errors.UndefinedTable as error:
        raise ServiceUnavailable("the database has no schema of this version yet; run `daftar migrate`") from error
