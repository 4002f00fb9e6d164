"""Who changed what: by record, user, device and period; pages, CSV, and what cannot be asked."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from infra.composition import Services
from infra.history import changes

from .conftest import Company

CSV = {"Accept": "text/csv"}


def everything(company: Company, query: str = "", limit: int = 1_000) -> list[dict[str, Any]]:
    """All pages."""
    found: list[dict[str, Any]] = []
    after = 0
    while True:
        page = company.get(f"/changes?limit={limit}&after={after}&{query}").json()
        assert len(page["changes"]) <= limit
        found += page["changes"]
        if not page["has_more"]:
            return found
        assert page["cursor"] > after
        after = page["cursor"]


@pytest.fixture
def party(company: Company) -> dict[str, Any]:
    """A party that was created, changed twice and deleted."""
    made = company.create("party", name='Café, "Ferdowsi"', phone="1", extra={"a": 1})
    company.call("PATCH", f"/records/party/{made['id']}", json={"data": {"phone": "2"}})
    company.call("PATCH", f"/records/party/{made['id']}", json={"data": {"phone": None, "extra": {"a": 2}}})
    company.call("DELETE", f"/records/party/{made['id']}")
    return made


def test_of_a_record_from_what_to_what(company: Company, party: dict[str, Any]) -> None:
    for name in (party["id"], f"party/{party['number']}"):
        found = everything(company, f"record={name}")
        assert [one["topic"] for one in found] == ["party.created.v1", "party.changed.v1", "party.changed.v1", "party.deleted.v1"]
        created, second, third, deleted = found
        assert {"field": "phone", "from": None, "to": "1"} in created["changes"]
        assert second["changes"] == [{"field": "phone", "from": "1", "to": "2"}]
        assert sorted(third["changes"], key=lambda one: one["field"]) == [
            {"field": "extra", "from": {"a": 1}, "to": {"a": 2}},
            {"field": "phone", "from": "2", "to": None},
        ]
        assert deleted["changes"] == []
    assert second["actor"] == {"id": str(company.user_id), "name": "Owner", "email": company.email}
    assert (second["kind"], second["number"], second["label"]) == ("party", party["number"], 'Café, "Ferdowsi"')
    history = company.get(f"/records/party/{party['id']}/history").json()["history"]
    assert [one["changes"] for one in history] == [one["changes"] for one in found]


def test_pages_hold_every_event_once(company: Company, party: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    company.execute(*[{"type": "party_group.create", "data": {"name": str(n)}} for n in range(20)])
    whole = everything(company)
    assert [one["seq"] for one in whole] == list(range(1, company.head() + 1))
    for limit in (1, 7):
        assert everything(company, limit=limit) == whole
    some = everything(company, "kinds=party,user")
    assert some == [one for one in whole if one["kind"] in {"party", "user"}]
    monkeypatch.setattr(changes, "WINDOW", 3)  # pages that are empty, and yet have more
    assert everything(company, "kinds=party,user") == some
    assert everything(company, f"record={party['id']}", limit=2) == [one for one in whole if one["record_id"] == party["id"]]


def test_by_user_and_by_device(company: Company, member: Callable[[str], Company]) -> None:
    clerk = member("staff")
    granted = clerk.login(device={"device_id": "Till-1", "name": "Till"}).json()
    clerk.token = granted["access_token"]
    made = clerk.create("party", name="By the clerk")
    company.create("party", name="By the owner")
    number = company.get(f"/records/user/{clerk.user_id}").json()["number"]
    for name in (clerk.email, clerk.email.upper(), clerk.user_id, number):
        assert made["id"] in [one["record_id"] for one in everything(company, f"actor={name}")]
        assert {one["actor"]["email"] for one in everything(company, f"actor={name}")} == {clerk.email}
    on_till = everything(company, "device=Till-1")
    assert made["id"] in [one["record_id"] for one in on_till]
    assert {one["device"]["name"] for one in on_till} == {"Till"}
    assert everything(company, f"device={on_till[0]['device']['id']}&actor={clerk.email}&kinds=party") == [
        one for one in on_till if one["kind"] == "party"
    ]
    owner = company.get(f"/records/user/{company.user_id}").json()["number"]
    assert everything(company, f"device=Till-1&actor={owner}") == []


def test_of_a_period(company: Company) -> None:
    moments = []
    for n in range(4):
        company.create("party", name=str(n))
        moments.append(everything(company)[-1]["recorded_at"])
        time.sleep(0.002)
    names = lambda query: [one["label"] for one in everything(company, f"kinds=party&{query}")]  # noqa: E731
    assert names(f"from={moments[1]}") == ["1", "2", "3"]
    assert names(f"to={moments[1]}") == ["0"]
    assert names(f"from={moments[1]}&to={moments[3]}") == ["1", "2"]
    today = datetime.now(timezone.utc).date()
    assert names(f"from={today - timedelta(days=1)}&to={today + timedelta(days=1)}") == ["0", "1", "2", "3"]
    assert names(f"to={today - timedelta(days=2)}") == names(f"from={today + timedelta(days=2)}") == []
    assert names("from=0001-01-01&to=9999-12-30") == ["0", "1", "2", "3"]


def test_days_are_the_companys(company: Company, services: Services) -> None:
    """In a zone 14 hours ahead and in one 11 hours behind, it is never the same date."""
    company.create("party", name="now")
    for zone, name in ((timezone(timedelta(hours=14)), "Pacific/Kiritimati"), (timezone(timedelta(hours=-11)), "Pacific/Niue")):
        changed = company.call("PATCH", f"/records/company/{company.id}", json={"data": {"time_zone": name}})
        assert changed.status_code == 200
        day = datetime.now(zone).date()
        assert len(everything(company, f"from={day}&to={day}&kinds=party")) == 1
        for other in (day - timedelta(days=1), day + timedelta(days=1)):
            assert everything(company, f"from={other}&to={other}&kinds=party") == []


def test_csv_has_a_line_per_field(company: Company, party: dict[str, Any]) -> None:
    answer = company.get(f"/changes?record={party['id']}", headers=CSV)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    expected = [
        (str(one["seq"]), change["field"])
        for one in everything(company, f"record={party['id']}")
        for change in one["changes"] or [{"field": ""}]
    ]
    assert [(row["seq"], row["field"]) for row in rows] == expected
    extra = next(row for row in rows if row["field"] == "extra" and row["before"])
    assert (extra["before"], extra["after"], extra["label"]) == ('{"a":1}', '{"a":2}', 'Café, "Ferdowsi"')
    assert (extra["actor_name"], extra["actor_email"]) == ("Owner", company.email)
    assert rows[-1]["topic"] == "party.deleted.v1"
    one = company.get(f"/changes?record={party['id']}&limit=1", headers=CSV)
    assert (one.headers["x-has-more"], one.headers["x-cursor"]) == ("true", rows[0]["seq"])
    company.execute(*[{"type": "party_group.create", "data": {"name": str(n)}} for n in range(1_200)])
    streamed = list(csv.DictReader(io.StringIO(company.get("/changes?kinds=party_group", headers=CSV).text)))
    assert [row["after"] for row in streamed if row["field"] == "name"] == [str(n) for n in range(1_200)]


NOBODY = "0197a6b2-7c4e-7d11-9f61-0d2a3b4c5d6e"


@pytest.mark.parametrize(
    ("query", "status", "code", "path"),
    [
        (f"record={NOBODY}", 404, "record_not_found", "record"),
        ("record=party/77", 404, "record_not_found", "record"),
        ("record=party/x", 404, "record_not_found", "record"),
        ("record=party/-1", 404, "record_not_found", "record"),
        ("record=77", 404, "record_not_found", "record"),
        ("record=thing/1", 404, "unknown_kind", "kind"),
        ("record=", 422, "invalid_field", "record"),
        (f"actor={NOBODY}", 404, "record_not_found", "actor"),
        ("actor=nobody@example.com", 404, "record_not_found", "actor"),
        ("actor=999999999999999999999999", 404, "record_not_found", "actor"),
        ("actor=%20", 422, "invalid_field", "actor"),
        ("device=Till-1", 404, "record_not_found", "device"),
        ("device=%00", 422, "invalid_field", "device"),
        ("kinds=party,thing", 404, "unknown_kind", "kind"),
        ("kinds=", 422, "invalid_field", "kinds"),
        ("from=yesterday", 422, "invalid_field", "from"),
        ("from=2026-02-30", 422, "invalid_field", "from"),
        ("from=2026-03-01T10:00:00", 422, "invalid_field", "from"),
        ("to=9999-12-31", 422, "invalid_field", "to"),
        ("from=2026-03-02&to=2026-03-01", 422, "invalid_field", "to"),
        ("after=999999", 409, "cursor_ahead", "after"),
        ("after=x", 400, "cursor_invalid", "after"),
        ("limit=0", 422, "invalid_field", "limit"),
        ("limit=1001", 422, "invalid_field", "limit"),
        ("user=1", 422, "invalid_field", "user"),
    ],
)
def test_bad_filters_are_refused(company: Company, query: str, status: int, code: str, path: str) -> None:
    for headers in ({}, CSV):
        refused = company.get(f"/changes?{query}", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
        assert refused.json().get("path", "") == path


def test_other_companies_do_not_exist(company: Company, services: Services, party: dict[str, Any]) -> None:
    from .conftest import register

    other = register(services, company.client)
    assert other.get(f"/changes?record={party['id']}").status_code == 404
    assert other.get(f"/changes?actor={company.user_id}").status_code == 404
    assert other.get(f"/changes?actor={company.email}").status_code == 404
    assert company.client.get("/ledger/v1/changes").status_code == 401
