"""Polls that find nothing: the same one again is answered as before, and only as long as, and to whom, that is the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from mahak_clients import Client

from infra.composition import Services
from infra.sync import quiet

V1, V2 = "/Sync/GetAllData", "/Sync/GetAllDataV2"
Kept = Callable[[Client, str, bytes], bytes]


def poll(client: Client, body: bytes, path: str = V2) -> httpx.Response:
    return client.post(path, content=body, headers={"Content-Type": "application/json"})


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    """Polls until the answer is kept, and returns it; it is given without a look at what the body asks for."""

    def answer(client: Client, path: str, body: bytes) -> bytes:
        poll(client, body, path)
        first = poll(client, body, path)
        with monkeypatch.context() as patch:
            patch.setattr("api.mahak.reading.asked_for", lambda *_: pytest.fail("it was read again"))
            again = poll(client, body, path)
        assert (first.status_code, again.status_code) == (200, 200), again.text
        assert again.content == first.content
        return again.content

    return answer


def asking(**versions: Any) -> bytes:
    return msgspec.json.encode(versions)


def test_the_same_poll_again_is_answered_as_before_until_something_is_written(mahak: Client, kept: Kept) -> None:
    mahak.company.create("bank", name="Saman")
    head = mahak.company.head()
    body = asking(fromBankVersion=head, fromCashVersion=head)
    nothing = {"records": [], "rowVersion": head, "hasMore": False}
    assert msgspec.json.decode(kept(mahak, V2, body))["data"] == {
        "banks": nothing, "cashes": nothing, "objects": {"banks": [], "cashes": []},
    }  # fmt: skip
    mahak.company.create("party", name="Ann")  # another collection: still nothing, found anew
    assert msgspec.json.decode(kept(mahak, V2, body))["data"]["banks"] == nothing
    mahak.company.create("cash", name="Till")
    found = poll(mahak, body).json()["data"]
    assert (found["banks"], [row["name"] for row in found["cashes"]["records"]]) == (nothing, ["Till"])


def test_each_family_and_each_question_has_its_own_answer(mahak: Client, kept: Kept) -> None:
    mahak.company.create("bank", name="Saman")
    head = mahak.company.head()
    body = asking(fromBankVersion=head)
    second, first = kept(mahak, V2, body), kept(mahak, V1, body)
    assert list(msgspec.json.decode(first)) == ["Result", "Data"]
    assert next(iter(msgspec.json.decode(second))) == "success"
    assert msgspec.json.decode(kept(mahak, V2, asking(banksRowVersion=head)))["data"]["banks"]["records"] == []
    assert len(poll(mahak, asking(fromBankVersion=head - 1)).json()["data"]["banks"]["records"]) == 1
    assert poll(mahak, asking(fromBankVersion=head, pageSize=0)).status_code == 400
    assert poll(mahak, asking(fromBankVersion=head + 1)).status_code == 400


def test_what_one_visitor_gets_is_not_what_another_gets(mahak: Client, member: Callable[[str], Any], kept: Kept) -> None:
    visitor = Client(member("accountant"), mahak.database_id)
    ann = mahak.company.create("party", name="Ann")
    version = mahak.company.head()
    link = {"type": "visitorPeople", "party_id": ann["id"], "user_id": str(visitor.company.user_id)}
    mahak.company.create("custom_record", **link)
    body = asking(fromVisitorPersonVersion=version)
    assert msgspec.json.decode(kept(mahak, V2, body))["data"]["objects"] == {"visitorPeople": []}
    assert {row["personId"] for row in poll(visitor, body).json()["data"]["visitorPeople"]["records"]} == {ann["number"]}
    assert msgspec.json.decode(kept(mahak, V2, body))["data"]["objects"] == {"visitorPeople": []}


def test_an_answer_is_given_to_open_sessions_of_its_own_company_only(mahak: Client, services: Services, kept: Kept) -> None:
    mahak.company.create("bank", name="Saman")
    body = asking(fromBankVersion=mahak.company.head())
    nothing = kept(mahak, V2, body)
    for token in ("", "forged", mahak.token[:-4] + "AAAA"):
        assert mahak.post(V2, content=body, token=token).status_code == 401, token
    question = next(one for one in services.quiet._answers._kept if one.body == body and one.company_id == mahak.company.id)
    assert services.quiet.answer(question._replace(company_id=uuid4())) is None
    assert services.quiet.answer(question._replace(user_id=uuid4())) is None
    session = services.identity.tokens.read(mahak.token, "access").sid
    services.identity._open.pop(session)  # whether it is open is not known: it is looked up, not presumed
    assert poll(mahak, body).content == nothing
    other = mahak.company.login().json()["access_token"]  # opening a session moves the head
    assert poll(mahak, body).content == nothing
    mahak.company.call("POST", "/logout")
    assert poll(mahak, body).status_code == 401
    assert mahak.post(V2, content=body, token=other).content == nothing


def test_what_is_kept_is_bounded() -> None:
    remembered = quiet.Quiet()
    asked = quiet.Question(uuid4(), uuid4(), "mahak.v2", b"")
    size = quiet.MOST_BYTES // 1_000
    for number in range(2_000):
        remembered.keep(asked._replace(body=b"%d" % number), quiet.Nothing(number, bytes(size)))
    found = [number for number in range(2_000) if remembered.answer(asked._replace(body=b"%d" % number)) is not None]
    assert 900 < len(found) <= 1_000
    assert found[-1] == 1_999
    remembered.keep(asked, quiet.Nothing(1, bytes(quiet.MOST_BYTES // 50)))
    assert remembered.answer(asked) is None
