"""Write the golden JSON of topics that have none yet: `python -m tests.golden.generate`.

A golden file is one event of its topic with every field set, byte for byte as the log holds it. It is committed once and never
edited: what was written to a log stays readable. So this script only ever adds files.
"""

from __future__ import annotations

import sys
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from msgspec import inspect

from domain.catalogue import TOPICS
from domain.event import JSON, Event

FOLDER = Path(__file__).parent

WORDS: dict[str, Any] = {
    "currency": "USD",
    "codename": "babil",
    "time_zone": "Asia/Baghdad",
    "email": "sara@babil.example",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "storage_key": "018f4e5a-0000-7000-8000-000000000001/018f4e5a-0000-7000-8000-000000000002",
    "name": "Babil Ticaret \u00b7 \u0628\u0627\u0628\u0644",
    "record_kind": "invoice",
    "record_id": UUID("018f4e5a-0000-7000-8000-0000000000aa"),
    "account_code": "1200",
}
"""Values of fields whose pattern or meaning asks for a certain one."""


def golden_event(struct: type[Event]) -> Event:
    """An event with every field set, the same at every call."""
    fields: dict[str, Any] = {}
    for index, field in enumerate(msgspec.structs.fields(struct)):
        fields[field.name] = WORDS.get(field.name) or _sample(inspect.type_info(field.type), field.name, index)
    event: Event = msgspec.convert(msgspec.to_builtins(fields), struct)
    return event


def _sample(kind: inspect.Type, name: str, index: int) -> Any:
    match kind:
        case inspect.UnionType():
            wanted = [t for t in kind.types if not isinstance(t, inspect.NoneType | inspect.StructType)]
            return _sample(wanted[0], name, index)
        case inspect.Metadata():
            return _sample(kind.type, name, index)
        case inspect.LiteralType():
            return kind.values[-1]
        case inspect.BoolType():
            return True
        case inspect.IntType():
            return max(kind.ge or 0, min(index + 1, kind.le or 2**53))
        case inspect.FloatType():
            return 33.3152
        case inspect.DecimalType():
            return Decimal(f"{index + 1}.50")
        case inspect.UUIDType():
            return UUID(f"018f4e5a-0000-7000-8000-{index + 1:012d}")
        case inspect.DateTimeType():
            return datetime(2026, 3, 10, 8, 30, 0, 123456, tzinfo=timezone.utc)
        case inspect.DateType():
            return date(2026, 3, 10)
        case inspect.ListType() | inspect.VarTupleType():
            return [_sample(kind.item_type, name, index)]
        case inspect.DictType():
            return {"key": ["value", 1, True, None]}
        case inspect.StrType():
            return f"{name.replace('_', ' ')} {index}"
    raise TypeError(f"no sample for {name}: {kind}")


def main() -> None:
    """Write what is missing, and say what was written."""
    for topic, struct in TOPICS.items():
        path = FOLDER / f"{topic}.json"
        if not path.exists():
            path.write_bytes(JSON.encode(golden_event(struct)) + b"\n")
            sys.stdout.write(f"{path.name}\n")


if __name__ == "__main__":
    main()
