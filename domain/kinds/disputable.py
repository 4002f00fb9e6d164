"""What an order or an invoice says about disputes: whether one is open, and which was the last."""

from __future__ import annotations

from uuid import UUID

from domain.event import Changed
from domain.values import Fields, always


class Disputable(Fields, frozen=True, kw_only=True):
    """`disputed` while a dispute about the record is open; `dispute_id` is the latest."""

    disputed: bool = False
    dispute_id: UUID | None = None


class Disputed(Changed, frozen=True, kw_only=True):
    """Somebody disputes the record; the dispute says who and why."""

    disputed: bool = always(True)
    dispute_id: UUID


class DisputeResolved(Changed, frozen=True, kw_only=True):
    """The last open dispute about the record was resolved or withdrawn."""

    disputed: bool = always(False)
    dispute_id: UUID
