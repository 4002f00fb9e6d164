"""The files of a company: every attachment's bytes are in the store, as many as it says, with the digest that it says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from uuid import UUID

from domain.errors import FileMissing
from infra.checking.checks import Finding
from infra.database import Connection
from infra.files import Place
from infra.files.sweeping import OF_ERASED

NAME = "files"
HOLDS = "The bytes of every attachment are in the file store, as they were uploaded."
PAGE = 1_000
_ATTACHMENTS = b"""
SELECT r.id, r.document::jsonb -> 'data' ->> 'storage_key', r.document::jsonb -> 'data' ->> 'sha256' FROM records r
WHERE r.company_id = %b AND r.kind = 'attachment' AND r.id > %b AND NOT """
_STATEMENT = _ATTACHMENTS + OF_ERASED + b" ORDER BY r.id LIMIT %b"


def check_files(connection: Connection, place: Place, company_id: UUID) -> Iterator[Finding]:
    """Read every file of a company; no transaction is open meanwhile. Raises ServiceUnavailable."""
    last = UUID(int=0)
    while True:
        rows = connection.execute(_STATEMENT, (company_id, last, PAGE)).fetchall()
        for record_id, key, expected in rows:
            found = _digest(place, key)
            if found != expected:
                yield Finding(company_id, NAME, f"attachment {record_id} at {key}", f"sha256 {expected}", found or "no file")
        if len(rows) < PAGE:
            return
        last = rows[-1][0]


def _digest(place: Place, key: str) -> str:
    """The SHA-256 of a file; empty where there is none."""
    digest = hashlib.sha256()
    try:
        for chunk in place.read_now(key):
            digest.update(chunk)
    except FileMissing:
        return ""
    return digest.hexdigest()
