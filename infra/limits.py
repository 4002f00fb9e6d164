"""Rate limits, shared by all processes, in fixed windows of a minute.

Ordinary requests are counted in memory and exchanged with the other processes through one small table every two seconds: no
request pays a round trip for being counted, and a limit may be overshot by what arrives within those two seconds. Attempts to log
in are counted in the table at once, because they are what has to be limited exactly, and cost a password hash anyway.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone

from domain.errors import TooManyRequests
from infra.database import Database

WINDOW_SECONDS = 60
EXCHANGE_SECONDS = 2.0

_COUNT = b"""
INSERT INTO rate_limits (bucket, window_at, hits)
SELECT bucket, %b, hits FROM unnest(%b::text[], %b::int[]) AS counted (bucket, hits)
ON CONFLICT (bucket, window_at) DO UPDATE SET hits = rate_limits.hits + excluded.hits
RETURNING bucket, hits
"""
_FORGET = b"DELETE FROM rate_limits WHERE window_at < %b"


class Limits:
    """Counts requests. Safe for any number of threads."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._window = 0
        self._fresh: dict[str, int] = {}
        self._shared: dict[str, int] = {}

    def count(self, bucket: str, limit: int) -> None:
        """Count a request in memory. Raises TooManyRequests; a limit of 0 is none."""
        if not limit:
            return
        with self._lock:
            window = self._turn()
            hits = self._fresh[bucket] = self._fresh.get(bucket, 0) + 1
            hits += self._shared.get(bucket, 0)
        if hits > limit:
            raise _too_many(limit, window, self._clock())

    def count_exactly(self, bucket: str, limit: int) -> None:
        """Count a request in the shared table. Raises TooManyRequests; a limit of 0 is none."""
        if not limit:
            return
        window = int(self._clock()) // WINDOW_SECONDS
        if self._store(window, {bucket: 1})[bucket] > limit:
            raise _too_many(limit, window, self._clock())

    def exchange(self) -> None:
        """Tell the other processes what was counted here, and learn what was counted there."""
        with self._lock:
            window = self._turn()
            fresh, self._fresh = self._fresh, {}
            for bucket, hits in fresh.items():
                self._shared[bucket] = self._shared.get(bucket, 0) + hits
        if not fresh:
            return
        totals = self._store(window, fresh)
        with self._lock:
            if self._window == window:
                self._shared.update(totals)

    def forget(self) -> None:
        """Remove the counts of past windows."""
        with self._database.connection() as connection:
            connection.execute(_FORGET, (_begin(int(self._clock()) // WINDOW_SECONDS - 1),), binary=True)

    def _turn(self) -> int:
        window = int(self._clock()) // WINDOW_SECONDS
        if window != self._window:
            self._window = window
            self._fresh = {}
            self._shared = {}
        return window

    def _store(self, window: int, hits: Mapping[str, int]) -> dict[str, int]:
        ordered = sorted(hits)  # one order for every process: upserts of the same rows cannot deadlock
        with self._database.connection() as connection:
            rows = connection.execute(_COUNT, (_begin(window), ordered, [hits[b] for b in ordered]), binary=True).fetchall()
        return dict(rows)


def _begin(window: int) -> datetime:
    return datetime.fromtimestamp(window * WINDOW_SECONDS, timezone.utc)


def _too_many(limit: int, window: int, now: float) -> TooManyRequests:
    wait = max(1, round((window + 1) * WINDOW_SECONDS - now))
    return TooManyRequests(f"At most {limit} such requests a minute; try again in {wait} s.", retry_after=wait)
