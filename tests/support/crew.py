"""Writer processes that can be killed: one parent that has everything imported, which forks a child for every order.

Run as a script it is that parent: each line on its input is an order (JSON), each answer the child's process id. A child notes
every request that was answered to it in a file of its own, so that whoever takes over goes on after it, as a client would.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

SUPPORT = Path(__file__).parent
ROOT = SUPPORT.parent.parent


class Order(msgspec.Struct, frozen=True):
    """Write `requests` requests to a company as `name`; with `die_at`, kill yourself at that step of the first one."""

    url: str
    company: UUID
    name: str
    folder: str
    requests: int
    die_at: int | None = None


class Crew:
    """The parent process of the writers."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        path = os.pathsep.join((str(ROOT), str(SUPPORT)))
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)

    def start(self, company: UUID, name: str, requests: int, die_at: int | None = None) -> int:
        """The process id of a new writer, which goes on after what was answered to writers of this name before."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = Order(self.url, company, name, str(self.folder), requests, die_at)
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def answered(self, name: str) -> int:
        """How many requests of this writer were answered."""
        return answered(self.folder, name)


def answered(folder: Path, name: str) -> int:
    """The number of whole lines in the writer's file."""
    path = folder / name
    return path.read_bytes().count(b"\n") if path.exists() else 0


def is_running(pid: int) -> bool:
    """Whether the process exists; the crew's children leave no zombies."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(pid: int, seconds: float = 30.0) -> None:
    """Wait until the process has ended."""
    deadline = time.monotonic() + seconds
    while is_running(pid):
        assert time.monotonic() < deadline, f"process {pid} does not end"
        time.sleep(0.005)


def request_of(name: str, place: int) -> list[Any]:
    """What a writer asks for in its n-th request: a few records that refer to each other, and a contended one."""
    from bookkeeping import wish

    key = f"{name}-{place}"
    commands = [wish("party.create", {"name": key}, client_id=key)]
    if place % 3 == 0:
        commands.append(wish("product.create", {"name": key, "sku": key, "price": "2.50"}, client_id=key))
        line = {"product_id": {"client_id": key}, "quantity": "2"}
        lines = [line, {**line, "client_id": key}]
        invoice = {"type": "sales", "party_id": {"client_id": key}, "moves_stock": True, "lines": lines}
        commands.append(wish("invoice.create", invoice, client_id=key))
        commands.append(wish("payment.create", {"amount": "5", "invoice_id": {"client_id": key}}))
    if place % 4 == 0:
        commands.append(wish("company.update", {"address": key}, id=None, number=1))
    return commands


def write(order: Order) -> None:
    """Write until done, as a client that retries under the same key."""
    from bookkeeping import once, open_store

    from domain.command import Actor
    from domain.errors import ServiceUnavailable
    from infra.ledger import Ledger

    folder = Path(order.folder)
    store = open_store(order.url, size=1)
    actor = Actor(device_id=UUID(bytes=order.name.encode().ljust(16, b"\0")[:16]))
    ledger = Ledger(store)
    if order.die_at is not None:
        from breaking import Steps, suicide

        store.head(order.company)  # connected and confined: the steps are those of the write
        ledger = Steps(suicide, order.die_at).arm(ledger)
    with (folder / order.name).open("a") as answers:
        for place in range(answered(folder, order.name), order.requests):
            commands = request_of(order.name, place)
            while True:
                try:
                    outcome = ledger.execute(
                        order.company, commands, actor, idempotency=once(f"{order.name}-{place}", commands)
                    )
                    break
                except ServiceUnavailable:
                    time.sleep(0.02)
            answers.write(f"{outcome.seq}\n")
            answers.flush()


def main() -> None:
    """Fork a child for every order."""
    import bookkeeping  # noqa: F401 - imported once, for every child

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin.buffer:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                write(msgspec.json.decode(line, type=Order))
                code = 0
            except BaseException as error:  # noqa: BLE001
                print(f"writer: {error!r}", file=sys.stderr)
            finally:
                os._exit(code)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
