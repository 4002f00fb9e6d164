"""Pulling, listing, single records, as of then, history, the log and its proof."""

from __future__ import annotations

import threading
import time
from typing import Any

import msgspec
import psycopg
import pytest
from checking import Watch

from infra.settings import Settings

from .conftest import Company, register

NDJSON = {"Accept": "application/x-ndjson"}


@pytest.fixture
def trading(company: Company) -> Company:
    """A company with five parties, of which the second was changed, and the third deleted, afterwards."""
    company.execute(*[{"type": "party.create", "data": {"name": f"Party {n}", "phone": "1"}} for n in range(1, 6)])
    company.call("PATCH", "/records/party/2", json={"data": {"name": "Renamed", "phone": None}})
    company.call("DELETE", "/records/party/3")
    return company


def pull_all(company: Company, path: str, what: str, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = 0
    while True:
        page = company.get(f"{path}{'&' if '?' in path else '?'}after={after}&limit={limit}").json()
        found += page[what]
        after = page["cursor"]
        assert len(page[what]) <= limit
        if not page["has_more"]:
            return found


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_pages_hold_every_record_once_in_order(trading: Company, limit: int) -> None:
    records = pull_all(trading, "/records", "records", limit)
    seqs = [record["seq"] for record in records]
    assert seqs == sorted(set(seqs))
    parties = {record["number"]: record for record in records if record["kind"] == "party"}
    assert parties[2]["data"]["name"] == "Renamed"
    assert "phone" not in parties[2]["data"]
    assert parties[3]["deleted"] is True
    assert pull_all(trading, "/records?kinds=party", "records", limit) == [r for r in records if r["kind"] == "party"]
    assert pull_all(trading, "/records/party", "records", limit) == [r for r in records if r["kind"] == "party"]
    events = pull_all(trading, "/events", "events", limit)
    assert [event["seq"] for event in events] == list(range(1, trading.head() + 1))


def test_a_stream_holds_what_the_pages_hold(trading: Company) -> None:
    records = pull_all(trading, "/records", "records", 100)
    assert trading.get("/records?after=0&limit=0").json() == {"records": records, "cursor": trading.head(), "has_more": False}
    lines = trading.get("/records", headers=NDJSON)
    assert lines.headers["content-type"].startswith("application/x-ndjson")
    assert [msgspec.json.decode(line) for line in lines.content.splitlines()] == records
    events = pull_all(trading, "/events", "events", 100)
    lines = trading.get("/events?after=2", headers=NDJSON)
    assert [msgspec.json.decode(line) for line in lines.content.splitlines()] == events[2:]
    two = trading.get("/events?after=2&limit=2", headers=NDJSON)
    assert [msgspec.json.decode(line) for line in two.content.splitlines()] == events[2:4]
    assert (two.headers["x-cursor"], two.headers["x-has-more"]) == ("4", "true")
    assert trading.get(f"/events?after={trading.head()}", headers=NDJSON).content == b""
    nothing = trading.get(f"/records?after={trading.head()}&limit=0").json()
    assert nothing == {"records": [], "cursor": trading.head(), "has_more": False}


def test_a_stream_of_many_pages(company: Company) -> None:
    company.execute(*[{"type": "party.create", "data": {"name": str(n)}} for n in range(3_500)])
    streamed = company.get("/records?after=0&limit=0").json()
    assert [r["data"]["name"] for r in streamed["records"] if r["kind"] == "party"] == [str(n) for n in range(3_500)]
    assert streamed["cursor"] == company.head()
    assert len(company.get("/events", headers=NDJSON).content.splitlines()) == company.head()


def test_a_list_is_filtered_sorted_and_paged(trading: Company) -> None:
    page = trading.get("/records/party?sort=name&order=desc&page_size=2").json()
    assert [record["data"]["name"] for record in page["records"]] == ["Renamed", "Party 5"]
    assert (page["page"], page["page_size"], page["total"], page["has_more"]) == (1, 2, 4, True)
    last = trading.get("/records/party?sort=name&order=desc&page_size=2&page=2").json()
    assert [record["data"]["name"] for record in last["records"]] == ["Party 4", "Party 1"]
    assert last["has_more"] is False
    found = trading.get("/records/party?name=Renamed&name=Party%201").json()
    assert [record["number"] for record in found["records"]] == [1, 2]
    assert trading.get("/records/party?deleted=true").json()["total"] == 1
    assert trading.get("/records/party?deleted=any").json()["total"] == 5
    assert trading.get("/records/cheque").json()["records"] == []


def test_a_record_by_id_or_number_with_its_etag(trading: Company) -> None:
    by_number = trading.get("/records/party/1")
    by_id = trading.get(f"/records/party/{by_number.json()['id']}")
    assert by_id.json() == by_number.json()
    tag = by_number.headers["etag"]
    assert tag == f'"{by_number.json()["seq"]}"'
    for header in (tag, f'"7", {tag}', f"W/{tag}", "*"):
        unchanged = trading.get("/records/party/1", headers={"If-None-Match": header})
        assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag), header
    assert trading.get("/records/party/1", headers={"If-None-Match": '"1"'}).status_code == 200
    assert trading.get("/records/product/1").status_code == 404
    assert trading.get(f"/records/product/{by_number.json()['id']}").status_code == 404


