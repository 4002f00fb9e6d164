"""Writing objects: create, update, delete. Each is one transaction, and safe to repeat under an `Idempotency-Key`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar.response.base import ASGIResponse

from api.fintrack.asking import Asker
from api.fintrack.envelope import Action, respond
from api.fintrack.objects.object import Object, Row
from api.fintrack.reading import find, not_found, path_id, shown
from api.fintrack.wording import Words, still_unpaid
from domain.command import Command
from domain.decide import Result
from domain.errors import LedgerError, StillReferenced
from domain.needs import Needs
from domain.record import Record
from infra.history.asof import find_as_of
from infra.ledger import Outcome


def create(asker: Asker, object_: Object) -> ASGIResponse:
    """`create…`: a new object, which may bring its own id."""
    words = Words(object_)
    return _write(asker, words, "create", lambda: creation(words, asker.form, asker.zone))


def creation(words: Words, form: Row, zone: ZoneInfo) -> Command:
    """The command that a new object's form means. Raises InvalidField."""
    object_ = words.object_
    data = object_.new_data(form, zone)
    words.invoice_type = data["type"] if object_.kind == "invoice" else None
    return Command(kind=object_.kind, action="create", id=object_.own_id(form), data=_in_upper_case(data))


def update(asker: Asker, object_: Object) -> ASGIResponse:
    """`update…`: what is sent is changed; what clients do not write, which is most of a row that is sent back, is passed over."""
    record_id = path_id(asker, object_)
    words = Words(object_)

    def read() -> Command:
        return change(words, find(asker, object_, record_id)[0], asker.form, asker.zone)

    return _write(asker, words, "update", read)


def change(words: Words, record: Record, form: Row, zone: ZoneInfo) -> Command:
    """The command that a form of changes to this object means. Raises InvalidField."""
    words.invoice_type = record.data["type"] if record.kind == "invoice" else None
    changes = _in_upper_case(words.object_.changes(form, record, zone))
    return Command(kind=record.kind, action="update", id=record.id, data=changes)


def delete(asker: Asker, object_: Object) -> ASGIResponse:
    """`delete…`: the object is gone from every list, and its last state is answered."""
    record_id = path_id(asker, object_)

    def read() -> Command:
        return removals(asker, object_, [find(asker, object_, record_id)[0]])[0]

    return _write(asker, Words(object_), "delete", read)


def removals(asker: Asker, object_: Object, records: Sequence[Record]) -> list[Command]:
    """The commands that take these objects away. Raises StillReferenced."""
    kept = {record.id: _other_roles(object_, record) for record in records}
    _check_settled(asker, object_, {record_id for record_id, roles in kept.items() if roles})
    return [
        Command(kind=object_.kind, action="update", id=record.id, data={"roles": kept[record.id]})
        if kept[record.id]
        else Command(kind=object_.kind, action="delete", id=record.id)
        for record in records
    ]


def _other_roles(object_: Object, record: Record) -> list[str]:
    """Where the same party is another object, too: the roles in which it stays."""
    return [role for role in record.data.get("roles", ()) if role != object_.removing_role] if object_.removing_role else []


def _in_upper_case(data: dict[str, object]) -> dict[str, object]:
    currency = data.get("currency")
    return {**data, "currency": currency.strip().upper()} if isinstance(currency, str) else data


def _check_settled(asker: Asker, object_: Object, parties: set[UUID]) -> None:
    """Raise StillReferenced where one of the parties has unpaid invoices in the role that is taken away."""
    type_ = "purchase" if object_.removing_role == "supplier" else "sales"
    families = asker.services.store.read_records(asker.company_id, Needs(parents=parties)).records if parties else []
    invoices = [one for one in families if one.kind == "invoice" and not one.deleted and one.data["type"].startswith(type_)]
    unpaid = Counter(one.data["party_id"] for one in invoices if one.data["status"] != "paid")
    if unpaid:
        raise StillReferenced(still_unpaid(object_.name, next(iter(unpaid.values()))), path=object_.id_name)


def _write(asker: Asker, words: Words, action: Action, read: Callable[[], Command]) -> ASGIResponse:
    object_, outcome = words.object_, _execute(asker, words, read)
    result = outcome.results[0]
    assert isinstance(result, Result), "an atomic batch has no refusals"
    if action == "delete" and not result.changed:  # somebody else did it between our look and our write
        raise not_found(object_, result.id)
    row = shown(asker, object_, state_after(asker, result.id, outcome.seq), active=False if action == "delete" else None)
    headers = {"Idempotent-Replay": "true"} if outcome.idempotent_replay else None
    return respond(asker, action, object_.name, row, headers=headers)


def _execute(asker: Asker, words: Words, read: Callable[[], Command]) -> Outcome:
    """Read the command and execute it. The key comes before the form: a repeated deletion finds nothing any more."""
    idempotency, ledger = asker.idempotency(), asker.services.ledger
    try:
        command = read()
    except LedgerError:
        known = ledger.find_answer(asker.company_id, idempotency) if idempotency is not None else None
        if known is None:
            raise
        return known
    with words.spoken():
        return ledger.execute(asker.company_id, [command], asker.actor, idempotency=idempotency)


def state_after(asker: Asker, record_id: UUID, seq: int) -> Record:
    """A record as the write that ended at `seq` left it, whatever was written since."""
    with asker.services.database.company(asker.company_id) as connection:
        return find_as_of(connection, asker.company_id, seq, [record_id])[record_id]
