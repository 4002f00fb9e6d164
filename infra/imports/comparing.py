"""What the books hold of a plan already, and how it differs: the records, and the lines that stand on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from domain.books import ClientKey, UniqueKey
from domain.catalogue import CATALOGUE
from domain.command import Command
from domain.event import JSON
from domain.kind import Kind
from domain.needs import Needs
from domain.record import Record
from infra.imports.model import Item
from infra.ledger import Ledger

AT_ONCE = 2_000
"""Records that are looked up in one query."""
_NO_FIELDS = frozenset({"lines", "post_now", "require_stock"})


@dataclass(slots=True)
class Found:
    """An item's record in the books, and its living lines in order."""

    record: Record
    lines: list[Record] = field(default_factory=list)


def find_existing(ledger: Ledger, company_id: UUID, items: Sequence[Item]) -> Iterator[Found | None]:
    """For each item the record that it is already: by its client id, its unique value, or what the plan knew."""
    for start in range(0, len(items), AT_ONCE):
        yield from _find(ledger, company_id, items[start : start + AT_ONCE])


def _find(ledger: Ledger, company_id: UUID, items: Sequence[Item]) -> list[Found | None]:
    named = ledger.store.read_records(
        company_id,
        Needs(
            ids={item.existing for item in items if item.existing is not None},
            clients={_client_key(item) for item in items},
            unique={key for item in items if (key := _unique_key(item)) is not None},
        ),
    )
    ids = [_id_of(item, named.clients, named.unique) for item in items]
    wanted = {one for one in ids if one is not None}
    records = {record.id: record for record in named.records}
    if missing := wanted - records.keys():
        records |= {record.id: record for record in ledger.store.read_records(company_id, Needs(ids=missing)).records}
    parents = {one for one, item in zip(ids, items, strict=True) if one is not None and CATALOGUE[item.command.kind].nested}
    children: dict[UUID, list[Record]] = {}
    if parents:
        for child in ledger.store.read_records(company_id, Needs(parents=parents)).records:
            parent = CATALOGUE[child.kind].parent
            if parent and not child.deleted and child.kind in ("invoice_line", "journal_line"):
                children.setdefault(UUID(child.data[parent]), []).append(child)
    found: list[Found | None] = []
    for one in ids:
        lines = sorted(children.get(one, []), key=lambda line: line.number) if one else []
        found.append(Found(records[one], lines) if one in records else None)
    return found


def _client_key(item: Item) -> ClientKey:
    return item.command.kind, item.command.source or "", item.command.client_id or ""


def _unique_key(item: Item) -> UniqueKey | None:
    return (item.command.kind, *item.unique) if item.unique else None


def _id_of(item: Item, clients: Mapping[ClientKey, UUID], unique: Mapping[UniqueKey, UUID]) -> UUID | None:
    key = _unique_key(item)
    return clients.get(_client_key(item)) or (unique.get(key) if key else None) or item.existing


# Differences --------------------------------------------------------------------------------------


def changes_of(item: Item, found: Found) -> tuple[list[str], list[Command]]:
    """The fields in which a record differs from what the file says, and the commands that make it say the same.

    What the file leaves out differs from nothing.
    """
    kind = CATALOGUE[item.command.kind]
    whole: dict[str, Any] = msgspec.json.decode(JSON.encode(item.command.data))
    wanted = {name: whole[name] for name in item.said if name in whole and name not in _NO_FIELDS}
    changes = _differing(kind, wanted, found.record)
    names = list(changes)
    commands = []
    if changes:
        commands.append(Command(kind=kind.name, action="update", id=found.record.id, data=changes))
    if "lines" in kind.nested and item.said.get("lines"):
        pairs = zip(item.said["lines"], whole["lines"], strict=True)
        lines = [{name: line[name] for name in said if name in line} for said, line in pairs]
        of_lines = list(_line_changes(CATALOGUE[kind.nested["lines"]], lines, found))
        if of_lines:
            names.append("lines")
            commands += of_lines
    return names, commands


def _differing(kind: Kind, wanted: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """The wanted values that the record does not have. Free fields are compared by the names that are wanted."""
    differing = {}
    for name, value in wanted.items():
        before = record.data.get(name)
        if name == "extra" and isinstance(before, dict) and before.items() >= value.items():
            continue
        if not kind.same(name, before, value):
            differing[name] = {**(before or {}), **value} if name == "extra" else value
    return differing


def _line_changes(kind: Kind, lines: Sequence[Mapping[str, Any]], found: Found) -> Iterator[Command]:
    """Lines are compared in their order: the first wanted with the first there is."""
    for line, record in zip(lines, found.lines, strict=False):
        if changes := _differing(kind, line, record):
            yield Command(kind=kind.name, action="update", id=record.id, data=changes)
    for line in lines[len(found.lines) :]:
        yield Command(kind=kind.name, action="create", data={**line, str(kind.parent): found.record.id})
    for record in found.lines[len(lines) :]:
        yield Command(kind=kind.name, action="delete", id=record.id)
