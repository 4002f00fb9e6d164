"""`daftar export`: a company's books, as of any event, for other programs."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from domain.errors import LedgerError, ProjectionBehind
from infra.cli.books import Books, open_books
from infra.cli.conventions import Failure, UsageProblem, counted, data_dir_option, json_option, messages, print_json, results
from infra.companies.directory import get_company
from infra.database import Database
from infra.exports import FORMATS, Plan, Source, open_source, plan
from infra.exports.places import MANIFEST, Archive, Exists, Place, Stream, Written, whole_file, whole_folder
from infra.followers.follower import ProjectionFollower, add_positions, advance_or_park
from infra.roles import WORKER_ROLE, role_url
from infra.settings import Settings
from projections.registry import PROJECTIONS

USAGE = frozenset({"unknown_kind", "unknown_format", "invalid_field", "cursor_ahead"})
"""Refusals of what was asked for, not of what was found."""


@click.command(
    epilog="""
\b
Examples:
  daftar export hledger --company babil --out books.journal
  daftar export beancount --company babil --at 2026-01-01T00:00:00Z > books.beancount
  daftar export csv --company babil --kinds invoice,payment --out tables
  daftar export parquet --company babil --out lake --force
  daftar export ndjson --company babil --at-seq 1200 --out events.ndjson --json

\b
Where it goes:
  hledger, beancount, ndjson   a file, or stdout without --out
  csv, parquet                 a folder; one .zip; or, of one kind, one .csv or .parquet

The same company and event give the same bytes. A file has its name when it is whole, never before.
"""
)
@click.argument("format_", metavar=f"[{'|'.join(FORMATS)}]", type=click.Choice(list(FORMATS)))
@click.option("--company", metavar="CODENAME", required=True, help="Whose books.")
@click.option("--at-seq", type=click.IntRange(0, 2**62), metavar="SEQ", help="As of this event.  [default: the last one]")
@click.option("--at", "moment", metavar="TIME", help="As of this time, with its zone, as 2026-03-21T08:30:00Z.")
@click.option("--kinds", metavar="KIND,…", help="Only these kinds; with parquet also events, journal_lines, account_balances.")
@click.option("--out", type=click.Path(path_type=Path), metavar="PATH", help="The file or folder to write.")
@click.option("--force", is_flag=True, help="Replace the file, or the folder of an earlier export.")
@data_dir_option
@json_option
def export(
    format_: str,
    company: str,
    at_seq: int | None,
    moment: str | None,
    kinds: str | None,
    out: Path | None,
    data_dir: str | None,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Write a company's books for other programs: hledger, Beancount, spreadsheets, DuckDB, Polars."""
    if at_seq is not None and moment is not None:
        raise UsageProblem("--at-seq and --at both say as of when; give one")
    if as_json and out is None:
        raise UsageProblem("--json says on stdout what was written, so the books need a place of their own: --out")
    at = _moment(moment)
    names = None if kinds is None else [name.strip() for name in kinds.split(",") if name.strip()]
    single = out.suffix == f".{format_}" if out else format_ == "csv" and names is not None and len(names) == 1
    if out is None and format_ in ("csv", "parquet") and not single:
        raise UsageProblem(f"{format_} is written to files: name a folder with --out")
    with open_books(data_dir) as books, _asked(out):
        source = open_source(books.database, get_company(books.database, company).id, at_seq=at_seq, at=at)
        planned = plan(source, format_, names, single=single)
        _catch_up(books, source, planned)
        with _place(planned, out, replace=force) as place:
            rows = _write(planned, place, quiet=as_json)
            if out is not None and not planned.single and out.suffix != ".zip":
                _write_manifest(planned, place, rows)
    _tell(planned, place.written, rows, out, as_json=as_json)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise UsageProblem(f"--at {text!r} is not a time with its zone, as 2026-03-21T08:30:00Z")
    return found


