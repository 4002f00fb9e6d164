"""One's own account: profile, password and role; leaving, coming back, and being forgotten."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest
from fintrack_business import NEW_PASSWORD, PASSWORD, User, new_person

from infra.database import Database
from infra.identity.forgetting import KEPT_FOR, ForgettingScheduler, forget
from infra.roles import WORKER_ROLE, role_url


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
    assert owner.call("POST", "/v1/users", new_person(email=user.email)).status_code == 201, "the e-mail is free"


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
    answer = owner.call("POST", "/v1/users", new_person(email=user.email))
    assert (answer.status_code, answer.json()["user"]["id"], answer.json()["user"]["fullname"]) == (
        201,
        str(user.id),
        "Mina Karimi",
    )
    assert (user.login().status_code, user.login(NEW_PASSWORD).status_code) == (401, 200)


def test_an_admin_who_left_is_not_taken_over_by_another(business):
    admin, other = business.user("tenantAdmin"), business.user("tenantAdmin")
    leave(admin)
    assert other.call("POST", "/v1/users", new_person(email=admin.email)).status_code == 403
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
