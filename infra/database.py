"""Postgres: migrations, roles and the connection pools.

Three roles share the database. The owner migrates. `daftar_api` serves requests: it owns nothing, cannot bypass row-level
security and sees one company at a time. `daftar_worker` follows the logs of all companies, and cannot change an event either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib.resources import files
from typing import Any, Protocol
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.errors import LockNotAvailable
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from domain.errors import ServiceUnavailable
from infra.followers.tables import install
from infra.lists.totals import Totals
from infra.roles import API_ROLE, WORKER_ROLE, role_password
from projections.registry import BUILT_IN, Registry

Connection = psycopg.Connection[Any]

LOCK_TIMEOUT = "15s"
"""How long a write waits for the writes before it to the same company."""
LAST_WORDS = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03", "25P04"})
"""SQLSTATEs with which a server ends a connection: shutdown, crash, timeouts."""
CONFINE = b"SELECT set_config('daftar.company_id', %b, false)"
"""Sets the company that row-level security lets a connection see."""
MIGRATION_LOCK = 0x0DAF7A2
"""Advisory lock that makes concurrent migrations wait for each other."""


_IN_TRANSACTION = frozenset({psycopg.pq.TransactionStatus.INTRANS, psycopg.pq.TransactionStatus.INERROR})


class MigrationChanged(RuntimeError):
    """A migration that was applied is not the file that is here; migrations are never edited, write a new one."""


def migrations() -> list[tuple[str, str]]:
    """(name, SQL) of every migration, in order."""
    found = [item for item in files("infra").joinpath("migrations").iterdir() if item.name.endswith(".sql")]
    return [(item.name, item.read_text("utf-8")) for item in sorted(found, key=lambda item: item.name)]


def migrate(owner_url: str, secret_key: str, *, own_api_role: bool = False, registry: Registry = BUILT_IN) -> list[str]:
    """Bring the database up to date, each migration in its own transaction; returns the names of those applied now.

    `own_api_role`: the operator made the role of requests and its password; else both are ours.
    """
    applied: list[str] = []
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        _ensure_roles(connection, secret_key, own_api_role=own_api_role)
        connection.execute("CREATE SCHEMA IF NOT EXISTS daftar")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS daftar.migrations"
            " (name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done: dict[str, str] = dict(connection.execute("SELECT name, checksum FROM daftar.migrations").fetchall())
        for name, body in migrations():
            checksum = hashlib.sha256(body.encode()).hexdigest()
            if done.get(name, checksum) != checksum:
                raise MigrationChanged(f"{name}: {MigrationChanged.__doc__}")
            if name in done:
                continue
            with connection.transaction():
                connection.execute(body.encode())
                connection.execute("INSERT INTO daftar.migrations (name, checksum) VALUES (%s, %s)", (name, checksum))
            applied.append(name)
        install(connection, registry)
    return applied


def _ensure_roles(connection: Connection, secret_key: str, *, own_api_role: bool) -> None:
    for role in (API_ROLE, WORKER_ROLE):
        exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
        verb = sql.SQL("ALTER" if exists else "CREATE")
        statement = sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE").format(verb, sql.Identifier(role))
        if not (exists and role == API_ROLE and own_api_role):  # its password is the one in DAFTAR_API_DATABASE_URL
            statement += sql.SQL(" PASSWORD {}").format(sql.Literal(role_password(secret_key, role)))
        connection.execute(statement)


class CompanyConnections(Protocol):
    """Whatever gives a connection that is confined to a company: a pool, or one connection that is held already."""

    def company(self, company_id: UUID) -> AbstractContextManager[Connection]:
        """A connection that row-level security confines to one company."""


class Database:
    """A pool of connections of one role. Connections survive a restart of the database: a dead one is replaced."""

    def __init__(self, url: str, *, size: int = 8, name: str = "daftar", patience_seconds: float = 10.0) -> None:
        """`patience_seconds`: how long a caller waits for a connection before it is told that the service is unavailable."""
        self.url = url
        self.totals = Totals()
        self.pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            min_size=0,
            max_size=size,
            open=False,
            name=name,
            timeout=patience_seconds,
            reconnect_timeout=patience_seconds,  # give up soon: the next caller tries anew, and need not wait out a long pause
            max_idle=300.0,
            # What is asked often is prepared by infra.store.pipeline; psycopg would deallocate it at every rollback
            kwargs={"autocommit": True, "prepare_threshold": None, "application_name": name},
            configure=configure,  # and no `reset`, for which the pool hands every connection that comes back to a thread of its own
        )

    def open(self) -> Database:
        """Start the pool; connections are made when they are first needed."""
        self.pool.open()
        return self

    def close(self) -> None:
        """Close every connection."""
        self.pool.close()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection with autocommit, for what belongs to no company: row-level security shows it none.

        Raises ServiceUnavailable.
        """
        with self._leased() as connection:
            confine(connection, None)
            yield connection

    @contextmanager
    def company(self, company_id: UUID) -> Iterator[Connection]:
        """A connection that row-level security confines to one company. Raises ServiceUnavailable."""
        with self._leased() as connection:
            confine(connection, company_id)
            yield connection

    @contextmanager
    def _leased(self) -> Iterator[Connection]:
        connection = self._get()
        try:
            yield connection
        except psycopg.Error as error:
            if is_lost(connection, error):
                connection.close()
                raise ServiceUnavailable from error
            if isinstance(error, LockNotAvailable):
                raise ServiceUnavailable("Somebody else is writing to this company for too long; try again.") from error
            raise
        finally:
            _reset(connection)
            self.pool.putconn(connection)

    def _get(self) -> Connection:
        """A live connection: one that died with a restarted database is thrown away and replaced."""
        for _ in range(self.pool.max_size + 1):
            try:
                connection = self.pool.getconn()
            except (PoolTimeout, PoolClosed, TooManyRequests, psycopg.OperationalError) as error:
                raise ServiceUnavailable from error
            if is_alive(connection):
                return connection
            connection.close()
            self.pool.putconn(connection)
        raise ServiceUnavailable


