"""Lists answered from memory: as long as nothing has changed, to whoever may see them, and to nobody else."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from fintrack_clients import NIL, PATHS, Caller

from api.fintrack import answering, asking, reading
from domain.command import SYSTEM, Command
from domain.errors import RecordNotFound
from infra.composition import Services
from infra.identity.identity import Identity
from infra.store.pipeline import Pipeline
from infra.sync.heads import Heads

INVOICES, CUSTOMERS = PATHS["invoice"], PATHS["customer"]
SEARCH = "/bff-service/v1/search?keyword=shirin"


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the database is asked: a list's statements, and where the log ends."""
    asked: list[str] = []
    receiving, execute = Pipeline.receiving, Heads._execute

    def received(self: Pipeline) -> Any:
        asked.append("statement")
        return receiving(self)

    async def looked_up(self: Heads, companies: Any) -> Any:
        asked.append("head")
        return await execute(self, companies)

    monkeypatch.setattr(Pipeline, "receiving", received)
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


def test_a_session_that_ends_while_its_list_is_read_sees_nothing_of_what_came_after(owner, caller, company, services, monkeypatch):
    """It was confirmed beside the reading, and ended before what was read was written."""
    owner.make("customer", name="Before")
    one = caller("accountant")
    for _ in range(2):
        assert one.call("GET", CUSTOMERS).status_code == 200
    session = services.identity.authenticate(one.token).sid
    owner.make("customer", name="Then")  # so that the log is known to have moved
    read, confirm, confirmed = Services.read_list, Identity.confirm_with_company, asyncio.Event()

    def confirming(self: Identity, *given: Any, **named: Any) -> Any:
        found = confirm(self, *given, **named)
        confirmed.set()
        return found

    async def read_late(self: Services, *given: Any, **named: Any) -> Any:
        for _ in range(1_000):
            if confirmed.is_set():
                break
            await asyncio.sleep(0.01)
        ending = [Command(kind="session", action="delete", id=session)]
        with suppress(RecordNotFound):  # when it is read again
            await self.threads.run(self.ledger.execute, company.id, ending, SYSTEM)
        return await read(self, *given, **named)

    monkeypatch.setattr(Identity, "confirm_with_company", confirming)
    monkeypatch.setattr(Services, "read_list", read_late)
    assert told(one, CUSTOMERS)[0] == 401


def test_a_large_page_is_made_in_a_thread_and_is_the_same(owner, monkeypatch):
    shirin = owner.make("customer", name="Shirin")["id"]
    for number in range(3):
        owner.invoice(f"A-{number}", shirin, items=[{"description": "x", "quantity": 1, "unitPrice": 5, "productOrServiceId": NIL}])
    first = told(owner, INVOICES)
    threads: list[str] = []
    rows = reading._rows

    def made(*given: Any) -> Any:
        threads.append(threading.current_thread().name)
        return rows(*given)

    monkeypatch.setattr(reading, "_rows", made)
    assert told(owner, f"{INVOICES}?requestId=x") == first
    monkeypatch.setattr(answering, "MOST_BYTES_IN_LOOP", 1_000)
    assert told(owner, f"{INVOICES}?requestId=y") == first
    assert not threads[0].startswith("work")
    assert threads[1].startswith("work")
