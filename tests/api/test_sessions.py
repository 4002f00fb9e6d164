"""Logging in, refreshing and logging out; tokens that are not good."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
import msgspec
import pytest

from infra.composition import Services
from infra.identity.tokens import Claims, Tokens

from .conftest import PASSWORD, Company, register


def claims_of(services: Services, token: str) -> Claims:
    return services.identity.tokens.read(token, "access")


def with_token(company: Company, token: str) -> Company:
    return msgspec.structs.replace(company, token=token)


def test_log_in_by_codename_or_id_in_any_case(company: Company) -> None:
    by_id = company.login(company=str(company.id))
    by_name = company.login(company=company.codename.upper(), email=company.email.upper())
    for answer in (by_id, by_name):
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        granted = answer.json()
        assert granted["company_id"] == str(company.id)
        assert granted["user_id"] == str(company.user_id)
        assert with_token(company, granted["access_token"]).get("/head").status_code == 200


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"email": "nobody@example.com"}, {"company": "no-such-company"}])
def test_wrong_credentials_all_answer_alike(company: Company, wrong: dict[str, str]) -> None:
    before = company.head()
    answer = company.login(**wrong)
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_credentials")
    assert answer.json()["detail"] == "The company, e-mail or password is wrong."
    assert company.head() == before


def test_an_unknown_user_takes_as_long_as_a_wrong_password(company: Company) -> None:
    def seconds(**wrong: str) -> float:
        taken = []
        for _ in range(5):
            begin = time.perf_counter()
            company.login(**wrong)
            taken.append(time.perf_counter() - begin)
        return min(taken)

    known, unknown = seconds(password="wrong"), seconds(email="nobody@example.com")
    assert 0.5 < unknown / known < 2


def test_a_device_is_registered_once_and_named_by_its_sessions(company: Company, services: Services) -> None:
    device = {"device_id": "till-1", "name": "Till 1", "platform": "linux"}
    first, second = company.login(device=device).json(), company.login(device=device).json()
    assert first["device_id"] == second["device_id"]
    assert first["session_id"] != second["session_id"]
    records = company.get("/records/device").json()
    assert [record["data"]["device_id"] for record in records["records"]] == ["till-1"]
    assert claims_of(services, first["access_token"]).did == UUID(first["device_id"])


def test_a_barred_device_cannot_log_in_and_its_sessions_end(company: Company) -> None:
    granted = company.login(device={"device_id": "lost"}).json()
    path = f"/records/device/{granted['device_id']}"
    assert company.call("PATCH", path, json={"data": {"is_active": False}}).status_code == 200
    assert with_token(company, granted["access_token"]).get("/head").status_code == 401
    answer = company.login(device={"device_id": "lost"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


def test_refresh_rotates_and_a_used_token_ends_the_session(company: Company) -> None:
    def refresh(token: str) -> Any:
        return company.client.post("/ledger/v1/refresh", json={"refresh_token": token})

    renewed = refresh(company.refresh_token)
    assert renewed.status_code == 200
    assert renewed.json()["refresh_token"] != company.refresh_token
    assert renewed.json()["session_id"]
    newer = with_token(company, renewed.json()["access_token"])
    assert newer.get("/head").status_code == 200

    stolen = refresh(company.refresh_token)
    assert (stolen.status_code, stolen.json()["code"]) == (401, "not_authenticated")
    assert newer.get("/head").status_code == 401
    assert refresh(renewed.json()["refresh_token"]).status_code == 401


def test_log_out_ends_the_session_at_once_and_only_it(company: Company) -> None:
    other = with_token(company, company.login().json()["access_token"])
    assert company.call("POST", "/logout").status_code == 200
    for path in ("/head", "/records?after=0", "/records/party", "/events?after=0"):
        answer = company.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated"), path
        assert answer.headers["www-authenticate"] == "Bearer"
    assert company.client.post("/ledger/v1/refresh", json={"refresh_token": company.refresh_token}).status_code == 401
    assert other.get("/head").status_code == 200


def test_an_empty_poll_learns_of_a_log_out_too(company: Company) -> None:
    other = with_token(company, company.login().json()["access_token"])
    head = company.head()
    assert company.get(f"/records?after={head}").json() == {"records": [], "cursor": head, "has_more": False}
    assert company.get(f"/records?after={head}").status_code == 200
    sessions = company.get("/records/session").json()["records"]
    mine = claims_of(company.client.app.state.services, company.token).sid
    assert other.execute({"type": "session.delete", "id": str(mine)}).status_code == 200
    assert company.get(f"/records?after={head}").status_code == 401
    assert len(sessions) == 2


def test_tokens_that_are_not_good(company: Company, services: Services, client: Any) -> None:
    claims = claims_of(services, company.token)
    builtins = msgspec.to_builtins(claims)
    expired = services.identity.tokens.sign(msgspec.structs.replace(claims, exp=int(time.time()) - 1))
    forged = Tokens("another secret of the same length, or so").sign(claims)
    unsigned = jwt.encode(builtins, None, algorithm="none")
    header, payload, signature = company.token.split(".")
    changed = ".".join((header, payload[:-4] + "AAAA", signature))
    other = register(services, client)
    foreign = services.identity.tokens.sign(msgspec.structs.replace(claims, cid=other.id))
    bad = {
        "none": "",
        "garbage": "x.y.z",
        "not even ASCII": "caf\xe9",
        "expired": expired,
        "forged": forged,
        "unsigned": unsigned,
        "changed": changed,
        "of another company": foreign,
        "refresh": company.refresh_token,
    }
    for what, token in bad.items():
        answer = client.get("/ledger/v1/head", headers={"Authorization": f"Bearer {token}".encode("latin-1")})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated"), what
    assert client.get("/ledger/v1/head").status_code == 401
    assert client.get("/ledger/v1/head", headers={"Authorization": f"Basic {company.token}"}).status_code == 401
    assert client.post("/ledger/v1/refresh", json={"refresh_token": company.token}).status_code == 401


def test_a_session_does_not_outlive_its_end(company: Company, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    assert company.get("/head").status_code == 200
    later = time.time() + timedelta(days=31).total_seconds()
    monkeypatch.setattr(services.identity, "clock", lambda: later)
    assert company.get("/head").status_code == 401
    assert company.get(f"/records?after={1}").status_code == 401


def test_a_deactivated_user_is_out(company: Company, member: Callable[[str], Company]) -> None:
    user = member("accountant")
    assert user.get("/head").status_code == 200
    assert company.call("PATCH", f"/records/user/{user.user_id}", json={"data": {"is_active": False}}).status_code == 200
    assert user.get("/head").status_code == 401
    assert user.login().status_code == 401


def test_a_change_of_role_counts_at_once(company: Company, member: Callable[[str], Company]) -> None:
    user = member("accountant")
    assert user.create("party", name="X")["number"] == 1
    assert company.call("PATCH", f"/records/user/{user.user_id}", json={"data": {"role": "viewer"}}).status_code == 200
    answer = user.execute({"type": "party.create", "data": {"name": "Y"}})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


# Passwords ----------------------------------------------------------------------------------------


def test_passwords_are_in_no_event_record_or_answer(company: Company, member: Callable[[str], Company]) -> None:
    member("accountant")
    for path in ("/events?after=0&limit=0", "/records?after=0&limit=0"):
        assert PASSWORD not in company.get(path).text
        assert "argon2" not in company.get(path).text


def test_changing_a_password_ends_the_other_sessions(company: Company, member: Callable[[str], Company]) -> None:
    user = member("accountant")
    other = with_token(user, user.login().json()["access_token"])
    change = {"type": "user.change_password", "id": str(user.user_id), "data": {"password": "a new password"}}
    assert user.execute(change).json()["path"] == "commands[0].data.current_password"
    wrong = {**change, "data": {**change["data"], "current_password": "wrong"}}
    assert user.execute(wrong).json()["code"] == "wrong_credentials"
    right = {**change, "data": {**change["data"], "current_password": PASSWORD}}
    answer = user.execute(right)
    assert answer.status_code == 200
    assert len(answer.json()["results"]) == 1
    assert user.get("/head").status_code == 200
    assert other.get("/head").status_code == 401
    assert user.login().status_code == 401
    assert user.login(password="a new password").status_code == 200


def test_a_refused_command_sets_no_password(company: Company, member: Callable[[str], Company]) -> None:
    user = member("accountant")
    taken = {"type": "user.create", "id": str(user.user_id), "data": {"name": "X", "password": "a stolen account"}}
    answer = company.execute(taken, {"type": "party.create", "data": {"name": "Y"}}, atomic=False)
    assert [result.get("code", "") for result in answer.json()["results"]] == ["record_exists", ""]
    assert user.login(password="a stolen account").status_code == 401
    assert user.login().status_code == 200


# Roles --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["viewer", "tenantUser"])
def test_readers_read_and_do_not_write(member: Callable[[str], Company], role: str) -> None:
    user = member(role)
    assert user.get("/records?after=0").status_code == 200
    for answer in (
        user.execute({"type": "party.create", "data": {"name": "X"}}),
        user.call("POST", "/records/party", json={"data": {"name": "X"}}),
        user.call("PATCH", "/records/company/1", json={"data": {"name": "X"}}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert user.call("POST", "/logout").status_code == 200


def test_nobody_manages_or_makes_somebody_above_himself(company: Company, member: Callable[[str], Company]) -> None:
    admin, accountant = member("tenantAdmin"), member("accountant")
    new = {"name": "N", "email": "n@example.com", "password": PASSWORD}
    refused = [
        accountant.execute({"type": "user.create", "data": {**new, "role": "user"}}),
        accountant.execute({"type": "company.update", "id": str(company.id), "data": {"name": "Mine"}}),
        admin.execute({"type": "user.create", "data": {**new, "role": "superAdmin"}}),
        admin.execute({"type": "user.update", "id": str(admin.user_id), "data": {"role": "superAdmin"}}),
        admin.execute({"type": "user.change_password", "id": str(company.user_id), "data": {"password": "taken over"}}),
        company.execute({"type": "user.create", "data": {**new, "role": "superAdmin"}}),
    ]
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), answer.text
    assert admin.execute({"type": "user.create", "data": {**new, "role": "user"}}).status_code == 200
    assert company.login().status_code == 200


def test_sessions_are_ended_by_their_owners_and_by_managers(company: Company, member: Callable[[str], Company]) -> None:
    first, second = member("accountant"), member("accountant")
    session = company.get(f"/records/session?user_id={second.user_id}").json()["records"][0]["id"]
    assert first.execute({"type": "session.delete", "id": session}).status_code == 403
    assert company.execute({"type": "session.delete", "id": session}).status_code == 200
    assert second.get("/head").status_code == 401


def test_only_managers_say_what_a_device_may_do(company: Any, member: Any) -> None:
    device = company.create("device", device_id="till-1")["id"]
    accountant = member("accountant")
    for data in ({"push_tables": ["parties"]}, {"pull_tables": None}, {"is_active": True}):
        refused = accountant.execute({"type": "device.update", "id": device, "data": data})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed"), data
    assert accountant.execute({"type": "device.delete", "id": device}).status_code == 403
    assert accountant.execute({"type": "device.update", "id": device, "data": {"name": "Till"}}).status_code == 200
    assert company.execute({"type": "device.update", "id": device, "data": {"push_tables": ["parties"]}}).status_code == 200
