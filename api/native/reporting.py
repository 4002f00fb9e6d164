"""Answering a report: as up to date as the question, as JSON or CSV, with an ETag.

A report never answers from before the request: where its projection has not reached the head that the request found, or the seq
that it asks for, it is waited for, without a thread.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse

from api.asking_reports import Told, tell
from api.bearer import claims_of
from api.endpoint import CSV, JSON, Answer, Operation
from api.http_errors import HttpRequest
from api.native.references import reference_of, tags_of
from api.native.report_forms import AsOf, Paged
from api.reading_requests import Read, accepts, read_query, services_of
from domain.errors import CursorAhead, CursorInvalid, InvalidField, LedgerError, RecordNotFound
from domain.event import JSON as ENCODER
from infra.composition import Services
from infra.history.moments import seq_at
from infra.identity.tokens import Claims
from infra.reports.asking import Question, Report
from infra.reports.csv_lines import csv_lines
from infra.reports.lines import Page

STREAMED_PAGE = 5_000
DEFAULT_PAGE = 1_000
_CURSOR = re.compile(r"([0-9]{1,18})\.([0-9]{4}-[0-9]{2}-[0-9]{2})\.([0-9]{1,18})\.([0-9]{1,9})")
_CSV_TYPE = "text/csv; header=present"  # the charset is added to it


_HEADERS = {"ETag": "Of this very answer.", "X-Seq": "The seq that the answer stands for."}


def report_operation(
    id_: str,
    summary: str,
    answer: type,
    example: Any,
    query: type,
    *,
    refusals: tuple[type[LedgerError], ...],
    description: str = "",
) -> Operation:
    """The description of a report: JSON or CSV, with an ETag."""
    return Operation(
        id=id_,
        summary=summary,
        description=description,
        tag="Reports",
        query=query,
        headers={"If-None-Match": "An ETag; where the answer would be the same, 304 without a body."},
        answers={
            200: Answer("The report.", answer, example, also=(CSV,), headers=_HEADERS),
            304: Answer("The report has not changed."),
        },
        refusals=refusals,
    )


@dataclass(frozen=True, slots=True)
class Asking:
    """A request for a report: who asks, and what."""

    request: HttpRequest
    services: Services
    claims: Claims
    query: AsOf

    @classmethod
    def read(cls, request: HttpRequest, form: type[Read]) -> tuple[Asking, Read]:
        """The request and its query. Raises NotAuthenticated, InvalidField and others."""
        claims = claims_of(request)
        query = read_query(request, form)
        assert isinstance(query, AsOf), "every report can be asked as of a seq"
        if query.at is not None and query.at_seq is not None:
            raise InvalidField("Ask for a seq or for a time, not for both.", path="at")
        begin, end = getattr(query, "from_", None), getattr(query, "to", None)
        if begin is not None and end is not None and begin > end:
            raise InvalidField(f"{begin} is after {end}; the first day comes before the last one.", path="from")
        return cls(request, services_of(request), claims, query), query

    @property
    def wants_csv(self) -> bool:
        """Whether the answer is to be CSV."""
        return self.query.format == "csv" or (self.query.format is None and accepts(self.request, CSV))

    def question(self) -> Question:
        """The question, but for the seq of `at`."""
        return Question(
            company_id=self.claims.cid,
            begin=getattr(self.query, "from_", None),
            end=getattr(self.query, "to", None),
            by=getattr(self.query, "by", "posted_on"),
            at_seq=self.query.at_seq,
        )

    async def tell(self, report: Callable[[Question], Report], question: Question | None = None) -> Told:
        """What the report says, waiting for its projection where it has to. Raises CursorAhead, ProjectionBehind and others."""
        question = question or self.question()
        if self.query.at is not None and question.at_seq is None:
            question = replace(question, at_seq=await self.services.threads.run(self._seq_at, self.query.at))
        return await tell(self.services, self.claims, report, question)

    def _seq_at(self, moment: datetime) -> int:
        self.services.identity.confirm(self.claims)
        with self.services.database.company(self.claims.cid) as connection:
            return seq_at(connection, self.claims.cid, moment)

    async def party(self, ref: str, path: str) -> tuple[UUID, str | None]:
        """The party that the request names: its id and its name today. Raises RecordNotFound."""
        return await self.services.threads.run(self._party, ref, path)

    def _party(self, ref: str, path: str) -> tuple[UUID, str | None]:
        self.services.identity.confirm(self.claims)
        try:
            found = self.services.reader.find_record(self.claims.cid, "party", reference_of("party", ref))
        except RecordNotFound as error:
            error.path = path
            raise
        if found is None:
            raise RecordNotFound("There is no such party.", path=path)
        record = msgspec.json.decode(found.document)
        return UUID(record["id"]), record["data"].get("name")

    def answer(self, name: str, told: Told, columns: type[msgspec.Struct], rows: str, **head: Any) -> ASGIResponse:
        """The parts after the head, as JSON; or the rows of one part, as CSV."""
        if self.wants_csv:
            body = csv_lines(columns.__struct_encode_fields__, msgspec.json.decode(told.answer.parts[rows]))
            return self._send(body, told.seq, _csv_headers(name))
        members = {"seq": told.seq, **self._asked(), **head}
        parts = b"".join(b',"%s":%s' % (part.encode(), value) for part, value in told.answer.parts.items())
        return self._send(ENCODER.encode(members)[:-1] + parts + b"}", told.seq, {})

    def _asked(self) -> dict[str, Any]:
        names = {"from_": "from", "to": "to", "by": "by"}
        return {names[name]: getattr(self.query, name) for name in names if hasattr(self.query, name)}

    def _send(self, body: bytes, seq: int, headers: dict[str, str]) -> ASGIResponse:
        tag = f'"{seq}-{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        headers = {"ETag": tag, "X-Seq": str(seq), "Cache-Control": "private, no-cache", "Vary": "Accept", **headers}
        media_type = _CSV_TYPE if self.wants_csv else JSON
        if (header := self.request.headers.get("if-none-match")) is not None:
            tags = tags_of(header.replace("W/", ""), "If-None-Match")
            if tags is None or tag.strip('"') in tags:
                return ASGIResponse(body=b"", status_code=304, media_type=media_type, headers=headers)
        return ASGIResponse(body=body, status_code=200, media_type=media_type, headers=headers)


# Pages of lines --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lines:
    """Pages of lines, all of them as of the seq that the first was read at."""

    asking: Asking
    query: Paged
    report: Callable[[Question, Page], Report]

    async def first(self) -> Told:
        """The page that was asked for. Raises CursorInvalid, CursorAhead and others."""
        limit = self.query.limit or (STREAMED_PAGE if self.asking.wants_csv else DEFAULT_PAGE)
        if self.query.cursor is None:
            return await self._page(self.asking.question(), Page(limit))
        question, page = self._continued(self.query.cursor, limit)
        try:
            return await self._page(question, page)
        except CursorAhead as error:
            error.path = "cursor"
            raise

    async def _page(self, question: Question, page: Page) -> Told:
        return await self.asking.tell(partial(_with_page, self.report, page), question)

    def _continued(self, cursor: str, limit: int) -> tuple[Question, Page]:
        if self.query.at is not None or self.query.at_seq is not None:
            raise InvalidField("The cursor names the seq already.", path="cursor")
        found = _CURSOR.fullmatch(cursor)
        try:
            day = date.fromisoformat(found[2]) if found else None
        except ValueError:
            day = None
        if found is None or day is None:
            raise CursorInvalid("The cursor is not one that this report answered with.", path="cursor")
        question = replace(self.asking.question(), at_seq=int(found[1]))
        return question, Page(limit, day, int(found[3]), int(found[4]))

    def cursor(self, told: Told) -> str | None:
        """What to ask with for the page after this one."""
        key = msgspec.json.decode(told.answer.parts["next"])
        return f"{told.seq}.{key}" if key else None

    def stream(self, name: str, told: Told, columns: type[msgspec.Struct]) -> ASGIStreamingResponse:
        """Every line as CSV, a page at a time in memory."""
        headers = {"X-Seq": str(told.seq), "X-Accel-Buffering": "no", "Vary": "Accept", **_csv_headers(name)}
        return ASGIStreamingResponse(iterator=self._chunks(told, columns), status_code=200, media_type=_CSV_TYPE, headers=headers)

    async def _chunks(self, told: Told, columns: type[msgspec.Struct]) -> AsyncIterator[bytes]:
        names, header = columns.__struct_encode_fields__, True
        while True:
            yield csv_lines(names, msgspec.json.decode(told.answer.parts["lines"]), header=header)
            cursor = self.cursor(told)
            if cursor is None:
                return
            found = _CURSOR.fullmatch(cursor)
            assert found is not None, "cursors of ours are well-formed"
            page = Page(STREAMED_PAGE, date.fromisoformat(found[2]), int(found[3]), int(found[4]))
            told, header = await self._page(replace(self.asking.question(), at_seq=told.seq), page), False

    def answer(self, name: str, told: Told, columns: type[msgspec.Struct], **head: Any) -> ASGIResponse:
        """The page, or as CSV without a limit everything after it."""
        if self.asking.wants_csv and self.query.limit is None:
            return self.stream(name, told, columns)
        cursor = self.cursor(told)
        parts = {part: value for part, value in told.answer.parts.items() if part not in ("next", "exists")}
        parts["cursor"] = ENCODER.encode(cursor)
        answer = self.asking.answer(name, Told(replace(told.answer, parts=parts), told.seq), columns, "lines", **head)
        if self.asking.wants_csv and cursor is not None:
            answer.headers.add("X-Cursor", cursor)
        return answer


def _with_page(report: Callable[[Question, Page], Report], page: Page, question: Question) -> Report:
    return report(question, page)


def _csv_headers(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}.csv"'}