def test_as_of_a_seq_and_a_time(company: Company) -> None:
    made = company.create("party", name="First")
    changed = company.call("PATCH", "/records/party/1", json={"data": {"name": "Second"}}).json()
    company.call("DELETE", "/records/party/1")
    events = {event["seq"]: event for event in company.get("/events?kinds=party").json()["events"]}

    def name_at(query: str) -> Any:
        answer = company.get("/records/party/1", params=dict([query.split("=", 1)]))
        return (answer.json()["data"]["name"], answer.json()["deleted"]) if answer.status_code == 200 else answer.status_code

    assert name_at(f"at_seq={made['seq'] - 1}") == 404
    assert name_at(f"at_seq={made['seq']}") == ("First", False)
    assert name_at(f"at_seq={changed['seq']}") == ("Second", False)
    assert name_at(f"at_seq={company.head()}") == ("Second", True)
    assert name_at(f"at={events[made['seq']]['recorded_at']}") == ("First", False)
    assert name_at(f"at={events[changed['seq']]['recorded_at']}") == ("Second", False)
    assert name_at("at=2020-01-01T00:00:00Z") == 404
    assert name_at("at=2199-01-01T00:00:00+03:30") == ("Second", True)
    assert name_at(f"at_seq={company.head() + 1}") == 409
    assert name_at("at=2020-01-01T00:00:00") == 422
    assert company.get(f"/records/party/1?at_seq={made['seq']}").headers["etag"] == f'"{made["seq"]}"'


def test_history_says_who_when_where_and_what(company: Company) -> None:
    granted = company.login(device={"device_id": "till-1", "name": "Till 1"}).json()
    till = msgspec.structs.replace(company, token=granted["access_token"])
    company.create("party", name="First", phone="1")
    till.execute(
        {"type": "party.update", "number": 1, "occurred_at": "2026-01-02T03:04:05Z", "data": {"name": "Second", "phone": None}}
    )
    company.call("DELETE", "/records/party/1")
    history = company.get("/records/party/1/history").json()
    made, changed, deleted = history["history"]
    assert [entry["topic"] for entry in history["history"]] == ["party.created.v1", "party.changed.v1", "party.deleted.v1"]
    assert {"field": "name", "from": None, "to": "First"} in made["changes"]
    assert made["actor"] == {"id": str(company.user_id), "name": "Owner"}
    assert made["device"] is None
    assert sorted(changed["changes"], key=lambda change: change["field"]) == [
        {"field": "name", "from": "First", "to": "Second"},
        {"field": "phone", "from": "1", "to": None},
    ]
    assert changed["device"]["name"] == "Till 1"
    assert changed["occurred_at"] == "2026-01-02T03:04:05Z"
    assert deleted["changes"] == []
    page = company.get(f"/records/party/1/history?limit=1&after={made['seq']}").json()
    assert ([entry["seq"] for entry in page["history"]], page["has_more"]) == ([changed["seq"]], True)
    assert company.get("/records/party/2/history").status_code == 404


def test_another_companys_records_do_not_exist(trading: Company, services: Any, client: Any) -> None:
    other = register(services, client)
    record = trading.get("/records/party/1").json()
    for path in (f"/records/party/{record['id']}", "/records/party/1", f"/records/party/{record['id']}/history"):
        assert other.get(path).json()["code"] == "record_not_found"
    assert "Party" not in other.get("/events?after=0&limit=0").text
    changed = other.execute({"type": "party.update", "id": record["id"], "data": {"name": "Stolen"}})
    assert (changed.status_code, changed.json()["code"]) == (404, "record_not_found")


def test_the_head_and_the_proof(trading: Company, api_settings: Settings, watch: Watch) -> None:
    watch.ignore(trading.id)
    head = trading.get("/head").json()
    events = trading.get("/events").json()["events"]
    assert (head["seq"], head["hash"]) == (events[-1]["seq"], events[-1]["hash"])
    proof = trading.get("/verify").json()
    assert (proof["valid"], proof["checked_until"], proof["head_hash"]) == (True, head["seq"], head["hash"])
    with psycopg.connect(api_settings.database_url) as connection:
        connection.execute(
            "UPDATE daftar.events SET data = replace(data, 'Party 4', 'Party 9') WHERE company_id = %s AND data LIKE '%%Party 4%%'",
            (trading.id,),
        )
    bad = next(event["seq"] for event in events if event["data"].get("name") == "Party 4")
    proof = trading.get("/verify").json()
    assert (proof["valid"], proof["first_bad_seq"]) == (False, bad)
    assert trading.get(f"/verify?until={bad - 1}").json()["valid"] is True


# Waiting ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/records", "/events", "/records/party"])
def test_a_long_poll_answers_when_something_comes(company: Company, path: str) -> None:
    head = company.head()
    timer = threading.Timer(0.3, lambda: company.create("party", name="New"))
    timer.start()
    begin = time.monotonic()
    page = company.get(f"{path}?after={head}&wait=10").json()
    seconds = time.monotonic() - begin
    timer.join()
    assert 0.2 < seconds < 5
    assert page["cursor"] == company.head()
    assert len(page.get("records", page.get("events"))) == 1


def test_a_long_poll_for_other_kinds_waits_on_and_moves_its_cursor(company: Company) -> None:
    head = company.head()
    timer = threading.Timer(0.2, lambda: company.create("party", name="New"))
    timer.start()
    begin = time.monotonic()
    page = company.get(f"/records?kinds=product,invoice&after={head}&wait=0.6").json()
    timer.join()
    assert time.monotonic() - begin >= 0.6
    assert page == {"records": [], "cursor": head + 1, "has_more": False}
