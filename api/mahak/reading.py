"""GetAllData and GetAllDataV2: of each collection that is asked for, what changed after the client's version; streamed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from msgspec import Meta

from api.answers import raw
from api.endpoint import JSON, Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.mahak import examples, forms
from api.mahak.access import DIALECT, claims_of
from api.mahak.collections import ALL, OF_VENDOR
from api.mahak.collections.collection import Collection
from api.mahak.rows import BY_PART, LAYOUT_V1, LAYOUT_V2, ORDER_PARTS
from api.reading_requests import services_of
from domain.errors import CursorAhead, InvalidField
from infra.composition import Services
from infra.sync_rows import Openings, RowsPage, SyncRows, Wanted
from infra.tokens import Claims

MOST_PAGED = 10_000
ROWS_AT_ONCE = 4_000
"""Rows of all collections that the first query reads, shared among them; each gets at least as many as the next."""
FEWEST_AT_ONCE = 50
MOST_AT_ONCE = 1_000
IN_MEMORY = 1_000_000
"""Bytes of a V2 answer that are kept in memory to be said again in the vendor's words; more are kept on the disk meanwhile."""
READ_BACK = 256 * 1024

_PLAIN = Openings("", "", "")


class Pull(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """One version for each collection that is wanted: the highest the client has, 0 for everything; these two are of 57.

    The guide writes `banksRowVersion` for `fromBankVersion`, and `customersRowVersion` for people.
    """

    from_bank_version: int | None = None
    from_order_version: int | None = None
    order_types: list[int] | None = None
    page_size: Annotated[int, Meta(ge=1, le=MOST_PAGED, description="Most rows of each collection.")] | None = None


class PulledV1(msgspec.Struct, kw_only=True, rename="pascal"):
    """`Data.Objects` has every collection: its rows, or null where it was not asked for."""

    result: bool = True
    data: dict[str, Any]


class PulledV2(msgspec.Struct, kw_only=True, rename="camel"):
    """`data` has each collection that was asked for, with its rows and their highest version; `data.objects` the same rows."""

    success: bool = True
    code: int = 0
    message: str
    result: bool = True
    data: dict[str, Any]
    has_more: bool


# What is asked for --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """One collection that is wanted: after which version, and by which name it is answered."""

    collection: Collection
    name: str
    path: str
    after: int


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
            after = forms.number(form, path)
            if after is None:
                raise InvalidField(f"`{path}` must be a version, which is a whole number.", path=path)
            found.append(Asked(collection, name, path, after))
    return sorted(found, key=lambda one: _PLACES[one.collection.name])


_PLACES = {collection.name: place for place, collection in enumerate(ALL)}


# Reading ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Progress:
    """How far one collection is."""

    asked: Asked
    page: RowsPage
    sent: int
    version: int


@dataclass(slots=True)
class Reading:
    """One request: what it asks, and the rows that answer it. Every method but the constructor blocks."""

    services: Services
    claims: Claims
    rows: SyncRows
    asked: list[Asked]
    limit: int
    """Most rows of a collection; 0 for all."""
    parts: frozenset[int] | None = None
    """The parts of the orders and their lines that are wanted; None for all."""
    began: float = field(default_factory=time.perf_counter)
    count: int = 0

    def begin(self) -> list[Progress]:
        """The first page of each collection, in one query. Raises NotAuthenticated, CursorAhead."""
        if not self.asked:
            self.services.identity.confirm(self.claims)
            return []
        share = min(MOST_AT_ONCE, max(FEWEST_AT_ONCE, ROWS_AT_ONCE // len(self.asked)))
        wanted = [Wanted(one.collection.name, one.after, min(share, self.limit or share)) for one in self.asked]
        found = self.rows.collections(self.claims.cid, wanted)
        self.services.identity.confirm(self.claims, found.head)
        for one in self.asked:
            if one.after > found.head:
                raise CursorAhead(
                    f"The version {one.after} is in the future: this database is at {found.head}. It may be another database's;"
                    " ask from 0.",
                    path=one.path,
                    head=found.head,
                )
        made = [self._first(one, page) for one, page in zip(self.asked, found.pages, strict=True)]
        if self.parts is None:
            ended = {one.asked.collection.name: one.version for one in made if not one.page.has_more}
            self.services.quiet.note(self.claims.cid, self.rows.layout.dialect, found.head, ended)
        return made

    async def nothing(self) -> list[Progress] | None:
        """The empty pages of a request for which it is known that there is nothing new; None where it has to be read.

        It costs the query of the head, which everybody who asks at the same time shares.
        """
        services, claims = self.services, self.claims
        if not self.asked:
            return None
        head = await services.heads.current(claims.cid)
        versions = ((one.collection.name, one.after) for one in self.asked)
        if not services.identity.is_known(claims, head) or any(one.after > head for one in self.asked):
            return None
        if not services.quiet.is_quiet(claims.cid, self.rows.layout.dialect, head, versions):
            return None
        page = RowsPage(b"", 0, head, has_more=False, until=head, head=head, last=0)
        return [Progress(one, page, 0, one.after) for one in self.asked]

    def _first(self, asked: Asked, page: RowsPage) -> Progress:
        if self.parts is not None and asked.collection.name in BY_PART:
            page = self._read(asked, asked.after, None)
        self.count += page.count
        return Progress(asked, page, page.count, page.last or asked.after)

    def next(self, progress: Progress) -> bool:
        """Go on to the collection's next page; False where there is none, or the request's limit is reached."""
        if not progress.page.has_more or (self.limit and progress.sent >= self.limit):
            return False
        page = self._read(progress.asked, progress.page.cursor, progress.page.until, progress.sent)
        progress.page = page
        progress.sent += page.count
        progress.version = page.last or progress.version
        self.count += page.count
        return True

    def _read(self, asked: Asked, after: int, until: int | None, sent: int = 0) -> RowsPage:
        limit = min(MOST_AT_ONCE, self.limit - sent) if self.limit else MOST_AT_ONCE
        wanted = Wanted(asked.collection.name, after, limit)
        openings = None
        if self.parts is not None and asked.collection.name in BY_PART:
            openings = dict.fromkeys(self.parts, _PLAIN)
        return self.rows.page(self.claims.cid, wanted, openings=openings, until=until)

    def is_whole(self, made: list[Progress]) -> bool:
        """Whether the first pages are all that is to be answered."""
        return not any(one.page.has_more and not (self.limit and one.sent >= self.limit) for one in made)

    def note(self) -> None:
        """Count what was answered."""
        metrics = self.services.metrics
        metrics.syncs.labels(DIALECT, "pull").inc()
        metrics.sync_seconds.labels(DIALECT, "pull").observe(time.perf_counter() - self.began)
        if self.count:
            metrics.sync_items.labels(DIALECT, "all", "pulled").inc(self.count)


# Answers ------------------------------------------------------------------------------------------

_BEGIN_V1, _END_V1 = b'{"Result":true,"Data":{"Objects":{', b"}}}"
_NAMES_V1 = [(collection.name, f'"{collection.pascal_name}":'.encode()) for collection in OF_VENDOR]
_BEGIN_V2 = b'{"success":true,"code":0,"message":"Data retrieved successfully","result":true,"data":{'


async def _pages(reading: Reading, progress: Progress) -> AsyncIterator[bytes]:
    """The rows of a collection, as the inside of a JSON list: while one page is sent, the next is read."""
    items, begun = progress.page.items, False
    threads = reading.services.threads
    while True:
        coming = asyncio.ensure_future(threads.run(reading.next, progress))
        try:
            if items:
                yield b"," + items if begun else items
                begun = True
            if not await coming:
                return
        finally:
            coming.cancel()
        items = progress.page.items


def _whole_v1(made: list[Progress]) -> bytes:
    rows = {one.asked.collection.name: one.page.items for one in made}
    parts = [name + (b"[" + rows[key] + b"]" if key in rows else b"null") for key, name in _NAMES_V1]
    return _BEGIN_V1 + b",".join(parts) + _END_V1


async def _stream_v1(reading: Reading, made: list[Progress]) -> AsyncIterator[bytes]:
    asked = {one.asked.collection.name: one for one in made}
    start = _BEGIN_V1
    for key, name in _NAMES_V1:
        if key not in asked:
            start += name + b"null,"
            continue
        yield start + name + b"["
        async for items in _pages(reading, asked[key]):
            yield items
        start = b"],"
    reading.note()
    yield start.removesuffix(b",") + _END_V1


def _end_of(one: Progress) -> bytes:
    return b'],"rowVersion":%d,"hasMore":%s}' % (one.version, _truth(one.page.has_more))


def _truth(value: bool) -> bytes:
    return b"true" if value else b"false"


def _tail_v2(made: list[Progress]) -> bytes:
    return b'}},"hasMore":%s}' % _truth(any(one.page.has_more for one in made))


def _whole_v2(made: list[Progress]) -> bytes:
    entities = [b'"%b":{"records":[%b%b,' % (one.asked.name.encode(), one.page.items, _end_of(one)) for one in made]
    objects = {one.asked.collection.name: one.page.items for one in made if not one.asked.collection.is_of_guide}
    plain = b",".join(b'"%b":[%b]' % (name.encode(), items) for name, items in objects.items())
    return _BEGIN_V2 + b"".join(entities) + b'"objects":{' + plain + _tail_v2(made)


async def _stream_v2(reading: Reading, made: list[Progress]) -> AsyncIterator[bytes]:
    threads = reading.services.threads
    with SpooledTemporaryFile(max_size=IN_MEMORY) as spool:
        kept: dict[str, tuple[int, int]] = {}
        start = _BEGIN_V2
        for one in made:
            yield start + b'"%b":{"records":[' % one.asked.name.encode()
            began = spool.tell()
            async for items in _pages(reading, one):
                spool.write(items)
                yield items
            if not one.asked.collection.is_of_guide:
                kept[one.asked.collection.name] = (began, spool.tell())
            start = _end_of(one) + b","
        yield start + b'"objects":{'
        start = b""
        for name, (first, end) in kept.items():
            yield start + b'"%b":[' % name.encode()
            spool.seek(first)
            while spool.tell() < end:
                yield await threads.run(_read_back, spool, min(READ_BACK, end - spool.tell()))
            start = b"],"
        reading.note()
        yield start.removesuffix(b",") + _tail_v2(made)


def _read_back(spool: IO[bytes], size: int) -> bytes:
    return spool.read(size)


# Endpoints ----------------------------------------------------------------------------------------

Whole = Callable[[list[Progress]], bytes]
Stream = Callable[[Reading, list[Progress]], AsyncIterator[bytes]]


async def _answer(reading: Reading, whole: Whole, stream: Stream) -> ASGIResponse:
    made = await reading.nothing()
    if made is None:
        made = await reading.services.threads.run(reading.begin)
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
        body=Pull,
        body_example=examples.PULL_V1,
        answers={200: Answer("The collections.", PulledV1, examples.PULLED_V1)},
        refusals=(CursorAhead,),
    ),
)
async def get_all_data(request: HttpRequest) -> ASGIResponse:
    """The collections in the vendor's words."""
    claims, services = claims_of(request, "sync"), services_of(request)
    form = await forms.form_of(request)
    rows = SyncRows(services.database, LAYOUT_V1)
    reading = Reading(services, claims, rows, asked_for(form, _ASKED_V1), _limit(form), _parts(form))
    return await _answer(reading, _whole_v1, _stream_v1)


@endpoint(
    "POST",
    "/API/v3/Sync/GetAllDataV2",
    Operation(
        id="mahakGetAllDataV2",
        summary="What changed since the client's versions (V2)",
        description=_DESCRIPTION,
        tag="Mahak",
        body=Pull,
        body_example=examples.PULL_V2,
        answers={200: Answer("The collections.", PulledV2, examples.PULLED_V2)},
        refusals=(CursorAhead,),
    ),
)
async def get_all_data_v2(request: HttpRequest) -> ASGIResponse:
    """The collections in the guide's words and the vendor's."""
    claims, services = claims_of(request, "sync"), services_of(request)
    form = await forms.form_of(request)
    rows = SyncRows(services.database, LAYOUT_V2)
    reading = Reading(services, claims, rows, asked_for(form, _ASKED_V2), _limit(form), _parts(form))
    return await _answer(reading, _whole_v2, _stream_v2)


HANDLERS: list[HTTPRouteHandler] = [get_all_data, get_all_data_v2]
