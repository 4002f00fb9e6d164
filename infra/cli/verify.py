"""`daftar verify`: check the hash chain of every company's log."""

from __future__ import annotations

import os
import re

import click
import psycopg
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from infra.cli.conventions import UsageProblem, counted, data_dir_option, json_option, line, messages, print_json, results
from infra.cli.database import owner_url
from infra.verification import VerifyReport, companies_of, verify_all

_HEAD = re.compile(r"(?P<hash>[0-9a-fA-F]{64})@(?P<seq>[1-9][0-9]{0,17})")


@click.command(
    epilog="""
\b
Examples:
  daftar verify
  daftar verify --company babil
  daftar verify --company babil --head 4f0c…e1@1200     the head that was exported at event 1200
  daftar verify --json                                  one line per company

Exit code 0 where every log is what was written, 1 where one is not: its first bad event is named.
"""
)
@click.option("--company", metavar="CODENAME", help="Only this company.")
@click.option("--head", metavar="HASH@SEQ", help="An exported head that the company's log must contain.")
@click.option("--processes", type=click.IntRange(1, 64), help="Processes that share the logs.  [default: one per core]")
@data_dir_option
@json_option
def verify(company: str | None, head: str | None, processes: int | None, data_dir: str | None, *, as_json: bool) -> int:
    """Check that no event of any log was changed, dropped, added or moved."""
    known = _head(head)
    if known is not None and company is None:
        raise UsageProblem("--head is of one company: name it with --company")
    bad = events = 0
    with owner_url(data_dir) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            companies = companies_of(connection, company)
            row = connection.execute(
                "SELECT coalesce(sum(seq), 0)::bigint FROM daftar.heads WHERE company_id = ANY(%s)", (list(companies),)
            ).fetchone()
        if company is not None and not companies:
            raise UsageProblem(f"there is no company {company!r}")
        columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = messages()
        with Progress(*columns, console=console, transient=True, disable=as_json or not console.is_terminal) as progress:
            task = progress.add_task("", total=row[0] if row else None)
            count = processes or os.cpu_count() or 1
            for report in verify_all(
                url, companies, processes=count, known_head=known, progress=lambda done: progress.advance(task, done)
            ):
                bad += not report.ok
                events += report.events
                _show(report, companies[report.company_id], as_json=as_json)
    if not as_json:
        checked = f"{counted(len(companies), 'company', 'companies')}, {counted(events, 'event', 'events')}: "
        wrong = f"{counted(bad, 'log is', 'logs are')} not what was written"
        results().print(line(checked, (wrong, "red") if bad else ("all as written", "green")))
    return 1 if bad else 0


def _show(report: VerifyReport, codename: str, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "company": codename,
                "company_id": report.company_id,
                "ok": report.ok,
                "events": report.events,
                "head": {"seq": report.head_seq, "hash": report.head_hash.hex()},
                "first_bad_seq": report.first_bad_seq,
                "reason": report.reason,
            }
        )
    elif not report.ok:
        results().print(line((codename, "red"), f": event {report.first_bad_seq}: {report.reason}"))


def _head(text: str | None) -> tuple[int, bytes] | None:
    if text is None:
        return None
    found = _HEAD.fullmatch(text)
    if found is None:
        raise UsageProblem("--head is the 64 hexadecimal digits of a hash, an @ and its seq")
    return int(found["seq"]), bytes.fromhex(found["hash"])
