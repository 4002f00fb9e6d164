"""Logging in, devices, and what the dialect answers to those who may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from tills import Till, queued

from tests.api.conftest import PASSWORD, Company


def log_in(owner: Company, **body: Any) -> Any:
    return owner.client.post("/api/desktop/login", json={"username": owner.email, "password": PASSWORD, **body})


def test_log_in(company: Company) -> None:
    answer = log_in(company, device_id="desktop-1", fcm=None)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["status"] == "true"
    assert list(body["message"]) == ["message_en", "message_fr", "message_ar"]
    data = body["data"]
    assert data["vendor_accessToken"] == data["access_token"] == data["token"] == data["details"]["token"]
    till = Till(company, data["vendor_accessToken"])
    assert till.read("sync/ping")["server_time"]
    assert till.read("sync/status", device_id="desktop-1")["device"]["device_id"] == "desktop-1"
    assert data["vendor"] == till.read("getSettings")


def test_log_in_by_user_name(company: Company) -> None:
    name = f"till-{uuid4().hex[:8]}"
    user = {"name": "Till", "username": name, "role": "staff", "password": PASSWORD}
    assert company.execute({"type": "user.create", "data": user}).status_code == 200
    assert log_in(company, username=name.upper()).status_code == 200
    assert log_in(company, username=name, company=company.codename).status_code == 200
    assert log_in(company, username=name, company="nobody").status_code == 401


@pytest.mark.parametrize(
    ("change", "status"), [({"password": "wrong"}, 401), ({"username": ""}, 422), ({"device_id": "d" * 65}, 422)]
)
def test_log_in_refused(company: Company, change: dict[str, Any], status: int) -> None:
    answer = log_in(company, **change)
    assert answer.status_code == status
    assert answer.json()["status"] == "false"


def test_everything_that_is_missing_is_named(company: Company) -> None:
    answer = company.client.post("/api/desktop/login", json={})
    assert list(answer.json()["data"]["errors"]) == list(answer.json()["message"]) == ["username", "password"]


def test_without_a_token_there_is_nothing(company: Company, client: Any) -> None:
    paths = client.get("/schema/openapi.json").json()["paths"]
    for path, methods in paths.items():
        if path.startswith("/api/desktop/") and not path.endswith("/login"):
            for method in methods:
                answer = client.request(method.upper(), path)
                assert (answer.status_code, answer.json()["status"]) == (401, "false"), path
                assert client.request(method.upper(), path, headers={"Authorization": "Bearer x"}).status_code == 401


def test_a_session_that_has_ended_pauses(till: Till) -> None:
    cursor = till.read("pos/fetchProducts")["sync_cursor"]
    till.read("pos/fetchProducts", updated_since=cursor)
    till.company.call("POST", "/logout")
    assert till.get("pos/fetchProducts", updated_since=cursor).status_code == 401
    assert till.get("sync/ping").status_code == 401
    assert till.post("crm/createCustomer", {"name": "Mina", **queued()}).status_code == 401


def test_devices(till: Till) -> None:
    body = {"device_id": "desktop-9", "device_name": "Counter PC 1", "app_version": "1.0.0", "platform": "darwin"}
    first = till.done("sync/registerDevice", body)
    again = till.done("sync/registerDevice", {**body, "app_version": "1.1.0"})
    assert first["id"] == again["id"]
    known = till.read("sync/status", device_id="desktop-9")["device"]
    assert (known["app_version"], known["registered_at"]) == ("1.1.0", first["registered_at"])
    assert till.read("sync/status", device_id="nobody")["device"] is None
    assert till.get("sync/status", device_id="d" * 65).status_code == 422
    till.refused(422, "sync/registerDevice", device_name="No name")
    till.company.call("PATCH", f"/records/device/{first['id']}", json={"data": {"is_active": False}})
    till.refused(403, "crm/createCustomer", {"name": "Mina", **queued(device="desktop-9")})


def test_every_refusal_has_the_envelope(till: Till) -> None:
    cases = [
        (till.call("GET", "nowhere"), 404),
        (till.call("PUT", "crm/createCustomer"), 405),
        (till.call("POST", "crm/createCustomer", content=b"{", headers={"Content-Type": "application/json"}), 400),
        (till.call("POST", "crm/createCustomer", content=b"x", headers={"Content-Type": "text/plain"}), 415),
        (till.call("POST", "crm/createCustomer", content=b"[]", headers={"Content-Type": "application/json"}), 422),
        (till.call("POST", "crm/createCustomer", json={"name": "x" * 3_000_000}), 413),
        (till.post("crm/createCustomer", {"name": "a\x00b"}), 422),
        (till.post("crm/createCustomer", {"name": "x" * 256}), 422),
    ]
    for answer, status in cases:
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert (body["status"], set(body)) == ("false", {"status", "data", "message"})
        assert body["data"]["request_id"]


@pytest.mark.parametrize(
    ("role", "path", "allowed"),
    [
        ("viewer", "crm/createCustomer", False),
        ("staff", "crm/createCustomer", True),
        ("staff", "updateSettings", False),
        ("accountant", "updateSettings", False),
        ("staff", "hrm/addEmployee", False),
        ("staff", "hrm/approveLeave", False),
        ("accountant", "hrm/approveLeave", True),
        ("staff", "erp/postJournalEntry", False),
    ],
)
def test_roles(till: Till, member: Callable[[str], Company], role: str, path: str, *, allowed: bool) -> None:
    answer = Till(till.company, member(role).token).post(path, {"name": "Mina", "id": 99})
    assert (answer.status_code != 403) is allowed, answer.text
