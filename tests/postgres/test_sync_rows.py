"""Rows of a dialect: rendered once, by whoever comes first, complete up to the cursor, and gone with the person they are about."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from bookkeeping import create, open_store, register, wish
from fixtures import Urls

import infra.sync.layout
import infra.sync.rows
from domain.command import Actor
from domain.errors import CompanyNotFound
from infra.database import CompanyConnections
from infra.ids import new_id
from infra.ledger import Ledger
from infra.store.postgres import PostgresStore
from infra.sync.layout import Layout, Render, SyncRow
from infra.sync.rows import Openings, SyncRows, Wanted

ACTOR = Actor()
OPENINGS = {0: Openings("new ", "changed ", "deleted "), 1: Openings("NEW ", "CHANGED ", "DELETED ")}


def rendered(document: dict[str, Any]) -> Iterator[SyncRow]:
    """A party is in the collection of those that are active or of those that are not; a product has two rows, for each letter."""
    record_id, seq, deleted, data = document["id"], document["seq"], document.get("deleted", False), document["data"]
    made = seq if document["version"] == 1 else 0
    if document["kind"] == "party":
        now, other = ("active", "passive") if data["is_active"] else ("passive", "active")
        yield SyncRow(record_id, now, seq, f'"{data["name"]}"'.encode(), deleted)
        yield SyncRow(record_id, other, seq, b'"left"', deleted=True, if_known=True)
    elif document["kind"] == "product":
        for part, letter in enumerate(data["name"]):
            is_waiting = letter == "?"
            yield SyncRow(record_id, "letters", seq, f'"{letter}"'.encode(), deleted, part, made, is_waiting=is_waiting)


class Dialect:
    """A layout that notes what it rendered; `before`: what happens before a page is rendered."""

    def __init__(self, version: int = 1) -> None:
        self.counts: Counter[tuple[str, int]] = Counter()
        self.before: Callable[[], object] = lambda: None
        kinds = frozenset({"party", "product", "unit"})
        self.layout = Layout("test", version, kinds, self.renderer, awaited=frozenset({"unit"}))

    def renderer(self, connections: CompanyConnections, company_id: UUID) -> Render:
        def render(documents: bytes) -> Iterable[SyncRow]:
            with connections.company(company_id) as connection:
                connection.execute("SELECT 1")
            self.before()
            page = msgspec.json.decode(b"[" + documents + b"]")
            self.counts.update((document["id"], document["seq"]) for document in page)
            return (row for document in page for row in rendered(document))

        return render


@pytest.fixture
def dialect() -> Dialect:
    return Dialect()


@pytest.fixture
def ledger(postgres_store: PostgresStore) -> Ledger:
    return Ledger(postgres_store)


@pytest.fixture
def rows(postgres_store: PostgresStore, dialect: Dialect) -> SyncRows:
    return SyncRows(postgres_store.database, dialect.layout)


def update(ledger: Ledger, company: UUID, record: UUID, kind: str = "party", **data: Any) -> int:
    return ledger.execute(company, [wish(f"{kind}.update", data, id=record)], ACTOR).seq


def party(ledger: Ledger, company: UUID, name: str, **more: Any) -> UUID:
    return create(ledger, company, "party", name=name, roles=["customer"], **more)


def names(items: bytes) -> list[str]:
    found: list[str] = msgspec.json.decode(b"[" + items + b"]")
    return found


def stored(urls: Urls, company: UUID) -> str:
    """Every row of a company, as its bytes are."""
    with psycopg.connect(urls.owner) as connection:
        found = connection.execute("SELECT * FROM daftar.sync_rows WHERE company_id = %s", (company,)).fetchall()
    return "\n".join(map(str, found))


def test_every_collection_is_read_after_a_cursor_of_its_own(ledger: Ledger, rows: SyncRows, company: UUID) -> None:
    party(ledger, company, "Mina")
    create(ledger, company, "product", name="ab")
    first = rows.collections(company, [Wanted("letters"), Wanted("active"), Wanted("none")])
    assert [names(page.items) for page in first.pages] == [["a", "b"], ["Mina"], []]
    assert {page.cursor for page in first.pages} == {first.until} == {first.head}
    party(ledger, company, "Nora")
    again = rows.collections(company, [Wanted("letters", first.until), Wanted("active", first.until), Wanted("active", 0, 1)])
    assert [names(page.items) for page in again.pages] == [[], ["Nora"], ["Mina"]]
    last = again.pages[-1]
    assert (last.has_more, last.cursor < again.until) == (True, True)
    more = rows.more(company, Wanted("active", last.cursor, 10), again.until)
    assert (names(more.items), more.has_more, more.cursor) == (["Nora"], False, again.until)


def test_a_page_never_cuts_a_record_apart(ledger: Ledger, rows: SyncRows, company: UUID) -> None:
    for name in ("abc", "d", "ef"):
        create(ledger, company, "product", name=name)
    after, pages = 0, []
    while True:
        page = rows.page(company, Wanted("letters", after, 1))
        pages.append("".join(names(page.items)))
        after = page.cursor
        if not page.has_more:
            break
    assert pages == ["abc", "d", "ef"]


def test_what_follows_an_until_leaves_out_what_came_later(ledger: Ledger, rows: SyncRows, company: UUID) -> None:
    first = [party(ledger, company, name) for name in ("Mina", "Nora", "Omid")]
    page = rows.page(company, Wanted("active", 0, 1))
    update(ledger, company, first[1], name="Nasrin")
    party(ledger, company, "Parisa")
    rows.collections(company, [Wanted("active")])
    rest = rows.page(company, Wanted("active", page.cursor), until=page.until)
    assert (names(rest.items), rest.cursor) == (["Omid"], page.until)
    assert names(rows.page(company, Wanted("active", rest.cursor)).items) == ["Nasrin", "Parisa"]


def test_openings_tell_new_from_changed_and_choose_parts(ledger: Ledger, rows: SyncRows, company: UUID) -> None:
    old, gone = (create(ledger, company, "product", name=name) for name in ("ab", "cd"))
    since = ledger.store.head(company).seq
    update(ledger, company, old, "product", name="xy")
    ledger.execute(company, [wish("product.delete", id=gone)], ACTOR)
    create(ledger, company, "product", name="ef")
    page = rows.page(company, Wanted("letters", since), openings=OPENINGS, since=since)
    assert page.items.decode() == 'changed "x",CHANGED "y",deleted "c",DELETED "d",new "e",NEW "f"'
    only = rows.page(company, Wanted("letters", since), openings={1: OPENINGS[1]}, since=since)
    assert only.items.decode() == 'CHANGED "y",DELETED "d",NEW "f"'


def test_what_only_one_device_changed_is_left_out_for_it(ledger: Ledger, rows: SyncRows, company: UUID) -> None:
    mine, theirs = new_id(), new_id()
    ids = [create(ledger, company, "product", Actor(device_id=mine), name=name) for name in "ab"]
    create(ledger, company, "product", Actor(device_id=theirs), name="c")
    since = ledger.store.head(company).seq
    changes = [(ids[0], mine, "d"), (ids[1], theirs, "e"), (ids[1], mine, "f")]
    for record, device, name in changes:
        ledger.execute(company, [wish("product.update", {"name": name}, id=record)], Actor(device_id=device))
    page = rows.page(company, Wanted("letters", since), since=since, not_own=mine)
    assert (names(page.items), page.count) == (["f"], 1)
    assert names(rows.page(company, Wanted("letters", 0), not_own=mine).items) == ["c", "f"]


def test_a_record_that_leaves_a_collection(ledger: Ledger, rows: SyncRows, company: UUID) -> None:
    moved, _ = party(ledger, company, "Mina"), party(ledger, company, "Nora")
    shrunk = create(ledger, company, "product", name="abc")
    before = rows.collections(company, [Wanted("active")]).until
    update(ledger, company, moved, is_active=False)
    update(ledger, company, shrunk, "product", name="z")
    after = rows.collections(company, [Wanted("active"), Wanted("active", before), Wanted("passive"), Wanted("letters")])
    assert [names(page.items) for page in after.pages] == [["Nora", "left"], ["left"], ["Mina"], ["z"]]
    update(ledger, company, moved, is_active=True)
    back = rows.collections(company, [Wanted("active", after.until), Wanted("passive", after.until)])
    assert [names(page.items) for page in back.pages] == [["Mina"], ["left"]]


def test_rows_that_wait_are_rendered_again(ledger: Ledger, rows: SyncRows, dialect: Dialect, company: UUID) -> None:
    waits = str(create(ledger, company, "product", name="?"))
    create(ledger, company, "product", name="a")
    first = rows.collections(company, [Wanted("letters")]).pages[0]
    create(ledger, company, "unit", name="piece")
    assert rows.collections(company, [Wanted("letters")]).pages[0].items == first.items
    assert sorted(Counter(record for record, _ in dialect.counts.elements()).items(), key=str)
    again = {record for record, count in Counter(r for r, _ in dialect.counts.elements()).items() if count > 1}
    assert again == {waits}


def test_an_empty_poll_is_one_query(ledger: Ledger, rows: SyncRows, company: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    party(ledger, company, "Mina")
    until = rows.collections(company, [Wanted("active")]).until
    asked: list[bytes] = []
    real = infra.sync.rows.run
    monkeypatch.setattr(infra.sync.rows, "run", lambda *given: asked.append(given[1]) or real(*given))
    monkeypatch.setattr(rows._keeper, "catch_up", pytest.fail)
    assert rows.page(company, Wanted("active", until)).cursor == until
    assert rows.collections(company, [Wanted("active", until)] * 57).until == until
    assert len(asked) == 2


def test_a_new_layout_renders_anew_and_the_old_rows_go(
    ledger: Ledger, rows: SyncRows, company: UUID, urls: Urls, dialect: Dialect
) -> None:
    party(ledger, company, "Mina")
    rows.page(company, Wanted("active"))
    newer = Dialect(version=2)
    assert names(SyncRows(rows.database, newer.layout).page(company, Wanted("active")).items) == ["Mina"]
    assert len(newer.counts) == 1
    assert stored(urls, company).count("Mina") == 1
    assert names(rows.page(company, Wanted("active")).items) == ["Mina"], "a process of the old version still serves"
    rows.drop(company)
    assert "Mina" not in stored(urls, company)
    assert names(rows.page(company, Wanted("active")).items) == ["Mina"]
    assert set(dialect.counts.values()) == {3}


def test_a_company_that_there_is_not(rows: SyncRows) -> None:
    with pytest.raises(CompanyNotFound):
        rows.page(new_id(), Wanted("active"))


def test_a_page_that_fails_stores_nothing(ledger: Ledger, rows: SyncRows, dialect: Dialect, company: UUID, urls: Urls) -> None:
    party(ledger, company, "Mina")

    def fail() -> None:
        raise ZeroDivisionError

    dialect.before = fail
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            rows.page(company, Wanted("active"))
    assert stored(urls, company) == ""
    dialect.before = lambda: None
    assert names(rows.page(company, Wanted("active")).items) == ["Mina"]


def test_many_pull_while_others_write(ledger: Ledger, dialect: Dialect, urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is rendered twice, nobody has a hole, and nobody waits for a connection that a waiting one holds."""
    monkeypatch.setattr(infra.sync.layout, "RENDERED", 7)
    company, done = register(ledger), threading.Event()
    ids = [party(ledger, company, f"P{i}") for i in range(40)]
    store = open_store(urls.api, size=3)
    rows = SyncRows(store.database, dialect.layout)

    def write() -> None:
        for turn in range(60):
            update(ledger, company, ids[turn * 7 % 40], name=f"N{turn}", is_active=turn % 3 > 0)
        done.set()

    def pull() -> dict[str, str]:
        cursors, seen = {"active": 0, "passive": 0}, {}
        while True:
            last = done.is_set()
            for name, start in list(cursors.items()):
                after, until = start, None
                while True:
                    page = rows.page(company, Wanted(name, after, 5), until=until)
                    seen.update(dict.fromkeys(names(page.items), name))
                    after, until = page.cursor, page.until
                    if not page.has_more:
                        break
                cursors[name] = after
            if last:
                return seen

    with ThreadPoolExecutor(9) as threads:
        writing, pulling = threads.submit(write), [threads.submit(pull) for _ in range(8)]
        writing.result(60)
        results = [one.result(60) for one in pulling]
    truth = rows.collections(company, [Wanted("active"), Wanted("passive")])
    latest = {text for page in truth.pages for text in names(page.items)}
    assert all(latest <= seen.keys() for seen in results)
    assert len(latest - {"left"}) == 40
    assert max(dialect.counts.values()) == 1
    store.database.close()


