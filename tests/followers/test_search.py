# ruff: noqa: RUF001 - letters that look like others are the point
"""The search read model: lists answer as a filter over every record does, however far the follower is behind."""

from __future__ import annotations

import random
import unicodedata
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

import infra.lists.listing
from domain.command import Actor, Command
from domain.record import Record
from infra.followers.follower import ProjectionFollower, add_positions, advance
from infra.followers.rebuild import rebuild
from infra.ids import new_id
from infra.ledger import Ledger
from infra.lists.listing import AnyOf, Beside, Condition, Related, Source, count_of, list_from
from infra.reading.reader import Reader
from infra.store.postgres import PostgresStore
from projections.search import SearchProjection, fold

NAMES = [
    "Ali Veli",
    "İSTANBUL Ltd",
    "ışık çay",
    "كريم",
    "کریم خان",
    "Ξενοφῶντος ΣΑΣ",
    "50%_off",
    "a\\b",
    "Tea-House",
    "tea",
    "Zoë",
    "AL",
]
WORDS = [
    "ali",
    "istanbul",
    "ISTANBUL",
    "ışı",
    "کر",
    "كريم",
    "σασ",
    "%",
    "_",
    "\\",
    "tea",
    "TEA-h",
    "zoË",
    "l",
    "al",
    "nobody",
    "o",
    "۵0%",
]


def at(*path: str) -> tuple[str, ...]:
    """A path in the data."""
    return ("data", *path)


