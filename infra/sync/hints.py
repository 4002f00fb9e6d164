"""Hints: after a commit, whoever follows that company's log is told where it ends now.

Waiters in this process are told at once, those in other processes through NATS. A hint may be lost (the log is the truth): a
slow sweep looks at the heads of all companies that somebody waits for, in one query, so a lost hint costs a second. Nothing here
can slow down or fail a write: telling is one call into the event loop, and while NATS is away nothing is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from typing import Any
from uuid import UUID

import msgspec
import nats
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from infra.processes.ending import end

SUBJECT = "daftar.hint"
SWEEP_SECONDS = 1.0

Heads = Callable[[Collection[UUID]], Awaitable[Mapping[UUID, int]]]

log = structlog.get_logger()


class HintMessage(msgspec.Struct, frozen=True):
    """What goes over NATS."""

    company_id: UUID
    seq: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(HintMessage)


class Waiter:
    """Waits for one company's log to grow. Belongs to the event loop."""

    def __init__(self, hints: Hints) -> None:
        self._hints = hints
        self._event = asyncio.Event()
        self._seq = 0

    def tell(self, seq: int) -> None:
        """The log has (at least) this many events now."""
        if seq > self._seq:
            self._seq = seq
            self._event.set()

    def wake(self) -> None:
        """Wake up without news: the process is stopping."""
        self._event.set()

    async def wait(self, after: int, seconds: float) -> bool:
        """Wait until the log has grown beyond `after`; False where it has not in this time, or the process is stopping."""
        deadline = asyncio.get_running_loop().time() + seconds
        while self._seq <= after and not self._hints.closing:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            self._event.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._event.wait()
        return not self._hints.closing


class Hints:
    """Tells and listens. `heads` looks up where companies' logs end. `tell` may be called from any thread."""

    def __init__(self, nats_url: str, heads: Heads) -> None:
        self.closing = False
        self._nats_url = nats_url
        self._heads = heads
        self._waiters: dict[UUID, set[Waiter]] = {}
        self._outbox: dict[UUID, int] = {}
        self._posted: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._client: Client | None = None

    @property
    def waiting(self) -> int:
        """How many wait right now."""
        return sum(map(len, self._waiters.values()))

    @property
    def is_connected(self) -> bool:
        """Whether NATS can be reached."""
        return self._client is not None and self._client.is_connected

    async def open(self) -> None:
        """Begin to listen, in the running event loop. Returns at once, whether NATS is there or not."""
        self._loop = asyncio.get_running_loop()
        self._posted = asyncio.Event()
        work = [self._sweep()] if not self._nats_url else [self._sweep(), self._connect(), self._publish()]
        self._tasks = [self._loop.create_task(task) for task in work]

    def stop_waiting(self) -> None:
        """Wake every waiter for good, so that open streams end."""
        self.closing = True
        for waiters in self._waiters.values():
            for waiter in waiters:
                waiter.wake()

    async def close(self) -> None:
        """Stop."""
        self.stop_waiting()
        self._loop = None
        await end(self._tasks)
        if self._client is not None:
            with contextlib.suppress(Exception):
                await self._client.close()

    def tell(self, company_id: UUID, seq: int) -> None:
        """A transaction that ends at `seq` was committed."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just been closed: the sweep of others will find it
                loop.call_soon_threadsafe(self._told_here, company_id, seq)

    @contextlib.contextmanager
    def waiter(self, company_id: UUID) -> Iterator[Waiter]:
        """A waiter for one company, as long as the block lasts."""
        waiter = Waiter(self)
        self._waiters.setdefault(company_id, set()).add(waiter)
        try:
            yield waiter
        finally:
            waiters = self._waiters[company_id]
            waiters.discard(waiter)
            if not waiters:
                del self._waiters[company_id]

    def _told_here(self, company_id: UUID, seq: int) -> None:
        self._told(company_id, seq)
        if self._posted is not None and self.is_connected:
            self._outbox[company_id] = max(seq, self._outbox.get(company_id, 0))
            self._posted.set()

    def _told(self, company_id: UUID, seq: int) -> None:
        for waiter in self._waiters.get(company_id, ()):
            waiter.tell(seq)

    # Tasks ----------------------------------------------------------------------------------------

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            if not self._waiters:
                continue
            try:
                for company_id, seq in (await self._heads(list(self._waiters))).items():
                    self._told(company_id, seq)
            except Exception as error:  # noqa: BLE001 - whatever it was, the next sweep tries again
                log.warning("sweep failed", error=repr(error))

    async def _connect(self) -> None:
        """Connect, and keep connecting: the client does so by itself once it has been connected."""
        while True:
            try:
                self._client = await nats.connect(
                    self._nats_url,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=1,
                    connect_timeout=2,
                    error_cb=_log_nats_error,
                    name="daftar-api",
                )
                await self._client.subscribe(SUBJECT, cb=self._received)
            except Exception as error:  # noqa: BLE001 - the server may be anything between absent and starting
                log.warning("NATS cannot be reached", error=repr(error))
                await asyncio.sleep(1)
            else:
                return

    async def _received(self, message: Msg) -> None:
        with contextlib.suppress(msgspec.MsgspecError):
            hint = _decoder.decode(message.data)
            self._told(hint.company_id, hint.seq)

    async def _publish(self) -> None:
        assert self._posted is not None
        while True:
            await self._posted.wait()
            self._posted.clear()
            outbox, self._outbox = self._outbox, {}
            for company_id, seq in outbox.items():
                if self._client is not None and self._client.is_connected:
                    with contextlib.suppress(Exception):  # a lost hint costs a second, at most
                        await self._client.publish(SUBJECT, _encoder.encode(HintMessage(company_id, seq)))


async def _log_nats_error(error: Any) -> None:
    log.info("NATS", error=repr(error))
