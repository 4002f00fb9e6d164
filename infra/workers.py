"""What a worker process does: it follows the logs of all companies until it is told to stop."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence

import structlog

from infra.database import Database
from infra.followers.follower import Follower, ProjectionFollower
from infra.followers.hints import Hints, NatsHints
from infra.followers.runner import Runner
from infra.roles import WORKER_ROLE, role_url
from infra.settings import Settings
from projections.registry import BUILT_IN, Registry, discover

log = structlog.get_logger("daftar.worker")


def projection_followers(registry: Registry = BUILT_IN) -> list[Follower]:
    """A follower for every projection that the write path does not keep."""
    return [ProjectionFollower(projection) for projection in registry.following]


def run_worker(settings: Settings, stop: threading.Event, followers: Sequence[Follower] | None = None) -> None:
    """Run until `stop` is set. Any number of workers share the work; one that is killed loses nothing."""
    url = role_url(settings.database_url, settings.secret_key, WORKER_ROLE)
    database = Database(url, size=2, name="daftar-worker").open()
    hints = Hints()
    registry = discover(settings.projections_dir)
    for problem in registry.problems:
        log.warning("an analyst's projection is left out", problem=str(problem))
    runner = Runner(
        database,
        projection_followers(registry) if followers is None else followers,
        hints=hints,
        problems=[str(problem) for problem in registry.problems],
    )
    with contextlib.ExitStack() as stack:
        stack.callback(database.close)
        if settings.nats_url:
            stack.enter_context(NatsHints(settings.nats_url, hints))
        threading.Thread(target=_wake, args=(stop, hints), name="stop", daemon=True).start()
        log.info("worker started", worker=runner.name, followers=[follower.name for follower in runner.followers])
        runner.run(stop)
        log.info("worker stopped", worker=runner.name)


def _wake(stop: threading.Event, hints: Hints) -> None:
    stop.wait()
    hints.wake()
