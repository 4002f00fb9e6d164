"""Machine-to-machine routes: only with the service's token, only in the business that is named, through the same rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from fintrack_clients import NIL, PATHS, Caller
from litestar.testing import TestClient

from api.app import create_app
from domain.command import SYSTEM, Command
from infra.store.postgres import PostgresStore

TOKEN = "a-service-token-of-enough-characters"
BASES = {name: f"{path.rpartition('/v1/')[0]}/m2m/{name.lower()}" for name, path in PATHS.items()}


class Machine:
    """A service with a token, writing for a business."""

    def __init__(self, client: Any, codename: str, token: str = TOKEN) -> None:
        self.client, self.codename, self.token = client, codename, token

    def post(self, name: str, tail: str, body: Any = None, **headers: str) -> Any:
        own = {"fintrack-service-token": self.token, "mbx-business-codename": self.codename, **headers}
        return self.client.post(f"{BASES[name]}/{tail}", json=body, headers={key: value for key, value in own.items() if value})

    def done(self, name: str, tail: str, body: Any = None) -> Any:
        answer = self.post(name, tail, body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def opened(api_settings: Any) -> Iterator[Any]:
    """The application with a service token."""
    with TestClient(
        create_app(msgspec.structs.replace(api_settings, service_token=TOKEN)), raise_server_exceptions=False
    ) as client:
        yield client


@pytest.fixture
def machine(opened: Any, company: Any) -> Machine:
    return Machine(opened, company.codename)


def form_of(owner: Caller, name: str) -> dict[str, Any]:
    """A form of a new object, with what it needs."""
    unique = uuid4().hex[:8]
    common = {"currency": "USD"}
    if name in ("customer", "supplier"):
        return {"name": unique}
    if name == "productOrService":
        return {**common, "name": unique, "sku": unique, "type": "service", "price": 3, "vatRate": 0}
    if name == "invoice":
        customer = owner.make("customer", name=unique)
        dates = {"issueDate": "2026-01-10", "dueDate": "2099-01-31"}
        return {**common, **dates, "type": "sales", "customerId": customer["id"], "invoiceNumber": unique}
    if name == "invoiceItem":
        invoice = owner.invoice(unique, owner.make("customer", name=unique)["id"])
        return {"invoiceId": invoice["id"], "productOrServiceId": NIL, "description": unique, "unitPrice": 2, "quantity": 3}
    if name == "payment":
        return {**common, "amount": 5, "date": "2026-02-01"}
    return {**common, "amount": 5, "date": "2026-02-01", "category": "rent", "description": unique}


@pytest.mark.parametrize("name", PATHS)
def test_the_seven_tails_of_every_object(machine, owner, name):
    change, field = ({"quantity": 7}, "quantity") if name == "invoiceItem" else ({"notes": "m2m"}, "notes")
    one = machine.done(name, "create", {"data": form_of(owner, name)})
    assert owner.get(name, one["id"])["id"] == one["id"]
    plain = machine.done(name, "create", form_of(owner, name))
    bulk = machine.done(name, "bulk-create", {"dataList": [form_of(owner, name) for _ in range(2)]})
    bulk += machine.done(name, "bulk-create", [form_of(owner, name)])
    ids = [row["id"] for row in (one, plain, *bulk)]
    assert len(set(ids)) == 5

    def has(object_id: str) -> Any:
        return next(row for row in machine.done(name, "update-by-query", {"query": {"id": object_id}, "dataClause": {}}))[field]

    changed = machine.done(name, f"update/{ids[0]}", {"dataClause": change})
    assert changed[field] == change[field]
    assert machine.done(name, "update", {"id": ids[1], **change})[field] == change[field]
    many = machine.done(name, "update-by-id-list", {"idList": ids[2:4], **change})
    assert [(row["id"], row[field]) for row in many] == [(one, change[field]) for one in ids[2:4]]
    found = machine.done(name, "update-by-query", {"query": {"id": [ids[4]]}, "dataClause": change})
    assert [(row["id"], row[field]) for row in found] == [(ids[4], change[field])]
    assert [has(one) for one in ids] == [change[field]] * 5
    gone = machine.done(name, f"delete/{ids[0]}")
    assert (gone["id"], gone["isActive"]) == (ids[0], False)
    assert machine.done(name, "delete", {"id": ids[1]})["id"] == ids[1]
    assert {row["id"] for row in machine.done(name, "delete-by-query", {"query": {"id": ids[2:]}})} == set(ids[2:])
    for one in ids:
        assert owner.call("GET", f"{PATHS[name]}/{one}").status_code == 404


@pytest.mark.parametrize("tail", ["create", "bulk-create", f"update/{NIL}", f"delete/{NIL}", "update-by-query", "delete-by-query"])
def test_without_the_token_there_is_no_such_route(client, opened, company, tail):
    for headers in ({}, {"fintrack-service-token": TOKEN}):
        answer = client.post(f"{BASES['customer']}/{tail}", json={"name": "x"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "route_not_found")
    for token in ("", "wrong", f"{TOKEN}x", TOKEN[:-1], company.token):
        assert Machine(opened, company.codename, token).post("customer", tail, {"name": "x"}).status_code == 401


def test_a_users_token_opens_nothing(opened, owner):
    answer = opened.post(
        f"{BASES['customer']}/create",
        json={"name": "x"},
        headers={"Authorization": f"Bearer {owner.token}", "mbx-business-codename": owner.codename},
    )
    assert answer.status_code == 401


def test_only_in_the_business_that_is_named(machine, opened, owner, theirs):
    own = owner.make("customer", name="Ours")
    other = Machine(opened, theirs.codename)
    for tail, body in (
        (f"update/{own['id']}", {"name": "Stolen"}),
        (f"delete/{own['id']}", None),
        ("update-by-id-list", {"idList": [own["id"]], "name": "Stolen"}),
    ):
        assert other.post("customer", tail, body).status_code == 404
    assert other.done("customer", "update-by-query", {"query": {"name": "Ours"}, "dataClause": {"name": "Stolen"}}) == []
    assert owner.get("customer", own["id"])["name"] == "Ours"
    nameless = Machine(opened, "")
    assert nameless.post("customer", "create", {"name": "x"}).status_code == 400
    assert nameless.post("customer", "create", {"name": "x", "_business": owner.codename}).status_code == 200
    for nobody in ("no-such-business", str(machine.done("customer", "create", {"name": "y"})["businessId"])):
        assert Machine(opened, nobody).post("customer", "create", {"name": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("tail", "body", "message"),
    [
        ("bulk-create", {"dataList": []}, "dataList must be a non-empty array"),
        ("bulk-create", [], "dataList must be a non-empty array"),
        ("bulk-create", {"dataList": "x"}, "dataList must be a non-empty array"),
        ("bulk-create", {"dataList": ["x"]}, "An object is needed."),
        ("update", {"name": "x"}, "ID is required"),
        ("delete", {}, "ID is required"),
        ("update/nonsense", {"name": "x"}, "errMsg_idisNotAValidID"),
        ("update-by-query", {"dataClause": {"name": "x"}}, "Query is required and must be a non-empty object"),
        ("update-by-query", {"query": [], "name": "x"}, "Query is required and must be a non-empty object"),
        ("delete-by-query", {"query": {}}, "Query is required and must be a non-empty object"),
        ("delete-by-query", {"query": {"nmae": "x"}}, "A query of customers has no `nmae`"),
        ("delete-by-query", {"query": {"name": []}}, "`query.name` must be a value"),
        ("delete-by-query", {"query": {"id": "x"}}, "errMsg_query.idisNotAValidID"),
        ("update-by-id-list", {"idList": [], "name": "x"}, "idList must be a non-empty array"),
        ("update-by-id-list", {"idList": ["x"], "name": "x"}, "errMsg_idListisNotAValidID"),
    ],
)
def test_bad_input_stores_nothing(machine, owner, tail, body, message):
    kept = owner.make("customer", name="x")
    answer = machine.post("customer", tail, body)
    assert (answer.status_code, answer.json()["status"]) == (400, 400)
    assert answer.json()["message"].startswith(message)
    assert owner.get("customer", kept["id"])["recordVersion"] == kept["recordVersion"]


def test_a_batch_is_all_or_nothing_and_says_where(machine, owner):
    taken = owner.product("tea")
    forms = [form_of(owner, "productOrService"), {**form_of(owner, "productOrService"), "sku": taken["sku"]}]
    answer = machine.post("productOrService", "bulk-create", {"dataList": forms})
    assert (answer.status_code, answer.json()["field"]) == (400, "dataList[1].sku")
    missing = machine.post("productOrService", "bulk-create", {"dataList": [forms[0], {"name": "x"}]})
    assert (missing.status_code, missing.json()["field"]) == (400, "dataList[1].currency")
    assert [row["id"] for row in owner.list("productOrService")] == [taken["id"]]
    many = machine.post("customer", "bulk-create", {"dataList": [{"name": "x"}] * 1_001})
    assert many.status_code == 413


def test_a_query_is_exact(machine, owner):
    """Lists find parts of texts; what a machine deletes is what it named."""
    for name in ("Ada", "Ada Lovelace", "ada"):
        owner.make("customer", name=name)
    assert [row["name"] for row in machine.done("customer", "delete-by-query", {"query": {"name": "Ada"}})] == ["Ada"]
    customer = owner.make("customer", name="C")
    owner.invoice("Q-1", customer["id"])
    owner.invoice("Q-2", customer["id"], dueDate="2026-01-11")
    query = {"customerId": customer["id"], "status": "overdue", "type": "sales"}
    found = machine.done("invoice", "update-by-query", {"query": query, "dataClause": {"notes": "late"}})
    assert [(row["invoiceNumber"], row["notes"]) for row in found] == [("Q-2", "late")]
    owner.expense(5)
    owner.expense(5.5, date="2026-02-02", notes="x")
    assert [
        row["amount"] for row in machine.done("expense", "update-by-query", {"query": {"amount": "5.50"}, "dataClause": {}})
    ] == [5.5]
    assert [
        row["amount"] for row in machine.done("expense", "delete-by-query", {"query": {"notes": None, "date": "2026-02-01"}})
    ] == [5]


def test_a_query_may_say_what_every_record_has(machine, owner, theirs):
    """`{businessId, isActive: true}` is in the where clause of every documented API."""
    kept = owner.make("customer", name="Ada")
    common = {"businessId": kept["businessId"], "isActive": True}
    for query, found in (
        ({"id": kept["id"], **common}, 1),
        (common, 1),
        ({"businessId": [NIL, kept["businessId"]]}, 1),
        ({"businessId": theirs.make("customer", name="Bob")["businessId"]}, 0),
        ({"businessId": None}, 0),
        ({"isActive": False, "name": "Ada"}, 0),
    ):
        assert len(machine.done("customer", "update-by-query", {"query": query, "dataClause": {}})) == found, query
    for query in ({"businessId": "babil"}, {"isActive": "perhaps"}):
        assert machine.post("customer", "delete-by-query", {"query": query}).status_code == 400
    owner.get("customer", kept["id"])


def test_many_objects_are_read_at_once(machine, owner, company, services, monkeypatch):
    ids = [owner.make("customer", name=f"C{index}")["id"] for index in range(5)]
    twofold = [Command(kind="party", action="create", data={"name": "Two", "roles": ["customer", "supplier"]})] * 3
    services.ledger.execute(company.id, twofold, SYSTEM)
    reads: list[int] = []
    read = PostgresStore.read_records

    def counted(self, company_id, needs):
        reads.append(len(needs.ids) + len(needs.parents))
        return read(self, company_id, needs)

    monkeypatch.setattr(PostgresStore, "read_records", counted)
    assert [row["id"] for row in machine.done("customer", "update-by-id-list", {"idList": ids, "notes": "x"})] == ids
    assert reads == [1, 5], "the business, and the customers"
    reads.clear()
    assert len(machine.done("customer", "delete-by-query", {"query": {"name": "Two"}})) == 3
    assert reads == [1, 3], "the business, and what the parties have that stay suppliers"
    assert [row["name"] for row in owner.list("supplier")] == ["Two"] * 3


def test_the_same_rules(machine, owner):
    customer = owner.make("customer", name="C")
    owner.invoice("S-1", customer["id"])
    assert machine.post("customer", f"delete/{customer['id']}").status_code == 400
    assert machine.post("invoice", "create", {**form_of(owner, "invoice"), "invoiceNumber": "S-1"}).status_code == 400
    first = machine.post("customer", "delete-by-query", {"query": {"name": "D"}}, **{"Idempotency-Key": "k"})
    made = machine.done("customer", "create", {"name": "D"})
    assert first.json() == []
    deleted = [
        machine.post("customer", "delete-by-query", {"query": {"name": "D"}}, **{"Idempotency-Key": "again"}) for _ in range(2)
    ]
    assert [one.json()[0]["id"] for one in deleted] == [made["id"]] * 2
