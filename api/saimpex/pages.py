"""Pages of lists: which one is asked for, and where it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from api.saimpex import values
from domain.record import Record

PER_PAGE = 20
MOST_PER_PAGE = 1_000
LAST_PAGE = 10**9
LONGEST_SEARCH = 200


class PageQuery(msgspec.Struct, kw_only=True):
    """Which page."""

    page: Annotated[int, Meta(ge=1, le=LAST_PAGE)] | None = None
    per_page: Annotated[int, Meta(ge=1, le=MOST_PER_PAGE)] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page; pages count from 1."""

    number: int = 1
    size: int = PER_PAGE

    @property
    def offset(self) -> int:
        """How many rows come before."""
        return (self.number - 1) * self.size

    def told(self, total: int) -> dict[str, int]:
        """What the answer says about it, `total` being the rows of the whole list."""
        return {"current_page": self.number, "per_page": self.size, "total": total, "last_page": max(1, -(-total // self.size))}


def page_of(query: Mapping[str, str]) -> Page:
    """The page that is asked for. Raises InvalidField."""
    number = values.whole(1, LAST_PAGE)(query.get("page") or 1, "page")
    return Page(number, values.whole(1, MOST_PER_PAGE)(query.get("per_page") or PER_PAGE, "per_page"))


def search_of(query: Mapping[str, str]) -> str:
    """The words that are looked for; empty where there are none."""
    return (query.get("search") or "").strip()[:LONGEST_SEARCH]


def records_of(documents: bytes) -> list[Record]:
    """The records of a page."""
    return msgspec.json.decode(b"[" + documents + b"]", type=list[Record])
