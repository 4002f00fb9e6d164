"""How paths and headers name records and versions of them."""

from __future__ import annotations

import re
from uuid import UUID

from api.http_errors import HttpRequest
from domain.errors import InvalidField, RecordNotFound, VersionStale
from infra.composition import Services
from infra.reading.reader import known_kinds

_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_NUMBER = re.compile(r"[0-9]{1,15}")
_TAG = re.compile(r'\s*(W/)?"([^"]*)"\s*')


def reference_of(kind: str, ref: str) -> UUID | int:
    """The record that a path names: a UUID or the record's number. Raises UnknownKind, RecordNotFound."""
    known_kinds([kind])
    if _UUID.fullmatch(ref):
        return UUID(ref)
    if _NUMBER.fullmatch(ref):
        return int(ref)
    raise RecordNotFound(f"There is no {kind.replace('_', ' ')} {ref!r}; name it by its id or number.", path="ref")


def tags_of(header: str, name: str) -> list[str] | None:
    """The strong ETags in a header, or None for `*`. Raises InvalidField."""
    if header.strip() == "*":
        return None
    tags: list[str] = []
    for part in header.split(","):
        found = _TAG.fullmatch(part)
        if found is None:
            raise InvalidField(f'{name} must hold ETags in double quotes, as "12".', path=name)
        if found[1] is None:
            tags.append(found[2])
    return tags


def read_if_match(
    services: Services, request: HttpRequest, company_id: UUID, kind: str, reference: UUID | int | None
) -> int | None:
    """The seq that If-Match bases the write on, or None without the header. Raises VersionStale where it is not the record's."""
    header = request.headers.get("if-match")
    if header is None or reference is None:
        return None
    tags = tags_of(header, "If-Match")
    found = services.reader.find_record(company_id, kind, reference)
    if found is None:
        raise RecordNotFound(f"There is no such {kind.replace('_', ' ')}.", path="ref")
    if tags is not None and str(found.seq) not in tags:
        raise VersionStale(
            f"The record is at {found.seq}; this write was based on {header}.", path="If-Match", current_seq=found.seq
        )
    return found.seq
