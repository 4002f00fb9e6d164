"""Traces: sent to the collector when one is configured; otherwise OpenTelemetry is not even imported."""

from __future__ import annotations

import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from infra.observability import telemetry
from infra.settings import load

pytest.importorskip("opentelemetry.sdk", reason="the `otel` extra is not installed")


def test_spans_reach_the_collector() -> None:
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on stderr."""

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        end = telemetry.configure(load({"DAFTAR_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}/"}), "worker")
        with telemetry.span("ledger.execute", company="babil"):
            pass
        end()
        server.shutdown()
    assert [path for path, _ in received] == ["/v1/traces"]
    assert b"daftar-worker" in received[0][1]
    assert b"ledger.execute" in received[0][1]


def test_without_a_collector_nothing_is_imported() -> None:
    program = (
        "import sys; from infra.observability import telemetry; from infra.settings import load\n"
        "telemetry.configure(load({}), 'api')()\n"
        "with telemetry.span('x'): pass\n"
        "assert not any(name.startswith('opentelemetry') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])
