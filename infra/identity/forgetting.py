"""Forgetting: whoever archived himself is erased for ever a month later, and until then may come back.

Erasing clears what is personal and destroys the keys that it was sealed with; the log stays valid. The record is then deleted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from uuid import UUID

import psycopg
import structlog

from domain.command import SYSTEM, Command
from domain.errors import PersonNotSealed, ServiceUnavailable, VersionStale
from infra.database import Database
from infra.ledger import Ledger

KEPT_FOR = timedelta(days=30)
"""How long somebody who archived himself may come back."""
LOOK_SECONDS = 600.0
MOST_AT_ONCE = 1_000

log = structlog.get_logger("daftar.forgetting")

_ARCHIVED = b"""
SELECT company_id, id, seq FROM records
WHERE kind = 'user' AND NOT deleted AND document::jsonb -> 'data' ->> 'archived_at' IS NOT NULL
AND document::jsonb -> 'data' ->> 'archived_at' <= %b ORDER BY document::jsonb -> 'data' ->> 'archived_at' LIMIT %b
"""
_DROP_CREDENTIAL = b"DELETE FROM credentials WHERE company_id = %b AND user_id = %b"
_DROP_CODES = b"DELETE FROM verification_codes WHERE company_id = %b AND user_id = %b"


def moment_text(moment: datetime) -> str:
    """A moment as `archived_at` has it: later ones are greater as text."""
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds")


def oldest_kept(now: float) -> str:
    """Whoever archived himself after this moment may come back."""
    return moment_text(datetime.fromtimestamp(now, timezone.utc) - KEPT_FOR)


def forget(database: Database, ledger: Ledger, company_id: UUID, user_id: UUID, seq: int) -> bool:
    """Erase and delete an archived user whose record is still at `seq`; False where he has come back meanwhile.

    `database` is the API's role. What was written before personal data were sealed cannot be erased: then he is only deleted.
    """
    erase = Command(kind="user", action="erase", id=user_id, base_seq=seq, on_conflict="refuse")
    delete = Command(kind="user", action="delete", id=user_id)
    try:
        try:
            ledger.execute(company_id, [erase, delete], SYSTEM)
        except PersonNotSealed:
            log.warning("an archived user was deleted, but cannot be erased", company_id=str(company_id), user_id=str(user_id))
            ledger.execute(
                company_id, [Command(kind="user", action="delete", id=user_id, base_seq=seq, on_conflict="refuse")], SYSTEM
            )
    except VersionStale:
        return False
    with database.company(company_id) as connection:
        connection.execute(_DROP_CREDENTIAL, (company_id, user_id), binary=True)
        connection.execute(_DROP_CODES, (company_id, user_id), binary=True)
    return True


class ForgettingScheduler:
    """Forgets archived users until it is told to stop. `database` is the worker role's, `writing` the API's."""

    def __init__(self, database: Database, writing: Database, ledger: Ledger, clock: Callable[[], float] = time.time) -> None:
        self.database = database
        self.writing = writing
        self.ledger = ledger
        self.clock = clock

    def run(self, stop: threading.Event) -> None:
        """Look every ten minutes until `stop`; a database that is away is waited for."""
        while not stop.is_set():
            try:
                self.look()
            except (ServiceUnavailable, psycopg.OperationalError, psycopg.InterfaceError) as error:
                log.info("the database cannot be reached", error=repr(error))
            stop.wait(LOOK_SECONDS)

    def look(self) -> int:
        """Forget whoever archived himself more than a month ago; returns how many were forgotten."""
        with self.database.connection() as connection:
            rows = connection.execute(_ARCHIVED, (oldest_kept(self.clock()), MOST_AT_ONCE), binary=True).fetchall()
        forgotten = 0
        for company_id, user_id, seq in rows:
            try:
                forgotten += forget(self.writing, self.ledger, company_id, user_id, seq)
            except (ServiceUnavailable, psycopg.OperationalError, psycopg.InterfaceError):
                raise
            except Exception:
                log.exception("could not be forgotten", company_id=str(company_id))  # its own trouble: the others go on
        if forgotten:
            log.info("archived users were forgotten", users=forgotten)
        return forgotten
