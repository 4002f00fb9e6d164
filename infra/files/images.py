"""The width and height of a picture, from its header."""

from __future__ import annotations

import struct
from typing import IO

Dimensions = tuple[int, int]
"""(width, height), in pixels."""

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers that begin a frame, which tells the picture's size."""
_MOST_SEGMENTS = 200


def dimensions_of(media_type: str, head: bytes, content: IO[bytes]) -> Dimensions | None:
    """The dimensions of a picture of this type; None where the type has none that are cheap to read, or the header is cut off."""
    try:
        match media_type:
            case "image/png":
                width, height = struct.unpack_from(">II", head, 16)
            case "image/gif":
                width, height = struct.unpack_from("<HH", head, 6)
            case "image/bmp" if head[14] == 12:
                width, height = struct.unpack_from("<HH", head, 18)
            case "image/bmp":
                width, height = (abs(side) for side in struct.unpack_from("<ii", head, 18))
            case "image/webp":
                width, height = _webp(head)
            case "image/jpeg":
                width, height = _jpeg(content)
            case _:
                return None
    except (struct.error, IndexError):
        return None
    return (width, height) if width > 0 and height > 0 else None


def _webp(head: bytes) -> Dimensions:
    match head[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
        case b"VP8L":
            bits = struct.unpack_from("<I", head, 21)[0]
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case _:
            width, height = struct.unpack_from("<HH", head, 26)
            return width & 0x3FFF, height & 0x3FFF


def _jpeg(content: IO[bytes]) -> Dimensions:
    content.seek(2)
    for _ in range(_MOST_SEGMENTS):
        mark, marker, length = struct.unpack(">BBH", content.read(4))
        if mark != 0xFF:
            break
        if marker in _FRAMES:
            height, width = struct.unpack(">xHH", content.read(5))
            return width, height
        content.seek(length - 2, 1)
    return 0, 0
