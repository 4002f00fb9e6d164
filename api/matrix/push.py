"""Push: what a device has changed goes up, and every item stands or falls by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from litestar.response.base import ASGIResponse

from api.answers import answer
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.matrix import examples, forms
from api.matrix.access import Asker
from api.matrix.changes import MOST_CHANGES, Change, PushForm, read_change
from api.matrix.columns import Inbound, moment_of
from api.matrix.documents import Document, document_of
from api.matrix.known import read_known
from api.matrix.rendering import KINDS, Rows, table_of
from api.matrix.syncing import SyncRequest, sync_request
from api.matrix.tables import NAMES, views_of
from api.matrix.tables.money import ACCOUNTS
from api.matrix.tables.table import Table
from api.matrix.translation import Plan, Planned, Translation
from api.refusing import field_of
from domain.books import Books
from domain.decide import Result
from domain.errors import BatchTooLarge, CompanyNotFound, InvalidField, LedgerError, NotAllowed, ValueTaken
from domain.event import JSON
from domain.needs import Needs
from infra.ledger import MAX_COMMANDS, Refusal
from infra.sync.change_reader import ChangeReader
from infra.sync.syncs import Rejected


class Pushed(msgspec.Struct, kw_only=True):
    """What became of a push. `results` says it of every item, in order; `errors` are those that were rejected.

    `id_mappings`: local id → id, and `table:local id` → id for a local id that two tables use.
    """

    success: bool = True
    current_version: int
    id_mappings: dict[str, int]
    conflicts: list[dict[str, Any]]
    errors: list[dict[str, Any]]
    results: list[dict[str, Any]]


class Push:
    """One push of one device."""

    def __init__(self, request: SyncRequest, asker: Asker) -> None:
        items = request.form.get("changes")
        if not isinstance(items, list):
            raise InvalidField("The changes field is required: a list of changes.", path="changes")
        if len(items) > MOST_CHANGES:
            raise BatchTooLarge(f"A push holds at most {MOST_CHANGES} changes; this one has {len(items)}.", path="changes")
        self.request = request
        self.asker = asker
        self.items = items
        self.reader = ChangeReader(request.services.database)
        self.changes: list[Change] = []
        self.results: list[dict[str, Any]] = [{} for _ in items]
        self.rejected: dict[str, Rejected] = {}
        self.accepted: set[str] = set()
        self.id_mappings: dict[str, int] = {}
        self.conflicts: list[dict[str, Any]] = []

    def execute(self) -> Pushed:
        """Do what can be done, and say of every item what became of it."""
        company_id, device, form = self.asker.company_id, self.asker.device, self.request.form
        sync = self.request.syncs.find(company_id, device)
        before = self.asker.principal.head
        seen = forms.number(form, "last_version", sync.pulled_seq, most=2**62)
        base = forms.number(form, "base_version", seen, most=2**62)
        self._read()
        seq_at = self._seqs_at()
        known = read_known(self.asker, self.reader, self.changes)
        plan = Translation(self.asker, Inbound(self.asker.zone), known, base, seq_at).translate(self.changes)
        self._note_plan(plan, before)
        after = max(before, self._run(plan))
        self._explain_conflicts()
        unseen = self.reader.has_unseen(company_id, seen, after, KINDS, self.asker.device_record.id)
        version = min(seen, before) if unseen else after  # never so far that the device would pass over what others did
        self.request.syncs.note_push(
            company_id,
            device,
            after,
            seen=version,
            seconds=self.request.seconds,
            items=len(self.items),
            conflicts=len(self.conflicts),
            rejected=[*self.rejected.values()],
            accepted=self.accepted if sync.has_rejected else (),
        )
        self.request.note("push", Counter((NAMES.get(str(r.get("table")), "unknown"), r["status"]) for r in self.results))
        return Pushed(
            current_version=version,
            id_mappings=self.id_mappings,
            conflicts=self.conflicts,
            errors=[result for result in self.results if result["status"] == "rejected"],
            results=self.results,
        )

    def _read(self) -> None:
        last_sync_at = forms.text(self.request.form, "last_sync_at", "") or None
        for index, item in enumerate(self.items):
            try:
                self.changes.append(read_change(index, item, last_sync_at))
            except LedgerError as error:
                self._refuse(index, None, error)

    def _seqs_at(self) -> dict[str, int]:
        """The seqs that the items' `last_sync_at` name."""
        moments: dict[str, Any] = {}
        readable: list[Change] = []
        for change in self.changes:
            text = change.last_sync_at
            try:
                if text is not None and text not in moments:
                    moments[text] = moment_of(text, self.asker.zone, "last_sync_at")
            except InvalidField as error:
                self._refuse(change.index, change, error)
            else:
                readable.append(change)
        self.changes = readable
        return dict(zip(moments, self.reader.seqs_at(self.asker.company_id, list(moments.values())), strict=True))

    # Executing ------------------------------------------------------------------------------------

    def _note_plan(self, plan: Plan, version: int) -> None:
        """What could be said without executing anything."""
        for change, error in plan.refused:
            self._refuse(change.index, change, error)
        for change, table, number in plan.adopted:
            self._accept(change, table, number, status="unchanged", version=version)
        for change, table, result in plan.replayed:
            self._note(change, table, msgspec.structs.replace(result, idempotent_replay=True))
        for change, table, record in plan.ignored:
            self._accept(change, table, record.number, status="unchanged", version=record.seq)

    def _run(self, plan: Plan) -> int:
        """Execute the commands; then what depends on how they went. Returns the seq after them."""
        seq, refused = self._execute(plan.commands)
        late = [planned for needs, planned in plan.removals if any(self._was_accepted(index) for index in needs)]
        deletes = any(planned.command.action == "delete" for planned in plan.commands)
        late += [planned for planned in refused if planned.change is not None and deletes]  # the value may be free by now
        if late:
            seq, refused = self._execute(late)
        if refused:
            self._adopt(refused, seq)
        return seq

    def _was_accepted(self, index: int) -> bool:
        return self.results[index].get("status") in ("applied", "unchanged")

    def _execute(self, commands: Sequence[Planned]) -> tuple[int, list[Planned]]:
        """Execute as many in one transaction as one may hold; returns the seq after them, and those whose value was taken."""
        ledger, company_id = self.request.services.ledger, self.asker.company_id
        seq, taken = 0, list[Planned]()

        def note(part: Sequence[Planned], _: Books, results: Sequence[Result | Refusal]) -> None:
            for planned, result in zip(part, results, strict=True):
                if planned.change is not None:
                    self._note(planned.change, planned.table, result)
                    if isinstance(result, Refusal) and result.code == ValueTaken.code:
                        taken.append(planned)

        for start in range(0, len(commands), MAX_COMMANDS):
            part = commands[start : start + MAX_COMMANDS]
            wishes = [one.command for one in part]
            seq = ledger.execute(company_id, wishes, self.asker.actor, atomic=False, meanwhile=partial(note, part)).seq
        return seq, taken

    def _adopt(self, refused: Sequence[Planned], seq: int) -> None:
        """An account whose code somebody else was faster to open, in this push or beside it, is that account."""
        inserts = [p.change for p in refused if p.change is not None and p.table is ACCOUNTS and p.change.operation == "INSERT"]
        numbers = self.reader.account_numbers(self.asker.company_id) if inserts else {}
        for change in inserts:
            if (number := numbers.get(str(change.data.get("code")))) is not None:
                self._accept(change, ACCOUNTS, number, status="unchanged", version=seq)

    # What became of items -------------------------------------------------------------------------

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
            row_id = self.results[change.index]["record_id"]
            self.conflicts.append({**self._said(change), "record_id": row_id, "conflict_id": result.conflict})

    def _accept(self, change: Change, table: Table, number: int, *, status: str, version: int) -> None:
        row_id = self.asker.company_number if table.kind == "company" else table.id_base + number
        self.results[change.index] = {**self._said(change), "record_id": row_id, "status": status, "version": version}
        key = item_key(change)
        self.accepted.add(key)
        self.rejected.pop(key, None)
        if change.operation == "INSERT" and change.local_id is not None:
            self.id_mappings.setdefault(change.local_id, row_id)
            self.id_mappings[f"{change.asked}:{change.local_id}"] = row_id

    def _said(self, change: Change) -> dict[str, Any]:
        return {"index": change.index, "table": change.asked, "operation": change.operation, "local_id": change.local_id}

    def _refuse(self, index: int, change: Change | None, error: LedgerError, code: str = "") -> None:
        item = self.items[index]
        if change is not None:
            said, key = {**self._said(change), "record_id": change.row_id}, item_key(change)
        else:
            said, key = {"index": index}, f"unread {JSON.encode(item)[:200].decode('utf-8', 'replace')}"
            if isinstance(item, dict):
                said |= {name: item.get(name) for name in ("table", "operation", "local_id", "record_id")}
        field = field_of(error.path.partition("].")[2] or error.path)
        if change is not None:
            field = _column(change, field)
        code = code or error.code
        self.results[index] = {**said, "status": "rejected", "code": code, "message": error.message, "field": field}
        place = f"{said.get('table')} {said.get('operation')}"[:200]
        self.rejected[key] = Rejected(key, place, JSON.encode(item).decode(), code, error.message, field)

    def _explain_conflicts(self) -> None:
        """Both versions of every conflict: the server's row as it is now, and what the client wanted."""
        if not self.conflicts:
            return
        company_id = self.asker.company_id
        rows = Rows(self.reader, self.request.services.store, company_id, self.asker.company_number)
        kept = self._documents({conflict["conflict_id"] for conflict in self.conflicts})
        about = self._documents({UUID(document.data["record_id"]) for document in kept.values()})
        numbers = rows.numbers_for(about.values())
        for conflict in self.conflicts:
            document = kept[str(conflict["conflict_id"])]
            record = about[document.data["record_id"]]
            table = table_of(record, NAMES[conflict["table"]])
            row = rows.conflict(document, about, numbers)
            conflict.update(
                conflict_id=document.number,
                policy=row["policy"],
                resolution=row["outcome"],
                status=row["status"],
                fields=row.get("fields", []),
                client_version=self.items[conflict["index"]].get("data", {}),
                server_record=rows.row(record, table, numbers) if table is not None else None,
                server_deleted=record.deleted,
            )

    def _documents(self, ids: Iterable[UUID]) -> dict[str, Document]:
        records = self.request.services.store.read_records(self.asker.company_id, Needs(ids=set(ids))).records
        return {str(record.id): document_of(record) for record in records}


def item_key(change: Change) -> str:
    """What names an item among what its device sends: when it succeeds, its refusal is forgotten."""
    return " ".join((*change.place, change.operation))


@endpoint(
    "POST",
    "/api/sync/push",
    Operation(
        id="matrixPush",
        summary="What a device has changed",
        description="Each item stands or falls by itself. The same item again, in any request, is answered with the same ids.",
        tag="Matrix: sync",
        body=PushForm,
        body_example=examples.PUSH,
        answers={200: Answer("What became of every item.", Pushed, examples.PUSHED)},
        refusals=(CompanyNotFound, NotAllowed, BatchTooLarge),
    ),
)
async def push(request: HttpRequest) -> ASGIResponse:
    """What a device has changed: each item stands or falls by itself."""
    asked = await sync_request(request)
    return answer(await asked.services.threads.run(lambda: Push(asked, asked.asker()).execute()))


def _column(change: Change, field: str) -> str:
    """A field as the client calls it: its own column, where the field is one of ours."""
    if field in change.data:
        return field
    columns = (column for view in views_of(change.table) for column in view.columns)
    return next((column.wire for column in columns if column.ours == field and column.wire in change.data), field)
