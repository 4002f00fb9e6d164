"""How far the followers are, for health, metrics and the command line. Read with the owner's or the worker's role."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from infra.followers.tables import ANALYSIS, Connection
from projections.registry import BUILT_IN, Registry


@dataclass(frozen=True, slots=True)
class Parked:
    """A company whose follower stopped before an event that it cannot handle."""

    company_id: UUID
    codename: str
    seq: int
    error: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A projection over all companies. `behind` counts events not folded yet, `companies_behind` where they are.

    `needs_rebuild`: the software's version of it is not the one that its tables were built by.
    """

    name: str
    inline: bool
    version: int
    built_version: int | None
    companies: int
    behind: int
    companies_behind: int
    rebuilding: bool
    parked: list[Parked] = field(default_factory=list)

    @property
    def needs_rebuild(self) -> bool:
        """Whether the tables were built by another version."""
        return self.built_version != self.version


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A worker's last sign of life, and how long ago it was on the database's clock."""

    worker: str
    beat_at: datetime
    age_seconds: float


_STANDING = b"""
SELECT count(*), coalesce(sum(h.seq - coalesce(p.seq, 0)), 0)::bigint, count(*) FILTER (WHERE h.seq > coalesce(p.seq, 0))
FROM heads h LEFT JOIN positions p ON p.company_id = h.company_id AND p.follower = %b
"""
_PARKED = b"""
SELECT p.company_id, c.codename, p.parked_seq, p.parked_error FROM positions p JOIN companies c USING (company_id)
WHERE p.follower = %b AND p.parked_seq IS NOT NULL ORDER BY c.codename
"""


def standings(connection: Connection, registry: Registry = BUILT_IN) -> list[Standing]:
    """Every projection's standing."""
    built = dict(connection.execute("SELECT name, version FROM daftar.projections").fetchall())
    rebuilding = {name for (name,) in connection.execute("SELECT projection FROM daftar.rebuilds")}
    found: list[Standing] = []
    for projection in registry.projections.values():
        companies, behind, companies_behind = connection.execute(_STANDING, (projection.name,)).fetchone() or (0, 0, 0)
        found.append(
            Standing(
                name=projection.name,
                inline=projection.inline,
                version=projection.version,
                built_version=built.get(projection.name),
                companies=companies,
                behind=0 if projection.inline else behind,
                companies_behind=0 if projection.inline else companies_behind,
                rebuilding=projection.name in rebuilding,
                parked=[Parked(*row) for row in connection.execute(_PARKED, (projection.name,))],
            )
        )
    return found


def abandoned(connection: Connection, registry: Registry) -> list[str]:
    """Analysts' projections that have tables and no file any more: bring the file back, or drop them."""
    rows = connection.execute("SELECT name FROM daftar.projections WHERE home = %s ORDER BY name", (ANALYSIS,))
    return [name for (name,) in rows if name not in registry.projections]


def heartbeats(connection: Connection) -> list[Heartbeat]:
    """Every worker's last sign of life, the latest first."""
    rows = connection.execute(
        "SELECT worker, beat_at, extract(epoch FROM clock_timestamp() - beat_at)::float8 FROM heartbeats ORDER BY beat_at DESC"
    )
    return [Heartbeat(*row) for row in rows]
