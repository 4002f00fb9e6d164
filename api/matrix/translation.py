"""From the items of a push to commands: one command for each, parents before children, and what became of each.

A command that only helps (the entry that an account transaction stands in, the removal of a placeholder) belongs to no item: where
it is refused, nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from api.matrix.access import Asker
from api.matrix.changes import Change, key_of
from api.matrix.columns import Inbound, client_id_of, day_of, moment_of
from api.matrix.documents import Row
from api.matrix.known import Known
from api.matrix.tables import table_of_id, views_of
from api.matrix.tables.money import ACCOUNT_TRANSACTIONS, ACCOUNTS, BY_HAND, entry_of
from api.matrix.tables.parties import USERS
from api.matrix.tables.table import Table
from api.matrix.tables.trade import INVOICES, LINES, MONEY, PAYMENT_TRANSACTIONS, TRANSACTIONS, placeholder_line
from api.roles import check_may_manage
from domain.catalogue import CATALOGUE
from domain.command import Command
from domain.decide import Result
from domain.errors import InvalidField, LedgerError, NotAllowed, RecordNotFound
from domain.record import Record
from domain.values import LARGEST_NUMBER
from infra.ledger import OF_COMMAND
from infra.requests import fingerprint_of, typed


@dataclass(frozen=True, slots=True)
class Planned:
    """A command, and the item that it carries out; None for one that only helps."""

    change: Change | None
    table: Table
    command: Command


@dataclass(slots=True)
class Plan:
    """The commands of a push, in the order in which they are executed, and what could be said without executing any."""

    commands: list[Planned] = field(default_factory=list)
    refused: list[tuple[Change, LedgerError]] = field(default_factory=list)
    adopted: list[tuple[Change, Table, int]] = field(default_factory=list)
    """INSERTs of what is there already: the change, its table, and the number of the record that it is."""
    replayed: list[tuple[Change, Table, Result]] = field(default_factory=list)
    """Edits that were executed before, with what became of them then."""
    ignored: list[tuple[Change, Table, Record]] = field(default_factory=list)
    """Deletions of what is deleted: they have what they wanted."""
    removals: list[tuple[set[int], Planned]] = field(default_factory=list)
    """Placeholders to remove, each once one of these items (by index) was accepted that takes its place."""


class Translation:
    """The translation of one push of one device."""

    def __init__(self, asker: Asker, inbound: Inbound, known: Known, base_seq: int, seq_at: Mapping[str, int]) -> None:
        """`base_seq`: what the device had seen where an item does not say; `seq_at`: the items' `last_sync_at` as seqs."""
        self.asker = asker
        self.device = asker.device
        self.inbound = inbound
        self.known = known
        self.base_seq = base_seq
        self.seq_at = seq_at
        self.plan = Plan()
        self._extras: dict[str, Row] = {}
        self._entries: set[str] = set()
        self._by_hand: dict[str, None] = {}
        self._codes_by_local: dict[str, str] = {}
        self._with_lines: set[str] = set()
        self._removals: dict[UUID, set[int]] = {}

    def translate(self, changes: Sequence[Change]) -> Plan:
        """The plan for these changes."""
        self._note_locals(changes)
        ordered = sorted(changes, key=self._order)
        for change in ordered:
            try:
                self._translate(change)
            except LedgerError as error:
                self.plan.refused.append((change, error))
        for entry in self._by_hand:
            self._help(ACCOUNT_TRANSACTIONS, Command(kind="journal_entry", action="post", client_id=entry))
        return self.plan

    def _note_locals(self, changes: Sequence[Change]) -> None:
        """What the push inserts can be named by everything in it; an invoice's local id is its transaction's."""
        self.inbound.locals.update(
            (change.table, change.local_id) for change in changes if change.operation == "INSERT" and change.local_id is not None
        )
        aliases = {**self.known.aliases, **self.inbound.aliases}
        for change in changes:
            if change.table == LINES.name and change.operation == "INSERT":
                self._with_lines.add(str(change.data.get("transaction_id")))
            if change.table == "invoices" and change.operation == "INSERT" and change.data.get("transaction_id"):
                try:
                    named = self.inbound.reference("transactions", change.data["transaction_id"], "data.transaction_id")
                except LedgerError:
                    continue  # translating the item says so
                aliases["invoices", str(change.local_id)] = named
            code = change.data.get("code")
            if change.table == "accounts" and change.operation == "INSERT" and isinstance(code, str):
                if (number := self.known.numbers.get(code)) is not None:
                    aliases["accounts", str(change.local_id)] = {"number": number}
                self._codes_by_local[str(change.local_id)] = code
        self.inbound.aliases = aliases

    # One item -------------------------------------------------------------------------------------

    def _translate(self, change: Change) -> None:
        self.asker.check_may_write(change.table)
        table, number = self._table_of(change)
        if not table.writable:
            raise NotAllowed(f"{table.name} are not pushed; a conflict is settled by /api/sync/resolve.", path="table")
        if change.operation == "INSERT":
            self._insert(change, table)
        elif change.operation == "UPDATE":
            self._update(change, table, number)
        else:
            self._delete(change, table, number)

    def _table_of(self, change: Change) -> tuple[Table, int | None]:
        """Which kind the item's row is, and its number where it says one."""
        if change.operation == "INSERT":
            if change.table == TRANSACTIONS.name:
                return (PAYMENT_TRANSACTIONS if change.data.get("type") in MONEY else TRANSACTIONS), None
            return views_of(change.table)[0], None
        text = str(change.row_id) if change.row_id is not None else ""
        if text.isdecimal() and len(text) < 17 and (change.table, text) not in self.inbound.locals:
            return table_of_id(change.table, int(text))
        if change.table == TRANSACTIONS.name:
            client_id = client_id_of(change.table, text or str(change.local_id), "local_id")
            is_payment = ("payment", client_id) in self.known.by_client
            return (PAYMENT_TRANSACTIONS if is_payment else TRANSACTIONS), None
        return views_of(change.table)[0], None

    def _insert(self, change: Change, table: Table) -> None:
        if table.name == "companies":
            raise NotAllowed("A company is made by registering, not by a push.", path="table")
        for column in table.required:
            if change.data.get(column) in (None, ""):
                raise InvalidField(f"`{column}` is needed.", path=f"data.{column}")
        client_id = client_id_of(change.table, str(change.local_id), "local_id")
        if table is USERS:
            check_may_manage(self.asker.principal.role, "data.role", str(change.data.get("role") or ""))
        if table is ACCOUNTS and (number := self.known.numbers.get(str(change.data.get("code")))) is not None:
            self.plan.adopted.append((change, table, number))
            return
        alias = self.inbound.aliases.get(("invoices", str(change.local_id))) if table is INVOICES else None
        if alias is not None:
            data = self._data(change, table, _name_of(alias, "invoice"), self._known(alias, "invoice"))
            data.pop("type", None)
            self._plan(change, table, Command(kind="invoice", action="update", **alias, data=data), base=None)
            return
        data = table.data(change.data, self.inbound)
        if table is ACCOUNT_TRANSACTIONS:
            data |= self._entry(change)
        elif table.kind == "invoice":
            self._extras[f"invoice {client_id}"] = data.get("extra") or {}
            total = (data.get("extra") or {}).get("stated_total", "0")
            if str(change.local_id) not in self._with_lines and Decimal(total) > 0:
                data["lines"] = [placeholder_line(total)]
        elif table is LINES:
            self._drop_placeholder(change, data["invoice_id"])
        self._plan(change, table, Command(kind=table.kind, action="create", client_id=client_id, data=data), base=None)

    def _drop_placeholder(self, change: Change, invoice: Row) -> None:
        """The first real line of an invoice that came without any takes the place of the one that stood for its total."""
        record = self._known(invoice, "invoice")
        line = self.known.placeholders.get(record.id) if record is not None else None
        if line is None:
            return
        if line.id not in self._removals:
            self._removals[line.id] = set()
            command = Command(kind="invoice_line", action="delete", id=line.id)
            self.plan.removals.append((self._removals[line.id], Planned(None, LINES, command)))
        self._removals[line.id].add(change.index)

    def _entry(self, change: Change) -> Row:
        """The journal entry that an account transaction stands in, made where there is none, and the account's code."""
        type_, refers_to = entry_of(change.data)
        client_id = client_id_of("account_transactions", f"{type_}:{refers_to or change.local_id}", "data.reference_id")
        if client_id not in self._entries:
            fields: Row = {"description": change.data.get("description"), "extra": {"transaction_type": type_}}
            if change.data.get("transaction_date"):
                fields["date"] = day_of(change.data["transaction_date"], self.inbound.zone, "data.transaction_date")
            made = {name: value for name, value in fields.items() if value is not None}
            self._help(ACCOUNT_TRANSACTIONS, Command(kind="journal_entry", action="create", client_id=client_id, data=made))
            self._entries.add(client_id)
        if type_ == BY_HAND:
            self._by_hand[client_id] = None
        return {"entry_id": {"client_id": client_id}, "account_code": self._code(change.data.get("account_id"))}

    def _code(self, account: Any) -> str:
        if isinstance(account, str) and account in self._codes_by_local:
            return self._codes_by_local[account]
        reference = self.inbound.reference("accounts", account, "data.account_id")
        if "number" in reference and reference["number"] in self.known.codes:
            return self.known.codes[reference["number"]]
        known = self._known(reference, "account")
        if known is None:
            raise InvalidField("There is no such account.", path="data.account_id")
        return str(known.data["code"])

    def _update(self, change: Change, table: Table, number: int | None) -> None:
        target = self._target(change, table, number)
        record = self._known(target, table.kind)
        if table is USERS:
            self._check_user(change, record)
        data = self._data(change, table, _name_of(target, table.kind), record)
        if table is ACCOUNT_TRANSACTIONS and "account_id" in change.data:
            data["account_code"] = self._code(change.data["account_id"])
        if table is LINES:
            data.pop("invoice_id", None)
            for name in ("vat_rate", "levy_rate"):
                data.pop(name, None)
        self._plan(change, table, Command(kind=table.kind, action="update", **target, data=data), base=self._base(change))

    def _check_user(self, change: Change, record: Record | None) -> None:
        """Nobody manages, or makes, a user above himself."""
        role = self.asker.principal.role
        check_may_manage(role, "record_id", str(record.data.get("role", "")) if record is not None else "")
        check_may_manage(role, "data.role", str(change.data.get("role") or ""))

    def _delete(self, change: Change, table: Table, number: int | None) -> None:
        if table.name == "companies":
            raise NotAllowed("A company's books are kept.", path="table")
        target = self._target(change, table, number)
        record = self._known(target, table.kind)
        if table is USERS:
            self._check_user(change, record)
        if record is None and "number" not in target and (change.table, self._local(change)) not in self.inbound.locals:
            raise RecordNotFound(path="record_id")
        if record is not None and record.deleted:
            self.plan.ignored.append((change, table, record))
            return
        self._plan(change, table, Command(kind=table.kind, action="delete", **target), base=self._base(change))

    def _order(self, change: Change) -> tuple[int, int, int]:
        """What others refer to comes first; edits of what the push itself inserts after that; deletions last, children first."""
        phase = views_of(change.table)[0].phase
        if change.operation == "DELETE":
            return 100 - phase, 0, change.index
        is_edit_of_new = change.operation == "UPDATE" and (change.table, self._local(change)) in self.inbound.locals
        return phase, is_edit_of_new, change.index

    # What items say -------------------------------------------------------------------------------

    def _target(self, change: Change, table: Table, number: int | None) -> Row:
        if table.kind == "company":
            if number != self.asker.company_number:
                raise RecordNotFound("There is no such company here.", path="record_id")
            return {"number": self.asker.company.number}
        if number is not None:
            if not 1 <= number <= LARGEST_NUMBER:
                raise RecordNotFound(path="record_id")
            return {"number": number}
        local = self._local(change)
        alias = self.inbound.aliases.get((table.name, local))
        return dict(alias) if alias else {"client_id": client_id_of(table.name, local, "local_id")}

    def _local(self, change: Change) -> str:
        return str(change.row_id if change.row_id is not None else change.local_id)

    def _known(self, target: Row, kind: str) -> Record | None:
        return self.known.of(target, kind)

    def _data(self, change: Change, table: Table, name: str, record: Record | None) -> Row:
        """Our fields of an edit; what others keep in `extra` stays there, and what is derived is not taken for an edit."""
        before = self._extras.get(name) or (record.data.get("extra") if record else None) or {}
        data = table.data(change.data, self.inbound, known_extra=before)
        if record is not None:
            table.drop_defaults(data, record)
            _drop_derived(data, before, record)
        if "extra" in data:
            data["extra"] = self._extras[name] = {**before, **data["extra"]}
        return data

    def _base(self, change: Change) -> int:
        if change.base_version is not None:
            return change.base_version
        if change.last_sync_at is not None:
            return self.seq_at[change.last_sync_at]
        return self.base_seq

    # The plan -------------------------------------------------------------------------------------

    def _plan(self, change: Change, table: Table, command: Command, *, base: int | None) -> None:
        key = key_of(change, self.device)
        occurred_at = moment_of(change.timestamp, self.inbound.zone, "timestamp") if change.timestamp is not None else None
        known = self.known.answers.get(OF_COMMAND + key) if key is not None else None
        if known is not None and change.operation != "INSERT":
            self.plan.replayed.append((change, table, known[1]))
            return
        if known is not None:
            fingerprint, result = known
            whole = msgspec.structs.replace(command, base_seq=base, occurred_at=occurred_at)
            if command.action != "create" or fingerprint != _fingerprint(whole):
                # The row was edited before its device learned that it had arrived
                key = f"{key}\n{fingerprint_of(change.data).hex()[:24]}"
                command = self._as_edit(command, result)
                base = command.base_seq
        command = msgspec.structs.replace(command, base_seq=base, occurred_at=occurred_at, key=key)
        self.plan.commands.append(Planned(change, table, command))

    def _as_edit(self, command: Command, result: Result) -> Command:
        """An INSERT of what is there already, as the edit that it is: of the row as it was inserted."""
        data = {name: value for name, value in (command.data or {}).items() if name not in _FIXED}
        record = self.known.records.get(result.id)
        if "extra" in data and record is not None:
            data["extra"] = {**record.data.get("extra", {}), **data["extra"]}
        return msgspec.structs.replace(
            command, action="update", id=result.id, number=None, client_id=None, base_seq=result.seq, data=data
        )

    def _help(self, table: Table, command: Command) -> None:
        self.plan.commands.append(Planned(None, table, command))


