"""Invoice line: one product or free text on an invoice. Adding, changing and removing one re-totals the invoice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from domain.command import Command
from domain.decision import Decision
from domain.kind import StockOf, Wish
from domain.kinds.lines import LineFields, LineKind, LineTotals, PricedLine, Sums, price_line
from domain.kinds.settlement import total
from domain.kinds.stock_movement import move_stock_for_line, stock_of_line
from domain.policy import Policy
from domain.record import Record
from domain.values import Ref, Reference


class InvoiceLine(LineFields, frozen=True, kw_only=True):
    """A line and the invoice it stands on."""

    invoice_id: Reference


class InvoiceLineKind(LineKind):
    """Adding, changing and removing a line re-totals its invoice and moves the stock it moves."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """The line's invoice, its product and, where the invoice moves stock, the stock."""
        data = record.data if record is not None else {}
        if record is not None:
            yield UUID(data["invoice_id"])
            if data.get("product_id"):
                yield UUID(data["product_id"])
        invoice_id = data.get("invoice_id") or decision.find("invoice", getattr(command.data, "invoice_id", None))
        invoice = decision.books.record(UUID(str(invoice_id))) if invoice_id else None
        if invoice is None:
            return
        yield from stock_of_line(invoice.data, data)
        given = getattr(command.data, "product_id", None)
        product_id = decision.find("product", given) if isinstance(given, UUID | Ref) else None
        if product_id is not None and invoice.data.get("moves_stock"):
            store = getattr(command.data, "store_id", None) or invoice.data.get("store_id")
            yield StockOf(product_id, UUID(str(store)) if store else None)

    def decide_create(self, decision: Decision, record_id: UUID, data: InvoiceLine) -> None:
        """Add a line to an invoice that exists."""
        invoice = decision.living(data.invoice_id, "invoice", "data.invoice_id")
        priced = price_line(decision, data, invoice.data["currency"], "data")
        self.add(decision, invoice, PricedLine(priced.line, priced.sums, record_id))
        total(decision, invoice, priced.sums)

    def add(
        self, decision: Decision, invoice: Record, priced: PricedLine, *, require_stock: bool = False, path: str = "data"
    ) -> None:
        """Emit the line of an invoice whose sums already hold it, or are about to, and the stock it moves."""
        line = self.emit_line(decision, invoice, priced, path=path)
        move_stock_for_line(decision, invoice.data, line, require_stock=require_stock, path=path)

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change a line: it is priced anew, and stock that it moved is moved back and anew."""
        invoice = decision.living(record.data["invoice_id"], "invoice", "data.invoice_id")
        complete, change = self.reprice(decision, record, changes, invoice.data["currency"])
        moves = bool({"product_id", "quantity", "store_id", "product_detail_id"} & complete.keys())
        moves |= invoice.data["type"] == "purchase" and "net" in complete  # what came in has another cost
        if moves:
            move_stock_for_line(decision, invoice.data, record, back=True)
        after = decision.change(self, record, complete)
        if moves:
            move_stock_for_line(decision, invoice.data, after)
        total(decision, invoice, change)

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Remove a line and take it out of the invoice's sums."""
        invoice = decision.living(record.data["invoice_id"], "invoice", "data.invoice_id")
        self.remove(decision, invoice, record)
        total(decision, invoice, -Sums.of_record(record.data))

    def remove(self, decision: Decision, invoice: Record, line: Record) -> None:
        """Emit the removal and the stock that comes back; the invoice's sums are the caller's."""
        decision.delete(self, line)
        move_stock_for_line(decision, invoice.data, line, back=True)


INVOICE_LINE = InvoiceLineKind(
    name="invoice_line",
    fields=InvoiceLine,
    derived=LineTotals,
    policy=Policy.SERVER_WINS,
    references={"invoice_id": "invoice", "product_id": "product", "product_detail_id": "product_detail"},
    parent="invoice_id",
    fixed=frozenset({"invoice_id"}),
    verbs=("added", "changed", "removed"),
)
