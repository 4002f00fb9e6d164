"""What writing costs: batches, single commands, many companies at once, and a log that has grown long."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.synchronize import Barrier
from uuid import UUID, uuid4

from domain.command import Command
from infra.database import Database
from infra.ledger import Ledger
from infra.store.library import CompanyRecorder
from infra.store.postgres import PostgresStore
from tests.benchmarks import stock, workloads
from tests.benchmarks.measure import Row, Side, latencies, quiet, timed
from tests.benchmarks.place import ACTOR, Place

WRITERS = 8


def _create() -> Command:
    return Command(kind="party", action="create", data=stock.FIELDS)


def batches(place: Place, rounds: int = 20) -> list[Row]:
    """Appending stored events in batches of 1,000 with every inline read model, against the stock recorder without any."""
    rows: list[Row] = []
    for name, make in (
        ("trading days: invoices, lines, payments", workloads.trading),
        ("changes to 100 records", workloads.changes),
        ("only new records", workloads.new_records),
    ):
        recorder = CompanyRecorder(place.store, place.company(f"batches-{uuid4().hex[:8]}"))
        app = stock.application(place.stock, stock.Appended)
        made = make(rounds + 4)
        for batch in made[:4]:
            recorder.insert_events(batch)
            app.recorder.insert_events(batch)
        with quiet():
            pairs = [
                (
                    timed(partial(recorder.insert_events, batch)) / len(batch),
                    timed(partial(app.recorder.insert_events, batch)) / len(batch),
                )
                for batch in made[4:]
            ]
        ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
        app.close()
        rows.append(
            Row(
                f"append, batches of 1,000, with inline projections ({name})",
                Side(1 / ours),
                Side(1 / theirs),
                "stock Postgres recorder, same events, no projections",
                2.5,
                "events/s",
            )
        )
    return rows


def single(place: Place, rounds: int = 1_500) -> Row:
    """One command after the other in one company."""
    company, app = place.company("single"), stock.application(place.stock)
    with quiet():
        ours, theirs = latencies(
            lambda: place.ledger.execute(company, [_create()], ACTOR), lambda: stock.save_one(app), rounds=rounds
        )
    app.close()
    return Row(
        "single command, one company, store level",
        Side(1 / ours.value, ours.latencies),
        Side(1 / theirs.value, theirs.latencies),
        "stock `Application.save` of one new aggregate",
        0.8,
        "commands/s",
    )


def parallel(place: Place, rounds: int = 5, per_writer: int = 150) -> Row:
    """Eight processes, each writing to a company of its own, against eight processes with the stock library."""
    companies = [place.company(f"parallel-{n}") for n in range(WRITERS)]
    stock.application(place.stock).close()  # makes the tables: eight processes at once would get in each other's way
    environment = {**place.stock, "CREATE_TABLE": "n"}
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(_together(_write_ours, [(place.api.url, company) for company in companies], per_writer))
        theirs.append(_together(_write_stock, [(environment,)] * WRITERS, per_writer))
    total = WRITERS * per_writer
    return Row(
        "single commands, 8 companies, 8 writers",
        Side(total / statistics.median(ours)),
        Side(total / statistics.median(theirs)),
        "stock library, 8 writers (its table lock)",
        2.0,
        "commands/s",
    )


def _together(work: Callable[..., None], arguments: list[tuple[object, ...]], count: int) -> float:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(arguments) + 1)
    processes = [context.Process(target=work, args=(barrier, count, *given)) for given in arguments]
    for process in processes:
        process.start()
    barrier.wait(60)
    start = time.perf_counter()
    barrier.wait(120)
    seconds = time.perf_counter() - start
    for process in processes:
        process.join(30)
    return seconds


def _write_ours(barrier: Barrier, count: int, url: str, company: UUID) -> None:
    database = Database(url, size=1).open()
    ledger = Ledger(PostgresStore(database))
    for _ in range(20):
        ledger.execute(company, [_create()], ACTOR)
    barrier.wait(60)
    for _ in range(count):
        ledger.execute(company, [_create()], ACTOR)
    barrier.wait(120)
    database.close()


def _write_stock(barrier: Barrier, count: int, environment: dict[str, str]) -> None:
    app = stock.application(environment)
    for _ in range(20):
        stock.save_one(app)
    barrier.wait(60)
    for _ in range(count):
        stock.save_one(app)
    barrier.wait(120)
    app.close()


def grown(place: Place, company: UUID, short: int = 10_000, long: int = 1_000_000, rounds: int = 600) -> Row:
    """A single command when the log holds 1,000,000 events, against one when it holds 10,000. Fills `company`."""
    small = place.company("short")
    for target, size in ((small, short), (company, long)):
        _fill(place, target, size)
    with quiet():
        ours, theirs = latencies(
            lambda: place.ledger.execute(company, [_create()], ACTOR),
            lambda: place.ledger.execute(small, [_create()], ACTOR),
            rounds=rounds,
        )
    return Row(
        "append latency at 1,000,000 events",
        ours,
        theirs,
        "the same at 10,000 events",
        1.3,
        "s",
        more_is_better=False,
    )


def _fill(place: Place, company: UUID, events: int) -> None:
    """New records and changes until the log holds `events`."""
    while place.store.head(company).seq < events:
        commands = [_create() for _ in range(2_500)]
        results = place.ledger.execute(company, commands, ACTOR).results
        change = {"phone": "+98 21 9999"}
        again = [Command(kind="party", action="update", id=result.id, data=change) for result in results]
        place.ledger.execute(company, again, ACTOR)
