"""Where an export goes: one file, a folder of files, or one ZIP archive; each counted and hashed on its way.

Files on disk appear under their names when they are whole, all at once: until then they have names of their own beside them.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

MANIFEST = "_export.json"
"""What a folder of an export says about itself. Readers of Parquet folders skip names that begin like this."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Exists(Exception):
    """There is something under this name already."""


class Writable(Protocol):
    """A binary file that is written from its beginning to its end."""

    def write(self, data: bytes, /) -> int:
        """Write all of `data`."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was written."""

    name: str
    bytes: int
    sha256: str


class Place(Protocol):
    """Takes files, one after the other."""

    written: list[Written]

    def open(self, name: str) -> AbstractContextManager[CountedFile]:
        """Begin a file; it ends with the context. `name` may hold folders, with `/` between."""


@dataclass(slots=True)
class CountedFile:
    """A file that counts and hashes what is written to it. Has what pyarrow and the csv module ask of a file."""

    file: Writable
    position: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    closed: bool = False

    def write(self, data: bytes, /) -> int:
        """Write all of `data`."""
        self.file.write(data)
        self.digest.update(data)
        size = memoryview(data).nbytes
        self.position += size
        return size

    def tell(self) -> int:
        """How many bytes were written."""
        return self.position

    def flush(self) -> None:
        """Nothing is held back here."""

    def close(self) -> None:
        """The place closes the file itself."""

    def writable(self) -> bool:
        """It is."""
        return True

    def readable(self) -> bool:
        """It is not."""
        return False

    def seekable(self) -> bool:
        """It is not."""
        return False


def _seal(place: Place, name: str, file: CountedFile) -> None:
    place.written.append(Written(name=name, bytes=file.position, sha256=file.digest.hexdigest()))


@dataclass(slots=True)
class Stream:
    """One file that goes straight on: to stdout, into a response, into a file that is open."""

    file: Writable
    written: list[Written] = field(default_factory=list)

    @contextmanager
    def open(self, name: str) -> Iterator[CountedFile]:
        """The file."""
        counted = CountedFile(self.file)
        yield counted
        _seal(self, name, counted)


@dataclass(slots=True)
class Folder:
    """Files in a folder."""

    path: Path
    written: list[Written] = field(default_factory=list)

    @contextmanager
    def open(self, name: str) -> Iterator[CountedFile]:
        """A new file; the folders above it are made."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            counted = CountedFile(file)
            yield counted
            file.flush()
            os.fsync(file.fileno())
        _seal(self, name, counted)


@dataclass(slots=True)
class Archive:
    """Files in a ZIP archive that is written from its beginning to its end. Times in it are none, so that bytes repeat."""

    file: Writable
    compress: bool = True
    written: list[Written] = field(default_factory=list)
    _zip: zipfile.ZipFile = field(init=False)

    def __post_init__(self) -> None:
        self._zip = zipfile.ZipFile(CountedFile(self.file), "w")

    @contextmanager
    def open(self, name: str) -> Iterator[CountedFile]:
        """A member."""
        member = zipfile.ZipInfo(name, _EPOCH)
        member.compress_type = zipfile.ZIP_DEFLATED if self.compress else zipfile.ZIP_STORED
        member.create_system = 3
        member.external_attr = 0o644 << 16
        with self._zip.open(member, "w", force_zip64=True) as file:
            counted = CountedFile(file)
            yield counted
        _seal(self, name, counted)

    def close(self) -> None:
        """Write the directory that ends the archive; without it nobody takes the archive for whole."""
        self._zip.close()


# Under their final names only when they are whole --------------------------------------------------


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")


@contextmanager
def whole_file(path: Path, *, replace: bool) -> Iterator[Stream]:
    """A file that has its name when it is whole. Raises Exists unless `replace`, OSError."""
    if path.is_dir() or (path.exists() and not replace):
        raise Exists(path)
    aside = _aside(path)
    try:
        with aside.open("xb") as file:
            yield Stream(file)
            file.flush()
            os.fsync(file.fileno())
        if path.exists() and not replace:
            raise Exists(path)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path, *, replace: bool) -> Iterator[Folder]:
    """A folder that has its name when it is whole. Raises Exists, OSError.

    An empty folder is taken over. With `replace`, so is one that an earlier export made; never another.
    """
    former = path.exists() and not _is_empty(path)
    if former and not (replace and (path / MANIFEST).is_file()):
        raise Exists(path)
    aside, old = _aside(path), _aside(path)
    try:
        aside.mkdir()
        yield Folder(aside)
        if former:
            path.replace(old)
        try:
            aside.replace(path)  # over an empty folder, or none
        except OSError:
            if former:
                old.replace(path)
            raise
    finally:
        for left in (aside, old):
            shutil.rmtree(left, ignore_errors=True)


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
