"""How many records lists found, for as long as nothing has changed that could change it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

from infra.lists.remembered import Remembered
from infra.lists.shapes import Template

MOST = 4_096
"""Lists whose totals are known; the one that was asked for longest ago is forgotten first."""
MOST_STATEMENTS = 512
"""Statements of lists that need not be composed anew where a list of the same shape is asked for."""
MOST_SHAPES = 256
"""Statements of lists that connections keep ready; others are planned every time."""


class Total(NamedTuple):
    """The total as of the last event, `moved`, of a record of a kind that counts."""

    moved: int
    total: int


class Totals:
    """The totals of one process. A total is never wrong: whoever takes one knows the event that it must be as of."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, Total] = OrderedDict()
        self._shapes: set[bytes] = set()
        self.templates: Remembered[Template] = Remembered(MOST_STATEMENTS)
        """Statements, by all that they are composed of."""
        self.ways: Remembered[tuple[bool, bool]] = Remembered(MOST_STATEMENTS)
        """Whether sources of a shape can be walked, and whether the inverted index finds them."""

    def get(self, key: Hashable) -> Total | None:
        """What is known, of whenever it is."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key)

    def put(self, key: Hashable, total: Total) -> None:
        """Take a total in, unless a later one is known."""
        with self._lock:
            known = self._known.get(key)
            if known is None or known.moved <= total.moved:
                self._known[key] = total
                self._known.move_to_end(key)
            if len(self._known) > MOST:
                self._known.popitem(last=False)

    def worth_keeping(self, statement: bytes) -> bool:
        """Whether connections should keep this statement ready: clients decide which conditions meet, and there are many ways."""
        with self._lock:
            if statement not in self._shapes and len(self._shapes) < MOST_SHAPES:
                self._shapes.add(statement)
            return statement in self._shapes
