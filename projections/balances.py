"""Account balances: the journal that every business fact posts, and the balance of each account after each of its lines.

The journal is append-only. Each line carries its account's running balance, so a balance as of any seq is one look-up;
`account_balances` keeps the latest, and `account_days` and `account_months` what each account turned over, so no report sums the
journal. A line is dated by its fact, and posted on that day unless the books were closed beyond it: then on the first open day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from domain.catalogue import CATALOGUE, fields_of
from domain.event import JSON, RecordedEvent
from domain.money import EXACT, ZERO
from domain.upcasting import topic_today
from projections.posting import FACT_FIELDS, MEMBERS, Fact, Line, absorb, is_silent, lines_of, needs_of, unbalanced
from projections.projection import Changes, Index, Row, Table, View

JOURNAL_LINES = Table(
    name="journal_lines",
    columns={
        "seq": "bigint",
        "line": "integer",
        "record_id": "uuid",
        "kind": "text",
        "account": "text",
        "party_id": "uuid",
        "document_id": "uuid",
        "due": "date",
        "place_id": "uuid",
        "currency": "text",
        "debit": "numeric",
        "credit": "numeric",
        "balance": "numeric",
        "dated": "date",
        "posted_on": "date",
        "reverses": "bigint",
    },
    key=("seq", "line"),
    nullable=frozenset({"party_id", "document_id", "due", "place_id", "reverses"}),
    indexes=(
        Index("journal_lines_by_account", "company_id, account, currency, seq, line"),
        Index("journal_lines_by_day", "company_id, account, posted_on, seq, line"),
        Index("journal_lines_by_party", "company_id, party_id, posted_on, seq, line", where="party_id IS NOT NULL"),
        Index("journal_lines_by_record", "company_id, record_id, seq"),
        Index("journal_lines_late", "company_id, account, dated, seq, line", where="dated <> posted_on"),
        Index("journal_lines_in_order", "company_id, posted_on, seq, line"),
    ),
    balanced="debit - credit",
    append_only=True,
)
"""`record_id` and `kind` are the record whose posting the line is, `seq` the event that made it, `reverses` the seq whose line it
takes back. `balance` is the account's in this currency after the line. `dated` is the fact's own day, `posted_on` the books'."""
ACCOUNT_BALANCES = Table(
    name="account_balances",
    columns={
        "account": "text",
        "currency": "text",
        "debit": "numeric",
        "credit": "numeric",
        "balance": "numeric",
        "seq": "bigint",
    },
    key=("account", "currency"),
)
ACCOUNT_DAYS = Table(
    name="account_days",
    columns={"account": "text", "currency": "text", "day": "date", "debit": "numeric", "credit": "numeric"},
    key=("account", "currency", "day"),
)
"""What was posted to an account on a day (`posted_on`)."""
ACCOUNT_MONTHS = Table(
    name="account_months",
    columns={"account": "text", "currency": "text", "month": "date", "debit": "numeric", "credit": "numeric"},
    key=("account", "currency", "month"),
)
"""The same per month, named by its first day."""
POSTED_FACTS = Table(
    name="posted_facts",
    columns={"record_id": "uuid", "kind": "text", "fact": "text", "standing": "text", "seq": "bigint"},
    key=("record_id",),
)
"""What postings know of each record, and the lines that stand for it (`standing`), posted at `seq`."""


