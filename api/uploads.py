"""Receiving files, for every dialect: forms read as they arrive, onto the disk and within bounds; then stored, then recorded.

    async with receive_form(request) as form:                    # 413, 415 or 400 in the dialect's own words; nothing stored
        async with storing(services, company_id, form.files) as stored:
            ...                                                  # ledger.execute(…) of commands with stored[0].fields(…)

Log in first: a body is read only for who may send it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from litestar.exceptions import InternalServerException
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from api.http_errors import BodyTooLarge, HttpRequest, MediaTypeUnsupported
from api.reading_requests import coding_of, services_of
from domain.command import Command
from domain.errors import FileTooLarge, InvalidField, LedgerError, MalformedRequest, ServiceUnavailable
from infra.composition import Services
from infra.files import Files, Spool, StoredFile
from infra.files.names import NAMELESS
from infra.requests import fingerprint_of

MULTIPART = "multipart/form-data"
MOST_FILES = 10
MOST_PARTS = 500
MOST_FIELD_BYTES = 1024 * 1024
"""Of all fields of a form that are not files, together."""
OVERHEAD = 1_024
"""Bytes of a part's headers and boundary, about."""
BATCH = 256 * 1024
"""Bytes that are gathered before they are parsed, hashed and written, in a thread."""
DRAINED = 64 * 1024 * 1024
"""Bytes of a refused body that are read and dropped, so that a client which is still sending gets to read the answer."""

log = structlog.get_logger()


@dataclass(slots=True)
class ReceivedFile:
    """One file of a form, as it was sent: the name of its field, what the client calls it and what it says that it is."""

    field: str
    file_name: str
    claimed_type: str
    content: Spool


@dataclass(slots=True)
class Form:
    """A form that has arrived: its fields in order, and its files."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    files: list[ReceivedFile] = field(default_factory=list)

    def text(self, name: str) -> str | None:
        """The last value of a field; None where it was not sent."""
        return next((value for key, value in reversed(self.fields) if key == name), None)

    def named(self, *names: str) -> list[ReceivedFile]:
        """The files of these fields; `files` and `files[]` are one, as some clients' libraries write lists."""
        return [file for file in self.files if file.field.removesuffix("[]") in names]

    def fingerprint(self, label: str) -> bytes:
        """SHA-256 of what was sent, by meaning: two forms that differ in their boundaries only have the same."""
        files = sorted((file.field, file.file_name, file.content.sha256) for file in self.files)
        return fingerprint_of([label, sorted(self.fields), files])

    def close(self) -> None:
        """Let go of the files."""
        for file in self.files:
            file.content.close()


@asynccontextmanager
async def receive_form(request: HttpRequest, *, most_files: int = MOST_FILES) -> AsyncIterator[Form]:
    """The request's multipart form, for as long as the block lasts.

    The route's own limit of body sizes has to be off (`endpoint(..., streamed=True)`): what bounds a form is the size of each file,
    their number, and the size of all other fields. Raises MediaTypeUnsupported, MalformedRequest, InvalidField, FileTooLarge,
    BodyTooLarge.
    """
    services = services_of(request)
    media_type, options = parse_options_header(request.headers.get("content-type", ""))
    if media_type != MULTIPART or coding_of(request) not in ("", "identity"):
        raise MediaTypeUnsupported("The body must be multipart/form-data, as it is.")
    if not options.get("boundary"):
        raise MalformedRequest("The Content-Type of a multipart form names its boundary.")
    most = most_files * (services.files.max_bytes + OVERHEAD) + MOST_FIELD_BYTES
    form = Form()
    reading = _Reading(services.files, form, options["boundary"], most_files)
    try:
        await _read(request, services, reading, most)
        yield form
    finally:
        form.close()


async def _read(request: HttpRequest, services: Services, reading: _Reading, most: int) -> None:
    """Read the body into the form, a batch at a time."""
    received = 0
    held = bytearray()
    trouble: LedgerError | None = None
    if (request.content_length or 0) > most:
        trouble = BodyTooLarge(f"A form may have at most {most} bytes here.")
    try:
        async for chunk in request.stream():
            received += len(chunk)
            if trouble is not None:
                if received > DRAINED:
                    break
                continue
            held += chunk
            if received > most:
                trouble = BodyTooLarge(f"A form may have at most {most} bytes here.")
            elif len(held) >= BATCH:
                trouble = await services.threads.run(reading.take, bytes(held))
                held.clear()
    except InternalServerException:  # all that reading a body raises it for
        raise MalformedRequest("The connection ended before the request's body did.") from None
    trouble = trouble or await services.threads.run(reading.take, bytes(held), last=True)
    if trouble is not None:
        raise trouble


