"""The tables of projections: their DDL, live and aside, and the swap.

Tables built aside have the same names as the live ones, in a schema of their own: every statement serves both, and the
search path decides. Swapping is moving them between schemas, which sessions with prepared statements survive: Postgres
plans those anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import psycopg
import structlog
from psycopg import sql

from infra.roles import API_ROLE, WORKER_ROLE
from projections.analyst import AnalystProjection
from projections.projection import Index, Projection, Table
from projections.registry import BUILT_IN, Registry

Connection = psycopg.Connection[Any]

LIVE = "daftar"
"""The schema of the live tables."""
ANALYSIS = "analysis"
"""The schema of the live tables of analysts' projections: whatever they are called, they are in nobody's way."""

log = structlog.get_logger("daftar.projections")


def home_of(projection: Projection) -> str:
    """The schema of the projection's live tables."""
    return ANALYSIS if isinstance(projection, AnalystProjection) else LIVE


def install(connection: Connection, registry: Registry = BUILT_IN) -> None:
    """Make the live tables of every projection that has none yet, empty: followers fill them. As the owner.

    An analyst's tables that cannot be made are logged: they keep nothing else from working.
    """
    known = {name for (name,) in connection.execute("SELECT name FROM daftar.projections")}
    for projection in registry.projections.values():
        if projection.name in known:
            continue
        try:
            with connection.transaction():
                if not projection.inline:
                    home = make_home(connection, projection)
                    create_tables(connection, projection, home)
                    finish_tables(connection, projection, home)
                    make_views(connection, projection, home)
                record_built(connection, projection)
        except psycopg.Error as error:
            if not isinstance(projection, AnalystProjection) or isinstance(error, psycopg.OperationalError):
                raise
            log.warning("the tables cannot be made", projection=projection.name, file=str(projection.file), error=str(error))


def make_home(connection: Connection, projection: Projection) -> str:
    """The schema of the projection's live tables, made if it is missing."""
    home = home_of(projection)
    if home != LIVE:
        name = sql.Identifier(home)
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
        roles = sql.SQL(", ").join(map(sql.Identifier, (API_ROLE, WORKER_ROLE)))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(name, roles))
    return home


def record_built(connection: Connection, projection: Projection) -> None:
    """Write down by which version the live tables were built, and which they are."""
    connection.execute(
        "INSERT INTO daftar.projections (name, version, home, tables) VALUES (%s, %s, %s, %s) ON CONFLICT (name) DO UPDATE"
        " SET version = excluded.version, home = excluded.home, tables = excluded.tables, built_at = now()",
        (projection.name, projection.version, home_of(projection), [table.name for table in projection.tables]),
    )


def outdated(connection: Connection, registry: Registry) -> list[Projection]:
    """The projections whose live tables another version built, or that have none yet: they need a rebuild."""
    built = dict(connection.execute("SELECT name, version FROM daftar.projections").fetchall())
    return [projection for projection in registry.projections.values() if built.get(projection.name) != projection.version]


def create_tables(connection: Connection, projection: Projection, schema: str) -> None:
    """The tables with the primary keys that folding needs: indexes are cheaper to build once the rows are there."""
    for table in projection.tables:
        columns: list[sql.Composable] = [sql.SQL("company_id uuid NOT NULL")]
        for name, type_ in table.columns.items():
            null = sql.SQL("" if name in table.nullable else " NOT NULL")
            columns.append(sql.SQL("{} {}{}").format(sql.Identifier(name), sql.SQL(type_), null))
        if not table.append_only:
            columns.append(_primary_key(table))
        body = sql.SQL(", ").join(columns)
        connection.execute(sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(schema, table.name), body))


