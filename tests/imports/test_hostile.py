"""Whatever bytes a file holds, it is imported or refused in words: no other exception, and nothing stored by a dry run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import LedgerError

from .conftest import SAMPLES, Books

FILES = [
    ("csv", "parties", "customers.csv"),
    ("csv", "products", "products.csv"),
    ("csv", "invoices", "invoices.csv"),
    ("csv", "opening-balances", "opening-balances.csv"),
    ("ofx", "", "statement.ofx"),
    ("hledger", "", "books.journal"),
]
BITS = [b"", b"\x00", b"\xff", b'"', b"\n", b",", b"-1", b"9" * 40, b"1e999", b"NaN", b"<", b">", b"<![CDATA[", b"</OFX>", b"@",
        "\u2028".encode(), "\ud7ff".encode(), b"\t\t", b"  ", b":", b";", b"(", b"0000-00-00", b"\\", b"\xe9"]  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data(), sample=st.sampled_from(FILES))
def test_damaged_files(books: Books, data: Any, sample: tuple[str, str, str]) -> None:
    format_, kind, name = sample
    content = (SAMPLES / name).read_bytes()
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        length = data.draw(st.sampled_from([0, 1, 5, 60]))
        content = content[:start] + data.draw(st.sampled_from(BITS)) + content[start + length :]
    _try(books, format_, kind, content)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)), sample=st.sampled_from(FILES))
def test_any_bytes(books: Books, content: bytes, sample: tuple[str, str, str]) -> None:
    _try(books, *sample[:2], content)


def _try(books: Books, format_: str, kind: str, content: bytes) -> None:
    before = books.head
    said = ""
    try:
        books.load(format_, kind, content, dry_run=True)
    except LedgerError as error:
        said = error.message
    assert len(said) < 2_000
    assert books.head == before


@pytest.mark.parametrize(
    "piece", [b"<A><![CDATA[", b"<STMTTRN>", b"<A>", b"&lt;", b"(" * 3, b"a:", b"1,", b'""', b" = ", b"  (x)  1 = = "]
)
def test_long_repetitions_are_refused_in_time(books: Books, piece: bytes) -> None:
    content = (SAMPLES / "statement.ofx").read_bytes()
    middle = content.index(b"<STMTTRN>")
    _try(books, "ofx", "", content[:middle] + piece * 20_000 + content[middle:])
    _try(books, "hledger", "", b"2026-01-01 x\n  assets:cash  " + piece * 20_000 + b"\n")
    _try(books, "csv", "parties", b"name\n" + piece * 20_000 + b"\n")
