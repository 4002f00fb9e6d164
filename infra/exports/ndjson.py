"""Events as newline-delimited JSON: the lines that `GET /ledger/v1/events` answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infra.exports.places import Place
from infra.exports.source import Source


def write(source: Source, place: Place, kinds: Sequence[str] | None) -> Iterator[int]:
    """Write the log; yields the number of events written since the last time."""
    with place.open(f"{source.codename}-{source.seq}.ndjson") as file:
        for lines, count in source.event_lines(kinds):
            file.write(lines)
            yield count
