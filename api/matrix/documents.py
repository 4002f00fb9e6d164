"""Records as the sync reads them: their stored documents, decoded no further than a row needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from api.documents import Document, document_of, documents_of

Row = dict[str, Any]
"""A row of a table as its clients have it: snake_case columns."""

Numbers = Mapping[str, int]
"""The numbers of records by their ids, as far as they were looked up."""


def time_text(stored: str) -> str:
    """A stored moment as the sync's clients have it: `2026-11-20T08:48:48.000000Z`."""
    if len(stored) == 27:
        return stored
    return moment_text(datetime.fromisoformat(stored))


def moment_text(moment: datetime) -> str:
    """A moment as the sync's clients have it: `2026-11-20T08:48:48.000000Z`."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


__all__ = ["Document", "Numbers", "Row", "document_of", "documents_of", "moment_text", "time_text"]
