"""`daftar verify`: check the hash chain of every company's log."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import click
import psycopg
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from domain.errors import InvalidField
from infra.cli.conventions import Failure, UsageProblem, counted, data_dir_option, json_option, line, messages, print_json, results
from infra.cli.database import owner_settings
from infra.settings import Settings
from infra.verification.log import KnownHead, VerifyReport, companies_of, verify_all
from infra.verification.proofs import problem_with, read_signed_head
from infra.verification.signing import read_public_key, signing_key

EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
_HEAD = re.compile(r"(?P<hash>[0-9a-fA-F]{64})@(?P<seq>[1-9][0-9]{0,17})")


@click.command(
    epilog="""
\b
Examples:
  daftar verify
  daftar verify --company babil
  daftar verify --company babil --head 4f0c…e1@1200     the head that was exported at event 1200
  daftar verify --signed-head head.json                 the head that `daftar audit head` signed
  daftar verify --json                                  one line per company

Exit code 0 where every log is what was written, 1 where one is not: its first bad event is named. The Merkle trees that
receipts are made from are compared with the logs.
"""
)
@click.option("--company", metavar="CODENAME", help="Only this company.")
@click.option("--head", metavar="HASH@SEQ", help="An exported head that the company's log must contain.")
@click.option("--signed-head", metavar="FILE", type=EXISTING, help="A signed head that its company's log must contain.")
@click.option("--key", metavar="FILE", type=EXISTING, help="Public key (PEM) of the signed head.  [default: this deployment's]")
@click.option("--processes", type=click.IntRange(1, 64), help="Processes that share the logs.  [default: one per core]")
@data_dir_option
@json_option
def verify(
    company: str | None,
    head: str | None,
    signed_head: Path | None,
    key: Path | None,
    processes: int | None,
    data_dir: str | None,
    *,
    as_json: bool,
) -> int:
    """Check that no event of any log was changed, dropped, added or moved."""
    if head is not None and (company is None or signed_head is not None):
        raise UsageProblem(
            "--head is of one company: name it with --company" if company is None else "give --head or --signed-head"
        )
    if key is not None and signed_head is None:
        raise UsageProblem("--key checks a --signed-head: name its file")
    known = _head(head)
    with owner_settings(data_dir) as settings:
        with psycopg.connect(settings.database_url, autocommit=True) as connection:
            companies = companies_of(connection, company)
            if company is not None and not companies:
                raise UsageProblem(f"there is no company {company!r}")
            if signed_head is not None:
                companies, known = _signed(signed_head, _public_key(key, settings), companies)
            row = connection.execute(
                "SELECT coalesce(sum(seq), 0)::bigint FROM daftar.heads WHERE company_id = ANY(%s)", (list(companies),)
            ).fetchone()
        total = row[0] if row else 0
        bad = _verify(settings.database_url, companies, known, processes or os.cpu_count() or 1, total, as_json=as_json)
    return 1 if bad else 0


def _verify(url: str, companies: Mapping[UUID, str], known: KnownHead | None, processes: int, total: int, *, as_json: bool) -> int:
    """Verify and tell; returns how many companies are not as they should be."""
    bad = trees = events = 0
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = messages()
    with Progress(*columns, console=console, transient=True, disable=as_json or not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        for report in verify_all(
            url, companies, processes=processes, known_head=known, progress=lambda done: progress.advance(task, done)
        ):
            bad += not report.ok
            trees += report.tree_problem is not None
            events += report.events
            _show(report, companies[report.company_id], as_json=as_json)
    if not as_json:
        checked = f"{counted(len(companies), 'company', 'companies')}, {counted(events, 'event', 'events')}: "
        wrong = f"{counted(bad, 'log is', 'logs are')} not what was written"
        wrong_trees = f"; {counted(trees, 'Merkle tree is', 'Merkle trees are')} not that of the log" if trees else ""
        told = (wrong, "red") if bad else ("all as written", "green")
        results().print(line(checked, told, (wrong_trees, "red")))
    return bad + trees


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
                "tree_problem": report.tree_problem,
            }
        )
    elif not report.ok:
        results().print(line((codename, "red"), f": event {report.first_bad_seq}: {report.reason}"))
    elif report.tree_problem is not None:
        results().print(line((codename, "red"), f": {report.tree_problem}"))


def _signed(file: Path, key: Ed25519PublicKey, companies: Mapping[UUID, str]) -> tuple[dict[UUID, str], KnownHead | None]:
    """The company of a signed head, and the head; one of an empty log says nothing. Raises UsageProblem, Failure."""
    try:
        head = read_signed_head(file.read_bytes())
    except InvalidField as error:
        raise UsageProblem(f"{file}: {error.message}") from error
    if head.company_id not in companies:
        whose = ", ".join(companies.values()) if len(companies) == 1 else "a company of this deployment"
        raise UsageProblem(f"{file} is not the head of {whose}, but of {head.company_id}")
    if (problem := problem_with(head, key)) is not None:
        raise Failure(f"{file}: {problem}")
    known = KnownHead(head.seq, bytes.fromhex(head.hash), bytes.fromhex(head.root)) if head.seq else None
    return {head.company_id: companies[head.company_id]}, known


def _public_key(file: Path | None, settings: Settings) -> Ed25519PublicKey:
    if file is None:
        return signing_key(settings).public_key
    try:
        return read_public_key(file.read_bytes())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageProblem(f"{file} holds no Ed25519 public key in PEM") from error


def _head(text: str | None) -> KnownHead | None:
    if text is None:
        return None
    found = _HEAD.fullmatch(text)
    if found is None:
        raise UsageProblem("--head is the 64 hexadecimal digits of a hash, an @ and its seq")
    return KnownHead(int(found["seq"]), bytes.fromhex(found["hash"]))
