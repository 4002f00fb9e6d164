"""Reading tables directly, parties written directly, health, and what every answer of the dialect has in common."""

from __future__ import annotations

import gzip
import zlib

import msgspec
import pytest
import zstandard
from litestar.testing import TestClient
from matrix_devices import insert

from api.app import create_app
from api.compression import coding_for, unpack
from api.http_errors import BodyTooLarge
from domain.errors import MalformedRequest


@pytest.fixture
def shop(device):
    """A device, and the ids of what it made."""
    tablet = device("tablet")
    ids = tablet.made(
        insert("parties", "c1", name="Shirin 100%", party_type="customer", phone="111"),
        insert("parties", "c2", name="Farhad", party_type="supplier", credit_limit="50"),
        insert("parties", "c3", name="Gone", party_type="both", is_active=False),
        insert("products", "p1", name="Tea", sku="T-1", sale_price="5.5"),
        insert("products", "p2", name="Rice", sku="R-1", sale_price="10"),
        insert("transactions", "t1", type="sale", party_id="c1", date="2025-01-10", reference_no="A"),
        insert("invoices", "i1", transaction_id="t1", invoice_type="sale"),
        insert("transaction_lines", "l1", transaction_id="t1", product_id="p1", quantity=2, unit_price="5.5"),
        insert("transactions", "t2", type="expense", date="2025-02-10", total_amount="9"),
        insert("transactions", "t3", type="receipt", party_id="c1", date="2025-03-10", total_amount="3"),
        insert("transactions", "t4", type="purchase", party_id="c2", date="2025-04-10", total_amount="100"),
    )
    return tablet, ids


LISTS = [
    ("parties", ["c1", "c2"]),
    ("parties?is_active=all&sort=name", ["c2", "c3", "c1"]),
    ("parties?is_active=0", ["c3"]),
    ("parties?party_type=customer", ["c1"]),
    ("parties?party_type=customer&party_type=supplier", ["c1", "c2"]),
    ("parties?search=100%25", ["c1"]),
    ("parties?search=HIRI", ["c1"]),
    ("parties?search=_hirin", []),
    ("parties?credit_limit=50.000", ["c2"]),
    ("parties?unknown=1&_=2", ["c1", "c2"]),
    ("products?sort=sale_price&direction=desc", ["p2", "p1"]),
    ("products?sale_price_from=9&sale_price_to=11", ["p2"]),
    ("products?sku=T-1", ["p1"]),
    ("products?page=2&per_page=1", ["p2"]),
    ("products?page=9", []),
    ("transactions", ["t1", "t2", "t4", "t3"]),
    ("transactions?sort=date", ["t1", "t2", "t3", "t4"]),
    ("transactions?sort=total_amount&direction=desc", ["t4", "t1", "t2", "t3"]),
    ("transactions?type=sale", ["t1"]),
    ("transactions?type=expense", ["t2"]),
    ("transactions?type=receipt", ["t3"]),
    ("transactions?type=gift", []),
    ("transactions?type=gift&type=expense&type=receipt", ["t2", "t3"]),
    ("invoices?invoice_type=sale&invoice_type=purchase&status=unpaid", ["t1", "t2", "t4"]),
    ("companies?search=nothing", []),
    ("transactions?party_id={c1}", ["t1", "t3"]),
    ("transactions?party_id=77777", []),
    ("transactions?date_from=2025-02-01&date_to=2025-03-31", ["t2", "t3"]),
    ("invoices?invoice_type=sale", ["t1"]),
    ("invoices?status=overdue", []),
    ("invoices?sort=grand_total", ["t2", "t1", "t4"]),
]


def test_lists_are_filtered_searched_sorted_and_paged(shop):
    tablet, ids = shop
    names = {}
    for name, row_id in ids.items():
        names.setdefault((name.partition(":")[0] if ":" in name else "", row_id), name.partition(":")[2])
    for path, expected in LISTS:
        answer = tablet.call("GET", "/" + path.format(**ids))
        assert answer.status_code == 200, (path, answer.text)
        table = path.partition("?")[0]
        found = [row["id"] for row in answer.json()[table]]
        assert found == [ids[name] for name in expected], path
    page = tablet.call("GET", "/products?per_page=1").json()
    assert (page["total"], page["page"], page["per_page"], page["last_page"]) == (2, 1, 1, 2)
    companies = tablet.call("GET", "/companies").json()["companies"]
    assert len(companies) == 1
    assert tablet.call("GET", f"/companies/{companies[0]['id']}").json()["company"] == companies[0]


