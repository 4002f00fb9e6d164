"""How FinTrack says yes: the envelope of every business API, and the pages of lists."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import msgspec
from litestar.response.base import ASGIResponse

from api.answers import answer
from api.fintrack.asking import Asked, Asker
from domain.errors import InvalidField

Action = Literal["create", "get", "list", "update", "delete"]

ROWS_PER_PAGE = 25
MOST_ROWS_PER_PAGE = 1_000
LARGEST_PAGE = 10**9

try:
    APP_VERSION = version("daftar")
except PackageNotFoundError:
    APP_VERSION = "0"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a list as they are sent: how many, and their JSON."""

    count: int
    json: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: pages count from 1; number 0 is all of it."""

    number: int = 1
    size: int = ROWS_PER_PAGE

    @property
    def offset(self) -> int:
        """How many rows come before."""
        return max(0, self.number - 1) * self.size

    @property
    def limit(self) -> int:
        """At most how many rows it has."""
        return self.size if self.number else LARGEST_PAGE

    def paging(self, total: int) -> dict[str, int]:
        """What the envelope says about it, `total` being the rows of the whole list."""
        size = self.size if self.number else total
        pages = -(-total // size) if size else 0
        return {"pageNumber": self.number, "pageRowCount": size, "totalRowCount": total, "pageCount": pages}


def page_of(asked: Asked) -> Page:
    """The page that the query asks for. Raises InvalidField; `pageNumber[page]`, sent by mistake, is no parameter."""
    number = _whole(asked, "pageNumber", 1, least=0, most=LARGEST_PAGE)
    return Page(number, _whole(asked, "pageRowCount", ROWS_PER_PAGE, least=1, most=MOST_ROWS_PER_PAGE))


def _whole(asked: Asked, name: str, default: int, *, least: int, most: int) -> int:
    text = asked.single(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()) or len(text) > 12 or not least <= int(text) <= most:
        raise InvalidField(f"`{name}` must be a whole number from {least} to {most}.", path=name)
    return int(text)


def flag_of(asked: Asked, name: str, *, default: bool) -> bool:
    """A query parameter that is true or false. Raises InvalidField."""
    text = asked.single(name)
    if text is None:
        return default
    found = {"true": True, "1": True, "false": False, "0": False}.get(text.casefold())
    if found is None:
        raise InvalidField(f"`{name}` must be true or false.", path=name)
    return found


def envelope(
    asked: Asked,
    action: Action,
    name: str,
    payload: Any,
    *,
    paging: Mapping[str, int] | None = None,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The body of an answer. `name` is the key of the payload, `paging` a list's, `more` is added at the root."""
    session = asked.principal if isinstance(asked, Asker) else None
    count = len(payload) if isinstance(payload, Sequence) else payload.count if isinstance(payload, Rows) else 1
    body: dict[str, Any] = {
        "status": "OK",
        "statusCode": 201 if action == "create" else 200,
        "elapsedMs": round((time.perf_counter() - asked.began) * 1000),
        "ssoTime": asked.sso_ms if isinstance(asked, Asker) else 0,
        "source": "db",
        "cacheKey": _cache_key(asked),
        "userId": session.user_id if session else None,
        "sessionId": session.session_id if session else None,
        "requestId": asked.request_id,
        "dataName": name,
        "method": asked.request.method,
        "action": action,
        "appVersion": APP_VERSION,
        "rowCount": count,
        name: msgspec.Raw(payload.json) if isinstance(payload, Rows) else payload,
    }
    if paging is not None:
        body |= {"paging": paging, "filters": [], "uiPermissions": []}
    return {**body, **(more or {})}


def _cache_key(asked: Asked) -> str:
    """The same for the same question to the same business."""
    scope = asked.request.scope
    asked_for = b"\n".join((asked.codename.encode(), str(scope["path"]).encode(), scope["query_string"]))
    return hashlib.sha256(asked_for).hexdigest()[:32]


def respond(
    asked: Asked,
    action: Action,
    name: str,
    payload: Any,
    *,
    paging: Mapping[str, int] | None = None,
    more: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ASGIResponse:
    """The answer of a business API: 201 for create, else 200."""
    body = envelope(asked, action, name, payload, paging=paging, more=more)
    return answer(body, body["statusCode"], headers)
