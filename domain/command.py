"""Commands: what a client asks for, in one shape for every dialect."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from domain.validation import require_plain_amounts
from domain.values import ClientId, Fields, Line, Number, Ref, Reference

OnConflict = Literal["policy", "refuse"]


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One wish about one record.

    `id` (or `number`, or `client_id` with `source`) names the record; a create may bring its own UUID and a client id.
    `base_seq` is the version the write was based on: if the record moved since, `on_conflict` says whether the kind's policy
    decides or the command is refused with `version_stale`. `occurred_at` is when the person did it (default: now; without a
    zone it is in the company's).
    `key` makes this one command idempotent, whatever request carries it.
    """

    kind: str
    action: str
    id: UUID | None = None
    number: Number | None = None
    client_id: ClientId | None = None
    source: Line | None = None
    base_seq: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    on_conflict: OnConflict = "policy"
    occurred_at: datetime | None = None
    key: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    data: Any = None

    @property
    def type(self) -> str:
        """`kind.action`, as the native API spells it."""
        return f"{self.kind}.{self.action}"

    def target(self) -> Reference | None:
        """The record this command names, or None where it names none."""
        if self.id is not None:
            return self.id
        if self.number is not None:
            return Ref(number=self.number)
        if self.client_id is not None:
            return Ref(client_id=self.client_id, source=self.source)
        return None


class Actor(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Who writes: a user on a device in a session. `source` scopes the client ids this actor makes."""

    user_id: UUID | None = None
    device_id: UUID | None = None
    session_id: UUID | None = None
    role: str = "system"

    @cached_property
    def source(self) -> str:
        """Two offline devices may both have used the same client id: the device scopes it, else the login."""
        if self.device_id is not None:
            return f"device:{self.device_id}"
        if self.user_id is not None:
            return f"user:{self.user_id}"
        return "system"


SYSTEM = Actor()
"""The ledger itself: schedulers and start-up."""


class Idempotency(msgspec.Struct, frozen=True, kw_only=True):
    """A request's key and the fingerprint of its body by meaning (SHA-256 of its JSON with sorted keys)."""

    key: str
    fingerprint: bytes


def data_as(command: Command, fields: type[Fields]) -> Fields:
    """The command's data as `fields`; a missing body counts as an empty one. Raises msgspec.ValidationError, InvalidField."""
    if isinstance(command.data, fields):
        return command.data
    data = msgspec.convert({} if command.data is None else command.data, fields)
    require_plain_amounts(data, command.data, "data")
    return data
