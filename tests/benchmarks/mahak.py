"""What Mahak's Sync API costs: a first pull, a large batch, and polls of many collections that find nothing."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from functools import partial

import httpx
import msgspec

from api.mahak.rows import LAYOUT_V2
from infra.reading.reader import Reader
from infra.store.library import CompanyRecorder
from infra.sync.rows import SyncRows
from tests.benchmarks import workloads
from tests.benchmarks.measure import Row, Side, quiet, timed
from tests.benchmarks.place import Place
from tests.benchmarks.serving import Served, once, rate, served
from tests.benchmarks.syncing import fill

SAVED = 5_000
ROUNDS = 5
PULL = {"ordersRowVersion": 0, "orderDetailsRowVersion": 0, "customersRowVersion": 0, "productsRowVersion": 0}
POLLED = (
    "bank",
    "bankGroup",
    "cash",
    "cheque",
    "order",
    "orderDetail",
    "person",
    "personGroup",
    "product",
    "productCategory",
    "productDetail",
    "receipt",
    "payment",
    "paymentCheque",
    "visitor",
    "visitorPerson",
    "checklist",
    "store",
    "unit",
    "setting",
)


def over_http(place: Place, facts: list[str]) -> Sequence[Row]:
    """Everything that is measured of this dialect."""
    with served(place, "mahak") as at, quiet():
        fill(place, at.company)
        return [*_pulls(place, at, facts), _save(place, at), _poll(place, at)]


def _pulls(place: Place, at: Served, facts: list[str]) -> list[Row]:
    reader, rows = Reader(place.api), SyncRows(place.api, LAYOUT_V2)

    def store_level() -> int:
        return sum(page.count for page in reader.record_pages(at.company, 0))

    pull = partial(once, at, "/API/v3/Sync/GetAllDataV2", method="POST", body=msgspec.json.encode(PULL))
    headers = {"Authorization": f"Bearer {at.token}"}
    first = httpx.post(f"http://127.0.0.1:{at.port}/API/v3/Sync/GetAllDataV2", json=PULL, headers=headers, timeout=120)
    answer = msgspec.json.decode(first.content)["data"]
    sent = sum(len(answer[name]["records"]) for name in ("orders", "orderDetails", "customers", "products"))
    records = store_level()
    times: list[tuple[float, float, float]] = []
    for _ in range(ROUNDS):
        rows.drop(at.company)
        times.append((timed(pull), timed(pull), timed(store_level)))
    rendering, copying, reading = (statistics.median(side) for side in zip(*times, strict=True))
    facts.append(
        f"GetAllDataV2 of {sent:,} rows, each told in both spellings, in {copying:.2f} s, and in {rendering:.2f} s where no client"
        f" of the company has asked before; {records:,} records at store level in {reading:.2f} s."
    )
    name, reference = f"Mahak: GetAllDataV2 of {sent:,} rows", "as many records at store level"
    theirs = Side(records / reading)
    return [
        Row(f"{name}, rows are ready (every client but one)", Side(sent / copying), theirs, reference, 0.5, "records/s"),
        Row(f"{name}, rows are rendered (the company's first)", Side(sent / rendering), theirs, reference, 0.1, "records/s"),
    ]


def _save(place: Place, at: Served) -> Row:
    """Batches of 5,000 new people, against appending as many such events that are made already."""
    recorder = CompanyRecorder(place.store, place.company("appended-for-mahak"))
    made = workloads.new_records((ROUNDS + 2) * 5)
    batches = [list(itertools.chain.from_iterable(made[i : i + 5])) for i in range(0, len(made) - 4, 5)]
    bodies = [_people(turn) for turn in range(ROUNDS + 1)]
    save = partial(once, at, "/API/v3/Sync/SaveAllDataV2", method="POST")
    save(body=bodies[0])
    recorder.insert_events(batches[0])
    pairs = [
        (timed(partial(save, body=bodies[turn])), timed(partial(recorder.insert_events, batches[turn])))
        for turn in range(1, ROUNDS + 1)
    ]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    reference = f"appending {SAVED:,} such events at store level"
    return Row(f"Mahak: SaveAllDataV2 of {SAVED:,} rows", Side(SAVED / ours), Side(SAVED / theirs), reference, 1 / 3, "rows/s")


def _people(turn: int) -> bytes:
    row = {
        "firstName": "Some",
        "lastName": "Customer",
        "phone": "+98 21 1234",
        "email": "a@b.example",
        "address": "Street 1, Tehran",
    }
    return msgspec.json.encode({"people": [{**row, "personClientId": turn * SAVED + i + 1} for i in range(SAVED)]})


def _poll(place: Place, at: Served, requests: int = 2_000) -> Row:
    head = place.store.head(at.company).seq
    names = {f"from{name[0].upper()}{name[1:]}Version": head for name in POLLED}
    headers = {"Authorization": f"Bearer {at.token}"}
    answer = httpx.post(f"http://127.0.0.1:{at.port}/API/v3/Sync/GetAllDataV2", json=names, headers=headers)
    if answer.status_code != 200 or any(answer.json()["data"]["objects"].values()):
        raise RuntimeError(f"the poll was to find nothing: {answer.text[:500]}")
    poll = partial(rate, at, "/API/v3/Sync/GetAllDataV2", method="POST", body=msgspec.json.encode(names))
    constant = partial(rate, at, "/health/live")
    poll(400), constant(400)
    pairs = [(poll(requests), constant(requests)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    name, reference = f"Mahak: empty poll of {len(POLLED)} collections", "a handler that answers a constant"
    return Row(name, Side(ours), Side(theirs), reference, 1 / 3, "requests/s")
