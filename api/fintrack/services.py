"""The six business services: for every object, its APIs, made from its table."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from api.endpoint import Operation, endpoint
from api.fintrack import describing, reading, writing
from api.fintrack.answering import answer_list, answer_to
from api.fintrack.asking import Asker
from api.fintrack.objects import OBJECTS
from api.fintrack.objects.object import Object
from api.fintrack.roles import Gate
from api.http_errors import HttpRequest


def handler(
    method: str,
    path: str,
    operation: Operation,
    work: Callable[[Asker], ASGIResponse],
    gate: Gate | None = None,
    *,
    is_list: bool = False,
) -> HTTPRouteHandler:
    """A route whose work is done in a thread, for whoever is logged in and passes the gate; `is_list`: it only reads a list."""

    @endpoint(method, path, operation)
    async def handle(request: HttpRequest) -> ASGIResponse:
        return await (answer_list if is_list else answer_to)(request, work, gate)

    return handle


def _handlers(object_: Object) -> Iterator[HTTPRouteHandler]:
    """Every API of an object. PATCH and PUT are the same update."""
    one = f"{object_.path}/{{{object_.id_name}:str}}"
    describe = describing.Describing(object_)
    create, write, read = object_.create_gate, object_.write_gate, object_.read_gate
    yield handler("POST", object_.path, describe.create(), lambda asker: writing.create(asker, object_), create)
    listed, fetched = describe.list_("list"), describe.list_("fetch")
    yield handler("GET", object_.path, listed, lambda asker: reading.get_list(asker, object_, "list"), read, is_list=True)
    yield handler("GET", one, describe.get(), lambda asker: reading.get_one(asker, object_), read)
    yield handler("PATCH", one, describe.update("PATCH"), lambda asker: writing.update(asker, object_), write)
    yield handler("PUT", one, describe.update("PUT"), lambda asker: writing.update(asker, object_), write)
    yield handler("DELETE", one, describe.delete(), lambda asker: writing.delete(asker, object_), write)
    if object_.has_fetch_list:
        work = lambda asker: reading.get_list(asker, object_, "fetch")  # noqa: E731
        yield handler("GET", object_.fetch_path, fetched, work, read, is_list=True)


HANDLERS = [made for object_ in OBJECTS.values() for made in _handlers(object_)]
