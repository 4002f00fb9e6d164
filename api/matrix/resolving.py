"""Settling conflicts: the server's version, the client's, or fields that a person chose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar.response.base import ASGIResponse
from msgspec import Meta

from api.answers import answer
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.matrix import examples, forms
from api.matrix.access import Asker
from api.matrix.columns import Inbound
from api.matrix.documents import Row, document_of
from api.matrix.rendering import Rows, table_of
from api.matrix.syncing import SyncRequest, sync_request
from api.matrix.tables import NAMES
from api.refusing import field_of
from domain.command import Command
from domain.errors import (
    AlreadyResolved,
    BatchTooLarge,
    CompanyNotFound,
    InvalidField,
    LedgerError,
    NotAllowed,
    RecordDeleted,
    RecordNotFound,
)
from domain.needs import Needs
from domain.record import Record
from infra.requests import fingerprint_of
from infra.sync.change_reader import ChangeReader

MOST_RESOLUTIONS = 500
CHOICES = ("server", "client", "merged")


class ResolutionForm(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How one conflict is settled. `fields`: with `merged`, columns of the record's table and their values."""

    conflict_id: int
    resolution: Literal["server", "client", "merged"]
    fields: dict[str, Any] = {}
    note: str | None = None


class ResolveForm(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One resolution, or a list of `resolutions`."""

    device_id: Annotated[str, Meta(min_length=1, max_length=128)]
    company_id: int | None = None
    conflict_id: int | None = None
    resolution: Literal["server", "client", "merged"] | None = None
    fields: dict[str, Any] = {}
    note: str | None = None
    resolutions: Annotated[list[ResolutionForm], Meta(max_length=MOST_RESOLUTIONS)] = []


class Resolved(msgspec.Struct, kw_only=True):
    """The conflicts that are settled now, each with its record's row; and of a list those that could not be."""

    success: bool = True
    resolved: list[Row]
    errors: list[Row]
    current_version: int


class Resolving:
    """The resolutions of one request of one device."""

    def __init__(self, request: SyncRequest, asker: Asker) -> None:
        self.request = request
        self.asker = asker
        self.rows = Rows(ChangeReader(request.services.database), request.services.store, asker.company_id, asker.company_number)

    def one(self, item: Any) -> int:
        """Settle one conflict; returns its number. Raises LedgerError."""
        if not isinstance(item, dict):
            raise InvalidField("A resolution is an object.", path="resolutions")
        number = forms.number(item, "conflict_id", least=1)
        choice = forms.text(item, "resolution")
        if choice not in CHOICES:
            raise InvalidField(f"The resolution must be one of {', '.join(CHOICES)}.", path="resolution")
        fields: Any = next((item[name] for name in ("fields", "data", "merged_data") if item.get(name) is not None), {})
        if not isinstance(fields, dict):
            raise InvalidField("The fields must be an object: columns and their values.", path="fields")
        if choice == "merged" and not fields:
            raise InvalidField("A merged resolution needs `fields`: columns of the record's table and their values.", path="fields")
        note = forms.text(item, "note", "")
        data: Row = {"resolution": choice, "fields": self._fields(number, fields) if choice == "merged" else {}}
        if note:
            data["note"] = note
        # The same choice again, because its answer was lost, is answered again
        key = f"matrix\n{self.asker.device_record.id}\nresolve\n{number}\n{fingerprint_of(data).hex()[:24]}"
        command = Command(kind="conflict", action="resolve", number=number, data=data, key=key)
        try:
            self.request.services.ledger.execute(self.asker.company_id, [command], self.asker.actor)
        except LedgerError as error:
            error.path = error.path.removeprefix("commands[0].").removeprefix("data.").removeprefix("fields.")
            raise
        return number

    def _fields(self, number: int, fields: Mapping[str, Any]) -> Row:
        """Our fields in columns of the record's table; checks that this device may write that table."""
        _, record = self._find(number)
        table = table_of(document_of(record))
        if table is None:
            raise InvalidField("This record is a row of no table.", path="conflict_id")
        unknown = sorted(fields.keys() - table.column_names)
        if unknown:
            raise InvalidField(f"The table {table.name} has no column {unknown[0]!r}.", path=f"fields.{unknown[0]}")
        return table.data(dict(fields), Inbound(self.asker.zone), known_extra=record.data.get("extra"))

    def _find(self, number: int) -> tuple[Record, Record]:
        store, company_id = self.request.services.store, self.asker.company_id
        found = store.read_records(company_id, Needs(numbers={("conflict", number)})).records
        if not found:
            raise RecordNotFound("There is no such conflict.", path="conflict_id")
        about = store.read_records(company_id, Needs(ids={UUID(found[0].data["record_id"])})).records
        if not about:
            raise RecordNotFound("There is no such record.", path="conflict_id")
        return found[0], about[0]

    def check_right(self, item: Any) -> None:
        """Raise NotAllowed unless this role, on this device, may write the record that the conflict is about."""
        number = forms.number(item if isinstance(item, dict) else {}, "conflict_id", least=1)
        table = table_of(document_of(self._find(number)[1]))
        self.asker.check_may_write(NAMES[table.name] if table is not None else "", "conflict_id")

    def answer(self, numbers: list[int], errors: list[Row]) -> Resolved:
        """The conflicts as they are now."""
        store, company_id = self.request.services.store, self.asker.company_id
        needs = Needs(numbers={("conflict", number) for number in numbers})
        records = store.read_records(company_id, needs).records if numbers else []
        by_number = {record.number: document_of(record) for record in records}
        rows = self.rows.conflicts([by_number[number] for number in numbers])
        head = store.head(company_id).seq
        if numbers:
            self.request.syncs.note_write(company_id, self.asker.device, head)
        return Resolved(success=not errors, resolved=rows, errors=errors, current_version=head)


@endpoint(
    "POST",
    "/api/sync/resolve",
    Operation(
        id="matrixResolve",
        summary="Settle conflicts",
        description="`server` keeps what is there, `client` takes what the device wanted, `merged` takes the given fields."
        " One that cannot be settled is refused; of a list, it is among the `errors`, and the others stand.",
        tag="Matrix: sync",
        body=ResolveForm,
        body_example=examples.RESOLVE,
        answers={200: Answer("The conflicts as they are now.", Resolved, examples.RESOLVED)},
        refusals=(CompanyNotFound, NotAllowed, RecordNotFound, AlreadyResolved, RecordDeleted, BatchTooLarge),
    ),
)
async def resolve(request: HttpRequest) -> ASGIResponse:
    """Settle conflicts, each by itself."""
    asked = await sync_request(request)
    items = asked.form.get("resolutions")
    if items is not None and not isinstance(items, list):
        raise InvalidField("The resolutions must be a list.", path="resolutions")
    if items is not None and len(items) > MOST_RESOLUTIONS:
        raise BatchTooLarge(f"At most {MOST_RESOLUTIONS} conflicts are settled at once.", path="resolutions")

    def work() -> Resolved:
        resolving = Resolving(asked, asked.asker())
        if items is None:
            resolving.check_right(asked.form)
            return resolving.answer([resolving.one(dict(asked.form))], [])
        numbers: dict[int, None] = {}
        errors: list[Row] = []
        for index, item in enumerate(items):
            try:
                resolving.check_right(item)
                numbers[resolving.one(item)] = None
            except LedgerError as error:
                conflict_id = item.get("conflict_id") if isinstance(item, dict) else None
                said = {"index": index, "conflict_id": conflict_id, "code": error.code, "message": error.message}
                errors.append({**said, "field": field_of(error.path)})
        return resolving.answer([*numbers], errors)

    return answer(await asked.services.threads.run(work))


HANDLERS = [resolve]
