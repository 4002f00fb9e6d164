"""The APIs of an object as the OpenAPI document tells them: types and examples made from its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, cached_property
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.endpoint import Answer, Operation
from api.fintrack import examples
from api.fintrack.objects import OBJECTS
from api.fintrack.objects.object import Api, Field, Join, Object
from api.fintrack.parameters import GetQuery, list_query
from api.fintrack.values import LONGEST_STRING
from domain import errors
from domain.errors import LedgerError

WRITE_REFUSALS: tuple[type[LedgerError], ...] = (
    errors.InvalidField,
    errors.NotAllowed,
    errors.KeyReused,
)
IDEMPOTENCY = {"Idempotency-Key": "Makes the request safe to repeat: the same key and body answer what they first did."}
TENANT = {"mbx-business-codename": "The codename of the business that is addressed; `root` where it is not said."}


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


Moment = Annotated[datetime, Meta(tz=True)]

_TYPES: Mapping[str, Any] = {
    "ID": UUID,
    "String": str,
    "Text": str,
    "Double": float,
    "Integer": int,
    "Boolean": bool,
    "Date": Moment,
    "Object": dict[str, Any],
}
_SYSTEM: Mapping[str, Any] = {
    "id": UUID,
    "businessId": UUID,
    "isActive": bool,
    "recordVersion": int,
    "createdAt": Moment,
    "updatedAt": Moment,
    "_owner": UUID | None,
}
"""What every object has beside its fields."""
_DERIVED: Mapping[str, Any] = {"email": str | None, "balance": float, "balanceCurrency": str}
"""What some objects have that is worked out when they are read."""


def shown(title: str, object_: Object, names: Sequence[str], joins: Sequence[tuple[str, Any, Any]] = ()) -> type[msgspec.Struct]:
    """The type of an object with these fields, all of which are there, and with joins, which may be left out."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for name in names:
        one = object_.by_wire.get(name)
        fields.append((name, _SYSTEM.get(name) or _DERIVED[name] if one is None else _shown_type(one) | None))
        if one is not None and one.type == "Enum":
            fields.append((one.index_name, int | None))
    return msgspec.defstruct(title, [*fields, *joins], kw_only=True)


