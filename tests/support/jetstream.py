"""A NATS server of the tests' own, to kill, and what is in its streams."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nats
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError

from infra.embedded import DataDir, EmbeddedNats

UNACKED = ConsumerConfig(ack_policy=AckPolicy.NONE)


@contextmanager
def own_server() -> Iterator[EmbeddedNats]:
    """A server that nobody else uses; whoever kills it starts it again."""
    path = Path(tempfile.mkdtemp(prefix="daftar-test-"))
    folder = DataDir(path)
    folder.hold()
    server = EmbeddedNats(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        folder.release()
        shutil.rmtree(path)


def copy_store(source: Path, target: Path) -> None:
    """A copy of a server's streams, with the owners: the server may run as another user."""
    subprocess.run(["cp", "-a", source, target], check=True)


def ask(url: str, work: Callable[[JetStreamContext], Awaitable[Any]], *, missing_ok: bool = False) -> Any:
    """What `work(jetstream)` answers; None where there is no such stream."""

    async def connected() -> Any:
        client = await nats.connect(url)
        try:
            return await work(client.jetstream())
        except NotFoundError:
            assert missing_ok
        finally:
            await client.close()

    return asyncio.run(connected())


def messages(url: str, stream: str, subject: str = "") -> list[Msg]:
    """Everything in a stream, or under one of its subjects, in its order; nothing where there is no such stream."""

    async def read(jetstream: JetStreamContext) -> list[Msg]:
        consumer = await jetstream.pull_subscribe(subject, stream=stream, config=UNACKED)
        left, found = (await consumer.consumer_info()).num_pending, []
        while len(found) < left:
            found += await consumer.fetch(min(1_000, left - len(found)), timeout=10)
        return found

    return ask(url, read, missing_ok=True) or []
