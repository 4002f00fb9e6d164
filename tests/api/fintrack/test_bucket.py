"""The bucket: what is uploaded is stored whole and recorded, or refused with nothing stored."""

from __future__ import annotations

import hashlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from buckets import FORM, Bucket, attachments, stored
from pictures import HTML, PDF, png

from infra.settings import Settings
from tests.api.conftest import Server

MEGABYTE = 1_000_000


def test_a_file_is_uploaded_recorded_and_read_back(bucket: Bucket, api_settings: Settings) -> None:
    picture = png(7, 5)
    answer = bucket.upload(("test (10).png", picture, "text/html"))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["success"] is True
    [file] = body["data"]
    assert file == {
        "fileId": file["fileId"],
        "originalName": "test (10).png",
        "mimeType": "image/png",
        "size": len(picture),
        "status": "uploaded",
        "bucketName": bucket.name,
        "isPublic": True,
        "downloadUrl": f"http://testserver.local/bucket/download/{file['fileId']}",
    }
    [record] = attachments(bucket.company)
    assert record["id"] == file["fileId"]
    data = record["data"]
    assert (data["width"], data["height"], data["is_public"], data["bucket"]) == (7, 5, True, bucket.name)
    assert data["sha256"] == hashlib.sha256(picture).hexdigest()
    [path] = stored(api_settings, bucket.company)
    assert data["storage_key"] == f"{bucket.company.id}/{path.name}"
    for address in (file["downloadUrl"], f"/bucket/download/{file['fileId']}"):
        read = bucket.get(address)  # without any token
        assert read.status_code == 200
        assert read.content == picture
        assert read.headers["content-type"] == "image/png"
        assert read.headers["content-length"] == str(len(picture))


def test_several_files_come_back_in_their_order(bucket: Bucket) -> None:
    answer = bucket.upload(("b.pdf", PDF), ("a.png", png()), ("a.png", png(9, 9)))
    assert [(one["originalName"], one["mimeType"]) for one in answer.json()["data"]] == [
        ("b.pdf", "application/pdf"),
        ("a.png", "image/png"),
        ("a.png", "image/png"),
    ]
    assert bucket.download(answer.json()["data"][2]).content == png(9, 9)


def test_a_file_may_be_larger_than_other_bodies(bucket: Bucket, api_settings: Settings) -> None:
    picture = png(padding=3 * MEGABYTE)
    assert len(picture) > api_settings.max_body_bytes
    assert bucket.download(bucket.put("large.png", picture)).content == picture


@pytest.mark.parametrize(
    ("files", "fields", "status", "field"),
    [
        ([("a.png", b"\x89PNG\r\n\x1a\n" + b"x" * 21 * MEGABYTE)], {}, 413, "files"),
        ([("ok.png", png()), ("a.png", b"\x89PNG\r\n\x1a\n" + b"x" * 21 * MEGABYTE)], {}, 413, "files"),
        ([(f"{n}.png", png()) for n in range(11)], {}, 413, "files"),
        ([("a.png", png())], {"other": "x" * 2 * MEGABYTE}, 413, "other"),
        ([("a.html", HTML)], {}, 415, "files"),
        ([("a.png", HTML)], {}, 415, "files"),
        ([("ok.png", png()), ("a.exe", b"MZ\x90\0\x03\0\0\0")], {}, 415, "files"),
        ([("a.bin", bytes(range(256)))], {}, 415, "files"),
        ([("a.png", b"")], {}, 400, "files"),
        ([], {}, 400, "files"),
        ([("a.png", png())], {"bucketId": ""}, 400, "bucketId"),
        ([("a.png", png())], {"bucketId": "fintrack-public-common-bucket"}, 403, "bucketId"),
        ([("a.png", png())], {"bucketId": "../other"}, 403, "bucketId"),
        ([("a.png", png())], {"bucketId": "a\0b"}, 400, "bucketId"),
    ],
)
def test_what_is_refused_stores_nothing(files, fields, status, field, bucket: Bucket, api_settings: Settings) -> None:
    head = bucket.company.head()
    parts = [("files", file) for file in files] or [("none", (None, b""))]
    answer = bucket.client.post("/bucket/upload", data={"bucketId": bucket.name, **fields}, files=parts, headers=bucket.bearer)
    body = answer.json()
    assert (answer.status_code, body["result"], body["status"], body["field"]) == (status, "ERR", status, field), body
    assert bucket.company.head() == head
    assert stored(api_settings, bucket.company) == []


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"--x--\r\n", 400),
        (FORM, b"", 400),
        (FORM, b"rubbish", 400),
        (
            FORM,
            b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\nhalf',
            400,
        ),
        (
            FORM,
            b'--x\r\nContent-Disposition: form-data; name="bucketId"\r\n\r\n\xff\r\n--x--\r\n',
            400,
        ),
        (FORM, b"--x\r\n" + b"A: b\r\n" * 50 + b"\r\n\r\n--x--\r\n", 413),
        (
            FORM,
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 600 + b"--x--\r\n",
            413,
        ),
    ],
)
def test_bodies_that_are_no_forms(content_type, body, status, bucket: Bucket, api_settings: Settings) -> None:
    answer = bucket.client.post("/bucket/upload", content=body, headers={**bucket.bearer, "Content-Type": content_type})
    assert (answer.status_code, answer.json()["result"]) == (status, "ERR"), answer.text
    assert stored(api_settings, bucket.company) == []


def test_the_same_upload_again_is_answered_the_same(bucket: Bucket, api_settings: Settings) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    first = bucket.upload(("a.png", png()), **key)
    again = bucket.upload(("a.png", png()), **key)
    assert first.json()["data"] == again.json()["data"]
    assert again.headers["idempotent-replay"] == "true"
    assert len(stored(api_settings, bucket.company)) == 1
    other = bucket.upload(("a.png", png(8, 8)), **key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


def test_uploads_at_once_all_arrive(bucket: Bucket, server: Any) -> None:
    contents = [png(n, n, padding=400_000) for n in range(1, 9)]
    with httpx.Client(base_url=server.url, timeout=30) as client, ThreadPoolExecutor(8) as pool:
        real = msgspec.structs.replace(bucket, client=client)
        files = list(pool.map(lambda content: real.put("x.png", content), contents))
        assert list(pool.map(lambda file: real.download(file).content, files)) == contents


def test_over_the_limit_on_a_real_server(bucket: Bucket, server: Any) -> None:
    """The client is still sending when it is refused; it gets to read why."""
    with httpx.Client(base_url=server.url, timeout=30) as client:
        answer = msgspec.structs.replace(bucket, client=client).upload(("a.png", png(padding=30 * MEGABYTE)))
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")


def test_a_server_killed_in_the_middle_of_an_upload_leaves_nothing(bucket: Bucket, api_settings: Settings) -> None:
    server = Server(api_settings)
    try:
        begin = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + png()
        head = (
            f"POST /bucket/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bucket.token}\r\nContent-Type: {FORM}\r\n"
            "Content-Length: 9000000\r\n\r\n"
        ).encode()
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head + begin + bytes(4 * MEGABYTE))
            time.sleep(0.3)
            server.process.kill()
            server.process.wait(10)
    finally:
        server.kill()
    assert stored(api_settings, bucket.company) == []
    assert [path for path in api_settings.data_dir.iterdir() if path.is_file()] == []
    assert attachments(bucket.company) == []
