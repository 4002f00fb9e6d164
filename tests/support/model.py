"""What a company's books ought to be: a second, slow and simple account of the rules, for the simulation to compare with.

Records are named by handles: (device, kind, the client id that the device gave). Nothing here is computed by the ledger's own code.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple
from uuid import UUID

Handle = tuple[int, str, str]
CENT = Decimal("0.01")
SERVER_KEEPS = {"invoice", "invoice_line", "payment"}


class Refused(Exception):
    """The command is refused; the first argument is the code."""


class Touch(NamedTuple):
    """One change of a record: after which seq, by which device, when by its clock, and which fields."""

    seq: int
    device: int
    at: float
    fields: dict[str, Any]


class Wish(NamedTuple):
    """A command with handles where it names records. `at` is when, in days from the start; later than now counts as now."""

    kind: str
    action: str
    handle: Handle
    data: dict[str, Any]
    base: int | None
    at: float


@dataclass
class Row:
    """One record."""

    fields: dict[str, Any]
    touches: list[Touch] = field(default_factory=list)
    deleted: bool = False


@dataclass
class Model:
    """The books."""

    rows: dict[Handle, Row] = field(default_factory=dict)
    stock: dict[Handle, Decimal] = field(default_factory=dict)
    seq: int = 0
    now: float = 0.0

    def tried(self, wishes: list[tuple[int, Wish]], seq: int, now: float, *, atomic: bool) -> tuple[Model, list[str]]:
        """The books after a request, and per command `ok` or the code of its refusal (only the first one, where atomic)."""
        after, codes = deepcopy(self), []
        after.seq, after.now = seq, now
        for device, wish in wishes:
            before = deepcopy(after)
            try:
                after.apply(device, wish)
                codes.append("ok")
            except Refused as refused:
                if atomic:
                    return self, [str(refused)]
                after = before
                codes.append(str(refused))
        return after, codes

    def apply(self, device: int, wish: Wish) -> None:
        """Execute one command."""
        if wish.action == "create":
            if wish.handle not in self.rows:
                self.create(device, wish)
            return
        row = self.rows.get(wish.handle)
        if row is None:
            raise Refused("record_not_found")
        if wish.action == "delete":
            self.delete(device, wish, row)
        else:
            self.update(device, wish, row)

    # Creating -------------------------------------------------------------------------------------

    def create(self, device: int, wish: Wish) -> None:
        """Make a record, and the lines nested in it."""
        data = {name: value for name, value in wish.data.items() if name != "lines"}
        self.require_living(data)
        lines = wish.data.get("lines", [])
        for line in lines:
            self.require_living(line)
        if wish.kind == "product":
            self.require_free(wish.handle, data.get("sku"))
        self.rows[wish.handle] = Row(data, [self.touch(device, wish, data)])
        for line in lines:
            fields = {name: value for name, value in line.items() if name != "client_id"} | {"invoice_id": wish.handle}
            handle = (device, "invoice_line", line["client_id"])
            self.rows[handle] = Row(fields, [self.touch(device, wish, fields)])
            self.move(fields, 1)
        if wish.kind == "invoice_line":
            self.move(data, 1)
        self.touch_invoice(device, wish, data)

    def require_living(self, data: dict[str, Any]) -> None:
        """Every reference names a living record."""
        for value in data.values():
            if isinstance(value, tuple) and (value not in self.rows or self.rows[value].deleted):
                raise Refused("reference_missing")

    def require_free(self, handle: Handle, sku: str | None) -> None:
        """No other living product has the sku."""
        for other, row in self.rows.items():
            if other != handle and other[1] == "product" and not row.deleted and sku and row.fields.get("sku") == sku:
                raise Refused("value_taken")

    # Changing -------------------------------------------------------------------------------------

    def update(self, device: int, wish: Wish, row: Row) -> None:
        """Change what differs; where others changed the record since the base, the policy of its kind decides."""
        foreign = self.foreign(device, wish, row)
        if row.deleted:
            if not foreign:
                raise Refused("record_deleted")
            return
        changes = {name: value for name, value in wish.data.items() if row.fields.get(name) != value}
        if foreign:
            changes = self.merged(device, wish, row, foreign, changes)
        if not changes:
            return
        if "sku" in changes:
            self.require_free(wish.handle, changes["sku"])
        if wish.kind == "invoice_line":
            self.move(row.fields, -1)
        row.fields.update(changes)
        if wish.kind == "invoice_line":
            self.move(row.fields, 1)
        row.touches.append(self.touch(device, wish, changes))
        self.touch_invoice(device, wish, row.fields)

    def merged(self, device: int, wish: Wish, row: Row, foreign: list[Touch], changes: dict[str, Any]) -> dict[str, Any]:
        """What is left of the client's changes."""
        if wish.kind in SERVER_KEEPS:
            return {}
        known: dict[str, Any] = {}
        for touch in row.touches:
            if touch.seq <= (wish.base or 0) or touch.device == device:
                known.update(touch.fields)
        kept: dict[str, Any] = {}
        for name, value in changes.items():
            theirs = [touch.at for touch in foreign if name in touch.fields]
            meant = known.get(name) != value
            wins = not theirs or (wish.kind == "party" and self.clock(wish) > theirs[-1])
            if meant and wins:
                kept[name] = value
        return kept

    def foreign(self, device: int, wish: Wish, row: Row) -> list[Touch]:
        """What others did since the base."""
        if wish.base is None:
            return []
        return [touch for touch in row.touches if touch.seq > wish.base and touch.device != device]

    # Deleting -------------------------------------------------------------------------------------

    def delete(self, device: int, wish: Wish, row: Row) -> None:
        """Delete, unless it was done or others changed the record since."""
        if row.deleted:
            return
        if foreign := self.foreign(device, wish, row):
            last = max((touch.at for touch in foreign if touch.fields), default=-1e9)
            if wish.kind != "party" or self.clock(wish) <= last:
                return
        if wish.kind == "party" and any(
            status != "paid"
            for handle, status in self.statuses().items()
            if self.rows[handle].fields.get("party_id") == wish.handle
        ):
            raise Refused("still_referenced")
        if wish.kind == "invoice":
            for _, payment in self.living("payment", invoice_id=wish.handle):
                payment.fields["invoice_id"] = None
                payment.touches.append(self.touch(device, wish, {"invoice_id": None}))
            for _, line in self.living("invoice_line", invoice_id=wish.handle):
                self.bury(device, wish, line)
        if wish.kind == "invoice_line":
            self.move(row.fields, -1)
        row.deleted = True
        row.touches.append(self.touch(device, wish, {}))
        self.touch_invoice(device, wish, row.fields)

    def bury(self, device: int, wish: Wish, line: Row) -> None:
        """Remove a line with its invoice."""
        self.move(line.fields, -1)
        line.deleted = True
        line.touches.append(self.touch(device, wish, {}))

    # What follows ---------------------------------------------------------------------------------

    def clock(self, wish: Wish) -> float:
        """When it happened, never later than now."""
        return min(wish.at, self.now)

    def touch(self, device: int, wish: Wish, fields: dict[str, Any]) -> Touch:
        """A change in the request that follows the seq."""
        return Touch(self.seq + 1, device, self.clock(wish), dict(fields))

    def touch_invoice(self, device: int, wish: Wish, fields: dict[str, Any]) -> None:
        """A line or a payment changes its invoice."""
        invoice = fields.get("invoice_id")
        if invoice is not None and not self.rows[invoice].deleted:
            self.rows[invoice].touches.append(self.touch(device, wish, {"total": None}))

    def move(self, line: dict[str, Any], sign: int) -> None:
        """Move the stock of a line's product."""
        invoice = self.rows[line["invoice_id"]].fields
        product = line.get("product_id")
        if product is not None and invoice["moves_stock"]:
            way = -1 if invoice["type"] == "sales" else 1
            self.stock[product] = self.stock.get(product, Decimal(0)) + sign * way * Decimal(line["quantity"])

    def living(self, kind: str, **fields: Any) -> list[tuple[Handle, Row]]:
        """Living records of a kind with these fields."""
        matches: Callable[[Row], bool] = lambda row: all(row.fields.get(name) == value for name, value in fields.items())  # noqa: E731
        return [(h, row) for h, row in self.rows.items() if h[1] == kind and not row.deleted and matches(row)]

    def totals(self, invoice: Handle) -> dict[str, Decimal]:
        """Net, VAT, total and paid of an invoice, from nothing but its lines and payments."""
        net = vat = Decimal(0)
        for _, line in self.living("invoice_line", invoice_id=invoice):
            one = rounded(Decimal(line.fields["quantity"]) * Decimal(line.fields["unit_price"]))
            net += one
            vat += rounded(one * Decimal(line.fields["vat_rate"]) / 100)
        paid = sum((Decimal(p.fields["amount"]) for _, p in self.living("payment", invoice_id=invoice)), Decimal(0))
        return {"net": net, "vat": vat, "total": net + vat, "paid": paid}

    def statuses(self) -> dict[Handle, str]:
        """The status of every living invoice."""
        found = {}
        for handle, _ in self.living("invoice"):
            sums = self.totals(handle)
            paid = sums["total"] > 0 and sums["paid"] >= sums["total"]
            found[handle] = "paid" if paid else "partial" if sums["paid"] > 0 else "unpaid"
        return found


