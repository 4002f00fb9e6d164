"""Reading and writing a projection's own tables, in whichever schema the connection's search path names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from uuid import UUID

from infra.followers.columns import array, copy_body, elements
from infra.followers.tables import (
    Connection,
    copy_statement,
    delete_statement,
    find_statement,
    home_of,
    insert_statement,
    put_statement,
)
from projections.projection import Changes, Projection, Row, Table


def prefer_indexes(connection: Connection, *, prefer: bool = True) -> None:
    """For the rest of the transaction, look rows up by index, or let the planner choose again.

    A table that has just been made has no statistics, and a plan made for an empty table would read all of it for ever after.
    """
    value = "off" if prefer else "on"
    connection.execute(
        "SELECT set_config('enable_seqscan', %s, true), set_config('enable_hashjoin', %s, true),"
        " set_config('enable_mergejoin', %s, true)",
        (value, value, value),
    )


class TableView:
    """The tables of one company, as they stand in the connection's transaction."""

    def __init__(self, connection: Connection, company_id: UUID) -> None:
        self.connection = connection
        self.company_id = company_id

    def find(self, table: Table, by: Sequence[str], keys: Sequence[Row], select: Sequence[str]) -> Iterable[Row]:
        """The `select` columns of the rows whose `by` columns equal one of the keys."""
        if not keys:
            return []
        columns = zip(*keys, strict=True)
        parameters = [array(table.columns[name], values) for name, values in zip(by, columns, strict=True)]
        statement = find_statement(table, tuple(by), tuple(select))
        return self.connection.execute(statement, [*parameters, self.company_id], binary=True).fetchall()


def write(connection: Connection, company_id: UUID, changes: Changes, *, copy: bool = False) -> None:
    """Write what a fold changed. `copy` sends new rows by COPY, which Postgres refuses where row-level security applies."""
    for table, keys in changes.deletes.items():
        if keys:
            columns = zip(*keys, strict=True)
            parameters = [array(table.columns[name], values) for name, values in zip(table.key, columns, strict=True)]
            connection.execute(delete_statement(table), [*parameters, company_id])
    for table, rows in changes.inserts.items():
        if rows and copy:
            _copy(connection, company_id, table, rows)
        elif rows:
            connection.execute(insert_statement(table), [company_id, *_arrays(table, rows)])
    for table, rows in changes.puts.items():
        if rows:
            connection.execute(put_statement(table), [company_id, *_arrays(table, rows)])


def settle(connection: Connection, projection: Projection) -> None:
    """Put what a batch has added to the live tables' inverted indexes into place, for readers to find it at once."""
    for table in projection.tables:
        for index in table.indexes:
            if index.settled:
                connection.execute(b"SELECT daftar.settle_index(%b, %b)", (home_of(projection), index.name))


def _arrays(table: Table, rows: Sequence[Row]) -> list[object]:
    return [
        array(type_, values, nullable=name in table.nullable)
        for (name, type_), values in zip(table.columns.items(), zip(*rows, strict=True), strict=True)
    ]


def _copy(connection: Connection, company_id: UUID, table: Table, rows: Sequence[Row]) -> None:
    columns: list[Iterable[bytes]] = [repeat(elements("uuid", [company_id])[0], len(rows))]
    for (name, type_), values in zip(table.columns.items(), zip(*rows, strict=True), strict=True):
        columns.append(elements(type_, values, nullable=name in table.nullable))
    with connection.cursor().copy(copy_statement(table)) as copying:
        copying.write(copy_body(columns))
