"""Businesses: the public list, making them with their owners, reading, changing and closing them; and who may."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from fintrack_business import BUSINESS_ROLES, PASSWORD, ROOT_ROLES, Business, User


@pytest.fixture(scope="module")
def root(services, client):
    return Business(services, client, "root")


@pytest.fixture(scope="module")
def admin(root):
    return root.user("superAdmin")


@pytest.fixture
def business(services, client):
    return Business(services, client)


def new(**more: Any) -> dict[str, Any]:
    name = uuid4().hex[:10]
    owner = {"email": f"owner@{name}.example", "password": PASSWORD, "fullname": "Samira"}
    return {"name": f"Trading {name}", "businessCodename": f"t-{name}", "owner": owner, **more}


def everything(client: Any, **query: Any) -> list[dict[str, Any]]:
    return client.get("/auth-api/v1/briefbusinesses", params={"pageNumber": 0, **query}).json()["businesses"]


# The public list ---------------------------------------------------------------------------------


def test_the_list_is_public_and_brief(business, client):
    answer = client.get("/auth-api/v1/briefbusinesses", params={"pageRowCount": 1})
    body = answer.json()
    assert (answer.status_code, body["dataName"], body["action"], body["rowCount"]) == (200, "businesses", "list", 1)
    assert (body["userId"], body["sessionId"]) == (None, None)
    found = everything(client)
    assert body["paging"]["totalRowCount"] == len(found) > 1 or len(found) == 1
    (mine,) = [one for one in found if one["businessCodename"] == business.codename]
    assert mine == {
        "id": str(business.id),
        "name": f"Business {business.codename}",
        "businessCodename": business.codename,
        "codename": business.codename,
        "avatar": None,
        "isActive": True,
    }
    assert "root" not in {one["businessCodename"] for one in found}
    pages = [client.get("/auth-api/v1/briefbusinesses", params={"pageNumber": n, "pageRowCount": 2}).json() for n in (1, 2)]
    assert [one["id"] for page in pages for one in page["businesses"]] == [one["id"] for one in found[:4]]
    beyond = client.get("/auth-api/v1/briefbusinesses", params={"pageNumber": 1000}).json()
    assert (beyond["businesses"], beyond["paging"]["totalRowCount"]) == ([], len(found))
    brief = client.get(f"/auth-api/v1/briefbusiness/{business.id}").json()["business"]
    assert brief == mine
    assert client.get(f"/auth-api/v1/briefbusiness/{uuid4()}").status_code == 404


def test_the_list_can_be_switched_off(business, client, services, monkeypatch):
    monkeypatch.setattr(services, "settings", msgspec.structs.replace(services.settings, public_businesses=False))
    assert everything(client) == []
    assert client.get(f"/auth-api/v1/briefbusiness/{business.id}").status_code == 404


# Making ------------------------------------------------------------------------------------------


def test_a_codename_is_no_id_and_no_rubbish(admin, client):
    refused = admin.call("POST", "/v1/businesses", new(businessCodename=str(uuid4())))
    assert (refused.status_code, refused.json()["message"][:12]) == (400, "The codename")
    made = admin.call("POST", "/v1/businesses", new(name=str(uuid4()), businessCodename=None))
    assert made.status_code == 201, made.text
    rubbish = ("%00", "a%00b", "%ED%A0%80", "%FF")
    assert {admin.call("GET", f"/v1/businessbycodename/{name}").status_code for name in rubbish} == {404}


@pytest.mark.parametrize("path", ["/v1/businesses", "/v1/registerbusinessowner"])
def test_a_business_is_made_with_its_owner(admin, client, services, path):
    given = new(currency="EUR", timeZone="Europe/Istanbul")
    answer = admin.call("POST", path, given)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    business, user = body["business"], body["user"]
    assert (body["dataName"], body["action"], body["emailVerificationNeeded"]) == ("business", "create", True)
    assert (business["businessCodename"], business["name"], business["currency"]) == (
        given["businessCodename"],
        given["name"],
        "EUR",
    )
    assert (user["roleId"], user["businessId"], user["emailVerified"]) == ("tenantOwner", business["id"], False)
    assert business["id"] in {one["id"] for one in everything(client)}
    login = client.post(
        "/auth-api/login",
        json={"username": given["owner"]["email"], "password": PASSWORD},
        headers={"mbx-business-codename": given["businessCodename"]},
    )
    assert (login.status_code, login.json()["errCode"]) == (403, "EmailVerificationNeeded")
    services.accounts.update(UUID(business["id"]), UUID(user["id"]), {"email_verified": True}, admin_actor(admin))
    owner = User(client, given["businessCodename"], given["owner"]["email"], UUID(user["id"]), "tenantOwner")
    assert owner.login().json()["roleId"] == "tenantOwner"
    assert owner.call("DELETE", f"/v1/users/{owner.id}").status_code == 403, "not without the business"


def admin_actor(admin: User) -> Any:
    from domain.command import Actor

    return Actor(user_id=admin.id, role=admin.role)


def test_other_shapes_of_the_form(admin, services, monkeypatch):
    monkeypatch.setattr(services, "settings", msgspec.structs.replace(services.settings, reveal_codes=True))
    name = uuid4().hex[:8]
    flat = {"businessName": f"Flat {name}", "email": f"o@{name}.example", "password": PASSWORD, "fullname": "Owner"}
    made = admin.call("POST", "/v1/registerbusinessowner", flat).json()
    assert (made["business"]["businessCodename"], made["user"]["fullname"]) == (f"flat-{name}", "Owner")
    nested = {"fullname": "Owner", "email": f"p@{name}.example", "business": {"name": f"Flat {name}"}}
    made = admin.call("POST", "/v1/registerbusinessowner", {"data": nested}).json()
    assert made["business"]["businessCodename"].startswith(f"flat-{name}-"), "the codename is taken: another is made"
    assert made["invitation"]["sent"] is True
    body = {"email": nested["email"], "secretCode": made["invitation"]["secretCode"], "password": "his own password"}
    headers = {"mbx-business-codename": made["business"]["businessCodename"]}
    path = "/auth-api/verification-services/password-reset-by-email/complete"
    assert admin.client.post(path, json=body, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": " "}, "name"),
        ({"businessCodename": "root"}, "codename"),
        ({"businessCodename": "babil"}, "codename"),
        ({"businessCodename": "no spaces"}, "businessCodename"),
        ({"businessCodename": "x" * 64}, "businessCodename"),
        ({"currency": "QQQ"}, "currency"),
        ({"currency": 5}, "currency"),
        ({"timeZone": "Mars/Olympus"}, "timeZone"),
        ({"owner": {"email": "nobody", "fullname": "X", "password": PASSWORD}}, "email"),
        ({"owner": {"email": "a@b.c", "fullname": "", "password": PASSWORD}}, "fullname"),
        ({"owner": {"email": "a@b.c", "fullname": "X", "password": "short"}}, "password"),
        ({"owner": {"email": "a@b.c", "fullname": "X", "password": "daftar-demo"}}, "password"),
        ({"owner": {}}, "fullname"),
    ],
)
def test_a_business_that_cannot_be(admin, client, change, field):
    before = len(everything(client))
    answer = admin.call("POST", "/v1/businesses", new(**change))
    assert answer.status_code == 400, answer.text
    assert answer.json()["field"] == field, answer.text
    assert len(everything(client)) == before


def test_a_codename_is_one_businesses(admin, business):
    answer = admin.call("POST", "/v1/businesses", new(businessCodename=business.codename.upper()))
    assert (answer.status_code, answer.json()["code"]) == (400, "value_taken")


@pytest.mark.parametrize("role", [*BUSINESS_ROLES, *ROOT_ROLES])
def test_who_makes_lists_and_closes_businesses(services, client, role):
    home = Business(services, client, "root" if role in ROOT_ROLES else "")
    caller, target = home.user(role), Business(services, client)
    allowed = role in ("superAdmin", "saasAdmin")
    assert caller.call("POST", "/v1/businesses", new()).status_code == (201 if allowed else 403)
    for path in ("/v1/businesses", "/v1/registeredbusinesses", "/v1/_fetchlistbusiness"):
        assert caller.call("GET", path).status_code == (200 if allowed else 403)
    for path in (f"/v1/businesses/{target.id}", f"/v1/businessbycodename/{target.codename}"):
        assert caller.call("GET", path).status_code == (200 if allowed else 404)
    renamed = caller.call("PATCH", f"/v1/businesses/{target.id}", {"name": "Renamed"}).status_code
    assert renamed == (200 if allowed else 404 if role == "tenantOwner" else 403)
    assert caller.call("DELETE", f"/v1/businesses/{target.id}").status_code == (200 if allowed else 403)
    assert caller.call("GET", f"/v1/businesses/{home.id}").status_code == 200, "everybody sees his own"
    assert caller.call("GET", f"/v1/businessbycodename/{home.codename}").json()["business"]["id"] == str(home.id)


def test_businesses_are_made_from_root(admin, business):
    assert admin.call("POST", "/v1/businesses", new(), codename=business.codename).status_code == 403


# Changing and closing ----------------------------------------------------------------------------


def test_an_owner_changes_his_business(business):
    owner = business.user("tenantOwner")
    path = f"/v1/businesses/{business.id}"
    row = owner.call("GET", path).json()["business"]
    answer = owner.call("PUT", path, {"data": {**row, "name": "New name", "phone": "123", "timeZone": "Europe/Berlin"}})
    found = answer.json()["business"]
    assert (answer.status_code, found["name"], found["phone"], found["timeZone"]) == (200, "New name", "123", "Europe/Berlin")
    assert owner.call("PATCH", path, {"phone": None}).json()["business"]["phone"] is None
    assert owner.call("PATCH", path, {}).json()["business"]["recordVersion"] == found["recordVersion"] + 1
    for bad in ({"businessCodename": "other"}, {"name": None}, {"timeZone": "Mars"}, {"email": "no"}, {"name": 5}):
        assert owner.call("PATCH", path, bad).status_code == 400, bad
    assert owner.call("PATCH", "/v1/businesses/nonsense", {}).status_code == 400
    assert business.user("tenantAdmin").call("PATCH", path, {"name": "X"}).status_code == 403


def test_a_closed_business_is_closed_for_everybody(admin, business, client, services):
    owner, user = business.user("tenantOwner"), business.user("accountant")
    answer = admin.call("DELETE", f"/v1/businesses/{business.id}")
    assert (answer.status_code, answer.json()["business"]["isActive"], answer.json()["action"]) == (200, False, "delete")
    for one in (owner, user):
        assert not one.is_in()
        assert one.login().status_code == 401
        assert client.get("/ledger/v1/head", headers={"Authorization": f"Bearer {one.token}"}).status_code == 401
    native = client.post("/ledger/v1/login", json={"company": business.codename, "email": user.email, "password": PASSWORD})
    assert native.status_code == 401
    assert str(business.id) not in {one["id"] for one in everything(client)}
    for path in (f"/v1/businesses/{business.id}", f"/v1/businessbycodename/{business.codename}"):
        assert admin.call("GET", path).status_code == 404
    assert admin.call("GET", "/v1/users", codename=business.codename).status_code == 404
    assert admin.call("DELETE", f"/v1/businesses/{business.id}").status_code == 404
    assert admin.call("POST", "/v1/businesses", new(businessCodename=business.codename)).status_code == 400
    start = business.post("/verification-services/password-reset-by-email/start", {"email": user.email})
    assert start.status_code == 401
    assert services.store.head(business.id).seq > 0, "its books are kept"


def test_the_service_itself_is_never_closed(admin, root):
    assert admin.call("DELETE", f"/v1/businesses/{root.id}").status_code == 404
    assert admin.is_in()