def rounded(amount: Decimal) -> Decimal:
    """To the cent, half away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def compare(model: Model, ids: dict[Handle, UUID], records: dict[UUID, dict[str, Any]], stock: dict[UUID, Decimal]) -> None:
    """Assert that the server's records (documents by id) and stock are the model's."""
    names = {str(record_id): handle for handle, record_id in ids.items()}
    for handle, row in model.rows.items():
        document = records[ids[handle]]
        assert document.get("deleted", False) == row.deleted, handle
        data = document["data"]
        for name, value in row.fields.items():
            found = data.get(name)
            if isinstance(value, tuple):
                assert names.get(found) == value, (handle, name)
            elif name in ("quantity", "unit_price", "vat_rate", "amount", "price"):
                assert Decimal(found) == Decimal(value), (handle, name)
            else:
                assert found == value, (handle, name)
    for handle, status in model.statuses().items():
        data = records[ids[handle]]["data"]
        assert {name: Decimal(data[name]) for name in ("net", "vat", "total", "paid")} == model.totals(handle), handle
        assert data["status"] == status, handle
    assert stock == {ids[product]: level for product, level in model.stock.items() if level}
    business = {i for i, document in records.items() if document["kind"] in {handle[1] for handle in model.rows}}
    assert business == {ids[handle] for handle in model.rows}, "nothing lost, nothing doubled"
