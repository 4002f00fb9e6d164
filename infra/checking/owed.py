"""What parties owe and are owed: once by the books' accounts, once by the records, which must come to the same.

By the records, of a sales invoice its total is owed less what was paid on it, and nothing where more was paid: the rest is the
party's credit, on another account. A return is the same the other way round. Opening balances of parties, posted journal
entries, what was bought on credit as an expense, and accounts' own opening balances count as they say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal, localcontext
from uuid import UUID

from domain.chart import EXPENSES, OTHER_INCOME, PAYABLE, RECEIVABLE
from domain.money import EXACT, ZERO
from domain.record import Record, decode_record
from infra.checking.snapshot import Snapshot
from projections.posting import category_account

Key = tuple[str, UUID | None, str]
"""(account, party, currency)"""
OWED = (RECEIVABLE, PAYABLE)


def owed_by_the_books(snapshot: Snapshot) -> dict[Key, Decimal]:
    """The balance of each account and party that is not zero; debits less credits."""
    rows = snapshot.rows(
        b"SELECT account, party_id, currency, sum(debit - credit) FROM journal_lines WHERE company_id = %b AND account = ANY(%b)"
        b" GROUP BY account, party_id, currency HAVING sum(debit - credit) <> 0",
        (snapshot.company_id, list(OWED)),
    )
    return {(account, party, currency): balance for account, party, currency, balance in rows}


def owed_by_the_records(snapshot: Snapshot, until: int) -> dict[Key, Decimal]:
    """The same, worked out from the living records as of `until`."""
    owed: dict[Key, Decimal] = defaultdict(lambda: ZERO)
    with localcontext(EXACT):
        for account, party, currency, amount in _amounts(snapshot, until):
            owed[account, party, currency] += amount
    return {key: amount for key, amount in owed.items() if amount}


def wrongly_paid(snapshot: Snapshot) -> Iterator[tuple[str, Decimal, Decimal]]:
    """Living invoices, with the sum of the living payments on each and what it says is paid, where these differ."""
    rows = snapshot.rows(
        b"""SELECT invoice ->> 'id', coalesce(payments.amount, 0), (invoice #>> '{data,paid}')::numeric FROM (
                SELECT id, document::jsonb AS invoice FROM records WHERE company_id = %b AND kind = 'invoice' AND NOT deleted
            ) AS invoices LEFT JOIN (
                SELECT parent_id AS id, sum((document::jsonb #>> '{data,amount}')::numeric) AS amount FROM records
                WHERE company_id = %b AND kind = 'payment' AND NOT deleted AND parent_id IS NOT NULL GROUP BY parent_id
            ) AS payments USING (id) WHERE coalesce(payments.amount, 0) <> (invoice #>> '{data,paid}')::numeric""",
        (snapshot.company_id, snapshot.company_id),
    )
    yield from rows


def _amounts(snapshot: Snapshot, until: int) -> Iterator[tuple[str, UUID | None, str, Decimal]]:
    # What is unpaid, max(total - paid, 0), is the total and the excess that went to the party's credit, less the payments: so
    # put, it holds after every event, also between a payment's and that of the invoice which it settles; and a payment by
    # somebody else is on that party's account
    for invoice in snapshot.living("invoice", until):
        total, paid = Decimal(invoice.data["total"]), Decimal(invoice.data["paid"])
        yield _account_of(invoice), _party(invoice), invoice.data["currency"], _sign(invoice) * (total + max(paid - total, ZERO))
    for payment, invoice in _members(snapshot, "payment", until):
        amount = _sign(invoice) * Decimal(payment.data["amount"])
        yield _account_of(invoice), _party(payment), invoice.data["currency"], -amount
    for line, entry in _members(snapshot, "journal_line", until):
        if line.data["account_code"] in OWED and entry.data["status"] == "posted":
            amount = Decimal(line.data["debit"]) - Decimal(line.data["credit"])
            yield line.data["account_code"], _party(line), line.data["currency"], amount
    yield from _spent(snapshot, until)
    yield from _openings(snapshot, until)


def _spent(snapshot: Snapshot, until: int) -> Iterator[tuple[str, UUID | None, str, Decimal]]:
    """Expenses that a supplier waits for; and tills and expenses whose category is the code of one of these accounts."""
    for expense in snapshot.living("expense", until):
        data, amount = expense.data, Decimal(expense.data["amount"])
        if data.get("status", "approved") != "approved":
            continue
        if (account := category_account(data.get("category"), EXPENSES)) in OWED:
            yield account, None, data["currency"], amount
        paid = any(data.get(name) for name in ("method", "cash_id", "bank_id", "payment_account_id"))
        if data.get("supplier_id") and not paid:
            yield PAYABLE, UUID(data["supplier_id"]), data["currency"], -amount
    for moved in snapshot.living("cash_transaction", until):
        data, comes_in = moved.data, moved.data["direction"] == "in"
        if (account := category_account(data.get("category"), OTHER_INCOME if comes_in else EXPENSES)) in OWED:
            yield account, None, data["currency"], Decimal(data["amount"]) * (-1 if comes_in else 1)
    for payment in snapshot.living("payment", until):
        data = payment.data
        if data.get("invoice_id") or data.get("party_id") or not data.get("category"):
            continue
        comes_in = data["direction"] == "in"
        if (account := category_account(data["category"], OTHER_INCOME if comes_in else EXPENSES)) in OWED:
            yield account, None, data["currency"], Decimal(data["amount"]) * (-1 if comes_in else 1)


def _openings(snapshot: Snapshot, until: int) -> Iterator[tuple[str, UUID | None, str, Decimal]]:
    company = snapshot.connection.execute(
        b"SELECT document FROM records WHERE company_id = %b AND id = %b", (snapshot.company_id, snapshot.company_id)
    ).fetchone()
    if company is None:
        return
    currency = decode_record(company[0]).data["currency"]
    for party in snapshot.living("party", until):
        amount = Decimal(party.data.get("opening_balance", 0))
        yield PAYABLE if amount < 0 else RECEIVABLE, party.id, party.data.get("currency", currency), amount
    for account in snapshot.living("account", until):
        if account.data["code"] in OWED and (opening := account.data.get("opening_balance")):
            sign = 1 if account.data["type"] in ("asset", "expense") else -1
            yield account.data["code"], None, account.data.get("currency", currency), sign * Decimal(opening)


def _members(snapshot: Snapshot, kind: str, until: int) -> Iterator[tuple[Record, Record]]:
    """The living records of a kind that are children of a living record, with that record, as of a seq."""
    rows = snapshot.rows(
        b"SELECT c.document, p.document FROM records c JOIN records p ON p.company_id = c.company_id AND p.id = c.parent_id"
        b" WHERE c.company_id = %b AND c.kind = %b AND NOT c.deleted AND NOT p.deleted AND c.seq <= %b AND p.seq <= %b",
        (snapshot.company_id, kind, until, until),
    )
    for child, parent in rows:
        yield decode_record(child), decode_record(parent)
    yield from _changed_members(snapshot, kind, until)


def _changed_members(snapshot: Snapshot, kind: str, until: int) -> Iterator[tuple[Record, Record]]:
    """Those of which one, or both, were changed since."""
    since = snapshot.since(until)
    if not since:
        return
    name = {"payment": "invoice_id", "journal_line": "entry_id"}[kind]
    children = [record for record in since.values() if record.kind == kind]
    of_changed = snapshot.rows(
        b"SELECT document FROM records WHERE company_id = %b AND kind = %b AND seq <= %b AND parent_id = ANY(%b)",
        (snapshot.company_id, kind, until, list(since)),
    )
    children += [decode_record(document) for (document,) in of_changed]
    parents = {UUID(child.data[name]) for child in children if child.data.get(name)} - since.keys()
    unchanged = snapshot.rows(
        b"SELECT document FROM records WHERE company_id = %b AND seq <= %b AND id = ANY(%b)",
        (snapshot.company_id, until, list(parents)),
    )
    known = since | {record.id: record for (document,) in unchanged for record in (decode_record(document),)}
    for child in children:
        parent = known.get(UUID(child.data[name])) if child.data.get(name) else None
        if parent is not None and not child.deleted and not parent.deleted:
            yield child, parent


def _account_of(invoice: Record) -> str:
    return RECEIVABLE if invoice.data["type"].startswith("sales") else PAYABLE


def _sign(invoice: Record) -> int:
    """What an open invoice is on its account: a debit, or a credit."""
    return 1 if invoice.data["type"] in ("sales", "purchase_return") else -1


def _party(record: Record) -> UUID | None:
    text = record.data.get("party_id")
    return UUID(text) if text else None
