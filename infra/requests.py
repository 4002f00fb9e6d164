"""Reading requests: what may be stored at all, and the fingerprint of a body by meaning."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from domain.command import Command, Idempotency, data_as
from domain.decision import NUL, nul_in
from domain.errors import InvalidField
from domain.event import JSON
from domain.validation import invalid_field
from domain.values import Fields

MOST_NESTED = 32
"""How deep the data of a command may be nested. Whatever is stored is read again, by deeper call stacks than this one."""
LONGEST_KEY = 255

_ordered = msgspec.json.Encoder(order="deterministic")


class _Envelope(Command, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    data: msgspec.Raw = msgspec.Raw(b"null")


_envelope = msgspec.json.Decoder(_Envelope)


def fingerprint_of(body: Any) -> bytes:
    """SHA-256 of a body's JSON with sorted keys: equal bodies have equal fingerprints however they were written."""
    return hashlib.sha256(_ordered.encode(body)).digest()


def typed(command: Command, struct: type[Fields]) -> Command:
    """The command with its data as `struct`, all of it such that it can be stored, queried and read again.

    A command may come from code, so its own fields are checked here too. Raises InvalidField.
    """
    expected: type[msgspec.Struct] = struct
    root, given = "data", command.data
    try:
        data = data_as(command, struct)
        command = command if data is command.data else msgspec.structs.replace(command, data=data)
        encoded = JSON.encode(command)
        root, expected, given = "", _Envelope, encoded
        envelope = _envelope.decode(encoded)
    except msgspec.ValidationError as error:
        raise invalid_field(error, root=root, expected=expected, given=given) from None
    except UnicodeEncodeError:
        raise InvalidField("A text must be valid Unicode, without lone surrogates.", path="data") from None
    except RecursionError:
        raise _too_deep() from None
    except (TypeError, ValueError) as error:
        raise InvalidField(f"This cannot be written as JSON: {error}.", path="data") from None
    if NUL in encoded and (place := nul_in(msgspec.json.decode(encoded), "")) is not None:
        raise InvalidField("A text must not hold the NUL character.", path=place)
    if encoded.count(b"{") + encoded.count(b"[") > MOST_NESTED and depth_of(msgspec.json.decode(envelope.data)) > MOST_NESTED:
        raise _too_deep()
    return command


def check_key(idempotency: Idempotency) -> None:
    """Raise InvalidField unless the request's key can be stored."""
    key = idempotency.key
    if not 1 <= len(key) <= LONGEST_KEY or not is_storable(key):
        raise InvalidField(f"A key is a text of 1 to {LONGEST_KEY} characters, without NUL.", path="Idempotency-Key")


def is_storable(text: str) -> bool:
    """Whether Postgres can hold this text: Unicode without NUL."""
    try:
        return b"\x00" not in text.encode()
    except UnicodeEncodeError:
        return False


def _too_deep() -> InvalidField:
    return InvalidField(f"Data may be nested at most {MOST_NESTED} levels deep.", path="data")


def depth_of(value: Any) -> int:
    """How deep lists and objects are nested in a JSON value, found level by level, without recursion."""
    level, depth = [value], 0
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return depth