@contextmanager
def _asked(out: Path | None) -> Iterator[None]:
    """What cannot be done as it was asked for, with exit code 2; what fails on the way, with 1."""
    try:
        yield
    except LedgerError as error:
        if error.code in USAGE:
            raise UsageProblem(f"{error.message} ({error.code})") from error
        raise
    except Exists as error:
        hint = "it is a folder" if out and out.is_dir() and out.suffix else "--force replaces it"
        if out and out.is_dir() and not (out / MANIFEST).exists():
            hint = "it is not the folder of an earlier export, so it is never replaced"
        raise UsageProblem(f"{out} exists already; {hint}") from error
    except BrokenPipeError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it once more when it ends
        raise Failure("whoever read the export hung up before its end") from error
    except OSError as error:
        raise Failure(f"{out or 'stdout'} cannot be written: {error.strerror or error}") from error


def _catch_up(books: Books, source: Source, planned: Plan) -> None:
    """Post what is not posted yet, here, where no worker does it."""
    if not planned.needs_journal or not books.settings.database_url:
        return
    with _worker(books.settings) as database, database.connection() as connection:
        add_positions(connection, "balances")
        follower, reached = ProjectionFollower(PROJECTIONS["balances"]), -1
        while True:
            advanced = advance_or_park(connection, follower, source.company_id)
            if advanced is not None and advanced.seq >= source.seq:
                return
            if advanced is not None and advanced.parked_seq is None:
                continue
            try:
                source.wait_for_journal()
            except ProjectionBehind as error:
                if error.details["parked_seq"] is not None or error.details["reached_seq"] == reached:
                    raise
                reached = error.details["reached_seq"]  # a worker has it, and gets on
            else:
                return


@contextmanager
def _worker(settings: Settings) -> Iterator[Database]:
    database = Database(role_url(settings.database_url, settings.secret_key, WORKER_ROLE), size=1, name="daftar-export").open()
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _place(planned: Plan, out: Path | None, *, replace: bool) -> Iterator[Place]:
    if out is None:
        yield Stream(sys.stdout.buffer)
    elif planned.single:
        with whole_file(out, replace=replace) as stream:
            yield stream
    elif out.suffix == ".zip":
        with whole_file(out, replace=replace) as stream:
            archive = Archive(stream.file, compress=planned.format != "parquet")
            yield archive
            archive.close()
    else:
        with whole_folder(out, replace=replace) as folder:
            yield folder


def _write(planned: Plan, place: Place, *, quiet: bool) -> int:
    rows = 0
    console = messages()
    columns = (TextColumn("exporting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
        task = progress.add_task("", total=None if progress.disable else planned.expected_rows())
        for count in planned.write(place):
            rows += count
            progress.advance(task, count)
    return rows


def _summary(planned: Plan, files: list[Written], rows: int) -> dict[str, Any]:
    source = planned.source
    return {
        "company": source.codename,
        "company_id": source.company_id,
        "format": planned.format,
        "seq": source.seq,
        "recorded_at": source.recorded_at,
        "hash": source.hash,
        "rows": rows,
        "bytes": sum(file.bytes for file in files),
        "sha256": _digest(files),
        "files": files,
    }


def _digest(files: list[Written]) -> str:
    """Of one file, its own; of several, that of what `sha256sum` says of them in order of their names."""
    if len(files) == 1:
        return files[0].sha256
    lines = [f"{file.sha256}  {file.name}\n" for file in sorted(files, key=lambda file: file.name)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _write_manifest(planned: Plan, place: Place, rows: int) -> None:
    body = msgspec.json.format(msgspec.json.encode(_summary(planned, place.written, rows)), indent=1)
    with place.open(MANIFEST) as file:
        file.write(body + b"\n")
    place.written.pop()


def _tell(planned: Plan, files: list[Written], rows: int, out: Path | None, *, as_json: bool) -> None:
    if as_json:
        print_json({**_summary(planned, files, rows), "out": str(out)})
        return
    summary = _summary(planned, files, rows)
    console = results() if out else messages()
    where = f" to {out}" if out else ""
    console.print(
        f"{planned.format}: {counted(rows, 'row', 'rows')} as of event {planned.source.seq:,}{where}: "
        f"{counted(len(files), 'file', 'files')}, {summary['bytes']:,} bytes, sha256 {summary['sha256']}"
    )
