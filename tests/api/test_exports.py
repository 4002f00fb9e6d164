"""Exports over HTTP: the bytes of the command line, streamed, in constant memory, with clear refusals."""

from __future__ import annotations

import io
import re
import socket
import time
import zipfile
from contextlib import ExitStack
from dataclasses import dataclass, field

import duckdb
import psutil
import psycopg
import pytest

from infra.exports import open_source, plan
from infra.exports.places import Stream

LINE = "2024-03-05 (payment-1) Shirin Rugs | Payment received"


@dataclass
class Bytes:
    data: bytearray = field(default_factory=bytearray)

    def write(self, data: bytes, /) -> int:
        self.data += data
        return len(data)


pytestmark = pytest.mark.usefixtures("following")


@pytest.fixture
def trader(company):
    party = company.create("party", name="Shirin Rugs")["id"]
    company.create("payment", amount="7.50", party_id=party, date="2024-03-05")
    return company


@pytest.mark.parametrize(
    ("path", "media_type", "name"),
    [
        ("hledger", "text/plain; charset=utf-8", "journal"),
        ("beancount", "text/plain; charset=utf-8", "beancount"),
        ("ndjson", "application/x-ndjson", "ndjson"),
        ("csv?kind=party", "text/csv; charset=utf-8", "party.csv"),
        ("parquet?kind=journal_lines", "application/vnd.apache.parquet", "journal_lines.parquet"),
        ("csv", "application/zip", "csv.zip"),
        ("parquet", "application/zip", "parquet.zip"),
    ],
)
def test_every_format(trader, services, path, media_type, name):
    answer = trader.get(f"/exports/{path}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == media_type
    seq = int(answer.headers["x-seq"])
    assert seq == trader.head()
    assert re.fullmatch(rf'attachment; filename="{trader.codename}-{seq}[.-]{name}"', answer.headers["content-disposition"])
    assert trader.get(f"/exports/{path}").content == answer.content
    if media_type == "application/zip":
        assert zipfile.ZipFile(io.BytesIO(answer.content)).testzip() is None
        return
    format_, _, kind = path.partition("?kind=")
    source = open_source(services.database, trader.id)
    target = Bytes()
    list(plan(source, format_, [kind] if kind else None, single=bool(kind)).write(Stream(target)))
    assert bytes(target.data) == answer.content


def test_as_of_a_seq_and_a_time(trader):
    before = trader.get("/exports/hledger")
    seq = int(before.headers["x-seq"])
    moment = trader.get("/head").json()["recorded_at"]
    assert LINE in before.text
    trader.create("payment", amount="1", date="2024-03-06")
    assert trader.get(f"/exports/hledger?at_seq={seq}").content == before.content
    assert trader.get("/exports/hledger", params={"at": moment}).content == before.content
    assert trader.get("/exports/hledger").content != before.content


def test_duckdb_reads_one_table(trader, tmp_path):
    path = tmp_path / "lines.parquet"
    path.write_bytes(trader.get("/exports/parquet?kind=journal_lines").content)
    assert duckdb.sql(f"SELECT account, sum(debit)::text FROM '{path}' WHERE debit > 0 GROUP BY account").fetchall() == [
        ("1000", "7.500000000")
    ]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("xlsx", 404, "unknown_format"),
        ("csv?kind=no_such", 404, "unknown_kind"),
        ("csv?kind=events", 404, "unknown_kind"),
        ("csv?kind=,", 422, "invalid_field"),
        ("hledger?kind=party", 422, "invalid_field"),
        ("hledger?at_seq=10000", 409, "cursor_ahead"),
        ("hledger?at_seq=-1", 422, "invalid_field"),
        ("hledger?at_seq=1&at=2026-01-01T00:00:00Z", 422, "invalid_field"),
        ("hledger?at=2026-01-01", 422, "invalid_field"),
        ("hledger?format=x", 422, "invalid_field"),
    ],
)
def test_refusals(trader, path, status, code):
    answer = trader.get(f"/exports/{path}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_who_may_export(trader, member, client):
    assert client.get("/ledger/v1/exports/hledger").status_code == 401
    assert member("viewer").get("/exports/ndjson").status_code == 200


def test_what_is_not_posted_is_not_left_out(company, api_settings):
    """Where postings are stuck, the journal is refused, not cut short."""
    with psycopg.connect(api_settings.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO daftar.positions (follower, company_id, parked_seq, parked_error) VALUES ('balances', %s, 1, 'a test')"
            " ON CONFLICT (company_id, follower) DO UPDATE SET parked_seq = 1, parked_error = 'a test'",
            (company.id,),
        )
    company.create("payment", amount="7.50", date="2024-03-05")
    answer = company.get("/exports/hledger")
    assert (answer.status_code, answer.json()["code"]) == (503, "projection_behind")
    assert company.get("/exports/ndjson").status_code == 200, "events wait for nobody"


def test_another_company_is_not_in_it(trader, services, client):
    from tests.api.conftest import register

    other = register(services, client)
    assert "Shirin" not in other.get("/exports/csv?kind=party").text


def test_a_slow_client_costs_neither_memory_nor_connections(server, served):
    """More of a stream than sockets hold stays unmade until it is read, and a client that hangs up leaves nothing behind."""
    notes = "x" * 15_000
    for _ in range(2):
        commands = [{"type": "party.create", "data": {"name": "p", "notes": notes}} for _ in range(120)]
        for _ in range(8):
            assert served.execute(*commands).status_code == 200
    family = psutil.Process(server.process.pid)
    processes = [family, *family.children(recursive=True)]

    def memory() -> int:
        return max(process.memory_info().rss for process in processes)

    served.get("/exports/ndjson?at_seq=500")
    before = memory()
    request = f"GET /ledger/v1/exports/ndjson HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.token}\r\n\r\n".encode()
    with ExitStack() as stack:
        for _ in range(3):
            reader = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            reader.sendall(request)
            assert reader.recv(20).startswith(b"HTTP/1.1 200")
        most = 0
        for _ in range(20):
            time.sleep(0.05)
            most = max(most, memory())
        assert served.get("/head").status_code == 200
    size = len(served.get("/exports/ndjson").content)
    assert size > 27_000_000
    assert most - before < size, f"{(most - before) / 2**20:.0f} MB for {3 * size / 2**20:.0f} MB that nobody reads"
    assert served.get("/exports/ndjson?at_seq=10").status_code == 200
