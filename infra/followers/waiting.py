"""Reading one's own writes: waiting until a projection has reached a seq."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import UUID

from domain.errors import ProjectionBehind
from infra.database import Database

FIRST_PAUSE_SECONDS = 0.002
LONGEST_PAUSE_SECONDS = 0.05


class Standing(NamedTuple):
    """The last event that a projection has folded, and the one that it is parked before, if it is."""

    seq: int
    parked_seq: int | None


def wait_for(database: Database, projection: str, company_id: UUID, seq: int, *, timeout_seconds: float = 5.0) -> int:
    """Wait until the projection has folded the company's event `seq`; returns where it stands.

    Raises ProjectionBehind (with the projection, its seq and where it is parked) when that takes longer than the timeout, and
    at once where the projection is parked at or before `seq`.
    """
    deadline = time.monotonic() + timeout_seconds
    pause = FIRST_PAUSE_SECONDS
    while (standing := standing_of(database, projection, company_id)).seq < seq:
        if standing.parked_seq is not None or time.monotonic() + pause > deadline:
            raise _behind(projection, standing, seq)
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
    return standing.seq


async def until_reached(
    look: Callable[[], Awaitable[Standing]], projection: str, seq: int, *, timeout_seconds: float = 5.0
) -> None:
    """As `wait_for`, without keeping a thread: `look` tells where the projection stands. Raises ProjectionBehind."""
    deadline = time.monotonic() + timeout_seconds
    pause = FIRST_PAUSE_SECONDS
    while (standing := await look()).seq < seq:
        if standing.parked_seq is not None or time.monotonic() + pause > deadline:
            raise _behind(projection, standing, seq)
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)


def standing_of(database: Database, projection: str, company_id: UUID) -> Standing:
    """Where the projection stands in the company's log."""
    with database.company(company_id) as connection:
        row = connection.execute(
            b"SELECT seq, parked_seq FROM positions WHERE follower = %b AND company_id = %b", (projection, company_id)
        ).fetchone()
    return Standing(*row) if row else Standing(0, None)


def _behind(projection: str, standing: Standing, seq: int) -> ProjectionBehind:
    message = "The read model has not caught up with the log in time; try again in a moment."
    if standing.parked_seq is not None:
        message = (
            f"The read model stopped before event {standing.parked_seq}, which it cannot handle; its operator has to look at it."
        )
    return ProjectionBehind(
        message, projection=projection, reached_seq=standing.seq, wanted_seq=seq, parked_seq=standing.parked_seq
    )
