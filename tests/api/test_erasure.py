"""Erasing over HTTP and by the command line: who may, what clients see of it, and the chain computed from what the API sends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from infra.cli.main import daftar
from infra.settings import Settings

from .conftest import Company
from .subscribers import stream

MINA = {"name": "Mina Karimi", "phone": "+98 21 5555", "email": "mina@karimi.example", "roles": ["customer"]}
ERASED = "(erased)"


@pytest.fixture
def mina(company: Company) -> Company:
    """A company with one customer, who changed her telephone number and bought something."""
    company.create("party", **MINA)
    company.call("PATCH", "/records/party/1", json={"data": {"phone": "+98 21 6666", "credit_limit": "90"}})
    lines = [{"description": "Tea", "quantity": "1", "unit_price": "5"}]
    company.create("invoice", type="sales", party_id={"number": 1}, lines=lines, shipping_address="Karimi street 1")
    return company


def erase(company: Company, number: int = 1, kind: str = "party") -> Any:
    return company.execute({"type": f"{kind}.erase", "number": number})


def proved(company: Company) -> str:
    """The head's hash, computed from nothing but what the API sends."""
    previous = bytes(32)
    lines = company.get("/events?after=0", headers={"Accept": "application/x-ndjson"}).text.splitlines()
    for line in lines:
        event = json.loads(line)
        columns = [str(company.id), *(event[name] for name in ("seq", "kind", "record_id", "version", "topic"))]
        moments = [event[name].replace(".000000Z", "Z") for name in ("recorded_at", "occurred_at")]
        columns += moments + [event[name] for name in ("actor_id", "device_id", "command_id", "correlation_id")]
        if "sealed" in event:
            redacted, _, ciphertext = bytes.fromhex(event["sealed"]).partition(b"\n")
            rest = redacted + b"\n" + ciphertext.hex().encode()
        else:
            rest = json.dumps(event["data"], separators=(",", ":"), ensure_ascii=False).encode()
        text = json.dumps(columns, separators=(",", ":")).encode() + b"\n" + rest
        previous = hashlib.sha256(previous + text).digest()
        assert event["hash"] == previous.hex(), event["seq"]
    return previous.hex()


def test_what_clients_see_of_an_erasure(mina: Company) -> None:
    before = mina.get("/head").json()
    assert proved(mina) == before["hash"]
    assert erase(mina).status_code == 200
    for path in (
        "/records?after=0",
        "/records/party/1",
        "/records/party?email=mina@karimi.example",
        "/records/invoice/1",
        "/events?after=0",
        "/records/party/1/history",
        f"/records/party/1?at_seq={before['seq']}",
        f"/records/party/1?at={before['recorded_at']}",
    ):
        for word in ("Mina", "98 21", "karimi", "Karimi"):
            assert word not in mina.get(path).text, path
    party = mina.get("/records/party/1").json()["data"]
    assert party == {
        "name": ERASED, "roles": ["customer"], "type": "person", "credit_limit": "90", "is_active": False, "erased": True
    }  # fmt: skip
    assert mina.get(f"/records/party/1?at_seq={before['seq']}").json()["data"]["name"] == ERASED
    news = mina.get(f"/records?after={before['seq']}").json()["records"]
    assert sorted((record["kind"], record["number"]) for record in news) == [("invoice", 1), ("party", 1)]
    invoice = mina.get("/records/invoice/1").json()["data"]
    assert (invoice["total"], invoice.get("shipping_address")) == ("5.00", None)
    assert [entry["topic"] for entry in mina.get("/records/party/1/history").json()["history"]][-1] == "party.erased.v1"
    proof = mina.get("/verify").json()
    assert (proof["valid"], proof["head_hash"]) == (True, proved(mina))


def test_a_late_update_is_refused_and_a_second_erasure_does_nothing(mina: Company) -> None:
    base = mina.get("/records/party/1").json()["seq"]
    assert erase(mina).json()["results"][0]["changed"] is True
    head = mina.head()
    for more in ({}, {"base_seq": base}):
        late = mina.execute({"type": "party.update", "number": 1, "data": {"phone": "1"}, **more})
        assert (late.status_code, late.json()["code"]) == (410, "person_erased")
    assert erase(mina).json()["results"][0].get("changed", True) is False
    assert mina.head() == head


def test_subscribers_are_told(served: Company) -> None:
    served.create("party", **MINA)
    with stream(served) as subscriber:
        served.execute({"type": "party.erase", "number": 1})
        subscriber.wait_for(1)
        assert json.loads(subscriber.frames[0]["data"])["topic"] == "party.erased.v1"
        assert "Mina" not in subscriber.frames[0]["data"]


@pytest.mark.parametrize("role", ["accountant", "staff", "user", "viewer"])
def test_only_managers_erase(mina: Company, member: Callable[[str], Company], role: str) -> None:
    other = member(role)
    for kind in ("party", "user"):
        refused = erase(other, kind=kind)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert erase(member("tenantAdmin")).status_code == 200


def test_an_erased_user_is_out(mina: Company, member: Callable[[str], Company]) -> None:
    user = member("accountant")
    number = user.get(f"/records/user/{user.get('/records/user').json()['records'][-1]['id']}").json()["number"]
    assert erase(mina, number, "user").status_code == 200
    assert user.get("/head").status_code == 401
    assert user.login().status_code == 401
    assert erase(mina, 1, "user").json()["code"] == "role_fixed"
    assert user.email not in mina.get("/events?after=0").text


def test_the_command_line(mina: Company, api_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in api_settings.environment().items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, stdin: str = "") -> Any:
        return CliRunner().invoke(daftar, ["company", "erase-person", "--company", mina.codename, *arguments], input=stdin)

    assert "nothing was erased" in str(run("--party", "1", stdin="n\n").exception)
    assert "neither an id" in str(run("--party", "Mina").exception)
    assert "no party 7" in str(run("--party", "7", "--yes").exception)
    assert "one person" in str(run().exception)
    asked = run("--party", "1", stdin="y\n")
    assert "Erase party 1, 'Mina Karimi'" in asked.stderr
    assert f"party 1 of {mina.codename} is erased" in asked.stdout
    party = mina.get("/records/party/1").json()
    again = run("--party", party["id"], "--yes", "--json")
    assert json.loads(again.stdout) == {"id": party["id"], "kind": "party", "number": 1, "seq": mina.head()}


def test_an_imported_person_leaves_no_name_in_its_client_id(company: Company) -> None:
    table = "name,phone\nMina Karimi,+98 21 5555\n"
    query = "/imports/csv?kind=parties"
    imported = company.call("POST", query, content=table.encode(), headers={"Content-Type": "text/csv"})
    assert imported.status_code == 200, imported.text
    assert erase(company).status_code == 200
    assert "karimi" not in company.get("/records?after=0").text.casefold()
    assert "karimi" not in company.get("/events?after=0").text.casefold()
    again = company.call("POST", query, content=table.encode(), headers={"Content-Type": "text/csv"})
    assert "Karimi" not in company.get("/records/party").text, again.text
