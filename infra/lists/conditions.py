"""What lists ask of records, as values: conditions and sources. `listing` answers them, `sql` says them in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Path = tuple[str, ...]
"""Where a value is in a record's document: `("data", "name")`."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a value must be, at one of the `paths`.

    `equal`: one of `values` (JSON values). `is`: its text is one of `values`. `range`: between `least` and `most`. `holds`: one of
    `values` is a part of it; `starts`: one of its words begins with one of `values`; both whatever the case, and the way to write
    a letter. `missing`: there is none.

    `or_missing`: having none will do too. `numeric`: amounts, which are stored as texts, are compared by value. `exclusive`: the
    bounds themselves are outside.
    """

    paths: tuple[Path, ...]
    values: tuple[Any, ...] = ()
    least: str | None = None
    most: str | None = None
    test: Literal["equal", "range", "holds", "starts", "is", "missing"] = "equal"
    numeric: bool = False
    or_missing: bool = False
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the options, each of which is all of its conditions."""

    options: tuple[tuple[Condition, ...], ...]


@dataclass(frozen=True, slots=True)
class Related:
    """The id at `link` names a living record of `kind` that fulfils every condition."""

    link: Path
    kind: str
    conditions: tuple[Condition | AnyOf | Related, ...]


Test = Condition | AnyOf | Related


@dataclass(frozen=True, slots=True)
class Source:
    """Records of a kind that fulfil every condition. `base` is added to their numbers; `order` is what they are sorted by.

    `deleted`: the living ones; True: the tombstones; None: both.
    """

    kind: str
    conditions: tuple[Test, ...] = ()
    base: int = 0
    order: Path | None = None
    numeric: bool = False
    deleted: bool | None = False


@dataclass(frozen=True, slots=True)
class Beside:
    """Records that are wanted beside those of a page: those that the ids at these `links` name, deleted ones too; and the living
    ones of the kinds `children` whose parent is a record of the page.
    """

    links: tuple[Path, ...] = ()
    children: tuple[str, ...] = ()
