"""Conflict: a write that met a record which had moved, both versions, and how it was settled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal
from uuid import UUID

from domain.command import Command
from domain.decision import Decision
from domain.errors import AlreadyResolved, RecordDeleted, RecordNotFound
from domain.kind import Action, Kind, Wish
from domain.policy import Policy
from domain.record import Record
from domain.resolving import correct, wants_of_correction
from domain.values import Fields, Line


class Conflict(Fields, frozen=True, kw_only=True):
    """`client` holds the client's values that met `server`'s; `outcome` is what the policy made of it.

    `person_id` is the person whose personal fields are among them.
    """

    record_kind: str
    record_id: UUID
    action: Literal["update", "delete"]
    policy: Literal["server_wins", "merge", "latest_wins", "manual"]
    outcome: Literal["server_kept", "merged", "open"]
    status: Literal["open", "settled"]
    base_seq: int | None = None
    server_seq: int
    server_deleted: bool = False
    fields: list[str] = []
    client: dict[str, Any] = {}
    server: dict[str, Any] = {}
    resolution: Literal["server", "client", "merged"] | None = None
    note: Line | None = None
    person_id: UUID | None = None


class Resolve(Fields, frozen=True, kw_only=True):
    """Keep the `server`'s version, take the `client`'s, or give `merged` field values."""

    resolution: Literal["server", "client", "merged"]
    fields: dict[str, Any] = {}
    note: Line | None = None


def decide_resolve(decision: Decision, conflict: Record, choice: Resolve) -> None:
    """Write the chosen version to the record the conflict is about, and close the conflict."""
    if conflict.data["status"] == "settled" and conflict.data.get("resolution"):
        raise AlreadyResolved("This conflict was resolved before.", path="id")
    kind = decision.catalogue[conflict.data["record_kind"]]
    record = decision.books.record(UUID(conflict.data["record_id"]))
    if record is None:
        raise RecordNotFound(path="id")
    fields = _chosen(conflict, choice)
    if fields and record.deleted:
        raise RecordDeleted(path="id")
    if fields:
        correct(decision, kind, record, fields, "data.fields")
    elif conflict.data["action"] == "delete" and choice.resolution == "client" and not record.deleted:
        kind.decide_delete(decision, record)
    settled = {"status": "settled", "resolution": choice.resolution}
    if choice.note is not None:
        settled["note"] = choice.note
    decision.change(CONFLICT, conflict, settled, CONFLICT.Changed)


def _chosen(conflict: Record, choice: Resolve) -> dict[str, Any]:
    if choice.resolution == "merged":
        return choice.fields
    return conflict.data.get("client", {}) if choice.resolution == "client" else {}


class ConflictKind(Kind):
    """Conflicts are made by the ledger alone; clients may only resolve them."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """The record the conflict is about, and its family."""
        if record is not None and isinstance(choice := command.data, Resolve):
            about = UUID(record.data["record_id"])
            yield from wants_of_correction(decision, about, _chosen(record, choice), record.data["action"])


CONFLICT = ConflictKind(
    name="conflict",
    fields=Conflict,
    policy=Policy.SERVER_WINS,
    verbs=("recorded", "resolved", "deleted"),
    actions={"resolve": Action(Resolve, decide_resolve)},
    writable=False,
    personal=frozenset({"client", "server"}),
    person="person_id",
)
