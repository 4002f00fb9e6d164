"""Logging in: the forms of both families, tokens, and everything that is refused."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient
from mahak_clients import PACKAGE, PASSWORD

from api.app import create_app

MD5 = hashlib.md5(PASSWORD.encode(), usedforsecurity=False).hexdigest()


def log_in(mahak: Any, path: str = "LoginV2", **body: Any) -> Any:
    """A log-in of the owner, with what is given instead (None leaves a field out)."""
    form = {
        "username": mahak.company.email,
        "password": PASSWORD,
        "databaseId": mahak.database_id,
        "packageNumber": PACKAGE,
        **body,
    }
    given = {name: value for name, value in form.items() if value is not None}
    return mahak.http.post(f"/API/v3/Sync/{path}", json=given)


FORMS: list[dict[str, Any]] = [
    {},
    {"password": MD5},
    {"password": MD5.upper()},
    {"databaseId": None, "packageNumber": None},
    {"databaseId": 0, "packageNumber": None},
    {"packageNumber": None, "packageNo": str(PACKAGE)},
    {"packageNumber": str(PACKAGE)},
    {"language": "en", "appId": "7", "clientVersion": "1", "description": "d", "deviceId": "x"},
]


@pytest.mark.parametrize("path", ["Login", "LoginV2"])
def test_logs_in(mahak: Any, path: str) -> None:
    for form in FORMS:
        found = log_in(mahak, path, **form)
        assert found.status_code == 200, (form, found.text)
        body = found.json()
        assert body.get("Result", body.get("result")) is True, (form, body)
        token = body["Data"]["UserToken"] if path == "Login" else body["token"]
        assert mahak.company.client.get("/ledger/v1/head", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_names_may_be_in_any_case_and_so_may_paths(mahak: Any) -> None:
    body = {"UserName": mahak.company.email, "PASSWORD": PASSWORD, "DatabaseId": str(mahak.database_id)}
    for path in ("/API/v3/Sync/Login", "/api/v3/sync/login", "/api/V3/SYNC/LOGIN"):
        assert mahak.http.post(path, json=body).json()["Result"] is True


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "application/json-patch+json; charset=utf-8", "text/json", "application/x+json; charset=utf8"],
)
def test_bodies_have_any_of_the_vendors_media_types(mahak: Any, media_type: str) -> None:
    body = msgspec.json.encode({"userName": mahak.company.email, "password": MD5})
    found = mahak.http.post("/API/v3/Sync/Login", content=body, headers={"Content-Type": media_type})
    assert found.json()["Result"] is True


def test_v1_answers_as_the_vendors_server(mahak: Any) -> None:
    first, second = (log_in(mahak, "Login").json() for _ in range(2))
    assert set(first) == {"Result", "Data"}
    data = first["Data"]
    assert list(data) == [
        "UserToken", "SyncId", "VisitorId", "DatabaseId", "UserTitle", "MahakId", "ServerTime", "PackageNo", "CreditDay",
        "HasRadara", "WithDataTransfer",
    ]  # fmt: skip
    assert (data["VisitorId"], data["DatabaseId"]) == (second["Data"]["VisitorId"], second["Data"]["DatabaseId"])
    assert data["SyncId"] != second["Data"]["SyncId"]
    assert data["PackageNo"] == PACKAGE
    tehran = datetime.now(timezone(timedelta(hours=3, minutes=30))).replace(tzinfo=None)
    assert abs(datetime.fromisoformat(data["ServerTime"]) - tehran) < timedelta(minutes=1)


def test_v2_answers_as_the_guide_with_the_vendors_words_beside(mahak: Any) -> None:
    body = log_in(mahak).json()
    assert (body["success"], body["result"], body["code"]) == (True, True, 0)
    assert body["token"] == body["data"]["userToken"] == body["data"]["token"]
    lasts = datetime.fromisoformat(body["expireDate"]) - datetime.now(timezone.utc)
    assert timedelta(days=6, hours=23) < lasts <= timedelta(days=7)
    assert body["data"]["databaseId"] == mahak.database_id


REFUSED: list[tuple[dict[str, Any], int, int]] = [
    ({"databaseId": 99_999_999}, 1001, 400),
    ({"packageNumber": PACKAGE + 1}, 1001, 400),
    ({"databaseId": None, "packageNumber": PACKAGE + 1}, 1001, 400),
    ({"databaseId": 99_999_999, "password": "wrong"}, 1001, 400),
    ({"password": "wrong"}, 1002, 401),
    ({"password": "0" * 32}, 1002, 401),
    ({"username": "nobody@example.com"}, 1002, 401),
    ({"username": "nobody@example.com", "databaseId": None, "packageNumber": None}, 1002, 401),
    ({"username": None}, 3001, 400),
    ({"username": ""}, 3001, 400),
    ({"password": None}, 3001, 400),
    ({"databaseId": "abc"}, 3001, 400),
    ({"databaseId": -1}, 3001, 400),
    ({"databaseId": 1.5}, 3001, 400),
    ({"databaseId": True}, 3001, 400),
    ({"databaseId": 10**30}, 3001, 400),
    ({"databaseId": [1]}, 3001, 400),
    ({"packageNumber": "abc"}, 3001, 400),
    ({"username": {"a": 1}}, 3001, 400),
    ({"username": "x" * 300}, 3001, 400),
    ({"username": "a\x00b"}, 3001, 400),
]


def test_refuses(mahak: Any) -> None:
    for form, code, status in REFUSED:
        v2 = log_in(mahak, **form)
        assert (v2.status_code, v2.json()["code"]) == (status, code), (form, v2.text)
        assert (v2.json()["success"], v2.json()["result"]) == (False, False)
        assert v2.json()["requestId"]
        v1 = log_in(mahak, "Login", **form)
        assert (v1.status_code, v1.json()["Result"], v1.json()["Code"]) == (200, False, code), (form, v1.text)
        assert v1.json()["Message"]
        assert "Data" not in v1.json()


def test_a_log_in_makes_one_hash_whoever_there_is(mahak: Any, hashes: list[str | None]) -> None:
    free: dict[str, Any] = {"databaseId": None, "packageNumber": None}
    forms: list[dict[str, Any]] = [{}, {"password": "wrong"}, {"password": MD5}, {"username": "nobody"}]
    forms += [{**free, **form} for form in forms]
    forms += [{"databaseId": 99_999_999}, {"packageNumber": 1}, {"username": "nobody", "password": MD5}]
    for form in forms:
        hashes.clear()
        log_in(mahak, **form)
        assert len(hashes) == 1, form


def test_refuses_what_is_no_object(mahak: Any) -> None:
    form = "application/x-www-form-urlencoded"
    for body, media_type, status, v1 in (
        (b"{", "application/json", 400, 400),
        (b"[]", "application/json", 400, 200),
        (b"a=b", form, 415, 415),
        (b'{"username":"' + b"x" * 2_100_000, "application/json", 413, 413),
    ):
        headers = {"Content-Type": media_type}
        found = mahak.http.post("/API/v3/Sync/LoginV2", content=body, headers=headers)
        assert (found.status_code, found.json()["success"]) == (status, False), body[:20]
        found = mahak.http.post("/API/v3/Sync/Login", content=body, headers=headers)
        assert (found.status_code, found.json()["Result"]) == (v1, False), body[:20]


def test_what_is_not_there_is_told_in_the_envelope(mahak: Any) -> None:
    assert mahak.http.post("/API/v3/Sync/Nothing").json()["code"] == 404
    found = mahak.http.get("/API/v3/Sync/Login")
    assert (found.status_code, found.json()["Code"], "POST" in found.headers["allow"]) == (405, 405, True)


def test_takes_the_token_with_and_without_a_scheme(mahak: Any) -> None:
    for header in ("Bearer {}", "bearer {}", "{}"):
        found = mahak.http.post("/API/v3/Sync/GetAllData", json={}, headers={"Authorization": header.format(mahak.token)})
        assert found.json()["Result"] is True


def test_refuses_other_tokens(mahak: Any) -> None:
    for header in (None, "", "Bearer", "Basic abc", "Bearer a.b.c", "x" * 40, "Bearer {}x", "Basic {}"):
        headers = {} if header is None else {"Authorization": header.format(mahak.token)}
        v1 = mahak.http.post("/API/v3/Sync/GetAllData", json={}, headers=headers)
        assert (v1.status_code, v1.json()["Result"]) == (401, False), header
        assert v1.json()["Message"].startswith("Unauthorized")
        v2 = mahak.http.post("/API/v3/Sync/GetAllDataV2", json={}, headers=headers)
        assert (v2.status_code, v2.json()["success"], v2.json()["code"]) == (401, False, 401)


def test_a_token_ends_with_its_session(mahak: Any) -> None:
    token = log_in(mahak).json()["token"]
    assert mahak.post("/Sync/GetAllDataV2", {"banksRowVersion": 0}, token=token).status_code == 200
    assert mahak.http.post("/ledger/v1/logout", headers={"Authorization": f"Bearer {token}"}).status_code < 300
    assert mahak.post("/Sync/GetAllDataV2", {"banksRowVersion": 0}, token=token).status_code == 401


def test_attempts_are_limited_and_https_may_be_required(mahak: Any, api_settings: Any) -> None:
    settings = msgspec.structs.replace(api_settings, rate_limit_logins_per_minute=2, require_https=True)
    with TestClient(create_app(settings), raise_server_exceptions=False) as http:
        body = {"userName": mahak.company.email, "password": "wrong"}
        plain = http.post("/API/v3/Sync/Login", json=body)
        assert (plain.status_code, plain.json()["Result"]) == (403, False)
        assert http.post("/API/v3/Sync/LoginV2", json=body).json()["success"] is False
        headers = {"X-Forwarded-Proto": "https"}
        answers = [http.post("/API/v3/Sync/Login", json=body, headers=headers) for _ in range(3)]
        assert [one.status_code for one in answers] == [200, 200, 429]
        assert int(answers[-1].headers["Retry-After"]) > 0
        assert http.post("/API/v3/Sync/LoginV2", json=body, headers=headers).json()["code"] == 429
