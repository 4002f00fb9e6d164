"""Journal entry and its lines: double entry by hand. A draft may say anything; what is posted balances and never changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from domain.command import Command
from domain.decision import Decision
from domain.errors import AmountNotPositive, EntryPosted, EntryUnbalanced, InvalidField
from domain.event import Changed
from domain.kind import Action, ChildrenOf, HolderOf, Kind, NoFields, Wish
from domain.kinds.account import AccountCode, holders_of_code, type_of_open
from domain.money import ZERO, require_exact
from domain.policy import Policy
from domain.record import Record, assign
from domain.values import ClientId, Count, CurrencyCode, Day, Fields, Line, Reference, Text, always

# Lines --------------------------------------------------------------------------------------------


class JournalLineFields(Fields, frozen=True, kw_only=True):
    """One side of an entry: exactly one of `debit` and `credit` is more than zero. `currency` is the entry's if not given."""

    account_code: AccountCode
    debit: Decimal = always(ZERO)
    credit: Decimal = always(ZERO)
    currency: CurrencyCode | None = None
    party_id: Reference | None = None
    description: Text | None = None
    position: Count | None = None
    extra: dict[str, Any] = {}


class JournalLine(JournalLineFields, frozen=True, kw_only=True):
    """A line and the entry it stands in."""

    entry_id: Reference


class NewJournalLine(JournalLineFields, frozen=True, kw_only=True):
    """A line inside a new entry; a client may give it its own id."""

    id: UUID | None = None
    client_id: ClientId | None = None


def checked(debit: Decimal, credit: Decimal, currency: str, path: str) -> tuple[Decimal, Decimal]:
    """Debit and credit at the currency's decimals. Raises unless exactly one is more than zero and the other zero."""
    for name, amount in (("debit", debit), ("credit", credit)):
        if amount < 0:
            raise AmountNotPositive("An amount must not be negative; use the other side.", path=f"{path}.{name}")
    if (debit > 0) == (credit > 0):
        raise InvalidField("A line has a debit or a credit, and not both.", path=f"{path}.debit")
    return require_exact(debit, currency, f"{path}.debit"), require_exact(credit, currency, f"{path}.credit")


class JournalLineKind(Kind):
    """Lines change only while their entry is a draft."""

    def holders(self, data: Any) -> Iterable[HolderOf]:
        """The account that a line names."""
        yield from holders_of_code(getattr(data, "account_code", None))

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """The line's entry."""
        if record is not None:
            yield UUID(record.data["entry_id"])

    def decide_create(self, decision: Decision, record_id: UUID, data: JournalLine) -> None:
        """Add a line to a draft."""
        entry = decision.living(data.entry_id, "journal_entry", "data.entry_id")
        require_draft(entry, "data.entry_id")
        currency = data.currency or entry.data["currency"]
        debit, credit = checked(data.debit, data.credit, currency, "data")
        type_of_open(decision, data.account_code, "data.account_code")
        decision.create(self, record_id, msgspec.structs.replace(data, debit=debit, credit=credit, currency=currency))

    def add(self, decision: Decision, entry: Record, line: NewJournalLine, path: str) -> None:
        """Add a nested line to the new entry."""
        line_id = line.id or decision.new_id()
        if line.client_id is not None:
            decision.client_ids[line_id] = (decision.actor.source, line.client_id)
        currency = line.currency or entry.data["currency"]
        debit, credit = checked(line.debit, line.credit, currency, path)
        type_of_open(decision, line.account_code, f"{path}.account_code")
        fields = {name: getattr(line, name) for name in JournalLineFields.__struct_fields__}
        fields.update(debit=debit, credit=credit, currency=currency)
        decision.create(self, line_id, JournalLine(**fields, entry_id=entry.id), path=path)

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change a draft's line."""
        require_draft(decision.living(record.data["entry_id"], "journal_entry", "data.entry_id"), "id")
        after = assign(record.data, changes)
        debit, credit = checked(Decimal(after["debit"]), Decimal(after["credit"]), after["currency"], "data")
        if "account_code" in changes:
            type_of_open(decision, changes["account_code"], "data.account_code")
        amounts = {"debit": str(debit), "credit": str(credit)}
        complete = {**changes, **{name: text for name, text in amounts.items() if text != record.data[name]}}
        decision.change(self, record, complete)

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Remove a draft's line."""
        require_draft(decision.living(record.data["entry_id"], "journal_entry", "data.entry_id"), "id")
        decision.delete(self, record)


JOURNAL_LINE = JournalLineKind(
    name="journal_line",
    fields=JournalLine,
    policy=Policy.SERVER_WINS,
    references={"entry_id": "journal_entry", "party_id": "party"},
    parent="entry_id",
    fixed=frozenset({"entry_id"}),
    kept=frozenset({"currency"}),
    verbs=("added", "changed", "removed"),
)


