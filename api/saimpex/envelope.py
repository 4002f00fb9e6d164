"""The envelope of every answer: `status` is the text `"true"` or `"false"`, the payload is in `data`."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

Payload = TypeVar("Payload")


class Envelope(msgspec.Struct, Generic[Payload], kw_only=True):
    """`message` is a text, or texts by language."""

    status: str = "true"
    data: Payload
    message: str | dict[str, list[str]] = "Success"


def enveloped(data: bytes, message: Any = "Success") -> bytes:
    """JSON that is ready, in its envelope."""
    return b'{"status":"true","data":' + data + b',"message":' + msgspec.json.encode(message) + b"}"
