"""Where nothing is new: what was found empty at a head stays empty for as long as the head stands still.

Most polls of a sync find nothing. Their collections' versions are behind the head, because something else changed last, so that the
head alone does not tell; what was read last at that head does, and costs no query but that of the head.

Rows follow from the log up to a head and from nothing else, so it does not matter which process wrote the log or rendered the rows,
nor whether they are rendered anew meanwhile: who is told that there is nothing new had everything up to this head. It matters that
what is noted was read from rows that were complete up to the very head that it is noted for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

REMEMBERED = 10_000
"""Companies, in each dialect."""

Version = tuple[str, int]
"""A collection, and a version after which there is nothing in it."""


class Quiet:
    """Remembers, for each company and dialect, after which versions there is nothing new. Safe for any number of threads."""

    def __init__(self) -> None:
        self._known: dict[tuple[UUID, str], tuple[int, Mapping[str, int]]] = {}

    def is_quiet(self, company_id: UUID, dialect: str, head: int, asked: Iterable[Version]) -> bool:
        """Whether it is known that at this head there is nothing after these versions."""
        known_head, known = self._known.get((company_id, dialect), (-1, {}))
        return known_head == head and all(collection in known and after >= known[collection] for collection, after in asked)

    def note(self, company_id: UUID, dialect: str, head: int, found: Mapping[str, int]) -> None:
        """Remember that at this head there is nothing after these versions. Only of rows that are complete up to this head."""
        key = (company_id, dialect)
        known_head, known = self._known.get(key, (-1, {}))
        if known_head > head:
            return
        if len(self._known) >= REMEMBERED and key not in self._known:
            self._known.clear()
        earlier = known if known_head == head else {}
        lowest = {name: min(after, earlier.get(name, after)) for name, after in found.items()}
        self._known[key] = (head, {**earlier, **lowest})
