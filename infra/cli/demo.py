"""`daftar demo`: the demo company, and a real shop's books to fill it with."""

from __future__ import annotations

from uuid import UUID

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from infra.cli.books import Books, open_books
from infra.cli.conventions import Failure, UsageProblem, data_dir_option, json_option, messages, print_json, results
from infra.companies.directory import find_company
from infra.demo import (
    BUSINESS,
    LoadReport,
    TotalsDiffer,
    ensure_business,
    ensure_demo,
    load_chinook,
    read_chinook,
    require_currency,
)

SHOP = "chinook"


@click.group(
    epilog="""
\b
Examples:
  daftar demo create
  daftar demo load
"""
)
def demo() -> None:
    """Make the demo company; import a real company's books."""


@demo.command(
    epilog="""
\b
Examples:
  daftar demo create
  daftar demo create --json
"""
)
@data_dir_option
@json_option
def create(data_dir: str | None, *, as_json: bool) -> None:
    """Make what is missing of the demo companies, as `daftar serve --demo` does at its start.

    Their published password opens them only where the server runs in demo mode.
    """
    with open_books(data_dir) as books:
        info = ensure_demo(books.settings)
    if as_json:
        print_json(info)
        return
    for line in info.announcement:
        results().print(line, soft_wrap=True)
    messages().print(f"made now: {', '.join(info.created)}" if info.created else "everything was there already")


@demo.command(
    epilog="""
\b
Examples:
  daftar demo load                      into the sample business, babil
  daftar demo load --company chinook    into a company of its own
  daftar demo load --json

Running it again adds nothing; an import that was cut off is finished by running it again.
"""
)
@click.option(
    "--company",
    "codename",
    default=BUSINESS,
    show_default=True,
    help=f"Codename of the company to fill; it keeps its books in USD. {BUSINESS} and {SHOP} are made if they are missing.",
)
@data_dir_option
@json_option
def load(codename: str, data_dir: str | None, *, as_json: bool) -> None:
    """Import the Chinook media store: 59 customers, 3,503 products, 412 invoices with 2,240 lines, and their payments.

    The total of every invoice is checked against the source; a difference is an error.
    """
    with open_books(data_dir) as books:
        company = find_company(books.database, codename)
        if company is None and codename in {BUSINESS, SHOP}:
            ensure_business(books.ledger, books.database, codename)
            company = find_company(books.database, codename)
        if company is None:
            raise UsageProblem(f"There is no company {codename!r}; make it first: daftar company create {codename}")
        try:
            require_currency(books.ledger, company.id, codename)
            report = _load(books, company.id, codename, quiet=as_json)
        except TotalsDiffer as error:
            raise Failure(str(error)) from error
    if as_json:
        print_json(report)
    else:
        _show(report)


def _load(books: Books, company_id: UUID, codename: str, *, quiet: bool) -> LoadReport:
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=messages(), disable=quiet) as progress:
        tasks = {what: progress.add_task(what, total=len(rows)) for what, rows in read_chinook().steps()}
        return load_chinook(
            books.ledger,
            books.reader,
            company_id,
            codename,
            progress=lambda what, count: progress.advance(tasks[what], count),
        )


def _show(report: LoadReport) -> None:
    console = results()
    if not any(report.added.values()):
        console.print(f"Nothing to add: {report.company} has the whole shop already.")
    else:
        added = ", ".join(f"{count:,} {what}" for what, count in report.added.items() if count)
        console.print(f"Added to {report.company}: {added}.", soft_wrap=True)
        if any(report.already_there.values()):
            found = ", ".join(f"{count:,} {what}" for what, count in report.already_there.items() if count)
            console.print(f"Already there: {found}.", soft_wrap=True)
    console.print(
        f"All invoice totals agree with the source: {report.total:,} {report.currency}. "
        f"The log is at {report.seq:,}; {report.seconds:.1f} s.",
        soft_wrap=True,
    )
