"""Exports over HTTP: the company's books as of a seq, streamed in the format of another program."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Annotated

import msgspec
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from msgspec import Meta

from api.bearer import claims_of
from api.endpoint import NDJSON, Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.reading_requests import read_query, services_of
from domain import errors
from domain.errors import InvalidField
from infra.composition import Services
from infra.exports import Plan, open_source, plan
from infra.exports.places import Archive, Place, Stream
from infra.identity.tokens import Claims

TEXT = "text/plain"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
ZIP = "application/zip"

CHUNK = 65_536
"""Bytes that are sent at a time: the server holds a few chunks for a client that is slow to take them."""


class ExportQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As of when, and what of it."""

    at_seq: Annotated[int, Meta(ge=0, le=2**62, description="As of this event. Default: the last one.")] | None = None
    at: Annotated[datetime, Meta(tz=True, description="As of this time with its zone, as 2026-03-21T08:30:00Z.")] | None = None
    kind: (
        Annotated[
            str,
            Meta(
                description="Kinds, separated by commas; with parquet also `events`, `journal_lines`, `account_balances`. Of one,"
                " CSV and Parquet are one file; of several, or without this parameter, a ZIP archive of files."
            ),
        ]
        | None
    ) = None


@endpoint(
    "GET",
    "/ledger/v1/exports/{format:str}",
    Operation(
        id="exportBooks",
        summary="The books as of a seq or a time, for other programs",
        description=(
            "Streamed; the same company and seq give the same bytes. The journal always includes everything up to the seq. Where"
            " something fails on the way, the answer is cut off without the mark of its end, so that the client notices."
        ),
        tag="Exports",
        query=ExportQuery,
        answers={
            200: Answer(
                "The export.",
                also=("text/plain", "text/csv", NDJSON, PARQUET, ZIP),
                headers={"X-Seq": "The seq that the books are as of.", "Content-Disposition": "A name for the file."},
            )
        },
        refusals=(
            errors.UnknownFormat,
            errors.UnknownKind,
            errors.CursorAhead,
            errors.NotExportable,
            errors.ProjectionBehind,
        ),
    ),
)
async def export_books(request: HttpRequest) -> ASGIResponse:
    """Export the books."""
    claims = claims_of(request, "export")
    query = read_query(request, ExportQuery)
    if query.at is not None and query.at_seq is not None:
        raise InvalidField("Ask for a seq or for a time, not for both.", path="at")
    services = services_of(request)
    planned = await services.threads.run(_plan, services, claims, request.path_params["format"], query)
    chunks = _chunks(planned)
    first = await services.threads.run(next, chunks, b"")  # refuses what can be refused before the answer begins
    headers = {
        "Content-Disposition": f'attachment; filename="{planned.file_name}"',
        "X-Seq": str(planned.source.seq),
        "X-Accel-Buffering": "no",
        "Cache-Control": "private, no-cache",
    }
    body = _stream(services, first, chunks)
    return ASGIStreamingResponse(iterator=body, status_code=200, media_type=media_type_of(planned), headers=headers)


def _plan(services: Services, claims: Claims, format_: str, query: ExportQuery) -> Plan:
    services.identity.confirm(claims)
    source = open_source(services.database, claims.cid, at_seq=query.at_seq, at=query.at)
    names = None if query.kind is None else [name.strip() for name in query.kind.split(",") if name.strip()]
    return plan(source, format_, names, single=names is not None and len(names) == 1 and format_ in ("csv", "parquet"))


def media_type_of(planned: Plan) -> str:
    """The media type of what will be written."""
    if not planned.single:
        return ZIP
    return {"csv": CSV, "parquet": PARQUET, "ndjson": NDJSON}.get(planned.format, TEXT)


class _Outbox:
    """What was written and not sent yet."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes, /) -> int:
        self._held += data
        return len(data)

    def take(self, *, all_: bool = False) -> Iterator[bytes]:
        """Whole chunks; and what is left, where that is all."""
        held, self._held = memoryview(self._held), bytearray()
        end = len(held) if all_ else len(held) - len(held) % CHUNK
        self._held += held[end:]
        for start in range(0, end, CHUNK):
            yield bytes(held[start : min(start + CHUNK, end)])


def _chunks(planned: Plan) -> Iterator[bytes]:
    """The export's bytes; never more than a page of them is held."""
    outbox = _Outbox()
    archive = None if planned.single else Archive(outbox, compress=planned.format != "parquet")
    place: Place = archive or Stream(outbox)
    for _ in planned.write(place):
        yield from outbox.take()
    if archive is not None:
        archive.close()
    yield from outbox.take(all_=True)


async def _stream(services: Services, first: bytes, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """A chunk is made when the one before it was taken: a slow client holds neither memory nor a connection to the database."""
    chunk: bytes | None = first
    while chunk is not None:
        if chunk:
            yield chunk
        chunk = await services.threads.run(next, chunks, None)


HANDLERS = [export_books]
