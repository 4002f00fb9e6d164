"""What a kind of record is: its fields, events, references, unique values, policy, and the rules of its decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from domain.event import Changed, Created, Deleted, Event
from domain.personal import redaction_of
from domain.policy import Policy
from domain.values import Fields, changes_of, columns_of, decimal_fields

if TYPE_CHECKING:
    from domain.command import Command
    from domain.decision import Decision
    from domain.record import Record


@dataclass(frozen=True, slots=True)
class Unique:
    """One value that no two living records of the kind may share; that of a deleted one is free again, unless it is `kept`."""

    name: str
    fields: tuple[str, ...]
    ignore_case: bool = False
    kept: bool = False

    def value(self, data: Mapping[str, Any]) -> str | None:
        """The unique value in a record's data, or None where it has none."""
        parts = [data.get(name) for name in self.fields]
        if any(part is None or part == "" for part in parts):
            return None
        text = "\x1f".join(str(part) for part in parts)
        return text.casefold() if self.ignore_case else text


Handler = Callable[["Decision", "Record", Any], None]


@dataclass(frozen=True, slots=True)
class Action:
    """A verb beside create, update and delete: the Struct of its data and the decision it makes about one record.

    `of_any` actions are also for records that were deleted or erased.
    """

    fields: type[Fields]
    decide: Handler
    of_any: bool = False


class NoFields(Fields, frozen=True, kw_only=True):
    """An action that needs no data."""


