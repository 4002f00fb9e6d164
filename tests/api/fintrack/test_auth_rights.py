"""Who may do what to whom: every route and every role, on users of every role."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from fintrack_business import BUSINESS_ROLES, PASSWORD, ROOT_ROLES, Business, User, new_person

from infra.identity.companies import company_named

ADMINS = ("superAdmin", "saasAdmin", "tenantOwner", "tenantAdmin")

CODES = {"y": {200, 201}, "n": {403}}
# Callers of the business: owner of it, its admin, and the others; and what the targets are
IN_BUSINESS: list[tuple[str, str, str, str]] = [
    # call, target's role, by tenantOwner and tenantAdmin, by the superAdmin
    ("GET", "user", "yy", "y"),
    ("GET", "tenantOwner", "yy", "y"),
    ("PATCH", "accountant", "yy", "y"),
    ("DELETE", "user", "yy", "y"),
    ("DELETE", "owner", "yy", "y"),
    ("DELETE", "tenantAdmin", "yn", "y"),
    ("DELETE", "tenantOwner", "nn", "n"),
    ("password", "accountant", "yy", "y"),
    ("password", "tenantAdmin", "yn", "y"),
    ("password", "tenantOwner", "nn", "y"),
    ("mobile", "tenantAdmin", "yn", "y"),
    ("mobile", "tenantOwner", "nn", "y"),
    ("role accountant", "user", "yy", "y"),
    ("role tenantAdmin", "user", "yn", "y"),
    ("role user", "tenantAdmin", "yn", "y"),
    ("role tenantOwner", "user", "nn", "n"),
    ("role superAdmin", "user", "nn", "n"),
    ("role user", "tenantOwner", "nn", "n"),
]
IN_ROOT: list[tuple[str, str, str]] = [
    # call, target's role, by superAdmin and saasAdmin
    ("GET", "saasUser", "yy"),
    ("PATCH", "saasUser", "yy"),
    ("PATCH", "superAdmin", "yn"),
    ("DELETE", "saasUser", "yy"),
    ("DELETE", "saasAdmin", "yn"),
    ("DELETE", "superAdmin", "nn"),
    ("password", "saasUser", "yy"),
    ("password", "saasAdmin", "yn"),
    ("password", "superAdmin", "yn"),
    ("mobile", "superAdmin", "yn"),
    ("role user", "saasUser", "yy"),
    ("role saasAdmin", "saasUser", "yn"),
    ("role saasUser", "saasAdmin", "yn"),
    ("role user", "superAdmin", "nn"),
]


def perform(caller: User, call: str, target: User) -> int:
    """The status of a call about a user, in the business of that user's."""
    verb, _, role = call.partition(" ")
    calls: dict[str, tuple[str, str, Any]] = {
        "GET": ("GET", f"/v1/users/{target.id}", None),
        "PATCH": ("PATCH", f"/v1/users/{target.id}", {"fullname": "Other"}),
        "mobile": ("PATCH", f"/v1/users/{target.id}", {"mobile": "+905551234567"}),
        "DELETE": ("DELETE", f"/v1/users/{target.id}", None),
        "password": ("PATCH", f"/v1/userpasswordbyadmin/{target.id}", {"password": "another correct horse"}),
        "role": ("PATCH", f"/v1/userrole/{target.id}", {"roleId": role}),
    }
    method, path, body = calls[verb]
    return caller.call(method, path, body, codename=target.codename).status_code


def target_of(services: Any, caller: User, role: str) -> User:
    """A user of a role in the caller's business."""
    return Business(services, caller.client, caller.codename).make(role)


