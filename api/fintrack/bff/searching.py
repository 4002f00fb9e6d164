"""Words looked for in all objects at once: in names, numbers, notes, e-mail addresses and every other text of theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from api.documents import documents_of
from api.fintrack.answering import AskedList
from api.fintrack.asking import Asker
from api.fintrack.bff.objects import WHOLE
from api.fintrack.envelope import Rows, page_of
from api.fintrack.objects.object import Object, Row
from api.fintrack.reading import seen_by, with_balances
from domain.errors import InvalidField
from domain.event import JSON
from infra.lists.listing import Condition, Found, Listing, Source
from projections.search import LABELS, LENGTH, fold, text_fields

LONGEST_KEYWORD = 200
MOST_WORDS = 8
RANKED = ("customer", "supplier", "productOrService", "invoice", "payment", "expense", "invoiceItem", "user", "business")
"""Objects in the order in which they are answered; of each the latest come first."""
_STEP = 10**15
"""Between the ranks: more than there will be records of a kind."""


def search(asker: Asker) -> AskedList:
    """`GET /v1/search`: a page of what holds every word, object by object. Raises InvalidField, NotAllowed."""
    wanted = _objects(asker)
    words = _words(asker)
    page = page_of(asker)
    sources = tuple(
        Source(object_.kind, (*object_.where, *_tests(object_, words)), base=_STEP * (len(wanted) - place))
        for place, object_ in enumerate(wanted)
    )
    listing = Listing(sources, descending=True, limit=page.limit, offset=page.offset)
    has_balances = any(object_.has_balances for object_ in wanted)
    return AskedList("results", listing, page, partial(_rows, asker, wanted), asks_more=has_balances)


def _objects(asker: Asker) -> list[Object]:
    """The objects that are asked for, or all that the role may see."""
    named = [name.strip() for text in asker.query.get("objects", ()) for name in text.split(",") if name.strip()]
    for name in named:
        if name not in WHOLE:
            raise InvalidField(f"There is no object {name[:40]!r}; there are {', '.join(RANKED)}.", path="objects")
        WHOLE[name].read_gate.check(asker.role)
    wanted = [WHOLE[name] for name in RANKED if (name in named if named else WHOLE[name].read_gate.admits(asker.role))]
    if not wanted:
        WHOLE[RANKED[0]].read_gate.check(asker.role)
    return wanted


def _words(asker: Asker) -> list[str]:
    keyword = asker.single("keyword") or ""
    words = list(dict.fromkeys(fold(keyword).split()))
    if not words or len(keyword) > LONGEST_KEYWORD or len(words) > MOST_WORDS:
        raise InvalidField(f"`keyword` must be one to {MOST_WORDS} words, of at most {LONGEST_KEYWORD} characters.", path="keyword")
    return words


def _tests(object_: Object, words: Sequence[str]) -> Iterable[Condition]:
    """Every word is a part of some text; what is shorter than the index's pieces, the beginning of a word."""
    paths = tuple(("data", name) for name in sorted(text_fields(object_.kind)))
    for word in words:
        yield Condition(paths, (word,), test="holds" if len(word) >= LENGTH else "starts")


def _rows(asker: Asker, wanted: Sequence[Object], found: Found) -> Rows:
    """The results; a party that is both customer and supplier is two, the customer first."""
    documents = documents_of(found.items)
    seen = seen_by(asker)
    balanced = [object_ for object_ in wanted if object_.has_balances]
    for object_ in balanced:
        seen = with_balances(asker, object_, [one for one in documents if one.kind == object_.kind], seen)
    rows: list[Row] = []
    shown: set[tuple[str, str]] = set()
    for document in documents:
        fitting = [one for one in wanted if one.kind == document.kind and one.shows(document)]
        object_ = next((one for one in fitting if (one.name, document.id) not in shown), fitting[-1])
        shown.add((object_.name, document.id))
        title = document.data.get(LABELS[document.kind])
        rows.append({"object": object_.name, "id": document.id, "title": title, object_.name: object_.row(document, seen)})
    return Rows(len(rows), JSON.encode(rows))
