"""Sessions: opening one, refreshing it, and ending it.

Sessions and devices are records in the company's log, so whoever may use the books, and since when, is part of the books.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import msgspec

from domain.command import Actor, Command
from domain.errors import NotAllowed, NotAuthenticated, ValueTaken, VersionStale, WrongCredentials
from domain.record import Record, decode_record
from infra.identity.companies import company_named
from infra.identity.identity import LASTING, Identity, Principal
from infra.identity.tokens import Claims
from infra.identity.users import Users
from infra.ids import new_id
from infra.ledger import Ledger

SESSIONS_AT_ONCE = 1_000

_FIND_DEVICE = b"""
SELECT r.document FROM unique_values u JOIN records r ON r.company_id = u.company_id AND r.id = u.record_id
WHERE u.company_id = %b AND u.kind = 'device' AND u.name = 'device_id' AND u.value = %b
"""
_SESSIONS_ON_DEVICE = b"""
SELECT id FROM records WHERE company_id = %b AND kind = 'session' AND NOT deleted
AND document::jsonb -> 'data' ->> 'device_id' = %b AND document::jsonb -> 'data' ->> 'user_id' = %b
"""
_SESSIONS_OF_USER = b"""
SELECT id FROM records WHERE company_id = %b AND kind = 'session' AND NOT deleted
AND document::jsonb -> 'data' ->> 'user_id' = %b
"""
_SESSIONS = b"SELECT id FROM records WHERE company_id = %b AND kind = 'session' AND NOT deleted LIMIT %b"


class NewDevice(msgspec.Struct, frozen=True, kw_only=True):
    """The device that logs in: the name it gave itself, and what it tells about itself."""

    device_id: str
    name: str | None = None
    platform: str | None = None
    app_version: str | None = None


class Granted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What logging in and refreshing answer. `expires_at` is the access token's end."""

    access_token: str
    refresh_token: str
    expires_at: datetime
    company_id: UUID
    user_id: UUID
    session_id: UUID
    role: str
    device_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Sessions:
    """Opens, refreshes and ends sessions. Safe for any number of threads."""

    identity: Identity
    users: Users
    ledger: Ledger
    access_lifetime: timedelta
    refresh_lifetime: timedelta

    def log_in(
        self,
        company: str | int | UUID,
        name: str,
        password: str,
        *,
        by: Sequence[str] = ("email",),
        is_md5: bool = False,
        device: NewDevice | None = None,
        dialect: str = "native",
    ) -> Granted:
        """Check the password and open a session. Raises WrongCredentials; NotAllowed where the device is barred."""
        company_id = company_named(self.identity.database, company)
        user = self.users.check_password(company_id, name, password, by=by, is_md5=is_md5)
        if company_id is None:
            raise WrongCredentials
        return self.open(company_id, user, device=device, dialect=dialect)

    def open(
        self,
        company_id: UUID,
        user: Record,
        *,
        device: NewDevice | None = None,
        dialect: str = "native",
        end_earlier: bool = False,
    ) -> Granted:
        """Open a session of a user who has proved to be one, on a device that is registered if it is new.

        `end_earlier`: the sessions that this user has on this device end with it.
        """
        session_id = new_id()
        actor = Actor(user_id=user.id, session_id=session_id, role=user.data["role"])
        device_id = self._find_device(company_id, device) if device is not None else None
        commands: list[Command] = []
        if device is not None and device_id is None:
            device_id = new_id()
            told = {key: value for key, value in msgspec.structs.asdict(device).items() if value is not None}
            commands.append(Command(kind="device", action="create", id=device_id, data={**told, "user_id": user.id}))
        elif end_earlier and device_id is not None:
            with self.identity.database.company(company_id) as connection:
                rows = connection.execute(_SESSIONS_ON_DEVICE, (company_id, str(device_id), str(user.id)), binary=True).fetchall()
            commands += [Command(kind="session", action="delete", id=row[0]) for row in rows]
        session = {"user_id": user.id, "device_id": device_id, "dialect": dialect, "expires_at": self._refresh_end()}
        commands.append(Command(kind="session", action="create", id=session_id, data=session))
        try:
            outcome = self.ledger.execute(company_id, commands, actor)
        except ValueTaken:  # the device has just been registered by another log-in
            return self.open(company_id, user, device=device, dialect=dialect, end_earlier=end_earlier)
        return self._grant(Principal(company_id, user.id, session_id, device_id, user.data["role"], outcome.seq), 1, dialect)

    def _find_device(self, company_id: UUID, device: NewDevice) -> UUID | None:
        with self.identity.database.company(company_id) as connection:
            row = connection.execute(_FIND_DEVICE, (company_id, device.device_id), binary=True).fetchone()
        if row is None:
            return None
        found = decode_record(row[0])
        if not found.data.get("is_active", True):
            raise NotAllowed("This device may no longer be used.", path="device.device_id")
        return found.id

    def refresh(self, refresh_token: str) -> Granted:
        """New tokens for old. A refresh token works once: one that comes again was stolen, so the session ends."""
        claims = self.identity.tokens.read(refresh_token, "refresh")
        for _ in range(2):
            session = self.identity.look_up(claims)
            principal = session.principal
            if claims.gen != session.generation:
                self.log_out(principal)
                raise NotAuthenticated("This refresh token was used before, so the session has been ended; log in again.")
            command = Command(
                kind="session",
                action="refresh",
                id=principal.session_id,
                base_seq=session.seq,
                on_conflict="refuse",
                data={"expires_at": self._refresh_end()},
            )
            try:
                self.ledger.execute(principal.company_id, [command], principal.actor)
            except VersionStale:
                continue  # somebody else has just used it: the next round sees the newer generation
            return self._grant(principal, claims.gen + 1, session.dialect)
        raise NotAuthenticated

    def ends_of(self, company_id: UUID, user_id: UUID, *, but: UUID | None = None) -> list[Command]:
        """The commands that end the user's sessions, all but one."""
        with self.identity.database.company(company_id) as connection:
            rows = connection.execute(_SESSIONS_OF_USER, (company_id, str(user_id)), binary=True).fetchall()
        return [Command(kind="session", action="delete", id=row[0]) for row in rows if row[0] != but]

    def end_all(self, company_id: UUID, actor: Actor) -> None:
        """End whatever sessions are open in a company, a transaction per thousand."""
        while True:
            with self.identity.database.company(company_id) as connection:
                rows = connection.execute(_SESSIONS, (company_id, SESSIONS_AT_ONCE), binary=True).fetchall()
            if not rows:
                return
            self.ledger.execute(company_id, [Command(kind="session", action="delete", id=row[0]) for row in rows], actor)

    def log_out(self, principal: Principal) -> None:
        """End the session, at once and for every process."""
        command = Command(kind="session", action="delete", id=principal.session_id)
        self.ledger.execute(principal.company_id, [command], principal.actor)
        self.identity.forget(principal.session_id)

    def _refresh_end(self) -> datetime:
        return datetime.fromtimestamp(int(self.identity.clock()), timezone.utc) + self.refresh_lifetime

    def _grant(self, principal: Principal, generation: int, dialect: str) -> Granted:
        now = int(self.identity.clock())
        common: dict[str, Any] = {
            "cid": principal.company_id,
            "sub": principal.user_id,
            "sid": principal.session_id,
            "did": principal.device_id,
            "gen": generation,
            "role": principal.role,
            "iat": now,
        }
        lifetime = LASTING.get(dialect, self.access_lifetime) or self.refresh_lifetime
        expires = now + int(lifetime.total_seconds())
        refresh_expires = now + int(self.refresh_lifetime.total_seconds())
        return Granted(
            access_token=self.identity.tokens.sign(Claims(typ="access", exp=expires, **common)),
            refresh_token=self.identity.tokens.sign(Claims(typ="refresh", exp=refresh_expires, **common)),
            expires_at=datetime.fromtimestamp(expires, timezone.utc),
            company_id=principal.company_id,
            user_id=principal.user_id,
            session_id=principal.session_id,
            device_id=principal.device_id,
            role=principal.role,
        )
