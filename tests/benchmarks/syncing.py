"""What the sync of the Matrix app costs: a first pull, a large push, and a hundred devices that sync at once."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Sequence
from functools import partial
from uuid import UUID

import httpx
import msgspec

from api.matrix.ready import LAYOUT
from domain.command import Command
from infra.ids import new_id
from infra.reading.reader import Reader
from infra.store.library import CompanyRecorder
from infra.sync.rows import SyncRows
from tests.benchmarks import workloads
from tests.benchmarks.measure import Row, Side, quiet, timed
from tests.benchmarks.place import ACTOR, Place
from tests.benchmarks.serving import Served, once, served

CHANGES = 100_000
PUSHED = 5_000
DEVICES = 100
UP, DOWN = 50, 200
MOST_SECONDS = 2.0


def sync(place: Place, facts: list[str]) -> Sequence[Row]:
    """Everything that is measured of syncing."""
    with served(place, "synced") as at, quiet():
        fill(place, at.company)
        return [*_pulls(place, at, facts), _push(place, at), _crowd(place, at, facts)]


def fill(place: Place, company: UUID) -> None:
    """A shop's books: parties, products, and invoices with lines; 100,000 records of the tables that devices pull."""
    parties, products = [new_id() for _ in range(1_000)], [new_id() for _ in range(1_000)]
    commands = [
        Command(kind="party", action="create", id=one, data={"name": f"Party {i}", "phone": f"+98 21 {i}", "address": "Street 1"})
        for i, one in enumerate(parties)
    ]
    commands += [
        Command(kind="product", action="create", id=one, data={"name": f"Tea {i}", "sku": f"T-{i}", "price": "2.50"})
        for i, one in enumerate(products)
    ]
    place.ledger.execute(company, commands, ACTOR)
    turn = itertools.count()
    while place.store.head(company).seq < CHANGES:
        batch = []
        for _ in range(1_000):
            n = next(turn)
            lines = [{"product_id": str(products[(n + i) % 1_000]), "quantity": i + 1, "vat_rate": "0"} for i in range(4)]
            data = {"type": "sales", "party_id": str(parties[n % 1_000]), "issue_date": "2025-01-31", "lines": lines}
            batch.append(Command(kind="invoice", action="create", data=data))
        place.ledger.execute(company, batch, ACTOR)


def _pulled(at: Served, device: str, **more: object) -> bytes:
    body = msgspec.json.encode({"device_id": device, "last_version": 0, **more})
    return once(at, "/api/sync/pull", method="POST", body=body)


def _changes(at: Served, device: str, **more: object) -> tuple[list[dict[str, object]], int]:
    """The changes of such a pull, and the bytes of the answer."""
    headers = {"Authorization": f"Bearer {at.token}", "Accept-Encoding": "identity"}
    body = {"device_id": device, "last_version": 0, **more}
    answer = httpx.post(f"http://127.0.0.1:{at.port}/api/sync/pull", json=body, headers=headers, timeout=60)
    return msgspec.json.decode(answer.content)["changes"], len(answer.content)


def _pulls(place: Place, at: Served, facts: list[str], rounds: int = 5) -> list[Row]:
    """A device's first pull of everything, against the same records read page by page at store level.

    The company's very first pull renders the rows that every later one copies.
    """
    reader, rows = Reader(place.api), SyncRows(place.api, LAYOUT)

    def store_level() -> int:
        return sum(page.count for page in reader.record_pages(at.company, 0))

    pull = partial(_pulled, at, "new device")
    changes, size = _changes(at, "new device")
    records = store_level()
    times: list[tuple[float, float, float]] = []
    for _ in range(rounds):
        rows.drop(at.company)
        times.append((timed(pull), timed(pull), timed(store_level)))
    rendering, copying, reading = (statistics.median(side) for side in zip(*times, strict=True))
    facts.append(
        f"A Matrix device's first pull: {len(changes):,} changes ({records:,} records, {size / 2**20:.0f} MB) in {copying:.2f} s;"
        f" in {rendering:.2f} s where no device of the company pulled before. The records alone at store level: {reading:.2f} s."
    )
    name, theirs = f"Matrix: first pull of {CHANGES:,} records over HTTP", Side(records / reading)
    reference = "the same records at store level"
    return [
        Row(f"{name}, rows ready to copy (every device but one)", Side(records / copying), theirs, reference, 0.5, "records/s"),
        Row(f"{name}, rows rendered first (the first device)", Side(records / rendering), theirs, reference, 0.1, "records/s"),
    ]


