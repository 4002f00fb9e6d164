"""What was made of given things, kept within bounds so that it need not be made again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Remembered(Generic[Made]):
    """Values by what they were made of; whoever takes one knows that it would be made the same now. Safe for any number of threads.

    The weights of all values together are at most `most`; what was asked for longest ago is forgotten first.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._weight = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Made, int]] = OrderedDict()

    def get(self, key: Hashable) -> Made | None:
        """What was made of this, if it is still known."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, made: Made, weight: int = 1) -> None:
        """Keep what was made of this. What weighs a hundredth of all is not kept: it would push out too much else."""
        if weight * 100 > self._most:
            return
        with self._lock:
            _, before = self._kept.pop(key, (None, 0))
            self._kept[key] = (made, weight)
            self._weight += weight - before
            while self._weight > self._most:
                _, (_, gone) = self._kept.popitem(last=False)
                self._weight -= gone