class _Reading:
    """A form on its way in: its bytes are parsed as they come, and each part goes where it belongs."""

    def __init__(self, files: Files, form: Form, boundary: str, most_files: int) -> None:
        self._files = files
        self._form = form
        self._most_files = most_files
        self._parser = PushMultipartParser(boundary, max_segment_count=MOST_PARTS)
        self._name = ""
        self._file: ReceivedFile | None = None
        self._value = bytearray()
        self._field_bytes = 0

    def take(self, batch: bytes, *, last: bool = False) -> LedgerError | None:
        """Parse what came; says what is wrong with it, if anything is. `last`: the body ends here."""
        try:
            if batch:
                for event in self._parser.parse(batch):
                    self._handle(event)
            if last:
                self._parser.close()
        except LedgerError as error:
            return error
        except ParserLimitReached as error:
            return BodyTooLarge(f"The form is too large: {error}.")
        except (MultipartError, UnicodeError) as error:
            return MalformedRequest(f"The body is not a multipart form: {error}.")
        return None

    def _handle(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if event is None:
            self._end()
        elif isinstance(event, MultipartSegment):
            self._begin(event)
        elif self._file is not None:
            try:
                self._file.content.write(bytes(event))
            except FileTooLarge as error:
                raise error.at(self._name) from None
        else:
            self._count(len(event))
            self._value += event

    def _begin(self, part: MultipartSegment) -> None:
        self._name = part.name or ""
        self._count(len(self._name))
        if "\x00" in self._name:
            raise InvalidField("A name must not hold the NUL character.", path=self._name.replace("\x00", "?"))
        if part.filename is None:
            return
        if len(self._form.files) >= self._most_files:
            raise BodyTooLarge(f"A form may have at most {self._most_files} files.", path=self._name)
        self._file = ReceivedFile(self._name, part.filename, part.content_type or "", self._files.spool())
        self._form.files.append(self._file)

    def _end(self) -> None:
        if self._file is not None:
            if not (self._file.file_name or self._file.content.size):  # how browsers send a field for files without any
                self._form.files.remove(self._file)
                self._file.content.close()
            self._file = None
            return
        try:
            value = self._value.decode()
        except UnicodeDecodeError:
            raise MalformedRequest("The fields of a form are text in UTF-8.", path=self._name) from None
        if "\x00" in value:
            raise InvalidField("A text must not hold the NUL character.", path=self._name)
        self._form.fields.append((self._name, value))
        self._value.clear()

    def _count(self, size: int) -> None:
        self._field_bytes += size
        if self._field_bytes > MOST_FIELD_BYTES:
            raise BodyTooLarge(
                f"The fields of a form that are not files may have at most {MOST_FIELD_BYTES} bytes.", path=self._name
            )


def receive_base64(services: Services, text: str, file_name: str | None, path: str, claimed_type: str = "") -> ReceivedFile:
    """A file that came as base64 in JSON, with or without the prefix of a data URL. Raises InvalidField, FileTooLarge.

    The caller closes its `content` (`contextlib.closing`).
    """
    prefix, comma, rest = text.partition(",")
    if comma and prefix.startswith("data:"):
        claimed_type, text = claimed_type or prefix[5:].partition(";")[0], rest
    content = services.files.spool()
    try:
        content.write(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        content.close()
        raise InvalidField("The file's content is not base64.", path=path) from None
    except FileTooLarge as error:
        content.close()
        raise error.at(path) from None
    return ReceivedFile(path, file_name or NAMELESS, claimed_type, content)


@asynccontextmanager
async def storing(services: Services, company_id: UUID, files: Sequence[ReceivedFile]) -> AsyncIterator[list[StoredFile]]:
    """The files, stored, for a block that makes their records; where the ledger refuses it, their bytes are removed again.

    Every file is looked at before any is stored. Raises FileTypeRefused, InvalidField for an empty file, ServiceUnavailable. Where
    it is not known whether a record was made (the database went away, the request was cancelled), the bytes stay, and `daftar files
    sweep` removes those that have no record.
    """
    for file in files:
        try:
            services.files.check(file.content, file.file_name, file.claimed_type)
        except LedgerError as error:
            raise error.at(file.field) from None
    stored: list[StoredFile] = []
    complete = False
    try:
        for file in files:
            one = await services.files.store(company_id, file.content, file.file_name, file.claimed_type)
            stored.append(one)
        complete = True
        yield stored
    except LedgerError as error:
        if not (complete and isinstance(error, ServiceUnavailable)):
            await _remove(services, stored)
        raise


async def _remove(services: Services, stored: Sequence[StoredFile]) -> None:
    for one in stored:
        try:
            await services.files.delete(one.storage_key)
        except ServiceUnavailable:  # what went wrong before is what the client has to know
            log.warning("the bytes of a refused file were not removed", key=one.storage_key)


def attachment_of(stored: StoredFile, **more: Any) -> Command:
    """The command that makes the record of a stored file, with whatever else the record says."""
    return Command(kind="attachment", action="create", data=stored.fields(**more))
