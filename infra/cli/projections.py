"""`daftar projections`: list, watch, rebuild and verify the read models; let parked ones go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from infra import relay
from infra.cli.conventions import (
    Failure,
    UsageProblem,
    data_dir_option,
    json_option,
    line,
    messages,
    print_json,
    results,
)
from infra.cli.database import owner_url
from infra.cli.projection_files import drop, new, show
from infra.followers.building import Progress as Tell
from infra.followers.building import RebuildFailed, connect
from infra.followers.follower import retry as retry_parked
from infra.followers.rebuild import rebuild
from infra.followers.status import Standing, abandoned, heartbeats, standings
from infra.observability.health import STALE_SECONDS
from infra.settings import load
from infra.verification.read_models import compare
from projections.registry import Registry, discover

processes_option = click.option(
    "--processes",
    type=click.IntRange(1, 64),
    help="Processes that share the companies.  [default: one more than cores, at most 8]",
)


@click.group(
    epilog="""
\b
Examples:
  daftar projections list
  daftar projections status --json
  daftar projections rebuild balances
  daftar projections rebuild --all --processes 4
  daftar projections verify --all
  daftar projections retry balances
  daftar projections new revenue --kinds invoice,invoice_line
  daftar projections show revenue --company babil
  daftar projections drop revenue
"""
)
def projections() -> None:
    """List, rebuild and verify the read models: Daftar's, and analysts' own."""


for command in (new, show, drop):
    projections.add_command(command)


@projections.command(
    "list",
    epilog="""
\b
Examples:
  daftar projections list
  daftar projections list --json
""",
)
@json_option
def list_(*, as_json: bool) -> int:
    """List the projections and their tables; exit code 1 where a file of an analyst's is wrong."""
    registry = _registry()
    found = [
        {
            "name": one.name,
            "version": one.version,
            "kept_by": "the write path" if one.inline else "followers",
            "kinds": sorted(one.kinds) if one.kinds is not None else None,
            "tables": [table.name for table in one.tables],
            "file": str(file) if (file := registry.file_of(one.name)) else None,
        }
        for one in registry.projections.values()
    ]
    problems = [str(problem) for problem in registry.problems]
    if as_json:
        print_json([*found, *({"problem": problem} for problem in problems)])
        return 1 if problems else 0
    table = Table("projection", "version", "kept by", "tables", "file", box=None)
    for item in found:
        tables = ", ".join(item["tables"])  # type: ignore[arg-type]
        table.add_row(str(item["name"]), str(item["version"]), str(item["kept_by"]), tables, str(item["file"] or ""))
    results().print(table)
    _show_problems(problems)
    return 1 if problems else 0


def _show_problems(problems: Sequence[str]) -> None:
    for problem in problems:
        results().print(line(("left out", "red"), f": {problem}"), soft_wrap=True)


@projections.command(
    epilog="""
\b
Examples:
  daftar projections status
  daftar projections status --json

Exit code 1 where a projection is parked, needs a rebuild, has a file that is wrong or gone, or where no worker gives a sign of life
while events wait.
"""
)
@data_dir_option
@json_option
def status(data_dir: str | None, *, as_json: bool) -> int:
    """Say how far each projection is, what is parked and why, and which workers live."""
    registry = _registry()
    with owner_url(data_dir) as url, connect(url) as connection:
        found, beats = standings(connection, registry), heartbeats(connection)
        gone = abandoned(connection, registry)
    problems = [
        *(str(problem) for problem in registry.problems),
        *(
            f"{name} has tables, and no file in {registry.folder}; bring it back, or: daftar projections drop {name}"
            for name in gone
        ),
    ]
    alive = [beat for beat in beats if beat.age_seconds < STALE_SECONDS]
    ok = not problems and all(not one.parked and not one.needs_rebuild for one in found)
    ok = ok and (bool(alive) or not any(one.behind for one in found))
    if as_json:
        projections_ = [_standing_json(one) for one in found]
        workers = [{"worker": b.worker, "beat_at": b.beat_at, "age_seconds": round(b.age_seconds, 3)} for b in beats]
        print_json({"ok": ok, "projections": projections_, "problems": problems, "workers": workers})
        return 0 if ok else 1
    table = Table("projection", "companies", "events behind", "parked", "state", box=None)
    for one in found:
        table.add_row(one.name, f"{one.companies:,}", f"{one.behind:,}", f"{len(one.parked)}", _state(one))
    results().print(table)
    for one in found:
        for parked in one.parked:
            results().print(line((one.name, "red"), f" is parked in {parked.codename} at event {parked.seq}: {parked.error}"))
    _show_problems(problems)
    results().print(f"workers alive: {len(alive)}")
    return 0 if ok else 1


def _state(one: Standing) -> str:
    if one.rebuilding:
        return "a rebuild is under way, or waits to be resumed"
    if one.needs_rebuild:
        return "needs a rebuild"
    return "kept by the write path" if one.inline else "following"


