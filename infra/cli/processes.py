"""`daftar api`, `daftar worker`, `daftar migrate`: the parts of Daftar run alone, any number of the first two."""

from __future__ import annotations

import importlib
import signal
import threading
from typing import Any

import click
import psycopg

from infra.cli.conventions import Failure, ServiceUnavailable, data_dir_option, json_option, messages, print_json
from infra.embedded import servers
from infra.embedded.process import die_with_parent
from infra.observability import logs, telemetry
from infra.settings import Settings, SettingsError, load, require_servers
from projections.registry import Registry, discover

APPLICATION = "api.app:create_app"
"""Named, not imported: the HTTP application is the layer above."""
GRACE_SECONDS = 15
"""How long requests in progress may take to end after a stop was asked for."""


@click.command(
    epilog="""
\b
Examples:
  daftar api
  daftar api --host 0.0.0.0 --port 8080 --processes 4

Needs DAFTAR_DATABASE_URL, DAFTAR_NATS_URL and DAFTAR_SECRET_KEY.
"""
)
@click.option("--host", help="Address to listen on.  [default: $DAFTAR_HOST or 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on.  [default: $DAFTAR_PORT or 8000]")
@click.option("--processes", type=int, help="Number of processes.  [default: $DAFTAR_API_PROCESSES]")
def api(host: str | None, port: int | None, processes: int | None) -> None:
    """Run the HTTP processes alone."""
    from granian.constants import Interfaces, RuntimeModes
    from granian.log import LogLevels
    from granian.server import Server

    settings = require_servers(load(host=host, port=port, api_processes=processes))
    logs.configure(settings, "api")
    Server(
        APPLICATION,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.api_processes,
        runtime_mode=RuntimeModes.st,
        backlog=2048,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=logs.dict_config(settings, "api"),
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=GRACE_SECONDS,
        factory=True,
    ).serve(target_loader=_load_application)


def _load_application(_: str) -> Any:
    """Make the application, inside one HTTP process."""
    for number in (signal.SIGINT, signal.SIGTERM):  # until the server sets its own: the parent's, inherited, do nothing here
        signal.signal(number, signal.SIG_DFL)
    die_with_parent(signal.SIGTERM)
    settings = load()
    logs.configure(settings, "api")
    telemetry.configure(settings, "api")
    module, _, factory = APPLICATION.partition(":")
    return getattr(importlib.import_module(module), factory)()


@click.command(
    epilog="""
\b
Examples:
  daftar worker

Needs DAFTAR_DATABASE_URL, DAFTAR_NATS_URL and DAFTAR_SECRET_KEY. Run as many as you like, on as many
machines as you like: they share the companies among them.
"""
)
def worker() -> None:
    """Run one worker process alone: following projections, the relay to NATS, schedules."""
    settings = require_servers(load())
    logs.configure(settings, "worker")
    end_telemetry = telemetry.configure(settings, "worker")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    from infra.processes.worker import run_worker

    try:
        run_worker(settings, stop)
    finally:
        end_telemetry()


@click.command(
    epilog="""
\b
Examples:
  daftar migrate                                       the database under ./.daftar
  DAFTAR_DATABASE_URL=postgresql://… daftar migrate    another one; it needs DAFTAR_SECRET_KEY too
  daftar migrate --rebuild                             and rebuild the read models that another version built

Without --rebuild the read models that need it are named: until then they stand still, and what reads them is refused.
"""
)
@click.option("--rebuild", "then_rebuild", is_flag=True, help="Rebuild the read models that need it.")
@data_dir_option
@json_option
def migrate(data_dir: str | None, *, then_rebuild: bool, as_json: bool) -> None:
    """Bring the database schema up to date, and make the administrator that the settings name. Does nothing where it is."""
    from infra.cli.books import refusals
    from infra.companies.bootstrap import ensure_super_admin

    with servers(load(data_dir=data_dir), nats=False) as settings:
        registry = discover(settings.projections_dir)
        applied = apply_migrations(settings, registry)
        waiting = outdated_projections(settings, registry)
        if waiting and then_rebuild:
            rebuild_projections(settings, waiting, registry)
        with refusals():
            begun = ensure_super_admin(settings)
    if as_json:
        print_json({"applied": applied, "rebuilt" if then_rebuild else "needs_rebuild": waiting, "begun": begun})
        return
    console = messages()
    for name in applied:
        console.print(f"applied {name}")
    if not applied:
        console.print("the schema is up to date")
    if begun:
        console.print(f"made {settings.super_admin_email} the administrator of {', '.join(begun)}")
    if waiting and then_rebuild:
        console.print(f"rebuilt {', '.join(waiting)}")
    elif waiting:
        console.print(f"built by another version: {', '.join(waiting)}; run: daftar projections rebuild {' '.join(waiting)}")


def outdated_projections(settings: Settings, registry: Registry) -> list[str]:
    """The projections that need a rebuild."""
    from infra.followers.tables import outdated

    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        return [projection.name for projection in outdated(connection, registry)]


def rebuild_projections(settings: Settings, names: list[str], registry: Registry) -> None:
    """Rebuild these projections as a Failure tells of where that is impossible."""
    from infra.followers.building import RebuildFailed
    from infra.followers.rebuild import rebuild

    try:
        rebuild(settings.database_url, names, registry=registry)
    except RebuildFailed as error:
        raise Failure(str(error)) from error


def apply_migrations(settings: Settings, registry: Registry | None = None) -> list[str]:
    """Migrate the database of `settings` as its owner; returns the names of what was applied."""
    from infra.database import migrate as run_migrations

    if not settings.secret_key:
        raise SettingsError("DAFTAR_SECRET_KEY is needed to migrate: the database roles' passwords are derived from it")
    try:
        return run_migrations(
            settings.database_url,
            settings.secret_key,
            own_api_role=bool(settings.api_database_url),
            registry=registry or discover(settings.projections_dir),
        )
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise ServiceUnavailable(f"the database cannot be used: {error}") from error