def _push(place: Place, at: Served, rounds: int = 5) -> Row:
    """Pushes of 5,000 new parties, against appending as many such events that are made already."""
    recorder = CompanyRecorder(place.store, place.company("appended"))
    made = workloads.new_records((rounds + 2) * 5)
    batches = [list(itertools.chain.from_iterable(made[i : i + 5])) for i in range(0, len(made) - 4, 5)]
    bodies = [_parties("pusher", turn, PUSHED) for turn in range(rounds + 1)]
    once(at, "/api/sync/push", method="POST", body=bodies[0])
    recorder.insert_events(batches[0])
    pairs = [
        (
            timed(partial(once, at, "/api/sync/push", method="POST", body=bodies[turn])),
            timed(partial(recorder.insert_events, batches[turn])),
        )
        for turn in range(1, rounds + 1)
    ]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    reference = f"appending {PUSHED:,} such events at store level"
    name = f"Matrix push of {PUSHED:,} changes over HTTP"
    return Row(name, Side(PUSHED / ours), Side(PUSHED / theirs), reference, 1 / 3, "changes/s")


def _parties(device: str, turn: int, count: int) -> bytes:
    data = {"name": "Some Customer", "party_type": "customer", "phone": "+98 21 1234", "email": "a@b.example"}
    changes = [
        {"table": "parties", "operation": "INSERT", "local_id": f"{turn}-{i}", "data": {**data, "address": "Street 1, Tehran"}}
        for i in range(count)
    ]
    return msgspec.json.encode({"device_id": device, "changes": changes})


def _crowd(place: Place, at: Served, facts: list[str]) -> Row:
    """100 devices, each 200 changes behind, sync at once: pull, then push 50. None may fail, lose a change, or take 2 seconds."""
    before = place.store.head(at.company).seq
    commands = [Command(kind="party", action="create", data={"name": f"New {i}"}) for i in range(DOWN)]
    place.ledger.execute(at.company, commands, ACTOR)
    seconds = asyncio.run(_sync_all(at, before))
    numbers = {record for _, pushed, _ in seconds for record in pushed}
    latest = {change["record_id"] for change in _changes(at, "auditor", tables=["parties"])[0]}
    complete = numbers <= latest and len(numbers) == DEVICES * UP and all(count >= DOWN for *_, count in seconds)
    if not complete:
        raise RuntimeError("a change was lost or made twice")
    times = [one for one, *_ in seconds]
    facts.append(
        f"{DEVICES} Matrix devices syncing at once ({UP} changes up, {DOWN} and more down, one HTTP process): median"
        f" {statistics.median(times):.2f} s, slowest {max(times):.2f} s; no error, no change lost."
    )
    name = f"{DEVICES} Matrix devices syncing at once, slowest"
    return Row(name, Side(max(times), times), Side(MOST_SECONDS), "2 seconds", 1.0, "s", more_is_better=False)


async def _sync_all(at: Served, before: int) -> list[tuple[float, list[int], int]]:
    limits = httpx.Limits(max_connections=DEVICES)
    headers = {"Authorization": f"Bearer {at.token}", "Content-Type": "application/json", "Accept-Encoding": "identity"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{at.port}", limits=limits, headers=headers, timeout=60) as client:
        for one in range(DEVICES):  # every device has synced before
            body = {"device_id": f"device {one}", "last_version": before, "limit": 1}
            await client.post("/api/sync/pull", content=msgspec.json.encode(body))
        return await asyncio.gather(*(_sync_one(client, f"device {one}", before) for one in range(DEVICES)))


async def _sync_one(client: httpx.AsyncClient, device: str, before: int) -> tuple[float, list[int], int]:
    """As the app does it: pull, then push."""
    start = time.perf_counter()
    body = {"device_id": device, "last_version": before}
    pulled = await client.post("/api/sync/pull", content=msgspec.json.encode(body))
    pushed = await client.post("/api/sync/push", content=_parties(device, 0, UP))
    seconds = time.perf_counter() - start
    if pushed.status_code != 200 or pulled.status_code != 200:
        raise RuntimeError(f"{pushed.status_code} {pulled.status_code} {pushed.text[:200]}")
    answer = msgspec.json.decode(pushed.content)
    if answer["errors"]:
        raise RuntimeError(str(answer["errors"][:1]))
    return seconds, [result["record_id"] for result in answer["results"]], len(msgspec.json.decode(pulled.content)["changes"])
