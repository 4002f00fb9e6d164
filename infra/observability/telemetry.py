"""Traces by OpenTelemetry, only when DAFTAR_OTLP_ENDPOINT is set; without it nothing of OpenTelemetry is even imported.

with span("ledger.execute", company=str(company_id)):
    ...
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from infra.settings import Settings, SettingsError

_start: Callable[[str, dict[str, Any]], AbstractContextManager[Any]] | None = None


def configure(settings: Settings, process: str) -> Callable[[], None]:
    """Start exporting traces of this process, if the settings name a collector; returns what flushes and ends it.

    Raises SettingsError when a collector is named but the `otel` extra is not installed.
    """
    global _start  # noqa: PLW0603 (one process has one exporter, as it has one stderr)
    if not settings.otlp_endpoint:
        return lambda: None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsError(
            "DAFTAR_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: pip install 'daftar[otel]'"
        ) from error

    resource = Resource.create({"service.name": f"daftar-{process}", "service.namespace": "daftar", "host.name": platform.node()})
    provider = TracerProvider(resource=resource)
    endpoint = settings.otlp_endpoint.rstrip("/") + "/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    tracer = provider.get_tracer("daftar")

    def start(name: str, attributes: dict[str, Any]) -> AbstractContextManager[Any]:
        return tracer.start_as_current_span(name, attributes=attributes)

    _start = start

    def end() -> None:
        global _start  # noqa: PLW0603
        _start = None
        provider.shutdown()

    return end


def span(name: str, **attributes: str | float | bool) -> AbstractContextManager[Any]:
    """A trace span around a block; free of cost when no collector is configured."""
    return nullcontext() if _start is None else _start(name, attributes)
