"""PostgreSQL and NATS as child processes, for running Daftar with no set-up.

`servers(settings)` gives a command what it needs, whoever runs the servers:

    with servers(settings) as settings:
        psycopg.connect(settings.database_url)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import msgspec

from infra.embedded.data_dir import DataDir, DataDirBusy, Running
from infra.embedded.nats import EmbeddedNats
from infra.embedded.postgres import API_ROLE, EmbeddedPostgres
from infra.settings import Settings

__all__ = ["DataDir", "EmbeddedNats", "EmbeddedPostgres", "Running", "servers"]

ANNOUNCE_SECONDS_MAX = 15.0


@contextmanager
def servers(settings: Settings, *, nats: bool = True) -> Iterator[Settings]:
    """Settings with every address filled in, for one command.

    Servers that the settings name are used as they are. Else those of the `daftar serve` that runs on the data folder are
    used; else they are started for as long as the block lasts. `nats=False`: the command does without NATS.
    """
    if settings.database_url and (settings.nats_url or not nats):
        yield settings
        return
    data_dir = DataDir(settings.data_dir)
    with ExitStack() as stack:
        try:
            data_dir.hold()
        except DataDirBusy:
            yield _of_the_holder(settings, data_dir)
            return
        stack.callback(data_dir.release)
        addresses: dict[str, str] = {"secret_key": settings.secret_key or data_dir.secret_key()}
        if not settings.database_url:
            postgres = EmbeddedPostgres(data_dir)
            stack.callback(postgres.stop)
            postgres.start()
            addresses |= {"database_url": postgres.url(), "api_database_url": postgres.url(API_ROLE)}
        if nats and not settings.nats_url:
            server = EmbeddedNats(data_dir)
            stack.callback(server.stop)
            server.start()
            addresses["nats_url"] = server.url
        yield msgspec.structs.replace(settings, **addresses)


def _of_the_holder(settings: Settings, data_dir: DataDir) -> Settings:
    """Settings with the addresses of the Daftar that holds `data_dir`; it may just be starting."""
    deadline = time.monotonic() + ANNOUNCE_SECONDS_MAX
    while (running := data_dir.announced()) is None:
        if time.monotonic() > deadline:
            raise DataDirBusy(f"Daftar already uses {data_dir.path} and does not say where its servers are; try again later")
        time.sleep(0.1)
    return msgspec.structs.replace(
        settings,
        secret_key=settings.secret_key or data_dir.secret_key(),
        database_url=settings.database_url or running.database_url,
        api_database_url=settings.api_database_url or running.api_database_url,
        nats_url=settings.nats_url or running.nats_url,
    )
