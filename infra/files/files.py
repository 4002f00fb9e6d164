"""The files of companies: what is taken, under which key it lies, and how it is read back."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Collection
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from domain.errors import FileTypeRefused, InvalidField
from infra.files.images import dimensions_of
from infra.files.names import safe_name
from infra.files.places import Place
from infra.files.sniffing import sniff
from infra.files.spool import Spool
from infra.ids import new_id

Content = bytes | Spool | AsyncIterable[bytes]
"""A file's bytes: all of them, as they were spooled, or as they come."""


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is stored: the fields of its record. `size` in bytes, `width` and `height` in pixels."""

    storage_key: str
    file_name: str
    mime_type: str
    size: int
    sha256: str
    width: int | None = None
    height: int | None = None

    def fields(self, **more: Any) -> dict[str, Any]:
        """The data of the `attachment` that is to be created, with whatever else it says."""
        return {name: value for name, value in {**msgspec.structs.asdict(self), **more}.items() if value is not None}


class Files:
    """Stores and reads the files of companies. Safe for any number of tasks; the limits are those of one deployment."""

    def __init__(self, place: Place, *, max_bytes: int, types: Collection[str], spool_dir: Path | None = None) -> None:
        self.place = place
        self.max_bytes = max_bytes
        self._types = frozenset(types)
        self._spool_dir = spool_dir

    def spool(self) -> Spool:
        """Somewhere to put the bytes of one file as they arrive, up to the most that is taken. The caller closes it."""
        folder = self._spool_dir if self._spool_dir is not None and self._spool_dir.is_dir() else None
        return Spool(self.max_bytes, folder)

    def check(self, content: Spool, file_name: str, claimed_type: str = "") -> str:
        """The type of a file that has arrived. Raises FileTypeRefused, and InvalidField for an empty file."""
        if not content.size:
            raise InvalidField("The file is empty.")
        media_type = sniff(content.head, file_name, claimed_type)
        if media_type not in self._types and f"{media_type.partition('/')[0]}/*" not in self._types:
            raise FileTypeRefused(
                f"The file {file_name!r} is not of a type that is taken: by its content it is {media_type}.", media_type=media_type
            )
        return media_type

    async def store(self, company_id: UUID, content: Content, file_name: str, claimed_type: str = "") -> StoredFile:
        """Keep a file of a company; its record is made afterwards, of `fields()`.

        Its key is random: no two files share bytes, so that removing one never touches another. Raises FileTooLarge,
        FileTypeRefused, InvalidField for an empty file, ServiceUnavailable; nothing is kept then.
        """
        with nullcontext(content) if isinstance(content, Spool) else closing(self.spool()) as spooled:
            if isinstance(content, bytes):
                spooled.write(content)
            elif not isinstance(content, Spool):
                async for chunk in content:
                    spooled.write(chunk)
            name = safe_name(file_name)
            media_type = self.check(spooled, name, claimed_type)
            size = dimensions_of(media_type, spooled.head, spooled.reader())
            key = f"{company_id}/{new_id()}"
            await self.place.put(key, spooled.reader())
        return StoredFile(
            storage_key=key,
            file_name=name,
            mime_type=media_type,
            size=spooled.size,
            sha256=spooled.sha256,
            width=size[0] if size else None,
            height=size[1] if size else None,
        )

    async def open(self, storage_key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` to before `end`, in chunks. Raises FileMissing, ServiceUnavailable."""
        return await self.place.read(storage_key, start, end)

    async def delete(self, storage_key: str) -> None:
        """Remove the bytes of a file whose record was not made."""
        await self.place.delete(storage_key)
