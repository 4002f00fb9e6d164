"""What rows say of when and in which state a record is, as the vendor's server says it."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from typing import Any

from api.documents import Document
from domain.event import JSON

Row = dict[str, Any]
"""A row of a collection, or our fields."""

TEHRAN = timezone(timedelta(hours=3, minutes=30))
"""Iran's time since 2022, when it gave up daylight saving. The vendor's server tells its own times so, without an offset."""


_STORED = 27
"""Characters of a stored moment that has a fraction: `2026-11-20T08:48:48.123456Z`."""


def server_time(stored: str | datetime) -> str:
    """A moment as the vendor's server writes its own: `2025-11-29T12:00:00.1234560`, on the clocks of Tehran."""
    if isinstance(stored, str) and len(stored) == _STORED and stored[11:13] < "20":  # the same day there; most moments are
        minutes = int(stored[11:13]) * 60 + int(stored[14:16]) + 210
        return f"{stored[:11]}{minutes // 60:02}:{minutes % 60:02}{stored[16:26]}0"
    moment = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return moment.astimezone(TEHRAN).replace(tzinfo=None).isoformat(timespec="microseconds") + "0"


def data_hash(document: Document) -> str:
    """What tells clients that a row is as they have it: 40 upper-case hexadecimal digits of what the record says."""
    return hashlib.sha1(JSON.encode(document.data), usedforsecurity=False).hexdigest().upper()
