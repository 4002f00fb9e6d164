"""Two devices edit the same thing offline: each table by its rule, the inbox with both versions, and how a conflict is settled."""

from __future__ import annotations

import pytest
from matrix_devices import delete, insert, update

INVOICE = (
    insert("transactions", "t", type="sale", total_amount="10", reference_no="R0"),
    insert("invoices", "i", transaction_id="t", invoice_type="sale", due_date="2099-01-01", grand_total="10"),
)


def both_have(devices, *items):
    """What one device made, the other has pulled."""
    tablet, phone = devices
    ids = tablet.made(*items)
    phone.pull()
    tablet.pull()
    return ids


def conflicts(answer):
    return [(one["policy"], one["resolution"], one["status"]) for one in answer["conflicts"]]


def test_of_an_invoice_the_servers_version_stands_and_the_clients_is_kept(devices):
    tablet, phone = devices
    invoice = both_have(devices, *INVOICE)["i"]
    tablet.made(update("invoices", invoice, {"due_date": "2099-02-02"}))
    answer = phone.push(update("invoices", invoice, {"due_date": "2099-03-03"}))
    assert conflicts(answer) == [("server_wins", "server_kept", "settled")]
    (conflict,) = answer["conflicts"]
    assert conflict["client_version"] == {"due_date": "2099-03-03"}
    assert conflict["server_record"]["due_date"] == "2099-02-02"
    assert conflict["fields"] == ["due_date"]
    assert answer["results"][0]["status"] == "conflict"
    kept = tablet.call("GET", "/sync/conflicts?status=settled").json()["conflicts"][0]
    assert (kept["client_version"], kept["server_version"]) == ({"due_date": "2099-03-03"}, {"due_date": "2099-02-02"})
    assert [change["data"]["due_date"] for change in phone.pull(tables=["invoices"])] == ["2099-02-02"]


def test_of_a_product_the_fields_are_merged(devices):
    tablet, phone = devices
    product = both_have(devices, insert("products", "p", name="Tea", sale_price="5"))["p"]
    tablet.made(update("products", product, {"name": "Green tea", "sale_price": "6"}))
    answer = phone.push(update("products", product, {"sale_price": "7", "last_cost": "3"}))
    assert conflicts(answer) == [("merge", "merged", "settled")]
    row = tablet.row("products", product)["data"]
    assert (row["name"], row["sale_price"], row["last_cost"]) == ("Green tea", "6.00", "3.00")
    other = phone.push(update("products", product, {"is_active": False}))
    assert other["conflicts"] == [], "fields that did not both change"


@pytest.mark.parametrize(("mine", "theirs", "wins"), [("10:00", "11:00", "phone"), ("11:00", "10:00", "tablet")])
def test_of_a_party_the_later_edit_wins(devices, mine, theirs, wins):
    tablet, phone = devices
    party = both_have(devices, insert("parties", "p", name="P"))["p"]
    tablet.made(update("parties", party, {"phone": "tablet"}, timestamp=f"2025-01-01T{mine}:00Z"))
    answer = phone.push(update("parties", party, {"phone": "phone"}, timestamp=f"2025-01-01T{theirs}:00Z"))
    assert answer["errors"] == []
    assert len(answer["conflicts"]) == 1
    assert tablet.row("parties", party)["data"]["phone"] == wins


def open_conflict(devices):
    """Two devices have changed the same settings; the number of the conflict."""
    tablet, phone = devices
    ids = both_have(devices, insert("settings", "s", name="print", value={"size": "A4"}, description="old"))
    tablet.made(update("settings", ids["s"], {"value": {"size": "A5"}, "description": "tablet"}))
    answer = phone.push(update("settings", ids["s"], {"value": {"size": "A6"}, "description": "phone"}))
    assert conflicts(answer) == [("manual", "open", "open")]
    return ids["s"], answer["conflicts"][0]["conflict_id"]


