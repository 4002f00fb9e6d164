"""The runner: one loop that keeps every follower at the head of every company's log.

Any number of runners, in any number of processes, share the companies through the position rows. Hints say where there is work
right now; a slow sweep (head.seq > position.seq) finds what hints missed, and companies that are new.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Sequence
from uuid import UUID, uuid4

import psycopg
import structlog

from domain.errors import ServiceUnavailable
from domain.event import JSON
from infra.database import Connection, Database
from infra.followers.follower import BATCH, Away, Follower, Outdated, add_positions, advance_or_park
from infra.followers.hints import Hints

SWEEP_SECONDS = 1.0
BEAT_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 5.0
"""Between two tries of a follower that cannot reach what it writes to."""
FORGET_AFTER = "1 day"
"""Heartbeats of workers that ended without a word are kept this long, so that health can tell of them."""

log = structlog.get_logger("daftar.followers")

_WORK = b"""
SELECT p.company_id FROM positions p JOIN heads h USING (company_id)
WHERE p.follower = %b AND p.parked_seq IS NULL AND h.seq > p.seq ORDER BY p.updated_at
"""


class Runner:
    """Runs followers until it is told to stop. `database` is the worker role's."""

    def __init__(
        self,
        database: Database,
        followers: Sequence[Follower],
        *,
        hints: Hints | None = None,
        sweep_seconds: float = SWEEP_SECONDS,
        batch: int = BATCH,
        problems: Sequence[str] = (),
        name: str = "",
    ) -> None:
        """`name` tells the runners of one process apart; `problems` are said with every sign of life."""
        self.database = database
        self.followers = followers
        self.hints = hints or Hints()
        self.sweep_seconds = sweep_seconds
        self.batch = batch
        self.problems = list(problems)
        self.name = ":".join(filter(None, (socket.gethostname(), str(os.getpid()), name, uuid4().hex[:8])))
        self.handled = 0
        self._last_beat = 0.0
        self._failures = 0
        self._outdated: dict[str, str] = {}

    def run(self, stop: threading.Event) -> None:
        """Follow until `stop`; a database that is away is waited for."""
        sweep_at = 0.0
        while not stop.is_set():
            try:
                self.beat()
                hinted = self.hints.take(min(max(0.0, sweep_at - time.monotonic()), self.sweep_seconds))
                if time.monotonic() >= sweep_at:
                    sweep_at = time.monotonic() + self.sweep_seconds
                    self.sweep(stop)
                else:
                    self.follow(hinted, stop)
                self._found_again()
            except Away as away:
                sweep_at = 0.0
                stop.wait(self._pause_after(away))
            except (ServiceUnavailable, psycopg.OperationalError, psycopg.InterfaceError) as error:
                log.warning("the database cannot be reached", error=repr(error))
                stop.wait(self.sweep_seconds)
        self._leave()

    def sweep(self, stop: threading.Event) -> None:
        """Find and do whatever work there is, until there is none that is not another worker's."""
        for follower in self.followers:
            with self.database.connection() as connection:
                follower.prepare(connection)
                add_positions(connection, follower.name)
                waiting = [company_id for (company_id,) in connection.execute(_WORK, (follower.name,))]
                self._drain(connection, follower, waiting, stop)

    def follow(self, companies: set[UUID], stop: threading.Event) -> None:
        """Take these companies to their heads."""
        if not companies:
            return
        for follower in self.followers:
            with self.database.connection() as connection:
                follower.prepare(connection)
                self._drain(connection, follower, list(companies), stop)

    def _drain(self, connection: Connection, follower: Follower, waiting: list[UUID], stop: threading.Event) -> None:
        """Advance the companies by turns, a batch each, so that a long log does not keep the others waiting."""
        while waiting and not stop.is_set():
            still: list[UUID] = []
            for company_id in waiting:
                if stop.is_set():
                    return
                self.beat()
                try:
                    advanced = advance_or_park(connection, follower, company_id, limit=self.batch)
                except Outdated as outdated:
                    self._leave_alone(follower, outdated)
                    return
                self._outdated.pop(follower.name, None)
                if advanced is not None:
                    self.handled += 1
                    if advanced.behind:
                        still.append(company_id)
            waiting = still

    def _leave_alone(self, follower: Follower, outdated: Outdated) -> None:
        """Say once that the live tables are another version's; they are looked at again with every sweep."""
        if self._outdated.get(follower.name) != str(outdated):
            self._outdated[follower.name] = str(outdated)
            log.warning("the live tables are left alone", reason=str(outdated))

    def _pause_after(self, away: Away) -> float:
        """How long to wait before the next try, in seconds; an outage is told of once, however long it is."""
        tell = log.debug if self._failures else log.warning
        tell("waiting", followers=[f.name for f in self.followers], reason=str(away), failures=self._failures + 1)
        self._failures += 1
        return min(LONGEST_PAUSE_SECONDS, 0.25 * 2.0 ** min(self._failures, 10))

    def _found_again(self) -> None:
        if self._failures:
            log.warning("going on", followers=[f.name for f in self.followers], failures=self._failures)
            self._failures = 0

    def beat(self) -> None:
        """Give a sign of life, at most every BEAT_SECONDS. It comes from the loop itself: a loop that hangs is seen."""
        if time.monotonic() - self._last_beat < BEAT_SECONDS:
            return
        problems = [*self.problems, *self._outdated.values()]
        followers = [follower.name for follower in self.followers]
        details = JSON.encode({"followers": followers, "batches": self.handled, "problems": problems}).decode()
        with self.database.connection() as connection:
            connection.execute(
                b"""INSERT INTO heartbeats (worker, beat_at, details) VALUES (%b, clock_timestamp(), %b::jsonb)
                    ON CONFLICT (worker) DO UPDATE SET beat_at = excluded.beat_at, details = excluded.details""",
                (self.name, details),
            )
            connection.execute(b"DELETE FROM heartbeats WHERE beat_at < clock_timestamp() - %b::text::interval", (FORGET_AFTER,))
        self._last_beat = time.monotonic()

    def _leave(self) -> None:
        """A worker that was asked to stop is not missed."""
        try:
            with self.database.connection() as connection:
                connection.execute(b"DELETE FROM heartbeats WHERE worker = %b", (self.name,))
        except (ServiceUnavailable, psycopg.Error) as error:
            log.info("the heartbeat stays", error=repr(error))
