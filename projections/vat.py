"""VAT: what every invoice line owes or may deduct, as signed amounts by rate, and what each rate turned over by day.

The rows are append-only in meaning: a line that changes posts the reversal of what stands for it and then what it comes to now,
and an invoice whose date changes moves its sums by rate, not its lines. A row is dated by its invoice, and posted on that day
unless the books were closed beyond it: then on the first open day, as in `projections.balances`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from domain.catalogue import CATALOGUE, fields_of
from domain.event import JSON, RecordedEvent
from domain.money import EXACT, HUNDRED, ZERO, round_to
from domain.upcasting import topic_today
from projections.projection import Changes, Index, Row, Table, View

VAT_LINES = Table(
    name="vat_lines",
    columns={
        "record_id": "uuid",
        "seq": "bigint",
        "line": "integer",
        "invoice_id": "uuid",
        "direction": "text",
        "vat_rate": "numeric",
        "levy_rate": "numeric",
        "currency": "text",
        "net": "numeric",
        "vat": "numeric",
        "levy": "numeric",
        "dated": "date",
        "posted_on": "date",
        "reversal": "boolean",
    },
    key=("record_id", "seq", "line"),
    indexes=(
        Index("vat_lines_by_seq", "company_id, seq"),
        Index("vat_lines_late", "company_id, dated", where="dated <> posted_on"),
    ),
)
"""`record_id` is the invoice line, or the invoice where its sums were moved. `direction`: `output` (sales) or `input` (purchases);
returns count against it, below zero. `net`, `vat` and `levy` are in `currency`. The key serves the fold: what stands for a line is
its last row."""
VAT_DAYS = Table(
    name="vat_days",
    columns={
        "direction": "text",
        "vat_rate": "numeric",
        "levy_rate": "numeric",
        "currency": "text",
        "day": "date",
        "net": "numeric",
        "vat": "numeric",
        "levy": "numeric",
    },
    key=("direction", "vat_rate", "levy_rate", "currency", "day"),
)
"""What the rows of a rate come to on a day (`posted_on`)."""
VAT_INVOICES = Table(name="vat_invoices", columns={"record_id": "uuid", "state": "text"}, key=("record_id",))
"""What the fold knows of each invoice, and of the company."""


class Amounts(NamedTuple):
    """A line's base and taxes."""

    net: Decimal
    vat: Decimal
    levy: Decimal

    def times(self, sign: int) -> Amounts:
        """The amounts, or what takes them back."""
        return Amounts(sign * self.net, sign * self.vat, sign * self.levy)

    def plus(self, other: Amounts) -> Amounts:
        """The sums."""
        return Amounts(self.net + other.net, self.vat + other.vat, self.levy + other.levy)


Rates = tuple[Decimal, Decimal]
"""VAT and levy, in percent."""
_NOTHING = Amounts(ZERO, ZERO, ZERO)


class _State(msgspec.Struct, array_like=True):
    """An invoice: its head, and its lines' sums by rate. Of the company only `closed_through` is known."""

    type: str = ""
    currency: str = ""
    issued: date = date.min
    closed_through: date | None = None
    sums: list[tuple[Rates, Amounts]] = []

    def add(self, rates: Rates, amounts: Amounts) -> None:
        """Add a line's amounts to the sums of its rate."""
        sums = dict(self.sums)
        sums[rates] = sums.get(rates, _NOTHING).plus(amounts)
        self.sums = [(key, value) for key, value in sums.items() if any(value)]


@dataclass(frozen=True, slots=True)
class _Standing:
    """What stands for a line, in the sense of its invoice's type: above zero also on a return."""

    invoice_id: UUID
    rates: Rates
    amounts: Amounts


_state = msgspec.json.Decoder(_State)
_DAY = timedelta(days=1)
_PRICED = frozenset({"net", "vat", "vat_rate", "levy_rate"})
_HEAD = frozenset({"type", "currency", "issue_date"})


class VatProjection:
    """VAT rows and their turnover by day."""

    name = "vat"
    version = 1
    kinds: frozenset[str] | None = frozenset({"company", "invoice", "invoice_line"})
    tables = (VAT_LINES, VAT_DAYS, VAT_INVOICES)
    inline = False

    def fold(self, company_id: UUID, events: Sequence[RecordedEvent], view: View) -> Changes:
        """Post what each event changes."""
        decoded = [(event, fields_of(event)) for event in events]
        folding = _Folding(company_id)
        with localcontext(EXACT):
            folding.load(decoded, view)
            for event, fields in decoded:
                folding.post(event, fields)
            return folding.changes(view)


