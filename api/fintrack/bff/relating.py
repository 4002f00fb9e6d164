"""Filters across objects: `customer.name=shirin` on invoices, `invoice.status=overdue` or `invoice.customer.name=…` on payments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from api.fintrack.asking import Asker
from api.fintrack.bff.objects import RELATIONS, WHOLE
from api.fintrack.filters import Filters
from api.fintrack.objects.object import Object
from domain.errors import InvalidField
from infra.lists.listing import Related, Test

MOST_STEPS = 3
"""From object to object, at most."""

Query = Mapping[str, Sequence[str]]


def related_tests(asker: Asker, filters: Filters, object_: Object) -> tuple[Test, ...]:
    """What the parameters with a dot ask of the objects that are named. Raises InvalidField."""
    query = {name: values for name, values in asker.query.items() if "." in name and any(values)}
    return _tests(filters, object_, query, "", MOST_STEPS)


def _tests(filters: Filters, object_: Object, query: Query, before: str, steps: int) -> tuple[Test, ...]:
    """The conditions of parameters that begin with the names of relations."""
    groups: dict[str, dict[str, list[str]]] = {}
    for name, values in query.items():
        first, _, rest = name.partition(".")
        if first not in RELATIONS[object_.name] or steps == 0:
            raise InvalidField(_refusal(object_, first), path=before + name)
        groups.setdefault(first, {})[rest] = [value for value in values if value != ""]
    tests: list[Test] = []
    for name, given in groups.items():
        relation = RELATIONS[object_.name][name]
        target = WHOLE[relation.of]
        known = {one.wire for one in target.fields if one.filterable}
        known |= {f"{one.wire}{end}" for one in target.fields if one.type == "Date" for end in ("From", "To")}
        for wire in given:
            if "." not in wire and wire not in known:
                raise InvalidField(f"{target.name!r} has no field {wire[:40]!r} to filter by.", path=f"{before}{name}.{wire}")
        plain = {wire: values for wire, values in given.items() if "." not in wire}
        further = {wire: values for wire, values in given.items() if "." in wire}
        try:
            source, _ = replace(filters, query=plain).source(replace(target, where=()), "createdAt")
        except InvalidField as error:
            raise error.at(f"{before}{name}") from None
        beyond = _tests(filters, target, further, f"{before}{name}.", steps - 1)
        tests += relation.only
        tests.append(Related(("data", relation.link), target.kind, (*source.conditions, *beyond)))
    return tuple(tests)


def _refusal(object_: Object, name: str) -> str:
    known = ", ".join(RELATIONS[object_.name]) or "none"
    return f"{object_.name!r} names no {name[:40]!r}; the objects that it can be filtered by are: {known}."
