"""What falls due: the open invoices by due day, and each company's time zone. The overdue scheduler asks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from domain.catalogue import fields_of
from domain.event import RecordedEvent
from projections.projection import Changes, Index, Table, View

OPEN = frozenset({"unpaid", "partial"})
"""The statuses that the passing of a due day changes."""

DUE_INVOICES = Table(
    name="due_invoices",
    columns={"invoice_id": "uuid", "due_date": "date", "is_open": "boolean"},
    key=("invoice_id",),
    nullable=frozenset({"due_date"}),
    indexes=(Index("due_invoices_by_day", "company_id, due_date, invoice_id", where="is_open AND due_date IS NOT NULL"),),
)
COMPANY_ZONES = Table(
    name="company_zones",
    columns={"company_record_id": "uuid", "time_zone": "text"},
    key=("company_record_id",),
)


@dataclass(slots=True)
class _Due:
    due_date: date | None = None
    is_open: bool = False


class DueProjection:
    """A row for every living invoice: payments and due days come and go, and neither's event says the other."""

    name = "due"
    version = 1
    kinds: frozenset[str] | None = frozenset({"company", "invoice"})
    tables = (DUE_INVOICES, COMPANY_ZONES)
    inline = False

    def fold(self, company_id: UUID, events: Sequence[RecordedEvent], view: View) -> Changes:
        """Take the due day and the status from whichever event sets them."""
        new = {event.record_id for event in events if event.kind == "invoice" and event.version == 1}
        known = {event.record_id for event in events if event.kind == "invoice"} - new
        found = view.find(DUE_INVOICES, ("invoice_id",), [(key,) for key in known], ("invoice_id", "due_date", "is_open"))
        invoices = {invoice_id: _Due(day, is_open) for invoice_id, day, is_open in found}
        invoices.update((key, _Due()) for key in new)
        changes, gone, zone = Changes(), set[UUID](), None
        for event in events:
            fields = fields_of(event)
            if event.kind == "company":
                zone = fields.get("time_zone", zone)
            elif event.topic.startswith("invoice.deleted."):
                gone.add(event.record_id)
            elif (invoice := invoices.get(event.record_id)) is not None:  # one that was deleted has no row any more
                _assign(invoice, fields)
        if zone is not None:
            changes.puts[COMPANY_ZONES] = [(company_id, zone)]
        changes.deletes[DUE_INVOICES] = [(key,) for key in gone - new]
        rows = {key: (key, one.due_date, one.is_open) for key, one in invoices.items() if key not in gone}
        changes.inserts[DUE_INVOICES] = [row for key, row in rows.items() if key in new]
        changes.puts[DUE_INVOICES] = [row for key, row in rows.items() if key not in new]
        return changes


def _assign(invoice: _Due, fields: dict[str, Any]) -> None:
    if "due_date" in fields:
        invoice.due_date = date.fromisoformat(fields["due_date"]) if fields["due_date"] else None
    if "status" in fields:
        invoice.is_open = fields["status"] in OPEN
