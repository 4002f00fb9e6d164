"""The APIs of an object as the OpenAPI document tells them: types and examples made from its table."""

from __future__ import annotations

from functools import cache, cached_property
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from api.endpoint import Answer, Operation
from api.fintrack.objects import OBJECTS
from api.fintrack.objects.object import Api, Field, Object
from domain import errors
from domain.errors import LedgerError

WRITE_REFUSALS: tuple[type[LedgerError], ...] = (
    errors.InvalidField,
    errors.NotAllowed,
    errors.KeyReused,
)
IDEMPOTENCY = {"Idempotency-Key": "Makes the request safe to repeat: the same key and body answer what they first did."}
TENANT = {"mbx-business-codename": "The codename of the business that is addressed; `root` where it is not said."}
ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"

_EXAMPLES: dict[str, Any] = {
    "ID": ID,
    "String": "text",
    "Text": "text",
    "Double": 100.5,
    "Date": "2026-03-21T00:00:00.000Z",
    "Boolean": True,
}
_WORDS = {"currency": "USD", "contactEmail": "info@example.com", "phone": "+98 21 5550 0100"}


class Paging(msgspec.Struct, kw_only=True):
    """Where in the list the page is."""

    pageNumber: int  # noqa: N815 - as on the wire
    pageRowCount: int  # noqa: N815 - as on the wire
    totalRowCount: int  # noqa: N815 - as on the wire
    pageCount: int  # noqa: N815 - as on the wire


ENVELOPE: tuple[tuple[str, Any], ...] = (
    ("status", str),
    ("statusCode", int),
    ("elapsedMs", int),
    ("ssoTime", int),
    ("source", str),
    ("cacheKey", str),
    ("userId", UUID | None),
    ("sessionId", UUID | None),
    ("requestId", str),
    ("dataName", str),
    ("method", str),
    ("action", str),
    ("appVersion", str),
    ("rowCount", int),
)


def enveloped(title: str, name: str, payload: Any, *, is_list: bool = False) -> type[msgspec.Struct]:
    """The type of an answer with this payload under this name."""
    fields: list[tuple[str, Any]] = [*ENVELOPE, (name, payload)]
    if is_list:
        fields += [("paging", Paging), ("filters", list[Any]), ("uiPermissions", list[Any])]
    return msgspec.defstruct(title, fields, kw_only=True)


