"""The pages of a pull: what a request asks of each collection, and how far its answer is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from api.mahak.access import DIALECT
from api.mahak.collections.collection import Collection
from api.mahak.collections.implied import LINKED
from api.mahak.rows import BY_PART
from api.mahak.visiting import Stage, links_of, stages_of
from domain.errors import CursorAhead
from domain.needs import Needs
from infra.composition import Services
from infra.identity.tokens import Claims
from infra.observability.metrics import Metrics
from infra.sync.rows import Openings, RowsPage, SyncRows, Wanted

ROWS_AT_ONCE = 4_000
"""Rows of all collections that the first query reads, shared among them; each gets at least as many as the next."""
FEWEST_AT_ONCE = 50
FIRST_AT_ONCE = 1_000
"""Most rows of a collection that are read before it is known how long its rows are."""
MOST_AT_ONCE = 5_000
BYTES_AT_ONCE = 4_500_000
"""About so many bytes are read at a time, whatever a row is long: memory is bounded by it, and for smaller pages PostgreSQL gets
and gives back its memory so often that it costs as much as the rows."""

_PLAIN = Openings("", "", "")


@dataclass(frozen=True, slots=True)
class Asked:
    """One collection that is wanted: after which version, and by which name it is answered."""

    collection: Collection
    name: str
    path: str
    after: int


@dataclass(slots=True)
class Progress:
    """How far one collection is: the page that was read last, of which stage; the stages after it; and what was sent."""

    asked: Asked
    stage: Stage
    page: RowsPage
    sent: int
    version: int
    later: list[Stage] = field(default_factory=list)

    @property
    def has_more(self) -> bool:
        """Whether there may be something after the page."""
        return self.page.has_more or bool(self.later)

    def is_full(self, limit: int) -> bool:
        """Whether as many rows are sent as were asked for, and the next one may be left for another request."""
        is_cut_here = not self.stage.is_whole if self.page.has_more else not (self.later and self.later[0].is_whole)
        return bool(limit) and self.sent >= limit and is_cut_here


@dataclass(slots=True)
class Reading:
    """One request: what it asks, and the rows that answer it. Every method but the constructor blocks."""

    services: Services
    claims: Claims
    rows: SyncRows
    asked: list[Asked]
    limit: int
    """Most rows of a collection; 0 for all."""
    parts: frozenset[int] | None = None
    """The parts of the orders and their lines that are wanted; None for all."""
    began: float = field(default_factory=time.perf_counter)
    count: int = 0
    visitor_id: int = 0

    def begin(self) -> list[Progress]:
        """The first page of each collection, in one query. Raises NotAuthenticated, CursorAhead."""
        if not self.asked:
            self.services.identity.confirm(self.claims)
            return []
        share = min(FIRST_AT_ONCE, MOST_AT_ONCE, max(FEWEST_AT_ONCE, ROWS_AT_ONCE // len(self.asked)))
        share = min(share, self.limit or share)
        wanted = [wanted for one in self.asked for wanted in self._wanted(one, share)]
        found = self.rows.collections(self.claims.cid, wanted)
        self.services.identity.confirm(self.claims, found.head)
        for one in self.asked:
            if one.after > found.head:
                raise CursorAhead(
                    f"The version {one.after} is in the future: this database is at {found.head}. It may be another database's;"
                    " ask from 0.",
                    path=one.path,
                    head=found.head,
                )
        pages = dict(zip([one.collection for one in wanted], found.pages, strict=True))
        made = [self._first(one, pages) for one in self.asked]
        if self.parts is None and found.until == found.head:  # else something that is in the log is not in these rows yet
            ended = {self._place(one.asked): one.version for one in made if not one.has_more}
            self.services.quiet.note(self.claims.cid, self.rows.layout.dialect, found.head, ended)
        return made

    def _place(self, asked: Asked) -> str:
        """Where the rows are that only this visitor gets; else those of all."""
        name = asked.collection.name
        return links_of(name, str(self.claims.sub)) if name in LINKED else name

    def _wanted(self, asked: Asked, limit: int) -> Iterator[Wanted]:
        yield Wanted(asked.collection.name, asked.after, limit)
        if (place := self._place(asked)) != asked.collection.name:
            yield Wanted(place, asked.after, limit, spanned=True)

    async def nothing(self) -> list[Progress] | None:
        """The empty pages of a request for which it is known that there is nothing new; None where it has to be read.

        It costs the query of the head, which everybody who asks at the same time shares.
        """
        services, claims = self.services, self.claims
        if not self.asked:
            return None
        head = await services.heads.current(claims.cid)
        versions = ((self._place(one), one.after) for one in self.asked)
        if not services.identity.is_known(claims, head) or any(one.after > head for one in self.asked):
            return None
        if not services.quiet.is_quiet(claims.cid, self.rows.layout.dialect, head, versions):
            return None
        page = RowsPage(b"", 0, head, has_more=False, until=head, head=head, last=0)
        return [Progress(one, Stage(one.collection.name, one.after), page, 0, one.after) for one in self.asked]

    def _first(self, asked: Asked, pages: Mapping[str, RowsPage]) -> Progress:
        name, place = asked.collection.name, self._place(asked)
        first, *later = [Stage(name, asked.after)]
        if place != name:
            first, *later = stages_of(name, str(self.claims.sub), self._visitor_id(), asked.after, pages[place])
        is_read = first.after == asked.after and not first.is_whole and not (self.parts is not None and name in BY_PART)
        page = pages[first.collection] if is_read else self._read(first, first.after, first.until)
        return self._sending(Progress(asked, first, page, 0, asked.after, later))

    def next(self, progress: Progress) -> bool:
        """Go on to the collection's next page; False where there is none, or the request's limit is reached."""
        if not progress.has_more or progress.is_full(self.limit):
            return False
        stage, page = progress.stage, progress.page
        if page.has_more:
            progress.page = self._read(stage, page.cursor, page.until, progress.sent, _most_after(page))
        else:
            progress.stage = progress.later.pop(0)
            progress.page = self._read(progress.stage, progress.stage.after, progress.stage.until, progress.sent)
        self._sending(progress)
        return True

    def _sending(self, progress: Progress) -> Progress:
        """Count the page, and make its rows what is sent of them."""
        stage, page = progress.stage, progress.page
        progress.sent += page.count
        self.count += page.count
        if page.count:
            progress.version = max(progress.version, stage.version or page.last)
            if stage.change is not None:
                progress.page = replace(page, items=stage.change(page.items))
        return progress

    def _read(self, stage: Stage, after: int, until: int | None, sent: int = 0, most: int = FIRST_AT_ONCE) -> RowsPage:
        limit = min(most, MOST_AT_ONCE)
        if self.limit and not stage.is_whole:
            limit = max(1, min(limit, self.limit - sent))
        wanted = Wanted(stage.collection, after, limit)
        openings = None
        if self.parts is not None and stage.collection in BY_PART:
            openings = dict.fromkeys(self.parts, _PLAIN)
        return self.rows.page(self.claims.cid, wanted, openings=openings, until=until)

    def _visitor_id(self) -> int:
        """The number of the user who asks, which is its visitor's id; it never changes."""
        if not self.visitor_id:
            needs = Needs(ids={self.claims.sub})
            self.visitor_id = self.services.store.read_records(self.claims.cid, needs).records[0].number
        return self.visitor_id

    def is_whole(self, made: list[Progress]) -> bool:
        """Whether the first pages are all that is to be answered."""
        return all(not one.has_more or one.is_full(self.limit) for one in made)

    def note(self) -> None:
        """Count what was answered."""
        note_pull(self.services.metrics, self.began, self.count)


def _most_after(page: RowsPage) -> int:
    """How many rows to read next, by how long those were that were read last."""
    return max(FEWEST_AT_ONCE, BYTES_AT_ONCE * page.count // max(1, len(page.items)))


def note_pull(metrics: Metrics, began: float, count: int = 0) -> None:
    """Count a pull that was answered with `count` rows; `began` by the performance counter."""
    metrics.syncs.labels(DIALECT, "pull").inc()
    metrics.sync_seconds.labels(DIALECT, "pull").observe(time.perf_counter() - began)
    if count:
        metrics.sync_items.labels(DIALECT, "all", "pulled").inc(count)