@dataclass(slots=True)
class _Posted:
    kind: str
    record_id: UUID
    fact: Fact = field(default_factory=dict)
    standing: list[Line] = field(default_factory=list)
    seq: int = 0
    is_new: bool = False
    touched: bool = False


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line on its way into the journal."""

    event: RecordedEvent
    owner: _Posted
    line: Line
    reverses: int | None
    posted_on: date


class Unbalanced(ValueError):
    """A fact would post lines whose debits and credits differ."""


_fact = msgspec.json.Decoder(dict[str, Any])
_standing = msgspec.json.Decoder(list[Line])
_DAY = timedelta(days=1)


class BalancesProjection:
    """Journal lines and account balances."""

    name = "balances"
    version = 4
    kinds: frozenset[str] | None = frozenset(FACT_FIELDS)
    tables = (JOURNAL_LINES, ACCOUNT_BALANCES, ACCOUNT_DAYS, ACCOUNT_MONTHS, POSTED_FACTS)
    inline = False

    def fold(self, company_id: UUID, events: Sequence[RecordedEvent], view: View) -> Changes:
        """Post what each event means, after what stands for its record."""
        decoded = [(event, fields_of(event)) for event in events if event.kind != "party" or _may_post(event)]
        folding = _Folding(company_id, _load(view, company_id, decoded))
        with localcontext(EXACT):
            for event, fields in decoded:
                folding.post(event, fields)
            changes = Changes()
            touched = [one for one in folding.posted.values() if one.touched]
            changes.inserts[POSTED_FACTS] = [_posted_row(one) for one in touched if one.is_new]
            changes.puts[POSTED_FACTS] = [_posted_row(one) for one in touched if not one.is_new]
            changes.inserts[JOURNAL_LINES], changes.puts[ACCOUNT_BALANCES] = _carry(folding.journal, view)
            _add_turnovers(folding.journal, view, changes)
        return changes


_PARTY = CATALOGUE["party"]
_SAID_OF_PARTIES = tuple(f'"{name}"'.encode() for name in FACT_FIELDS["party"])


def _may_post(event: RecordedEvent) -> bool:
    """Whether a party's event can post anything, seen before it is decoded: hardly one says a thing that postings depend on."""
    if any(name in event.data for name in _SAID_OF_PARTIES):
        return True
    struct = _PARTY.topics.get(event.topic)
    return struct is None or struct is _PARTY.Deleted


def _load(view: View, company_id: UUID, decoded: Sequence[tuple[RecordedEvent, dict[str, Any]]]) -> dict[UUID, _Posted]:
    """What is posted for the records of these events, and for those that their postings depend on."""
    created = {event.record_id for event, _ in decoded if event.version == 1}
    wanted = {event.record_id for event, _ in decoded} | {company_id}
    wanted |= {UUID(other) for event, fields in decoded for other in needs_of(event.kind, fields)}
    posted: dict[UUID, _Posted] = {}
    columns = ("record_id", "kind", "fact", "standing", "seq")
    while wanted := wanted - created - posted.keys():
        found = view.find(POSTED_FACTS, ("record_id",), [(key,) for key in wanted], columns)
        loaded = [_Posted(kind, key, _fact.decode(fact), _standing.decode(lines), seq) for key, kind, fact, lines, seq in found]
        posted.update((one.record_id, one) for one in loaded)
        # A payment that is changed needs the invoice it was on before; a cheque, the invoice of its payment
        wanted = {UUID(key) for one in loaded for key in needs_of(one.kind, one.fact)}
    return posted


