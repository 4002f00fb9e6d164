"""The log itself: events since a cursor, as a page, as lines, or as they come; its head, and the proof of its chain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from msgspec import Meta

from api.answers import answer
from api.bearer import claims_of
from api.endpoint import EVENT_STREAM, NDJSON, Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.native.examples import EVENT, MOMENT
from api.native.pulling import Cursor, Pull, PullQuery, read_since
from api.reading_requests import read_query, services_of
from domain import errors
from domain.errors import CursorInvalid, LedgerError, ServiceUnavailable
from infra.reading.reader import Page
from infra.verification.log import verify_chain

KEEP_ALIVE_SECONDS = 15.0
STREAM_PAGE = 500


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is sent; `data` is exactly what the chain's hash covers.

    Where the data holds personal fields, the hash covers `sealed` instead (hexadecimal; its form is in the concepts): the data as
    it will be when that person is erased, a newline, and a ciphertext of the data as it is.
    """

    seq: int
    recorded_at: datetime
    occurred_at: datetime
    kind: str
    record_id: UUID
    version: int
    topic: str
    actor_id: UUID | None
    device_id: UUID | None
    command_id: UUID | None
    correlation_id: UUID | None
    hash: str
    data: dict[str, Any]
    sealed: str | msgspec.UnsetType = msgspec.UNSET


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """Events in order; `cursor` is what to ask with next."""

    events: list[EventView]
    cursor: int
    has_more: bool


class HeadView(msgspec.Struct, frozen=True, kw_only=True):
    """Where the log ends: the hash stands for every event up to here."""

    seq: int
    hash: str
    recorded_at: datetime


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the log is what was written: up to which seq, and the first event that is not, with the reason.

    `head` is where the log ended, and the hash that stands for all of it.
    """

    valid: bool
    checked_until: int
    head_seq: int
    head_hash: str
    first_bad_seq: int | None
    reason: str | None


class StreamQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the stream begins; `Last-Event-ID` wins over `after`. Without either: with what comes next."""

    after: Cursor | None = None
    kinds: Annotated[str, Meta(description="Kinds, separated by commas. Default: all.")] | None = None


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters."""


class VerifyQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far to verify."""

    until: Annotated[int, Meta(ge=0, le=2**62, description="The last seq to check. Default: the head.")] | None = None


@endpoint(
    "GET",
    "/ledger/v1/events",
    Operation(
        id="pullEvents",
        summary="Pull events since a cursor",
        description="With `Accept: application/x-ndjson`, without a limit: everything up to the head, one event a line, streamed.",
        tag="Events",
        query=PullQuery,
        answers={
            200: Answer(
                "Events after the cursor.",
                EventPage,
                {"events": [EVENT], "cursor": 12, "has_more": False},
                also=(NDJSON,),
            )
        },
        refusals=(errors.CursorInvalid, errors.CursorAhead, errors.UnknownKind),
    ),
)
async def pull_events(request: HttpRequest) -> ASGIResponse:
    """Pull events."""
    claims = claims_of(request)
    query = read_since(request, PullQuery)
    return await Pull(services_of(request), claims, "events", query.kind_names).answer(query, request)


@endpoint(
    "GET",
    "/ledger/v1/events/stream",
    Operation(
        id="streamEvents",
        summary="Events as they are committed (server-sent events)",
        description="`id:` is the seq. Resumes after `Last-Event-ID`; never skips, never repeats; a comment every 15 seconds.",
        tag="Events",
        query=StreamQuery,
        headers={"Last-Event-ID": "The seq of the last event the client has."},
        answers={200: Answer("The stream.", also=(EVENT_STREAM,))},
        refusals=(errors.CursorInvalid, errors.CursorAhead, errors.UnknownKind),
    ),
)
async def stream_events(request: HttpRequest) -> ASGIResponse:
    """Stream events."""
    claims = claims_of(request)
    services = services_of(request)
    query = read_since(request, StreamQuery)
    after = _last_event_id(request.headers.get("last-event-id"), query.after)
    pull = Pull(services, claims, "events", PullQuery(kinds=query.kinds).kind_names)
    first = await services.threads.run(pull.page, after or 0, 1)  # refuses what can be refused before the stream begins
    chunks = _frames(pull, first.head if after is None else after)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return ASGIStreamingResponse(iterator=chunks, status_code=200, media_type=EVENT_STREAM, headers=headers)


