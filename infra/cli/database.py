"""Which database a command of the operator works on: the one that the settings name, or the one under the data folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from infra.cli.conventions import ServiceUnavailable
from infra.embedded import servers
from infra.settings import Settings, load


@contextmanager
def owner_url(data_dir: str | None) -> Iterator[str]:
    """The owner's URL of a database that answers; as `owner_settings`."""
    with owner_settings(data_dir) as settings:
        yield settings.database_url


@contextmanager
def owner_settings(data_dir: str | None) -> Iterator[Settings]:
    """Settings with the owner's URL of a database that answers, started for as long as this lasts where it is not running.

    A database that stops answering meanwhile is a ServiceUnavailable.
    """
    given = load(data_dir=data_dir)
    if not given.database_url and not given.data_dir.expanduser().exists():
        raise ServiceUnavailable(
            f"there is no data folder {given.data_dir.expanduser().absolute()}; go where `daftar serve` runs, "
            f"or name its folder with --data-dir or DAFTAR_DATA_DIR"
        )
    with servers(given, nats=False) as settings:
        try:
            yield settings
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise ServiceUnavailable("the database has no schema of this version yet; run `daftar migrate`") from error
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise ServiceUnavailable(f"the database cannot be used: {error}") from error
