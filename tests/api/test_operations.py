"""Health, metrics, request ids, rate limits, and a database that goes away and comes back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from litestar.testing import TestClient

from api.app import create_app
from infra.database import migrate
from infra.embedded import DataDir, EmbeddedPostgres
from infra.embedded.postgres import API_ROLE
from infra.settings import Settings

from .conftest import Company, Server, register
from .subscribers import stream


def test_health_says_what_is_well(settings: Settings) -> None:
    """On a database of its own: other tests have workers, and projections that they stop, on the one they share."""
    with (
        TestClient(create_app(settings)) as client,
        psycopg.connect(settings.database_url, autocommit=True) as connection,
    ):
        health = client.get("/health").json()
        assert (health["database"], health["workers"]) == ("up", [])
        connection.execute("INSERT INTO daftar.heartbeats VALUES ('w-1', now()), ('w-2', now() - interval '2 min')")
        health = client.get("/health").json()
        assert [(worker["name"], worker["alive"]) for worker in health["workers"]] == [("w-1", True), ("w-2", False)]
        assert (health["status"], health["nats"]) == ("ok", "up"), "the other one has taken over"
        connection.execute("DELETE FROM daftar.heartbeats WHERE worker = 'w-1'")
        assert client.get("/health").json()["status"] == "degraded"
        assert client.get("/health/live").json() == {"status": "live"}


def test_health_and_metrics_know_how_far_followers_are(client: Any, company: Company, api_settings: Settings) -> None:
    with psycopg.connect(api_settings.database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO daftar.positions (follower, company_id, seq) VALUES ('a-follower', %s, 1)", (company.id,))
        try:
            follower = next(f for f in client.get("/health").json()["followers"] if f["name"] == "a-follower")
            assert follower == {"name": "a-follower", "behind": company.head() - 1, "companies_behind": 1, "parked": 0}
            text = client.get("/metrics").text
            assert f'daftar_projector_lag_events{{of="a-follower"}} {company.head() - 1}.0' in text
        finally:
            connection.execute("DELETE FROM daftar.positions WHERE follower = 'a-follower'")


def test_metrics_count_requests_and_commands(client: Any, company: Company) -> None:
    def value(line: str) -> float:
        found = [row for row in client.get("/metrics").text.splitlines() if row.startswith(line)]
        return float(found[0].rpartition(" ")[2]) if found else 0.0

    executed = 'daftar_commands_total{outcome="executed",type="party_group.create"}'
    refused = 'daftar_commands_total{outcome="record_not_found",type="party.delete"}'
    posted = 'daftar_http_requests_total{method="POST",route="/ledger/v1/commands",status="200"}'
    told = 'daftar_refusals_total{code="record_not_found",dialect="native"}'
    assert company.get("/records/party/99").status_code == 404
    assert value(told) > 0
    before = value(executed), value(refused), value(posted)
    company.execute({"type": "party_group.create", "data": {"name": "G"}}, {"type": "party.delete", "number": 9}, atomic=False)
    assert (value(executed), value(refused), value(posted)) == tuple(number + 1 for number in before)
    assert value('daftar_pool{of="pool_max"}') == 8


def test_request_ids(client: Any) -> None:
    assert client.get("/health/live", headers={"X-Request-Id": "abc-1.2:3_4"}).headers["x-request-id"] == "abc-1.2:3_4"
    for bad in ("a b", "x" * 65, "<script>", ""):
        made = client.get("/nowhere", headers={"X-Request-Id": bad})
        assert made.headers["x-request-id"] != bad
        assert made.json()["request_id"] == made.headers["x-request-id"]


def test_what_nobody_foresaw_says_nothing_of_the_inside(
    client: Any, company: Company, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(client.app.state.services.store, "head", fail)
    answer = company.get("/head")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "inside" not in answer.text.replace("says nothing of the inside", "")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_a_method_that_is_not_known_is_told_which_are(client: Any) -> None:
    assert "GET" in client.put("/ledger/v1/head").headers["allow"]


def test_https_only(api_settings: Settings) -> None:
    with TestClient(create_app(msgspec.structs.replace(api_settings, require_https=True))) as client:
        assert client.get("/ledger/v1/head").json()["code"] == "https_required"
        assert client.get("/ledger/v1/head", headers={"X-Forwarded-Proto": "https"}).json()["code"] == "not_authenticated"
        assert client.get("/health/live").status_code == 200


def test_without_nats_writes_are_as_quick_and_as_good(api_settings: Settings) -> None:
    application = create_app(msgspec.structs.replace(api_settings, nats_url="nats://127.0.0.1:9"))
    with TestClient(application) as client:
        company = register(application.state.services, client)
        begin = time.monotonic()
        for number in range(10):
            company.create("party", name=str(number))
        assert time.monotonic() - begin < 5
        health = client.get("/health").json()
        assert (health["status"], health["nats"], health["database"]) == ("degraded", "down", "up")


# Rate limits --------------------------------------------------------------------------------------


def test_limits_are_shared_by_processes(api_settings: Settings) -> None:
    settings = msgspec.structs.replace(api_settings, rate_limit_per_minute=10, rate_limit_logins_per_minute=3)
    first_app, second_app = create_app(settings), create_app(settings)
    with TestClient(first_app) as first, TestClient(second_app) as second:
        _await_a_fresh_minute()
        company = register(first_app.state.services, first)
        elsewhere = msgspec.structs.replace(company, client=second)
        for _ in range(10):
            assert company.get("/records?after=0").status_code == 200
        limited = company.get("/records?after=0")
        assert (limited.status_code, limited.json()["code"]) == (429, "too_many_requests")
        assert 1 <= int(limited.headers["retry-after"]) <= 60
        assert company.execute({"type": "party.create", "data": {"name": "X"}}).status_code == 200, "writes are counted apart"

        first_app.state.services.limits.exchange()
        elsewhere.get("/records?after=0")
        second_app.state.services.limits.exchange()
        assert elsewhere.get("/records?after=0").status_code == 429

        assert [company.login(password="wrong").status_code for _ in range(3)] == [401, 401, 429]
        assert elsewhere.login().status_code == 429
        assert elsewhere.login(email="somebody@else.example").status_code == 401


def _await_a_fresh_minute() -> None:
    """Windows are minutes: a test that spans two of them would count in both."""
    left = 60 - time.time() % 60
    if left < 5:
        time.sleep(left + 0.1)


# A database that restarts -------------------------------------------------------------------------


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that this test may stop."""
    folder = DataDir(tmp_path / "own")
    folder.hold()
    server = EmbeddedPostgres(folder)
    server.start()
    yield server
    server.stop()
    folder.release()


