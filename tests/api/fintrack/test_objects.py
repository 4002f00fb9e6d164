"""The objects: what is created, read, changed and deleted, and how it looks on the wire."""

from __future__ import annotations

from fintrack_clients import NIL, PATHS


def test_the_envelope(owner):
    made = owner.call("POST", f"{PATHS['customer']}?requestId=abc", json={"name": "Shirin"})
    assert made.status_code == 201
    body = made.json()
    assert {
        key: body[key] for key in ("status", "statusCode", "source", "requestId", "dataName", "method", "action", "rowCount")
    } == {
        "status": "OK",
        "statusCode": 201,
        "source": "db",
        "requestId": "abc",
        "dataName": "customer",
        "method": "POST",
        "action": "create",
        "rowCount": 1,
    }
    assert isinstance(body["elapsedMs"], int)
    assert isinstance(body["ssoTime"], int)
    assert len(body["userId"]) == len(body["sessionId"]) == 36
    listed = owner.call("GET", PATHS["customer"]).json()
    assert listed["paging"] == {"pageNumber": 1, "pageRowCount": 25, "totalRowCount": 1, "pageCount": 1}
    assert (listed["filters"], listed["uiPermissions"], listed["rowCount"], listed["action"]) == ([], [], 1, "list")


def test_a_customer_from_its_creation_to_its_end(owner):
    made = owner.make("customer", data={"name": "Shirin", "contactName": "", "phone": "1", "email": "s@example.com"})
    assert made["recordVersion"] == 1
    assert made["isActive"] is True
    assert made["contactEmail"] == made["email"] == "s@example.com"
    assert made["balance"] == 0
    assert made["createdAt"].endswith("Z")
    assert len(made["createdAt"]) == 24
    changed = owner.change("customer", made["id"], method="PUT", data={**made, "name": "Farhad", "phone": None})
    assert (changed["name"], changed["phone"], changed["recordVersion"]) == ("Farhad", None, 2)
    assert (changed["id"], changed["createdAt"], changed["_owner"]) == (made["id"], made["createdAt"], made["_owner"])
    again = owner.change("customer", made["id"])
    assert again["recordVersion"] == 2
    gone = owner.delete("customer", made["id"])
    assert (gone["isActive"], gone["name"], gone["recordVersion"]) == (False, "Farhad", 3)
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        assert owner.call(method, f"{PATHS['customer']}/{made['id']}", json={}).status_code == 404
    assert owner.list("customer") == []


def test_an_invoice_with_items_is_paid(owner):
    customer, product = owner.make("customer", name="Shirin"), owner.product("TEA")
    invoice = owner.invoice(
        "A-1",
        customer["id"],
        status="paid",
        items=[
            {"productOrServiceId": product["id"], "quantity": 2},
            {"productOrServiceId": NIL, "quantity": 1, "description": "Delivery", "unitPrice": 10.5, "vatRate": 0},
            {"productOrServiceId": product["id"], "quantity": 1, "unitPrice": 50, "vatRate": 10, "description": "Old tea"},
        ],
    )
    assert (invoice["status"], invoice["status_idx"], invoice["type"], invoice["type_idx"]) == ("unpaid", 0, "sales", 0)
    assert invoice["totalAmount"] == 305.5
    assert invoice["issueDate"] == "2026-01-10T00:00:00.000Z"
    assert "items" not in invoice
    got = owner.get("invoice", invoice["id"])
    assert got["customer"] == {"contactEmail": None, "contactName": None, "name": "Shirin"}
    assert got["supplier"] is None
    assert got["items"] == [
        {"description": "TEA", "quantity": 2, "total": 240, "unitPrice": 100, "vatAmount": 40, "vatRate": 20},
        {"description": "Delivery", "quantity": 1, "total": 10.5, "unitPrice": 10.5, "vatAmount": 0, "vatRate": 0},
        {"description": "Old tea", "quantity": 1, "total": 55, "unitPrice": 50, "vatAmount": 5, "vatRate": 10},
    ]
    first = owner.payment(100, invoiceId=invoice["id"])
    assert owner.get("invoice", invoice["id"])["status"] == "partial"
    assert owner.list("customer")[0]["balance"] == 205.5
    second = owner.payment(205.5, invoiceId=invoice["id"])
    assert owner.get("invoice", invoice["id"])["status"] == "paid"
    assert owner.list("customer")[0]["balance"] == 0
    owner.delete("payment", first["id"])
    assert owner.get("invoice", invoice["id"])["status"] == "partial"
    owner.change("payment", second["id"], invoiceId=None)
    assert owner.get("invoice", invoice["id"])["status"] == "unpaid"
    overdue = owner.change("invoice", invoice["id"], dueDate="2026-01-11")
    assert (overdue["status"], overdue["status_idx"]) == ("overdue", 3)


