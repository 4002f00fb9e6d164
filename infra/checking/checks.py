"""The checks of one company, each an invariant: what must hold, and every place where it does not.

A check reads one snapshot, so that it raises no false alarm beside writers; what a projection keeps is compared with the
records as they stood at the projection's own position. What the log says by a whole replay is compared in `running`.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any
from uuid import UUID

from domain.books import Books
from domain.catalogue import CATALOGUE, KINDS
from domain.kinds.drawer import COUNTED, cash_of
from domain.money import EXACT, ZERO
from domain.record import decode_record
from infra.checking.owed import owed_by_the_books, owed_by_the_records, wrongly_paid
from infra.checking.snapshot import PAGE, Snapshot
from infra.verification.log import check_keys, check_links, check_versions
from projections.records import NO_STORE


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must hold and does not: of which company, which check found it, where, and the two sides."""

    company_id: UUID
    check: str
    where: str
    expected: str
    found: str


Found = Iterator[tuple[str, Any, Any]]
"""(where, expected, found)"""


# The log ------------------------------------------------------------------------------------------


def chain(snapshot: Snapshot) -> Found:
    """Every event's hash covers the event and the hash before it, and every record's events are numbered 1, 2, 3."""
    (last,) = snapshot.one(b"SELECT coalesce(max(seq), 0) FROM events WHERE company_id = %b", (snapshot.company_id,))
    for bad in (
        check_links(snapshot.connection, snapshot.company_id, 0, last),
        check_versions(snapshot.connection, snapshot.company_id, last),
        check_keys(snapshot.connection, snapshot.company_id, last),
    ):
        if bad is not None:
            yield f"event {bad.seq}", "what was written", bad.reason


def sequence(snapshot: Snapshot) -> Found:
    """The events are numbered 1, 2, 3 without a gap, and the head is the last one's seq, hash and time."""
    company = snapshot.company_id
    count, last = snapshot.one(b"SELECT count(*), coalesce(max(seq), 0) FROM events WHERE company_id = %b", (company,))
    if count != last:
        gap = b"""SELECT min(place) FROM (SELECT seq, row_number() OVER (ORDER BY seq) AS place FROM events
            WHERE company_id = %b) AS numbered WHERE seq <> place"""
        (missing,) = snapshot.one(gap, (company,))
        yield f"event {missing}", f"events 1 to {last}", f"{count} events, {missing} is missing"
    head = snapshot.one(b"SELECT seq, encode(hash, 'hex'), recorded_at FROM heads WHERE company_id = %b", (company,))
    event = snapshot.connection.execute(
        b"SELECT seq, encode(hash, 'hex'), recorded_at FROM events WHERE company_id = %b AND seq = %b", (company, last)
    ).fetchone()
    for name, of_event, of_head in zip(("seq", "hash", "recorded_at"), event or (0, None, None), head, strict=True):
        if event and of_event != of_head:
            yield f"the head's {name}", of_event, of_head


# What is kept beside it, in the same transaction --------------------------------------------------


def numbers(snapshot: Snapshot) -> Found:
    """The records of each kind are numbered 1, 2, 3 without a gap, and the head knows the last number of each."""
    company = snapshot.company_id
    (known,) = snapshot.one(b"SELECT numbers FROM heads WHERE company_id = %b", (company,))
    statement = b"SELECT kind, count(*), min(number), max(number) FROM records WHERE company_id = %b GROUP BY kind ORDER BY kind"
    kinds: set[str] = set()
    for kind, count, first, last in snapshot.rows(statement, (company,)):
        kinds.add(kind)
        if (first, last) != (1, count):
            yield kind, f"numbers 1 to {count}", f"numbers {first} to {last}"
        if known.get(kind) != last:
            yield f"the head's last number of {kind}", last, known.get(kind, "none")
    for kind in sorted(known.keys() - kinds):
        yield f"the head's last number of {kind}", "none", known[kind]


def unique(snapshot: Snapshot) -> Found:
    """The unique values that are held are those of the living records, and of the deleted where the value is never free again."""
    for kind in KINDS:
        if not kind.unique:
            continue
        kept = [one for one in kind.unique if one.kept]
        holders = itertools.chain(
            ((record, kind.unique) for record in snapshot.living(kind.name)),
            ((record, kept) for record in (snapshot.buried(kind.name) if kept else ())),
        )
        values = (
            (one.name, value, record.id)
            for record, rules in holders
            for one in rules
            if (value := one.value(record.data)) is not None
        )
        for page in _pages(values):
            names, texts, _ = zip(*page, strict=True)
            held = {
                (name, value): holder
                for name, value, holder in snapshot.connection.execute(
                    b"SELECT name, value, record_id FROM unique_values JOIN unnest(%b::text[], %b::text[]) AS k (name, value)"
                    b" USING (name, value) WHERE company_id = %b AND kind = %b",
                    (list(names), list(texts), snapshot.company_id, kind.name),
                )
            }
            for name, value, record_id in page:
                if held.get((name, value)) != record_id:
                    yield f"{kind.name}.{name} {value!r}", f"held by {record_id}", held.get((name, value), "not kept")
    yield from _values_of_nobody(snapshot)


