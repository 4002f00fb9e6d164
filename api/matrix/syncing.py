"""Sync: what a device has changed goes up, what others have changed comes down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import msgspec
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse

from api.endpoint import JSON as JSON_TYPE
from api.http_errors import HttpRequest
from api.matrix import forms
from api.matrix.access import Asker, asker_of, device_named
from api.matrix.changes import MOST_CHANGES, Change, insert_key, key_of, read_change
from api.matrix.columns import Inbound, moment_of
from api.matrix.errors import field_of
from api.matrix.pulling import KINDS, Rows
from api.matrix.pushing import Known, Planned, Translation
from api.matrix.tables import BY_KIND, NAMES, table_of_id, views_of
from api.matrix.tables.table import Table
from api.native.access import claims_of
from api.native.answers import answer
from api.reading_requests import read_body, services_of
from domain.command import Actor
from domain.decide import Result
from domain.errors import BatchTooLarge, InvalidField, LedgerError
from domain.event import JSON
from domain.needs import Needs
from infra.ledger import MAX_COMMANDS, OF_COMMAND, Refusal
from infra.pulling_changes import ChangedPage, ChangeReader
from infra.syncs import Rejected, Syncs

PAGE = 1_000
MOST_PULLED = 10_000
DIALECT = "matrix"


# Pull -----------------------------------------------------------------------------------------------


class Pull:
    """One pull of one device."""

    def __init__(self, asker: Asker, form: dict[str, Any]) -> None:
        self.asker = asker
        self.after = forms.number(form, "last_version", most=2**62)
        self.tables = forms.tables(form)
        self.limit = forms.number(form, "limit", 0, most=MOST_PULLED)
        own = forms.flag(form, "include_own", default=False)
        self.device_id: UUID | None = None if own else asker.device_record.id
        self.kinds = KINDS if self.tables is None else {table.kind for name in self.tables for table in views_of(name)}
        self.reader = ChangeReader(asker.services.database)
        self.rows = Rows(self.reader, asker.company_id, asker.company_number)

    def page(self, after: int, until: int | None = None) -> tuple[ChangedPage, bytes]:
        """A page, and its rows as the inside of a JSON list."""
        found = self.reader.page(
            self.asker.company_id,
            after,
            self.limit or PAGE,
            self.kinds,
            since=self.after,
            until=until,
            device_id=self.device_id,
        )
        return found, self.rows.encoded(found.records, self.tables)

    def note(self, seq: int) -> None:
        """Remember how far the device is now."""
        Syncs(self.asker.services.database, DIALECT).note_pull(self.asker.company_id, self.asker.device, seq)


async def _pages(pull: Pull, first: tuple[ChangedPage, bytes]) -> AsyncIterator[bytes]:
    """The answer, a page at a time in memory. The device is as far as it was given everything."""
    threads = pull.asker.services.threads
    (page, rows), start = first, b'{"success":true,"changes":['
    end = page.head
    while True:
        if rows:
            yield start + rows
            start = b","
        if not page.has_more:
            break
        page, rows = await threads.run(pull.page, page.cursor, end)
    await threads.run(pull.note, end)
    head = b"" if start == b"," else start
    yield head + b'],"current_version":%d,"has_more":false}' % end


async def pull(request: HttpRequest) -> ASGIResponse:
    """Everything that others changed since the device's version."""
    claims = claims_of(request, "sync")
    services = services_of(request)
    form = forms.body_of(await read_body(request))
    device = device_named(request, form)

    def begin() -> tuple[Pull, tuple[ChangedPage, bytes]]:
        made = Pull(asker_of(services, claims, form, device), form)
        first = made.page(made.after)
        if made.limit or not first[0].has_more:
            made.note(first[0].cursor)
        return made, first

    made, first = await services.threads.run(begin)
    page, rows = first
    if made.limit or not page.has_more:
        tail = b'],"current_version":%d,"has_more":%s}' % (page.cursor, b"true" if page.has_more else b"false")
        return ASGIResponse(body=b'{"success":true,"changes":[' + rows + tail, media_type=JSON_TYPE)
    return ASGIStreamingResponse(iterator=_pages(made, first), status_code=200, media_type=JSON_TYPE)


# Push -----------------------------------------------------------------------------------------------


class Pushed(msgspec.Struct, kw_only=True):
    """The answer to a push. `results` says of every item, in order, what became of it."""

    success: bool = True
    current_version: int
    id_mappings: dict[str, int]
    conflicts: list[dict[str, Any]]
    errors: list[dict[str, Any]]
    results: list[dict[str, Any]]


