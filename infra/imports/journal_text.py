"""hledger's journal format: the documented core of its syntax, read strictly.

Read are transactions with status, code, description, comments and tags, one amount left out, commodities on either side, thousands
separators, balance assertions, and the directives account, commodity, decimal-mark, D, payee, tag, year and comment. All else is a
problem with its line, never skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NoReturn

from domain.errors import InvalidField, LedgerError
from infra.imports.journal_amounts import Amount, Numbers
from infra.imports.model import Problems, check_size

_HEADER = re.compile(
    r"(?P<date>(?:\d{4}(?P<sep>[-/.])\d{1,2}(?P=sep)\d{1,2})|\d{1,2}[-/.]\d{1,2})(?:=(?P<second>[\d./-]+))?"
    r"(?:\s+(?P<status>[*!]))?(?:\s*\((?P<code>[^)]*)\))?(?:\s+(?P<rest>.*))?",
    re.ASCII,
)
_TAG = re.compile(r"(?:^|(?<=[\s,]))([^\s:,]+):([^,]*)")
_ACCOUNT_END = re.compile(r" {2,}|\t| \t")
_ASSERTION = re.compile(r"==?\*?")
LINES_OF_A_TRANSACTION = 4
"""About as many as there are, to know how large a file is before it is read."""
_YEAR = re.compile(r"(?:Y|year|apply year)\s*(\d{4})", re.ASCII)
_REFUSED = {
    "~": "Periodic transactions are not imported.",
    "=": "Automated postings are not imported: write the postings out (hledger print --auto).",
    "include": "Other files are not read: join them first (hledger print).",
    "alias": "Aliases are not applied: write the accounts out (hledger print).",
    "apply": "`apply account` is not applied: write the accounts out (hledger print).",
    "P": "Market prices are not imported.",
}


@dataclass(frozen=True, slots=True)
class Posting:
    """One posting. `amount` is None where it is left out; `assertion` is its operator and the amount that is asserted."""

    line: int
    account: str
    amount: Amount | None
    assertion: tuple[str, Amount] | None
    comment: str


@dataclass(slots=True)
class Transaction:
    """One transaction, as written."""

    line: int
    date: date
    status: str
    code: str
    description: str
    comments: list[str] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    second_date: str | None = None
    is_whole: bool = True

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags in the transaction's own comments; the first of a name counts."""
        return tags_of(*self.comments)


@dataclass(slots=True)
class Journal:
    """A file: its transactions, and the declared accounts with their lines and tags."""

    transactions: list[Transaction] = field(default_factory=list)
    accounts: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)


def tags_of(*comments: str) -> dict[str, str]:
    """The tags in comments."""
    found: dict[str, str] = {}
    for comment in comments:
        for name, value in _TAG.findall(comment):
            found.setdefault(name, value.strip())
    return found


