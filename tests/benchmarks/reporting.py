"""What reports cost over HTTP: a trial balance of a long journal, against looking up a single record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import date, timedelta
from uuid import UUID

import psycopg

from domain.command import Command
from infra.followers.follower import ProjectionFollower, add_positions, advance
from projections.registry import PROJECTIONS
from tests.benchmarks.measure import Row, latencies, quiet
from tests.benchmarks.place import ACTOR, Place
from tests.benchmarks.serving import Served, receive, served

POSTINGS = 1_000_000
FIRST_DAY, DAYS = date(2021, 1, 1), 5 * 365
CATEGORIES = ("rent", "wages", "power", "water", "tax", "travel", "repairs", "adverts", "phone", "post", "bank", "other")
TARGET = 5.0


def over_http(place: Place, facts: list[str], postings: int = POSTINGS) -> Sequence[Row]:
    """Trial balances: the latest, between days, and of days as of a seq a little behind the head."""
    with served(place, "reported") as at, quiet():
        _fill(place, at.company, postings)
        head = place.store.head(at.company).seq
        record = _ask(at, "/ledger/v1/records/payment/1")["id"]
        days = f"from={FIRST_DAY + timedelta(days=400)}&to={FIRST_DAY + timedelta(days=1_300)}"
        asked = {
            f"trial balance of {postings:,} postings over HTTP": "",
            "the same between days": f"?{days}",
            "the same as of a seq": f"?at_seq={head - 500}",
            "the same between days, as of a seq 500 events back": f"?{days}&at_seq={head - 500}",
        }
        return [_row(at, name, f"/ledger/v1/reports/trial-balance{query}", record) for name, query in asked.items()]


def _fill(place: Place, company: UUID, postings: int) -> None:
    """Two lines a payment, spread over accounts and days; folded as a worker would."""
    count = 0
    while count < postings // 2:
        size = min(5_000, postings // 2 - count)
        place.ledger.execute(company, [_payment(count + n) for n in range(size)], ACTOR)
        count += size
    follower = ProjectionFollower(PROJECTIONS["balances"])
    with place.worker.connection() as connection:
        add_positions(connection, follower.name)
        while (advanced := advance(connection, follower, company)) is not None and advanced.behind:
            pass
    with psycopg.connect(place.settings.database_url, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")  # what autovacuum does in its time: both sides are planned with today's statistics


def _payment(n: int) -> Command:
    day = FIRST_DAY + timedelta(days=n * 7919 % DAYS)
    data = {"amount": "5.05", "date": day.isoformat(), "category": CATEGORIES[n % 12], "method": ("cash", "bank")[n % 2]}
    return Command(kind="payment", action="create", data={**data, "direction": "out" if n % 3 else "in"})


def _ask(at: Served, path: str) -> dict[str, str]:
    with closing(at.connect()) as connection:
        connection.sendall(at.request(path))
        status, body, _ = receive(connection)
    if status != 200:
        raise RuntimeError(f"{path}: {status} {body[:500]!r}")
    found: dict[str, str] = json.loads(body)
    return found


def _row(at: Served, name: str, path: str, record: str) -> Row:
    with closing(at.connect()) as connection:

        def get(wanted: str) -> None:
            connection.sendall(at.request(wanted))
            status, body, _ = receive(connection)
            if status != 200:
                raise RuntimeError(f"{wanted}: {status} {body[:500]!r}")

        ours, theirs = latencies(lambda: get(path), lambda: get(f"/ledger/v1/records/payment/{record}"), rounds=300)
    return Row(name, ours, theirs, "a single record over HTTP", TARGET, "s", more_is_better=False)
