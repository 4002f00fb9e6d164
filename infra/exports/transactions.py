"""The journal as transactions, with what plain-text accounting wants to know of each: what it was, of whom, under which number."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import groupby, islice
from typing import NamedTuple
from uuid import UUID

from domain.record import Record
from infra.exports.source import JournalLine, Source

AT_ONCE = 250
"""Transactions whose documents are looked up together."""


class Transaction(NamedTuple):
    """Lines that belong together: they balance in every currency.

    They were posted for one record by one event on one day of the books; what takes back an earlier posting is a transaction of
    its own, `reverses` names the event that had posted it. `code` is the document's number, `payee` the other party's name.
    """

    seq: int
    kind: str
    record_id: UUID
    posted_on: date
    reverses: int | None
    lines: list[JournalLine]
    code: str
    text: str
    payee: str

    @property
    def dated(self) -> date | None:
        """The fact's own day, where it is another than the books' and the same for all lines."""
        days = {line.dated for line in self.lines}
        return days.pop() if len(days) == 1 and self.posted_on not in days else None


def transactions(source: Source) -> Iterator[list[Transaction]]:
    """The journal's transactions in order of the books' days, then of the log; a few hundred at a time."""
    lines = (line for page in source.journal() for line in page)
    grouped = groupby(lines, key=lambda line: (line.posted_on, line.seq, line.record_id, line.reverses))
    made = ((key, list(group)) for key, group in grouped)
    while batch := list(islice(made, AT_ONCE)):
        documents = source.find({key[2] for key, _ in batch})
        parties = source.find(_parties(documents, batch))
        yield [_transaction(lines, documents.get(key[2]), parties) for key, lines in batch]


_PARTY_FIELDS = ("party_id", "supplier_id")


def _party_of(record: Record | None, lines: list[JournalLine]) -> UUID | None:
    for name in _PARTY_FIELDS if record else ():
        if record and (value := record.data.get(name)):
            return UUID(value)
    named = {line.party_id for line in lines} - {None}
    return named.pop() if len(named) == 1 else None


def _parties(documents: dict[UUID, Record], batch: list[tuple[tuple[date, int, UUID, int | None], list[JournalLine]]]) -> set[UUID]:
    found = {_party_of(documents.get(key[2]), lines) for key, lines in batch}
    return {party for party in found if party is not None}


def _transaction(lines: list[JournalLine], record: Record | None, parties: dict[UUID, Record]) -> Transaction:
    first = lines[0]
    party_id = _party_of(record, lines)
    party = parties.get(party_id) if party_id else None
    payee = str(party.data.get("name", "")) if party else str(record.data.get("payer_name") or "") if record else ""
    code, text = described(record) if record else (first.kind, first.kind)
    return Transaction(first.seq, first.kind, first.record_id, first.posted_on, first.reverses, lines, code, text, payee)


_INVOICES = {
    "sales": "Sales invoice",
    "purchase": "Purchase invoice",
    "sales_return": "Sales return",
    "purchase_return": "Purchase return",
}
_CODES = ("invoice_number", "receipt_number", "reference")
_TEXTS = ("description", "category", "notes")


def described(record: Record) -> tuple[str, str]:
    """The record's own number on paper (else its kind and number), and what it is in words."""
    data = record.data
    code = next((str(data[name]) for name in _CODES if data.get(name)), "")
    code = code if code.strip() else f"{record.kind}-{record.number}"
    if record.kind == "invoice":
        return code, _INVOICES.get(data.get("type", ""), "Invoice")
    if record.kind == "payment":
        return code, "Payment received" if data.get("direction") == "in" else "Payment made"
    if record.kind in ("party", "bank", "cash", "account"):
        return code, f"Opening balance of {data.get('name', record.kind)}"
    said = next((str(data[name]) for name in _TEXTS if data.get(name)), "")
    return code, said or record.kind.replace("_", " ").capitalize()
