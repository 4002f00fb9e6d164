"""The one way in which everything is written: what a request says becomes commands, executed once, whatever the network does.

Every endpoint says what its form is and what commands it means; the rest is here. A `client_id` makes a request safe to repeat: the
same body is answered as it first was, another body is refused, and what was refused may be sent again. The key is resolved before
the body is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from api.answers import NO_STORE, raw
from api.bearer import claims_of
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.reading_requests import query_pairs, services_of
from api.saimpex import values
from api.saimpex.access import Gate, Till, now, till_of, writers
from api.saimpex.envelope import Envelope, enveloped
from api.saimpex.errors import NotYours, OriginalMissing
from api.saimpex.forms import SYNC, Form
from api.saimpex.posted import Posted, receive
from api.saimpex.values import SOURCE, Row
from api.uploads import storing
from domain import errors
from domain.books import Books
from domain.command import Command, Idempotency
from domain.decide import Result
from domain.decision import Credential, label
from domain.errors import LedgerError, NotAllowed, RecordNotFound, ReferenceMissing, ValueTaken
from domain.record import Record
from infra.composition import Services
from infra.files import StoredFile
from infra.fingerprints import request_fingerprint
from infra.identity.tokens import Claims
from infra.ledger import Outcome

MOST_TURNS = 3
_SYNC_FORM = Form("SyncFields", *SYNC)


@dataclass(frozen=True, slots=True)
class Sync:
    """What a queued action says of itself. Without a `client_id` the request is made online."""

    client_id: str | None = None
    created_at: datetime | None = None
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What the commands came to: their results, and the books as they are after them."""

    books: Books
    results: Sequence[Result]

    def record(self, index: int = 0) -> Record:
        """The record of a command, after it."""
        return self.books.records[self.results[index].id]

    def find(self, record_id: Any) -> Record | None:
        """A record that the commands made or needed; None for any other."""
        return self.books.record(UUID(str(record_id))) if record_id else None

    def number(self, record_id: Any) -> int | None:
        """Its number."""
        found = self.find(record_id)
        return found.number if found is not None else None

    def children(self, record: Record, kind: str) -> list[Record]:
        """What of a kind the commands made of a record's family."""
        return self.books.living_children(record.id, kind)


@dataclass(frozen=True, slots=True)
class Plan:
    """The commands that a request means, and how what they came to is said. `say` may refuse them by raising a LedgerError.

    `overtaken`: it was planned by what was there, so where somebody else made the same meanwhile, it is planned again.
    """

    commands: Sequence[Command]
    say: Callable[[Made], Row]
    credentials: Sequence[Credential] = ()
    overtaken: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose form was read: who asks, what its fields say, and the files that came with it, which are stored."""

    till: Till
    sync: Sync
    values: Row
    row: Row
    stored: Sequence[StoredFile] = ()

    @property
    def offline(self) -> bool:
        """Whether this was done offline and is now replayed."""
        return self.sync.client_id is not None

    @property
    def day(self) -> date:
        """The day on which it was done, in the company's zone; never one to come, whatever the till's clock says."""
        moment = now() if self.sync.created_at is None else min(now(), self.sync.created_at)
        return values.day_in(moment, self.till.zone)

    def create(self, kind: str, data: Mapping[str, Any], record_id: UUID | None = None) -> Command:
        """Make the record that the action's client id names from now on."""
        command = self.command(kind, "create", data)
        if self.sync.client_id is None:
            return msgspec.structs.replace(command, id=record_id)
        return msgspec.structs.replace(command, id=record_id, client_id=self.sync.client_id, source=SOURCE)

    def command(self, kind: str, action: str, data: Mapping[str, Any] | None = None, target: Row | UUID | None = None) -> Command:
        """A command about the record that `target` names."""
        named: Row = {"id": target} if isinstance(target, UUID) else dict(target or {})
        said = {name: value for name, value in (data or {}).items() if value is not None or action == "update"}
        return Command(kind=kind, action=action, occurred_at=self.sync.created_at, data=said, **named)


@dataclass(frozen=True)
class Writing:
    """An endpoint that writes: its form, who may use it, and what it means.

    `synced`: a target that is missing is a missing original, which the queue shows as such (409). `created`: the status of an
    answer to what was done now; a replay is always answered with 200. `slow`: it may hash a password.
    """

    form: Form
    plan: Callable[[Asked], Plan]
    gate: Gate
    synced: bool
    created: int
    message: str
    slow: bool = False