class Push:
    """One push of one device."""

    def __init__(self, asker: Asker, form: dict[str, Any]) -> None:
        items = form.get("changes")
        if not isinstance(items, list):
            raise InvalidField("The changes field is required: a list of changes.", path="changes")
        if len(items) > MOST_CHANGES:
            raise BatchTooLarge(f"A push holds at most {MOST_CHANGES} changes; this one has {len(items)}.", path="changes")
        self.asker = asker
        self.form = form
        self.items = items
        self.syncs = Syncs(asker.services.database, DIALECT)
        self.reader = ChangeReader(asker.services.database)
        self.changes: list[Change] = []
        self.results: list[dict[str, Any]] = [{} for _ in items]
        self.rejected: list[Rejected] = []
        self.accepted: set[str] = set()
        self.id_mappings: dict[str, int] = {}
        self.conflicts: list[dict[str, Any]] = []

    def execute(self) -> Pushed:
        """Do what can be done, and say of every item what became of it."""
        sync = self.syncs.find(self.asker.company_id, self.asker.device)
        before = self.asker.services.store.head(self.asker.company_id).seq
        base = forms.number(self.form, "base_version", sync.pulled_seq, most=2**62)
        self._read()
        plan = Translation(self.asker.device, Inbound(self.asker.zone), self._known(), base, self._seqs_at()).translate(
            self.changes
        )
        for change, error in plan.refused:
            self._refuse(change.index, change, error)
        for change, table, number in plan.adopted:
            self._accept(change, table, number, status="unchanged", version=before)
        for change, table, result in plan.replayed:
            self._note(change, table, msgspec.structs.replace(result, idempotent_replay=True))
        for change in plan.ignored:
            self.results[change.index] = {**self._said(change), "status": "unchanged"}
        after = self._run(plan.commands)
        self._explain_conflicts()
        self.syncs.note_push(
            self.asker.company_id,
            self.asker.device,
            after,
            conflicts=len(self.conflicts),
            rejected=self.rejected,
            accepted=self.accepted,
        )
        return Pushed(
            current_version=self._version_after(sync.pulled_seq, before, after),
            id_mappings=self.id_mappings,
            conflicts=self.conflicts,
            errors=[result for result in self.results if result["status"] == "rejected"],
            results=self.results,
        )

    def _version_after(self, pulled: int, before: int, after: int) -> int:
        """Never so far that the device would pass over what it has not seen of others."""
        unseen = self.reader.has_unseen(self.asker.company_id, pulled, before, KINDS, self.asker.device_record.id)
        return min(pulled, before) if unseen else after

    def _read(self) -> None:
        last_sync_at = forms.text(self.form, "last_sync_at", "") or None
        for index, item in enumerate(self.items):
            try:
                self.changes.append(read_change(index, item, last_sync_at))
            except LedgerError as error:
                self._refuse(index, None, error)

    def _seqs_at(self) -> dict[str, int]:
        """The seqs that the items' `last_sync_at` name."""
        found: dict[str, int] = {}
        for change in list(self.changes):
            text = change.last_sync_at
            if text is None or text in found:
                continue
            try:
                moment = moment_of(text, self.asker.zone, "last_sync_at")
            except InvalidField as error:
                self.changes.remove(change)
                self._refuse(change.index, change, error)
                continue
            found[text] = self.reader.seq_at(self.asker.company_id, moment)
        return found

    def _known(self) -> Known:
        """Everything that translating needs to know, in one query, and one more for the lines of invoices that are named."""
        needs = Needs()
        keys: dict[str, str] = {}
        source = Actor(device_id=self.asker.device_record.id).source
        clients: dict[tuple[str, str, str], None] = {}
        for change in self.changes:
            for name, value in _names(change):
                for table in views_of(name):
                    text = str(value)
                    if text.isdecimal() and len(text) < 17:
                        kind, number = table_of_id(name, int(text))
                        needs.numbers.add((kind.kind, number))
                    clients[table.kind, source, f"{name}:{text}"[:128]] = None
                if name == "invoices":
                    keys[OF_COMMAND + insert_key(name, str(value), self.asker.device)] = str(value)
            if (key := key_of(change, self.asker.device)) is not None:
                keys.setdefault(OF_COMMAND + key, "")
        needs.clients.update(clients)
        store, known = self.asker.services.store, Known()
        loaded = store.read_records(self.asker.company_id, needs, list(keys))
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
        if any(change.table == "transaction_lines" for change in self.changes):
            more.parents = {record.id for record in loaded.records if record.kind == "invoice"}
        if more:
            for record in store.read_records(self.asker.company_id, more).records:
                known.add(record)
        if any(change.table in ("accounts", "account_transactions") for change in self.changes):
            for page in self.asker.services.reader.record_pages(self.asker.company_id, 0, ["account"]):
                for account in msgspec.json.decode(b"[" + page.items + b"]", type=list[_Account]):
                    known.codes[account.number] = account.data["code"]
        return known

    def _run(self, commands: Sequence[Planned]) -> int:
        """Execute the commands, as many in one transaction as one may hold; returns the seq after them."""
        ledger, company_id = self.asker.services.ledger, self.asker.company_id
        seq = 0
        for start in range(0, len(commands), MAX_COMMANDS):
            part = commands[start : start + MAX_COMMANDS]
            outcome = ledger.execute(company_id, [one.command for one in part], self.asker.actor, atomic=False)
            seq = outcome.seq
            for planned, result in zip(part, outcome.results, strict=True):
                if planned.change is not None:
                    self._note(planned.change, planned.table, result)
        return seq or self.asker.services.store.head(company_id).seq

    def _note(self, change: Change, table: Table, result: Result | Refusal) -> None:
        if isinstance(result, Refusal):
            error = LedgerError(result.message, path=result.path, **result.details)
            self._refuse(change.index, change, error, result.code)
            return
        if result.conflict is not None and result.outcome != "merged":
            status = "conflict"
        else:
            status = "applied" if result.changed and not result.idempotent_replay else "unchanged"
        self._accept(change, table, result.number, status=status, version=result.seq)
        if result.conflict is not None:
            record_id = table.id_base + result.number
            self.conflicts.append({**self._said(change), "record_id": record_id, "conflict_id": result.conflict})

    def _accept(self, change: Change, table: Table, number: int, *, status: str, version: int) -> None:
        row_id = table.id_base + number
        self.results[change.index] = {**self._said(change), "record_id": row_id, "status": status, "version": version}
        self.accepted.add(_item_key(change))
        if change.operation == "INSERT" and change.local_id is not None:
            taken = self.id_mappings.get(change.local_id)
            if taken is None:
                self.id_mappings[change.local_id] = row_id
            self.id_mappings[f"{change.asked}:{change.local_id}"] = row_id

    def _said(self, change: Change) -> dict[str, Any]:
        return {"index": change.index, "table": change.asked, "operation": change.operation, "local_id": change.local_id}

    def _refuse(self, index: int, change: Change | None, error: LedgerError, code: str = "") -> None:
        item = self.items[index]
        said: dict[str, Any] = self._said(change) if change is not None else {"index": index}
        if change is None and isinstance(item, dict):
            said |= {name: item.get(name) for name in ("table", "operation", "local_id", "record_id")}
        field = field_of(error.path.partition("].")[2] or error.path)
        reason = {"status": "rejected", "code": code or error.code, "message": error.message, "field": field}
        self.results[index] = {**said, **reason}
        key = _item_key(change) if change is not None else f"unread {JSON.encode(item)[:200].decode('utf-8', 'replace')}"
        self.rejected = [one for one in self.rejected if one.item_key != key]
        place = f"{said.get('table')} {said.get('operation')}"
        text = JSON.encode(item).decode()
        self.rejected.append(Rejected(key, place[:200], text, reason["code"], error.message, field))

    def _explain_conflicts(self) -> None:
        """Both versions of every conflict: the server's row as it is now, and what the client wanted."""
        if not self.conflicts:
            return
        store, company_id = self.asker.services.store, self.asker.company_id
        found = {r.id: r for r in store.read_records(company_id, Needs(ids={c["conflict_id"] for c in self.conflicts})).records}
        about = {UUID(conflict.data["record_id"]) for conflict in found.values()}
        records = {record.id: record for record in store.read_records(company_id, Needs(ids=about)).records}
        rows = Rows(self.reader, company_id, self.asker.company_number)
        numbers = rows.numbers_for(records.values())
        for conflict in self.conflicts:
            kept = found[conflict["conflict_id"]]
            record = records[UUID(kept.data["record_id"])]
            tables = [table for table in BY_KIND[record.kind] if table.shows(record)]
            table = next((one for one in tables if one.name == NAMES[conflict["table"]]), tables[0])
            conflict.update(
                conflict_id=kept.number,
                policy=kept.data["policy"],
                resolution=kept.data["outcome"],
                status=kept.data["status"],
                fields=kept.data.get("fields", []),
                client_version=self.items[conflict["index"]].get("data", {}),
                server_record=table.row(record, numbers, self.asker.company_number),
                server_deleted=record.deleted,
            )


class _Account(msgspec.Struct):
    number: int
    data: dict[str, Any]


def _names(change: Change) -> list[tuple[str, Any]]:
    """The rows whose records have to be known before the change can be translated: (table, number or local id)."""
    found: list[tuple[str, Any]] = []
    if change.operation != "INSERT":
        found.append((change.table, change.row_id if change.row_id is not None else change.local_id))
    for column, table in (("transaction_id", "transactions"), ("invoice_id", "invoices")):
        if change.data.get(column) is not None:
            found.append((table, change.data[column]))
    return found


def _item_key(change: Change) -> str:
    """What names an item among what its device sends: when it succeeds, its refusal is forgotten."""
    return " ".join((*change.place, change.operation))


async def push(request: HttpRequest) -> ASGIResponse:
    """What a device has changed: each item stands or falls by itself."""
    claims = claims_of(request, "sync")
    services = services_of(request)
    form = forms.body_of(await read_body(request))
    device = device_named(request, form)
    return answer(await services.threads.run(lambda: Push(asker_of(services, claims, form, device), form).execute()))
