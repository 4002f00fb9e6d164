"""Pictures and where they are shown: attachments, and those that a client announced and has not sent yet; and stock by store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.documents import Document
from api.mahak.collections.collection import Collection
from api.mahak.collections.view import Column, Known, Link, View, id_of, is_custom
from api.mahak.documents import Row
from api.mahak.values import read_text

ENTITY_TYPES: Mapping[str, int] = {"party": 101, "product": 102}
"""What a gallery calls the kinds of record that have pictures; everything else is a document."""
DOCUMENTS = 401
_ITEM_TYPES: Mapping[str, int] = {"party": 0, "product": 102}
DOCUMENT_ITEM = -2


ANNOUNCED = "announced"
"""In the `extra` of a file that came for a picture which a client had announced: that record's id. Its row stands for the file."""


_ADDRESS = "/API/v3/Sync/Download/"


def file_address(picture_id: int) -> str:
    """Where the file of a picture is fetched, with the same login: from the root of this server."""
    return f"{_ADDRESS}{picture_id}"


def _stands_alone(attachment: Document) -> bool:
    return ANNOUNCED not in attachment.data.get("extra", {})


def _bound_to(document: Document, known: Known) -> Document | None:
    return known.records.get(document.data.get("record_id", ""))


def _bound_number(document: Document, known: Known) -> int:
    bound = _bound_to(document, known)
    return bound.number if bound is not None else 0


def _entity_type(document: Document, _: Known) -> int:
    return ENTITY_TYPES.get(document.data.get("record_kind", ""), DOCUMENTS)


def _item_type(document: Document, _: Known) -> int:
    return _ITEM_TYPES.get(document.data.get("record_kind", ""), DOCUMENT_ITEM)


def _format(document: Document, _: Known) -> Any:
    return str(document.data["mime_type"]).rpartition("/")[2]


def _announced_address(picture: Document, _: Known) -> Any:
    """Where the file is, once it has come."""
    if picture.data.get("attachment_id") is not None:
        return file_address(id_of("pictures", picture.kind, picture.number))
    return (picture.data.get("data") or {}).get("url")


def _complete_picture(_: Row, data: Row, before: Row) -> Row:
    """An address of ours that is sent back says nothing new."""
    said = data.get("data")
    if said is not None and "url" not in (before.get("data") or {}) and str(said.get("url", "")).startswith(_ADDRESS):
        said.pop("url")
    return data


PICTURES = Collection(
    name="pictures",
    entity="picture",
    fields="pictureId:i, pictureClientId:l, pictureCode:i, fileName:s, displayOrder:i, title:s, url:s, fileSize:i, width:i,"
    " height:i, format:s, itemId:i, itemType:i, pictureHash:s, deleted:b, rowVersion:l",
    views=(
        View(
            "attachment",
            names={"displayOrder": "position", "title": "title", "width": "width", "height": "height"},
            columns=(
                Column("fileName", derive=lambda document, _: document.data["file_name"]),
                Column("fileSize", derive=lambda document, _: document.data["size"]),
                Column("pictureHash", derive=lambda document, _: document.data["sha256"]),
                Column("url", derive=lambda document, _: file_address(document.number)),
                Column("format", derive=_format),
                Column("itemId", derive=_bound_number),
                Column("itemType", derive=_item_type),
            ),
            shows=_stands_alone,
            code="extra.pictureCode",
        ),
        View(
            "custom_record",
            columns=(Column("url", "data.url", read_text, derive=_announced_address),),
            shows=is_custom("pictures"),
            complete=_complete_picture,
        ),
    ),
    guide=("pictures",),
    said="binaryData:s",
)

PICTURE = Link("picture", ("owner_id",), "pictures")
"""The picture that a gallery shows."""

PHOTO_GALLERIES = Collection(
    name="photoGalleries",
    entity="photoGallery",
    fields="photoGalleryId:i, pictureId:i, entityType:i, itemCode:i, itemType:i, deleted:b, rowVersion:l",
    views=(
        View(
            "attachment",
            columns=(
                Column("pictureId", derive=lambda document, _: document.number),
                Column("entityType", derive=_entity_type),
                Column("itemCode", derive=_bound_number),
                Column("itemType", derive=_item_type),
            ),
            shows=lambda document: document.data.get("record_id") is not None and _stands_alone(document),
        ),
        View("custom_record", links=(PICTURE,), shows=is_custom("photoGalleries")),
    ),
    guide=("photoGalleries",),
    said="pictureClientId:l",
)

STORE_ASSETS = Collection(
    name="productDetailStoreAssets",
    entity="productDetailStoreAsset",
    fields="productDetailStoreAssetId:i, productDetailId:i, storeId:i, count1:d, count2:d, deleted:b, rowVersion:l",
    views=(),
    guide=("productDetailStoreAssets",),
)
"""How much of a detail is in a store: the stock levels, not rows of records. Its reading is `assets`, its writing a movement."""
