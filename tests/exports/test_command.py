"""`daftar export`: what it writes and says, what it refuses, and that no file has its name before it is whole."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from functools import partial
from pathlib import Path

import psycopg
import pytest
from commands import run_daftar

ROOT = Path(__file__).parents[2]


@pytest.fixture
def daftar(shared):
    """Runs a command; its exit code, stdout and stderr."""
    return partial(run_daftar, shared)


def test_a_file_its_summary_and_stdout(chinook, daftar, tmp_path):
    out = tmp_path / "books.journal"
    code, said, _ = daftar("export", "hledger", "--company", "chinook", "--out", str(out), "--json")
    assert code == 0
    summary = json.loads(said)
    body = out.read_bytes()
    assert (summary["rows"], summary["bytes"], summary["seq"]) == (744, len(body), chinook.head())
    assert summary["sha256"] == summary["files"][0]["sha256"] == hashlib.sha256(body).hexdigest()
    code, said, told = daftar("export", "hledger", "--company", "chinook")
    assert (code, said) == (0, body)
    assert "744 rows" in told
    assert daftar("export", "csv", "--company", "chinook", "--kinds", "product")[1].count(b"\r\n") == 3504


def test_folders_archives_and_single_files(chinook, daftar, tmp_path):
    folder = tmp_path / "tables"
    assert daftar("export", "csv", "--company", "chinook", "--kinds", "party,invoice", "--out", str(folder))[0] == 0
    manifest = json.loads((folder / "_export.json").read_bytes())
    assert sorted(path.name for path in folder.iterdir()) == ["_export.json", "invoice.csv", "party.csv"]
    assert {file["name"]: file["sha256"] for file in manifest["files"]} == {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("invoice.csv", "party.csv")
    }
    archive, one = tmp_path / "tables.zip", tmp_path / "invoice.csv"
    assert daftar("export", "csv", "--company", "chinook", "--kinds", "party,invoice", "--out", str(archive))[0] == 0
    assert zipfile.ZipFile(archive).read("party.csv") == (folder / "party.csv").read_bytes()
    assert daftar("export", "csv", "--company", "chinook", "--kinds", "invoice", "--out", str(one))[0] == 0
    assert one.read_bytes() == (folder / "invoice.csv").read_bytes()


def test_as_of_a_seq_and_a_time(chinook, daftar, tmp_path):
    out = tmp_path / "events.ndjson"
    assert daftar("export", "ndjson", "--company", "chinook", "--at-seq", "70", "--out", str(out))[0] == 0
    lines = out.read_bytes().splitlines()
    assert len(lines) == 70
    moment = json.loads(lines[41])["recorded_at"]
    code, said, _ = daftar("export", "ndjson", "--company", "chinook", "--at", moment)
    assert (code, said.splitlines()) == (0, lines[:42])


def test_it_posts_what_no_worker_has_posted(books, daftar):
    books.create("payment", amount="5", date="2024-01-10")
    code, said, _ = daftar("export", "hledger", "--company", books.codename)
    assert code == 0
    assert b"2024-01-10 (payment-1)" in said


def test_books_that_are_stuck_are_not_written(books, shared, daftar, tmp_path):
    books.create("payment", amount="5", date="2024-01-10")
    books.follow()
    with psycopg.connect(shared.database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE daftar.positions SET parked_seq = seq + 1, parked_error = 'a test' WHERE company_id = %s", (books.company_id,)
        )
    books.create("payment", amount="6", date="2024-01-11")
    code, _, told = daftar("export", "beancount", "--company", books.codename, "--out", str(tmp_path / "books"))
    assert code == 1
    assert "projection_behind" in told
    assert list(tmp_path.iterdir()) == []
    assert daftar("export", "beancount", "--company", books.codename, "--at-seq", str(books.head() - 1))[0] == 0


def test_nothing_is_replaced_without_force(chinook, daftar, tmp_path):
    out = tmp_path / "books.journal"
    out.write_text("mine")
    code, _, told = daftar("export", "hledger", "--company", "chinook", "--out", str(out))
    assert code == 2
    assert "--force" in told
    assert out.read_text() == "mine"
    assert daftar("export", "hledger", "--company", "chinook", "--out", str(out), "--force")[0] == 0
    assert out.read_bytes().startswith(b"; chinook")

    folder = tmp_path / "folder"
    folder.mkdir()
    assert daftar("export", "csv", "--company", "chinook", "--kinds", "party,payment", "--out", str(folder))[0] == 0
    assert daftar("export", "csv", "--company", "chinook", "--out", str(folder))[0] == 2
    assert daftar("export", "csv", "--company", "chinook", "--kinds", "party,product", "--out", str(folder), "--force")[0] == 0
    assert sorted(path.name for path in folder.iterdir()) == ["_export.json", "party.csv", "product.csv"]
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letters").write_text("mine")
    code, _, told = daftar("export", "csv", "--company", "chinook", "--out", str(tmp_path / "home"), "--force")
    assert (code, (tmp_path / "home" / "letters").read_text()) == (2, "mine")
    assert "never replaced" in told
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".partial")]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["xlsx", "--company", "chinook"], 2, "xlsx"),
        (["hledger"], 2, "--company"),
        (["hledger", "--company", "nobody"], 2, "company_not_found"),
        (["hledger", "--company", "chinook", "--at-seq", "99999999"], 2, "cursor_ahead"),
        (["hledger", "--company", "chinook", "--at-seq", "-1"], 2, "--at-seq"),
        (["hledger", "--company", "chinook", "--at", "yesterday"], 2, "is not a time"),
        (["hledger", "--company", "chinook", "--at", "2026-01-01T00:00:00"], 2, "with its zone"),
        (["hledger", "--company", "chinook", "--at", "2026-01-01T00:00:00Z", "--at-seq", "3"], 2, "give one"),
        (["hledger", "--company", "chinook", "--kinds", "invoice"], 2, "invalid_field"),
        (["csv", "--company", "chinook", "--kinds", "no_such,party", "--out", "PATH"], 2, "unknown_kind"),
        (["csv", "--company", "chinook"], 2, "--out"),
        (["hledger", "--company", "chinook", "--json"], 2, "--out"),
        (["hledger", "--company", "chinook", "--out", "PATH/no/such/folder/x"], 1, "cannot be written: No such file"),
        (["hledger", "--company", "chinook", "--out", "FILE/x"], 1, "cannot be written: Not a directory"),
        (["parquet", "--company", "chinook", "--out", "FILE/x"], 1, "cannot be written: Not a directory"),
    ],
)
def test_what_is_refused(chinook, daftar, tmp_path, arguments, code, said):
    (tmp_path / "file").write_text("")
    given = [one.replace("PATH", str(tmp_path / "out")).replace("FILE", str(tmp_path / "file")) for one in arguments]
    ended, out, told = daftar("export", *given)
    assert (ended, out) == (code, b""), told
    assert said in told
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_export_that_fails_or_is_killed_leaves_no_file(chinook, shared, daftar, tmp_path, monkeypatch):
    from infra.exports import hledger

    def breaks(*_: object) -> str:
        raise OSError(28, "No space left on device")

    out = tmp_path / "books.journal"
    with monkeypatch.context() as broken:
        broken.setattr(hledger, "_entry", breaks)
        code, _, told = daftar("export", "hledger", "--company", "chinook", "--out", str(out))
    assert code == 1
    assert "No space left" in told
    assert list(tmp_path.iterdir()) == []

    slow = (
        "import sys, time; import infra.exports.ndjson as ndjson; from infra.cli.main import main\n"
        "whole = ndjson.write\n"
        "def slowly(*given):\n    for count in whole(*given):\n        time.sleep(1); yield count\n"
        "ndjson.write = slowly; main()"
    )
    out = tmp_path / "events.ndjson"
    child = subprocess.Popen(
        [sys.executable, "-c", slow, "export", "ndjson", "--company", "chinook", "--out", str(out)],
        cwd=ROOT,
        env=os.environ | shared.environment(),
    )
    deadline = time.monotonic() + 30
    while not any(path.stat().st_size for path in tmp_path.iterdir()):
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    assert not out.exists()
    assert all(path.name.endswith(".partial") for path in tmp_path.iterdir())
