"""Imports over HTTP: the body is the file, the answer says what became of it."""

from __future__ import annotations

from typing import Annotated

from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from msgspec import Meta

from api.answers import answer
from api.bearer import claims_of
from api.endpoint import JSON, Answer, Operation, endpoint
from api.http_errors import HttpRequest, MediaTypeUnsupported, RouteNotFound
from api.reading_requests import media_type_of, read_file, read_query, services_of
from api.roles import check_may_write
from domain import errors
from domain.errors import MalformedRequest
from infra.imports import FORMATS, FileOptions, Options, Report, run_import

NO_FILES = frozenset({JSON, "multipart/form-data", "application/x-www-form-urlencoded"})
"""What cannot be a file of these formats: a mistake of the client, better told at once."""
CSV_EXAMPLE = "code,name,roles,email\nC-1,Shirin Rugs,customer,orders@shirin.example\n"
REPORT = {
    "format": "csv",
    "kind": "parties",
    "dry_run": False,
    "rows": 1,
    "created": 1,
    "updated": 0,
    "unchanged": 0,
    "differs": 0,
    "deleted": 0,
    "differences": [],
    "notes": [],
    "seq": 12,
}


class ImportQuery(FileOptions, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an import takes beside the file: the options of every format, and the kind of a CSV file."""

    kind: Annotated[str, Meta(max_length=40, description=f"CSV: {', '.join(FORMATS['csv'])}.")] = ""


@endpoint(
    "POST",
    "/ledger/v1/imports/{file_format:str}",
    Operation(
        id="importFile",
        summary="Import a file of another program",
        description=(
            "The body is the file. All of it is imported or nothing: where a line cannot be, the answer is 422 with every such"
            " line, column and reason in `problems`. Importing the same file again adds nothing. Files of more than 5,000 records"
            " take several transactions; sent again after a failure, they continue."
        ),
        tag="Writing",
        query=ImportQuery,
        body_media=("text/csv", "application/x-ofx", "text/plain", "application/octet-stream"),
        body_example=CSV_EXAMPLE,
        answers={200: Answer("What became of the file's records.", Report, REPORT)},
        refusals=(errors.NotAllowed, errors.ImportRefused, errors.CompanyNotFound, errors.UnknownKind),
    ),
)
async def import_file(request: HttpRequest, file_format: FromPath[str]) -> ASGIResponse:
    """Import a file."""
    claims = claims_of(request, "write")
    if file_format not in FORMATS:
        raise RouteNotFound(f"There is no import of {file_format!r}; there are {', '.join(FORMATS)}.", path="file_format")
    query = read_query(request, ImportQuery)
    if (media_type := media_type_of(request)) in NO_FILES:
        raise MediaTypeUnsupported(f"The body is the file itself, as text/csv, application/x-ofx or text/plain, not {media_type}.")
    raw = await read_file(request)
    if not raw:
        raise MalformedRequest("The body is empty; it has to be the file.")
    services = services_of(request)

    options = Options(**{name: getattr(query, name) for name in FileOptions.__struct_fields__})

    def work() -> Report:
        principal = services.identity.confirm(claims)
        check_may_write(principal.role, "")
        return run_import(
            services.ledger, services.reader, principal.company_id, principal.actor, file_format, query.kind, raw, options
        )

    return answer(await services.threads.run(work))


HANDLERS = [import_file]
