"""Where logs end, asked by many at once and answered by one query.

Most polls find nothing new. All polls that arrive while a look-up is on its way share the next one, so an empty poll costs a
fraction of a round trip and no thread, however many there are; and its answer is never older than its question.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import ExecStatus

from domain.errors import CompanyNotFound, ServiceUnavailable
from infra.processes.ending import end
from infra.store.arrays import uuids

CONNECT_SECONDS = 5
QUERY_SECONDS = 5.0
_NAME = b"heads"
_HEADS = b"SELECT company_id, seq FROM daftar.heads_of($1)"
_BINARY = 1


class Heads:
    """Looks up heads on one connection of its own. Belongs to the event loop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: AsyncConnection[Any] | None = None
        self._asked: dict[UUID, list[asyncio.Future[int]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._socket: int | None = None
        self._readable = asyncio.Event()

    async def current(self, company_id: UUID) -> int:
        """Where this company's log ends, looked up after this was called. Raises CompanyNotFound, ServiceUnavailable."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked.setdefault(company_id, []).append(future)
        if self._task is None:
            self._task = asyncio.create_task(self._answer())
        return await future

    async def look_up(self, companies: Collection[UUID]) -> Mapping[UUID, int]:
        """Where these companies' logs end; companies that do not exist are left out. Raises ServiceUnavailable."""
        found = await asyncio.gather(*(self.current(company_id) for company_id in companies), return_exceptions=True)
        if any(isinstance(seq, ServiceUnavailable) for seq in found):
            raise ServiceUnavailable
        return {company_id: seq for company_id, seq in zip(companies, found, strict=True) if isinstance(seq, int)}

    async def close(self) -> None:
        """Hang up."""
        if self._task is not None:
            await end([self._task])
        await self._hang_up()

    async def _answer(self) -> None:
        """Answer everything that was asked, in rounds, until nothing is."""
        try:
            while self._asked:
                asked, self._asked = self._asked, {}
                try:
                    heads = await self._query(list(asked))
                except (psycopg.Error, OSError, TimeoutError) as error:
                    await self._hang_up()
                    _settle(asked, {}, error)
                else:
                    _settle(asked, heads, None)
        finally:
            self._task = None

    async def _query(self, companies: list[UUID]) -> dict[UUID, int]:
        try:
            return await self._execute(companies)
        except psycopg.OperationalError:
            await self._hang_up()  # the database was restarted since: once more, on a new connection
            return await self._execute(companies)

    async def _execute(self, companies: list[UUID]) -> dict[UUID, int]:
        """One round trip, on libpq itself: this is the most frequent query of all, and a cursor would cost more than its answer."""
        connection = self._connection or await self._connect()
        pgconn = connection.pgconn
        pgconn.send_query_prepared(_NAME, [uuids(companies).body], param_formats=[_BINARY], result_format=_BINARY)
        result = None
        async with asyncio.timeout(QUERY_SECONDS):
            while pgconn.flush():  # noqa: ASYNC110 - so few bytes that the socket takes them at once
                await asyncio.sleep(0)
            while True:
                while pgconn.is_busy():
                    self._readable.clear()
                    await self._readable.wait()
                    pgconn.consume_input()
                if (one := pgconn.get_result()) is None:
                    break
                result = one
        if result is None or result.status != ExecStatus.TUPLES_OK:
            raise psycopg.OperationalError(result.error_message.decode(errors="replace") if result else "no answer")
        return {
            UUID(bytes=result.get_value(row, 0)): int.from_bytes(result.get_value(row, 1) or b"", "big")
            for row in range(result.ntuples)
        }

    async def _connect(self) -> AsyncConnection[Any]:
        connection = await AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="daftar-heads"
        )
        self._connection = connection
        await connection.execute(b"PREPARE heads (uuid[]) AS " + _HEADS)
        self._socket = connection.pgconn.socket
        asyncio.get_running_loop().add_reader(self._socket, self._on_readable)
        return connection

    def _on_readable(self) -> None:
        """There is something to read: the answer, or, where nobody has asked, the server's good-bye."""
        self._readable.set()
        connection = self._connection
        if self._task is not None or connection is None:
            return
        try:
            connection.pgconn.consume_input()
        except psycopg.OperationalError:
            self._stop_listening()
            connection.pgconn.finish()
            self._connection = None

    def _stop_listening(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket = None

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        self._stop_listening()
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                await connection.close()


def _settle(asked: Mapping[UUID, list[asyncio.Future[int]]], heads: Mapping[UUID, int], error: Exception | None) -> None:
    for company_id, futures in asked.items():
        seq = heads.get(company_id)
        for future in futures:
            if future.done():
                continue  # the request was given up
            if error is not None:
                refusal = ServiceUnavailable()
                refusal.__cause__ = error
                future.set_exception(refusal)
            elif seq is None:
                future.set_exception(CompanyNotFound())
            else:
                future.set_result(seq)
