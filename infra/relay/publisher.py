"""Publishing batches to JetStream over one connection at a time.

The server stores what comes over one connection in its order. A connection that has failed in any way is therefore given up with
everything that was on its way, and never reconnected: a client that did would first send what it had kept back, and the messages
before it, which were lost with the old connection, would come after.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Coroutine, Sequence
from typing import Any, Self, TypeVar

import msgspec
import nats
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from infra.followers.follower import Away
from infra.relay.messages import Message
from infra.relay.stream import EVENTS, Retention, StreamNames, StreamState, ensure_stream

CONNECT_SECONDS = 2
PUBLISH_SECONDS = 10.0
"""A batch that is not stored within this time has failed."""
LOOK_SECONDS = 30.0
"""How often a connected relay looks whether the stream is still the same one."""

LOOKED_THROUGH = 10_000
"""Messages at the end of a stream among which a company's last is looked for, where its subjects do not tell."""

T = TypeVar("T")
log = structlog.get_logger("daftar.relay")


class _Problem(msgspec.Struct):
    code: int = 0
    description: str = ""


class _Ack(msgspec.Struct):
    """What JetStream answers to a publish."""

    seq: int = 0
    duplicate: bool = False
    error: _Problem | None = None


_ack = msgspec.json.Decoder(_Ack)


class _Batch:
    """The messages on their way: how many are not stored yet, the highest place that was given, and the first refusal.

    `end`: where the stream ended before. A new message at a place before it says that the stream is another one.
    """

    def __init__(self, name: str, count: int, end: int) -> None:
        self.name = name
        self.left = count
        self.end = end
        self.last_seq = 0
        self.refusal = ""
        self.done = asyncio.Event()

    def answered(self, message: Msg) -> None:
        if message.headers and message.headers.get("Status"):
            self.refusal = self.refusal or "no stream takes the subject"
        else:
            ack = _ack.decode(message.data)
            if ack.error is not None:
                self.refusal = self.refusal or f"{ack.error.description} ({ack.error.code})"
            elif not ack.duplicate and ack.seq <= self.end:
                self.refusal = self.refusal or "it is another stream than before"
            self.last_seq = max(self.last_seq, ack.seq)
        self.left -= 1
        if self.left == 0:
            self.done.set()

    def fail(self, reason: str) -> None:
        self.refusal = self.refusal or reason
        self.done.set()


