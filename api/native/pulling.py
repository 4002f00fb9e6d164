"""Pulling since a cursor: pages, everything in one stream, and waiting for more.

A page is joined by Postgres and copied to the client; nothing is decoded on the way. What a stream of pages holds in memory is the
page being sent and the one being read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

import msgspec
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from msgspec import Meta

from api.answers import raw
from api.endpoint import JSON, NDJSON
from api.http_errors import HttpRequest
from api.native.answers import page_tail
from api.reading_requests import Read, accepts, convert_query, query_pairs
from domain.errors import CursorInvalid, InvalidField, LedgerError
from infra.composition import Services
from infra.identity.tokens import Claims
from infra.reading.reader import MAX_PAGE, Page, Pulled, known_kinds

STREAMED_PAGE = 1_000
LONGEST_WAIT_SECONDS = 60

Cursor = Annotated[int, Meta(ge=0, le=2**62, description="The cursor of the last answer; 0 for everything.")]


class PullQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to pull."""

    after: Cursor = 0
    kinds: Annotated[str, Meta(description="Kinds, separated by commas. Default: all.")] | None = None
    limit: Annotated[
        int, Meta(ge=0, le=MAX_PAGE, description="Most items of this page. 0: everything up to the head, streamed.")
    ] = 1_000
    wait: Annotated[
        float, Meta(ge=0, le=LONGEST_WAIT_SECONDS, description="Seconds to wait for something new where there is nothing.")
    ] = 0.0

    @property
    def kind_names(self) -> list[str] | None:
        """The kinds asked for, or None for all."""
        if self.kinds is None:
            return None
        names = sorted({name.strip() for name in self.kinds.split(",")} - {""})
        if not names:
            raise InvalidField("Name at least one kind, or leave the parameter out.", path="kinds")
        known_kinds(names)
        return names


def read_since(request: HttpRequest, form: type[Read]) -> Read:
    """The query of what is read since a cursor, `after`. Raises CursorInvalid, InvalidField."""
    pairs = query_pairs(request)
    try:
        return convert_query(pairs, form)
    except InvalidField as error:
        raise CursorInvalid(path="after") if error.path == "after" else error from None


@dataclass(frozen=True, slots=True)
class Pull:
    """One pull: what is read, for whom, and how its JSON begins."""

    services: Services
    claims: Claims
    what: Pulled
    kinds: list[str] | None

    def page(self, after: int, limit: int, separator: bytes = b",") -> Page:
        """A page, for a session that is still open: both are known from the same round trip while the log stands still."""
        try:
            page = self.services.reader.pull(self.what, self.claims.cid, after, limit, self.kinds, separator)
        except LedgerError:
            self.services.identity.confirm(self.claims)  # nothing is told to a session that has ended, not even this
            raise
        self.services.identity.confirm(self.claims, page.head)
        self.services.metrics.pulled.labels(self.what).observe(page.count)
        return page

    async def answer(self, query: PullQuery, request: HttpRequest) -> ASGIResponse:
        """One page, or everything, as JSON or NDJSON."""
        if accepts(request, NDJSON):
            return await self._stream(query.after, query.limit, as_lines=True, one_page="limit=" in request.url.query)
        if query.limit == 0:
            return await self._stream(query.after, 0, as_lines=False, one_page=False)
        if query.after and not query.wait and await self._is_at_head(query.after):
            return raw(b'{"%s":[],"cursor":%d,"has_more":false}' % (self.what.encode(), query.after))
        page = await (self._wait(query) if query.wait else self.services.threads.run(self.page, query.after, query.limit))
        return raw(b'{"%s":[' % self.what.encode() + page.items + page_tail(page))

    async def _is_at_head(self, after: int) -> bool:
        """Whether there is nothing to pull, for a session known to be open as of this very head: the cheapest answer there is."""
        return await self.services.heads.current(self.claims.cid) == after and self.services.identity.is_known(self.claims, after)

    async def _wait(self, query: PullQuery) -> Page:
        clock = asyncio.get_running_loop().time
        deadline = clock() + query.wait
        after = query.after
        with self.services.hints.waiter(self.claims.cid) as waiter:
            while True:
                page = await self.services.threads.run(self.page, after, query.limit)
                after = page.cursor
                if page.count or not await waiter.wait(after, deadline - clock()):
                    return page

    async def _stream(self, after: int, limit: int, *, as_lines: bool, one_page: bool) -> ASGIResponse:
        separator = b"\n" if as_lines else b","
        if one_page and limit:
            page = await self.services.threads.run(self.page, after, limit, separator)
            return ASGIResponse(body=page.items + b"\n" if page.items else b"", media_type=NDJSON, headers=_cursor(page))
        first = await self.services.threads.run(self.page, after, STREAMED_PAGE, separator)
        pages = self._pages(first, separator)
        chunks = _lines(pages) if as_lines else _document(self.what, pages)
        return ASGIStreamingResponse(
            iterator=chunks, status_code=200, media_type=NDJSON if as_lines else JSON, headers={"X-Accel-Buffering": "no"}
        )

    async def _pages(self, first: Page, separator: bytes) -> AsyncIterator[Page]:
        """Pages up to where the log ended at the first one; the next is read while one is being sent."""
        page, end = first, first.head
        while page.has_more and page.cursor < end:
            coming = self.services.threads.start(self.page, page.cursor, STREAMED_PAGE, separator)
            try:
                yield page
            except BaseException:
                coming.cancel()
                raise
            page = await coming
        yield page


def _cursor(page: Page) -> dict[str, str]:
    return {"X-Cursor": str(page.cursor), "X-Has-More": "true" if page.has_more else "false"}


async def _lines(pages: AsyncIterator[Page]) -> AsyncIterator[bytes]:
    async for page in pages:
        if page.items:
            yield page.items + b"\n"


async def _document(what: str, pages: AsyncIterator[Page]) -> AsyncIterator[bytes]:
    start = b'{"%s":[' % what.encode()
    async for page in pages:
        if page.items:
            yield start + page.items
            start = b","
        last = page
    yield (b"" if start == b"," else start) + page_tail(last)
