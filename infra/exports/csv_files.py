"""Records as CSV, a file per kind: RFC 4180, UTF-8, a header line.

A text that a spreadsheet would take for a formula gets an apostrophe in front, and so does one that begins with an apostrophe: to
get the text back, take one leading apostrophe away.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from infra.exports.columns import Column, columns_of_kind, value_of
from infra.exports.places import Place
from infra.exports.source import Source

_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""With the full-width forms, which some spreadsheets read like the others."""


def write(source: Source, place: Place, kinds: Sequence[str]) -> Iterator[int]:
    """Write a file per kind; yields the number of records written since the last time."""
    for kind in kinds:
        columns = columns_of_kind(kind)
        with place.open(f"{kind}.csv") as file:
            file.write(_csv([[column.name for column in columns]]))
            for page in source.records(kind):
                file.write(_csv([[_cell(value_of(record, column), column) for column in columns] for record in page]))
                yield len(page)


def _csv(rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any, column: Column) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if column.form == "text" and str(value).startswith(_RISKY):
        return f"'{value}"
    return value
