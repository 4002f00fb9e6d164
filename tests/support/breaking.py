"""Breaking a write at any of its steps.

A step is a moment before or after a statement is handed to the database, after the commit was answered, and before the hint.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from infra.database import Connection
from infra.ledger import Ledger
from infra.store.pipeline import Pipeline
from infra.store.postgres import PostgresTransaction

Fault = Callable[[Connection], None]

BUSY = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'active' AND wait_event IS DISTINCT FROM 'ClientRead'"
"""Whether a server process is at work on what it was sent."""
PATIENCE_SECONDS = 1.0


class Steps:
    """Counts the steps of the writes of one thread, and does the worst at one of them. `names` are the steps it passed."""

    def __init__(self, fault: Fault, at: int | None) -> None:
        self.fault, self.at = fault, at
        self.names: list[str] = []
        self._connection: Connection | None = None
        self._undo: list[Callable[[], None]] = []

    def arm(self, ledger: Ledger) -> Ledger:
        """Watch every statement from now on; returns the ledger to write with."""
        execute, send, append = psycopg.Connection.execute, Pipeline.send, PostgresTransaction.append
        steps = self

        def watched_send(pipeline: Pipeline, query: bytes, parameters: Sequence[Any] = (), **options: Any) -> None:
            name = " ".join(query.decode().split()[:6])
            steps.pass_by(f"before {name}", pipeline._connection)
            send(pipeline, query, parameters, **options)
            pipeline._pgconn.send_flush_request()  # let the server have it, and do it
            pipeline._pgconn.flush()
            steps.pass_by(f"after {name}", pipeline._connection)

        def watched_execute(connection: Connection, query: Any, *arguments: Any, **options: Any) -> Any:
            name = " ".join(str(query).split()[:6])
            steps.pass_by(f"before {name}", connection)
            cursor = execute(connection, query, *arguments, **options)
            steps.pass_by(f"after {name}", connection)
            return cursor

        def watched_append(transaction: PostgresTransaction, *arguments: Any) -> None:
            append(transaction, *arguments)
            steps.pass_by("committed", transaction.connection)

        psycopg.Connection.execute = watched_execute  # type: ignore[method-assign, assignment]
        Pipeline.send = watched_send  # type: ignore[method-assign]
        PostgresTransaction.append = watched_append  # type: ignore[method-assign]
        self._undo = [
            lambda: setattr(psycopg.Connection, "execute", execute),
            lambda: setattr(Pipeline, "send", send),
            lambda: setattr(PostgresTransaction, "append", append),
        ]
        return Ledger(ledger.store, hint=lambda *_: steps.pass_by("hint", None))

    def disarm(self) -> None:
        """Leave everything as it was."""
        for undo in self._undo:
            undo()

    def pass_by(self, name: str, connection: Connection | None) -> None:
        """Pass one step; the fault strikes once."""
        self._connection = connection or self._connection
        self.names.append(name)
        if self.at == len(self.names) - 1 and self._connection is not None:
            self.fault(self._connection)


def suicide(_: Connection) -> None:
    """End this process as kill -9 does; the server has a moment to do what it was told."""
    time.sleep(0.005)
    os.kill(os.getpid(), signal.SIGKILL)


def cut(owner_url: str) -> Fault:
    """Ends the server's side of the connection once it has done what it was sent, and waits until it is gone."""

    def fault(connection: Connection) -> None:
        with psycopg.Connection.connect(owner_url, autocommit=True) as other, other.cursor() as cursor:
            pid, patience = connection.info.backend_pid, time.monotonic() + PATIENCE_SECONDS
            while cursor.execute(BUSY, (pid,)).fetchone() and time.monotonic() < patience:
                time.sleep(0.001)
            cursor.execute("SELECT pg_terminate_backend(%s)", (pid,))
            while cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone():
                time.sleep(0.002)

    return fault
