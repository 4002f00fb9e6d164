"""What a file is, by its first bytes. What the client says of it counts only between kinds of plain text, which look alike."""

from __future__ import annotations

import codecs
import re
import struct
from collections.abc import Mapping

UNKNOWN = "application/octet-stream"
TEXT = "text/plain"
HTML = "text/html"
SVG = "image/svg+xml"
XML = "application/xml"
ZIP = "application/zip"
OLE = "application/x-ole-storage"

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"MZ", "application/vnd.microsoft.portable-executable"),
    (0, b"\x7fELF", "application/x-elf"),
    (0, b"\xca\xfe\xba\xbe", "application/java-vm"),
    (0, b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"\x00asm", "application/wasm"),
    (0, b"#!", "text/x-shellscript"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
)
"""(offset, bytes there, type); the first that fits."""
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {
    b"avif": "image/avif", b"avis": "image/avif",
    b"heic": "image/heic", b"heix": "image/heic", b"heim": "image/heic", b"heis": "image/heic", b"mif1": "image/heic",
    b"M4A ": "audio/mp4", b"qt  ": "video/quicktime",
}  # fmt: skip
_BITMAP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
_OFFICE: Mapping[bytes, str] = {
    b"word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    b"xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    b"ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_OPEN_DOCUMENT = re.compile(rb"mimetype(application/vnd\.oasis\.opendocument\.[a-z]{4,20}(?:-[a-z]+)?)")
_ENTRY, _ENTRY_NAME = b"PK\x03\x04", 30
_OLD_OFFICE = {".doc": "application/msword", ".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint"}
_PLAIN = {".csv": "text/csv", ".json": "application/json", ".txt": TEXT, ".md": "text/markdown"}
_PLAIN_TYPES = frozenset(_PLAIN.values())
_TAG = re.compile(
    rb"<\s*(!doctype\s+html|html|head|body|script|iframe|object|embed|frameset|meta|base|link|style|img|form|a|div|table|h1|p|br|svg)"
    rb"[\s/>]",
    re.IGNORECASE,
)
"""What makes a browser that guesses take a text for a page. Text that holds any is never called harmless."""
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))


def sniff(head: bytes, file_name: str = "", claimed: str = "") -> str:
    """The media type of a file that begins with `head` (its first 64 KiB, or all of it); `application/octet-stream` if unknown."""
    extension = file_name[file_name.rfind(".") :].lower() if "." in file_name else ""
    for offset, magic, media_type in _MAGIC:
        if head.startswith(magic, offset):
            return _OLD_OFFICE.get(extension, OLE) if media_type == OLE else media_type
    if head.startswith((_ENTRY, b"PK\x05\x06")):
        return _archive(head)
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head[:2] == b"BM" and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BITMAP_HEADERS:
        return "image/bmp"
    return _text(head, extension, claimed)


def _archive(head: bytes) -> str:
    """A ZIP file, or one of the document formats that are ZIP files: by the names of its first entries."""
    if found := _OPEN_DOCUMENT.match(head, _ENTRY_NAME):
        return found[1].decode()
    place = 0
    while place >= 0:
        for folder, media_type in _OFFICE.items():
            if head.startswith(folder, place + _ENTRY_NAME):
                return media_type
        place = head.find(_ENTRY, place + 1)
    return ZIP


def _text(head: bytes, extension: str, claimed: str) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head = head.decode("utf-16", "replace").encode()
    if head.translate(None, _CONTROL) != head:
        return UNKNOWN
    start = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    markup = _TAG.search(head)
    if markup and markup[1].lower() == b"svg" and start.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg")):
        return SVG
    if markup:
        return HTML
    if start.startswith(b"<?xml"):
        return XML
    plain = _PLAIN.get(extension) or (claimed if claimed in _PLAIN_TYPES else TEXT)
    return TEXT if plain == "application/json" and not start.startswith((b"{", b"[")) else plain
