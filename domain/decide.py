"""Deciding one command: resolve what it names, settle conflicts, call the kind's rules.

`decide` is all or nothing: where it raises, the books and the decision are as they were before.
"""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import localcontext
from typing import Any
from uuid import UUID

import msgspec

from domain.command import Command, data_as
from domain.decision import Decision
from domain.errors import CursorAhead, InvalidField, RecordDeleted, RecordExists, UnknownKind, VersionStale
from domain.history import diverge, fold_history
from domain.kind import Kind
from domain.kinds.conflict import CONFLICT, Conflict
from domain.money import EXACT
from domain.policy import Divergence, Policy, Verdict, merge
from domain.record import Record
from domain.resolving import apply_changes, find_target, require_not_erased, resolve
from domain.validation import invalid_field
from domain.values import Fields, OutOfRange


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
    mark, emitted, secrets, erased = (
        decision.books.mark(),
        len(decision.events),
        len(decision.credentials),
        len(decision.erased),
    )
    decision.command_id = decision.new_id()
    decision.conflict, decision.outcome = None, None
    try:
        decision.occurred_at = _moment(decision, command.occurred_at)
        with localcontext(EXACT):
            return _decide(decision, command)
    except Exception as error:
        decision.books.rollback(mark)
        decision.client_ids.clear()
        del decision.events[emitted:]
        del decision.credentials[secrets:]
        del decision.erased[erased:]
        if isinstance(error, msgspec.ValidationError):
            raise invalid_field(error, root="data") from None
        if isinstance(error, RecursionError):
            raise InvalidField("The data is nested too deeply.", path="data") from None
        if isinstance(error, OutOfRange):
            raise InvalidField(f"{error}.", path="data") from None
        raise


def _moment(decision: Decision, moment: datetime | None) -> datetime:
    if moment is None:
        return decision.now
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=decision.time_zone)).astimezone(timezone.utc)
    except OverflowError:
        raise InvalidField("This moment lies outside the years 1 to 9999.", path="occurred_at") from None


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
    require_not_erased(record)
    wanted: dict[str, Any] = msgspec.to_builtins(data)
    divergence = _divergence(decision, kind, command, record)
    if divergence is None:
        if record.deleted:
            raise RecordDeleted(path="id")
        apply_changes(decision, kind, record, wanted)
        return
    if record.deleted:
        lost = Verdict({}, divergence.client_changes(wanted), {}, "server_kept")
        _record_conflict(decision, kind, command, record, divergence, lost)
        return
    verdict = merge(kind.policy, divergence, wanted, _occurred(decision))
    if verdict is None:
        return
    if verdict.apply:
        apply_changes(decision, kind, record, verdict.apply)
    if verdict.lost or verdict.overwritten:
        _record_conflict(decision, kind, command, record, divergence, verdict)
    else:
        decision.outcome = verdict.outcome


def _occurred(decision: Decision) -> datetime:
    """When the person did it, but never later than now: a clock that is ahead must not win for ever."""
    return min(decision.occurred_at or decision.now, decision.now)


def _delete(decision: Decision, kind: Kind, command: Command, record: Record) -> None:
    if record.deleted:
        return  # deleting twice is one deletion
    divergence = _divergence(decision, kind, command, record)
    if divergence is not None:
        last_foreign = max(divergence.foreign.values(), default=datetime.min.replace(tzinfo=timezone.utc))
        if kind.policy is not Policy.LATEST_WINS or _occurred(decision) <= last_foreign:
            kept = Verdict({}, {}, {}, "open" if kind.policy is Policy.MANUAL else "server_kept")
            _record_conflict(decision, kind, command, record, divergence, kept)
            return
        decision.outcome = "deleted"
    kind.decide_delete(decision, record)


def _act(decision: Decision, kind: Kind, command: Command, record: Record, data: Any) -> None:
    action = kind.actions[command.action]
    if not action.of_any:
        require_not_erased(record)
        if record.deleted:
            raise RecordDeleted(path="id")
    if _divergence(decision, kind, command, record) is not None:
        raise _stale(command, record)
    action.decide(decision, record, data)


# Conflicts ----------------------------------------------------------------------------------------


def needs_history(command: Command, record: Record) -> bool:
    """Whether settling this command needs the record's history: it was based on a version that the record has left."""
    return command.base_seq is not None and record.seq > command.base_seq and command.on_conflict == "policy"


def _divergence(decision: Decision, kind: Kind, command: Command, record: Record) -> Divergence | None:
    if command.base_seq is None:
        return None
    if command.base_seq > decision.books.seq:
        raise CursorAhead(f"The write was based on {command.base_seq}, but this company's log ends before it.", path="base_seq")
    if record.seq <= command.base_seq:
        return None
    if command.on_conflict == "refuse":
        if decision.seqs_before.get(record.id, record.seq) <= command.base_seq:
            return None  # only this very request has moved it
        raise _stale(command, record)
    earlier = [event for event in decision.events if event.record_id == record.id]  # of this very request: its own edits
    loaded = decision.books.histories.get(record.id, [])
    if earlier and earlier[0].version > 1 and not loaded:
        return None  # when the request began, the record was at the base of the write
    steps = fold_history([*loaded, *earlier], kind, decision.fields_of)
    own_since = earlier[0].seq if earlier else None
    divergence = diverge(steps, kind, command.base_seq, decision.actor.device_id, own_since)
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
    verdict: Verdict,
) -> None:
    contested = {**verdict.lost, **verdict.overwritten}
    won = {name: decision.books.records[record.id].data.get(name) for name in verdict.overwritten}
    conflict_id = decision.new_id()
    person_id = None if kind.personal.isdisjoint(contested) else kind.person_of(record.id, record.data)
    decision.create(
        CONFLICT,
        conflict_id,
        Conflict(
            record_kind=kind.name,
            record_id=record.id,
            action="delete" if command.action == "delete" else "update",
            policy=kind.policy.value,
            outcome=verdict.outcome,
            status="open" if verdict.outcome == "open" else "settled",
            base_seq=command.base_seq,
            server_seq=record.seq,
            server_deleted=record.deleted,
            fields=sorted(contested),
            client={**verdict.lost, **won},
            server={name: verdict.overwritten.get(name, divergence.current.get(name)) for name in contested},
            person_id=person_id,
        ),
    )
    decision.conflict, decision.outcome = conflict_id, verdict.outcome
