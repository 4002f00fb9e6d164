"""The bucket: what is uploaded comes back byte for byte, to whom it may, and harms nobody."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from pictures import HTML, PDF, SVG, archive, png

from infra.composition import Services
from infra.settings import Settings
from tests.api.conftest import Server, register

PASSWORD = "correct horse battery"
MEGABYTE = 1_000_000
FORM = "multipart/form-data; boundary=x"


class Bucket(msgspec.Struct):
    """One user's bucket, and the client that holds its token."""

    name: str
    token: str
    client: Any
    company: Any

    def upload(self, *files: tuple[str, bytes] | tuple[str, bytes, str], bucket: str | None = None, **more: Any) -> httpx.Response:
        return self.client.post(
            "/bucket/upload",
            data={"bucketId": self.name if bucket is None else bucket},
            files=[("files", file) for file in files],
            headers={"Authorization": f"Bearer {self.token}", **more},
        )

    def put(self, name: str, content: bytes) -> dict[str, Any]:
        answer = self.upload((name, content))
        assert answer.status_code == 200, answer.text
        return answer.json()["data"][0]

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=headers)

    def download(self, file: dict[str, Any], **headers: str) -> httpx.Response:
        return self.get(f"/bucket/download/{file['fileId']}", **headers)

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@pytest.fixture
def open_bucket(services: Services) -> Callable[..., Bucket]:
    """Gives a user's token of a bucket, as logging in does; by default the user's own."""

    def make(user: Any, name: str | None = None) -> Bucket:
        principal = services.identity.confirm(services.identity.authenticate(user.token))
        name = name or f"{user.user_id}-public-user-bucket"
        return Bucket(name, services.bucket_tokens.sign(principal, name), user.client, user)

    return make


@pytest.fixture
def bucket(company: Any, open_bucket: Callable[..., Bucket]) -> Bucket:
    return open_bucket(company)


def stored(settings: Settings, company: Any) -> list[Path]:
    """Whatever lies in the store under the company's id."""
    return [path for path in (settings.data_dir / "files" / str(company.id)).rglob("*") if path.is_file()]


def attachments(company: Any) -> list[dict[str, Any]]:
    return company.get("/records/attachment?after=0").json()["records"]


# Uploading ----------------------------------------------------------------------------------------


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


def test_with_the_tokens_of_a_log_in(company: Any) -> None:
    """A user logs in, uploads his picture, and his business's logo."""
    verified = company.execute({"type": "user.update", "id": str(company.user_id), "data": {"email_verified": True}})
    assert verified.status_code == 200, verified.text
    login = {"email": company.email, "password": PASSWORD}
    session = company.client.post("/auth-api/login", json=login, headers={"mbx-business-codename": company.codename}).json()
    own = Bucket(f"{session['userId']}-public-user-bucket", session["userBucketToken"], company.client, company)
    shared = Bucket(f"fintrack-{company.codename}-public-tenant-bucket", session["tenantBucketToken"], company.client, company)
    assert own.download(own.put("me.png", png())).content == png()
    assert shared.download(shared.put("logo.png", png(4, 4))).content == png(4, 4)
    assert own.upload(("me.png", png()), bucket=shared.name).status_code == 403
    assert "applicationBucketToken" not in session
    own.client.post("/auth-api/logout", headers={"Authorization": f"Bearer {session['accessToken']}"})


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


# Tokens -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "", "Bearer", "Bearer x.y.z", "Basic abc", "access", "other company", "logged out"])
def test_only_the_token_of_the_bucket_writes(token, bucket: Bucket, open_bucket: Any, services: Services, api_settings) -> None:
    header = {} if token is None else {"Authorization": token}
    expected = 401
    if token == "access":
        header = {"Authorization": f"Bearer {bucket.company.token}"}
    if token == "other company":
        from tests.api.conftest import register

        header = open_bucket(register(services, bucket.client)).bearer
        expected = 403
    if token == "logged out":
        header = bucket.bearer
        assert bucket.company.call("POST", "/logout").status_code < 300
    answer = bucket.client.post(
        "/bucket/upload", data={"bucketId": bucket.name}, files=[("files", ("a.png", png()))], headers=header
    )
    assert (answer.status_code, answer.json()["result"]) == (expected, "ERR"), answer.text
    assert stored(api_settings, bucket.company) == []