def _values_of_nobody(snapshot: Snapshot) -> Found:
    rules = {(kind.name, one.name): one for kind in KINDS for one in kind.unique}
    rows = snapshot.rows(
        b"SELECT u.kind, u.name, u.value, u.record_id, r.document FROM unique_values u LEFT JOIN records r"
        b" ON r.company_id = u.company_id AND r.id = u.record_id AND r.kind = u.kind WHERE u.company_id = %b",
        (snapshot.company_id,),
    )
    for kind, name, value, record_id, document in rows:
        rule = rules.get((kind, name))
        record = decode_record(document) if document is not None else None
        if rule is None or record is None or (record.deleted and not rule.kept) or rule.value(record.data) != value:
            yield f"{kind}.{name} {value!r}", "not held: no living record has it", f"held by {record_id}"


def client_ids(snapshot: Snapshot) -> Found:
    """The client ids that are kept are those of the records, deleted ones too, each naming its record."""
    rows = snapshot.rows(
        b"""SELECT kind, source, client_id, r.id, c.record_id FROM (
                SELECT kind, document::jsonb ->> 'source' AS source, document::jsonb ->> 'client_id' AS client_id, id
                FROM records WHERE company_id = %b AND document::jsonb ? 'client_id' AND document::jsonb ? 'source'
            ) AS r FULL JOIN (SELECT * FROM client_ids WHERE company_id = %b) AS c USING (kind, source, client_id)
            WHERE r.id IS DISTINCT FROM c.record_id""",
        (snapshot.company_id, snapshot.company_id),
    )
    for kind, source, client_id, expected, found in rows:
        yield f"{kind} {client_id!r} of {source}", expected or "not kept", found or "not kept"


def stock(snapshot: Snapshot) -> Found:
    """The stock level of each product in each store is the sum of its living stock movements."""
    rows = snapshot.rows(
        b"""SELECT product_id, store_id, coalesce(m.quantity, 0), coalesce(l.quantity, 0) FROM (
                SELECT (data ->> 'product_id')::uuid AS product_id, coalesce((data ->> 'store_id')::uuid, %b) AS store_id,
                    sum((data ->> 'quantity')::numeric) AS quantity
                FROM (SELECT document::jsonb -> 'data' AS data FROM records
                      WHERE company_id = %b AND kind = 'stock_movement' AND NOT deleted) AS movements GROUP BY 1, 2
            ) AS m FULL JOIN (SELECT * FROM stock_levels WHERE company_id = %b) AS l USING (product_id, store_id)
            WHERE coalesce(m.quantity, 0) <> coalesce(l.quantity, 0)""",
        (NO_STORE, snapshot.company_id, snapshot.company_id),
    )
    for product, store, expected, found in rows:
        where = f"product {product}" if store == NO_STORE else f"product {product} in store {store}"
        yield where, f"{expected:f}", f"{found:f}"


def shifts(snapshot: Snapshot) -> Found:
    """What a closed shift says was to be expected in its drawer is what its payments, expenses and cash movements come to.

    A payment account that was changed since may have been another kind of place when the shift was counted: then it cannot be said.
    """
    closed = {str(one.id): one for one in snapshot.living("shift") if one.data["status"] == "closed"}
    if not closed:
        return
    books = Books(snapshot.company_id)
    for kind in ("payment_account", "payment_split", "cheque", *sorted(COUNTED)):
        for record in snapshot.living(kind):
            if kind not in COUNTED or record.data.get("shift_id") in closed:
                books.add(record, CATALOGUE[kind])
    for record in snapshot.buried("payment_account"):
        books.add(record, CATALOGUE["payment_account"])
    cash = dict.fromkeys(closed, ZERO)
    places: dict[str, int] = defaultdict(int)
    with localcontext(EXACT):
        for record in books.records.values():
            shift = closed.get(record.data.get("shift_id", "")) if record.kind in COUNTED else None
            if shift is not None and record.data["currency"] == shift.data["currency"]:
                cash[str(shift.id)] += cash_of(books, record)
                parts = [record, *books.living_children(record.id, "payment_split")]
                named = (books.record(UUID(one.data["payment_account_id"])) for one in parts if one.data.get("payment_account_id"))
                places[str(shift.id)] = max(places[str(shift.id)], *(one.seq for one in named if one is not None), 0)
        for shift_id, shift in closed.items():
            expected = Decimal(shift.data["opening_cash"]) + cash[shift_id]
            if expected != Decimal(shift.data["expected_cash"]) and places[shift_id] <= shift.seq:
                yield f"the expected cash of shift {shift.number}", f"{expected:f}", shift.data["expected_cash"]
            variance = Decimal(shift.data["closing_cash"]) - Decimal(shift.data["expected_cash"])
            if variance != Decimal(shift.data["variance"]):
                yield f"the variance of shift {shift.number}", f"{variance:f}", shift.data["variance"]


