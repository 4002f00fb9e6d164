"""Verifying read models: fold the log aside, then compare every row with the live tables, while writers go on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from psycopg import sql

from infra.database import Connection
from infra.followers.building import BATCH, Progress, RebuildFailed, begin_aside, build, connect, fold_rest, schema_of
from infra.followers.follower import add_positions
from infra.followers.rebuild import alone
from infra.followers.tables import LIVE, drop_schema, home_of, outdated, use_schema
from infra.followers.writing import prefer_indexes
from projections.projection import Projection, Table
from projections.registry import BUILT_IN, Registry

SHOWN = 20
"""Differences that are named; all are counted."""
VERIFY_LOCK = 0x0DAF7A4


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that the log and the live table disagree about. `problem`: missing (in the live table), extra, or different."""

    table: str
    company_id: UUID
    key: str
    problem: str


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """How a projection's live tables compare with a fold of the log."""

    projection: str
    companies: int
    events: int
    rows: int
    differing: int
    differences: list[Difference] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every row is equal."""
        return self.differing == 0


def compare(
    owner_url: str,
    names: Sequence[str],
    *,
    processes: int | None = None,
    progress: Progress | None = None,
    batch: int = BATCH,
    registry: Registry = BUILT_IN,
    companies: Sequence[UUID] | None = None,
) -> list[ComparisonReport]:
    """Fold the named projections aside and compare them with the live tables. Raises RebuildFailed where folding fails.

    `companies`: only these. With no `processes` (0), everything is folded here.
    """
    began = time.monotonic()
    reports: list[ComparisonReport] = []
    projections = [registry.projections[name] for name in names]
    with connect(owner_url) as connection, alone(connection, names, VERIFY_LOCK, "verified"):
        for projection in outdated(connection, registry):
            if projection in projections:
                raise RebuildFailed(f"{projection.name} needs a rebuild first: another version built its tables")
        try:
            for projection in projections:
                begin_aside(connection, projection, "verify")
                add_positions(connection, f"{projection.name}+verify", companies)
            if processes != 0:
                build(owner_url, names, "verify", processes=processes, progress=progress, batch=batch, registry=registry)
            for projection in projections:
                if progress:
                    progress(f"comparing {projection.name}", 0, 0)
                reports.append(_compare_one(connection, projection, began, batch, companies))
        finally:
            use_schema(connection, (LIVE,))
            for name in names:
                drop_schema(connection, schema_of(name, "verify"))
                connection.execute("DELETE FROM positions WHERE follower = %s", (f"{name}+verify",))
    return reports


def _compare_one(
    connection: Connection, projection: Projection, began: float, batch: int, companies: Sequence[UUID] | None
) -> ComparisonReport:
    """Fold what was written meanwhile and compare, all in one snapshot: nobody is kept waiting."""
    follower = f"{projection.name}+verify"
    aside = schema_of(projection.name, "verify")
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        fold_rest(connection, projection, "verify", batch, companies)
        prefer_indexes(connection, prefer=False)
        counted, events = connection.execute(
            "SELECT count(*), coalesce(sum(seq), 0)::bigint FROM positions WHERE follower = %s", (follower,)
        ).fetchone() or (0, 0)
        rows = differing = 0
        differences: list[Difference] = []
        for table in projection.tables:
            count, wrong, found = _compare_table(connection, table, home_of(projection), aside, companies)
            rows += count
            differing += wrong
            differences += found
        if projection.inline:
            found = _compare_numbers(connection, aside, companies)
            differing += len(found)
            differences += found
    return ComparisonReport(projection.name, counted, events, rows, differing, differences[:SHOWN], time.monotonic() - began)


def _compare_table(
    connection: Connection, table: Table, home: str, schema: str, companies: Sequence[UUID] | None
) -> tuple[int, int, list[Difference]]:
    """Rows folded from the log, how many differ, and the first of those."""
    aside = sql.Identifier(schema, table.name)
    material = sql.SQL(f"AND NOT ({table.immaterial})" if table.immaterial else "")
    keys = [sql.Identifier(name) for name in ("company_id", *table.key)]
    values = [sql.Identifier(name) for name in table.columns if name not in table.key]
    statement = sql.SQL(
        "SELECT company_id, concat_ws(' ', {shown}), CASE WHEN l.here IS NULL THEN 'missing' WHEN a.here IS NULL THEN 'extra'"
        " ELSE 'different' END, count(*) OVER ()"
        " FROM (SELECT *, true AS here FROM {live} WHERE (%(all)s OR company_id = ANY(%(companies)s)) {material}) AS l"
        " FULL JOIN (SELECT *, true AS here FROM {aside} WHERE true {material}) AS a USING ({keys})"
        " WHERE l.here IS NULL OR a.here IS NULL OR ({left}) IS DISTINCT FROM ({right}) ORDER BY {keys} LIMIT {shown_most}"
    ).format(
        shown=sql.SQL(", ").join(keys[1:]),
        live=sql.Identifier(home, table.name),
        aside=aside,
        material=material,
        keys=sql.SQL(", ").join(keys),
        left=sql.SQL(", ").join(sql.SQL("l.{}").format(name) for name in values),
        right=sql.SQL(", ").join(sql.SQL("a.{}").format(name) for name in values),
        shown_most=SHOWN,
    )
    found = connection.execute(statement, _of(companies)).fetchall()
    count = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(aside)).fetchone() or (0,)
    return count[0], found[0][3] if found else 0, [Difference(table.name, row[0], row[1], row[2]) for row in found]


def _compare_numbers(connection: Connection, schema: str, companies: Sequence[UUID] | None) -> list[Difference]:
    """The last dense number of each kind, which each company's head keeps, against the records."""
    rows = connection.execute(
        sql.SQL(
            "SELECT h.company_id FROM heads h LEFT JOIN (SELECT company_id, jsonb_object_agg(kind, last) AS numbers FROM"
            " (SELECT company_id, kind, max(number) AS last FROM {} GROUP BY company_id, kind) AS k GROUP BY company_id) AS n"
            " USING (company_id) WHERE h.numbers <> coalesce(n.numbers, '{{}}')"
            " AND (%(all)s OR company_id = ANY(%(companies)s))"
        ).format(sql.Identifier(schema, "records")),
        _of(companies),
    )
    return [Difference("heads", company_id, "numbers", "different") for (company_id,) in rows]


def _of(companies: Sequence[UUID] | None) -> dict[str, object]:
    return {"all": companies is None, "companies": list(companies or ())}
