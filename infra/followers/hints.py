"""Hints for workers: which companies have just grown, so that nobody has to wait for the sweep.

A hint is sent over NATS after a commit and may be lost. Every worker gets every hint: whoever is free takes the lease.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from typing import Any, Self
from uuid import UUID

import msgspec
import nats
import structlog
from nats.aio.msg import Msg

from infra.sync.hints import SUBJECT, HintMessage

log = structlog.get_logger("daftar.followers")


_decoder = msgspec.json.Decoder(HintMessage)


class Hints:
    """The companies that have grown since they were last asked for; any thread may add one."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[UUID | None] = queue.SimpleQueue()

    def tell(self, company_id: UUID, seq: int) -> None:
        """The company's log ends at `seq` now."""
        self._queue.put(company_id)

    def wake(self) -> None:
        """End a wait."""
        self._queue.put(None)

    def take(self, timeout_seconds: float) -> set[UUID]:
        """The companies told of; waits for the first at most this long."""
        found: set[UUID] = set()
        with contextlib.suppress(queue.Empty):
            hint = self._queue.get(timeout=timeout_seconds) if timeout_seconds > 0 else self._queue.get_nowait()
            while True:
                if hint is not None:
                    found.add(hint)
                hint = self._queue.get_nowait()
        return found


class NatsHints:
    """Listens for hints in a thread of its own, for as long as the block lasts, whether NATS is there or not."""

    def __init__(self, nats_url: str, *hints: Hints) -> None:
        self._url = nats_url
        self._hints = hints
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="hints", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._listen())

    async def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                client = await nats.connect(
                    self._url,
                    name="daftar-worker",
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=1,
                    connect_timeout=2,
                    allow_reconnect=True,
                    error_cb=_log_error,
                )
            except (OSError, nats.errors.Error) as error:
                log.info("NATS cannot be reached; the sweep finds the work", error=repr(error))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), 2)
                continue
            await client.subscribe(SUBJECT, cb=self._received)
            await self._stop.wait()
            with contextlib.suppress(Exception):
                await client.close()

    async def _received(self, message: Msg) -> None:
        with contextlib.suppress(msgspec.MsgspecError):
            hint = _decoder.decode(message.data)
            for hints in self._hints:
                hints.tell(hint.company_id, hint.seq)


async def _log_error(error: Any) -> None:
    log.info("NATS", error=repr(error))
