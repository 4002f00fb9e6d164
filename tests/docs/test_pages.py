"""Every command of the README and the docs is run against a real server, and its output is what the page shows.

A block marked `bash` is run, all of a page in one shell; the block `text` after it is its output, and `…` in it is any text.
A block marked `sh` is not run here: the comment before it names the test that covers it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COVERED = re.compile(r"<!-- covered by (tests/\S+?)(?:::(\w+))? -->\n\Z")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[\w-]+)?\)")
SECONDS_MAX = 240


@dataclass(frozen=True)
class Step:
    """Commands, and the output that the page shows for them, if it shows one."""

    commands: str
    output: str | None


def steps_of(page: Path) -> list[Step]:
    blocks = [(match[1], match[2]) for match in BLOCK.finditer(page.read_text("utf-8"))]
    steps = []
    for index, (language, text) in enumerate(blocks):
        if language == "bash":
            after = blocks[index + 1] if index + 1 < len(blocks) else ("", "")
            steps.append(Step(text, after[1] if after[0] == "text" else None))
    return steps


@dataclass(frozen=True)
class Server:
    """A running `daftar serve --demo`."""

    port: int
    data_dir: Path

    def adapt(self, commands: str) -> str:
        """The page's commands for this server: its port, its data folder, this Python."""
        python = shlex.quote(sys.executable)
        commands = commands.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
        commands = commands.replace(".venv/bin/python", python).replace(".venv/bin/daftar", f"{python} -P -m infra.cli")
        return commands.replace('".daftar/', f'"{self.data_dir}/')


def environment(data_dir: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAFTAR_")}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    own = str(data_dir.parent / "projections.d")
    return kept | {"DAFTAR_DATA_DIR": str(data_dir), "DAFTAR_PROJECTIONS_DIR": own, "PYTHONPATH": path, "COLUMNS": "200"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="daftar-docs-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-P", "-m", "infra.cli", "serve", "--demo", "--port", str(port)]
    log = (folder / "output").open("wb")
    data_dir = folder / "data"
    child = subprocess.Popen(
        command, env=environment(data_dir) | {"DAFTAR_API_PROCESSES": "1"}, stdout=log, stderr=log, start_new_session=True
    )
    try:
        wait_for_http(port, child, folder / "output")
        yield Server(port, data_dir)
    finally:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            raise
        finally:
            log.close()
            shutil.rmtree(folder, ignore_errors=True)


def wait_for_http(port: int, child: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + 60
    while "Daftar serves on" not in output.read_text("utf-8", errors="replace"):
        assert child.poll() is None, output.read_text("utf-8", errors="replace")
        assert time.monotonic() < deadline, output.read_text("utf-8", errors="replace")
        time.sleep(0.1)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as response:
        assert response.status == 200


def run(steps: list[Step], server: Server) -> list[str]:
    """The output of each step, run one after the other in one shell."""
    script = "".join(f"echo '@@ {n}'\n{server.adapt(step.commands)}\n" for n, step in enumerate(steps)) + "echo '@@ end'\n"
    done = subprocess.run(
        ["bash", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
        cwd=ROOT,
        env=environment(server.data_dir),
    )
    outputs = re.split(r"^@@ (?:\d+|end)\n", done.stdout, flags=re.MULTILINE)[1:]
    assert len(outputs) == len(steps) + 1, done.stdout
    return outputs[: len(steps)]


def matches(shown: str, real: str) -> bool:
    """Whether the output is the shown one; `…` stands for any text, also of several lines. Blank lines do not count."""
    pattern = ".*?".join(re.escape(part) for part in _solid(shown).split("…"))
    return re.fullmatch(pattern, _solid(real), re.DOTALL) is not None


def _solid(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


@pytest.mark.parametrize("page", [page for page in PAGES if steps_of(page)], ids=lambda page: page.name)
def test_the_commands_of_a_page_do_what_the_page_says(page: Path, server: Server) -> None:
    steps = steps_of(page)
    outputs = run(steps, server)
    for step, real in zip(steps, outputs, strict=True):
        if step.output is None:
            assert not real.strip(), f"{step.commands}\nsaid\n{real}"
        else:
            assert matches(step.output, real), f"{step.commands}\nsaid\n{real}\ninstead of\n{step.output}"

    if page.name == "README.md":
        forged = next(output for output in outputs if "forged: event" in output)
        seq, said = re.findall(r"forged: event (\d+)\n(.*)", forged, re.DOTALL)[0]
        assert re.search(rf"\b{seq}\b", said), "verify names the event that was forged"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_not_run_here_name_the_test_that_covers_them(page: Path) -> None:
    text = page.read_text("utf-8")
    for match in BLOCK.finditer(text):
        if match[1] in {"sh", "shell", "console", ""}:
            covered = COVERED.search(text[: match.start()])
            assert covered, f"{page.name}: no test is named for\n{match[2]}"
            test = ROOT / covered[1]
            assert test.is_file(), covered[1]
            assert covered[2] is None or f"def {covered[2]}(" in test.read_text("utf-8"), covered[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_make_runs_what_the_pages_say() -> None:
    """`make serve` and `make test` end in these commands; tests/infra/test_serve.py runs the first."""

    def last_command(*arguments: str) -> str:
        command = ["make", "--dry-run", "--always-make", "--no-print-directory", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout.strip().splitlines()[-1]

    served = last_command("serve").split()
    assert {".venv/bin/daftar", "serve", "--demo"} <= set(served)
    assert served[-4:] == ["--host", "127.0.0.1", "--port", "8000"]
    assert last_command("serve", "PORT=8080").endswith("--port 8080")
    assert last_command("test").strip().endswith(".venv/bin/python -m pytest -n 2 --dist loadfile")
