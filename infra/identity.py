"""Identity: logging in, refreshing, logging out, and who is behind a token.

Sessions and devices are records in the company's log, so whoever may use the books, and since when, is part of the books. A token
names its session; whether that is still open is looked up where it is used. Because every change of a session, a user or a device
moves the company's head, what was found is valid for as long as the head stands still.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import msgspec
from psycopg.pq.abc import PGresult

from domain.command import Actor, Command
from domain.errors import NotAllowed, NotAuthenticated, ValueTaken, VersionStale, WrongCredentials
from domain.needs import Needs
from domain.record import Record, decode_record
from infra.database import Database
from infra.demo_password import DEMO_PASSWORD_REFUSED, is_demo_password
from infra.ids import new_id
from infra.ledger import Ledger
from infra.passwords import Passwords
from infra.store.interface import Loaded
from infra.store.pipeline import Pipeline, run
from infra.store.rows import collect, load_query
from infra.tokens import Claims, Tokens

REMEMBERED = 10_000
MOST_COMPANIES_OF_EMAIL = 20
"""Companies in which a password is tried, where somebody logs in by e-mail alone."""
LASTING: Mapping[str, timedelta | None] = {"matrix": None, "fintrack": None, "mahak": timedelta(days=7), "saimpex": None}
"""Dialects whose apps know no refresh: an access token lasts so long, or (None) as the session, and ends with the next refresh."""

_FIND_COMPANY = b"SELECT company_id FROM companies WHERE codename = %b"
_FIND_COMPANY_BY_ID = b"SELECT company_id FROM companies WHERE company_id = %b"
_FIND_COMPANY_BY_DATABASE = b"SELECT company_id FROM companies WHERE database_id = %b"
_FIND_USER = b"""
SELECT r.document, c.password_hash, c.md5_hash
FROM unique_values u
JOIN records r ON r.company_id = u.company_id AND r.id = u.record_id
JOIN records company ON company.company_id = u.company_id AND company.id = u.company_id
    AND company.document::jsonb -> 'data' ->> 'is_active' = 'true'
