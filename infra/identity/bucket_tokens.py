"""Bucket tokens: JWTs that let their holder write to one bucket of files, and nothing else.

They are signed with a key of their own, so none of them is ever taken for an access token, nor the other way round.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import jwt
import msgspec

from domain.errors import NotAuthenticated
from infra.identity.identity import Principal
from infra.identity.tokens import ALGORITHM, Claims

ANY_GENERATION = 2**31
"""Bucket tokens are not renewed with the session's own."""


class BucketClaims(msgspec.Struct, frozen=True, kw_only=True):
    """What a bucket token says: the bucket, whose session it was got with, and when it ends (Unix seconds).

    `cid` is the company whose files those of the bucket are, `sub` the user, `sid` the session, `role` the user's role.
    """

    bucket: str
    cid: UUID
    sub: UUID
    sid: UUID
    role: str
    iat: int
    exp: int

    def of_session(self) -> Claims:
        """The claims of the session that it was got with: `Identity.confirm` says whether that is still open."""
        return Claims(
            typ="access", cid=self.cid, sub=self.sub, sid=self.sid, gen=ANY_GENERATION, role=self.role, iat=self.iat, exp=self.exp
        )


class BucketTokens:
    """Signs and reads bucket tokens. Safe for any number of threads."""

    def __init__(self, secret_key: str, lifetime: timedelta, clock: Callable[[], float] = time.time) -> None:
        self._key = hmac.new(secret_key.encode(), b"bucket token signing key", hashlib.sha256).digest()
        self._lifetime = lifetime
        self._clock = clock

    def sign(self, principal: Principal, bucket: str) -> str:
        """A token with which this principal's client may write to the bucket."""
        now = int(self._clock())
        claims = BucketClaims(
            bucket=bucket,
            cid=principal.company_id,
            sub=principal.user_id,
            sid=principal.session_id,
            role=principal.role,
            iat=now,
            exp=now + int(self._lifetime.total_seconds()),
        )
        return jwt.encode(msgspec.to_builtins(claims), self._key, algorithm=ALGORITHM)

    def read(self, token: str) -> BucketClaims:
        """The claims of a token of ours that has not expired. Raises NotAuthenticated."""
        try:
            payload = jwt.decode(token, self._key, algorithms=[ALGORITHM], options={"verify_exp": False, "verify_iat": False})
            claims = msgspec.convert(payload, BucketClaims)
        except (jwt.InvalidTokenError, msgspec.ValidationError, UnicodeError):
            raise NotAuthenticated("The bucket token is not one of ours, or was changed.") from None
        if claims.exp <= self._clock():
            raise NotAuthenticated("The bucket token has expired; log in again.")
        return claims
