"""Names of accounts in other programs: every code has one name of its own, whatever the code and the account's name hold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from domain.errors import UnknownCurrency
from domain.money import EXACT, minor_unit

DIGEST = 8


def distinct_names(codes: Iterable[str], name_of: Callable[[str], str], mark: str) -> Mapping[str, str]:
    """Code → its name. Where a name is taken by a lower code, the first digits of the code's SHA-256 follow it, after `mark`."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for code in sorted(codes):
        name = name_of(code)
        if name.casefold() in taken:
            name += mark + hashlib.sha256(code.encode()).hexdigest()[:DIGEST]
        taken.add(name.casefold())
        names[code] = name
    return names


def decimals_of(currency: str) -> int:
    """How many decimals the currency's amounts are written with."""
    try:
        exponent = minor_unit(currency).as_tuple().exponent
    except UnknownCurrency:
        return 2
    return -exponent if isinstance(exponent, int) else 2


def amount_text(amount: Decimal, currency: str) -> str:
    """The amount with its currency's decimals; with more of them where it has more: nothing is rounded."""
    unit = Decimal(1).scaleb(-decimals_of(currency))
    written = amount.quantize(unit, context=EXACT)
    if written != amount:
        written = amount
    return f"{written:f}" if written else f"{abs(written):f}"
