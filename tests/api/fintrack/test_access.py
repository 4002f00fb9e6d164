"""Who may do what: every API, every role, and records of one's own, of another business, and deleted ones."""

from __future__ import annotations

from fintrack_clients import FETCH_PATHS, PATHS, Caller

from domain.catalogue import CATALOGUE

WRITERS = {"owner", "accountant", "tenantOwner", "tenantAdmin", "superAdmin"}
ROLES = ("tenantOwner", "owner", "accountant", "tenantAdmin", "superAdmin", "user", "viewer", "saasAdmin", "tenantUser")


def filled(caller: Caller, mark: str) -> dict[str, str]:
    """One object of each kind, by name: its id."""
    customer, supplier = caller.make("customer", name=mark), caller.make("supplier", name=mark)
    product, invoice = caller.product(mark), caller.invoice(mark, customer["id"])
    item = caller.make("invoiceItem", invoiceId=invoice["id"], productOrServiceId=product["id"], quantity=1)
    made = {
        "customer": customer,
        "supplier": supplier,
        "productOrService": product,
        "invoice": invoice,
        "invoiceItem": item,
        "payment": caller.payment(1),
        "expense": caller.expense(1),
    }
    return {name: one["id"] for name, one in made.items()}


def forms(own: dict[str, str], mark: str) -> dict[str, dict[str, object]]:
    """What creates one more object of each kind."""
    money = {"amount": 1, "currency": "USD", "date": "2026-01-01"}
    return {
        "customer": {"name": mark},
        "supplier": {"name": mark},
        "productOrService": {"name": mark, "sku": mark, "type": "service", "price": 1, "currency": "USD", "vatRate": 0},
        "invoice": {
            "type": "sales",
            "currency": "USD",
            "customerId": own["customer"],
            "issueDate": "2026-01-10",
            "dueDate": "2026-01-10",
            "invoiceNumber": mark,
        },
        "invoiceItem": {"invoiceId": own["invoice"], "productOrServiceId": own["productOrService"], "quantity": 1},
        "payment": money,
        "expense": {**money, "category": "rent", "description": "Office"},
    }


def expected(name: str, verb: str, role: str) -> bool:
    """Whether a role may."""
    if verb == "read":
        return role != "tenantUser"
    return role in WRITERS or (role == "user" and name == "customer" and verb == "create")


def test_every_api_for_every_role(owner, caller, theirs):
    foreign = filled(theirs, "theirs")
    own, gone = filled(owner, "own"), filled(owner, "gone")
    for name in reversed(PATHS):
        owner.delete(name, gone[name])
    found = []
    for role in ROLES:
        one = caller(role)
        new = forms(own, f"new-{role}")
        for name, path in PATHS.items():
            may = {verb: expected(name, verb, role) for verb in ("read", "create", "write")}
            calls = [("POST", path, new[name], 201 if may["create"] else 403), ("GET", path, None, 200 if may["read"] else 403)]
            if name in FETCH_PATHS:
                calls.append(("GET", FETCH_PATHS[name], None, 200 if may["read"] else 403))
            for object_id, status in ((own[name], 200), (foreign[name], 404), (gone[name], 404)):
                calls.append(("GET", f"{path}/{object_id}", None, status if may["read"] else 403))
                calls += [(verb, f"{path}/{object_id}", {}, status if may["write"] else 403) for verb in ("PATCH", "PUT")]
                if object_id != own[name] or not may["write"]:
                    calls.append(("DELETE", f"{path}/{object_id}", None, status if may["write"] else 403))
            for method, where, form, status in calls:
                answer = one.call(method, where, json=form)
                if answer.status_code != status:
                    found.append((role, method, where, answer.status_code, status, answer.text))
    assert not found, found[:5]
    assert {name: theirs.get(name, object_id)["id"] for name, object_id in foreign.items()} == foreign


def test_writers_delete(caller):
    for role in sorted(WRITERS):
        one = caller(role)
        own = filled(one, role)
        for name in reversed(PATHS):
            assert one.delete(name, own[name])["isActive"] is False


