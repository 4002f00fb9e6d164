"""Running the checks: companies shared by processes, replays once for all of them, findings as they come."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from uuid import UUID

import msgspec
import psycopg

from domain.errors import LedgerError
from infra.checking import files
from infra.checking.checks import CHECKS, REPLAYS, Finding
from infra.checking.snapshot import OutOfDate, snapshot_of
from infra.database import Connection
from infra.files import Place
from infra.followers.building import FEW, RebuildFailed, connect
from infra.followers.follower import reason_of
from infra.followers.tables import outdated
from infra.verification.read_models import Difference, compare
from projections.registry import BUILT_IN, Registry, discover

NAMES: tuple[str, ...] = (*CHECKS, *REPLAYS, files.NAME)
SHOWN = 100
"""Findings of one check of one company that are told."""
NOBODY = UUID(int=0)
"""The company of a finding that is of no one company: a projection that needs a rebuild."""

UNREADABLE = (psycopg.DataError, msgspec.MsgspecError, LedgerError, ValueError, KeyError, TypeError, ArithmeticError)

Progress = Callable[[str], None]
"""Told what is done: a company's codename, or the name of a replay."""


def what_holds(name: str) -> str:
    """The invariant that a check stands for."""
    return files.HOLDS if name == files.NAME else REPLAYS.get(name) or (CHECKS[name].__doc__ or "").strip()


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and everything that does not hold."""

    companies: int
    checks: tuple[str, ...]
    findings: list[Finding]

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return not self.findings


def run_checks(
    owner_url: str,
    companies: Mapping[UUID, str],
    *,
    only: Sequence[str] = NAMES,
    processes: int | None = None,
    progress: Progress | None = None,
    registry: Registry = BUILT_IN,
    place: Place | None = None,
) -> Checked:
    """Run the named checks over these companies (id → codename) as the owner. With no `processes` (0), all in this one.

    `place`: where the files are, for the check of that name; without it, that one is left out.
    """
    names = tuple(name for name in NAMES if name in only and (name != files.NAME or place is not None))
    findings: list[Finding] = []
    alone = [name for name in names if name in CHECKS]
    if alone:
        for company_id, found in _each(owner_url, companies, alone, processes, registry):
            findings += found
            if progress:
                progress(companies[company_id])
    for name in names:
        if name in REPLAYS:
            findings += replay(owner_url, name, companies, processes, registry)
            if progress:
                progress(name)
    if files.NAME in names and place is not None:
        with connect(owner_url) as connection:
            for company_id in companies:
                findings += islice(files.check_files(connection, place, company_id), SHOWN)
        if progress:
            progress(files.NAME)
    return Checked(len(companies), names, findings)


def check_company(connection: Connection, company_id: UUID, names: Sequence[str], registry: Registry) -> list[Finding]:
    """Run checks of one company on one snapshot."""
    found: list[Finding] = []
    with snapshot_of(connection, company_id, registry) as snapshot:
        for name in names:
            try:
                with connection.transaction():
                    for where, expected, actual in islice(CHECKS[name](snapshot), SHOWN):
                        found.append(Finding(company_id, name, where, str(expected), str(actual)))
            except OutOfDate as error:
                found.append(Finding(company_id, name, "the projection", "tables of this version", str(error)))
            except UNREADABLE as error:
                # What cannot even be read is not what was written
                found.append(Finding(company_id, name, "a record or event", "one that can be read", reason_of(error)))
    return found


def replay(
    owner_url: str, name: str, companies: Mapping[UUID, str], processes: int | None, registry: Registry
) -> Iterator[Finding]:
    """Compare what is kept with a replay of the log: the records, or what followers keep as of where each stands."""
    with connect(owner_url) as connection:
        stale = {projection.name for projection in outdated(connection, registry)}
    for projection in registry.projections.values():
        if projection.inline != (name == "records"):
            continue
        if projection.name in stale:
            yield Finding(NOBODY, name, projection.name, "tables of this version", "it needs a rebuild")
            continue
        try:
            [report] = compare(owner_url, [projection.name], processes=processes, registry=registry, companies=list(companies))
        except RebuildFailed as error:
            yield Finding(NOBODY, name, projection.name, "a log that can be replayed", str(error))
            continue
        for difference in report.differences:
            # What else the write path keeps has checks of its own
            if name != "records" or difference.table == "records":
                yield _finding(name, difference)


def _finding(name: str, difference: Difference) -> Finding:
    kept = {"missing": "none", "extra": "a row", "different": "other values"}[difference.problem]
    replayed = "none" if difference.problem == "extra" else "the row of the replay"
    return Finding(difference.company_id, name, f"{difference.table} {difference.key}", replayed, kept)


# Processes ----------------------------------------------------------------------------------------

_process: list[tuple[Connection, Registry]] = []


def _begin(owner_url: str, folder: Path | None) -> None:
    """Begin a process: one connection for all its work."""
    _process[:] = [(connect(owner_url), discover(folder))]


def _check(company_id: UUID, names: Sequence[str]) -> list[Finding]:
    connection, registry = _process[0]
    return check_company(connection, company_id, names, registry)


def _each(
    owner_url: str, companies: Mapping[UUID, str], names: Sequence[str], processes: int | None, registry: Registry
) -> Iterator[tuple[UUID, list[Finding]]]:
    with connect(owner_url) as connection:
        row = connection.execute("SELECT sum(seq) FROM heads WHERE company_id = ANY(%s)", (list(companies),)).fetchone()
        if processes == 0 or (processes is None and row is not None and (row[0] or 0) < FEW):
            for company_id in companies:
                yield company_id, check_company(connection, company_id, names, registry)
            return
    count = min(processes or os.cpu_count() or 1, max(1, len(companies)))
    with ProcessPoolExecutor(count, get_context("spawn"), _begin, (owner_url, registry.folder)) as pool:
        tasks = {pool.submit(_check, company_id, names): company_id for company_id in companies}
        for task in as_completed(tasks):
            yield tasks[task], task.result()
