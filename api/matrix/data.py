"""Reading tables directly: lists, paged, filtered, searched and sorted; and single rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from msgspec import Meta

from api.answers import answer
from api.bearer import claims_of
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.matrix import examples, forms
from api.matrix.access import Member, member_of
from api.matrix.columns import Column, Inbound
from api.matrix.documents import Document, Row, document_of, documents_of
from api.matrix.rendering import Rows
from api.matrix.status import MOST_PER_PAGE, paging
from api.matrix.tables import table_of_id, views_of
from api.matrix.tables.table import Table
from api.matrix.tables.trade import LINES
from api.reading_requests import query_pairs, services_of
from domain.errors import CompanyNotFound, InvalidField, RecordNotFound
from domain.needs import Needs
from domain.values import LARGEST_NUMBER
from infra.composition import Services
from infra.lists.listing import Condition, Source, list_from
from infra.sync.change_reader import ChangeReader

TAG = "Matrix: data"
SINGULAR = {
    "companies": "company",
    "parties": "party",
    "products": "product",
    "invoices": "invoice",
    "transactions": "transaction",
}
"""The tables that can be read, and how one row of each is called."""
EVERY = "all"


class OneQuery(msgspec.Struct, kw_only=True):
    """Which company; the session's, where it is not said."""

    company_id: int | None = None


class ListQuery(OneQuery, kw_only=True):
    """A page of a list. Beside these, any column: `party_id=7`; days and amounts also `date_from` and `date_to`."""

    page: Annotated[int, Meta(ge=1, le=10**9)] = 1
    per_page: Annotated[int, Meta(ge=1, le=MOST_PER_PAGE)] = 100
    search: Annotated[str, Meta(max_length=200, description="A text that a name, a number or the like holds.")] | None = None
    sort: Annotated[str, Meta(description="A column. Default: id.")] | None = None
    direction: Literal["asc", "desc"] = "asc"


def page_type(name: str) -> type[msgspec.Struct]:
    """The type of a page of a table."""
    numbers: list[tuple[str, Any, Any]] = [(one, int, msgspec.field()) for one in ("total", "page", "per_page", "last_page")]
    columns = [(name, list[Row], msgspec.field()), *numbers, ("success", bool, True)]
    return msgspec.defstruct(f"{name.capitalize()}Page", columns, kw_only=True)


def one_type(name: str) -> type[msgspec.Struct]:
    """The type of one row of a table."""
    return msgspec.defstruct(f"One{SINGULAR[name].capitalize()}", [(SINGULAR[name], Row), ("success", bool, True)], kw_only=True)


def rows_of(member: Member) -> Rows:
    """Renders rows of the member's company."""
    services = member.services
    return Rows(ChangeReader(services.database), services.store, member.company_id, member.company_number)


# Lists ----------------------------------------------------------------------------------------------


