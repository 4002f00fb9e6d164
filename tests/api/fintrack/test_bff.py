"""The BFF: every object, filters across objects, counts, words looked for everywhere, and reports from the books."""

from __future__ import annotations

from typing import Any

import pytest
from fintrack_clients import NIL, Caller

from domain.command import SYSTEM, Command

pytestmark = pytest.mark.usefixtures("following")

BFF = "/bff-service/v1"
LINE = {"productOrServiceId": NIL, "description": "Saffron", "quantity": 1}
OBJECTS = ["customers", "suppliers", "productorservices", "invoices", "invoiceitems", "payments", "expenses", "users", "businesses"]


def ask(caller: Caller, path: str, status: int = 200) -> Any:
    """The answer of the BFF."""
    answer = caller.call("GET", BFF + path)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.fixture
def shop(owner: Caller) -> Caller:
    """Two customers, a supplier, invoices of all of them, payments and an expense."""
    shirin = owner.make("customer", name="Shirin Çelik", contactEmail="shirin@tea.example", notes="likes كريم")
    farhad = owner.make("customer", name="Farhad", phone="+98 21 5550")
    mill = owner.make("supplier", name="Mill Ltd")
    product = owner.product("SKU-77", name="Tea", price=50, vatRate=0)
    one = owner.invoice("S-1", shirin["id"], items=[{**LINE, "unitPrice": 100, "vatRate": 20}])
    two = owner.invoice("S-2", farhad["id"], dueDate="2026-01-31", items=[{"productOrServiceId": product["id"], "quantity": 2}])
    owner.invoice("P-1", "", type="purchase", customerId=None, supplierId=mill["id"], items=[{**LINE, "unitPrice": 30}])
    owner.payment(20, invoiceId=one["id"], reference="bank 4711")
    owner.payment(5, invoiceId=two["id"])
    owner.payment(7, payerName="Nobody")
    owner.expense(12.5, supplierId=mill["id"])
    owner.shirin, owner.one, owner.two = shirin["id"], one["id"], two["id"]
    return owner


LISTS = [
    ("/customers", "Farhad Shirin Çelik"),
    ("/customers?name=ÇEL", "Shirin Çelik"),
    ("/customers?notes=کریم", "Shirin Çelik"),
    ("/suppliers", "Mill Ltd"),
    ("/invoices?sort=invoiceNumber", "P-1 S-1 S-2"),
    ("/invoices?totalAmount=$gte-100&sort=invoiceNumber", "S-1 S-2"),
    ("/invoices?totalAmount=120", "S-1"),
    ("/invoices?status=overdue", "S-2"),
    ("/invoices?customer.name=shir", "S-1"),
    ("/invoices?customer.name=shir&customer.name=far&sort=invoiceNumber", "S-1 S-2"),
    ("/invoices?customer.name=mill", ""),
    ("/invoices?supplier.name=mill", "P-1"),
    ("/invoices?customer.name=shir&status=overdue", ""),
    ("/invoices?customer.phone=null", "S-1"),
    ("/payments?invoice.status=overdue", "5"),
    ("/payments?invoice.status=partial&sort=amount", "20"),
    ("/payments?invoice.invoiceNumber=s-&sort=amount", "5 20"),
    ("/payments?invoice.totalAmount=$gt-110", "20"),
    ("/payments?invoice.dueDateTo=2026-02-01", "5"),
    ("/payments?invoice.customer.name=shirin", "20"),
    ("/payments?payerName=nob", "7"),
    ("/invoiceitems?productOrService.sku=sku-77", "Tea"),
    ("/invoiceitems?invoice.type=purchase", "Saffron"),
    ("/invoiceitems?invoice.customer.contactEmail=tea.example", "Saffron"),
    ("/expenses?supplier.name=Mill", "12.5"),
    ("/expenses?supplier.name=other", ""),
    ("/productorservices?name=tea", "Tea"),
    ("/users?roleId=tenantOwner", "Owner"),
    ("/businesses", "A company"),
]


def test_lists_and_counts_are_filtered_across_objects(shop):
    listed, counts = {}, {}
    for path, _ in LISTS:
        answer = ask(shop, path)
        rows = answer[answer["dataName"]]
        shown = [next(row[key] for key in ("invoiceNumber", "name", "amount", "description") if key in row) for row in rows]
        listed[path] = " ".join(map(str, shown))
        collection, _, query = path.partition("?")
        counts[path] = (len(shown), answer["paging"]["totalRowCount"], ask(shop, f"{collection}/count?{query}")["count"])
    assert listed == dict(LISTS)
    assert all(len(set(three)) == 1 for three in counts.values()), counts


