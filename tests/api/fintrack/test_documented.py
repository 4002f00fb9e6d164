"""The OpenAPI document says what is sent and answered: every filter is a parameter, and no answer has a field that is not there."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema_rs
import pytest
from fintrack_clients import FETCH_PATHS, NIL, PATHS

from api.fintrack.objects import OBJECTS

COMMON = {"getJoins", "excludeCQRS", "requestId", "caching", "cacheTTL"}
PAGING = {"pageNumber", "pageRowCount"}


@pytest.fixture(scope="module")
def document(client: Any) -> dict[str, Any]:
    """The document, in which no object may have more than it says."""
    made = copy.deepcopy(client.get("/schema/openapi.json").json())
    for name, schema in made["components"]["schemas"].items():
        if name.startswith("FinTrack") and "properties" in schema:
            schema["additionalProperties"] = False
    return made


def query_of(document: dict[str, Any], path: str) -> dict[str, dict[str, Any]]:
    """The query parameters of a GET, by name."""
    return {one["name"]: one for one in document["paths"][path]["get"]["parameters"] if one["in"] == "query"}


@pytest.mark.parametrize("name", PATHS)
def test_every_filter_is_a_parameter(document, name):
    fields = [one for one in OBJECTS[name].fields if one.filterable]
    days = {f"{one.wire}{end}" for one in fields if one.type == "Date" for end in ("From", "To")}
    wanted = COMMON | PAGING | days | {"sort", "businessId"} | {one.wire for one in fields}
    for path in (PATHS[name], *([FETCH_PATHS[name]] if name in FETCH_PATHS else [])):
        query = query_of(document, path)
        assert query.keys() == wanted
        assert all(query[one.wire]["schema"] == {"type": "array", "items": {"type": "string"}} for one in fields), "repeated"
        assert all(one["description"] for one in query.values())
    (one,) = (path for path in document["paths"] if path.startswith(f"{PATHS[name]}/"))
    assert query_of(document, one).keys() == COMMON
    assert query_of(document, f"/bff-service/v1/{PATHS[name].rpartition('/')[2]}").keys() > wanted


def test_other_lists_have_parameters_too(document):
    assert query_of(document, "/auth-api/v1/users").keys() == PAGING | {"email", "fullname", "roleId"}
    search = query_of(document, "/auth-api/v1/searchusers")
    assert (search["keyword"]["required"], search["roleId"]["required"]) == (True, False)
    assert query_of(document, "/auth-api/v1/briefbusinesses").keys() == PAGING
    assert query_of(document, "/bucket/files").keys() == PAGING | {"bucketId"}
    payments = query_of(document, "/bff-service/v1/payments/count")
    assert payments.keys() > {"payerName", "invoice.status", "invoice.dueDateFrom"}
    assert query_of(document, "/bff-service/v1/search")["keyword"]["required"] is True


def errors_of(document: dict[str, Any], values: list[tuple[str, dict[str, Any], Any]]) -> list[str]:
    """What is wrong with values, each with its name and its schema in the document."""
    schemas = {str(place): schema for place, (_, schema, _) in enumerate(values)}
    whole = {"properties": schemas, "components": document["components"]}  # read once: it is large
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    found = validator.iter_errors({str(place): value for place, (*_, value) in enumerate(values)})
    return [f"{values[int(error.instance_path[0])][0]}: {error.message[:300]}" for error in found]


def test_every_example_fits_its_schema(document):
    examples = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if not operation["operationId"].startswith("fintrack"):
                continue
            answers = [answer for status, answer in operation["responses"].items() if status < "300"]
            for part in (operation.get("requestBody", {}), *answers):
                content = part.get("content", {}).get("application/json", {})
                if "example" in content:
                    examples.append((f"{method} {path}", content["schema"], content["example"]))
                is_object = path.startswith(tuple(PATHS.values())) or path in FETCH_PATHS.values()
                assert not content or "example" in content or not is_object, (method, path)
    assert len(examples) > 150
    assert not errors_of(document, examples)


def test_examples_of_new_objects_are_taken(document, owner):
    ids: dict[str, str] = {}
    for name, path in PATHS.items():
        form = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
        form = {key: ids.get(key, value) for key, value in form.items()}
        made = owner.make(name, **form)
        ids[f"{name}Id"] = made["id"]
        unsaid = [key for key, value in made.items() if value is None and key not in ("supplierId", "invoiceId")]
        assert not unsaid, "an example shows every field"


def test_answers_are_as_they_are_described(document, owner):
    customer, supplier = owner.make("customer", name="Shirin", email="s@example.com"), owner.make("supplier", name="Mill")
    product = owner.product("TEA")
    items = [{"productOrServiceId": product["id"], "quantity": 2}]
    invoice = owner.invoice("A-1", customer["id"], items=items)
    owner.invoice("P-1", "", type="purchase", customerId=None, supplierId=supplier["id"])
    item = owner.make("invoiceItem", invoiceId=invoice["id"], productOrServiceId=NIL, quantity=1, description="x", unitPrice=0.5)
    payment, loose = owner.payment(5, invoiceId=invoice["id"]), owner.payment(7)
    expense = owner.expense(12.5, supplierId=supplier["id"])
    made = {"customer": customer, "supplier": supplier, "productOrService": product, "invoice": invoice, "invoiceItem": item}
    made |= {"payment": payment, "expense": expense}
    answered: list[tuple[str, dict[str, Any], Any]] = []

    def see(method: str, path: str, described: str, status: int = 200, **more: Any) -> None:
        answer = owner.call(method, path, **more)
        assert answer.status_code == status, answer.text
        told = document["paths"][described][method.lower()]["responses"][str(status)]["content"]["application/json"]["schema"]
        answered.append((f"{method} {path}", told, answer.json()))

    for name, path in PATHS.items():
        bff = f"/bff-service/v1/{path.rpartition('/')[2]}"
        one = f"{{{name}Id}}"
        see("GET", path, path)
        see("GET", f"{path}?getJoins=false", path)
        see("GET", f"{path}/{made[name]['id']}", f"{path}/{one}")
        see("GET", bff, bff)
        see("GET", f"{bff}/{made[name]['id']}", f"{bff}/{one}")
        see("GET", f"{bff}/count", f"{bff}/count")
        if name in FETCH_PATHS:
            see("GET", FETCH_PATHS[name], FETCH_PATHS[name])
        change = {"quantity": 3} if name == "invoiceItem" else {"notes": "x"}
        see("PATCH", f"{path}/{made[name]['id']}", f"{path}/{one}", json=change)
    see("GET", f"{PATHS['payment']}/{loose['id']}", f"{PATHS['payment']}/{{paymentId}}")
    see("POST", PATHS["customer"], PATHS["customer"], 201, json={"name": "Farhad"})
    see("DELETE", f"{PATHS['payment']}/{loose['id']}", f"{PATHS['payment']}/{{paymentId}}")
    assert not errors_of(document, answered)