def finish_tables(connection: Connection, projection: Projection, schema: str) -> None:
    """Everything that live tables have beside their rows: indexes, the balance check, isolation and privileges."""
    for table in projection.tables:
        name = sql.Identifier(schema, table.name)
        if table.append_only and not _has_primary_key(connection, schema, table):
            connection.execute(sql.SQL("ALTER TABLE {} ADD {}").format(name, _primary_key(table)))
        make_indexes(connection, table, schema, table.indexes)
        if table.balanced:
            _require_balance(connection, table, schema)
        connection.execute(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(name))
        setting = sql.SQL("(company_id = nullif(current_setting('daftar.company_id', true), '')::uuid)")
        connection.execute(sql.SQL("DROP POLICY IF EXISTS own_company ON {}").format(name))
        connection.execute(sql.SQL("DROP POLICY IF EXISTS every_company ON {}").format(name))
        connection.execute(
            sql.SQL("CREATE POLICY own_company ON {} TO {} USING {} WITH CHECK {}").format(
                name, sql.Identifier(API_ROLE), setting, setting
            )
        )
        connection.execute(
            sql.SQL("CREATE POLICY every_company ON {} TO {} USING (true) WITH CHECK (true)").format(
                name, sql.Identifier(WORKER_ROLE)
            )
        )
        for role, privileges in ((API_ROLE, table.privileges), (WORKER_ROLE, _WORKER_PRIVILEGES[projection.inline])):
            connection.execute(sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(privileges), name, sql.Identifier(role)))
        connection.execute(sql.SQL("ANALYZE {}").format(name))


def make_indexes(connection: Connection, table: Table, schema: str, indexes: Iterable[Index]) -> None:
    """Make those of a table's indexes that are not there."""
    for index in indexes:
        connection.execute(_index(index, schema, table))


def make_views(connection: Connection, projection: Projection, schema: str) -> None:
    """The views of the live tables that the API's role reads instead of them.

    Their condition is one that no index serves, so that it never keeps the planner from the index that a query means.
    """
    for table in projection.tables:
        if table.view:
            view, name = sql.Identifier(schema, table.view), sql.Identifier(schema, table.name)
            own = sql.SQL("(company_id = (SELECT nullif(current_setting('daftar.company_id', true), '')::uuid)) IS TRUE")
            connection.execute(sql.SQL("CREATE VIEW {} AS SELECT * FROM {} WHERE {}").format(view, name, own))
            connection.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(view, sql.Identifier(API_ROLE)))


def _primary_key(table: Table) -> sql.Composed:
    key = sql.SQL(", ").join(map(sql.Identifier, ("company_id", *table.key)))
    return sql.SQL("CONSTRAINT {} PRIMARY KEY ({})").format(sql.Identifier(f"{table.name}_pkey"), key)


def _has_primary_key(connection: Connection, schema: str, table: Table) -> bool:
    found = connection.execute(
        "SELECT 1 FROM pg_constraint WHERE conname = %s AND connamespace = %s::regnamespace", (f"{table.name}_pkey", schema)
    )
    return found.fetchone() is not None


def _index(index: Index, schema: str, table: Table) -> sql.Composed:
    return sql.SQL("CREATE {} IF NOT EXISTS {} ON {} USING {} ({}) {} {}").format(
        sql.SQL("UNIQUE INDEX" if index.unique else "INDEX"),
        sql.Identifier(index.name),
        sql.Identifier(schema, table.name),
        sql.SQL(index.method or "btree"),
        sql.SQL(index.columns),
        sql.SQL(f"WITH ({index.options})" if index.options else ""),
        sql.SQL(f"WHERE {index.where}" if index.where else ""),
    )


def _require_balance(connection: Connection, table: Table, schema: str) -> None:
    """Check the rows there are, and let the database check every statement that adds some."""
    name = sql.Identifier(schema, table.name)
    bad = connection.execute(
        sql.SQL("SELECT company_id, seq FROM {} GROUP BY company_id, seq, currency HAVING sum({}) <> 0 LIMIT 1").format(
            name, sql.SQL(table.balanced)
        )
    ).fetchone()
    if bad is not None:
        raise ValueError(f"{table.name}: the lines of event {bad[1]} of company {bad[0]} do not balance")
    connection.execute(
        sql.SQL(
            "CREATE OR REPLACE TRIGGER balanced AFTER INSERT ON {} REFERENCING NEW TABLE AS added"
            " FOR EACH STATEMENT EXECUTE FUNCTION daftar.require_balance({})"
        ).format(name, sql.Literal(table.balanced))
    )


def swap_tables(connection: Connection, projection: Projection, schema: str) -> None:
    """Put the tables of `schema` in the place of the live ones, which are dropped, whichever the version before had.

    Inside the caller's transaction.
    """
    home = make_home(connection, projection)
    for table in projection.tables:
        if table.view:
            connection.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(sql.Identifier(home, table.view)))
    for name in live_tables(connection, projection):
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(home, name)))
    for table in projection.tables:
        connection.execute(sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(sql.Identifier(schema, table.name), sql.Identifier(home)))
    make_views(connection, projection, home)
    drop_schema(connection, schema)