LEFT JOIN credentials c ON c.company_id = u.company_id AND c.user_id = u.record_id
WHERE u.company_id = %b AND u.kind = 'user' AND u.name = ANY(%b) AND u.value = %b LIMIT 1
"""
"""Nobody logs in to a company that was closed."""
_FIND_CREDENTIAL = b"SELECT password_hash FROM credentials WHERE company_id = %b AND user_id = %b"
_FIND_DEVICE = b"""
SELECT r.document FROM unique_values u JOIN records r ON r.company_id = u.company_id AND r.id = u.record_id
WHERE u.company_id = %b AND u.kind = 'device' AND u.name = 'device_id' AND u.value = %b
"""
_COMPANIES_OF_EMAIL = b"SELECT company_id FROM companies_of_email(%b, %b)"
_COMPANIES_OF_USERNAME = b"SELECT company_id FROM companies_of_username(%b, %b)"
_SESSIONS_ON_DEVICE = b"""
SELECT id FROM records WHERE company_id = %b AND kind = 'session' AND NOT deleted
AND document::jsonb -> 'data' ->> 'device_id' = %b AND document::jsonb -> 'data' ->> 'user_id' = %b
"""
_SESSIONS_OF_USER = b"""
SELECT id FROM records WHERE company_id = %b AND kind = 'session' AND NOT deleted
AND document::jsonb -> 'data' ->> 'user_id' = %b
"""
_SESSIONS = b"SELECT id FROM records WHERE company_id = %b AND kind = 'session' AND NOT deleted LIMIT %b"
SESSIONS_AT_ONCE = 1_000
_FIND_SESSION = b"""
SELECT h.seq, s.document, u.document, d.document
FROM heads h
LEFT JOIN records s ON s.company_id = h.company_id AND s.id = %b AND s.kind = 'session' AND NOT s.deleted
LEFT JOIN records u ON u.company_id = h.company_id AND u.id = %b AND u.kind = 'user' AND NOT u.deleted
LEFT JOIN records d ON d.company_id = h.company_id AND d.id = %b AND d.kind = 'device' AND NOT d.deleted
WHERE h.company_id = %b
"""


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
class Principal:
    """Who asks: an open session of an active user of one company, as of `head`."""

    company_id: UUID
    user_id: UUID
    session_id: UUID
    device_id: UUID | None
    role: str
    head: int

    @property
    def actor(self) -> Actor:
        """The principal as the author of commands."""
        return Actor(user_id=self.user_id, device_id=self.device_id, session_id=self.session_id, role=self.role)


@dataclass(frozen=True, slots=True)
class _Session:
    principal: Principal
    generation: int
    dialect: str
    seq: int
    ends_at: float
    oldest_generation: int
    """Access tokens of earlier generations are void."""


@dataclass(slots=True)
class Identity:
    """Everything about who may use a company's books. Safe for any number of threads."""

    database: Database
    ledger: Ledger
    tokens: Tokens
    passwords: Passwords
    access_lifetime: timedelta
    refresh_lifetime: timedelta
    demo: bool = False
    clock: Callable[[], float] = time.time
    _open: dict[UUID, _Session] = field(default_factory=dict)
    _companies: dict[UUID, tuple[int, Record]] = field(default_factory=dict)

    # Who there is ---------------------------------------------------------------------------------

    def find_company(self, name: str | int | UUID) -> UUID | None:
        """The company with this id, codename (also a text that is a UUID) or database id."""
        value: str | int | UUID = name
        if isinstance(name, int):
            statement = _FIND_COMPANY_BY_DATABASE
        elif (company_id := _as_uuid(name)) is not None:
            statement, value = _FIND_COMPANY_BY_ID, company_id
        elif "\0" in str(name):
            return None  # no codename, and no text to PostgreSQL
        else:
            statement, value = _FIND_COMPANY, str(name).casefold()
        with self.database.connection() as connection:
            row = connection.execute(statement, (value,), binary=True).fetchone()
        return row[0] if row else None

    def check_password(
        self,
        company_id: UUID | None,
        name: str,
        password: str,
        *,
        by: Sequence[str] = ("email",),
        is_md5: bool = False,
        archived_after: str | None = None,
    ) -> Record:
        """The active user of this name (in the fields `by`) and password. Raises WrongCredentials, always after the same time.

        `archived_after` (ISO 8601, UTC): somebody who archived himself after it is found too, inactive. The demo's published
        password opens nothing outside demo mode.
        """
        if not self.demo and is_demo_password(password):
            raise WrongCredentials(DEMO_PASSWORD_REFUSED, path="password")
        row = None
        if company_id is not None:
            with self.database.company(company_id) as connection:
                row = connection.execute(_FIND_USER, (company_id, list(by), name.casefold()), binary=True).fetchone()
        stored = row[2 if is_md5 else 1] if row else None
        if not self.passwords.matches(stored, password) or row is None:
            raise WrongCredentials
        user = decode_record(row[0])
        is_archived = archived_after is not None and str(user.data.get("archived_at") or "") > archived_after
        if user.deleted or not (user.data.get("is_active", True) or is_archived):
            raise WrongCredentials
        return user

    def find_user(self, company_id: UUID, email: str) -> Record | None:
        """The user with this e-mail, active or not; None where there is none, or the company was closed."""
        with self.database.company(company_id) as connection:
            row = connection.execute(_FIND_USER, (company_id, ["email"], email.casefold()), binary=True).fetchone()
        return decode_record(row[0]) if row else None

    def has_password(self, company_id: UUID, user_id: UUID, password: str) -> bool:
        """Whether this is the user's password."""
        with self.database.company(company_id) as connection:
            row = connection.execute(_FIND_CREDENTIAL, (company_id, user_id), binary=True).fetchone()
        return self.passwords.matches(row[0] if row else None, password)

    def companies_of_email(self, email: str) -> list[UUID]:
        """The companies in which a user has this e-mail, oldest first."""
        with self.database.connection() as connection:
            rows = connection.execute(_COMPANIES_OF_EMAIL, (email.casefold(), MOST_COMPANIES_OF_EMAIL), binary=True).fetchall()
        return [row[0] for row in rows]

    def companies_of_username(self, name: str) -> list[UUID]:
        """The companies in which a user has this user name or e-mail, oldest first."""
        parameters = (name.casefold(), MOST_COMPANIES_OF_EMAIL)
        with self.database.connection() as connection:
            rows = connection.execute(_COMPANIES_OF_USERNAME, parameters, binary=True).fetchall()
        return [row[0] for row in rows]

    def users_by_password(
        self, companies: Sequence[UUID], name: str, password: str, *, by: Sequence[str] = ("email",), is_md5: bool = False
    ) -> list[tuple[UUID, Record]]:
        """The users of this name whose password this is: (company, user). At least one hash is made, whoever there is."""
        found: list[tuple[UUID, Record]] = []
        for company_id in companies or (None,):
            with suppress(WrongCredentials):
                user = self.check_password(company_id, name, password, by=by, is_md5=is_md5)
                if company_id is not None:
                    found.append((company_id, user))
        return found

    # Sessions -------------------------------------------------------------------------------------

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
        company_id = self.find_company(company)
        user = self.check_password(company_id, name, password, by=by, is_md5=is_md5)
        if company_id is None:
            raise WrongCredentials
        return self.open_session(company_id, user, device=device, dialect=dialect)

    def open_session(
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
            with self.database.company(company_id) as connection:
                rows = connection.execute(_SESSIONS_ON_DEVICE, (company_id, str(device_id), str(user.id)), binary=True).fetchall()
            commands += [Command(kind="session", action="delete", id=row[0]) for row in rows]
        session = {"user_id": user.id, "device_id": device_id, "dialect": dialect, "expires_at": self._refresh_end()}
        commands.append(Command(kind="session", action="create", id=session_id, data=session))
        try:
            outcome = self.ledger.execute(company_id, commands, actor)
        except ValueTaken:  # the device has just been registered by another log-in
            return self.open_session(company_id, user, device=device, dialect=dialect, end_earlier=end_earlier)
        return self._grant(Principal(company_id, user.id, session_id, device_id, user.data["role"], outcome.seq), 1, dialect)

    def _find_device(self, company_id: UUID, device: NewDevice) -> UUID | None:
        with self.database.company(company_id) as connection:
            row = connection.execute(_FIND_DEVICE, (company_id, device.device_id), binary=True).fetchone()
        if row is None:
            return None
        found = decode_record(row[0])
        if not found.data.get("is_active", True):
            raise NotAllowed("This device may no longer be used.", path="device.device_id")
        return found.id

    def refresh(self, refresh_token: str) -> Granted:
        """New tokens for old. A refresh token works once: one that comes again was stolen, so the session ends."""
        claims = self.tokens.read(refresh_token, "refresh")
        for _ in range(2):
            session = self._look_up(claims)
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

    def ends_of_sessions(self, company_id: UUID, user_id: UUID, *, but: UUID | None = None) -> list[Command]:
        """The commands that end the user's sessions, all but one."""
        with self.database.company(company_id) as connection:
            rows = connection.execute(_SESSIONS_OF_USER, (company_id, str(user_id)), binary=True).fetchall()
        return [Command(kind="session", action="delete", id=row[0]) for row in rows if row[0] != but]

    def end_all_sessions(self, company_id: UUID, actor: Actor) -> None:
        """End whatever sessions are open in a company, a transaction per thousand."""
        while True:
            with self.database.company(company_id) as connection:
                rows = connection.execute(_SESSIONS, (company_id, SESSIONS_AT_ONCE), binary=True).fetchall()
            if not rows:
                return
            self.ledger.execute(company_id, [Command(kind="session", action="delete", id=row[0]) for row in rows], actor)

    def log_out(self, principal: Principal) -> None:
        """End the session, at once and for every process."""
        command = Command(kind="session", action="delete", id=principal.session_id)
        self.ledger.execute(principal.company_id, [command], principal.actor)
        self._open.pop(principal.session_id, None)

    def authenticate(self, access_token: str) -> Claims:
        """Whom a token names. Only its signature and its end are checked: `confirm` before anything is told or done."""
        return self.tokens.read(access_token, "access")

    def confirm(self, claims: Claims, head: int | None = None) -> Principal:
        """The principal behind the token, if its session is open now. Raises NotAuthenticated.

        Costs nothing where the caller has just read the company's `head` and it has not moved since the last time; else a query.
        """
        known = self._open.get(claims.sid)
        if head is None or known is None or known.principal.head != head:
            known = self._look_up(claims)
        return self._current(known, claims)

    def confirm_and_load(self, claims: Claims, needs: Needs) -> tuple[Principal, Loaded]:
        """The principal behind the token, and records of the company, in one round trip. Raises NotAuthenticated."""
        statement, parameters = load_query(claims.cid, needs)
        loaded = Loaded()
        with self.database.company(claims.cid) as connection, Pipeline(connection) as pipeline:
            pipeline.send(_FIND_SESSION, (claims.sid, claims.sub, claims.did, claims.cid))
            if statement:
                pipeline.send(statement, parameters)
            found, *others = pipeline.results()
        known = self._opened(claims, found)
        for rows in others:
            collect(loaded, rows)
        return self._current(known, claims), loaded

    def _current(self, known: _Session, claims: Claims) -> Principal:
        if known.ends_at <= self.clock():
            raise NotAuthenticated("The session has expired; log in again.")
        if claims.gen < known.oldest_generation:
            raise NotAuthenticated("This token was replaced by a newer one; use that.")
        return known.principal

    def is_known(self, claims: Claims, head: int) -> bool:
        """Whether the session is known to be open while the company's log ends at `head`, without asking anything."""
        known = self._open.get(claims.sid)
        is_current = known is not None and known.principal.head == head and known.ends_at > self.clock()
        return known is not None and is_current and claims.gen >= known.oldest_generation

    def presume(self, claims: Claims) -> tuple[Principal, Record] | None:
        """The principal and the company as they were known last, if they were known as of one head; nothing is asked.

        For who only reads, and reads the company's head with it: what was read is told where the head is still the principal's, and
        else `confirm_with_company` decides.
        """
        session, company = self._open.get(claims.sid), self._companies.get(claims.cid)
        if session is None or company is None or company[0] != session.principal.head:
            return None
        if session.ends_at <= self.clock() or claims.gen < session.oldest_generation:
            return None
        return session.principal, company[1]

    def confirm_with_company(self, claims: Claims, *, has_moved: bool = False) -> tuple[Principal, Record]:
        """The principal behind the token, and the principal's company, in one round trip. Raises NotAuthenticated.

        `has_moved`: whether the log is known to have moved since they were known last.
        """
        if not has_moved and self.presume(claims) is not None:  # nothing has moved, most probably
            principal = self.confirm(claims)
            return principal, self.company_of(principal)
        principal, loaded = self.confirm_and_load(claims, Needs(ids={claims.cid}))
        return principal, self._company_as_of(principal, loaded.records[0])

    def company_of(self, principal: Principal) -> Record:
        """The principal's company, as of the principal's head. Costs nothing while the head stands still; else a query."""
        known = self._companies.get(principal.company_id)
        if known is None or known[0] != principal.head:
            found = self.ledger.store.read_records(principal.company_id, Needs(ids={principal.company_id})).records[0]
            return self._company_as_of(principal, found)
        return known[1]

    def _company_as_of(self, principal: Principal, found: Record) -> Record:
        if len(self._companies) >= REMEMBERED:
            self._companies.clear()
        self._companies[principal.company_id] = (principal.head, found)
        return found

    def _look_up(self, claims: Claims) -> _Session:
        with self.database.company(claims.cid) as connection:
            found = run(connection, _FIND_SESSION, (claims.sid, claims.sub, claims.did, claims.cid))
        return self._opened(claims, found)

    def _opened(self, claims: Claims, found: PGresult) -> _Session:
        row = [found.get_value(0, column) for column in range(4)] if found.ntuples else [None] * 4
        if row[0] is None or row[1] is None or row[2] is None or (claims.did is not None and row[3] is None):
            self._open.pop(claims.sid, None)
            raise NotAuthenticated("The session has ended; log in again.")
        session, user = decode_record(row[1]), decode_record(row[2])
        device = decode_record(row[3]) if row[3] is not None else None
        if not user.data.get("is_active", True) or (device is not None and not device.data.get("is_active", True)):
            raise NotAuthenticated("The user or the device is no longer active.")
        head = int.from_bytes(row[0], "big")
        principal = Principal(claims.cid, user.id, session.id, device.id if device else None, user.data["role"], head)
        ends_at = datetime.fromisoformat(session.data["expires_at"]).timestamp()
        generation, dialect = session.data["generation"], session.data["dialect"]
        oldest = generation if dialect in LASTING else 1
        opened = _Session(principal, generation, dialect, session.seq, ends_at, oldest)
        if len(self._open) >= REMEMBERED:
            self._open.clear()
        self._open[session.id] = opened
        return opened

    def _refresh_end(self) -> datetime:
        return datetime.fromtimestamp(int(self.clock()), timezone.utc) + self.refresh_lifetime

    def _grant(self, principal: Principal, generation: int, dialect: str) -> Granted:
        now = int(self.clock())
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
            access_token=self.tokens.sign(Claims(typ="access", exp=expires, **common)),
            refresh_token=self.tokens.sign(Claims(typ="refresh", exp=refresh_expires, **common)),
            expires_at=datetime.fromtimestamp(expires, timezone.utc),
            company_id=principal.company_id,
            user_id=principal.user_id,
            session_id=principal.session_id,
            device_id=principal.device_id,
            role=principal.role,
        )


def _as_uuid(name: str | UUID) -> UUID | None:
    try:
        return name if isinstance(name, UUID) else UUID(name)
    except ValueError:
        return None
