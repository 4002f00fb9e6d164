"""Who asks: `Authorization: Bearer X`, `bearer X`, or the token alone; for an upload also `?userToken=`."""

from __future__ import annotations

from api.bearer import claims_of_token
from api.http_errors import HttpRequest
from api.reading_requests import query_pairs
from domain.errors import NotAuthenticated
from infra.identity.tokens import Claims

DIALECT = "mahak"


def claims_of(request: HttpRequest, kind_of_request: str = "read", *, by_query: bool = False) -> Claims:
    """Whom the request's token names; counts the request. Raises NotAuthenticated, TooManyRequests.

    The session itself is confirmed with the request's first query. `by_query`: the token may be the parameter `userToken`.
    """
    first, _, rest = request.headers.get("authorization", "").strip().partition(" ")
    token = rest.strip() if first.lower() == "bearer" else "" if rest else first
    if not token and by_query:
        token = next((value for name, value in query_pairs(request) if name.lower() == "usertoken"), "")
    if not token:
        raise NotAuthenticated("Send the token that you got by logging in, as `Authorization: Bearer …`.")
    return claims_of_token(request, token, kind_of_request)
