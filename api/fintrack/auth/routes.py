"""What the routes of the auth service share: updates by PATCH and PUT, and work that hashes passwords."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from api.endpoint import Handler, Operation, endpoint
from api.fintrack.asking import Asker, confirm, read_request
from api.http_errors import HttpRequest


def update_endpoints(path: str, operation: Operation) -> Callable[[Handler], list[HTTPRouteHandler]]:
    """Make the decorated coroutine the handler of PATCH and of PUT: clients send either."""

    def decorate(handler: Handler) -> list[HTTPRouteHandler]:
        put = dataclasses.replace(operation, id=f"{operation.id}ByPut", summary=f"{operation.summary} (PUT is PATCH)")
        return [endpoint("PATCH", path, operation)(handler), endpoint("PUT", path, put)(handler)]

    return decorate


async def answer_slowly(request: HttpRequest, work: Callable[[Asker], ASGIResponse]) -> ASGIResponse:
    """The answer to a request of whoever is logged in, whose work hashes passwords; who asks is found out before that."""
    asked = await read_request(request)
    asker = await asked.services.threads.run(confirm, asked)
    return await asked.services.threads.run_slowly(work, asker)
