"""Exports: a company's books as of a seq, in formats that other programs read. The same books give the same bytes.

`daftar export` and `GET /ledger/v1/exports/{format}` both go through here: `plan` says what will be written and refuses what
cannot be, `Plan.write` writes it, a page at a time in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.catalogue import CATALOGUE
from domain.errors import InvalidField, UnknownFormat, UnknownKind
from infra.exports import beancount, csv_files, hledger, ndjson
from infra.exports.places import Place
from infra.exports.source import Source, open_source

FORMATS: dict[str, str] = {
    "hledger": "The journal for hledger.",
    "beancount": "The journal for Beancount 3.",
    "csv": "Records as CSV, a file per kind.",
    "parquet": "Events, journal, balances and records as Parquet, by company and month.",
    "ndjson": "Events as newline-delimited JSON.",
}
"""Format → what it is."""

TABLES = ("events", "journal_lines", "account_balances")
"""What Parquet has beside the kinds. (Here, because pyarrow is loaded only when it is needed.)"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be written: one file, or several. `parts` are the kinds and tables that were asked for, or that there are."""

    source: Source
    format: str
    parts: tuple[str, ...] | None
    single: bool

    @property
    def file_name(self) -> str:
        """What the file is called where nobody gives it a name; of several files, the archive that holds them."""
        name = f"{self.source.codename}-{self.source.seq}"
        if self.format in ("csv", "parquet"):
            return f"{name}-{self.parts[0]}.{self.format}" if self.single and self.parts else f"{name}-{self.format}.zip"
        return f"{name}.{'journal' if self.format == 'hledger' else self.format}"

    @property
    def needs_journal(self) -> bool:
        """Whether what is posted is part of it."""
        return self.format in ("hledger", "beancount") or bool({"journal_lines", "account_balances"} & set(self.parts or ()))

    def write(self, place: Place) -> Iterator[int]:
        """Write everything to `place`, a page at a time; yields how many rows were written since the last time.

        Raises ProjectionBehind before anything is written, NotExportable, ServiceUnavailable.
        """
        if self.format == "hledger":
            return hledger.write(self.source, place)
        if self.format == "beancount":
            return beancount.write(self.source, place)
        if self.format == "ndjson":
            return ndjson.write(self.source, place, self.parts)
        if self.format == "csv":
            return csv_files.write(self.source, place, self.parts or ())
        from infra.exports import parquet

        if self.single and self.parts:
            return parquet.write_one(self.source, place, self.parts[0])
        return parquet.write(self.source, place, self.parts or ())

    def expected_rows(self) -> int:
        """About how many rows there will be, never fewer, to show progress by."""
        if self.format in ("hledger", "beancount"):
            return self.source.count_lines()
        if self.format == "ndjson":
            return self.source.seq
        numbers = self.source.count_records()
        known = {"events": self.source.seq, "journal_lines": self.source.count_lines()} if self.format == "parquet" else {}
        return sum(known.get(part) or numbers.get(part, 0) for part in self.parts or ())


def plan(source: Source, format_: str, kinds: Sequence[str] | None = None, *, single: bool = False) -> Plan:
    """What an export of these kinds (or tables; None: everything there is) will write.

    `single`: exactly one kind as one file. Raises UnknownFormat, UnknownKind, InvalidField.
    """
    if format_ not in FORMATS:
        raise UnknownFormat(f"There is no format {format_!r}; there are {', '.join(FORMATS)}.", path="format")
    if format_ in ("hledger", "beancount"):
        if kinds is not None:
            raise InvalidField("A journal is exported whole; leave the kinds out.", path="kind")
        return Plan(source, format_, None, single=True)
    tables = TABLES if format_ == "parquet" else ()
    parts = None if kinds is None else tuple(dict.fromkeys(kinds))
    for part in parts or ():
        if part not in CATALOGUE and part not in tables:
            known = sorted(CATALOGUE) + list(tables)
            raise UnknownKind(f"There is no kind {part!r}; there are {', '.join(known)}.", path="kind", kinds=known)
    if parts == ():
        raise InvalidField("Name at least one kind, or leave the parameter out.", path="kind")
    if format_ == "ndjson":
        return Plan(source, format_, parts, single=True)
    if single and (parts is None or len(parts) != 1):
        raise InvalidField("One file holds one kind; name exactly one.", path="kind")
    if parts is None:
        parts = (*tables, *source.kinds())
    return Plan(source, format_, parts, single=single)


__all__ = ["FORMATS", "TABLES", "Plan", "Source", "open_source", "plan"]
