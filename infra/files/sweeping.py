"""Bytes that no record names: what uploads leave that were cut off between the bytes and the record; and those of erased people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from uuid import UUID

import msgspec

from infra.database import Connection
from infra.files.places import Place

YOUNGEST = timedelta(hours=1)
"""Bytes that are younger are left alone, whatever is asked: their record may be about to be made."""
AT_ONCE = 1_000

OF_ERASED = b"""
EXISTS (SELECT FROM records p WHERE p.company_id = r.company_id AND p.kind IN ('party', 'user')
    AND p.id = (r.document::jsonb -> 'data' ->> 'record_id')::uuid
    AND (p.document::jsonb -> 'data' ->> 'erased')::boolean)
"""
"""Whether the attachment `r` is of a person who was erased."""
_KEPT = b"""
SELECT r.document::jsonb -> 'data' ->> 'storage_key' FROM records r
WHERE r.company_id = %b AND r.kind = 'attachment' AND r.document::jsonb -> 'data' ->> 'storage_key' = ANY(%b) AND NOT """
_STATEMENT = _KEPT + OF_ERASED


class Swept(msgspec.Struct, kw_only=True):
    """What was removed, or with a dry run would be: files that no record names, their bytes, and files that were half written."""

    files: int = 0
    bytes: int = 0
    half_written: int = 0


def sweep(
    connection: Connection, place: Place, companies: Mapping[UUID, str], older_than: timedelta, *, dry_run: bool = False
) -> Swept:
    """Remove what lies under these companies' ids, is older, and has no record or only that of a person who was erased.

    Safe beside running uploads: bytes are first listed and then looked for in the records, and none are younger than an hour.
    Raises ServiceUnavailable.
    """
    before = datetime.now(timezone.utc) - max(older_than, YOUNGEST)
    swept = Swept()
    for company_id in companies:
        held: dict[str, int] = {}
        for found in place.listed(str(company_id)):
            if found.written_at < before:
                held[found.key] = found.size
            if len(held) == AT_ONCE:
                _sweep(connection, place, company_id, held, swept, dry_run=dry_run)
                held.clear()
        _sweep(connection, place, company_id, held, swept, dry_run=dry_run)
    for path in list(place.half_written()):
        if path.stat().st_mtime < before.timestamp():
            swept.half_written += 1
            if not dry_run:
                path.unlink(missing_ok=True)
    return swept


def _sweep(connection: Connection, place: Place, company_id: UUID, held: Mapping[str, int], swept: Swept, *, dry_run: bool) -> None:
    kept = {key for (key,) in connection.execute(_STATEMENT, (company_id, list(held)))} if held else set()
    orphans = [key for key in held if key not in kept]
    swept.files += len(orphans)
    swept.bytes += sum(held[key] for key in orphans)
    if not dry_run:
        place.remove(orphans)
