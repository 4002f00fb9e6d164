"""Downloading files, by id or by their address, and listing what is in a bucket."""

from __future__ import annotations

from uuid import UUID

from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.answers import answer
from api.documents import documents_of
from api.downloads import send_file
from api.endpoint import Answer, Operation, endpoint
from api.fintrack.asking import read_request
from api.fintrack.bucket.access import check_bucket, holder_of, required_token_of, token_of
from api.fintrack.bucket.rows import EXAMPLE, TAG, BucketFile, BucketPage, OneBucketFile, row_of
from api.fintrack.envelope import page_of
from api.fintrack.parameters import PageQuery
from api.fintrack.values import read_id
from api.http_errors import HttpRequest
from api.reading_requests import services_of
from domain import errors
from domain.errors import RecordNotFound
from domain.record import Record
from infra.files.finding import find_file, find_public_file
from infra.lists.listing import Condition, Source, list_from

BYTES = Answer(
    "The file's bytes; 206 with a part of them for a `Range`.",
    also=("*/*",),
    headers={
        "ETag": "Of these bytes.",
        "Content-Range": "Which part.",
        "Content-Disposition": "The name; whether to show it.",
    },
)
DESCRIPTION = (
    "Files of public buckets are sent to anybody, others to the bucket's token. One `Range` of bytes, `If-Range` and"
    " `If-None-Match` are heeded (206, 416, 304). Pictures and PDF may be shown by browsers, all else is saved."
)


class FilesQuery(PageQuery, kw_only=True):
    """Which page of which bucket's files."""

    bucketId: str | None = None  # noqa: N815 - as on the wire


REFUSALS = (errors.RecordNotFound, errors.FileMissing, errors.NotAuthenticated, errors.TooManyRequests)


def _find(request: HttpRequest, file_id: str) -> tuple[Record, bool]:
    """The file that a request may read, and whether anybody may. Raises RecordNotFound, whatever the reason."""
    services = services_of(request)
    wanted = read_id(file_id, "fileId")
    public = find_public_file(services.database, services.store, wanted)
    if public is not None:
        return public, True
    claims = token_of(request)
    if claims is not None:
        holder = holder_of(services, claims)
        record = find_file(services.store, holder.company_id, wanted)
        if record is not None and record.data.get("bucket") == holder.bucket:
            return record, False
    raise RecordNotFound("There is no such file.", path="fileId")


async def _download(request: HttpRequest, file_id: str) -> ASGIResponse:
    record, public = await services_of(request).threads.run(_find, request, file_id)
    return await send_file(request, record, public=public)


@endpoint(
    "GET",
    "/bucket/download/{file_id:str}",
    Operation(
        id="bucketDownload",
        summary="Download a file",
        description=DESCRIPTION,
        tag=TAG,
        secured=False,
        headers={"Range": "`bytes=0-499`, `bytes=500-` or `bytes=-500`.", "If-None-Match": "An ETag."},
        answers={200: BYTES},
        refusals=REFUSALS,
    ),
)
async def download(request: HttpRequest, file_id: FromPath[str]) -> ASGIResponse:
    """Download."""
    return await _download(request, file_id)


@endpoint(
    "HEAD",
    "/bucket/download/{file_id:str}",
    Operation(
        id="bucketDownloadHead",
        summary="What a download would say of a file",
        description=DESCRIPTION,
        tag=TAG,
        secured=False,
        answers={200: BYTES},
        refusals=REFUSALS,
    ),
)
async def download_head(request: HttpRequest, file_id: FromPath[str]) -> ASGIResponse:
    """HEAD of download."""
    return await _download(request, file_id)


@endpoint(
    "GET",
    "/bucket/files",
    Operation(
        id="bucketListFiles",
        summary="List the files of a bucket",
        description="With the bucket's own token; newest first. `bucketId` may be left out: it is the token's.",
        tag=TAG,
        query=FilesQuery,
        answers={
            200: Answer(
                "A page of files.",
                BucketPage,
                {
                    "success": True,
                    "data": [EXAMPLE],
                    "paging": {"pageNumber": 1, "pageRowCount": 25, "totalRowCount": 1, "pageCount": 1},
                },
            )
        },
        refusals=(errors.NotAllowed,),
    ),
)
async def list_files(request: HttpRequest) -> ASGIResponse:
    """List."""
    claims = required_token_of(request)
    services = services_of(request)
    asked = await read_request(request)

    def work() -> BucketPage:
        holder = holder_of(services, claims)
        asked.check()
        check_bucket(claims, asked.single("bucketId") or holder.bucket, "bucketId")
        page = page_of(asked)
        source = Source("attachment", (Condition((("data", "bucket"),), (holder.bucket,)),), order=("created_at",))
        found = list_from(services.database, holder.company_id, [source], descending=True, limit=page.limit, offset=page.offset)
        rows = [row_of(request, UUID(one.id), one.data) for one in documents_of(found.items)]
        return BucketPage(success=True, data=rows, paging=page.paging(found.total))

    return answer(await services.threads.run(work))


@endpoint(
    "GET",
    "/bucket/files/{file_id:str}",
    Operation(
        id="bucketGetFile",
        summary="What is known of a file",
        description="Of files of public buckets to anybody, of others to the bucket's token.",
        tag=TAG,
        secured=False,
        answers={200: Answer("The file.", OneBucketFile, {"success": True, "data": EXAMPLE})},
        refusals=REFUSALS,
    ),
)
async def get_file_row(request: HttpRequest, file_id: FromPath[str]) -> ASGIResponse:
    """What is known of a file."""

    def work() -> BucketFile:
        record, _ = _find(request, file_id)
        return row_of(request, record.id, record.data)

    return answer(OneBucketFile(success=True, data=await services_of(request).threads.run(work)))


HANDLERS = [download, download_head, list_files, get_file_row]
