"""The objects as the BFF shows them: with all their fields, every one of them a filter, and with all that belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from api.fintrack.objects import OBJECTS
from api.fintrack.objects.businesses import BUSINESS
from api.fintrack.objects.object import Join, Object
from api.fintrack.objects.users import USER
from infra.lists.listing import Condition, Test

SERVICE = "bff-service"


@dataclass(frozen=True)
class Relation:
    """Another object that an object names in `link`; `only` which of the objects may."""

    of: str
    link: str
    only: tuple[Test, ...] = ()


_LINKS: Mapping[str, Mapping[str, str]] = {"invoiceItem": {"productOrServiceId": "product_id"}}
"""Fields that an object writes in a way of its own, and where lists find them."""


def _whole(object_: Object) -> Object:
    """All its fields, each of them a filter where there is a value to compare, with all its joins."""
    links = _LINKS.get(object_.name, {})
    fields = [replace(one, ours=links.get(one.wire, one.ours)) for one in object_.fields]
    joins = tuple({join.name: _all_of(join) for joins in object_.joins.values() for join in joins}.values())
    return replace(
        object_,
        service=SERVICE,
        fields=tuple(replace(one, filterable=bool(one.ours) or one.wire in object_.filters) for one in fields),
        selected={},
        joins={"get": joins, "list": joins},
    )


def _all_of(join: Join) -> Join:
    of = OBJECTS[join.of]
    return replace(join, fields=("id", *(one.wire for one in of.fields)))


WHOLE: Mapping[str, Object] = {one.name: _whole(one) for one in (*OBJECTS.values(), USER, BUSINESS)}
"""Every object, by its name."""


def _relations(object_: Object) -> dict[str, Relation]:
    types = {"customer": "sales", "supplier": "purchase"} if object_.kind == "invoice" else {}
    return {
        join.name: Relation(
            join.of, join.link, (Condition((("data", "type"),), (types[join.name],)),) if join.name in types else ()
        )
        for join in object_.joins["get"]
        if join.link
    }


RELATIONS: Mapping[str, Mapping[str, Relation]] = {name: _relations(object_) for name, object_ in WHOLE.items()}
"""Of every object, the objects that it names, by the name of the join: `customer` of an invoice."""
