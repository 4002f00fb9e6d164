"""`daftar import`: files of other programs into a company's books."""

from __future__ import annotations

import tomllib
from datetime import datetime
from typing import Any, BinaryIO

import click
import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from domain.command import SYSTEM
from domain.errors import ImportRefused, InvalidField
from infra.cli.books import open_books
from infra.cli.conventions import Failure, UsageProblem, counted, data_dir_option, json_option, messages, print_json, results
from infra.companies.directory import get_company
from infra.imports import FORMATS, Options, Report, run_import

SHOWN = 20
"""Problems and differences that are printed for people; `--json` has more."""


@click.group(
    name="import",
    epilog="""
\b
Examples:
  daftar import csv parties customers.csv --company babil --dry-run
  daftar import csv invoices invoices.csv --company babil
  daftar import ofx statement.ofx --company babil --account "Main bank"
  daftar import hledger books.journal --company babil --map accounts.toml

All of a file is imported or nothing of it; importing it again adds nothing.
""",
)
def import_() -> None:
    """Import CSV files, bank statements (OFX) and hledger journals."""


def _common(command: Any) -> Any:
    """What every format takes."""
    for option in reversed(
        (
            click.argument("file", type=click.File("rb")),
            click.option("--company", "codename", required=True, metavar="CODENAME", help="The company to import into."),
            click.option("--dry-run", is_flag=True, help="Decide and report everything, store nothing."),
            click.option("--update", is_flag=True, help="Change records that exist already and differ from the file."),
            click.option("--encoding", default="", help="Of the file.  [default: UTF-8, or what the file says]"),
            data_dir_option,
            json_option,
        )
    ):
        command = option(command)
    return command


@import_.command(
    epilog="""
\b
Examples:
  daftar import csv products products.csv --company babil --dry-run
  daftar import csv invoices invoices.csv --company babil --decimal-comma --date-format %d.%m.%Y
  daftar import csv opening-balances balances.csv --company babil --date 2025-12-31
"""
)
@click.argument("kind", type=click.Choice(sorted(FORMATS["csv"])))
@_common
@click.option("--delimiter", default="", help="`,` `;` or `tab`.  [default: the one in the header]")
@click.option("--decimal-comma", is_flag=True, help="Amounts are written like 1.234,56.")
@click.option("--date-format", default="", help="How days are written, like %d.%m.%Y.  [default: ISO 8601, 2026-03-21]")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="Opening balances: the day of rows that name none.")
def csv(kind: str, day: datetime | None, **given: Any) -> None:
    """Import KIND from a CSV FILE (`-` is stdin)."""
    _run("csv", kind, given, date=day.date() if day else None)


@import_.command(
    epilog="""
\b
Examples:
  daftar import ofx statement.ofx --company babil --dry-run
  daftar import ofx statement.ofx --company babil --account "Main bank" --category fees
"""
)
@_common
@click.option("--account", default="", help="Name, code, IBAN or number of the account.  [default: the one with the file's number]")
@click.option("--category", default="", help="Category of every payment.")
def ofx(**given: Any) -> None:
    """Import a bank or credit card statement as payments, one per transaction."""
    _run("ofx", "", given)


@import_.command(
    epilog="""
\b
Examples:
  daftar import hledger books.journal --company babil --dry-run
  daftar import hledger books.journal --company babil --map accounts.toml
"""
)
@_common
@click.option("--map", "mapping", type=click.File("rb"), help="TOML with the tables [accounts] and [commodities].")
def hledger(mapping: BinaryIO | None, **given: Any) -> None:
    """Import an hledger journal as posted journal entries; accounts that are missing are opened."""
    _run("hledger", "", given, mapping=_mapping(mapping) if mapping else {})


def _mapping(file: BinaryIO) -> dict[str, dict[str, str]]:
    try:
        return msgspec.convert(tomllib.loads(file.read().decode()), dict[str, dict[str, str]])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise UsageProblem(f"{file.name}: {error}") from error


def _run(format_: str, kind: str, given: dict[str, Any], **options: Any) -> None:
    file, codename, data_dir, as_json = (given.pop(name) for name in ("file", "codename", "data_dir", "as_json"))
    raw = file.read()
    with open_books(data_dir) as books:
        company = get_company(books.database, codename)
        columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        try:
            with Progress(*columns, console=messages(), disable=as_json) as progress:
                tasks: dict[str, Any] = {}

                def tell(what: str, done: int, total: int) -> None:
                    if what not in tasks:
                        tasks[what] = progress.add_task(what, total=total)
                    progress.update(tasks[what], completed=done, total=total)

                report = run_import(
                    books.ledger, books.reader, company.id, SYSTEM, format_, kind, raw, Options(**given, **options), progress=tell
                )
        except InvalidField as error:
            raise UsageProblem(error.message) from error
        except ImportRefused as error:
            raise _refusal(error, as_json=as_json) from error
    if as_json:
        print_json(report)
    else:
        _show(report, codename)


def _refusal(error: ImportRefused, *, as_json: bool) -> Failure:
    """The problems, on stdout; what they come to, as the failure."""
    problems, total = error.details["problems"], error.details["problem_count"]
    if as_json:
        print_json({"refused": total, "stored": error.details["stored"], "problems": problems})
    else:
        for problem in problems[:SHOWN]:
            column = f", {problem['column']}" if problem.get("column") else ""
            results().print(f"line {problem['line']}{column}: {problem['message']} ({problem['code']})", soft_wrap=True)
        if total > SHOWN:
            results().print(f"… and {total - SHOWN:,} more; --json lists the first thousand")
    stored = error.details["stored"]
    kept = f"the first {stored:,} records were stored; import the file again to continue" if stored else "nothing was stored"
    return Failure(f"{counted(total, 'problem', 'problems')} in the file: {kept}")


def _show(report: Report, codename: str) -> None:
    console = results()
    done = "Would add to" if report.dry_run else "Added to"
    parts = [f"{report.created:,} new"]
    parts += [f"{report.updated:,} changed"] if report.updated else []
    parts += [f"{report.unchanged:,} unchanged"]
    parts += [f"{report.differs:,} there already with other values"] if report.differs else []
    parts += [f"{report.deleted:,} deleted in the books and left so"] if report.deleted else []
    console.print(f"{done} {codename}: {', '.join(parts)}, of {counted(report.rows, 'record', 'records')}.", soft_wrap=True)
    for one in report.differences[:SHOWN]:
        console.print(
            f"line {one.line}: the {one.kind.replace('_', ' ')} {one.name!r} differs in {', '.join(one.fields)}", soft_wrap=True
        )
    if report.differs > SHOWN:
        console.print(f"… and {report.differs - SHOWN:,} more; --json lists the first thousand")
    for note in report.notes[:SHOWN]:
        messages().print(note, soft_wrap=True)
    if report.differs:
        messages().print("what differs was left as it is; --update makes it as the file says")
