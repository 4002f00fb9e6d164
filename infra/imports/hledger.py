"""hledger's journal as accounts of the chart and posted journal entries."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from domain.chart import DEFAULT_CHART, root_of
from domain.command import Command
from domain.errors import InvalidField, LedgerError
from domain.money import require_exact
from infra.imports.journal_amounts import Amount
from infra.imports.journal_text import Journal, Posting, Transaction, check_assertions, completed, read_journal
from infra.imports.known import Known
from infra.imports.model import Item, Options, Place, Plan, Problems, digest, given, natural_id
from infra.imports.text import decode

SOURCE = "import:hledger"

_TOP_LEVEL = {
    "asset": "asset",
    "assets": "asset",
    "liability": "liability",
    "liabilities": "liability",
    "equity": "equity",
    "income": "revenue",
    "revenue": "revenue",
    "revenues": "revenue",
    "expense": "expense",
    "expenses": "expense",
}
_TYPE_TAGS = {"a": "asset", "c": "asset", "l": "liability", "e": "equity", "v": "equity", "r": "revenue", "x": "expense"} | {
    **{name: name for name in ("asset", "liability", "equity", "revenue", "expense")},
    "cash": "asset",
    "conversion": "equity",
}
_FREE_CODES = {
    "asset": (1600, 2000),
    "liability": (2500, 3000),
    "equity": (3100, 3900),
    "revenue": (4100, 4900),
    "expense": (6100, 10_000),
}
"""Where the codes of accounts lie that have none in the file: beside the default chart's. Then ten times as much, and so on."""
_NUMBERED = re.compile(r"(?P<code>\d{3,12})(?:[ _-]+(?P<name>\S.*))?", re.ASCII)
MAP_TABLES = ("accounts", "commodities")


def plan_hledger(raw: bytes, options: Options, known: Known, problems: Problems) -> Plan:
    """The accounts that are missing, then an entry per transaction."""
    if unknown := set(options.mapping) - set(MAP_TABLES):
        raise InvalidField(f"A mapping has the tables {' and '.join(MAP_TABLES)}, not {min(unknown)!r}.", path="mapping")
    text = decode(raw, options.encoding)
    journal = read_journal(text, known.currency, options.mapping.get("commodities", {}), problems)
    booked = [(one, full) for one in journal.transactions if (full := completed(one, problems)) is not None]
    if not problems:  # what was not understood would be missing in the balances
        check_assertions(booked, problems)
    chart = _Chart(journal, options.mapping.get("accounts", {}), known)
    notes: list[str] = []
    times: Counter[str] = Counter()
    entries = [
        item for transaction, full in booked if (item := _entry(transaction, full, chart, times, problems, notes)) is not None
    ]
    unused = [name for name in journal.accounts if name not in chart.found and not chart.find_declared(name, problems)]
    if unused:
        notes.append(f"{len(unused)} declared accounts have no code and no postings, and were left out: {', '.join(unused)[:200]}.")
    return Plan([*chart.opened.values(), *entries], notes)


