"""gzip and zstd: bodies that come packed, within bounds, and answers that are packed as they are sent."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import zstandard
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from api.http_errors import BodyTooLarge, Dialect
from domain.errors import MalformedRequest

GZIP, ZSTD = "gzip", "zstd"
CODINGS = (ZSTD, GZIP)
"""In order of preference where a client takes either."""
GZIP_LEVEL, ZSTD_LEVEL = 4, 3
ZSTD_WINDOW = 2**27
SMALLEST = 1_024
"""Bytes below which packing costs more than it saves."""
LARGE = 32_768
"""Bytes from which packing is done in a thread, so that the event loop goes on."""
PACKED_TYPES = (b"application/json", b"application/x-ndjson", b"application/problem+json")
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


def unpack(body: bytes, coding: str, most: int) -> bytes:
    """The body without its coding. Raises BodyTooLarge where it unpacks to more than `most` bytes, MalformedRequest."""
    try:
        unpacked = _gunzip(body, most) if coding == GZIP else _unzstd(body, most)
    except (zlib.error, zstandard.ZstdError, EOFError):
        raise MalformedRequest(f"The body is not valid {coding}.") from None
    if len(unpacked) > most:
        raise _too_large(most)
    return unpacked


def _too_large(most: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body unpacks to more than {most} bytes.")


def _gunzip(body: bytes, most: int) -> bytes:
    parts: list[bytes] = []
    length = 0
    while body and length <= most:
        member = zlib.decompressobj(_GZIP_WINDOW)
        parts.append(member.decompress(body, most + 1 - length))
        length += len(parts[-1])
        if not member.eof and length <= most:
            raise EOFError
        body = member.unused_data
    return b"".join(parts)


def _unzstd(body: bytes, most: int) -> bytes:
    if _unzstd_length(body, most) > most:
        raise _too_large(most)
    parts: list[bytes] = []
    while body:
        frame = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()
        parts.append(frame.decompress(body))
        if not frame.eof:
            raise EOFError
        body = frame.unused_data
    return b"".join(parts)


def _unzstd_length(body: bytes, most: int) -> int:
    """How much a body unpacks to, counted no further than `most`: only a reader can be stopped, only an object knows an end."""
    length = 0
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    with decompressor.stream_reader(body, read_across_frames=True) as reader:
        while length <= most and (part := reader.read(1 << 17)):
            length += len(part)
    return length


# Answers -------------------------------------------------------------------------------------------


class Packer(Protocol):
    """Packs one answer, chunk by chunk; each can be unpacked as soon as it has arrived."""

    def pack(self, chunk: bytes, *, last: bool) -> bytes:
        """The chunk, packed."""


class _Gzip:
    def __init__(self) -> None:
        self._made = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)

    def pack(self, chunk: bytes, *, last: bool) -> bytes:
        return self._made.compress(chunk) + self._made.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


class _Zstd:
    def __init__(self) -> None:
        self._made = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()

    def pack(self, chunk: bytes, *, last: bool) -> bytes:
        end = zstandard.COMPRESSOBJ_FLUSH_FINISH if last else zstandard.COMPRESSOBJ_FLUSH_BLOCK
        return self._made.compress(chunk) + self._made.flush(end)


_PACKERS: Mapping[str, Callable[[], Packer]] = {GZIP: _Gzip, ZSTD: _Zstd}


def coding_for(accepted: str) -> str | None:
    """The coding to answer in, of those in an Accept-Encoding header; None for none."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, parameters = part.strip().partition(";")
        weight = 1.0
        if parameters.strip().startswith("q="):
            try:
                weight = float(parameters.strip()[2:])
            except ValueError:
                weight = 0.0
        weights[name.strip()] = weight
    best = max(CODINGS, key=lambda name: weights.get(name, weights.get("*", 0.0)))
    return best if weights.get(best, weights.get("*", 0.0)) > 0 else None


def packing(application: ASGIApp, dialects: Sequence[Dialect]) -> ASGIApp:
    """The application, with the answers of these dialects packed where the client asks for it."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or not any(dialect.speaks(scope["path"]) for dialect in dialects):
            await application(scope, receive, send)
            return
        accepted = next((value for name, value in scope["headers"] if name == b"accept-encoding"), b"")
        coding = coding_for(accepted.decode("latin-1"))
        if coding is None:
            await application(scope, receive, send)
            return
        await application(scope, receive, _Answer(coding, send).send)

    return handle


class _Answer:
    """One answer on its way: whether it is packed is decided with its first chunk."""

    def __init__(self, coding: str, send: Send) -> None:
        self._coding = coding
        self._send = send
        self._start: Any = None
        self._packer: Packer | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        chunk, more = message.get("body", b""), message.get("more_body", False)
        if self._start is not None:
            await self._begin(chunk, more=more)
        if self._packer is not None and (chunk or not more):
            if len(chunk) >= LARGE:
                chunk = await asyncio.to_thread(self._packer.pack, chunk, last=not more)
            else:
                chunk = self._packer.pack(chunk, last=not more)
        await self._send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def _begin(self, chunk: bytes, *, more: bool) -> None:
        start, self._start = self._start, None
        headers: list[tuple[bytes, bytes]] = list(start["headers"])
        known = {name.lower(): value for name, value in headers}
        media_type = known.get(b"content-type", b"").partition(b";")[0]
        if media_type in PACKED_TYPES and b"content-encoding" not in known:
            headers.append((b"vary", b"Accept-Encoding"))
            if more or len(chunk) >= SMALLEST:
                self._packer = _PACKERS[self._coding]()
                headers = [(name, value) for name, value in headers if name.lower() != b"content-length"]
                headers.append((b"content-encoding", self._coding.encode()))
        start["headers"] = headers
        await self._send(start)
