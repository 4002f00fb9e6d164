"""Money: what invoices come to, what is paid, what customers owe, and what the real front end sends for it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from fintrack_clients import NIL, PATHS

TODAY = datetime.now(timezone.utc).date()
LINE = {"productOrServiceId": NIL, "description": "x", "quantity": 1}


def test_prices_come_from_the_catalogue_unless_they_are_sent(owner):
    customer, tea = owner.make("customer", name="c"), owner.product("TEA", price=0.335, vatRate=18)
    invoice = owner.invoice("A-1", customer["id"])
    cases = (
        ({}, ("TEA", 0.335, 18, 0.06, 0.40)),
        ({"unitPrice": 0.3 + 0.6}, ("TEA", 0.9, 18, 0.16, 1.06)),
        ({"vatRate": 0, "description": "Tea, old"}, ("Tea, old", 0.335, 0, 0, 0.34)),
        ({"unitPrice": 0, "quantity": 2.5}, ("TEA", 0, 18, 0, 0)),
        ({"unitPrice": "10.10", "quantity": "3", "total": 1, "vatAmount": 7}, ("TEA", 10.1, 18, 5.45, 35.75)),
    )
    for more, expected in cases:
        form = {"invoiceId": invoice["id"], "productOrServiceId": tea["id"], "quantity": 1, **more}
        item = owner.make("invoiceItem", **form)
        assert tuple(item[key] for key in ("description", "unitPrice", "vatRate", "vatAmount", "total")) == expected, more
    assert owner.get("invoice", invoice["id"])["totalAmount"] == round(0.40 + 1.06 + 0.34 + 35.75, 2)


def test_status_follows_payments_and_the_due_day(owner):
    customer = owner.make("customer", name="c")
    for due, unpaid, partial in ((TODAY, "unpaid", "partial"), (TODAY - timedelta(days=1), "overdue", "overdue")):
        invoice = owner.invoice(str(due), customer["id"], dueDate=due.isoformat(), items=[{**LINE, "unitPrice": 100}])
        other = owner.invoice(f"other {due}", customer["id"], items=[{**LINE, "unitPrice": 10}])

        def status(one=invoice):
            return owner.get("invoice", one["id"])["status"]

        assert status() == unpaid
        payment = owner.payment(40, invoiceId=invoice["id"])
        assert status() == partial
        assert owner.change("payment", payment["id"], amount=100)["amount"] == 100
        assert status() == "paid"
        owner.change("payment", payment["id"], invoiceId=other["id"])
        assert (status(), status(other)) == (unpaid, "paid")
        owner.delete("payment", payment["id"])
        assert status(other) == "unpaid"
        for row in owner.list("invoice", f"?invoiceNumber={due}&status={unpaid}"):
            assert row["status"] == owner.get("invoice", row["id"])["status"]


def test_deleting_an_invoice_frees_its_payments(owner):
    customer = owner.make("customer", name="c")
    invoice = owner.invoice("A-1", customer["id"], items=[{**LINE, "unitPrice": 100}])
    payment = owner.payment(100, invoiceId=invoice["id"], payerName="Ali")
    assert owner.list("payment")[0]["invoice"][0]["status"] == "paid"
    gone = owner.delete("invoice", invoice["id"])
    assert (gone["isActive"], gone["totalAmount"]) == (False, 100)
    assert owner.list("invoiceItem", f"?invoiceId={invoice['id']}") == []
    free = owner.get("payment", payment["id"])
    assert (free["invoiceId"], free["invoice"], free["payerName"]) == (None, None, "Ali")
    assert owner.list("payment")[0]["invoice"] == []
    assert owner.list("customer")[0]["balance"] == -100
    again = owner.invoice("A-1", customer["id"], items=[{**LINE, "unitPrice": 30}])
    owner.change("payment", payment["id"], invoiceId=again["id"])
    assert owner.list("customer")[0]["balance"] == -70
    assert owner.get("invoice", again["id"])["status"] == "paid"
    owner.delete("payment", payment["id"])
    owner.delete("invoice", again["id"])
    assert owner.delete("customer", customer["id"])["balance"] == 0


def test_what_a_customer_owes_is_told_in_one_currency(owner):
    lira, mixed = owner.make("customer", name="a lira"), owner.make("customer", name="mixed")
    owner.invoice("T-1", lira["id"], currency="try", items=[{**LINE, "unitPrice": 100}])
    owner.invoice("T-2", mixed["id"], currency="TRY", items=[{**LINE, "unitPrice": 100}])
    owner.invoice("U-1", mixed["id"], items=[{**LINE, "unitPrice": 7}])
    rows = owner.list("customer")
    assert [(row["name"], row["balance"], row["balanceCurrency"]) for row in rows] == [
        ("a lira", 100, "TRY"),
        ("mixed", 7, "USD"),
    ]


def test_the_currency_of_an_invoice_is_corrected_until_something_is_paid(owner):
    customer = owner.make("customer", name="c")
    invoice = owner.invoice("A-1", customer["id"], items=[{**LINE, "unitPrice": 99.5, "vatRate": 10}])
    assert invoice["totalAmount"] == 109.45
    changed = owner.change("invoice", invoice["id"], method="PUT", data={**invoice, "currency": "jpy"})
    assert (changed["currency"], changed["totalAmount"], changed["status"]) == ("JPY", 110, "unpaid")
    assert owner.list("customer")[0]["balanceCurrency"] == "JPY"
    owner.payment(10, currency="JPY", invoiceId=invoice["id"])
    refused = owner.call("PATCH", f"{PATHS['invoice']}/{invoice['id']}", json={"currency": "USD"})
    assert (refused.status_code, refused.json()["field"]) == (400, "currency")


def test_a_key_makes_a_write_safe_to_repeat(owner, company):
    customer = owner.make("customer", name="c")
    form = {"amount": 5, "currency": "USD", "date": "2026-01-01"}
    first = owner.call("POST", PATHS["payment"], json=form, headers={"Idempotency-Key": "k1"})
    made = first.json()["payment"]
    owner.change("payment", made["id"], amount=6)
    head = company.head()
    again = owner.call("POST", PATHS["payment"], json=form, headers={"Idempotency-Key": "k1"})
    assert (again.status_code, again.headers["Idempotent-Replay"], again.json()["payment"]) == (201, "true", made)
    other = owner.call("POST", PATHS["payment"], json={**form, "amount": 7}, headers={"Idempotency-Key": "k1"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert company.head() == head
    gone = [owner.call("DELETE", f"{PATHS['customer']}/{customer['id']}", headers={"Idempotency-Key": "k2"}) for _ in range(2)]
    assert [one.status_code for one in gone] == [200, 200]
    assert gone[0].json()["customer"] == gone[1].json()["customer"]
    bad = owner.call("POST", PATHS["payment"], json={**form, "amount": 0}, headers={"Idempotency-Key": "k3"})
    assert bad.status_code == 400
    assert owner.call("POST", PATHS["payment"], json=form, headers={"Idempotency-Key": "k3"}).status_code == 201


def test_what_the_real_front_end_sends(owner):
    customer = owner.make("customer", data={"name": "Acme", "contactName": "", "phone": "1", "email": "a@example.com"})
    supplier = owner.make("supplier", data={"name": "Mill", "contactEmail": "m@example.com", "taxNumber": "7"})
    row = owner.list("supplier", "?pageNumber=1&pageRowCount=10")[0]
    edited = owner.change("supplier", supplier["id"], method="PUT", data={**row, "name": "Mill & Co", "isActive": True})
    assert (edited["name"], edited["taxNumber"], edited["recordVersion"]) == ("Mill & Co", "7", 2)
    form = {
        "type": "sales",
        "currency": "TRY",
        "customerId": customer["id"],
        "issueDate": "2026-02-10",
        "dueDate": "2099-03-10",
        "invoiceNumber": "INV-1",
        "notes": "",
    }
    invoice = owner.make("invoice", data=form)
    for quantity, price in ((2, 49.9), (1, 0.2)):
        line = {"quantity": quantity, "description": "Work", "unitPrice": price, "vatRate": 20}
        owner.make("invoiceItem", data={"invoiceId": invoice["id"], "productOrServiceId": NIL, **line})
    listed = owner.list("invoice", "?pageNumber=1&pageRowCount=5&type=sales&issueDateFrom=2026-02-10&issueDateTo=2026-02-10")
    assert (listed[0]["totalAmount"], listed[0]["status"]) == (120, "unpaid")
    assert owner.change("invoice", invoice["id"], method="PUT", data={**listed[0], "notes": "paid soon"})["notes"] == "paid soon"
    owner.make(
        "payment", data={"amount": 20, "currency": "TRY", "date": "2026-02-11", "invoiceId": invoice["id"], "method": "cash"}
    )
    typed = "2026-02-11"
    for length in range(1, len(typed) + 1):
        assert len(owner.list("payment", f"?pageNumber=1&pageRowCount=10&date={typed[:length]}&method=ca")) == 1, typed[:length]
    owner.make("expense", data={"amount": 9.99, "category": "Rent", "currency": "TRY", "date": "2026-02-11", "description": "Feb"})
    broken = "?pageNumber%5Bpage%5D=1&pageNumber%5BpageSize%5D=100"
    assert owner.list("customer", broken)[0]["balance"] == 100
    assert owner.list("supplier", broken)[0]["name"] == "Mill & Co"
    assert len(owner.list("invoiceItem", f"?invoiceId={invoice['id']}&pageRowCount=100")) == 2
    product = {"currency": "TRY", "name": "Tea", "price": 5, "sku": "T", "type": "product", "vatRate": 1}
    made = owner.make("productOrService", data=product)
    assert owner.change("productOrService", made["id"], method="PUT", data={**made, "price": 6})["price"] == 6


def test_a_party_in_both_roles_leaves_one(owner, company):
    both = company.create("party", name="Both", roles=["customer", "supplier"])["id"]
    owner.invoice("A-1", both, items=[{**LINE, "unitPrice": 1}])
    assert owner.get("supplier", both)["name"] == owner.get("customer", both)["name"] == "Both"
    refused = owner.call("DELETE", f"{PATHS['customer']}/{both}")
    assert (refused.status_code, refused.json()["field"]) == (400, "customerId")
    gone = owner.delete("supplier", both)
    assert gone["isActive"] is False
    assert owner.call("GET", f"{PATHS['supplier']}/{both}").status_code == 404
    assert owner.list("supplier") == []
    assert [row["name"] for row in owner.list("customer")] == ["Both"]
    company.execute({"type": "party.update", "id": both, "data": {"is_active": False}})
    assert owner.list("customer") == []
    assert owner.call("GET", f"{PATHS['customer']}/{both}").status_code == 404


def test_days_stay_days_in_every_time_zone(owner, company):
    record = company.get(f"/records/company/{company.id}").json()
    changed = company.execute({"type": "company.update", "id": record["id"], "data": {"time_zone": "America/New_York"}})
    assert changed.status_code == 200, changed.text
    cases = {
        "2026-03-21": "2026-03-21",
        "2026-03-21T00:00:00.000Z": "2026-03-21",
        "2026-03-21T03:00:00Z": "2026-03-20",
        "2026-03-21T23:30:00-04:00": "2026-03-21",
        "2026-03-21T10:00:00": "2026-03-21",
        1774051200000: "2026-03-21",
        "1774051200000": "2026-03-21",
        1774051200001: "2026-03-20",
    }
    for sent, day in cases.items():
        assert owner.expense(1, date=sent)["date"] == f"{day}T00:00:00.000Z", sent


def test_what_a_customer_owes_is_what_the_books_say(owner, company, following):
    both = company.create("party", name="Both", roles=["customer", "supplier"], opening_balance="12.5")["id"]
    open_ = owner.invoice("A-1", both, items=[{**LINE, "unitPrice": 100}])
    over = owner.invoice("A-2", both, items=[{**LINE, "unitPrice": 50}])
    gone = owner.invoice("A-3", both, items=[{**LINE, "unitPrice": 70}])
    bought = owner.invoice("P-1", "", type="purchase", supplierId=both, items=[{**LINE, "unitPrice": 33}])
    company.create("invoice", type="sales_return", party_id=both, lines=[{"description": "x", "unit_price": "5"}])
    for invoice, amount in ((open_, 40), (over, 65), (gone, 7), (bought, 3)):
        owner.payment(amount, invoiceId=invoice["id"])
    owner.delete("invoice", gone["id"])
    company.create("payment", party_id=both, amount="2", direction="out")
    company.create("payment", party_id=both, amount="1.5", direction="in")
    accounts = company.get(f"/reports/party-balance/{both}").json()["accounts"]
    in_books = sum(float(one["closing"]) for one in accounts if one["account"] in ("1200", "2200"))
    assert owner.get("customer", both)["balance"] == in_books == 12.5 + 60 - 15 - 5 - 7 - 1.5


def test_payments_follow_the_partner_of_their_invoice(owner, following):
    first, second, third = (owner.make("customer", name=name)["id"] for name in ("first", "second", "third"))
    supplier = owner.make("supplier", name="mill")["id"]
    one = owner.invoice("A-1", first, items=[{**LINE, "unitPrice": 100}])
    two = owner.invoice("A-2", second, items=[{**LINE, "unitPrice": 50}])
    bought = owner.invoice("P-1", "", type="purchase", supplierId=supplier, items=[{**LINE, "unitPrice": 30}])
    payment, paid = owner.payment(40, invoiceId=one["id"]), owner.payment(10, invoiceId=one["id"])

    def balances():
        told = {row["name"]: row["balance"] for row in owner.list("customer")}
        for kind in ("customer", "supplier"):
            rows = owner.call("GET", f"/bff-service/v1/reports/{kind}-balances").json()["rows"]
            in_books = {row["name"]: row["balance"] for row in rows}
            if kind == "customer":
                assert {name: in_books.get(name, 0) for name in told} == told
        return told | {"mill": in_books["mill"]}

    assert balances() == {"first": 50, "second": 50, "third": 0, "mill": 30}
    owner.change("payment", payment["id"], invoiceId=two["id"])
    assert balances() == {"first": 90, "second": 10, "third": 0, "mill": 30}
    owner.change("invoice", two["id"], customerId=third)
    assert balances() == {"first": 90, "second": 0, "third": 10, "mill": 30}
    owner.change("payment", payment["id"], invoiceId=None)
    owner.change("payment", payment["id"], invoiceId=one["id"])
    assert balances() == {"first": 50, "second": 0, "third": 50, "mill": 30}
    owner.change("payment", paid["id"], invoiceId=bought["id"])
    assert balances() == {"first": 60, "second": 0, "third": 50, "mill": 20}