def test_one_object_has_all_that_belongs_to_it(shop):
    invoice = ask(shop, f"/invoices/{shop.one}")["invoice"]
    assert invoice["customer"]["id"] == shop.shirin
    assert invoice["customer"]["notes"] == "likes كريم"
    assert [item["description"] for item in invoice["items"]] == ["Saffron"]
    assert ask(shop, "/invoices?invoiceNumber=S-1")["invoices"][0]["customer"][0]["name"] == "Shirin Çelik"
    assert ask(shop, f"/customers/{shop.shirin}")["customer"]["balance"] == 100
    assert ask(shop, f"/customers/{shop.one}", 404)["errCode"] == 404


def test_what_was_written_is_in_the_next_answer(shop):
    for turn in range(3):
        before = ask(shop, "/payments/count?invoice.status=paid")["count"]
        invoice = shop.invoice(f"N-{turn}", shop.shirin, items=[{**LINE, "unitPrice": 10, "vatRate": 0}])
        shop.payment(10, invoiceId=invoice["id"])
        assert ask(shop, "/payments/count?invoice.status=paid")["count"] == before + 1
        assert ask(shop, f"/search?keyword=N-{turn}")["results"][0]["id"] == invoice["id"]
        assert ask(shop, "/reports/customer-balances")["totalBalance"] == 100 + 95
        shop.delete("customer", shop.make("customer", name=f"Gone{turn}x")["id"])
        assert ask(shop, f"/search?keyword=gone{turn}x")["results"] == []


SEARCHES = [
    ("shirin", "customer:Shirin Çelik"),
    ("ÇELİK shi", "customer:Shirin Çelik"),
    ("tea.example", "customer:Shirin Çelik"),
    ("کریم", "customer:Shirin Çelik"),
    ("tea", "customer:Shirin Çelik productOrService:Tea invoiceItem:Tea"),
    ("tea&objects=invoiceItem,productOrService", "productOrService:Tea invoiceItem:Tea"),
    ("s-1", "invoice:S-1"),
    ("4711 bank", "payment:bank 4711"),
    ("fa", "customer:Farhad"),
    ("hi", ""),
    ("m", "supplier:Mill Ltd"),
    ("nowhere", ""),
    ("%", ""),
]


def test_words_are_found_in_every_object(shop):
    found = {}
    for keyword, _ in SEARCHES:
        results = ask(shop, f"/search?keyword={keyword.replace('%', '%25')}")["results"]
        own = [row for row in results if row["object"] not in ("user", "business")]
        found[keyword] = " ".join(f"{row['object']}:{row['title']}" for row in own)
    assert found == dict(SEARCHES)


def test_pages_of_results(shop):
    whole = ask(shop, "/search?keyword=s")["results"]
    assert len(whole) >= 5
    paged = [ask(shop, f"/search?keyword=s&pageRowCount=1&pageNumber={page + 1}")["results"] for page in range(len(whole))]
    assert [row for page in paged for row in page] == whole


def test_a_party_in_both_roles_is_both(shop, services, company):
    data = {"name": "Twofold", "roles": ["customer", "supplier"]}
    services.ledger.execute(company.id, [Command(kind="party", action="create", data=data)], SYSTEM)
    found = ask(shop, "/search?keyword=twofold")
    assert [row["object"] for row in found["results"]] == ["customer", "supplier"]
    assert found["paging"]["totalRowCount"] == 2


def test_income_and_expense(shop):
    report = ask(shop, "/reports/income-expense")
    assert (report["totalIncome"], report["totalExpense"], report["currency"]) == (200, 42.5, "USD")
    assert report["netIncome"] == 157.5
    within = ask(shop, "/reports/income-expense?fromDate=2026-02-01&toDate=2026-02-28")
    assert (within["totalIncome"], within["totalExpense"]) == (0, 12.5)
    nothing = ask(shop, "/reports/income-expense?toDate=2020-01-01")
    assert (nothing["totalIncome"], nothing["totalExpense"], nothing["rows"]) == (0, 0, [])