def _last_event_id(header: str | None, after: int | None) -> int | None:
    if header is None or not header.strip():
        return after
    text = header.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise CursorInvalid(path="Last-Event-ID")
    return int(text)


async def _frames(pull: Pull, after: int) -> AsyncIterator[bytes]:
    """The stream: everything after the cursor, then whatever comes, until the session ends or the server stops."""
    services = pull.services
    with services.hints.waiter(pull.claims.cid) as waiter, services.metrics.subscribers.track_inprogress():
        yield b"retry: 1000\n\n"
        while not services.hints.closing:
            try:
                page = await services.threads.run(pull.page, after, STREAM_PAGE, b"\n")
            except ServiceUnavailable:
                yield b": the database is away\n\n"
                await asyncio.sleep(1)
                continue
            except LedgerError as error:
                yield b"event: error\ndata: " + msgspec.json.encode({"code": error.code, "detail": error.message}) + b"\n\n"
                return
            if page.items:
                yield _as_frames(page)
            after = page.cursor
            if not page.has_more and not await waiter.wait(after, KEEP_ALIVE_SECONDS) and not services.hints.closing:
                yield b": keep-alive\n\n"


def _as_frames(page: Page) -> bytes:
    """Every event of a page as one frame; its seq stands first in its JSON."""
    frames = [
        b"id: %s\nevent: ledger\ndata: %s\n\n" % (line[len(b'{"seq":') : line.index(b",")], line)
        for line in page.items.split(b"\n")
    ]
    return b"".join(frames)


@endpoint(
    "GET",
    "/ledger/v1/head",
    Operation(
        id="getHead",
        summary="Where the log ends",
        tag="Events",
        answers={200: Answer("The head.", HeadView, {"seq": 12, "hash": EVENT["hash"], "recorded_at": MOMENT})},
    ),
)
async def get_head(request: HttpRequest) -> ASGIResponse:
    """The head of the company's log."""
    claims = claims_of(request)
    read_query(request, NoQuery)
    services = services_of(request)

    def work() -> HeadView:
        head = services.store.head(claims.cid)
        services.identity.confirm(claims, head.seq)
        return HeadView(seq=head.seq, hash=head.hash.hex(), recorded_at=head.recorded_at)

    return answer(await services.threads.run(work))


@endpoint(
    "GET",
    "/ledger/v1/verify",
    Operation(
        id="verifyChain",
        summary="Check the hash of every event of the company's log",
        tag="Events",
        query=VerifyQuery,
        answers={
            200: Answer(
                "Whether the chain holds.",
                Verification,
                {
                    "valid": True,
                    "checked_until": 12,
                    "head_seq": 12,
                    "head_hash": EVENT["hash"],
                    "first_bad_seq": None,
                    "reason": None,
                },
            )
        },
    ),
)
async def verify(request: HttpRequest) -> ASGIResponse:
    """Verify the chain."""
    claims = claims_of(request, "verify")
    services = services_of(request)
    query = read_query(request, VerifyQuery)

    def work() -> Verification:
        services.identity.confirm(claims)
        report = verify_chain(services.database, claims.cid, until=query.until)
        return Verification(
            valid=report.ok,
            checked_until=report.events,
            head_seq=report.head_seq,
            head_hash=report.head_hash.hex(),
            first_bad_seq=report.first_bad_seq,
            reason=report.reason,
        )

    return answer(await services.threads.run(work))


HANDLERS = [pull_events, stream_events, get_head, verify]
