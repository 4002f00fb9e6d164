"""The HTTP application: dialects, operations and the OpenAPI document on one set of services."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec
import structlog
from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.handlers import HTTPRouteHandler, get
from litestar.response.base import ASGIResponse

from api import openapi, operations
from api.any_case import any_case
from api.compression import packing
from api.endpoint import JSON
from api.fintrack import FINTRACK
from api.fintrack.asking import TOKEN
from api.fintrack.default_routes import base_url
from api.fintrack.topics import ROUTES
from api.http_errors import Dialect, HttpRequest, HttpsRequired, refusal_handler
from api.mahak import MAHAK
from api.matrix import MATRIX
from api.native import NATIVE
from api.outermost import outermost
from api.postman import collection_of
from api.saimpex import SAIMPEX
from api.schema_page import as_page
from api.stopping import on_stop
from infra.composition import Services
from infra.limits import EXCHANGE_SECONDS, WINDOW_SECONDS
from infra.processes.collecting import collect_seldom
from infra.relay.announcing import Announcer
from infra.relay.stream import Retention
from infra.settings import Settings, load

DIALECTS: Sequence[Dialect] = (NATIVE, MATRIX, MAHAK, SAIMPEX, FINTRACK)

log = structlog.get_logger()


def create_app(settings: Settings | None = None) -> Litestar:
    """The application of one process. Raises SettingsError."""
    settings = settings or load()
    services = Services(settings)
    announcer = _announcer(settings, services)
    document = cache(describe)
    application = Litestar(
        route_handlers=[*_handlers(), *_schema_handlers(document)],
        exception_handlers={Exception: refusal_handler(DIALECTS, NATIVE)},
        lifespan=[_lifespan(services, announcer)],
        openapi_config=None,
        request_max_body_size=settings.max_body_bytes,
        cors_config=_cors(settings),
        before_request=_require_https if settings.require_https else None,
        logging_config=None,
    )
    application.state.services = services
    application.state.announcer = announcer
    application.state.document = document
    handler = any_case(application.asgi_handler, [dialect for dialect in DIALECTS if dialect.any_case])
    application.asgi_handler = outermost(packing(handler, [MATRIX, MAHAK]), services.metrics)
    return application


def _require_https(request: HttpRequest) -> None:
    """Refuse what did not come over HTTPS, as the proxy in front tells; probes come from inside."""
    scheme = request.headers.get("x-forwarded-proto", request.scope["scheme"])
    if scheme != "https" and not request.scope["path"].startswith(("/health", "/metrics")):
        raise HttpsRequired


def _cors(settings: Settings) -> CORSConfig | None:
    if not settings.cors_origins:
        return None
    # Cookies are for origins that were named: with `*` any page could act in the name of whoever is logged in
    exposed = ["ETag", "Location", "X-Request-Id", "Retry-After", "Idempotent-Replay", "X-Seq", "Content-Disposition"]
    exposed.append(TOKEN)
    origins = list(settings.cors_origins)
    return CORSConfig(allow_origins=origins, expose_headers=exposed, allow_credentials="*" not in origins)


def _announcer(settings: Settings, services: Services) -> Announcer:
    """Announces what FinTrack's APIs answered, where that is wanted."""
    url = settings.nats_url if settings.fintrack_route_events else ""
    retention = Retention(days=1, bytes=settings.fintrack_routes_max_bytes)
    return Announcer(url, ROUTES, retention, services.metrics.unannounced.inc)


def _lifespan(services: Services, announcer: Announcer) -> Callable[[Litestar], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def run(_: Litestar) -> AsyncIterator[None]:
        await services.open()
        await announcer.open()
        collect_seldom()
        limits = asyncio.create_task(_exchange_limits(services))
        try:
            with on_stop(services.hints.stop_waiting):
                yield
        finally:
            limits.cancel()
            await announcer.close()
            await services.close()

    return run


async def _exchange_limits(services: Services) -> None:
    """Tell other processes what was counted here, and learn what was counted there."""
    rounds = 0
    while True:
        await asyncio.sleep(EXCHANGE_SECONDS)
        rounds += 1
        try:
            await services.threads.run(services.limits.exchange)
            if rounds % round(WINDOW_SECONDS / EXCHANGE_SECONDS) == 0:
                await services.threads.run(services.limits.forget)
        except Exception as error:  # noqa: BLE001 - limits are a courtesy; requests are not refused for want of them
            log.warning("rate limits were not exchanged", error=repr(error))


def _version() -> str:
    try:
        return version("daftar")
    except PackageNotFoundError:
        return "0"


def _handlers() -> list[Any]:
    return [*(handler for dialect in DIALECTS for handler in dialect.handlers), *operations.HANDLERS]


def describe() -> dict[str, Any]:
    """The OpenAPI document."""
    forms = [(handler, dialect.refusals) for dialect in DIALECTS for handler in dialect.handlers]
    forms += [(handler, NATIVE.refusals) for handler in operations.HANDLERS]
    described = [(h, form) for h, form in forms if isinstance(h, HTTPRouteHandler) and "operation" in h.opt]
    return openapi.build_document(described, _version())


def _schema_handlers(document: Callable[[], dict[str, Any]]) -> list[Any]:
    @get("/schema/openapi.json", include_in_schema=False, sync_to_thread=False)
    def schema() -> ASGIResponse:
        return ASGIResponse(body=msgspec.json.encode(document()), media_type=JSON)

    @get("/schema", include_in_schema=False, sync_to_thread=False)
    def page() -> ASGIResponse:
        return ASGIResponse(body=as_page(document()), media_type="text/html")

    @get("/schema/postman.json", include_in_schema=False, sync_to_thread=False)
    def postman(request: HttpRequest) -> ASGIResponse:
        return ASGIResponse(body=msgspec.json.encode(collection_of(document(), base_url(request))), media_type=JSON)

    return [schema, page, postman]
