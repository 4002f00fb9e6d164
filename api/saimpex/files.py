"""Files: receipts, product pictures and logos, at an address that the same login opens."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.bearer import claims_of
from api.downloads import send_file
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.reading_requests import services_of
from api.saimpex import tags
from api.saimpex.access import is_manager
from api.saimpex.values import Row
from api.uploads import attachment_of
from domain import errors
from domain.command import Command
from domain.errors import RecordNotFound
from domain.record import Record
from infra.composition import Services
from infra.files import StoredFile
from infra.files.finding import get_file
from infra.identity.tokens import Claims
from infra.ids import new_id

ADDRESS = "/api/desktop/files/"
SEEN_BY_ALL = frozenset({"product", "company"})
"""Whose files every member sees; other files are a manager's, and those of whoever sent them."""


def address_of_file(file_id: UUID | str) -> str:
    """Where a file is, on this server."""
    return f"{ADDRESS}{file_id}"


def pictures_of(stored: Sequence[StoredFile], kind: str, record_id: UUID | None, bucket: str) -> list[Command]:
    """Commands that note files as those of a record (of none yet); each with an id, so that the record can name it."""
    bound = {} if record_id is None else {"record_kind": kind, "record_id": record_id}
    return [msgspec.structs.replace(attachment_of(one, bucket=bucket, **bound), id=new_id()) for one in stored]


def shown_as(name: str, pictures: Sequence[Command]) -> Row:
    """The field by which a record shows the last of these; nothing where there is none."""
    last = pictures[-1].id if pictures else None
    return {} if last is None else {name: address_of_file(last)}


@endpoint(
    "GET",
    f"{ADDRESS}{{file_id:str}}",
    Operation(
        id="saimpexFile",
        summary="A receipt, a product's picture, or the logo",
        description="As `image` and `receipt_url` name it; with the same login. One `Range` and `If-None-Match` are heeded.",
        tag=tags.SETTINGS,
        answers={200: Answer("The file's bytes.", also=("application/octet-stream", "image/png", "application/pdf"))},
        refusals=(errors.RecordNotFound, errors.FileMissing),
    ),
)
async def file(request: HttpRequest, file_id: FromPath[str]) -> ASGIResponse:
    """A file."""
    claims, services = claims_of(request), services_of(request)
    return await send_file(request, await services.threads.run(_find, services, claims, file_id))


def _find(services: Services, claims: Claims, file_id: str) -> Record:
    principal = services.identity.confirm(claims)
    try:
        found = get_file(services.store, claims.cid, UUID(file_id))
    except ValueError:
        raise RecordNotFound("There is no such file.", path="file_id") from None
    if found.data.get("record_kind") in SEEN_BY_ALL or is_manager(principal.role) or found.created_by == principal.user_id:
        return found
    raise RecordNotFound("There is no such file.", path="file_id")


HANDLERS = [file]
