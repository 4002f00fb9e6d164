"""Amounts in hledger's journal format: a commodity on either side, signs, thousands separators, and the decimal mark."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from domain.errors import InvalidField
from domain.money import minor_unit

SYMBOLS: Mapping[str, str] = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₺": "TRY", "₽": "RUB", "₩": "KRW"}
"""Commodities that stand for a currency, unless the user says for which."""

_COMMODITY = r"\"[^\"]*\"|[^\s\d.,;+\-\"@=*(){}\[\]<>|/]+"
_NUMBER = r"(?:\d(?:[\d.,]|[ \u00a0\u202f'](?=\d{3}))*|[.,]\d+)"
_LEFT = re.compile(rf"(?P<sign>[+-])?\s*(?P<unit>{_COMMODITY})?\s*(?P<inner>[+-])?\s*(?P<number>{_NUMBER})")
_RIGHT = re.compile(rf"(?P<sign>[+-])?\s*(?P<number>{_NUMBER})\s*(?P<unit>{_COMMODITY})")


@dataclass(frozen=True, slots=True)
class Amount:
    """An exact number of a currency."""

    quantity: Decimal
    currency: str


class Numbers:
    """Reads amounts, as the directives read so far say."""

    def __init__(self, currency: str, symbols: Mapping[str, str]) -> None:
        self.bare = currency
        self.symbols = {**SYMBOLS, **symbols}
        self.mark = ""
        self.marks: dict[str, str] = {}

    def set_mark(self, text: str) -> None:
        """`decimal-mark`: of every number from here on. Raises InvalidField."""
        if text not in (".", ","):
            raise InvalidField(f"The decimal mark is `.` or `,`, not {text!r}.")
        self.mark = text

    def declare(self, text: str, *, default: bool = False) -> str:
        """`commodity` and `D`: a sample amount, whose last mark is the decimal one, or just a commodity. Raises UnknownCurrency."""
        found = _LEFT.fullmatch(text) or _RIGHT.fullmatch(text)
        if found is None:
            self.currency(text)
            return ""
        currency = self.currency(found["unit"]) if found["unit"] else self.bare
        marks: list[str] = re.findall(r"[.,]", found["number"])
        if marks:
            self.marks[currency] = marks[-1]
        if default:
            self.bare = currency
        return ""

    def currency(self, commodity: str) -> str:
        """The currency that a commodity is. Raises UnknownCurrency."""
        plain = commodity.strip().strip('"')
        code = self.symbols.get(plain, plain)
        minor_unit(code)
        return code

    def amount(self, text: str) -> Amount:
        """The amount in a text. Raises InvalidField, UnknownCurrency."""
        found = _LEFT.fullmatch(text) or _RIGHT.fullmatch(text)
        if found is None:
            raise InvalidField(f"{text[:80]!r} is not an amount.")
        inner = found.groupdict().get("inner")
        if found["sign"] and inner:
            raise InvalidField(f"{text[:80]!r} has two signs.")
        currency = self.currency(found["unit"]) if found["unit"] else self.bare
        quantity = self.quantity(found["number"], currency)
        return Amount(-quantity if "-" in (found["sign"], inner) else quantity, currency)

    def quantity(self, text: str, currency: str) -> Decimal:
        """The number in a text. Raises InvalidField where the mark in it may be of either sort."""
        plain = re.sub(r"[ \u00a0\u202f']", "", text)
        mark = self.mark or self.marks.get(currency) or self._mark_of(plain, text, currency)
        group = {".": ",", ",": "."}.get(mark, "")
        whole, _, fraction = plain.partition(mark) if mark else (plain, "", "")
        if group and group in whole and re.fullmatch(rf"\d{{1,3}}({re.escape(group)}\d{{2,3}})+", whole):
            whole = whole.replace(group, "")
        if not re.fullmatch(r"\d*", whole + fraction) or not whole + fraction:
            raise InvalidField(f"{text!r} is not a number whose decimal mark is `{mark}`.")
        return Decimal(f"{whole or 0}.{fraction or 0}") if fraction else Decimal(whole)

    def _mark_of(self, plain: str, text: str, currency: str) -> str:
        """The decimal mark of a number that nothing was declared about."""
        marks: list[str] = re.findall(r"[.,]", plain)
        if len(set(marks)) == 2:
            return marks[-1]
        if len(marks) > 1:
            return "," if marks[0] == "." else "."
        if not marks:
            return "."
        whole, _, fraction = plain.partition(marks[0])
        three = len(fraction) == 3 and whole.strip("0") and len(whole) <= 3
        if three and minor_unit(currency) != Decimal("0.001"):
            raise InvalidField(
                f"{text!r} may mean two numbers; say which mark is the decimal one by `decimal-mark {marks[0]}` or `commodity`."
            )
        return marks[0]
