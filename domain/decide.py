"""Deciding one command: resolve what it names, settle conflicts, call the kind's rules.

`decide` is all or nothing: where it raises, the books and the decision are as they were before.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.command import Command, data_as
from domain.decision import Decision
from domain.errors import (
    FieldFixed,
    InvalidField,
    RecordDeleted,
    RecordExists,
    RecordNotFound,
    ReferenceMissing,
    UnknownKind,
    VersionStale,
)
from domain.history import diverge, fold_history
from domain.kind import Kind
from domain.kinds.conflict import CONFLICT, Conflict
from domain.policy import Divergence, Policy, merge
from domain.record import Record
from domain.values import Fields, Ref, decimal_fields


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one command. `seq`, `version` and `deleted` are the record's after it.

    `changed` is false where nothing had to be written. `conflict` is the id of the conflict record that was made, `outcome`
    what the kind's policy decided: `merged`, `server_kept`, `deleted` or `open`.
    """

    type: str
    kind: str
    id: UUID
    number: int
    seq: int
    version: int
    deleted: bool = msgspec.field(default_factory=bool)
    changed: bool = msgspec.field(default_factory=lambda: True)
    idempotent_replay: bool = msgspec.field(default_factory=bool)
    client_id: str | None = None
    conflict: UUID | None = None
    outcome: str | None = None


def decide(decision: Decision, command: Command) -> Result:
    """Emit the events that `command` means and say what became of it. Raises a LedgerError and leaves nothing behind."""
    mark, emitted, secrets = decision.books.mark(), len(decision.events), len(decision.credentials)
    decision.command_id = decision.new_id()
    decision.occurred_at = command.occurred_at
    decision.conflict, decision.outcome = None, None
    try:
        return _decide(decision, command)
    except Exception:
        decision.books.rollback(mark)
        del decision.events[emitted:]
        del decision.credentials[secrets:]
        raise


def _decide(decision: Decision, command: Command) -> Result:
    kind = decision.catalogue.get(command.kind)
    struct = kind.data_struct(command.action) if kind else None
    if kind is None or struct is None:
        raise UnknownKind(f"There is no command {command.type!r}.", path="type")
    data = data_as(command, struct)
    if command.action == "create":
        return _create(decision, kind, command, data)
    record = find_target(decision, kind, command)
    emitted = len(decision.events)
    if command.action == "update":
        _update(decision, kind, command, record, resolve(decision, kind, data, record))
    elif command.action == "delete":
        _delete(decision, kind, command, record)
    else:
        _act(decision, kind, command, record, data)
    return _result(decision, command, record.id, changed=len(decision.events) > emitted)


def _result(decision: Decision, command: Command, record_id: UUID, *, changed: bool, replay: bool = False) -> Result:
    record = decision.books.records[record_id]
    return Result(
        type=command.type,
        kind=record.kind,
        id=record.id,
        number=record.number,
        seq=record.seq,
        version=record.version,
        deleted=record.deleted,
        changed=changed,
        idempotent_replay=replay,
        client_id=record.client_id,
        conflict=decision.conflict,
        outcome=decision.outcome,
    )


# Naming records -----------------------------------------------------------------------------------


def find_target(decision: Decision, kind: Kind, command: Command) -> Record:
    """The record a command names. Raises RecordNotFound, for another company's record as for none."""
    reference = command.target()
    if reference is None:
        raise InvalidField("Name the record by `id`, `number` or `client_id`.", path="id")
    record_id = decision.find(kind.name, reference)
    record = decision.books.record(record_id) if record_id else None
    if record is None or record.kind != kind.name:
        raise RecordNotFound(f"There is no such {kind.name.replace('_', ' ')}.", path="id")
    return record


def resolve(decision: Decision, kind: Kind, data: Any, record: Record | None = None, prefix: str = "data") -> Any:
    """`data` with every reference as the UUID of a living record. Raises ReferenceMissing, naming the field."""
    replaced: dict[str, Any] = {}
    for name, target in kind.references.items():
        value = getattr(data, name, None)
        if not isinstance(value, UUID | Ref):
            continue
        found = decision.find(target, value)
        path = f"{prefix}.{name}"
        if found is None:
            raise ReferenceMissing(f"There is no {target.replace('_', ' ')} {_shown(value)}.", path=path, kind=target)
        if record is None or record.data.get(name) != str(found):
            decision.living(found, target, path)
        if found is not value:
            replaced[name] = found
    for name, child in kind.nested.items():
        items = getattr(data, name, None)
        if items:
            owner = decision.catalogue[child]
            replaced[name] = [
                resolve(decision, owner, item, prefix=f"{prefix}.{name}[{index}]") for index, item in enumerate(items)
            ]
    return msgspec.structs.replace(data, **replaced) if replaced else data


def _shown(reference: UUID | Ref) -> str:
    if isinstance(reference, UUID):
        return str(reference)
    return f"number {reference.number}" if reference.number is not None else f"with the client id {reference.client_id!r}"


# Create, update, delete, act ----------------------------------------------------------------------


