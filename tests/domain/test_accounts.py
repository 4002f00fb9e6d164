"""The chart of accounts: what every company begins with, its own accounts, and which accounts a journal line may name."""

from __future__ import annotations

from typing import Any

import pytest

from domain.books import Books
from domain.catalogue import CATALOGUE, fields_of
from domain.chart import DEFAULT_CHART
from tests.domain.spec import COMPANY_ID, Spec, command, uid

ENTRY, LINE, RENT, OWN, PART = (uid(number) for number in range(1, 6))


def opened(code: str, type_: str = "expense", **rest: Any) -> dict[str, Any]:
    return {"code": code, "name": f"Account {code}", "type": type_, **rest}


def entry(code: str, **rest: Any) -> Any:
    lines = [{"account_code": "1000", "debit": "1"}, {"account_code": code, "credit": "1", "id": str(LINE)}]
    return command("journal_entry.create", {"lines": lines, **rest}, id=ENTRY)


def system_account(spec: Spec, code: str) -> Any:
    return next(account for account in spec.all("account") if account.data["code"] == code)


# The default chart ---------------------------------------------------------------------------------


def test_a_company_begins_with_the_default_chart() -> None:
    spec = Spec()
    assert [event.topic for event in spec.log] == ["company.registered.v1"] + ["account.opened.v1"] * len(DEFAULT_CHART)
    assert [event.seq for event in spec.log] == list(range(1, len(DEFAULT_CHART) + 2))
    accounts = [(account.number, account.data) for account in spec.all("account")]
    assert accounts == [
        (number, {"code": default.code, "name": default.name, "type": default.type, "is_system": True, "is_active": True})
        for number, default in enumerate(DEFAULT_CHART.values(), 1)
    ]


def test_system_accounts_are_renamed_and_never_closed() -> None:
    spec = Spec()
    cash = system_account(spec, "1000").id
    spec.when(command("account.update", {"name": "Kasse", "description": "Both tills"}, id=cash)).then("account.changed.v1")
    spec.shows(cash, name="Kasse", code="1000", is_system=True)
    spec.when(command("account.delete", id=cash)).refused("system_account", "id")
    spec.when(command("account.update", {"is_active": False}, id=cash)).refused("system_account", "data.is_active")
    for field, value in (("type", "expense"), ("code", "1"), ("is_system", False)):
        spec.when(command("account.update", {field: value}, id=cash)).refused("field_fixed", f"data.{field}")


def test_only_the_ledger_makes_system_accounts() -> None:
    spec = Spec().when(command("account.create", opened("7000", is_system=True))).refused("invalid_field", "data.is_system")
    spec.given(command("account.create", opened("7000", is_system=False), id=OWN))
    spec.when(command("account.update", {"is_system": True}, id=OWN)).refused("field_fixed", "data.is_system")


# A company's own accounts --------------------------------------------------------------------------


def test_accounts_are_opened_renamed_suspended_and_closed() -> None:
    spec = Spec().when(command("account.create", opened("7000"), id=OWN)).then("account.opened.v1")
    spec.when(command("account.update", {"name": "Travel"}, id=OWN)).then("account.changed.v1").shows(OWN, name="Travel")
    spec.when(command("account.update", {"type": "asset"}, id=OWN)).refused("field_fixed", "data.type")
    spec.when(command("account.update", {"parent_id": str(OWN)}, id=OWN)).refused("invalid_field", "data.parent_id")
    spec.given(command("account.update", {"is_active": False}, id=OWN), command("account.update", {"is_active": True}, id=OWN))
    spec.when(command("account.delete", id=OWN)).then("account.closed.v1")
    spec.when(command("account.update", {"name": "Trips"}, id=OWN)).refused("record_deleted", "id")


def test_nothing_is_posted_to_a_suspended_account_by_its_opening_balance() -> None:
    spec = Spec().given(command("account.create", opened("7000", opening_balance="5"), id=OWN))
    spec.given(command("account.update", {"is_active": False}, id=OWN))
    for change in ({"opening_balance": "6"}, {"opening_balance": None}, {"currency": "EUR"}):
        spec.when(command("account.update", change, id=OWN)).refused("account_closed", "data.opening_balance")
    spec.when(command("account.update", {"opening_balance": "6", "is_active": True}, id=OWN)).then("account.changed.v1")