@pytest.mark.parametrize(("call", "role", "by_admins", "by_super"), IN_BUSINESS)
def test_in_a_business(services, crew, call, role, by_admins, by_super):
    target = target_of(services, crew["user"], role)
    for caller in ("user", "accountant", "owner", "tenantUser"):
        assert perform(crew[caller], call, target) == 403, caller
    for caller in ROOT_ROLES[1:]:
        assert perform(crew[caller], call, target) == 401, caller
    for caller, expected in (("tenantAdmin", by_admins[1]), ("tenantOwner", by_admins[0]), ("superAdmin", by_super)):
        if call.startswith(("DELETE", "role")) and expected == "y":
            target = target_of(services, crew["user"], role)
        assert perform(crew[caller], call, target) in CODES[expected], caller


@pytest.mark.parametrize(("call", "role", "expected"), IN_ROOT)
def test_in_root(services, crew, call, role, expected):
    target = target_of(services, crew["superAdmin"], role)
    assert perform(crew["saasUser"], call, target) == 403
    assert perform(crew["tenantOwner"], call, target) == 401, "another business's token"
    assert perform(crew["saasAdmin"], call, target) in CODES[expected[1]]
    if call.startswith(("DELETE", "role")):
        target = target_of(services, crew["superAdmin"], role)
    assert perform(crew["superAdmin"], call, target) in CODES[expected[0]]


ROUTES = [
    ("GET", "/v1/users/{id}", None),
    ("PATCH", "/v1/users/{id}", {"fullname": "X"}),
    ("PUT", "/v1/users/{id}", {"fullname": "X"}),
    ("DELETE", "/v1/users/{id}", None),
    ("PATCH", "/v1/userrole/{id}", {"roleId": "user"}),
    ("PATCH", "/v1/userpasswordbyadmin/{id}", {"password": PASSWORD}),
    ("GET", "/v1/briefuser/{id}", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_what_is_not_there(services, client, crew, method, path, body):
    owner = crew["tenantOwner"]
    foreign = Business(services, client).make()
    gone = target_of(services, owner, "user")
    assert owner.call("DELETE", f"/v1/users/{gone.id}").status_code == 200
    for user_id in (foreign.id, gone.id, uuid4(), company_named(services.database, owner.codename)):
        answer = owner.call(method, path.format(id=user_id), body)
        assert (answer.status_code, answer.json()["errCode"]) == (404, 404), user_id
    bad = owner.call(method, path.format(id="nonsense"), body)
    assert (bad.status_code, bad.json()["message"]) == (400, "errMsg_userIdisNotAValidID")
    assert client.request(method, f"/auth-api{path.format(id=gone.id)}", json=body).status_code == 401


@pytest.mark.parametrize("role", [*BUSINESS_ROLES, *ROOT_ROLES])
def test_who_lists_searches_and_makes_users(crew, role):
    allowed = role in ADMINS
    caller = crew[role]
    assert caller.call("GET", "/v1/users").status_code == (200 if allowed else 403)
    assert caller.call("GET", "/v1/searchusers", params={"keyword": "own"}).status_code == (200 if allowed else 403)
    assert caller.call("POST", "/v1/users", new_person()).status_code == (201 if allowed else 403)
    assert caller.call("GET", f"/v1/users/{caller.id}").status_code == 200, "everybody sees himself"
    assert caller.call("PATCH", f"/v1/users/{caller.id}", {"fullname": role}).status_code == 200
    assert caller.call("GET", f"/v1/briefuser/{caller.id}").json()["user"].keys() == {
        "id",
        "fullname",
        "name",
        "avatar",
        "isActive",
    }


def test_no_other_dialect_leads_above_oneself(services, client, crew):
    owner, by_role = target_of(services, crew["user"], "tenantOwner"), {"owner": crew["owner"], "tenantAdmin": crew["tenantAdmin"]}
    boss = target_of(services, crew["superAdmin"], "superAdmin")
    for caller, target in ((by_role["owner"], owner), (by_role["tenantAdmin"], owner), (crew["saasAdmin"], boss)):
        command = {"type": "user.change_password", "id": str(target.id), "data": {"password": "taken over by me"}}
        headers = {"Authorization": f"Bearer {caller.token}"}
        answer = client.post("/ledger/v1/commands", json={"commands": [command]}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), caller.role