def test_a_database_that_restarts(own_postgres: EmbeddedPostgres, api_settings: Settings) -> None:
    migrate(own_postgres.url(), api_settings.secret_key)
    settings = msgspec.structs.replace(api_settings, database_url=own_postgres.url(), api_database_url=own_postgres.url(API_ROLE))
    application = create_app(settings)
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(TestClient(application, raise_server_exceptions=False))
        company = register(application.state.services, client)
        head = company.head()
        server = Server(settings)
        stack.callback(server.kill)
        http = stack.enter_context(httpx.Client(base_url=server.url))
        subscriber = stack.enter_context(stream(msgspec.structs.replace(company, client=http)))
        assert company.get(f"/records?after={head}").status_code == 200
        own_postgres.stop()
        for answer in (
            company.get(f"/records?after={head}"),
            company.get("/records?after=0"),
            company.execute({"type": "party.create", "data": {"name": "X"}}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
            assert answer.headers["retry-after"] == "1"
        health = client.get("/health")
        assert (health.status_code, health.json()["database"]) == (503, "down")
        assert client.get("/health/live").status_code == 200
        own_postgres.start()
        assert company.get(f"/records?after={head}").status_code == 200
        assert company.get("/records?after=0").status_code == 200
        assert company.execute({"type": "party.create", "data": {"name": "X"}}).status_code == 200
        assert company.head() == head + 1
        assert subscriber.wait_for(1) == [head + 1]
