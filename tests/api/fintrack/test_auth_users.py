"""Users: every route and every role, on users of every role; making, inviting, changing, archiving and coming back."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from fintrack_business import BUSINESS_ROLES, PASSWORD, ROOT_ROLES, Business, User

from infra.database import Database
from infra.forgetting import KEPT_FOR, ForgettingScheduler, forget
from infra.roles import WORKER_ROLE, role_url

NEW = {"password": "another correct horse", "fullname": "Mina Karimi"}
ADMINS = ("superAdmin", "saasAdmin", "tenantOwner", "tenantAdmin")


@pytest.fixture(scope="module")
def business(services, client):
    return Business(services, client)


@pytest.fixture(scope="module")
def crew(services, client) -> dict[str, User]:
    """A caller of every role, in one business and in root."""
    business, root = Business(services, client), Business(services, client, "root")
    callers = {role: business.user(role) for role in BUSINESS_ROLES}
    return {**callers, **{role: root.user(role) for role in ROOT_ROLES}}


def new(**more: Any) -> dict[str, Any]:
    return {"email": f"new-{uuid4().hex[:8]}@example.com", **NEW, **more}


# Who may do what to whom -------------------------------------------------------------------------

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
    for user_id in (foreign.id, gone.id, uuid4(), services.identity.find_company(owner.codename)):
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
    assert caller.call("POST", "/v1/users", new()).status_code == (201 if allowed else 403)
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


# Making ------------------------------------------------------------------------------------------


def test_a_user_is_made_with_a_password(business):
    owner = business.user("tenantOwner")
    given = new()
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
    company_id = services.identity.find_company(owner.codename)
    before = services.store.head(company_id).seq
    answer = owner.call("POST", "/v1/users", new(**change))
    assert answer.status_code == 400, answer.text
    assert not field or answer.json()["field"] == field
    assert services.store.head(company_id).seq == before, "nothing is stored"


def test_an_email_is_one_users_in_a_business(business, services, client):
    owner = business.user("tenantOwner")
    given = new()
    assert owner.call("POST", "/v1/users", given).status_code == 201
    again = owner.call("POST", "/v1/users", {**given, "email": given["email"].upper()})
    assert (again.status_code, again.json()["code"], again.json()["field"]) == (400, "value_taken", "email")
    other = Business(services, client).user("tenantOwner")
    assert other.call("POST", "/v1/users", given).status_code == 201


def test_the_same_key_makes_one_user(business):
    owner = business.user("tenantOwner")
    given = new()
    answers = [owner.call("POST", "/v1/users", given, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["user"]["id"] == answers[1].json()["user"]["id"]


@pytest.mark.parametrize(
    ("alias", "role"), [("OWNER", "owner"), ("ACCOUNTANT", "accountant"), ("USER", "user"), ("tenantadmin", "tenantAdmin")]
)
def test_an_invitation_sets_the_password_by_a_code(business, services, monkeypatch, alias, role):
    monkeypatch.setattr(services, "settings", msgspec.structs.replace(services.settings, reveal_codes=True))
    owner, email = business.user("tenantOwner"), f"guest-{uuid4().hex[:8]}@example.com"
    answer = owner.call("POST", "/v1/users", {"name": "Guest", "email": email, "role": alias})
    assert answer.status_code == 201
    user, invitation = answer.json()["user"], answer.json()["invitation"]
    assert (user["name"], user["roleId"], invitation["sent"]) == ("Guest", role, True)
    for password in ("", "correct horse battery"):
        assert business.post("/login", {"username": email, "password": password}).status_code in (400, 401)
    body = {"email": email, "secretCode": invitation["secretCode"], "password": "my own password"}
    assert business.post("/verification-services/password-reset-by-email/complete", body).status_code == 200
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


# Oneself -----------------------------------------------------------------------------------------


def test_ones_own_profile(business):
    user, other = business.user(), business.make()
    answer = user.call(
        "PATCH", f"/v1/profile/{user.id}", {"fullname": "New name", "email": "else@example.com", "roleId": "tenantOwner"}
    )
    found = answer.json()["user"]
    assert (answer.json()["action"], found["fullname"], found["email"], found["roleId"]) == (
        "update",
        "New name",
        user.email,
        "user",
    )
    wrapped = user.call("PUT", f"/v1/profile/{user.id}", {"data": {"avatar": "https://example.com/b.png"}}).json()["user"]
    assert (wrapped["avatar"], wrapped["fullname"], wrapped["recordVersion"]) == ("https://example.com/b.png", "New name", 3)
    cleared = user.call("PATCH", f"/v1/profile/{user.id}", {"avatar": None, "fullname": None}).json()["user"]
    assert (cleared["avatar"], cleared["fullname"]) == (None, "New name")
    assert user.call("PATCH", f"/v1/profile/{user.id}", {}).json()["user"]["recordVersion"] == cleared["recordVersion"]
    assert user.call("PATCH", f"/v1/profile/{user.id}", {"fullname": 5}).status_code == 400
    assert user.call("PATCH", f"/v1/profile/{other.id}", {"fullname": "X"}).status_code == 403
    assert business.user("tenantOwner").call("PATCH", f"/v1/profile/{user.id}", {"fullname": "X"}).status_code == 403


def test_another_number_has_to_be_verified_anew(business):
    user = business.user(phone="+905551112233", mobile_verified=True)
    same = user.call("PATCH", f"/v1/profile/{user.id}", {"mobile": "+905551112233", "fullname": "N"}).json()["user"]
    assert (same["mobileVerified"], same["fullname"]) == (True, "N")
    other = user.call("PATCH", f"/v1/profile/{user.id}", {"mobile": "+905551112244"}).json()["user"]
    assert (other["mobile"], other["mobileVerified"]) == ("+905551112244", False)


def test_ones_own_password(business):
    user = business.user()
    elsewhere = User(user.client, user.codename, user.email, user.id, user.role)
    elsewhere.login()
    path = f"/v1/userpassword/{user.id}"
    wrong = user.call("PATCH", path, {"oldPassword": "wrong", "newPassword": "a new password"})
    assert (wrong.status_code, wrong.json()["field"]) == (403, "oldPassword")
    assert user.call("PATCH", path, {"oldPassword": PASSWORD, "newPassword": "short"}).status_code == 400
    assert user.call("PATCH", path, {"newPassword": "a new password"}).status_code == 400
    assert business.user().call("PATCH", path, {"oldPassword": PASSWORD, "newPassword": "a new password"}).status_code == 403
    done = user.call("PATCH", path, {"oldPassword": PASSWORD, "newPassword": "a new password"})
    assert (done.status_code, done.json()["user"]["id"]) == (200, str(user.id))
    assert (user.is_in(), elsewhere.is_in()) == (True, False)
    assert (user.login().status_code, user.login("a new password").status_code) == (401, 200)


def test_an_admin_sets_a_password_and_ends_the_sessions(business):
    owner, user = business.user("tenantOwner"), business.user()
    answer = owner.call("PATCH", f"/v1/userpasswordbyadmin/{user.id}", {"password": "a new password"})
    assert answer.status_code == 200
    assert "a new password" not in answer.text
    assert not user.is_in()
    assert (user.login().status_code, user.login("a new password").status_code) == (401, 200)


def test_a_new_role_counts_at_once(business):
    owner, user = business.user("tenantOwner"), business.user()
    assert user.call("GET", "/v1/users").status_code == 403
    answer = owner.call("PATCH", f"/v1/userrole/{user.id}", {"roleId": "tenantAdmin"})
    assert answer.json()["user"]["roleId"] == "tenantAdmin"
    assert user.call("GET", "/v1/users").status_code == 200
    assert owner.call("PATCH", f"/v1/userrole/{user.id}", {"roleId": "emperor"}).status_code == 400
    assert owner.call("PATCH", f"/v1/userrole/{user.id}", {}).status_code == 400


# Leaving and coming back -------------------------------------------------------------------------


def test_a_deleted_user_is_out(business):
    owner, user = business.user("tenantOwner"), business.user()
    answer = owner.call("DELETE", f"/v1/users/{user.id}")
    assert (answer.status_code, answer.json()["user"]["isActive"], answer.json()["action"]) == (200, False, "delete")
    assert not user.is_in()
    assert user.login().status_code == 401
    assert owner.call("POST", "/v1/users", new(email=user.email)).status_code == 201, "the e-mail is free"


@pytest.mark.parametrize(("role", "status"), [("tenantOwner", 403), ("tenantAdmin", 200), ("tenantUser", 200)])
def test_who_may_leave(business, role, status):
    assert business.user(role).call("DELETE", f"/v1/archiveprofile/{business.user(role).id}").status_code == 403, "only oneself"
    user = business.user(role)
    assert user.call("DELETE", f"/v1/archiveprofile/{user.id}").status_code == status


def leave(user: User) -> None:
    answer = user.call("DELETE", f"/v1/archiveprofile/{user.id}")
    assert (answer.status_code, answer.json()["user"]["isActive"]) == (200, False)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", answer.json()["user"]["_archivedAt"])


def test_who_left_comes_back_by_logging_in(business):
    owner, user = business.user("tenantOwner"), business.user()
    old = user.token
    leave(user)
    assert not user.is_in()
    assert owner.call("GET", f"/v1/users/{user.id}").status_code == 404
    assert str(user.id) not in owner.call("GET", "/v1/users").text
    assert user.login("wrong").status_code == 401
    assert user.login().status_code == 200
    assert owner.call("GET", f"/v1/users/{user.id}").json()["user"]["isActive"] is True
    user.token = old
    assert not user.is_in(), "the sessions from before have ended for good"


def test_who_left_comes_back_by_being_made_again(business):
    owner, user = business.user("tenantOwner"), business.user()
    leave(user)
    answer = owner.call("POST", "/v1/users", new(email=user.email))
    assert (answer.status_code, answer.json()["user"]["id"], answer.json()["user"]["fullname"]) == (
        201,
        str(user.id),
        "Mina Karimi",
    )
    assert (user.login().status_code, user.login(NEW["password"]).status_code) == (401, 200)


def test_an_admin_who_left_is_not_taken_over_by_another(business):
    admin, other = business.user("tenantAdmin"), business.user("tenantAdmin")
    leave(admin)
    assert other.call("POST", "/v1/users", new(email=admin.email)).status_code == 403
    assert admin.login().status_code == 200


def scheduler(services: Any, settings: Any, clock: Any) -> ForgettingScheduler:
    url = role_url(settings.database_url, settings.secret_key, WORKER_ROLE)
    return ForgettingScheduler(Database(url, size=1).open(), services.database, services.ledger, clock)


def test_after_a_month_who_left_is_forgotten(business, services, api_settings, monkeypatch):
    user, kept = business.user(name="Nobody Knows"), business.user()
    leave(user)
    month = KEPT_FOR.total_seconds()
    now = services.identity.clock
    made = scheduler(services, api_settings, lambda: now() + month - 5)
    try:
        made.look()
        assert services.accounts.read(business.id, user.id).data["name"] == "Nobody Knows"
        monkeypatch.setattr(services.identity, "clock", lambda: now() + month + 5)
        assert user.login().status_code == 401, "too late, even before the scheduler comes"
        made.clock = lambda: now() + month + 5
        assert made.look() >= 1
        assert made.look() == 0
    finally:
        made.database.close()
    gone = services.accounts.read(business.id, user.id)
    assert (gone.deleted, gone.data["erased"], gone.data.get("email"), gone.data["name"]) == (True, True, None, "(erased)")
    assert not services.accounts.read(business.id, kept.id).deleted
    with psycopg.connect(api_settings.database_url) as connection:
        left = connection.execute("SELECT count(*) FROM daftar.credentials WHERE user_id = %s", (user.id,)).fetchone()
        log = connection.execute("SELECT string_agg(data, '') FROM daftar.events WHERE company_id = %s", (business.id,)).fetchone()
    assert left == (0,)
    assert user.email not in log[0]
    assert "Nobody Knows" not in log[0]


def test_who_comes_back_in_time_is_not_forgotten(business, services):
    user = business.user()
    leave(user)
    seq = services.accounts.read(business.id, user.id).seq
    assert user.login().status_code == 200
    assert forget(services.database, services.ledger, business.id, user.id, seq) is False
    assert user.is_in()


def test_a_password_is_in_no_event(business, services, api_settings):
    owner = business.user("tenantOwner")
    given = new(password="ein-sehr-geheimes-Wort")
    owner.call("POST", "/v1/users", given)
    with psycopg.connect(api_settings.database_url) as connection:
        log = connection.execute("SELECT string_agg(data, '') FROM daftar.events WHERE company_id = %s", (business.id,)).fetchone()
    assert given["email"] in log[0]
    assert given["password"] not in log[0]