@dataclass(slots=True)
class _Folding:
    """The postings of a batch of events, on what stood before it."""

    company_id: UUID
    posted: dict[UUID, _Posted]
    journal: list[_Entry] = field(default_factory=list)

    def post(self, event: RecordedEvent, fields: dict[str, Any]) -> None:
        """Post what one event means."""
        changes = {name: fields[name] for name in FACT_FIELDS[event.kind] if name in fields}
        kind = CATALOGUE[event.kind]
        deleted = kind.topics.get(topic_today(event.topic)) is kind.Deleted
        one = self.posted.get(event.record_id)
        if one is None:
            if deleted or is_silent(event.kind, changes):
                return
            one = self.posted[event.record_id] = _Posted(event.kind, event.record_id, is_new=True)
        if not changes and not deleted and not one.is_new:
            return
        company = self.company
        zone = ZoneInfo(company.get("time_zone", "UTC"))
        owner_before = self._owner_of(one)
        absorb(event.kind, one.fact, changes, event.occurred_at.astimezone(zone).date())
        one.touched = True
        if deleted:
            one.fact["deleted"] = True
        if event.kind in MEMBERS:
            for owner in dict.fromkeys((owner_before, self._owner_of(one))):
                if owner is not None:
                    self._put_member(owner, one)
                    self._repost(event, owner)
        else:
            self._repost(event, one)

    @property
    def company(self) -> Fact:
        """What postings know of the company."""
        known = self.posted.get(self.company_id)
        return known.fact if known else {}

    def _owner_of(self, one: _Posted) -> UUID | None:
        name = one.fact.get(MEMBERS[one.kind][0]) if one.kind in MEMBERS else None
        return UUID(name) if name else None

    def _put_member(self, owner_id: UUID, member: _Posted) -> None:
        owner = self.posted[owner_id]
        members = owner.fact.setdefault(MEMBERS[member.kind][1], {})
        if "deleted" in member.fact or self._owner_of(member) != owner_id:
            members.pop(str(member.record_id), None)
        else:
            members[str(member.record_id)] = member.fact
        owner.touched = True

    def _repost(self, event: RecordedEvent, one: _Posted | UUID) -> None:
        """Take back what stands for a record and post what its fact means now; nothing where both are the same."""
        owner = one if isinstance(one, _Posted) else self.posted[one]
        company = self.company
        after = lines_of(owner.kind, owner.record_id, owner.fact, company.get("currency", "USD"), self._find)
        if after == owner.standing:
            return
        if difference := unbalanced(after):
            raise Unbalanced(f"{event.topic} at {event.seq} posts lines that do not balance: {difference}")
        closed = company.get("closed_through")
        first_open = date.fromisoformat(closed) + _DAY if closed else date.min
        for line in owner.standing:
            self.journal.append(_Entry(event, owner, line.reversed(), owner.seq, max(line.dated, first_open)))
        for line in after:
            self.journal.append(_Entry(event, owner, line, None, max(line.dated, first_open)))
        owner.standing, owner.seq, owner.touched = after, event.seq, True

    def _find(self, record_id: str) -> Fact | None:
        found = self.posted.get(UUID(record_id))
        return found.fact if found and "deleted" not in found.fact else None


def _posted_row(one: _Posted) -> Row:
    return (one.record_id, one.kind, JSON.encode(one.fact), JSON.encode(one.standing), one.seq)


def _carry(journal: Sequence[_Entry], view: View) -> tuple[list[Row], list[Row]]:
    """The journal's rows with their running balances, and the balances after them."""
    accounts: dict[Row, list[Any]] = {(entry.line.account, entry.line.currency): [ZERO, ZERO, ZERO, 0] for entry in journal}
    if not accounts:
        return [], []
    columns = ("account", "currency", "debit", "credit", "balance", "seq")
    for account, currency, *amounts in view.find(ACCOUNT_BALANCES, ACCOUNT_BALANCES.key, list(accounts), columns):
        accounts[account, currency] = amounts
    rows: list[Row] = []
    seq = place = 0
    for entry in journal:
        line = entry.line
        place = place + 1 if entry.event.seq == seq else 1
        seq = entry.event.seq
        debit, credit = _sides(line)
        balance = accounts[line.account, line.currency]
        balance[0] += debit
        balance[1] += credit
        balance[2] += line.amount
        balance[3] = seq
        rows.append(
            (
                seq,
                place,
                entry.owner.record_id,
                entry.owner.kind,
                line.account,
                line.party_id,
                line.document_id,
                line.due,
                line.place_id,
                line.currency,
                debit,
                credit,
                balance[2],
                line.dated,
                entry.posted_on,
                entry.reverses,
            )
        )
    return rows, [(*key, *amounts) for key, amounts in accounts.items()]


def _sides(line: Line) -> tuple[Decimal, Decimal]:
    return (line.amount, ZERO) if line.amount > 0 else (ZERO, -line.amount)


def _add_turnovers(journal: Iterable[_Entry], view: View, changes: Changes) -> None:
    """Add the journal's lines to what each account turned over by day and by month."""
    for table in (ACCOUNT_DAYS, ACCOUNT_MONTHS):
        sums: dict[Row, list[Decimal]] = {}
        for entry in journal:
            day = entry.posted_on if table is ACCOUNT_DAYS else entry.posted_on.replace(day=1)
            turned = sums.setdefault((entry.line.account, entry.line.currency, day), [ZERO, ZERO])
            debit, credit = _sides(entry.line)
            turned[0] += debit
            turned[1] += credit
        if sums:
            for *key, debit, credit in view.find(table, table.key, list(sums), (*table.key, "debit", "credit")):
                turned = sums[tuple(key)]
                turned[0] += debit
                turned[1] += credit
            changes.puts[table] = [(*key, *turned) for key, turned in sums.items()]
