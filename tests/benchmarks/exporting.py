"""What an export holds in memory: the same for ten times the books."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import psutil

from domain.command import Command
from infra.exports import FORMATS
from infra.ids import new_id
from tests.benchmarks import stock
from tests.benchmarks.measure import Row, Side, largest
from tests.benchmarks.place import ACTOR, Place

SHORT, LONG = 20_000, 200_000
"""Events of the two logs: one company, as of two seqs."""


def _trade(place: Place, company: UUID) -> None:
    """Days of a shop, until the log has LONG events: invoices with lines, and their payments."""
    chance = random.Random(7)
    parties = [new_id() for _ in range(50)]
    first = [Command(kind="party", action="create", id=party, data=stock.FIELDS) for party in parties]
    place.ledger.execute(company, first, ACTOR)
    day = 0
    while place.store.head(company).seq < LONG:
        day += 1
        date = f"{2020 + day // 336 % 6}-{1 + day // 28 % 12:02}-{1 + day % 28:02}"
        commands: list[Command] = []
        for _ in range(250):
            invoice = new_id()
            lines = [
                {"description": "Tea", "quantity": chance.randint(1, 9), "unit_price": "2.50", "vat_rate": "9"} for _ in range(2)
            ]
            data = {"type": "sales", "party_id": str(chance.choice(parties)), "issue_date": date, "lines": lines}
            commands.append(Command(kind="invoice", action="create", id=invoice, data=data))
            payment = {"invoice_id": str(invoice), "amount": "2.50", "date": date}
            commands.append(Command(kind="payment", action="create", data=payment))
        place.ledger.execute(company, commands, ACTOR)


def _export(place: Place, format_: str, seq: int, out: Path) -> tuple[int, int, float]:
    """Most resident bytes of a process that exports, the rows that it wrote, and its seconds."""
    command = [sys.executable, "-P", "-m", "infra.cli", "export", format_, "--company", "exported", "--at-seq", str(seq)]
    began = time.perf_counter()
    environment = {**os.environ, **place.settings.environment()}
    command += ["--out", str(out), "--json"]
    with (
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process,
        largest(lambda: _resident(process.pid)) as memory,
    ):
        said, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"the export ended with exit code {process.returncode}")
    return memory[0], json.loads(said)["rows"], time.perf_counter() - began


def _resident(pid: int) -> int:
    """Resident bytes now; what the system keeps as a process's largest counts the one that it was forked from."""
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0


def memory(place: Place, facts: list[str]) -> Sequence[Row]:
    """The memory of an export of 200,000 events, against that of 20,000."""
    company = place.company("exported")
    _trade(place, company)
    rows: list[Row] = []
    with TemporaryDirectory() as folder:
        _export(place, "hledger", LONG, Path(folder) / "first")  # posts everything
        for format_ in FORMATS:
            long, count, seconds = _export(place, format_, LONG, Path(folder) / f"{format_}-long")
            short, _, _ = _export(place, format_, SHORT, Path(folder) / f"{format_}-short")
            facts.append(
                f"Export to {format_} as of event {LONG:,}: {count:,} rows, {count / seconds:,.0f} a second with the start,"
                f" at most {long / 2**20:.0f} MB resident; as of event {SHORT:,}, {short / 2**20:.0f} MB."
            )
            rows.append(
                Row(
                    f"memory of an export to {format_}, {LONG:,} events",
                    Side(long / 2**20),
                    Side(short / 2**20),
                    f"the same of {SHORT:,} events",
                    1.3,
                    "MB",
                    more_is_better=False,
                )
            )
    return rows
