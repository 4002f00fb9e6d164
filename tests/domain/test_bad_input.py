"""Input that no book can hold: each is refused with its place, and nothing is stored."""

from __future__ import annotations

import ast
import re
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from domain.catalogue import CATALOGUE
from domain.validation import _IN_WORDS, invalid_field, may_hold_unusual_amounts, require_plain_amounts
from tests.domain.spec import COMPANY_ID, Spec, command, uid

X, Y = uid(1), uid(2)
DEEP: dict[str, Any] = {}
_inner = DEEP
for _ in range(2000):
    _inner["a"] = {}
    _inner = _inner["a"]


@pytest.mark.parametrize(
    ("type_", "data", "code", "path"),
    [
        ("party.create", {"name": "a\0b"}, "invalid_field", "data.name"),
        ("party.create", {"name": "a", "extra": {"k": ["\0"]}}, "invalid_field", "data.extra.k[0]"),
        ("party.create", {"name": "a", "extra": {"\0": 1}}, "invalid_field", "data.extra"),
        ("party.create", {"name": "\ud800"}, "invalid_field", "data"),
        ("party.create", {}, "invalid_field", "data.name"),
        ("party.create", {"name": ""}, "invalid_field", "data.name"),
        ("party.create", {"name": 5}, "invalid_field", "data.name"),
        ("party.create", {"name": None}, "invalid_field", "data.name"),
        ("party.create", {"name": "x" * 256}, "invalid_field", "data.name"),
        ("party.create", {"name": "x", "colour": 1}, "invalid_field", "data.colour"),
        ("party.create", {"name": "x", "roles": []}, "invalid_field", "data.roles"),
        ("party.create", {"name": "x", "roles": ["king"]}, "invalid_field", "data.roles[0]"),
        ("party.create", {"name": "x", "latitude": 91}, "invalid_field", "data.latitude"),
        ("party.create", {"name": "x", "currency": "QQQ"}, "unknown_currency", "data.currency"),
        ("party.create", {"name": "x", "credit_limit": "NaN"}, "invalid_field", "data.credit_limit"),
        ("party.create", {"name": "x", "credit_limit": float("nan")}, "invalid_field", "data.credit_limit"),
        ("party.create", {"name": "x", "credit_limit": "-Infinity"}, "invalid_field", "data.credit_limit"),
        ("party.create", {"name": "x", "credit_limit": "1e999999999"}, "invalid_field", "data.credit_limit"),
        ("party.create", {"name": "x", "credit_limit": "1e-999999999"}, "invalid_field", "data.credit_limit"),
        ("party.create", {"name": "x", "credit_limit": 10**15}, "invalid_field", "data.credit_limit"),
        ("party.create", {"name": "x", "credit_limit": "1.0123456789"}, "invalid_field", "data.credit_limit"),
        ("party.create", {"name": "x", "birth_date": "1990-02-30"}, "invalid_field", "data.birth_date"),
        ("party.create", {"name": "x", "group_id": 5}, "invalid_field", "data.group_id"),
        ("party.create", {"name": "x", "group_id": {"number": 0}}, "invalid_field", "data.group_id.number"),
        ("party.create", {"name": "x", "group_id": {"number": 9}}, "reference_missing", "data.group_id"),
        ("party.create", {"name": "x", "group_id": {}}, "reference_missing", "data.group_id"),
        ("product_detail.create", {"product_id": str(X), "prices": ["1", "NaN"]}, "invalid_field", "data.prices"),
        ("product_detail.create", {"product_id": str(X), "prices": ["1"] * 11}, "invalid_field", "data.prices"),
        ("user.create", {"name": "x", "email": "no"}, "invalid_field", "data.email"),
        ("user.create", {"name": "x", "email": "a@b\n"}, "invalid_field", "data.email"),
        ("party.create", {"name": "x", "currency": "USD\n"}, "invalid_field", "data.currency"),
        ("party.create", {"name": "x", "extra": DEEP}, "invalid_field", "data"),
        ("company.update", {"currency": "USD", "time_zone": "../etc/passwd"}, "invalid_field", "data.time_zone"),
    ],
)
def test_refused(type_, data, code, path) -> None:
    Spec().when(command(type_, data, id=COMPANY_ID if type_ == "company.update" else None)).refused(code, path)


