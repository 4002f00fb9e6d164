"""Events of topics that are no longer written are read as their successors; what nobody knows is an error."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from domain.books import Books, evolve
from domain.catalogue import CATALOGUE, event_of, fields_of
from domain.event import RecordedEvent
from domain.upcasting import UPCASTERS, UnknownTopic, topic_today, upcast
from tests.domain.spec import COMPANY_ID, NOON, uid

OLD = {
    "party.born.v1": ("party.created.v0", lambda fields: {**fields, "name": fields["first"] + " " + fields["last"]}),
    "party.created.v0": (
        "party.created.v1",
        lambda fields: {name: value for name, value in fields.items() if name not in ("first", "last")},
    ),
    "party.buried.v1": ("party.deleted.v1", lambda _: {}),
}


def row(topic: str, data: dict[str, Any], version: int = 1) -> RecordedEvent:
    return RecordedEvent(
        company_id=COMPANY_ID,
        seq=version,
        kind="party",
        record_id=uid(1),
        version=version,
        topic=topic,
        data=msgspec.json.encode(data),
        recorded_at=NOON,
        occurred_at=NOON,
    )


def test_upcasters_are_followed_to_today() -> None:
    topic, fields = upcast("party.born.v1", {"number": 1, "first": "A", "last": "B"}, OLD)
    assert (topic, fields) == ("party.created.v1", {"number": 1, "name": "A B"})
    assert topic_today("party.born.v1", OLD) == "party.created.v1"
    assert topic_today("party.created.v1", OLD) == "party.created.v1"


def test_old_events_fold_into_records(monkeypatch: pytest.MonkeyPatch) -> None:
    for topic, change in OLD.items():
        monkeypatch.setitem(UPCASTERS, topic, change)  # type: ignore[arg-type]
    born = row("party.born.v1", {"number": 1, "first": "A", "last": "B", "roles": ["customer"], "type": "person"})
    assert type(event_of(born)) is CATALOGUE["party"].Created
    assert fields_of(born)["name"] == "A B"
    record = evolve(None, born, CATALOGUE["party"], fields_of(born))
    buried = row("party.buried.v1", {"why": "x"}, 2)
    assert evolve(record, buried, CATALOGUE["party"], fields_of(buried)).deleted
    books = Books(COMPANY_ID, undoable=False)
    for event in (born, buried):
        books.apply(event, CATALOGUE["party"], fields_of(event))
    assert books.records[uid(1)].deleted


def test_a_topic_of_the_future_is_an_error() -> None:
    with pytest.raises(UnknownTopic):
        fields_of(row("party.promoted.v9", {}))
    with pytest.raises(UnknownTopic):
        event_of(row("party.promoted.v9", {}))
