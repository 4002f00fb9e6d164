"""Import of a real shop's books: the Chinook media store, five years of it.

Every record carries a client id under the source `chinook`, so that an import that was cut off, or is run again, adds only what
is missing. The source's invoice totals are compared with those that the ledger computed from the lines.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal
from importlib.resources import files
from typing import Any
from uuid import UUID

import msgspec

from domain.command import SYSTEM, Command
from domain.errors import CurrencyMismatch
from infra.companies.directory import company_record
from infra.ledger import Ledger
from infra.reading.reader import Reader

SOURCE = "chinook"
CURRENCY = "USD"
YEARS_PAID = 4
"""The invoices of the first four years are paid on their day; those of the last year are open."""
BATCH = 500

Row = dict[str, Any]
Progress = Callable[[str, int], None]


class TotalsDiffer(Exception):
    """Invoices of the ledger have other totals than the source; the message names them."""


@dataclass(frozen=True, slots=True)
class Chinook:
    """The source's rows, amounts as exact decimals."""

    genres: list[Row]
    artists: dict[int, Row]
    albums: dict[int, Row]
    tracks: list[Row]
    customers: list[Row]
    invoices: list[Row]
    lines: dict[int, list[Row]] = field(default_factory=dict)

    def paid(self) -> list[Row]:
        """The invoices that are paid."""
        first = min(int(row["InvoiceDate"][:4]) for row in self.invoices)
        return [row for row in self.invoices if int(row["InvoiceDate"][:4]) < first + YEARS_PAID]

    def steps(self) -> list[tuple[str, list[Command]]]:
        """What to import, in order, under the names that people read."""
        return [
            ("categories", [_category(row) for row in self.genres]),
            ("customers", [_customer(row) for row in self.customers]),
            ("products", [_product(row, self) for row in self.tracks]),
            ("invoices", [_invoice(row, self.lines.get(row["InvoiceId"], [])) for row in self.invoices]),
            ("payments", [_payment(row) for row in self.paid()]),
        ]


class LoadReport(msgspec.Struct, frozen=True, kw_only=True):
    """Records added now and found from before, by name; lines count with their invoices; `total` is that of all."""

    company: str
    added: dict[str, int]
    already_there: dict[str, int]
    total: Decimal
    currency: str
    seq: int
    seconds: float


def read_chinook() -> Chinook:
    """The rows that come with Daftar. Raises TotalsDiffer where an invoice's total is not the sum of its own lines."""
    packed = files("infra.demo").joinpath("chinook.json.gz").read_bytes()
    tables: dict[str, list[Row]] = json.loads(gzip.decompress(packed), parse_float=Decimal)
    lines: dict[int, list[Row]] = {}
    for row in tables["InvoiceLine"]:
        lines.setdefault(row["InvoiceId"], []).append(row)
    for row in tables["Invoice"]:
        summed = sum((line["UnitPrice"] * line["Quantity"] for line in lines[row["InvoiceId"]]), Decimal(0))
        if summed != row["Total"]:
            raise TotalsDiffer(f"The source's invoice {row['InvoiceId']} says {row['Total']}, its lines sum up to {summed}.")
    return Chinook(
        genres=tables["Genre"],
        artists={row["ArtistId"]: row for row in tables["Artist"]},
        albums={row["AlbumId"]: row for row in tables["Album"]},
        tracks=tables["Track"],
        customers=tables["Customer"],
        invoices=tables["Invoice"],
        lines=lines,
    )


def load_chinook(
    ledger: Ledger, reader: Reader, company_id: UUID, codename: str, *, progress: Progress = lambda _what, _count: None
) -> LoadReport:
    """Import the shop into a company that keeps its books in USD, adding only what is missing.

    `progress` is told what was just stored, and how many. Raises TotalsDiffer, CurrencyMismatch and other LedgerErrors.
    """
    started = time.perf_counter()
    require_currency(ledger, company_id, codename)
    chinook = read_chinook()
    added: dict[str, int] = {}
    present: dict[str, int] = {}
    seq = 0
    for what, commands in chinook.steps():
        added[what] = present[what] = 0
        for batch in _batches(commands):
            outcome = ledger.execute(company_id, batch, SYSTEM)
            new = sum(1 for result in outcome.results if getattr(result, "changed", False))
            added[what] += new
            present[what] += len(batch) - new
            seq = outcome.seq
            progress(what, len(batch))
    added["lines"], present["lines"], total = _check_totals(reader, company_id, chinook, added["invoices"])
    return LoadReport(
        company=codename,
        added=added,
        already_there=present,
        total=total,
        currency=CURRENCY,
        seq=seq,
        seconds=round(time.perf_counter() - started, 3),
    )


def require_currency(ledger: Ledger, company_id: UUID, codename: str) -> None:
    """Raise CurrencyMismatch unless the company keeps its books in the shop's currency."""
    currency = company_record(ledger, company_id).data["currency"]
    if currency != CURRENCY:
        raise CurrencyMismatch(f"The shop's amounts are in {CURRENCY}; {codename!r} keeps its books in {currency}.")


