"""`daftar check`: everything that must hold of the books, company by company."""

from __future__ import annotations

import click
import psycopg
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from infra.checking import NAMES, Finding, run_checks, what_holds
from infra.checking.checks import CHECKS
from infra.checking.files import NAME as FILES
from infra.checking.running import NOBODY
from infra.cli.conventions import UsageProblem, counted, data_dir_option, json_option, line, messages, print_json, results
from infra.cli.database import owner_settings
from infra.files import Place
from infra.settings import load
from infra.verification.log import companies_of
from projections.registry import discover

_LIST = "\n".join(f"  {name:<12} {what_holds(name)}" for name in NAMES)


@click.command(
    epilog=f"""
\b
Checks:
{_LIST}

\b
Examples:
  daftar check
  daftar check --company babil
  daftar check --only chain --only balanced
  daftar check --json                     one line per finding, and one with the sum

All files are read where they lie on this machine; in S3 they are with --only files.
Everything else is read in snapshots: the server may go on writing. Exit code 0 where everything holds, 1 where something does not.
"""
)
@click.option("--company", metavar="CODENAME", help="Only this company.")
@click.option("--only", type=click.Choice(NAMES), multiple=True, metavar="NAME", help="Only this check; may be repeated.")
@click.option("--processes", type=click.IntRange(1, 64), help="Processes that share the companies.  [default: one per core]")
@data_dir_option
@json_option
def check(company: str | None, only: tuple[str, ...], processes: int | None, data_dir: str | None, *, as_json: bool) -> int:
    """Check everything that must hold of the books."""
    registry = discover(load().projections_dir)
    with owner_settings(data_dir) as settings:
        url, place = settings.database_url, Place(settings.files_url, settings.data_dir)
        names = only or [name for name in NAMES if name != FILES or place.folder is not None]
        with psycopg.connect(url, autocommit=True) as connection:
            companies = companies_of(connection, company)
        if company is not None and not companies:
            raise UsageProblem(f"there is no company {company!r}")
        columns = (TextColumn("checking {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = messages()
        steps = len(companies) * any(name in CHECKS for name in names) + sum(name not in CHECKS for name in names)
        with Progress(*columns, console=console, transient=True, disable=as_json or not console.is_terminal) as progress:
            task = progress.add_task("", total=steps)
            checked = run_checks(
                url,
                companies,
                only=names,
                processes=processes,
                progress=lambda what: progress.update(task, advance=1, description=what),
                registry=registry,
                place=place,
            )
    for finding in checked.findings:
        _show(finding, companies.get(finding.company_id), as_json=as_json)
    if as_json:
        print_json({"ok": checked.ok, "companies": checked.companies, "checks": checked.checks, "findings": len(checked.findings)})
    else:
        what = f"{counted(checked.companies, 'company', 'companies')}, {counted(len(checked.checks), 'check', 'checks')}: "
        wrong = f"{counted(len(checked.findings), 'thing does', 'things do')} not hold"
        results().print(line(what, ("everything holds", "green") if checked.ok else (wrong, "red")))
    return 0 if checked.ok else 1


def _show(finding: Finding, codename: str | None, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "company": codename,
                "company_id": None if finding.company_id == NOBODY else finding.company_id,
                "check": finding.check,
                "where": finding.where,
                "expected": finding.expected,
                "found": finding.found,
            }
        )
        return
    whose = codename or "all companies"
    said = f" {finding.check}: {finding.where}: expected {finding.expected}, found {finding.found}"
    results().print(line((whose, "red"), said), soft_wrap=True)