class Describing:
    """Makes the operations of one object."""

    def __init__(self, object_: Object) -> None:
        self.object = object_
        self.title = object_.name[0].upper() + object_.name[1:]
        self.many = object_.plural[0].upper() + object_.plural[1:]
        self.tag = f"FinTrack: {object_.service.removesuffix('-api')}"
        self.record = self._record()

    def _record(self) -> type[msgspec.Struct]:
        fields: list[tuple[str, Any, Any]] = [("id", str, msgspec.field())]
        for one in self.object.fields:
            fields.append((one.wire, _shown_type(one) | None, None))
            if one.type == "Enum":
                fields.append((f"{one.wire}_idx", int | None, None))
        fields += [("businessId", str | None, None), ("isActive", bool | None, None), ("recordVersion", int | None, None)]
        fields += [("createdAt", str | None, None), ("updatedAt", str | None, None), ("_owner", str | None, None)]
        return msgspec.defstruct(f"FinTrack{self.title}", fields, kw_only=True)

    def _form(self, *, creating: bool) -> type[msgspec.Struct]:
        fields: list[tuple[str, Any, Any]] = []
        for one in self.object.fields:
            if one.settable == "never" or (one.settable == "create" and not creating):
                continue
            is_needed = creating and one.required
            fields.append(
                (one.wire, _written_type(one) if is_needed else _written_type(one) | None, *(() if is_needed else (None,)))
            )
        if creating:
            fields.append((self.object.id_name, str | None, None))
        verb = "New" if creating else "Changed"
        return msgspec.defstruct(f"FinTrack{verb}{self.title}", fields, kw_only=True)

    def example(self) -> dict[str, Any]:
        """A form that fills every field."""
        made: dict[str, Any] = {}
        for one in self.object.fields:
            if one.settable != "never" and one.required:
                made[one.wire] = one.options[0][0] if one.options else _WORDS.get(one.wire, _EXAMPLES.get(one.type))
        if self.object.kind == "invoice":
            made["customerId"] = ID
        return made

    def _answers(self, status: int, what: str) -> dict[int, Answer]:
        return {status: Answer(what, self._one)}

    @cached_property
    def _one(self) -> type[msgspec.Struct]:
        return enveloped(f"FinTrackOne{self.title}", self.object.name, self.record)

    @cached_property
    def _page(self) -> type[msgspec.Struct]:
        return enveloped(f"FinTrackPageOf{self.many}", self.object.plural, list[self.record], is_list=True)  # type: ignore[name-defined]

    @cached_property
    def new_form(self) -> type[msgspec.Struct]:
        """The form of a new object."""
        return self._form(creating=True)

    @property
    def change_example(self) -> dict[str, Any]:
        """A form that changes something."""
        return {"notes": "text"} if self.object.kind != "invoice_line" else {"quantity": 2}

    @cached_property
    def _changed(self) -> type[msgspec.Struct]:
        return self._form(creating=False)

    def create(self) -> Operation:
        """`create…`."""
        return Operation(
            id=f"fintrackCreate{self.title}",
            summary=f"create{self.title}",
            description='The body may also be wrapped as `{"data": {…}}`.',
            tag=self.tag,
            body=self.new_form,
            body_example=self.example(),
            headers={**TENANT, **IDEMPOTENCY},
            answers=self._answers(201, "The new object."),
            refusals=WRITE_REFUSALS,
        )

    def update(self, method: str) -> Operation:
        """`update…`."""
        words = {"PATCH": "fintrackUpdate", "PUT": "fintrackReplace"}
        return Operation(
            id=f"{words[method]}{self.title}",
            summary=f"update{self.title}",
            description="What is sent is changed; a null clears an optional field; other fields are passed over.",
            tag=self.tag,
            body=self._changed,
            body_example=self.change_example,
            headers={**TENANT, **IDEMPOTENCY},
            answers=self._answers(200, "The object as it is now."),
            refusals=(*WRITE_REFUSALS, errors.RecordNotFound),
        )

    def delete(self) -> Operation:
        """`delete…`."""
        return Operation(
            id=f"fintrackDelete{self.title}",
            summary=f"delete{self.title}",
            tag=self.tag,
            headers={**TENANT, **IDEMPOTENCY},
            answers=self._answers(200, "The last state of the object, which is not active any more."),
            refusals=(errors.InvalidField, errors.NotAllowed, errors.RecordNotFound),
        )

    def get(self) -> Operation:
        """`get…`."""
        return Operation(
            id=f"fintrackGet{self.title}",
            summary=f"get{self.title}",
            tag=self.tag,
            query=GetQuery,
            free_query=True,
            headers=TENANT,
            answers=self._answers(200, "The object, with those that belong to it."),
            refusals=(errors.InvalidField, errors.NotAllowed, errors.RecordNotFound),
        )

    def list_(self, api: Api) -> Operation:
        """`list…` and `_fetchList…`."""
        named = f"list{self.many}" if api == "list" else f"_fetchList{self.title}"
        filters = [one.wire for one in self.object.fields if one.filterable]
        return Operation(
            id=f"fintrack{'List' if api == 'list' else 'FetchList'}{self.many}",
            summary=named,
            description=f"Filters: {', '.join(f'`{name}`' for name in filters)}, with the operators of their types.",
            tag=self.tag,
            query=ListQuery,
            free_query=True,
            headers=TENANT,
            answers={200: Answer("A page.", self._page)},
            refusals=(errors.InvalidField, errors.NotAllowed),
        )


@cache
def description_of(name: str) -> Describing:
    """How the object of this name is described; one, because a type is written into the document once."""
    return Describing(OBJECTS[name])


class GetQuery(msgspec.Struct, kw_only=True):
    """What is read beside the object itself."""

    getJoins: bool = True  # noqa: N815 - as on the wire
    excludeCQRS: bool = False  # noqa: N815 - as on the wire
    requestId: str | None = None  # noqa: N815 - as on the wire


class ListQuery(GetQuery, kw_only=True):
    """Which page; 0 is the whole list."""

    pageNumber: Annotated[int, Meta(ge=0)] = 1  # noqa: N815 - as on the wire
    pageRowCount: Annotated[int, Meta(ge=1, le=1000)] = 25  # noqa: N815 - as on the wire
    sort: Annotated[str, Meta(description="A field; with a minus before it, the last comes first.")] | None = None


def _shown_type(one: Field) -> Any:
    if one.type == "Enum":
        return Literal[tuple(wire for wire, _ in one.options)]
    return {"Double": float, "Integer": int, "Boolean": bool, "Object": dict[str, Any]}.get(one.type, str)


def _written_type(one: Field) -> Any:
    if one.type == "String":
        return Annotated[str, Meta(max_length=255)]
    return _shown_type(one)
