"""Reading one's own writes: waiting until a projection has reached a seq."""

from __future__ import annotations

import time
from uuid import UUID

from domain.errors import ProjectionBehind
from infra.database import Database
from projections.registry import BUILT_IN, Registry

FIRST_PAUSE_SECONDS = 0.002
LONGEST_PAUSE_SECONDS = 0.05


_STANDS = b"""
SELECT p.seq, p.parked_seq, b.version FROM (SELECT) AS one
LEFT JOIN positions p ON p.follower = %b AND p.company_id = %b LEFT JOIN projections b ON b.name = %b
"""


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
    while True:
        with database.company(company_id) as connection:
            row = connection.execute(_STANDS, (projection, company_id, projection)).fetchone()
        reached, parked, built = row or (0, None, None)
        reached = reached or 0
        if built != version:
            raise ProjectionBehind(
                f"The read model {projection!r} is being brought to this version of the software; try again later.",
                projection=projection,
                reached_seq=reached,
                wanted_seq=seq,
                built_version=built,
                version=version,
            )
        if reached >= seq:
            return int(reached)
        if parked is not None or time.monotonic() + pause > deadline:
            raise ProjectionBehind(projection=projection, reached_seq=reached, wanted_seq=seq, parked_seq=parked)
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
