"""Users and their passwords: who somebody is, before he has a session."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from domain.errors import WrongCredentials
from domain.record import Record, decode_record
from infra.database import Database
from infra.identity.demo_password import DEMO_PASSWORD_REFUSED, is_demo_password
from infra.identity.passwords import Passwords

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


@dataclass(frozen=True, slots=True)
class Users:
    """Finds users, and checks their passwords: call whatever takes one in a thread for that. Safe for any number of threads.

    `demo`: the demo's published password is accepted.
    """

    database: Database
    passwords: Passwords
    demo: bool = False

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

    def find(self, company_id: UUID, email: str) -> Record | None:
        """The user with this e-mail, active or not; None where there is none, or the company was closed."""
        with self.database.company(company_id) as connection:
            row = connection.execute(_FIND_USER, (company_id, ["email"], email.casefold()), binary=True).fetchone()
        return decode_record(row[0]) if row else None

    def has_password(self, company_id: UUID, user_id: UUID, password: str) -> bool:
        """Whether this is the user's password."""
        with self.database.company(company_id) as connection:
            row = connection.execute(_FIND_CREDENTIAL, (company_id, user_id), binary=True).fetchone()
        return self.passwords.matches(row[0] if row else None, password)

    def by_password(
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
