"""`daftar projections new|show|drop`: an analyst's own projection, from its first line to its end."""

from __future__ import annotations

import re
from importlib.resources import files

import click
from psycopg import sql
from rich.table import Table

from domain.catalogue import CATALOGUE
from infra.cli.conventions import Failure, UsageProblem, data_dir_option, json_option, messages, print_json, results
from infra.cli.database import owner_url
from infra.followers.building import RebuildFailed, connect
from infra.followers.rebuild import REBUILD_LOCK, alone
from infra.followers.tables import drop_projection, home_of
from infra.settings import load
from infra.verification.log import companies_of
from projections.analyst import NAME, RESERVED
from projections.registry import PROJECTIONS, discover

DEFAULT_KINDS = "invoice"


@click.command(
    epilog="""
\b
Examples:
  daftar projections new revenue
  daftar projections new revenue --kinds invoice,invoice_line
  DAFTAR_PROJECTIONS_DIR=/srv/reports daftar projections new revenue

The file runs as it is: it counts events by month. `daftar projections rebuild NAME` makes its tables and fills them; workers
that start from then on keep them up to date.
"""
)
@click.argument("name")
@click.option("--kinds", default=DEFAULT_KINDS, show_default=True, help="The kinds of records it is about, separated by commas.")
def new(name: str, kinds: str) -> None:
    """Write the file of a projection of your own, to begin from."""
    if not NAME.fullmatch(name):
        raise UsageProblem("a name is a lower-case letter, followed by at most 39 lower-case letters, digits and _")
    if name in RESERVED or name in PROJECTIONS:
        raise UsageProblem(f"the name {name!r} is taken by Daftar; choose another")
    wanted = [kind.strip() for kind in kinds.split(",") if kind.strip()]
    if not wanted:
        raise UsageProblem("name at least one kind")
    for kind in wanted:
        if kind not in CATALOGUE:
            raise UsageProblem(f"there is no kind {kind!r}; there are {', '.join(sorted(CATALOGUE))}")
    folder = load().projections_dir
    registry = discover(folder)
    file = folder / f"{name}.py"
    taken = registry.file_of(name)
    if file.exists() or taken is not None:
        raise UsageProblem(f"{taken or file} is there already")
    text = files("infra").joinpath("projection.template").read_text("utf-8")
    class_name = "".join(part.capitalize() for part in name.split("_"))
    values = {"name": name, "class": class_name, "kinds": ", ".join(f'"{kind}"' for kind in wanted)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], text), "utf-8")
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}") from error
    results().print(str(file), soft_wrap=True)
    messages().print(f"make its tables and fill them: daftar projections rebuild {name}")


@click.command(
    epilog="""
\b
Examples:
  daftar projections show revenue
  daftar projections show revenue --company babil --limit 20
  daftar projections show balances --table account_balances --json

Rows come in the order of the table's key. With --json, one line per row.
"""
)
@click.argument("name")
@click.option("--table", "table_name", help="Which of its tables.  [default: the last one it declares]")
@click.option("--company", metavar="CODENAME", help="Only this company.")
@click.option("--limit", type=click.IntRange(1), help="At most so many rows.")
@data_dir_option
@json_option
def show(name: str, table_name: str | None, company: str | None, limit: int | None, data_dir: str | None, *, as_json: bool) -> None:
    """Print the rows of a projection's table."""
    projection = discover(load().projections_dir).projections.get(name)
    if projection is None:
        raise UsageProblem(f"there is no projection {name!r}")
    tables = {table.name: table for table in projection.tables}
    if table_name is not None and table_name not in tables:
        raise UsageProblem(f"{name} has no table {table_name!r}; it has {', '.join(tables)}")
    table = tables[table_name] if table_name else projection.tables[-1]
    columns = list(table.columns)
    statement = sql.SQL(
        "SELECT c.codename, {columns} FROM {table} t JOIN daftar.companies c USING (company_id)"
        " WHERE %(company)s::text IS NULL OR c.codename = %(company)s ORDER BY c.codename, {key} LIMIT %(limit)s"
    ).format(
        columns=sql.SQL(", ").join(sql.Identifier("t", column) for column in columns),
        table=sql.Identifier(home_of(projection), table.name),
        key=sql.SQL(", ").join(sql.Identifier("t", column) for column in table.key),
    )
    with owner_url(data_dir) as url, connect(url) as connection:
        if company is not None and not companies_of(connection, company):
            raise UsageProblem(f"there is no company {company!r}")
        there = connection.execute("SELECT to_regclass(%s)", (f"{home_of(projection)}.{table.name}",)).fetchone()
        if there == (None,):
            raise Failure(f"the table has not been made yet; run: daftar projections rebuild {name}")
        shown = Table("company", *columns, box=None)
        with connection.transaction(), connection.cursor(name="rows") as cursor:
            cursor.execute(statement, {"company": company, "limit": limit})
            for row in cursor:
                if as_json:
                    print_json(dict(zip(("company", *columns), row, strict=True)))
                else:
                    shown.add_row(*("" if value is None else str(value) for value in row))
    if not as_json:
        results().print(shown)


@click.command(
    epilog="""
\b
Examples:
  rm projections.d/revenue.py && daftar projections drop revenue
  daftar projections drop revenue --delete-file

Only an analyst's own projection can be dropped. The log keeps everything: it can be made and filled again at any time.
"""
)
@click.argument("name")
@click.option("--delete-file", is_flag=True, help="Delete its file too.")
@data_dir_option
@json_option
def drop(name: str, data_dir: str | None, *, delete_file: bool, as_json: bool) -> None:
    """Remove the tables of a projection of your own, and how far it was."""
    registry = discover(load().projections_dir)
    file = registry.file_of(name)
    if name in PROJECTIONS:
        raise UsageProblem(f"{name} is Daftar's own")
    if file is not None and not delete_file:
        raise UsageProblem(f"{file} is still there, and the tables would be made again; delete it first, or give --delete-file")
    with owner_url(data_dir) as url, connect(url) as connection:
        known = connection.execute("SELECT 1 FROM daftar.projections WHERE name = %s", (name,)).fetchone()
        begun = connection.execute("SELECT 1 FROM daftar.rebuilds WHERE projection = %s", (name,)).fetchone()
        if known is None and begun is None and file is None:
            raise UsageProblem(f"there is no projection {name!r}")
        try:
            with alone(connection, [name], REBUILD_LOCK, "rebuilt"), connection.transaction():
                tables = drop_projection(connection, name)
        except RebuildFailed as error:
            raise Failure(str(error)) from error
    if file is not None:
        file.unlink(missing_ok=True)
    if as_json:
        print_json({"projection": name, "tables": tables, "file": str(file) if file else None})
        return
    results().print(f"dropped {name}: {', '.join(tables) or 'no tables'}{f'; deleted {file}' if file else ''}", soft_wrap=True)
