"""docs/examples/consumer.py beside a real `daftar serve`: killed in the middle, and given a stream that lost its beginning."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nats
import pytest
from waiting import wait_until

ROOT = Path(__file__).parents[2]
CONSUMER = ROOT / "docs" / "examples" / "consumer.py"


class Served:
    """A running `daftar serve --demo`, and its demo company."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DAFTAR_")}
        paths = filter(None, (str(ROOT), kept.get("PYTHONPATH")))
        self.environment = kept | {"PYTHONPATH": os.pathsep.join(paths), "DAFTAR_API_PROCESSES": "1"}
        command = [sys.executable, "-P", "-m", "infra.cli", "serve", "--demo", "--data-dir", str(folder)]
        command += ["--port", self.url.rpartition(":")[2]]
        self.log = (folder.parent / "output").open("wb")
        self.child = subprocess.Popen(command, env=self.environment, stdout=self.log, stderr=self.log)
        self.token = self._log_in()
        self.nats_url = json.loads((folder / "running.json").read_text())["nats_url"]

    def _log_in(self) -> str:
        body = {"company": "babil", "email": "admin@daftar.example", "password": "daftar-demo"}
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.call("login", body)["access_token"]
            except OSError:
                assert self.child.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)

    def call(self, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(f"{self.url}/ledger/v1/{path}", json.dumps(body).encode() if body else None)
        request.add_header("Content-Type", "application/json")
        if path != "login":
            request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def trade(self, count: int) -> None:
        self.call("commands", {"commands": [{"type": "party.create", "data": {"name": f"Party {n}"}} for n in range(count)]})

    def consumer(self, tally: Path, *options: str) -> subprocess.Popen[bytes]:
        variables = {"DAFTAR_NATS_URL": self.nats_url, "DAFTAR_URL": self.url, "DAFTAR_TOKEN": self.token}
        return subprocess.Popen([sys.executable, str(CONSUMER), "babil", str(tally), *options], env=self.environment | variables)

    def stop(self) -> None:
        self.child.send_signal(signal.SIGINT)
        self.child.wait(30)
        self.log.close()


@pytest.fixture
def served() -> Iterator[Served]:
    folder = Path(tempfile.mkdtemp(prefix="daftar-test-"))
    (folder / "data").mkdir()
    server = Served(folder / "data")
    yield server
    server.stop()
    shutil.rmtree(folder)


def tally_of(path: Path) -> Counter[str]:
    with sqlite3.connect(path) as database:
        found: Counter[str] = Counter(dict(database.execute("SELECT topic, events FROM tally")))
    database.close()
    return found


async def purge(url: str) -> None:
    client = await nats.connect(url)
    await client.jetstream().purge_stream("DAFTAR_EVENTS")
    await client.close()


def test_the_consumer_counts_every_event_once(served: Served, tmp_path: Path) -> None:
    tally = tmp_path / "tally.db"
    served.trade(700)
    consumer = served.consumer(tally)
    wait_until(lambda: tally.exists() and tally.stat().st_size > 0 and _reads(tally) > 0)
    consumer.kill()
    consumer.wait()
    before = sum(tally_of(tally).values())
    served.trade(50)
    assert served.consumer(tally, "--until-idle", "1.5").wait(30) == 0
    assert tally_of(tally) == log_of(served), f"it had {before} when it was killed"

    served.trade(30)
    head = served.call("head")["seq"]
    wait_until(lambda: follower_behind(served) == 0)
    asyncio.run(purge(served.nats_url))  # as a limit does: the consumer's next events are gone
    served.trade(1)
    assert served.consumer(tally, "--until-idle", "1.5").wait(30) == 0
    assert tally_of(tally) == log_of(served)
    assert sum(tally_of(tally).values()) == head + 1


def _reads(tally: Path) -> int:
    try:
        return sum(tally_of(tally).values())
    except sqlite3.OperationalError:  # its tables are just being made
        return 0


def log_of(served: Served) -> Counter[str]:
    return Counter(event["topic"] for event in served.call("events?limit=10000")["events"])


def follower_behind(served: Served) -> int:
    with urllib.request.urlopen(f"{served.url}/health", timeout=10) as response:
        return next(one["behind"] for one in json.load(response)["followers"] if one["name"] == "relay")
