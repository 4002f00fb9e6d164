"""SaveAllData and SaveAllDataV2."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from api.answers import raw
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.mahak import described, examples, forms
from api.mahak.access import claims_of
from api.mahak.saving.answers import answer_v1, answer_v2
from api.mahak.saving.execution import Save
from api.mahak.saving.letters import save_and_note
from api.mahak.saving.pictures import row_files
from api.mahak.saving.writer import writer_of
from api.reading_requests import services_of
from domain import errors


class SavedDataV1(msgspec.Struct, kw_only=True, rename="pascal"):
    """The collections."""

    objects: described.SavedObjects  # type: ignore[valid-type]


class SavedV1(msgspec.Struct, kw_only=True, rename="pascal"):
    """`Data.Objects` has the results of every collection, in the order of the request; a row that is refused fails alone."""

    result: bool
    data: SavedDataV1


class SavedV2(msgspec.Struct, kw_only=True, rename="camel"):
    """`data` has for every collection that was sent the ids and versions of its rows, in the order of the request."""

    success: bool = True
    code: int = 0
    message: str
    result: bool = True
    data: dict[str, Any]


async def _save(request: HttpRequest, *, is_atomic: bool) -> ASGIResponse:
    services, claims = services_of(request), claims_of(request, "write")
    form = await forms.form_of(request, is_batch=True)

    async with row_files(services, claims, form) as files:

        def work() -> bytes:
            save = Save(services, writer_of(services, claims), form, is_atomic, files)
            save.render = (lambda saved: answer_v2(saved, save.batch.names)) if is_atomic else answer_v1
            save_and_note(save)
            return save.answer

        return raw(await services.threads.run(work))


_REFUSALS = (
    errors.ReferenceMissing,
    errors.RecordNotFound,
    errors.VersionStale,
    errors.NotAllowed,
    errors.BatchTooLarge,
)


@endpoint(
    "POST",
    "/API/v3/Sync/SaveAllData",
    Operation(
        id="mahakSaveAllData",
        summary="Save what a client changed: each row stands or falls for itself",
        description="A row that its client sent before changes the same record. A missing `RowVersion`, or 0, never conflicts.",
        tag="Mahak",
        body=described.Commit,
        body_example=examples.COMMIT,
        answers={200: Answer("What became of every row.", SavedV1, examples.SAVED_V1)},
        refusals=_REFUSALS,
    ),
)
async def save_all_data(request: HttpRequest) -> ASGIResponse:
    """Each row for itself, as V1's clients expect."""
    return await _save(request, is_atomic=False)


@endpoint(
    "POST",
    "/API/v3/Sync/SaveAllDataV2",
    Operation(
        id="mahakSaveAllDataV2",
        summary="Save what a client changed: all of it or nothing",
        description="A row without an id of the server's that its client sent before is answered as then, and changes nothing. "
        "What is wrong is told with entity, index, field and code.",
        tag="Mahak",
        body=described.Commit,
        body_example=examples.COMMIT,
        answers={200: Answer("The ids and versions of every row.", SavedV2, examples.SAVED_V2)},
        refusals=_REFUSALS,
    ),
)
async def save_all_data_v2(request: HttpRequest) -> ASGIResponse:
    """The whole batch or nothing, as the guide has it."""
    return await _save(request, is_atomic=True)


HANDLERS: list[HTTPRouteHandler] = [save_all_data, save_all_data_v2]
