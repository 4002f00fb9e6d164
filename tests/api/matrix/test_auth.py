"""Accounts: registering, logging in by e-mail, one session per device, rotation, invitations, roles and capabilities."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from matrix_devices import Device, insert, update

from infra.identity.companies import company_named

PASSWORD = "correct horse battery"


def post(client: Any, path: str, body: Any, token: str = "") -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return client.post(f"/api/auth/{path}", json=body, headers=headers)


def form(**more: Any) -> dict[str, Any]:
    return {"name": "Mina", "email": f"mina-{uuid4().hex[:8]}@bazaar.example", "password": PASSWORD, **more}


@pytest.fixture
def mina(client):
    """Somebody who has registered: her form, and what was answered."""
    given = form(company_name=f"Bazaar {uuid4().hex[:6]}", primary_currency="EUR", password_confirmation=PASSWORD)
    answer = post(client, "register", given)
    assert answer.status_code == 201, answer.text
    return given, answer.json()


def user_with(client: Any, token: str) -> Any:
    return client.get("/api/auth/user", headers={"Authorization": f"Bearer {token}"})


def test_registering_makes_a_user_and_a_company(client, mina):
    given, answer = mina
    assert (answer["success"], answer["message"]) == (True, "User registered successfully")
    user = answer["user"]
    assert (user["email"], user["full_name"], user["is_active"], user["role"]) == (given["email"], "Mina", True, "owner")
    (company,) = user["companies"]
    assert (company["name"], company["primary_currency"]) == (given["company_name"], "EUR")
    assert company["id"] == answer["company_id"] == company["pivot"]["company_id"]
    assert (company["pivot"]["user_id"], company["pivot"]["role"]) == (user["id"], "owner")
    assert {"subscriber_id", "financial_year_start_month", "is_active", "created_at", "updated_at", "deleted_at"} < set(company)
    assert user_with(client, answer["token"]).json()["user"] == user
    pulled = Device(client, answer["token"], "d").post("pull", last_version=0, company_id=company["id"])
    assert pulled.status_code == 200


def test_a_registration_that_is_repeated_makes_nothing_twice(client, mina):
    given, answer = mina
    again = post(client, "register", given)
    assert again.status_code == 201
    assert again.json()["company_id"] == answer["company_id"]
    taken = post(client, "register", {**given, "password": "another password", "password_confirmation": "another password"})
    assert taken.status_code == 422
    assert taken.json()["errors"]["email"] == ["The email has already been taken."]
    second = post(client, "register", {**given, "company_name": "A second company"})
    assert second.status_code == 201
    assert second.json()["company_id"] != answer["company_id"]
    login = post(client, "login", {"email": given["email"].upper(), "password": PASSWORD}).json()
    assert [company["id"] for company in login["user"]["companies"]] == [answer["company_id"], second.json()["company_id"]]
    chosen = post(client, "login", {"email": given["email"], "password": PASSWORD, "company_id": second.json()["company_id"]})
    assert chosen.json()["company_id"] == second.json()["company_id"]


@pytest.mark.parametrize(
    ("more", "field", "text"),
    [
        ({"email": "nobody"}, "email", "must be a valid email address"),
        ({"password": "short"}, "password", "at least 8 characters"),
        ({"password_confirmation": "else"}, "password", "confirmation does not match"),
        ({"name": ""}, "name", "The name field is required."),
        ({"name": "", "email": ""}, "email", "The email field is required."),
        ({"primary_currency": "XXX9"}, "primary_currency", "at most 3"),
        ({"primary_currency": "QQQ"}, "currency", "QQQ"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "Mars"),
        ({"invitation_code": "1-nonsense"}, "invitation_code", "not valid"),
        ({"password": "daftar-demo"}, "password", "published"),
    ],
)
def test_a_form_that_is_wrong_says_where(client, more, field, text):
    answer = post(client, "register", form(**more))
    assert answer.status_code == 422, answer.text
    assert text in answer.json()["errors"][field][0]
    assert answer.json()["message"]


def test_all_that_is_wrong_is_said_at_once(client):
    answer = post(client, "register", {})
    assert answer.json()["message"] == "The name field is required. (and 2 more errors)"
    assert set(answer.json()["errors"]) == {"name", "email", "password"}


@pytest.mark.parametrize("name", ["root", "Bazaar", "bazaar", "中文", "x" * 200])
def test_any_name_gets_a_codename_of_its_own(client, services, name):
    answer = post(client, "register", form(company_name=name))
    assert answer.status_code == 201, answer.text
    found = company_named(services.database, answer.json()["company_id"])
    assert found is not None
    assert company_named(services.database, "root") != found


def test_wrong_credentials(client, mina):
    given, _ = mina
    for body in (
        {"email": given["email"], "password": "wrong password"},
        {"email": "nobody@example.com", "password": PASSWORD},
        {"email": given["email"], "password": PASSWORD, "company_id": 1_000_000},
        {"email": given["email"], "password": PASSWORD, "company": "nobody-here"},
    ):
        answer = post(client, "login", body)
        assert answer.status_code == 422
        assert answer.json()["errors"] == {"email": ["The provided credentials are incorrect."]}


@pytest.mark.parametrize("token", ["", "rubbish", "1|abcdefgh"])
def test_without_a_token_there_is_nothing(client, token):
    for method, path in (("POST", "/api/sync/pull"), ("GET", "/api/auth/user"), ("GET", "/api/parties")):
        answer = client.request(method, path, headers={"Authorization": f"Bearer {token}"} if token else {})
        assert answer.status_code == 401
        assert answer.json()["message"] == "Unauthenticated."


def test_a_device_has_one_session_of_a_user(client, mina):
    given, _ = mina
    body = {"email": given["email"], "password": PASSWORD}
    elsewhere = post(client, "login", {**body, "device_id": "phone"}).json()["token"]
    first = post(client, "login", {**body, "device_id": "tablet"}).json()["token"]
    second = post(client, "login", {**body, "device_id": "tablet"}).json()["token"]
    assert [user_with(client, token).status_code for token in (elsewhere, first, second)] == [200, 401, 200]
    assert Device(client, second, "phone").post("pull", last_version=0).status_code == 403, "the token is the tablet's"
    assert Device(client, second, "new").post("pull", last_version=0).status_code == 403
    assert post(client, "logout", {}, second).json() == {"success": True, "message": "Logged out successfully"}
    assert [user_with(client, token).status_code for token in (elsewhere, second)] == [200, 401]


def test_a_refresh_replaces_both_tokens_and_an_old_one_ends_the_session(client, mina):
    _, old = mina
    new = post(client, "refresh", {"refresh_token": old["refresh_token"]}).json()
    assert [user_with(client, tokens["token"]).status_code for tokens in (old, new)] == [401, 200]
    assert post(client, "refresh", {"refresh_token": old["refresh_token"]}).status_code == 401
    assert user_with(client, new["token"]).status_code == 401, "the family has ended"
    assert post(client, "refresh", {"refresh_token": new["token"]}).status_code == 401
    assert post(client, "refresh", {}).status_code == 422


def invited(client: Any, owner: str, **more: Any) -> Any:
    return post(client, "invitations", more, owner)


def test_an_invitation_makes_one_member(client, mina, services):
    _, owner = mina
    made = invited(client, owner["token"], role="accountant", email="Sami@example.com").json()
    assert made["role"] == "accountant"
    stored = services.database
    with stored.company(company_named(services.database, owner["company_id"])) as connection:
        rows = connection.execute("SELECT code_hash FROM invitations").fetchall()
        events = connection.execute("SELECT count(*) FROM events WHERE data LIKE %s", (f"%{made['code'][5:]}%",)).fetchone()
    assert made["code"].encode() not in b"".join(row[0] for row in rows)
    assert events[0] == 0
    assert post(client, "register", form(invitation_code=made["code"])).status_code == 422, "it is for another e-mail"
    given = form(email="sami@example.com", invitation_code=made["code"])
    joined = post(client, "register", given)
    assert joined.status_code == 201, joined.text
    assert (joined.json()["company_id"], joined.json()["user"]["role"]) == (owner["company_id"], "accountant")
    assert post(client, "register", given).status_code == 201, "a repeated request"
    other = post(client, "register", {**given, "password": "another password"})
    assert other.status_code == 422
    assert invited(client, joined.json()["token"], role="viewer").status_code == 403, "an accountant invites nobody"
    assert invited(client, owner["token"], role="emperor").status_code == 422
    assert invited(client, owner["token"], role="staff", expires_in_hours=0).status_code == 422


def test_an_invitation_expires(client, mina, services):
    _, owner = mina
    made = invited(client, owner["token"], role="staff").json()
    with services.database.company(company_named(services.database, owner["company_id"])) as connection:
        connection.execute("DELETE FROM invitations")
    assert post(client, "register", form(invitation_code=made["code"])).status_code == 422


@pytest.fixture
def token_of(client, mina):
    """Makes a member of Mina's company and logs him in."""
    _, owner = mina

    def make(role: str) -> str:
        code = invited(client, owner["token"], role=role).json()["code"]
        return post(client, "register", form(invitation_code=code)).json()["token"]

    return make


