"""What has to be loaded into the books before commands can be decided: one request for a whole batch, never one per record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from domain.command import Actor, Command
from domain.kind import Kind
from domain.values import LARGEST_NUMBER, Ref


@dataclass(slots=True)
class Needs:
    """Everything named by a batch, by the way in which it is named. `holders` are unique values whose records are needed too."""

    ids: set[UUID] = field(default_factory=set)
    numbers: set[tuple[str, int]] = field(default_factory=set)
    clients: set[tuple[str, str, str]] = field(default_factory=set)
    parents: set[UUID] = field(default_factory=set)
    unique: set[tuple[str, str, str]] = field(default_factory=set)
    holders: set[tuple[str, str, str]] = field(default_factory=set)
    stock: set[tuple[UUID, UUID | None]] = field(default_factory=set)
    shifts: set[UUID] = field(default_factory=set)
    """Shifts of which everything is needed that put cash into their drawers, or took it out."""
    histories: set[UUID] = field(default_factory=set)
    traces: set[UUID] = field(default_factory=set)
    """Persons of whom every record is needed that holds something of theirs, with its history."""

    def __bool__(self) -> bool:
        named = (self.ids, self.numbers, self.clients, self.parents, self.unique, self.holders, self.stock, self.histories)
        return any((*named, self.shifts, self.traces))

    def reference(self, kind: str, reference: UUID | Ref, actor: Actor) -> None:
        """Note a reference to a record of `kind`, however it is named."""
        if isinstance(reference, UUID):
            self.ids.add(reference)
        elif reference.number is not None:
            if 1 <= reference.number <= LARGEST_NUMBER:  # a Ref may come from code; any other number names nothing
                self.numbers.add((kind, reference.number))
        elif reference.client_id is not None:
            self.clients.add((kind, reference.source or actor.source, reference.client_id))

    def without(self, loaded: Needs) -> Needs:
        """What is here and not in `loaded`."""
        return Needs(
            self.ids - loaded.ids,
            self.numbers - loaded.numbers,
            self.clients - loaded.clients,
            self.parents - loaded.parents,
            self.unique - loaded.unique,
            self.holders - loaded.holders,
            self.stock - loaded.stock,
            self.shifts - loaded.shifts,
            self.histories - loaded.histories,
            self.traces - loaded.traces,
        )

    def include(self, other: Needs) -> None:
        """Add everything in `other`."""
        self.ids |= other.ids
        self.numbers |= other.numbers
        self.clients |= other.clients
        self.parents |= other.parents
        self.unique |= other.unique
        self.holders |= other.holders
        self.stock |= other.stock
        self.shifts |= other.shifts
        self.histories |= other.histories
        self.traces |= other.traces


def note_needs(needs: Needs, catalogue: Mapping[str, Kind], command: Command, actor: Actor) -> None:
    """Add what `command` names: its target, the client's id, its references, the unique values it claims."""
    kind = catalogue.get(command.kind)
    if kind is None:
        return
    target = command.target()
    if target is not None:
        needs.reference(kind.name, target, actor)
    if command.client_id is not None:
        needs.clients.add((kind.name, command.source or actor.source, command.client_id))
    for owner, data in parts_of(catalogue, kind, command.data):
        for name, target_kind in owner.references_of(data):
            value = getattr(data, name, None)
            if isinstance(value, UUID | Ref):
                needs.reference(target_kind, value, actor)
        for unique in owner.unique:
            text = unique.value({name: _given(data, name) for name in unique.fields})
            if text is not None:
                needs.unique.add((owner.name, unique.name, text))
        for holder in owner.holders(data):
            needs.holders.add((holder.kind, holder.unique, holder.value))
        own_id, own_client = getattr(data, "id", None), getattr(data, "client_id", None)
        if isinstance(own_id, UUID):
            needs.ids.add(own_id)
        if isinstance(own_client, str):
            needs.clients.add((owner.name, actor.source, own_client))


def parts_of(catalogue: Mapping[str, Kind], kind: Kind, data: Any) -> Iterable[tuple[Kind, Any]]:
    """The data of a command and of the records nested in it, each with its kind."""
    if data is None:
        return
    yield kind, data
    for name, child in kind.nested.items():
        for item in getattr(data, name, None) or ():
            yield catalogue[child], item


def _given(data: Any, name: str) -> Any:
    value = getattr(data, name, None)
    return None if value is msgspec.UNSET else value