@dataclass(slots=True)
class Request:
    """One request on its way through."""

    writing: Writing
    services: Services
    claims: Claims
    posted: Posted
    idempotency: Idempotency | None = None
    asked: Asked | None = None

    def prepare(self) -> Outcome | None:
        """Read the request. Returns the answer that it was given before, if it is a replay of one that cannot be read any more.

        Raises LedgerError.
        """
        row = self.posted.row
        try:
            self._read_key()
            read = _SYNC_FORM.read(row)
            sync = Sync(read.get("client_id"), read.get("client_created_at"), read.get("device_id"))
            if sync.client_id is not None and sync.created_at is None:
                raise errors.InvalidField("The client created at field is required with a client_id.", path="client_created_at")
            till = till_of(self.services, self.claims, sync.device)
            if sync.created_at is not None and sync.created_at.tzinfo is None:
                sync = replace(sync, created_at=sync.created_at.replace(tzinfo=till.zone))
            self.writing.gate(till.principal.role)
            self.asked = Asked(till, sync, self.writing.form.read(row, keep_null=True), row)
        except LedgerError:
            self.services.identity.confirm(self.claims)  # nothing is told to a session that has ended, not even this
            known = self.known_answer()
            if known is None:
                raise
            return known
        return None

    def _read_key(self) -> None:
        given = self.posted.row.get("client_id")
        if given is not None:
            key = f"{SOURCE} {values.client_id(given, 'client_id')}"
            self.idempotency = Idempotency(key=key, fingerprint=self.posted.fingerprint)

    def known_answer(self) -> Outcome | None:
        """What this was answered before. Raises KeyReused."""
        if self.idempotency is None:
            return None
        return self.services.ledger.find_answer(self.claims.cid, self.idempotency)

    def execute(self, stored: Sequence[StoredFile] = (), turns: int = MOST_TURNS) -> Outcome:
        """Do it. Raises LedgerError with the place as the client wrote it; nothing is stored then."""
        assert self.asked is not None
        asked = replace(self.asked, stored=stored)
        try:
            plan = self.writing.plan(asked)
        except LedgerError as error:
            known = self.known_answer()
            if known is None:
                raise self.told(error) from None
            return known

        def say(books: Books, results: Sequence[Result]) -> bytes:
            return values.JSON.encode(plan.say(Made(books, results)))

        newcomer = [asked.till.newcomer] if asked.till.newcomer is not None else []
        try:
            return self.services.ledger.execute(
                asked.till.principal.company_id,
                [*plan.commands, *newcomer],
                asked.till.actor,
                idempotency=self.idempotency,
                credentials=plan.credentials,
                say=say,
            )
        except LedgerError as error:
            if isinstance(error, ValueTaken) and error.path.startswith(f"commands[{len(plan.commands)}]"):
                self.prepare()  # another request of this device was first: now it is known
                return self.execute(stored)
            if isinstance(error, ValueTaken | errors.VersionStale) and plan.overtaken and turns:
                return self.execute(stored, turns - 1)
            raise self.told(error) from None

    def told(self, error: LedgerError) -> LedgerError:
        """A refusal in the client's words."""
        if isinstance(error, errors.KeyReused):
            error.message = "This client_id was used before with another body; it names one action only."
            error.path = "client_id"
            return error
        path = error.path.partition("].")[2] if error.path.startswith("commands[") else error.path
        target = path in ("id", "number", "client_id")
        inside = "" if path == "data" else path.removeprefix("data.")
        error.path = self.writing.form.place("id" if target else inside, self.posted.row)
        if isinstance(error, NotAllowed):
            return NotYours(error.message, path=error.path)
        if isinstance(error, ReferenceMissing):
            error.message = _named_by_field(error)
        by_client = isinstance(_at(self.posted.row, error.path), str)
        unknown = isinstance(error, ReferenceMissing) and "reference" not in error.details
        if (isinstance(error, RecordNotFound) and (self.writing.synced or by_client)) or (unknown and by_client):
            return OriginalMissing(f"{error.message} Send the action that makes it first.", path=error.path)
        return error

    def answer(self, outcome: Outcome) -> ASGIResponse:
        """The answer."""
        said = outcome.said or b"{}"
        replayed = outcome.idempotent_replay
        flag = b'"idempotent_replay":true}' if replayed else b'"idempotent_replay":false}'
        body = said[:-1] + (b"," if len(said) > 2 else b"") + flag
        return raw(enveloped(body, self.writing.message), 200 if replayed else self.writing.created, NO_STORE)


