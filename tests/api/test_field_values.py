"""Every field of every command with values that it may or may not have: each is executed or refused, and never ends in a 500."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from api.native.wire import COMMANDS

from .conftest import Company, register

VALUES: list[Any] = [
    None, "", "x", "\x00", "\ud7ff", "x" * 300, 0, -1, 1, 2**53, 2**63, 10**30, 1.5, 1e308, "1", "-1", "NaN", "1e9", "1e20",
    "0.0000000001", True, [], [None], ["x"], {}, {"x": 1}, {"number": 1}, {"number": 99}, {"client_id": "c"}, "2026-02-30",
    "2026-03-21", "0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-03-21T08:30:00",
    "01a1f896-8153-7bc6-af37-dc2e6e33fdd2", "a@b.c", "USD", "XXX", "open", "sales",
]  # fmt: skip
SAMPLE = 1_500


def plausible(kind: inspect.Type) -> Any:
    """A value that the type accepts."""
    match kind:
        case inspect.StrType(pattern=pattern):
            return "USD" if pattern and "A-Z" in pattern else "a@b.c" if pattern and "@" in pattern else "plausible text"
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.UnionType(types=types):
            struct = next((one for one in types if isinstance(one, inspect.StructType)), None)
            return {"number": 1} if struct else plausible(types[0])
        case inspect.DecimalType() | inspect.IntType() | inspect.FloatType():
            return 1
        case inspect.BoolType():
            return True
        case inspect.DateType():
            return "2026-03-21"
        case inspect.DateTimeType():
            return "2026-03-21T08:30:00Z"
        case inspect.UUIDType():
            return "01a1f896-8153-7bc6-af37-dc2e6e33fdd2"
        case inspect.ListType(item_type=item):
            return [plausible(item)]
        case inspect.StructType(fields=fields):
            return {field.name: plausible(field.type) for field in fields if field.required}
        case inspect.CustomType() | inspect.Metadata():
            return "x"
        case _:
            return {}


def commands() -> Iterator[tuple[str, dict[str, Any]]]:
    """What is tried, and the command: one with every required field, then each field with each value."""
    for name, struct in COMMANDS.items():
        info = inspect.type_info(struct)
        assert isinstance(info, inspect.StructType)
        data = next(field.type for field in info.fields if field.name == "data")
        assert isinstance(data, inspect.StructType)
        base: dict[str, Any] = {"type": name, "data": plausible(data)}
        if not name.endswith(".create"):
            base["number"] = 1
        if name.startswith(("session.", "user.")):
            base["number"] = base.get("number") and 99  # not the one who asks
        base = {key: value for key, value in base.items() if value is not None}
        yield name, base
        for field in data.fields:
            for value in VALUES:
                yield f"{name} {field.name}={value!r}", {**base, "data": {**base["data"], field.name: value}}
        for field in info.fields:
            if field.name != "data" and not name.startswith(("session.", "user.")):
                for value in VALUES:
                    yield f"{name} .{field.name}={value!r}", {**base, field.name: value}


@pytest.fixture(scope="module")
def company(services: Any, client: Any) -> Company:
    """A company with one record of every kind that can be made of plausible values."""
    company = register(services, client)
    for kind in ("party", "product", "invoice", "payment"):
        data: dict[str, Any] = {"name": "X"} if kind in ("party", "product") else {"type": "sales", "party_id": {"number": 1}}
        company.call("POST", f"/records/{kind}", json={"data": data if kind != "payment" else {"amount": 1}})
    return company


def test_no_value_of_a_field_ends_in_a_500(company: Company) -> None:
    every = list(commands())
    chosen = every if len(every) <= SAMPLE else random.Random(7).sample(every, SAMPLE)
    failed: list[str] = []
    executed = 0
    for what, command in chosen:
        answer = company.call(
            "POST", "/commands", content=msgspec.json.encode({"commands": [command]}), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code != 401, f"{what} ended the session"
        executed += answer.status_code == 200
        if answer.status_code >= 500:
            failed.append(f"{what}: {answer.status_code}")
    assert not failed
    assert executed > len(chosen) / 20, "the commands are too implausible to prove anything"
