"""Journal entries: a draft says anything, what is posted balances in every currency and never changes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domain.spec import Spec, command, uid

ENTRY, LINE = uid(1), uid(2)


def debit(amount: str, **rest: Any) -> dict[str, Any]:
    return {"account_code": "1000", "debit": amount, **rest}


def credit(amount: str, **rest: Any) -> dict[str, Any]:
    return {"account_code": "3000", "credit": amount, **rest}


def entry(*lines: dict[str, Any], **rest: Any) -> Any:
    return command("journal_entry.create", {"lines": list(lines), **rest}, id=ENTRY)


BALANCED = [
    [debit("100"), credit("100")],
    [debit("100", credit="0"), credit("100.00", debit="0.00")],
    [debit("1.10"), debit("2.20"), credit("3.30")],
    [debit("5", currency="EUR"), credit("5", currency="EUR"), debit("7", currency="JPY"), credit("7", currency="JPY")],
]
UNBALANCED = [
    [],
    [debit("100")],
    [debit("100"), credit("99.99")],
    [debit("5", currency="EUR"), credit("5")],
]


@pytest.mark.parametrize("lines", BALANCED)
def test_what_balances_is_posted(lines) -> None:
    spec = Spec().when(entry(*lines, post_now=True))
    spec.then("journal_entry.drafted.v1", *["journal_line.added.v1"] * len(lines), "journal_entry.posted.v1")
    spec.shows(ENTRY, status="posted", posted_on="2026-03-10", date="2026-03-10", currency="USD")
    later = Spec().given(entry(*lines)).shows(ENTRY, status="draft", posted_on=None)
    later.when(command("journal_entry.post", id=ENTRY)).then("journal_entry.posted.v1").shows(ENTRY, status="posted")


@pytest.mark.parametrize("lines", UNBALANCED)
def test_what_does_not_balance_stays_a_draft(lines) -> None:
    Spec().when(entry(*lines, post_now=True)).refused("entry_unbalanced", "data.lines")
    spec = Spec().given(entry(*lines))
    spec.when(command("journal_entry.post", id=ENTRY)).refused("entry_unbalanced", "data.lines")


@pytest.mark.parametrize(
    ("line", "code", "path"),
    [
        (debit("1", credit="1"), "invalid_field", "data.lines[1].debit"),
        (debit("0"), "invalid_field", "data.lines[1].debit"),
        (debit("-1"), "amount_not_positive", "data.lines[1].debit"),
        (credit("-1"), "amount_not_positive", "data.lines[1].credit"),
        (credit("1.001"), "too_many_decimals", "data.lines[1].credit"),
        (debit("0.5", currency="JPY"), "too_many_decimals", "data.lines[1].debit"),
        (debit("1", currency="QQQ"), "unknown_currency", "data.lines[1].currency"),
        (debit("1", party_id=str(uid(9))), "reference_missing", "data.lines[1].party_id"),
        ({"debit": "1"}, "invalid_field", "data.lines[1].account_code"),
    ],
)
def test_bad_lines(line, code, path) -> None:
    Spec().when(entry(debit("1"), line)).refused(code, path)


def test_posted_entries_never_change() -> None:
    spec = Spec().given(entry(debit("1", id=str(LINE)), credit("1"), post_now=True))
    for refused, path in (
        (command("journal_entry.update", {"notes": "n"}, id=ENTRY), "id"),
        (command("journal_entry.delete", id=ENTRY), "id"),
        (command("journal_entry.post", id=ENTRY), "id"),
        (command("journal_line.update", {"debit": "2"}, id=LINE), "id"),
        (command("journal_line.delete", id=LINE), "id"),
        (command("journal_line.create", {"entry_id": str(ENTRY), **debit("1")}), "data.entry_id"),
    ):
        spec.when(refused).refused("entry_posted", path)


def test_drafts_do() -> None:
    spec = Spec().given(entry(debit("1", id=str(LINE)), credit("2")))
    spec.when(command("journal_line.update", {"debit": "2"}, id=LINE)).then("journal_line.changed.v1")
    spec.shows(LINE, debit="2.00", credit="0.00", currency="USD")
    spec.given(command("journal_line.update", {"debit": "0", "credit": "2"}, id=LINE)).shows(LINE, debit="0.00", credit="2.00")
    spec.when(command("journal_line.update", {"debit": "1"}, id=LINE)).refused("invalid_field", "data.debit")
    spec.given(command("journal_line.create", {"entry_id": {"number": 1}, **debit("4")}))
    spec.when(command("journal_entry.post", id=ENTRY)).then("journal_entry.posted.v1")
    spec = Spec().given(entry(debit("1"), credit("2")))
    spec.when(command("journal_entry.delete", id=ENTRY))
    spec.then("journal_line.removed.v1", "journal_line.removed.v1", "journal_entry.deleted.v1")
