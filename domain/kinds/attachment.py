"""Attachment: a file that belongs to a record. Its bytes lie in the object store, never in an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta

from domain.decision import Decision
from domain.errors import InvalidField
from domain.kind import Kind
from domain.policy import Policy
from domain.record import Record
from domain.values import Count, Fields, Line, Name, Reference, always

Size = Annotated[int, Meta(ge=0, le=2**53)]
"""Bytes."""
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
"""SHA-256, in lower-case hexadecimal."""


class Attachment(Fields, frozen=True, kw_only=True):
    """A file, and the record it is bound to (both of kind and id, or neither: a file may be stored before what it shows).

    `storage_key` is its name in the object store and lies under the company's own id, so that no record can name another
    company's file. `bucket` is what the client called the place.
    """

    file_name: Name
    size: Size
    mime_type: Name
    sha256: Digest
    storage_key: Annotated[str, Meta(min_length=1, max_length=500)]
    record_kind: Line | None = None
    record_id: Reference | None = None
    bucket: Line | None = None
    title: Line | None = None
    is_public: bool = always(False)
    position: Count | None = None
    width: Count | None = None
    height: Count | None = None
    extra: dict[str, Any] = {}


class AttachmentKind(Kind):
    """A file is stored once; what it is bound to may change. The name of a person's file is that person's."""

    def person_of(self, record_id: UUID, data: Mapping[str, Any]) -> UUID | None:
        """The party or user whose file it is."""
        return super().person_of(record_id, data) if data.get("record_kind") in ("party", "user") else None

    def decide_create(self, decision: Decision, record_id: UUID, data: Attachment) -> None:
        """Note a file that was stored."""
        parts = data.storage_key.split("/")
        if parts[0] != str(decision.books.company_id) or len(parts) < 2 or {"", ".", ".."} & set(parts):
            raise InvalidField("A storage key is a path under the company's id.", path="data.storage_key")
        check_bound(data.record_kind, data.record_id)
        decision.create(self, record_id, data)

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Bind a file to another record, or give it another title."""
        after = {**record.data, **changes}
        check_bound(after.get("record_kind"), after.get("record_id"))
        if "record_kind" in changes and "record_id" not in changes:
            raise InvalidField("Name the record too.", path="data.record_id")
        if changes.get("record_id") is not None:
            decision.living(changes["record_id"], after["record_kind"], "data.record_id")
        decision.change(self, record, changes)


def check_bound(record_kind: Any, record_id: Any) -> None:
    """Raise unless a file is bound to a kind and an id, or to nothing."""
    if (record_kind is None) != (record_id is None):
        raise InvalidField(
            "Give both `record_kind` and `record_id`, or neither.",
            path="data.record_id" if record_id is None else "data.record_kind",
        )


ATTACHMENT = AttachmentKind(
    name="attachment",
    fields=Attachment,
    policy=Policy.MERGE,
    about=("record_kind", "record_id"),
    parent="record_id",
    fixed=frozenset({"file_name", "size", "mime_type", "sha256", "storage_key", "bucket"}),
    verbs=("stored", "changed", "deleted"),
    personal=frozenset({"file_name", "title"}),
    person="record_id",
)
