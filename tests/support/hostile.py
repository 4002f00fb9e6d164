"""Commands as nobody should send them: values of every kind in every field, plausible ones beside them to get past the first check."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import msgspec

from domain.catalogue import CATALOGUE
from domain.command import Command
from domain.values import Ref

NOBODY = UUID(int=0)


def deep(levels: int) -> Any:
    """Objects in objects."""
    value: Any = "x"
    for _ in range(levels):
        value = {"a": value}
    return value


TEXTS = [
    "",
    "\x00",
    "a\x00b",
    "\ud800",
    "x\udfffy",
    "x" * 100_000,
    "ﷺ" * 255,
    "ΐ" * 255,
    "\u202e",
    "'; DROP TABLE daftar.events; --",
    "%s{0}",
]
NUMBERS = [
    -1,
    0,
    2**31,
    2**53 + 1,
    2**63,
    2**64,
    10**30,
    -(10**30),
    10**5000,
    1e308,
    -1e308,
    5e-324,
    float("nan"),
    float("inf"),
    True,
]
DECIMALS = ["1e400", "NaN", "-Infinity", "1e-400", "0.0000000001", "999999999999999.999999999", "-0", "0e99999", "1e15", "٣"]
DAYS = ["0001-01-01", "9999-12-31", "2026-02-30", "10000-01-01", "2026-01-01T00:00:00", "0000-00-00"]
IDS = [str(NOBODY), NOBODY, "not-a-uuid", "{12345678-1234-5678-1234-567812345678}", UUID(int=2**128 - 1)]
REFERENCES = [
    {"number": 1},
    {"number": 2**63},
    {"number": 0},
    {"client_id": "\x00"},
    {"client_id": "x" * 129},
    {"client_id": "c", "source": "\ud800"},
    {"client_id": "\udc00"},
    {"source": "s"},
    {"nope": 1},
    Ref(client_id="\x00"),
    Ref(number=10**30),
    Ref(),
]
SHAPES = [
    None,
    [],
    {},
    [[]],
    deep(20),
    deep(40),
    deep(5_000),
    [None] * 1_000,
    {"": ""},
    {"\x00": 1},
    {"\ud800": 1},
    {1: 2},
    object(),
    b"x",
    {1, 2},
]
HOSTILE: list[Any] = [*TEXTS, *NUMBERS, *DECIMALS, *DAYS, *IDS, *REFERENCES, *SHAPES]
SOUND = {
    r"^[A-Z]{3}$(?!\n)": ["USD", "USD", "USD", "JPY", "ZZZ"],
    r"^[^@\s]+@[^@\s]+$(?!\n)": ["a@b.co", "b@b.co", "c@d.ee"],
    r"^[0-9a-f]{64}$(?!\n)": ["0" * 64, "f" * 64],
}
"""Texts that fit a field's pattern."""


def plausible(chance: Random, annotation: Any, ids: list[UUID]) -> Any:
    """A value that a field of this type takes, mostly."""
    kind = annotation if isinstance(annotation, msgspec.inspect.Type) else msgspec.inspect.type_info(annotation)
    match kind:
        case msgspec.inspect.UnionType():
            return plausible(chance, chance.choice(kind.types), ids)
        case msgspec.inspect.LiteralType():
            return chance.choice(kind.values)
        case msgspec.inspect.DecimalType():
            return chance.choice(["1", "2.5", "100", "7", "0", "999999999999999", "0.000000001", "-1", Decimal("7.25")])
        case msgspec.inspect.DateType():
            return chance.choice(["2026-03-01", "0001-01-01", "9999-12-31", date(2026, 3, 1)])
        case msgspec.inspect.BoolType():
            return chance.random() < 0.5
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            return chance.choice([1, 2, 12, 0, -1])
        case msgspec.inspect.UUIDType():
            return chance.choice([*ids, NOBODY])
        case msgspec.inspect.ListType() | msgspec.inspect.VarTupleType():
            return [plausible(chance, kind.item_type, ids) for _ in range(chance.randint(kind.min_length or 0, 2))]
        case msgspec.inspect.StructType() if kind.cls is Ref:
            return chance.choice([{"number": 1}, {"number": 1}, {"number": 2}, {"client_id": "c1"}])
        case msgspec.inspect.StructType():
            return data_of(chance, kind.cls, ids)
        case msgspec.inspect.DictType():
            return {name: chance.choice(["x", 1, None, *HOSTILE]) for name in chance.sample("abc", chance.randint(0, 2))}
        case msgspec.inspect.StrType():
            if kind.pattern:
                return chance.choice(SOUND.get(kind.pattern, ["x"]))
            return chance.choice(["x", "y", "z", "Europe/Berlin", "2026-03-01", "ΐ" * 64])
        case msgspec.inspect.NoneType():
            return None
        case _:
            return chance.choice(HOSTILE)