@pytest.mark.parametrize("kind", ["party", "bank", "cash", "account"])
def test_an_opening_balance_has_the_decimals_of_its_currency(kind: str) -> None:
    data = opened("7000") if kind == "account" else {"name": "Old"}
    path = "data.opening_balance"
    spec = Spec().when(command(f"{kind}.create", {**data, "opening_balance": "1.234"})).refused("too_many_decimals", path)
    spec.when(command(f"{kind}.create", {**data, "opening_balance": "1.5", "currency": "JPY"})).refused("too_many_decimals", path)
    spec.given(command(f"{kind}.create", {**data, "opening_balance": "-1.500"}, id=OWN))
    spec.when(command(f"{kind}.update", {"opening_balance": "1.005"}, id=OWN)).refused("too_many_decimals", path)
    spec.when(command(f"{kind}.update", {"currency": "JPY"}, id=OWN)).refused("too_many_decimals", path)
    spec.when(command(f"{kind}.update", {"currency": "JPY", "opening_balance": "2"}, id=OWN)).then(f"{kind}.changed.v1")


def test_a_code_is_taken_for_ever() -> None:
    spec = Spec().when(command("account.create", opened("1000", "asset"))).refused("value_taken", "data.code")
    spec.given(command("account.create", opened("7000"), id=OWN), command("account.delete", id=OWN))
    spec.when(command("account.create", opened("7000"))).refused("value_taken", "data.code")
    assert "deleted" in str(spec.error)
    replayed = Books(COMPANY_ID, undoable=False)
    for event in spec.log:
        replayed.apply(event, CATALOGUE[event.kind], fields_of(event))
    assert replayed.claims["account", "code", "7000"] == OWN
    assert not replayed.released


@pytest.mark.parametrize(
    ("account", "code", "path"),
    [
        (opened("6000:rent", "asset"), "invalid_field", "data.type"),
        (opened("7000:rent"), "account_unknown", "data.code"),
        (opened("6000:"), "invalid_field", "data.code"),
        (opened(":rent"), "invalid_field", "data.code"),
        (opened(" 7000"), "invalid_field", "data.code"),
        (opened("7000: rent"), "invalid_field", "data.code"),
        (opened("7000", "money"), "invalid_field", "data.type"),
    ],
)
def test_accounts_that_are_refused(account, code, path) -> None:
    Spec().when(command("account.create", account)).refused(code, path)


def test_a_part_is_of_its_accounts_type() -> None:
    spec = Spec().given(command("account.create", opened("6000:rent"), id=RENT))
    spec.given(command("account.create", opened("7000", "asset"), id=OWN))
    spec.when(command("account.create", opened("7000:vans", "asset")), command("account.create", opened("8000"))).then(
        "account.opened.v1", "account.opened.v1"
    )
    spec.given(command("account.delete", id=OWN))
    spec.when(command("account.create", opened("7000:cars", "asset"))).refused("account_closed", "data.code")


# What journal lines name ---------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["3000", "6000:rent", "6000:anything at all", "7000", "7000:vans", "7000:cars"])
def test_lines_name_open_accounts_and_their_parts(code) -> None:
    spec = Spec().given(
        command("account.create", opened("6000:rent"), id=RENT),
        command("account.create", opened("7000"), id=OWN),
        command("account.create", opened("7000:vans"), id=PART),
    )
    spec.given(entry(code)).when(command("journal_entry.post", id=ENTRY)).then("journal_entry.posted.v1")


def test_an_account_may_be_opened_by_the_same_batch() -> None:
    spec = Spec().when(command("account.create", opened("7000")), entry("7000:vans", post_now=True))
    assert spec.error is None


