"""User: a person or integration that may log in. Passwords never come near an event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from domain.command import Command
from domain.decision import Decision
from domain.erasing import PersonState, erase
from domain.errors import RolesFixed
from domain.event import Changed
from domain.kind import Action, Kind, NoFields, TracesOf, Unique, Wish
from domain.policy import Policy
from domain.record import Record
from domain.values import Count, Email, Fields, Line, Name, always

Role = Literal[
    "superAdmin",
    "saasAdmin",
    "saasUser",
    "tenantOwner",
    "tenantAdmin",
    "tenantUser",
    "owner",
    "accountant",
    "user",
    "staff",
    "viewer",
]


WITHOUT_RIGHTS = frozenset({"tenantUser"})
"""Roles that see nothing but themselves, until somebody gives them another."""
_FIXED = frozenset({"tenantOwner", "superAdmin"})


class User(Fields, frozen=True, kw_only=True):
    """`username` is what Mahak and SAIMPEX log in with; `email` what the others do.

    A Mahak visitor's limits and defaults (cash, bank and store codes, price levels, credits) are in `extra`.
    """

    email: Email | None = None
    username: Line | None = None
    name: Name
    role: Role = always("user")
    avatar: Line | None = None
    phone: Line | None = None
    email_verified: bool = always(False)
    mobile_verified: bool = always(False)
    is_active: bool = always(True)
    visitor_id: Count | None = None
    code: Line | None = None
    language: Line | None = None
    archived_at: Line | None = None
    extra: dict[str, Any] = {}


class UserKind(Kind):
    """Who owns the company cannot be unmade by a change of role, a deletion or an erasure."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """An erasure looks at whatever holds something of the user's."""
        if command.action == "erase" and record is not None:
            yield TracesOf(record.id)

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change a user; the role of an owner, of a company or of the service, is neither given nor taken away."""
        if "role" in changes and not _FIXED.isdisjoint((changes["role"], record.data["role"])):
            raise RolesFixed(path="data.role")
        decision.change(self, record, changes)

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Delete a user, unless it is the owner."""
        if record.data["role"] in ("tenantOwner", "superAdmin"):
            raise RolesFixed("The owner cannot be deleted.", path="id")
        decision.delete(self, record)


class PasswordChanged(Changed, frozen=True, kw_only=True):
    """That a password was changed, when and by whom; not the password."""


def _password_changed(decision: Decision, record: Record, _: NoFields) -> None:
    decision.change(USER, record, {}, PasswordChanged)


def _erase(decision: Decision, record: Record, data: NoFields) -> None:
    if record.data["role"] in ("tenantOwner", "superAdmin"):
        raise RolesFixed("The owner cannot be erased.", path="id")
    erase(decision, record, data)


USER = UserKind(
    name="user",
    fields=User,
    derived=PersonState,
    policy=Policy.MERGE,
    unique=(Unique("email", ("email",), ignore_case=True), Unique("username", ("username",), ignore_case=True)),
    actions={"change_password": Action(NoFields, _password_changed), "erase": Action(NoFields, _erase, of_any=True)},
    extra_events={"user.password-changed.v1": PasswordChanged},
    personal=frozenset({"email", "username", "name", "avatar", "phone", "code", "extra"}),
)
