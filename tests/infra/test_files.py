"""The store of files: nothing half, nothing of another company, nothing that is not what it says; in a folder, and in S3.

S3 is tried where S3_TEST_URL names a bucket, as s3://books?endpoint=http://127.0.0.1:5000&region=us-east-1&access_key_id=…
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner
from pictures import HTML, PDF, SVG, archive, jpeg, png

from domain.command import Actor, Command
from domain.errors import FileMissing, FileTooLarge, FileTypeRefused, InvalidField, ServiceUnavailable
from infra.checking import run_checks
from infra.cli.main import daftar
from infra.database import Database
from infra.files import Files, Place, StoredFile, safe_name
from infra.files.sniffing import sniff
from infra.files.sweeping import sweep
from infra.followers.building import connect
from infra.ids import new_id
from infra.ledger import Ledger
from infra.settings import FILE_TYPES, Settings, SettingsError, load
from infra.store.postgres import PostgresStore

SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST = 12_000_000
COMPANY = UUID(int=7)
S3 = os.environ.get("S3_TEST_URL", "")


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.skipif(not S3, reason="S3_TEST_URL names no bucket"))])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    return Files(Place(S3 if request.param == "s3" else "", tmp_path), max_bytes=MOST, types=FILE_TYPES, spool_dir=tmp_path)


async def arriving(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def keep(files: Files, content: Any, name: str = "a.txt", company_id: UUID = COMPANY) -> StoredFile:
    return asyncio.run(files.store(company_id, content, name))


def read(files: Files, key: str, start: int = 0, end: int | None = None) -> bytes:
    async def work() -> bytes:
        return b"".join([chunk async for chunk in await files.open(key, start, end)])

    return asyncio.run(work())


def lying(files: Files, company_id: UUID = COMPANY) -> set[str]:
    return {found.key for found in files.place.listed(str(company_id))}


# Storing and reading ------------------------------------------------------------------------------


def test_what_is_stored_comes_back(files: Files) -> None:
    content = b"line\n" * 2_000_000  # two parts
    kept = keep(files, arriving(*(content[place : place + 70_001] for place in range(0, len(content), 70_001))), "../x/list.csv")
    assert kept == StoredFile(
        storage_key=kept.storage_key,
        file_name="list.csv",
        mime_type="text/csv",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    assert UUID(kept.storage_key.removeprefix(f"{COMPANY}/"))
    assert read(files, kept.storage_key) == content
    assert read(files, kept.storage_key, 5, 9) == content[5:9]
    assert read(files, kept.storage_key, len(content) - 3) == content[-3:]
    assert files.place.size(kept.storage_key) == len(content)
    asyncio.run(files.delete(kept.storage_key))
    asyncio.run(files.delete(kept.storage_key))
    assert files.place.size(kept.storage_key) is None
    with pytest.raises(FileMissing):
        read(files, kept.storage_key)


@pytest.mark.parametrize("key", ["nothing", f"{COMPANY}/../x", "../../etc/passwd", "/etc/passwd", "a//b", "a\nb", ".", "x#1"])
def test_keys_that_name_nothing(key: str, files: Files) -> None:
    with pytest.raises(FileMissing):
        read(files, key)


@pytest.mark.parametrize(
    ("chunks", "name", "error"),
    [
        ([b"x" * 7_000_000, b"x" * 7_000_000], "a.txt", FileTooLarge),
        ([HTML], "a.txt", FileTypeRefused),
        ([], "a.txt", InvalidField),
        ([bytes(range(256))], "a.txt", FileTypeRefused),
    ],
)
def test_what_is_refused_leaves_nothing(chunks, name, error, files: Files, tmp_path: Path) -> None:
    before = lying(files)
    with pytest.raises(error):
        keep(files, arriving(*chunks), name)
    assert lying(files) == before
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_upload_that_breaks_off_leaves_nothing(files: Files, tmp_path: Path) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"x" * 6_000_000
        raise ConnectionResetError

    before = lying(files)
    with pytest.raises(ConnectionResetError):
        keep(files, breaking())
    assert lying(files) == before
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_two_uploads_at_once_do_not_mix(files: Files) -> None:
    contents = [bytes([letter]) * 6_000_000 for letter in b"abcd"]

    async def work() -> list[StoredFile]:
        async def slowly(content: bytes) -> AsyncIterator[bytes]:
            for place in range(0, len(content), 500_000):
                await asyncio.sleep(0)
                yield content[place : place + 500_000]

        return list(await asyncio.gather(*(files.store(COMPANY, slowly(content), "same.txt") for content in contents)))

    kept = asyncio.run(work())
    assert [read(files, one.storage_key) for one in kept] == contents


HALFWAY = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from infra.files import Files, Place

async def chunks():
    for _ in range(6):
        yield b"x" * 1_000_000
    print("halfway", flush=True)
    await asyncio.sleep(60)
    yield b"x"

folder = Path(sys.argv[1])
asyncio.run(Files(Place("", folder), max_bytes=10**8, types=["text/plain"], spool_dir=folder).store(UUID(int=7), chunks(), "a.txt"))
"""


