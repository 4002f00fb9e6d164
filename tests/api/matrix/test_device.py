"""`daftar device`'s library: what is written offline arrives once, whatever happens on the way, and devices end equal."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from commands import run_daftar
from devices import Clock, Network, everything, new_file

from infra.device import Answer, Device, LoginNeeded, NoSuchRow, ServerAway
from infra.device.file import DeviceFile

ROOT = Path(__file__).parents[3]
PASSWORD = "correct horse battery"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("DAFTAR_")} | {
    "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
}


@pytest.fixture
def make(company: Any, tmp_path: Path):
    """Makes devices of the test's company."""

    def new(name: str, *, days: int = 0) -> Device:
        path = new_file(tmp_path / f"{name}.db", name, company.token, company_id=None, refresh_token=company.refresh_token)
        device = Device(DeviceFile(path), Network(company.client), Clock(timedelta(days=days)))
        device.sync()
        return device

    return new


def reopened(device: Device) -> Device:
    """The device after its process was killed."""
    device.close()
    return Device(DeviceFile(device.file.path), device.transport, device.clock)


def lose(device: Device, *losses: str) -> None:
    """What becomes of the next requests; those after them arrive."""
    waiting = list(losses)
    device.transport.loss = lambda _: waiting.pop(0) if waiting else ""


def begin(device: Device) -> dict[str, str]:
    """A shop: a party, a product, an invoice with a line, a setting; their ids on the server."""
    party = device.add("parties", {"name": "Shirin", "party_type": "customer", "phone": "1"})
    product = device.add("products", {"name": "Tea", "sku": "T-1", "sale_price": "5.25"})
    sale = device.add("transactions", {"type": "sale", "date": "2025-12-13", "party_id": party})
    line = {"transaction_id": sale, "product_id": product, "quantity": "2", "unit_price": "5.25"}
    local = {
        "parties": party,
        "products": product,
        "transactions": sale,
        "transaction_lines": device.add("transaction_lines", line),
    }
    local["settings"] = device.add("settings", {"name": "receipt", "value": {"copies": 1}})
    report = device.sync()
    assert (report.accepted, report.rejected) == (5, 0), device.items()
    ids = {table: device.id_of(row_id) or "" for table, row_id in local.items()}
    return {**ids, "invoices": ids["transactions"]}


def edit(device: Device, ids: dict[str, str], mine: str, price: str) -> None:
    """The same rows on every device, each in its own words."""
    device.set("invoices", ids["invoices"], {"due_date": f"2099-01-{mine}"})
    device.set("products", ids["products"], {"name": f"Tea {mine}", **({"sale_price": price} if price else {"last_cost": "3"})})
    device.set("parties", ids["parties"], {"phone": mine, ("address" if price else "email"): f"{mine}@example.com"})
    device.set("settings", ids["settings"], {"value": {"copies": int(mine)}})


@pytest.mark.parametrize("first", [0, 1])
def test_two_devices_edit_the_same_rows_offline_and_end_equal(make, first: int) -> None:
    devices = [make("till"), make("phone", days=3)]
    ids = begin(devices[0])
    devices[1].sync()
    edit(devices[0], ids, "11", "6.00")
    edit(devices[1], ids, "12", "")
    winner, loser = devices[first], devices[1 - first]
    won, lost = ("11", "12") if first == 0 else ("12", "11")
    assert winner.sync().conflicts == 0
    assert loser.sync().conflicts == 2, "the invoice and the setting"
    winner.sync()
    for device in devices:
        assert device.row("invoices", ids["invoices"]).data["due_date"] == f"2099-01-{won}", "the server wins"
        product = device.row("products", ids["products"]).data
        assert (product["name"], product["sale_price"], product["last_cost"]) == (f"Tea {won}", "6.00", "3.00"), "merged by field"
        party = device.row("parties", ids["parties"]).data
        assert (party["phone"], party["email"], party["address"]) == ("12", "12@example.com", "11@example.com"), "the later clock"
        assert device.row("settings", ids["settings"]).data["value"] == {"copies": int(won)}, "nobody decided yet"
    inbox = {row["table"]: row for row in loser.conflicts(settled=True)}
    assert inbox["invoices"]["client_version"] == {"due_date": f"2099-01-{lost}"}
    assert inbox["invoices"]["server_version"] == {"due_date": f"2099-01-{won}"}
    opened = loser.conflicts()
    assert [row["table"] for row in opened] == ["settings"]
    assert opened == winner.conflicts()
    winner.resolve(str(opened[0]["id"]), "merged", {"value": {"copies": 20}})
    assert winner.sync().rejected == 0
    loser.sync()
    for device in devices:
        assert device.row("settings", ids["settings"]).data["value"] == {"copies": 20}
        assert device.conflicts() == []
        assert device.items() == []
    assert everything(devices[0]) == everything(devices[1]) == everything(make("new")), "the devices and the server"


