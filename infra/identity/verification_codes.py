"""Verification codes: six digits sent to an address, which prove that it is the user's.

A code is kept as a keyed hash, works once, ends after a while, and is locked by wrong guesses; a new one replaces the one before.
Sending them is limited, because each goes to somebody who perhaps did not ask for it. The code itself is never stored or logged.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal
from uuid import UUID

from domain.errors import CodeExpired, CodeLocked, CodesTooOften, CodeWrong, NothingToReset, NothingToVerify
from infra.database import Database

Purpose = Literal["email", "mobile", "password_by_email", "password_by_mobile"]

LIFETIME: Mapping[Purpose, timedelta] = {
    "email": timedelta(days=1),
    "mobile": timedelta(minutes=3),
    "password_by_email": timedelta(days=1),
    "password_by_mobile": timedelta(days=1),
}
RESEND = timedelta(seconds=60)
"""How long the next code for the same purpose has to wait."""
WINDOW = timedelta(days=1)
MOST_STARTS = 10
"""Codes for one user and purpose within a window. With `MOST_TRIES` it is what a day of guessing can reach: 50 of 1,000,000."""
MOST_TRIES = 5
"""Wrong guesses after which a code is locked, even to the right one."""

_START = b"""
INSERT INTO verification_codes AS v (company_id, user_id, purpose, code_hash, sent_at, expires_at, window_at, starts)
VALUES (%b, %b, %b, %b, %b, %b, %b, 1)
ON CONFLICT (company_id, user_id, purpose) DO UPDATE SET
    code_hash = excluded.code_hash, tries = 0, sent_at = excluded.sent_at, expires_at = excluded.expires_at,
    window_at = CASE WHEN v.window_at > %b THEN v.window_at ELSE excluded.window_at END,
    starts = CASE WHEN v.window_at > %b THEN v.starts + 1 ELSE 1 END
WHERE v.sent_at <= %b AND (v.window_at <= %b OR v.starts < %b)
RETURNING starts
"""
_CANCEL = b"""
UPDATE verification_codes SET code_hash = NULL, starts = greatest(starts - 1, 0), sent_at = %b
WHERE company_id = %b AND user_id = %b AND purpose = %b AND code_hash = %b
"""
_TRY = b"""
UPDATE verification_codes SET tries = tries + 1
WHERE company_id = %b AND user_id = %b AND purpose = %b AND code_hash IS NOT NULL
RETURNING code_hash, tries, expires_at
"""
_USE = b"""
UPDATE verification_codes SET code_hash = NULL, starts = 0
WHERE company_id = %b AND user_id = %b AND purpose = %b AND code_hash = %b RETURNING 1
"""
_FORGET = b"DELETE FROM verification_codes WHERE company_id = %b AND user_id = %b"


@dataclass(frozen=True, slots=True)
class Code:
    """A code that is to be sent. `index` is told in the message and on the screen, so that people tell messages apart."""

    code: str
    index: int
    sent_at: datetime
    lifetime: timedelta

    def __repr__(self) -> str:
        return f"Code(index={self.index})"  # wherever it is logged, the code is not


class VerificationCodes:
    """Makes and checks codes. Safe for any number of threads and processes."""

    def __init__(self, database: Database, secret_key: str, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._key = hmac.new(secret_key.encode(), b"verification code key", hashlib.sha256).digest()
        self._clock = clock

    def start(self, company_id: UUID, user_id: UUID, purpose: Purpose, address: str) -> Code:
        """A new code for this address of the user's; the one before is void. Raises CodesTooOften."""
        now, lifetime = self._now(), LIFETIME[purpose]
        code = f"{secrets.randbelow(1_000_000):06}"
        hashed = self._hash(company_id, user_id, purpose, address, code)
        began = now - WINDOW
        given = (company_id, user_id, purpose, hashed, now, now + lifetime, now)
        with self._database.company(company_id) as connection:
            limits = (began, began, now - RESEND, began, MOST_STARTS)
            row = connection.execute(_START, (*given, *limits), binary=True).fetchone()
        if row is None:
            raise CodesTooOften(retry_after=int(RESEND.total_seconds()))
        return Code(code, row[0], now, lifetime)

    def cancel(self, company_id: UUID, user_id: UUID, purpose: Purpose, address: str, code: Code) -> None:
        """Take back a code that could not be sent: it does not count, and the next need not wait."""
        hashed = self._hash(company_id, user_id, purpose, address, code.code)
        with self._database.company(company_id) as connection:
            connection.execute(_CANCEL, (code.sent_at - RESEND, company_id, user_id, purpose, hashed), binary=True)

    def use(self, company_id: UUID, user_id: UUID, purpose: Purpose, address: str, code: str) -> None:
        """Use the code up. Raises NothingToVerify or NothingToReset, CodeExpired, CodeLocked, CodeWrong.

        The try is counted before the code is looked at, so that guesses at the same time are counted too.
        """
        nothing = NothingToReset if purpose.startswith("password") else NothingToVerify
        hashed = self._hash(company_id, user_id, purpose, address, code.strip())
        named = (company_id, user_id, purpose)
        with self._database.company(company_id) as connection:
            row = connection.execute(_TRY, named, binary=True).fetchone()
            if row is None:
                raise nothing
            kept, tries, expires_at = row
            if expires_at <= self._now():
                raise CodeExpired(path="secretCode")
            if tries > MOST_TRIES:
                raise CodeLocked(path="secretCode")
            if not hmac.compare_digest(kept, hashed):
                raise CodeWrong(path="secretCode")
            if connection.execute(_USE, (*named, hashed), binary=True).fetchone() is None:
                raise nothing  # the same code came twice at once: the other one has it

    def forget(self, company_id: UUID, user_id: UUID) -> None:
        """Drop whatever is kept of this user's codes."""
        with self._database.company(company_id) as connection:
            connection.execute(_FORGET, (company_id, user_id), binary=True)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), timezone.utc)

    def _hash(self, company_id: UUID, user_id: UUID, purpose: Purpose, address: str, code: str) -> bytes:
        """Keyed, because all codes there are can be tried in a second; bound to the address, so that it proves no other."""
        said = "\x1f".join((str(company_id), str(user_id), purpose, address.casefold(), code))
        return hmac.new(self._key, said.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