def test_a_process_killed_in_the_middle_of_an_upload_leaves_nothing(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HALFWAY, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "halfway\n"
        process.send_signal(signal.SIGKILL)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_memory_stays_constant(tmp_path: Path) -> None:
    program = HALFWAY.replace("range(6)", "range(90)").replace("await asyncio.sleep(60)", "") + (
        "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    few = program.replace("range(90)", "range(6)")
    small, large = (int(subprocess.check_output([sys.executable, "-c", one, tmp_path]).split()[-1]) for one in (few, program))
    assert large - small < 40, "MiB, for 84 MB more"


def test_a_store_that_is_away_is_a_503(tmp_path: Path) -> None:
    url = "s3://x?endpoint=http://127.0.0.1:1&region=us-east-1&access_key_id=a&secret_access_key=b"
    away = Files(Place(url, tmp_path), max_bytes=MOST, types=FILE_TYPES)
    with pytest.raises(ServiceUnavailable):
        keep(away, b"hello")
    (tmp_path / "files").write_text("no folder")
    with pytest.raises(ServiceUnavailable):
        keep(Files(Place("", tmp_path), max_bytes=MOST, types=FILE_TYPES), b"hello")


@pytest.mark.parametrize("url", ["s3:/x", "s3://", "/folder", "ftp://x/y", "file://relative"])
def test_urls_that_name_no_store(url: str) -> None:
    with pytest.raises(SettingsError, match="DAFTAR_FILES_URL"):
        load({"DAFTAR_FILES_URL": url})


def test_a_parameter_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nonsense"):
        Place("s3://x?nonsense=1", tmp_path)


def test_a_folder_by_url(tmp_path: Path) -> None:
    files = Files(Place(f"file://{tmp_path}/my%20files", tmp_path), max_bytes=MOST, types=["text/*"])
    kept = keep(files, b"hello")
    assert (tmp_path / "my files" / kept.storage_key).read_bytes() == b"hello"
    assert (tmp_path / "my files").stat().st_mode & 0o077 == 0, "nobody else's business"


# Telling what a file is ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name", "claimed", "expected"),
    [
        (png(), "a.html", "text/html", "image/png"),
        (jpeg(3, 4), "", "", "image/jpeg"),
        (b"GIF89a" + bytes(20), "", "", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "", "", "image/webp"),
        (b"\0\0\0\x20ftypheic", "", "", "image/heic"),
        (b"BM" + bytes(12) + b"\x28\0\0\0", "", "", "image/bmp"),
        (b"BM is a text", "", "", "text/plain"),
        (PDF, "a.png", "image/png", "application/pdf"),
        (archive("a.txt"), "a.png", "image/png", "application/zip"),
        (archive("[Content_Types].xml", "xl/workbook.xml"), "a", "", SHEET),
        (
            archive("content.xml", mimetype=b"application/vnd.oasis.opendocument.text"),
            "a",
            "",
            "application/vnd.oasis.opendocument.text",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old.XLS", "", "application/vnd.ms-excel"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old.exe", "", "application/x-ole-storage"),
        (b"MZ\x90", "a.png", "image/png", "application/vnd.microsoft.portable-executable"),
        (b"#!/bin/sh\n", "a.txt", "text/plain", "text/x-shellscript"),
        (HTML, "a.txt", "text/plain", "text/html"),
        (b"hello <ScRiPt src=x>", "a.txt", "text/plain", "text/html"),
        ("\ufeff<html>".encode("utf-16-le"), "a.txt", "text/plain", "text/html"),
        (b"\xef\xbb\xbf  " + SVG, "a.png", "image/png", "image/svg+xml"),
        (b"<html><svg></svg></html>", "a.svg", "image/svg+xml", "text/html"),
        (b"<?xml version='1.0'?><order/>", "a.txt", "", "application/xml"),
        (b"a,b\n1 < 2,3\n", "a.csv", "", "text/csv"),
        (b"a,b\n", "a", "text/csv", "text/csv"),
        (b'{"a": 1}', "a.json", "", "application/json"),
        (b"not json", "a.json", "", "text/plain"),
        ("فاکتور".encode("cp1256"), "a.txt", "", "text/plain"),
        (b"a\0b", "a.txt", "text/plain", "application/octet-stream"),
        (b"", "a.txt", "", "text/plain"),
    ],
)
def test_the_content_says_what_a_file_is(content: bytes, name: str, claimed: str, expected: str) -> None:
    assert sniff(content, name, claimed) == expected


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (png(640, 48), (640, 48)),
        (jpeg(1200, 800), (1200, 800)),
        (b"GIF89a\x05\x00\x07\x00" + bytes(20), (5, 7)),
        (b"RIFF\x10\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x0f\0\0\x1f\0\0", (16, 32)),
        (b"BM" + bytes(12) + b"\x28\0\0\0\x05\0\0\0\xf9\xff\xff\xff", (5, 7)),
        (b"\x89PNG\r\n\x1a\n", (None, None)),
        (b"\xff\xd8\xff\xe1", (None, None)),
        (b"\xff\xd8\xff\xe1\0\0", (None, None)),
        (PDF, (None, None)),
    ],
)
def test_how_large_a_picture_is(content: bytes, size: tuple[int, int], tmp_path: Path) -> None:
    kept = keep(Files(Place("", tmp_path), max_bytes=MOST, types=FILE_TYPES), content, "a")
    assert (kept.width, kept.height) == size


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a/b\\c.png", "c.png"),
        ("C:\\x\\y.png", "y.png"),
        ("folder/", "folder"),
        ("", "file"),
        (" ... ", "file"),
        ("\u200c", "file"),
        ("\x00\x1b[31mred.png", "[31mred.png"),
        ("cafe\u0301.png", "caf\u00e9.png"),
        ("می\u200cروم.pdf", "می\u200cروم.pdf"),
        ("\ud800.png", ".png"),
        ("x" * 300 + "." + "y" * 300, "x" * 255),
    ],
)
def test_names_for_everybodys_disk(given: str, kept: str) -> None:
    assert safe_name(given) == kept


