"""Files as bytes, made here: small, and really what they say they are."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
HTML = b"<!DOCTYPE html><html><script>alert(document.cookie)</script></html>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def png(width: int = 3, height: int = 2, padding: int = 0) -> bytes:
    """A black picture, with `padding` bytes of noise in a chunk that nobody reads."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + b"\0" * width for _ in range(height))
    noise = chunk(b"noIs", bytes(range(256)) * (padding // 256)) if padding else b""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + noise + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    """The headers of a JPEG, with an application segment before its frame."""
    exif = b"\xff\xe1" + struct.pack(">H", 2 + 9_000) + b"x" * 9_000
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8" + exif + frame + b"\xff\xd9"


def archive(*names: str, mimetype: bytes = b"") -> bytes:
    """A ZIP file with these entries, the first of them uncompressed."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as zipped:
        if mimetype:
            zipped.writestr("mimetype", mimetype, zipfile.ZIP_STORED)
        for name in names:
            zipped.writestr(name, "content")
    return made.getvalue()
