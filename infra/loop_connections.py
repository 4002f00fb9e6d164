"""Connections whose answers the event loop itself waits for: reading costs no thread, and nobody waits for the interpreter's lock.

Every question stands for itself, in the company that it is about. What writes has a connection of `infra.database`, in a thread.
"""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Generator, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg.pq.abc import PGresult

from domain.errors import ServiceUnavailable
from infra.database import CONFINE, LAST_WORDS, Connection, configure
from infra.store.pipeline import Pipeline

IDLE_SECONDS = 300.0
"""After which a connection that nobody needed is hung up."""
PAUSE_SECONDS = 0.1
"""Between attempts to connect."""


Question = tuple[bytes, Sequence[Any], bool]
"""A statement, its parameters, and whether connections should keep it ready."""


class LoopConnections:
    """At most `size` connections, made when they are needed. Belongs to the event loop."""

    def __init__(self, url: str, *, size: int, name: str, patience_seconds: float, settings: bytes) -> None:
        """`patience_seconds`: how long somebody waits for the database to come back; `settings`: what prepares every connection."""
        self._url = url
        self._name = name
        self._patience = patience_seconds
        self._settings = settings
        self._turns = asyncio.Semaphore(size)
        self._idle: list[_Listening] = []
        """The one that was used last is used next: it and its server have everything at hand."""

    async def ask(self, company_id: UUID, questions: Sequence[Question]) -> list[PGresult]:
        """The results of statements that only read, in one round trip; row-level security shows them this company.

        Who asks while all connections are in use waits for a turn. Questions that a lost connection left open are asked once more,
        on a new one. Raises ServiceUnavailable.
        """
        async with self._turns:
            return await self._ask(company_id, questions)

    async def _ask(self, company_id: UUID, questions: Sequence[Question]) -> list[PGresult]:
        try:
            connection = await self._leased()
            try:
                results = await connection.ask(company_id, questions)
            except _Lost:
                self._hang_up_idle()  # the server has most probably gone from them all
                connection = await self._leased()
                results = await connection.ask(company_id, questions)
        except _Lost as lost:
            raise ServiceUnavailable from lost
        else:
            self._give_back(connection)
            return results

    def close(self) -> None:
        """Hang up; nobody asks any more."""
        self._hang_up_idle()

    async def _leased(self) -> _Listening:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        until = time.monotonic() + self._patience
        while True:
            connecting = asyncio.get_running_loop().run_in_executor(None, self._connect)
            try:
                return _Listening(await asyncio.shield(connecting))
            except psycopg.OperationalError as error:
                if time.monotonic() + PAUSE_SECONDS > until:
                    raise ServiceUnavailable from error
            except asyncio.CancelledError:
                connecting.add_done_callback(_forget)
                raise
            await asyncio.sleep(PAUSE_SECONDS)

    def _connect(self) -> Connection:
        connection = psycopg.connect(
            self._url,
            autocommit=True,
            prepare_threshold=None,
            application_name=self._name,
            connect_timeout=max(2, round(self._patience)),
        )
        try:
            configure(connection)
            connection.execute(self._settings)
        except BaseException:
            connection.close()
            raise
        return connection

    def _give_back(self, connection: _Listening) -> None:
        now = time.monotonic()
        connection.used_at = now
        self._idle.append(connection)
        while self._idle[0].used_at < now - IDLE_SECONDS:
            self._idle.pop(0).close()

    def _hang_up_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()


class _Lost(Exception):
    """The server has hung up in the middle of a question."""


class _Listening:
    """One connection, to which the event loop listens for as long as it is open."""

    def __init__(self, connection: Connection) -> None:
        self.used_at = 0.0
        self.is_open = True
        self._connection = connection
        self._company: UUID | None = None
        self._receiving: Generator[int, int, list[PGresult]] | None = None
        self._answer: asyncio.Future[list[PGresult]] | None = None
        self._loop = asyncio.get_running_loop()
        self._socket = connection.pgconn.socket
        self._loop.add_reader(self._socket, self._on_readable)
        self._is_writing = False

    async def ask(self, company_id: UUID, questions: Sequence[Question]) -> list[PGresult]:
        """The results. Whatever goes wrong, and whoever gives up, the connection is closed. Raises _Lost."""
        try:
            with Pipeline(self._connection) as pipeline:
                if self._company != company_id:
                    self._company = None
                    pipeline.send(CONFINE, (str(company_id),))
                for query, parameters, keep in questions:
                    pipeline.send(query, parameters, keep=keep)
                self._answer, self._receiving = self._loop.create_future(), pipeline.receiving()
                try:
                    self._go_on(None)
                    results = await self._answer
                except BaseException:
                    self._stop_listening()  # before the socket is closed, whose number may be another's then
                    raise
                finally:
                    self._answer = self._receiving = None
        except psycopg.Error as error:
            self.close()
            if error.sqlstate is None or error.sqlstate in LAST_WORDS:
                raise _Lost from error
            raise
        except BaseException:
            self.close()
            raise
        self._company = company_id
        return results[-len(questions) :]

    def close(self) -> None:
        """Hang up."""
        self._stop_listening()
        self._connection.close()

    def _stop_listening(self) -> None:
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)

    def _go_on(self, ready: int | None) -> None:
        """Receive what has come; the answer is told when all of it has."""
        if self._receiving is None or self._answer is None or self._answer.done():
            return
        try:
            wanted = self._receiving.send(ready)  # type: ignore[arg-type]  # None begins
        except StopIteration as end:
            self._answer.set_result(end.value)
            return
        except psycopg.Error as error:
            self._answer.set_exception(error)
            return
        if is_writing := bool(wanted & select.POLLOUT):
            self._loop.add_writer(self._socket, self._go_on, select.POLLOUT)
        elif self._is_writing:
            self._loop.remove_writer(self._socket)
        self._is_writing = is_writing

    def _on_readable(self) -> None:
        """There is something to read: a part of an answer or, where nobody has asked, the server's good-bye."""
        if self._answer is not None:
            self._go_on(select.POLLIN)
            return
        try:
            self._connection.pgconn.consume_input()
        except psycopg.OperationalError:
            self.close()


def _forget(connecting: asyncio.Future[Connection]) -> None:
    """Close a connection that was made for somebody who has given up."""
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()