def list_rows(member: Member, name: str, query: Mapping[str, Sequence[str]]) -> Row:
    """A page of a table. Raises InvalidField."""
    single = {key: values[-1] for key, values in query.items()}
    page, per_page = paging(single)
    direction = single.get("direction") or "asc"
    if direction not in ("asc", "desc"):
        raise InvalidField("The direction must be one of asc, desc.", path="direction")
    sources = [source for table in views_of(name) for source in _sources(member, table, query, single)]
    found = list_from(
        member.services.database,
        member.company_id,
        sources,
        descending=direction == "desc",
        limit=per_page,
        offset=(page - 1) * per_page,
    )
    documents = documents_of(found.items)
    rows, tables = rows_of(member), {table.kind: table for table in views_of(name)}
    numbers = rows.numbers_for(documents)
    return {
        "success": True,
        name: [rows.row(document, tables[document.kind], numbers) for document in documents],
        "total": found.total,
        "page": page,
        "per_page": per_page,
        "last_page": max(1, -(-found.total // per_page)),
    }


def _sources(member: Member, table: Table, query: Mapping[str, Sequence[str]], single: Mapping[str, str]) -> Iterable[Source]:
    """What is listed of one kind: of a derived column with several values, a source for each."""
    columns = {column.wire: column for column in table.columns}
    conditions = [*table.where, *_ranges(member, table, single)]
    derived: list[list[tuple[Condition, ...]]] = []
    for name, values in query.items():
        if name == "is_active" and EVERY in values:
            continue
        if name in table.filters:
            made = [table.filters[name](value) for value in dict.fromkeys(values)]
            derived.append([option for option in made if option is not None])
        elif name in columns and name != "company_id":
            conditions.append(_equal(member, columns[name], values))
    if table.name == "parties" and "is_active" not in query:
        conditions.append(Condition((columns["is_active"].path,), (True,)))
    if search := single.get("search", "").strip():
        conditions.append(Condition(tuple(columns[name].path for name in table.searched), (search[:200],), test="holds"))
    order, numeric = _order(table, columns, single.get("sort") or "id")
    for options in product(*derived):
        chosen = (*conditions, *(condition for option in options for condition in option))
        yield Source(table.kind, chosen, table.id_base, order, numeric)


def _equal(member: Member, column: Column, values: Sequence[str]) -> Condition:
    """The condition that a column equals one of these texts; of a link, that it names one of these rows."""
    if column.table:
        ids = [found for value in values if (found := _id_of(member, column.table, value, column.wire)) is not None]
        return Condition((column.path,), tuple(map(str, ids)))
    inbound = Inbound(member.zone)
    read = tuple(column.read(value, inbound, column.wire) for value in values)
    shown = {value if column.write is None else column.write(value, {}) for value in read if not isinstance(value, list)}
    return Condition((column.path,), read, numeric=column.is_amount, or_missing=column.default in shown)


def _id_of(member: Member, name: str, text: str, path: str) -> UUID | None:
    number = forms.number({path: text}, path)
    table, number = table_of_id(name, number)
    if not 1 <= number <= LARGEST_NUMBER:
        return None
    records = member.services.store.read_records(member.company_id, Needs(numbers={(table.kind, number)})).records
    return records[0].id if records else None


def _ranges(member: Member, table: Table, single: Mapping[str, str]) -> list[Condition]:
    made: list[Condition] = []
    inbound = Inbound(member.zone)
    for column in table.columns:
        bounds = [single.get(f"{column.wire}_{end}") for end in ("from", "to")]
        if not any(bounds) or column.table:
            continue
        least, most = (
            None if not bound else str(column.read(bound, inbound, f"{column.wire}_{end}"))
            for bound, end in zip(bounds, ("from", "to"), strict=True)
        )
        made.append(Condition((column.path,), least=least, most=most, test="range", numeric=column.is_amount))
    return made


def _order(table: Table, columns: Mapping[str, Column], sort: str) -> tuple[tuple[str, ...] | None, bool]:
    """Where the value to sort by is, and whether it is an amount. Raises InvalidField."""
    if sort in table.sorts:
        return table.sorts[sort]
    if sort == "id":
        return None, False
    if sort in ("created_at", "updated_at"):
        return (sort,), False
    if sort in columns and not columns[sort].table:
        return columns[sort].path, columns[sort].is_amount
    if sort in table.filters:
        return None, False
    raise InvalidField(f"A list of {table.name} cannot be sorted by {sort!r}.", path="sort")


# One row --------------------------------------------------------------------------------------------


def find_row(member: Member, name: str, row_id: int) -> tuple[Table, Document]:
    """The living row of this id. Raises RecordNotFound."""
    missing = RecordNotFound(f"No query results for model [{SINGULAR[name].capitalize()}] {row_id}", path="id")
    if name == "companies":
        if row_id != member.company_number:
            raise missing
        return views_of(name)[0], document_of(member.company)
    table, number = table_of_id(name, row_id)
    if not 1 <= number <= LARGEST_NUMBER:
        raise missing
    records = member.services.store.read_records(member.company_id, Needs(numbers={(table.kind, number)})).records
    if not records or records[0].deleted or not table.shows(records[0]):
        raise missing
    return table, document_of(records[0])


def get_row(member: Member, name: str, row_id: int) -> Row:
    """One row; of an invoice and of a transaction with its lines."""
    table, document = find_row(member, name, row_id)
    rows = rows_of(member)
    row = rows.row(document, table, rows.numbers_for([document]))
    if document.kind == "invoice":
        family = member.services.store.read_records(member.company_id, Needs(parents={UUID(document.id)})).records
        lines = [document_of(one) for one in family if one.kind == LINES.kind and not one.deleted and LINES.shows(one)]
        lines.sort(key=lambda line: line.number)
        numbers = rows.numbers_for([*lines, document])
        row["lines"] = [rows.row(line, LINES, numbers) for line in lines]
    return {"success": True, SINGULAR[name]: row}


# Endpoints ------------------------------------------------------------------------------------------


async def ask(request: HttpRequest) -> tuple[Services, Any, dict[str, list[str]]]:
    """The services, the claims, and the query by name."""
    claims = claims_of(request)
    query: dict[str, list[str]] = {}
    for name, value in query_pairs(request):
        if value != "":
            query.setdefault(name, []).append(value)
    return services_of(request), claims, query


def _list_handler(name: str) -> HTTPRouteHandler:
    example = {"success": True, name: [examples.PARTY] if name == "parties" else [], "total": 1}
    operation = Operation(
        id=f"matrixList{name.capitalize()}",
        summary=f"{name.capitalize()}: a page of the list",
        tag=TAG,
        query=ListQuery,
        free_query=True,
        answers={200: Answer("A page.", page_type(name), {**example, "page": 1, "per_page": 100, "last_page": 1})},
        refusals=(CompanyNotFound,),
    )

    @endpoint("GET", f"/api/{name}", operation)
    async def list_(request: HttpRequest) -> ASGIResponse:
        services, claims, query = await ask(request)
        single = {key: values[-1] for key, values in query.items()}
        return answer(await services.threads.run(lambda: list_rows(member_of(services, claims, single), name, query)))

    return list_


def _get_handler(name: str) -> HTTPRouteHandler:
    operation = Operation(
        id=f"matrixGet{SINGULAR[name].capitalize()}",
        summary=f"One {SINGULAR[name]}",
        tag=TAG,
        query=OneQuery,
        answers={200: Answer("The row.", one_type(name), {"success": True, SINGULAR[name]: {"id": 123}})},
        refusals=(CompanyNotFound, RecordNotFound),
    )

    @endpoint("GET", f"/api/{name}/{{row_id:int}}", operation)
    async def get_(request: HttpRequest, row_id: FromPath[int]) -> ASGIResponse:
        services, claims, query = await ask(request)
        single = {key: values[-1] for key, values in query.items()}
        return answer(await services.threads.run(lambda: get_row(member_of(services, claims, single), name, row_id)))

    return get_


HANDLERS = [made(name) for name in SINGULAR for made in (_list_handler, _get_handler)]
