"""What reading costs at store level: pulls against the same bytes by COPY, replay against the same rows by COPY."""

from __future__ import annotations

import statistics
from uuid import UUID

from infra.reading.reader import Reader
from infra.store.replay import replay
from tests.benchmarks.measure import Row, Side, quiet, timed
from tests.benchmarks.place import Place


def _copied(place: Place, company: UUID, query: str, form: str) -> int:
    statement = f"COPY ({query}) TO STDOUT {form}".encode()
    with place.api.company(company) as connection, connection.cursor() as cursor, cursor.copy(statement) as copy:
        return sum(len(block) for block in copy)


def pull(place: Place, company: UUID, records: int = 100_000, rounds: int = 7) -> Row:
    """Pulling records from a cursor to 100,000 further on."""
    reader = Reader(place.api)
    last = max(page.cursor for page in _first(reader, company, records))
    query = f"SELECT document FROM records WHERE company_id = '{company}' AND seq <= {last} ORDER BY seq"
    with quiet():
        pairs = [
            (timed(lambda: list(_first(reader, company, records))), timed(lambda: _copied(place, company, query, "")))
            for _ in range(rounds)
        ]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Row(
        "pull of 100,000 records, store level",
        Side(records / ours),
        Side(records / theirs),
        "raw COPY … TO STDOUT of the same bytes",
        0.5,
        "records/s",
    )


def _first(reader: Reader, company: UUID, records: int):
    pulled = 0
    for page in reader.record_pages(company, 0):
        yield page
        pulled += page.count
        if pulled >= records:
            return


def decode(place: Place, company: UUID, events: int = 200_000, rounds: int = 7) -> Row:
    """Reading and decoding events into their Structs in one process."""
    query = f"SELECT * FROM events WHERE company_id = '{company}' AND seq <= {events} ORDER BY seq"

    def ours() -> None:
        with place.worker.connection() as connection:
            read = sum(len(page) for page in replay(connection, company, until=events))
        if read != events:
            raise RuntimeError(f"replayed {read} of {events} events")

    with quiet():
        pairs = [(timed(ours), timed(lambda: _copied(place, company, query, "(FORMAT binary)"))) for _ in range(rounds)]
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Row(
        "replay: every event decoded into its Struct, one process",
        Side(events / mine),
        Side(events / theirs),
        "raw binary COPY … TO STDOUT of the same rows",
        0.5,
        "events/s",
    )
