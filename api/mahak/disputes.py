"""SolveOrderDispute and SolveDispute: somebody says that a record is wrong, and how that was settled.

The vendor's clients send the id of an order and a code, or an entity's name, an id and a row version, and mean: this is settled.
The guide wants more of it, so an item may have words: a `reason` opens a dispute, a `resolution` (with a `correction`, fields of
the row) settles it, both record one that is settled already. An item without words settles what is open about the record, if
anything is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from api.answers import answer
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.mahak import examples, forms
from api.mahak.access import claims_of
from api.mahak.collections import COLLECTIONS
from api.mahak.collections.collection import Collection
from api.mahak.documents import Row
from api.mahak.naming import collection_named, living_record
from api.mahak.saving.discounts import discount_after
from api.mahak.saving.writer import Writer, writer_of
from api.mahak.values import INT32, INT64
from api.reading_requests import services_of
from domain import errors
from domain.command import Command
from domain.decide import Result
from domain.errors import BatchTooLarge, CompanyNotFound, InvalidField, LedgerError, VersionStale
from domain.needs import Needs
from domain.record import Record
from infra.companies.directory import database_id_of
from infra.composition import Services
from infra.ids import new_id

MOST_ITEMS = 500
LONGEST = 20_000
SOLVED = "Solved"
"""The resolution of a client that says nothing."""


class DisputeItem(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """One record: its `id` in its collection, and the version that the client knows (`rw`; 0 for any).

    `code` is the client's own name of the dispute: the same one again is the same dispute.
    """

    id: int
    code: int | str | None = None
    rw: int = 0
    reason: str | None = None
    resolution: str | None = None
    correction: dict[str, Any] | None = None


class SolveDispute(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """What is disputed, or settled; all of it or nothing. `entityName` is a collection or its entity, where it is not of orders."""

    database_id: int = 0
    entity_name: str | None = None
    dispute_items: list[DisputeItem]


class Solved(msgspec.Struct, kw_only=True, rename="camel"):
    """`data.disputes` says of every item: id, code, disputeIds, status (`open`, `resolved`, `none`) and the record's rowVersion."""

    success: bool = True
    result: bool = True
    code: int = 0
    message: str = "Disputes saved"
    data: dict[str, Any]


@dataclass(slots=True)
class _Item:
    """One item as it was read, and what was found of it."""

    path: str
    id: int
    code: str
    version: int
    reason: str
    resolution: str
    correction: Row
    record: Record
    disputes: list[Record]


