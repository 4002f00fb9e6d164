"""given(…).when(…).then(…): decisions by example, on books that hold only what the commands asked to have loaded.

Every request is decided on cold books, filled as the write path fills them (`note_needs`, then `wants` until nothing is
missing), and what it emitted is then replayed into the warm books of the whole company. So every example also proves that a
rule asks for all it needs, and that replaying gives what deciding gave.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

import msgspec

from domain.books import Books
from domain.catalogue import CATALOGUE, fields_of
from domain.command import Actor, Command, data_as
from domain.decide import Result, decide, needs_history
from domain.decision import Decision
from domain.errors import LedgerError
from domain.event import RecordedEvent
from domain.kind import CashOf, ChildrenOf, HolderOf, StockOf
from domain.kinds.drawer import COUNTED
from domain.needs import Needs, note_needs
from domain.record import Record
from domain.resolving import find_target
from domain.validation import invalid_field

COMPANY_ID = UUID(int=0xC0)
DEVICE_A, DEVICE_B = UUID(int=0xDA), UUID(int=0xDB)
A = Actor(user_id=UUID(int=0xA), device_id=DEVICE_A)
B = Actor(user_id=UUID(int=0xB), device_id=DEVICE_B)
LOGIN = Actor(user_id=UUID(int=0xA))
"""A login without a device, as Mahak's clients have."""
NOON = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
UNDO = {"_undo", "undoable", "histories", "touched", "new_clients", "claims", "released", "moved_stock"}


def command(type_: str, data: dict[str, Any] | None = None, **rest: Any) -> Command:
    """A command as a client writes it: `party.create` and its JSON."""
    kind, _, action = type_.rpartition(".")
    return Command(kind=kind, action=action, data=data, **rest)


def uid(number: int) -> UUID:
    """A short UUID for records that a test names itself."""
    return UUID(int=number)


def contents(books: Books) -> dict[str, Any]:
    """What is known of the company, without how it came to be known: equal for equal books."""
    known = {name: copy(getattr(books, name)) for name in Books.__dataclass_fields__ if name not in UNDO}
    known["unique"] = {key: holder for key, holder in books.unique.items() if holder is not None}
    known["stock"] = {key: level for key, level in books.stock.items() if level}
    known["children"] = {parent: set(family) for parent, family in books.children.items() if family}
    return known


