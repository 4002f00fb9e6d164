"""The journal in the format of Beancount (version 3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from unicodedata import category

from domain.chart import root_of
from infra.exports.accounts import amount_text, decimals_of, distinct_names
from infra.exports.places import Place
from infra.exports.source import ChartEntry, Source, entry_of
from infra.exports.transactions import Transaction, transactions

TYPES: Mapping[str, str] = {
    "asset": "Assets",
    "liability": "Liabilities",
    "equity": "Equity",
    "revenue": "Income",
    "expense": "Expenses",
}
EARLIEST, LATEST = date(1700, 1, 1), date(2099, 12, 31)
"""Beancount reads dates of these years only. What is posted outside them is written on the nearest day, with its own beside it."""


def write(source: Source, place: Place) -> Iterator[int]:
    """Write the journal; yields the number of transactions written since the last time."""
    source.wait_for_journal()
    chart, opened = source.chart(), source.opened()
    company = source.company()
    codes = {one.account for one in opened} | {entry.code for entry in chart.values() if not entry.closed}
    names = distinct_names(codes, lambda code: account_name(entry_of(chart, code), code), "-")
    currencies = {one.currency for one in opened} | ({company.data["currency"]} if company else set())
    first = _within(min((one.first_day for one in opened), default=date(1970, 1, 1)))
    with place.open(f"{source.codename}-{source.seq}.beancount") as file:
        file.write(_head(source, company.data["name"] if company else source.codename).encode())
        if company:
            file.write(f'option "operating_currency" "{company.data["currency"]}"\n'.encode())
        file.write(b"\n")
        for currency in sorted(currencies):
            file.write(f"{first} commodity {currency}\n  decimals: {decimals_of(currency)}\n".encode())
        file.write(b"\n")
        for code, name in names.items():
            file.write(f"{first} open {name}\n  code: {_quoted(code)}\n{_own_name(chart, code)}".encode())
        for batch in transactions(source):
            file.write("".join(_entry(one, names) for one in batch).encode())
            yield len(batch)


def _head(source: Source, name: str) -> str:
    hash_ = f", hash {source.hash}" if source.hash else ""
    return f'; The books as of event {source.seq}{hash_}\n\noption "title" {_quoted(name)}\n'


def account_name(entry: ChartEntry, code: str) -> str:
    """`Assets:1000-Cash`; parts of a code follow: `Expenses:6000-Expenses:Rent`."""
    root = root_of(code)
    top = _component(f"{root} {entry.name if entry.code == root else ''}")
    return ":".join((TYPES[entry.type], top, *map(_component, code.split(":")[1:])))


def _own_name(chart: Mapping[str, ChartEntry], code: str) -> str:
    entry = chart.get(code)
    return f"  name: {_quoted(entry.name)}\n" if entry else ""


def _entry(one: Transaction, names: Mapping[str, str]) -> str:
    text = one.text if one.reverses is None else f"Reversal: {one.text}"
    documents = {line.document_id for line in one.lines if line.document_id} | {one.record_id}
    links = "".join(f" ^{document}" for document in sorted(map(str, documents)))
    tag = " #reversal" if one.reverses is not None else ""
    lines = [f"\n{_within(one.posted_on)} * {_quoted(one.payee)} {_quoted(text)}{links}{tag}\n"]
    lines.append(f'  seq: {one.seq}\n  kind: "{one.kind}"\n  record: "{one.record_id}"\n  code: {_quoted(one.code)}\n')
    if one.reverses is not None:
        lines.append(f"  reverses: {one.reverses}\n")
    if _within(one.posted_on) != one.posted_on:
        lines.append(f'  posted-on: "{one.posted_on}"\n')
    for line in one.lines:
        lines.append(f"  {names[line.account]}  {amount_text(line.amount, line.currency)} {line.currency}\n")
        if line.dated != one.posted_on:
            lines.append(f"    dated: {_day(line.dated)}\n")
    return "".join(lines)


def _within(day: date) -> date:
    return max(EARLIEST, min(day, LATEST))


def _day(day: date) -> str:
    return day.isoformat() if _within(day) == day else f'"{day.isoformat()}"'


def _component(text: str) -> str:
    """Letters, digits and dashes, beginning with a capital letter or a digit."""
    kept = "".join(c if category(c)[0] == "L" or category(c) == "Nd" else "-" for c in text)
    name = re.sub("-+", "-", kept).strip("-")
    name = name[:1].upper() + name[1:]
    return name if name and category(name[0]) in ("Lu", "Nd") else f"X-{name}".rstrip("-")


def _quoted(text: str) -> str:
    """A string, on one line."""
    plain = " ".join("".join(c if c.isprintable() or c in "\u200c\u200d" else " " for c in text).split())
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