def is_alive(connection: Connection) -> bool:
    """Whether the server has not hung up: a closed socket is readable, an idle one is not. Costs no round trip."""
    import select

    if connection.closed:
        return False
    readable, _, _ = select.select([connection.pgconn.socket], [], [], 0)
    return not readable  # the server's last words can be read before its hanging up can be noticed


def is_lost(connection: Connection, error: psycopg.Error) -> bool:
    """Whether this error means that the connection is gone; its last words arrive before the socket closes."""
    return connection.closed or error.sqlstate in LAST_WORDS


def confine(connection: Connection, company_id: UUID | None) -> None:
    """Set the company that row-level security lets this connection see, or none; costs nothing where it is set already."""
    if getattr(connection, "daftar_company", None) != company_id:
        connection.execute(CONFINE, (str(company_id or ""),))
        connection.daftar_company = company_id  # type: ignore[attr-defined]


def configure(connection: Connection) -> None:
    """Set what every connection of a pool has set."""
    # Every query here is a keyset on a key, so the plan never depends on the values: plan once per connection. Bitmap scans
    # lose the index's order and would sort a whole company to find its first thousand rows where statistics lag behind.
    # What is read is hashed, so times are UTC whatever the server's zone; the head is taken first and then seen as it is now,
    # so every statement has its own snapshot; and nobody waits for ever, so that one busy company does not use up the pool.
    connection.execute(
        "SELECT set_config('search_path', 'daftar, pg_catalog', false), set_config('jit', 'off', false),"
        " set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_bitmapscan', 'off', false),"
        " set_config('TimeZone', 'UTC', false), set_config('default_transaction_isolation', 'read committed', false),"
        " set_config('lock_timeout', %s, false)",
        (LOCK_TIMEOUT,),
    )


def _reset(connection: Connection) -> None:
    """A connection comes back without a transaction; one that is in the middle of a statement is closed by the pool."""
    if connection.pgconn.transaction_status in _IN_TRANSACTION:
        connection.daftar_company = None  # type: ignore[attr-defined]
        with suppress(psycopg.Error):  # a lost connection is replaced
            connection.rollback()
