"""Reading records: pulled since a cursor, listed, one at a time now or as of then, and their history."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from msgspec import Meta

from api.answers import answer, raw
from api.bearer import claims_of
from api.endpoint import JSON, NDJSON, Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.native.answers import etag
from api.native.examples import HISTORY, RECORD
from api.native.history import RecordHistory, as_of, history_of
from api.native.pulling import Cursor, Pull, PullQuery, read_since
from api.native.references import reference_of, tags_of
from api.reading_requests import convert_query, query_pairs, read_query, services_of
from domain import errors
from domain.errors import CursorAhead, InvalidField, LedgerError, RecordNotFound
from domain.record import Record
from infra.composition import Services
from infra.identity.tokens import Claims
from infra.reading.reader import Found, known_kinds

LONGEST_LIST = 1_000


class RecordPage(msgspec.Struct, frozen=True, kw_only=True):
    """Records in the order of their last event; `cursor` is what to ask with next."""

    records: list[Record]
    cursor: int
    has_more: bool


class RecordList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list."""

    records: list[Record]
    page: int
    page_size: int
    total: int
    has_more: bool


class ListQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to list. Every other parameter is a field of the kind and the value it must have; repeated, one of the values."""

    page: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    page_size: Annotated[int, Meta(ge=1, le=LONGEST_LIST)] = 100
    sort: Annotated[str, Meta(description="A field of the kind, `number` or `seq`.")] = "number"
    order: Literal["asc", "desc"] = "asc"
    deleted: Annotated[Literal["false", "true", "any"], Meta(description="Whether tombstones are listed.")] = "false"


class KindQuery(ListQuery, frozen=True, kw_only=True):
    """A list; or, with `after`, a pull of one kind."""

    after: Cursor | None = None
    limit: Annotated[int, Meta(ge=0, le=10_000, description="With `after`: most records of this page.")] | None = None
    wait: Annotated[float, Meta(ge=0, le=60, description="With `after`: seconds to wait for something new.")] | None = None


class AsOfQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which state of the record: now, or as of a seq or a time."""

    at_seq: Annotated[int, Meta(ge=0, le=2**62)] | None = None
    at: Annotated[datetime, Meta(tz=True, description="A time with its zone, as 2026-03-21T08:30:00Z.")] | None = None


class HistoryQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of the history."""

    after: Cursor = 0
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 1_000


_PAGE_EXAMPLE: dict[str, Any] = {"records": [RECORD], "cursor": 12, "has_more": False}
_LIST_EXAMPLE: dict[str, Any] = {"records": [RECORD], "page": 1, "page_size": 100, "total": 1, "has_more": False}


@endpoint(
    "GET",
    "/ledger/v1/records",
    Operation(
        id="pullRecords",
        summary="Pull records of all kinds since a cursor",
        description="With `Accept: application/x-ndjson`, without a limit: everything up to the head, one record a line, streamed.",
        tag="Reading",
        query=PullQuery,
        answers={200: Answer("Records that changed after the cursor.", RecordPage, _PAGE_EXAMPLE, also=(NDJSON,))},
        refusals=(errors.CursorInvalid, errors.CursorAhead, errors.UnknownKind),
    ),
)
async def pull_records(request: HttpRequest) -> ASGIResponse:
    """Pull records of all kinds, or of some."""
    claims = claims_of(request)
    query = read_since(request, PullQuery)
    return await Pull(services_of(request), claims, "records", query.kind_names).answer(query, request)


@endpoint(
    "GET",
    "/ledger/v1/records/{kind:str}",
    Operation(
        id="listRecords",
        summary="List records of a kind; with `after`, pull them since a cursor",
        tag="Reading",
        query=KindQuery,
        free_query=True,
        answers={
            200: Answer("A page of the list, or of the pull.", (RecordList, RecordPage), _LIST_EXAMPLE, also=(NDJSON,)),
        },
        refusals=(errors.UnknownKind, errors.CursorInvalid, errors.CursorAhead),
    ),
)
async def list_records(request: HttpRequest, kind: FromPath[str]) -> ASGIResponse:
    """List, or pull, records of one kind."""
    claims = claims_of(request)
    known_kinds([kind])
    services = services_of(request)
    if any(name == "after" for name, _ in query_pairs(request)):
        query = read_since(request, PullQuery)
        if query.kinds is not None:
            raise InvalidField("The path names the kind already.", path="kinds")
        return await Pull(services, claims, "records", [kind]).answer(query, request)
    question = (claims.cid, request.scope["path"], request.scope["query_string"])
    head, body = services.lists.get(question) or (None, b"")
    if head is not None and services.identity.is_known(claims, head) and await services.heads.current(claims.cid) == head:
        return raw(body)  # the log ends where it did when this was read
    head, body = await services.threads.run(_list, services, claims, kind, query_pairs(request))
    if head is not None:
        services.lists.put(question, (head, body), len(body))
    return raw(body)


def _list(services: Services, claims: Claims, kind: str, pairs: list[tuple[str, str]]) -> tuple[int | None, bytes]:
    """The head as of which the list was read, and the list."""
    known = set(ListQuery.__struct_fields__)
    own = [pair for pair in pairs if pair[0] in known]
    query = convert_query(own, ListQuery)
    filters: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in known:
            filters.setdefault(name, []).append(value)
    try:
        listing = services.reader.list_records(
            claims.cid,
            kind,
            filters=filters,
            deleted={"false": False, "true": True, "any": None}[query.deleted],
            sort=query.sort,
            descending=query.order == "desc",
            limit=query.page_size,
            offset=(query.page - 1) * query.page_size,
        )
    except LedgerError:
        services.identity.confirm(claims)  # nothing is told to a session that has ended, not even this
        raise
    services.identity.confirm(claims, listing.head)
    more = query.page * query.page_size < listing.total
    tail = b'],"page":%d,"page_size":%d,"total":%d,"has_more":%s}'
    told = (query.page, query.page_size, listing.total, b"true" if more else b"false")
    return listing.head, b'{"records":[' + listing.items + tail % told


@endpoint(
    "GET",
    "/ledger/v1/records/{kind:str}/{ref:str}",
    Operation(
        id="getRecord",
        summary="A record by its id or number, now or as of a seq or a time",
        description="A deleted record answers with `deleted: true`.",
        tag="Reading",
        query=AsOfQuery,
        headers={"If-None-Match": "An ETag; where it is still the record's, 304 without a body."},
        answers={
            200: Answer("The record.", Record, RECORD, headers={"ETag": "The record's seq."}),
            304: Answer("The record has not changed."),
        },
        refusals=(errors.UnknownKind, errors.RecordNotFound, errors.CursorAhead),
    ),
)
async def get_record(request: HttpRequest, kind: FromPath[str], ref: FromPath[str]) -> ASGIResponse:
    """One record."""
    claims = claims_of(request)
    reference = reference_of(kind, ref)
    query = read_query(request, AsOfQuery)
    if query.at is not None and query.at_seq is not None:
        raise InvalidField("Ask for a seq or for a time, not for both.", path="at")
    services = services_of(request)
    found = await services.threads.run(_find, services, claims, kind, reference, query)
    if (header := request.headers.get("if-none-match")) is not None:
        tags = tags_of(header.replace("W/", ""), "If-None-Match")
        if tags is None or str(found.seq) in tags:
            return ASGIResponse(body=b"", status_code=304, media_type=JSON, headers={"ETag": etag(found.seq)})
    return raw(found.document, headers={"ETag": etag(found.seq), "Cache-Control": "private, no-cache"})


def _find(services: Services, claims: Claims, kind: str, reference: UUID | int, query: AsOfQuery) -> Found:
    principal = services.identity.confirm(claims)
    if query.at_seq is not None and query.at_seq > principal.head:
        raise CursorAhead(f"This company's log ends at {principal.head}.", path="at_seq", head=principal.head)
    found = services.reader.find_record(claims.cid, kind, reference)
    if found is not None and (query.at_seq is not None or query.at is not None):
        found = as_of(services, claims.cid, kind, found, query.at_seq, query.at)
    if found is None:
        raise RecordNotFound(f"There is no such {kind.replace('_', ' ')}.", path="ref")
    return found


@endpoint(
    "GET",
    "/ledger/v1/records/{kind:str}/{ref:str}/history",
    Operation(
        id="getRecordHistory",
        summary="Who changed what in a record, when, on which device, from what to what",
        tag="Reading",
        query=HistoryQuery,
        answers={200: Answer("The record's events, in order.", RecordHistory, HISTORY)},
        refusals=(errors.UnknownKind, errors.RecordNotFound, errors.CursorInvalid),
    ),
)
async def get_history(request: HttpRequest, kind: FromPath[str], ref: FromPath[str]) -> ASGIResponse:
    """One record's history."""
    claims = claims_of(request)
    reference = reference_of(kind, ref)
    query = read_since(request, HistoryQuery)
    services = services_of(request)

    def work() -> RecordHistory:
        services.identity.confirm(claims)
        return history_of(services, claims.cid, kind, reference, query.after, query.limit)

    return answer(await services.threads.run(work))


HANDLERS = [pull_records, list_records, get_record, get_history]
