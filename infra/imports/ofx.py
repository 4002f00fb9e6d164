"""OFX bank and credit card statements (1.x in SGML, 2.x in XML) as payments; the files are parsed by `ofxtools`.

The library reads leniently: what is unclosed or out of place is refused here. Statements are read element by element, because banks
leave out, or write longer than the specification allows, much that a payment does not need.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape, unescape

from ofxtools.header import OFXHeaderError
from ofxtools.Parser import OFXTree, ParseError, TreeBuilder

from domain.command import Command
from domain.errors import CurrencyMismatch, InvalidField, LedgerError, ReferenceMissing
from domain.money import require_exact
from infra.imports.known import Entry, Known
from infra.imports.model import Item, Options, Plan, Problems, check_size, given, natural_id, refuse_at
from infra.imports.text import decode, read_currency

SOURCE = "import:ofx"
_ENTITIES = {"&nbsp;": " ", "&quot;": '"', "&apos;": "'"}
_AMOUNT = re.compile(r"[+-]?\d+([.,]\d*)?|[+-]?[.,]\d+", re.ASCII)
_STAMP = re.compile(r"(\d{4})(\d{2})(\d{2})(\d{6}(\.\d{1,6})?)?(\[.{1,12}\])?|(\d{4})(\d{2})(\d{2})\d{4}", re.ASCII)
_AT = re.compile(r"position=\[(\d+):")
_CDATA = "<![CDATA["
TAGS_OF_A_TRANSACTION = 16
"""About as many as there are, to know how large a file is before it is parsed."""


_ACCOUNT_KEYS = {"bank": ("iban", "account_number", "card_number"), "payment_account": ("account_number",)}
"""What the bank calls an account, by the kinds that are one."""


class _Strict(TreeBuilder):
    """Refuses what the library lets pass: an element that is closed by another's tag, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def start(self, tag: Any, attrs: Any, /) -> Any:
        self.open.append(tag)
        return super().start(tag, attrs)

    def end(self, tag: Any, /) -> Any:
        if not self.open or self.open[-1] != tag:
            inside = f" inside <{self.open[-1]}>" if self.open else ""
            raise ParseError(f"</{tag}> closes nothing{inside}")
        self.open.pop()
        return super().end(tag)

    def close(self) -> Any:
        if self.open:
            raise ParseError(f"<{self.open[-1]}> is never closed: the file is not whole")
        return super().close()


@dataclass(frozen=True, slots=True)
class _Statement:
    """One account's statement: the bank's words for the account, its currency, and its transactions with their lines."""

    account: str
    number: str
    currency: str
    transactions: list[tuple[int, ET.Element]]


