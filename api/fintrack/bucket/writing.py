"""Uploading files into a bucket, and deleting them from it."""

from __future__ import annotations

from uuid import UUID

from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.answers import answer
from api.endpoint import Answer, Operation, endpoint
from api.fintrack.bucket.access import check_bucket, holder_of, is_public, required_token_of
from api.fintrack.bucket.rows import EXAMPLE, TAG, BucketFile, BucketFiles, OneBucketFile, row_of
from api.fintrack.values import read_id
from api.http_errors import HttpRequest
from api.reading_requests import services_of
from api.uploads import Form, ReceivedFile, attachment_of, receive_form, storing
from domain import errors
from domain.command import Command, Idempotency
from domain.decide import Result
from domain.errors import InvalidField, RecordNotFound
from domain.needs import Needs
from infra.composition import Services
from infra.files.finding import get_file
from infra.identity.bucket_tokens import BucketClaims
from infra.ledger import Outcome
from infra.requests import check_key

FILES, BUCKET = "files", "bucketId"
LONGEST_BUCKET = 255


@endpoint(
    "POST",
    "/bucket/upload",
    Operation(
        id="bucketUpload",
        summary="Upload files into a bucket",
        description=(
            "A multipart form of `bucketId` and up to ten `files`, with the bucket's token. A file's type is what its content says."
            " All files are taken, or none. With an `Idempotency-Key`, the same form is answered as before."
        ),
        tag=TAG,
        form={
            BUCKET: {"type": "string", "description": "The bucket that the token is for.", "example": EXAMPLE["bucketName"]},
            FILES: {"type": "array", "items": {"type": "string", "format": "binary"}, "description": "The files."},
        },
        headers={"Idempotency-Key": "Makes the upload safe to repeat."},
        answers={200: Answer("The files, each with its id and address.", BucketFiles, {"success": True, "data": [EXAMPLE]})},
        refusals=(
            errors.NotAllowed,
            errors.FileTooLarge,
            errors.FileTypeRefused,
            errors.KeyReused,
        ),
    ),
    streamed=True,
)
async def upload(request: HttpRequest) -> ASGIResponse:
    """Upload."""
    claims = required_token_of(request)
    services = services_of(request)
    await services.threads.run(holder_of, services, claims)  # before a body is read
    async with receive_form(request) as form:
        files = _checked(form, claims)
        idempotency = _idempotency(request, form)
        known = None
        if idempotency is not None:
            known = await services.threads.run(services.ledger.find_answer, claims.cid, idempotency)
        if known is None:
            async with storing(services, claims.cid, files) as stored:
                public = is_public(claims.bucket)
                commands = [attachment_of(one, bucket=claims.bucket, is_public=public) for one in stored]
                known = await services.threads.run(_record, services, claims, commands, idempotency)
    rows = await services.threads.run(_rows, request, services, claims.cid, known)
    headers = {"Idempotent-Replay": "true"} if known.idempotent_replay else {}
    return answer(BucketFiles(success=True, data=rows), headers=headers)


def _checked(form: Form, claims: BucketClaims) -> list[ReceivedFile]:
    bucket = form.text(BUCKET)
    if not bucket or len(bucket) > LONGEST_BUCKET:
        raise InvalidField("Name the bucket that the files go into.", path=BUCKET)
    check_bucket(claims, bucket, BUCKET)
    files = form.named(FILES, "file")
    if not files:
        raise InvalidField("There is no file in the form.", path=FILES)
    return files


def _idempotency(request: HttpRequest, form: Form) -> Idempotency | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    found = Idempotency(key=key, fingerprint=form.fingerprint("POST /bucket/upload"))
    check_key(found)
    return found


def _record(services: Services, claims: BucketClaims, commands: list[Command], idempotency: Idempotency | None) -> Outcome:
    """Make the records. The session may have ended while the body was on its way."""
    holder = holder_of(services, claims)
    return services.ledger.execute(holder.company_id, commands, holder.actor, idempotency=idempotency)


def _rows(request: HttpRequest, services: Services, company_id: UUID, outcome: Outcome) -> list[BucketFile]:
    """The rows of the files that were recorded, in the order in which they came."""
    ids = [result.id for result in outcome.results if isinstance(result, Result)]
    found = {record.id: record for record in services.store.read_records(company_id, Needs(ids=set(ids))).records}
    return [row_of(request, one, found[one].data) for one in ids if one in found]


@endpoint(
    "DELETE",
    "/bucket/files/{file_id:str}",
    Operation(
        id="bucketDeleteFile",
        summary="Delete a file of a bucket",
        description="With the bucket's own token. The file is no longer listed nor sent; that it was there stays in the log.",
        tag=TAG,
        answers={200: Answer("The file.", OneBucketFile, {"success": True, "data": {**EXAMPLE, "status": "deleted"}})},
        refusals=(errors.RecordNotFound,),
    ),
)
async def delete_file(request: HttpRequest, file_id: FromPath[str]) -> ASGIResponse:
    """Delete."""
    claims = required_token_of(request)
    services = services_of(request)

    def work() -> BucketFile:
        holder = holder_of(services, claims)
        record = get_file(services.store, holder.company_id, read_id(file_id, "fileId"))
        if record.data.get("bucket") != holder.bucket:
            raise RecordNotFound("There is no such file in this bucket.", path="fileId")
        services.ledger.execute(holder.company_id, [Command(kind="attachment", action="delete", id=record.id)], holder.actor)
        return row_of(request, record.id, record.data, status="deleted")

    return answer(OneBucketFile(success=True, data=await services.threads.run(work)))


HANDLERS = [upload, delete_file]
