"""`daftar serve`: everything on one machine, with no set-up."""

from __future__ import annotations

import http.client
import os
import signal
import socket
from pathlib import Path
from typing import Any

import click
import msgspec
import structlog
from rich.console import Console
from rich.text import Text

from infra.cli.books import refusals
from infra.cli.conventions import Failure, ServiceUnavailable, counted, data_dir_option, line, messages
from infra.cli.processes import apply_migrations, outdated_projections, rebuild_projections
from infra.embedded import DataDir, EmbeddedNats, EmbeddedPostgres, Running
from infra.embedded.postgres import API_ROLE
from infra.embedded.process import die_with_parent
from infra.observability import logs
from infra.processes.supervisor import Process, StopRequested, Supervisor, Task, daftar_command, own_environment, stop_leftovers
from infra.settings import Settings, load
from projections.registry import discover

log = structlog.get_logger()

HEALTH_SECONDS_MAX = 60.0
PREDECESSOR_SECONDS_MAX = 3.0
"""How long a start waits for a run that is just ending to let go of the data folder."""


@click.command(
    epilog="""
\b
Examples:
  daftar serve                          on http://127.0.0.1:8000, data under ./.daftar
  daftar serve --demo --port 8080       with the demo company, on another port
  daftar serve --data-dir /srv/daftar --host 0.0.0.0
  DAFTAR_DATABASE_URL=postgresql://… DAFTAR_NATS_URL=nats://… daftar serve

Ctrl-C stops everything; a second Ctrl-C stops it at once. `daftar settings` lists what else can be set.
"""
)
@click.option("--host", help="Address to listen on.  [default: $DAFTAR_HOST or 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on.  [default: $DAFTAR_PORT or 8000]")
@data_dir_option
@click.option("--demo/--no-demo", default=None, help="Create the demo company, with a published password.  [default: no-demo]")
@click.option("--with-parent", is_flag=True, hidden=True, help="Stop when the process that started this one ends.")
def serve(host: str | None, port: int | None, data_dir: str | None, *, demo: bool | None, with_parent: bool) -> None:
    """Run everything on this machine: PostgreSQL and NATS (unless the settings name others), migrations, HTTP, workers."""
    settings = load(host=host, port=port, data_dir=data_dir, demo=demo)
    if "DAFTAR_LOG_FORMAT" not in os.environ and messages().is_terminal:
        settings = msgspec.structs.replace(settings, log_format="console")
    logs.configure(settings, "serve")
    console = messages()
    folder = DataDir(settings.data_dir)
    folder.hold(patience_seconds=PREDECESSOR_SECONDS_MAX)
    stop_leftovers(folder)
    _require_free_port(settings.host, settings.port)
    supervisor = Supervisor()
    with supervisor.signals():
        if with_parent:  # `make serve`: without it, killing make would leave a server that no Ctrl-C reaches
            die_with_parent(signal.SIGTERM)
        try:
            _start(supervisor, settings, folder, console)
            supervisor.run()
        except StopRequested:
            pass
        finally:
            console.print("\nstopping … (Ctrl-C again stops at once)")
            supervisor.stop_all()
            folder.release()
            console.print("stopped")


def _start(supervisor: Supervisor, settings: Settings, folder: DataDir, console: Console) -> None:
    """Start everything in order; returns when HTTP answers."""
    settings = _start_servers(supervisor, settings, folder, console)
    supervisor.check()
    registry = discover(settings.projections_dir)
    applied = apply_migrations(settings, registry)
    migrated = f"{counted(len(applied), 'migration', 'migrations')} applied" if applied else "up to date"
    _done(console, "schema", migrated)
    for problem in registry.problems:
        log.warning("an analyst's projection is left out", problem=str(problem))
    outdated = outdated_projections(settings, registry)
    if kept := [name for name in outdated if registry.projections[name].inline]:
        # The write path needs these tables: nothing can be served before
        with console.status(f"rebuilding {', '.join(kept)} …"):
            rebuild_projections(settings, kept, registry)
        _done(console, "rebuilt", ", ".join(kept))
    announcement = _make_demo(settings) if settings.demo else _make_administrator(settings)
    supervisor.check()

    environment = own_environment(folder, settings.environment())
    api = Process("api", daftar_command("api"), environment)
    supervisor.add(("api", api))
    workers = [
        (f"worker {n + 1}", Process(f"worker {n + 1}", daftar_command("worker"), environment)) for n in range(settings.workers)
    ]
    supervisor.add(*workers)
    if following := [name for name in outdated if name not in kept]:
        log.warning("projections that another version built are rebuilt in the background", projections=following)
        supervisor.add(("rebuild", Task("rebuild", daftar_command("projections", "rebuild", *following), environment)))
    if not supervisor.wait_for(lambda: api.pid is None or _answers(settings), HEALTH_SECONDS_MAX):
        raise ServiceUnavailable(f"HTTP does not answer on {_url(settings)} after {HEALTH_SECONDS_MAX:.0f} s; its log is above")
    if api.pid is None:
        raise Failure(f"the HTTP processes ended at their start (exit code {api.exit_code}); the reason is above")
    processes = counted(settings.api_processes, "process", "processes")
    _done(console, "HTTP", f"{processes}, {counted(settings.workers, 'worker', 'workers')}")
    _announce(settings, folder.path, announcement, console)


