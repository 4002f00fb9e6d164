"""Bytes of a file as text, and cells of text as amounts, dates and answers; each refused in words where it is not one."""

from __future__ import annotations

import codecs
import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from domain.errors import InvalidField
from domain.money import minor_unit
from infra.imports.model import refuse_at

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT = frozenset(
    {"idna", "punycode", "unicode_escape", "unicode-escape", "raw_unicode_escape", "raw-unicode-escape", "undefined"}
)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?P<mark>[., \u00a0\u202f'\u2019])\d{3}((?P=mark)\d{3})*")
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
_SIGNS = str.maketrans({"\u2212": "-", "\u066b": ".", "\u066c": ","})
"""The minus sign that typesetters use, and the separators of Arabic and Persian numbers."""


def decode(raw: bytes, encoding: str = "") -> str:
    """The file's text. A byte order mark outweighs `encoding`. Raises ImportRefused, naming the line, and InvalidField."""
    marked = next((name for mark, name in _MARKS if raw.startswith(mark)), "")
    name = marked or _known(encoding) or "utf-8"
    try:
        text = raw.decode(name)
    except UnicodeDecodeError as error:
        line = raw[: error.start].decode(name, "ignore").count("\n") + 1
        raise refuse_at(
            line,
            f"Byte {error.start + 1:,} of the file (0x{raw[error.start : error.start + 1].hex()}) is no {name.upper()} text"
            f" ({error.reason}); save the file as UTF-8, or name its encoding, like windows-1252.",
        ) from None
    except UnicodeError as error:
        raise refuse_at(1, f"The file is no {name.upper()} text: {error}.") from None
    if (at := text.find("\x00")) >= 0:
        raise refuse_at(
            text.count("\n", 0, at) + 1, "There is a NUL character here; is this a text file, or UTF-16 without a byte order mark?"
        )
    return text


def _known(encoding: str) -> str:
    if not encoding:
        return ""
    try:
        found = codecs.lookup(encoding.strip())
        "".encode(found.name)  # a codec of bytes, like zip or hex, is no encoding of text
    except (LookupError, ValueError):
        found = None
    if found is None or found.name in _NO_TEXT:
        raise InvalidField(f"There is no encoding {encoding!r}; it is named like utf-8 or windows-1252.", path="encoding")
    return found.name


def read_amount(text: str, *, decimal_comma: bool = False) -> Decimal:
    """The exact number in a cell. Raises InvalidField; never guesses which of two marks is the decimal one."""
    cleaned = text.strip().translate(_SIGNS)
    whole, found, fraction = cleaned.partition("," if decimal_comma else ".")
    grouped = _GROUPED.fullmatch(whole)
    if grouped is not None:
        if not found and grouped["mark"] == "," and whole.count(",") == 1:
            raise InvalidField(
                f"{text!r} may mean two numbers: write it without a thousands separator, or say that the comma is the decimal mark."
            )
        whole = whole.replace(grouped["mark"], "")
    plain = f"{whole}.{fraction}" if found else whole
    if _PLAIN.fullmatch(plain) is None:
        hint = "; is the comma its decimal mark? then say so" if "," in cleaned and not decimal_comma else ""
        raise InvalidField(f"{text!r} is not a number{hint}.")
    try:
        return Decimal(plain)
    except InvalidOperation:
        raise InvalidField(f"{text!r} is not a number.") from None


def read_count(text: str) -> int:
    """The whole number in a cell. Raises InvalidField."""
    if re.fullmatch(r"[+-]?\d{1,15}", text) is None:
        raise InvalidField(f"{text!r} is not a whole number.")
    return int(text)


def read_date(text: str, date_format: str = "") -> date:
    """The day in a cell, as ISO 8601 or in the given format. Raises InvalidField, also for a day that does not exist."""
    try:
        if date_format:
            return datetime.strptime(text, date_format).date()  # noqa: DTZ007 - a day has no zone
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            return date.fromisoformat(text)
    except (ValueError, re.error) as error:
        raise InvalidField(f"{text!r} is not a day: {error}.") from None
    raise InvalidField(f"{text!r} is not a day like 2026-03-21; if all are written otherwise, name their format, like %d.%m.%Y.")


def check_date_format(date_format: str) -> None:
    """Raise InvalidField unless days can be read by this format."""
    sample = date(2026, 3, 21)
    try:
        understood = not date_format or read_date(sample.strftime(date_format), date_format) == sample
    except (InvalidField, ValueError):
        understood = False
    if not understood:
        raise InvalidField(f"{date_format!r} is no format of days; it is written like %d.%m.%Y.", path="date_format")


def read_answer(text: str) -> bool:
    """Yes or no. Raises InvalidField."""
    answer = text.strip().casefold()
    if answer in {"yes", "y", "true", "1", "x", "on"}:
        return True
    if answer in {"no", "n", "false", "0", "off"}:
        return False
    raise InvalidField(f"{text!r} is neither yes nor no.")


def read_currency(text: str) -> str:
    """An ISO 4217 code, in capitals. Raises UnknownCurrency."""
    code = text.strip().upper()
    minor_unit(code)
    return code
