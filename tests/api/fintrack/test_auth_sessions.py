"""Logging in and out: credentials, tenants, the five places of a token, cookies, time, and who is logged in."""

from __future__ import annotations

from typing import Any

import pytest
from fintrack_business import BUSINESS_ROLES, PASSWORD, Business

SERVICES = (
    "/auth-api",
    "/customermanagement-api",
    "/suppliermanagement-api",
    "/invoicemanagement-api",
    "/paymentmanagement-api",
    "/expensemanagement-api",
    "/productcatalog-api",
    "/bff-service",
)


@pytest.fixture(scope="module")
def root(services, client):
    return Business(services, client, "root")


def test_a_log_in_answers_a_session_that_is_not_enveloped(business):
    user = business.make("tenantOwner", avatar="https://example.com/a.png")
    answer = user.login()
    assert answer.status_code == 200
    body = answer.json()
    assert (body["userId"], body["email"], body["fullname"], body["roleId"]) == (
        str(user.id),
        user.email,
        "tenantOwner",
        "tenantOwner",
    )
    assert (body["tenantId"], body["tenantCodename"]) == (str(business.id), business.codename)
    assert body["avatar"] == "https://example.com/a.png"
    assert not {"id", "password", "status", "dataName"} & set(body)
    assert answer.headers["fintrack-access-token"] == body["accessToken"]
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"fintrack-access-token-{business.codename}={body['accessToken']};")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    current = user.call("GET", "/currentuser").json()
    assert {name: current[name] for name in body if "Bucket" not in name} == {n: body[n] for n in body if "Bucket" not in n}
    assert current.keys() == body.keys()


def test_the_cookie_of_root_has_no_suffix_and_is_secure_over_https(root, client):
    user = root.make("saasAdmin")
    answer = client.post(
        "/auth-api/login", json={"email": user.email, "password": PASSWORD}, headers={"X-Forwarded-Proto": "https"}
    )
    client.cookies.clear()
    assert answer.headers["set-cookie"].startswith("fintrack-access-token=")
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("role", [*BUSINESS_ROLES, "superAdmin", "saasAdmin", "saasUser"])
def test_buckets_by_role(business, root, services, role):
    home = business if role in BUSINESS_ROLES else root
    user = home.make(role)
    body = user.login().json()
    expected = {"userBucketToken": f"{user.id}-public-user-bucket"}
    if role in ("superAdmin", "saasAdmin"):
        expected["applicationBucketToken"] = "fintrack-public-common-bucket"
    if role in ("tenantOwner", "tenantAdmin"):
        expected["tenantBucketToken"] = f"fintrack-{business.codename}-public-tenant-bucket"
    found = {name: services.bucket_tokens.read(body[name]) for name in body if name.endswith("BucketToken")}
    assert {name: claims.bucket for name, claims in found.items()} == expected
    claims = found["userBucketToken"]
    assert (claims.cid, claims.sub, str(claims.sid)) == (home.id, user.id, body["sessionId"])
    assert services.identity.confirm(claims.of_session(), anybody=True).user_id == user.id
    assert (
        user.client.get("/auth-api/currentuser", headers={"Authorization": f"Bearer {body['userBucketToken']}"}).status_code == 401
    )


# Refused -----------------------------------------------------------------------------------------


def test_wrong_credentials_are_401_whoever_there_is(business, client):
    user = business.make()
    for body, codename in (
        ({"username": user.email, "password": "wrong"}, business.codename),
        ({"username": "nobody@example.com", "password": PASSWORD}, business.codename),
        ({"username": user.email, "password": PASSWORD}, "nobody-here"),
        ({"username": user.email, "password": PASSWORD}, "root"),
        ({"username": "nobody@example.com", "email": user.email, "password": PASSWORD}, business.codename),
        ({"username": user.email, "password": "daftar-demo"}, business.codename),
    ):
        answer = client.post("/auth-api/login", json=body, headers={"mbx-business-codename": codename})
        assert answer.status_code == 401, body
        assert (answer.json()["result"], answer.json()["status"], answer.json()["errCode"]) == ("ERR", 401, 401)


