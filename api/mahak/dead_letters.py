"""Dead letters over HTTP: what was refused of this login's batches, to be listed, inspected, retried and discarded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from msgspec import Meta

from api.answers import NO_STORE, answer
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.mahak import examples, forms
from api.mahak.access import DIALECT, claims_of
from api.mahak.errors import code_of_name
from api.mahak.saving.answers import answer_v1, answer_v2
from api.mahak.saving.execution import Save
from api.mahak.saving.letters import V2, read_letter, save_and_note
from api.mahak.saving.pictures import row_files
from api.mahak.saving.writer import writer_of
from api.reading_requests import query_pairs, services_of
from domain.errors import InvalidField, RecordNotFound
from infra.composition import Services
from infra.identity.tokens import Claims
from infra.sync.syncs import Rejected, Syncs

TAG = "Mahak"
MOST_LISTED = 1_000
_PATH = "/API/v3/Sync/DeadLetters"
LARGEST = 2**62


class LetterQuery(msgspec.Struct, kw_only=True):
    """Which letters: those after the number `after`, oldest first."""

    after: Annotated[int, Meta(ge=0)] = 0
    limit: Annotated[int, Meta(ge=1, le=MOST_LISTED)] = 100


class DiscardQuery(msgspec.Struct, kw_only=True):
    """Which letters: their numbers, separated by commas; none for all."""

    numbers: str | None = None


class Retry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`batch`: what is sent in the letter's place, corrected; without it the letter's own."""

    batch: dict[str, list[dict[str, Any]]] | None = None


class LetterAnswer(msgspec.Struct, kw_only=True, rename="camel"):
    """The envelope of the guide."""

    success: bool = True
    result: bool = True
    code: int = 0
    message: str = ""
    data: dict[str, Any]


def _told(one: Rejected) -> dict[str, Any]:
    """A letter in a list: everything but what was sent, and the words, which may quote it."""
    family, _, entities = one.place.partition(" ")
    return {
        "number": one.number,
        "family": family,
        "entities": entities.split(","),
        "code": code_of_name(one.code),
        "error": one.code,
        "field": one.field,
        "attempts": one.attempts,
        "firstAt": one.first_at,
        "lastAt": one.last_at,
    }


def _source(services: Services, claims: Claims) -> str:
    """Whose letters: a login sees its own only. Raises NotAuthenticated."""
    return services.identity.confirm(claims).actor.source


def _find(syncs: Syncs, company_id: UUID, source: str, number: int) -> Rejected:
    found = syncs.find_rejected(company_id, source, number) if 0 < number < LARGEST else None
    if found is None:
        raise RecordNotFound("There is no such dead letter; it may have been accepted or discarded.", path="number")
    return found


def _whole(pairs: Mapping[str, str], name: str, default: int, most: int) -> int:
    value = pairs.get(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdecimal() and len(value) < 19 and int(value) <= most):
        raise InvalidField(f"`{name}` must be a whole number, from 0 to {most}.", path=name)
    return int(value)


@endpoint(
    "GET",
    _PATH,
    Operation(
        id="mahakDeadLetters",
        summary="What was refused of this login's batches",
        description="A letter stays until its rows are accepted, by a retry or from the client itself, or it is discarded.",
        tag=TAG,
        query=LetterQuery,
        answers={200: Answer("The letters, without what was sent.", LetterAnswer, examples.LETTERS)},
    ),
)
async def list_letters(request: HttpRequest) -> ASGIResponse:
    """A page of letters."""
    claims, services = claims_of(request), services_of(request)
    pairs = {name.lower(): value for name, value in query_pairs(request)}
    after, limit = _whole(pairs, "after", 0, LARGEST), _whole(pairs, "limit", 100, MOST_LISTED) or 1

    def work() -> LetterAnswer:
        source, syncs = _source(services, claims), Syncs(services.database, DIALECT)
        found = syncs.rejected(claims.cid, source, limit + 1, after=after)
        data = {
            "deadLetters": [_told(one) for one in found[:limit]],
            "total": syncs.count_rejected(claims.cid, source),
            "hasMore": len(found) > limit,
        }
        return LetterAnswer(data=data)

    return answer(await services.threads.run(work), headers=NO_STORE)


