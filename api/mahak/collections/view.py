"""What a record is as a row: the ids on the wire, and how a view of a kind says which field of ours is which on the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from api.documents import Document
from api.mahak.documents import Row
from api.mahak.values import Read, Write, read_time, write_code, write_time, write_whole

BASE = 1_000_000_000
"""Added to numbers where two kinds meet in one collection, so that their ids, which have 32 bits, do not."""
ID_BASES: Mapping[tuple[str, str], int] = {
    ("orders", "order"): BASE,
    ("orderDetails", "order_line"): BASE,
    ("productDetails", "product"): BASE,
    ("pictures", "custom_record"): BASE,
    ("photoGalleries", "custom_record"): BASE,
}
"""What is added to the numbers of a kind in a collection. A product that has no detail is one itself, under its own number."""


def id_of(collection: str, kind: str, number: int) -> int:
    """The id of a record in a collection."""
    return ID_BASES.get((collection, kind), 0) + number


def client_id_of(entity: str, client_id: int) -> str:
    """A client's id in the words of the ledger: two collections may use the same number."""
    return f"{entity}:{client_id}"


def client_number(document: Document, entity: str) -> int:
    """The client's id of a record that a client of this dialect made; else 0."""
    name, _, number = (document.client_id or "").partition(":")
    return write_whole(number) if name == entity else 0


@dataclass(slots=True)
class Known:
    """The records that rows name, by id; of each product the first living detail, of each invoice the first payment."""

    records: dict[str, Document] = field(default_factory=dict)
    details: dict[str, Document] = field(default_factory=dict)
    payments: dict[str, Document] = field(default_factory=dict)


Find = Callable[[Document, Known], Document | None]


@dataclass(frozen=True, slots=True)
class Link:
    """A row's reference: `xId`, and where the collection has them `xClientId` and `xCode`, name one record of a collection.

    `ours` are the fields that may hold its id, of which one does. `find` is the record where no field of ours says it plainly.
    """

    prefix: str
    ours: tuple[str, ...]
    collection: str
    entity: str = ""
    """The prefix of client ids there, where it is not this one's."""
    find: Find | None = None

    def named(self, document: Document, known: Known) -> Document | None:
        """The record that it names."""
        if self.find is not None:
            return self.find(document, known)
        for name in self.ours:
            if (value := document.data.get(name)) is not None:
                return known.records.get(value)
        return None


@dataclass(frozen=True, slots=True)
class Column:
    """One wire field that is not as its collection's others. `read` is None where clients do not write it."""

    wire: str
    ours: str = ""
    read: Read | None = None
    write: Write | None = None
    derive: Callable[[Document, Known], Any] | None = None
    """What is answered, where it is not simply our value; None leaves the default."""
    is_moment: bool = False
    """Ours is the day; the time of day that a client says is kept beside it, under the wire name."""


def dated(wire: str, ours: str) -> Column:
    """A date whose time of day only this dialect's clients keep."""

    def derive(document: Document, _: Known) -> Any:
        day = document.data.get(ours)
        moment = (document.data.get("extra") or {}).get(wire)
        if day is None:
            return None
        return moment if moment is not None and moment.startswith(day) else write_time(day)

    return Column(wire, ours, read_time, derive=derive, is_moment=True)


def every(_: Document) -> bool:
    """Every record of the kind is a row."""
    return True


def is_custom(name: str) -> Callable[[Document], bool]:
    """Whether a custom record is a row of this collection."""
    return lambda document: bool(document.data["type"] == name)


def itself(document: Document, _: Known) -> Document:
    """The record that a row follows from, as what it names."""
    return document


def _untouched(_: Row, data: Row, __: Row) -> Row:
    return data


def _nothing(_: Document, __: Row, ___: Known) -> Row:
    return {}


@dataclass(frozen=True)
class View:
    """One kind of record as rows of a collection.

    `names`: our field of a wire field, where it is not in `extra`. `complete` (the client's row with lower-case names, our data of
    it, our data before) adds what no single field says. `guide` (record, row) is what the guide's spelling adds to a row of V2.
    `code`: our field of `xCode`. `part` is the part of the collection that a record is in, where clients may ask for a part.
    `base`: what is added to the numbers where rows follow from records of another collection; else it is that of `ID_BASES`.
    """

    kind: str
    names: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    links: tuple[Link, ...] = ()
    shows: Callable[[Document], bool] = every
    complete: Callable[[Row, Row, Row], Row] = _untouched
    guide: Callable[[Document, Row, Known], Row] = _nothing
    code: str = "code"
    part: Callable[[Document, Known], str] | None = None
    base: int = 0


def code_of(document: Document, entity: str) -> int:
    """The code by which the accounting program names a record; 0 where it has none.

    A person's code is that person's: rows of other records do not repeat it, so that nothing of it stays when the person is erased.
    """
    data = document.data
    if document.kind in ("party", "user"):
        return 0
    rest = data.get("data" if document.kind == "custom_record" else "extra") or {}
    code = rest.get(f"{entity}Code") or data.get("code")
    return write_code(code) if code is not None else 0