# Sweeping and checking ----------------------------------------------------------------------------


class Shop:
    """A company with files."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database(settings.api_database_url, size=2).open()
        self.ledger = Ledger(PostgresStore(self.database))
        fields = {"name": "A company", "codename": "shop"}
        self.id, _, _ = self.ledger.register_company([Command(kind="company", action="create", data=fields)])
        self.files = Files(Place("", settings.data_dir), max_bytes=MOST, types=FILE_TYPES)

    def create(self, kind: str, **data: Any) -> UUID:
        outcome = self.ledger.execute(self.id, [Command(kind=kind, action="create", data=data)], Actor())
        return outcome.results[0].id  # type: ignore[union-attr]

    def keep(self, **more: Any) -> StoredFile:
        kept = keep(self.files, PDF, "a.pdf", self.id)
        self.create("attachment", **kept.fields(**more))
        return kept

    def path(self, kept: StoredFile) -> Path:
        return self.settings.data_dir / "files" / kept.storage_key

    def age(self, *paths: Path, hours: float = 30) -> None:
        then = time.time() - hours * 3600
        for path in paths:
            os.utime(path, (then, then))

    def sweep(self, hours: float = 24, **options: Any) -> tuple[int, int, int]:
        with connect(self.settings.database_url) as connection:
            swept = sweep(connection, self.files.place, {self.id: "shop"}, timedelta(hours=hours), **options)
        return swept.files, swept.bytes, swept.half_written

    def findings(self) -> list[str]:
        checked = run_checks(self.settings.database_url, {self.id: "shop"}, only=["files"], processes=0, place=self.files.place)
        assert checked.checks == ("files",)
        return [f"{one.expected} <> {one.found}" for one in checked.findings]


@pytest.fixture
def shop(settings: Settings) -> Iterator[Shop]:
    shop = Shop(settings)
    yield shop
    shop.database.close()


def test_a_sweep_removes_what_no_record_names_and_nothing_else(shop: Shop) -> None:
    recorded, orphan = shop.keep(), keep(shop.files, PDF, "a.pdf", shop.id)
    young = keep(shop.files, PDF, "a.pdf", shop.id)
    foreign = keep(shop.files, PDF, "a.pdf", new_id())
    half = shop.path(orphan).with_name("half#1")
    half.write_bytes(b"x")
    shop.age(shop.path(recorded), shop.path(orphan), shop.path(foreign), half)
    shop.age(shop.path(young), hours=0.9)
    assert shop.sweep(dry_run=True) == (1, len(PDF), 1)
    assert shop.path(orphan).exists()
    assert shop.sweep(hours=0) == (1, len(PDF), 1), "what is younger than an hour stays, whatever is asked"
    assert [path.exists() for path in map(shop.path, (recorded, orphan, young, foreign))] == [True, False, True, True]
    assert not half.exists()
    assert shop.sweep() == (0, 0, 0)


def test_files_of_an_erased_person_are_swept_and_not_missed(shop: Shop) -> None:
    person, other = shop.create("party", name="Leila", roles=["customer"]), shop.create("party", name="Reza", roles=["customer"])
    hers, his = (shop.keep(record_kind="party", record_id=str(one)) for one in (person, other))
    shop.age(shop.path(hers), shop.path(his))
    assert shop.sweep() == (0, 0, 0)
    shop.ledger.execute(shop.id, [Command(kind="party", action="erase", id=person)], Actor())
    assert shop.sweep() == (1, len(PDF), 0)
    assert [shop.path(one).exists() for one in (hers, his)] == [False, True]
    assert shop.findings() == []


def test_a_check_finds_files_that_are_missing_or_changed(shop: Shop) -> None:
    whole, missing, changed = shop.keep(), shop.keep(), shop.keep()
    assert shop.findings() == []
    shop.path(missing).unlink()
    shop.path(changed).write_bytes(PDF[:-1] + b"?")
    digest = hashlib.sha256(PDF[:-1] + b"?").hexdigest()
    assert sorted(shop.findings()) == sorted([f"sha256 {whole.sha256} <> no file", f"sha256 {whole.sha256} <> {digest}"])


def test_the_commands(shop: Shop) -> None:
    def run(*arguments: str) -> Any:
        return CliRunner().invoke(daftar, arguments, env=shop.settings.environment(), standalone_mode=False)

    kept, orphan = shop.keep(), keep(shop.files, PDF, "a.pdf", shop.id)
    shop.age(shop.path(orphan))
    assert json.loads(run("files", "sweep", "--dry-run", "--json").stdout) == {
        "files": 1, "bytes": len(PDF), "half_written": 0, "dry_run": True,
    }  # fmt: skip
    assert "removed 1 file of no record" in run("files", "sweep").stdout
    assert run("check", "--only", "files").return_value == 0
    shop.path(kept).unlink()
    checked = run("check", "--only", "files", "--json")
    assert checked.return_value == 1
    assert json.loads(checked.stdout.splitlines()[0])["found"] == "no file"


def test_row_level_security_holds_and_only_public_files_are_found(shop: Shop) -> None:
    private, public = (
        shop.create("attachment", **keep(shop.files, PDF, "a.pdf", shop.id).fields(is_public=public)) for public in (False, True)
    )
    with psycopg.connect(shop.settings.api_database_url) as connection:
        for file_id, company in ((private, None), (public, shop.id), (new_id(), None)):
            assert connection.execute("SELECT daftar.company_of_public_file(%s)", (file_id,)).fetchone() == (company,)