def test_local_ids_become_the_servers_everywhere(make) -> None:
    till = make("till")
    ids = begin(till)
    line = till.row("transaction_lines", ids["transaction_lines"]).data
    assert (str(line["transaction_id"]), str(line["product_id"])) == (ids["transactions"], ids["products"])
    assert till.row("invoices", ids["invoices"]).data["grand_total"] == "10.50", "what the server derived has arrived"
    assert not [row for row in everything(till).values() if "temp_" in str(row)]


@pytest.mark.parametrize("losses", [("request",), ("answer",), ("", "answer"), ("", "request"), ("", "", "answer")])
def test_what_was_lost_on_the_way_arrives_once(make, losses: tuple[str, ...]) -> None:
    till, phone = make("till"), make("phone")
    party = till.add("parties", {"name": "Shirin", "party_type": "customer"})
    till.set("parties", party, {"phone": "7"})
    lose(till, *losses)
    with pytest.raises(ServerAway):
        till.sync()
    assert [row.data["phone"] for row in till.rows("parties")] == ["7"], "it is still seen here, once"
    till = reopened(till)
    till.set("parties", party, {"address": "Street 1"})
    till.sync()
    phone.sync()
    assert [(row.data["name"], row.data["phone"], row.data["address"]) for row in phone.rows("parties")] == [
        ("Shirin", "7", "Street 1")
    ]
    assert everything(till) == everything(phone)


def test_a_push_whose_answer_was_lost_is_sent_again_unchanged(make) -> None:
    till = make("till")
    till.add("parties", {"name": "Shirin", "party_type": "customer"})
    lose(till, "", "answer")
    with pytest.raises(ServerAway):
        till.sync()
    till = reopened(till)
    till.add("parties", {"name": "Mina", "party_type": "supplier"})
    till.sync()
    first, again, rest = [body for _, path, _, body in till.transport.sent if path.endswith("push")]
    assert first == again
    assert b"Mina" not in again
    assert b"Mina" in rest


def test_an_edit_made_on_an_unsent_row_stays_on_top_of_what_is_pulled(make) -> None:
    till, phone = make("till"), make("phone")
    ids = begin(till)
    phone.sync()
    phone.set("parties", ids["parties"], {"address": "Phone street"})
    till.set("parties", ids["parties"], {"email": "till@example.com"})
    phone.sync()
    lose(till, "", "request")
    with pytest.raises(ServerAway):
        till.sync()
    row = till.row("parties", ids["parties"])
    assert (row.data["address"], row.data["email"], row.state) == ("Phone street", "till@example.com", "queued")
    assert row.changed == {"email"}


def test_what_is_rejected_stays_with_its_reason_until_it_is_corrected_or_discarded(make) -> None:
    till = make("till")
    till.add("products", {"name": "Tea", "sku": "T-1"})
    till.sync()
    double = till.add("products", {"name": "Coffee", "sku": "T-1"})
    nowhere = till.add("transaction_lines", {"transaction_id": "999", "unit_price": "1", "quantity": "1"})
    assert till.sync().rejected == 2
    rejected = till.items("rejected")
    assert [(item.row_id, item.code) for item in rejected] == [(double, "value_taken"), (nowhere, "reference_missing")]
    assert rejected[0].field == "sku"
    assert "T-1" in rejected[0].message
    assert till.row("products", double).state == "rejected"
    assert till.sync().sent == 0, "it is not sent again by itself"
    till.set("products", double, {"sku": "C-1"})
    assert till.sync().accepted == 1
    assert till.row("products", double).data["sku"] == "C-1"
    till.discard(rejected[1].number)
    assert till.rows("transaction_lines") == till.items() == []
    with pytest.raises(NoSuchRow):
        till.retry(rejected[1].number)


