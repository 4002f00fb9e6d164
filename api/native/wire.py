"""The commands of the native API as they are written in JSON: one Struct per kind and action, made from the catalogue.

Decoding a request makes each command's typed data in the same pass in C, so 5,000 commands cost milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Union
from uuid import UUID

import msgspec
from msgspec import Meta

from domain.catalogue import CATALOGUE
from domain.command import Command, OnConflict
from domain.errors import InvalidField, UnknownKind
from domain.kind import Kind
from domain.kinds.user import User
from domain.values import ClientId, Fields, Line, Number

Key = Annotated[str, Meta(min_length=1, max_length=255)]
BaseSeq = Annotated[int, Meta(ge=0, le=2**53)]
Password = Annotated[str, Meta(min_length=8, max_length=256)]


class NewUser(User, frozen=True, kw_only=True):
    """A user, with the password to log in with. The password is kept only as a hash, and never in the log."""

    password: Password | None = None


class ChangePassword(Fields, frozen=True, kw_only=True):
    """`current_password` is needed to change one's own; managers give others new ones without."""

    password: Password
    current_password: Annotated[str, Meta(max_length=256)] | None = None


OWN_DATA: dict[str, type[Fields]] = {"user.create": NewUser, "user.change_password": ChangePassword}
"""Commands whose data holds more on the wire than in the ledger."""

INTERNAL = frozenset({"company.create", "session.create", "session.update", "session.refresh"})
"""What is done by registering, logging in and refreshing, never by a command."""

_MAKING: list[tuple[str, Any, Any]] = [
    ("id", UUID | None, None),
    ("client_id", ClientId | None, None),
    ("source", Line | None, None),
    ("occurred_at", datetime | None, None),
]
_CHANGING: list[tuple[str, Any, Any]] = [
    ("base_seq", BaseSeq | None, None),
    ("on_conflict", OnConflict, "policy"),
    ("occurred_at", datetime | None, None),
]
_NAMING: list[tuple[str, Any, Any]] = [
    ("id", UUID | None, None),
    ("number", Number | None, None),
    ("client_id", ClientId | None, None),
    ("source", Line | None, None),
]


def _data_column(struct: type[Fields]) -> tuple[str, Any, Any]:
    required = any(f.required for f in msgspec.structs.fields(struct))
    return ("data", struct, msgspec.field() if required else msgspec.field(default_factory=struct))


def _actions(kind: Kind) -> Iterator[tuple[str, type[Fields]]]:
    for action in ("create", "update", "delete", *kind.actions):
        name = f"{kind.name}.{action}"
        struct = OWN_DATA.get(name) or kind.data_struct(action)
        if struct is not None and name not in INTERNAL:
            yield action, struct


def _struct(name: str, columns: list[tuple[str, Any, Any]], description: str, **options: Any) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        name, columns, frozen=True, kw_only=True, forbid_unknown_fields=True, namespace={"__doc__": description}, **options
    )


COMMANDS: dict[str, type[msgspec.Struct]] = {}
"""`kind.action` → the Struct of the command in a batch."""
BODIES: dict[str, type[msgspec.Struct]] = {}
"""`kind.action` → the Struct of the body of a request that names kind, record and action by its path."""

for _kind in CATALOGUE.values():
    for _action, _data in _actions(_kind):
        _type = f"{_kind.name}.{_action}"
        _title = _kind.title + "".join(part.capitalize() for part in _action.split("_"))
        _special = _MAKING if _action == "create" else [*_NAMING, *_CHANGING]
        _key: tuple[str, Any, Any] = ("key", Key | None, None)
        COMMANDS[_type] = _struct(
            _title, [*_special, _key, _data_column(_data)], f"The command {_type}.", tag_field="type", tag=_type, gc=False
        )
        BODIES[_type] = _struct(
            f"{_title}Body", [*(_MAKING if _action == "create" else _CHANGING), _data_column(_data)], f"What {_type} takes."
        )

AnyCommand = Union[tuple(COMMANDS.values())]  # type: ignore[valid-type]  # noqa: UP007 - made from the catalogue

Batch = msgspec.defstruct(
    "Batch",
    [
        ("commands", Annotated[list[AnyCommand], Meta(min_length=1)]),  # type: ignore[valid-type]
        ("atomic", bool, True),
        ("dry_run", bool, False),
    ],
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    namespace={"__doc__": "Commands, executed in order as one transaction. `atomic`: the first refusal refuses all of them."},
)

batch_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Batch)
body_decoders: dict[str, msgspec.json.Decoder[Any]] = {name: msgspec.json.Decoder(body) for name, body in BODIES.items()}

_COMMON = ("id", "number", "client_id", "source", "base_seq", "on_conflict", "occurred_at", "key", "data")


def to_command(wire: msgspec.Struct) -> Command:
    """The ledger's command in a command of a batch."""
    kind, _, action = str(type(wire).__struct_config__.tag).partition(".")
    known = {name: getattr(wire, name) for name in wire.__struct_fields__ if name in _COMMON}
    return Command(kind=kind, action=action, **known)


def body_to_command(wire: msgspec.Struct, kind: str, action: str, reference: UUID | int | None) -> Command:
    """The ledger's command in the body of a request whose path names the rest."""
    known: dict[str, Any] = {name: getattr(wire, name) for name in wire.__struct_fields__}
    if isinstance(reference, UUID):
        known["id"] = reference
    elif reference is not None:
        known["number"] = reference
    return Command(kind=kind, action=action, **known)


def body_decoder(kind: str, action: str) -> msgspec.json.Decoder[Any]:
    """The decoder of the body of a single command. Raises UnknownKind."""
    found = body_decoders.get(f"{kind}.{action}")
    if found is None:
        raise UnknownKind(f"There is no command {f'{kind}.{action}'!r}.", path="kind")
    return found


def refine(error: InvalidField) -> InvalidField | UnknownKind:
    """An unknown `type` of a command is an unknown kind, not just a field of the wrong form."""
    if error.path.startswith("commands[") and error.path.endswith("].type") and "Invalid value" in error.message:
        return UnknownKind(error.message, path=error.path)
    return error
