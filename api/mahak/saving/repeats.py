"""Batches that name versions, sent again because the answer was lost: by then their records are where they themselves brought them.

What became of such a batch is kept under its login and what it says; where the very same batch is refused later, it is answered as
the first time. It is kept after the batch, not with it: should that fail, the repetition is refused as stale, and nothing is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from api.mahak.saving.batch import Batch
from domain.command import Actor, Idempotency
from infra.ledger import Ledger
from infra.requests import fingerprint_of

Became = tuple[int, int, str]
"""Of a row: the id on the wire, the version, what the merge decided."""


class Repeats:
    """The batches of one login that came before."""

    def __init__(self, ledger: Ledger, company_id: UUID, actor: Actor) -> None:
        self.ledger = ledger
        self.company_id = company_id
        self.actor = actor

    @staticmethod
    def has_versions(batch: Batch) -> bool:
        """Whether it is a batch that can be refused because it was accepted."""
        return any(item.version for item in batch.items)

    def note(self, form: Mapping[str, Any], became: Mapping[str, Sequence[Became]]) -> None:
        """Keep what became of a batch's rows, by collection."""
        told = msgspec.json.encode(became)
        self.ledger.execute(self.company_id, [], self.actor, idempotency=self._named(form), say=lambda _, __: told)

    def find(self, form: Mapping[str, Any]) -> dict[str, list[Became]] | None:
        """What became of the rows of this very batch; None where it never was accepted."""
        known = self.ledger.find_answer(self.company_id, self._named(form))
        return msgspec.json.decode(known.said, type=dict[str, list[Became]]) if known is not None else None

    def _named(self, form: Mapping[str, Any]) -> Idempotency:
        digest = fingerprint_of(form)
        return Idempotency(key=f"mahak {self.actor.source} {digest.hex()}", fingerprint=digest)