def _standing_json(one: Standing) -> dict[str, Any]:
    return {
        "name": one.name,
        "inline": one.inline,
        "version": one.version,
        "built_version": one.built_version,
        "needs_rebuild": one.needs_rebuild,
        "rebuilding": one.rebuilding,
        "companies": one.companies,
        "companies_behind": one.companies_behind,
        "behind": one.behind,
        "parked": [{"company_id": p.company_id, "company": p.codename, "seq": p.seq, "error": p.error} for p in one.parked],
    }


@projections.command(
    "rebuild",
    epilog="""
\b
Examples:
  daftar projections rebuild balances
  daftar projections rebuild --all --processes 4

The new tables are built beside the live ones and swapped in at the end; readers and writers go on meanwhile. Killed half-way,
the same command goes on where it stopped. Exit code 1 where an event cannot be folded; the live tables are then as they were.
""",
)
@click.argument("names", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All of them.")
@processes_option
@data_dir_option
@json_option
def rebuild_(names: tuple[str, ...], *, every: bool, processes: int | None, data_dir: str | None, as_json: bool) -> None:
    """Build projections anew from the log, and swap them in."""
    registry = _registry()
    chosen = _chosen(registry, names, every=every)
    with owner_url(data_dir) as url, _bar(quiet=as_json) as tell:
        try:
            reports = rebuild(url, chosen, processes=processes, progress=tell, registry=registry)
        except RebuildFailed as error:
            raise Failure(str(error)) from error
    for report in reports:
        if as_json:
            print_json(
                {
                    "projection": report.projection,
                    "companies": report.companies,
                    "events": report.events,
                    "resumed": report.resumed,
                    "seconds": round(report.seconds, 3),
                }
            )
        else:
            resumed = f", {report.resumed:,} of them by an earlier attempt" if report.resumed else ""
            results().print(f"{report.projection}: {report.events:,} events{resumed} in {report.seconds:.1f} s")


@projections.command(
    "verify",
    epilog="""
\b
Examples:
  daftar projections verify balances
  daftar projections verify --all --json

The log is folded aside and every row compared with the live tables, in one snapshot. Exit code 1 where a row differs.
""",
)
@click.argument("names", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All of them.")
@processes_option
@data_dir_option
@json_option
def verify_(names: tuple[str, ...], *, every: bool, processes: int | None, data_dir: str | None, as_json: bool) -> int:
    """Compare projections with the log, row by row."""
    registry = _registry()
    chosen = _chosen(registry, names, every=every)
    with owner_url(data_dir) as url, _bar(quiet=as_json) as tell:
        try:
            reports = compare(url, chosen, processes=processes, progress=tell, registry=registry)
        except RebuildFailed as error:
            raise Failure(str(error)) from error
    for report in reports:
        if as_json:
            differences = [
                {"table": d.table, "company_id": d.company_id, "key": d.key, "problem": d.problem} for d in report.differences
            ]
            print_json(
                {
                    "projection": report.projection,
                    "ok": report.ok,
                    "events": report.events,
                    "rows": report.rows,
                    "differing": report.differing,
                    "differences": differences,
                    "seconds": round(report.seconds, 3),
                }
            )
            continue
        verdict = ("equal", "green") if report.ok else (f"{report.differing:,} rows differ", "red")
        results().print(line(f"{report.projection}: {report.rows:,} rows of {report.events:,} events, ", verdict))
        for d in report.differences:
            results().print(f"  {d.problem}: {d.table} {d.key} of company {d.company_id}")
    return 0 if all(report.ok for report in reports) else 1


@projections.command(
    epilog="""
\b
Examples:
  daftar projections retry balances
  daftar projections retry balances --json
"""
)
@click.argument("name")
@data_dir_option
@json_option
def retry(name: str, data_dir: str | None, *, as_json: bool) -> None:
    """Let a parked projection, or the relay, try its event again."""
    if name != relay.NAME:
        _chosen(_registry(), (name,), every=False)
    with owner_url(data_dir) as url, connect(url) as connection:
        released = retry_parked(connection, name)
    if as_json:
        print_json([{"company_id": company_id, "seq": seq} for company_id, seq in released])
        return
    for company_id, seq in released:
        results().print(f"{name}: goes on at event {seq} of company {company_id}")
    if not released:
        messages().print(f"{name} is parked nowhere")


def _registry() -> Registry:
    return discover(load().projections_dir)


def _chosen(registry: Registry, names: Sequence[str], *, every: bool) -> list[str]:
    if every == bool(names):
        raise UsageProblem("name the projections, or give --all")
    for name in names:
        if name not in registry.projections:
            broken = [str(problem) for problem in registry.problems if problem.file.stem == name]
            known = f"there are {', '.join(registry.projections)}"
            raise UsageProblem(broken[0] if broken else f"there is no projection {name!r}; {known}")
    return list(registry.projections) if every else list(dict.fromkeys(names))


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Tell]:
    """A progress bar on stderr, fed by what the work tells."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = messages()
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
        task = progress.add_task("folding", total=None)

        def tell(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total or None)

        yield tell
