"""The table: printed while it grows, and written to docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.measure import Row, Side

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
START, END = "<!-- table: written by make bench -->", "<!-- end of table -->"


def _figure(value: float, unit: str) -> str:
    if unit == "s":
        return f"{value * 1_000:,.3f} ms"
    return f"{value:,.0f} {unit}"


def _percentiles(side: Side) -> str:
    found = [side.percentile(fraction) for fraction in (0.50, 0.95, 0.99)]
    return " / ".join(f"{value * 1_000:.2f}" for value in found if value is not None) or "-"


def line(row: Row) -> str:
    """One row as Markdown."""
    sign = "≥" if row.more_is_better else "≤"
    return (
        f"| {row.name} | {_figure(row.ours.value, row.unit)} | {row.reference_name}: {_figure(row.reference.value, row.unit)} "
        f"| **{row.ratio:.2f}** | {sign} {row.target:g} | {'met' if row.met else 'missed'} "
        f"| {_percentiles(row.ours)} | {_percentiles(row.reference)} |"
    )


HEADER = (
    "| measure | ours | reference | ratio | target | | ours p50 / p95 / p99 ms | reference p50 / p95 / p99 ms |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |"
)


def write(rows: list[Row], fsync: str, facts: list[str]) -> None:
    """Replace the table in docs/benchmarks.md; what is written around it stays."""
    table = "\n".join(
        [
            START,
            "",
            _machine(fsync),
            "",
            HEADER,
            *map(line, rows),
            "",
            *(f"- {fact}" for fact in facts),
            "",
            END,
        ]
    )
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + table + after, "utf-8")


def _machine(fsync: str) -> str:
    return (
        f"Measured on {datetime.now(timezone.utc).date()}: {os.cpu_count()} cores, {_processor()}, {_memory()} of memory,"
        f" {platform.system()}, Python {platform.python_version()}, PostgreSQL 18, fsync {fsync},"
        f" eventsourcing {version('eventsourcing')}, psycopg {version('psycopg')}."
    )


def _processor() -> str:
    for entry in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if entry.startswith("model name"):
            return entry.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