class Publisher:
    """One connection to JetStream, in a thread of its own, for as long as the block lasts. Its methods wait, boundedly."""

    def __init__(self, nats_url: str, retention: Retention, names: StreamNames = EVENTS) -> None:
        self._url = nats_url
        self._names = names
        self._retention = retention
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay-nats", daemon=True)
        self._client: Client | None = None
        self._state: StreamState | None = None
        self._batch: _Batch | None = None
        self._batches = 0
        self._inbox = ""
        self._looked_at = 0.0
        self._end = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Away):
            self._run(self._give_up(), CONNECT_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    @property
    def largest(self) -> int:
        """The largest message that is taken, in bytes. Raises Away."""
        if self._state is None:
            raise Away("NATS is not connected")
        return self._state.largest

    def connect(self) -> StreamState:
        """Connect where that is not done, and see to the stream; the same object until it looks again. Raises Away."""
        client, state = self._client, self._state
        if client and client.is_connected and state and time.monotonic() - self._looked_at < LOOK_SECONDS:
            return state
        return self._run(self._connect(), CONNECT_SECONDS * 4)

    def publish(self, messages: Sequence[Message]) -> tuple[StreamState, int]:
        """Publish the messages in order and wait until all are stored; the stream, and the highest place there.

        Raises Away where any was not: the first ones may be stored, and others too if the server refused one of them.
        """
        return self._run(self._publish(messages), PUBLISH_SECONDS + CONNECT_SECONDS)

    def last_seq_of(self, codename: str) -> int:
        """The Daftar-Seq of the company's last message in the stream; 0 where there is none. Raises Away.

        In a stream whose subjects do not tell companies apart it is looked for among the last messages only.
        """
        return self._run(self._last_seq_of(codename), CONNECT_SECONDS * 2)

    # In the event loop ----------------------------------------------------------------------------

    def _run(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """Do the work in the loop; whatever goes wrong is Away, and the connection is given up."""
        future = asyncio.run_coroutine_threadsafe(self._bounded(work, seconds), self._loop)
        try:
            return future.result(seconds + 2 * CONNECT_SECONDS)
        except TimeoutError:
            raise Away("the connection to NATS hangs") from None

    async def _bounded(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await work
        except Exception as error:
            await self._give_up()
            if isinstance(error, Away):
                raise
            raise Away(f"NATS: {error!r}") from error

    async def _connect(self) -> StreamState:
        if self._client is None or not self._client.is_connected:
            await self._give_up()
            self._end = 0
            client = self._client = Client()
            await client.connect(
                self._url,
                name="daftar-relay",
                allow_reconnect=False,
                max_reconnect_attempts=1,  # of the first connection too, which would otherwise be tried for minutes
                reconnect_time_wait=0,
                connect_timeout=CONNECT_SECONDS,
                error_cb=_told,
                closed_cb=self._closed,
            )
            self._inbox = client.new_inbox()
            await client.subscribe(f"{self._inbox}.*", cb=self._answered, pending_msgs_limit=-1, pending_bytes_limit=-1)
        jetstream = self._client.jetstream(timeout=CONNECT_SECONDS)
        self._state = await ensure_stream(jetstream, self._retention, self._client.max_payload, self._names)
        self._looked_at = time.monotonic()
        self._end = max(self._end, self._state.last_seq)
        return self._state

    async def _publish(self, messages: Sequence[Message]) -> tuple[StreamState, int]:
        client, state = self._client, self._state
        if client is None or state is None or not client.is_connected:
            raise Away("NATS is not connected")
        self._batches += 1
        batch = self._batch = _Batch(f"{self._inbox}.{self._batches}", len(messages), self._end)
        async with asyncio.timeout(PUBLISH_SECONDS):
            for message in messages:
                await client.publish(message.subject, message.payload, reply=batch.name, headers=message.headers)
            await batch.done.wait()
        if batch.refusal:
            raise Away(f"{self._names.name} has not stored everything: {batch.refusal}")
        self._end = max(self._end, batch.last_seq)
        return state, batch.last_seq

    async def _answered(self, message: Msg) -> None:
        batch = self._batch
        if batch is not None and message.subject == batch.name:
            try:
                batch.answered(message)
            except msgspec.MsgspecError as error:
                batch.fail(f"an answer that is none: {error}")

    async def _last_seq_of(self, codename: str) -> int:
        assert self._client is not None
        jetstream = self._client.jetstream(timeout=CONNECT_SECONDS)
        if not self._names.of_company:
            return await self._last_seq_among_all(jetstream, codename)
        try:
            last = await jetstream.get_last_msg(self._names.name, self._names.of_company.format(codename=codename))
        except nats.js.errors.NotFoundError:
            return 0
        return int((last.headers or {}).get("Daftar-Seq", 0))

    async def _last_seq_among_all(self, jetstream: JetStreamContext, codename: str) -> int:
        state = (await jetstream.stream_info(self._names.name)).state
        begin = max(state.first_seq, state.last_seq - LOOKED_THROUGH + 1)
        left = min(state.messages, state.last_seq - begin + 1)
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE,
            headers_only=True,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=max(1, begin),
        )
        found = 0
        consumer = await jetstream.pull_subscribe("", stream=self._names.name, config=config) if left else None
        while consumer is not None and left > 0:
            messages = await consumer.fetch(min(1_000, left), timeout=CONNECT_SECONDS)
            left -= len(messages)
            for headers in (message.headers or {} for message in messages):
                if headers.get("Daftar-Company") == codename:
                    found = max(found, int(headers.get("Daftar-Seq", 0)))
        return found

    async def _closed(self) -> None:
        if self._batch is not None:
            self._batch.fail("the connection was lost")

    async def _give_up(self) -> None:
        client, self._client, self._state = self._client, None, None
        if client is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CONNECT_SECONDS):
                    await client.close()


async def _told(error: Any) -> None:
    log.debug("NATS", error=repr(error))
