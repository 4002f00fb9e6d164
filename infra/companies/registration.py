"""Joining: a company is registered together with its owner, or a member joins one by an invitation.

An invitation is kept beside the log, as a hash of its code: a log that everybody of the company may read must not hold what lets
somebody in. It names the user that it makes, so it works once, whatever crashes in between.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import msgspec

from domain.command import Actor, Command
from domain.errors import InvalidField, NotAllowed, RecordExists, ValueTaken
from domain.kinds.company import is_uuid
from domain.needs import Needs
from domain.record import Record
from infra.companies.directory import ROOT, database_id_of
from infra.identity.accounts import check_new_password
from infra.identity.companies import companies_of_email, company_named
from infra.identity.demo_password import is_demo_password
from infra.identity.users import Users
from infra.ids import new_id
from infra.ledger import Ledger

RESERVED = frozenset({ROOT, "babil", "daftar", "api", "admin"})
"""Codenames that nobody gets by registering: the service's own company among them."""
TRIES = 8
MOST_INVITATIONS = 1_000
"""Open invitations of one company."""

_FORGET = b"DELETE FROM invitations WHERE company_id = %b AND expires_at < now() - interval '30 days'"
_COUNT = b"SELECT count(*) FROM invitations WHERE company_id = %b AND expires_at > now()"
_INVITE = b"""
INSERT INTO invitations (company_id, code_hash, user_id, role, email, invited_by, expires_at) VALUES (%b, %b, %b, %b, %b, %b, %b)
"""
_FIND = b"SELECT user_id, role, email, expires_at FROM invitations WHERE company_id = %b AND code_hash = %b"
_LOCK = b"SELECT pg_advisory_lock(%b)"
_UNLOCK = b"SELECT pg_advisory_unlock(%b)"


class Newcomer(msgspec.Struct, frozen=True, kw_only=True):
    """Who registers."""

    name: str
    email: str
    password: str


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """An open invitation. `code` is told once."""

    code: str
    role: str
    email: str | None
    expires_at: datetime