def read_journal(text: str, currency: str, symbols: Mapping[str, str], problems: Problems) -> Journal:
    """The journal in a text. `currency` is that of bare numbers, `symbols` are commodities that stand for currencies."""
    check_size(text.count("\n") // LINES_OF_A_TRANSACTION, 1, "transactions")
    reader = _Reader(Numbers(currency, symbols), problems)
    for number, line in enumerate(text.splitlines(), 1):
        reader.read(number, line.rstrip())
    reader.finish(text.count("\n") + 1)
    return reader.journal


class _Reader:
    """Reads line by line; `_inside` is what indented lines belong to."""

    def __init__(self, numbers: Numbers, problems: Problems) -> None:
        self.journal = Journal()
        self.numbers = numbers
        self.problems = problems
        self._inside: Transaction | dict[str, str] | str | None = None
        self._in_comment = 0
        self._year: int | None = None

    def read(self, line: int, text: str) -> None:
        try:
            self._read(line, text)
        except LedgerError as error:
            self.problems.add((line, ""), error)
            if isinstance(self._inside, Transaction):
                self._inside.is_whole = False

    def finish(self, line: int) -> None:
        self._inside = None
        if self._in_comment:
            self.problems.invalid(self._in_comment, "", "This comment is never ended (`end comment`).")

    def _read(self, line: int, text: str) -> None:
        if self._in_comment:
            self._in_comment = 0 if text.strip() == "end comment" else self._in_comment
        elif not text.strip():
            self._inside = None
        elif text[0] in ";#*":
            pass  # a comment on a line of its own
        elif text[0] in " \t":
            self._indented(line, text.strip())
        elif text[0].isdigit():
            self._inside = "skip"
            self._inside = self._header(line, text)
            self.journal.transactions.append(self._inside)
        else:
            self._inside = "skip"
            self._inside = self._directive(line, text)

    # Transactions ---------------------------------------------------------------------------------

    def _header(self, line: int, text: str) -> Transaction:
        head, _, comment = text.partition(";")
        found = _HEADER.fullmatch(head.rstrip())
        if found is None:
            _refuse("This is no transaction: it begins with a date, a status, a code in parentheses and a description.")
        dated = self._date(found["date"])
        made = Transaction(line, dated, found["status"] or "", found["code"] or "", (found["rest"] or "").strip())
        if found["second"]:
            made.second_date = self._date(found["second"], dated.year).isoformat()
        self._comment(made, comment)
        return made

    def _date(self, text: str, year: int | None = None) -> date:
        parts = [int(part) for part in re.split(r"[-/.]", text) if part]
        if len(parts) == 2:
            known = year or self._year
            if known is None:
                _refuse(f"The year of {text!r} is not said.")
            parts.insert(0, known)
        try:
            return date(*parts)
        except (ValueError, TypeError) as error:
            _refuse(f"{text!r} is not a day: {error}.")

    def _comment(self, transaction: Transaction, comment: str) -> None:
        if comment.strip():
            transaction.comments.append(comment.strip())
            _check_dates(comment)

    def _indented(self, line: int, text: str) -> None:
        inside = self._inside
        if inside == "skip":
            return  # of what was refused, or of a directive that has nothing to import
        if isinstance(inside, dict):
            inside.update(tags_of(text.lstrip(";")))
        elif isinstance(inside, Transaction):
            if text.startswith(";"):
                self._comment_below(inside, text[1:].strip())
            else:
                inside.postings.append(self._posting(line, text))
        elif isinstance(inside, str):
            self._sub_directive(inside, text)
        elif not text.startswith(";"):
            _refuse("This line is indented, but belongs to no transaction.")

    def _comment_below(self, transaction: Transaction, comment: str) -> None:
        if transaction.postings:
            _check_dates(comment)
        else:
            self._comment(transaction, comment)

    def _posting(self, line: int, text: str) -> Posting:
        if text[0] in "*!":
            text = text[1:].lstrip()
        body, _, comment = text.partition(";")
        _check_dates(comment)
        name, *rest = _ACCOUNT_END.split(body.rstrip(), maxsplit=1)
        if not name:
            _refuse("A posting needs an account.")
        if name[0] in "([":
            _refuse("Virtual postings are not imported: they do not balance with the others.")
        written = rest[0].strip() if rest else ""
        amount, assertion = self._amounts(written)
        return Posting(line, name.strip(), amount, assertion, comment.strip())

    def _amounts(self, text: str) -> tuple[Amount | None, tuple[str, Amount] | None]:
        if "@" in text:
            _refuse("Prices (@) are not imported: post each commodity to an account of its own, so that each balances.")
        if any(mark in text for mark in "{}()"):
            _refuse("Lots and expressions are not imported.")
        found = _ASSERTION.search(text)
        if found is None:
            return (self.numbers.amount(text) if text else None), None
        before, after = text[: found.start()].strip(), text[found.end() :].strip()
        if not before:
            _refuse("A balance assignment is not imported: write the amount.")
        return self.numbers.amount(before), (found[0], self.numbers.amount(after))

    # Directives -----------------------------------------------------------------------------------

    def _directive(self, line: int, text: str) -> Transaction | dict[str, str] | str | None:
        word, _, rest = text.partition(" ")
        rest, _, comment = rest.partition(";")
        rest = rest.strip()
        if text.strip() == "comment":
            self._in_comment = line
            return None
        if found := _YEAR.fullmatch(text.partition(";")[0].strip()):
            self._year = int(found[1])
            return "skip"
        if word == "account" and rest:
            tags = tags_of(comment.strip())
            self.journal.accounts[rest] = (line, tags)
            return tags
        if word == "commodity" and rest:
            return self.numbers.declare(rest) or "commodity"
        if word == "decimal-mark":
            self.numbers.set_mark(rest)
            return "skip"
        if word == "D" and rest:
            self.numbers.declare(rest, default=True)
            return "skip"
        if word in ("payee", "tag"):
            return "skip"
        return _refuse(_REFUSED.get(word, _REFUSED.get(text[0], f"{word[:40]!r} is no directive that is imported.")))

    def _sub_directive(self, inside: str, text: str) -> None:
        word, _, rest = text.partition(" ")
        if word == "format":
            self.numbers.declare(rest.strip())
        elif not text.startswith(";"):
            _refuse(f"{word[:40]!r} is not understood below `{inside}`.")


def _check_dates(comment: str) -> None:
    if "date" in tags_of(comment) or re.search(r"\[\d[\d./=-]*\]", comment):
        _refuse("Dates of single postings are not imported: give them transactions of their own.")


def _refuse(message: str) -> NoReturn:
    raise InvalidField(message)


# Balance ------------------------------------------------------------------------------------------


def completed(transaction: Transaction, problems: Problems) -> list[tuple[Posting, Amount]] | None:
    """The postings with the one amount that was left out; None, and a problem, where they do not balance.

    None without another problem where a line of the transaction was not understood.
    """
    if not transaction.is_whole:
        return None
    sums: dict[str, Decimal] = {}
    missing = [posting for posting in transaction.postings if posting.amount is None]
    for posting in transaction.postings:
        if posting.amount is not None:
            sums[posting.amount.currency] = sums.get(posting.amount.currency, Decimal(0)) + posting.amount.quantity
    off = {currency: total for currency, total in sums.items() if total != 0}
    if len(missing) > 1:
        problems.invalid(missing[1].line, "", "Only one amount of a transaction may be left out.")
        return None
    if off and not missing:
        said = ", ".join(f"{total} {currency}" for currency, total in sorted(off.items()))
        problems.invalid(transaction.line, "", f"The transaction does not balance: its amounts sum up to {said}.")
        return None
    full: list[tuple[Posting, Amount]] = []
    for posting in transaction.postings:
        if posting.amount is not None:
            full.append((posting, posting.amount))
        else:
            full += [(posting, Amount(-total, currency)) for currency, total in sorted(off.items())]
    return full


def check_assertions(booked: list[tuple[Transaction, list[tuple[Posting, Amount]]]], problems: Problems) -> None:
    """Compare every asserted balance with the file's own, in order of dates, as hledger does."""
    balances: dict[str, dict[str, Decimal]] = {}
    for _, postings in sorted(booked, key=lambda pair: pair[0].date):
        for posting, amount in postings:
            account = balances.setdefault(posting.account, {})
            account[amount.currency] = account.get(amount.currency, Decimal(0)) + amount.quantity
            if posting.assertion is not None:
                _check(posting, *posting.assertion, balances, problems)


def _check(
    posting: Posting, operator: str, wanted: Amount, balances: Mapping[str, Mapping[str, Decimal]], problems: Problems
) -> None:
    real: dict[str, Decimal] = {}
    for currency, total in _balances(posting.account, balances, below=operator.endswith("*")):
        real[currency] = real.get(currency, Decimal(0)) + total
    found = real.pop(wanted.currency, Decimal(0))
    others = [currency for currency, total in real.items() if total != 0] if operator.startswith("==") else []
    if found != wanted.quantity or others:
        beside = f", and there is {', '.join(others)} beside it" if others else ""
        problems.invalid(
            posting.line,
            "",
            f"The balance of {posting.account!r} is asserted to be {wanted.quantity} {wanted.currency}, but is {found}{beside}.",
        )


def _balances(account: str, balances: Mapping[str, Mapping[str, Decimal]], *, below: bool) -> Iterator[tuple[str, Decimal]]:
    for name, totals in balances.items():
        if name == account or (below and name.startswith(f"{account}:")):
            yield from totals.items()
