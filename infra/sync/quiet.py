"""Where nothing is new: what was found empty at a head stays empty for as long as the head stands still.

Most polls of a sync find nothing. Their collections' versions are behind the head, because something else changed last, so that the
head alone does not tell; what was read last at that head does, and costs no query but that of the head.

Rows follow from the log up to a head and from nothing else, so it does not matter which process wrote the log or rendered the rows,
nor whether they are rendered anew meanwhile: who is told that there is nothing new had everything up to this head. It matters that
what is noted was read from rows that were complete up to the very head that it is noted for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from infra.lists.remembered import Remembered

REMEMBERED = 10_000
"""Companies, in each dialect."""
MOST_BYTES = 8 * 2**20
"""Questions and answers of polls that found nothing, kept as they came and went."""

Version = tuple[str, int]
"""A collection, and a version after which there is nothing in it."""


class Question(NamedTuple):
    """A poll as it came: who asks, in which company and dialect, and the request's body byte for byte."""

    company_id: UUID
    user_id: UUID
    dialect: str
    body: bytes


class Nothing(NamedTuple):
    """The answer to a poll that found nothing, and the head that this was found at: at any other it says nothing."""

    head: int
    answer: bytes


class Quiet:
    """Remembers, for each company and dialect, after which versions there is nothing new. Safe for any number of threads.

    Also the answers to polls that found nothing, by the questions. They hold no rows; whoever gives one has to know that the head
    is still the answer's, and that the session of who asks is open.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[UUID, str], tuple[int, Mapping[str, int]]] = {}
        self._answers: Remembered[Nothing] = Remembered(MOST_BYTES)

    def answer(self, question: Question) -> Nothing | None:
        """What was answered last to this very question, where that was nothing."""
        return self._answers.get(question)

    def keep(self, question: Question, nothing: Nothing) -> None:
        """Remember that this question was answered so. Only an answer that follows from the question and the head alone."""
        self._answers.put(question, nothing, len(question.body) + len(nothing.answer))

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
