"""The topics of FinTrack's events: what a change of one of our records is to its database and index events.

A record that begins to be shown as an object is `created`, one that is not shown any more is `deleted` (deleted, a party that
lost the role, a product that was put aside), anything between is `updated`. Payloads are the object as FinTrack has it in its
database: all its fields, without joins or what is worked out when it is read.

    fintrack-invoicemanagement-service-dbevent-invoice-updated  {old_invoice, invoice, oldDataValues, newDataValues}
    elastic-index-fintrack_invoice-updated                      the invoice
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

from api.documents import document_of
from api.fintrack.objects import OBJECTS
from api.fintrack.objects.object import IDENTITY, Object, Row, Seen
from domain.record import Record
from infra.relay.stream import StreamNames

STREAM = "FINTRACK_EVENTS"
ROUTES_STREAM = "FINTRACK_ROUTES"
SYSTEM_FIELDS = ("businessId", "isActive", "recordVersion", "createdAt", "updatedAt", "_owner")

Verb = Literal["created", "updated", "deleted"]
VERBS: tuple[Verb, ...] = ("created", "updated", "deleted")
ROUTE_VERBS = {"create": "created", "update": "updated", "delete": "deleted", "get": "retrived"}
"""How the events of APIs on one object are called; `retrived` is their spelling."""


def service_of(object_: Object) -> str:
    """The service as topics name it."""
    return f"fintrack-{object_.service.removesuffix('-api')}-service"


def database_topic(object_: Object, verb: Verb) -> str:
    """The topic of a change in the database."""
    return f"{service_of(object_)}-dbevent-{object_.name.lower()}-{verb}"


def index_topic(object_: Object, verb: Verb) -> str:
    """The topic of a change in the search index."""
    return f"elastic-index-fintrack_{object_.name.lower()}-{verb}"


def route_topic(object_: Object, action: str) -> str:
    """The topic of an API's success: create, update, delete, get or list."""
    if action == "list":
        return f"{service_of(object_)}-{object_.plural.lower()}-listed"
    return f"{service_of(object_)}-{object_.name.lower()}-{ROUTE_VERBS[action]}"


ROUTES = StreamNames(
    ROUTES_STREAM, tuple(route_topic(object_, action) for object_ in OBJECTS.values() for action in (*ROUTE_VERBS, "list"))
)
"""The stream of what APIs answered."""


def row_of(object_: Object, record: Record, seen: Seen, *, active: bool | None = None) -> Row:
    """The object as it is in FinTrack's database."""
    names = (*IDENTITY, *(field.wire for field in object_.fields), *SYSTEM_FIELDS)
    return object_.row(document_of(record), seen, names, active=active)


class FinTrackTopics:
    """The database and index events of every object."""

    name = "fintrack_events"
    kinds = frozenset(object_.kind for object_ in OBJECTS.values())

    @cached_property
    def stream(self) -> StreamNames:
        """The stream, with every topic as a subject: they are single tokens, which no wildcard can sum up."""
        topics = (topic(object_, verb) for object_ in OBJECTS.values() for topic in (database_topic, index_topic) for verb in VERBS)
        return StreamNames(STREAM, tuple(topics))

    def of_change(
        self, company: Record, before: Record | None, after: Record, recorded_at: datetime
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The topics of one event of a record, each with its payload. The day is the event's: told again, it is the same."""
        today = recorded_at.astimezone(ZoneInfo(company.data.get("time_zone", "UTC"))).date()
        seen = Seen(str(company.id), today, company.data["currency"])
        for object_ in _objects_of(after.kind):
            yield from _of_object(object_, before, after, seen)


def _objects_of(kind: str) -> Iterable[Object]:
    return (object_ for object_ in OBJECTS.values() if object_.kind == kind)


def _of_object(object_: Object, before: Record | None, after: Record, seen: Seen) -> Iterator[tuple[str, Row]]:
    old = row_of(object_, before, seen) if before is not None and _is_shown(object_, before) else None
    new = row_of(object_, after, seen) if _is_shown(object_, after) else None
    if old is None and new is not None:
        yield database_topic(object_, "created"), new
        yield index_topic(object_, "created"), new
    elif old is not None and new is not None:
        changed = [name for name, value in new.items() if old[name] != value]
        yield (
            database_topic(object_, "updated"),
            {
                f"old_{object_.name}": old,
                object_.name: new,
                "oldDataValues": {name: old[name] for name in changed},
                "newDataValues": {name: new[name] for name in changed},
            },
        )
        yield index_topic(object_, "updated"), new
    elif old is not None:
        gone = {**old, "isActive": False}
        yield database_topic(object_, "deleted"), gone
        yield index_topic(object_, "deleted"), gone


def _is_shown(object_: Object, record: Record) -> bool:
    return not record.deleted and object_.shows(record)


TOPICS = FinTrackTopics()
