"""The composition root: which parts there are, and how they hang together. Nothing else makes parts."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from infra.database import Database
from infra.files import Files, Place
from infra.identity.accounts import Accounts
from infra.identity.bucket_tokens import BucketTokens
from infra.identity.identity import Identity
from infra.identity.passwords import HASHES_AT_ONCE, Passwords
from infra.identity.sessions import Sessions
from infra.identity.tokens import Tokens
from infra.identity.users import Users
from infra.identity.verification_codes import VerificationCodes
from infra.ledger import Ledger
from infra.limits import Limits
from infra.lists.listing import MEANT_ALWAYS, Found, Listing, list_in_loop
from infra.lists.remembered import Remembered
from infra.loop_connections import LoopConnections
from infra.observability.metrics import Metrics
from infra.reading.reader import Reader
from infra.roles import api_url
from infra.sending.mail import mail_of
from infra.sending.sms import sms_of
from infra.settings import Settings, SettingsError
from infra.store.postgres import PostgresStore
from infra.sync.deltas import Deltas
from infra.sync.heads import Heads
from infra.sync.hints import Hints
from infra.sync.quiet import Quiet
from infra.verification.signing import signing_key

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


PATIENCE_SECONDS = 2.0
"""How long a request waits for the database to come back before it is answered with 503."""


MOST_REMEMBERED_BYTES = 32 * 2**20
"""Rows of lists that are kept as they were sent: by the documents that they show, and by what was asked."""

SENT_AT_ONCE = 4
"""Mails and short messages on their way at a time."""


class Threads:
    """Where blocking work is done: as many threads as there are connections, so that no thread waits for one.

    Password hashes have their own few threads, so that a wave of log-ins does not keep everybody else waiting; so has sending mail.
    """

    def __init__(self, size: int) -> None:
        self._workers = ThreadPoolExecutor(size, thread_name_prefix="work")
        self._hashers = ThreadPoolExecutor(HASHES_AT_ONCE, thread_name_prefix="hash")
        self._senders = ThreadPoolExecutor(SENT_AT_ONCE, thread_name_prefix="send")

    async def run(self, work: Callable[Parameters, Answer], *args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        """Do the work in a thread, with this task's context variables."""
        return await self.start(work, *args, **kwargs)

    def start(
        self, work: Callable[Parameters, Answer], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> asyncio.Future[Answer]:
        """Begin the work at once; a task for `run` would begin when the loop comes to it, after what is done meanwhile."""
        return self._start(self._workers, work, *args, **kwargs)

    async def run_slowly(self, work: Callable[Parameters, Answer], *args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        """Do work that hashes passwords."""
        return await self._start(self._hashers, work, *args, **kwargs)

    async def run_outside(self, work: Callable[Parameters, Answer], *args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        """Do work that waits for servers that are not ours; nobody who waits for the database waits for them."""
        return await self._start(self._senders, work, *args, **kwargs)

    @staticmethod
    def _start(
        executor: ThreadPoolExecutor,
        work: Callable[Parameters, Answer],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> asyncio.Future[Answer]:
        context = contextvars.copy_context()
        return asyncio.get_running_loop().run_in_executor(executor, lambda: context.run(work, *args, **kwargs))

    def close(self) -> None:
        """Finish what was begun, and end the threads."""
        self._workers.shutdown(wait=True, cancel_futures=True)
        self._hashers.shutdown(wait=True, cancel_futures=True)
        self._senders.shutdown(wait=True, cancel_futures=True)


class Services:
    """The parts of one API process."""

    def __init__(self, settings: Settings) -> None:
        for name in ("database_url", "secret_key"):
            if not getattr(settings, name):
                raise SettingsError(f"DAFTAR_{name.upper()} is needed to serve requests")
        self.settings = settings
        url = api_url(settings)
        self.database = Database(url, size=settings.pool_size, name="daftar-api", patience_seconds=PATIENCE_SECONDS)
        self.list_connections = LoopConnections(
            url,
            size=max(1, settings.pool_size // 2),
            name="daftar-lists",
            patience_seconds=PATIENCE_SECONDS,
            settings=MEANT_ALWAYS,
        )
        self.store = PostgresStore(self.database)
        self.metrics = Metrics()
        self.heads = Heads(url)
        self.hints = Hints(settings.nats_url, self.heads.look_up)
        self.ledger = Ledger(self.store, hint=self.hints.tell)
        self.reader = Reader(self.database)
        self.deltas = Deltas(self.database)
        self.limits = Limits(self.database)
        self.quiet = Quiet()
        self.rendered: Remembered[Any] = Remembered(MOST_REMEMBERED_BYTES)
        self.lists: Remembered[Any] = Remembered(MOST_REMEMBERED_BYTES)
        self.passwords = Passwords()
        self.identity = Identity(self.database, Tokens(settings.secret_key))
        self.users = Users(self.database, self.passwords, demo=settings.demo)
        self.sessions = Sessions(
            self.identity,
            self.users,
            self.ledger,
            access_lifetime=timedelta(minutes=settings.access_token_minutes),
            refresh_lifetime=timedelta(days=settings.refresh_token_days),
        )
        self.bucket_tokens = BucketTokens(settings.secret_key, self.sessions.refresh_lifetime)
        self.accounts = Accounts(self.users, self.sessions)
        self.codes = VerificationCodes(self.database, settings.secret_key)
        self.mail = mail_of(settings)
        self.sms = sms_of(settings)
        self.signing_key = signing_key(settings)
        self.files = Files(
            Place(settings.files_url, settings.data_dir),
            max_bytes=settings.max_file_bytes,
            types=settings.file_types,
            spool_dir=settings.data_dir,
        )
        self.threads = Threads(settings.pool_size)

    async def read_list(self, company_id: UUID, listing: Listing, *, has_moved: bool = False) -> Found:
        """A page of records, read in the event loop. Raises ServiceUnavailable. `has_moved`: as in `list_in_loop`."""
        return await list_in_loop(self.list_connections, self.database.totals, company_id, listing, has_moved=has_moved)

    async def open(self) -> None:
        """Start what runs beside the requests. The database need not be there yet."""
        self.database.open()
        await self.hints.open()

    async def close(self) -> None:
        """End streams, finish what was begun, and hang up."""
        await self.hints.close()
        await self.heads.close()
        self.list_connections.close()
        await asyncio.get_running_loop().run_in_executor(None, self.threads.close)
        self.database.close()
