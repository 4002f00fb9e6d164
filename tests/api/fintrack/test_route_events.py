"""Route events: what the APIs answered, under its topic, at most once, and never in a request's way."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import msgspec
import nats
import pytest
from fintrack_clients import FETCH_PATHS, PATHS, SERVICES
from jetstream import messages
from litestar.testing import TestClient
from waiting import wait_until

from api.app import create_app
from infra.relay.announcing import MOST_WAITING, Announcer
from infra.relay.stream import Retention, StreamNames


def announced(url: str, company_id: Any) -> list[Any]:
    """Every message of a business, in order."""
    return [one for one in messages(url, "FINTRACK_ROUTES") if one.headers["Daftar-Company-Id"] == str(company_id)]


def wait_for(url: str, company_id: Any, count: int) -> list[Any]:
    wait_until(lambda: len(announced(url, company_id)) >= count, 10, 0.05)
    return announced(url, company_id)


def test_every_api_of_every_object(owner, company, api_settings):
    customer = owner.make("customer", name="Ada")
    made = {
        "customer": customer,
        "supplier": owner.make("supplier", name="Bob"),
        "productOrService": owner.product("tea"),
        "invoice": owner.invoice("R-1", customer["id"]),
        "payment": owner.payment(5),
        "expense": owner.expense(5),
    }
    item = {"invoiceId": made["invoice"]["id"], "productOrServiceId": made["productOrService"]["id"], "quantity": 1}
    made["invoiceItem"] = owner.make("invoiceItem", **item)
    for name, one in made.items():
        owner.get(name, one["id"])
        owner.list(name)
        owner.change(name, one["id"], **({"quantity": 2} if name == "invoiceItem" else {"notes": "x"}))
        if name in FETCH_PATHS:
            owner.list(name, fetch=True)
    for name in ("payment", "invoiceItem", "invoice", "expense", "productOrService", "supplier", "customer"):
        owner.delete(name, made[name]["id"])
    found = wait_for(api_settings.nats_url, company.id, 7 * 5)
    wanted = []
    for name, service in SERVICES.items():
        one = name.lower()
        wanted += [f"fintrack-{service}-service-{one}-{verb}" for verb in ("created", "updated", "deleted", "retrived")]
        wanted.append(f"fintrack-{service}-service-{one}s-listed")
    assert sorted(one.subject for one in found) == sorted(wanted), "each once; none of _fetchList…"
    bodies = {one.subject: json.loads(one.data) for one in found}
    created = bodies["fintrack-invoicemanagement-service-invoice-created"]
    assert (created["status"], created["statusCode"], created["dataName"], created["action"]) == ("OK", 201, "invoice", "create")
    assert created["invoice"] == made["invoice"]
    listed = bodies["fintrack-customermanagement-service-customers-listed"]
    assert listed["customers"][0]["name"] == "Ada"
    assert listed["paging"]["totalRowCount"] == 1
    assert "accessToken" not in found[0].data.decode()
    assert {one.headers["Daftar-Company"] for one in found} == {company.codename}


def test_only_success_and_only_once(owner, company, api_settings):
    assert owner.call("POST", PATHS["customer"], json={}).status_code == 400
    assert owner.call("GET", f"{PATHS['customer']}/{company.id}").status_code == 404
    for _ in range(3):
        again = owner.call("POST", PATHS["customer"], json={"name": "Ada"}, headers={"Idempotency-Key": "once"})
        assert again.status_code == 201
    owner.make("supplier", name="last")
    found = wait_for(api_settings.nats_url, company.id, 2)
    assert [one.subject.rpartition("service-")[2] for one in found] == ["customer-created", "supplier-created"]


def test_away_nats_is_in_nobodys_way(api_settings, owner, company):
    settings = msgspec.structs.replace(api_settings, nats_url="nats://127.0.0.1:9")
    with TestClient(create_app(settings)) as client:
        owner.client = client
        begin = time.monotonic()
        for _ in range(20):
            owner.list("customer")
        assert time.monotonic() - begin < 5
        assert "daftar_route_events_dropped_total 0.0" in client.get("/metrics").text


def test_off(api_settings, owner, company):
    settings = msgspec.structs.replace(api_settings, fintrack_route_events=False)
    with TestClient(create_app(settings)) as client:
        owner.client = client
        owner.make("customer", name="Ada")
    assert announced(api_settings.nats_url, company.id) == []


@pytest.mark.parametrize(("count", "size"), [(MOST_WAITING + 5, 10), (40, 1_000_000)])
def test_what_there_is_no_room_for_is_dropped_and_counted(count, size):
    dropped = []

    async def tell() -> None:
        announcer = Announcer("nats://127.0.0.1:9", StreamNames("X", ("x",)), Retention(), lambda: dropped.append(1))
        await announcer.open()
        for _ in range(count):
            announcer.tell("x", b"x" * size, {})
        begin = time.monotonic()
        await announcer.close()
        assert time.monotonic() - begin < 3

    asyncio.run(tell())
    assert len(dropped) == (5 if size == 10 else 40 - 16)


def test_an_envelope_too_large_goes_without_its_rows(nats_url):
    async def tell() -> Any:
        names = StreamNames("TEST_ROUTES", ("test-routes",))
        announcer = Announcer(nats_url, names, Retention(), lambda: None)
        await announcer.open()
        announcer.tell("test-routes", json.dumps({"status": "OK", "dataName": "rows", "rows": ["x" * 9_000_000]}).encode(), {})
        await announcer.close()
        client = await nats.connect(nats_url)
        try:
            found = await client.jetstream().get_last_msg("TEST_ROUTES", "test-routes")
            await client.jetstream().delete_stream("TEST_ROUTES")
        finally:
            await client.close()
        return found

    found = asyncio.run(tell())
    body = json.loads(found.data)
    assert found.headers["Daftar-Oversized"] == "true"
    assert body == {"status": "OK", "dataName": "rows", "oversized": True, "bytes": body["bytes"]}
