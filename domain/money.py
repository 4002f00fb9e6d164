"""Amounts: exact decimals, rounded half away from zero at the currency's own number of decimals (ISO 4217)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

from iso4217 import Currency

from domain.errors import TooManyDecimals, UnknownCurrency

ZERO = Decimal(0)
HUNDRED = Decimal(100)
EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
"""Wide enough for the product of any three amounts: nothing is rounded but by `round_to`. Rules are decided in it."""


@lru_cache(maxsize=512)
def minor_unit(currency: str) -> Decimal:
    """The smallest amount of `currency`: `Decimal("0.01")` for USD, `Decimal("1")` for JPY. Raises UnknownCurrency."""
    try:
        exponent = Currency(currency).exponent
    except ValueError:
        exponent = None
    if exponent is None:
        raise UnknownCurrency(f"{currency!r} is not an ISO 4217 currency code.", path="data.currency", value=currency)
    return Decimal(1).scaleb(-exponent)


def round_to(amount: Decimal, currency: str) -> Decimal:
    """`amount` at the currency's decimals, half away from zero."""
    return amount.quantize(minor_unit(currency), ROUND_HALF_UP, EXACT)


def require_exact(amount: Decimal, currency: str, path: str) -> Decimal:
    """`amount` at the currency's decimals; raises TooManyDecimals where rounding would change it."""
    rounded = round_to(amount, currency)
    if rounded != amount:
        raise TooManyDecimals(
            f"{amount} has more decimals than {currency} allows ({minor_unit(currency)}).", path=path, currency=currency
        )
    return rounded
