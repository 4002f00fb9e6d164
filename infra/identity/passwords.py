"""Passwords: Argon2id, of the password and of its MD5 hex, because some clients only ever send the latter."""

from __future__ import annotations

import hashlib
import threading
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from domain.decision import Credential

HASHES_AT_ONCE = 2
"""Each hash takes 19 MiB and a core; more at once would only starve everything else."""


class Passwords:
    """Makes and checks credentials. Slow on purpose (tens of milliseconds): call it in a thread, never on an event loop."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # as OWASP recommends for Argon2id
        self._turn = threading.BoundedSemaphore(HASHES_AT_ONCE)
        self._nobody = self._hasher.hash("the password of nobody")

    def credential(self, user_id: UUID, password: str) -> Credential:
        """What is stored instead of a user's password."""
        with self._turn:
            return Credential(user_id, self._hasher.hash(password), self._hasher.hash(md5_hex(password)))

    def matches(self, stored: str | None, given: str) -> bool:
        """Whether `given` is what was hashed. Takes the same time where there is nothing stored."""
        with self._turn:
            try:
                self._hasher.verify(stored or self._nobody, given)
            except (VerificationError, InvalidHashError):
                return False
        return stored is not None


def md5_hex(password: str) -> str:
    """The password as Mahak's V1 clients send it: 32 lower-case hex digits."""
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