def test_accounts_that_are_unknown() -> None:
    spec = Spec().when(entry("7000")).refused("account_unknown", "data.lines[1].account_code")
    spec.when(entry("10000")).refused("account_unknown", "data.lines[1].account_code")
    spec.when(entry("7000:vans")).refused("account_unknown", "data.lines[1].account_code")
    spec.given(entry("3000"))
    added = {"entry_id": str(ENTRY), "account_code": "7000", "debit": "1"}
    spec.when(command("journal_line.create", added)).refused("account_unknown", "data.account_code")
    spec.when(command("journal_line.update", {"account_code": "7000"}, id=LINE)).refused("account_unknown", "data.account_code")
    spec.when(command("journal_line.update", {"account_code": "4000"}, id=LINE)).then("journal_line.changed.v1")


@pytest.mark.parametrize("shut", [command("account.delete", id=OWN), command("account.update", {"is_active": False}, id=OWN)])
@pytest.mark.parametrize("code", ["7000", "7000:vans"])
def test_accounts_that_are_closed_or_suspended(shut, code) -> None:
    spec = Spec().given(command("account.create", opened("7000"), id=OWN), entry(code), shut)
    spec.when(command("journal_entry.post", id=ENTRY)).refused("account_closed", "data.lines[1].account_code")
    added = {"entry_id": str(ENTRY), "account_code": code, "debit": "1"}
    spec.when(command("journal_line.create", added)).refused("account_closed", "data.account_code")
    spec.when(command("journal_line.update", {"description": "d"}, id=LINE)).then("journal_line.changed.v1")
    spec.when(command("journal_line.update", {"account_code": "4000"}, id=LINE)).then("journal_line.changed.v1")
    spec.when(command("journal_line.update", {"account_code": code}, id=LINE)).refused("account_closed", "data.account_code")
    spec.when(command("journal_entry.post", id=ENTRY)).then("journal_entry.posted.v1")


def test_a_part_is_closed_by_itself() -> None:
    spec = Spec().given(command("account.create", opened("6000:rent"), id=RENT), command("account.delete", id=RENT))
    spec.when(entry("6000:rent")).refused("account_closed", "data.lines[1].account_code")
    spec.when(entry("6000:power")).then("journal_entry.drafted.v1", "journal_line.added.v1", "journal_line.added.v1")


def test_a_corrected_line_names_an_open_account() -> None:
    spec = Spec().given(command("account.create", opened("7000"), id=OWN), entry("3000"))
    spec.given(command("dispute.create", {"record_kind": "journal_line", "record_id": str(LINE), "reason": "travel"}, id=PART))
    unknown, known = ({"resolution": "moved", "correction": {"account_code": code}} for code in ("8000", "7000:vans"))
    spec.when(command("dispute.resolve", unknown, id=PART)).refused("account_unknown", "data.account_code")
    spec.when(command("dispute.resolve", known, id=PART)).then("journal_line.changed.v1", "dispute.resolved.v1")
    spec.shows(LINE, account_code="7000:vans")


def test_an_account_that_is_resumed_takes_lines_again() -> None:
    spec = Spec().given(command("account.create", opened("7000"), id=OWN))
    spec.given(command("account.update", {"is_active": False}, id=OWN), command("account.update", {"is_active": True}, id=OWN))
    spec.given(entry("7000", post_now=True))


def test_logs_older_than_the_chart_name_its_codes() -> None:
    spec = Spec()
    del spec.log[1:]
    spec.warm = Books(COMPANY_ID, undoable=False)
    spec.warm.apply(spec.log[0], CATALOGUE["company"], fields_of(spec.log[0]))
    assert not spec.all("account")
    spec.given(entry("6000:rent", post_now=True))
    spec.when(command("account.create", opened("6000:rent", "asset"))).refused("invalid_field", "data.type")
    spec.given(command("account.create", opened("6000:rent")))
    spec.given(command("account.create", opened("1000", "asset"), id=OWN), command("account.delete", id=OWN))
    spec.when(command("journal_entry.create", {"lines": [{"account_code": "1000", "debit": "1"}]}))
    spec.refused("account_closed", "data.lines[0].account_code")
