"""`daftar audit`: what an auditor takes away, and asks: signed heads, receipts, who changed what, the books as of then."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from domain.event import JSON
from infra.cli.books import Books, open_books
from infra.cli.conventions import Failure, UsageProblem, counted, data_dir_option, json_option, line, messages, print_json, results
from infra.companies.directory import get_company
from infra.history.changes import Change, changes_pages, wanted_of
from infra.history.changes_csv import header, lines_of, value_text
from infra.history.moments import last_moment_of, zone_of
from infra.history.state import point_of, records_at
from infra.reading.reader import known_kinds
from infra.verification.proofs import receipt_of, sign_head
from infra.verification.signing import SigningKey, signing_key

SEQ = click.IntRange(1, 2**62)
LONGEST_VALUE = 40

company_option = click.option("--company", metavar="CODENAME", required=True, help="Whose books.")
kinds_option = click.option("--kinds", metavar="KIND,…", help="Only these kinds, separated by commas.")
out_option = click.option(
    "--out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write it to FILE instead."
)


@click.group(
    epilog="""
\b
Examples:
  daftar audit key --out key.pem
  daftar audit head --company babil --out head.json
  daftar audit receipt --company babil --seq 12 --out receipt.json
  daftar audit changes --company babil --record invoice/12
  daftar audit state --company babil --at 2026-03-21T08:30:00Z

Receipts and heads are checked without Daftar: docs/verify_receipt.py. The whole log is checked by `daftar verify`.
"""
)
def audit() -> None:
    """Signed heads, receipts, who changed what, the books as of then."""


@audit.command(
    epilog="""
\b
Examples:
  daftar audit key                    the public key as PEM
  daftar audit key --out key.pem
  daftar audit key --json             and its id, which every signed head names
"""
)
@out_option
@data_dir_option
@json_option
def key(out: Path | None, data_dir: str | None, *, as_json: bool) -> None:
    """Print the public key that heads and receipts are signed with."""
    with open_books(data_dir) as books:
        found = signing_key(books.settings)
    if as_json:
        _write_json({"algorithm": "Ed25519", "key_id": found.id, "pem": found.public_pem}, out)
    else:
        _write(found.public_pem.encode(), out)


@audit.command(
    epilog="""
\b
Examples:
  daftar audit head --company babil --out head.json
  daftar audit head --company babil --since 1200        with the proof that the log of event 1200 was only added to
"""
)
@company_option
@click.option("--since", metavar="SEQ", type=SEQ, help="Add the proof that this log continues the one of an earlier head.")
@out_option
@data_dir_option
@json_option
def head(company: str, since: int | None, out: Path | None, data_dir: str | None, *, as_json: bool) -> None:
    """Sign where a company's log ends now: seq, chain hash and Merkle root."""
    with _company(data_dir, company) as (books, company_id, signing), books.database.company(company_id) as connection:
        signed = sign_head(connection, company_id, signing, since=since)
    _write_json(signed, out, compact=as_json)


@audit.command(
    epilog="""
\b
Examples:
  daftar audit receipt --company babil --seq 12 --out receipt.json
  python docs/verify_receipt.py key.pem receipt.json
"""
)
@company_option
@click.option("--seq", metavar="SEQ", type=SEQ, required=True, help="Of which event.")
@out_option
@data_dir_option
@json_option
def receipt(company: str, seq: int, out: Path | None, data_dir: str | None, *, as_json: bool) -> None:
    """Prove that an event is in the log, for somebody who has the public key and nothing else."""
    with _company(data_dir, company) as (books, company_id, signing), books.database.company(company_id) as connection:
        found = receipt_of(connection, company_id, seq, signing)
    _write_json(found, out, compact=as_json)


@audit.command(
    epilog="""
\b
Examples:
  daftar audit changes --company babil --record invoice/12
  daftar audit changes --company babil --user mina@bazaar.example --from 2026-03-01 --to 2026-03-31
  daftar audit changes --company babil --device till-1 --kinds payment,invoice --format csv > changes.csv

A period is of the time at which the server recorded an event; dates are the company's, both included.
"""
)
@company_option
@click.option("--record", metavar="RECORD", help="Of this record: its id, or kind/number.")
@click.option("--user", "actor", metavar="USER", help="By this user: e-mail, number or id.")
@click.option("--device", metavar="DEVICE", help="On this device: its own name, number or id.")
@click.option("--from", "begin", metavar="TIME", help="Recorded since this date or time.")
@click.option("--to", "end", metavar="TIME", help="Recorded until the end of this date, or before this time.")
@kinds_option
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@data_dir_option
@json_option
def changes(company: str, form: str, kinds: str | None, data_dir: str | None, *, as_json: bool, **filters: Any) -> None:
    """Report who changed what: each event of a record, a user, a device or a period, and each field from what to what."""
    with _company(data_dir, company) as (books, company_id, _):
        wanted = wanted_of(books.reader, company_id, kinds=_kinds(kinds), **filters)
        if form == "csv" and not as_json:
            click.echo(header(), nl=False)
        with _progress("reading", wanted.until - wanted.after, hidden=sys.stdout.isatty()) as advance:
            at = wanted.after
            for page in changes_pages(books.database, company_id, wanted):
                _print_changes(page.changes, "json" if as_json else form)
                advance(page.cursor - at)
                at = page.cursor