@dataclass(slots=True)
class _Folding:
    company_id: UUID
    states: dict[UUID, _State] = field(default_factory=dict)
    known: set[UUID] = field(default_factory=set)
    touched: dict[UUID, None] = field(default_factory=dict)
    lines: dict[UUID, _Standing | None] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)

    def load(self, decoded: Sequence[tuple[RecordedEvent, dict[str, Any]]], view: View) -> None:
        """What is known of the invoices and lines of these events."""
        created = {event.record_id for event, _ in decoded if event.version == 1}
        changed = {event.record_id for event, _ in decoded if event.kind == "invoice_line"} - created
        invoices = {event.record_id for event, _ in decoded if event.kind == "invoice"} | {self.company_id}
        invoices |= {UUID(fields["invoice_id"]) for event, fields in decoded if "invoice_id" in fields}
        columns = ("record_id", "seq", "line", "invoice_id", "vat_rate", "levy_rate", "net", "vat", "levy", "reversal")
        found = view.find(VAT_LINES, ("record_id",), [(key,) for key in changed], columns)
        for key, _, _, invoice_id, vat_rate, levy_rate, *amounts, reversal in sorted(found, key=lambda row: row[1:3]):
            rates = (_plain(vat_rate), _plain(levy_rate))
            self.lines[key] = None if reversal else _Standing(invoice_id, rates, Amounts(*amounts))
            invoices.add(invoice_id)
        for key, state in view.find(VAT_INVOICES, ("record_id",), [(key,) for key in invoices - created], ("record_id", "state")):
            self.states[key] = _state.decode(state)
            self.known.add(key)
        for key, standing in self.lines.items():  # rows are signed by their invoice's type, which is fixed
            if standing is not None:
                sign = _sign(self.states[standing.invoice_id].type)
                self.lines[key] = _Standing(standing.invoice_id, standing.rates, standing.amounts.times(sign))

    def post(self, event: RecordedEvent, fields: dict[str, Any]) -> None:
        """Post what one event changes."""
        kind = CATALOGUE[event.kind]
        deleted = kind.topics.get(topic_today(event.topic)) is kind.Deleted
        if event.kind == "company":
            if "closed_through" in fields:
                closed = fields["closed_through"]
                self._touch(event.record_id).closed_through = date.fromisoformat(closed) if closed else None
        elif event.kind == "invoice":
            self._post_invoice(event, fields, deleted=deleted)
        else:
            self._post_line(event, fields, deleted=deleted)

    def _post_invoice(self, event: RecordedEvent, fields: dict[str, Any], *, deleted: bool) -> None:
        """A new date moves the invoice's sums by rate; whatever is left of a deleted one is taken back."""
        if not deleted and not _HEAD & fields.keys():
            return
        state = self._touch(event.record_id)
        for rates, amounts in state.sums:
            self._add_row(event, event.record_id, rates, amounts.times(-1), reversal=True)
        if deleted:
            state.sums = []
            return
        state.type = fields.get("type", state.type)
        state.currency = fields.get("currency", state.currency)
        state.issued = date.fromisoformat(fields["issue_date"]) if "issue_date" in fields else state.issued
        for rates, amounts in state.sums:
            self._add_row(event, event.record_id, rates, amounts, reversal=False)

    def _post_line(self, event: RecordedEvent, fields: dict[str, Any], *, deleted: bool) -> None:
        standing = self.lines.get(event.record_id)
        if standing is None and "invoice_id" not in fields:
            return
        if not deleted and not _PRICED & fields.keys():
            return
        invoice_id = standing.invoice_id if standing else UUID(fields["invoice_id"])
        invoice = self._touch(invoice_id)
        rates, gross = standing.rates if standing else (ZERO, ZERO), standing.amounts if standing else _NOTHING
        if standing is not None:
            self._add_row(event, invoice_id, rates, gross.times(-1), reversal=True)
            invoice.add(rates, gross.times(-1))
        self.lines[event.record_id] = None
        if deleted:
            return
        rates = (_rate(fields, "vat_rate", rates[0]), _rate(fields, "levy_rate", rates[1]))
        net = Decimal(fields.get("net", gross.net))
        taxes = Decimal(fields.get("vat", gross.vat + gross.levy))
        levy = round_to(net * rates[1] / HUNDRED, invoice.currency)
        amounts = Amounts(net, taxes - levy, levy)
        self._add_row(event, invoice_id, rates, amounts, reversal=False)
        invoice.add(rates, amounts)
        self.lines[event.record_id] = _Standing(invoice_id, rates, amounts)

    def _touch(self, record_id: UUID) -> _State:
        self.touched[record_id] = None
        return self.states.setdefault(record_id, _State())

    def _add_row(self, event: RecordedEvent, invoice_id: UUID, rates: Rates, amounts: Amounts, *, reversal: bool) -> None:
        """Add a row of the event's record at the rates, the type and the date that the invoice has now."""
        invoice = self.states[invoice_id]
        company = self.states.get(self.company_id)
        closed = company.closed_through if company else None
        posted_on = max(invoice.issued, closed + _DAY) if closed else invoice.issued
        direction = "output" if invoice.type.startswith("sales") else "input"
        place = self.places[event.seq] = self.places.get(event.seq, 0) + 1
        signed = amounts.times(_sign(invoice.type))
        head = (event.record_id, event.seq, place, invoice_id, direction, *rates, invoice.currency)
        self.rows.append((*head, *signed, invoice.issued, posted_on, reversal))

    def changes(self, view: View) -> Changes:
        """The rows, what they add to their days, and what is known now."""
        changes = Changes()
        changes.inserts[VAT_LINES] = self.rows
        days: dict[Row, Amounts] = {}
        for row in self.rows:
            day = (*row[4:8], row[12])
            days[day] = days.get(day, _NOTHING).plus(Amounts(*row[8:11]))
        for *key, net, vat, levy in view.find(VAT_DAYS, VAT_DAYS.key, list(days), tuple(VAT_DAYS.columns)) if days else ():
            days[tuple(key)] = days[tuple(key)].plus(Amounts(net, vat, levy))
        changes.puts[VAT_DAYS] = [(*key, *amounts) for key, amounts in days.items()]
        states = [(key, JSON.encode(self.states[key])) for key in self.touched]
        changes.inserts[VAT_INVOICES] = [row for row in states if row[0] not in self.known]
        changes.puts[VAT_INVOICES] = [row for row in states if row[0] in self.known]
        return changes


def _sign(type_: str) -> int:
    return -1 if type_.endswith("return") else 1


def _rate(fields: dict[str, Any], name: str, before: Decimal) -> Decimal:
    return _plain(Decimal(fields[name] or 0)) if name in fields else before


def _plain(rate: Decimal) -> Decimal:
    """A rate in one spelling: 9.00 is 9, and 10 is not 1E+1."""
    return Decimal(f"{rate.normalize():f}")
