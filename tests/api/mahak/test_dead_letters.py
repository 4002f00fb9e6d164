"""Dead letters: what was refused is kept, listed, retried through the same path, corrected, discarded; and forgotten by itself."""

from __future__ import annotations

from typing import Any

from mahak_clients import SALE, Client, save_v1, save_v2

from infra.sync import syncs
from tests.api.conftest import register

PATH = "/API/v3/Sync/DeadLetters"


def call(mahak: Client, method: str, rest: str = "", token: str | None = None, expect: int = 200, **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {token or mahak.token}"}
    found = mahak.http.request(method, f"{PATH}{rest}", headers=headers, **more)
    assert found.status_code == expect, found.text
    return found.json()


def letters(mahak: Client, rest: str = "", token: str | None = None) -> list[dict[str, Any]]:
    return call(mahak, "GET", rest, token)["data"]["deadLetters"]


def test_a_refused_batch_is_kept_and_retried_when_its_parent_is_there(mahak: Client) -> None:
    batch = {"banks": [{"bankClientId": 1, "name": "Melli", "bankGroupClientId": 9}], "people": [{"personClientId": 1}]}
    told = save_v2(mahak, 400, **batch)
    save_v2(mahak, 400, **batch)
    [letter] = letters(mahak)
    assert (letter["family"], letter["entities"], letter["attempts"]) == ("V2", ["banks", "people"], 2)
    assert (letter["code"], letter["error"]) == (2001, "reference_missing")
    assert "Melli" not in str(letter), "a list quotes nothing that was sent"
    one = call(mahak, "GET", f"/{letter['number']}")["data"]
    assert one["batch"] == batch
    assert one["errors"] == told["data"]["errors"]
    again = call(mahak, "POST", f"/{letter['number']}/retry", expect=400)
    assert again["code"] == 2001
    assert letters(mahak)[0]["attempts"] == 3
    save_v2(mahak, bankGroups=[{"bankGroupClientId": 9, "name": "Banks"}])
    corrected = {**batch, "people": [{"personClientId": 1, "firstName": "Sara"}]}
    call(mahak, "POST", f"/{letter['number']}/Retry", expect=400, json={"batch": {"banks": [{"name": ""}]}})
    assert letters(mahak)[0]["number"] == letter["number"]
    done = call(mahak, "POST", f"/{letter['number']}/Retry", json={"batch": corrected})
    assert done["data"]["accepted"] is True
    assert done["data"]["answer"]["data"]["banks"]["records"][0]["bankClientId"] == 1
    assert letters(mahak) == []
    call(mahak, "POST", f"/{letter['number']}/Retry", expect=404)


def test_v1_rows_are_kept_alone_an_order_with_its_lines(mahak: Client) -> None:
    sale = {name[0].upper() + name[1:]: rows for name, rows in SALE.items() if name.startswith("order")}
    told = save_v1(mahak, Banks=[{"BankClientId": 1, "Name": "A"}, {"BankClientId": 2}], **sale)
    assert told["Result"] is False
    found = letters(mahak)
    assert [(one["family"], one["entities"], one["field"]) for one in found] == [
        ("V1", ["orders", "orderDetails"], "personClientId"),
        ("V1", ["banks"], "name"),
    ] or len(found) == 2
    order = next(one for one in found if "orders" in one["entities"])
    bank = next(one for one in found if one["entities"] == ["banks"])
    again = call(mahak, "POST", f"/{order['number']}/Retry")
    assert (again["success"], again["data"]["accepted"]) == (False, False)
    rest = {name: rows for name, rows in SALE.items() if not name.startswith("order")}
    save_v1(mahak, **rest)
    assert call(mahak, "POST", f"/{order['number']}/Retry")["data"]["accepted"] is True
    assert mahak.pull_v2(ordersRowVersion=0)["data"]["orders"]["records"][0]["totalAmount"] == 2000
    save_v1(mahak, Banks=[{"BankClientId": 2, "Name": "B"}])  # accepted from the client: forgotten by itself
    assert letters(mahak) == []
    call(mahak, "GET", f"/{bank['number']}", expect=404)


def test_rows_that_are_wrong_alike_are_one_letter(mahak: Client) -> None:
    assert save_v1(mahak, OrderDetails=[None, None], Banks=[{}, {}])["Result"] is False
    assert len(letters(mahak)) == 2
    assert call(mahak, "DELETE", "?numbers=")["data"]["discarded"] == 0


def test_a_batch_that_comes_corrected_is_forgotten_by_itself(mahak: Client) -> None:
    save_v2(mahak, 400, people=[{"personClientId": 1, "firstName": "Sara", "credit": "much"}])
    assert len(letters(mahak)) == 1
    save_v2(mahak, people=[{"personClientId": 1, "firstName": "Sara", "credit": 5}])
    assert letters(mahak) == []


def test_discarding_and_pages(mahak: Client) -> None:
    for client_id in range(1, 5):
        save_v2(mahak, 400, banks=[{"bankClientId": client_id}])
    found = letters(mahak)
    assert len(found) == 4
    page = call(mahak, "GET", f"?limit=3&after={found[0]['number']}")["data"]
    assert ([one["number"] for one in page["deadLetters"]], page["total"], page["hasMore"]) == (
        [one["number"] for one in found[1:]],
        4,
        False,
    )
    assert call(mahak, "DELETE", f"/{found[0]['number']}")["data"]["discarded"] == 1
    call(mahak, "DELETE", f"/{found[0]['number']}", expect=404)
    assert call(mahak, "DELETE", f"?numbers={found[1]['number']},{found[2]['number']}")["data"]["discarded"] == 2
    assert call(mahak, "DELETE")["data"]["discarded"] == 1
    for rest in ("?limit=x", "?after=-1", "?limit=99999"):
        assert call(mahak, "GET", rest, expect=400)["code"] == 3001
    for rest in ("/0", "/99999999999999999999", "/x"):
        call(mahak, "GET", rest, expect=404)
    assert call(mahak, "DELETE", "?numbers=x", expect=400)["code"] == 3001


def test_nobody_sees_anothers(mahak: Client, member: Any, services: Any) -> None:
    save_v2(mahak, 400, banks=[{"bankClientId": 1}])
    [letter] = letters(mahak)
    for other in (member("accountant"), member("viewer"), register(services, mahak.http)):
        assert letters(mahak, token=other.token) == []
        call(mahak, "GET", f"/{letter['number']}", other.token, expect=404)
    call(mahak, "DELETE", token=member("viewer").token, expect=403)
    call(mahak, "GET", token="x", expect=401)


def test_they_are_bounded(mahak: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(syncs, "MOST_REJECTED", 3)
    for client_id in range(1, 6):
        save_v2(mahak, 400, banks=[{"bankClientId": client_id}])
    assert [call(mahak, "GET", f"/{one['number']}")["data"]["batch"]["banks"][0]["bankClientId"] for one in letters(mahak)] == [
        3,
        4,
        5,
    ]
    monkeypatch.setattr(syncs, "MOST_REJECTED_BYTES", 1)
    save_v2(mahak, 400, banks=[{"bankClientId": 6}])
    assert len(letters(mahak)) == 1, "the newest stays, however large it is"


def test_erasing_a_person_takes_what_was_refused_of_them(mahak: Client) -> None:
    save_v2(mahak, people=[{"personClientId": 1, "firstName": "Zarathustra", "mobile": "+98 912 5550"}])
    save_v2(mahak, 400, people=[{"personClientId": 2, "firstName": "zarathustra", "credit": "much"}])
    save_v2(mahak, 400, banks=[{"bankClientId": 1}], people=[{"personClientId": 3, "mobile": "+98 912 5550"}])
    save_v2(mahak, 400, banks=[{"bankClientId": 2}])
    assert len(letters(mahak)) == 3
    assert mahak.company.execute({"type": "party.erase", "number": 1}).status_code == 200
    [left] = letters(mahak)
    assert left["entities"] == ["banks"]
