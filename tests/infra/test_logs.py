"""Logs: one JSON object per line, from structlog and from the standard library alike, with the request's id and no secret."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = """
import logging, structlog
from infra.observability import logs
from infra.settings import load
logs.configure(load({{"DAFTAR_LOG_FORMAT": "{form}"}}), "api")
log = structlog.get_logger("ledger")
with logs.bound(request_id="r-1"):
    log.info("invoice created", seq=7, password="hunter2", headers={{"Authorization": "Bearer hunter2", "accept": "*"}})
    logging.getLogger("library").warning("took %d ms", 9)
log.debug("not shown")
try:
    token = "hunter" + "2"
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
"""


def logged(form: str) -> list[str]:
    """The lines that the program logs in this form."""
    program = PROGRAM.format(form=form)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert not done.stdout
    return done.stderr.splitlines()


def test_json() -> None:
    first, second, third = (json.loads(line) for line in logged("json"))
    time: dict[str, Any] = {"time": first.pop("time")}
    assert time["time"].endswith("Z")
    assert first == {
        "message": "invoice created",
        "seq": 7,
        "password": "[redacted]",
        "headers": {"Authorization": "[redacted]", "accept": "*"},
        "request_id": "r-1",
        "level": "info",
        "logger": "ledger",
        "process": "api",
    }
    assert (second["message"], second["request_id"], second["logger"]) == ("took 9 ms", "r-1", "library")
    assert third["exception"][0]["exc_type"] == "ZeroDivisionError"
    assert "request_id" not in third


def test_console() -> None:
    lines = logged("console")
    assert "invoice created" in lines[0]
    assert "request_id=r-1" in lines[0]
    assert "hunter2" not in "\n".join(lines)
