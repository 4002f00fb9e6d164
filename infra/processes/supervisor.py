"""The supervisor of `daftar serve`: starts everything in order, restarts what crashes, stops everything in order."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import psutil
import structlog

from infra.embedded.data_dir import SUPERVISED, DataDir
from infra.embedded.process import Steps, find_processes, send, spawn, stop_child, stop_processes

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
HEALTHY_AFTER_SECONDS = 60.0
"""A child that has run this long is restarted at once when it crashes; one that has not, after a growing pause."""
LOOK_SECONDS = 0.5
"""How often children are looked at when no signal tells of a change."""

log = structlog.get_logger()


class StopRequested(BaseException):
    """A signal asked to stop while something was being started."""


class Server(Protocol):
    """What is supervised: an embedded server, or a process of our own."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""
        ...

    def start(self, waiting: Callable[[], None]) -> None:
        """Start it, calling `waiting` while waiting for it to be ready."""
        ...

    def stop(self) -> None:
        """Stop it, gracefully if it lets us."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...


class Process:
    """A process of our own (`daftar api`, `daftar worker`)."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str],
        steps: Steps = ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)),
    ) -> None:
        self.name = name
        self._command = command
        self._env = env
        self._steps = steps
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """How the process ended; None while it runs and before its first start."""
        return None if self._child is None else self._child.poll()

    def start(self, waiting: Callable[[], None]) -> None:
        """Start the process; `waiting` is called once, so that a stop asked for meanwhile is not missed."""
        waiting()
        self.kill()  # what is left of its process group, should the leader alone have died
        self._child = spawn(self._command, env=self._env)

    def ask_to_stop(self) -> None:
        """Send the first signal of stopping, without waiting, so that several processes stop at the same time."""
        if self._child is not None and self._child.poll() is None:
            send(self._child, self._steps[0][0])

    def stop(self) -> None:
        """Stop the process by its steps."""
        if self._child is not None:
            stop_child(self._child, self._steps)

    def kill(self) -> None:
        """End the process and its group at once."""
        if self._child is not None:
            stop_child(self._child, ())


class Task(Process):
    """A process of our own that ends: it is started again where it was killed, not where it has said how it ended."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs, and after it has come to its own end; else None."""
        done = self._child is not None and self._child.poll() is not None and self._child.returncode in (0, 1, 2)
        return self._child.pid if done and self._child is not None else super().pid


class _Watched:
    """A server under supervision, and when it was last started."""

    def __init__(self, name: str, server: Server) -> None:
        self.name = name
        self.server = server
        self.started_at = 0.0
        self.pause = FIRST_PAUSE_SECONDS
        self.restart_at: float | None = None


class Supervisor:
    """Runs servers in the order they are added, and stops them group by group in the opposite order.

    Use it within `with supervisor.signals():`, in the main thread.
    """

    def __init__(self) -> None:
        self._groups: list[list[_Watched]] = []
        self._signals = 0
        self._wake: socket.socket | None = None

    @contextmanager
    def signals(self) -> Iterator[None]:
        """SIGINT, SIGTERM and SIGHUP ask to stop; a second one kills everything at once."""
        receiver, sender = socket.socketpair()
        receiver.setblocking(False)
        sender.setblocking(False)
        old_wake = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        old = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        old[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)  # only to be woken
        self._wake = receiver
        try:
            yield
        finally:
            self._wake = None
            for number, handler in old.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(old_wake)
            receiver.close()
            sender.close()

    def _on_signal(self, number: int, _: object) -> None:
        self._signals += 1
        if self._signals > 1:
            self.kill_all()
            os._exit(128 + number)

    def stopping(self) -> bool:
        """Whether a signal asked to stop."""
        return self._signals > 0

    def check(self) -> None:
        """Raise StopRequested if a signal asked to stop."""
        if self.stopping():
            raise StopRequested

    def add(self, *servers: tuple[str, Server]) -> None:
        """Start the named `servers`, one group; returns when all are ready. Raises StopRequested and what they raise."""
        group: list[_Watched] = []
        self._groups.append(group)
        for name, server in servers:
            self.check()
            watched = _Watched(name, server)
            group.append(watched)
            server.start(self.check)
            watched.started_at = time.monotonic()

    def run(self) -> None:
        """Restart what crashes, until a signal asks to stop."""
        while not self.stopping():
            self._pause()
            for watched in [w for group in self._groups for w in group]:
                if not self.stopping():
                    self._look_after(watched)

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until `condition` holds, at most `seconds`; raises StopRequested if a signal comes first."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def _pause(self) -> None:
        assert self._wake is not None, "run() belongs inside signals()"
        select.select([self._wake], [], [], LOOK_SECONDS)
        try:
            self._wake.recv(4096)
        except BlockingIOError:
            return

    def _look_after(self, watched: _Watched) -> None:
        now = time.monotonic()
        if watched.server.pid is not None:
            if now - watched.started_at > HEALTHY_AFTER_SECONDS:
                watched.pause = FIRST_PAUSE_SECONDS
            return
        if watched.restart_at is None:
            watched.restart_at = now + watched.pause
            log.error("process ended unexpectedly", child=watched.name, restart_in_seconds=watched.pause)
            watched.pause = min(LONGEST_PAUSE_SECONDS, watched.pause * 2)
        if now < watched.restart_at:
            return
        watched.restart_at = None
        try:
            watched.server.start(self.check)
        except StopRequested:
            return
        except Exception as error:  # noqa: BLE001 (whatever it is: the rest keeps running, and it is tried again)
            log.error("restart failed", child=watched.name, reason=str(error))  # noqa: TRY400 (the reason is the message)
            return
        watched.started_at = time.monotonic()
        log.warning("process restarted", child=watched.name)

    def stop_all(self) -> None:
        """Stop everything, group by group, the last one first."""
        while self._groups:
            group = self._groups[-1]
            for watched in group:
                if isinstance(watched.server, Process):
                    watched.server.ask_to_stop()
            for watched in reversed(group):
                watched.server.stop()
            self._groups.pop()

    def kill_all(self) -> None:
        """Kill everything at once."""
        for group in reversed(self._groups):
            for watched in group:
                watched.server.kill()


def own_environment(data_dir: DataDir, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process of ours: what we were given, the settings, and the mark of the data folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DAFTAR_")}
    return inherited | dict(variables) | {SUPERVISED: str(data_dir.path)}


def daftar_command(*arguments: str) -> list[str]:
    """The command line that runs `daftar` with these arguments, by the Python that runs us."""
    return [sys.executable, "-P", "-m", "infra.cli", *arguments]


def stop_leftovers(data_dir: DataDir) -> None:
    """End processes of our own that a killed supervisor of this data folder left. The caller holds the folder."""

    def is_leftover(process: psutil.Process) -> bool:
        return process.environ().get(SUPERVISED) == str(data_dir.path)

    stop_processes(find_processes(is_leftover), ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)))