def test_an_erased_persons_rows_are_gone_at_once(ledger: Ledger, rows: SyncRows, company: UUID, urls: Urls) -> None:
    mina, nora = party(ledger, company, "Zarathustra"), party(ledger, company, "Nora")
    before = rows.page(company, Wanted("active")).until
    ledger.execute(company, [wish("party.erase", id=mina)], ACTOR)
    assert "Zarathustra" not in stored(urls, company)
    assert str(nora) in stored(urls, company)
    page = rows.collections(company, [Wanted("passive", before), Wanted("active")])
    assert [names(one.items) for one in page.pages] == [["(erased)"], ["Nora"]]


def test_an_erasure_waits_for_who_has_read_the_person(
    ledger: Ledger, rows: SyncRows, dialect: Dialect, company: UUID, urls: Urls
) -> None:
    mina = party(ledger, company, "Zarathustra")
    has_read, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        has_read.set()
        assert go_on.wait(10)

    dialect.before = wait
    with ThreadPoolExecutor(2) as threads:
        pulling = threads.submit(rows.page, company, Wanted("active"))
        assert has_read.wait(10)
        erasing = threads.submit(ledger.execute, company, [wish("party.erase", id=mina)], ACTOR)
        with pytest.raises(TimeoutError):
            erasing.result(0.3)
        go_on.set()
        erasing.result(10)
        assert "Zarathustra" not in stored(urls, company)
        pulling.result(10)
    assert "Zarathustra" not in stored(urls, company)
