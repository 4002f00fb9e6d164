"""Commands in batches and one by one; idempotency; versions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from .conftest import Company


def party(name: str = "Shirin Rugs", **more: Any) -> dict[str, Any]:
    return {"type": "party.create", "data": {"name": name}, **more}


def test_a_batch_may_refer_to_what_it_makes(company: Company) -> None:
    answer = company.execute(
        party(client_id="customer-1"),
        {"type": "product.create", "client_id": "product-1", "data": {"name": "Green tea", "price": "4.50"}},
        {
            "type": "invoice.create",
            "data": {
                "type": "sales",
                "party_id": {"client_id": "customer-1"},
                "lines": [{"product_id": {"client_id": "product-1"}, "quantity": 3}],
            },
        },
        {"type": "payment.create", "data": {"amount": "5", "invoice_id": {"number": 1}}},
    )
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["kind"] for result in results] == ["party", "product", "invoice", "payment"]
    assert answer.json()["seq"] == company.head()
    invoice = company.get("/records/invoice/1").json()["data"]
    assert (invoice["total"], invoice["paid"], invoice["status"]) == ("13.50", "5.00", "partial")


def test_a_refusal_refuses_the_batch_and_names_the_place(company: Company) -> None:
    before = company.head()
    answer = company.execute(party(), {"type": "invoice.create", "data": {"type": "sales", "party_id": str(uuid4())}})
    assert (answer.status_code, answer.json()["code"]) == (422, "reference_missing")
    assert answer.json()["path"] == "commands[1].data.party_id"
    assert company.head() == before


def test_without_atomic_the_others_stand(company: Company) -> None:
    answer = company.execute(party(), {"type": "party.delete", "number": 99}, party("Second"), atomic=False)
    assert answer.status_code == 200
    assert [result.get("code", "done") for result in answer.json()["results"]] == ["done", "record_not_found", "done"]
    assert company.get("/records/party").json()["total"] == 2


def test_a_dry_run_decides_and_stores_nothing(company: Company) -> None:
    before = company.head()
    answer = company.execute(party(), dry_run=True)
    assert answer.json()["dry_run"] is True
    assert answer.json()["results"][0]["number"] == 1
    assert company.head() == before
    assert company.get("/records/party/1").status_code == 404


def test_one_record_by_its_address(company: Company) -> None:
    made = company.call("POST", "/records/product", json={"client_id": "p-1", "data": {"name": "Tea", "price": "2.5"}})
    assert made.status_code == 201
    assert made.headers["location"] == f"/ledger/v1/records/product/{made.json()['id']}"
    assert made.headers["etag"] == f'"{made.json()["seq"]}"'

    changed = company.call("PATCH", "/records/product/1", json={"data": {"price": "3"}})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert company.get("/records/product/1").json()["data"]["price"] == "3"

    deleted = company.call("DELETE", f"/records/product/{made.json()['id']}")
    assert (deleted.status_code, deleted.json()["deleted"]) == (200, True)
    assert company.get("/records/product/1").json()["deleted"] is True
    again = company.call("PATCH", "/records/product/1", json={"data": {"price": "4"}})
    assert (again.status_code, again.json()["code"], again.json()["path"]) == (410, "record_deleted", "id")


def test_a_client_id_is_mapped_once(company: Company) -> None:
    first, second = company.execute(party(client_id="c-1")), company.execute(party("Other", client_id="c-1"))
    assert first.json()["results"][0]["id"] == second.json()["results"][0]["id"]
    assert second.json()["results"][0]["idempotent_replay"] is True
    assert company.get("/records/party").json()["total"] == 1


def test_an_action_by_its_address(company: Company) -> None:
    answer = company.call("POST", f"/records/user/{company.user_id}/change_password", json={"data": {"password": "long enough"}})
    assert answer.json()["path"] == "data.current_password"
    for action in ("create", "update", "delete", "explode"):
        refused = company.call("POST", f"/records/user/{company.user_id}/{action}", json={})
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_kind"), action


# Versions -----------------------------------------------------------------------------------------


def test_if_match(company: Company) -> None:
    seq = company.create("party", name="Before")["seq"]
    company.create("party", name="Another")
    head = company.head()
    for stale in (f'"{seq - 1}"', f'"{head}"', '"999999"', '""', f'W/"{seq}"'):
        answer = company.call("PATCH", "/records/party/1", headers={"If-Match": stale}, json={"data": {"name": "After"}})
        assert (answer.status_code, answer.json()["code"]) == (412, "version_stale"), stale
        assert answer.json()["current_seq"] == seq
    assert company.head() == head
    good = company.call("PATCH", "/records/party/1", headers={"If-Match": f'"{seq}"'}, json={"data": {"name": "After"}})
    assert good.status_code == 200
    assert company.call("DELETE", "/records/party/1", headers={"If-Match": f'"{seq}"'}).status_code == 412
    assert company.call("DELETE", "/records/party/1", headers={"If-Match": "*"}).status_code == 200
    bad = company.call("PATCH", "/records/party/2", headers={"If-Match": "12"}, json={"data": {"name": "X"}})
    assert (bad.status_code, bad.json()["path"]) == (422, "If-Match")


def test_base_seq_with_refuse_is_stale_and_with_policy_a_conflict(company: Company) -> None:
    seq = company.create("invoice", type="sales", party_id=_customer(company))["seq"]
    assert company.call("PATCH", "/records/invoice/1", json={"data": {"notes": "server"}}).status_code == 200
    change = {"type": "invoice.update", "number": 1, "base_seq": seq, "data": {"notes": "client"}}
    refused = company.execute({**change, "on_conflict": "refuse"})
    assert (refused.status_code, refused.json()["path"]) == (412, "commands[0].base_seq")
    ahead = company.execute({**change, "base_seq": 1_000_000})
    assert (ahead.status_code, ahead.json()["code"], ahead.json()["path"]) == (409, "cursor_ahead", "commands[0].base_seq")
    kept = company.execute(change).json()["results"][0]
    assert kept["outcome"] == "server_kept"
    conflict = company.get(f"/records/conflict/{kept['conflict']}").json()
    assert conflict["data"]["client"] == {"notes": "client"}


def _customer(company: Company) -> str:
    return company.create("party", name="Customer")["id"]


# Idempotency --------------------------------------------------------------------------------------


def test_the_same_key_and_body_answer_the_same(company: Company) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = company.execute(party(), headers=key)
    head = company.head()
    reordered = b'{"commands":[ {"data":{"name":"Shirin Rugs"},"type":"party.create"}]}'
    second = company.call("POST", "/commands", headers=key, content=reordered)
    assert "idempotent-replay" not in first.headers
    assert second.headers["idempotent-replay"] == "true"
    assert second.json()["idempotent_replay"] is True
    assert second.json()["results"][0]["id"] == first.json()["results"][0]["id"]
    assert company.head() == head


OTHER_BODIES = [
    b'{"commands":[{"type":"party.create","data":{"name":"Other"}}]}',
    b'{"commands":[{"type":"nope"}]}',
    b"{",
    b"",
    b"\xff",
]


@pytest.mark.parametrize("body", OTHER_BODIES)
def test_a_used_key_with_another_body_is_a_conflict_even_if_that_is_invalid(company: Company, body: bytes) -> None:
    key = {"Idempotency-Key": "k-1", "Content-Type": "application/json"}
    assert company.execute(party(), headers=key).status_code == 200
    head = company.head()
    answer = company.call("POST", "/commands", headers=key, content=body)
    assert (answer.status_code, answer.json()["code"], answer.json()["path"]) == (409, "idempotency_key_reused", "Idempotency-Key")
    assert company.head() == head


def test_a_key_belongs_to_one_request_and_one_company(company: Company) -> None:
    key = {"Idempotency-Key": "k-1"}
    assert company.call("POST", "/records/party", headers=key, json={"data": {"name": "X"}}).status_code == 201
    other = company.call("POST", "/records/party_group", headers=key, json={"data": {"name": "X"}})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


def test_a_refused_request_leaves_its_key_free(company: Company) -> None:
    key = {"Idempotency-Key": "k-1"}
    assert company.execute({"type": "party.create", "data": {"nam": "X"}}, headers=key).status_code == 422
    assert company.execute({"type": "party.delete", "number": 9}, headers=key).status_code == 404
    assert company.execute(party(), headers=key).status_code == 200


def test_a_repeated_change_is_answered_though_the_record_has_moved_on(company: Company) -> None:
    seq = company.create("party", name="Before")["seq"]
    headers = {"Idempotency-Key": "k-1", "If-Match": f'"{seq}"'}
    first = company.call("PATCH", "/records/party/1", headers=headers, json={"data": {"name": "After"}})
    second = company.call("PATCH", "/records/party/1", headers=headers, json={"data": {"name": "After"}})
    assert first.status_code == second.status_code == 200
    assert second.json() == {**first.json(), "idempotent_replay": True}


def test_six_equal_requests_at_once_make_one_record(company: Company) -> None:
    def send(_: int) -> Any:
        return company.execute(party(), headers={"Idempotency-Key": "at-once"})

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(6)))
    assert [answer.status_code for answer in answers] == [200] * 6
    assert len({answer.json()["results"][0]["id"] for answer in answers}) == 1
    assert sum("idempotent-replay" not in answer.headers for answer in answers) == 1
    assert company.get("/records/party").json()["total"] == 1


def test_a_password_takes_part_in_the_comparison(company: Company) -> None:
    def send(password: str) -> Any:
        user = {"name": "U", "email": "u@example.com", "password": password}
        return company.execute({"type": "user.create", "data": user}, headers={"Idempotency-Key": "u"})

    assert send("the first one").status_code == 200
    assert send("the first one").headers["idempotent-replay"] == "true"
    assert send("the other one").json()["code"] == "idempotency_key_reused"


def test_five_thousand_commands_and_no_more(company: Company) -> None:
    assert company.execute(*[party(str(n)) for n in range(5_000)]).status_code == 200
    answer = company.execute(*[party(str(n)) for n in range(5_001)])
    assert (answer.status_code, answer.json()["code"]) == (413, "batch_too_large")
    assert company.get("/records/party?page_size=1").json()["total"] == 5_000
