"""What those who run Daftar ask of it: is it well, is it alive, what does it count."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import psycopg
from litestar.response.base import ASGIResponse

from api.answers import NO_STORE, answer
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.reading_requests import services_of
from domain.errors import LedgerError
from infra.composition import Services
from infra.observability.health import FollowerHealth, WorkerHealth, read_followers, read_problems, read_workers
from infra.observability.metrics import CONTENT_TYPE


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """`status` is `ok`, or `degraded` where writes and pulls work but something beside them does not, or `down`.

    `problems` are projections that cannot be followed: a file of an analyst's that is wrong, tables of another version.
    A worker whose heartbeat is old has stopped, even when nothing is written and so nothing lags; that is well as long as
    another is alive, which has taken over.
    """

    status: Literal["ok", "degraded", "down"]
    database: Literal["up", "down"]
    nats: Literal["up", "down", "not configured"]
    workers: list[WorkerHealth]
    followers: list[FollowerHealth]
    problems: list[str]


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["live"] = "live"


_LIVE = msgspec.json.encode({"status": "live"})


@endpoint(
    "GET",
    "/health",
    Operation(
        id="getHealth",
        summary="Whether database, messages, workers and read models are well",
        tag="Operations",
        answers={
            200: Answer("Well, or degraded.", Health),
            503: Answer("The database cannot be reached.", Health),
        },
        secured=False,
    ),
)
async def get_health(request: HttpRequest) -> ASGIResponse:
    """The state of everything this process needs."""
    services = services_of(request)
    health = await services.threads.run(look, services)
    return answer(health, 503 if health.status == "down" else 200, NO_STORE)


def look(services: Services) -> Health:
    """Look at everything."""
    nats: Literal["up", "down", "not configured"] = "not configured"
    if services.settings.nats_url:
        nats = "up" if services.hints.is_connected else "down"
    try:
        workers, followers = read_workers(services.database), read_followers(services.database)
        problems = read_problems(services.database)
    except (LedgerError, psycopg.Error):
        return Health(status="down", database="down", nats=nats, workers=[], followers=[], problems=[])
    well = nats != "down" and any(w.alive for w in workers) and not any(f.parked for f in followers) and not problems
    return Health(
        status="ok" if well else "degraded",
        database="up",
        nats=nats,
        workers=workers,
        followers=followers,
        problems=problems,
    )


@endpoint(
    "GET",
    "/health/live",
    Operation(
        id="getLive",
        summary="Whether this process answers",
        tag="Operations",
        answers={200: Answer("It does.", Live, {"status": "live"})},
        secured=False,
    ),
)
async def get_live(request: HttpRequest) -> ASGIResponse:  # noqa: ARG001 - every handler has this shape
    """A constant."""
    return ASGIResponse(body=_LIVE, status_code=200, media_type="application/json")


@endpoint(
    "GET",
    "/metrics",
    Operation(
        id="getMetrics",
        summary="Metrics for Prometheus",
        tag="Operations",
        answers={200: Answer("Prometheus' text format.", also=("text/plain",))},
        secured=False,
    ),
)
async def get_metrics(request: HttpRequest) -> ASGIResponse:
    """Counters, and what is looked up now."""
    services = services_of(request)

    def measure() -> dict[str, dict[str, float]]:
        pool = services.database.pool.get_stats()
        health = look(services)
        return {
            "pool": {name: float(value) for name, value in pool.items()},
            "waiters": {"streams and long polls": float(services.hints.waiting)},
            "up": {"database": float(health.database == "up"), "nats": float(health.nats == "up")},
            "projector_lag_events": {f.name: float(f.behind) for f in health.followers},
            "projector_parked_companies": {f.name: float(f.parked) for f in health.followers},
            "worker_heartbeat_age_seconds": {w.name: w.age_seconds for w in health.workers},
        }

    body: Any = await services.threads.run(services.metrics.render, measure)
    return ASGIResponse(body=body, status_code=200, media_type=CONTENT_TYPE, headers=NO_STORE)


HANDLERS = [get_health, get_live, get_metrics]