@pytest.mark.parametrize(
    "path",
    [
        "parties?page=0",
        "parties?per_page=5000",
        "parties?sort=colour",
        "parties?direction=up",
        "parties?company_id=x",
        "parties?party_type=enemy",
        "products?sale_price=dear",
        "transactions?date_from=soon",
        "transactions?party_id=x",
    ],
)
def test_a_list_that_cannot_be_made_says_why(shop, path):
    answer = shop[0].call("GET", f"/{path}")
    assert answer.status_code == 422, answer.text
    assert len(answer.json()["errors"]) == 1


def test_one_row(shop):
    tablet, ids = shop
    invoice = tablet.call("GET", f"/invoices/{ids['i1']}").json()["invoice"]
    assert (invoice["grand_total"], invoice["status"]) == ("11.00", "unpaid")
    assert [line["id"] for line in invoice["lines"]] == [ids["l1"]]
    assert tablet.call("GET", f"/transactions/{ids['t2']}").json()["transaction"]["lines"] == [], "no placeholder"
    assert tablet.call("GET", f"/transactions/{ids['t3']}").json()["transaction"]["type"] == "receipt"
    for path in ("parties/99999", "invoices/99999999999999999999", "transactions/-1", "companies/1", "parties/0"):
        answer = tablet.call("GET", f"/{path}")
        assert answer.status_code == 404, path
        assert answer.json()["success"] is False


def test_parties_are_written_directly(shop):
    tablet, _ = shop
    made = tablet.call("POST", "/parties", json={"name": "Layla", "party_type": "both"}, headers={"Idempotency-Key": "k1"})
    assert made.status_code == 201
    assert made.json()["message"] == "Party created successfully"
    again = tablet.call("POST", "/parties", json={"name": "Layla", "party_type": "both"}, headers={"Idempotency-Key": "k1"})
    assert again.json() == made.json()
    party = made.json()["party"]
    changed = tablet.call("PUT", f"/parties/{party['id']}", json={"phone": "5", "party_type": "supplier"}).json()
    assert changed["message"] == "Party updated successfully"
    assert (changed["party"]["phone"], changed["party"]["party_type"]) == ("5", "supplier")
    gone = tablet.call("DELETE", f"/parties/{party['id']}")
    assert gone.json() == {"success": True, "message": "Party deleted successfully"}
    for method in ("GET", "PUT", "DELETE"):
        answer = tablet.call(method, f"/parties/{party['id']}", **({"json": {}} if method == "PUT" else {}))
        assert answer.status_code == 404
        assert answer.json()["message"].startswith("No query results for model")


@pytest.mark.parametrize(
    ("form", "field", "text"),
    [
        ({"name": "X", "party_type": "enemy"}, "party_type", "The selected party type is invalid."),
        ({"party_type": "both"}, "name", "The name field is required."),
        ({"name": "X" * 256, "party_type": "both"}, "name", "255"),
        ({"name": "X", "party_type": "both", "credit_limit": []}, "credit_limit", "decimal"),
    ],
)
def test_a_party_that_is_wrong_says_where(shop, form, field, text):
    answer = shop[0].call("POST", "/parties", json=form)
    assert answer.status_code == 422
    assert text in answer.json()["errors"][field][0]


