"""What the inverted index of `search` knows of conditions: the terms that a document which fulfils them has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

import msgspec

from domain.catalogue import CATALOGUE
from infra.lists.conditions import AnyOf, Condition, Path, Related, Test
from projections.search import GRAMS, START, UNSEARCHED, fold, pieces_of, text_fields

MOST_PIECES = 16
"""Of a text that is looked for: more of them find hardly less."""
MOST_DAYS = 31
"""Days between which a value is looked up as one of them."""
MOST_OPTIONS = 64
"""Alternatives that are looked up in the index one after the other."""

Terms = dict[str, Any]


def lookup(kind: str, tests: Sequence[Test]) -> tuple[list[Terms] | None, list[Test]]:
    """Terms of which a document that fulfils the conditions has some alternative, and the conditions that have still to be tested.

    No terms where the index cannot tell.
    """
    found: list[Terms] | None = None
    rest: list[Test] = []
    known = [(None if isinstance(test, Related) else options_of(kind, test), test) for test in tests]
    known.sort(key=lambda one: MOST_OPTIONS + 1 if one[0] is None else len(one[0]))
    for options, test in known:
        if options is not None and found is not None and exact(kind, test) and _implied(found, options):
            continue
        together = None if options is None else _together(found, options)
        if together is None or not exact(kind, test):
            rest.append(test)
        if together is not None:
            found = together
    return found, rest


def _implied(found: list[Terms], options: list[Terms]) -> bool:
    """Whether a document that has all terms of one of those `found` has those of an option, too."""
    return all(any(_says(terms, option) for option in options) for terms in found)


def _says(terms: Terms, option: Terms) -> bool:
    encode = msgspec.json.encode  # because 1 is True, in Python
    return all(name in terms and encode(terms[name]) == encode(value) for name, value in option.items())


def _together(left: list[Terms] | None, right: list[Terms]) -> list[Terms] | None:
    """Alternatives of both; None where they are too many, or are about the same place."""
    if left is None:
        return right
    if len(left) * len(right) > MOST_OPTIONS or any(one.keys() & other.keys() for one in left for other in right):
        return None
    return [{**one, **other} for one in left for other in right]


def options_of(kind: str, test: Condition | AnyOf) -> list[Terms] | None:
    """Terms of which a document that fulfils the condition has some alternative; None where the index cannot tell."""
    options: list[Terms] = []
    if isinstance(test, AnyOf):
        for conditions in test.options:
            found, _ = lookup(kind, conditions)
            if found is None:
                return None
            options += found
    elif test.or_missing or test.numeric or test.test == "missing":
        return None
    elif test.test in ("equal", "is", "range"):
        values = _values(kind, test)
        if values is None:
            return None
        options += [_nested(path, value) for path in test.paths for value in values]
    else:
        wanted = [_pieces(str(value), test.test) for value in test.values]
        if not all(wanted) or not all(len(path) == 2 and path[1] in text_fields(kind) for path in test.paths):
            return None
        options += [{GRAMS: pieces} for pieces in wanted]
    return options if len(options) <= MOST_OPTIONS else None


def exact(kind: str, test: Test) -> bool:
    """Whether the terms say all that the condition does."""
    if isinstance(test, AnyOf):
        return all(not lookup(kind, conditions)[1] for conditions in test.options)
    return isinstance(test, Condition) and test.test == "equal"


def _values(kind: str, test: Condition) -> list[Any] | None:
    """The values, one of which fulfils the condition; None where they cannot be told."""
    if test.test == "equal":
        return list(test.values) if all(type(value) in (str, int, bool) for value in test.values) else None
    if test.test == "is":
        read: list[Any] = list(test.values)
        for value in test.values:
            try:
                other = msgspec.json.decode(value)
            except msgspec.DecodeError:
                continue  # nothing but a text has this text
            if isinstance(other, dict | list):
                return None
            if "e" in value.lower() and isinstance(other, float):
                continue  # no number is written so
            read.append(msgspec.Raw(value.encode()))
        return read
    if test.exclusive or test.least is None or test.most is None or any(path[-1] not in day_fields(kind) for path in test.paths):
        return None
    try:
        first, last = date.fromisoformat(test.least), date.fromisoformat(test.most)
    except ValueError:
        return None
    count = (last - first).days + 1
    return None if count > MOST_DAYS else [(first + timedelta(days)).isoformat() for days in range(max(0, count))]


def finds_few(kind: str, options: Sequence[Terms]) -> bool:
    """Whether few documents can be expected to have one of these terms: not where they only say one of a few words."""
    return all(terms.keys() - _common(kind) for terms in options)


def rarest(kind: str, options: Sequence[Terms]) -> list[Terms]:
    """The terms without those that say one of a few words: reading where all of these are costs more than testing what is found."""
    return [{name: value for name, value in terms.items() if name not in _common(kind)} for terms in options]


@cache
def _common(kind: str) -> frozenset[str]:
    return _fields_of_type(kind, (msgspec.inspect.LiteralType, msgspec.inspect.BoolType)) | UNSEARCHED


def day_fields(kind: str) -> frozenset[str]:
    """The fields of a kind that are days."""
    return _fields_of_type(kind, (msgspec.inspect.DateType,))


@cache
def _fields_of_type(kind: str, types: tuple[type[msgspec.inspect.Type], ...]) -> frozenset[str]:
    known = CATALOGUE[kind]
    structs = (known.fields,) if known.derived is None else (known.fields, known.derived)
    return frozenset(
        field.name
        for struct in structs
        for field in msgspec.inspect.type_info(struct).fields  # type: ignore[attr-defined]
        if any(isinstance(one, types) for one in getattr(field.type, "types", (field.type,)))
    )


def _pieces(text: str, test: str) -> list[str]:
    folded = fold(text)
    if test == "starts" and len(folded) < 3 and " " not in folded:
        return [START + folded] if folded else []
    return sorted(set(pieces_of(folded)))[:MOST_PIECES]


def _nested(path: Path, value: Any) -> Terms:
    for name in reversed(path[1:]):
        value = {name: value}
    return value  # type: ignore[no-any-return]
