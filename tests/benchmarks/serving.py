"""What HTTP adds: pulls, empty polls, the live stream, and the memory that serving takes."""

from __future__ import annotations

import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import repeat
from uuid import UUID

import psutil

from domain.command import Command
from infra.identity.passwords import Passwords
from infra.ids import new_id
from infra.reading.reader import Reader
from tests.benchmarks import stock
from tests.benchmarks.measure import Row, Side, largest, quiet, timed
from tests.benchmarks.place import ACTOR, Place

PASSWORD = "a password for benchmarks"
RECORDS = 100_000
IN_FLIGHT = 8


@dataclass(frozen=True)
class Served:
    """A running HTTP process, and a token for one company."""

    port: int
    process: subprocess.Popen[bytes]
    company: UUID
    token: str

    def request(self, path: str, *, method: str = "GET", body: bytes = b"", accept: str = "application/json") -> bytes:
        """The bytes of a request that keeps its connection."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.token}\r\n"
            f"Accept: {accept}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def connect(self) -> socket.socket:
        """A connection without delays."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def memory(self) -> int:
        """Resident bytes of the largest process that serves."""
        family = psutil.Process(self.process.pid)
        return max(process.memory_info().rss for process in (family, *family.children(recursive=True)))


@contextmanager
def served(place: Place, codename: str) -> Iterator[Served]:
    """`daftar api` with one process, for a new company."""
    company = place.company(codename)
    user = new_id()
    data = {"name": "Owner", "email": "owner@bench.example", "role": "owner"}
    command = Command(kind="user", action="create", id=user, data=data)
    place.ledger.execute(company, [command], ACTOR, credentials=[Passwords().credential(user, PASSWORD)])
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, **place.settings.environment(), "DAFTAR_LOG_LEVEL": "warning"}
    environment.update(DAFTAR_RATE_LIMIT_PER_MINUTE="0", DAFTAR_RATE_LIMIT_LOGINS_PER_MINUTE="0")
    environment.update(DAFTAR_RATE_LIMIT_SYNCS_PER_MINUTE="0")
    serve = [sys.executable, "-m", "infra.cli", "api", "--port", str(port), "--processes", "1"]
    process = subprocess.Popen(serve, env=environment)
    try:
        _wait_until_up(port)
        anonymous = Served(port, process, company, "")
        login = {"company": codename, "email": "owner@bench.example", "password": PASSWORD}
        answer = once(anonymous, "/ledger/v1/login", method="POST", body=json.dumps(login).encode())
        yield Served(port, process, company, json.loads(answer)["access_token"])
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_up(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("daftar api does not listen")


# A small HTTP/1.1 client: what it costs must not hide what the server costs ------------------------


def receive(connection: socket.socket, rest: bytes = b"") -> tuple[int, bytes, bytes]:
    """One response: status, body (only its length where it is large), and what came after it."""
    data = rest
    while b"\r\n\r\n" not in data:
        data += connection.recv(65_536)
    head, _, data = data.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    lowered = head.lower()
    if b"content-length:" in lowered:
        length = int(lowered.split(b"content-length:")[1].split(b"\r\n")[0])
        while len(data) < length:
            data += connection.recv(1 << 20)
        return status, data[:length], data[length:]
    chunks: list[bytes] = [data]
    tail = data[-5:]
    while not tail.endswith(b"0\r\n\r\n"):
        block = connection.recv(1 << 20)
        if not block:
            break
        chunks.append(block)
        tail = (tail + block)[-5:]
    return status, b"".join(chunks), b""


def once(at: Served, path: str, *, method: str = "GET", body: bytes = b"", accept: str = "application/json") -> bytes:
    """One request on a connection of its own; raises where it is refused."""
    with closing(at.connect()) as connection:
        connection.sendall(at.request(path, method=method, body=body, accept=accept))
        status, answer, _ = receive(connection)
    if status >= 300:
        raise RuntimeError(f"{method} {path}: {status} {answer[:500]!r}")
    return answer


def rate(at: Served, path: str | Iterator[str], requests: int, *, method: str = "GET", body: bytes = b"") -> float:
    """Requests per second with IN_FLIGHT connections, each with one request under way; for one path, or each for the next."""
    connections = [at.connect() for _ in range(IN_FLIGHT)]
    paths = repeat(path) if isinstance(path, str) else path
    messages = map(partial(at.request, method=method, body=body), paths)
    start = time.perf_counter()
    for _ in range(requests // IN_FLIGHT):
        for connection in connections:
            connection.sendall(next(messages))
        for connection in connections:
            status, _, _ = receive(connection)
            if status != 200:
                raise RuntimeError(f"{path}: {status}")
    seconds = time.perf_counter() - start
    for connection in connections:
        connection.close()
    return requests // IN_FLIGHT * IN_FLIGHT / seconds


# The rows ------------------------------------------------------------------------------------------


def over_http(place: Place, facts: list[str]) -> Sequence[Row]:
    """Everything that is measured through the HTTP process."""
    with served(place, "served") as at, quiet():
        _fill(place, at.company)
        idle = at.memory()
        rows = [_pull(place, at, facts), _poll(at), _stream(place, at, facts)]
        facts.append(f"Memory of the HTTP process: {idle / 2**20:.0f} MB after start.")
    return rows


def _fill(place: Place, company: UUID) -> None:
    while place.store.head(company).seq < RECORDS:
        commands = [Command(kind="party", action="create", data=stock.FIELDS) for _ in range(5_000)]
        place.ledger.execute(company, commands, ACTOR)


def _pull(place: Place, at: Served, facts: list[str], rounds: int = 5) -> Row:
    reader = Reader(place.api)
    records = sum(page.count for page in reader.record_pages(at.company, 0))
    with largest(at.memory) as memory:
        pairs = [
            (
                timed(lambda: once(at, "/ledger/v1/records?after=0&limit=0", accept="application/x-ndjson")),
                timed(lambda: list(reader.record_pages(at.company, 0))),
            )
            for _ in range(rounds)
        ]
    facts.append(f"Memory of the HTTP process while it served {records:,} records: at most {memory[0] / 2**20:.0f} MB resident.")
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Row("pull over HTTP", Side(records / ours), Side(records / theirs), "the same pull at store level", 0.5, "records/s")


def _poll(at: Served, rounds: int = 5, requests: int = 3_000) -> Row:
    head = json.loads(once(at, "/ledger/v1/head"))["seq"]
    poll = f"/ledger/v1/records?after={head}"
    rate(at, poll, 400), rate(at, "/health/live", 400)
    pairs = [(rate(at, poll, requests), rate(at, "/health/live", requests)) for _ in range(rounds)]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Row("empty delta poll over HTTP", Side(ours), Side(theirs), "a handler that answers a constant", 1 / 3, "requests/s")


def _stream(place: Place, at: Served, facts: list[str], rounds: int = 300) -> Row:
    """From the event's `recorded_at`, which the write takes before it appends and commits, to the subscriber's socket."""
    head = json.loads(once(at, "/ledger/v1/head"))["seq"]
    body = json.dumps({"commands": [{"type": "party.create", "data": stock.FIELDS}]}).encode()
    ours: list[float] = []
    whole: list[float] = []
    theirs: list[float] = []
    with closing(at.connect()) as stream, closing(at.connect()) as writer, place.api.connection() as connection:
        stream.sendall(at.request(f"/ledger/v1/events/stream?after={head}", accept="text/event-stream"))
        heard = stream.recv(65_536)
        for turn in range(rounds):
            start = time.perf_counter()
            writer.sendall(at.request("/ledger/v1/commands", method="POST", body=body))
            found = None
            while found is None:
                heard = (heard + stream.recv(65_536))[-16_384:]
                found = re.search(rb'"seq":%d,"recorded_at":"([^"]+)"' % (head + turn + 1), heard)
            whole.append(time.perf_counter() - start)
            ours.append(time.time() - datetime.fromisoformat(found[1].decode()).timestamp())
            receive(writer)
            start = time.perf_counter()
            _empty_commit(connection)
            writer.sendall(at.request("/health/live"))
            receive(writer)
            theirs.append(time.perf_counter() - start)
    facts.append(f"From the request to write over HTTP to the subscriber: {statistics.median(whole) * 1_000:.2f} ms at the median.")
    return Row(
        "commit to subscriber (SSE), median, counted from before the append",
        Side(statistics.median(ours), ours),
        Side(statistics.median(theirs), theirs),
        "one empty commit + one HTTP round trip",
        5.0,
        "s",
        more_is_better=False,
    )


def _empty_commit(connection) -> None:
    """A commit that has to reach the disk: it assigns a transaction id and writes nothing."""
    connection.execute("SELECT pg_current_xact_id()")