def _batches(commands: Sequence[Command]) -> Iterator[Sequence[Command]]:
    for start in range(0, len(commands), BATCH):
        yield commands[start : start + BATCH]


# Source rows → commands ---------------------------------------------------------------------------


def _create(kind: str, name: str, row_id: int, data: Row, occurred_at: datetime | None = None) -> Command:
    """A create command that never makes a second record; empty fields of the source are left out."""
    given = {key: value for key, value in data.items() if value not in (None, "", {})}
    return Command(kind=kind, action="create", client_id=f"{name}-{row_id}", source=SOURCE, occurred_at=occurred_at, data=given)


def _ref(name: str, row_id: int) -> dict[str, Any]:
    return {"client_id": f"{name}-{row_id}", "source": SOURCE}


def _category(row: Row) -> Command:
    return _create("product_category", "genre", row["GenreId"], {"name": row["Name"], "code": f"GENRE-{row['GenreId']:02}"})


def _customer(row: Row) -> Command:
    data = {
        "name": f"{row['FirstName']} {row['LastName']}",
        "first_name": row["FirstName"],
        "last_name": row["LastName"],
        "organization": row["Company"],
        "email": row["Email"],
        "phone": row["Phone"],
        "fax": row["Fax"],
        "address": row["Address"],
        "city": row["City"],
        "state": row["State"],
        "country": row["Country"],
        "postal_code": row["PostalCode"],
        "code": f"CUSTOMER-{row['CustomerId']:02}",
    }
    return _create("party", "customer", row["CustomerId"], data)


def _product(row: Row, chinook: Chinook) -> Command:
    album = chinook.albums[row["AlbumId"]]
    artist = chinook.artists[album["ArtistId"]]["Name"]
    extra = {"artist": artist, "album": album["Title"], "composer": row["Composer"]}
    data = {
        "name": row["Name"],
        "sku": f"TRACK-{row['TrackId']:04}",
        "price": row["UnitPrice"],
        "category_id": _ref("genre", row["GenreId"]),
        "description": f"{album['Title']}, {artist}",
        "is_tracked": False,  # a file that is downloaded never runs out
        "extra": {name: value for name, value in extra.items() if value},
    }
    return _create("product", "track", row["TrackId"], data)


def _invoice(row: Row, lines: list[Row]) -> Command:
    billing = {name: row[f"Billing{name}"] for name in ("Address", "City", "State", "Country", "PostalCode")}
    data = {
        "type": "sales",
        "invoice_number": invoice_number(row),
        "party_id": _ref("customer", row["CustomerId"]),
        "issue_date": row["InvoiceDate"][:10],
        "lines": [
            {"product_id": _ref("track", line["TrackId"]), "quantity": line["Quantity"], "unit_price": line["UnitPrice"]}
            for line in lines
        ],
        "extra": {"billing": {name: value for name, value in billing.items() if value}},
    }
    return _create("invoice", "invoice", row["InvoiceId"], data, _moment(row))


def _payment(row: Row) -> Command:
    data = {
        "invoice_id": _ref("invoice", row["InvoiceId"]),
        "amount": row["Total"],
        "date": row["InvoiceDate"][:10],
        "method": "card",
    }
    return _create("payment", "payment", row["InvoiceId"], data, _moment(row))


def invoice_number(row: Row) -> str:
    """The ledger's number of a source invoice."""
    return f"CHINOOK-{row['InvoiceId']:04}"


def _moment(row: Row) -> datetime:
    return datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=timezone.utc)


# What the ledger made of it -----------------------------------------------------------------------


def _check_totals(reader: Reader, company_id: UUID, chinook: Chinook, invoices_added: int) -> tuple[int, int, Decimal]:
    """Compare every invoice with the source; returns lines added, lines from before, and the sum of all totals."""
    stored: dict[str, str] = {}
    for page in reader.record_pages(company_id, 0, ["invoice"]):
        for record in msgspec.json.decode(b"[" + page.items + b"]"):
            if record.get("source") == SOURCE:
                stored[record["client_id"]] = record["data"]["total"]
    wrong = [
        f"{invoice_number(row)} is {stored.get(f'invoice-{row_id}', 'missing')} here and {row['Total']} there"
        for row in chinook.invoices
        if (row_id := row["InvoiceId"]) and Decimal(stored.get(f"invoice-{row_id}", "NaN")) != row["Total"]
    ]
    if wrong:
        shown = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise TotalsDiffer(f"{len(wrong)} invoice totals differ from the source: {shown}.")
    all_lines = sum(map(len, chinook.lines.values()))
    # Invoices are stored in the order of the source: those added now are its last ones
    new = sum(len(chinook.lines[row["InvoiceId"]]) for row in chinook.invoices[len(chinook.invoices) - invoices_added :])
    return new, all_lines - new, sum((row["Total"] for row in chinook.invoices), Decimal(0))