class _Solving:
    """One request of one login."""

    def __init__(self, services: Services, writer: Writer, collection: Collection) -> None:
        self.services = services
        self.writer = writer
        self.collection = collection
        self.commands: list[Command] = []
        self.places: list[_Item] = []
        """The item of each command."""
        self.about: list[tuple[_Item, list[UUID], str]] = []
        """What became of each item: the disputes that it is about, and how they are."""

    def execute(self, given: Sequence[Any]) -> list[Row]:
        """Do all of it, or nothing. Raises LedgerError with the item and its field."""
        seen: set[UUID] = set()
        for index, fields in enumerate(given):
            item = self._read(fields, f"disputeItems[{index}]")
            if item.record.id in seen:
                raise InvalidField("Two items are about the same record; send them one after the other.", path=f"{item.path}.id")
            seen.add(item.record.id)
            self._plan(item)
        if self.commands:
            self._run()
        current = self.services.store.read_records(self.writer.company_id, Needs(ids=seen)).records if seen else ()
        seqs = {record.id: record.seq for record in current}
        numbers = self._numbers()
        return [
            {
                "id": item.id,
                "code": item.code or None,
                "disputeIds": sorted(numbers[one] for one in ids),
                "status": status,
                "rowVersion": seqs[item.record.id],
            }
            for item, ids, status in self.about
        ]

    def _read(self, given: Any, path: str) -> _Item:
        if not isinstance(given, dict):
            raise InvalidField("An item must be an object.", path=path)
        fields = forms.folded(given)
        try:
            row_id = forms.number(fields, "id", most=INT32) or 0
            version = forms.number(fields, "rw", most=INT64) or forms.number(fields, "rowVersion", most=INT64) or 0
            reason, resolution = (forms.text(fields, name, longest=LONGEST).strip() for name in ("reason", "resolution"))
            code = forms.text(fields, "code").strip()
            correction = fields.get("correction")
            if not isinstance(correction, dict | None):
                raise InvalidField("A correction is an object: fields of the row.", path="correction")
            if correction and not resolution:
                raise InvalidField("A correction comes with a `resolution`.", path="resolution")
            record = living_record(self.services.store, self.writer.company_id, self.collection, row_id, "id")
        except LedgerError as error:
            raise error.at(path) from None
        found = self.services.store.read_records(self.writer.company_id, Needs(parents={record.id})).records
        disputes = [one for one in found if one.kind == "dispute" and not one.deleted]
        item = _Item(path, row_id, "" if code == "0" else code, version, reason, resolution, {}, record, disputes)
        item.correction = self._corrected(item, correction or {})
        if "extra" in item.correction and record.kind in ("invoice", "order"):
            amount = discount_after(record, item.correction, found, self.writer.currency)
            item.correction |= {"discount": amount} if amount is not None else {}
        return item

    def _corrected(self, item: _Item, correction: Mapping[str, Any]) -> Row:
        """Our fields of the correction. Raises InvalidField."""
        if not correction:
            return {}
        plan = self.collection.plans[item.record.kind]
        row, path = forms.folded(correction), f"{item.path}.correction"
        data = plan.data(row, self.writer.zone, path, before=item.record.data)
        for named in plan.names(row, self.writer.zone, path).links.values():
            target = COLLECTIONS[named.link.collection]
            if named.id <= 0 or len(named.link.ours) > 1:
                raise InvalidField("A correction names other records by their ids, and leaves the lines alone.", path=named.path)
            try:
                record = living_record(self.services.store, self.writer.company_id, target, named.id, "")
            except LedgerError as error:
                error.path = named.path
                raise
            data[named.link.ours[0]] = str(record.id)
        if not data:
            raise InvalidField("The correction has no field of this row.", path=path)
        return data

    # What is to be done ---------------------------------------------------------------------------

    def _plan(self, item: _Item) -> None:
        named = [one for one in item.disputes if item.code and one.data.get("code") == item.code]
        if item.reason:
            self._open(item, named)
        else:
            self._resolve(item, named or item.disputes)

    def _open(self, item: _Item, named: Sequence[Record]) -> None:
        """A new dispute, and its end where that is said too; unless this client said just that before."""
        named = [one for one in named if self._is_own(one)]
        same = [one for one in named or item.disputes if one.data["reason"] == item.reason and self._is_own(one)]
        if item.resolution:
            same = [one for one in same if one.data.get("resolution") == item.resolution] or [
                one for one in same if one.data["status"] == "open"
            ]
        elif not named:
            same = [one for one in same if one.data["status"] == "open"]
        if same:
            if item.resolution:
                self._resolve(item, same)
            else:
                self.about.append((item, [same[-1].id], str(same[-1].data["status"])))
            return
        if named:
            raise InvalidField(f"The dispute {item.code} has other words; give this one another code.", path=f"{item.path}.code")
        self._require_version(item)
        dispute_id = new_id()
        data: Row = {"record_kind": item.record.kind, "record_id": str(item.record.id), "reason": item.reason}
        if item.code:
            data["code"] = item.code
        self._add(item, Command(kind="dispute", action="create", id=dispute_id, data=data))
        if item.resolution:
            self._add(item, self._end(item, dispute_id, item.correction))
        self.about.append((item, [dispute_id], "resolved" if item.resolution else "open"))

    @staticmethod
    def _end(item: _Item, dispute_id: UUID, correction: Row) -> Command:
        data = {"resolution": item.resolution or SOLVED, "correction": correction}
        return Command(kind="dispute", action="resolve", id=dispute_id, data=data)

    def _resolve(self, item: _Item, disputes: Sequence[Record]) -> None:
        """End what is open; the first of them takes the correction with it. Nothing is open: it was ended before, or never was."""
        still = [one for one in disputes if one.data["status"] == "open"]
        if not still:
            ended = [one.id for one in disputes if not item.resolution or one.data.get("resolution") == item.resolution]
            if disputes and not ended:
                raise errors.AlreadyResolved("This was settled already, with other words.", path=f"{item.path}.resolution")
            if item.resolution and not disputes:
                raise errors.ReferenceMissing("Nothing about this record is disputed.", path=f"{item.path}.id")
            self.about.append((item, ended, "resolved" if ended else "none"))
            return
        self._require_version(item)
        for place, one in enumerate(still):
            self._add(item, self._end(item, one.id, item.correction if place == 0 else {}))
        self.about.append((item, [one.id for one in still], "resolved"))

    def _is_own(self, dispute: Record) -> bool:
        return dispute.created_by == self.writer.actor.user_id

    @staticmethod
    def _require_version(item: _Item) -> None:
        if item.version and item.version != item.record.seq:
            raise VersionStale(
                f"The record is at {item.record.seq}, not at {item.version}: pull it, and look again.", path=f"{item.path}.rw"
            )

    def _add(self, item: _Item, command: Command) -> None:
        self.commands.append(command)
        self.places.append(item)

    def _run(self) -> None:
        try:
            outcome = self.services.ledger.execute(self.writer.company_id, self.commands, self.writer.actor)
        except LedgerError as error:
            _, _, rest = error.path.partition("commands[")
            place, _, path = rest.partition("].")
            if not place.isdecimal():
                raise
            item = self.places[int(place)]
            ours = path.removeprefix("data.").removeprefix("correction.")
            if ours in ("reason", "resolution", "code", "correction"):
                error.path = f"{item.path}.{ours}"
            elif ours and item.correction:
                error.path = f"{item.path}.correction.{self.collection.plans[item.record.kind].wire_of(ours)}"
            else:
                error.path = item.path
            raise
        assert all(isinstance(result, Result) for result in outcome.results), "an atomic batch that is refused raises"

    def _numbers(self) -> dict[UUID, int]:
        ids = {one for _, ids, _ in self.about for one in ids}
        found = self.services.store.read_records(self.writer.company_id, Needs(ids=ids)).records if ids else ()
        return {record.id: record.number for record in found}


