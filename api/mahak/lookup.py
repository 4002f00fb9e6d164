"""Looking up one thing: a product with its details and stock, a person, or any row by its collection and id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.answers import answer
from api.documents import Document, document_of
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.mahak.access import claims_of
from api.mahak.assets import assets_of
from api.mahak.collections import COLLECTIONS
from api.mahak.collections.collection import Collection
from api.mahak.collections.view import BASE
from api.mahak.documents import Row
from api.mahak.known import known_to, look_up
from api.mahak.naming import BY_ENTITY
from api.mahak.values import INT32
from api.reading_requests import query_pairs, services_of
from domain.errors import InvalidField, RecordNotFound
from domain.needs import Needs
from infra.composition import Services


class Found(msgspec.Struct, kw_only=True):
    """The row in the vendor's names and the guide's."""

    success: bool = True
    result: bool = True
    code: int = 0
    message: str = ""
    data: dict[str, Any]


class ProductQuery(msgspec.Struct, kw_only=True, rename="camel"):
    """Which product."""

    product_id: int


class PersonQuery(msgspec.Struct, kw_only=True, rename="camel"):
    """Which person."""

    person_id: int


def _number(value: str | None, name: str) -> int:
    if value is None or not (value.isascii() and value.isdecimal() and len(value) < 11 and 0 < int(value) <= INT32):
        raise InvalidField(f"`{name}` must be the id of a row, a whole number above 0.", path=name)
    return int(value)


def _parameter(request: HttpRequest, name: str) -> int:
    found = next((value for key, value in query_pairs(request) if key.lower() == name.lower()), None)
    return _number(found, name)


def find(services: Services, company_id: UUID, collection: Collection, row_id: int) -> Document:
    """The record behind a row. Raises RecordNotFound."""
    if collection.plans:
        plan, number = collection.plan_of_id(row_id)
        for record in services.store.read_records(company_id, Needs(numbers={(plan.kind, number)})).records:
            document = document_of(record)
            if plan.view.shows(document):
                return document
    raise RecordNotFound(f"There is no {collection.entity} {row_id}.", path=collection.id_wire)


def rows_of(services: Services, company_id: UUID, collection: Collection, documents: Sequence[Document]) -> list[Row]:
    """These records as rows of the collection."""
    known = known_to(services.database, company_id, documents)
    return [collection.plans[document.kind].row(document, known) for document in documents]


def _product(services: Services, company_id: UUID, number: int) -> Row:
    collection = COLLECTIONS["products"]
    product = find(services, company_id, collection, number)
    known = known_to(services.database, company_id, [product])
    children = services.store.read_records(company_id, Needs(parents={UUID(product.id)})).records
    details = [document_of(one) for one in children if one.kind == "product_detail" and not one.deleted]
    look_up(services.database, company_id, known, [product.id])
    row = collection.plans["product"].row(product, known)
    row["productDetails"] = rows_of(services, company_id, COLLECTIONS["productDetails"], details or [product])
    stock = assets_of(services.database, company_id, {product.id: product}, known)
    row["productDetailStoreAssets"] = [asset.row for asset in stock]
    return row


def _any(services: Services, company_id: UUID, entity: str, number: int) -> Row:
    collection = BY_ENTITY.get(entity.lower())
    if collection is None:
        raise RecordNotFound(f"There is no entity {entity!r}.", path="entityType")
    document = find(services, company_id, collection, number)
    if document.kind == "product" and collection.name == "productDetails" and number > BASE:
        known = known_to(services.database, company_id, [document])
        document = msgspec.structs.replace(document, deleted=document.deleted or document.id in known.details)
    return rows_of(services, company_id, collection, [document])[0]


async def _answer(request: HttpRequest, work: Any, *given: Any) -> ASGIResponse:
    claims, services = claims_of(request), services_of(request)

    def confirmed() -> Row:
        services.identity.confirm(claims)
        row: Row = work(services, claims.cid, *given)
        return row

    return answer(Found(data=await services.threads.run(confirmed)))


_REFUSALS = (RecordNotFound,)
_EXAMPLE: Any = {
    "success": True,
    "result": True,
    "code": 0,
    "message": "",
    "data": {"productId": 1, "name": "Tea", "rowVersion": 12},
}


@endpoint(
    "GET",
    "/API/v3/Lookup/GetProductInfo",
    Operation(
        id="mahakProductInfo",
        summary="A product with its details and its stock",
        tag="Mahak",
        query=ProductQuery,
        answers={200: Answer("The product.", Found, _EXAMPLE)},
        refusals=_REFUSALS,
    ),
)
async def product_info(request: HttpRequest) -> ASGIResponse:
    """A product with `productDetails` and `productDetailStoreAssets`."""
    return await _answer(request, _product, _parameter(request, "productId"))


@endpoint(
    "GET",
    "/API/v3/Lookup/GetPersonInfo",
    Operation(
        id="mahakPersonInfo",
        summary="A person",
        tag="Mahak",
        query=PersonQuery,
        answers={200: Answer("The person.", Found)},
        refusals=_REFUSALS,
    ),
)
async def person_info(request: HttpRequest) -> ASGIResponse:
    """A person."""
    return await _answer(request, _any, "people", _parameter(request, "personId"))


@endpoint(
    "GET",
    "/API/v3/Lookup/Get/{entity_type:str}/{entity_id:str}",
    Operation(
        id="mahakLookup",
        summary="A row by its entity and id",
        description="The entity by any of its names, without regard to case: `Bank`, `banks`, `customers`.",
        tag="Mahak",
        answers={200: Answer("The row.", Found)},
        refusals=_REFUSALS,
    ),
)
async def get_row(request: HttpRequest, entity_type: FromPath[str], entity_id: FromPath[str]) -> ASGIResponse:
    """A row."""
    return await _answer(request, _any, entity_type, _number(entity_id, "entityId"))


HANDLERS: Iterable[HTTPRouteHandler] = [product_info, person_info, get_row]