@endpoint(
    "GET",
    _PATH + "/{number:int}",
    Operation(
        id="mahakDeadLetter",
        summary="One dead letter",
        description="`batch` is what was sent, `errors` everything that was wrong with it.",
        tag=TAG,
        answers={200: Answer("The letter.", LetterAnswer, examples.LETTER)},
        refusals=(RecordNotFound,),
    ),
)
async def get_letter(request: HttpRequest, number: FromPath[int]) -> ASGIResponse:
    """A letter with what was sent."""
    claims, services = claims_of(request), services_of(request)

    def work() -> LetterAnswer:
        found = _find(Syncs(services.database, DIALECT), claims.cid, _source(services, claims), number)
        letter = read_letter(found)
        said = letter.errors or [
            {"index": 0, "field": found.field, "code": code_of_name(found.code), "message": found.message},
        ]
        return LetterAnswer(data={**_told(found), "message": found.message, "errors": said, "batch": letter.batch})

    return answer(await services.threads.run(work), headers=NO_STORE)


@endpoint(
    "POST",
    _PATH + "/{number:int}/Retry",
    Operation(
        id="mahakRetryDeadLetter",
        summary="Send a dead letter again",
        description="By the way it came: each row for itself (V1), or all or nothing (V2). Once accepted it is gone.",
        tag=TAG,
        body=Retry,
        body_required=False,
        body_example={"batch": examples.COMMIT},
        answers={200: Answer("`data.answer` is what saving answered.", LetterAnswer, examples.RETRIED)},
        refusals=(RecordNotFound,),
    ),
)
async def retry_letter(request: HttpRequest, number: FromPath[int]) -> ASGIResponse:
    """Save a letter's batch, or a corrected one."""
    claims, services = claims_of(request, "write"), services_of(request)
    form = await forms.form_of(request)
    syncs = Syncs(services.database, DIALECT)

    def find() -> Rejected:
        return _find(syncs, claims.cid, writer_of(services, claims).actor.source, number)

    found = await services.threads.run(find)
    letter = read_letter(found)
    corrected = form.get("batch")
    if not isinstance(corrected, dict | None):
        raise InvalidField("A batch is an object: collections of rows.", path="batch")
    batch = forms.folded(letter.batch if corrected is None else corrected)
    is_atomic = letter.family == V2
    async with row_files(services, claims, batch) as files:

        def work() -> LetterAnswer:
            save = Save(services, writer_of(services, claims), batch, is_atomic, files)
            saved = save_and_note(save) if corrected is None else save.execute()
            is_whole = all(row.error is None for rows in saved.values() for row in rows)
            if is_whole:
                syncs.discard(claims.cid, save.writer.actor.source, [number])
            told = answer_v2(saved, save.batch.names) if is_atomic else answer_v1(saved)
            message = "Accepted" if is_whole else "Refused again"
            return LetterAnswer(
                success=is_whole, result=is_whole, message=message, data={"number": number, "accepted": is_whole, "answer": told}
            )

        return answer(await services.threads.run(work))


async def _discard(request: HttpRequest, numbers: list[int] | None, *, is_one: bool = False) -> ASGIResponse:
    claims, services = claims_of(request, "write"), services_of(request)

    def work() -> LetterAnswer:
        source = writer_of(services, claims).actor.source
        count = Syncs(services.database, DIALECT).discard(claims.cid, source, numbers)
        if is_one and not count:
            raise RecordNotFound("There is no such dead letter; it may have been accepted or discarded.", path="number")
        return LetterAnswer(data={"discarded": count})

    return answer(await services.threads.run(work))


@endpoint(
    "DELETE",
    _PATH + "/{number:int}",
    Operation(
        id="mahakDiscardDeadLetter",
        summary="Discard a dead letter",
        tag=TAG,
        answers={200: Answer("It is gone.", LetterAnswer, examples.DISCARDED)},
        refusals=(RecordNotFound,),
    ),
)
async def discard_letter(request: HttpRequest, number: FromPath[int]) -> ASGIResponse:
    """Forget one."""
    return await _discard(request, [number if 0 < number < LARGEST else 0], is_one=True)


@endpoint(
    "DELETE",
    _PATH,
    Operation(
        id="mahakDiscardDeadLetters",
        summary="Discard dead letters of this login",
        tag=TAG,
        query=DiscardQuery,
        answers={200: Answer("How many there were.", LetterAnswer, examples.DISCARDED)},
    ),
)
async def discard_letters(request: HttpRequest) -> ASGIResponse:
    """Forget several, or all."""
    given = next((value for name, value in query_pairs(request) if name.lower() == "numbers"), None)
    if given is None:
        return await _discard(request, None)
    parts = [part.strip() for part in given.split(",") if part.strip()]
    numbers = [_whole({"numbers": part}, "numbers", 0, LARGEST) for part in parts]
    return await _discard(request, numbers)


HANDLERS: list[HTTPRouteHandler] = [list_letters, get_letter, retry_letter, discard_letter, discard_letters]
