"""File names that came from somewhere else, made harmless: for a record, a log, a header and anybody's disk."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath

LONGEST = 255
LONGEST_EXTENSION = 20
NAMELESS = "file"
JOINERS = frozenset("\u200c\u200d")
"""Invisible, and part of how Persian, Urdu and Hindi are written."""


def safe_name(given: str, default: str = NAMELESS) -> str:
    """The last part of a name without control characters and without marks that change the direction of reading.

    Never empty, at most 255 characters, with its extension kept; `default` where nothing of it can be used.
    """
    last = unicodedata.normalize("NFC", given).replace("\\", "/").rstrip("/").rpartition("/")[2]
    kept = "".join(c for c in last if c in JOINERS or not unicodedata.category(c).startswith(("C", "Zl", "Zp")))
    kept = kept.strip().rstrip(".").strip()
    if not kept.strip(". ") or not any(c.isprintable() and not c.isspace() for c in kept):
        return default
    if len(kept) <= LONGEST:
        return kept
    extension = extension_of(kept)
    return kept[: LONGEST - len(extension)].rstrip() + extension


def extension_of(name: str) -> str:
    """A name's extension with its dot, as it was written; empty where there is none that is plausible."""
    extension = PurePosixPath(name).suffix
    return extension if 1 < len(extension) <= LONGEST_EXTENSION else ""