_FIXED = frozenset({"type", "direction", "invoice_id", "entry_id", "payment_id", "code", "lines"})


def _fingerprint(command: Command) -> bytes:
    """The fingerprint under which the ledger keeps the command's answer."""
    struct = CATALOGUE[command.kind].data_struct(command.action)
    assert struct is not None, "every table's kind can be created"
    return fingerprint_of(typed(command, struct))


def _name_of(target: Row, kind: str) -> str:
    return f"{kind} {target['number'] if 'number' in target else target['client_id']}"


def _drop_derived(data: Row, before: Row, record: Record) -> None:
    """Take out of an edit what a client only has because it sends whole rows: our own status and total, and the row's type."""
    was = record.data
    type_ = data.get("type")
    if type_ is not None and record.kind == "invoice" and type_.startswith("sales") == was["type"].startswith("sales"):
        del data["type"]  # a return is not told by every status
    for name in ("type", "direction"):
        if name in data and data[name] == was.get(name):
            del data[name]
    own = data.get("extra")
    if own is None:
        return
    same_total = "stated_total" in own and Decimal(own["stated_total"]) == Decimal(was.get("total", "0"))
    for name, is_ours in (("status", own.get("status") == was.get("status")), ("stated_total", same_total)):
        if not is_ours:
            continue
        if name in before:
            own[name] = before[name]
        else:
            own.pop(name, None)
