"""Machine-to-machine routes: other services of the same installation write the objects of any business.

`POST /<service>/m2m/<object>/<tail>` with the service's token in the header `fintrack-service-token`. Nobody is logged in: the
request names its business by codename, and is refused where it does not. What is written goes through the same commands, rules
and events as everything else, each request as one transaction. Without `DAFTAR_SERVICE_TOKEN` there are no such routes.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from api.answers import answer
from api.documents import document_of
from api.endpoint import Answer, Operation, endpoint
from api.fintrack import reading, writing
from api.fintrack.asking import Asked, Asker, read_request, today_of
from api.fintrack.describing import IDEMPOTENCY, TENANT, description_of
from api.fintrack.examples import ID
from api.fintrack.filters import NOTHING
from api.fintrack.objects import OBJECTS
from api.fintrack.objects.object import Object, Row
from api.fintrack.values import read_flag, read_id
from api.fintrack.wording import Words
from api.http_errors import HttpRequest, RouteNotFound
from api.reading_requests import decode
from domain import errors
from domain.command import SYSTEM, Actor, Command
from domain.decide import Result
from domain.errors import BatchTooLarge, InvalidField, LedgerError, NotAuthenticated
from domain.record import Record
from infra.companies.businesses import read_business
from infra.history.asof import find_as_of
from infra.identity.identity import Principal
from infra.lists.conditions import AnyOf, Condition
from infra.lists.listing import Source, list_from

HEADER = "fintrack-service-token"
MOST_OBJECTS = 1_000
"""Objects that one request writes."""

_records = msgspec.json.Decoder(list[Record])
_any = msgspec.json.Decoder(Any)
_PLACE = re.compile(r"commands\[(\d+)\]")

Planned = tuple[Words, Command]


@dataclass(slots=True, kw_only=True)
class Machine(Asker):
    """A service that writes for a business. There is no user; `body` is its JSON, `fields` its fields where it is an object."""

    content: Any
    fields: Row

    @property
    def actor(self) -> Actor:
        """The installation itself."""
        return SYSTEM


async def _answer(request: HttpRequest, work: Callable[[Machine], Any]) -> ASGIResponse:
    asked = await read_request(request)
    return await asked.services.threads.run(lambda: answer(work(_confirmed(asked))))


def _confirmed(asked: Asked) -> Machine:
    """The service that asks. Raises RouteNotFound, NotAuthenticated, InvalidField, CompanyNotFound."""
    token = asked.services.settings.service_token
    if not token:
        raise RouteNotFound
    given = asked.request.headers.get(HEADER, "")
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise NotAuthenticated(f"The header `{HEADER}` does not hold the service's token.")
    content: Any = decode(asked.body, _any) if asked.body.strip() else {}
    if not isinstance(content, list):
        asked.check()
    if asked.named is None:
        raise InvalidField("Name the business by its codename, in the header `mbx-business-codename`.", path="_business")
    company = read_business(asked.services.database, asked.services.ledger, asked.named)
    if company.data["codename"] != asked.named:  # it was an id
        raise errors.CompanyNotFound(f"There is no business {asked.named!r}.", path="_business")
    nobody = Principal(company.id, UUID(int=0), UUID(int=0), None, SYSTEM.role, 0)
    return Machine(
        **{name: getattr(asked, name) for name in Asked.__dataclass_fields__},
        principal=nobody,
        company=company,
        access_token="",
        sso_ms=0,
        today=today_of(company),
        content=content,
        fields=content if isinstance(content, dict) else {},
    )


# What is asked for ----------------------------------------------------------------------------------


def _create(machine: Machine, object_: Object) -> Row:
    words = Words(object_)
    return _write(machine, object_, lambda: [(words, writing.creation(words, machine.form, machine.zone))])[0]


def _bulk_create(machine: Machine, object_: Object) -> list[Row]:
    given = machine.fields.get("dataList", machine.content)
    forms = given if isinstance(given, list) else [given] if given and "dataList" not in machine.fields else []
    if not forms:
        raise InvalidField("dataList must be a non-empty array", path="dataList")
    _check_count(len(forms))

    def plan() -> Iterator[Planned]:
        for index, form in enumerate(forms):
            words = Words(object_)
            if not isinstance(form, dict):
                raise InvalidField("An object is needed.", path=f"dataList[{index}]")
            try:
                yield words, writing.creation(words, form, machine.zone)
            except InvalidField as error:
                raise error.at(f"dataList[{index}]") from None

    return _write(machine, object_, plan, "dataList")


def _update(machine: Machine, object_: Object) -> Row:
    return _update_all(machine, object_, lambda: [reading.find(machine, object_, _id(machine, object_))[0]], "id")[0]


def _delete(machine: Machine, object_: Object) -> Row:
    return _delete_all(machine, object_, lambda: [reading.find(machine, object_, _id(machine, object_))[0]])[0]


def _update_by_ids(machine: Machine, object_: Object) -> list[Row]:
    ids = machine.fields.get("idList")
    if not isinstance(ids, list) or not ids:
        raise InvalidField("idList must be a non-empty array", path="idList")
    _check_count(len(ids))
    wanted = list(dict.fromkeys(read_id(one, "idList") for one in ids))
    return _update_all(machine, object_, lambda: reading.find_all(machine, object_, wanted), "idList", label="idList")


def _update_by_query(machine: Machine, object_: Object) -> list[Row]:
    return _update_all(machine, object_, lambda: _found(machine, object_), "query")


def _delete_by_query(machine: Machine, object_: Object) -> list[Row]:
    return _delete_all(machine, object_, lambda: _found(machine, object_))


def _id(machine: Machine, object_: Object) -> UUID:
    given = machine.fields.get("id") or machine.request.path_params.get(object_.id_name)
    if not given:
        raise InvalidField("ID is required", path="id")
    return read_id(given, "id")


def _check_count(count: int) -> None:
    if count > MOST_OBJECTS:
        raise BatchTooLarge(f"A request writes at most {MOST_OBJECTS} objects; this one is about {count}.")


def _found(machine: Machine, object_: Object) -> list[Record]:
    """The objects that the query names: each of its fields has the value, or one of the values."""
    query = machine.fields.get("query")
    if not isinstance(query, dict) or not query:
        raise InvalidField("Query is required and must be a non-empty object", path="query")
    conditions = [one for name, value in query.items() for one in _conditions(machine, object_, name, value)]
    source = Source(object_.kind, (*object_.where, *conditions))
    found = list_from(machine.services.database, machine.company_id, [source], limit=MOST_OBJECTS + 1, offset=0)
    _check_count(found.total)
    return _records.decode(b"[" + found.items + b"]")


def _conditions(machine: Machine, object_: Object, name: str, value: Any) -> Sequence[Condition | AnyOf]:
    """What a field of the query asks. `businessId` and `isActive` are the same for all there are: they find all or nothing."""
    given = value if isinstance(value, list) else [value]
    path = f"query.{name}"
    if not given or len(given) > MOST_OBJECTS:
        raise InvalidField(f"`{path}` must be a value, or up to {MOST_OBJECTS} of them.", path=path)
    if name == "businessId":
        return () if machine.company_id in [read_id(one, path) for one in given if one is not None] else (NOTHING,)
    if name == "isActive":
        return () if any(read_flag(one, path) for one in given) else (NOTHING,)
    if name == "id":
        return (Condition((("id",),), tuple(str(read_id(one, path)) for one in given)),)
    if name in object_.filters:
        return (object_.filters[name](["null" if one is None else str(one) for one in given], machine.today),)
    field = object_.by_wire.get(name)
    if field is None or not field.ours:
        known = ", ".join(["id", *(one.wire for one in object_.fields), "businessId", "isActive"])
        raise InvalidField(f"A query of {object_.plural} has no `{name[:40]}`; it has {known}.", path=path)
    numeric = field.type == "Double"
    read = [field.read(one, machine.zone, path) for one in given if one is not None]
    options: list[tuple[Condition, ...]] = []
    if read:
        options.append((Condition((field.path,), tuple(str(one) if numeric else one for one in read), numeric=numeric),))
    if None in given:
        options.append((Condition((field.path,), test="missing"),))
    return (AnyOf(tuple(options)),)


# Writing it -----------------------------------------------------------------------------------------


def _update_all(machine: Machine, object_: Object, find: Callable[[], Sequence[Record]], beside: str, label: str = "") -> list[Row]:
    """Change the objects that are found. The changes are in `dataClause`, else they are the body but for what finds the objects."""
    clause = machine.fields.get("dataClause")
    form = clause if isinstance(clause, dict) else {k: v for k, v in machine.fields.items() if k not in (beside, "_business")}

    def plan() -> Iterator[Planned]:
        for record in find():
            words = Words(object_)
            yield words, writing.change(words, record, form, machine.zone)

    return _write(machine, object_, plan, label)


def _delete_all(machine: Machine, object_: Object, find: Callable[[], Sequence[Record]]) -> list[Row]:
    def plan() -> Iterator[Planned]:
        for command in writing.removals(machine, object_, find()):
            yield Words(object_), command

    return _write(machine, object_, plan, active=False)


def _write(
    machine: Machine,
    object_: Object,
    plan: Callable[[], Sequence[Planned] | Iterator[Planned]],
    label: str = "",
    *,
    active: bool | None = None,
) -> list[Row]:
    """Execute what is planned as one transaction, and answer the objects as it left them. Safe to repeat with a key."""
    ledger, idempotency = machine.services.ledger, machine.idempotency()
    outcome = ledger.find_answer(machine.company_id, idempotency) if idempotency is not None else None
    if outcome is None:
        planned = list(plan())
        with _spoken([words for words, _ in planned], label):
            commands = [command for _, command in planned]
            outcome = ledger.execute(machine.company_id, commands, machine.actor, idempotency=idempotency)
    ids = [result.id for result in outcome.results if isinstance(result, Result)]
    with machine.services.database.company(machine.company_id) as connection:
        records = find_as_of(connection, machine.company_id, outcome.seq, ids)
    documents = [document_of(records[one]) for one in ids]
    seen = reading.with_balances(machine, object_, documents, reading.seen_by(machine))
    return [object_.row(document, seen, active=active) for document in documents]


@contextmanager
def _spoken(words: Sequence[Words], label: str) -> Iterator[None]:
    """Refusals raised inside are in the words of the object that is refused, and name its place in the list `label`."""
    try:
        yield
    except LedgerError as error:
        place = _PLACE.match(error.path)
        index = int(place[1]) if place else 0
        if index < len(words):
            words[index].reword(error)
        if label and place:
            error.path = f"{label}[{index}]" + (f".{error.path}" if error.path else "")
        raise


# Routes ---------------------------------------------------------------------------------------------

REFUSALS = (NotAuthenticated, RouteNotFound, errors.CompanyNotFound, errors.RecordNotFound, errors.KeyReused, BatchTooLarge)
HEADERS = {HEADER: "The token of `DAFTAR_SERVICE_TOKEN`.", **TENANT, **IDEMPOTENCY}


class DataList(msgspec.Struct, kw_only=True):
    """New objects; the body may also be the list itself."""

    dataList: list[dict[str, Any]]  # noqa: N815 - as on the wire


class Changes(msgspec.Struct, kw_only=True):
    """Which objects, and what is changed of them."""

    id: str | None = None
    idList: list[str] | None = None  # noqa: N815 - as on the wire
    query: dict[str, Any] | None = None
    dataClause: dict[str, Any] | None = None  # noqa: N815 - as on the wire


def _routes(object_: Object) -> Iterator[HTTPRouteHandler]:
    base, one = f"/{object_.service}/m2m/{object_.name.lower()}", f"{{{object_.id_name}:str}}"
    describe = description_of(object_.name)
    record, rows = describe.record, list[describe.record]  # type: ignore[name-defined]
    example, clause = describe.example(), {"dataClause": describe.change_example}
    by_query = {"query": {"id": ID}}
    tails: tuple[tuple[str, str, Callable[[Machine, Object], Any], Any, Any, Any], ...] = (
        ("create", "create", _create, describe.new_form, example, record),
        ("bulk-create", "bulkCreate", _bulk_create, DataList, {"dataList": [example]}, rows),
        (f"update/{one}", "update", _update, Changes, clause, record),
        ("update", "updateById", _update, Changes, {"id": ID, **clause}, record),
        (f"delete/{one}", "delete", _delete, None, None, record),
        ("delete", "deleteById", _delete, Changes, {"id": ID}, record),
        ("update-by-query", "updateByQuery", _update_by_query, Changes, {**by_query, **clause}, rows),
        ("delete-by-query", "deleteByQuery", _delete_by_query, Changes, by_query, rows),
        ("update-by-id-list", "updateByIdList", _update_by_ids, Changes, {"idList": [ID], **clause}, rows),
    )
    for tail, verb, work, body, body_example, shown in tails:
        operation = Operation(
            id=f"fintrackM2m{verb[0].upper()}{verb[1:]}{describe.title}",
            summary=f"m2m: {verb} {object_.name}",
            description="For other services of this installation; there is no such route without `DAFTAR_SERVICE_TOKEN`.",
            tag=f"{describe.tag}, between machines",
            body=body,
            body_example=body_example,
            headers=HEADERS,
            answers={200: Answer("What was written, as it is now.", shown)},
            refusals=REFUSALS,
            secured=False,
        )
        yield _handler(f"{base}/{tail}", operation, object_, work)


def _handler(path: str, operation: Operation, object_: Object, work: Callable[[Machine, Object], Any]) -> HTTPRouteHandler:
    @endpoint("POST", path, operation)
    async def handle(request: HttpRequest) -> ASGIResponse:
        return await _answer(request, lambda machine: work(machine, object_))

    return handle


HANDLERS = [made for object_ in OBJECTS.values() for made in _routes(object_)]
