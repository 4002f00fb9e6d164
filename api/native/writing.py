"""Writing: commands in batches, and one command at a time by a record's address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.answers import answer
from api.bearer import claims_of
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.native.access import authorise
from api.native.answers import etag
from api.native.examples import BATCH, OUTCOME, RESULT
from api.native.references import read_if_match, reference_of
from api.native.wire import BODIES, Batch, batch_decoder, body_decoder, body_to_command, refine, to_command
from api.reading_requests import check_depth, decode, read_body, services_of
from domain import errors
from domain.command import Command, Idempotency
from domain.decide import Result
from domain.errors import InvalidField, LedgerError
from infra.composition import Services
from infra.fingerprints import request_fingerprint
from infra.identity.tokens import Claims
from infra.ledger import Outcome, Refusal
from infra.requests import check_key

IDEMPOTENCY = {
    "Idempotency-Key": "Makes the request safe to repeat: the same key and body answer what they first did; at most 255 characters."
}
WRITE_REFUSALS: tuple[type[LedgerError], ...] = (
    errors.UnknownKind,
    errors.BatchTooLarge,
    errors.KeyReused,
    errors.NotAllowed,
    errors.RecordNotFound,
    errors.RecordDeleted,
    errors.PersonErased,
    errors.RecordExists,
    errors.ReferenceMissing,
    errors.VersionStale,
    errors.CursorAhead,
    errors.ValueTaken,
)


class CommandAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What became of one command of a batch: its record after it; or, where it was refused, `code`, `message` and `path`."""

    type: str
    kind: str = ""
    id: UUID | None = None
    number: int = 0
    seq: int = 0
    version: int = 0
    deleted: bool = False
    changed: bool = False
    idempotent_replay: bool = False
    client_id: str | None = None
    conflict: UUID | None = None
    outcome: str | None = None
    code: str = ""
    message: str = ""
    path: str = ""
    details: dict[str, Any] = {}


class BatchAnswer(msgspec.Struct, kw_only=True):
    """One answer per command, in order, and the seq of the log after them."""

    results: list[CommandAnswer]
    seq: int
    idempotent_replay: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A request to write: what it asks for, by whom, and the key under which its answer is kept."""

    services: Services
    claims: Claims
    idempotency: Idempotency | None

    def execute(self, read: Callable[[], tuple[Sequence[Command], bool, bool]]) -> Outcome:
        """Read the commands, check the author's rights and execute them. The key is resolved before the body is judged."""
        principal = self.services.identity.confirm(self.claims)
        try:
            commands, atomic, dry_run = read()
            ready = authorise(self.services, principal, commands)
        except LedgerError:
            known = self._known_answer()
            if known is None:
                raise
            return known
        outcome = self.services.ledger.execute(
            principal.company_id,
            ready.commands,
            principal.actor,
            idempotency=self.idempotency,
            atomic=atomic,
            dry_run=dry_run,
            credentials=ready.credentials,
        )
        outcome = msgspec.structs.replace(outcome, results=outcome.results[: len(commands)])
        count_outcome(self.services, commands, outcome)
        return outcome

    def _known_answer(self) -> Outcome | None:
        if self.idempotency is None:
            return None
        return self.services.ledger.find_answer(self.claims.cid, self.idempotency)


def count_outcome(services: Services, commands: Sequence[Command], outcome: Outcome) -> None:
    """Tell the metrics what became of each command."""
    for command, result in zip(commands, outcome.results, strict=True):
        if isinstance(result, Refusal):
            what = result.code
        elif result.idempotent_replay or outcome.idempotent_replay:
            what = "replayed"
        else:
            what = "dry_run" if outcome.dry_run else result.outcome or ("executed" if result.changed else "unchanged")
        services.metrics.commands.labels(command.type, what).inc()


def _written(request: HttpRequest, claims: Claims, body: bytes) -> Written:
    services = services_of(request)
    key = request.headers.get("idempotency-key")
    if key is None:
        return Written(services, claims, None)
    label = f"{request.method} {request.scope['path']} {request.headers.get('if-match', '')}"
    fingerprint = request_fingerprint(label, body, services.settings.secret_key)
    idempotency = Idempotency(key=key, fingerprint=fingerprint)
    check_key(idempotency)
    return Written(services, claims, idempotency)


def _headers(outcome: Outcome) -> dict[str, str]:
    return {"Idempotent-Replay": "true"} if outcome.idempotent_replay else {}


@endpoint(
    "POST",
    "/ledger/v1/commands",
    Operation(
        id="executeCommands",
        summary="Execute commands as one transaction",
        description=(
            "At most 5,000 commands, executed in order. A command may refer to records that an earlier one makes, by their client"
            " ids. `atomic` (default): the first refusal refuses the batch; otherwise refused commands are answered each with its"
            " error and the others stand. `dry_run` decides everything and stores nothing."
        ),
        tag="Writing",
        body=Batch,
        body_example=BATCH,
        headers=IDEMPOTENCY,
        answers={200: Answer("One result per command.", BatchAnswer, OUTCOME, headers={"Idempotent-Replay": "true on a replay."})},
        refusals=WRITE_REFUSALS,
    ),
)
async def execute_commands(request: HttpRequest) -> ASGIResponse:
    """Execute a batch."""
    claims = claims_of(request, "write")
    body = await read_body(request)

    def read() -> tuple[Sequence[Command], bool, bool]:
        try:
            batch = decode(body, batch_decoder)
        except InvalidField as error:
            raise refine(error) from None
        commands = [to_command(wire) for wire in batch.commands]
        for index, command in enumerate(commands):
            check_free_fields(command.data, f"commands[{index}].data")
        return commands, batch.atomic, batch.dry_run

    def work() -> Outcome:
        return _written(request, claims, body).execute(read)

    outcome = await services_of(request).threads.run(work)
    return answer(outcome, headers=_headers(outcome))


