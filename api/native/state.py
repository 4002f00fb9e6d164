"""The state of the whole company as of a seq or a time, streamed: every record as it stood."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from itertools import islice
from typing import Annotated

import msgspec
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from msgspec import Meta

from api.bearer import claims_of
from api.endpoint import JSON, NDJSON, Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.native.examples import EVENT, MOMENT, RECORD
from api.native.pulling import PullQuery
from api.native.records import AsOfQuery
from api.reading_requests import accepts, read_query, services_of
from domain import errors
from domain.errors import InvalidField
from domain.event import JSON as ENCODER
from domain.record import Record
from infra.composition import Services
from infra.history.state import Point, point_of, records_at
from infra.identity.tokens import Claims

RECORDS_AT_ONCE = 500


class StateQuery(AsOfQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which state, and of which kinds."""

    kinds: Annotated[str, Meta(description="Kinds, separated by commas. Default: all.")] | None = None


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Every record as it stood when the log had `seq` events, by id; `hash` and `recorded_at` are those of that event."""

    seq: int
    hash: str | None
    recorded_at: datetime | None
    records: list[Record]


@endpoint(
    "GET",
    "/ledger/v1/state",
    Operation(
        id="getState",
        summary="Every record as it stood at a seq or a time; without either, now",
        description=(
            "Folded from the log, record by record, and streamed; deleted records as tombstones. With"
            " `Accept: application/x-ndjson`, one record a line. `X-Seq` is the point that was answered."
        ),
        tag="Reading",
        query=StateQuery,
        answers={
            200: Answer(
                "The state.",
                State,
                {"seq": 12, "hash": EVENT["hash"], "recorded_at": MOMENT, "records": [RECORD]},
                also=(NDJSON,),
                headers={"X-Seq": "The point of the log."},
            )
        },
        refusals=(errors.CursorAhead, errors.UnknownKind),
    ),
)
async def get_state(request: HttpRequest) -> ASGIResponse:
    """The whole company, as of then."""
    claims = claims_of(request)
    query = read_query(request, StateQuery)
    if query.at is not None and query.at_seq is not None:
        raise InvalidField("Ask for a seq or for a time, not for both.", path="at")
    kinds = PullQuery(kinds=query.kinds).kind_names
    services = services_of(request)

    def begin() -> Point:
        services.identity.confirm(claims)
        return point_of(services.database, claims.cid, query.at_seq, query.at)

    point = await services.threads.run(begin)
    records = records_at(services.database, claims.cid, point.seq, kinds)
    first = await services.threads.run(_next, services, claims, records)
    as_lines = accepts(request, NDJSON)
    chunks = _lines(services, claims, records, first) if as_lines else _document(services, claims, point, records, first)
    return ASGIStreamingResponse(
        iterator=chunks,
        status_code=200,
        media_type=NDJSON if as_lines else JSON,
        headers={"X-Seq": str(point.seq), "X-Accel-Buffering": "no"},
    )


def _next(services: Services, claims: Claims, records: Iterator[Record]) -> list[bytes]:
    """The next documents, for a session that is still open; none at the end."""
    services.identity.confirm(claims)
    return [record.encode() for record in islice(records, RECORDS_AT_ONCE)]


async def _lines(services: Services, claims: Claims, records: Iterator[Record], batch: list[bytes]) -> AsyncIterator[bytes]:
    while batch:
        yield b"\n".join(batch) + b"\n"
        batch = await services.threads.run(_next, services, claims, records)


async def _document(
    services: Services, claims: Claims, point: Point, records: Iterator[Record], batch: list[bytes]
) -> AsyncIterator[bytes]:
    start = ENCODER.encode({"seq": point.seq, "hash": point.hash, "recorded_at": point.recorded_at})[:-1] + b',"records":['
    while batch:
        yield start + b",".join(batch)
        start = b","
        batch = await services.threads.run(_next, services, claims, records)
    yield b"]}" if start == b"," else start + b"]}"


HANDLERS = [get_state]