class Registration:
    """Makes companies with their owners, and members by invitation. Hashes passwords: call it in a thread for that."""

    def __init__(self, users: Users, ledger: Ledger) -> None:
        self.users = users
        self.database = users.database
        self.ledger = ledger

    def register(self, newcomer: Newcomer, company: dict[str, Any]) -> tuple[UUID, Record]:
        """A new company and its owner, in one transaction; returns the company's id and the user.

        The e-mail of another user is refused, unless the password shows that it is the same person. Asking again for a company of
        the same name is a repeated request: its answer was lost. Raises ValueTaken, InvalidField.
        """
        self._check_password(newcomer.password)
        with self._alone(newcomer.email):
            mine = self._known(newcomer)
            for company_id, user in mine:
                if self._name_of(company_id).casefold() == company["name"].casefold():
                    return company_id, user
            user_id = new_id()
            owner = {"name": newcomer.name, "email": newcomer.email, "role": "owner"}
            credential = self.users.passwords.credential(user_id, newcomer.password)
            for attempt in range(TRIES):
                named = {**company, "codename": codename_of(company["name"], attempt)}
                commands = [
                    Command(kind="company", action="create", data=named),
                    Command(kind="user", action="create", id=user_id, data=owner),
                ]
                try:
                    company_id, _, _ = self.ledger.register_company(commands, credentials=[credential])
                except ValueTaken:
                    continue
                return company_id, self._user(company_id, user_id)
        raise ValueTaken("No codename could be found for this company; try another name.", path="company_name")

    def found(self, company: Mapping[str, Any], owner: Mapping[str, Any], password: str | None, actor: Actor) -> tuple[UUID, UUID]:
        """A new company for somebody else, who owns it, in one transaction; returns the ids of both.

        Without a `codename` it gets one made of its name; without a password the owner sets one by a code. His e-mail may be that
        of users elsewhere: they are other accounts. Raises ValueTaken, InvalidField.
        """
        given = company.get("codename")
        if given in RESERVED:
            raise ValueTaken(f"The codename {given!r} is reserved.", path="data.codename", field="codename", value=given)
        user_id = new_id()
        credentials = []
        if password is not None:
            check_new_password(password, demo=self.users.demo)
            credentials = [self.users.passwords.credential(user_id, password)]
        for attempt in range(TRIES):
            named = {**company, "codename": given or codename_of(company["name"], attempt)}
            commands = [
                Command(kind="company", action="create", data=named),
                Command(kind="user", action="create", id=user_id, data={**owner, "role": "tenantOwner"}),
            ]
            try:
                company_id, _, _ = self.ledger.register_company(commands, credentials=credentials, actor=actor)
            except ValueTaken:
                if given:
                    raise
                continue
            return company_id, user_id
        raise ValueTaken("No codename could be found for this company; try another name.", path="data.codename")

    def join(self, newcomer: Newcomer, code: str) -> tuple[UUID, Record]:
        """A member of the company that the invitation is of; returns its id and the user. Raises NotAllowed, ValueTaken."""
        self._check_password(newcomer.password)
        company_id, found = self._invitation(code)
        if found is None or company_id is None:
            raise InvalidField("The invitation is not valid, or has expired.", path="invitation_code")
        user_id, role, email, expires_at = found
        if email is not None and email.casefold() != newcomer.email.casefold():
            raise InvalidField("This invitation is for another e-mail.", path="email")
        data = {"name": newcomer.name, "email": newcomer.email, "role": role}
        command = Command(kind="user", action="create", id=user_id, data=data)
        if expires_at > datetime.now(timezone.utc):
            credential = self.users.passwords.credential(user_id, newcomer.password)
            try:
                self.ledger.execute(company_id, [command], Actor(user_id=user_id, role=role), credentials=[credential])
            except RecordExists:
                pass  # used before: perhaps by this very request, whose answer was lost
            else:
                return company_id, self._user(company_id, user_id)
        for known_id, user in self._known(newcomer, taken=False):
            if known_id == company_id and user.id == user_id:
                return company_id, user
        raise InvalidField("The invitation was used before, or has expired.", path="invitation_code")

    def invite(self, company_id: UUID, invited_by: UUID, role: str, email: str | None, lifetime: timedelta) -> Invitation:
        """An invitation to this company. Raises NotAllowed where too many are open."""
        code = f"{database_id_of(self.database, company_id)}-{secrets.token_urlsafe(18)}"
        expires_at = datetime.now(timezone.utc).replace(microsecond=0) + lifetime
        with self.database.company(company_id) as connection:
            connection.execute(_FORGET, (company_id,), binary=True)
            row = connection.execute(_COUNT, (company_id,), binary=True).fetchone()
            if row is not None and row[0] >= MOST_INVITATIONS:
                raise NotAllowed(f"At most {MOST_INVITATIONS} invitations may be open at a time.")
            given = (company_id, _hash(code), new_id(), role, email, invited_by, expires_at)
            connection.execute(_INVITE, given)
        return Invitation(code=code, role=role, email=email, expires_at=expires_at)

    def _invitation(self, code: str) -> tuple[UUID | None, tuple[UUID, str, str | None, datetime] | None]:
        number = code.partition("-")[0]
        is_number = number.isascii() and number.isdecimal() and len(number) < 17
        company_id = company_named(self.database, int(number)) if is_number else None
        if company_id is None:
            return None, None
        with self.database.company(company_id) as connection:
            return company_id, connection.execute(_FIND, (company_id, _hash(code)), binary=True).fetchone()

    def _known(self, newcomer: Newcomer, *, taken: bool = True) -> list[tuple[UUID, Record]]:
        """The users that this e-mail and password are. Raises ValueTaken where the e-mail is somebody else's."""
        if not (companies := companies_of_email(self.database, newcomer.email)):
            return []
        found = self.users.by_password(companies, newcomer.email, newcomer.password)
        if not found and taken:
            raise ValueTaken("The email has already been taken.", path="email")
        return found

    def _check_password(self, password: str) -> None:
        if is_demo_password(password) and not self.users.demo:
            raise InvalidField("This password is published; choose another.", path="password")

    def _name_of(self, company_id: UUID) -> str:
        return str(self._record(company_id, company_id).data["name"])

    def _user(self, company_id: UUID, user_id: UUID) -> Record:
        return self._record(company_id, user_id)

    def _record(self, company_id: UUID, record_id: UUID) -> Record:
        return self.ledger.store.read_records(company_id, Needs(ids={record_id})).records[0]

    @contextmanager
    def _alone(self, email: str) -> Iterator[None]:
        """One registration of an e-mail at a time: a request that is sent twice at once makes one company."""
        key = int.from_bytes(hashlib.sha256(f"register {email.casefold()}".encode()).digest()[:8], "big", signed=True)
        with self.database.connection() as connection:
            connection.execute(_LOCK, (key,), binary=True)
            try:
                yield
            finally:
                connection.execute(_UNLOCK, (key,), binary=True)


def codename_of(name: str, attempt: int = 0) -> str:
    """A codename made of a company's name; from the second attempt on with a random end."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50].strip("-")
    if not slug:
        slug = "company"
    if attempt or slug in RESERVED or is_uuid(slug):
        return f"{slug}-{secrets.token_hex(3)}"
    return slug


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
