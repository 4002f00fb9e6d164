"""What is refused: with the right status in the right envelope, naming the field, and nothing is stored."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from fintrack_clients import NIL, PATHS, Caller

UNKNOWN = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
SALE = {
    "type": "sales",
    "currency": "USD",
    "issueDate": "2026-01-10",
    "dueDate": "2026-01-10",
    "invoiceNumber": "A-9",
    "customerId": "{customer}",
}
GOODS = {"name": "Tea", "sku": "T", "type": "product", "price": 1, "currency": "USD", "vatRate": 0}
MONEY = {"amount": 1, "currency": "USD", "date": "2026-01-01"}
SPENT = {**MONEY, "category": "rent", "description": "Office"}
LINE = {"invoiceId": "{invoice}", "productOrServiceId": "{productOrService}", "quantity": 1}
FREE = {"invoiceId": "{invoice}", "productOrServiceId": NIL, "quantity": 1, "description": "x", "unitPrice": 1}

CREATIONS = [
    ("customer", {}, "name", "`name` is required"),
    ("customer", {"name": None}, "name", "required"),
    ("customer", {"name": "  "}, "name", "required"),
    ("customer", {"name": 7}, "name", "text"),
    ("customer", {"name": "x" * 256}, "name", "255"),
    ("customer", {"name": "a\x00"}, "name", "NUL"),
    ("customer", {"name": "a", "customerId": "7"}, "customerId", "errMsg_customerIdisNotAValidID"),
    ("customer", {"name": "a", "customerId": "{customer}"}, "customerId", "exists already"),
    ("customer", {"name": "a", "customerId": NIL}, "customerId", "all-zero"),
    ("productOrService", {**GOODS, "sku": "S-9", "productOrServiceId": NIL}, "productOrServiceId", "all-zero"),
    ("customer", {"name": "a", "notes": ["x"]}, "notes", "text"),
    ("customer", {"name": "a", "email": 5}, "email", "text"),
    ("supplier", {"name": "a", "address": {}}, "address", "text"),
    ("productOrService", {"sku": "1"}, "currency", "`currency`, `name`, `price`, `type`, `vatRate` are required"),
    ("productOrService", {**GOODS, "sku": "S-1"}, "sku", "Another product or service already has the sku 'S-1'"),
    ("productOrService", {**GOODS, "type": "gift"}, "type", "product, service"),
    ("productOrService", {**GOODS, "price": -1}, "price", "negative"),
    ("productOrService", {**GOODS, "price": "cheap"}, "price", "number"),
    ("productOrService", {**GOODS, "price": True}, "price", "number"),
    ("productOrService", {**GOODS, "price": 1e300}, "price", "number"),
    ("productOrService", {**GOODS, "price": 1e16}, "price", "10^15"),
    ("productOrService", {**GOODS, "vatRate": 101}, "vatRate", "100"),
    ("productOrService", {**GOODS, "currency": "ZZZ"}, "currency", "ISO 4217"),
    ("productOrService", {**GOODS, "currency": "DOLLAR"}, "currency", "three capital letters"),
    ("invoice", {**SALE, "customerId": None}, "customerId", "Sales invoice must have customerId"),
    ("invoice", {**SALE, "customerId": UNKNOWN}, "customerId", "Sales invoice must have customerId: there is no such customer"),
    ("invoice", {**SALE, "customerId": "{supplier}"}, "customerId", "Sales invoice must have customerId"),
    ("invoice", {**SALE, "customerId": "{theirs}"}, "customerId", "Sales invoice must have customerId"),
    ("invoice", {**SALE, "customerId": "x"}, "customerId", "errMsg_customerIdisNotAValidID"),
    ("invoice", {**SALE, "type": "purchase"}, "supplierId", "Purchase invoice must have supplierId"),
    ("invoice", {**SALE, "type": "purchase", "supplierId": UNKNOWN}, "supplierId", "Purchase invoice must have supplierId"),
    ("invoice", {**SALE, "type": "gift"}, "type", "sales, purchase"),
    ("invoice", {**SALE, "invoiceNumber": "A-1"}, "invoiceNumber", "Another invoice already has the invoiceNumber 'A-1'"),
    ("invoice", {**SALE, "dueDate": None}, "dueDate", "required"),
    ("invoice", {**SALE, "dueDate": "soon"}, "dueDate", "date"),
    ("invoice", {**SALE, "dueDate": "2026-13-01"}, "dueDate", "date"),
    ("invoice", {**SALE, "dueDate": 1e30}, "dueDate", "date"),
    ("invoice", {**SALE, "dueDate": "20260101"}, "dueDate", "date"),
    ("invoice", {**SALE, "items": {}}, "items", "list"),
    ("invoice", {**SALE, "items": [7]}, "items[0]", "object"),
    ("invoice", {**SALE, "items": [{"quantity": 1}]}, "items[0].productOrServiceId", "required"),
    ("invoice", {**SALE, "items": [{**FREE, "unitPrice": None}]}, "items[0].unitPrice", "required"),
    ("invoice", {**SALE, "items": [FREE, {**FREE, "quantity": 0}]}, "items[1].quantity", "more than zero"),
    ("invoice", {**SALE, "items": [FREE, {**LINE, "productOrServiceId": UNKNOWN}]}, "items[1].productOrServiceId", UNKNOWN),
    ("invoice", {**SALE, "items": [{**FREE, "vatRate": 200}]}, "items[0].vatRate", "100"),
    ("invoice", {**SALE, "items": [{**FREE, "invoiceItemId": NIL}]}, "items[0].invoiceItemId", "all-zero"),
    ("invoiceItem", {**LINE, "invoiceId": UNKNOWN}, "invoiceId", UNKNOWN),
    ("invoiceItem", {**LINE, "invoiceId": "{theirInvoice}"}, "invoiceId", "invoice"),
    ("invoiceItem", {**LINE, "productOrServiceId": UNKNOWN}, "productOrServiceId", UNKNOWN),
    ("invoiceItem", {**LINE, "productOrServiceId": "x"}, "productOrServiceId", "errMsg_productOrServiceIdisNotAValidID"),
    ("invoiceItem", {**LINE, "quantity": -1}, "quantity", "more than zero"),
    ("invoiceItem", {**LINE, "unitPrice": -1}, "unitPrice", "negative"),
    ("invoiceItem", {**FREE, "description": ""}, "description", "required"),
    ("payment", {**MONEY, "amount": 0}, "amount", "more than zero"),
    ("payment", {**MONEY, "amount": 1.234}, "amount", "decimals"),
    ("payment", {**MONEY, "invoiceId": UNKNOWN}, "invoiceId", UNKNOWN),
    ("payment", {**MONEY, "invoiceId": "{theirInvoice}"}, "invoiceId", "invoice"),
    ("payment", {**MONEY, "invoiceId": "{invoice}", "currency": "EUR"}, "currency", "EUR"),
    ("payment", {**MONEY, "date": True}, "date", "date"),
    ("expense", {**SPENT, "amount": -5}, "amount", "more than zero"),
    ("expense", {**SPENT, "supplierId": "{customer}"}, "supplierId", "There is no such supplier."),
    ("expense", {**SPENT, "supplierId": UNKNOWN}, "supplierId", "supplier"),
    ("expense", {**SPENT, "description": ""}, "description", "required"),
]

CHANGES = [
    ("customer", {"name": ""}, "name", "cleared"),
    ("customer", {"name": None}, "name", "cleared"),
    ("productOrService", {"sku": "S-2"}, "sku", "already has the sku 'S-2'"),
    ("productOrService", {"price": None}, "price", "cleared"),
    ("productOrService", {"type": "gift"}, "type", "product, service"),
    ("invoice", {"customerId": None}, "customerId", "Sales invoice must have customerId"),
    ("invoice", {"customerId": "{supplier}"}, "customerId", "Sales invoice must have customerId"),
    ("invoice", {"invoiceNumber": "A-2"}, "invoiceNumber", "already has the invoiceNumber 'A-2'"),
    ("invoice", {"dueDate": "x"}, "dueDate", "date"),
    ("invoiceItem", {"quantity": 0}, "quantity", "more than zero"),
    ("invoiceItem", {"productOrServiceId": UNKNOWN}, "productOrServiceId", UNKNOWN),
    ("payment", {"amount": -1}, "amount", "more than zero"),
    ("payment", {"invoiceId": UNKNOWN}, "invoiceId", UNKNOWN),
    ("payment", {"invoiceId": "{invoice}", "currency": "EUR"}, "currency", "EUR"),
    ("payment", {"date": None}, "date", "cleared"),
    ("expense", {"amount": 0}, "amount", "more than zero"),
    ("expense", {"supplierId": "{customer}"}, "supplierId", "supplier"),
]


@pytest.fixture
def known(owner: Caller, theirs: Caller) -> dict[str, str]:
    """Ids of one object of each kind."""
    customer, supplier = owner.make("customer", name="c"), owner.make("supplier", name="s")
    product = owner.product("S-1")
    owner.product("S-2")
    invoice = owner.invoice("A-1", customer["id"])
    owner.invoice("A-2", customer["id"])
    other = theirs.make("customer", name="o")
    made = {
        "customer": customer,
        "supplier": supplier,
        "productOrService": product,
        "invoice": invoice,
        "invoiceItem": owner.make("invoiceItem", invoiceId=invoice["id"], productOrServiceId=product["id"], quantity=1),
        "payment": owner.payment(1),
        "expense": owner.expense(1),
        "theirs": other,
        "theirInvoice": theirs.invoice("A-1", other["id"]),
    }
    return {name: one["id"] for name, one in made.items()}


def filled(value, known):
    """A form with the ids of what it names."""
    if isinstance(value, dict):
        return {key: filled(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, known) for item in value]
    return known[value[1:-1]] if isinstance(value, str) and value[:1] == "{" else value


def check(answer, field, words):
    """What is wrong with a refusal, if anything."""
    if answer.status_code != 400:
        return answer.status_code, answer.text
    body = answer.json()
    shape = {"result": "ERR", "status": 400, "errCode": 400}
    if {key: body.get(key) for key in shape} != shape or set(body) < {"message", "date", "detail", "requestId"}:
        return "shape", body
    said = f"{body['message']} {body['detail']}"
    return None if body.get("field") == field and words in said else (body.get("field"), said)


def test_bad_creations_name_the_field_and_store_nothing(owner, company, known):
    head, wrong = company.head(), []
    for name, form, field, words in CREATIONS:
        problem = check(owner.call("POST", PATHS[name], json=filled(form, known)), field, words)
        if problem:
            wrong.append((name, form, problem))
    assert not wrong, "\n".join(map(repr, wrong))
    assert company.head() == head


def test_bad_changes_name_the_field_and_store_nothing(owner, company, known):
    head, wrong = company.head(), []
    for name, form, field, words in CHANGES:
        for method in ("PATCH", "PUT"):
            answer = owner.call(method, f"{PATHS[name]}/{known[name]}", json={"data": filled(form, known)})
            if problem := check(answer, field, words):
                wrong.append((name, form, problem))
    assert not wrong, "\n".join(map(repr, wrong))
    assert company.head() == head


def test_ids_bodies_and_methods(owner, company, known):
    head = company.head()
    for name, path in PATHS.items():
        for method in ("GET", "PATCH", "PUT", "DELETE"):
            for bad in ("7", "x", known[name].replace("-", ""), f"{{{known[name]}}}"):
                answer = owner.call(method, f"{path}/{bad}", json={})
                assert answer.status_code == 400, answer.text
                assert answer.json()["message"] == f"errMsg_{name}IdisNotAValidID"
            assert owner.call(method, f"{path}/{UNKNOWN}", json={}).status_code == 404
        for content in ("{", "[]", "7", '"x"', "\xff", '{"data": [}'):
            answer = owner.call("POST", path, content=content.encode("latin-1"))
            assert answer.status_code == 400, (content, answer.text)
        assert owner.call("POST", path, content=b"a=1", headers={"Content-Type": "text/plain"}).status_code == 415
        assert owner.call("POST", path, content=b"x" * 2_000_001).status_code == 413
        assert owner.call("DELETE", path).status_code == 405
        assert owner.call("GET", f"{path}?pageNumber=1", content=b"{").status_code == 200
    nothing = owner.call("GET", "/customermanagement-api/v1/nothing")
    assert nothing.status_code == 404
    assert nothing.json()["result"] == "ERR"
    assert company.head() == head


def test_parties_with_unpaid_invoices_stay(owner, known):
    answer = owner.call("DELETE", f"{PATHS['customer']}/{known['customer']}")
    assert check(answer, "customerId", "This customer still has 2 unpaid invoice(s)") is None, answer.text
    owner.invoice("P-1", "", type="purchase", supplierId=known["supplier"])
    answer = owner.call("DELETE", f"{PATHS['supplier']}/{known['supplier']}")
    assert check(answer, "supplierId", "This supplier still has 1 unpaid invoice(s)") is None, answer.text


def test_an_inactive_product_is_named(owner, known):
    owner.delete("productOrService", known["productOrService"])
    form = {"invoiceId": known["invoice"], "productOrServiceId": known["productOrService"], "quantity": 1}
    assert check(owner.call("POST", PATHS["invoiceItem"], json=form), "productOrServiceId", known["productOrService"]) is None


def test_who_deletes_at_the_same_time_finds_nothing(owner, known):
    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda _: owner.call("DELETE", f"{PATHS['payment']}/{known['payment']}").status_code, range(6)))
    assert sorted(statuses) == [200, 404, 404, 404, 404, 404]
