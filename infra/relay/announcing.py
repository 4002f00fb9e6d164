"""Announcing: what an API answered is published to JetStream, beside the request, at most once.

It says that a request was made and answered, also where nothing was written, so no log could tell of it again: what waits is in
this process's memory, bounded, and is lost with it. What was written is in the log, and is relayed from there. Nothing here can
slow down or fail a request: announcing is one call, what there is no room for is dropped and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import msgspec
import structlog
from nats.aio.client import Client

from infra.processes.ending import end
from infra.relay.messages import ENVELOPE_BYTES
from infra.relay.stream import Retention, StreamNames, ensure_stream

MOST_WAITING = 1_000
MOST_WAITING_BYTES = 16 * 1024 * 1024
RETRY_SECONDS = 1.0
LAST_SECONDS = 1.0
"""How long a process that stops tries to send what still waits."""

log = structlog.get_logger("daftar.announcing")

Message = tuple[str, bytes, Mapping[str, str]]


class Announcer:
    """Publishes what it is told, from the event loop it was opened in. Without a URL it does nothing."""

    def __init__(self, nats_url: str, names: StreamNames, retention: Retention, dropped: Callable[[], None]) -> None:
        self._url = nats_url
        self._names = names
        self._retention = retention
        self._dropped = dropped
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._told = asyncio.Event()
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False

    async def open(self) -> None:
        """Begin, in the running event loop. Returns at once, whether NATS is there or not."""
        if self._url:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Send what waits, if that is quick, and stop."""
        if self._task is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                while self._waiting:
                    self._idle.clear()
                    await self._idle.wait()
        self._is_stopping = True
        await end([self._task])

    def tell(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        """Publish this when there is time; in the event loop."""
        if self._task is None:
            return
        if len(self._waiting) >= MOST_WAITING or self._bytes + len(payload) > MOST_WAITING_BYTES:
            self._dropped()
            return
        self._waiting.append((subject, payload, {"Nats-Msg-Id": uuid4().hex, **headers}))
        self._bytes += len(payload)
        self._told.set()

    async def _run(self) -> None:
        while not self._is_stopping:
            client = Client()
            try:
                await client.connect(
                    self._url,
                    name="daftar-announcer",
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    connect_timeout=2,
                    error_cb=_said,
                )
                state = await ensure_stream(client.jetstream(timeout=2), self._retention, client.max_payload, self._names)
                await self._publish(client, state.largest - ENVELOPE_BYTES)
            except Exception as error:  # noqa: BLE001 - whatever it was, requests go on, and it is tried again
                log.info("NATS cannot be reached", error=repr(error))
            finally:
                with contextlib.suppress(Exception):
                    await client.close()
            await asyncio.sleep(RETRY_SECONDS)

    async def _publish(self, client: Client, largest: int) -> None:
        """Publish what waits, one after the other, until the connection is lost."""
        while client.is_connected:
            if not self._waiting:
                await client.flush(timeout=2)
                self._idle.set()
                self._told.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_SECONDS):
                        await self._told.wait()
                continue
            subject, payload, headers = self._waiting[0]
            sent = payload if len(payload) <= largest else _without_rows(payload)
            marked = {} if sent is payload else {"Daftar-Oversized": "true"}
            await client.publish(subject, sent, headers={**headers, **marked})
            self._waiting.popleft()
            self._bytes -= len(payload)
            await asyncio.sleep(0)  # requests first


def _without_rows(payload: bytes) -> bytes:
    """An envelope without what it envelops."""
    body = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
    name = msgspec.json.decode(body["dataName"], type=str)
    rest: dict[str, Any] = {key: value for key, value in body.items() if key != name}
    return msgspec.json.encode({**rest, "oversized": True, "bytes": len(payload)})


async def _said(error: Any) -> None:
    log.debug("NATS", error=repr(error))
