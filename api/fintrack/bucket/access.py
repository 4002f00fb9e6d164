"""Who may do what with a bucket: whoever holds its token, for as long as the session that got it is open."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from api.http_errors import HttpRequest
from api.reading_requests import services_of
from domain.command import Actor
from domain.errors import NotAllowed, NotAuthenticated
from infra.composition import Services
from infra.identity.bucket_tokens import BucketClaims

ANY_GENERATION = 2**31 - 1
"""A bucket token is of no generation of its session's access tokens: it holds as long as the session."""
OF_A_USER = "-public-user-bucket"
PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a token of a bucket, and the company whose files those of the bucket are."""

    services: Services
    company_id: UUID
    bucket: str
    actor: Actor


def token_of(request: HttpRequest) -> BucketClaims | None:
    """The request's bucket token; None where there is none. Raises NotAuthenticated, TooManyRequests."""
    header = request.headers.get("authorization", "")
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    services = services_of(request)
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated("Send `Authorization: Bearer …` with a bucket token.")
    try:
        claims = services.bucket_tokens.read(token.strip())
    except NotAuthenticated as error:
        raise NotAuthenticated(f"{error.message} A bucket takes its own token from the log-in's answer, no access token.") from None
    services.limits.count(f"bucket:{claims.sub}", services.settings.rate_limit_per_minute)
    return claims


def required_token_of(request: HttpRequest) -> BucketClaims:
    """The request's bucket token. Raises NotAuthenticated, TooManyRequests."""
    claims = token_of(request)
    if claims is None:
        raise NotAuthenticated("Send `Authorization: Bearer …` with the token of the bucket, from the log-in's answer.")
    return claims


def holder_of(services: Services, claims: BucketClaims) -> Holder:
    """Who holds the token. A query: call it in a thread. Raises NotAuthenticated where the session or the role has ended."""
    principal = services.identity.confirm(claims.of_session())
    if principal.role != claims.role and not claims.bucket.endswith(OF_A_USER):
        raise NotAuthenticated("Your role has changed since this bucket token was given; log in again.")
    return Holder(services, claims.cid, claims.bucket, principal.actor)


def check_bucket(claims: BucketClaims, bucket: str, path: str) -> None:
    """Raise NotAllowed unless the token is this bucket's."""
    if bucket != claims.bucket:
        raise NotAllowed(f"This token is for the bucket {claims.bucket!r}, not {bucket!r}.", path=path)


def is_public(bucket: str) -> bool:
    """Whether anybody may read what is in a bucket: its name says so."""
    return PUBLIC in bucket.split("-")
