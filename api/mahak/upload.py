"""Upload: a file for a picture that was announced, or for any record of the books; and fetching it with the same login.

V1 (Android) sends a form with the part `file`, the headers `X-PictureId` and `X-FileName`, and its token also as `?userToken=`. The
guide has no names: a form or JSON with `entityType` and `entityId`, in JSON with the file as base64 in `fileContent`. The
family that asked is told by the body: a form is answered as V1, JSON as V2.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.answers import answer
from api.downloads import send_file
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.mahak import forms
from api.mahak.access import claims_of
from api.mahak.collections.files import PICTURES, file_address
from api.mahak.collections.view import id_of
from api.mahak.errors import is_form
from api.mahak.naming import collection_named, living_record
from api.mahak.pictures import bound_of, file_commands, told_of
from api.mahak.values import INT32
from api.reading_requests import services_of
from api.roles import check_may_write
from api.uploads import ReceivedFile, attachment_of, receive_base64, receive_form, storing
from domain import errors
from domain.command import Command
from domain.decide import Result
from domain.errors import InvalidField, RecordNotFound
from domain.needs import Needs
from domain.record import Record
from infra.composition import Services
from infra.files import StoredFile
from infra.files.finding import find_file, get_file
from infra.identity.identity import Principal
from infra.identity.tokens import Claims
from infra.ids import new_id

TAG = "Mahak"
PICTURE_ID, FILE_NAME = "X-PictureId", "X-FileName"
CONTENT_NAMES = ("fileContent", "file", "content", "base64", "binaryData")


class UploadedV1(msgspec.Struct, kw_only=True, rename="pascal"):
    """`Data`: EntityId (the picture's), RowVersion, and AdditionalData with FileUrl and FileHash (SHA-256, hexadecimal)."""

    result: bool = True
    data: dict[str, Any]


class UploadedV2(msgspec.Struct, kw_only=True, rename="camel"):
    """`data`: id, entityType, entityId, rowVersion, fileName, fileSize, mimeType, fileHash, downloadUrl."""

    success: bool = True
    result: bool = True
    code: int = 0
    message: str = "Uploaded"
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Target:
    """What a file is for: a picture that was announced, another record, or nothing yet."""

    picture: Record | None = None
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    """What became of an upload: the file's record, the picture's id, and the seq of its row."""

    attachment: Record
    picture_id: int
    seq: int


ADDITIONAL = {"FileUrl": file_address(7), "FileHash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}


@endpoint(
    "POST",
    "/API/v3/Sync/Upload",
    Operation(
        id="mahakUpload",
        summary="Upload a file",
        description=(
            "A form with the part `file`; `X-PictureId` names a picture that was saved before, `entityType` and `entityId` any"
            " record. JSON takes the same names and `fileContent` as base64, and is answered as V2."
        ),
        tag=TAG,
        form={
            "file": {"type": "string", "format": "binary", "description": "The file.", "example": "…"},
            "entityType": {"type": "string", "description": "A collection, as `people`, or its entity, as `person`."},
            "entityId": {"type": "integer", "description": "The record's id in that collection."},
        },
        headers={
            PICTURE_ID: "The picture that was announced.",
            FILE_NAME: "The name, percent-encoded where it is not ASCII.",
        },
        answers={
            200: Answer(
                "Where the file is.",
                (UploadedV1, UploadedV2),
                {"Result": True, "Data": {"EntityId": 7, "RowVersion": 42, "AdditionalData": ADDITIONAL}},
            )
        },
        refusals=(errors.NotAllowed, errors.ReferenceMissing, errors.FileTooLarge, errors.FileTypeRefused),
    ),
    streamed=True,
)
async def upload(request: HttpRequest) -> ASGIResponse:
    """Store a file."""
    claims = claims_of(request, "write", by_query=True)
    await services_of(request).threads.run(_writer, services_of(request), claims)  # before a body is read
    if is_form(request):
        async with receive_form(request) as form:
            fields = forms.folded(dict(form.fields))
            files = form.named("file", "files")
            if len(files) != 1:
                raise InvalidField("Send exactly one file, as the part `file`.", path="file")
            files[0].file_name = _name_of(request, fields) or files[0].file_name
            kept, _ = await _keep(request, claims, fields, files[0])
        data = {
            "EntityId": kept.picture_id,
            "RowVersion": kept.seq,
            "AdditionalData": {"FileUrl": file_address(kept.picture_id), "FileHash": kept.attachment.data["sha256"]},
        }
        return answer(UploadedV1(data=data))
    fields = await forms.form_of(request)
    wire, content = next(((name, fields[name.lower()]) for name in CONTENT_NAMES if name.lower() in fields), ("fileContent", None))
    if not isinstance(content, str):
        raise InvalidField("Send the file's content as base64.", path=wire)
    services = services_of(request)
    received = await services.threads.run(receive_base64, services, content, _name_of(request, fields), wire)
    with closing(received.content):
        kept, target = await _keep(request, claims, fields, received)
    stored = kept.attachment.data
    return answer(
        UploadedV2(
            data={
                "id": kept.picture_id,
                "entityType": target.record.kind if target.record else None,
                "entityId": target.record.number if target.record else None,
                "rowVersion": kept.seq,
                "fileName": stored["file_name"],
                "fileSize": stored["size"],
                "mimeType": stored["mime_type"],
                "fileHash": stored["sha256"],
                "downloadUrl": file_address(kept.picture_id),
            }
        )
    )


def _writer(services: Services, claims: Claims) -> Principal:
    """Who uploads. Raises NotAuthenticated, NotAllowed."""
    principal = services.identity.confirm(claims)
    check_may_write(principal.role, "")
    return principal


def _name_of(request: HttpRequest, fields: Mapping[str, Any]) -> str:
    """What the client calls the file; empty where it says nothing."""
    return unquote(request.headers.get(FILE_NAME, "")) or forms.text(fields, "fileName", longest=1_000)


async def _keep(request: HttpRequest, claims: Claims, fields: Mapping[str, Any], received: ReceivedFile) -> tuple[_Kept, _Target]:
    """Store a file and make its record; the same file for the same picture again is answered as it was."""
    services = services_of(request)
    header = request.headers.get(PICTURE_ID)
    named = fields if header is None else {**fields, "pictureid": header}
    target = await services.threads.run(_target, services, claims, named)
    if target.picture is not None:
        known = await services.threads.run(_known, services, claims, target.picture, received.content.sha256)
        if known is not None:
            return known, target
    async with storing(services, claims.cid, [received]) as stored:
        return await services.threads.run(_record, services, claims, target, stored[0]), target


def _target(services: Services, claims: Claims, fields: Mapping[str, Any]) -> _Target:
    """What the request names. Raises InvalidField, ReferenceMissing."""
    picture_id = forms.number(fields, "pictureId", most=INT32)
    if picture_id:
        picture = living_record(services.store, claims.cid, PICTURES, picture_id, PICTURE_ID)
        if picture.kind != "custom_record":
            raise InvalidField("This picture has its file; save another picture first.", path=PICTURE_ID)
        return _Target(picture=picture)
    named = forms.text(fields, "entityType", "entity")
    entity_id = forms.number(fields, "entityId", most=INT32)
    if not named and not entity_id:
        return _Target()
    collection = collection_named(named, "entityType")
    if not entity_id:
        raise InvalidField(f"Say which of the {collection.name} the file is for.", path="entityId")
    return _Target(record=living_record(services.store, claims.cid, collection, entity_id, "entityId"))


def _picture_id(record: Record) -> int:
    return id_of(PICTURES.name, record.kind, record.number)


def _known(services: Services, claims: Claims, picture: Record, sha256: str) -> _Kept | None:
    """What was answered when this very file came before: a client that got no answer sends it again."""
    attached = picture.data.get("attachment_id")
    if attached is None:
        return None
    file = find_file(services.store, claims.cid, UUID(attached))
    return _Kept(file, _picture_id(picture), picture.seq) if file is not None and file.data["sha256"] == sha256 else None


def _record(services: Services, claims: Claims, target: _Target, stored: StoredFile) -> _Kept:
    """Make the file's record, and tell the announced picture of it, in one transaction."""
    principal = _writer(services, claims)
    if target.picture is None:
        bound = {"record_kind": target.record.kind, "record_id": target.record.id} if target.record else {}
        made = services.ledger.execute(claims.cid, [attachment_of(stored, **bound)], principal.actor).results[0]
        assert isinstance(made, Result), "an atomic batch that is refused raises"
        attachment = get_file(services.store, claims.cid, made.id)
        return _Kept(attachment, _picture_id(attachment), made.seq)
    picture, attachment_id = target.picture, new_id()
    galleries = services.store.read_records(claims.cid, Needs(parents={picture.id})).records
    commands = file_commands(attachment_id, picture.id, stored, picture.data.get("attachment_id"), bound_of(galleries))
    data = {"attachment_id": attachment_id, "data": {**picture.data.get("data", {}), **told_of(stored)}}
    commands.append(Command(kind="custom_record", action="update", id=picture.id, data=data))
    results = services.ledger.execute(claims.cid, commands, principal.actor).results
    changed = results[-1]
    assert isinstance(changed, Result), "an atomic batch that is refused raises"
    return _Kept(get_file(services.store, claims.cid, attachment_id), _picture_id(picture), changed.seq)


@endpoint(
    "GET",
    "/API/v3/Sync/Download/{picture_id:int}",
    Operation(
        id="mahakDownload",
        summary="Fetch a file",
        description="By the picture's id, as its `url` has it, with the same login. One `Range` and `If-None-Match` are heeded.",
        tag=TAG,
        answers={200: Answer("The file's bytes.", also=("*/*",))},
        refusals=(errors.RecordNotFound, errors.FileMissing),
    ),
)
async def download(request: HttpRequest, picture_id: FromPath[int]) -> ASGIResponse:
    """A file."""
    claims = claims_of(request, by_query=True)
    services = services_of(request)

    def work() -> Record:
        services.identity.confirm(claims)
        if not 1 <= picture_id <= INT32:
            raise RecordNotFound("There is no such file.", path="pictureId")
        plan, number = PICTURES.plan_of_id(picture_id)
        records = services.store.read_records(claims.cid, Needs(numbers={(plan.kind, number)})).records
        found = next((one for one in records if (one.kind, one.number) == (plan.kind, number) and not one.deleted), None)
        if found is not None and found.kind == "custom_record":
            attached = found.data.get("attachment_id")
            found = find_file(services.store, claims.cid, UUID(attached)) if attached else None
        if found is None:
            raise RecordNotFound("There is no such file.", path="pictureId")
        return found

    return await send_file(request, await services.threads.run(work))


HANDLERS: list[HTTPRouteHandler] = [upload, download]
