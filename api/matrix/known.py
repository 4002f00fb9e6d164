"""What is read before a push is translated: what its items name, and the stored answers to what was sent before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from api.matrix.access import Asker
from api.matrix.changes import Change, insert_key, key_of
from api.matrix.documents import Row
from api.matrix.tables import table_of_id, views_of
from api.matrix.tables.trade import is_placeholder
from domain.command import Actor
from domain.decide import Result
from domain.needs import Needs
from domain.record import Record
from domain.values import LARGEST_NUMBER
from infra.ledger import OF_COMMAND
from infra.sync.change_reader import ChangeReader

CLIENT_ID_LONGEST = 128
OF_ACCOUNTS = frozenset({"accounts", "account_transactions"})
"""Tables whose items need the chart of accounts."""


@dataclass(slots=True)
class Known:
    """Records by all their names, answers by key."""

    records: dict[UUID, Record] = field(default_factory=dict)
    by_number: dict[tuple[str, int], Record] = field(default_factory=dict)
    by_client: dict[tuple[str, str], Record] = field(default_factory=dict)
    answers: dict[str, tuple[bytes, Result]] = field(default_factory=dict)
    codes: dict[int, str] = field(default_factory=dict)
    """Accounts: number → code."""
    numbers: dict[str, int] = field(default_factory=dict)
    """Accounts: code → number."""
    aliases: dict[tuple[str, str], Row] = field(default_factory=dict)
    """(table, local id) of an earlier push → the record, where another local id made it."""
    placeholders: dict[UUID, Record] = field(default_factory=dict)
    """Invoice → its line that only stands for the total."""

    def add(self, record: Record) -> None:
        """Remember a record."""
        self.records[record.id] = record
        self.by_number[record.kind, record.number] = record
        if record.kind == "invoice_line" and is_placeholder(record) and not record.deleted:
            self.placeholders[UUID(record.data["invoice_id"])] = record

    def of(self, target: Row, kind: str) -> Record | None:
        """The record of this kind that a reference in JSON names, if it was there before the push."""
        if "number" in target:
            return self.by_number.get((kind, target["number"]))
        return self.by_client.get((kind, target.get("client_id", "")))


def read_known(asker: Asker, reader: ChangeReader, changes: Sequence[Change]) -> Known:
    """Everything that translating these changes needs to know: one query, another for the lines of invoices, one for the chart."""
    needs, keys = Needs(), {}
    source = Actor(device_id=asker.device_record.id).source
    for change in changes:
        for name, value in _names(change):
            _note_name(needs, source, name, str(value))
            if name == "invoices":
                keys[OF_COMMAND + insert_key(name, str(value), asker.device)] = str(value)
        if (key := key_of(change, asker.device)) is not None:
            keys.setdefault(OF_COMMAND + key, "")
    store, known = asker.services.store, Known()
    loaded = store.read_records(asker.company_id, needs, list(keys))
    for record in loaded.records:
        known.add(record)
    for (kind_name, _, client_id), record_id in loaded.clients.items():
        known.by_client[kind_name, client_id] = known.records[record_id]
    for key, stored in loaded.answers.items():
        result = msgspec.json.decode(stored.answer, type=Result)
        known.answers[key] = (stored.fingerprint, result)
        if keys[key] and result.kind == "invoice":
            known.aliases["invoices", keys[key]] = {"number": result.number}
    more = Needs(ids={result.id for _, result in known.answers.values()} - known.records.keys())
    if any(change.table == "transaction_lines" for change in changes):
        more.parents = {record.id for record in loaded.records if record.kind == "invoice"}
    if more:
        for record in store.read_records(asker.company_id, more).records:
            known.add(record)
    if any(change.table in OF_ACCOUNTS for change in changes):
        known.numbers = reader.account_numbers(asker.company_id)
        known.codes = {number: code for code, number in known.numbers.items()}
    return known


def _note_name(needs: Needs, source: str, name: str, text: str) -> None:
    """A row by its number, or by the local id that is one."""
    for table in views_of(name):
        if text.isdecimal() and len(text) < 17:
            kind, number = table_of_id(name, int(text))
            if 1 <= number <= LARGEST_NUMBER:
                needs.numbers.add((kind.kind, number))
        client_id = f"{name}:{text}"
        if len(client_id) <= CLIENT_ID_LONGEST and "\x00" not in client_id:
            needs.clients.add((table.kind, source, client_id))


def _names(change: Change) -> Iterator[tuple[str, Any]]:
    """The rows whose records have to be known before the change can be translated: (table, number or local id)."""
    if change.operation != "INSERT":
        yield change.table, change.row_id if change.row_id is not None else change.local_id
    for column, table in (("transaction_id", "transactions"), ("invoice_id", "invoices"), ("account_id", "accounts")):
        if change.data.get(column) is not None:
            yield table, change.data[column]
