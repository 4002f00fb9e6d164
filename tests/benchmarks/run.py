"""Run the benchmarks and say which targets are met."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click

from tests.benchmarks import exporting, mahak, reading, rebuilding, report, reporting, saimpex, serving, syncing, writing
from tests.benchmarks import listing as lists
from tests.benchmarks.measure import Row
from tests.benchmarks.place import Place, place


@dataclass(frozen=True)
class Measure:
    """A named part of the run. `facts` may take a list to add what is measured without a reference."""

    about: str
    work: Callable[[Place, list[str]], Sequence[Row]]


def _grown(where: Place, facts: list[str]) -> Sequence[Row]:
    """The long log is made once; whatever reads much of it is measured on it."""
    company = where.company("long")
    rows = [writing.grown(where, company), reading.decode(where, company), reading.pull(where, company)]
    return [*rows, rebuilding.bench_rebuild(where, company, facts)]


MEASURES: dict[str, Measure] = {
    "append": Measure("batches of 1,000 events, with inline projections", lambda at, _: writing.batches(at)),
    "single": Measure("one command after the other", lambda at, _: [writing.single(at)]),
    "parallel": Measure("8 companies, 8 writers", lambda at, _: [writing.parallel(at)]),
    "long": Measure("1,000,000 events: append, replay, pull, rebuild", _grown),
    "export": Measure("memory of exports, 200,000 events against 20,000", exporting.memory),
    "http": Measure("pull, empty poll and live stream over HTTP", serving.over_http),
    "lists": Measure("filtered lists of 25 out of 100,000 invoices over HTTP", lists.over_http),
    "sync": Measure("the Matrix app: a first pull, a large push, 100 devices at once", syncing.sync),
    "mahak": Measure("Mahak's Sync API: a first pull, a large batch, empty polls", mahak.over_http),
    "saimpex": Measure("the SAIMPEX desktop: an outbox replayed, 50 tills at once, empty delta pulls", saimpex.over_http),
    "reports": Measure("trial balances of 1,000,000 postings over HTTP", reporting.over_http),
}


def listing() -> list[tuple[str, str]]:
    """The names that `run` takes, each with a line."""
    return [(name, measure.about) for name, measure in MEASURES.items()]


def run(names: Sequence[str] = ()) -> int:
    """Measure, print every row as it comes, write docs/benchmarks.md after a whole run; 0 when every target is met."""
    rows: list[Row] = []
    facts: list[str] = []
    with place() as where:
        for name, measure in MEASURES.items():
            if names and name not in names:
                continue
            start = time.perf_counter()
            for row in measure.work(where, facts):
                rows.append(row)
                mark = click.style("met   ", fg="green") if row.met else click.style("missed", fg="red")
                sign = "≥" if row.more_is_better else "≤"
                click.echo(f"{mark} {row.ratio:6.2f} (target {sign} {row.target:g})  {row.name} / {row.reference_name}")
            click.echo(f"       {name}: {time.perf_counter() - start:.0f} s", err=True)
        if not names:
            report.write(rows, where.fsync, facts)
    for fact in facts:
        click.echo(fact)
    return 0 if all(row.met for row in rows) else 1
