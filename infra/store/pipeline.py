"""Statements sent together and answered together: one round trip, on libpq itself.

psycopg's own pipeline hands every statement to the socket by itself and goes through a cursor for each; a single command then
spends more time in the client than in the database (docs/decisions/0003-one-append-path.md has the measurement). Connections and
errors stay psycopg's.
"""

from __future__ import annotations

import itertools
import select
import struct
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Self
from uuid import UUID

import psycopg
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGresult

from domain.event import microseconds
from infra.database import Connection
from infra.store.arrays import POSTGRES_EPOCH, Array

_numbers = itertools.count()
_INT8 = struct.Struct(">q").pack
_EPOCH = datetime(2000, 1, 1, tzinfo=timezone.utc)
_UUID, _BIGINT, _TEXT, _BYTEA, _TIMESTAMP = 2950, 20, 25, 17, 1184


def encode(value: Any) -> tuple[int, bytes | None]:
    """A parameter's type oid (0: what the statement makes of it) and its binary form."""
    if value is None:
        return 0, None
    if isinstance(value, Array):
        return value.array_oid, value.body
    if isinstance(value, UUID):
        return _UUID, value.bytes
    if isinstance(value, int):
        return _BIGINT, _INT8(value)
    if isinstance(value, bytes):
        return _BYTEA, value
    if isinstance(value, datetime):
        return _TIMESTAMP, _INT8(microseconds(value) - POSTGRES_EPOCH)
    return _TEXT, str(value).encode()


class Pipeline:
    """One round trip. `send` statements, then take their `results`; leaving the block early closes the connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._prepared: dict[bytes, bytes] = connection.__dict__.setdefault("daftar_prepared", {})
        self._sent: list[bytes | None] = []  # per result to come: the query it prepares, or None for an execution
        self._is_handed_over = False

    def __enter__(self) -> Self:
        self._pgconn.enter_pipeline_mode()
        return self

    def __exit__(self, *_: object) -> None:
        if self._sent or self._pgconn.status != ConnStatus.OK:
            self._connection.close()  # what it would answer is anybody's guess
        else:
            self._pgconn.exit_pipeline_mode()

    def send(self, query: bytes, parameters: Sequence[Any] = (), *, keep: bool = True) -> None:
        """Hand over a statement with `%b` (or `$1`, `$2`, …) for each parameter.

        It is prepared once per connection; with `keep=False`, which is for statements of countless shapes, for this time only.
        """
        values = [encode(value) for value in parameters]
        if not keep:
            types, once = [oid for oid, _ in values], [body for _, body in values]
            binary = [Format.BINARY] * len(once)
            self._pgconn.send_query_params(_numbered(query), once, types, binary, Format.BINARY)
            self._sent.append(None)
            return
        name = self._prepared.get(query)
        if name is None:
            name = self._prepared[query] = b"daftar_%d" % next(_numbers)
            self._pgconn.send_prepare(name, _numbered(query), [oid for oid, _ in values])
            self._sent.append(query)
        bodies = [body for _, body in values]
        self._pgconn.send_query_prepared(name, bodies, [Format.BINARY] * len(bodies), result_format=Format.BINARY)
        self._sent.append(None)

    def hand_over(self) -> None:
        """Let the server have all that was sent; it answers while something else is done. Only `results` may follow."""
        if not self._is_handed_over:
            self._is_handed_over = True
            self._pgconn.pipeline_sync()
            self._flush()

    def results(self) -> list[PGresult]:
        """The result of every statement, in order. Raises the first one's psycopg.Error; all are answered then."""
        self.hand_over()
        self._is_handed_over = False
        results: list[PGresult] = []
        error: psycopg.Error | None = None
        for prepares in self._sent:
            result = self._next()
            if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
                if prepares is None:
                    results.append(result)
                continue
            if prepares is not None:
                del self._prepared[prepares]
            if result.status != ExecStatus.PIPELINE_ABORTED and error is None:
                error = _error(result)
        if self._pgconn.status == ConnStatus.OK:
            synced = self._next(last=True)
            if synced.status == ExecStatus.PIPELINE_SYNC:
                self._sent.clear()
            elif error is None:
                error = _error(synced)  # the server's last words
        if error is not None:
            raise error
        return results

    def _next(self, *, last: bool = False) -> PGresult:
        """The next statement's one result, and the None after it; `last`: the answer to the sync, which has none."""
        result = self._get()
        if result is None:
            raise psycopg.OperationalError("the connection ended in the middle of an answer")
        if not last and self._get() is not None:
            raise psycopg.InternalError("a statement answered twice")
        return result

    def _get(self) -> PGresult | None:
        while self._pgconn.is_busy():
            self._wait(select.POLLIN)
            self._pgconn.consume_input()
        return self._pgconn.get_result()

    def _flush(self) -> None:
        while self._pgconn.flush():
            if self._wait(select.POLLIN | select.POLLOUT) & select.POLLIN:
                self._pgconn.consume_input()  # the server may wait for us to read before it reads on

    def _wait(self, events: int) -> int:
        poll = select.poll()
        poll.register(self._pgconn.socket, events)
        return poll.poll()[0][1]


def run(connection: Connection, query: bytes, parameters: Sequence[Any] = ()) -> PGresult:
    """The result of one statement. Raises psycopg.Error."""
    with Pipeline(connection) as pipeline:
        pipeline.send(query, parameters)
        return pipeline.results()[0]


def decode_timestamp(value: bytes) -> datetime:
    """The moment in a binary timestamptz."""
    return _EPOCH + timedelta(microseconds=int.from_bytes(value, "big", signed=True))


def _numbered(query: bytes) -> bytes:
    first, *rest = query.split(b"%b")
    return first + b"".join(b"$%d%s" % (number, part) for number, part in enumerate(rest, 1))


def _error(result: PGresult) -> psycopg.Error:
    if result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) is None:
        return psycopg.OperationalError(result.error_message.decode(errors="replace").strip())
    return psycopg.errors.error_from_result(result, "utf-8")
