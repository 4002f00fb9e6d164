"""Attempts to log in, or to prove something by a code or a password: counted, so that nobody guesses for long."""

from __future__ import annotations

from api.http_errors import HttpRequest
from api.reading_requests import services_of

LONGEST_PART = 300


async def count_attempt(request: HttpRequest, what: str, *about: str) -> None:
    """Count an attempt at this, by this address and about this, in every process together. Raises TooManyRequests."""
    services = services_of(request)
    address = request.client.host if request.client else ""
    bucket = ":".join((what, address, *(part.casefold()[:LONGEST_PART] for part in about)))
    await services.threads.run(services.limits.count_exactly, bucket, services.settings.rate_limit_logins_per_minute)
