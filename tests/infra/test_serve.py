"""`daftar serve` from outside: it starts, says what is needed, stops, and starts again after any end."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from infra.embedded.data_dir import SUPERVISED
from infra.embedded.process import wait_until

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-P", "-m", "infra.cli"]


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@pytest.fixture
def environment() -> dict[str, str]:
    """An environment without settings, in which `infra` is found."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAFTAR_")}
    return kept | {"PYTHONPATH": str(ROOT), "DAFTAR_API_PROCESSES": "2"}


class Serving:
    """`daftar serve` on a folder and a port."""

    def __init__(self, folder: Path, port: int, environment: dict[str, str]) -> None:
        self.folder, self.port, self.environment = folder, port, environment
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> subprocess.Popen[str]:
        """Start it; returns when it has said that it serves."""
        command = [*COMMAND, "serve", "--demo", "--port", str(self.port), "--data-dir", str(self.folder)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=self.environment)
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "stop            Ctrl-C" in line:
                break
        else:
            process.communicate()
            raise AssertionError("".join(said))
        assert f"Daftar serves on http://127.0.0.1:{self.port}" in "".join(said)
        self.process = process
        return process

    def status(self) -> int:
        """The HTTP status of /health."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status
        finally:
            connection.close()

    def query(self, statement: str) -> tuple[Any, ...] | None:
        """The first row of a query, as the owner."""
        url = json.loads((self.folder / "running.json").read_text("utf-8"))["database_url"]
        with psycopg.connect(url) as connection:
            return connection.execute(statement).fetchone()

    def processes(self) -> list[psutil.Process]:
        """Every living process of this server, itself excepted."""
        return [p for p in psutil.process_iter() if self._is_ours(p)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            by_command = str(self.folder) in " ".join(process.cmdline()) and "infra.cli" not in process.cmdline()
            return by_command or process.environ().get(SUPERVISED) == str(self.folder)
        except psutil.Error:
            return False


@pytest.fixture
def serving(port: int, environment: dict[str, str]) -> Iterator[Serving]:
    """A server that is not started yet; afterwards nothing of it may be left."""
    folder = Path(tempfile.mkdtemp(prefix="daftar-test-"))  # pytest's own folder is closed again by each run of pytest
    server = Serving(folder / "data", port, environment)
    yield server
    if server.process is not None:
        server.process.terminate()
        server.process.communicate(timeout=60)
    assert wait_until(lambda: not server.processes(), 10), server.processes()
    shutil.rmtree(folder)


def test_it_serves_until_ctrl_c_and_serves_again(serving: Serving, tmp_path: Path) -> None:
    process = serving.start()
    assert serving.status() == 200
    assert len(serving.processes()) >= 5, "PostgreSQL, NATS, the HTTP processes and a worker"

    other = subprocess.run(
        [*COMMAND, "serve", "--data-dir", serving.folder], env=serving.environment, capture_output=True, text=True, check=False
    )
    assert other.returncode == 3
    assert f"already runs on the data folder {serving.folder} (process {process.pid})" in other.stderr

    version = serving.query("SELECT version FROM daftar.projections WHERE name = 'balances'")
    serving.query("UPDATE daftar.projections SET version = 1 WHERE name = 'balances' RETURNING 1")  # by the release before

    process.send_signal(signal.SIGINT)
    assert "stopped" in process.communicate(timeout=60)[1]
    assert process.returncode == 0
    assert not serving.processes()

    (tmp_path / "broken.py").write_text("an analyst's file")
    serving.environment |= {"DAFTAR_PROJECTIONS_DIR": str(tmp_path)}
    serving.start()
    assert serving.status() == 200
    built = "SELECT version FROM daftar.projections WHERE name = 'balances'"
    assert wait_until(lambda: serving.query(built) == version, 30), "read models of another version are rebuilt in the background"


def test_after_kill_9_of_everything_it_starts_again(serving: Serving) -> None:
    for also in (False, True):
        process = serving.start()
        victims = [process, *(serving.processes() if also else [])]
        for victim in victims:
            with suppress(psutil.NoSuchProcess):  # some end by themselves as soon as those before them are gone
                victim.kill()
        process.communicate(timeout=30)
    serving.start()
    assert serving.status() == 200


def test_a_killed_http_or_nats_or_postgres_process_comes_back(serving: Serving) -> None:
    process = serving.start()
    children = psutil.Process(process.pid).children()
    assert len(children) == 4, "PostgreSQL, NATS, the HTTP server and a worker"
    for victim in children:
        victim.kill()

    def is_back() -> bool:
        now = psutil.Process(process.pid).children()
        return len(now) == 4 and not set(now) & set(children)

    assert wait_until(is_back, 30)
    assert wait_until(lambda: _answers(serving), 30)


def _answers(serving: Serving) -> bool:
    try:
        return serving.status() == 200
    except OSError:
        return False


def test_a_port_that_is_taken_is_told(tmp_path: Path, port: int, environment: dict[str, str]) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        done = subprocess.run(
            [*COMMAND, "serve", "--port", str(port), "--data-dir", tmp_path / "data"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr
    assert "make serve PORT=" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "message"),
    [
        (["serv"], {}, 2, "did you mean 'serve'?"),
        (["serve", "--port", "x"], {}, 2, "'x' is not a valid integer"),
        (["serve", "--port", "0"], {}, 2, "DAFTAR_PORT: Expected `int` >= 1"),
        (["settings"], {"DAFTAR_PROT": "1"}, 2, "did you mean DAFTAR_PORT?"),
        (["api"], {}, 2, "DAFTAR_DATABASE_URL is needed here"),
        (["worker"], {}, 2, "DAFTAR_DATABASE_URL is needed here"),
        (["serve", "--data-dir", "/dev/null/x"], {}, 3, "cannot be created"),
    ],
)
def test_a_mistake_gets_its_exit_code(
    arguments: list[str], variables: dict[str, str], code: int, message: str, environment: dict[str, str]
) -> None:
    done = subprocess.run([*COMMAND, *arguments], env=environment | variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
