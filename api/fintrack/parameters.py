"""The parameters of lists as the OpenAPI document tells them: pages, joins, and the filters of an object's table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from api.fintrack.envelope import MOST_ROWS_PER_PAGE, ROWS_PER_PAGE
from api.fintrack.objects.object import Field, Object

_BOUNDS = "`$lt-`, `$lte-`, `$gt-`, `$gte-` or `$btw-<from>-<to>`"
_TEXT = "A part of it, whatever the case."
_WHAT: Mapping[str, str] = {
    "ID": "An id.",
    "String": _TEXT,
    "Text": _TEXT,
    "Double": f"A number, or {_BOUNDS}.",
    "Date": f"A day, or `$today`, `$week`, `$month`, `$ltoday`, `$lweek`, `$leq-<date>`, `$lin-<date>`, {_BOUNDS}.",
    "Boolean": "`true` or `false`.",
}
"""What a filter of a field of this type takes."""
_SEVERAL = "Repeated: any of them. `null`: without one."


class GetQuery(msgspec.Struct, kw_only=True):
    """What is read beside the object itself."""

    getJoins: Annotated[bool, Meta(description="`false`: without the objects that belong to it.")] = True  # noqa: N815 - as on the wire
    excludeCQRS: Annotated[bool, Meta(description="`true`: without those of other services.")] = False  # noqa: N815 - as on the wire
    requestId: Annotated[str, Meta(description="Is answered again, and logged.")] | None = None  # noqa: N815 - as on the wire
    caching: Annotated[bool, Meta(description="Taken, and without effect: no answer is older than the log.")] = True
    cacheTTL: Annotated[int, Meta(description="Seconds. Taken, and without effect.")] | None = None  # noqa: N815 - as on the wire


_PageNumber = Annotated[int, Meta(ge=0, description="From 1; 0 is the whole list.")]
_PageRowCount = Annotated[int, Meta(ge=1, le=MOST_ROWS_PER_PAGE, description="Rows of a page.")]


class PageQuery(msgspec.Struct, kw_only=True):
    """Which page of a list."""

    pageNumber: _PageNumber = 1  # noqa: N815 - as on the wire
    pageRowCount: _PageRowCount = ROWS_PER_PAGE  # noqa: N815 - as on the wire


class ListQuery(GetQuery, kw_only=True):
    """Which page of a list, in which order."""

    pageNumber: _PageNumber = 1  # noqa: N815 - as on the wire
    pageRowCount: _PageRowCount = ROWS_PER_PAGE  # noqa: N815 - as on the wire
    sort: Annotated[str, Meta(description="A field; with a minus before it, the last comes first.")] | None = None


class UsersQuery(PageQuery, kw_only=True):
    """Which users, and which page of them."""

    email: Annotated[list[str], Meta(description=f"{_TEXT} {_SEVERAL}")] | None = None
    fullname: Annotated[list[str], Meta(description=f"{_TEXT} {_SEVERAL}")] | None = None
    roleId: Annotated[list[str], Meta(description=f"{_TEXT} {_SEVERAL}")] | None = None  # noqa: N815 - as on the wire


class UserSearchQuery(UsersQuery, kw_only=True):
    """Who is looked for."""

    keyword: Annotated[str, Meta(description="A part of the name or of the e-mail.")]


def list_query(title: str, object_: Object, related: Mapping[str, Object] | None = None) -> type[msgspec.Struct]:
    """The query of lists of an object, with every filter. `related`: objects whose filters are there too, as `customer.name`."""
    filters = [*_filters(object_), ("businessId", _described("The business's id: no other finds anything."))]
    for name, other in (related or {}).items():
        filters += [(f"{name}.{wire}", type_) for wire, type_ in _filters(other)]
    names = {wire.replace(".", "_"): wire for wire, _ in filters}
    fields = [(name, type_ | None, None) for name, (_, type_) in zip(names, filters, strict=True)]
    return msgspec.defstruct(title, fields, bases=(ListQuery,), rename=names, kw_only=True)


def _filters(object_: Object) -> Iterator[tuple[str, Any]]:
    for field in object_.fields:
        if field.filterable:
            yield field.wire, _described(f"{_what(field)} {_SEVERAL}")
        if field.filterable and field.type == "Date":
            yield f"{field.wire}From", Annotated[str, Meta(description="The first day.")]
            yield f"{field.wire}To", Annotated[str, Meta(description="The last day.")]


def _described(text: str) -> Any:
    return Annotated[list[str], Meta(description=text)]


def _what(field: Field) -> str:
    if field.type == "Enum":
        return f"One of {', '.join(f'`{wire}`' for wire, _ in field.options)}."
    return _WHAT[field.type]