class Spec:
    """One company's books, and what its last request came to."""

    def __init__(self, currency: str = "USD", time_zone: str = "UTC", now: datetime = NOON) -> None:
        self.log: list[RecordedEvent] = []
        self.warm = Books(COMPANY_ID, undoable=False)
        self.now = now
        self.ids = 0x1000
        self.decision: Decision | None = None
        self.results: list[Result] = []
        self.error: LedgerError | None = None
        company = {"name": "Babil", "codename": "babil", "currency": currency, "time_zone": time_zone}
        self.given(command("company.create", company, id=COMPANY_ID))

    # Given, when, then ----------------------------------------------------------------------------

    def given(self, *commands: Command, by: Actor = A) -> Self:
        """Requests that must succeed, one per command."""
        for each in commands:
            self.when(each, by=by)
            if self.error is not None:
                raise AssertionError(f"{each.type} was refused: {self.error.code} {self.error} at {self.error.path}")
        return self

    def when(self, *commands: Command, by: Actor = A, after: timedelta = timedelta(seconds=1)) -> Self:
        """One request of one or more commands, all or nothing."""
        self.now += after
        self.results, self.error = [], None
        try:
            typed = [_typed(each) for each in commands]
        except msgspec.ValidationError as error:
            self.error = invalid_field(error, root="data")
            return self
        except LedgerError as error:
            self.error = error
            return self
        cold = self._loaded(typed, by)
        self.decision = decision = Decision(CATALOGUE, cold, by, self.now, self.new_id, fields_of, correlation_id=self.new_id())
        self._load_wishes(decision, typed, by)
        before = contents(cold)
        try:
            self.results = [decide(decision, each) for each in typed]
        except LedgerError as error:
            self.error = error
            if len(typed) == 1:
                assert contents(cold) == before, "a refused command left something behind"
                assert not decision.events
                assert not decision.client_ids
            return self
        for event in decision.events:
            self.warm.apply(event, CATALOGUE[event.kind], fields_of(event))
            self.log.append(event)
        for record_id in cold.touched:
            assert self.warm.records[record_id] == cold.records[record_id], "replay differs from the decision"
        return self

    def then(self, *topics: str) -> Self:
        """The request was accepted and emitted events of exactly these topics, in order."""
        if self.error is not None:
            raise AssertionError(f"refused: {self.error.code} {self.error} at {self.error.path}")
        assert self.decision is not None
        emitted = [event.topic for event in self.decision.events]
        assert emitted == list(topics), emitted
        return self

    def refused(self, code: str, path: str) -> Self:
        """The request was refused with this code, at this place."""
        assert self.error is not None, "the request was accepted"
        assert (self.error.code, self.error.path) == (code, path), (self.error.code, self.error.path, str(self.error))
        return self

    def shows(self, record: UUID, **fields: Any) -> Self:
        """The record has these values (None: absent)."""
        data = self.warm.records[record].data
        seen = {name: data.get(name) for name in fields}
        assert seen == fields, seen
        return self

    # Asking ---------------------------------------------------------------------------------------

    @property
    def result(self) -> Result:
        """What became of the only command of the last request."""
        (result,) = self.results
        return result

    def record(self, record_id: UUID) -> Record:
        """The record, deleted or not."""
        return self.warm.records[record_id]

    def only(self, kind: str) -> Record:
        """The only living record of a kind."""
        (record,) = self.all(kind)
        return record

    def all(self, kind: str) -> list[Record]:
        """The living records of a kind, by number."""
        found = (r for r in self.warm.records.values() if r.kind == kind and not r.deleted)
        return sorted(found, key=lambda r: r.number)

    def stock(self, product: UUID, store: UUID | None = None) -> Decimal:
        """How much of the product there is."""
        return self.warm.stock.get((product, store), Decimal(0))

    # The write path's loading, from the warm books ---------------------------------------------------

    def new_id(self) -> UUID:
        """The next id."""
        self.ids += 1
        return UUID(int=self.ids)

    def _loaded(self, commands: Iterable[Command], actor: Actor) -> Books:
        cold = Books(COMPANY_ID, seq=self.warm.seq, numbers=dict(self.warm.numbers))
        needs = Needs(ids={COMPANY_ID})
        for each in commands:
            note_needs(needs, CATALOGUE, each, actor)
        self._fill(cold, needs)
        return cold

    def _load_wishes(self, decision: Decision, commands: list[Command], actor: Actor) -> None:
        for _ in range(6):
            wanted = Needs()
            for each in commands:
                self._wishes(wanted, decision, each)
            before = len(decision.books.records), len(decision.books.histories), len(decision.books.stock)
            self._fill(decision.books, wanted)
            if (len(decision.books.records), len(decision.books.histories), len(decision.books.stock)) == before:
                return
        raise AssertionError("the rules never stop wanting")

    def _wishes(self, wanted: Needs, decision: Decision, each: Command) -> None:
        kind, record = CATALOGUE.get(each.kind), None
        if kind is None:
            return
        if each.action != "create":
            try:
                record = find_target(decision, kind, each)
            except LedgerError:
                return
            if needs_history(each, record):
                wanted.histories.add(record.id)
        for wish in kind.wants(decision, each, record):
            if isinstance(wish, ChildrenOf):
                wanted.parents.add(wish.parent_id)
            elif isinstance(wish, HolderOf):
                wanted.holders.add((wish.kind, wish.unique, wish.value))
            elif isinstance(wish, StockOf):
                wanted.stock.add((wish.product_id, wish.store_id))
            elif isinstance(wish, CashOf):
                wanted.shifts.add(wish.shift_id)
            else:
                wanted.ids.add(wish)

    def _fill(self, cold: Books, needs: Needs) -> None:
        warm = self.warm
        ids = set(needs.ids)
        ids |= {warm.by_number[key] for key in needs.numbers if key in warm.by_number}
        for key in needs.clients:
            if key in warm.by_client:
                cold.by_client[key] = warm.by_client[key]
                ids.add(warm.by_client[key])
        for parent in needs.parents:
            ids |= {child for child in warm.children.get(parent, ()) if not warm.records[child].deleted}
        in_shifts = {str(shift) for shift in needs.shifts}
        for record in warm.records.values():
            if record.kind in COUNTED and not record.deleted and record.data.get("shift_id") in in_shifts:
                ids.add(record.id)
        for key in needs.holders:
            if (holder := warm.unique.get(key)) is not None:
                cold.unique[key] = holder
                ids.add(holder)
        for record_id in sorted(ids, key=str):
            if record_id in warm.records and record_id not in cold.records:
                cold.add(warm.records[record_id], CATALOGUE[warm.records[record_id].kind])
        cold.unique.update({key: warm.unique[key] for key in needs.unique if key in warm.unique})
        cold.stock.update({key: warm.stock[key] for key in needs.stock if key in warm.stock})
        for record_id in needs.histories:
            cold.histories[record_id] = [event for event in self.log if event.record_id == record_id]


def _typed(each: Command) -> Command:
    kind = CATALOGUE.get(each.kind)
    struct = kind.data_struct(each.action) if kind else None
    return each if struct is None else msgspec.structs.replace(each, data=data_as(each, struct))
