"""What a plan asks of the books: parties, products, accounts and so on by the names that people give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from domain.errors import LedgerError, ReferenceMissing
from infra.companies.directory import company_record
from infra.ledger import Ledger
from infra.reading.reader import Reader


class Named(msgspec.Struct, frozen=True):
    """Of a record's data, what it can be found by."""

    name: str = ""
    code: str | int | None = None
    sku: str | None = None
    barcode: str | None = None
    type: str | None = None
    iban: str | None = None
    account_number: str | None = None
    card_number: str | None = None
    currency: str | None = None


class Entry(msgspec.Struct, frozen=True):
    """A record, as far as it is looked for."""

    id: UUID
    number: int
    data: Named
    deleted: bool = False
    source: str | None = None
    client_id: str | None = None


class Ambiguous(LedgerError):
    """Several records have this name."""

    code = ReferenceMissing.code


_entries = msgspec.json.Decoder(list[Entry])

KEYS = {
    "party": ("code", "name"),
    "product": ("sku", "code", "barcode", "name"),
    "product_category": ("code", "name"),
    "bank": ("iban", "account_number", "card_number", "code", "name"),
    "payment_account": ("account_number", "name"),
}
"""By what a record of the kind is found; an earlier key outweighs a later one."""


@dataclass(slots=True)
class Known:
    """Looks records up by name, reading each kind from the books once, when it is first asked for."""

    ledger: Ledger
    reader: Reader
    company_id: UUID
    _entries: dict[str, list[Entry]] = field(default_factory=dict)
    _index: dict[tuple[str, str], dict[str, list[Entry]]] = field(default_factory=dict)
    _currency: str = ""

    @property
    def currency(self) -> str:
        """The company's currency."""
        if not self._currency:
            self._currency = str(company_record(self.ledger, self.company_id).data["currency"])
        return self._currency

    def all_entries(self, kind: str) -> list[Entry]:
        """Every record of a kind, deleted or not."""
        found = self._entries.get(kind)
        if found is None:
            pages = self.reader.record_pages(self.company_id, 0, [kind])
            found = self._entries[kind] = [entry for page in pages for entry in _entries.decode(b"[" + page.items + b"]")]
        return found

    def entries(self, kind: str) -> Iterator[Entry]:
        """Every living record of a kind."""
        return (entry for entry in self.all_entries(kind) if not entry.deleted)

    def by(self, kind: str, key: str, text: str) -> list[Entry]:
        """The living records of a kind whose field `key` is this text; names are compared without case."""
        index = self._index.get((kind, key))
        if index is None:
            index = self._index[kind, key] = {}
            for entry in self.entries(kind):
                value = getattr(entry.data, key)
                if value not in (None, ""):
                    index.setdefault(_folded(key, str(value)), []).append(entry)
        return index.get(_folded(key, text), [])

    def one(self, kind: str, text: str, keys: Iterable[str] = ()) -> Entry:
        """The record that a text names. Raises ReferenceMissing where there is none, Ambiguous where there are several."""
        for key in keys or KEYS[kind]:
            found = self.by(kind, key, text)
            if len(found) == 1:
                return found[0]
            if found:
                raise Ambiguous(f"{len(found)} {_many(kind)} have the {key} {text!r}; name it by something else.")
        named = " or ".join(keys or KEYS[kind])
        raise ReferenceMissing(f"There is no {kind.replace('_', ' ')} with the {named} {text!r}.")


def _folded(key: str, text: str) -> str:
    if key in ("iban", "account_number", "card_number"):
        return text.replace(" ", "").replace("-", "").casefold()
    return text.casefold() if key == "name" else text


def _many(kind: str) -> str:
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s".replace("_", " ")