class Describing:
    """Makes the operations of one object. The names of its types begin with `prefix`."""

    def __init__(self, object_: Object, prefix: str = "FinTrack") -> None:
        self.object = object_
        self.prefix = prefix
        self.title = object_.name[0].upper() + object_.name[1:]
        self.many = object_.plural[0].upper() + object_.plural[1:]
        self.tag = f"FinTrack: {object_.service.removesuffix('-api')}"
        self.record = shown(f"{prefix}{self.title}", object_, examples.every_name(object_))

    # What is answered ------------------------------------------------------------------------------

    def got(self, what: str) -> Answer:
        """What `get…` answers."""
        type_ = enveloped(f"{self.prefix}Got{self.title}", self.object.name, self._row("get", f"{self.title}Got"))
        return Answer(what, type_, examples.read(self.object, "get"))

    def listed(self, api: Api = "list") -> Answer:
        """What a list answers."""
        how = "Fetched" if api == "fetch" else "Listed"
        row = self._row(api, f"{self.title}{how}")
        type_ = enveloped(f"{self.prefix}{how}{self.many}", self.object.plural, list[row], is_list=True)  # type: ignore[valid-type]
        return Answer("A page.", type_, examples.read(self.object, api))

    def _row(self, api: Api, title: str) -> type[msgspec.Struct]:
        """The object as an API reads it: the fields that it selects, with its joins. To-one joins are lists in lists."""
        joins, selected = self.object.joins.get(api, ()), self.object.selected.get(api)
        if not joins and selected is None:
            return self.record
        title = f"{self.prefix}{title}"
        made = [(join.name, self._joined(join, title, is_many=api != "get" or not join.link), UNSET) for join in joins]
        return shown(title, self.object, selected or examples.every_name(self.object), made)

    def _joined(self, join: Join, title: str, *, is_many: bool) -> Any:
        row = shown(f"{title}{join.name[0].upper()}{join.name[1:]}", OBJECTS[join.of], join.fields)
        return list[row] | UnsetType if is_many else row | UnsetType | None  # type: ignore[valid-type]

    # What is asked ---------------------------------------------------------------------------------

    def form(self, title: str, *, creating: bool, within: str = "") -> type[msgspec.Struct]:
        """The form of a new object, which may be one `within` another, or of changes."""
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
        for one in self.object.fields:
            if one.wire == within or one.settable == "never" or (one.settable == "create" and not creating):
                continue
            is_needed = creating and one.required
            fields.append((one.wire, _written_type(one)) if is_needed else (one.wire, _written_type(one) | None, None))
        if creating:
            fields.append((self.object.id_name, str | None, None))
        if creating and self.object.kind == "invoice":
            item = description_of("invoiceItem").form("FinTrackItemOfNewInvoice", creating=True, within="invoiceId")
            fields.append(("items", list[item] | None, None))  # type: ignore[valid-type]
        return msgspec.defstruct(title, fields, kw_only=True)

    def example(self) -> dict[str, Any]:
        """A form of a new object."""
        return examples.new_form(self.object)

    @cached_property
    def _written(self) -> type[msgspec.Struct]:
        return enveloped(f"{self.prefix}One{self.title}", self.object.name, self.record)

    def _answers(self, action: str, what: str) -> dict[int, Answer]:
        return {201 if action == "create" else 200: Answer(what, self._written, examples.written(self.object, action))}

    @cached_property
    def new_form(self) -> type[msgspec.Struct]:
        """The form of a new object."""
        return self.form(f"FinTrackNew{self.title}", creating=True)

    @cached_property
    def _changed(self) -> type[msgspec.Struct]:
        return self.form(f"FinTrackChanged{self.title}", creating=False)

    @cached_property
    def _query(self) -> type[msgspec.Struct]:
        return list_query(f"FinTrackQueryOf{self.many}", self.object)

    @property
    def change_example(self) -> dict[str, Any]:
        """A form that changes something."""
        return {"notes": "text"} if self.object.kind != "invoice_line" else {"quantity": 2}

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
            answers=self._answers("create", "The new object."),
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
            answers=self._answers("update", "The object as it is now."),
            refusals=(*WRITE_REFUSALS, errors.RecordNotFound),
        )

    def delete(self) -> Operation:
        """`delete…`."""
        return Operation(
            id=f"fintrackDelete{self.title}",
            summary=f"delete{self.title}",
            tag=self.tag,
            headers={**TENANT, **IDEMPOTENCY},
            answers=self._answers("delete", "The last state of the object, which is not active any more."),
            refusals=(errors.InvalidField, errors.NotAllowed, errors.RecordNotFound),
        )

    def get(self) -> Operation:
        """`get…`."""
        return Operation(
            id=f"fintrackGet{self.title}",
            summary=f"get{self.title}",
            tag=self.tag,
            query=GetQuery,
            headers=TENANT,
            answers={200: self.got("The object, with those that belong to it.")},
            refusals=(errors.InvalidField, errors.NotAllowed, errors.RecordNotFound),
        )

    def list_(self, api: Api) -> Operation:
        """`list…` and `_fetchList…`."""
        named = f"list{self.many}" if api == "list" else f"_fetchList{self.title}"
        return Operation(
            id=f"fintrack{'List' if api == 'list' else 'FetchList'}{self.many}",
            summary=named,
            tag=self.tag,
            query=self._query,
            headers=TENANT,
            answers={200: self.listed(api)},
            refusals=(errors.InvalidField, errors.NotAllowed),
        )


@cache
def description_of(name: str) -> Describing:
    """How the object of this name is described; one, because a type is written into the document once."""
    return Describing(OBJECTS[name])


def _shown_type(one: Field) -> Any:
    if one.type == "Enum":
        return Literal[tuple(wire for wire, _ in one.options)]
    return _TYPES[one.type]


def _written_type(one: Field) -> Any:
    """What is written may say less: a bare day."""
    if one.type == "String":
        return Annotated[str, Meta(max_length=LONGEST_STRING)]
    return str if one.type in ("ID", "Date") else _shown_type(one)