def answers(snapshot: Snapshot) -> Found:
    """Every answer that is kept under an idempotency key names a seq that the log has."""
    rows = snapshot.rows(
        b"SELECT key, seq FROM answers WHERE company_id = %b AND NOT seq BETWEEN 1 AND %b ORDER BY seq",
        (snapshot.company_id, snapshot.seq),
    )
    for key, seq in rows:
        yield f"key {key!r}", f"a seq from 1 to {snapshot.seq}", seq


# The books ----------------------------------------------------------------------------------------


def balanced(snapshot: Snapshot) -> Found:
    """Debits equal credits per event and currency and over all accounts; each account's balance is the sum of its lines."""
    snapshot.position("balances")
    company = snapshot.company_id
    lines = snapshot.rows(
        b"SELECT seq, currency, sum(debit - credit) FROM journal_lines WHERE company_id = %b GROUP BY seq, currency"
        b" HAVING sum(debit - credit) <> 0 ORDER BY seq",
        (company,),
    )
    for seq, currency, difference in lines:
        yield f"the lines of event {seq} in {currency}", "debits equal credits", f"debits less credits are {difference:f}"
    sums = snapshot.rows(
        b"SELECT currency, sum(balance) FROM account_balances WHERE company_id = %b GROUP BY currency HAVING sum(balance) <> 0",
        (company,),
    )
    for currency, difference in sums:
        yield f"all balances in {currency}", "a sum of 0", f"{difference:f}"
    accounts = snapshot.rows(
        b"""SELECT account, currency, j.debit, j.credit, b.debit, b.credit, b.balance
            FROM (SELECT account, currency, sum(debit) AS debit, sum(credit) AS credit FROM journal_lines WHERE company_id = %b
                  GROUP BY account, currency) AS j
            FULL JOIN (SELECT * FROM account_balances WHERE company_id = %b) AS b USING (account, currency)
            WHERE (j.debit, j.credit, j.debit - j.credit) IS DISTINCT FROM (b.debit, b.credit, b.balance)""",
        (company, company),
    )
    for account, currency, *sides in accounts:
        debit, credit, kept_debit, kept_credit, kept = (side or 0 for side in sides)
        expected = f"debit {debit:f}, credit {credit:f}, balance {debit - credit:f}"
        yield f"account {account} in {currency}", expected, f"debit {kept_debit:f}, credit {kept_credit:f}, balance {kept:f}"


def receivables(snapshot: Snapshot) -> Found:
    """What each party owes (1200) and is owed (2000) is what its unpaid invoices, opening balance and entries come to."""
    for invoice, paid, said in wrongly_paid(snapshot):
        yield f"what is paid of invoice {invoice}", f"{paid:f}", f"{said:f}"
    position = snapshot.position("balances")
    expected, found = owed_by_the_records(snapshot, position), owed_by_the_books(snapshot)
    for key in sorted(expected.keys() | found.keys(), key=str):
        account, party, currency = key
        if expected.get(key, 0) != found.get(key, 0):
            whose = f"of party {party}" if party else "of no party"
            yield f"account {account} {whose} in {currency}", f"{expected.get(key, 0):f}", f"{found.get(key, 0):f}"


def _pages(items: Iterable[tuple[str, str, UUID]]) -> Iterator[list[tuple[str, str, UUID]]]:
    iterator = iter(items)
    while page := list(itertools.islice(iterator, PAGE)):
        yield page


CHECKS: Mapping[str, Callable[[Snapshot], Found]] = {
    "chain": chain,
    "sequence": sequence,
    "numbers": numbers,
    "unique": unique,
    "client-ids": client_ids,
    "stock": stock,
    "shifts": shifts,
    "answers": answers,
    "balanced": balanced,
    "receivables": receivables,
}
"""The checks that read one company."""
REPLAYS: Mapping[str, str] = {
    "records": "Every record is what a replay of the log makes of it.",
    "projections": "Every row of every following projection is what a replay of the log makes of it, as of where it stands.",
}
"""The checks that replay the log, over all companies at once, and what they say."""
