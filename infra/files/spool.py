"""Bytes on their way in: on disk where they are many, counted and hashed as they come, gone with the process."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import IO, cast

from domain.errors import FileTooLarge

IN_MEMORY = 256 * 1024
"""Bytes that are held in memory; of a larger file nothing is."""
HEAD = 64 * 1024
"""Bytes from a file's beginning that tell its type."""


class Spool:
    """One file that is being received. It has no name on the disk, so that a process that is killed leaves nothing behind."""

    def __init__(self, most: int, folder: Path | None = None) -> None:
        self._most = most
        self._hash = hashlib.sha256()
        self._bytes = tempfile.SpooledTemporaryFile(IN_MEMORY, dir=None if folder is None else str(folder))  # noqa: SIM115 - closed by `close`
        self.size = 0
        self.head = b""

    def write(self, chunk: bytes) -> None:
        """Take the next bytes. Raises FileTooLarge as soon as they are more than may come."""
        self.size += len(chunk)
        if self.size > self._most:
            raise too_large(self._most)
        if len(self.head) < HEAD:
            self.head += chunk[: HEAD - len(self.head)]
        self._hash.update(chunk)
        self._bytes.write(chunk)

    @property
    def sha256(self) -> str:
        """The SHA-256 of what came, in lower-case hexadecimal."""
        return self._hash.hexdigest()

    def reader(self) -> IO[bytes]:
        """The bytes, from the beginning. Belongs to the spool: whoever reads does not close it."""
        self._bytes.seek(0)
        return cast("IO[bytes]", self._bytes)

    def close(self) -> None:
        """Let go of the bytes; more than once does no harm."""
        self._bytes.close()


def too_large(most: int) -> FileTooLarge:
    """The refusal of a file of more than `most` bytes."""
    return FileTooLarge(f"The file is larger than {most} bytes, the most that is taken.", limit=most)