def _print_changes(found: Sequence[Change], form: str) -> None:
    if form == "csv":
        click.echo(lines_of(found), nl=False)
    elif form == "json":
        for change in found:
            print_json(change)
    else:
        for change in found:
            _show(change)


def _show(change: Change) -> None:
    who = change.actor.name or str(change.actor.id) if change.actor else "nobody"
    where = f" on {change.device.name or change.device.id}" if change.device else ""
    what = f"{change.kind} {change.number}" + (f" {change.label}" if change.label else "")
    when = change.recorded_at.strftime("%Y-%m-%d %H:%M:%S")
    out = results()
    out.print(line((f"{change.seq} ", "bold"), (f"{when} UTC ", "dim"), (change.topic, "cyan"), f" {what} by {who}{where}"))
    for one in change.changes:
        out.print(line((f"    {one.field}: ", "dim"), f"{_short(one.from_)} → {_short(one.to)}"))


def _short(value: Any) -> str:
    text = value_text(value) or "(nothing)"
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


@audit.command(
    epilog="""
\b
Examples:
  daftar audit state --company babil > state.ndjson                 now, one record a line
  daftar audit state --company babil --at-seq 1200 --kinds invoice,payment
  daftar audit state --company babil --at 2026-03-31                at the end of that day

The records go to stdout, the progress to stderr.
"""
)
@company_option
@click.option("--at-seq", metavar="SEQ", type=click.IntRange(0, 2**62), help="As of this event.")
@click.option("--at", metavar="TIME", help="As of this time, or the end of this date in the company's zone.")
@kinds_option
@out_option
@data_dir_option
def state(company: str, at_seq: int | None, at: str | None, kinds: str | None, out: Path | None, data_dir: str | None) -> None:
    """Print every record of a company as it stood, one JSON object a line, in constant memory."""
    if at is not None and at_seq is not None:
        raise UsageProblem("ask for a seq or for a time, not for both: --at-seq or --at")
    with _company(data_dir, company) as (books, company_id, _):
        moment = last_moment_of(at, zone_of(books.reader, company_id), "at") if at is not None else None
        point = point_of(books.database, company_id, at_seq, moment)
        count = 0
        with _output(out) as write, _progress("folding", point.seq, hidden=out is None and sys.stdout.isatty()) as advance:
            for record in records_at(books.database, company_id, point.seq, _kinds(kinds), advance):
                write(record.encode() + b"\n")
                count += 1
    messages().print(f"{counted(count, 'record', 'records')} as of event {point.seq}", soft_wrap=True)


# What they share ----------------------------------------------------------------------------------


@contextmanager
def _company(data_dir: str | None, codename: str) -> Iterator[tuple[Books, UUID, SigningKey]]:
    with open_books(data_dir) as books:
        yield books, get_company(books.database, codename).id, signing_key(books.settings)


def _kinds(text: str | None) -> list[str] | None:
    """The kinds that are named, or None for all. Raises UnknownKind."""
    if text is None:
        return None
    names = sorted({name.strip() for name in text.split(",")} - {""})
    if not names:
        raise UsageProblem("--kinds names no kind")
    known_kinds(names)
    return names


@contextmanager
def _progress(what: str, total: int, *, hidden: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr, where that is a terminal."""
    console = messages()
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=hidden or not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda done: progress.advance(task, done)


@contextmanager
def _output(out: Path | None) -> Iterator[Callable[[bytes], object]]:
    """Where results go: stdout, or a file that is there only when it is whole."""
    if out is None:
        with click.open_file("-", "wb") as stdout:
            yield stdout.write
        return
    try:
        with click.open_file(str(out), "wb", atomic=True) as file:
            yield file.write
    except OSError as error:
        raise Failure(f"{out} cannot be written: {error.strerror or error}") from error
    messages().print(f"wrote {out}", soft_wrap=True)


def _write(content: bytes, out: Path | None) -> None:
    with _output(out) as write:
        write(content)


def _write_json(value: object, out: Path | None, *, compact: bool = False) -> None:
    encoded = JSON.encode(value)
    _write((encoded if compact else msgspec.json.format(encoded, indent=2)) + b"\n", out)