def test_balances(shop):
    report = ask(shop, "/reports/customer-balances?fromDate=2026-01-01&toDate=2026-12-31")
    rows = {row["name"]: (row["billed"], row["paid"], row["balance"]) for row in report["rows"] if row["name"]}
    assert rows == {"Farhad": (100, 5, 95), "Shirin Çelik": (120, 20, 100)}
    assert report["totalBalance"] == 195
    january = ask(shop, "/reports/customer-balances?toDate=2026-01-31")
    assert {row["name"]: row["balance"] for row in january["rows"]} == {"Farhad": 100, "Shirin Çelik": 120}
    february = {row["name"]: row for row in ask(shop, "/reports/customer-balances?fromDate=2026-02-01")["rows"]}
    assert (february["Farhad"]["opening"], february["Farhad"]["paid"], february["Farhad"]["balance"]) == (100, 5, 95)
    suppliers = ask(shop, "/reports/supplier-balances")["rows"]
    assert [(row["name"], row["balance"]) for row in suppliers] == [("Mill Ltd", 42.5)], "what was bought, and what was spent"
    customers = ask(shop, "/customers")["customers"]
    assert {one["name"]: one["balance"] for one in customers} == {"Farhad": 95, "Shirin Çelik": 100}, "both tell the same"


def test_what_was_changed_is_neither_billed_twice_nor_paid(owner):
    """Items come one after another, so that the invoice is posted anew with each; a deleted payment was none."""
    customer, supplier = owner.make("customer", name="Shirin"), owner.make("supplier", name="Mill")
    invoice = owner.invoice("A-1", customer["id"])
    for price in (100, 200, 300):
        owner.make("invoiceItem", invoiceId=invoice["id"], productOrServiceId=NIL, quantity=1, description="x", unitPrice=price)
    owner.delete("payment", owner.payment(50, invoiceId=invoice["id"])["id"])
    owner.payment(70, invoiceId=invoice["id"])
    owner.delete("expense", owner.expense(12.5, supplierId=supplier["id"])["id"])
    owner.change("expense", owner.expense(10, supplierId=supplier["id"])["id"], amount=8)
    for report, expected in (("customer", (600, 70, 530)), ("supplier", (8, 0, 8))):
        (row,) = ask(owner, f"/reports/{report}-balances")["rows"]
        assert (row["billed"], row["paid"], row["balance"]) == expected


REFUSED = [
    ("/invoices?nobody.name=x", "nobody.name"),
    ("/invoices?customer.nothing=x", "customer.nothing"),
    ("/invoices?customer.name.x=x", "customer.name.x"),
    ("/payments?invoice.status=rubbish", "invoice.status"),
    ("/payments?invoice.customer.id.no=x", "invoice.customer.id.no"),
    ("/payments?invoice.customer.invoice.status=paid", "invoice.customer.invoice.status"),
    ("/invoices/count?customer.nothing=x", "customer.nothing"),
    ("/invoices?totalAmount=$gt-rubbish", "totalAmount"),
    ("/invoices/no-uuid", "invoiceId"),
    ("/search", "keyword"),
    ("/search?keyword=%20", "keyword"),
    ("/search?keyword=a+b+c+d+e+f+g+h+i", "keyword"),
    ("/search?keyword=" + "x" * 201, "keyword"),
    ("/search?keyword=x&objects=table", "objects"),
    ("/search?keyword=x&pageNumber=-1", "pageNumber"),
    ("/reports/income-expense?fromDate=rubbish", "fromDate"),
    ("/reports/customer-balances?fromDate=2026-02-01&toDate=2026-01-01", "fromDate"),
]


def test_bad_input_is_named(owner):
    assert {path: ask(owner, path, 400)["field"] for path, _ in REFUSED} == dict(REFUSED)


ALL = [f"/{name}" for name in OBJECTS] + [f"/{name}/count" for name in OBJECTS]
ALL += ["/search?keyword=a", "/reports/income-expense", "/reports/customer-balances", "/reports/supplier-balances"]


def test_who_sees_what(caller, owner, client, company):
    user, fresh = caller("user"), caller("tenantUser")
    for path in ALL:
        ask(fresh, path, 403)
        ask(user, path, 403 if "/users" in path else 200)
        ask(owner, path)
        ask(Caller(client, company.codename, ""), path, 401)
        assert owner.call("POST", BFF + path, json={}).status_code == 405, "it writes nothing"
    assert all(row["object"] != "user" for row in ask(user, "/search?keyword=owner")["results"])
    assert any(row["object"] == "user" for row in ask(owner, "/search?keyword=owner")["results"])
    ask(user, "/search?keyword=owner&objects=user", 403)


def test_another_business_sees_nothing_of_it(shop, theirs):
    for path in ("/customers", "/invoices", "/invoiceitems", "/payments"):
        answer = ask(theirs, path)
        assert answer[answer["dataName"]] == []
    assert ask(theirs, "/search?keyword=shirin")["results"] == []
    assert ask(theirs, "/reports/customer-balances")["rows"] == []
    ask(theirs, f"/customers/{shop.shirin}", 404)
