"""Every topic has a golden event, which today's code reads and writes byte for byte as it did when the topic was new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.books import evolve
from domain.catalogue import CATALOGUE, TOPICS, event_of, fields_of
from domain.event import JSON, Created, RecordedEvent
from domain.upcasting import UPCASTERS
from tests.domain.spec import COMPANY_ID, NOON, uid

FILES = sorted((Path(__file__).parent.parent / "golden").glob("*.json"))

ADDED_LATER: dict[str, set[str]] = {
    "conflict.recorded.v1": {"person_id"},
    "conflict.resolved.v1": {"person_id"},
    "dispute.changed.v1": {"person_id"},
    "dispute.opened.v1": {"person_id"},
    "party.changed.v1": {"erased"},
    "party.created.v1": {"erased"},
    "user.changed.v1": {"erased"},
    "user.created.v1": {"erased"},
    "company.registered.v1": {"late_facts", "closed_through"},
    "company.changed.v1": {"late_facts", "closed_through"},
    "payment.changed.v1": {"tendered"},
    "payment.recorded.v1": {"tendered"},
    "order.changed.v1": {"invoice_id"},
    "order.placed.v1": {"invoice_id"},
    "shift.changed.v1": {"overlaps"},
    "shift.opened.v1": {"overlaps"},
    "product.changed.v1": {"unit_id"},
    "product.created.v1": {"unit_id"},
}
"""Topic → fields that it gained after its golden event was written; all of them have defaults."""


def recorded(path: Path) -> RecordedEvent:
    return RecordedEvent(
        company_id=COMPANY_ID,
        seq=1,
        kind=path.stem.partition(".")[0],
        record_id=uid(1),
        version=1,
        topic=path.stem,
        data=path.read_bytes().removesuffix(b"\n"),
        recorded_at=NOON,
        occurred_at=NOON,
    )


def test_every_topic_has_a_golden_event() -> None:
    assert {path.stem for path in FILES} == set(TOPICS) | set(UPCASTERS)


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_golden_events_stay_readable(path) -> None:
    event = recorded(path)
    typed, fields = event_of(event), fields_of(event)
    if event.topic in TOPICS:
        assert JSON.encode(typed) == event.data
        assert type(typed) is TOPICS[event.topic]
        assert set(fields) | ADDED_LATER.get(event.topic, set()) == set(type(typed).__struct_fields__)
    assert msgspec.json.decode(JSON.encode(typed)) == fields
    if isinstance(typed, Created):
        record = evolve(None, event, CATALOGUE[event.kind], fields)
        known: dict[str, Any] = {**record.data, "number": record.number, "client_id": record.client_id, "source": record.source}
        assert known == fields
        assert CATALOGUE[event.kind].state(record) is not None
