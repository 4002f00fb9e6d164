"""Pictures with their files: a picture is announced as a row, and its file comes by Upload or in the row itself.

Where a gallery shows a picture, the file's record is bound to the person or product, so that every other dialect sees whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec

from api.mahak.collections.files import ANNOUNCED
from api.uploads import attachment_of
from domain.command import Command
from domain.record import Record
from infra.files import StoredFile

Bound = dict[str, Any]
"""`record_kind` and `record_id` of an attachment."""
UNBOUND: Bound = {"record_kind": None, "record_id": None}


def told_of(stored: StoredFile) -> dict[str, Any]:
    """What a picture's row says of its file."""
    return {
        "fileSize": stored.size,
        "width": stored.width or 0,
        "height": stored.height or 0,
        "format": stored.mime_type.rpartition("/")[2],
        "pictureHash": stored.sha256,
    }


def bound_by(gallery: dict[str, Any]) -> Bound:
    """What the data of a gallery's row binds the file to; empty where that is neither a person nor a product."""
    for kind, field in (("party", "party_id"), ("product", "product_id")):
        if (record_id := gallery.get(field)) is not None:
            return {"record_kind": kind, "record_id": record_id}
    return {}


def bound_of(children: Iterable[Record]) -> Bound:
    """What the galleries among a picture's children bind its file to: the first that binds."""
    galleries = (one for one in children if one.data.get("type") == "photoGalleries" and not one.deleted)
    return next((bound for one in sorted(galleries, key=lambda one: one.number) if (bound := bound_by(one.data))), {})


def file_commands(attachment_id: UUID, picture_id: UUID, stored: StoredFile, before: str | None, bound: Bound) -> list[Command]:
    """The commands that record the file of an announced picture; `before` is its attachment until now, which goes."""
    create = attachment_of(stored, extra={ANNOUNCED: str(picture_id)}, **bound)
    commands = [msgspec.structs.replace(create, id=attachment_id)]
    if before is not None:
        commands.append(Command(kind="attachment", action="delete", id=UUID(before)))
    return commands
