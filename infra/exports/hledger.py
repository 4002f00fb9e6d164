"""The journal in the format of hledger (and of Ledger, as far as the two agree)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.chart import root_of
from infra.exports.accounts import amount_text, decimals_of, distinct_names
from infra.exports.places import Place
from infra.exports.source import ChartEntry, Source, entry_of
from infra.exports.transactions import Transaction, transactions

TYPES: Mapping[str, tuple[str, str]] = {
    "asset": ("assets", "A"),
    "liability": ("liabilities", "L"),
    "equity": ("equity", "E"),
    "revenue": ("revenues", "R"),
    "expense": ("expenses", "X"),
}
"""Type of account → its name at the top of the tree, and hledger's letter for it."""


def write(source: Source, place: Place) -> Iterator[int]:
    """Write the journal; yields the number of transactions written since the last time."""
    source.wait_for_journal()
    chart, opened = source.chart(), source.opened()
    company = source.company()
    codes = {one.account for one in opened} | {entry.code for entry in chart.values() if not entry.closed}
    names = distinct_names(codes, lambda code: account_name(entry_of(chart, code), code), " ~")
    currencies = {one.currency for one in opened} | ({company.data["currency"]} if company else set())
    with place.open(f"{source.codename}-{source.seq}.journal") as file:
        file.write(_head(source, _text(company.data["name"]) if company else source.codename).encode())
        file.write("".join(f"commodity {_sample(currency)} {currency}\n" for currency in sorted(currencies)).encode())
        file.write(b"\n")
        for code, name in names.items():
            comment = _own_name(chart, code)
            file.write(f"account {name}  ; type: {TYPES[entry_of(chart, code).type][1]}{comment}\n".encode())
        for batch in transactions(source):
            file.write("".join(_entry(one, names) for one in batch).encode())
            yield len(batch)


def _head(source: Source, name: str) -> str:
    hash_ = f", hash {source.hash}" if source.hash else ""
    return f"; {name}: the books as of event {source.seq}{hash_}\n\ndecimal-mark .\n"


def _sample(currency: str) -> str:
    """An amount that shows how the currency is written; the mark stands there even without decimals, as hledger wants it."""
    return f"1000.{'0' * decimals_of(currency)}"


def account_name(entry: ChartEntry, code: str) -> str:
    """`assets:1000 Cash`; parts of a code follow: `expenses:6000 Expenses:rent`."""
    root = root_of(code)
    top = _component(f"{root} {entry.name if entry.code == root else ''}")
    return ":".join((TYPES[entry.type][0], top, *map(_component, code.split(":")[1:])))


def _own_name(chart: Mapping[str, ChartEntry], code: str) -> str:
    """What the company calls a part of an account that it opened as one, for the reader."""
    entry = chart.get(code)
    return f", name: {_text(entry.name).replace(',', ' ')}" if entry and ":" in code else ""


def _entry(one: Transaction, names: Mapping[str, str]) -> str:
    day = one.posted_on.isoformat() + (f"={one.dated.isoformat()}" if one.dated else "")
    about = " | ".join(filter(None, (_text(one.payee).replace("|", "/"), _text(one.text).replace("|", "/"))))
    mark = "" if one.reverses is None else "Reversal: "
    tags = f"seq:{one.seq}, kind:{one.kind}, record:{one.record_id}" + (f", reverses:{one.reverses}" if one.reverses else "")
    code = _text(one.code).replace("(", "[").replace(")", "]")
    lines = [f"\n{day} ({code}) {mark}{about}  ; {tags}\n"]
    for line in one.lines:
        own_day = f"  ; date2:{line.dated.isoformat()}" if not one.dated and line.dated != one.posted_on else ""
        amount = amount_text(line.amount, line.currency)
        lines.append(f"    {names[line.account]}  {amount} {line.currency}{own_day}\n")
    return "".join(lines)


def _component(text: str) -> str:
    return _text(text).replace(":", "-") or "_"


def _text(text: str) -> str:
    """On one line, without what begins a comment, and without the two spaces that end a name."""
    return " ".join("".join(c if c.isprintable() or c in _JOINERS else " " for c in text).split()).replace(";", ",")


_JOINERS = "\u200c\u200d"
"""Letters of Persian, Urdu and Hindi words stand apart or together by these; they are text."""