@dataclass(frozen=True)
class Kind:
    """One kind of record. Instances are the catalogue's entries; subclasses override the `decide_…` methods.

    `references` names the kind each reference field points to; `about` is a pair of fields, the kind and the id of a record of
    any kind. `parent` is the reference whose record owns this one, so that the owner's children can be found. `fixed` fields
    cannot change, `kept` fields cannot be cleared (they are filled in where they are not given). `verbs` are the past-tense
    names of the three events. `dated` is the day on which a fact of this kind counts in the books, `posted` are the fields that
    what it posts depends on: once a period is closed, its facts are late (see `Decision.emit`). `personal` fields are sealed in
    the log and can be erased for ever; whose they are says the field `person`, or where it is empty, they are those of the person
    that the record is.
    """

    name: str
    fields: type[Fields]
    policy: Policy = Policy.MERGE
    references: Mapping[str, str] = field(default_factory=dict)
    about: tuple[str, str] | None = None
    parent: str | None = None
    unique: tuple[Unique, ...] = ()
    fixed: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    verbs: tuple[str, str, str] = ("created", "changed", "deleted")
    actions: Mapping[str, Action] = field(default_factory=dict)
    derived: type[Fields] | None = None
    extra_events: Mapping[str, type[Event]] = field(default_factory=dict)
    create_fields: type[Fields] | None = None
    nested: Mapping[str, str] = field(default_factory=dict)
    writable: bool = True
    dated: str | None = None
    posted: frozenset[str] = frozenset()
    personal: frozenset[str] = frozenset()
    person: str = ""

    def __post_init__(self) -> None:
        if taken := {"number", "client_id", "source"} & set(self.field_names):
            raise TypeError(f"{self.name}: the record itself has {sorted(taken)}; name the fields otherwise")
        title = "".join(part.capitalize() for part in self.name.split("_"))
        created, changed, deleted = self.verbs
        set_once = object.__setattr__  # the dataclass is frozen; these are derived once, here
        set_once(self, "title", title)
        set_once(self, "changes", changes_of(self.fields))
        state = (self.fields,) if self.derived is None else (self.fields, self.derived)
        set_once(self, "Created", _event(f"{title}{_camel(created)}", Created, state))
        set_once(self, "Changed", _event(f"{title}{_camel(changed)}", Changed, tuple(map(changes_of, state))))
        set_once(self, "Deleted", _event(f"{title}{_camel(deleted)}", Deleted, ()))
        topics: dict[str, type[Event]] = {
            self.topic(created): self.Created,
            self.topic(changed): self.Changed,
            self.topic(deleted): self.Deleted,
        }
        topics.update(self.extra_events)
        set_once(self, "Redacted", None)
        if self.personal:
            verb = "redacted" if self.person else "erased"
            redaction = redaction_of(self.fields.__name__, state, self.personal, is_person=not self.person)
            set_once(self, "Redacted", _event(f"{title}{_camel(verb)}", Changed, (redaction,)))
            topics[self.topic(verb)] = self.Redacted
        set_once(self, "topics", topics)
        set_once(self, "topic_of", {struct: topic for topic, struct in topics.items()})
        numeric = {name for struct in state for name in decimal_fields(struct)}
        set_once(self, "numeric", frozenset(numeric))

    title: str = field(init=False)
    changes: type[Fields] = field(init=False)
    Created: type[Event] = field(init=False)
    Changed: type[Event] = field(init=False)
    Deleted: type[Event] = field(init=False)
    Redacted: type[Event] = field(init=False)
    """What is left of the personal fields; None where the kind has none."""
    topics: Mapping[str, type[Event]] = field(init=False)
    topic_of: Mapping[type[Event], str] = field(init=False)
    numeric: frozenset[str] = field(init=False)

    def topic(self, verb: str, version: int = 1) -> str:
        """The permanent name of an event: `party.created.v1`."""
        return f"{self.name}.{verb}.v{version}"

    def data_struct(self, action: str) -> type[Fields] | None:
        """The Struct of the data that `action` takes, or None where there is no such action."""
        if self.writable:
            if action == "create":
                return self.create_fields or self.fields
            if action == "update":
                return self.changes
            if action == "delete":
                return NoFields
        found = self.actions.get(action)
        return found.fields if found else None

    def state(self, record: Record) -> Any:
        """The record's data as this kind's Struct, without the derived fields."""
        known = {name: record.data[name] for name in self.field_names if name in record.data}
        return msgspec.convert(known, self.fields)

    def references_of(self, data: Any) -> Iterable[tuple[str, str]]:
        """Every field of `data` that names another record, with the kind it names."""
        if self.about is None:
            return self.references.items()
        kind_field, id_field = self.about
        named = getattr(data, kind_field, None)
        about = [(id_field, named)] if isinstance(named, str) else []
        return [*self.references.items(), *about]

    def person_of(self, record_id: UUID, data: Mapping[str, Any]) -> UUID | None:
        """Whose the personal fields in a record's data are; None where nobody is named."""
        if not self.personal:
            return None
        if not self.person:
            return record_id
        named = data.get(self.person)
        return UUID(named) if named else None

    def holds_personal(self, data: Any) -> bool:
        """Whether a command's data sets a personal field."""
        return any(getattr(data, name, None) not in (None, msgspec.UNSET) for name in self.personal)

    def same(self, name: str, before: Any, after: Any) -> bool:
        """Whether two JSON values of a field mean the same: amounts are compared by value, 1.5 is 1.50."""
        if before == after:
            return True
        if before is None or after is None or name not in self.numeric:
            return False
        if isinstance(before, list) or isinstance(after, list):
            return list(map(Decimal, before)) == list(map(Decimal, after))
        return Decimal(before) == Decimal(after)

    @property
    def field_names(self) -> tuple[str, ...]:
        """The names of the fields that commands may set."""
        return self.fields.__struct_fields__

    def values_of(self, data: Any) -> dict[str, Any]:
        """The values of those fields in a command's data."""
        if type(data) is self.fields:
            return msgspec.structs.asdict(data)
        return {name: getattr(data, name) for name in self.field_names}

    def posts(self, data: Mapping[str, Any]) -> bool:
        """Whether a record with this data counts in the books; a draft or a request does not yet."""
        return True

    # What a decision needs to have loaded, beside the target and what its data refers to ----------

    def holders(self, data: Any) -> Iterable[HolderOf]:
        """Other records that the data of a command names by a unique value of theirs; loaded with the command's first query."""
        return ()

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """More records that deciding this command needs; asked again until nothing is missing."""
        return ()

    # Decisions: pure; they emit events into the decision or raise a LedgerError -------------------

    def decide_create(self, decision: Decision, record_id: UUID, data: Any) -> None:
        """Emit what creating the record means."""
        decision.create(self, record_id, data)

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Emit what changing these fields means; `changes` holds JSON values and only fields that really differ."""
        decision.change(self, record, changes)

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Emit what deleting the record means."""
        decision.delete(self, record)


@dataclass(frozen=True, slots=True)
class ChildrenOf:
    """A wish to load every living record whose parent is this one."""

    parent_id: UUID


@dataclass(frozen=True, slots=True)
class HolderOf:
    """A wish to load the record that has a unique value: its kind, the name of the unique value, and the value."""

    kind: str
    unique: str
    value: str


@dataclass(frozen=True, slots=True)
class StockOf:
    """A wish to load how much of a product is in a store (None: the company's only store)."""

    product_id: UUID
    store_id: UUID | None


@dataclass(frozen=True, slots=True)
class CashOf:
    """A wish to load every living payment, expense and cash movement that names this shift."""

    shift_id: UUID


@dataclass(frozen=True, slots=True)
class TracesOf:
    """A wish to load every record that holds personal data of this person, with its whole history."""

    person_id: UUID


Wish = UUID | ChildrenOf | HolderOf | StockOf | CashOf | TracesOf


def _camel(verb: str) -> str:
    return "".join(part.capitalize() for part in verb.split("-"))


def _event(name: str, base: type[Event], structs: tuple[type[Fields], ...]) -> type[Event]:
    columns = [column for struct in structs for column in columns_of(struct)]
    made: Any = msgspec.defstruct(
        name, columns, bases=(base,), frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
    )
    event: type[Event] = made
    return event
