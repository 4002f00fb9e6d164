"""GetAllData and GetAllDataV2: of each collection that is asked for, what changed after the client's version; streamed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse

from api.answers import raw
from api.endpoint import JSON, Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.mahak import described, examples, forms
from api.mahak.access import claims_of
from api.mahak.collections import ALL, OF_VENDOR
from api.mahak.collections.collection import Collection
from api.mahak.pages import Asked, Progress, Reading, note_pull
from api.mahak.rows import LAYOUT_V1, LAYOUT_V2, ORDER_PARTS
from api.mahak.streaming import stream_v1, stream_v2, whole_v1, whole_v2
from api.mahak.values import INT64
from api.reading_requests import services_of
from domain.errors import CursorAhead, InvalidField
from infra.composition import Services
from infra.identity.tokens import Claims
from infra.sync.layout import Layout
from infra.sync.quiet import Nothing, Question
from infra.sync.rows import SyncRows

MOST_PAGED = 10_000


class PulledDataV1(msgspec.Struct, kw_only=True, rename="pascal"):
    """The collections."""

    objects: described.PulledObjects  # type: ignore[valid-type]


class PulledV1(msgspec.Struct, kw_only=True, rename="pascal"):
    """`Data.Objects` has every collection: its rows, or null where it was not asked for."""

    result: bool = True
    data: PulledDataV1


class PulledV2(msgspec.Struct, kw_only=True, rename="camel"):
    """`data` has each collection that was asked for, with its rows and their highest version; `data.objects` the same rows."""

    success: bool = True
    code: int = 0
    message: str
    result: bool = True
    data: described.PulledData  # type: ignore[valid-type]
    has_more: bool


# What is asked for --------------------------------------------------------------------------------


_ASKED_V1: Mapping[str, tuple[Collection, str, str]] = {
    collection.version_field.lower(): (collection, collection.pascal_name, collection.version_field) for collection in OF_VENDOR
}
_ASKED_V2: Mapping[str, tuple[Collection, str, str]] = {
    **{c.version_field.lower(): (c, c.name, c.version_field) for c in ALL},
    **{f"{name}RowVersion".lower(): (c, name, f"{name}RowVersion") for c in ALL for name in (c.name, *c.guide)},
}


def asked_for(form: Mapping[str, Any], names: Mapping[str, tuple[Collection, str, str]]) -> list[Asked]:
    """The collections that a request names, in the vendor's order. Raises InvalidField."""
    found: list[Asked] = []
    for key, value in form.items():
        if value is not None and (known := names.get(key)) is not None:
            collection, name, path = known
            after = value if type(value) is int and 0 <= value <= INT64 else forms.number(form, path)
            if after is None:
                raise InvalidField(f"`{path}` must be a version, which is a whole number.", path=path)
            found.append(Asked(collection, name, path, after))
    return sorted(found, key=lambda one: _PLACES[one.collection.name])


_PLACES = {collection.name: place for place, collection in enumerate(ALL)}


# Endpoints ----------------------------------------------------------------------------------------

Names = Mapping[str, tuple[Collection, str, str]]
Whole = Callable[[list[Progress]], bytes]
Stream = Callable[[Reading, list[Progress]], AsyncIterator[bytes]]


async def _as_before(services: Services, claims: Claims, question: Question) -> bytes | None:
    """The answer to a poll that is known to find nothing, for a session that is known to be open; None where it is to be read."""
    known = services.quiet.answer(question)
    if known is None or await services.heads.current(claims.cid) != known.head:
        return None
    return known.answer if services.identity.is_known(claims, known.head) else None


async def _answer(request: HttpRequest, layout: Layout, names: Names, whole: Whole, stream: Stream) -> ASGIResponse:
    """What a request asks for. The same poll again, of which it is known that there is nothing new, is answered as before."""
    began = time.perf_counter()
    claims, services = claims_of(request, "sync"), services_of(request)
    body = await forms.body_of(request)
    question = Question(claims.cid, claims.sub, layout.dialect, body)
    if (known := await _as_before(services, claims, question)) is not None:
        note_pull(services.metrics, began)
        return raw(known)
    form = forms.form_in(body)
    rows = SyncRows(services.database, layout)
    reading = Reading(services, claims, rows, asked_for(form, names), _limit(form), _parts(form), began=began)
    made = await reading.nothing()
    if made is not None:
        answer = whole(made)
        services.quiet.keep(question, Nothing(made[0].page.head, answer))
        reading.note()
        return raw(answer)
    made = await services.threads.run(reading.begin)
    if not reading.is_whole(made):
        return ASGIStreamingResponse(iterator=stream(reading, made), status_code=200, media_type=JSON)
    reading.note()
    return raw(whole(made))


def _limit(form: Mapping[str, Any]) -> int:
    limit = forms.number(form, "pageSize", most=MOST_PAGED)
    if limit == 0:
        raise InvalidField(f"`pageSize` is from 1 to {MOST_PAGED}; leave it out for everything.", path="pageSize")
    return limit or 0


def _parts(form: Mapping[str, Any]) -> frozenset[int] | None:
    types = forms.numbers(form, "orderTypes")
    if not types:
        return None
    return frozenset(ORDER_PARTS[str(number)] for number in types if str(number) in ORDER_PARTS)


_DESCRIPTION = (
    "Each collection that is named is answered with the rows whose version is above the one given, deleted ones with `deleted`"
    " true. With a `pageSize` ask again with the highest version of each collection until there is nothing more."
)


@endpoint(
    "POST",
    "/API/v3/Sync/GetAllData",
    Operation(
        id="mahakGetAllData",
        summary="What changed since the client's versions (V1)",
        description=_DESCRIPTION,
        tag="Mahak",
        body=described.Pull,
        body_example=examples.PULL_V1,
        answers={200: Answer("The collections.", PulledV1, examples.PULLED_V1)},
        refusals=(CursorAhead,),
    ),
)
async def get_all_data(request: HttpRequest) -> ASGIResponse:
    """The collections in the vendor's words."""
    return await _answer(request, LAYOUT_V1, _ASKED_V1, whole_v1, stream_v1)


@endpoint(
    "POST",
    "/API/v3/Sync/GetAllDataV2",
    Operation(
        id="mahakGetAllDataV2",
        summary="What changed since the client's versions (V2)",
        description=_DESCRIPTION,
        tag="Mahak",
        body=described.Pull,
        body_example=examples.PULL_V2,
        answers={200: Answer("The collections.", PulledV2, examples.PULLED_V2)},
        refusals=(CursorAhead,),
    ),
)
async def get_all_data_v2(request: HttpRequest) -> ASGIResponse:
    """The collections in the guide's words and the vendor's."""
    return await _answer(request, LAYOUT_V2, _ASKED_V2, whole_v2, stream_v2)


HANDLERS: list[HTTPRouteHandler] = [get_all_data, get_all_data_v2]
