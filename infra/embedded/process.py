"""Child processes: starting them so that they die with us, finding the ones a killed predecessor left, stopping them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import psutil

from infra.embedded.account import Account
from infra.embedded.launch import PR_SET_PDEATHSIG

Steps = Sequence[tuple[signal.Signals, float]]
"""Signals to send in turn, each with the seconds to wait for the end before the next."""

LAUNCH = str(Path(__file__).resolve().with_name("launch.py"))


class ServerError(Exception):
    """An embedded server cannot be started or used; the message says why and what to do."""


def die_with_parent(death: signal.Signals = signal.SIGTERM) -> None:
    """Make the calling process receive `death` when the process that started it ends (Linux; elsewhere nothing)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death)


def spawn(
    command: Sequence[str | Path],
    *,
    account: Account | None = None,
    death: signal.Signals = signal.SIGTERM,
    env: Mapping[str, str] | None = None,
    output: IO[Any] | int | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, as `account` if we may choose, with stdout and stderr to `output`.

    Call it from the main thread: Linux counts the death of the thread that forked as the death of the parent.
    """
    words = [str(part) for part in command]
    identity: dict[str, Any] = {}
    if account is not None and os.geteuid() == 0 and account.uid != 0:
        identity = {"user": account.uid, "group": account.gid, "extra_groups": []}
    folder = "/" if identity else None  # the other user may not be let into ours
    if sys.platform == "linux":
        words = _launch(words, death, identity.get("user", -1), identity.get("group", -1), env)
        identity = {}  # the launcher takes it on
    return subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        env=env,
        cwd=folder,
        start_new_session=True,
        **identity,
    )


def _launch(words: list[str], death: signal.Signals, uid: int, gid: int, env: Mapping[str, str] | None) -> list[str]:
    """The command line that runs `words` bound to our life, as the user `uid` if it is not -1."""
    program = shutil.which(words[0], path=(os.environ if env is None else env).get("PATH"))
    if program is None:
        raise ServerError(f"the program {words[0]} is not there, or may not be run")
    numbers = [str(int(number)) for number in (death, os.getpid(), uid, gid)]
    return [sys.executable, "-I", "-S", LAUNCH, *numbers, program, *words[1:]]


def is_running(process: psutil.Process) -> bool:
    """Whether `process` still runs. A zombie, dead but not yet reaped by its parent, does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def find_processes(matches: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
    """The running processes, other than this one, for which `matches` holds; those we may not look at are left out."""
    return [p for p in _others() if _holds(matches, p)]


def _others() -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        if process.pid != os.getpid() and is_running(process):
            yield process


def _holds(matches: Callable[[psutil.Process], bool], process: psutil.Process) -> bool:
    try:
        return matches(process)
    except psutil.Error:
        return False


def command_contains(process: psutil.Process, *wanted: str) -> bool:
    """Whether the command line of `process` has each of `wanted` in one of its words."""
    words = process.cmdline()
    return all(any(part in word for word in words) for part in wanted)


def wait_until(condition: Callable[[], bool], seconds: float, *, pause: float = 0.02) -> bool:
    """Wait until `condition` holds, at most `seconds`; whether it did."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
    return True


def stop_child(child: subprocess.Popen[bytes], steps: Steps) -> None:
    """End `child`, which `spawn` started, by `steps`; whatever else is left in its process group is killed."""
    for number, seconds in steps:
        if child.poll() is not None:
            break
        send(child, number)
        wait_until(lambda: child.poll() is not None, seconds)
    kill_group(child)


def send(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to `child`; one that has ended is let be."""
    try:
        child.send_signal(number)
    except ProcessLookupError:
        return


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the process group of `child`, its leader included, and reap it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def stop_processes(processes: Sequence[psutil.Process], steps: Steps) -> None:
    """End processes that are not our children by `steps`; raises ServerError when one survives or may not be touched."""
    left = [p for p in processes if is_running(p)]
    for number, seconds in steps:
        for process in left:
            _signal_stranger(process, number)
        left = _wait_for_end(left, seconds)
        if not left:
            return
    if left:
        raise ServerError(f"process {left[0].pid}, left by an earlier run, does not end; stop it by hand and start again")


def _wait_for_end(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait for `processes` to end; those that have not. Unlike psutil's own, it does not wait for zombies to be reaped."""
    wait_until(lambda: not any(is_running(p) for p in processes), seconds)
    return [p for p in processes if is_running(p)]


def _signal_stranger(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)  # psutil checks that the pid still means the same process
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied:
        raise ServerError(f"process {process.pid}, left by an earlier run, belongs to another user; stop it first") from None


def open_log(path: Path) -> IO[bytes]:
    """Open a log file of a server anew. Its folder is the server's, so that a link put there must not be followed."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "wb")


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a text file, for error messages; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 8_192))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
