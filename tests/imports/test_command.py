"""`daftar import` as a command: what it prints, its exit codes, and that a run that was killed is finished by the next."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import run_daftar

from infra.settings import Settings

from .conftest import SAMPLES, Books

Daftar = Callable[..., tuple[str, str]]
ROOT = Path(__file__).parents[2]


RUN_IN_SMALL_STEPS = "import infra.imports.runner as runner; runner.AT_ONCE = 100; from infra.cli.main import main; main()"


@pytest.fixture
def daftar(shared: Settings) -> Daftar:
    """Runs `daftar import`; returns stdout and stderr."""

    def run(*arguments: str, expect: int = 0) -> tuple[str, str]:
        code, out, err = run_daftar(shared, "import", *arguments)
        assert code == expect, err
        return out.decode(), err

    return run


def test_what_the_command_says(daftar: Daftar, books: Books, tmp_path: Path) -> None:
    company = ["--company", books.codename]
    customers = str(SAMPLES / "customers.csv")
    said, _ = daftar("csv", "parties", customers, *company, "--dry-run")
    assert said == f"Would add to {books.codename}: 4 new, 0 unchanged, of 4 records.\n"
    report = json.loads(daftar("csv", "parties", customers, *company, "--json")[0])
    assert (report["created"], report["kind"], report["seq"]) == (4, "parties", books.head)
    said, _ = daftar("csv", "parties", customers, *company)
    assert said == f"Added to {books.codename}: 0 new, 4 unchanged, of 4 records.\n"

    bad = tmp_path / "bad.csv"
    bad.write_text("name,currency\nA,QQQ\n,\nB,USD\n", "utf-8")
    said, failed = daftar("csv", "parties", str(bad), *company, expect=1)
    assert said == "line 2, currency: 'QQQ' is not an ISO 4217 currency code. (unknown_currency)\n"
    assert "1 problem in the file: nothing was stored" in failed
    refused = json.loads(daftar("csv", "parties", str(bad), *company, "--json", expect=1)[0])
    assert (refused["refused"], refused["stored"], refused["problems"][0]["line"]) == (1, 0, 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["csv", "parties", "FILE", "--company", "nowhere"], "no company"),
        (["csv", "partys", "FILE", "--company", "COMPANY"], "partys"),
        (["csv", "parties", "nothing.csv", "--company", "COMPANY"], "nothing.csv"),
        (["csv", "parties", "FILE", "--company", "COMPANY", "--encoding", "klingon"], "klingon"),
        (["hledger", "FILE", "--company", "COMPANY", "--map", "FILE"], "customers.csv"),
    ],
)
def test_wrong_usage(daftar: Daftar, books: Books, arguments: list[str], words: str) -> None:
    places = {"COMPANY": books.codename, "FILE": str(SAMPLES / "customers.csv")}
    _, said = daftar(*(places.get(one, one) for one in arguments), expect=2)
    assert words in said


def test_the_mapping_file_of_the_samples(daftar: Daftar, books: Books) -> None:
    mapping = ["--map", str(SAMPLES / "accounts.toml")]
    said, _ = daftar("hledger", str(SAMPLES / "books.journal"), "--company", books.codename, *mapping)
    assert said == f"Added to {books.codename}: 6 new, 0 unchanged, of 6 records.\n"
    assert {line["account_code"] for line in books.data("journal_line")} >= {"1100", "6000:coffee", "6000:rent"}


def test_a_run_that_was_killed_is_finished_by_the_next(shared: Settings, books: Books, tmp_path: Path) -> None:
    """A file of several transactions; the process is killed after the first of them."""
    rows = 3_000
    file = tmp_path / "products.csv"
    file.write_text("sku,name,price\n" + "".join(f"P-{n},Product {n},{n}.50\n" for n in range(rows)), "utf-8")
    before = books.head
    environment = os.environ | shared.environment() | {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    arguments = ["import", "csv", "products", str(file), "--company", books.codename]
    child = subprocess.Popen([sys.executable, "-P", "-c", RUN_IN_SMALL_STEPS, *arguments], env=environment)
    deadline = time.monotonic() + 60
    while books.head == before:
        assert child.poll() is None, "the process ended before it could be killed"
        assert time.monotonic() < deadline
    child.send_signal(signal.SIGKILL)
    child.wait()
    stored = books.head - before
    assert 0 < stored < rows, "it was killed in the middle"
    assert stored % 100 == 0, "a transaction is stored whole or not at all"
    report = books.load("csv", "products", file.read_bytes())
    assert (report.created, report.unchanged) == (rows - stored, stored)
    skus = [product["sku"] for product in books.data("product")]
    assert (len(skus), len(set(skus))) == (rows, rows)
    assert books.load("csv", "products", file.read_bytes()).unchanged == rows
