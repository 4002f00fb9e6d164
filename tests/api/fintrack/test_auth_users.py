"""Users: making them with a password, inviting them, listing them, and what is refused."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fintrack_business import RESET, Business, new_person

from infra.identity.companies import company_named


def test_a_user_is_made_with_a_password(business):
    owner = business.user("tenantOwner")
    given = new_person()
    answer = owner.call("POST", "/v1/users", {**given, "emailVerified": True, "businessId": str(uuid4())})
    assert answer.status_code == 201
    body = answer.json()
    user = body["user"]
    assert (body["action"], body["dataName"], body["statusCode"], body["rowCount"]) == ("create", "user", 201, 1)
    assert (body["emailVerificationNeeded"], body["mobileVerificationNeeded"]) == (True, False)
    assert (user["email"], user["fullname"], user["name"]) == (given["email"], "Mina Karimi", "Mina Karimi")
    assert (user["roleId"], user["role"], user["emailVerified"], user["isActive"]) == ("tenantUser", "tenantUser", False, True)
    assert (user["businessId"], user["recordVersion"], user["_owner"]) == (str(business.id), 1, str(owner.id))
    assert user["avatar"].startswith("https://www.gravatar.com/avatar/")
    assert given["password"] not in answer.text
    assert "password" not in user
    login = business.post("/login", {"username": given["email"], "password": given["password"]})
    assert login.json()["errCode"] == "EmailVerificationNeeded"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": None}, "email"),
        ({"email": "nobody"}, "email"),
        ({"password": None}, "password"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 257}, "password"),
        ({"password": "daftar-demo"}, "password"),
        ({"password": 12345678}, "password"),
        ({"fullname": None}, "fullname"),
        ({"fullname": "  "}, "fullname"),
        ({"fullname": "x" * 256}, "fullname"),
        ({"fullname": "nul \x00"}, ""),
        ({"role": "emperor"}, "roleId"),
        ({"avatar": 5}, "avatar"),
    ],
)
def test_a_user_that_cannot_be(crew, services, change, field):
    owner = crew["tenantOwner"]
    company_id = company_named(services.database, owner.codename)
    before = services.store.head(company_id).seq
    answer = owner.call("POST", "/v1/users", new_person(**change))
    assert answer.status_code == 400, answer.text
    assert not field or answer.json()["field"] == field
    assert services.store.head(company_id).seq == before, "nothing is stored"


def test_an_email_is_one_users_in_a_business(business, services, client):
    owner = business.user("tenantOwner")
    given = new_person()
    assert owner.call("POST", "/v1/users", given).status_code == 201
    again = owner.call("POST", "/v1/users", {**given, "email": given["email"].upper()})
    assert (again.status_code, again.json()["code"], again.json()["field"]) == (400, "value_taken", "email")
    other = Business(services, client).user("tenantOwner")
    assert other.call("POST", "/v1/users", given).status_code == 201


def test_the_same_key_makes_one_user(business):
    owner = business.user("tenantOwner")
    given = new_person()
    answers = [owner.call("POST", "/v1/users", given, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["user"]["id"] == answers[1].json()["user"]["id"]


@pytest.mark.parametrize(
    ("alias", "role"), [("OWNER", "owner"), ("ACCOUNTANT", "accountant"), ("USER", "user"), ("tenantadmin", "tenantAdmin")]
)
def test_an_invitation_sets_the_password_by_a_code(business, revealed, alias, role):
    owner, email = business.user("tenantOwner"), f"guest-{uuid4().hex[:8]}@example.com"
    answer = owner.call("POST", "/v1/users", {"name": "Guest", "email": email, "role": alias})
    assert answer.status_code == 201
    user, invitation = answer.json()["user"], answer.json()["invitation"]
    assert (user["name"], user["roleId"], invitation["sent"]) == ("Guest", role, True)
    for password in ("", "correct horse battery"):
        assert business.post("/login", {"username": email, "password": password}).status_code in (400, 401)
    assert business.complete(RESET, email, invitation["secretCode"], "my own password").status_code == 200
    session = business.post("/login", {"username": email, "password": "my own password"})
    assert (session.status_code, session.json()["roleId"]) == (200, role), "the code has proved the e-mail too"


def test_nobody_invites_above_himself(crew):
    guest = {"name": "Guest", "email": f"guest-{uuid4().hex[:8]}@example.com"}
    for role in ("tenantAdmin", "tenantOwner", "superAdmin", "saasAdmin"):
        assert crew["tenantAdmin"].call("POST", "/v1/users", {**guest, "role": role}).status_code == 403
    assert crew["tenantOwner"].call("POST", "/v1/users", {**guest, "role": "saasAdmin"}).status_code == 403
    assert crew["superAdmin"].call("POST", "/v1/users", {**guest, "role": "tenantAdmin"}).status_code == 400, "no role of root"


def test_an_invitation_whose_mail_fails_still_makes_the_user(business):
    owner = business.user("tenantOwner")
    answer = owner.call("POST", "/v1/users", {"name": "Guest", "email": f"g-{uuid4().hex[:8]}@example.com", "role": "USER"})
    assert (answer.status_code, answer.json()["invitation"]) == (201, {"sent": False})


# Lists -------------------------------------------------------------------------------------------


def test_lists_are_filtered_paged_and_sorted_by_name(services, client):
    business = Business(services, client)
    owner = business.user("tenantOwner", name="Zed")
    for name, role in (("Anna", "user"), ("Berta", "accountant"), ("Carla 100%", "tenantUser")):
        business.make(role, name=name, email=f"{name[:4].lower().strip()}@{business.codename}.example")

    def names(path: str = "/v1/users", **query: Any) -> list[str]:
        answer = owner.call("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return [user["name"] for user in answer.json()["users"]]

    everybody = ["Anna", "Berta", "Carla 100%", "Zed"]
    assert names() == everybody
    assert names(roleId="user") == ["Anna", "Carla 100%"], "a part of tenantUser too"
    assert names(email="ANNA@") == ["Anna"]
    assert names(fullname=["ann", "bert"]) == ["Anna", "Berta"]
    assert names(fullname="%") == ["Carla 100%"]
    assert names(fullname="ann", roleId="accountant") == []
    assert names(email="null") == []
    assert names(pageNumber=2, pageRowCount=3) == ["Zed"]
    assert names(pageNumber=9) == []
    assert names(pageNumber=0) == everybody
    assert names(**{"pageNumber[page]": 1}) == everybody
    assert names("/v1/searchusers", keyword="ERT") == ["Berta"]
    assert names("/v1/searchusers", keyword=business.codename) == everybody[:3]
    assert names("/v1/searchusers", keyword="example", roleId="account") == ["Berta"]
    body = owner.call("GET", "/v1/users", params={"pageRowCount": 3}).json()
    assert body["paging"] == {"pageNumber": 1, "pageRowCount": 3, "totalRowCount": 4, "pageCount": 2}
    assert (body["dataName"], body["action"], body["rowCount"], body["filters"], body["uiPermissions"]) == (
        "users",
        "list",
        3,
        [],
        [],
    )
    assert all("password" not in user for user in body["users"])
    for query in ({}, {"keyword": ""}):
        assert owner.call("GET", "/v1/searchusers", params=query).status_code == 400
    assert owner.call("GET", "/v1/users", params={"pageRowCount": "many"}).status_code == 400


def test_a_password_is_in_no_event(business, services, api_settings):
    owner = business.user("tenantOwner")
    given = new_person(password="ein-sehr-geheimes-Wort")
    owner.call("POST", "/v1/users", given)
    with psycopg.connect(api_settings.database_url) as connection:
        log = connection.execute("SELECT string_agg(data, '') FROM daftar.events WHERE company_id = %s", (business.id,)).fetchone()
    assert given["email"] in log[0]
    assert given["password"] not in log[0]