def live_tables(connection: Connection, projection: Projection) -> list[str]:
    """The live tables that there are: those that the projection was built with, and those of the names it has now."""
    rows = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s AND (tablename = ANY(%s)"
        " OR tablename = ANY(SELECT unnest(tables) FROM daftar.projections WHERE name = %s AND home = %s)) ORDER BY tablename",
        (home_of(projection), [table.name for table in projection.tables], projection.name, home_of(projection)),
    )
    return [name for (name,) in rows]


def drop_projection(connection: Connection, name: str) -> list[str]:
    """Drop an analyst's projection: its tables, positions, and what a rebuild left. Returns the tables that were dropped.

    Inside the caller's transaction, as the owner. Nothing happens to what is Daftar's.
    """
    row = connection.execute("SELECT tables FROM daftar.projections WHERE name = %s AND home = %s", (name, ANALYSIS)).fetchone()
    tables = row[0] if row else []
    for table in tables:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(ANALYSIS, table)))
    for purpose in ("rebuild", "verify"):
        drop_schema(connection, f"{LIVE}_{purpose}_{name}")
    connection.execute("DELETE FROM daftar.positions WHERE follower = ANY(%s)", ([name, f"{name}+rebuild", f"{name}+verify"],))
    connection.execute("DELETE FROM daftar.rebuilds WHERE projection = %s", (name,))
    connection.execute("DELETE FROM daftar.projections WHERE name = %s AND home = %s", (name, ANALYSIS))
    return list(tables)


def drop_schema(connection: Connection, schema: str) -> None:
    """Drop a schema of tables aside, if it is there."""
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


def use_schema(connection: Connection, schemas: Iterable[str]) -> None:
    """Set the search path: tables are looked for in these schemas, in order."""
    path = sql.SQL(", ").join(map(sql.Identifier, (*schemas, "pg_catalog")))
    connection.execute(sql.SQL("SET search_path = {}").format(path))


_WORKER_PRIVILEGES = {True: "SELECT", False: "SELECT, INSERT, UPDATE, DELETE"}
"""By whether the write path keeps the tables: followers change only what is theirs."""


# Statements ---------------------------------------------------------------------------------------


@cache
def insert_statement(table: Table) -> bytes:
    """INSERT of column arrays; parameters: company, then an array per column."""
    return _insert(table).encode()


@cache
def put_statement(table: Table) -> bytes:
    """INSERT of column arrays that replaces rows of the same key."""
    values = [f"{name} = excluded.{name}" for name in table.columns if name not in table.key]
    action = f"UPDATE SET {', '.join(values)}" if values else "NOTHING"
    return f"{_insert(table)} ON CONFLICT (company_id, {', '.join(table.key)}) DO {action}".encode()


def _insert(table: Table) -> str:
    names = ", ".join(table.columns)
    arrays = ", ".join("%b" for _ in table.columns)
    return f"INSERT INTO {table.name} (company_id, {names}) SELECT %b, * FROM unnest({arrays})"


@cache
def delete_statement(table: Table) -> bytes:
    """DELETE by arrays of the key's columns; parameters: an array per key column, then the company."""
    return (
        f"DELETE FROM {table.name} t USING unnest({', '.join('%b' for _ in table.key)}) AS k ({', '.join(table.key)})"
        f" WHERE t.company_id = %b AND {' AND '.join(f't.{name} = k.{name}' for name in table.key)}"
    ).encode()


@cache
def find_statement(table: Table, by: tuple[str, ...], select: tuple[str, ...]) -> bytes:
    """SELECT by arrays of the `by` columns; parameters: an array per column, then the company."""
    return (
        f"SELECT {', '.join(f't.{name}' for name in select)}"
        f" FROM unnest({', '.join('%b' for _ in by)}) AS k ({', '.join(by)})"
        f" JOIN {table.name} t ON t.company_id = %b AND {' AND '.join(f't.{name} = k.{name}' for name in by)}"
    ).encode()


@cache
def copy_statement(table: Table) -> bytes:
    """COPY of the company and the table's columns."""
    return f"COPY {table.name} (company_id, {', '.join(table.columns)}) FROM STDIN (FORMAT binary)".encode()