def test_a_tenants_bucket_is_written_as_long_as_the_role_lasts(company: Any, member: Any, open_bucket: Any) -> None:
    admin = member("tenantAdmin")
    bucket = open_bucket(admin, f"fintrack-{company.codename}-public-tenant-bucket")
    assert bucket.upload(("logo.png", png())).status_code == 200
    changed = company.execute({"type": "user.update", "id": str(admin.user_id), "data": {"role": "tenantUser"}})
    assert changed.status_code == 200, changed.text
    assert bucket.upload(("logo.png", png())).status_code == 401
    assert open_bucket(admin).upload(("me.png", png())).status_code == 200, "a user's own bucket is everybody's"


def test_private_buckets_are_read_with_their_token_only(company: Any, open_bucket: Any) -> None:
    private, other = open_bucket(company, "order-7-private-bucket"), open_bucket(company)
    file = private.put("contract.pdf", PDF)
    assert file["isPublic"] is False
    missing = other.download({"fileId": str(uuid4())})
    for header in ({}, other.bearer):
        answer = private.download(file, **header)
        assert (answer.status_code, answer.json()["message"]) == (404, missing.json()["message"])
    read = private.download(file, **private.bearer)
    assert read.content == PDF
    assert read.headers["cache-control"] == "private, no-cache"


def test_files_of_other_companies_and_other_records_are_not_there(bucket: Bucket, services: Services, open_bucket: Any) -> None:

    theirs = open_bucket(register(services, bucket.client), "a-private-bucket")
    file = theirs.put("a.pdf", PDF)
    party = bucket.company.create("party", name="Nobody", roles=["customer"])
    for wanted in (file["fileId"], party["id"], str(uuid4())):
        for call in ("download", "files"):
            answer = bucket.get(f"/bucket/{call}/{wanted}", **bucket.bearer)
            assert (answer.status_code, answer.json()["code"]) == (404, "record_not_found")
        assert bucket.client.delete(f"/bucket/files/{wanted}", headers=bucket.bearer).status_code == 404
    for wanted in ("x", "1", file["fileId"] + "0", "..%2f..%2fetc"):
        assert bucket.get(f"/bucket/download/{wanted}").status_code in (400, 404)


def test_nobody_takes_the_address_of_anothers_public_file(bucket: Bucket, services: Services) -> None:

    file = bucket.put("logo.png", png())
    thief = register(services, bucket.client)
    fields = {"file_name": "logo.png", "size": 1, "mime_type": "text/html", "sha256": "0" * 64, "is_public": True}
    taken = {"type": "attachment.create", "id": file["fileId"], "data": {**fields, "storage_key": f"{thief.id}/x"}}
    assert thief.execute(taken).status_code == 200
    assert bucket.download(file).content == png()


# Downloading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=-100000", 206, slice(0, None)),
        ("bytes=3-100000", 206, slice(3, None)),
        ("bytes=100000-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=9-3", 200, slice(None)),
        ("bytes=0-1,3-4", 200, slice(None)),
        ("lines=0-9", 200, slice(None)),
        ("bytes=a-b", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
    ],
)
def test_ranges(asked, status, part, bucket: Bucket) -> None:
    content = png(40, 40)
    file = bucket.put("a.png", content)
    answer = bucket.download(file, Range=asked)
    assert answer.status_code == status
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(content)}"
        return
    assert answer.content == content[part]
    assert answer.headers["content-length"] == str(len(content[part]))
    if status == 206:
        start = part.indices(len(content))[0]
        assert answer.headers["content-range"] == f"bytes {start}-{start + len(content[part]) - 1}/{len(content)}"


def test_conditions(bucket: Bucket) -> None:
    file = bucket.put("a.png", png())
    tag = bucket.download(file).headers["etag"]
    for header in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = bucket.download(file, **{"If-None-Match": header})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert bucket.download(file, **{"If-None-Match": '"x"'}).status_code == 200
    assert bucket.download(file, **{"If-Range": tag, "Range": "bytes=0-1"}).status_code == 206
    assert bucket.download(file, **{"If-Range": '"x"', "Range": "bytes=0-1"}).status_code == 200


def test_head_says_what_get_would(served: Any, open_bucket: Any) -> None:
    bucket = open_bucket(served)
    file = bucket.put("a.png", png())
    path = f"/bucket/download/{file['fileId']}"
    head, got = bucket.client.head(path), bucket.client.get(path)
    assert head.status_code == 200
    assert head.content == b""
    names = ("content-length", "content-type", "etag", "content-disposition", "x-content-type-options", "accept-ranges")
    assert [head.headers[name] for name in names] == [got.headers[name] for name in names]
    assert bucket.client.head(f"/bucket/download/{uuid4()}").status_code == 404
    assert bucket.client.head(path, headers={"Range": "bytes=1-2"}).headers["content-length"] == "2"