RIGHTS = [
    ("owner", {"parties", "settings", "users", "companies"}),
    ("accountant", {"parties", "settings"}),
    ("staff", {"parties"}),
    ("viewer", set()),
]


@pytest.mark.parametrize(("role", "allowed"), RIGHTS)
def test_what_a_role_may_push(client, mina, token_of, role, allowed):
    _, owner = mina
    device = Device(client, token_of(role), role)
    device.pull()
    items = {
        "parties": insert("parties", "p", name="P"),
        "settings": insert("settings", "s", name="print", value={}),
        "users": insert("users", "u", full_name="U", role="viewer"),
        "companies": update("companies", owner["company_id"], {"name": "Renamed"}),
    }
    answer = device.push(*items.values())
    done = {result["table"] for result in answer["results"] if result["status"] == "applied"}
    assert done == allowed
    assert {error["code"] for error in answer["errors"]} <= {"not_allowed"}
    assert device.post("pull", last_version=0).status_code == 200, "everybody reads"
    made = device.call("POST", "/parties", json={"name": "X", "party_type": "customer"})
    assert made.status_code == (201 if "parties" in allowed else 403)


def test_a_device_may_be_limited_to_tables(company, device):
    tablet = device("tablet")
    tablet.made(insert("parties", "p", name="P"), insert("products", "q", name="Q"))
    (record,) = company.get("/records/device?device_id=tablet").json()["records"]
    limits = {"pull_tables": ["parties", "stock_ledgers"], "push_tables": ["stock_ledgers", "products"]}
    changed = company.execute({"type": "device.update", "id": record["id"], "data": limits})
    assert changed.status_code == 200, changed.text
    answer = tablet.push(insert("parties", "p2", name="P"), insert("products", "q2", name="Q"))
    assert [(result["status"], result.get("code")) for result in answer["results"]] == [
        ("rejected", "not_allowed"),
        ("applied", None),
    ]
    rows = tablet.post("pull", last_version=0, include_own=True).json()["changes"]
    assert {row["table"] for row in rows} == {"parties"}
    assert tablet.post("pull", last_version=0, tables=["products"]).status_code == 403
    assert tablet.post("pull", last_version=0, tables=["stock_ledger"]).status_code == 200
    assert tablet.status()["device"]["pull_tables"] == limits["pull_tables"]


def test_another_companys_number_opens_nothing(client, mina):
    _, owner = mina
    other = post(client, "register", form()).json()
    device = Device(client, owner["token"], "d")
    for call in (
        lambda: device.post("pull", last_version=0, company_id=other["company_id"]),
        lambda: device.post("push", changes=[], company_id=999_999),
        lambda: device.call("GET", f"/sync/status?company_id={other['company_id']}"),
        lambda: device.call("GET", f"/parties?company_id={other['company_id']}"),
        lambda: device.call("POST", "/parties", json={"company_id": other["company_id"], "name": "X", "party_type": "both"}),
    ):
        answer = call()
        assert answer.status_code == 403
        assert answer.json()["message"] == "You do not have access to this company"
