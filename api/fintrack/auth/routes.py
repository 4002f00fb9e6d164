"""How the auth service's APIs are declared: work that is done in a thread for whoever is logged in, and passes the gate."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from api.endpoint import Handler, Operation, endpoint
from api.fintrack.answering import Work, answer_to
from api.fintrack.asking import confirm, read_request
from api.fintrack.roles import Gate
from api.http_errors import HttpRequest


def api(method: str, path: str, operation: Operation, gate: Gate | None = None) -> Callable[[Work], HTTPRouteHandler]:
    """Make the decorated work what answers `method path`."""

    def decorate(work: Work) -> HTTPRouteHandler:
        @endpoint(method, path, operation)
        async def handle(request: HttpRequest) -> ASGIResponse:
            return await answer_to(request, work, gate)

        return handle

    return decorate


def update_api(
    path: str, operation: Operation, gate: Gate | None = None, *, slowly: bool = False
) -> Callable[[Work], list[HTTPRouteHandler]]:
    """Make the decorated work what answers PATCH and PUT: clients send either. `slowly`: it hashes a password."""

    def decorate(work: Work) -> list[HTTPRouteHandler]:
        async def handle(request: HttpRequest) -> ASGIResponse:
            return await (answer_slowly(request, work) if slowly else answer_to(request, work, gate))

        return update_endpoints(path, operation)(handle)

    return decorate


def update_endpoints(path: str, operation: Operation) -> Callable[[Handler], list[HTTPRouteHandler]]:
    """Make the decorated coroutine the handler of PATCH and of PUT."""

    def decorate(handler: Handler) -> list[HTTPRouteHandler]:
        put = dataclasses.replace(operation, id=f"{operation.id}ByPut", summary=f"{operation.summary} (PUT is PATCH)")
        return [endpoint("PATCH", path, operation)(handler), endpoint("PUT", path, put)(handler)]

    return decorate


async def answer_slowly(request: HttpRequest, work: Work) -> ASGIResponse:
    """The answer to a request of whoever is logged in, whose work hashes passwords; who asks is found out before that."""
    asked = await read_request(request)
    asker = await asked.services.threads.run(confirm, asked)
    return await asked.services.threads.run_slowly(work, asker)