@pytest.mark.parametrize(
    "body",
    [{}, {"username": "a@b.c"}, {"password": "x"}, {"username": 5, "password": "x"}, {"username": "", "password": ""}, [], "x"],
)
def test_missing_parameters_are_400(business, body):
    answer = business.post("/login", body)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_nobody_logs_in_before_the_email_is_verified(business):
    user = business.make(verified=False)
    answer = user.login()
    assert (answer.status_code, answer.json()["errCode"]) == (403, "EmailVerificationNeeded")
    wrong = user.login("wrong")
    assert (wrong.status_code, wrong.json()["errCode"]) == (401, 401), "only who knows the password is told"


def test_the_tenant_of_a_log_in_is_named_in_header_query_or_body_else_found(business, root, client, services):
    user = business.make(email=f"same-{business.codename}@example.com")
    body = {"username": user.email.upper(), "password": PASSWORD}
    answers = [
        client.post("/auth-api/login", json=body, headers={"mbx-business-codename": business.codename}),
        client.post("/auth-api/login", json=body, params={"_business": business.codename}),
        client.post("/auth-api/login", json={**body, "_business": business.codename}),
        client.post("/auth-api/login", json={"data": body}),
    ]
    assert [answer.json().get("tenantCodename") for answer in answers] == [business.codename] * 4
    Business(services, client).make(email=user.email)
    assert client.post("/auth-api/login", json=body).status_code == 401, "two businesses know it: root is meant"
    at_root = root.make("saasUser", email=user.email)
    assert client.post("/auth-api/login", json=body).json()["userId"] == str(at_root.id)
    client.cookies.clear()


def test_log_ins_are_limited(business, services, monkeypatch):
    import msgspec

    monkeypatch.setattr(services, "settings", msgspec.structs.replace(services.settings, rate_limit_logins_per_minute=3))
    user = business.make()
    found = [user.login("wrong").status_code for _ in range(5)]
    assert found == [401, 401, 401, 429, 429]
    answer = user.login()
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


def test_a_log_in_makes_one_hash_whoever_there_is(business, hashes):
    for email in (business.make().email, "nobody@example.com"):
        hashes.clear()
        assert business.post("/login", {"username": email, "password": "a wrong password"}).status_code == 401
        assert len(hashes) == 1, email


# Tokens ------------------------------------------------------------------------------------------


def test_a_token_counts_in_all_five_places(business, client):
    user = business.user()
    name = f"fintrack-access-token-{business.codename}"
    named = {"mbx-business-codename": business.codename}
    places: list[dict[str, Any]] = [
        {"params": {"access_token": user.token}},
        {"headers": {"Authorization": f"Bearer {user.token}"}},
        {"headers": {"fintrack-access-token": user.token}},
        {"headers": {name: user.token}},
        {"headers": {"Cookie": f"{name}={user.token}"}},
    ]
    for place in places:
        answer = client.get("/auth-api/currentuser", **{**place, "headers": {**named, **place.get("headers", {})}})
        assert answer.status_code == 200, place
        assert answer.json()["userId"] == str(user.id)
    first = client.get("/auth-api/currentuser", params={"access_token": "rubbish"}, headers={"fintrack-access-token": user.token})
    assert first.status_code == 401, "the first place that has one counts"


def test_without_a_token_there_is_nobody(client):
    for service in SERVICES:
        for path in ("/currentuser", "/permissions", "/permissions/orders.manage"):
            answer = client.get(service + path)
            assert (answer.status_code, answer.json()) == (401, {"status": "ERR", "message": "No login found"})


def test_every_service_knows_who_is_logged_in_and_what_he_may(business, client):
    user, owner = business.user("accountant"), business.user("tenantOwner")
    for service in SERVICES:
        headers = {"Authorization": f"Bearer {user.token}"}
        assert client.get(f"{service}/currentuser", headers=headers).json()["userId"] == str(user.id), "no codename is needed"
        assert client.get(f"{service}/permissions", headers=headers).json() == []
        assert client.get(f"{service}/permissions/a.b", headers=headers).json() == {"canDo": False, "exceptions": []}
        may = client.get(f"{service}/permissions/a.b", headers={"Authorization": f"Bearer {owner.token}"})
        assert may.json() == {"canDo": True, "exceptions": []}


