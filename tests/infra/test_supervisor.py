"""The supervisor, with children that behave and children that do not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from infra.embedded.process import wait_until

RUN_SUPERVISOR = Path(__file__).with_name("run_supervisor.py")
ROOT = Path(__file__).parents[2]

GOOD = "import time; time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"


class Supervised:
    """A running `run_supervisor.py`."""

    def __init__(self, *programs: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, RUN_SUPERVISOR, *programs],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.pids = self.next_pids()

    def next_pids(self) -> list[int]:
        """The pids of the children, the next time they have changed."""
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            if line.startswith("["):
                pids: list[int] = json.loads(line)
                return pids
        raise AssertionError(self.process.communicate(timeout=5)[1])

    def wait(self) -> int:
        """The exit code."""
        self.process.communicate(timeout=40)
        return self.process.returncode


@contextmanager
def supervised(*programs: str) -> Iterator[Supervised]:
    """A supervisor of `programs`; afterwards nothing of it may be left."""
    run = Supervised(*programs)
    family = [*psutil.Process(run.process.pid).children(recursive=True)]
    try:
        yield run
        assert wait_until(lambda: not any(alive(p.pid) for p in family), 5), "a process was left behind"
    finally:
        run.process.kill()
        for process in family:
            if process.is_running():
                process.kill()
        run.process.communicate()


def alive(pid: int) -> bool:
    """Whether a process runs and is no zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_stops_everything(number: signal.Signals) -> None:
    with supervised(GOOD, GOOD) as run:
        run.process.send_signal(number)
        assert run.wait() == 0


def test_a_crashed_child_is_started_again_and_the_others_are_let_be() -> None:
    with supervised(GOOD, GOOD) as run:
        for _ in range(2):
            first, second = run.pids
            os.kill(first, signal.SIGKILL)
            run.pids = run.next_pids()
            assert run.pids[0] != first
            assert run.pids[1] == second
        run.process.terminate()
        assert run.wait() == 0


def test_what_a_killed_child_had_started_goes_with_it() -> None:
    with supervised(PARENT) as run:
        assert wait_until(lambda: bool(psutil.Process(run.pids[0]).children()), 5)
        grandchild = psutil.Process(run.pids[0]).children()[0].pid
        os.kill(run.pids[0], signal.SIGKILL)
        run.pids = run.next_pids()
        assert wait_until(lambda: not alive(grandchild), 5)
        run.process.terminate()
        run.wait()


def test_a_second_signal_kills_at_once() -> None:
    with supervised(STUBBORN) as run:
        assert run.process.stdout is not None
        assert run.process.stdout.readline() == "ready\n"
        run.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert run.process.poll() is None, "a stubborn child is given time"
        asked_again = time.monotonic()
        run.process.send_signal(signal.SIGINT)
        assert run.wait() == 128 + signal.SIGINT
        assert time.monotonic() - asked_again < 5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds a child's life to its parent's")
def test_a_killed_supervisor_takes_its_children_along() -> None:
    with supervised(GOOD, GOOD) as run:
        run.process.kill()
        assert run.wait() == -signal.SIGKILL