def addresses(object_id: str) -> list[tuple[str, str]]:
    """Every API."""
    found = [("GET", path) for path in FETCH_PATHS.values()]
    for path in PATHS.values():
        found += [("GET", path), ("POST", path)]
        found += [(method, f"{path}/{object_id}") for method in ("GET", "PATCH", "PUT", "DELETE")]
    return found


def test_without_a_session_of_the_business_nothing_is_said(owner, theirs, company):
    own = filled(owner, "own")
    head = company.head()
    tokens = (
        ("none", company.codename, ""),
        ("rubbish", company.codename, "rubbish"),
        ("another's", company.codename, theirs.token),
        ("of a business that is not there", "nowhere", owner.token),
        ("root", "", owner.token),
    )
    for what, codename, token in tokens:
        one = Caller(owner.client, codename, token)
        for method, path in addresses(own["customer"]):
            answer = one.call(method, path, content="{", headers={} if token else {"Authorization": ""})
            assert answer.status_code == 401, (what, method, path, answer.text)
            assert answer.json()["result"] == "ERR"
            assert answer.json()["errCode"] == 401
    assert company.head() == head


def test_a_right_is_asked_for_before_the_form_is_read(caller, company):
    one = caller("user")
    for name, path in PATHS.items():
        for method, where in (("POST", path), ("PATCH", f"{path}/x"), ("PUT", f"{path}/x"), ("DELETE", f"{path}/x")):
            if (method, name) != ("POST", "customer"):
                assert one.call(method, where, content="{").status_code == 403, (method, where)
    assert caller("tenantUser").call("GET", f"{PATHS['invoice']}?pageNumber=x").status_code == 403


def test_the_five_places_of_a_token(owner, company, theirs):
    path, name = PATHS["customer"], company.codename
    tenant = {"mbx-business-codename": name}
    bad = {"Authorization": f"Bearer {theirs.token}"}
    cases = [
        (f"{path}?access_token={owner.token}", {**tenant, **bad}, {}, 200),
        (path, {**tenant, "Authorization": f"bearer {owner.token}"}, {}, 200),
        (path, {**tenant, "fintrack-access-token": owner.token}, {}, 200),
        (path, {**tenant, f"fintrack-access-token-{name}": owner.token}, {}, 200),
        (path, tenant, {f"fintrack-access-token-{name}": owner.token}, 200),
        (path, tenant, {"fintrack-access-token": owner.token}, 401),
        (path, {**tenant, **bad, "fintrack-access-token": owner.token}, {}, 401),
        (f"{path}?_business={name}", {"Authorization": f"Bearer {owner.token}"}, {}, 200),
        (f"{path}?_business={name}", {"Authorization": f"Bearer {owner.token}", "mbx-business-codename": theirs.codename}, {}, 401),
        (path, {"Authorization": f"Bearer {owner.token}", "mbx-business-codename": name.upper()}, {}, 200),
    ]
    for where, headers, cookies, status in cases:
        crumbs = "; ".join(f"{key}={value}" for key, value in cookies.items())
        answer = owner.client.get(where, headers={**headers, **({"Cookie": crumbs} if crumbs else {})})
        assert answer.status_code == status, (where, headers, cookies, answer.text)
    for form in (
        {"_business": name, "name": "a"},
        {"_business": name, "data": {"name": "b"}},
        {"data": {"_business": name, "name": "c"}},
    ):
        answer = owner.client.post(path, json=form, headers={"Authorization": f"Bearer {owner.token}"})
        assert answer.status_code == 201, answer.text


def test_a_session_that_ended_is_none(owner, company, caller, services):
    one = caller("owner")
    assert one.call("GET", PATHS["customer"]).status_code == 200
    services.sessions.log_out(services.identity.confirm(services.identity.authenticate(one.token)))
    assert one.call("GET", PATHS["customer"]).status_code == 401


def test_every_object_is_a_kind():
    from api.fintrack.objects import OBJECTS

    for object_ in OBJECTS.values():
        kind = CATALOGUE[object_.kind]
        known = set(kind.field_names) | set(kind.derived.__struct_fields__ if kind.derived else ())
        assert {field.ours for field in object_.fields if field.ours} <= known
