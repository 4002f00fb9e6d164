"""Dispute: somebody says that a record is wrong, and how that was settled. An order or invoice says that it is disputed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta

from domain.command import Command
from domain.decision import Decision
from domain.errors import AlreadyResolved, RecordDeleted
from domain.event import Changed
from domain.kind import Action, ChildrenOf, Kind, Wish
from domain.kinds.disputable import Disputed, DisputeResolved
from domain.policy import Policy
from domain.record import Record
from domain.resolving import correct, wants_of_correction
from domain.values import Fields, Line, Reference, always

Reason = Annotated[str, Meta(min_length=1, max_length=20_000)]
FLAGGED = frozenset({"invoice", "order"})
"""The kinds whose records themselves say that they are disputed."""


class Dispute(Fields, frozen=True, kw_only=True):
    """What is wrong with which record. `code` is the client's own name for the dispute."""

    record_kind: Line
    record_id: Reference
    reason: Reason
    code: Line | None = None
    extra: dict[str, Any] = {}


class DisputeState(Fields, frozen=True, kw_only=True):
    """How it was settled: in words, and the fields of the record that were corrected.

    `person_id` is the person of whom the disputed record tells, and so does the dispute.
    """

    status: Literal["open", "resolved"]
    resolution: Reason | None = None
    correction: dict[str, Any] | None = None
    person_id: UUID | None = None


class ResolveDispute(Fields, frozen=True, kw_only=True):
    """Settle a dispute; `correction` holds fields of the record, as an update of it would."""

    resolution: Reason
    correction: dict[str, Any] = {}


class DisputeSettled(Changed, frozen=True, kw_only=True):
    """The dispute was resolved, and the record corrected where there was something to correct."""

    status: Literal["resolved"] = always("resolved")
    resolution: Reason
    correction: dict[str, Any] | None = None


def _resolve(decision: Decision, dispute: Record, data: ResolveDispute) -> None:
    if dispute.data["status"] == "resolved":
        raise AlreadyResolved(path="id")
    if data.correction:
        record = decision.books.records[UUID(dispute.data["record_id"])]
        if record.deleted:
            raise RecordDeleted("The record was deleted; it cannot be corrected.", path="data.correction")
        correct(decision, decision.catalogue[record.kind], record, data.correction, "data.correction")
    settled = DisputeSettled(resolution=data.resolution, correction=data.correction or None)
    decision.emit(DISPUTE, dispute.id, settled)
    _lower_flag(decision, dispute)


def _lower_flag(decision: Decision, dispute: Record) -> None:
    record = decision.books.records[UUID(dispute.data["record_id"])]
    others = decision.books.living_children(record.id, "dispute")
    if record.kind in FLAGGED and not record.deleted and not any(other.data["status"] == "open" for other in others):
        decision.emit(decision.catalogue[record.kind], record.id, DisputeResolved(dispute_id=dispute.id))


def _person_of(decision: Decision, data: Dispute) -> UUID | None:
    record_id = decision.find(data.record_kind, data.record_id)
    record = decision.books.record(record_id) if record_id is not None else None
    return decision.catalogue[record.kind].person_of(record.id, record.data) if record is not None else None


class DisputeKind(Kind):
    """Opening and settling a dispute are facts about the disputed record too."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """The disputed record and whose it is, the other disputes about it, and what a correction of it needs."""
        if record is None:
            if isinstance(command.data, Dispute) and (person_id := _person_of(decision, command.data)) is not None:
                yield person_id
            return
        about = UUID(record.data["record_id"])
        yield about
        yield ChildrenOf(about)
        if isinstance(command.data, ResolveDispute):
            yield from wants_of_correction(decision, about, command.data.correction)

    def decide_create(self, decision: Decision, record_id: UUID, data: Dispute) -> None:
        """Open a dispute about a living record."""
        record = decision.living(data.record_id, data.record_kind, "data.record_id")
        decision.create(self, record_id, data, status="open", person_id=_person_of(decision, data))
        if record.kind in FLAGGED:
            decision.emit(decision.catalogue[record.kind], record.id, Disputed(dispute_id=record_id))

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Withdraw a dispute."""
        decision.delete(self, record)
        if record.data["status"] == "open":
            _lower_flag(decision, record)


DISPUTE = DisputeKind(
    name="dispute",
    fields=Dispute,
    derived=DisputeState,
    policy=Policy.SERVER_WINS,
    about=("record_kind", "record_id"),
    parent="record_id",
    fixed=frozenset({"record_kind", "record_id"}),
    verbs=("opened", "changed", "withdrawn"),
    personal=frozenset({"reason", "resolution", "correction"}),
    person="person_id",
    actions={"resolve": Action(ResolveDispute, _resolve)},
    extra_events={"dispute.resolved.v1": DisputeSettled},
)
