"""Pull: everything that others changed since a device's version, streamed a page at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
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
from api.matrix.documents import Document, documents_of
from api.matrix.rendering import ChangeRow, Rows
from api.matrix.syncing import SyncRequest, sync_request
from api.matrix.tables import PULLED, views_of
from domain.errors import CompanyNotFound, CursorAhead, NotAllowed
from infra.pulling_changes import ChangedPage, ChangeReader

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
        self.kinds = {table.kind for name in self.tables for table in views_of(name)}
        self.reader = ChangeReader(request.services.database)
        self.rows = Rows(self.reader, request.services.store, asker.company_id, asker.company_number)
        self.count = 0
        self.device_id: UUID | None = None
        if not forms.flag(form, "include_own", default=False):
            pushed = request.syncs.find(asker.company_id, asker.device).pushed_seq
            if pushed > self.after:  # else there is nothing of its own to leave out
                self.device_id = asker.device_record.id

    def read(self, after: int) -> ChangedPage:
        """A page of records. Raises CursorAhead."""
        return self.reader.page(self.asker.company_id, after, self.limit or PAGE, self.kinds)

    def render(self, page: ChangedPage) -> bytes:
        """Its rows, as the inside of a JSON list."""
        documents = self._foreign(documents_of(page.items))
        self.count += len(documents)
        return self.rows.encoded(documents, self._made_before(documents), self.tables)

    def _foreign(self, documents: list[Document]) -> list[Document]:
        if self.device_id is None or not documents:
            return documents
        ids = [UUID(document.id) for document in documents]
        own = self.reader.own(self.asker.company_id, ids, self.device_id, self.after)
        return [document for document in documents if document.id not in own]

    def _made_before(self, documents: list[Document]) -> frozenset[str]:
        """Which of them were there before what the device has; one that has its first event only was not."""
        if not self.after:
            return frozenset()
        changed = [UUID(document.id) for document in documents if document.version > 1]
        return self.reader.made_before(self.asker.company_id, changed, self.after)

    def note(self, seq: int) -> None:
        """Remember how far the device is now."""
        syncs, seconds = self.request.syncs, self.request.seconds
        syncs.note_pull(self.asker.company_id, self.asker.device, seq, seconds=seconds, items=self.count)
        self.request.note("pull", {("all", "pulled"): self.count} if self.count else {})

    async def stream(self, page: ChangedPage, rows: bytes) -> AsyncIterator[bytes]:
        """The answer, up to where the log ended at the first page: while one is rendered and sent, the next is read."""
        threads, end, start = self.request.services.threads, page.head, b'{"success":true,"changes":['
        coming = self._read_next(page, end)
        try:
            while coming is not None:
                if rows:
                    yield start + rows
                    start = b","
                page = await coming
                coming = self._read_next(page, end)
                rows = await threads.run(self.render, page)
        finally:
            if coming is not None:
                coming.cancel()
        await threads.run(self.note, page.cursor)
        yield (start + rows if rows else b"" if start == b"," else start) + _tail(page.cursor, has_more=False)

    def _read_next(self, page: ChangedPage, end: int) -> asyncio.Future[ChangedPage] | None:
        if not page.has_more or page.cursor >= end:
            return None
        return asyncio.ensure_future(self.request.services.threads.run(self.read, page.cursor))


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

    def begin() -> tuple[Pull, ChangedPage, bytes]:
        made = Pull(asked, asked.asker())
        page = made.read(made.after)
        rows = made.render(page)
        if made.limit or not page.has_more:
            made.note(page.cursor)
        return made, page, rows

    made, page, rows = await asked.services.threads.run(begin)
    if made.limit or not page.has_more:
        return raw(b'{"success":true,"changes":[' + rows + _tail(page.cursor, has_more=page.has_more))
    return ASGIStreamingResponse(iterator=made.stream(page, rows), status_code=200, media_type=JSON)