def data_of(chance: Random, struct: type[msgspec.Struct], ids: list[UUID]) -> dict[str, Any]:
    """Data for a Struct: its required fields, a few others, and now and then something hostile."""
    fields = msgspec.structs.fields(struct)
    chosen = [f for f in fields if f.required] + chance.sample(fields, chance.randint(0, min(3, len(fields))))
    data = {f.name: plausible(chance, f.type, ids) for f in chosen}
    if chance.random() < 0.25:
        data[chance.choice([*[f.name for f in fields], "no_such_field", "\x00", "id"])] = chance.choice(HOSTILE)
    return data


MOMENTS = [
    None,
    datetime.min,
    datetime.max,
    datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
    datetime.max.replace(tzinfo=timezone.utc),
    datetime(1969, 12, 31, tzinfo=timezone(timedelta(hours=3, minutes=30, seconds=7))),
    datetime(2026, 3, 29, 2, 30),  # noqa: DTZ001
]
KEYS = ["k", "", "\x00", "\ud800", "x" * 256, "x" * 5_000]
ENVELOPES: dict[str, list[Any]] = {
    "id": [NOBODY, "not-a-uuid", 7],
    "number": [0, -1, 2**53, 2**63, 10**30, "1", True],
    "client_id": ["", "\x00", "\ud800", "x" * 129, 7],
    "source": ["", "\x00", "\ud800", "x" * 256],
    "base_seq": [-1, 0, 1, 5, 2**53, 2**63, 10**30, 1.5],
    "on_conflict": ["refuse", "policy", "nonsense"],
    "occurred_at": MOMENTS,
    "key": KEYS,
    "kind": ["", "\x00", "\ud800", "nonsense"],
    "action": ["", "\x00", "\ud800", "nonsense"],
}
BUSY = ["party", "product", "invoice", "invoice_line", "payment", "stock_movement"]


def hostile_command(chance: Random, ids: list[UUID]) -> Command:
    """One command; most of them have a sound envelope."""
    kind = CATALOGUE[chance.choice(sorted(CATALOGUE) if chance.random() < 0.5 else BUSY)]
    action = chance.choice(["create"] * 6 + ["update"] * 4 + ["delete", *kind.actions])
    struct = kind.data_struct(action)
    envelope: dict[str, Any] = {"kind": kind.name, "action": action}
    if action == "create":
        envelope["client_id"] = chance.choice([None, None, "c1", "c2", f"c{chance.randint(3, 10**6)}"])
    else:
        envelope.update(
            chance.choice([{"number": 1}, {"number": 1}, {"number": 2}, {"client_id": "c1"}, {"id": chance.choice(ids)}])
        )
        envelope["base_seq"] = chance.choice([None, None, 1, 3])
    envelope["data"] = data_of(chance, struct, ids) if struct is not None else None
    if chance.random() < 0.03:
        envelope["data"] = chance.choice(HOSTILE)
    if chance.random() < 0.15:
        name = chance.choice(sorted(ENVELOPES))
        envelope[name] = chance.choice(ENVELOPES[name])
    return Command(**envelope)