@pytest.mark.parametrize(
    ("name", "content", "shown", "sandboxed"),
    [
        ("a.png", png(), "inline", True),
        ("a.pdf", PDF, "inline", False),
        ("a.svg", SVG, "attachment", True),
        ("a.png", SVG, "attachment", True),
        ("a.csv", b"a,b\n1,2\n", "attachment", True),
        ("a.png", b"just text", "attachment", True),
        ("a.docx", archive("[Content_Types].xml", "word/document.xml"), "attachment", True),
        ("a.html", archive("a"), "attachment", True),
    ],
)
def test_a_hostile_file_is_harmless(name, content, shown, sandboxed, bucket: Bucket) -> None:
    answer = bucket.download(bucket.put(name, content))
    assert answer.content == content
    assert answer.headers["content-disposition"].startswith(f"{shown};")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ("sandbox" in answer.headers.get("content-security-policy", "")) == sandboxed
    assert not answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\Users\\x\\logo.png", "logo.png"),
        ("..", "file"),
        ("", "file"),
        ("a\r\nSet-Cookie: x=1.png", "aSet-Cookie: x=1.png"),
        ('say "hi".png', 'say "hi".png'),
        ("می\u200cروم.png", "می\u200cروم.png"),
        ("\u202egnp.exe.png", "gnp.exe.png"),
        ("x" * 400 + ".png", "x" * 251 + ".png"),
    ],
)
def test_names_are_made_harmless(name, kept, bucket: Bucket) -> None:
    quoted = name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
    body = (
        (
            f'--x\r\nContent-Disposition: form-data; name="bucketId"\r\n\r\n{bucket.name}\r\n'
            f'--x\r\nContent-Disposition: form-data; name="files"; filename="{quoted}"\r\n\r\n'
        ).encode()
        + png()
        + b"\r\n--x--\r\n"
    )
    headers = {**bucket.bearer, "Content-Type": FORM}
    answer = bucket.client.post("/bucket/upload", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    [file] = answer.json()["data"]
    assert file["originalName"] == kept
    disposition = bucket.download(file).headers["content-disposition"]
    assert disposition.isascii()
    assert disposition.isprintable()


def test_a_file_whose_bytes_are_gone_is_a_404_that_says_so(bucket: Bucket, api_settings: Settings, services: Services) -> None:
    file = bucket.put("a.png", png())
    [path] = stored(api_settings, bucket.company)
    path.unlink()
    answer = bucket.download(file)
    assert (answer.status_code, answer.json()["code"]) == (404, "file_missing")
    path.write_bytes(png())


# Listing and deleting -----------------------------------------------------------------------------


def test_a_bucket_is_listed_to_its_holder(bucket: Bucket, open_bucket: Any) -> None:
    files = [bucket.put(f"{n}.png", png()) for n in range(3)]
    open_bucket(bucket.company, "another-public-bucket").put("x.png", png())
    listed = bucket.client.get("/bucket/files", params={"bucketId": bucket.name, "pageRowCount": 2}, headers=bucket.bearer).json()
    assert listed["data"] == [files[2], files[1]]
    assert listed["paging"] == {"pageNumber": 1, "pageRowCount": 2, "totalRowCount": 3, "pageCount": 2}
    assert bucket.get("/bucket/files").status_code == 401
    assert bucket.client.get("/bucket/files", params={"bucketId": "x"}, headers=bucket.bearer).status_code == 403
    assert bucket.get(f"/bucket/files/{files[0]['fileId']}").json() == {"success": True, "data": files[0]}


def test_a_deleted_file_is_gone_for_everybody(bucket: Bucket, open_bucket: Any) -> None:
    file = bucket.put("a.png", png())
    address = f"/bucket/files/{file['fileId']}"
    other = open_bucket(bucket.company, "another-public-bucket")
    assert bucket.client.delete(address).status_code == 401
    assert bucket.client.delete(address, headers=other.bearer).status_code == 404
    deleted = bucket.client.delete(address, headers=bucket.bearer)
    assert deleted.json() == {"success": True, "data": {**file, "status": "deleted"}}
    assert bucket.download(file).status_code == 404
    assert bucket.client.delete(address, headers=bucket.bearer).status_code == 404
    [record] = attachments(bucket.company)
    assert record["deleted"] is True
    assert UUID(record["id"])
