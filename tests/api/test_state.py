"""The whole company as of a point of its log is, byte for byte, what a pull gave when the log ended there."""

from __future__ import annotations

import msgspec
import pytest

from infra.history import streams

from .conftest import Company

NDJSON = {"Accept": "application/x-ndjson"}


def pulled(company: Company, path: str = "/records") -> list[bytes]:
    """Every document as pulled, by id; the very bytes."""
    return sorted(company.get(path, headers=NDJSON).content.splitlines(), key=lambda line: msgspec.json.decode(line)["id"])


def test_every_past_state_is_what_was_pulled_then(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    states: list[tuple[int, str, list[bytes]]] = []

    def note() -> None:
        head = company.get("/head").json()
        states.append((head["seq"], head["recorded_at"], pulled(company)))

    note()
    company.execute(*[{"type": "party.create", "data": {"name": f"Pârty {n}", "phone": "1"}} for n in range(6)])
    note()
    product = company.create("product", name="Tea", price="4.50", vat_rate="10")
    lines = [{"product_id": product["id"], "quantity": 3}]
    invoice = company.create("invoice", type="sales", party_id=pulled_id(company, "party", 1), lines=lines)
    note()
    company.create("payment", invoice_id=invoice["id"], amount="5")
    company.call("PATCH", "/records/party/2", json={"data": {"name": "Renamed", "phone": None}})
    note()
    company.call("DELETE", "/records/party/3")
    note()
    for page in (streams.PAGE, 3):
        monkeypatch.setattr(streams.events_by_record, "__kwdefaults__", {**streams.events_by_record.__kwdefaults__, "page": page})
        for seq, moment, expected in states:
            for query in (f"at_seq={seq}", f"at={moment}"):
                answer = company.get(f"/state?{query}", headers=NDJSON)
                assert answer.content.splitlines() == expected
                assert answer.headers["x-seq"] == str(seq)
    assert company.get("/state", headers=NDJSON).content.splitlines() == pulled(company)
    assert company.get("/state?kinds=party,invoice", headers=NDJSON).content.splitlines() == pulled(
        company, "/records?kinds=party,invoice"
    )


def pulled_id(company: Company, kind: str, number: int) -> str:
    found: str = company.get(f"/records/{kind}/{number}").json()["id"]
    return found


def test_as_one_document(company: Company) -> None:
    head = company.get("/head").json()
    state = company.get("/state").json()
    assert {name: state[name] for name in head} == head
    assert state["records"] == [msgspec.json.decode(line) for line in pulled(company)]
    nothing = {"seq": 0, "hash": None, "recorded_at": None, "records": []}
    assert company.get("/state?at_seq=0").json() == nothing
    assert company.get("/state?at=2001-01-01T00:00:00Z").json() == nothing
    assert company.get("/state?at=0001-01-01T00:00:00Z").json() == nothing
    assert company.get("/state?at=9999-12-31T23:59:59.999999Z").json() == state
    assert company.get("/state?at_seq=0", headers=NDJSON).content == b""
    assert company.get("/state?kinds=cheque").json() == {**state, "records": []}


def test_a_state_of_many_records(company: Company) -> None:
    for _ in range(2):
        company.execute(*[{"type": "party_group.create", "data": {"name": str(n)}} for n in range(2_500)])
    assert company.get("/state", headers=NDJSON).content.splitlines() == pulled(company)


@pytest.mark.parametrize(
    ("query", "status", "code", "path"),
    [
        ("at_seq=999999", 409, "cursor_ahead", "at_seq"),
        ("at_seq=-1", 422, "invalid_field", "at_seq"),
        ("at_seq=x", 422, "invalid_field", "at_seq"),
        ("at=yesterday", 422, "invalid_field", "at"),
        ("at=2026-03-01T10:00:00", 422, "invalid_field", "at"),
        ("at=2026-03-01T10:00:00Z&at_seq=1", 422, "invalid_field", "at"),
        ("kinds=thing", 404, "unknown_kind", "kind"),
        ("kinds=,", 422, "invalid_field", "kinds"),
        ("what=1", 422, "invalid_field", "what"),
        ("at_seq=1&at_seq=1", 422, "invalid_field", "at_seq"),
    ],
)
def test_bad_requests_are_refused(company: Company, query: str, status: int, code: str, path: str) -> None:
    refused = company.get(f"/state?{query}")
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
    assert refused.json().get("path", "") == path


def test_who_may_ask(company: Company) -> None:
    assert company.client.get("/ledger/v1/state").status_code == 401
