"""From what a command names to what the rules get: its target, its references as UUIDs, and its changes, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec

from domain.command import Command
from domain.decision import Decision, label, shown
from domain.errors import FieldFixed, InvalidField, PersonErased, RecordNotFound, ReferenceMissing, UnknownCurrency
from domain.kind import ChildrenOf, Kind, Wish
from domain.money import minor_unit
from domain.record import Record
from domain.validation import invalid_field, require_plain_amounts
from domain.values import Ref


def find_target(decision: Decision, kind: Kind, command: Command) -> Record:
    """The record a command names. Raises RecordNotFound, for another company's record as for none."""
    reference = command.target()
    if reference is None:
        raise InvalidField("Name the record by `id`, `number` or `client_id`.", path="id")
    record_id = decision.find(kind.name, reference)
    record = decision.books.record(record_id) if record_id else None
    if record is None or record.kind != kind.name:
        raise RecordNotFound(f"There is no such {label(kind.name)}.", path="id")
    return record


def require_not_erased(record: Record) -> None:
    """Raise PersonErased where the record is a person's who was erased."""
    if record.data.get("erased"):
        raise PersonErased(path="id")


def resolve(
    decision: Decision, kind: Kind, data: Any, record: Record | None = None, prefix: str = "data", *, require_active: bool = True
) -> Any:
    """`data` with every reference as the UUID of a living record, and real currencies.

    A reference that `record` already has may point to what was deleted since; without `require_active`, which the data may say
    itself, one to a product may. Raises ReferenceMissing, naming the field, UnknownCurrency, and InvalidField where the kind that a
    record of any kind is said to be does not exist.
    """
    require_active = require_active and getattr(data, "require_active", True)
    currency = getattr(data, "currency", None)
    if isinstance(currency, str) and (record is None or record.data.get("currency") != currency):
        try:
            minor_unit(currency)
        except UnknownCurrency as error:
            raise UnknownCurrency(error.message, path=f"{prefix}.currency", value=currency) from None
    replaced: dict[str, Any] = {}
    for name, target in kind.references_of(data):
        value = getattr(data, name, None)
        if not isinstance(value, UUID | Ref):
            continue
        if target not in decision.catalogue:
            raise InvalidField(f"There is no kind of record {target!r}.", path=f"{prefix}.record_kind")
        found = decision.find(target, value)
        path = f"{prefix}.{name}"
        if found is None:
            raise ReferenceMissing(f"There is no {label(target)} {shown(value)}.", path=path, kind=target)
        if record is None or record.data.get(name) != str(found):
            decision.living(value, target, path, or_deleted=target == "product" and not require_active)
        if found is not value:
            replaced[name] = found
    for name, child in kind.nested.items():
        items = getattr(data, name, None)
        if items:
            owner = decision.catalogue[child]
            replaced[name] = [
                resolve(decision, owner, item, prefix=f"{prefix}.{name}[{index}]", require_active=require_active)
                for index, item in enumerate(items)
            ]
    return msgspec.structs.replace(data, **replaced) if replaced else data


def apply_changes(decision: Decision, kind: Kind, record: Record, wanted: Mapping[str, Any]) -> None:
    """Decide an update by `wanted` (JSON values, references resolved), of which only what really differs is a change.

    Raises FieldFixed, and InvalidField where a field that is always filled would be cleared.
    """
    changes = {name: value for name, value in wanted.items() if not kind.same(name, record.data.get(name), value)}
    for name, value in changes.items():
        if name in kind.fixed:
            raise FieldFixed(f"`{name}` cannot be changed once the record exists.", path=f"data.{name}")
        if value is None and name in kind.kept:
            raise InvalidField(f"`{name}` cannot be cleared.", path=f"data.{name}")
    if changes:
        kind.decide_update(decision, record, changes)


def correct(decision: Decision, kind: Kind, record: Record, fields: Mapping[str, Any], path: str) -> None:
    """Decide an update by `fields` as they came in. Raises InvalidField and whatever an update raises."""
    require_not_erased(record)
    try:
        typed = msgspec.convert(dict(fields), kind.changes)
    except msgspec.ValidationError as error:
        raise invalid_field(error, root=path, expected=kind.changes, given=dict(fields)) from None
    require_plain_amounts(typed, fields, path)
    apply_changes(decision, kind, record, msgspec.to_builtins(resolve(decision, kind, typed, record, path)))


def wants_of_correction(decision: Decision, record_id: UUID, fields: Mapping[str, Any], action: str = "update") -> Iterable[Wish]:
    """What has to be loaded before the record with this id can be corrected by `fields`, or deleted."""
    yield record_id
    yield ChildrenOf(record_id)
    record = decision.books.record(record_id)
    if record is None:
        return
    kind = decision.catalogue[record.kind]
    try:
        data = msgspec.convert(dict(fields), kind.changes)
    except msgspec.ValidationError:
        return  # deciding will say so
    for name, _ in kind.references_of(data):
        if isinstance(value := getattr(data, name, None), UUID):
            yield value
    if (person_id := kind.person_of(record.id, record.data)) is not None and kind.holds_personal(data):
        yield person_id
    yield from kind.holders(data)
    yield from kind.wants(decision, Command(kind=kind.name, action=action, id=record_id, data=data), record)