def _create(decision: Decision, kind: Kind, command: Command, data: Any) -> Result:
    source = command.source or decision.actor.source
    if command.client_id is not None:
        known = decision.books.by_client.get((kind.name, source, command.client_id))
        if known is not None:  # mapped once and for ever: asking again makes no second record
            return _result(decision, command, known, changed=False, replay=True)
    record_id = command.id or decision.new_id()
    if decision.books.record(record_id) is not None:
        raise RecordExists(f"A record with the id {record_id} exists already.", path="id")
    if command.client_id is not None:
        decision.client_ids[record_id] = (source, command.client_id)
    kind.decide_create(decision, record_id, resolve(decision, kind, data))
    return _result(decision, command, record_id, changed=True)


def _update(decision: Decision, kind: Kind, command: Command, record: Record, data: Fields) -> None:
    wanted: dict[str, Any] = msgspec.to_builtins(data)
    divergence = _divergence(decision, kind, command, record)
    if divergence is None:
        if record.deleted:
            raise RecordDeleted(path="id")
        _apply(decision, kind, record, wanted)
        return
    if record.deleted:
        _record_conflict(decision, kind, command, record, divergence, divergence.client_changes(wanted), {}, "server_kept")
        return
    verdict = merge(kind.policy, divergence, wanted, command.occurred_at or decision.now)
    if verdict.apply:
        _apply(decision, kind, record, verdict.apply)
    if verdict.lost or verdict.overwritten or verdict.outcome == "open":
        _record_conflict(
            decision, kind, command, record, divergence, verdict.lost, verdict.overwritten, verdict.outcome
        )
    elif verdict.outcome != "nothing_changed":
        decision.outcome = verdict.outcome


def _apply(decision: Decision, kind: Kind, record: Record, wanted: dict[str, Any]) -> None:
    changes = {name: value for name, value in wanted.items() if not _same(kind, name, record.data.get(name), value)}
    for name in changes:
        if name in kind.fixed:
            raise FieldFixed(f"`{name}` cannot be changed once the record exists.", path=f"data.{name}")
    if changes:
        kind.decide_update(decision, record, changes)


def _same(kind: Kind, name: str, before: Any, after: Any) -> bool:
    if before == after:
        return True
    if before is None or after is None or name not in decimal_fields(kind.fields):
        return False
    from decimal import Decimal

    return Decimal(before) == Decimal(after)


def _delete(decision: Decision, kind: Kind, command: Command, record: Record) -> None:
    if record.deleted:
        return  # deleting twice is one deletion
    divergence = _divergence(decision, kind, command, record)
    if divergence is not None:
        last_foreign = max(divergence.foreign.values(), default=datetime.min.replace(tzinfo=decision.now.tzinfo))
        if kind.policy is not Policy.LATEST_WINS or (command.occurred_at or decision.now) <= last_foreign:
            outcome = "open" if kind.policy is Policy.MANUAL else "server_kept"
            _record_conflict(decision, kind, command, record, divergence, {}, {}, outcome)
            return
    kind.decide_delete(decision, record)


def _act(decision: Decision, kind: Kind, command: Command, record: Record, data: Any) -> None:
    if record.deleted:
        raise RecordDeleted(path="id")
    if command.base_seq is not None and record.seq > command.base_seq:
        raise _stale(command, record)
    kind.actions[command.action].decide(decision, record, data)


# Conflicts ----------------------------------------------------------------------------------------


def needs_history(command: Command, record: Record) -> bool:
    """Whether settling this command needs the record's history: it was based on a version that the record has left."""
    return command.base_seq is not None and record.seq > command.base_seq and command.on_conflict == "policy"


def _divergence(decision: Decision, kind: Kind, command: Command, record: Record) -> Divergence | None:
    if command.base_seq is None or record.seq <= command.base_seq:
        return None
    if command.on_conflict == "refuse":
        raise _stale(command, record)
    history = [event for event in decision.books.histories.get(record.id, ()) if event.seq <= record.seq]
    history += [event for event in decision.events if event.record_id == record.id]
    divergence = diverge(fold_history(history, kind, decision.fields_of), command.base_seq, decision.actor.device_id)
    return divergence if divergence.moved else None


def _stale(command: Command, record: Record) -> VersionStale:
    return VersionStale(
        f"The record is at {record.seq}; this write was based on {command.base_seq}.",
        path="base_seq",
        current_seq=record.seq,
    )


def _record_conflict(
    decision: Decision,
    kind: Kind,
    command: Command,
    record: Record,
    divergence: Divergence,
    lost: dict[str, Any],
    overwritten: dict[str, Any],
    outcome: str,
) -> None:
    contested = {**lost, **overwritten}
    conflict_id = decision.new_id()
    decision.create(
        CONFLICT,
        conflict_id,
        Conflict(
            record_kind=kind.name,
            record_id=record.id,
            action=command.action,
            policy=kind.policy.value,
            outcome=outcome,
            status="open" if outcome == "open" else "settled",
            base_seq=command.base_seq,
            server_seq=record.seq,
            server_deleted=record.deleted,
            fields=sorted(contested),
            client=lost or {name: decision.books.records[record.id].data.get(name) for name in overwritten},
            server={name: overwritten.get(name, divergence.current.get(name)) for name in contested},
        ),
    )
    decision.conflict, decision.outcome = conflict_id, outcome
