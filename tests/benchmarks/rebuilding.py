"""Rebuilding all read models, against the library's ProjectionRunner that writes one row per event with its tracking."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

import psutil
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL, Identifier

from infra.followers.rebuild import rebuild
from projections.registry import PROJECTIONS
from tests.benchmarks import stock
from tests.benchmarks.measure import Row, Side, largest
from tests.benchmarks.place import Place


class PartyRows(PostgresTrackingRecorder):
    """A read model of the library: a row per event."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sql_create_statements.append(
            SQL(
                "CREATE TABLE IF NOT EXISTS {}.party_rows (id uuid, version int, name text, phone text, PRIMARY KEY (id, version))"
            ).format(Identifier(self.datastore.schema))
        )

    def put(self, row: tuple[UUID, int, str, str], tracking: Tracking) -> None:
        """The row and the tracking in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute("INSERT INTO party_rows VALUES (%s, %s, %s, %s)", row)


class PartyProjection(Projection[PartyRows]):
    """Writes one row per event."""

    name = "parties"

    def process_event(self, domain_event, tracking: Tracking) -> None:
        """A new party is a row."""
        event = domain_event
        self.view.put((event.originator_id, event.originator_version, event.name, event.phone), tracking)


def stock_rate(environment: Mapping[str, str], events: int = 3_000) -> float:
    """Events per second of the library's runner over a log that is there already."""
    app = stock.application(environment, stock.Projected)
    for _ in range(events):
        stock.save_one(app)
    last = app.recorder.max_notification_id()
    app.close()
    began = time.perf_counter()
    with ProjectionRunner(
        application_class=stock.Projected, projection_class=PartyProjection, view_class=PartyRows, env=dict(environment)
    ) as runner:
        runner.wait(last, timeout=300)
        return events / (time.perf_counter() - began)


def _memory() -> int:
    """Resident bytes of the largest process that rebuilds."""
    family = psutil.Process().children(recursive=True)
    sizes = [0]
    for process in family:
        with suppress(psutil.Error):
            if "python" in process.name():
                sizes.append(process.memory_info().rss)
    return max(sizes)


def bench_rebuild(where: Place, company: UUID, facts: list[str], *, rounds: int = 3) -> Row:
    """Every read model of every company, from an empty schema aside to the swap."""
    reference = stock_rate(where.stock)
    rates: list[float] = []
    with largest(_memory, pause_seconds=0.25) as memory:  # looking for the processes costs as much as a tenth of a rebuild
        for _ in range(rounds):
            began = time.perf_counter()
            reports = rebuild(where.settings.database_url, list(PROJECTIONS))
            rates.append(max(report.events for report in reports) / (time.perf_counter() - began))
    head = where.store.head(company).seq
    facts.append(f"Memory of a process that rebuilds a log of {head:,} events: at most {memory[0] / 2**20:.0f} MB resident.")
    return Row(
        "rebuild of all read models",
        Side(statistics.median(rates)),
        Side(reference),
        "stock ProjectionRunner writing one row per event",
        30,
        "events/s",
    )
