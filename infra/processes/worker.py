"""What a worker process does, until it is told to stop: it follows the logs of all companies, relays them, and keeps schedules."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from uuid import UUID

import structlog

from infra.database import Database
from infra.followers.follower import Follower, ProjectionFollower
from infra.followers.hints import Hints, NatsHints
from infra.followers.runner import Runner
from infra.identity.forgetting import ForgettingScheduler
from infra.ledger import Ledger
from infra.processes.overdue import OverdueScheduler
from infra.relay import NAME
from infra.relay.follower import BATCH as RELAY_BATCH
from infra.relay.follower import Relay
from infra.relay.publisher import Publisher
from infra.relay.stream import Retention
from infra.relay.topics import BATCH as TOPICS_BATCH
from infra.relay.topics import FINTRACK, TopicRelay, load_topics
from infra.roles import WORKER_ROLE, api_url, role_url
from infra.settings import Settings
from infra.store.postgres import PostgresStore
from projections.registry import BUILT_IN, Registry, discover

CONNECTIONS = 8
"""Two for each runner (its work, its heartbeat) and one for each scheduler."""

log = structlog.get_logger("daftar.worker")


def projection_followers(registry: Registry = BUILT_IN) -> list[Follower]:
    """A follower for every projection that the write path does not keep."""
    return [ProjectionFollower(projection) for projection in registry.following]


def run_worker(settings: Settings, stop: threading.Event, followers: Sequence[Follower] | None = None) -> None:
    """Run until `stop` is set. Any number of workers share the work; one that is killed loses nothing.

    The relays and the schedulers have threads of their own: NATS being away, or a midnight, keeps no read model waiting. Should one
    of them end by an error, the worker ends with it.
    """
    database = Database(role_url(settings.database_url, settings.secret_key, WORKER_ROLE), size=CONNECTIONS, name="daftar-worker")
    writing = Database(api_url(settings), size=2, name="daftar-scheduler")
    registry = discover(settings.projections_dir)
    problems = [str(problem) for problem in registry.problems]
    for problem in problems:
        log.warning("an analyst's projection is left out", problem=problem)
    chosen = projection_followers(registry) if followers is None else followers
    runner = Runner(database, chosen, hints=Hints(), problems=problems)
    runners = [runner]
    with contextlib.ExitStack() as stack:
        for pool in (database, writing):
            stack.callback(pool.open().close)
        retention = Retention(settings.relay_max_age_days, settings.relay_max_bytes)
        if settings.relay and settings.nats_url:
            relay = Relay(stack.enter_context(Publisher(settings.nats_url, retention)))
            runners.append(Runner(database, [relay], hints=Hints(), batch=RELAY_BATCH, name=NAME))
        if settings.fintrack_events and settings.nats_url:
            topics = load_topics(FINTRACK)
            publisher = stack.enter_context(Publisher(settings.nats_url, retention, topics.stream))
            topic_relay = TopicRelay(publisher, topics)
            runners.append(Runner(database, [topic_relay], hints=Hints(), batch=TOPICS_BATCH, name=topics.name))
        hints = [one.hints for one in runners]

        def tell(company_id: UUID, seq: int) -> None:
            for one in hints:
                one.tell(company_id, seq)

        ledger = Ledger(PostgresStore(writing), hint=tell)
        overdue, forgetting = OverdueScheduler(database, ledger), ForgettingScheduler(database, writing, ledger)
        if settings.nats_url:
            stack.enter_context(NatsHints(settings.nats_url, *hints))
        threading.Thread(target=_wake, args=(stop, hints), name="stop", daemon=True).start()
        log.info("worker started", worker=runner.name, followers=[f.name for one in runners for f in one.followers])
        _run_together([*(one.run for one in runners), overdue.run, forgetting.run], stop)
        log.info("worker stopped", worker=runner.name)


def _run_together(parts: Sequence[Callable[[threading.Event], None]], stop: threading.Event) -> None:
    """Run the parts until `stop`, the first in this thread. An error in one stops all, and is raised."""
    errors: list[BaseException] = []

    def run(part: Callable[[threading.Event], None]) -> None:
        try:
            part(stop)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised when all have stopped
            errors.append(error)
            stop.set()

    threads = [threading.Thread(target=run, args=(part,), name=f"part-{n}") for n, part in enumerate(parts[1:], 1)]
    for thread in threads:
        thread.start()
    run(parts[0])
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def _wake(stop: threading.Event, hints: Sequence[Hints]) -> None:
    stop.wait()
    for one in hints:
        one.wake()
