"""Links of visitors: to everything where nobody assigned anything, else to what was assigned; and going from one to the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from mahak_clients import Client, save_v1

from infra.sync.layout import RowKeeper

Row = dict[str, Any]


@pytest.fixture
def visitor(mahak: Client, member: Callable[[str], Any]) -> Client:
    """The app of a visitor, who is an accountant, of the owner's company."""
    company = member("accountant")
    client = Client(company, mahak.database_id)
    users = mahak.company.get(f"/records/user/{company.user_id}").json()
    client.visitor_id = users["number"]
    return client


class App:
    """What an app keeps of the links to people: each row by its id, and the highest version."""

    def __init__(self, client: Client, name: str = "VisitorPeople", asked: str = "fromVisitorPersonVersion", **more: Any) -> None:
        self.client, self.name, self.asked, self.more = client, name, asked, more
        self.rows: dict[int, Row] = {}
        self.version = 0

    def pull(self) -> list[Row]:
        """Pull what changed, until there is nothing more."""
        changed: list[Row] = []
        for _ in range(50):
            found = self.client.pull(**{self.asked: self.version}, **self.more)[self.name]
            changed += found
            self.rows |= {row[self.name_of_id]: row for row in found}
            self.version = max([self.version, *(row["RowVersion"] for row in found)])
            if not found or not self.more:
                return changed
        raise AssertionError("the pages have no end")

    @property
    def name_of_id(self) -> str:
        """The wire name of the links' own ids."""
        return {"VisitorPeople": "VisitorPersonId", "VisitorProducts": "VisitorProductId"}[self.name]

    @property
    def people(self) -> list[int]:
        """The people that the app shows."""
        assert all(row["VisitorId"] == self.client.visitor_id for row in self.rows.values() if not row["Deleted"])
        return sorted(row["PersonId"] for row in self.rows.values() if not row["Deleted"])


def people(mahak: Client, *names: str) -> list[Row]:
    return [mahak.company.create("party", name=name) for name in names]


def assign(mahak: Client, visitor: Client, person: Row) -> str:
    link = {"type": "visitorPeople", "party_id": person["id"], "user_id": str(visitor.company.user_id)}
    return str(mahak.company.create("custom_record", **link)["id"])


def test_who_has_no_links_is_linked_to_everything(mahak: Client, visitor: Client) -> None:
    ann, bob = people(mahak, "Ann", "Bob")
    app, owners = App(visitor), App(mahak)
    assert [row["VisitorPersonId"] > 1_000_000_000 for row in app.pull()] == [True, True]
    owners.pull()
    assert app.people == owners.people == [ann["number"], bob["number"]]
    assert app.pull() == []
    (cid,) = people(mahak, "Cid")
    assert [(row["PersonId"], row["RowVersion"]) for row in app.pull()] == [(cid["number"], mahak.company.head())]
    mahak.company.execute({"type": "party.delete", "id": bob["id"]})
    assert [(row["PersonId"], row["Deleted"]) for row in app.pull()] == [(bob["number"], True)]
    assert app.people == [ann["number"], cid["number"]]
    rows = visitor.pull_v2(fromVisitorPersonVersion=0)["data"]["visitorPeople"]["records"]
    assert [(row["visitorId"], row["personId"], row["deleted"]) for row in rows if not row["deleted"]] == [
        (visitor.visitor_id, ann["number"], False), (visitor.visitor_id, cid["number"], False),
    ]  # fmt: skip


