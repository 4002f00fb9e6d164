"""Shapes of lists: what remains of a list without the values that it looks for. All lists of a shape have one statement.

A statement depends on a text that something has to equal in one way only: the text is a part of parameters of type jsonb. So the
statement is composed once, for marks instead of texts, and filled in for every list of the shape.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from infra.lists.conditions import AnyOf, Condition, Related, Source, Test
from infra.store.arrays import Json

Statement = tuple[bytes, Sequence[Any]]
"""SQL, and its parameters."""

_MARK = f"{secrets.token_hex(16)}:"
"""Nobody can look for what nobody can know."""
_MARKED = re.compile(f'"{_MARK}(\\d+)"'.encode())


def shape_of(source: Source, places: dict[str, int]) -> Hashable:
    """The shape of a source; its texts are added to `places`, each once: a shape also says which of them are the same."""
    conditions = tuple([_shape(test, places) for test in source.conditions])
    return source.kind, source.base, source.order, source.numeric, source.deleted, conditions


def _shape(test: Test, places: dict[str, int]) -> Hashable:
    if isinstance(test, Condition):
        if not _has_places(test):
            return repr(test)
        values = [places.setdefault(one, len(places)) if type(one) is str else repr(one) for one in test.values]
        return test.paths, test.or_missing, tuple(values)
    if isinstance(test, AnyOf):
        return "any", tuple([tuple([_shape(one, places) for one in option]) for option in test.options])
    return test.link, test.kind, tuple([_shape(one, places) for one in test.conditions])


def _has_places(test: Condition) -> bool:
    return test.test == "equal" and not test.numeric


class Template:
    """A statement for every list of a shape."""

    def __init__(self, sources: Sequence[Source], compose: Callable[[Sequence[Source]], Statement]) -> None:
        """`compose` makes the statement of sources. These may look for anything."""
        places: dict[str, int] = {}
        for source in sources:
            shape_of(source, places)
        marks = {text: f"{_MARK}{place}" for text, place in places.items()}
        self._text, self._parameters = compose([_marked(source, marks) for source in sources])
        self._pieces = {
            number: _MARKED.split(parameter.body)
            for number, parameter in enumerate(self._parameters)
            if isinstance(parameter, Json) and _MARKED.search(parameter.body)
        }

    def fill(self, texts: Sequence[str]) -> Statement:
        """The statement of the list that looks for these texts."""
        encoded = [msgspec.json.encode(text) for text in texts]
        parameters = list(self._parameters)
        for number, pieces in self._pieces.items():
            filled = list(pieces)
            filled[1::2] = [encoded[int(place)] for place in pieces[1::2]]
            parameters[number] = Json.received(b"".join(filled))
        return self._text, parameters


def _marked(source: Source, marks: dict[str, str]) -> Source:
    return replace(source, conditions=tuple(_with_marks(test, marks) for test in source.conditions))


def _with_marks(test: Any, marks: dict[str, str]) -> Any:
    if isinstance(test, Condition):
        if not _has_places(test):
            return test
        return replace(test, values=tuple(marks[one] if type(one) is str else one for one in test.values))
    if isinstance(test, AnyOf):
        return AnyOf(tuple(tuple(_with_marks(one, marks) for one in option) for option in test.options))
    assert isinstance(test, Related)
    return replace(test, conditions=tuple(_with_marks(one, marks) for one in test.conditions))
