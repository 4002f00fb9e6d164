"""Bearer tokens, on every dialect: a token that any of them gave names the same session."""

from __future__ import annotations

from api.http_errors import HttpRequest
from api.reading_requests import services_of
from domain.errors import NotAuthenticated
from infra.identity.tokens import Claims


def claims_of(request: HttpRequest, kind_of_request: str = "read") -> Claims:
    """Whom the request's bearer token names; counts the request. Raises NotAuthenticated, TooManyRequests.

    The session itself is confirmed with the request's first query.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticated("Send `Authorization: Bearer …` with the access token you got by logging in.")
    return claims_of_token(request, token.strip(), kind_of_request)


def claims_of_token(request: HttpRequest, token: str, kind_of_request: str = "read") -> Claims:
    """Whom this token names; counts the request. Raises NotAuthenticated, TooManyRequests."""
    services = services_of(request)
    claims = services.identity.authenticate(token)
    services.limits.count(f"{kind_of_request}:{claims.sub}", services.settings.rate_limit_per_minute)
    return claims