def _start_servers(supervisor: Supervisor, settings: Settings, folder: DataDir, console: Console) -> Settings:
    """Start the servers that the settings do not name; the settings with every address filled in."""
    addresses: dict[str, Any] = {"data_dir": folder.path, "secret_key": settings.secret_key or folder.secret_key()}
    if not settings.database_url:
        postgres = EmbeddedPostgres(folder)
        with console.status("starting PostgreSQL …"):
            supervisor.add(("PostgreSQL", postgres))
        addresses |= {"database_url": postgres.url(), "api_database_url": postgres.url(API_ROLE)}
        _done(console, "PostgreSQL", str(postgres.directory))
    if not settings.nats_url:
        nats = EmbeddedNats(folder)
        with console.status("starting NATS …"):
            supervisor.add(("NATS", nats))
        addresses["nats_url"] = nats.url
        _done(console, "NATS", str(nats.directory))
    settings = msgspec.structs.replace(settings, **addresses)
    folder.announce(
        Running(
            pid=os.getpid(),
            database_url=settings.database_url,
            api_database_url=settings.api_database_url,
            nats_url=settings.nats_url,
        )
    )
    return settings


def _done(console: Console, what: str, how: str) -> None:
    """Say that a part is ready."""
    console.print(line(("✓", "green"), f" {what:<11} {how}"), soft_wrap=True)


def _make_demo(settings: Settings) -> list[str]:
    """Make the demo company, if it is missing; what to tell people about it, line by line."""
    from infra.demo import ensure_demo

    return list(ensure_demo(settings).announcement)


def _make_administrator(settings: Settings) -> list[str]:
    """Make the administrator that the settings name, if he is missing; what to tell people about it, line by line."""
    from infra.companies.bootstrap import ensure_super_admin

    with refusals():
        begun = ensure_super_admin(settings)
    return [f"administrator   {settings.super_admin_email}, of {', '.join(begun)} (made now)"] if begun else []


def _announce(settings: Settings, data: Path, announcement: list[str], console: Console) -> None:
    lines: list[str | Text] = [
        "",
        line(("Daftar serves on ", "bold"), (_url(settings), "bold green")),
        f"  API reference   {_url(settings)}/schema",
        f"  data            {data}",
        f"  server logs     {data / 'logs'}",
        *(f"  {told}" for told in announcement),
        "  stop            Ctrl-C",
        "",
    ]
    for text in lines:
        console.print(text, soft_wrap=True)


def _url(settings: Settings) -> str:
    return f"http://{_host_in_url(settings.host)}:{settings.port}"


def _host_in_url(host: str) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (a comparison)
    return f"[{host}]" if ":" in host else host


def _require_free_port(host: str, port: int) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ServiceUnavailable(f"the address {host} cannot be used: {error.strerror or error}") from error
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise ServiceUnavailable(
                f"cannot listen on {host} port {port} ({error.strerror}); choose another port: --port, or make serve PORT=8080"
            ) from error


def _answers(settings: Settings) -> bool:
    """Whether HTTP answers at all; that the answer is good is for /health to say, and for monitoring to ask."""
    connection = http.client.HTTPConnection(_host_in_url(settings.host).strip("[]"), settings.port, timeout=2)
    try:
        connection.request("GET", "/health", headers={"User-Agent": "daftar-serve"})
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
