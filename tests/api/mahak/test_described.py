"""The OpenAPI document says every collection and field of pulls and batches."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from mahak_clients import SALE, Client, save_v2

from api.app import describe
from api.mahak import described, examples
from api.mahak.collections import ALL


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    return describe()["components"]["schemas"]


def test_a_batch_and_a_pull_say_every_collection_and_field(schemas: dict[str, Any]) -> None:
    batch, pull = schemas["MahakBatch"]["properties"], schemas["MahakPull"]["properties"]
    for collection in ALL:
        row = schemas[batch[collection.name]["anyOf"][0]["items"]["$ref"].rpartition("/")[2]]["properties"]
        assert collection.types.keys() | collection.words.keys() == row.keys()
        assert {collection.version_field, f"{collection.name}RowVersion"} <= pull.keys()
    assert {"customers", "cash", "journalEntries"} <= batch.keys()
    assert {"customersRowVersion", "orderTypes", "pageSize"} <= pull.keys()
    assert schemas["MahakOrder"]["properties"]["discount"]["anyOf"][0]["type"] == "number"


@pytest.mark.parametrize(
    ("said", "type_"),
    [
        (examples.COMMIT, described.Commit),
        (SALE, described.Commit),
        (examples.PULL_V1, described.Pull),
        (examples.PULL_V2, described.Pull),
        (examples.PULLED_V2["data"], described.PulledData),
    ],
)
def test_the_examples_are_as_described(said: Any, type_: Any) -> None:
    msgspec.convert(said, type_)
    assert said.keys() <= set(type_.__struct_fields__)


def test_every_field_that_is_answered_is_described(mahak: Client) -> None:
    save_v2(
        mahak,
        **SALE,
        receipts=[{"receiptClientId": 1, "personClientId": 7, "orderClientId": 1, "cashAmount": 5}],
        payments=[{"paymentClientId": 1, "personClientId": 7, "cashAmount": 5}],
        banks=[{"bankClientId": 1, "name": "Melli"}],
        pictures=[{"pictureClientId": 1, "fileName": "a.png"}],
        journalEntries=[{"journalEntryClientId": 1, "date": "2026-03-01"}],
        journalEntryLines=[
            {"journalEntryClientId": 1, "accountCode": "1000", "debit": 5},
            {"journalEntryClientId": 1, "accountCode": "4000", "credit": 5},
        ],
    )
    data = mahak.pull_v2(**{f"{collection.name}RowVersion": 0 for collection in ALL})["data"]
    filled = 0
    for collection in ALL:
        for row in data[collection.name]["records"]:
            msgspec.convert(row, described.ROWS[collection.name])
            assert row.keys() <= set(described.ROWS[collection.name].__struct_fields__), collection.name
            filled += 1
    assert filled >= 12


VALUES = [
    None,
    True,
    0,
    1,
    2,
    5,
    -1,
    201,
    2**31 - 1,
    2**31,
    2**63,
    0.5,
    1e300,
    "",
    "0",
    "1",
    "x",
    "\x00",
    "2026-03-01",
    "0000-00-00",
    [],
    {},
]


@pytest.mark.parametrize("route", ["SaveAllData", "SaveAllDataV2"])
def test_no_batch_ends_in_a_500(mahak: Client, route: str) -> None:
    save_v2(mahak, **SALE)
    choose = random.Random(route)
    accepted = 0
    for _ in range(60):
        batch: dict[str, list[Any]] = {}
        for collection in choose.sample(ALL, choose.randint(1, 4)):
            fields = described.ROWS[collection.name].__struct_fields__
            likely = [name for name in fields if name.endswith("Id")]
            for _ in range(choose.randint(1, 3)):
                names = choose.sample(fields, min(len(fields), choose.randint(0, 8))) + choose.sample(likely, min(len(likely), 2))
                values = VALUES[3:6] if choose.random() < 0.5 else VALUES
                batch.setdefault(choose.choice((collection.name, *collection.guide)), []).append(
                    {name: choose.choice(values) for name in names}
                )
        found = mahak.post(f"/Sync/{route}", batch)
        assert found.status_code in ({200} if route == "SaveAllData" else {200, 400, 403, 404, 409}), (batch, found.text)
        accepted += found.status_code == 200
    assert accepted
