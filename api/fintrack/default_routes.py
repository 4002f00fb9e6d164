"""The routes that every service has: a page to try it, its documentation, its Postman collection, its health, its icon."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from api.answers import NO_STORE, answer
from api.endpoint import Answer, Operation, endpoint
from api.fintrack.try_page import try_page
from api.http_errors import HttpRequest
from api.openapi_parts import part_of
from api.operations import Health, look
from api.postman import collection_of
from api.reading_requests import services_of
from api.schema_page import as_page

SERVICES = {
    "Auth": "/auth-api",
    "CustomerManagement": "/customermanagement-api",
    "SupplierManagement": "/suppliermanagement-api",
    "InvoiceManagement": "/invoicemanagement-api",
    "PaymentManagement": "/paymentmanagement-api",
    "ExpenseManagement": "/expensemanagement-api",
    "ProductCatalog": "/productcatalog-api",
    "Bff": "/bff-service",
    "Bucket": "/bucket",
}
ABOUT = (
    "A request names its business by codename: in the header `mbx-business-codename`, else as `_business` in the query or in the"
    " body; else it is `root`. It carries the `accessToken` of the log-in (`POST /auth-api/login`): in the query as `access_token`,"
    " as `Authorization: Bearer`, in the header `fintrack-access-token` or `fintrack-access-token-<codename>`, or in the cookie of"
    " that name.\nA body may be wrapped as `{data: {…}}`. An answer is an envelope, whose `dataName` says where the payload is. A"
    " refusal is `{result: ERR, status, message, errCode, date, detail, code, field, requestId}`, with a stable `code`."
)
ABOUT_BUCKETS = (
    "Every bucket has a token of its own, which the log-in answers: `userBucketToken`, `tenantBucketToken`,"
    " `applicationBucketToken`. It is sent as `Authorization: Bearer`; the access token opens none. Everybody reads public buckets."
)
TAG = "FinTrack: about the services"
HTML = "text/html"
SVG = "image/svg+xml"
ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#175"/>'
    b'<path d="M4 3h8v10H4zM6 6h4M6 8h4M6 10h2" fill="#fff" stroke="#175"/></svg>'
)


def base_url(request: HttpRequest) -> str:
    """How clients reach this server."""
    return services_of(request).settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")


def _page(body: bytes) -> ASGIResponse:
    return ASGIResponse(body=body, media_type=HTML)


def _operation(name: str, what: str, summary: str, shown: Answer) -> Operation:
    return Operation(id=f"fintrack{what}{name}", summary=summary, tag=TAG, answers={200: shown}, secured=False)


def _routes(name: str, prefix: str) -> Iterator[HTTPRouteHandler]:
    """The routes of one service."""
    title = f"FinTrack {name}"
    made: dict[str, Any] = {}

    def document(request: HttpRequest) -> dict[str, Any]:
        if not made:
            about = ABOUT_BUCKETS if name == "Bucket" else ABOUT
            made.update(part_of(request.app.state.document(), prefix, title, about))
        return made

    @endpoint("GET", prefix, _operation(name, "Try", "A page to try the API", Answer("The page.", also=(HTML,))))
    async def page(request: HttpRequest) -> ASGIResponse:  # noqa: ARG001 - every handler has this shape
        return _page(try_page(title, prefix))

    swagger = Answer("Every API with its parameters and examples.", also=(HTML,))

    @endpoint("GET", f"{prefix}/swagger", _operation(name, "Swagger", "The API's documentation", swagger))
    async def documentation(request: HttpRequest) -> ASGIResponse:
        return _page(as_page(document(request), f"{prefix}/swagger.json"))

    described = Answer("The OpenAPI document of this service alone.", dict[str, Any])

    @endpoint("GET", f"{prefix}/swagger.json", _operation(name, "OpenApi", "The API's OpenAPI document", described))
    async def openapi(request: HttpRequest) -> ASGIResponse:
        return answer(document(request))

    collection = Answer("The collection, in format 2.1.", dict[str, Any])

    @endpoint("GET", f"{prefix}/getPostmanCollection", _operation(name, "Postman", "The API as a Postman collection", collection))
    async def postman(request: HttpRequest) -> ASGIResponse:
        headers = {"Content-Disposition": f'attachment; filename="{prefix.strip("/")}.postman_collection.json"'}
        return answer(collection_of(document(request), base_url(request)), headers=headers)

    @endpoint("GET", f"{prefix}/favicon.ico", _operation(name, "Icon", "An icon", Answer("The icon.", also=(SVG,))))
    async def icon(request: HttpRequest) -> ASGIResponse:  # noqa: ARG001 - every handler has this shape
        return ASGIResponse(body=ICON, media_type=SVG, headers={"Cache-Control": "max-age=86400"})

    yield from (page, documentation, openapi, postman, icon)
    for path, what in (("/health", "Health"), ("/admin/health", "AdminHealth")):
        operation = Operation(
            id=f"fintrack{what}{name}",
            summary="Whether the service is well",
            tag=TAG,
            answers={200: Answer("Well, or degraded.", Health), 503: Answer("The database cannot be reached.", Health)},
            secured=False,
        )
        yield endpoint("GET", f"{prefix}{path}", operation)(_health)


async def _health(request: HttpRequest) -> ASGIResponse:
    services = services_of(request)
    health = await services.threads.run(look, services)
    return answer(health, 503 if health.status == "down" else 200, NO_STORE)


HANDLERS = [made for name, prefix in SERVICES.items() for made in _routes(name, prefix)]
