"""Lists: filters with every operator, order, pages and joins."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

import psycopg
import pytest
from fintrack_clients import PATHS, Caller

from infra.store.pipeline import Pipeline


@pytest.fixture
def shop(owner: Caller) -> Caller:
    """A business with a few objects of every kind."""
    customers = {
        name: owner.make("customer", name=name, **more)
        for name, more in {
            "Shirin 100%": {"phone": "111", "taxNumber": "T1"},
            "farhad": {"contactEmail": "F@example.com"},
            "Ali_B": {"phone": "311", "contactName": "Ali"},
        }.items()
    }
    supplier = owner.make("supplier", name="Mill", contactName="Ali")
    shirin = customers["Shirin 100%"]["id"]
    owner.invoice("A-1", shirin, issueDate="2026-01-10", dueDate="2099-01-01")
    owner.invoice("A-2", customers["farhad"]["id"], issueDate="2026-01-20", dueDate="2026-01-31")
    owner.invoice("P-1", "", type="purchase", customerId=None, supplierId=supplier["id"], issueDate="2026-02-10T22:30:00Z")
    paid = owner.invoice("A-3", shirin, issueDate="2026-03-01", items=[{**FREE, "unitPrice": 50}])
    partial = owner.invoice("A-4", shirin, issueDate="2026-03-01", items=[{**FREE, "unitPrice": 50}])
    late = owner.invoice("A-5", shirin, issueDate="2025-03-01", dueDate="2025-04-01", items=[{**FREE, "unitPrice": 50}])
    owner.payment(50, invoiceId=paid["id"], method="Cash", date="2026-03-02", reference="R1")
    owner.payment(20, invoiceId=partial["id"], method="bank", date="2026-03-03")
    owner.payment(20.5, invoiceId=late["id"], method="bank transfer", date="2026-03-04")
    owner.payment(7, date=TODAY.isoformat(), currency="EUR")
    owner.expense(10, date="2026-01-15", supplierId=supplier["id"], category="Travel")
    owner.expense(20, date="2026-01-16", description="Paper")
    owner.expense(30.5, date="2026-01-16T10:00:00+02:00", category="paper")
    owner.product("S-1", name="Service", type="service", price=5, vatRate=0)
    owner.product("P-1", name="Product", price=5.5)
    owner.product("P-2", name="another", price=-0.0)
    owner.shirin, owner.supplier, owner.business = shirin, supplier["id"], supplier["businessId"]
    return owner


FREE = {"productOrServiceId": "00000000-0000-0000-0000-000000000000", "description": "x", "quantity": 1}
EPOCH_MS = 1768521600000  # 2026-01-16T00:00:00Z
TODAY = datetime.now(timezone.utc).date()
YESTERDAY = TODAY - timedelta(days=1)

FILTERS = [
    ("customer", "", "Ali_B Shirin 100% farhad"),
    ("customer", "?name=SHIR", "Shirin 100%"),
    ("customer", "?name=0%25", "Shirin 100%"),
    ("customer", "?name=_", "Ali_B"),
    ("customer", "?name=shir&name=far", "Shirin 100% farhad"),
    ("customer", "?name=shir&phone=11", "Shirin 100%"),
    ("customer", "?phone=11", "Ali_B Shirin 100%"),
    ("customer", "?phone=null", "farhad"),
    ("customer", "?phone=null&phone=3", "Ali_B farhad"),
    ("customer", "?contactEmail=f@EX", "farhad"),
    ("customer", "?contactEmail=", "Ali_B Shirin 100% farhad"),
    ("customer", "?unknown=1&_=2", "Ali_B Shirin 100% farhad"),
    ("customer", "?pageNumber%5Bpage%5D=1&pageNumber%5BpageSize%5D=100", "Ali_B Shirin 100% farhad"),
    ("customer", "?sort=-name", "farhad Shirin 100% Ali_B"),
    ("customer", "?sort=-createdAt", "Ali_B farhad Shirin 100%"),
    ("customer", "?pageNumber=2&pageRowCount=2", "farhad"),
    ("customer", "?pageNumber=9", ""),
    ("customer", "?pageNumber=0&pageRowCount=1", "Ali_B Shirin 100% farhad"),
    ("supplier", "?contactName=ali", "Mill"),
    ("productOrService", "", "Product Service another"),
    ("productOrService", "?type=SERVICE", "Service"),
    ("productOrService", "?type=service&type=product", "Product Service another"),
    ("productOrService", "?type=null", ""),
    ("productOrService", "?price=5.50", "Product"),
    ("productOrService", "?price=5&price=5.5", "Product Service"),
    ("productOrService", "?price=$lt-5.5", "Service another"),
    ("customer", "?businessId={business}", "Ali_B Shirin 100% farhad"),
    ("customer", "?businessId={shirin}&businessId={business}&phone=11", "Ali_B Shirin 100%"),
    ("customer", "?businessId={shirin}", ""),
    ("invoice", "?businessId=null", ""),
    ("productOrService", "?price=$lte-5.5", "Product Service another"),
    ("productOrService", "?price=$gt-5", "Product"),
    ("productOrService", "?price=$gte-5&sort=price", "Service Product"),
    ("productOrService", "?price=$btw-0-5", "Service another"),
    ("productOrService", "?price=$btw--5-0", "another"),
    ("productOrService", "?price=$lt-1&price=$gt-5", "Product another"),
    ("productOrService", "?price=null", ""),
    ("productOrService", "?vatRate=0&sku=S", "Service"),
    ("invoice", "", "A-4 A-3 P-1 A-2 A-1 A-5"),
    ("invoice", "?sort=invoiceNumber", "A-1 A-2 A-3 A-4 A-5 P-1"),
    ("invoice", "?type=purchase", "P-1"),
    ("invoice", "?customerId={shirin}", "A-4 A-3 A-1 A-5"),
    ("invoice", "?customerId=null", "P-1"),
    ("invoice", "?customerId=null&customerId={shirin}", "A-4 A-3 P-1 A-1 A-5"),
    ("invoice", "?supplierId={supplier}", "P-1"),
    ("invoice", "?supplierId={shirin}", ""),
    ("invoice", "?supplierId=null", "A-4 A-3 A-2 A-1 A-5"),
    ("invoice", "?status=unpaid", "P-1 A-1"),
    ("invoice", "?status=Partial", "A-4"),
    ("invoice", "?status=paid", "A-3"),
    ("invoice", "?status=overdue", "A-2 A-5"),
    ("invoice", "?status=paid&status=overdue", "A-3 A-2 A-5"),
    ("invoice", "?status=null", ""),
    ("invoice", "?issueDate=2026-01-10", "A-1"),
    ("invoice", "?issueDate=2026-01-10T23:00:00Z&issueDate=2026-01-20", "A-2 A-1"),
    ("invoice", "?issueDateFrom=2026-01-20&issueDateTo=2026-02-10", "P-1 A-2"),
    ("invoice", "?issueDateFrom=2026-02-11", "A-4 A-3"),
    ("invoice", "?issueDate=$gte-2026-02-10", "A-4 A-3 P-1"),
    ("invoice", "?issueDate=$lt-2026-01-10", "A-5"),
    ("invoice", "?issueDate=$btw-2026-01-10-2026-01-20", "A-2 A-1"),
    ("invoice", "?issueDate=2026-0", "A-4 A-3 P-1 A-2 A-1"),
    ("invoice", "?issueDate=2026-01-2", "A-2"),
    ("invoice", "?issueDate=2025", "A-5"),
    ("invoice", "?invoiceNumber=a-&dueDate=null", ""),
    ("payment", "?method=BANK", "20.5 20"),
    ("payment", "?method=null", "7"),
    ("payment", "?currency=eur", "7"),
    ("payment", "?date=$today", "7"),
    ("payment", "?date=$ltoday", "7"),
    ("payment", "?date=$week&currency=eur", "7"),
    ("payment", "?date=$lweek", "7"),
    ("payment", "?date=$month", "7"),
    ("payment", f"?date=$leq-{TODAY}", "7"),
    ("payment", f"?date=$lin-{YESTERDAY}&date=$lin-{TODAY}", "7"),
    ("payment", "?amount=$gt-19", "20.5 20 50"),
    ("payment", "?invoiceId=null", "7"),
    ("payment", "?reference=r", "50"),
    ("expense", "", "30.5 20 10"),
    ("expense", "?supplierId={supplier}", "10"),
    ("expense", "?supplierId=null", "30.5 20"),
    ("expense", "?category=PAP", "30.5"),
    ("expense", "?description=paper", "20"),
    ("expense", f"?date={EPOCH_MS}", "30.5 20"),
    ("expense", "?date=2026-01-16&amount=$lt-30", "20"),
    ("expense", "?sort=amount", "10 20 30.5"),
]
NAMES = {"invoice": "invoiceNumber", "payment": "amount", "expense": "amount"}


def test_filters_order_and_pages(shop):
    wrong = []
    for name, query, expected in FILTERS:
        rows = shop.list(name, query.format(shirin=shop.shirin, supplier=shop.supplier, business=shop.business))
        found = " ".join(str(row[NAMES.get(name, "name")]) for row in rows)
        if found != expected:
            wrong.append((name, query, expected, found))
    assert not wrong


def test_fetch_lists_filter_alike_and_begin_with_the_newest(shop):
    assert [row["name"] for row in shop.list("customer", fetch=True)] == ["Ali_B", "farhad", "Shirin 100%"]
    assert [row["name"] for row in shop.list("customer", "?phone=11", fetch=True)] == ["Ali_B", "Shirin 100%"]
    assert [row["invoiceNumber"] for row in shop.list("invoice", "?status=overdue", fetch=True)] == ["A-5", "A-2"]
    assert "recordVersion" in shop.list("expense", fetch=True)[0]
    assert "recordVersion" not in shop.list("expense")[0]


RUBBISH = [
    ("productOrService", "price=abc"),
    ("productOrService", "price=$lt-"),
    ("productOrService", "price=$lt-abc"),
    ("productOrService", "price=$btw-1"),
    ("productOrService", "price=$btw-a-b"),
    ("productOrService", "price=$foo-1"),
    ("productOrService", "price=$today"),
    ("productOrService", "type=gift"),
    ("productOrService", "type=$lt-1"),
    ("invoice", "status=gone"),
    ("invoice", "customerId=7"),
    ("invoice", "customerId=$gt-1"),
    ("invoice", "issueDate=yesterday"),
    ("invoice", "issueDate=2026-02-30"),
    ("invoice", "issueDate=$btw-1-2"),
    ("invoice", "issueDate=$lin-"),
    ("invoice", "issueDate=$leq-never"),
    ("invoice", "issueDateFrom=x"),
    ("invoice", "dueDateTo=$today"),
    ("invoice", "sort=customerId"),
    ("invoice", "sort=document"),
    ("payment", "invoiceId=1"),
    ("expense", "date=99999999999999999999"),
    ("customer", "pageNumber=-1"),
    ("customer", "pageNumber=x"),
    ("customer", "pageRowCount=0"),
    ("customer", "pageRowCount=1001"),
    ("customer", "businessId=babil"),
    ("customer", "name=%00"),
    ("customer", "name=" + "x" * 256),
    ("customer", "&".join(f"name={index}" for index in range(101))),
    ("invoice", "getJoins=maybe"),
    ("invoice", "excludeCQRS=2"),
]


def test_rubbish_is_refused_with_the_parameter(owner):
    for name, query in RUBBISH:
        answer = owner.call("GET", f"{PATHS[name]}?{query}")
        assert answer.status_code == 400, (name, query, answer.text)
        body = answer.json()
        assert body.get("field", "at most 100 parameters") in f"{query} {body['message']}", body


def test_a_page_says_where_it_is(shop):
    for query, paging, rows in (
        ("?pageNumber=2&pageRowCount=2", (2, 2, 3, 2), 1),
        ("?pageNumber=7&pageRowCount=2", (7, 2, 3, 2), 0),
        ("?pageNumber=0", (0, 3, 3, 1), 3),
        ("?name=nobody", (1, 25, 0, 0), 0),
    ):
        body = shop.call("GET", f"{PATHS['customer']}{query}").json()
        assert tuple(body["paging"].values()) == paging
        assert body["rowCount"] == len(body["customers"]) == rows


def test_a_list_makes_no_queries_in_proportion_to_rows(shop, monkeypatch):
    trips = []
    execute, results = psycopg.Connection.execute, Pipeline.results

    def executed(self, query, *args, **kwargs):
        if "daftar.company_id" not in str(query):  # whose connection it was before is chance
            trips.append(threading.current_thread().name)
        return execute(self, query, *args, **kwargs)

    def answered(self):
        trips.append(threading.current_thread().name)
        return results(self)

    monkeypatch.setattr(psycopg.Connection, "execute", executed)
    monkeypatch.setattr(Pipeline, "results", answered)
    counts = {}
    for name in PATHS:
        found = []
        for query in ("", "?pageRowCount=1", "?pageRowCount=2"):  # the first may have to count
            trips.clear()
            assert shop.list(name, query)
            found.append(sum(one.startswith("work") for one in trips))
        counts[name] = found[1:]
    assert all(one == two <= 2 for one, two in counts.values()), counts
    assert counts["invoice"] == [1, 1], "the list, with its joins and where the log ends, which tells that the session is open"
