"""Running `daftar` in this process: what a command says and how it ends, without waiting for a Python to start."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

import pytest

from infra.cli.main import main
from infra.settings import Settings


def run_daftar(settings: Settings | None, *arguments: object, stdin: str = "") -> tuple[int, bytes, str]:
    """Run `daftar` with these arguments and no other settings than these; its exit code, stdout and stderr."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAFTAR_")}
    with (
        patch.dict(os.environ, kept | (settings.environment() if settings else {}), clear=True),
        patch.object(sys, "argv", ["daftar", *map(str, arguments)]),
        patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    said, told = (stream.detach().getvalue() for stream in (out, err))
    return int(ended.value.code or 0), said, told.decode()