def test_what_is_too_much_for_one_request_goes_in_several(make) -> None:
    till = make("till")
    names = [f"party {number}" for number in range(10)]
    for name in names:
        till.add("parties", {"name": name, "party_type": "customer"})
    deliver = till.transport.deliver
    sizes = []

    def strict(method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        if path.endswith("push"):
            sizes.append(len(json.loads(body or b"")["changes"]))
            if sizes[-1] > 3:
                return Answer(413, b'{"message": "This is too large."}')
        return deliver(method, path, headers, body)

    till.transport.deliver = strict
    assert till.sync().accepted == 10
    assert sizes == [10, 5, 2, 2, 2, 2, 2]
    assert sorted(row.data["name"] for row in make("phone").rows("parties")) == names


def test_a_session_that_ran_out_is_renewed_and_one_that_ended_asks_for_a_login(make) -> None:
    till = make("till")
    till.file.note(token="no longer valid")
    till.add("parties", {"name": "Shirin", "party_type": "customer"})
    assert till.sync().accepted == 1
    assert till.file.fact("token") != "no longer valid"
    till.file.note(token="gone", refresh_token="gone")
    till.add("parties", {"name": "Mina", "party_type": "customer"})
    with pytest.raises(LoginNeeded):
        till.sync()
    assert till.items()[0].data["name"] == "Mina"


def test_a_deletion_reaches_the_other_device(make) -> None:
    till, phone = make("till"), make("phone")
    ids = begin(till)
    phone.sync()
    till.delete("transaction_lines", ids["transaction_lines"])
    assert till.rows("transaction_lines") == []
    till.sync()
    phone.sync()
    assert phone.rows("transaction_lines") == []
    assert phone.row("invoices", ids["invoices"]).data["grand_total"] == "0.00"
    with pytest.raises(NoSuchRow):
        phone.set("transaction_lines", ids["transaction_lines"], {"quantity": "3"})


def test_a_conflict_shows_what_both_sides_wrote_and_stays_as_it_is(make) -> None:
    till, phone = make("till"), make("phone")
    ids = begin(till)
    phone.sync()
    till.set("invoices", ids["invoices"], {"status": "Packed"})
    phone.set("invoices", ids["invoices"], {"status": "Sent"})
    till.sync()
    phone.sync()
    conflict = phone.conflicts(settled=True)[0]
    assert (conflict["client_version"]["status"], conflict["server_version"]["status"]) == ("Sent", "Packed")
    till.set("invoices", ids["invoices"], {"due_date": "2020-01-01"})
    till.sync()
    assert make("fresh").conflicts(settled=True) == [conflict], "whatever becomes of the invoice"


# The command, over real HTTP -----------------------------------------------------------------------


def run(*arguments: str | Path, stdin: str = "", code: int = 0) -> str:
    """What `daftar device …` prints; its exit code must be `code`."""
    ended, out, err = run_daftar(None, "device", *arguments, stdin=stdin)
    said = out.decode() + err
    assert ended == code, f"{arguments} ended with {ended}\n{said}"
    return said


@pytest.fixture
def till(served: Any, tmp_path: Path) -> Path:
    """The file of a device of the test's company, made by the command."""
    file = tmp_path / "till.db"
    given = ("--server", str(served.client.base_url), "--email", served.email, "--password-stdin")
    assert "at version" in run("init", file, *given, stdin=f"{PASSWORD}\n")
    return file


def test_a_device_that_is_killed_again_and_again_while_it_syncs_loses_nothing(till: Path, make) -> None:
    assert till.stat().st_mode & 0o077 == 0, "it holds the session's tokens"
    watch = [sys.executable, "-P", "-m", "infra.cli", "device", "watch", str(till), "--every", "0.1"]
    made = []
    device = Device.open(till)
    for turn in range(3):
        with subprocess.Popen(watch, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE) as process:
            process.stdout.readline()  # it syncs
            for number in range(10):
                made.append(f"party {turn} {number}")
                row = device.add("parties", {"name": made[-1], "party_type": "customer"})
                device.set("parties", row, {"phone": str(number)})
                time.sleep(0.02)
            process.kill()
    assert "0 rejected" in run("status", till)
    device.sync()
    assert [row.data["name"] for row in device.rows("parties")] == made
    assert [row.data["phone"] for row in device.rows("parties")] == [name[-1] for name in made]
    assert everything(device) == everything(make("fresh"))


def test_the_command_says_what_is_wrong_and_what_to_do(till: Path, tmp_path: Path) -> None:
    assert "exists already" in run("init", till, "--server", "http://127.0.0.1:1", "--email", "a", "--password-stdin", code=2)
    away = ("init", tmp_path / "new.db", "--server", "http://127.0.0.1:1", "--email", "a@b.example", "--password-stdin")
    assert "does not answer" in run(*away, stdin="x\n", code=3)
    assert not (tmp_path / "new.db").exists()
    assert "no file" in run("list", tmp_path / "none.db", "parties", code=2)
    assert "column=value" in run("add", till, "parties", "name", code=2)
    row = run("add", till, "parties", "name=Shirin", "party_type=friend").strip()
    assert "1 rejected" in run("sync", till, code=1)
    assert "must be one of customer, supplier, both" in run("status", till)
    device = Device.open(till)
    number = str(device.items()[0].number)
    assert "1 change to send again" in run("retry", till, number, "party_type=both")
    device.file.note(server="http://127.0.0.1:1")
    assert "nothing here is lost" in run("sync", till, code=3)
    assert device.row("parties", row).state == "queued"


def test_the_device_uses_nothing_but_the_standard_library() -> None:
    for module in (ROOT / "infra" / "device").glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for name in names:
                assert name.startswith("infra.device") or name.partition(".")[0] in sys.stdlib_module_names, (
                    f"{module.name}: {name}"
                )