@pytest.mark.parametrize(("written", "stored"), [("1e2", "100"), ("-0", "0"), ("5.50", "5.50"), (7, "7"), (0.1, "0.1")])
def test_amounts_are_written_plainly(written, stored) -> None:
    spec = Spec().given(command("party.create", {"name": "x", "credit_limit": written}, id=X)).shows(X, credit_limit=stored)
    spec.when(command("party.update", {"credit_limit": f"{stored}.000" if "." not in stored else stored}, id=X)).then()


def test_moments() -> None:
    spec = Spec(time_zone="Asia/Tokyo")
    naive = command("party.create", {"name": "x"}, occurred_at=datetime(2026, 3, 10, 9))  # noqa: DTZ001
    spec.given(naive)
    assert spec.log[-1].occurred_at == datetime(2026, 3, 10, tzinfo=timezone.utc)
    edge = datetime.min.replace(tzinfo=timezone(timedelta(hours=5)))
    spec.when(command("party.create", {"name": "x"}, occurred_at=edge)).refused("invalid_field", "occurred_at")


def test_sums_that_no_book_can_hold() -> None:
    spec = Spec().given(command("invoice.create", {"type": "sales"}, id=X))
    line = {"invoice_id": str(X), "description": "x", "unit_price": "999999999999999"}
    spec.given(command("invoice_line.create", line))
    spec.when(command("invoice_line.create", line)).refused("invalid_field", "data")
    spec.shows(X, total="999999999999999.00")


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("party", {"name": " "}, "This must not be blank."),
        ("user", {"name": "A", "email": "nobody"}, "This is not an e-mail address."),
        ("product", {"name": "A", "currency": "usd"}, "A currency is three capital letters (ISO 4217), like USD."),
    ],
)
def test_what_a_pattern_asks_for_is_said_in_words(kind: str, data: dict[str, str], said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(data, CATALOGUE[kind].fields)
    assert invalid_field(refused.value).message == said


def test_every_pattern_has_words() -> None:
    patterns = {
        pattern
        for kind in CATALOGUE.values()
        for name in msgspec.structs.fields(kind.fields)
        for pattern in re.findall(r"pattern=('[^']*'|\"[^\"]*\")", repr(name.type))
    }
    assert {ast.literal_eval(pattern) for pattern in patterns} <= set(_IN_WORDS)
    assert len(patterns) >= 4


@pytest.mark.parametrize("written", ["1_000", " 5", "5 ", "\t5", "\u0661", "5_", "1e1_0", "\uff11"])
def test_amounts_that_only_python_reads_are_refused(written) -> None:
    spec = Spec().when(command("payment.create", {"amount": written})).refused("invalid_field", "data.amount")
    assert repr(written) in str(spec.error)
    assert may_hold_unusual_amounts(msgspec.json.encode({"amount": written}))
    line = {"unit_price": "1", "quantity": written}
    spec.when(command("invoice.create", {"type": "sales", "lines": [line]})).refused("invalid_field", "data.lines[0].quantity")


@pytest.mark.parametrize("written", ["5", "5.", ".5", "-0.50", "+5", "1e2", "1.5E-2"])
def test_amounts_that_everybody_reads(written) -> None:
    assert not may_hold_unusual_amounts(msgspec.json.encode({"amount": written, "name": "Tea 5", "notes": "1_000 and more"}))
    require_plain_amounts(msgspec.convert({"amount": written}, CATALOGUE["payment"].changes), {"amount": written})


def test_a_correction_is_read_as_strictly() -> None:
    spec = Spec().given(command("payment.create", {"amount": "5"}, id=X))
    spec.given(command("dispute.create", {"record_kind": "payment", "record_id": str(X), "reason": "more"}, id=Y))
    resolution = {"resolution": "corrected", "correction": {"amount": "1_0"}}
    spec.when(command("dispute.resolve", resolution, id=Y)).refused("invalid_field", "data.correction.amount")


def test_a_refused_choice_names_the_choices() -> None:
    for kind, data in (
        ("account", {"code": "7", "name": "X", "type": "money"}),
        ("company", {"late_facts": "drop"}),
        ("party", {"name": "X", "roles": ["customer", "friend"]}),
    ):
        struct = CATALOGUE[kind].changes
        with pytest.raises(msgspec.ValidationError) as refused:
            msgspec.convert(data, struct)
        assert "; use one of '" in invalid_field(refused.value, expected=struct, given=data).message
        assert "use one of" not in invalid_field(refused.value).message
