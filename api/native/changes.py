"""The who-changed-what report over HTTP: a page as JSON, or everything as CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from msgspec import Meta

from api.answers import answer
from api.bearer import claims_of
from api.endpoint import CSV, Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.native.examples import COMPANY_ID, MOMENT, RECORD_ID
from api.native.pulling import Cursor, PullQuery, read_since
from api.reading_requests import accepts, services_of
from domain import errors
from infra.composition import Services
from infra.history.changes import ChangesPage, Wanted, changes_page, wanted_of
from infra.history.changes_csv import header, lines_of
from infra.identity.tokens import Claims

STREAMED_PAGE = 500
Text = Annotated[str, Meta(max_length=256)]


class ChangesQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Which changes. All conditions must hold. Periods are of `recorded_at`."""

    record: Annotated[Text, Meta(description="A record: its id, or kind/number, as invoice/12.")] | None = None
    actor: Annotated[Text, Meta(description="A user: his id, number or e-mail.")] | None = None
    device: Annotated[Text, Meta(description="A device: its id, number or own name (`device_id`).")] | None = None
    kinds: Annotated[str, Meta(description="Kinds, separated by commas. Default: all.")] | None = None
    from_: Annotated[Text, Meta(description="Recorded since this date in the company's zone, or this time.")] | None = None
    to: Annotated[Text, Meta(description="Recorded until the end of this date, or before this time.")] | None = None
    after: Cursor = 0
    limit: Annotated[
        int, Meta(ge=1, le=1_000, description="Most events of this page. As CSV, without it: everything, streamed.")
    ] = 200


@endpoint(
    "GET",
    "/ledger/v1/changes",
    Operation(
        id="getChanges",
        summary="Who changed what: of a record, a user, a device or a period, each field from what to what",
        description=(
            "In the order of the log. A page looks through 50,000 events at most: it may be empty and yet have more."
            " With `Accept: text/csv`, a line per changed field."
        ),
        tag="Reading",
        query=ChangesQuery,
        answers={
            200: Answer(
                "Changes after the cursor.",
                ChangesPage,
                {
                    "changes": [
                        {
                            "seq": 13,
                            "recorded_at": MOMENT,
                            "occurred_at": MOMENT,
                            "actor": {"id": COMPANY_ID, "name": "Mina", "email": "mina@shirin.example"},
                            "device": None,
                            "kind": "party",
                            "record_id": RECORD_ID,
                            "number": 1,
                            "label": "Shirin Rugs",
                            "topic": "party.changed.v1",
                            "changes": [{"field": "phone", "from": None, "to": "+98 21 5555 0199"}],
                        }
                    ],
                    "cursor": 13,
                    "has_more": False,
                },
                also=(CSV,),
            )
        },
        refusals=(errors.CursorInvalid, errors.CursorAhead, errors.UnknownKind, errors.RecordNotFound),
    ),
)
async def get_changes(request: HttpRequest) -> ASGIResponse:
    """Changes."""
    claims = claims_of(request)
    query = read_since(request, ChangesQuery)
    kinds = PullQuery(kinds=query.kinds).kind_names
    services = services_of(request)
    wanted = await services.threads.run(_wanted, services, claims, query, kinds)
    page = await services.threads.run(_page, services, claims, wanted, query.limit)
    if not accepts(request, CSV):
        return answer(page)
    if "limit=" in request.url.query:
        headers = {"X-Cursor": str(page.cursor), "X-Has-More": "true" if page.has_more else "false"}
        return ASGIResponse(body=(header() + lines_of(page.changes)).encode(), media_type=CSV, headers=headers)
    chunks = _stream(services, claims, wanted, page)
    return ASGIStreamingResponse(iterator=chunks, status_code=200, media_type=CSV, headers={"X-Accel-Buffering": "no"})


def _wanted(services: Services, claims: Claims, query: ChangesQuery, kinds: list[str] | None) -> Wanted:
    services.identity.confirm(claims)
    return wanted_of(
        services.reader,
        claims.cid,
        record=query.record,
        actor=query.actor,
        device=query.device,
        kinds=kinds,
        begin=query.from_,
        end=query.to,
        after=query.after,
    )


def _page(services: Services, claims: Claims, wanted: Wanted, limit: int) -> ChangesPage:
    services.identity.confirm(claims)
    return changes_page(services.database, claims.cid, wanted, limit)


async def _stream(services: Services, claims: Claims, wanted: Wanted, page: ChangesPage) -> AsyncIterator[bytes]:
    yield (header() + lines_of(page.changes)).encode()
    while page.has_more:
        wanted = msgspec.structs.replace(wanted, after=page.cursor)
        page = await services.threads.run(_page, services, claims, wanted, STREAMED_PAGE)
        if page.changes:
            yield lines_of(page.changes).encode()


HANDLERS = [get_changes]
