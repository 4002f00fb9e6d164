"""Reading one's own writes: waiting until a projection has reached a seq."""

from __future__ import annotations

import time
from uuid import UUID

from domain.errors import ProjectionBehind
from infra.database import Database

FIRST_PAUSE_SECONDS = 0.002
LONGEST_PAUSE_SECONDS = 0.05


def wait_for(database: Database, projection: str, company_id: UUID, seq: int, *, timeout_seconds: float = 5.0) -> int:
    """Wait until the projection has folded the company's event `seq`; returns where it stands.

    Raises ProjectionBehind (with the projection, its seq and where it is parked) when that takes longer than the timeout, and
    at once where the projection is parked at or before `seq`.
    """
    deadline = time.monotonic() + timeout_seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        with database.company(company_id) as connection:
            row = connection.execute(
                b"SELECT seq, parked_seq FROM positions WHERE follower = %b AND company_id = %b", (projection, company_id)
            ).fetchone()
        reached, parked = row or (0, None)
        if reached >= seq:
            return int(reached)
        if parked is not None or time.monotonic() + pause > deadline:
            raise ProjectionBehind(projection=projection, reached_seq=reached, wanted_seq=seq, parked_seq=parked)
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
