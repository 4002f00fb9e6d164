"""Lists answered from memory: as long as nothing has changed, to whoever may see them, and to nobody else."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from fintrack_clients import NIL, PATHS, Caller

from api.fintrack import answering, asking
from domain.command import SYSTEM, Command
from infra.store.pipeline import Pipeline
from infra.sync.heads import Heads

INVOICES, CUSTOMERS = PATHS["invoice"], PATHS["customer"]
SEARCH = "/bff-service/v1/search?keyword=shirin"


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the database is asked: a list's statements, and where the log ends."""
    asked: list[str] = []
    results, execute = Pipeline.results, Heads._execute

    def answered(self: Pipeline) -> Any:
        asked.append("statement")
        return results(self)

    async def looked_up(self: Heads, companies: Any) -> Any:
        asked.append("head")
        return await execute(self, companies)

    monkeypatch.setattr(Pipeline, "results", answered)
    monkeypatch.setattr(Heads, "_execute", looked_up)
    return asked


def told(caller: Caller, path: str) -> Any:
    """The status of a list and its rows."""
    answer = caller.call("GET", path)
    body = answer.json()
    return answer.status_code, body.get(body.get("dataName"))


def test_a_list_is_one_query(owner, trips):
    shirin = owner.make("customer", name="Shirin")["id"]
    owner.invoice("A-1", shirin, items=[{"description": "x", "quantity": 1, "unitPrice": 5, "productOrServiceId": NIL}])
    for path in (
        INVOICES,
        f"{INVOICES}?status=unpaid&customerId={shirin}",
        "/bff-service/v1/invoices?customer.name=shir",
        SEARCH,
    ):
        first = told(owner, path)
        assert first[0] == 200
        assert len(first[1]) == 1
        trips.clear()
        assert told(owner, path) == first
        assert trips == ["head"], path
        trips.clear()
        assert told(owner, f"{path}{'&' if '?' in path else '?'}requestId=x") == first
        assert trips == ["statement"], path


def test_every_answer_has_an_envelope_of_its_own(owner):
    first, second = (owner.call("GET", f"{CUSTOMERS}?x=1", headers={"X-Request-Id": name}).json() for name in ("one", "two"))
    assert (first["requestId"], second["requestId"]) == ("one", "two")


def test_what_changes_is_seen_at_once(owner):
    shirin = owner.make("customer", name="Shirin")["id"]
    invoice = owner.invoice("A-1", shirin, items=[{"description": "x", "quantity": 1, "unitPrice": 50, "productOrServiceId": NIL}])
    assert owner.list("customer")[0]["balance"] == owner.list("customer")[0]["balance"] == 50
    owner.list("invoice")
    owner.payment(20, invoiceId=invoice["id"])
    assert owner.list("customer")[0]["balance"] == 30
    assert [one["status"] for one in owner.list("invoice")] == ["partial"]
    owner.change("customer", shirin, name="Farhad")
    assert owner.list("invoice")[0]["customer"][0]["name"] == "Farhad", "rows show what is beside them as it is"
    owner.delete("invoice", invoice["id"])
    assert owner.list("invoice") == []


def test_a_new_day_is_seen_though_nothing_was_written(owner, monkeypatch):
    owner.invoice("A-1", owner.make("customer", name="Shirin")["id"], dueDate="2098-01-01")
    assert [one["status"] for one in owner.list("invoice")] == ["unpaid"]
    assert [one["status"] for one in owner.list("invoice")] == ["unpaid"]
    for module in (asking, answering):
        monkeypatch.setattr(module, "today_of", lambda _: date(2098, 1, 2))
    assert [one["status"] for one in owner.list("invoice")] == ["overdue"]


@pytest.mark.parametrize("path", [CUSTOMERS, SEARCH, "/ledger/v1/records/party?name=Shirin"])
def test_a_session_that_ended_elsewhere_sees_nothing_more(owner, caller, company, services, path):
    """As when another process ends it: this one learns of it from the log alone."""
    owner.make("customer", name="Shirin")
    one = caller("accountant")
    for _ in range(2):
        assert one.call("GET", path).status_code == 200
    session = services.identity.authenticate(one.token).sid
    services.ledger.execute(company.id, [Command(kind="session", action="delete", id=session)], SYSTEM)
    assert session in services.identity._open, "known as it was"
    more = "&" if "?" in path else "?"
    for asked in (
        path,
        f"{path}{more}requestId=new" if "ledger" not in path else f"{path}&page_size=2",
        f"{path}{more}sort=rubbish",
    ):
        assert one.call("GET", asked).status_code == 401, asked


def test_a_user_who_is_not_active_any_more_sees_nothing_more(caller, company, services):
    one = caller("accountant")
    for _ in range(2):
        assert told(one, CUSTOMERS) == (200, [])
    user = services.identity.authenticate(one.token).sub
    services.ledger.execute(company.id, [Command(kind="user", action="update", id=user, data={"is_active": False})], SYSTEM)
    assert one.call("GET", CUSTOMERS).status_code == 401


def test_a_role_without_rights_sees_nothing_that_others_saw(owner, caller, company, services):
    one, none = caller("accountant"), caller("tenantUser")
    for path in (CUSTOMERS, SEARCH):
        for _ in range(2):
            assert told(one, path)[0] == told(owner, path)[0] == 200
            assert told(none, path)[0] == 403
    user = services.identity.authenticate(one.token).sub
    services.ledger.execute(company.id, [Command(kind="user", action="update", id=user, data={"role": "tenantUser"})], SYSTEM)
    for path in (CUSTOMERS, f"{CUSTOMERS}?requestId=new", SEARCH):
        assert told(one, path)[0] == 403


def test_businesses_do_not_see_each_others(owner, theirs):
    owner.make("customer", name="Ours")
    theirs.make("customer", name="Theirs")
    for _ in range(3):
        assert [one["name"] for one in owner.list("customer")] == ["Ours"]
        assert [one["name"] for one in theirs.list("customer")] == ["Theirs"]
        assert told(Caller(owner.client, owner.codename, theirs.token), CUSTOMERS)[0] == 401
    native = {caller.codename: caller.call("GET", "/ledger/v1/records/party").json()["records"] for caller in (owner, theirs) * 2}
    assert [native[caller.codename][0]["data"]["name"] for caller in (owner, theirs)] == ["Ours", "Theirs"]


def test_a_business_that_was_closed_shows_nothing_more(owner, company, services):
    for _ in range(2):
        assert told(owner, CUSTOMERS) == (200, [])
    services.ledger.execute(
        company.id, [Command(kind="company", action="update", id=company.id, data={"is_active": False})], SYSTEM
    )
    assert told(owner, CUSTOMERS)[0] == 401


def test_the_native_list_is_one_query_and_of_this_moment(company, trips):
    path = "/records/party?name=Shirin"
    assert company.get(path).json()["total"] == 0
    company.create("party", name="Shirin")
    for expected in (None, ["head"]):
        trips.clear()
        assert company.get(path).json()["total"] == 1
        assert expected is None or trips == expected
    trips.clear()
    assert company.get(f"{path}&page_size=7").json()["total"] == 1
    assert trips == ["statement"]
