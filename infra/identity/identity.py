"""Identity: who is behind a token.

A token names its session; whether that is still open is looked up where it is used. Because every change of a session, a user or a
device moves the company's head, what was found is valid for as long as the head stands still.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.pq.abc import PGresult

from domain.command import Actor
from domain.errors import NotAuthenticated
from domain.needs import Needs
from domain.record import Record, decode_record
from infra.database import Database
from infra.identity.tokens import Claims, Tokens
from infra.store.interface import Loaded
from infra.store.pipeline import Pipeline, run
from infra.store.rows import collect, load_query

REMEMBERED = 10_000
LASTING: Mapping[str, timedelta | None] = {"matrix": None, "fintrack": None, "mahak": timedelta(days=7), "saimpex": None}
"""Dialects whose apps know no refresh: an access token lasts so long, or (None) as the session, and ends with the next refresh."""

_FIND_SESSION = b"""
SELECT h.seq, s.document, u.document, d.document
FROM heads h
LEFT JOIN records s ON s.company_id = h.company_id AND s.id = %b AND s.kind = 'session' AND NOT s.deleted
LEFT JOIN records u ON u.company_id = h.company_id AND u.id = %b AND u.kind = 'user' AND NOT u.deleted
LEFT JOIN records d ON d.company_id = h.company_id AND d.id = %b AND d.kind = 'device' AND NOT d.deleted
WHERE h.company_id = %b
"""


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
class OpenSession:
    """A session that was found open. `seq`: its record's; `ends_at` in Unix seconds."""

    principal: Principal
    generation: int
    dialect: str
    seq: int
    ends_at: float
    oldest_generation: int
    """Access tokens of earlier generations are void."""


@dataclass(slots=True)
class Identity:
    """Who is behind a token, as of the company's head. Safe for any number of threads."""

    database: Database
    tokens: Tokens
    clock: Callable[[], float] = time.time
    _open: dict[UUID, OpenSession] = field(default_factory=dict)
    _companies: dict[UUID, tuple[int, Record]] = field(default_factory=dict)

    def authenticate(self, access_token: str) -> Claims:
        """Whom a token names. Only its signature and its end are checked: `confirm` before anything is told or done."""
        return self.tokens.read(access_token, "access")

    def confirm(self, claims: Claims, head: int | None = None) -> Principal:
        """The principal behind the token, if its session is open now. Raises NotAuthenticated.

        Costs nothing where the caller has just read the company's `head` and it has not moved since the last time; else a query.
        """
        known = self._open.get(claims.sid)
        if head is None or known is None or known.principal.head != head:
            known = self.look_up(claims)
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

    def _current(self, known: OpenSession, claims: Claims) -> Principal:
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

    def confirm_with_company(self, claims: Claims) -> tuple[Principal, Record]:
        """The principal behind the token, and the principal's company, in one round trip. Raises NotAuthenticated."""
        if self.presume(claims) is not None:  # nothing has moved, most probably
            principal = self.confirm(claims)
            head, company = self._companies[claims.cid]
            if head == principal.head:
                return principal, company
        principal, loaded = self.confirm_and_load(claims, Needs(ids={claims.cid}))
        company = loaded.records[0]
        if len(self._companies) >= REMEMBERED:
            self._companies.clear()
        self._companies[claims.cid] = (principal.head, company)
        return principal, company

    def look_up(self, claims: Claims) -> OpenSession:
        """The open session that the token names, as it is now. Raises NotAuthenticated."""
        with self.database.company(claims.cid) as connection:
            found = run(connection, _FIND_SESSION, (claims.sid, claims.sub, claims.did, claims.cid))
        return self._opened(claims, found)

    def _opened(self, claims: Claims, found: PGresult) -> OpenSession:
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
        opened = OpenSession(principal, generation, dialect, session.seq, ends_at, oldest)
        if len(self._open) >= REMEMBERED:
            self._open.clear()
        self._open[session.id] = opened
        return opened

    def forget(self, session_id: UUID) -> None:
        """What was known of a session that has just been ended."""
        self._open.pop(session_id, None)
