"""Where files lie: a folder of this machine, or a bucket of an S3-compatible service, named by a URL."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from domain.errors import FileMissing, ServiceUnavailable
from infra.settings import SettingsError

if TYPE_CHECKING:
    from obstore.store import RetryConfig

PART = 5 * 1024 * 1024
"""Bytes of one part of a large upload; S3 takes none that is smaller."""
PARTS_AT_ONCE = 2
CHUNK = 64 * 1024
"""Bytes that a reader gets at a time."""
FOLDER = "files"
"""Under the data folder, where no URL is given."""
RETRIES: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
_STAGED = re.compile(r"#\d+$")
"""How a local file is called while it is being written."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stored:
    """An object of the store: its key, its size in bytes, and when it was written."""

    key: str
    size: int
    written_at: datetime


class Place:
    """An object store: whole objects are put under keys, once, and read back, from any byte to any byte.

    `url`: `s3://bucket/prefix?endpoint=…&region=…` (further parameters as obstore's S3Store has them; credentials also from the
    environment or the machine, as AWS has it), `file:///folder`, or empty for the folder `files` under `data_dir`.
    Every method raises ServiceUnavailable where the store cannot be reached. Raises SettingsError for a URL that cannot be used.
    """

    def __init__(self, url: str, data_dir: Path) -> None:
        local = Path(unquote(urlsplit(url).path)) if url.startswith("file://") else None if url else data_dir / FOLDER
        self.folder = local.absolute() if local is not None else None
        """The folder on this machine; None for a service."""
        self._service = s3_store(url) if local is None else None

    @cached_property
    def _store(self) -> LocalStore | S3Store:
        """Made when it is first used: whoever serves no files needs no folder."""
        if self._service is not None:
            return self._service
        assert self.folder is not None, "a place is a folder or a service"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return LocalStore(self.folder)

    async def put(self, key: str, content: IO[bytes]) -> None:
        """Keep an object, whole or not at all; when this returns, it also survives a power failure."""
        with _refusals(key, writing=True):
            await obstore.put_async(self._store, key, content, chunk_size=PART, max_concurrency=PARTS_AT_ONCE)
        if self.folder is not None:
            await asyncio.to_thread(_settle, self.folder, key)

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` to before `end`, in chunks. Raises FileMissing, before the first chunk is asked for."""
        with _refusals(key):
            span: Any = {"range": (start, end)} if end is not None else {"range": {"offset": start}} if start else {}
            answer = await obstore.get_async(self._store, key, options=span)
        return _chunks(answer.stream(min_chunk_size=CHUNK), key)

    def read_now(self, key: str) -> Iterator[bytes]:
        """All bytes, for the command line. Raises FileMissing."""
        with _refusals(key):
            for chunk in obstore.get(self._store, key).stream(min_chunk_size=PART):
                yield bytes(chunk)

    def size(self, key: str) -> int | None:
        """The size of an object in bytes, for the command line; None where there is none."""
        try:
            with _refusals(key):
                return int(obstore.head(self._store, key)["size"])
        except FileMissing:
            return None

    async def delete(self, key: str) -> None:
        """Remove an object; it is no error if there is none."""
        try:
            with _refusals(key):
                await obstore.delete_async(self._store, key)
        except FileMissing:
            return

    def remove(self, keys: list[str]) -> None:
        """Remove objects, for the command line."""
        for key in keys:
            try:
                with _refusals(key):
                    obstore.delete(self._store, key)
            except FileMissing:
                continue

    def listed(self, prefix: str = "") -> Iterator[Stored]:
        """Every object under a prefix, in no order, a page at a time in memory."""
        with _refusals(prefix):
            for page in obstore.list(self._store, prefix=prefix or None):
                for found in page:
                    yield Stored(found["path"], found["size"], found["last_modified"])

    def half_written(self) -> Iterator[Path]:
        """Files of this machine that were being written; those of a process that was killed stay. S3 drops its own."""
        if self.folder is not None and self.folder.is_dir():
            yield from (path for path in self.folder.rglob("*#*") if _STAGED.search(path.name) and path.is_file())


def s3_store(url: str) -> S3Store:
    """The bucket that a URL names. Raises SettingsError where it names none, or has a parameter that there is not."""
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise SettingsError("DAFTAR_FILES_URL: a URL such as s3://bucket/prefix or file:///folder is needed")
    config: Any = dict(parse_qsl(parts.query))
    client: Any = {"connect_timeout": timedelta(seconds=5)}
    if config.get("endpoint", "").startswith("http://"):
        client["allow_http"] = True
    try:
        return S3Store(
            parts.netloc, prefix=parts.path.strip("/") or None, config=config, client_options=client, retry_config=RETRIES
        )
    except (BaseError, ValueError) as error:
        raise SettingsError(f"DAFTAR_FILES_URL: {str(error).splitlines()[0]}") from None


class _refusals:  # noqa: N801 - read as a statement: with _refusals(key)
    """The store's own errors as refusals."""

    def __init__(self, key: str, *, writing: bool = False) -> None:
        self._key = key
        self._writing = writing

    def __enter__(self) -> None:
        if _STAGED.search(self._key):  # what is being written has no name yet
            raise FileMissing

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FileNotFoundError | ValueError) and not self._writing:  # or a key that no file could have
            raise FileMissing from error
        if isinstance(error, BaseError | OSError):
            log.warning("file store failed", key=self._key, error=str(error).partition("\n")[0])
            raise ServiceUnavailable("The file store cannot be reached; try again in a moment.") from error


async def _chunks(stream: Any, key: str) -> AsyncIterator[bytes]:
    with _refusals(key):
        async for chunk in stream:
            yield bytes(chunk)


def _settle(folder: Path, key: str) -> None:
    """Make sure that a file and its name are on the disk: the record that is made next will be."""
    path = folder / key
    for place in (path, *path.parents):
        number = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(number)
        finally:
            os.close(number)
        if place == folder:
            return
