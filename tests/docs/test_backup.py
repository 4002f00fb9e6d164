"""The backups that docs/operations.md describes, made and restored as it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import msgspec
import psycopg
import pytest

from infra.embedded import EmbeddedPostgres
from infra.embedded.postgres import API_ROLE, installation
from infra.settings import Settings

ROOT = Path(__file__).parents[2]


def block(test: str) -> str:
    """The commands of the page that name this test."""
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    found = re.search(rf"<!-- covered by \S+::{test} -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def run(script: str, folder: Path, variables: dict[str, str]) -> str:
    """Run commands in a folder; `daftar` is this source tree's, PostgreSQL's tools are those of its wheel."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAFTAR_")}
    kept["PATH"] = f"{installation() / 'bin'}{os.pathsep}{kept['PATH']}"
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH"))))
    daftar = f'daftar() {{ {shlex.quote(sys.executable)} -P -m infra.cli "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-e", "-c", daftar + script],
        cwd=folder,
        env=kept | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def empty_database(postgres: EmbeddedPostgres) -> Iterator[str]:
    name = f"restored_{uuid4().hex}"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield name
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_dump_is_restored_and_its_chain_holds(
    settings: Settings, postgres: EmbeddedPostgres, empty_database: str, tmp_path: Path
) -> None:
    run("daftar demo load --company chinook", tmp_path, settings.environment())
    new = msgspec.structs.replace(
        settings,
        database_url=postgres.url(database=empty_database),
        api_database_url=postgres.url(API_ROLE, empty_database),
    )
    urls = {"OLD_DATABASE_URL": settings.database_url, "NEW_DATABASE_URL": new.database_url}
    run(block("test_a_dump_is_restored_and_its_chain_holds"), tmp_path, new.environment() | urls)
    show = "daftar company show chinook --json"
    before, after = (json.loads(run(show, tmp_path, each.environment())) for each in (settings, new))
    assert before == after
    again = json.loads(run("daftar demo load --company chinook --json", tmp_path, new.environment()))
    assert not any(again["added"].values())


def test_a_copied_data_folder_is_a_backup() -> None:
    folder = Path(tempfile.mkdtemp(prefix="daftar-copy-"))
    try:
        run("daftar demo create", folder, {})
        before = run("daftar company show babil --json", folder, {})
        create, extract = block("test_a_copied_data_folder_is_a_backup").splitlines()
        run(create, folder, {})
        shutil.rmtree(folder / ".daftar")
        run(extract, folder, {})
        assert run("daftar company show babil --json", folder, {}) == before
    finally:
        shutil.rmtree(folder)