# Accounts -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Chart:
    """Maps the journal's account names to codes, and opens what the company does not have."""

    journal: Journal
    mapping: Mapping[str, str]
    known: Known
    found: dict[str, str | None] = field(default_factory=dict)
    opened: dict[str, Item] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def find(self, name: str, line: int, problems: Problems) -> str | None:
        """The code of an account; a name that cannot be mapped is one problem, however often it is posted to."""
        if name not in self.found:
            self.found[name] = None
            try:
                self.found[name] = self._find(name, line)
            except LedgerError as error:
                problems.add((line, name), error)
        return self.found[name]

    def find_declared(self, name: str, problems: Problems) -> bool:
        """Open an account that is declared with a code but never posted to; whether it has a code."""
        line, tags = self.journal.accounts[name]
        return self._code_of(name, tags)[0] is not None and self.find(name, line, problems) is not None

    def _find(self, name: str, line: int) -> str:
        tags = self.journal.accounts.get(name, (0, {}))[1]
        code, title = self._code_of(name, tags)
        if code is not None:
            if len(code) > 64:
                raise InvalidField(f"The account's code {code[:64]!r}… is longer than 64 characters.")
            self._open(root_of(code), title, name, line, self._type(name, root_of(code)))
            return code
        return self._named(name, line)

    def _code_of(self, name: str, tags: Mapping[str, str]) -> tuple[str | None, str]:
        """The code that the file or the mapping gives an account, and a name for the account that it is, or is a part of."""
        given_code = self.mapping.get(name) or tags.get("code")
        parts = name.split(":")
        if given_code:
            return given_code.strip(), parts[-1]
        for place, part in enumerate(parts):
            if found := _NUMBERED.fullmatch(part.strip()):
                below = [below.strip() for below in parts[place + 1 :]]
                return ":".join([found["code"], *below]), found["name"] or found["code"]
        return None, ""

    def _type(self, name: str, code: str) -> str:
        """The type of an account, by its own `type:` tag, or the nearest above it, or its top level, or what it is already."""
        parts = name.split(":")
        for end in range(len(parts), 0, -1):
            tag = self.journal.accounts.get(":".join(parts[:end]), (0, {}))[1].get("type", "").casefold()
            if tag:
                if tag not in _TYPE_TAGS:
                    raise InvalidField(f"There is no account type {tag[:20]!r}; there are A, L, E, R, X, C and V.")
                return _TYPE_TAGS[tag]
        if (top := _TOP_LEVEL.get(parts[0].strip().casefold())) is not None:
            return top
        if existing := self.known.by("account", "code", code):
            return str(existing[0].data.type)
        if code in DEFAULT_CHART:
            return DEFAULT_CHART[code].type
        raise InvalidField(
            f"Of which type is {name!r}? Declare it (`account {name}  ; type:A`), map it to a code,"
            " or let its name begin with Assets, Liabilities, Equity, Income or Expenses."
        )

    def _open(self, code: str, title: str, name: str, line: int, kind: str, *, client_id: str = "") -> None:
        """Open the account with this code unless the company has it. Raises InvalidField where that is of another type."""
        existing = self.known.by("account", "code", code)
        has = existing[0].data.type if existing else DEFAULT_CHART[code].type if code in DEFAULT_CHART else None
        if code in self.opened:
            has = self.opened[code].command.data["type"]
        if has is not None and has != kind:
            raise InvalidField(f"{name!r} would be of the type {kind}, but the account {code} is of the type {has}.")
        if existing or code in self.opened:
            return
        title = DEFAULT_CHART[code].name if code in DEFAULT_CHART else title
        data = {"code": code, "name": title[:255].strip() or code, "type": kind}
        self.opened[code] = Item(
            line=line,
            name=code,
            command=Command(
                kind="account", action="create", client_id=client_id or natural_id("code", code), source=SOURCE, data=data
            ),
            places={"data": (line, name)},
            unique=("code", code),
            only_if_missing=True,
            supports=True,
        )

    def _named(self, name: str, line: int) -> str:
        """An account that has only a name: the one made of it before, or one of the chart that is called so, or a new one."""
        kind = self._type(name, "")
        client_id = natural_id("account", name.casefold())
        title = name.partition(":")[2].strip() or name
        for entry in self.known.all_entries("account"):
            if (entry.source, entry.client_id) == (SOURCE, client_id):
                return str(entry.data.code)
        for entry in self.known.by("account", "name", title):
            if entry.data.type == kind:
                return str(entry.data.code)
        for account in DEFAULT_CHART.values():
            if (account.type, account.name.casefold()) == (kind, title.casefold()):
                self._open(account.code, account.name, name, line, kind)
                return account.code
        code = self._free(kind)
        self._open(code, title, name, line, kind, client_id=client_id)
        return code

    def _free(self, kind: str) -> str:
        if not self._taken:
            self._taken = {str(entry.data.code) for entry in self.known.all_entries("account")} | set(DEFAULT_CHART)
        first, last = _FREE_CODES[kind]
        scale = 1
        while True:
            for number in range(first * scale, last * scale):
                if (code := str(number)) not in self._taken and code not in self.opened:
                    self._taken.add(code)
                    return code
            scale *= 10


# Entries ------------------------------------------------------------------------------------------


def _entry(
    transaction: Transaction,
    postings: Sequence[tuple[Posting, Amount]],
    chart: _Chart,
    times: Counter[str],
    problems: Problems,
    notes: list[str],
) -> Item | None:
    lines: list[dict[str, Any]] = []
    places: dict[str, Place] = {"data.date": (transaction.line, "date"), "data.description": (transaction.line, "description")}
    whole = True
    for posting, amount in postings:
        code = chart.find(posting.account, posting.line, problems)
        try:
            exact = require_exact(amount.quantity, amount.currency, "amount")
        except LedgerError as error:
            code = None
            if posting.amount is not None:  # else one of the others is to blame
                problems.add((posting.line, "amount"), error)
        if code is None:
            whole = False
        elif exact != 0:
            places[f"data.lines[{len(lines)}]"] = (posting.line, "")
            lines.append(_line(code, Amount(exact, amount.currency), posting))
    if not whole:
        return None
    client_id = _identity(transaction, postings, times)
    if not lines:
        notes.append(f"Line {transaction.line:,}: the transaction moves nothing and was left out.")
        return None
    data = {
        "date": transaction.date,
        "description": transaction.description,
        "reference": transaction.code or None,
        "notes": "\n".join(transaction.comments) or None,
        "extra": given({"status": transaction.status or None, "date2": transaction.second_date}) or None,
        "lines": lines,
        "post_now": True,
    }
    command = Command(kind="journal_entry", action="create", client_id=client_id, source=SOURCE, data=given(data))
    return Item(line=transaction.line, name=f"{transaction.date} {transaction.description}"[:80], command=command, places=places)


def _line(code: str, amount: Amount, posting: Posting) -> dict[str, Any]:
    side = "debit" if amount.quantity > 0 else "credit"
    line: dict[str, Any] = {"account_code": code, side: abs(amount.quantity), "currency": amount.currency}
    return {**line, "description": posting.comment} if posting.comment else line


def _identity(transaction: Transaction, postings: Sequence[tuple[Posting, Amount]], times: Counter[str]) -> str:
    """A transaction is known again by its `uuid:` tag, else by all it says; the second of equal ones is the second again."""
    if own := transaction.tags.get("uuid"):
        key = natural_id("uuid", own)
    else:
        said = [transaction.date.isoformat(), transaction.code, transaction.description]
        said += [f"{posting.account}\x1f{_plain(amount.quantity)}\x1f{amount.currency}" for posting, amount in postings]
        key = natural_id("content", digest("\x1e".join(said)))
    times[key] += 1
    return key if times[key] == 1 else natural_id(key, times[key])


def _plain(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"
