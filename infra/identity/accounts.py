"""Accounts: what happens to a user's own account, whatever dialect asks: logging in again, passwords, archiving and coming back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

from domain.command import Actor, Command, Idempotency
from domain.decide import Result
from domain.decision import Credential
from domain.errors import InvalidField
from domain.needs import Needs
from domain.record import Record
from infra.identity.demo_password import is_demo_password
from infra.identity.forgetting import forget, moment_text, oldest_kept
from infra.identity.sessions import Sessions
from infra.identity.users import Users
from infra.ids import new_id
from infra.settings import FEWEST_PASSWORD_CHARACTERS

MOST_PASSWORD_CHARACTERS = 256


class Accounts:
    """Users' accounts. Whatever takes a password hashes it: call it in a thread for that (`Threads.run_slowly`)."""

    def __init__(self, users: Users, sessions: Sessions) -> None:
        self.users = users
        self.sessions = sessions
        self.ledger = sessions.ledger

    # Finding --------------------------------------------------------------------------------------

    def find(self, company_id: UUID, email: str) -> Record | None:
        """The user with this e-mail who is active, or archived himself so lately that he may come back."""
        user = self.users.find(company_id, email)
        if user is None or user.deleted or not (user.data.get("is_active", True) or self.is_archived(user)):
            return None
        return user

    def read(self, company_id: UUID, user_id: UUID) -> Record | None:
        """A user's record, also of one who was deleted."""
        found = self.ledger.store.read_records(company_id, Needs(ids={user_id})).records
        return next((record for record in found if record.kind == "user"), None)

    def is_archived(self, user: Record) -> bool:
        """Whether the user archived himself, and may still come back."""
        return str(user.data.get("archived_at") or "") > oldest_kept(self._now())

    def check_login(self, company_id: UUID | None, email: str, password: str) -> Record:
        """The user of this e-mail and password, also an archived one. Raises WrongCredentials, always after the same time."""
        oldest = oldest_kept(self._now())
        return self.users.check_password(company_id, email, password, archived_after=oldest)

    # Making ---------------------------------------------------------------------------------------

    def create(
        self,
        company_id: UUID,
        data: Mapping[str, Any],
        password: str | None,
        actor: Actor,
        idempotency: Idempotency | None = None,
    ) -> Record:
        """A new user, or an archived one with this e-mail, who comes back as `data` says. Raises ValueTaken, InvalidField.

        Without a password nobody can log in as the user before he has set one by a code.
        """
        known = self.users.find(company_id, str(data["email"]))
        if known is not None and known.data.get("archived_at"):
            if self.is_archived(known):
                return self.restore(company_id, known, actor, data, password)
            forget(self.users.database, self.ledger, company_id, known.id, known.seq)  # it is time; the scheduler comes later
        user_id = new_id()
        command = Command(kind="user", action="create", id=user_id, data=dict(data))
        return self._execute(company_id, [command], actor, self.credentials(user_id, password), idempotency)

    def restore(
        self, company_id: UUID, user: Record, actor: Actor, changes: Mapping[str, Any] | None = None, password: str | None = None
    ) -> Record:
        """An archived user comes back, changed in what is given beside."""
        kept = {name: value for name, value in (changes or {}).items() if name in ("name", "avatar")}
        data = {**kept, "is_active": True, "archived_at": None}
        commands = [Command(kind="user", action="update", id=user.id, data=data)]
        if password is not None:
            commands.append(Command(kind="user", action="change_password", id=user.id))
        return self._execute(company_id, commands, actor, self.credentials(user.id, password))

    # Changing -------------------------------------------------------------------------------------

    def update(self, company_id: UUID, user_id: UUID, changes: Mapping[str, Any], actor: Actor) -> Record:
        """Change fields of a user. Raises what an update raises."""
        command = Command(kind="user", action="update", id=user_id, data=dict(changes))
        return self._execute(company_id, [command], actor)

    def set_password(
        self,
        company_id: UUID,
        user_id: UUID,
        password: str,
        actor: Actor,
        *,
        changes: Mapping[str, Any] | None = None,
        but: UUID | None = None,
    ) -> Record:
        """Set a password and end every session of the user `but` one; `changes` are made with it."""
        commands = [Command(kind="user", action="update", id=user_id, data=dict(changes))] if changes else []
        commands.append(Command(kind="user", action="change_password", id=user_id))
        commands += self.sessions.ends_of(company_id, user_id, but=but)
        return self._execute(company_id, commands, actor, self.credentials(user_id, password))

    def archive(self, company_id: UUID, user_id: UUID, actor: Actor) -> Record:
        """The user leaves, and may come back within a month; every session of his ends."""
        now = datetime.fromtimestamp(self._now(), timezone.utc)
        command = Command(kind="user", action="update", id=user_id, data={"is_active": False, "archived_at": moment_text(now)})
        ends = self.sessions.ends_of(company_id, user_id)
        return self._execute(company_id, [command, *ends], actor)

    def delete(self, company_id: UUID, user_id: UUID, actor: Actor) -> Record:
        """Delete a user for good; every session of his ends. Raises RolesFixed for an owner."""
        command = Command(kind="user", action="delete", id=user_id)
        ends = self.sessions.ends_of(company_id, user_id)
        return self._execute(company_id, [command, *ends], actor)

    def credentials(self, user_id: UUID, password: str | None) -> list[Credential]:
        """What is stored instead of a password. Raises InvalidField where it may not be one."""
        if password is None:
            return []
        check_new_password(password, demo=self.users.demo)
        return [self.users.passwords.credential(user_id, password)]

    def _now(self) -> float:
        return self.sessions.identity.clock()

    def _execute(
        self,
        company_id: UUID,
        commands: Sequence[Command],
        actor: Actor,
        credentials: Sequence[Credential] = (),
        idempotency: Idempotency | None = None,
    ) -> Record:
        """Execute commands of which the first is about the user; returns his record after them."""
        outcome = self.ledger.execute(company_id, commands, actor, credentials=credentials, idempotency=idempotency)
        first = outcome.results[0]
        assert isinstance(first, Result), "an atomic batch has no refusals"
        record = self.read(company_id, first.id)
        assert record is not None, "it has just been written"
        return record


def check_new_password(password: str, *, demo: bool) -> None:
    """Raise InvalidField unless this may be somebody's password."""
    if not FEWEST_PASSWORD_CHARACTERS <= len(password) <= MOST_PASSWORD_CHARACTERS:
        raise InvalidField(
            f"A password has {FEWEST_PASSWORD_CHARACTERS} to {MOST_PASSWORD_CHARACTERS} characters.", path="password"
        )
    if is_demo_password(password) and not demo:
        raise InvalidField("This password is published; choose another.", path="password")
