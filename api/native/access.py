"""Who asks, on the native API: the bearer token, the rate limits, and the rights each command needs."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from api.native.wire import ChangePassword, NewUser
from api.roles import (
    CLOSING,
    MANAGED_KINDS,
    check_may_close,
    check_may_erase,
    check_may_manage,
    check_may_write,
)
from domain.command import Command
from domain.decision import Credential
from domain.errors import InvalidField, NotAllowed, RecordNotFound, WrongCredentials
from domain.kind import NoFields
from domain.kinds.user import User
from domain.record import decode_record
from infra.composition import Services
from infra.identity.identity import Principal
from infra.ids import new_id

MOST_PASSWORDS = 20
"""Passwords in one request: each costs two hashes."""


class Authorised(msgspec.Struct, frozen=True):
    """Commands whose author may give them, ready for the ledger, and the credentials that go with them.

    After the author's own commands come those that end the sessions of users whose password changes.
    """

    commands: list[Command]
    credentials: list[Credential]


def authorise(services: Services, principal: Principal, commands: Sequence[Command]) -> Authorised:
    """Check the author's rights to every command, and take the passwords out. Raises NotAllowed, InvalidField and others."""
    ready: list[Command] = []
    credentials: dict[UUID, Credential] = {}
    for index, command in enumerate(commands):
        path = f"commands[{index}]"
        if command.kind == "session":
            _check_session(services, principal, command, path)
        else:
            check_may_write(principal.role, f"{path}.type")
        if command.action == "erase":
            check_may_erase(principal.role, f"{path}.type")
        if command.kind == "device" and (command.action == "delete" or _limits(command)):
            check_may_manage(principal.role, f"{path}.type")
        if command.kind in MANAGED_KINDS:
            command = _manage(services, principal, command, path, credentials)  # noqa: PLW2901 - the same command, cleaned
            if len(credentials) > MOST_PASSWORDS:
                raise InvalidField(f"At most {MOST_PASSWORDS} passwords can be set in one request.", path=path)
        ready.append(command)
    changed = [command.id for command in ready if command.type == "user.change_password"]
    ends_of = services.sessions.ends_of  # a new password ends every session of the user but the one that asks
    ended = [end for user_id in changed if user_id for end in ends_of(principal.company_id, user_id, but=principal.session_id)]
    return Authorised([*ready, *ended], list(credentials.values()))


_DEVICE_LIMITS = ("pull_tables", "push_tables", "is_active")


def _limits(command: Command) -> bool:
    """Whether a command says what a device may do: which tables it syncs, or whether it may at all."""
    usual = (msgspec.UNSET,) if command.action == "update" else (msgspec.UNSET, None, True)
    return any(getattr(command.data, name, msgspec.UNSET) not in usual for name in _DEVICE_LIMITS)


def _check_session(services: Services, principal: Principal, command: Command, path: str) -> None:
    """Everybody may end a session of his own, managers anyone's."""
    target = _record_id(services, principal, command, path)
    if target != principal.session_id and not _owns_session(services, principal, target):
        check_may_manage(principal.role, f"{path}.type")


def _owns_session(services: Services, principal: Principal, session_id: UUID) -> bool:
    found = services.reader.find_record(principal.company_id, "session", session_id)
    return found is not None and decode_record(found.document).data.get("user_id") == str(principal.user_id)


def _manage(services: Services, principal: Principal, command: Command, path: str, credentials: dict[UUID, Credential]) -> Command:
    data = command.data
    if command.kind == "company":
        check = check_may_close if command.action in CLOSING else check_may_manage
        check(principal.role, f"{path}.type")
        return command
    if isinstance(data, NewUser):
        check_may_manage(principal.role, f"{path}.data.role", data.role)
        user = User(**{name: getattr(data, name) for name in User.__struct_fields__})
        command = msgspec.structs.replace(command, data=user)
        if data.password is None:
            return command
        user_id = command.id or new_id()
        _set_password(services, command, user_id, data.password, path, credentials)
        return msgspec.structs.replace(command, id=user_id)
    target = _record_id(services, principal, command, path)
    own = target == principal.user_id
    if isinstance(data, ChangePassword):
        if own:
            _check_own_password(services, principal, data, path)
        else:
            check_may_manage(principal.role, f"{path}.type", _role_of_user(services, principal, target))
        _set_password(services, command, target, data.password, path, credentials)
        return msgspec.structs.replace(command, id=target, data=NoFields())
    check_may_manage(principal.role, f"{path}.type", _role_of_user(services, principal, target))
    if isinstance(role := getattr(data, "role", None), str):
        check_may_manage(principal.role, f"{path}.data.role", role)
    return command


def _set_password(
    services: Services, command: Command, user_id: UUID, password: str, path: str, credentials: dict[UUID, Credential]
) -> None:
    if command.key is not None:
        raise InvalidField("A command with a password takes no key; send an Idempotency-Key.", path=f"{path}.key")
    if user_id in credentials:
        raise InvalidField("One request sets a user's password once.", path=f"{path}.data.password")
    credentials[user_id] = services.passwords.credential(user_id, password)


def _check_own_password(services: Services, principal: Principal, data: ChangePassword, path: str) -> None:
    where = f"{path}.data.current_password"
    if data.current_password is None:
        raise InvalidField("Your current password is needed to change it.", path=where)
    if not services.users.has_password(principal.company_id, principal.user_id, data.current_password):
        raise WrongCredentials("The current password is wrong.", path=where)


def _role_of_user(services: Services, principal: Principal, user_id: UUID) -> str:
    found = services.reader.find_record(principal.company_id, "user", user_id)
    return str(decode_record(found.document).data.get("role", "")) if found else ""


def _record_id(services: Services, principal: Principal, command: Command, path: str) -> UUID:
    """The id of the user or session a command names, which rights depend on. Raises NotAllowed for names by client id."""
    if command.id is not None:
        return command.id
    if command.number is None:
        raise NotAllowed(f"Name the {command.kind} by `id` or `number`.", path=f"{path}.id")
    found = services.reader.find_record(principal.company_id, command.kind, command.number)
    if found is None:
        raise RecordNotFound(f"There is no such {command.kind}.", path=f"{path}.number")
    return decode_record(found.document).id
