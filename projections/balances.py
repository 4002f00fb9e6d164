"""Account balances: the journal that every business fact posts, and the balance of each account after each of its lines.

The journal is append-only. Each line carries its account's running balance, so a balance as of any seq is one look-up, and
`account_balances` keeps the latest, so a trial balance never sums the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from domain.catalogue import CATALOGUE, fields_of
from domain.event import JSON, RecordedEvent
from domain.money import EXACT, ZERO
from domain.record import assign
from domain.upcasting import topic_today
from projections.posting import FACT_FIELDS, Fact, Line, lines_of, needs_of, unbalanced
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
        "currency": "text",
        "debit": "numeric",
        "credit": "numeric",
        "balance": "numeric",
        "dated": "date",
        "posted_on": "date",
        "reverses": "bigint",
    },
    key=("seq", "line"),
    nullable=frozenset({"party_id", "reverses"}),
    indexes=(
        Index("journal_lines_by_account", "company_id, account, currency, seq, line"),
        Index("journal_lines_by_party", "company_id, party_id, seq, line", where="party_id IS NOT NULL"),
    ),
    balanced="debit - credit",
    append_only=True,
)
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
POSTED_FACTS = Table(
    name="posted_facts",
    columns={"record_id": "uuid", "kind": "text", "fact": "text", "standing": "text", "seq": "bigint"},
    key=("record_id",),
)
"""What postings know of each record, and the lines that stand for it (`standing`), posted at `seq`."""


@dataclass(slots=True)
class _Posted:
    kind: str
    fact: dict[str, Any] = field(default_factory=dict)
    standing: list[Line] = field(default_factory=list)
    seq: int = 0
    is_new: bool = False
    touched: bool = False


class Unbalanced(ValueError):
    """A fact would post lines whose debits and credits differ."""


_fact = msgspec.json.Decoder(dict[str, Any])
_standing = msgspec.json.Decoder(list[Line])


class BalancesProjection:
    """Journal lines and account balances."""

    name = "balances"
    version = 1
    kinds: frozenset[str] | None = frozenset(FACT_FIELDS)
    tables = (JOURNAL_LINES, ACCOUNT_BALANCES, POSTED_FACTS)
    inline = False

    def fold(self, company_id: UUID, events: Sequence[RecordedEvent], view: View) -> Changes:
        """Post what each event means, after what stands for its record."""
        decoded = [(event, fields_of(event)) for event in events]
        posted = _load(view, decoded)
        journal: list[tuple[RecordedEvent, Line, int | None]] = []
        for event, fields in decoded:
            journal.extend(_post(posted, event, fields))
        changes = Changes()
        rows = [(record_id, one) for record_id, one in posted.items() if one.touched]
        changes.inserts[POSTED_FACTS] = [_posted_row(record_id, one) for record_id, one in rows if one.is_new]
        changes.puts[POSTED_FACTS] = [_posted_row(record_id, one) for record_id, one in rows if not one.is_new]
        changes.inserts[JOURNAL_LINES], changes.puts[ACCOUNT_BALANCES] = _carry(journal, view)
        return changes


def postings_of(
    event: RecordedEvent, before: Sequence[Line], after: Sequence[Line], posted_at: int
) -> list[tuple[Line, int | None]]:
    """The lines that take a fact's posting from `before` (posted at seq `posted_at`) to `after`: its reversal, then the new.

    Each with the seq that it reverses, if it does. Nothing where both are the same. Raises Unbalanced.
    """
    if list(before) == list(after):
        return []
    if difference := unbalanced(after):
        raise Unbalanced(f"{event.topic} at {event.seq} posts lines that do not balance: {difference}")
    return [*((line.reversed(), posted_at) for line in before), *((line, None) for line in after)]


def _load(view: View, decoded: Sequence[tuple[RecordedEvent, dict[str, Any]]]) -> dict[UUID, _Posted]:
    created = {event.record_id for event, _ in decoded if event.version == 1}
    wanted = {event.record_id for event, _ in decoded} - created
    wanted |= {UUID(other) for event, fields in decoded if (other := needs_of(event.kind, fields))} - created
    posted: dict[UUID, _Posted] = {}
    _find_posted(view, wanted, posted)
    # A payment that is changed, and was on an invoice before, needs that invoice too
    needed = {UUID(key) for one in posted.values() if (key := needs_of(one.kind, one.fact))} - created - posted.keys()
    _find_posted(view, needed, posted)
    return posted


def _find_posted(view: View, wanted: set[UUID], posted: dict[UUID, _Posted]) -> None:
    if not wanted:
        return
    columns = ("record_id", "kind", "fact", "standing", "seq")
    for record_id, kind, fact, standing, seq in view.find(POSTED_FACTS, ("record_id",), [(key,) for key in wanted], columns):
        posted[record_id] = _Posted(kind, _fact.decode(fact), _standing.decode(standing), seq)


def _post(
    posted: dict[UUID, _Posted], event: RecordedEvent, fields: dict[str, Any]
) -> list[tuple[RecordedEvent, Line, int | None]]:
    names = FACT_FIELDS[event.kind]
    one = posted.get(event.record_id)
    if one is None:
        one = posted[event.record_id] = _Posted(event.kind, is_new=True)
    relevant = {name: fields[name] for name in names if name in fields}
    kind = CATALOGUE[event.kind]
    deleted = kind.topics.get(topic_today(event.topic)) is kind.Deleted
    if not relevant and not deleted and not one.is_new:
        return []
    one.fact = assign(one.fact, relevant)
    one.touched = True
    if event.kind == "journal_line":
        _put_into_entry(posted[UUID(one.fact["entry_id"])], event.record_id, None if deleted else one.fact)

    def find(record_id: str) -> Fact | None:
        found = posted.get(UUID(record_id))
        return found.fact if found else None

    after = [] if deleted else lines_of(event.kind, one.fact, event.recorded_at.date(), find)
    lines = postings_of(event, one.standing, after, one.seq)
    if lines:
        one.standing, one.seq = after, event.seq
    return [(event, line, reverses) for line, reverses in lines]


def _put_into_entry(entry: _Posted, line_id: UUID, line: Fact | None) -> None:
    lines = entry.fact.setdefault("lines", {})
    if line is None:
        lines.pop(str(line_id), None)
    else:
        lines[str(line_id)] = line
    entry.touched = True


def _posted_row(record_id: UUID, one: _Posted) -> Row:
    return (record_id, one.kind, JSON.encode(one.fact), JSON.encode(one.standing), one.seq)


def _carry(journal: Sequence[tuple[RecordedEvent, Line, int | None]], view: View) -> tuple[list[Row], list[Row]]:
    """The journal's rows with their running balances, and the balances after them."""
    accounts: dict[Row, list[Any]] = {(line.account, line.currency): [ZERO, ZERO, ZERO, 0] for _, line, _ in journal}
    if not accounts:
        return [], []
    columns = ("account", "currency", "debit", "credit", "balance", "seq")
    for account, currency, *amounts in view.find(ACCOUNT_BALANCES, ACCOUNT_BALANCES.key, list(accounts), columns):
        accounts[account, currency] = amounts
    rows: list[Row] = []
    seq = place = 0
    for event, line, reverses in journal:
        place = place + 1 if event.seq == seq else 1
        seq = event.seq
        debit, credit = (line.amount, ZERO) if line.amount > 0 else (ZERO, -line.amount)
        balance = accounts[line.account, line.currency]
        balance[0] = EXACT.add(balance[0], debit)
        balance[1] = EXACT.add(balance[1], credit)
        balance[2] = EXACT.add(balance[2], line.amount)
        balance[3] = seq
        rows.append(
            (
                seq,
                place,
                event.record_id,
                event.kind,
                line.account,
                line.party_id,
                line.currency,
                debit,
                credit,
                balance[2],
                line.dated,
                line.dated,
                reverses,
            )
        )
    return rows, [(*key, *amounts) for key, amounts in accounts.items()]


# Queries ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's balance in one currency: debits less credits."""

    account: str
    currency: str
    balance: Decimal


Connection = psycopg.Connection[Any]


def trial_balance(connection: Connection, company_id: UUID) -> list[Balance]:
    """Every account's latest balance, by account and currency. They sum to zero per currency."""
    rows = connection.execute(
        b"SELECT account, currency, balance FROM account_balances WHERE company_id = %b ORDER BY account, currency",
        (company_id,),
    )
    return [Balance(*row) for row in rows]


def trial_balance_at(connection: Connection, company_id: UUID, seq: int) -> list[Balance]:
    """Every account's balance after the event `seq`: one look-up per account, however long the journal."""
    rows = connection.execute(
        b"""SELECT a.account, a.currency, l.balance FROM account_balances a CROSS JOIN LATERAL (
                SELECT balance FROM journal_lines j WHERE j.company_id = a.company_id AND j.account = a.account
                    AND j.currency = a.currency AND j.seq <= %b ORDER BY j.seq DESC, j.line DESC LIMIT 1
            ) AS l WHERE a.company_id = %b ORDER BY a.account, a.currency""",
        (seq, company_id),
    )
    return [Balance(*row) for row in rows]
