"""Search: the living records of the kinds that people list, filter and look for words in, with the keys that lists are sorted by.

The document of a record is kept under a key that names its company and kind, so that every term of the inverted index belongs to
one company's one kind, and an index look-up never meets another company's rows. What it holds beside the record's own fields is
the pieces of its texts (`GRAMS`): three characters in a row, by which a part of a text is found, and how its words begin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from itertools import chain
from typing import Any
from uuid import UUID

import msgspec

from domain.catalogue import CATALOGUE, fields_of
from domain.event import JSON, RecordedEvent
from domain.record import assign
from domain.upcasting import topic_today
from projections.projection import Changes, Index, Row, Table, View

GRAMS = "~"
"""The key of the pieces of all texts; no field has this name."""
LENGTH = 3
"""Characters of a piece."""
START = "^"
"""Before the first one or two characters of a word."""
SHORT = 64
"""Characters of a text whose pieces are kept in memory for when it comes again."""

LABELS: Mapping[str, str] = {
    "party": "name",
    "product": "name",
    "invoice": "invoice_number",
    "invoice_line": "description",
    "order": "order_number",
    "payment": "reference",
    "expense": "category",
    "user": "name",
    "company": "name",
    "cheque": "cheque_number",
}
"""The kinds that are searched, and the text that their lists are sorted by."""
DAYS: Mapping[str, str] = {"invoice": "issue_date", "order": "order_date", "payment": "date", "expense": "date"}
"""The day that lists of a kind are sorted by, the latest first."""
AMOUNTS: Mapping[str, str] = {"invoice": "total", "order": "total", "payment": "amount", "expense": "amount", "product": "price"}
"""The amount by which records of a kind are looked for."""
UNSEARCHED = frozenset({"currency", "time_zone"})
"""Texts that say nothing of the record itself."""

_DATED = ", ".join(f"'{kind}'" for kind in DAYS)
SEARCH_DOCUMENTS = Table(
    name="search_documents",
    columns={
        "id": "uuid",
        "kind": "text",
        "number": "bigint",
        "label": "text",
        "day": "text",
        "amount": "numeric",
        "document": "jsonb",
    },
    key=("id",),
    nullable=frozenset({"label", "day", "amount"}),
    indexes=(
        Index("search_by_number", "company_id, kind, number", unique=True),
        Index("search_by_label", "company_id, kind, label, number"),
        Index("search_by_day", "company_id, kind, day DESC NULLS LAST, number DESC", where=f"kind IN ({_DATED})"),
        Index("search_by_amount", "company_id, kind, amount, number", where="amount IS NOT NULL"),
        Index("search_terms", "document jsonb_path_ops", method="gin", options="gin_pending_list_limit = 256", settled=True),
    ),
    view="searchable",
)


@dataclass(slots=True)
class _Known:
    kind: str
    number: int
    data: dict[str, Any]
    is_new: bool = False
    is_changed: bool = True


class SearchProjection:
    """A row for every living record of the kinds that are searched."""

    name = "search"
    version = 2
    kinds: frozenset[str] | None = frozenset(LABELS)
    tables = (SEARCH_DOCUMENTS,)
    inline = False

    def fold(self, company_id: UUID, events: Sequence[RecordedEvent], view: View) -> Changes:
        """Assign what the events say to the documents, as the records themselves are folded."""
        new = {event.record_id for event in events if event.version == 1}
        continued = {event.record_id: event.kind for event in events if event.version > 1 and event.record_id not in new}
        found = view.find(SEARCH_DOCUMENTS, ("id",), [(key,) for key in continued], ("id", "number", "document"))
        known = {key: _Known(continued[key], number, _unwrapped(document), is_changed=False) for key, number, document in found}
        gone = list[UUID]()
        for event in events:
            fields = fields_of(event)
            if event.version == 1:
                number = fields.pop("number")
                fields.pop("client_id", None)
                fields.pop("source", None)
                known[event.record_id] = _Known(event.kind, number, fields, is_new=True)
            elif (record := known.get(event.record_id)) is not None:  # one that was deleted has no row any more
                if _deletes(event.kind, event.topic):
                    if not known.pop(event.record_id).is_new:
                        gone.append(event.record_id)
                elif fields:
                    record.data, record.is_changed = assign(record.data, fields), True
        changes = Changes()
        changes.deletes[SEARCH_DOCUMENTS] = [(key,) for key in gone]
        inserts, puts = changes.inserts.setdefault(SEARCH_DOCUMENTS, []), changes.puts.setdefault(SEARCH_DOCUMENTS, [])
        for key, record in known.items():
            if record.is_changed:
                (inserts if record.is_new else puts).append(_row(company_id, key, record))
        return changes


@cache
def _deletes(kind: str, topic: str) -> bool:
    known = CATALOGUE[kind]
    return (known.topics.get(topic) or known.topics.get(topic_today(topic))) is known.Deleted


def place_of(company_id: UUID, kind: str) -> str:
    """The key of a document: what every term of it belongs to."""
    return f"{company_id.hex}.{kind}"


def _row(company_id: UUID, record_id: UUID, record: _Known) -> Row:
    data, kind = record.data, record.kind
    pieces = grams([value for name in text_fields(kind) if type(value := data.get(name)) is str])
    document = {place_of(company_id, kind): {**data, GRAMS: pieces} if pieces else data}
    amount = _at(AMOUNTS, kind, data)
    keys = (data.get(LABELS[kind]), _at(DAYS, kind, data), None if amount is None else Decimal(amount))
    return (record_id, kind, record.number, *keys, JSON.encode(document))


def _at(names: Mapping[str, str], kind: str, data: Mapping[str, Any]) -> Any:
    name = names.get(kind)
    return None if name is None else data.get(name)


def _unwrapped(document: dict[str, Any]) -> dict[str, Any]:
    (data,) = document.values()
    data.pop(GRAMS, None)
    return data  # type: ignore[no-any-return]


@cache
def text_fields(kind: str) -> tuple[str, ...]:
    """The fields of a kind that hold texts, in which parts are found by the index, in the order in which the kind has them."""
    known = CATALOGUE[kind]
    structs = (known.fields,) if known.derived is None else (known.fields, known.derived)
    fields = [field for struct in structs for field in msgspec.inspect.type_info(struct).fields]  # type: ignore[attr-defined]
    return tuple(dict.fromkeys(field.name for field in fields if field.name not in UNSEARCHED and _is_text(field.type)))


def _is_text(type_: msgspec.inspect.Type) -> bool:
    types = type_.types if isinstance(type_, msgspec.inspect.UnionType) else (type_,)
    return any(isinstance(one, msgspec.inspect.StrType) for one in types)


# Folding: the same as daftar.fold in SQL -----------------------------------------------------------

_DROPPED = "\u200c\u200d\u200e\u200f\u0640" + "".join(map(chr, range(0x64B, 0x653)))
"""Joiners and marks of direction, the tatweel, and vowel marks: the same word is written with and without them."""
_FROM = "İıςيىكةأإآٱؤئ۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩"
_TO = "iiσییکهااااوی01234567890123456789"  # noqa: RUF001


class _Letters(dict[int, int | None]):
    """A table for `translate` that learns which letters stay as they are: one that it does not know costs an exception."""

    def __missing__(self, letter: int) -> int:
        self[letter] = letter
        return letter


_BEFORE = _Letters(str.maketrans(_FROM, _TO, _DROPPED))


def fold(text: str) -> str:
    """A text as it is compared: small letters, one letter for the ways to write it in Arabic, Persian, Turkish and Greek."""
    if text.isascii():
        return text.lower()
    return text.translate(_BEFORE).lower().replace("ς", "σ")  # noqa: RUF001 - lower() writes a last sigma so


def grams(texts: Iterable[str]) -> list[str]:
    """The pieces of texts, each once, in the order in which they come."""
    return list(dict.fromkeys(chain.from_iterable(map(_grams_of, texts))))


def _grams_of(text: str) -> Sequence[str]:
    return _short_grams(text) if len(text) <= SHORT else _all_grams(text)


def _all_grams(text: str) -> Sequence[str]:
    folded = fold(text)
    found = pieces_of(folded)
    for word in folded.split(" "):
        if word:
            found += (START + word[:1], START + word[:2])
    return found


@lru_cache(maxsize=256)
def _short_grams(text: str) -> Sequence[str]:
    """The same names, goods and descriptions come again and again, a line of an invoice after the other."""
    return tuple(_all_grams(text))


def pieces_of(folded: str) -> list[str]:
    """Every piece that a text holding this one has, in order; none of a text that is shorter than a piece."""
    return [folded[at : at + LENGTH] for at in range(len(folded) - LENGTH + 1)]
