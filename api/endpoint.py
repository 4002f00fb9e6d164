"""An endpoint: a route, its handler, and the description from which the OpenAPI document is made. One place for all three."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from litestar.handlers import HTTPRouteHandler, route
from litestar.types import Empty

from domain.errors import LedgerError

JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"
EVENT_STREAM = "text/event-stream"


@dataclass(frozen=True)
class Answer:
    """What an operation answers: the type of its JSON, other media types it can send, headers, and an example."""

    description: str
    type: Any = None
    example: Any = None
    also: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """The description of one method of one path. `refusals` are the errors beside those that every operation may answer.

    `body_media` are the media types of a body that is a file; `body` is left out then, and `body_example` is text. `form` are the
    fields of a multipart form, as the properties of a JSON schema, each with an example.
    """

    id: str
    summary: str
    tag: str
    answers: Mapping[int, Answer]
    description: str = ""
    query: type | None = None
    free_query: bool = False
    body: Any = None
    body_example: Any = None
    body_required: bool = True
    body_media: tuple[str, ...] = ()
    form: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    refusals: tuple[type[LedgerError], ...] = ()
    secured: bool = True


@dataclass(frozen=True)
class Refusals:
    """How a dialect says no, for the OpenAPI document: the type of the body, its media type, and the status of each error."""

    body: type[Any]
    media_type: str
    status_of: Callable[[type[LedgerError]], int]


Handler = Callable[..., Any]


def endpoint(method: str, path: str, operation: Operation, *, streamed: bool = False) -> Callable[[Handler], HTTPRouteHandler]:
    """Make the decorated coroutine the handler of `method path`.

    `streamed`: it reads the body as it arrives and bounds it itself (`api.uploads`); the limit of other bodies does not apply.
    """

    def decorate(handler: Handler) -> HTTPRouteHandler:
        made: HTTPRouteHandler = route(
            path,
            http_method=[method],  # type: ignore[list-item]
            name=operation.id,
            opt={"operation": operation},
            include_in_schema=False,
            status_code=min(operation.answers),
            request_max_body_size=None if streamed else Empty,
        )(handler)
        return made

    return decorate