def plan_ofx(raw: bytes, options: Options, known: Known, problems: Problems) -> Plan:
    """A payment per transaction of every statement in the file."""
    check_size(raw.count(b"<") // TAGS_OF_A_TRANSACTION, 1, "transactions")
    root, notes = _parse(raw, options)
    statements = list(_statements(root, raw, problems))
    if not statements and not problems:
        raise refuse_at(1, "There is no bank or credit card statement in the file.")
    if options.account and len(statements) > 1:
        found = ", ".join(statement.account for statement in statements)
        raise refuse_at(
            1, f"The file has statements of several accounts ({found}); leave the account out, so that each finds its own."
        )
    items: list[Item] = []
    for statement in statements:
        line = statement.transactions[0][0] if statement.transactions else 1
        try:
            kind, account = _account(statement, options, known)
        except LedgerError as error:
            problems.add((line, "ACCTID"), error)
            continue
        items += _payments(statement, f"{kind}_id", account, options, problems, notes)
    return Plan(items, notes)


# Parsing ------------------------------------------------------------------------------------------


def _parse(raw: bytes, options: Options) -> tuple[ET.Element, list[str]]:
    """The root of the file's elements. Raises ImportRefused."""
    text = _whole_text(raw, options)
    tree, builder = OFXTree(), _Strict()
    header_lines = text[: max(text.find("<OFX>"), 0)].count("\n")
    try:
        root = tree.parse(io.BytesIO(text.encode()), parser=builder)
    except OFXHeaderError:
        raise refuse_at(
            1, "The file does not begin with the header of an OFX file (OFXHEADER:100 …, or <?xml …?><?OFX …?>)."
        ) from None
    except UnicodeDecodeError:
        raise refuse_at(1, "The header of the file is not plain ASCII text.") from None
    except (ParseError, ET.ParseError) as error:
        said = str(error)
        at = _AT.search(said)
        body = text[text.find("<OFX>") :]
        line = header_lines + 1 + (body.count("\n", 0, int(at[1])) if at else body.count("\n"))
        raise refuse_at(line, f"The OFX is broken: {said.partition(' - position')[0].partition(' in <OFX>')[0][:200]}.") from None
    except (AssertionError, IndexError, ValueError, AttributeError) as error:
        raise refuse_at(1, f"The OFX is broken: {str(error)[:200] or 'its elements are not nested rightly'}.") from None
    if getattr(root, "tag", "") != "OFX":  # None, where the library found no element
        raise refuse_at(header_lines + 1, "There is no <OFX> in the file.")
    pending = sum(1 for _ in root.iter("STMTTRNP"))
    notes = [f"{pending} pending transactions were left out; they come again when they are booked."] if pending else []
    return root, notes


def _whole_text(raw: bytes, options: Options) -> str:
    """The text of the file as UTF-8 with a header that says so: the charset that it names, or `encoding`, has been decoded."""
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")) or options.encoding:
        text = decode(raw, options.encoding)
    else:
        head = raw[:1_000].decode("ascii", "replace")
        charset = re.search(r"CHARSET:\s*([\w-]+)", head)
        unicode = re.search(r"ENCODING:\s*UTF-?8", head)
        named = re.search(r"<\?xml[^>]*encoding=[\"']([\w-]+)", head)
        if charset and charset[1] not in ("NONE", "CSUNICODE") and not unicode:
            text = decode(raw, f"cp{charset[1]}" if charset[1].isdigit() else charset[1])
        else:
            text = decode(raw, named[1] if named else "utf-8")
    text = text.lstrip("\ufeff")
    start = text.find("<OFX>")
    head, body = (text[:start], text[start:]) if start >= 0 else (text, "")
    head = re.sub(r"(ENCODING:\s*)[\w-]+", r"\1USASCII", head)
    head = re.sub(r"(CHARSET:\s*)[\w-]+", r"\1NONE", head)
    return head + _plain(body)


def _plain(body: str) -> str:
    """The body with its CDATA sections as escaped text: the library would join several on one line."""
    first, *sections = body.split(_CDATA)
    made = [first]
    for section in sections:
        inside, closed, after = section.partition("]]>")
        if not closed:
            raise refuse_at(1, "A CDATA section is never closed: the file is not whole.")
        made += (escape(inside), after)
    return "".join(made)


# Statements ---------------------------------------------------------------------------------------


def _statements(root: ET.Element, raw: bytes, problems: Problems) -> Iterator[_Statement]:
    lines = _lines_of(raw)
    if root.find(".//INVSTMTRS") is not None:
        raise refuse_at(1, "The file has a statement of investments; only bank and credit card statements are imported.")
    for answer in root.iter():
        if answer.tag in ("STMTTRNRS", "CCSTMTTRNRS") and _text(answer, "STATUS/CODE") not in ("", "0"):
            said = _text(answer, "STATUS/MESSAGE") or f"code {_text(answer, 'STATUS/CODE')}"
            problems.invalid(1, "STATUS", f"The bank did not give this statement: {said[:200]}.")
    for statement in root.iter():
        if statement.tag not in ("STMTRS", "CCSTMTRS"):
            continue
        transactions = [(next(lines, 1), element) for element in statement.iter("STMTTRN")]
        line = transactions[0][0] if transactions else 1
        bank, account = (_text(statement, f".//{name}") for name in ("BANKID", "ACCTID"))
        if not account:
            problems.invalid(line, "ACCTID", "The statement does not say of which account it is.")
            continue
        try:
            currency = read_currency(_text(statement, "CURDEF"))
        except LedgerError as error:
            problems.add((line, "CURDEF"), error)
            continue
        yield _Statement(f"{bank}/{account}" if bank else account, account, currency, transactions)


def _lines_of(raw: bytes) -> Iterator[int]:
    """The line of each transaction, in order."""
    line = end = 0
    for found in re.finditer(rb"<\x00?S\x00?T\x00?M\x00?T\x00?T\x00?R\x00?N\x00?>", raw):
        line += raw.count(b"\n", end, found.start())
        end = found.start()
        yield line + 1


def _text(element: ET.Element, path: str) -> str:
    return unescape((element.findtext(path) or "").strip(), _ENTITIES)


def _account(statement: _Statement, options: Options, known: Known) -> tuple[str, Entry]:
    """The company's bank or payment account that a statement is of. Raises ReferenceMissing, CurrencyMismatch."""
    found = None
    for kind, keys in _ACCOUNT_KEYS.items():
        for key in (*keys, "code", "name") if options.account else keys:
            name = options.account or statement.number
            if found is None and known.by(kind, key, name):
                found = (kind, known.one(kind, name, (key,)))
    if found is None:
        said = (
            f"{options.account!r}"
            if options.account
            else f"the number {statement.number!r}; name one with --account (over HTTP: `account`)"
        )
        raise ReferenceMissing(f"There is no bank and no payment account with {said}.")
    own = found[1].data.currency
    if own and own != statement.currency:
        raise CurrencyMismatch(f"The statement is in {statement.currency}, the account {found[1].data.name!r} in {own}.")
    return found


# Transactions -------------------------------------------------------------------------------------


def _payments(
    statement: _Statement, field: str, account: Entry, options: Options, problems: Problems, notes: list[str]
) -> Iterator[Item]:
    seen: dict[str, tuple[int, dict[str, Any]]] = {}
    for line, element in statement.transactions:
        fitid = _text(element, "FITID")
        column = "FITID"
        try:
            if not fitid:
                raise InvalidField("The transaction has no FITID, the bank's id by which it is known again.")
            column = "CORRECTFITID"
            if _text(element, column):
                raise InvalidField("This corrects an earlier transaction; correct the payment itself, and take it out of the file.")
            column = "TRNAMT"
            amount = _amount(_text(element, column))
            column = "CURRENCY"
            currency = read_currency(_text(element, "CURRENCY/CURSYM") or statement.currency)
            column = "TRNAMT"
            require_exact(amount, currency, column)
            column = "DTPOSTED"
            dated = _day(_text(element, column))
        except LedgerError as error:
            problems.add((line, column), error)
            continue
        if amount == 0:
            notes.append(f"Line {line:,}: {fitid!r} moves no money and was left out.")
            continue
        data = {field: account.id, **_fields(element, amount, currency, dated, options)}
        if fitid in seen:
            if seen[fitid][1] != data:
                problems.invalid(line, "FITID", f"The FITID {fitid!r} is that of another transaction, on line {seen[fitid][0]:,}.")
            continue
        seen[fitid] = (line, data)
        client_id = natural_id(statement.account, fitid)
        command = Command(kind="payment", action="create", client_id=client_id, source=SOURCE, data=data)
        yield Item(line=line, name=fitid, command=command, places={f"data.{name}": (line, tag) for name, tag in _TAGS.items()})


_TAGS = {
    "amount": "TRNAMT",
    "currency": "CURRENCY",
    "date": "DTPOSTED",
    "payer_name": "NAME",
    "notes": "MEMO",
    "reference": "REFNUM",
}


def _fields(element: ET.Element, amount: Decimal, currency: str, dated: date, options: Options) -> dict[str, Any]:
    payee = _text(element, "NAME") or _text(element, "EXTDNAME") or _text(element, "PAYEE/NAME")
    reference = _text(element, "REFNUM") or _text(element, "CHECKNUM")
    return given(
        {
            "amount": abs(amount),
            "currency": currency,
            "date": dated,
            "direction": "in" if amount > 0 else "out",
            "method": "bank",
            "payer_name": payee[:255] or None,
            "notes": _text(element, "MEMO") or None,
            "reference": reference[:255] or None,
            "category": options.category or None,
            "extra": {"ofx_type": _text(element, "TRNTYPE")[:32]} if _text(element, "TRNTYPE") else None,
        }
    )


def _amount(text: str) -> Decimal:
    if _AMOUNT.fullmatch(text) is None:
        raise InvalidField(f"{text[:80]!r} is not an amount." if text else "The transaction has no amount.")
    return Decimal(text.replace(",", "."))


def _day(text: str) -> date:
    """The bank's own day, whatever the time zone of its clock."""
    found = _STAMP.fullmatch(text)
    if found is None:
        raise InvalidField(f"{text[:80]!r} is not a day like 20260321." if text else "The transaction has no day.")
    try:
        return date(*(int(part) for part in (found[1] or found[7], found[2] or found[8], found[3] or found[9])))
    except ValueError as error:
        raise InvalidField(f"{text[:80]!r} is not a day: {error}.") from None
