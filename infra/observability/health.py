"""How workers and followers are: a worker's heartbeat apart from its lag, so that a stopped one is seen when nothing is written."""

from __future__ import annotations

import msgspec

from infra.database import Database
from projections.registry import BUILT_IN, Registry

STALE_SECONDS = 30.0
"""A worker that has given no sign of life for so long has stopped."""
FORGOTTEN_SECONDS = 3600.0
"""A worker that stopped so long ago is history: others have taken over."""

_WORKERS = b"""
SELECT worker, extract(epoch FROM clock_timestamp() - beat_at)::float8 FROM heartbeats
WHERE beat_at > clock_timestamp() - make_interval(secs => %b) ORDER BY worker
"""
_PROBLEMS = b"""
SELECT DISTINCT problem FROM heartbeats, jsonb_array_elements_text(coalesce(details -> 'problems', '[]')) AS problem
WHERE beat_at > clock_timestamp() - make_interval(secs => %b) ORDER BY problem
"""
_BUILT = b"SELECT name, version FROM projections"
_FOLLOWERS = b"SELECT follower, behind, companies_behind, parked FROM follower_lags() ORDER BY follower"


class WorkerHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A worker process and the age of its last sign of life."""

    name: str
    alive: bool
    age_seconds: float


class FollowerHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A follower: how many events it is behind where it is furthest behind, in how many companies; how many it has parked."""

    name: str
    behind: int
    companies_behind: int
    parked: int


def read_workers(database: Database) -> list[WorkerHealth]:
    """Every worker heard of lately."""
    with database.connection() as connection:
        rows = connection.execute(_WORKERS, (FORGOTTEN_SECONDS,), binary=True).fetchall()
    return [WorkerHealth(name=name, alive=age < STALE_SECONDS, age_seconds=round(age, 1)) for name, age in rows]


def read_problems(database: Database, registry: Registry = BUILT_IN) -> list[str]:
    """What keeps projections from being followed: files that workers could not use, tables that another version built."""
    with database.connection() as connection:
        problems = [problem for (problem,) in connection.execute(_PROBLEMS, (STALE_SECONDS,))]
        built = dict(connection.execute(_BUILT).fetchall())
    stale = [one.name for one in registry.projections.values() if built.get(one.name) != one.version]
    return [*problems, *(f"{name}: another version built its tables; daftar projections rebuild {name}" for name in stale)]


def read_followers(database: Database) -> list[FollowerHealth]:
    """Every follower."""
    with database.connection() as connection:
        rows = connection.execute(_FOLLOWERS, binary=True).fetchall()
    return [
        FollowerHealth(name=name, behind=behind, companies_behind=companies, parked=parked)
        for name, behind, companies, parked in rows
    ]
