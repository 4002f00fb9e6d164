"""`daftar events tail`: the log as it is written."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import click
import msgspec
import psycopg

from domain.event import RecordedEvent
from infra.cli.conventions import UsageProblem, data_dir_option, json_option, line, print_json, results
from infra.cli.database import owner_url
from infra.followers.tables import Connection
from infra.store.rows import select_events
from infra.verification.log import companies_of

PAGE = 500
SHOWN_EVENTS = 10
PAUSE_SECONDS = 0.3
SHOWN_CHARACTERS = 120


@click.group(
    epilog="""
\b
Examples:
  daftar events tail
  daftar events tail --company babil --follow
"""
)
def events() -> None:
    """Follow the log as it is written."""


@events.command(
    epilog="""
\b
Examples:
  daftar events tail                                    the last 10 events of every company
  daftar events tail --company babil --after 0          a whole log
  daftar events tail --company babil --follow --json    every event from now on, one JSON object per line
"""
)
@click.option("--company", metavar="CODENAME", help="Only this company.")
@click.option("--after", type=click.IntRange(min=0), help="Begin after this seq.  [default: 10 before the head]")
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written from now on, until interrupted.")
@data_dir_option
@json_option
def tail(company: str | None, after: int | None, data_dir: str | None, *, follow: bool, as_json: bool) -> None:
    """Print the last events, each company's in order."""
    if after is not None and company is None:
        raise UsageProblem("--after is of one company: name it with --company")
    with owner_url(data_dir) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT set_config('search_path', 'daftar, pg_catalog', false)")
        if company is not None and not companies_of(connection, company):
            raise UsageProblem(f"there is no company {company!r}")
        cursors: dict[UUID, int] = {}
        started = False
        while True:
            for company_id, codename, seq in _heads(connection, company):
                first = (max(0, seq - SHOWN_EVENTS) if after is None else after) if not started else 0
                position = cursors.get(company_id, first)  # a company that is new is shown from its first event
                while position < seq:
                    page = select_events(connection, company_id, position, PAGE, until=seq)
                    for event in page:
                        _show(event, codename, as_json=as_json)
                    position = page[-1].seq if page else seq
                cursors[company_id] = position
            started = True
            if not follow:
                return
            try:
                time.sleep(PAUSE_SECONDS)
            except KeyboardInterrupt:  # how following is meant to end
                return


def _heads(connection: Connection, codename: str | None) -> list[tuple[UUID, str, int]]:
    rows: list[tuple[Any, ...]] = connection.execute(
        "SELECT company_id, codename, seq FROM heads JOIN companies USING (company_id)"
        " WHERE %s::text IS NULL OR codename = %s ORDER BY codename",
        (codename, codename),
    ).fetchall()
    return [(company_id, name, seq) for company_id, name, seq in rows]


def _show(event: RecordedEvent, codename: str, *, as_json: bool) -> None:
    if not as_json:
        data = event.data.decode()[:SHOWN_CHARACTERS]
        when = event.recorded_at.strftime("%Y-%m-%d %H:%M:%S.%f")
        what = (f" {codename} ", (str(event.seq), "bold"), " ", (event.topic, "cyan"), f" {event.record_id} {data}")
        results().print(line((when, "dim"), *what))
        return
    fields = msgspec.structs.asdict(event)
    print_json({**fields, "company": codename, "data": msgspec.Raw(event.data), "hash": event.hash.hex()})
