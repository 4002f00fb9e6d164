"""The routes of the BFF: `/bff-service/v1/<objects>`, `/<objects>/count`, `/<objects>/:id` and `/search`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from msgspec import Meta

from api.endpoint import Answer, Operation
from api.fintrack.answering import AskedList
from api.fintrack.asking import Asker
from api.fintrack.bff.objects import RELATIONS, SERVICE, WHOLE
from api.fintrack.bff.relating import MOST_STEPS, related_tests
from api.fintrack.bff.searching import MOST_WORDS, search
from api.fintrack.describing import TENANT, Describing, enveloped
from api.fintrack.envelope import respond
from api.fintrack.filters import Filters
from api.fintrack.objects.object import Object
from api.fintrack.parameters import GetQuery, PageQuery, list_query
from api.fintrack.reading import get_one, list_of
from api.fintrack.services import handler, list_handler
from domain import errors
from infra.lists.listing import count_of

TAG = "FinTrack: bff"
_REFUSALS = (errors.InvalidField, errors.NotAllowed)


class SearchQuery(PageQuery, kw_only=True):
    """What is looked for."""

    keyword: Annotated[str, Meta(description=f"One to {MOST_WORDS} words; a result has all of them, as parts of its texts.")]
    objects: Annotated[str, Meta(description="Names of objects, with commas between; without, all of them.")] | None = None


def list_objects(asker: Asker, object_: Object) -> AskedList:
    """A page of a list, filtered also by the objects that it names."""
    object_.read_gate.check(asker.role)
    return list_of(asker, object_, "list", related_tests(asker, _filters(asker), object_))


def count_objects(asker: Asker, object_: Object) -> ASGIResponse:
    """How many the list has."""
    object_.read_gate.check(asker.role)
    filters = _filters(asker)
    source, _ = filters.source(object_, object_.order)
    conditions = (*source.conditions, *related_tests(asker, filters, object_))
    count = count_of(asker.services.database, asker.company_id, [replace(source, conditions=conditions, order=None, numeric=False)])
    return respond(asker, "get", "count", count)


def _filters(asker: Asker) -> Filters:
    return Filters(asker.query, asker.zone, asker.today, str(asker.company_id))


def _operations(object_: Object) -> tuple[Operation, Operation, Operation]:
    describe = Describing(object_, "FinTrackBff")
    title, many = describe.title, describe.many
    related = {name: WHOLE[relation.of] for name, relation in RELATIONS[object_.name].items()}
    query = list_query(f"FinTrackBffQueryOf{many}", object_, related)
    farther = f"Filters may go {MOST_STEPS} objects far, as `invoice.customer.name` of a payment." if related else ""
    listed = Operation(
        id=f"fintrackBffList{many}",
        summary=f"{many} with all that belongs to them",
        description=farther,
        tag=TAG,
        query=query,
        headers=TENANT,
        answers={200: describe.listed()},
        refusals=_REFUSALS,
    )
    counted = Operation(
        id=f"fintrackBffCount{many}",
        summary=f"How many {object_.plural} there are",
        description=farther,
        tag=TAG,
        query=query,
        headers=TENANT,
        answers={200: Answer("The count.", enveloped(f"FinTrackBffCountOf{many}", "count", int))},
        refusals=_REFUSALS,
    )
    got = Operation(
        id=f"fintrackBffGet{title}",
        summary=f"One {object_.name} with all that belongs to it",
        tag=TAG,
        query=GetQuery,
        headers=TENANT,
        answers={200: describe.got("The object.")},
        refusals=(*_REFUSALS, errors.RecordNotFound),
    )
    return listed, counted, got


def _handlers(object_: Object) -> Iterator[HTTPRouteHandler]:
    listed, counted, got = _operations(object_)
    yield list_handler(object_.path, listed, lambda asker: list_objects(asker, object_))
    yield handler("GET", f"{object_.path}/count", counted, lambda asker: count_objects(asker, object_))
    yield handler("GET", f"{object_.path}/{{{object_.id_name}:str}}", got, lambda asker: get_one(asker, object_))


_SEARCH = Operation(
    id="fintrackBffSearch",
    summary="Words looked for in all objects",
    description="Words of one or two letters are looked for where words begin. Object by object, the latest first.",
    tag=TAG,
    query=SearchQuery,
    headers=TENANT,
    answers={200: Answer("A page.", enveloped("FinTrackBffResults", "results", list[dict[str, Any]], is_list=True))},
    refusals=_REFUSALS,
)

HANDLERS = [handler_ for object_ in WHOLE.values() for handler_ in _handlers(object_)]
HANDLERS.append(list_handler(f"/{SERVICE}/v1/search", _SEARCH, search))