def test_items_change_the_invoice(owner):
    customer, tea, rice = owner.make("customer", name="Shirin"), owner.product("TEA"), owner.product("RICE", price=10, vatRate=0)
    invoice = owner.invoice("A-1", customer["id"])
    assert invoice["totalAmount"] == 0
    item = owner.make("invoiceItem", invoiceId=invoice["id"], productOrServiceId=tea["id"], quantity=1)
    assert (item["total"], item["description"], item["recordVersion"]) == (120, "TEA", 1)
    free = owner.make("invoiceItem", invoiceId=invoice["id"], productOrServiceId=NIL, description="x", quantity=1, unitPrice=0.335)
    assert (free["productOrServiceId"], free["total"], free["vatRate"]) == (NIL, 0.34, 0)
    assert owner.get("invoice", invoice["id"])["totalAmount"] == 120.34
    item = owner.change("invoiceItem", item["id"], productOrServiceId=rice["id"], quantity=3)
    assert (item["description"], item["unitPrice"], item["total"]) == ("RICE", 10, 30)
    row = owner.list("invoiceItem", f"?invoiceId={invoice['id']}&pageRowCount=100")[0]
    assert row["productOrService"][0]["sku"] == "RICE"
    assert owner.change("invoiceItem", item["id"], method="PUT", data={**row, "quantity": 4})["total"] == 40
    one = owner.get("invoiceItem", item["id"])
    assert one["productOrService"]["price"] == 10
    assert owner.get("invoiceItem", free["id"])["productOrService"] is None
    fetched = owner.list("invoiceItem", fetch=True)
    assert [row["description"] for row in fetched] == ["x", "RICE"]
    assert fetched[0]["invoice"][0]["invoiceNumber"] == "A-1"
    assert owner.delete("invoiceItem", item["id"])["isActive"] is False
    assert owner.get("invoice", invoice["id"])["totalAmount"] == 0.34


def test_a_purchase_and_an_expense_have_a_supplier(owner):
    supplier = owner.make("supplier", name="Mill", contactEmail="m@example.com")
    form = {"type": "purchase", "customerId": None, "supplierId": supplier["id"]}
    invoice = owner.invoice("P-1", "", **form)
    assert (invoice["supplierId"], invoice["customerId"], invoice["type_idx"]) == (supplier["id"], None, 1)
    row = owner.list("invoice")[0]
    assert row["supplier"] == [{"contactEmail": "m@example.com", "contactName": None, "name": "Mill"}]
    assert row["customer"] == row["items"] == []
    assert owner.change("invoice", invoice["id"], method="PUT", data=row)["recordVersion"] == 1
    fetched = owner.list("invoice", fetch=True)[0]
    assert fetched["supplier"][0]["phone"] is None
    assert "items" not in fetched
    expense = owner.expense(12.5, supplierId=supplier["id"])
    assert owner.get("expense", expense["id"])["supplier"]["name"] == "Mill"
    assert owner.list("expense")[0]["supplier"] == [{"name": "Mill"}]
    assert "supplier" not in owner.list("expense", "?excludeCQRS=true")[0]
    assert "supplier" not in owner.list("expense", "?getJoins=false")[0]
    assert owner.change("expense", expense["id"], supplierId=None)["supplierId"] is None
    assert owner.list("expense", fetch=True)[0]["supplier"] == []