class Firm:
    """Random parties, invoices, payments and expenses, with changes and deletions."""

    def __init__(self, api, seed: int) -> None:
        self.api = api
        self.chance = random.Random(seed)
        self.ledger = Ledger(PostgresStore(api))
        data = {"name": "firm", "codename": f"firm-{seed}", "currency": "EUR"}
        self.company_id, _, _ = self.ledger.register_company([Command(kind="company", action="create", data=data)])
        self.made: dict[str, list[UUID]] = {"party": [], "invoice": [], "payment": [], "expense": []}

    def work(self, times: int) -> None:
        """So many commands, a few at a time."""
        for _ in range(times // 5):
            commands = [self._command() for _ in range(5)]
            self.ledger.execute(self.company_id, commands, Actor(), atomic=False)

    def _command(self) -> Command:
        chance = self.chance
        kind = chance.choice(["party", "invoice", "invoice", "payment", "expense"])
        made = self.made[kind]
        if made and chance.random() < 0.35:
            if chance.random() < 0.3:
                return Command(kind=kind, action="delete", id=chance.choice(made))
            change = {"notes": chance.choice(NAMES)} if chance.random() < 0.7 else {"notes": None}
            return Command(kind=kind, action="update", id=chance.choice(made), data=change)
        record_id = new_id()
        made.append(record_id)
        day = (date(2026, 1, 1) + timedelta(chance.randrange(90))).isoformat()
        notes = {"notes": chance.choice(NAMES)} if chance.random() < 0.5 else {}
        parties = self.made["party"]
        if kind == "party":
            data = {"name": chance.choice(NAMES), "roles": ["customer", "supplier"], **notes}
            if chance.random() < 0.5:
                data |= {
                    "is_active": False,
                    "email": f"{chance.choice('abc')}@x.example",
                    "extra": {"branch": chance.randint(1, 3)},
                }
        elif kind == "invoice":
            line = {"description": "x", "quantity": chance.randint(1, 3), "unit_price": chance.choice(["5", "10.50", "100"])}
            data = {"type": "sales", "issue_date": day, "invoice_number": f"INV-{len(made)}", "lines": [line], **notes}
            if chance.random() < 0.8:
                data["due_date"] = (date.fromisoformat(day) + timedelta(10)).isoformat()
            if parties:
                data["party_id"] = str(chance.choice(parties))
        else:
            data = {"amount": chance.choice(["5", "7.25", "31.50"]), "date": day, **notes}
            if kind == "payment" and chance.random() < 0.5 and self.made["invoice"]:
                data["invoice_id"] = str(chance.choice(self.made["invoice"]))
        return Command(kind=kind, action="create", id=record_id, data=data)

    def records(self) -> list[Record]:
        """Every record, tombstones too."""
        documents = b",".join(page.items for page in Reader(self.api).record_pages(self.company_id, 0) if page.items)
        return msgspec.json.decode(b"[" + documents + b"]", type=list[Record])

    def follow(self, worker, share: float = 1.0) -> None:
        """Let the follower handle this share of the log."""
        with worker.connection() as connection:
            add_positions(connection, "search", [self.company_id])
            until = max(1, int(self.ledger.store.head(self.company_id).seq * share))
            advance(connection, ProjectionFollower(SearchProjection()), self.company_id, limit=10**6, until=until)


# What the answers have to be ------------------------------------------------------------------------


def fulfils(record: Record, test, records: dict[str, Record]) -> bool:
    """The conditions' meaning, over again."""
    if isinstance(test, AnyOf):
        return any(all(fulfils(record, one, records) for one in option) for option in test.options)
    if isinstance(test, Related):
        other = records.get(record.data.get(test.link[-1], ""))
        return other is not None and not other.deleted and all(fulfils(other, one, records) for one in test.conditions)
    return any(_fits(_value(record, path), test) for path in test.paths)


def _value(record: Record, path: tuple[str, ...]):
    value = msgspec.to_builtins(record)
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _fits(value, test: Condition) -> bool:
    if value is None:
        return test.test == "missing" or test.or_missing
    text = msgspec.json.encode(value).decode() if not isinstance(value, str) else value
    if test.test == "missing":
        return False
    if test.test == "holds":
        return any(fold(str(one)) in fold(text) for one in test.values)
    if test.test == "starts":
        return any(f" {fold(str(one))}" in f" {fold(text)}" for one in test.values)
    if test.test == "is":
        return text in test.values
    if test.test == "range":
        left, make = (Decimal(text), Decimal) if test.numeric else (text, str)
        above = test.least is None or (left > make(test.least) if test.exclusive else left >= make(test.least))
        return above and (test.most is None or (left < make(test.most) if test.exclusive else left <= make(test.most)))
    if test.numeric:
        return any(Decimal(text) == Decimal(str(one)) for one in test.values)
    return any(type(one) is type(value) and one == value for one in test.values)


def expected(records: list[Record], sources, *, descending: bool) -> list[str]:
    """The ids of a list, in order."""
    by_id = {str(record.id): record for record in records}
    found = []
    for source in sources:
        for record in records:
            living = source.deleted is None or record.deleted == source.deleted
            if record.kind != source.kind or not living or not all(fulfils(record, one, by_id) for one in source.conditions):
                continue
            value = _value(record, source.order) if source.order else None
            value = Decimal(value) if value is not None and source.numeric else value
            found.append((value, record.number + source.base, str(record.id)))
    nothing = [row for row in found if row[0] is None]
    rest = [row for row in found if row[0] is not None]
    rest.sort(key=lambda row: (row[0], row[1]), reverse=descending)
    nothing.sort(key=lambda row: row[1], reverse=descending)
    return [row[2] for row in (*rest, *nothing)]


def random_source(chance: random.Random, firm: Firm) -> Source:
    """A list that somebody may ask for."""
    kind = chance.choice(["party", "invoice", "invoice", "payment", "expense", "invoice_line"])
    day = {"invoice": "issue_date", "payment": "date", "expense": "date"}.get(kind)
    label = {"party": "name", "invoice": "invoice_number", "expense": "notes"}.get(kind, "notes")
    amount = {"invoice": "total", "payment": "amount", "expense": "amount"}.get(kind)
    first = date(2026, 1, 1) + timedelta(chance.randrange(90))
    last = first + timedelta(chance.choice([0, 5, 30, 60]))
    tests = [
        Condition((at("notes"),), (chance.choice(WORDS),), test="holds"),
        Condition((at("notes"), at(label)), (chance.choice(WORDS), chance.choice(WORDS)), test="holds"),
        Condition((at("notes"), at(label)), (chance.choice(WORDS),), test="starts"),
        Condition((at("notes"),), tuple(chance.sample(NAMES, 2))),
        Condition((at("notes"),), (chance.choice(NAMES),), or_missing=True),
        Condition((at("notes"),), tuple(chance.sample(NAMES, 3)), test="is"),
        Condition((at("notes"),), test="missing"),
        Condition((at("no_such_field"),), ("x",)),
        Condition((at("notes"),), ()),
        AnyOf(
            (
                (Condition((at("notes"),), (NAMES[0],)), Condition((at("notes"),), ("ali",), test="holds")),
                (Condition((at("notes"),), test="missing"),),
            )
        ),
        AnyOf(((Condition((at("notes"),), (NAMES[1],)),), (Condition((at("notes"),), ("tea",), test="holds"),))),
    ]
    if kind == "party":
        tests += [Condition((at("is_active"),), (chance.random() < 0.5,)), Condition((at("extra", "branch"),), (1, 2))]
        tests += [Condition((at("is_active"),), ("true",), test="is")]
    if kind == "invoice":
        party = chance.choice(firm.made["party"])
        tests += [Condition((at("party_id"),), (str(party),)), Condition((at("status"),), ("overdue", "paid"))]
        tests += [Condition((at("due_date"),), least=first.isoformat(), most=last.isoformat(), test="range")]
        tests += [Related(at("party_id"), "party", (Condition((at("name"),), (chance.choice(WORDS),), test="holds"),))]
    if kind == "payment":
        tests += [Related(at("invoice_id"), "invoice", (Condition((at("status"),), ("overdue", "partial")),))]
    if day:
        tests += [
            Condition((at(day),), least=first.isoformat(), most=last.isoformat(), test="range", exclusive=chance.random() < 0.3)
        ]
    if amount:
        tests += [
            Condition((at(amount),), least="7", most="40.0", test="range", numeric=True),
            Condition((at(amount),), ("7.250", "10.5"), numeric=True),
        ]
    orders = [(None, False), (at("notes"), False), (at(label), False), (("created_at",), False)]
    orders += [(at(day), False)] * 2 if day else []
    orders += [(at(amount), True)] if amount else []
    order, numeric = chance.choice(orders)
    deleted = chance.choice([False] * 10 + [True, None])
    return Source(kind, tuple(chance.sample(tests, chance.randint(0, 2))), chance.choice([0, 1000]), order, numeric, deleted)


@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("few", [0, 1_000], ids=["walking", "gathering"])
def test_lists_answer_as_a_filter_over_every_record(api, worker, monkeypatch, share, few):
    monkeypatch.setattr("infra.lists.listing.FEW", few)
    firm = Firm(api, seed=7)
    firm.work(250)
    if share:
        firm.follow(worker, share)
    records, chance = firm.records(), random.Random(f"{share}")
    assert len(records) > 150
    for _ in range(60):
        sources = [random_source(chance, firm) for _ in range(chance.choice([1, 1, 1, 2]))]
        if len(sources) == 2 and (
            sources[0].kind == sources[1].kind
            or sources[0].numeric != sources[1].numeric
            or any(s.order != sources[0].order for s in sources)
        ):
            sources = sources[:1]
        descending, limit, offset = chance.random() < 0.5, chance.choice([3, 25, 1_000]), chance.choice([0, 0, 2, 500])
        whole = expected(records, sources, descending=descending)
        for _ in range(2):  # the second time the total is known
            found = list_from(api, firm.company_id, sources, descending=descending, limit=limit, offset=offset)
            ids = [str(record.id) for record in msgspec.json.decode(b"[" + found.items + b"]", type=list[Record])]
            if len(sources) == 1:
                assert ids == whole[offset : offset + limit], sources
            assert found.total == len(whole), sources
            assert len(ids) == len(whole[offset : offset + limit]), sources


def test_a_list_knows_what_was_written_just_now(api, worker):
    firm = Firm(api, seed=3)
    firm.work(60)
    firm.follow(worker)
    source = Source("party", (Condition((at("name"),), ("newcomer",), test="holds"),))
    everybody = Source("party")
    before = count_of(api, firm.company_id, [everybody])
    assert list_from(api, firm.company_id, [source]) == list_from(
        api, firm.company_id, [Source("party", (Condition((at("name"),), ()),))]
    )
    party = new_id()
    create = Command(kind="party", action="create", id=party, data={"name": "A Newcomer"})
    firm.ledger.execute(firm.company_id, [create], Actor())
    assert count_of(api, firm.company_id, [source]) == 1
    assert count_of(api, firm.company_id, [everybody]) == before + 1
    firm.follow(worker)
    assert count_of(api, firm.company_id, [source]) == 1
    firm.ledger.execute(firm.company_id, [Command(kind="party", action="update", id=party, data={"name": "Other"})], Actor())
    assert count_of(api, firm.company_id, [source]) == 0, "what it was called in the read model does not count"
    firm.ledger.execute(firm.company_id, [Command(kind="party", action="delete", id=party)], Actor())
    assert count_of(api, firm.company_id, [everybody]) == before
    firm.follow(worker)
    assert count_of(api, firm.company_id, [everybody]) == before


def test_totals_are_right_after_every_write(api, worker, monkeypatch):
    """Also where they are not counted anew: most writes say what they change of a total."""
    monkeypatch.setattr("infra.lists.listing.FEW", 0)
    counted = []
    count = infra.lists.listing.count_statement
    monkeypatch.setattr("infra.lists.listing.count_statement", lambda *given: counted.append(given) or count(*given))
    firm = Firm(api, seed=21)
    firm.work(100)
    firm.follow(worker)
    chance = random.Random(4)
    sources = [random_source(chance, firm) for _ in range(30)]
    for source in sources:
        count_of(api, firm.company_id, [source])
    first, right = len(counted), 0
    for _ in range(12):
        firm.work(5)
        records = firm.records()
        for source in sources:
            assert count_of(api, firm.company_id, [source]) == len(expected(records, [source], descending=False)), source
            right += 1
        if chance.random() < 0.3:
            firm.follow(worker)
    assert 0 < len(counted) - first < right / 2


def test_records_beside_a_page(api, worker):
    firm = Firm(api, seed=5)
    party, invoice = new_id(), new_id()
    lines = [{"description": "tea", "quantity": 1, "unit_price": "5"}]
    firm.ledger.execute(
        firm.company_id,
        [
            Command(kind="party", action="create", id=party, data={"name": "Ali"}),
            Command(kind="invoice", action="create", id=invoice, data={"type": "sales", "party_id": str(party), "lines": lines}),
        ],
        Actor(),
    )
    firm.follow(worker)
    found = list_from(api, firm.company_id, [Source("invoice")], beside=Beside((at("party_id"),), ("invoice_line",)))
    beside = msgspec.json.decode(b"[" + found.beside + b"]", type=list[Record])
    assert {record.kind for record in beside} == {"party", "invoice_line"}
    assert len(beside) == 2


def test_nobody_sees_another_company(api, worker):
    firms = [Firm(api, seed=seed) for seed in (11, 12)]
    for firm in firms:
        firm.work(50)
        firm.follow(worker)
    with api.company(firms[0].company_id) as connection:
        seen = {one for (one,) in connection.execute("SELECT DISTINCT company_id FROM searchable").fetchall()}
        assert seen == {firms[0].company_id}
        assert connection.execute("SELECT count(*) FROM searchable WHERE company_id = %s", (firms[1].company_id,)).fetchone() == (
            0,
        )
    with api.connection() as connection:
        assert connection.execute("SELECT count(*) FROM searchable").fetchone() == (0,)


def test_rebuilding_keeps_rows_and_lists(api, worker, owner, settings):
    firm = Firm(api, seed=9)
    firm.work(200)
    firm.follow(worker)
    rows = "SELECT * FROM daftar.search_documents ORDER BY id"
    before = owner.execute(rows).fetchall()
    listed = list_from(api, firm.company_id, [Source("invoice", order=at("issue_date"))], descending=True)
    rebuild(settings.database_url, ["search"], processes=1, batch=40)
    assert owner.execute(rows).fetchall() == before
    assert len(before) > 100
    assert list_from(api, firm.company_id, [Source("invoice", order=at("issue_date"))], descending=True) == listed


def test_followers_leave_no_list_of_entries_to_read(api, worker, owner, monkeypatch):
    firm = Firm(api, seed=8)
    firm.work(60)
    with monkeypatch.context() as patched:
        patched.setattr("infra.followers.follower.settle", lambda *_: None)
        firm.follow(worker, share=0.5)
    unsettled = "SELECT daftar.settle_index('daftar', 'search_terms')"
    assert owner.execute(unsettled).fetchone()[0] > 0, "pages of entries that every look-up reads"
    firm.follow(worker)
    assert owner.execute(unsettled).fetchone()[0] == 0


def test_an_erased_person_is_found_no_more(api, worker, owner):
    firm = Firm(api, seed=13)
    party = new_id()
    data = {"name": "Somebody Special", "email": "special@x.example"}
    firm.ledger.execute(firm.company_id, [Command(kind="party", action="create", id=party, data=data)], Actor())
    firm.follow(worker)
    source = Source("party", (Condition((at("name"), at("email")), ("special",), test="holds"),))
    assert count_of(api, firm.company_id, [source]) == 1
    firm.ledger.execute(firm.company_id, [Command(kind="party", action="erase", id=party)], Actor())
    assert count_of(api, firm.company_id, [source]) == 0
    firm.follow(worker)
    assert count_of(api, firm.company_id, [source]) == 0
    assert b"pecia" not in str(owner.execute("SELECT document FROM daftar.search_documents").fetchall()).encode()


def test_python_and_the_database_fold_alike(owner):
    every = [chr(code) for code in range(1, 0x3000) if unicodedata.category(chr(code)) not in ("Cs", "Cn")]
    folded = [
        one
        for (one,) in owner.execute(
            "SELECT daftar.fold(t) FROM unnest(%s::text[]) WITH ORDINALITY AS u (t, n) ORDER BY n", (every,)
        )
    ]
    differing = [(letter, theirs, fold(letter)) for letter, theirs in zip(every, folded, strict=True) if theirs != fold(letter)]
    assert differing == []