def check_free_fields(data: Any, path: str) -> None:
    """Raise InvalidField where free-form JSON in a command's data is nested too deeply."""
    for name in _free_fields(data.__class__):
        value = getattr(data, name)
        if isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, msgspec.Struct):
                    check_free_fields(item, f"{path}.{name}[{index}]")
        elif isinstance(value, dict):
            check_depth(value, f"{path}.{name}")


@cache
def _free_fields(struct: type[msgspec.Struct]) -> tuple[str, ...]:
    """The fields that may hold free-form JSON, or Structs that do."""
    found = msgspec.structs.fields(struct)
    return tuple(field.name for field in found if any(word in repr(field.type) for word in ("dict", "list", "Any")))


async def _one(request: HttpRequest, kind: str, action: str, reference: UUID | int | None, *, status: int = 200) -> ASGIResponse:
    """Execute one command whose kind, action and record the path names."""
    claims = claims_of(request, "write")
    body = await read_body(request)
    services = services_of(request)

    def read() -> tuple[Sequence[Command], bool, bool]:
        wire = decode(body or b"{}", body_decoder(kind, action))
        command = body_to_command(wire, kind, action, reference)
        check_free_fields(command.data, "data")
        base = read_if_match(services, request, claims.cid, kind, reference)
        if base is not None:
            command = msgspec.structs.replace(command, base_seq=base, on_conflict="refuse")
        return [command], True, False

    def work() -> Outcome:
        try:
            return _written(request, claims, body).execute(read)
        except LedgerError as error:
            error.path = error.path.removeprefix("commands[0].")
            raise

    outcome = await services.threads.run(work)
    result = outcome.results[0]
    assert isinstance(result, Result), "an atomic batch has no refusals"
    location = f"/ledger/v1/records/{kind}/{result.id}"
    headers = {**_headers(outcome), "ETag": etag(result.seq), "Location": location}
    return answer(result, status, headers)


IF_MATCH = {"If-Match": "The ETag of the version this write is based on; if the record has moved since, 412 and nothing is stored."}
_WRITTEN_HEADERS = {"ETag": "The record's seq.", "Location": "The record's address.", "Idempotent-Replay": "true on a replay."}


def _answers(status: int) -> dict[int, Answer]:
    return {status: Answer("What became of the command.", Result, RESULT, headers=_WRITTEN_HEADERS)}


def _bodies(action: str) -> Any:
    return tuple(body for name, body in BODIES.items() if name.endswith(f".{action}"))


@endpoint(
    "POST",
    "/ledger/v1/records/{kind:str}",
    Operation(
        id="createRecord",
        summary="Create a record",
        tag="Writing",
        body=_bodies("create"),
        body_example={"client_id": "customer-1", "data": {"name": "Shirin Rugs"}},
        headers=IDEMPOTENCY,
        answers=_answers(201),
        refusals=WRITE_REFUSALS,
    ),
)
async def create_record(request: HttpRequest, kind: FromPath[str]) -> ASGIResponse:
    """Create one record."""
    return await _one(request, kind, "create", None, status=201)


@endpoint(
    "PATCH",
    "/ledger/v1/records/{kind:str}/{ref:str}",
    Operation(
        id="updateRecord",
        summary="Change fields of a record",
        description="What is sent in `data` is changed; a null clears an optional field.",
        tag="Writing",
        body=_bodies("update"),
        body_example={"data": {"phone": "+98 21 5555"}},
        headers={**IDEMPOTENCY, **IF_MATCH},
        answers=_answers(200),
        refusals=WRITE_REFUSALS,
    ),
)
async def update_record(request: HttpRequest, kind: FromPath[str], ref: FromPath[str]) -> ASGIResponse:
    """Change one record."""
    return await _one(request, kind, "update", reference_of(kind, ref))


@endpoint(
    "DELETE",
    "/ledger/v1/records/{kind:str}/{ref:str}",
    Operation(
        id="deleteRecord",
        summary="Delete a record; it stays pullable as a tombstone",
        tag="Writing",
        body=_bodies("delete"),
        body_required=False,
        headers={**IDEMPOTENCY, **IF_MATCH},
        answers=_answers(200),
        refusals=WRITE_REFUSALS,
    ),
)
async def delete_record(request: HttpRequest, kind: FromPath[str], ref: FromPath[str]) -> ASGIResponse:
    """Delete one record."""
    return await _one(request, kind, "delete", reference_of(kind, ref))


@endpoint(
    "POST",
    "/ledger/v1/records/{kind:str}/{ref:str}/{action:str}",
    Operation(
        id="actOnRecord",
        summary="Do what this kind of record knows beside create, update and delete",
        tag="Writing",
        body=tuple(body for name, body in BODIES.items() if name.rpartition(".")[2] not in ("create", "update", "delete")),
        body_example={"data": {"resolution": "server"}},
        headers={**IDEMPOTENCY, **IF_MATCH},
        answers=_answers(200),
        refusals=(*WRITE_REFUSALS, errors.AlreadyResolved),
    ),
)
async def act_on_record(request: HttpRequest, kind: FromPath[str], ref: FromPath[str], action: FromPath[str]) -> ASGIResponse:
    """Execute one action of one record."""
    if action in ("create", "update", "delete"):
        raise errors.UnknownKind(f"{action!r} is done by its method, not by an address.", path="action")
    return await _one(request, kind, action, reference_of(kind, ref))


HANDLERS = [execute_commands, create_record, update_record, delete_record, act_on_record]
