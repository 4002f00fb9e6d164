"""Tokens: JWTs that name a session. They prove who asks; whether the session is still open, the company's log says."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Literal
from uuid import UUID

import jwt
import msgspec

from domain.errors import NotAuthenticated

ALGORITHM = "HS256"
REMEMBERED = 10_000
"""How many tokens whose signature was found right are remembered; the same few come again and again."""

TokenType = Literal["access", "refresh"]


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token says: company, user, session, device and role, and the session's generation; times in Unix seconds."""

    typ: TokenType
    cid: UUID
    sub: UUID
    sid: UUID
    gen: int
    role: str
    iat: int
    exp: int
    did: UUID | None = None
    jti: str = ""


class Tokens:
    """Signs and reads tokens with a key derived from the deployment's secret."""

    def __init__(self, secret_key: str) -> None:
        self._key = hmac.new(secret_key.encode(), b"token signing key", hashlib.sha256).digest()
        self._read: dict[str, Claims] = {}

    def sign(self, claims: Claims) -> str:
        """The token that carries `claims`."""
        return jwt.encode(msgspec.to_builtins(claims), self._key, algorithm=ALGORITHM)

    def read(self, token: str, wanted: TokenType) -> Claims:
        """The claims of a token of ours that has not expired. Raises NotAuthenticated."""
        claims = self._read.get(token)
        if claims is None:
            claims = self._verify(token)
            if len(self._read) >= REMEMBERED:
                self._read.clear()
            self._read[token] = claims
        if claims.exp <= time.time():
            self._read.pop(token, None)
            raise NotAuthenticated("The token has expired; refresh it or log in again.")
        if claims.typ != wanted:
            raise NotAuthenticated(f"This is not an {wanted} token." if wanted == "access" else "This is not a refresh token.")
        return claims

    def _verify(self, token: str) -> Claims:
        try:
            payload = jwt.decode(token, self._key, algorithms=[ALGORITHM], options={"require": ["exp"]})
            return msgspec.convert(payload, Claims)
        except jwt.ExpiredSignatureError:
            raise NotAuthenticated("The token has expired; refresh it or log in again.") from None
        except (jwt.InvalidTokenError, msgspec.ValidationError, UnicodeError):
            raise NotAuthenticated("The token is not one of ours, or was changed.") from None
