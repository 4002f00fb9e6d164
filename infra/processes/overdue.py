"""The overdue scheduler: at a company's midnight, its open invoices whose due day has passed become overdue.

It asks the read model `due` which companies have such invoices, and tells the ledger to mark them. The ledger decides with the
head in its hand, so however many schedulers there are and however stale the read model is, an invoice becomes overdue once.
What fell due while nobody ran is found by the first look.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import structlog

from domain.command import SYSTEM, Command
from domain.decide import Result
from domain.errors import ServiceUnavailable
from infra.database import Database
from infra.ledger import Ledger

TICK_SECONDS = 1.0
"""How often the clocks of all zones are looked at: a midnight is noticed so soon."""
LOOK_SECONDS = 10.0
"""How often companies are looked at whatever the clocks say: time zones change, and the read model follows the log."""
BATCH = 1_000
"""Invoices per transaction."""
LEASE = 0x0DAF7A4
"""Advisory lock of a company's batch: what one scheduler is marking, the others leave alone."""
LEASE_TIMEOUT = "90s"

Connection = psycopg.Connection[Any]
Clock = Callable[[Connection], datetime]

log = structlog.get_logger("daftar.overdue")

_ZONES = b"SELECT DISTINCT time_zone FROM company_zones"
_COMPANIES = b"""
SELECT z.company_id, z.time_zone, d.today FROM unnest(%b::text[], %b::date[]) AS d (time_zone, today)
JOIN company_zones z USING (time_zone) CROSS JOIN LATERAL (
    SELECT 1 FROM due_invoices i WHERE i.company_id = z.company_id AND i.is_open AND i.due_date < d.today LIMIT 1
) AS one
"""
"""One look into an index per company, whatever it holds."""
_PAGE = b"""
SELECT invoice_id, due_date FROM due_invoices
WHERE company_id = %b AND is_open AND due_date < %b AND (due_date, invoice_id) > (%b, %b)
ORDER BY due_date, invoice_id LIMIT %b
"""
_TAKE = b"""
SELECT pg_try_advisory_xact_lock(%b, hashtext(%b::uuid::text)),
       set_config('idle_in_transaction_session_timeout', %b, true)
"""


def clock_of_the_database(connection: Connection) -> datetime:
    """The clock by which the ledger decides."""
    row = connection.execute(b"SELECT clock_timestamp()").fetchone()
    assert row is not None
    now: datetime = row[0]
    return now


def midnight_after(day: date, zone: ZoneInfo) -> datetime:
    """When the day ends there. Where the clocks skip midnight, the moment in which they do."""
    return datetime.combine(day + timedelta(days=1), time_of_day(), zone)


class OverdueScheduler:
    """Marks what falls due until it is told to stop. `database` is the worker role's."""

    def __init__(self, database: Database, ledger: Ledger, *, clock: Clock = clock_of_the_database, batch: int = BATCH) -> None:
        self.database = database
        self.ledger = ledger
        self.clock = clock
        self.batch = batch
        self._days: dict[str, date] = {}

    def run(self, stop: threading.Event) -> None:
        """Look until `stop`; a database that is away is waited for."""
        look_at = 0.0
        while not stop.is_set():
            try:
                everywhere = time.monotonic() >= look_at
                if everywhere:
                    look_at = time.monotonic() + LOOK_SECONDS
                self.look(everywhere=everywhere, stop=stop)
            except (ServiceUnavailable, psycopg.OperationalError, psycopg.InterfaceError) as error:
                look_at = 0.0
                log.info("the database cannot be reached", error=repr(error))
            stop.wait(TICK_SECONDS)

    def look(self, *, everywhere: bool = True, stop: threading.Event | None = None) -> int:
        """Mark what has fallen due where a day has begun since the last look, or `everywhere`; returns how many invoices."""
        with self.database.connection() as connection:
            now = self.clock(connection)
            if everywhere:
                self._days = dict.fromkeys((zone for (zone,) in connection.execute(_ZONES)), date.min)
            days = {zone: now.astimezone(ZoneInfo(zone)).date() for zone in self._days}
            begun = {zone: day for zone, day in days.items() if self._days[zone] != day}
            companies = self._companies(connection, begun)
        marked = 0
        for company_id, zone, today in companies:
            if stop is not None and stop.is_set():
                return marked
            try:
                marked += self.mark(company_id, ZoneInfo(zone), today)
            except (ServiceUnavailable, psycopg.OperationalError, psycopg.InterfaceError):
                raise
            except Exception:
                log.exception("could not be marked", company_id=str(company_id))  # its own trouble: the others go on
        self._days.update(begun)
        return marked

    def _companies(self, connection: Connection, days: Mapping[str, date]) -> list[tuple[UUID, str, date]]:
        """(company, time zone, today there) of those that have something to mark, in an order of this scheduler's own."""
        if not days:
            return []
        rows = connection.execute(_COMPANIES, (list(days), list(days.values()))).fetchall()
        random.shuffle(rows)
        return [(company_id, zone, today) for company_id, zone, today in rows]

    def mark(self, company_id: UUID, zone: ZoneInfo, today: date) -> int:
        """Mark the company's open invoices whose due day is before `today`, a batch per transaction; returns how many."""
        marked, after = 0, (date.min, UUID(int=0))
        while True:
            with self.database.connection() as connection, connection.transaction():
                taken = connection.execute(_TAKE, (LEASE, company_id, LEASE_TIMEOUT)).fetchone()
                if not (taken and taken[0]):
                    return marked
                page = connection.execute(_PAGE, (company_id, today, *after, self.batch)).fetchall()
                if page:
                    marked += self._execute(company_id, zone, page)
            if len(page) < self.batch:
                break
            after = (page[-1][1], page[-1][0])
        if marked:
            log.info("became overdue", company_id=str(company_id), invoices=marked)
        return marked

    def _execute(self, company_id: UUID, zone: ZoneInfo, page: list[tuple[UUID, date]]) -> int:
        """Let the ledger decide about each; those that were paid, moved or deleted meanwhile are left as they are."""
        commands = [
            Command(kind="invoice", action="mark_overdue", id=invoice_id, occurred_at=midnight_after(due_date, zone))
            for invoice_id, due_date in page
        ]
        outcome = self.ledger.execute(company_id, commands, SYSTEM, atomic=False)
        return sum(isinstance(result, Result) and result.changed for result in outcome.results)
