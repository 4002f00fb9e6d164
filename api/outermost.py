"""The outermost layer of the application: request ids, metrics, the access log. It sees every request, also those of no route."""

from __future__ import annotations

import re
import time
from typing import Any
from uuid import uuid4

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from infra.observability.metrics import Metrics
from infra.observability.telemetry import span

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
_HEADER = b"x-request-id"

log = structlog.get_logger("daftar.http")


def request_id_of(headers: list[tuple[bytes, bytes]]) -> str:
    """The client's request id, if it is one that can be logged safely; else a new one."""
    for name, value in headers:
        if name == _HEADER and _REQUEST_ID.fullmatch(value):
            return value.decode()
    return uuid4().hex


def outermost(application: ASGIApp, metrics: Metrics) -> ASGIApp:
    """The application with request ids, metrics and an access log around it."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await application(scope, receive, send)
            return
        request_id = request_id_of(list(scope["headers"]))
        scope["state"]["request_id"] = request_id
        status = 500
        begin = time.perf_counter()

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (_HEADER, request_id.encode())]
            await send(message)

        tokens = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            with span("http", method=str(scope["method"]), path=scope["path"], request_id=request_id):
                await application(scope, receive, send_on)
        finally:
            seconds = time.perf_counter() - begin
            _note(scope, metrics, status, seconds)
            structlog.contextvars.reset_contextvars(**tokens)

    return handle


def _note(scope: Any, metrics: Metrics, status: int, seconds: float) -> None:
    route = scope.get("path_template") or "none"
    metrics.requests.labels(route, scope["method"], str(status)).inc()
    metrics.seconds.labels(route).observe(seconds)
    if status >= 400 or scope["method"] != "GET":
        level = log.warning if status >= 500 else log.info
        level("request", method=scope["method"], path=scope["path"], status=status, milliseconds=round(seconds * 1000, 1))
