"""`daftar bench`: every figure of docs/benchmarks.md, both sides in one run."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from infra.cli.conventions import UsageProblem

PACKAGE = "tests.benchmarks.run"


@click.command(
    epilog="""
\b
Examples:
  daftar bench                  every row, then the table in docs/benchmarks.md is written anew
  daftar bench append pull      only these rows; the page is left as it is
  daftar bench --list           the rows there are

Needs the source tree: the benchmarks are beside the tests. Exit code 0 when every target is met, 1 when one is missed.
"""
)
@click.argument("rows", nargs=-1)
@click.option("--list", "only_list", is_flag=True, help="List the rows and end.")
def bench(rows: tuple[str, ...], *, only_list: bool) -> int:
    """Measure, side by side with the references."""
    if not (Path.cwd() / "tests" / "benchmarks").is_dir():
        raise UsageProblem("run `daftar bench` in the project's folder: the benchmarks are in tests/benchmarks")
    run = importlib.import_module(PACKAGE)
    if only_list:
        for name, about in run.listing():
            click.echo(f"{name:<10} {about}")
        return 0
    unknown = set(rows) - {name for name, _ in run.listing()}
    if unknown:
        raise UsageProblem(f"there is no row {min(unknown)!r}; `daftar bench --list` lists them")
    return int(run.run(rows))