def test_a_token_of_another_business_is_no_token(business, services, client):
    other = Business(services, client)
    user = business.user("tenantOwner")
    for path in ("/currentuser", "/v1/users", f"/v1/users/{user.id}"):
        assert user.call("GET", path, codename=other.codename).status_code == 401
        assert user.call("GET", path, codename="root").status_code == 401
        assert user.call("GET", path, codename="nobody-here").status_code == 401
    assert user.call("GET", "/v1/users", headers={"mbx-business-codename": ""}).status_code == 401, "none is root"


def test_logging_out_ends_the_session_everywhere(business, client, server):
    import httpx

    user = business.user()
    other = user.login().json()["accessToken"]
    with httpx.Client(base_url=server.url, timeout=30) as far:
        headers = {"Authorization": f"Bearer {user.token}"}
        assert far.get("/auth-api/currentuser", headers=headers).status_code == 200
        answer = user.call("POST", "/logout")
        assert (answer.status_code, answer.json()) == (200, {"status": "OK", "message": "User logged out successfully"})
        assert f'fintrack-access-token-{business.codename}=""' in answer.headers["set-cookie"]
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert far.get("/auth-api/currentuser", headers=headers).status_code == 401
        assert far.get("/ledger/v1/head", headers=headers).status_code == 401
    assert user.call("POST", "/logout").status_code == 200, "again is nothing"
    assert client.post("/auth-api/logout").status_code == 200
    assert (
        client.post("/auth-api/logout", headers={"Authorization": "Bearer rubbish", "mbx-business-codename": 'x";'}).status_code
        == 200
    )
    assert client.post("/auth-api/logout", content=b"{").status_code == 200
    user.token = user.login().json()["accessToken"]
    assert user.is_in()
    assert other


def test_a_cookie_logs_out_too(business, client):
    user = business.user()
    name = f"fintrack-access-token-{business.codename}"
    answer = client.post("/auth-api/logout", headers={"Cookie": f"{name}={user.token}", **business.headers})
    assert answer.status_code == 200
    assert not user.is_in()


def test_a_token_lasts_as_long_as_its_session(business, services):
    user = business.user()
    claims = services.identity.authenticate(user.token)
    assert claims.exp - claims.iat == services.sessions.refresh_lifetime.total_seconds()


def test_a_token_works_on_the_native_api_of_the_same_company(business, client):
    user = business.user("accountant")
    head = client.get("/ledger/v1/head", headers={"Authorization": f"Bearer {user.token}"})
    assert head.status_code == 200


# The superAdmin ----------------------------------------------------------------------------------


def test_the_super_admin_acts_in_every_business_under_his_own_name(business, root):
    admin, saas = root.user("superAdmin"), root.user("saasAdmin")
    somebody = business.make()
    assert admin.call("GET", f"/v1/users/{somebody.id}", codename=business.codename).status_code == 200
    made = admin.call(
        "POST",
        "/v1/users",
        {"email": "new@example.com", "password": PASSWORD, "fullname": "New"},
        codename=business.codename,
    )
    assert made.status_code == 201
    assert (made.json()["user"]["businessId"], made.json()["user"]["_owner"]) == (str(business.id), str(admin.id))
    headers = {"Authorization": f"Bearer {admin.token}", "mbx-business-codename": business.codename}
    customer = admin.client.post("/customermanagement-api/v1/customers", json={"name": "Theirs"}, headers=headers)
    assert (customer.status_code, customer.json()["customer"]["_owner"]) == (201, str(admin.id))
    own = {**headers, "mbx-business-codename": "root"}
    assert "Theirs" not in admin.client.get("/customermanagement-api/v1/customers", headers=own).text
    current = admin.call("GET", "/currentuser", codename=business.codename).json()
    assert (current["userId"], current["tenantCodename"], current["roleId"]) == (str(admin.id), business.codename, "superAdmin")
    assert admin.call("GET", "/v1/users", codename="nobody-here").status_code == 404
    assert saas.call("GET", "/v1/users", codename=business.codename).status_code == 401