@pytest.mark.parametrize(
    ("choice", "size", "description"),
    [
        ({"resolution": "server"}, "A5", "tablet"),
        ({"resolution": "client"}, "A6", "phone"),
        ({"resolution": "merged", "fields": {"value": {"size": "A7"}, "description": "both"}}, "A7", "both"),
    ],
)
def test_settings_wait_for_a_person(devices, choice, size, description):
    tablet, phone = devices
    row, conflict = open_conflict(devices)
    assert tablet.row("settings", row)["data"]["value"] == {"size": "A5"}, "nothing has changed yet"
    for device in devices:
        status = device.status()
        assert status["open_conflicts"] == 1
        assert status["conflicts"][0]["client_version"]["value"] == {"size": "A6"}
        device.pull()
    settled = phone.post("resolve", conflict_id=conflict, **choice)
    assert settled.status_code == 200, settled.text
    assert settled.json()["resolved"][0]["server_record"]["description"] == description
    assert tablet.row("settings", row)["data"]["value"] == {"size": size}
    seen = {change["table"]: change["data"] for change in tablet.pull(include_conflicts=True)}
    assert seen["conflicts"]["status"] == "settled", "resolutions reach other devices"
    assert ("settings" in seen) == (choice["resolution"] != "server")
    assert tablet.status()["open_conflicts"] == 0
    again = phone.post("resolve", conflict_id=conflict, **choice)
    assert again.status_code == 200, "the same choice again is answered again"
    other = "client" if choice["resolution"] == "server" else "server"
    assert tablet.post("resolve", conflict_id=conflict, resolution=other).status_code == 409


def test_of_a_list_of_resolutions_each_stands_by_itself(devices):
    _, phone = devices
    _, conflict = open_conflict(devices)
    answer = phone.post(
        "resolve",
        resolutions=[
            {"conflict_id": 999, "resolution": "server"},
            {"conflict_id": conflict, "resolution": "merged", "fields": {"colour": "red"}},
            {"conflict_id": conflict, "resolution": "coin"},
            {"conflict_id": conflict, "resolution": "merged"},
            "settle it",
            {"conflict_id": conflict, "resolution": "client"},
        ],
    ).json()
    assert [(error["index"], error["code"]) for error in answer["errors"]] == [
        (0, "record_not_found"),
        (1, "invalid_field"),
        (2, "invalid_field"),
        (3, "invalid_field"),
        (4, "invalid_field"),
    ]
    assert [one["conflict_id"] for one in answer["resolved"]] == [conflict]


def test_a_deletion_against_an_edit(devices):
    tablet, phone = devices
    ids = both_have(devices, insert("products", "p", name="Tea"), insert("products", "q", name="Rice"), *INVOICE)
    tablet.made(update("products", ids["p"], {"name": "Green tea"}), update("invoices", ids["i"], {"due_date": "2099-05-05"}))
    answer = phone.push(delete("products", ids["p"]), delete("transactions", ids["t"]))
    assert [result["status"] for result in answer["results"]] == ["conflict", "conflict"]
    assert tablet.row("invoices", ids["i"])["operation"] != "DELETE", "what is edited is kept"
    tablet.made(delete("products", ids["q"]))
    edit = phone.push(update("products", ids["q"], {"name": "Basmati"}))
    assert edit["results"][0]["status"] == "conflict"
    assert edit["conflicts"][0]["server_deleted"] is True
    assert tablet.row("products", ids["q"])["operation"] == "DELETE", "what is deleted never comes back by an edit"


def test_what_an_edit_was_based_on_can_be_said_in_three_ways(devices):
    tablet, phone = devices
    party = both_have(devices, insert("products", "p", name="Tea"))["p"]
    seen = phone.version
    moment = phone.row("products", party)["timestamp"]
    tablet.made(update("products", party, {"name": "Green tea"}))
    phone.pull()
    for said in ({"base_version": seen}, {"last_sync_at": moment}):
        answer = phone.push(update("products", party, {"name": f"Tea {said}"[:50]}, **said))
        assert len(answer["conflicts"]) == 1, said
    assert len(phone.push(update("products", party, {"name": "Tea 4"}), last_version=seen)["conflicts"]) == 1
    assert phone.push(update("products", party, {"name": "Black tea"}))["conflicts"] == [], "it has pulled the edit"


def test_conflicts_are_pulled_where_they_are_asked_for(devices):
    tablet, _ = devices
    _, conflict = open_conflict(devices)
    assert "conflicts" not in {change["table"] for change in tablet.post("pull", last_version=0).json()["changes"]}
    for more in ({"include_conflicts": True}, {"tables": ["conflicts"]}):
        rows = [c for c in tablet.post("pull", last_version=0, **more).json()["changes"] if c["table"] == "conflicts"]
        assert [row["data"]["conflict_id"] for row in rows] == [conflict]
        assert rows[0]["data"]["table"] == "settings"