# Entries ------------------------------------------------------------------------------------------


class JournalEntry(Fields, frozen=True, kw_only=True):
    """`date` is today and `currency` (that of lines which name none) the company's where they are not given."""

    date: Day | None = None
    currency: CurrencyCode | None = None
    description: Text | None = None
    reference: Line | None = None
    notes: Text | None = None
    extra: dict[str, Any] = {}


class JournalStatus(Fields, frozen=True, kw_only=True):
    """A draft, until it is posted."""

    status: Literal["draft", "posted"]
    posted_on: Day | None = None


class NewJournalEntry(JournalEntry, frozen=True, kw_only=True):
    """An entry with its lines; `post_now` posts it at once, and refuses it where it does not balance."""

    lines: Annotated[list[NewJournalLine], Meta(max_length=5_000)] = []
    post_now: bool = False


class JournalEntryPosted(Changed, frozen=True, kw_only=True):
    """The entry balances and counts from now on; `posted_on` is the day of posting, the entry's own date is when it applies."""

    status: Literal["posted"] = always("posted")
    posted_on: Day


def require_draft(entry: Record, path: str) -> None:
    """Raise EntryPosted unless the entry is a draft."""
    if entry.data["status"] == "posted":
        raise EntryPosted(path=path)


def require_balance(lines: Iterable[Mapping[str, Any]]) -> None:
    """Raise EntryUnbalanced unless there are lines, and debits equal credits in every currency."""
    balances: dict[str, Decimal] = {}
    for line in lines:
        change = Decimal(line["debit"]) - Decimal(line["credit"])
        balances[line["currency"]] = balances.get(line["currency"], ZERO) + change
    if not balances:
        raise EntryUnbalanced("An entry without lines cannot be posted.", path="data.lines")
    for currency, balance in balances.items():
        if balance != 0:
            more, less = ("debits", "credits") if balance > 0 else ("credits", "debits")
            raise EntryUnbalanced(
                f"The {more} are {abs(balance)} {currency} more than the {less}.",
                path="data.lines",
                currency=currency,
                difference=str(balance),
            )


def _post(decision: Decision, entry: Record, _: NoFields) -> None:
    require_draft(entry, "id")
    lines = decision.books.living_children(entry.id, "journal_line")
    for index, line in enumerate(lines):  # an account may have been closed since the line was drafted
        type_of_open(decision, line.data["account_code"], f"data.lines[{index}].account_code")
    require_balance(line.data for line in lines)
    decision.emit(JOURNAL_ENTRY, entry.id, JournalEntryPosted(posted_on=decision.today))


class JournalEntryKind(Kind):
    """A posted entry is never edited or deleted: it is corrected by another entry."""

    def posts(self, data: Mapping[str, Any]) -> bool:
        """A draft counts for nothing."""
        return bool(data["status"] == "posted")

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """Posting and deleting need the entry's lines; posting, the accounts that they name."""
        if record is not None and command.action in ("post", "delete"):
            yield ChildrenOf(record.id)
        if record is not None and command.action == "post":
            for line in decision.books.living_children(record.id, "journal_line"):
                yield from holders_of_code(line.data["account_code"])

    def decide_create(self, decision: Decision, record_id: UUID, data: NewJournalEntry) -> None:
        """Draft an entry with its lines, and post it where that is asked for."""
        currency = data.currency or decision.currency
        complete = msgspec.structs.replace(data, currency=currency, date=data.date or decision.today)
        entry = decision.create(self, record_id, complete, status="draft")
        for index, line in enumerate(data.lines):
            JOURNAL_LINE.add(decision, entry, line, f"data.lines[{index}]")
        if data.post_now:
            _post(decision, entry, NoFields())

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change a draft."""
        require_draft(record, "id")
        decision.change(self, record, changes)

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Delete a draft with its lines."""
        require_draft(record, "id")
        for line in decision.books.living_children(record.id, "journal_line"):
            decision.delete(JOURNAL_LINE, line)
        decision.delete(self, record)


JOURNAL_ENTRY = JournalEntryKind(
    name="journal_entry",
    fields=JournalEntry,
    derived=JournalStatus,
    create_fields=NewJournalEntry,
    policy=Policy.SERVER_WINS,
    nested={"lines": "journal_line"},
    kept=frozenset({"date", "currency"}),
    dated="date",
    posted=frozenset({"date", "status"}),
    verbs=("drafted", "changed", "deleted"),
    actions={"post": Action(NoFields, _post)},
    extra_events={"journal_entry.posted.v1": JournalEntryPosted},
)