def test_health_needs_no_token(client):
    answer = client.get("/api/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["timestamp"].endswith("+00:00")


def test_the_status_has_the_six_fields_of_the_app(device):
    tablet = device("tablet")
    fields = tablet.status()["status"]
    assert list(fields) == ["device_id", "last_sync_version", "current_version", "pending_changes", "last_sync_at", "is_synced"]
    assert (fields["is_synced"], fields["pending_changes"]) == (True, 0)
    unknown = tablet.call("GET", "/sync/status?device_id=never-seen").json()
    assert unknown["status"]["last_sync_version"] == 0
    assert unknown["status"]["last_sync_at"] is None
    assert unknown["status"]["pending_changes"] > 0
    assert unknown["device"]["is_known"] is False
    device("phone").made(insert("parties", "p", name="P"))
    fields = tablet.status()["status"]
    assert (fields["is_synced"], fields["pending_changes"]) == (False, 1)
    assert tablet.status()["device"]["pulls"] == 1
    assert tablet.call("GET", "/sync/status", headers={"X-Device-Id": ""}).json()["errors"] == {
        "device_id": ["The device id field is required."]
    }


# Compression and throttling --------------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_bodies_come_and_go_packed(device, coding):
    tablet, phone = device("tablet"), device("phone")
    changes = [insert("parties", f"p{i}", name=f"Party {i}") for i in range(1_200)]
    body = msgspec.json.encode({"device_id": "tablet", "changes": changes})
    packed = gzip.compress(body) if coding == "gzip" else zstandard.compress(body)
    headers = {"Content-Encoding": coding, "Content-Type": "application/json", "Accept-Encoding": coding}
    pushed = tablet.call("POST", "/sync/push", content=packed, headers=headers)
    assert pushed.status_code == 200, pushed.text
    assert pushed.headers["content-encoding"] == coding
    request = {"device_id": "phone", "last_version": 0}
    pulled = phone.call("POST", "/sync/pull", json=request, headers={"Accept-Encoding": coding})
    assert pulled.headers["content-encoding"] == coding
    assert pulled.headers["vary"] == "Accept-Encoding"
    assert len([change for change in pulled.json()["changes"] if change["table"] == "parties"]) == 1_200
    plain = phone.call("POST", "/sync/pull", json=request, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json()["changes"] == pulled.json()["changes"]
    broken = tablet.call("POST", "/sync/push", content=packed[:-9], headers=headers)
    assert (broken.status_code, broken.json()["code"]) == (400, "malformed_request")
    assert tablet.call("POST", "/sync/push", content=b"x", headers={**headers, "Content-Encoding": "br"}).status_code == 415


def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked():
    zeros = bytes(200_000_000)
    bombs = (("gzip", gzip.compress(zeros, 1)), ("gzip", gzip.compress(b"a" * 600) * 1_000), ("zstd", zstandard.compress(zeros)))
    for coding, bomb in bombs:
        with pytest.raises(BodyTooLarge):
            unpack(bomb, coding, 100_000)
        assert unpack(bomb, coding, 300_000_000)
    for coding in ("gzip", "zstd"):
        with pytest.raises(MalformedRequest):
            unpack(b"nonsense", coding, 1_000)
    assert unpack(zlib.compress(b"x", wbits=31) + gzip.compress(b"y"), "gzip", 10) == b"xy"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", None),
        ("gzip, deflate, br", "gzip"),
        ("gzip, zstd", "zstd"),
        ("gzip;q=1, zstd;q=0.5", "gzip"),
        ("zstd;q=0", None),
        ("*", "zstd"),
        ("identity", None),
        ("gzip;q=x", None),
        ("br", None),
    ],
)
def test_the_coding_is_the_clients_to_choose(accepted, coding):
    assert coding_for(accepted) == coding


def test_a_device_that_syncs_too_often_is_told_to_wait(api_settings, company, services, device):
    tablet = device("tablet")
    settings = msgspec.structs.replace(api_settings, rate_limit_syncs_per_minute=3, registration=False)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        tablet.client = client
        statuses = [tablet.post("pull", last_version=0).status_code for _ in range(5)]
        assert 429 in statuses[3:], statuses
        refused = tablet.post("push", changes=[])
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        tablet.name = "another"
        assert tablet.post("pull", last_version=0).status_code == 200, "each device has its own limit"
        form = {"name": "X", "email": "x@example.com", "password": "correct horse battery"}
        assert client.post("/api/auth/register", json=form).status_code == 403


def test_metrics_count_syncs_by_table_and_outcome(device, client):
    device("tablet").push(insert("parties", "p", name="P"), insert("parties", "q"))
    text = client.get("/metrics").text
    for outcome in ("applied", "rejected"):
        assert f'daftar_sync_items_total{{dialect="matrix",outcome="{outcome}",table="parties"}}' in text
    assert 'daftar_sync_seconds_count{dialect="matrix",direction="push"}' in text
