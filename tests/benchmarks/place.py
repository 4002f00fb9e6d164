"""Where the benchmarks run: servers of their own, a fresh database for us and one for the stock library."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg.conninfo import conninfo_to_dict

from domain.command import Actor, Command
from infra.database import Database, migrate
from infra.embedded import servers
from infra.ledger import Ledger
from infra.processes.collecting import collect_seldom
from infra.roles import API_ROLE, WORKER_ROLE, role_url
from infra.settings import Settings
from infra.store.postgres import PostgresStore

ACTOR = Actor()


@dataclass(frozen=True)
class Place:
    """Servers, and what both sides need of them."""

    settings: Settings
    api: Database
    worker: Database
    store: PostgresStore
    ledger: Ledger
    stock: dict[str, str]
    fsync: str

    def company(self, codename: str) -> UUID:
        """A new company."""
        data = {"name": codename, "codename": codename}
        return self.ledger.register_company([Command(kind="company", action="create", data=data)])[0]


@contextmanager
def place() -> Iterator[Place]:
    """Start the servers in a temporary folder; they and the folder go when the block ends.

    This process collects garbage as the server's do, for both sides of every comparison.
    """
    collect_seldom()
    with tempfile.TemporaryDirectory(prefix="daftar-bench-") as folder:
        Path(folder).chmod(0o755)
        with servers(Settings(data_dir=Path(folder) / "data"), nats=True) as settings:
            migrate(settings.database_url, settings.secret_key)
            with psycopg.connect(settings.database_url, autocommit=True) as owner:
                owner.execute("CREATE DATABASE stock")
                fsync = str(owner.execute("SHOW fsync").fetchone()[0])  # type: ignore[index]
            api = Database(role_url(settings.database_url, settings.secret_key, API_ROLE), size=10).open()
            worker = Database(role_url(settings.database_url, settings.secret_key, WORKER_ROLE), size=4).open()
            store = PostgresStore(api)
            try:
                yield Place(
                    settings,
                    api,
                    worker,
                    store,
                    Ledger(store),
                    _stock_environment(settings.database_url),
                    fsync,
                )
            finally:
                api.close()
                worker.close()


def _stock_environment(owner_url: str) -> dict[str, str]:
    parts = conninfo_to_dict(owner_url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": "stock",
        "POSTGRES_HOST": str(parts["host"]),
        "POSTGRES_PORT": str(parts.get("port", 5432)),
        "POSTGRES_USER": str(parts["user"]),
        "POSTGRES_PASSWORD": str(parts.get("password", "none")),
    }
