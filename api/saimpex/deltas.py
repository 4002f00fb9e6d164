"""Delta pulls: what changed since a cursor, which is the time of the last event that the cache has seen."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from api.answers import NO_STORE, raw
from api.bearer import claims_of
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.reading_requests import query_pairs, services_of
from api.saimpex import values
from api.saimpex.access import Member, member_of
from api.saimpex.envelope import Envelope, enveloped
from api.saimpex.values import Row
from domain.errors import InvalidField
from domain.record import Record
from infra.composition import Services
from infra.identity.tokens import Claims
from infra.sync.deltas import Delta, Item

CURSOR = "2026-05-28T10:15:00.000000Z"
"""An example."""
_PLUS_LOST = re.compile(r" ([0-9]{2}:?[0-9]{2})$")
"""A `+` that was not percent-encoded is read as a space."""


@dataclass(frozen=True, slots=True)
class Since:
    """A cursor as it was given, and the moment that it is, perhaps without an offset."""

    text: str
    moment: datetime


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull: who asks, since when, and the rest of the query."""

    request: HttpRequest
    services: Services
    claims: Claims
    query: Mapping[str, str]
    since: Since | None

    @classmethod
    def read(cls, request: HttpRequest) -> Pull:
        """The request. Raises NotAuthenticated, TooManyRequests, InvalidField."""
        claims = claims_of(request)
        query = dict(query_pairs(request))
        return cls(request, services_of(request), claims, query, _since(query.get("updated_since")))

    async def is_at_head(self) -> bool:
        """Whether nothing was written since the cursor, for a session known to be open: without a query of its own."""
        if self.since is None or self.since.moment.tzinfo is None:
            return False
        seq = self.services.deltas.head_recorded_at(self.claims.cid, self.since.moment)
        if seq is None or not self.services.identity.is_known(self.claims, seq):
            return False
        return await self.services.heads.current(self.claims.cid) == seq

    def look(self, kind: str) -> Delta:
        """What changed, for a session that is still open."""
        delta = self.services.deltas.read(self.claims.cid, kind, self.moment())
        self.services.identity.confirm(self.claims, delta.head)
        return delta

    def moment(self) -> datetime | None:
        """The moment of the cursor; one without an offset is in the company's zone."""
        if self.since is None or self.since.moment.tzinfo is not None:
            return self.since.moment if self.since else None
        return self.since.moment.replace(tzinfo=self.member().zone)

    def member(self) -> Member:
        """Who asks, and the company."""
        return member_of(self.services, self.claims)

    def cursor(self, delta: Delta) -> str:
        """What to ask with next. A time to come is given back: there is nothing after it yet."""
        moment = self.moment()
        if self.since is not None and moment is not None and moment > delta.now:
            return self.since.text
        return values.time_text(delta.head_at)


def _since(text: str | None) -> Since | None:
    if text is None or text == "":
        return None
    moment = values.moment_or_none(_PLUS_LOST.sub(r"+\1", text))
    if moment is None:
        raise InvalidField(
            f"{text!r} is no time; send the last sync_cursor, or a time like 2026-05-28T09:00:00Z.", path="updated_since"
        )
    return Since(text, moment)


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache of the desktop app: the name of its list, the kind of its records, which of them are in it, and their rows."""

    name: str
    kind: str
    row: Callable[[Item], Row]
    holds: Callable[[Record], bool] = lambda record: not record.deleted
    finish: Callable[[Pull, Sequence[Record], list[Row]], None] | None = None

    async def answer(self, pull: Pull) -> ASGIResponse:
        """All of it, or what changed since."""
        if await pull.is_at_head():
            assert pull.since is not None
            return said(self.said([], [], values.time_text(pull.since.moment)))
        return said(await pull.services.threads.run(self._read, pull))

    def handler(
        self, path: str, *, id_: str, summary: str, tag: str, title: str, example: Row, gone: tuple[int, ...] = ()
    ) -> HTTPRouteHandler:
        """The endpoint that answers it. `title` is the name of its type, `example` of a row, `gone` of ids."""
        payload = self.said([example], list(gone), CURSOR)
        answer = Answer(f"{self.name.capitalize()}.", Envelope[_payload(title, self.name)], {"status": "true", "data": payload})  # type: ignore[misc]
        operation = Operation(id=id_, summary=summary, tag=tag, query=DeltaQuery, answers={200: answer})

        async def handle(request: HttpRequest) -> ASGIResponse:
            return await self.answer(Pull.read(request))

        return endpoint("GET", f"/api/desktop/{path}", operation)(handle)

    def _read(self, pull: Pull) -> Row:
        delta = pull.look(self.kind)
        rows, gone = self.split(pull, delta.items, is_delta=pull.since is not None)
        return self.said(rows, gone, pull.cursor(delta))

    def split(self, pull: Pull, items: Sequence[Item], *, is_delta: bool) -> tuple[list[Row], list[int]]:
        """The rows of what is in the cache, and the ids of what is not in it any more."""
        kept = [item for item in items if self.holds(item.record)]
        rows = list(map(self.row, kept))
        if self.finish is not None and rows:
            self.finish(pull, [item.record for item in kept], rows)
        return rows, [item.record.number for item in items if not self.holds(item.record)] if is_delta else []

    def said(self, rows: list[Row], gone: list[int], cursor: str | None, **more: Any) -> Row:
        """The payload."""
        return {self.name: rows, **more, "deleted_ids": gone, "sync_cursor": cursor}


@cache
def _payload(title: str, name: str) -> type[msgspec.Struct]:
    """The type of what is pulled from a cache; one for each title, because a type is written into the document once."""
    columns = [(name, list[dict[str, Any]]), ("deleted_ids", list[int]), ("sync_cursor", str | None)]
    return msgspec.defstruct(title, columns, kw_only=True)


def said(payload: Any, message: Any = "Success", status: int = 200) -> ASGIResponse:
    """A payload in its envelope."""
    return raw(enveloped(values.JSON.encode(payload), message), status, NO_STORE)


class DeltaQuery(msgspec.Struct, kw_only=True):
    """`updated_since`: the last `sync_cursor`, or any ISO 8601 time; without it everything is answered."""

    updated_since: str | None = None