async def _solve(request: HttpRequest, named: str | None) -> ASGIResponse:
    services, claims = services_of(request), claims_of(request, "write")
    form = await forms.form_of(request)

    def work() -> Solved:
        writer = writer_of(services, claims)
        database = forms.number(form, "databaseId", most=INT64)
        if database and database != database_id_of(services.database, claims.cid):
            raise CompanyNotFound("This login is not of that database.", path="databaseId")
        collection = collection_named(named or forms.text(form, "entityName", "entityType"), "entityName")
        given = form.get("disputeitems")
        if not isinstance(given, list):
            raise InvalidField("`disputeItems` must be a list.", path="disputeItems")
        if len(given) > MOST_ITEMS:
            raise BatchTooLarge(f"A request holds at most {MOST_ITEMS} items; this one has {len(given)}.", path="disputeItems")
        return Solved(data={"disputes": _Solving(services, writer, collection).execute(given)})

    return answer(await services.threads.run(work))


_DESCRIPTION = (
    "A `reason` opens a dispute; a `resolution`, with a `correction` where the record has to change, settles what is open. An item"
    " without either settles it too, if anything is open. The same request again is answered as the first time."
)
_REFUSALS = (errors.ReferenceMissing, errors.VersionStale, errors.AlreadyResolved, errors.NotAllowed, CompanyNotFound)


@endpoint(
    "POST",
    "/API/v3/Sync/SolveOrderDispute",
    Operation(
        id="mahakSolveOrderDispute",
        summary="Dispute orders, or settle what was disputed",
        description=_DESCRIPTION,
        tag="Mahak",
        body=SolveDispute,
        body_example=examples.SOLVE_ORDER,
        answers={200: Answer("What became of every item.", Solved, examples.SOLVED)},
        refusals=_REFUSALS,
    ),
)
async def solve_order_dispute(request: HttpRequest) -> ASGIResponse:
    """Of orders."""
    return await _solve(request, "orders")


@endpoint(
    "POST",
    "/API/v3/Sync/SolveDispute",
    Operation(
        id="mahakSolveDispute",
        summary="Dispute any record, or settle what was disputed",
        description=_DESCRIPTION,
        tag="Mahak",
        body=SolveDispute,
        body_example=examples.SOLVE,
        answers={200: Answer("What became of every item.", Solved, examples.SOLVED)},
        refusals=_REFUSALS,
    ),
)
async def solve_dispute(request: HttpRequest) -> ASGIResponse:
    """Of any record."""
    return await _solve(request, None)


HANDLERS: list[HTTPRouteHandler] = [solve_order_dispute, solve_dispute]
