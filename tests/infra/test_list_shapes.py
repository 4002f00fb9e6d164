"""Shapes of lists: the statement of a shape, filled in, is the one that would have been composed for the list itself."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from infra.lists import shapes as list_shapes
from infra.lists.conditions import AnyOf, Beside, Condition, Related, Source, Test
from infra.lists.shapes import Template, shape_of
from infra.lists.statements import page_statement
from infra.lists.terms import lookup
from infra.store.pipeline import encode

COMPANY = UUID(int=7)
TEXTS = ["sales", "purchase", 'a "quoted" \\ text', "", "0", "null", "کریم", "x:0", "{}", '"0"', "\u2028", "sales ", "a:b"]


def at(name: str) -> tuple[str, str]:
    return ("data", name)


def condition(chance: random.Random) -> Condition:
    """Of every form; those that look for equal texts are most."""
    paths = tuple(
        at(name) for name in chance.sample(["type", "party_id", "status", "invoice_number", "notes"], chance.choice([1, 1, 2]))
    )
    texts = tuple(chance.choice(TEXTS) for _ in range(chance.choice([0, 1, 1, 2, 3])))
    return chance.choice(
        [
            *[Condition(paths, texts, or_missing=chance.random() < 0.1)] * 8,
            Condition(paths, (*texts, chance.choice([True, 3, ["sales"]]))),
            Condition(paths, texts or ("x",), test=chance.choice(["holds", "starts", "is"])),
            Condition((at("issue_date"),), least="2026-01-01", most=chance.choice(["2026-01-02", "2026-09-09"]), test="range"),
            Condition((at("total"),), ("5", "7.50"), numeric=True),
            Condition(paths, test="missing"),
        ]
    )


def source(chance: random.Random) -> Source:
    """With conditions that are nested as clients can nest them."""
    tests: list[Test] = [condition(chance) for _ in range(chance.randrange(4))]
    if chance.random() < 0.5:
        tests.append(
            AnyOf(tuple(tuple(condition(chance) for _ in range(chance.choice([1, 2]))) for _ in range(chance.choice([1, 2]))))
        )
    if chance.random() < 0.2:
        tests.append(Related(at("party_id"), "party", (Condition((at("name"),), (chance.choice(TEXTS),)),)))
    return Source("invoice", tuple(tests), order=chance.choice([None, at("issue_date"), at("notes")]))


def other_texts(test: Any, texts: dict[str, str]) -> Any:
    """The same test, which looks for other texts."""
    if isinstance(test, Condition):
        if test.test != "equal" or test.numeric:
            return test
        return Condition(
            test.paths, tuple(texts.get(one, one) if type(one) is str else one for one in test.values), or_missing=test.or_missing
        )
    if isinstance(test, AnyOf):
        return AnyOf(tuple(tuple(other_texts(one, texts) for one in option) for option in test.options))
    return Related(test.link, test.kind, tuple(other_texts(one, texts) for one in test.conditions))


def compose(sources: Sequence[Source]) -> tuple[bytes, Sequence[Any]]:
    beside = Beside((at("party_id"),), ("invoice_line",))
    gathered = [True, False][: len(sources)]
    return page_statement(COMPANY, sources, gathered, descending=True, limit=25, offset=0, beside=beside)


def sent(statement: tuple[bytes, Sequence[Any]]) -> tuple[bytes, list[tuple[int, bytes | None]]]:
    """A statement as it goes over the wire."""
    return statement[0], [encode(value) for value in statement[1]]


def test_a_template_makes_the_statement_of_every_list_of_its_shape():
    chance, filled = random.Random(11), 0
    for _ in range(400):
        sources = [source(chance) for _ in range(chance.choice([1, 1, 2]))]
        shuffled = dict(zip(TEXTS, chance.sample([f"{text}'" for text in TEXTS] + TEXTS, len(TEXTS)), strict=True))
        others = [
            Source(one.kind, tuple(other_texts(test, shuffled) for test in one.conditions), order=one.order) for one in sources
        ]
        places: list[dict[str, int]] = [{}, {}]
        shapes = [[shape_of(one, own) for one in every] for every, own in zip((sources, others), places, strict=True)]
        assert shapes[0] == shapes[1], "texts that differ stay different"
        template = Template(sources, compose)
        for every, own in zip((sources, others), places, strict=True):
            assert sent(template.fill(tuple(own))) == sent(compose(every)), every
            filled += bool(own)
    assert filled > 400


def test_what_makes_another_statement_has_another_shape():
    one, two = ("a", "b"), ("a", "a")
    forms = [
        Condition((at("type"),), one),
        Condition((at("type"),), two),
        Condition((at("type"),), ("a",)),
        Condition((at("type"),), ("a", 1)),
        Condition((at("type"),), ("a", True)),
        Condition((at("type"),), ("a", ["b"])),
        Condition((at("type"),), one, or_missing=True),
        Condition((at("type"),), one, test="is"),
        Condition((at("type"),), ("c", "b"), test="is"),
        Condition((at("type"), at("status")), one),
        Condition((at("status"),), one),
        AnyOf(((Condition((at("type"),), one),),)),
        AnyOf(((Condition((at("type"),), ("a",)),), (Condition((at("type"),), ("b",)),))),
        Related(at("party_id"), "party", (Condition((at("type"),), one),)),
        Related(at("product_id"), "party", (Condition((at("type"),), one),)),
    ]
    assert len({shape_of(Source("invoice", (form,)), {}) for form in forms}) == len(forms)


def test_a_text_that_looks_like_a_mark_is_a_text():
    """Nobody knows the mark; somebody who did would change what he asks for himself, and no other parameter."""
    mark = f"{list_shapes._MARK}0"
    asked = [
        Source("invoice", (Condition((at("party_id"),), (text,)), Condition((at("notes"),), (mark,), test="holds")))
        for text in ("a", mark)
    ]
    template = Template(asked[:1], compose)
    for one, text in zip(asked, ("a", mark), strict=True):
        assert sent(template.fill((text,))) == sent(compose([one]))


def test_what_follows_from_other_terms_is_not_tested_again():
    trade = Condition((at("type"),), ("sales", "purchase"))
    own = lambda *values: AnyOf(((Condition((at("type"),), values), Condition((at("party_id"),), ("x",))),))  # noqa: E731
    found = [{"type": "sales", "party_id": "x"}]
    assert lookup("invoice", [trade, own("sales")]) == (found, [])
    assert lookup("invoice", [Condition((at("type"),), ("sales_return", "purchase")), own("sales")])[1], "which nothing fulfils"
    assert lookup("invoice", [trade, own("sales", "sales_return")])[1], "one of two follows"
    assert lookup("invoice", [Condition((at("moves_stock"),), (1,)), Condition((at("moves_stock"),), (True,))])[1], "1 is not true"
