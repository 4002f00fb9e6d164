"""The six business services: for every object, its APIs, made from its table."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from api.endpoint import Operation, endpoint
from api.fintrack import describing, reading, writing
from api.fintrack.asking import Asker, answer_to
from api.fintrack.objects import OBJECTS
from api.fintrack.objects.object import Object
from api.fintrack.topics import route_topic
from api.http_errors import HttpRequest


def handler(
    method: str, path: str, operation: Operation, work: Callable[[Asker], ASGIResponse], topic: str = ""
) -> HTTPRouteHandler:
    """A route whose work is done in a thread, for whoever is logged in. `topic`: under which its answers are announced."""

    @endpoint(method, path, operation)
    async def handle(request: HttpRequest) -> ASGIResponse:
        return await answer_to(request, work, topic)

    return handle


def _handlers(object_: Object) -> Iterator[HTTPRouteHandler]:
    """Every API of an object. PATCH and PUT are the same update."""
    one = f"{object_.path}/{{{object_.id_name}:str}}"
    describe = describing.description_of(object_.name)
    topic = {action: route_topic(object_, action) for action in ("create", "list", "get", "update", "delete")}
    listed = describe.list_("list")
    yield handler("POST", object_.path, describe.create(), lambda asker: writing.create(asker, object_), topic["create"])
    yield handler("GET", object_.path, listed, lambda asker: reading.get_list(asker, object_, "list"), topic["list"])
    yield handler("GET", one, describe.get(), lambda asker: reading.get_one(asker, object_), topic["get"])
    yield handler("PATCH", one, describe.update("PATCH"), lambda asker: writing.update(asker, object_), topic["update"])
    yield handler("PUT", one, describe.update("PUT"), lambda asker: writing.update(asker, object_), topic["update"])
    yield handler("DELETE", one, describe.delete(), lambda asker: writing.delete(asker, object_), topic["delete"])
    if object_.has_fetch_list:
        fetch = describe.list_("fetch")
        yield handler("GET", object_.fetch_path, fetch, lambda asker: reading.get_list(asker, object_, "fetch"))


HANDLERS = [made for object_ in OBJECTS.values() for made in _handlers(object_)]