@pytest.mark.parametrize(("more", "at_once"), [({}, 1_000), ({}, 1), ({"pageSize": 2}, 1_000)])
def test_links_that_others_make_are_all_there_is_until_the_last_one_goes(
    mahak: Client, visitor: Client, more: Row, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ROWS_AT_ONCE", "FEWEST_AT_ONCE", "MOST_AT_ONCE"):
        monkeypatch.setattr(f"api.mahak.pages.{name}", at_once)
    ann, bob, cid = people(mahak, "Ann", "Bob", "Cid")
    app, owners = App(visitor, **more), App(mahak, **more)
    app.pull()
    first = assign(mahak, visitor, bob)
    app.pull()
    assert app.people == [bob["number"]]
    (dan,) = people(mahak, "Dan")
    assert app.pull() == []
    second = assign(mahak, visitor, dan)
    assert [row["PersonId"] for row in app.pull()] == [dan["number"]]
    assert App(visitor).pull() == [app.rows[key] for key in sorted(app.rows) if key < 1_000_000_000]
    mahak.company.execute({"type": "custom_record.delete", "id": first})
    app.pull()
    assert app.people == [dan["number"]]
    mahak.company.execute({"type": "custom_record.delete", "id": second})
    version = app.version
    app.pull()
    assert app.people == [ann["number"], bob["number"], cid["number"], dan["number"]]
    v2 = visitor.pull_v2(fromVisitorPersonVersion=version)["data"]["visitorPeople"]
    assert {row["personId"] for row in v2["records"] if not row["deleted"]} == set(app.people)
    assert (v2["rowVersion"], v2["hasMore"]) == (app.version, False)
    (eve,) = people(mahak, "Eve")
    assert [row["PersonId"] for row in app.pull()] == [eve["number"]]
    assert app.pull() == []
    late = App(visitor, **more)
    late.pull()
    owners.pull()
    assert late.people == app.people == owners.people
    assign(mahak, visitor, ann)
    for one in (app, late):
        one.pull()
        assert one.people == [ann["number"]]


def test_what_a_visitor_adds_itself_takes_nothing_away(mahak: Client, visitor: Client) -> None:
    ann, bob = people(mahak, "Ann", "Bob")
    app = App(visitor)
    app.pull()
    body = {
        "People": [{"PersonClientId": 7, "FirstName": "Sara"}],
        "VisitorPeople": [{"PersonClientId": 7, "VisitorId": visitor.visitor_id}],
    }
    told = visitor.post("/Sync/SaveAllData", body).json()
    assert told["Result"] is True, told
    sara = told["Data"]["Objects"]["People"]["Results"][0]["EntityId"]
    app.pull()
    assert app.people == [ann["number"], bob["number"], sara]
    link = assign(mahak, visitor, ann)
    app.pull()
    assert app.people == [ann["number"], sara]
    mahak.company.execute({"type": "custom_record.delete", "id": link})
    app.pull()
    assert app.people == [ann["number"], bob["number"], sara]


def test_a_link_that_is_given_to_somebody_else_leaves_its_visitor(mahak: Client, visitor: Client) -> None:
    ann, bob = people(mahak, "Ann", "Bob")
    app = App(visitor)
    link = assign(mahak, visitor, ann)
    app.pull()
    assert app.people == [ann["number"]]
    moved = {"type": "custom_record.update", "id": link, "data": {"user_id": str(mahak.company.user_id)}}
    assert mahak.company.execute(moved).status_code == 200
    app.pull()
    assert app.people == [ann["number"], bob["number"]]


def test_goods_come_with_their_prices(mahak: Client, visitor: Client) -> None:
    create = mahak.company.create
    tea = create("product", name="Tea", price="12.50")
    app = App(visitor, "VisitorProducts", "fromVisitorProductVersion")
    (own,) = app.pull()
    assert (own["ProductDetailId"], own["Price"], own["VisitorId"]) == (1_000_000_001, 12.5, visitor.visitor_id)
    detail = create("product_detail", product_id=tea["id"], prices=["9", "8.25"], default_price_level=2)
    gone, new = sorted(app.pull(), key=lambda row: not row["Deleted"])
    assert (gone["VisitorProductId"], gone["Deleted"]) == (own["VisitorProductId"], True)
    assert (new["ProductDetailId"], new["Price"], new["Deleted"]) == (detail["number"], 8.25, False)
    details = visitor.pull(fromProductDetailVersion=0)["ProductDetails"]
    assert {row["ProductDetailId"]: row["Deleted"] for row in details} == {
        row["ProductDetailId"]: row["Deleted"] for row in app.rows.values()
    }
    link = {"type": "visitorProducts", "product_detail_id": detail["id"], "user_id": str(visitor.company.user_id)}
    create("custom_record", **link, data={"price": "7.125", "count1": "3"})
    app.pull()
    assert [(row["Price"], row["Count1"]) for row in app.rows.values() if not row["Deleted"]] == [(7.125, 3)]


def test_banks_cash_desks_incomes_and_expenses(mahak: Client, visitor: Client) -> None:
    create = mahak.company.create
    ids = {
        "Bank": create("bank", name="Saman")["number"],
        "Cash": create("cash", name="Till")["number"],
        "Income": create("custom_record", type="incomes", data={"name": "Rent"})["number"],
        "Expense": create("custom_record", type="expenses", data={"name": "Fuel"})["number"],
    }
    wanted = {f"fromVisitor{name}Version": 0 for name in ids}
    found = visitor.pull(**wanted)
    for name, number in ids.items():
        (row,) = found["VisitorCashes" if name == "Cash" else f"Visitor{name}s"]
        assert (row[f"{name}Id"], row["VisitorId"], row[f"Visitor{name}Id"]) == (number, visitor.visitor_id, 1_000_000_000 + number)


def test_a_poll_is_not_told_that_nothing_is_new_by_rows_that_are_behind(mahak: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process writes while this one brings the rows up to the log: they are complete only up to what it knew of."""
    assert mahak.pull(fromPersonVersion=0)["People"] == []
    people(mahak, "Ann")
    catch_up = RowKeeper.catch_up

    def overtaken(self: RowKeeper, company_id: Any, until: int) -> None:
        catch_up(self, company_id, until)
        monkeypatch.setattr(RowKeeper, "catch_up", catch_up)
        people(mahak, "Bob")

    monkeypatch.setattr(RowKeeper, "catch_up", overtaken)
    (ann,) = mahak.pull(fromPersonVersion=0)["People"]
    version = ann["RowVersion"]
    assert [row["FirstName"] for row in mahak.pull(fromPersonVersion=version)["People"]] == ["Bob"]


def test_a_link_that_names_no_visitor_is_of_who_makes_it(mahak: Client, visitor: Client) -> None:
    ann, bob = people(mahak, "Ann", "Bob")
    assign(mahak, visitor, ann)
    told = save_v1(visitor, VisitorPeople=[{"PersonId": bob["number"], "VisitorId": 0}])
    made = told["Data"]["Objects"]["VisitorPeople"]["Results"][0]["EntityId"]
    app = App(visitor)
    app.pull()
    assert app.people == [ann["number"], bob["number"]]
    assert app.rows[made]["VisitorId"] == visitor.visitor_id
