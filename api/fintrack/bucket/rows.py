"""A file as the bucket's clients have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from api.downloads import address_of
from api.http_errors import HttpRequest

TAG = "FinTrack: files"
EXAMPLE = {
    "fileId": "9da03f6d-0409-41ad-bb06-225a244ae408",
    "originalName": "test (10).png",
    "mimeType": "image/png",
    "size": 604063,
    "status": "uploaded",
    "bucketName": "f7103b85-fcda-4dec-92c6-c336f71fd3a2-public-user-bucket",
    "isPublic": True,
    "downloadUrl": "https://books.example/bucket/download/9da03f6d-0409-41ad-bb06-225a244ae408",
}


class BucketFile(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A file of a bucket. `size` in bytes; `mime_type` is what the content says that it is."""

    file_id: UUID
    original_name: str
    mime_type: str
    size: int
    status: str
    bucket_name: str
    is_public: bool
    download_url: str


class BucketFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What uploading and listing answer."""

    success: bool
    data: list[BucketFile]


class OneBucketFile(msgspec.Struct, frozen=True, kw_only=True):
    """What asking for one file, and deleting it, answer."""

    success: bool
    data: BucketFile


class BucketPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a bucket's files, newest first."""

    success: bool
    data: list[BucketFile]
    paging: dict[str, int]


def row_of(request: HttpRequest, file_id: UUID, data: Mapping[str, Any], *, status: str = "uploaded") -> BucketFile:
    """A file's row, from its record's id and data."""
    return BucketFile(
        file_id=file_id,
        original_name=data["file_name"],
        mime_type=data["mime_type"],
        size=data["size"],
        status=status,
        bucket_name=data.get("bucket", ""),
        is_public=data.get("is_public", False),
        download_url=address_of(request, f"/bucket/download/{file_id}"),
    )
