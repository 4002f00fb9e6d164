"""Reading one's own writes: waiting until a projection has reached a seq."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import UUID

from domain.errors import ProjectionBehind
from infra.database import Database
from projections.registry import BUILT_IN, Registry

FIRST_PAUSE_SECONDS = 0.002
LONGEST_PAUSE_SECONDS = 0.05


_STANDS = b"""
SELECT coalesce(p.seq, 0), p.parked_seq, b.version FROM (SELECT) AS one
LEFT JOIN positions p ON p.follower = %b AND p.company_id = %b LEFT JOIN projections b ON b.name = %b
"""


class Standing(NamedTuple):
    """The last event that a projection has folded, the one that it is parked before, if it is, and who built its tables."""

    seq: int
    parked_seq: int | None
    built_version: int | None


def wait_for(
    database: Database,
    projection: str,
    company_id: UUID,
    seq: int,
    *,
    timeout_seconds: float = 5.0,
    registry: Registry = BUILT_IN,
) -> int:
    """Wait until the projection has folded the company's event `seq`; returns where it stands.

    Raises ProjectionBehind (with the projection, its seq and where it is parked) when that takes longer than the timeout, and
    at once where the projection is parked at or before `seq`, or where another version built its tables.
    """
    version = registry.projections[projection].version
    deadline = time.monotonic() + timeout_seconds
    pause = FIRST_PAUSE_SECONDS
    while not _is_there(standing := standing_of(database, projection, company_id), projection, version, seq):
        if time.monotonic() + pause > deadline:
            raise _behind(projection, standing, seq)
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
    return standing.seq


async def until_reached(
    look: Callable[[], Awaitable[Standing]],
    projection: str,
    seq: int,
    *,
    timeout_seconds: float = 5.0,
    registry: Registry = BUILT_IN,
) -> None:
    """As `wait_for`, without keeping a thread: `look` tells where the projection stands. Raises ProjectionBehind."""
    version = registry.projections[projection].version
    deadline = time.monotonic() + timeout_seconds
    pause = FIRST_PAUSE_SECONDS
    while not _is_there(standing := await look(), projection, version, seq):
        if time.monotonic() + pause > deadline:
            raise _behind(projection, standing, seq)
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)


def standing_of(database: Database, projection: str, company_id: UUID) -> Standing:
    """Where the projection stands in the company's log."""
    with database.company(company_id) as connection:
        row = connection.execute(_STANDS, (projection, company_id, projection)).fetchone()
    assert row is not None, "it is joined to a row that is always there"
    return Standing(*row)


def outdated(projection: str, built_version: int | None, version: int) -> ProjectionBehind:
    """The refusal of a reader whose version of the software did not build the tables."""
    return ProjectionBehind(
        f"The read model {projection!r} is being brought to this version of the software; try again later.",
        projection=projection,
        built_version=built_version,
        version=version,
    )


def _is_there(standing: Standing, projection: str, version: int, seq: int) -> bool:
    if standing.built_version != version:
        raise outdated(projection, standing.built_version, version)
    if standing.seq >= seq:
        return True
    if standing.parked_seq is not None:
        raise _behind(projection, standing, seq)
    return False


def _behind(projection: str, standing: Standing, seq: int) -> ProjectionBehind:
    message = "The read model has not caught up with the log in time; try again in a moment."
    if standing.parked_seq is not None:
        message = (
            f"The read model stopped before event {standing.parked_seq}, which it cannot handle; its operator has to look at it."
        )
    return ProjectionBehind(
        message, projection=projection, reached_seq=standing.seq, wanted_seq=seq, parked_seq=standing.parked_seq
    )
