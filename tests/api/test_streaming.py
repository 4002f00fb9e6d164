"""Event streams and long polls over real HTTP, between two processes of one deployment."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import msgspec
import pytest

from api.native import events as native_events

from .conftest import Company, Server
from .subscribers import stream

MORE = {"type": "party.create", "data": {"name": "X"}}


def test_a_stream_begins_where_it_is_told_and_follows(served: Company) -> None:
    with stream(served, "?after=0") as subscriber:
        assert subscriber.response.headers["content-type"].startswith("text/event-stream")
        head = served.head()
        assert subscriber.wait_for(head) == list(range(1, head + 1))
        served.execute(MORE, MORE)
        assert subscriber.wait_for(head + 2) == list(range(1, head + 3))
        frame = subscriber.frames[-1]
        assert frame["event"] == "ledger"
        assert msgspec.json.decode(frame["data"]) == served.get("/events?after=0").json()["events"][-1]


def test_without_a_cursor_a_stream_begins_with_what_comes_next(served: Company) -> None:
    with stream(served) as subscriber:
        served.execute(MORE)
        assert subscriber.wait_for(1) == [served.head()]


def test_a_stream_resumes_after_the_last_event_id(served: Company) -> None:
    served.execute(MORE, MORE, MORE)
    with stream(served, "?after=0", **{"Last-Event-ID": str(served.head() - 2)}) as subscriber:
        assert subscriber.wait_for(2) == [served.head() - 1, served.head()]


def test_a_stream_of_some_kinds(served: Company) -> None:
    with stream(served, "?after=0&kinds=party,product") as subscriber:
        served.execute(MORE, {"type": "party_group.create", "data": {"name": "G"}}, MORE)
        head = served.head()
        assert subscriber.wait_for(2) == [head - 2, head]


def test_streams_across_hang_ups_miss_nothing_and_repeat_nothing(served: Company) -> None:
    """Six writers, and a subscriber that hangs up after every few events and resumes."""
    start = served.head()
    seen: list[int] = []

    def write(_: int) -> None:
        for _ in range(15):
            assert served.execute(MORE).status_code == 200

    with ThreadPoolExecutor(6) as pool:
        writers = [pool.submit(write, number) for number in range(6)]
        while len(seen) < 90:
            with stream(served, **{"Last-Event-ID": str(seen[-1] if seen else start)}) as subscriber:
                seen += subscriber.wait_for(min(20, 90 - len(seen)))[:]
        for writer in writers:
            writer.result()
    assert seen == list(range(start + 1, start + 91))


def test_what_another_process_writes_comes_at_once(served: Company, company: Company) -> None:
    """The subscriber is on the server; the writer is in this process. The hint goes through NATS."""
    with stream(served) as subscriber:
        time.sleep(0.2)
        slow = 0
        for number in range(10):
            company.create("party", name=str(number))
            begin = time.monotonic()
            subscriber.wait_for(number + 1)
            slow += time.monotonic() - begin > 0.5
        assert slow <= 1, "hints are lost: events come with the sweep only"


def test_without_hints_the_sweep_finds_it(served: Company, company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company.client.app.state.services.ledger, "hint", None)
    with stream(served) as subscriber:
        company.create("party", name="X")
        subscriber.wait_for(1, seconds=4)


def test_a_log_out_ends_the_stream(served: Company) -> None:
    other = msgspec.structs.replace(served, token=served.login().json()["access_token"])
    with stream(other) as subscriber:
        time.sleep(0.1)
        assert other.call("POST", "/logout").status_code == 200
        assert subscriber.ended.wait(5)
        assert subscriber.frames[-1]["event"] == "error"
        assert msgspec.json.decode(subscriber.frames[-1]["data"])["code"] == "not_authenticated"


def test_a_quiet_stream_says_that_it_lives(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_events, "KEEP_ALIVE_SECONDS", 0.1)
    services = company.client.app.state.services
    claims = services.identity.authenticate(company.token)

    async def read() -> list[bytes]:
        found: list[bytes] = []
        frames = native_events._frames(native_events.Pull(services, claims, "events", None), company.head_seq)
        async for frame in frames:
            found.append(frame)
            if len(found) == 3:
                await frames.aclose()
        return found

    company_head = company.head()
    monkeypatch.setattr(Company, "head_seq", company_head, raising=False)
    assert company.client.blocking_portal.call(read) == [b"retry: 1000\n\n", b": keep-alive\n\n", b": keep-alive\n\n"]


def test_a_long_poll_over_processes(served: Company, company: Company) -> None:
    head = served.head()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(served.get, f"/records?after={head}&wait=20")
        time.sleep(0.3)
        company.create("party", name="X")
        page = waiting.result(timeout=10).json()
    assert page["cursor"] == head + 1


def test_a_stop_ends_streams_and_polls_at_once(api_settings: Any, company: Company) -> None:
    server = Server(api_settings)
    try:
        with httpx.Client(base_url=server.url, timeout=30) as client, ThreadPoolExecutor(1) as pool:
            served = msgspec.structs.replace(company, client=client)
            head = served.head()
            with stream(served) as subscriber:
                waiting = pool.submit(company_get, server.url, served.token, f"/ledger/v1/records?after={head}&wait=30")
                time.sleep(0.3)
                assert server.stop() < 5
                assert subscriber.ended.wait(1)
                assert waiting.result(timeout=5).json()["records"] == []
    finally:
        server.kill()


def company_get(url: str, token: str, path: str) -> httpx.Response:
    return httpx.get(url + path, headers={"Authorization": f"Bearer {token}"}, timeout=30)
