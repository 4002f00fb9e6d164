"""The bucket: what was uploaded comes back byte for byte and harms nobody; it is listed, and deleted for everybody."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from buckets import FORM, Bucket, attachments, stored
from pictures import PDF, SVG, archive, png

from infra.composition import Services
from infra.settings import Settings

MEGABYTE = 1_000_000


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
