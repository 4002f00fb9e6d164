"""What the SAIMPEX desktop's API costs: an outbox that is replayed, fifty tills at once, and delta pulls that find nothing."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import msgspec

from domain.command import Command
from infra.ids import new_id
from tests.benchmarks.measure import Row, Side, quiet, timed
from tests.benchmarks.place import ACTOR, Place
from tests.benchmarks.serving import Served, once, rate, receive, served

QUEUED = 2_000
ROUNDS = 3
TILLS, ACTIONS = 50, 40
PRODUCTS = 100
API = "/api/desktop/"
MIX = ("sale", "sale", "cash", "sale", "stock", "sale", "customer", "sale", "hold", "sale", "cash", "sale", "stock", "leave")
"""What a till does in a while; most of it is selling."""

Request = tuple[str, bytes]


def over_http(place: Place, facts: list[str]) -> Sequence[Row]:
    """Everything that is measured of this dialect."""
    with served(place, "saimpex") as at, quiet():
        products = [new_id() for _ in range(PRODUCTS)]
        commands = [
            Command(kind="product", action="create", id=one, data={"name": f"Tea {i}", "price": "10", "vat_rate": "10"})
            for i, one in enumerate(products)
        ]
        place.ledger.execute(at.company, commands, ACTOR)
        once(at, f"{API}pos/openShift", method="POST", body=msgspec.json.encode({"opening_cash": 500}))
        rows = [_replay(at, products), _poll(at)]
        _crowd(at, facts)
        return rows


def _queued(count: int, device: str) -> list[Request]:
    """An outbox, in the order in which it is sent."""
    return [_action(n, kind, device) for n, kind in enumerate(itertools.islice(itertools.cycle(MIX), count))]


def _action(n: int, kind: str, device: str) -> Request:
    cart: dict[str, Any] = {"items": [{"product_id": n % PRODUCTS + 1, "quantity": 2}]}
    path, body = {
        "sale": ("pos/createSale", {**cart, "payment": {"method": "cash", "paid_amount": 30}, "total_amount": 22}),
        "hold": ("pos/holdSale", {**cart, "total_amount": 22}),
        "cash": ("pos/createCashTransaction", {"amount": 5, "type": 1, "category": "misc", "reason": "Change"}),
        "stock": ("pos/updateStock", {"product_id": n % PRODUCTS + 1, "stock_type": 1, "quantity": 10, "notes": "Stock in"}),
        "customer": ("crm/createCustomer", {"name": "Some Customer", "mobile": "+22245250000", "address": "Rue 12"}),
        "leave": ("hrm/requestLeave", {"type": 1, "from_date": "2026-06-01", "to_date": "2026-06-03", "reason": "Family"}),
    }[kind]
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    body |= {"client_id": str(uuid4()), "client_created_at": moment, "device_id": device}
    return f"{API}{path}", msgspec.json.encode(body)


def _native(count: int, products: Sequence[UUID]) -> Iterator[Request]:
    """The same mix as single commands of the native API."""
    for n, kind in enumerate(itertools.islice(itertools.cycle(MIX), count)):
        product = str(products[n % PRODUCTS])
        line = {"product_id": product, "quantity": "2"}
        name, data = {
            "sale": (
                "invoice",
                {"type": "sales", "moves_stock": True, "lines": [line], "payments": [{"method": "cash", "tendered": "30"}]},
            ),
            "hold": ("held_sale", {"cart": {"items": [line]}, "total_amount": "22"}),
            "cash": ("cash_transaction", {"amount": "5", "direction": "in", "category": "misc", "reason": "Change"}),
            "stock": ("stock_movement", {"product_id": product, "quantity": "10", "reason": "adjustment"}),
            "customer": (
                "party",
                {"name": "Some Customer", "mobile": "+22245250000", "address": "Rue 12", "roles": ["customer"]},
            ),
            "leave": (
                "leave",
                {
                    "employee_id": {"number": 1},
                    "type": "annual",
                    "from_date": "2026-06-01",
                    "to_date": "2026-06-03",
                    "reason": "Family",
                },
            ),
        }[kind]
        yield f"/ledger/v1/records/{name}", msgspec.json.encode({"data": data})


def _send(at: Served, requests: Sequence[Request]) -> list[bytes]:
    """One request after the other on one connection; raises where one is refused."""
    answers: list[bytes] = []
    with closing(at.connect()) as connection:
        for path, body in requests:
            connection.sendall(at.request(path, method="POST", body=body))
            status, answer, _ = receive(connection)
            if status >= 300:
                raise RuntimeError(f"{path}: {status} {answer[:500]!r}")
            answers.append(answer)
    return answers


def _replay(at: Served, products: Sequence[UUID]) -> Row:
    """One client replays its outbox, against as many single commands of the same kinds."""
    _send(at, _queued(200, "till 0"))
    _send(at, list(_native(200, products)))
    pairs = [
        (timed(partial(_send, at, _queued(QUEUED, "till 0"))), timed(partial(_send, at, list(_native(QUEUED, products)))))
        for _ in range(ROUNDS)
    ]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    name = f"SAIMPEX: replay of an outbox of {QUEUED:,} queued actions, one request each"
    reference = "as many native commands, one request each"
    return Row(name, Side(QUEUED / ours), Side(QUEUED / theirs), reference, 0.5, "actions/s")


def _crowd(at: Served, facts: list[str]) -> None:
    """50 tills replay at once, and each action twice; raises where anything is lost or done twice."""
    outboxes = [_queued(ACTIONS, f"till {n}") for n in range(TILLS)]
    before = _counts(at)

    def replay(outbox: list[Request]) -> None:
        answers = _send(at, [request for request in outbox for _ in range(2)])
        for first, second in zip(answers[::2], answers[1::2], strict=True):
            if first.replace(b'"idempotent_replay":false', b'"idempotent_replay":true') != second:
                raise RuntimeError(f"a replay said something else: {second[:300]!r}")

    start = time.perf_counter()
    with ThreadPoolExecutor(TILLS) as threads:
        list(threads.map(replay, outboxes))
    seconds = time.perf_counter() - start
    made = {kind: count - before[kind] for kind, count in _counts(at).items()}
    kinds = {"sale": "invoice", "hold": "held_sale", "cash": "cash_transaction", "customer": "party"}
    chosen = list(itertools.islice(itertools.cycle(MIX), ACTIONS))
    wanted = {kind: TILLS * chosen.count(name) for name, kind in kinds.items()}
    if made != wanted:
        raise RuntimeError(f"an action was lost or done twice: {made}, not {wanted}")
    facts.append(
        f"{TILLS} tills replaying {ACTIONS} actions each at once, every action twice (one HTTP process): {TILLS * ACTIONS * 2:,}"
        f" requests in {seconds:.1f} s; no error, nothing lost, nothing done twice."
    )


def _counts(at: Served) -> dict[str, int]:
    """How many records there are of what a till makes."""
    return {
        kind: msgspec.json.decode(once(at, f"/ledger/v1/records/{kind}"))["total"]
        for kind in ("invoice", "held_sale", "cash_transaction", "party")
    }


def _poll(at: Served, requests: int = 3_000) -> Row:
    found = msgspec.json.decode(once(at, f"{API}pos/fetchProducts"))["data"]
    poll = f"{API}pos/fetchProducts?updated_since={quote(found['sync_cursor'])}"
    if msgspec.json.decode(once(at, poll))["data"]["products"]:
        raise RuntimeError("the pull was to find nothing")
    rate(at, poll, 400), rate(at, "/health/live", 400)
    pairs = [(rate(at, poll, requests), rate(at, "/health/live", requests)) for _ in range(5)]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    name, reference = "SAIMPEX: delta pull with nothing new", "a handler that answers a constant"
    return Row(name, Side(ours), Side(theirs), reference, 1 / 3, "requests/s")