def _named_by_field(error: ReferenceMissing) -> str:
    """The message with the field's word for what it names: a `supplier_id` names a supplier, not a party."""
    field = values.words(error.path).removesuffix(" id").removesuffix(" client")
    kind = label(error.details.get("kind", ""))
    return error.message.replace(f" {kind} ", f" {field} ", 1) if field != "id" and kind else error.message


def _at(row: Any, place: str) -> Any:
    for part in place.split("."):
        if isinstance(row, list) and part.isdecimal() and int(part) < len(row):
            row = row[int(part)]
        else:
            row = row.get(part) if isinstance(row, dict) else None
    return values.uuid_text(row)


def writes(
    path: str,
    *,
    id: str,  # noqa: A002 - what an operation calls it
    tag: str,
    summary: str,
    form: Form,
    answer: Any,
    example: Any,
    body_example: Row,
    description: str = "",
    gate: Gate = writers,
    synced: bool = False,
    created: int = 200,
    message: str = "Success",
    files: str = "",
    slow: bool = False,
    methods: Sequence[str] = ("POST",),
) -> Callable[[Callable[[Asked], Plan]], list[HTTPRouteHandler]]:
    """Make a function that plans commands the handlers of a path, one for each method (the first names the operation).

    `files` is what the document calls the field with the file, where one may come along; its name is not heeded.
    """

    def decorate(plan: Callable[[Asked], Plan]) -> list[HTTPRouteHandler]:
        writing = Writing(form, plan, gate, synced, created, message, slow)
        return [_handler(writing, method, path, index) for index, method in enumerate(methods)]

    def _handler(writing: Writing, method: str, path: str, index: int) -> HTTPRouteHandler:
        in_query = method in ("GET", "DELETE")

        async def handle(request: HttpRequest) -> ASGIResponse:
            claims = claims_of(request, "write")
            services = services_of(request)
            if in_query:
                pairs = query_pairs(request)
                label = f"{method} {path}"
                key = request_fingerprint(label, msgspec.json.encode(sorted(pairs)), services.settings.secret_key)
                return await _write(Request(writing, services, claims, Posted(dict(pairs), key)))
            async with receive(request, files=bool(files)) as posted:
                return await _write(Request(writing, services, claims, posted))

        described = writing.form.synced.struct
        statuses = {status: Answer(summary + ".", Envelope[answer], _shown(example, message)) for status in {created, 200}}
        operation = Operation(
            id=id if not index else f"{id}By{method.capitalize()}",
            summary=summary,
            description=description,
            tag=tag,
            query=described if in_query else None,
            body=None if in_query else described,
            body_example=None if in_query else {**body_example, **SYNC_EXAMPLE},
            form=_form(described, body_example, files) if files else {},
            answers=statuses,
            refusals=(errors.NotAllowed, errors.KeyReused, RecordNotFound, OriginalMissing),
        )
        return endpoint(method, f"/api/desktop/{path}", operation, streamed=bool(files))(handle)

    return decorate


def _form(described: type[msgspec.Struct], example: Row, file: str) -> dict[str, Row]:
    """The same fields as a multipart form has them, and the file."""
    fields: dict[str, Row] = {name: {"type": "string"} for name in described.__struct_fields__}
    for name, value in {**example, **SYNC_EXAMPLE}.items():
        fields[name]["example"] = str(value)
    return {**fields, file: {"type": "string", "contentMediaType": "application/octet-stream", "example": "scan.pdf"}}


SYNC_EXAMPLE: Row = {
    "client_id": "550e8400-e29b-41d4-a716-446655440000",
    "client_created_at": "2026-05-28T14:32:00.000Z",
    "device_id": "desktop-abc123",
}


def _shown(example: Row, message: str) -> Row:
    return {"status": "true", "data": {**example, "idempotent_replay": False}, "message": message}


async def _write(request: Request) -> ASGIResponse:
    """Do what a request asks, with its files stored first; those of a replay or a refusal are removed again."""
    threads = request.services.threads
    run = threads.run_slowly if request.writing.slow else threads.run
    if not request.posted.files:

        def work() -> Outcome:
            return request.prepare() or request.execute()

        return request.answer(await run(work))
    known = await run(request.prepare)
    known = known or await run(request.known_answer)
    if known is not None:
        return request.answer(known)
    async with storing(request.services, request.claims.cid, request.posted.files) as stored:
        outcome = await run(request.execute, stored)
    if outcome.idempotent_replay:  # the same request came twice at once: the other one's files are named by the record
        for one in stored:
            await request.services.files.delete(one.storage_key)
    return request.answer(outcome)
