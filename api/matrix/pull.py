"""Pull: everything that others changed since a device's version, streamed a page at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated
from uuid import UUID

import msgspec
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from msgspec import Meta

from api.answers import raw
from api.endpoint import JSON, Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.matrix import examples, forms
from api.matrix.access import Asker
from api.matrix.ready import CHANGES, LAYOUT, openings_of, with_conflicts
from api.matrix.rendering import ChangeRow, Rows
from api.matrix.syncing import SyncRequest, sync_request
from api.matrix.tables import PULLED
from domain.errors import CompanyNotFound, CursorAhead, NotAllowed
from infra.sync.change_reader import ChangeReader
from infra.sync.rows import RowsPage, SyncRows, Wanted

PAGE = 1_000
MOST_PULLED = 10_000
CONFLICTS = "conflicts"


class PullForm(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What to pull. `include_own`: also what only this device changed, as a device does that lost its data."""

    device_id: Annotated[str, Meta(min_length=1, max_length=128)]
    last_version: Annotated[int, Meta(ge=0, description="`current_version` of the last answer; 0 first.")]
    company_id: int | None = None
    tables: list[str] | None = None
    limit: Annotated[int, Meta(ge=0, le=MOST_PULLED, description="Most records of this page; 0: all there are, streamed.")] = 0
    include_own: bool = False
    include_conflicts: bool = False


class Pulled(msgspec.Struct, kw_only=True):
    """What changed, in order of version. With `has_more` the next pull, from `current_version`, goes on."""

    success: bool = True
    changes: list[ChangeRow]
    current_version: int
    has_more: bool


class Pull:
    """One pull of one device."""

    def __init__(self, request: SyncRequest, asker: Asker) -> None:
        form = request.form
        self.request = request
        self.asker = asker
        self.after = forms.number(form, "last_version", most=2**62)
        self.limit = forms.number(form, "limit", 0, most=MOST_PULLED)
        asked = forms.tables(form)
        extra = {CONFLICTS: CONFLICTS} if forms.flag(form, "include_conflicts", default=False) else {}
        everything = {name: name for name in PULLED} | extra
        self.tables = asker.pulled_tables(None if asked is None else asked | extra, everything)
        self.openings = openings_of(self.tables)
        self.rows = SyncRows(request.services.database, LAYOUT)
        self.count = 0
        self.device_id: UUID | None = None
        if not forms.flag(form, "include_own", default=False):
            pushed = request.syncs.find(asker.company_id, asker.device).pushed_seq
            if pushed > self.after:  # else there is nothing of its own to leave out
                self.device_id = asker.device_record.id

    def begin(self) -> RowsPage:
        """The first page. Raises CursorAhead."""
        page = self.read(self.after)
        if self.after > page.head:
            raise CursorAhead(
                f"The version {self.after} is in the future: this company is at {page.head}."
                " It may be another company's; pull from 0.",
                path="last_version",
                head=page.head,
            )
        if self.limit or not page.has_more:
            self.note(page)
        return page

    def read(self, after: int, until: int | None = None) -> RowsPage:
        """A page of changes."""
        wanted = Wanted(CHANGES, after, self.limit or PAGE)
        openings, since = self.openings, self.after
        page = self.rows.page(self.asker.company_id, wanted, openings=openings, since=since, not_own=self.device_id, until=until)
        self.count += page.count
        if CONFLICTS in self.tables:
            page = replace(page, items=self._with_conflicts(page.items))
        return page

    def _with_conflicts(self, items: bytes) -> bytes:
        services, asker = self.request.services, self.asker
        rows = Rows(ChangeReader(services.database), services.store, asker.company_id, asker.company_number)
        return with_conflicts(items, rows)

    def note(self, page: RowsPage) -> None:
        """Remember how far the device is now."""
        syncs, seconds = self.request.syncs, self.request.seconds
        syncs.note_pull(self.asker.company_id, self.asker.device, page.cursor, seconds=seconds, items=self.count)
        self.request.note("pull", {("all", "pulled"): self.count} if self.count else {})

    async def stream(self, page: RowsPage) -> AsyncIterator[bytes]:
        """The answer, up to where the log ended at the first page: while one page is sent, the next is read."""
        start, coming = b'{"success":true,"changes":[', self._read_next(page)
        try:
            while coming is not None:
                if page.items:
                    yield start + page.items
                    start = b","
                page = await coming
                coming = self._read_next(page)
        finally:
            if coming is not None:
                coming.cancel()
        await self.request.services.threads.run(self.note, page)
        yield (b"" if start == b"," and not page.items else start) + page.items + _tail(page.cursor, has_more=False)

    def _read_next(self, page: RowsPage) -> asyncio.Future[RowsPage] | None:
        if not page.has_more:
            return None
        return self.request.services.threads.start(self.read, page.cursor, page.until)


def _tail(version: int, *, has_more: bool) -> bytes:
    return b'],"current_version":%d,"has_more":%s}' % (version, b"true" if has_more else b"false")


@endpoint(
    "POST",
    "/api/sync/pull",
    Operation(
        id="matrixPull",
        summary="What others changed since the device's version",
        description="One change for each record, in its latest state. Without a `limit` everything comes in one streamed answer.",
        tag="Matrix: sync",
        body=PullForm,
        body_example=examples.PULL,
        answers={200: Answer("The changes.", Pulled, examples.PULLED)},
        refusals=(CompanyNotFound, NotAllowed, CursorAhead),
    ),
)
async def pull(request: HttpRequest) -> ASGIResponse:
    """Everything that others changed since the device's version."""
    asked = await sync_request(request)

    def begin() -> tuple[Pull, RowsPage]:
        made = Pull(asked, asked.asker())
        return made, made.begin()

    made, page = await asked.services.threads.run(begin)
    if made.limit or not page.has_more:
        return raw(b'{"success":true,"changes":[' + page.items + _tail(page.cursor, has_more=page.has_more))
    return ASGIStreamingResponse(iterator=made.stream(page), status_code=200, media_type=JSON)
