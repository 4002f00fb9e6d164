"""The six business services: for every object, its APIs, made from its table."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from api.endpoint import Operation, endpoint
from api.fintrack import describing, reading, writing
from api.fintrack.answering import AskedList, answer_list, answer_to
from api.fintrack.asking import Asker
from api.fintrack.objects import OBJECTS
from api.fintrack.objects.object import Object
from api.fintrack.roles import Gate
from api.fintrack.topics import route_topic
from api.http_errors import HttpRequest


def handler(
    method: str,
    path: str,
    operation: Operation,
    work: Callable[[Asker], ASGIResponse],
    gate: Gate | None = None,
    topic: str = "",
) -> HTTPRouteHandler:
    """A route whose work is done in a thread, for whoever is logged in and passes the gate.

    `topic`: under which its answers are announced.
    """

    @endpoint(method, path, operation)
    async def handle(request: HttpRequest) -> ASGIResponse:
        return await answer_to(request, work, gate, topic)

    return handle


def list_handler(
    path: str, operation: Operation, ask: Callable[[Asker], AskedList], gate: Gate | None = None, topic: str = ""
) -> HTTPRouteHandler:
    """A route that answers a page of a list, for whoever is logged in and passes the gate. `ask`: what is asked; it asks nobody.

    `topic`: under which its answers are announced.
    """

    @endpoint("GET", path, operation)
    async def handle(request: HttpRequest) -> ASGIResponse:
        return await answer_list(request, ask, gate, topic)

    return handle


def _handlers(object_: Object) -> Iterator[HTTPRouteHandler]:
    """Every API of an object. PATCH and PUT are the same update."""
    one = f"{object_.path}/{{{object_.id_name}:str}}"
    describe = describing.description_of(object_.name)
    create, write, read = object_.create_gate, object_.write_gate, object_.read_gate
    topic = {action: route_topic(object_, action) for action in ("create", "list", "get", "update", "delete")}
    listed = describe.list_("list")
    yield handler("POST", object_.path, describe.create(), lambda asker: writing.create(asker, object_), create, topic["create"])
    yield list_handler(object_.path, listed, lambda asker: reading.list_of(asker, object_, "list"), read, topic["list"])
    yield handler("GET", one, describe.get(), lambda asker: reading.get_one(asker, object_), read, topic["get"])
    yield handler("PATCH", one, describe.update("PATCH"), lambda asker: writing.update(asker, object_), write, topic["update"])
    yield handler("PUT", one, describe.update("PUT"), lambda asker: writing.update(asker, object_), write, topic["update"])
    yield handler("DELETE", one, describe.delete(), lambda asker: writing.delete(asker, object_), write, topic["delete"])
    if object_.has_fetch_list:
        fetched = describe.list_("fetch")
        yield list_handler(object_.fetch_path, fetched, lambda asker: reading.list_of(asker, object_, "fetch"), read)


HANDLERS = [made for object_ in OBJECTS.values() for made in _handlers(object_)]
