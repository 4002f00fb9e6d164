"""Shift reports: what was sold, taken and spent in a shift, and what is, or was, to be expected in the drawer.

The X report is of an open shift so far; the Z report of a closed one, and its number is the shift's. Sums are made here from the
records of the shift, by the same rule that closes it: the cash of a report is what the books posted to cash.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal, localcontext
from typing import Any

from domain.books import Books
from domain.chart import CASH
from domain.kinds.drawer import cash_of, finder, money_account
from domain.money import EXACT, ZERO, round_to
from domain.record import Record
from infra.reading.shifts import Shifts

Row = dict[str, Any]
_SIGN = {"sales": 1, "sales_return": -1}
"""What documents add to a shift's turnover; what was bought is not in it."""


def shift_report(read: Shifts, shift: Record) -> dict[str, Any]:
    """Everything about one shift, as JSON values. Sums are per currency; the drawer's are in the shift's."""
    with localcontext(EXACT):
        invoices = read.within(shift, {"invoice"})
        return {
            "shift": _header(read.books, shift),
            "documents": _documents(read.books, invoices),
            "vat": _vat(read.books, invoices),
            "payments": _payments(read.books, read.within(shift, {"payment"})),
            "cash_movements": _cash_movements(read.within(shift, {"cash_transaction"})),
            "expenses": _expenses(read.books, read.within(shift, {"expense"})),
            "drawer": _drawer(read, shift),
        }


def shifts_report(read: Shifts) -> dict[str, list[Row]]:
    """A row per shift, and one per cashier and currency, in each shift's own currency."""
    with localcontext(EXACT):
        rows = [_summary(read, shift) for shift in read.shifts]
    sums: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = (row["cashier_id"], row["currency"])
        one = sums.setdefault(key, {"cashier_id": key[0], "cashier": row["cashier"], "currency": key[1], "shifts": 0})
        one["shifts"] += 1
        for name in ("sales", "returns"):
            one[name] = one.get(name, 0) + row[name]
        for name in ("gross", "discounts", "charges", "net", "vat", "total", "cash", "variance"):
            one[name] = str(Decimal(one.get(name, 0)) + Decimal(row[name] or 0))
    return {"shifts": rows, "cashiers": sorted(sums.values(), key=lambda one: (one["cashier"] or "", one["currency"]))}


def tape(report: Mapping[str, Any]) -> list[Row]:
    """A shift's report as lines of one shape, for a printer or a spreadsheet."""
    lines: list[Row] = []

    def add(
        section: str, name: str, amount: str | None, *, currency: str, count: int | None = None, tax: str | None = None
    ) -> None:
        line = {"section": section, "name": name, "currency": currency, "count": count, "amount": amount, "vat": tax}
        lines.append(line)

    for row in report["documents"]:
        for name in ("gross", "discounts", "charges", "net", "vat", "total"):
            add(row["type"], name, row[name], currency=row["currency"], count=row["count"])
    for row in report["vat"]:
        name = f"{row['type']} {row['vat_rate']}" + (f" + {row['levy_rate']}" if row["levy_rate"] != "0" else "")
        add("vat", name, row["net"], currency=row["currency"], tax=row["vat"])
    for section in ("payments", "cash_movements", "expenses"):
        for row in report[section]:
            name = " ".join(str(row[part]) for part in ("direction", "method", "category") if row.get(part))
            add(section, name, row["amount"], currency=row["currency"], count=row["count"])
    for name, amount in report["drawer"].items():
        if name != "currency":
            add("drawer", name, amount, currency=report["drawer"]["currency"])
    return lines


def _header(books: Books, shift: Record) -> Row:
    data = shift.data
    cashier = next((one for one in books.records.values() if str(one.id) == data["cashier_id"]), None)
    kept = ("till", "currency", "status", "opened_at", "closed_at", "notes", "closing_notes", "variance_reason")
    return {
        "report": "X" if data["status"] == "open" else "Z",
        "id": str(shift.id),
        "number": shift.number,
        "cashier_id": data["cashier_id"],
        "cashier": cashier.data.get("name") if cashier is not None else None,
        **{name: data.get(name) for name in kept},
    }


def _documents(books: Books, invoices: Iterable[Record]) -> list[Row]:
    sums: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    for invoice in invoices:
        data, one = invoice.data, sums[invoice.data["type"], invoice.data["currency"]]
        lines = books.living_children(invoice.id, "invoice_line")
        gross = sum((round_to(_gross(line.data), data["currency"]) for line in lines), ZERO)
        charges = Decimal(data.get("shipping") or 0) + Decimal(data.get("other_cost") or 0)
        one["count"] += 1
        one["gross"] += gross
        one["charges"] += charges
        one["discounts"] += gross + charges - Decimal(data["net"])
        for name in ("net", "vat", "total"):
            one[name] += Decimal(data[name])
    names = ("gross", "discounts", "charges", "net", "vat", "total")
    return [
        {"type": type_, "currency": currency, "count": int(one["count"])} | {name: _text(one[name], currency) for name in names}
        for (type_, currency), one in sorted(sums.items())
    ]


def _gross(line: Mapping[str, Any]) -> Decimal:
    return Decimal(line["quantity"]) * Decimal(line.get("unit_price") or 0)


def _vat(books: Books, invoices: Iterable[Record]) -> list[Row]:
    sums: dict[tuple[str, str, Decimal, Decimal], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for invoice in invoices:
        for line in books.living_children(invoice.id, "invoice_line"):
            rates = (Decimal(line.data.get(name) or 0).normalize() for name in ("vat_rate", "levy_rate"))
            one = sums[(invoice.data["type"], invoice.data["currency"], *rates)]
            one[0] += Decimal(line.data["net"])
            one[1] += Decimal(line.data["vat"])
    return [
        {
            "type": type_,
            "vat_rate": f"{rate:f}",
            "levy_rate": f"{levy:f}",
            "currency": currency,
            "net": _text(net, currency),
            "vat": _text(vat, currency),
        }
        for (type_, currency, rate, levy), (net, vat) in sorted(sums.items())
    ]


def _payments(books: Books, payments: Iterable[Record]) -> list[Row]:
    """By method; `cash` is the part that is in the drawer: below zero it was taken out."""
    found = ((_method(books, one), one.data["direction"], one, cash_of(books, one)) for one in payments)
    return _summed(("method", "direction"), ((method, direction, one, cash) for method, direction, one, cash in found))


def _method(books: Books, payment: Record) -> str:
    given: str = (payment.data.get("method") or "").strip().casefold()
    return given or ("cash" if money_account(payment.data, finder(books)) == CASH else "bank")


def _cash_movements(moved: Iterable[Record]) -> list[Row]:
    rows = _summed(("direction", "category"), ((one.data["direction"], one.data.get("category"), one, ZERO) for one in moved))
    return [{name: value for name, value in row.items() if name != "cash"} for row in rows]


def _expenses(books: Books, expenses: Iterable[Record]) -> list[Row]:
    approved = (one for one in expenses if one.data["status"] == "approved")
    return _summed(("category", "method"), ((e.data.get("category"), e.data.get("method"), e, cash_of(books, e)) for e in approved))


def _summed(names: tuple[str, str], found: Iterable[tuple[str | None, str | None, Record, Decimal]]) -> list[Row]:
    """Count, amount and cash by two names and the currency."""
    sums: dict[tuple[str | None, str | None, str], list[Any]] = defaultdict(lambda: [0, ZERO, ZERO])
    for first, second, record, cash in found:
        one = sums[first, second, record.data["currency"]]
        one[0] += 1
        one[1] += Decimal(record.data["amount"])
        one[2] += cash
    return [
        {names[0]: first, names[1]: second, "currency": currency, "count": count}
        | {"amount": _text(amount, currency), "cash": _text(cash, currency)}
        for (first, second, currency), (count, amount, cash) in sorted(sums.items(), key=lambda item: tuple(map(str, item[0])))
    ]


def _drawer(read: Shifts, shift: Record) -> Row:
    data, currency = shift.data, shift.data["currency"]
    sums: dict[str, Decimal] = dict.fromkeys(("payments_in", "payments_out", "moved_in", "moved_out", "expenses"), ZERO)
    for one in read.within(shift, {"payment", "expense", "cash_transaction"}):
        if one.data["currency"] != currency:
            continue
        cash = cash_of(read.books, one)
        if one.kind == "expense":
            sums["expenses"] -= cash
        else:
            way = one.data["direction"]
            sums[("payments_" if one.kind == "payment" else "moved_") + way] += cash if way == "in" else -cash
    came = sums["payments_in"] + sums["moved_in"]
    expected = Decimal(data["opening_cash"]) + came - sums["payments_out"] - sums["moved_out"] - sums["expenses"]
    texts = {name: _text(amount, currency) for name, amount in sums.items()}
    counted = Decimal(data["closing_cash"]) if "closing_cash" in data else None
    return {
        "currency": currency,
        "opening": _text(Decimal(data["opening_cash"]), currency),
        **texts,
        "expected": _text(expected, currency),
        "counted": _text(counted, currency) if counted is not None else None,
        "variance": _text(counted - expected, currency) if counted is not None else None,
        "late_cash": data.get("late_cash"),
    }


def _summary(read: Shifts, shift: Record) -> Row:
    """Turnover is sales less returns, in the shift's currency."""
    currency = shift.data["currency"]
    drawer = _drawer(read, shift)
    sums = dict.fromkeys(("gross", "discounts", "charges", "net", "vat", "total"), ZERO)
    counts = {"sales": 0, "sales_return": 0}
    for row in _documents(read.books, read.within(shift, {"invoice"})):
        if row["currency"] == currency and row["type"] in _SIGN:
            counts[row["type"]] = row["count"]
            for name in sums:
                sums[name] += _SIGN[row["type"]] * Decimal(row[name])
    cash = Decimal(drawer["expected"]) - Decimal(drawer["opening"])
    return {
        **{name: value for name, value in _header(read.books, shift).items() if not name.endswith("notes")},
        "sales": counts["sales"],
        "returns": counts["sales_return"],
        **{name: _text(amount, currency) for name, amount in sums.items()},
        "opening": drawer["opening"],
        "cash": _text(cash, currency),
        **{name: drawer[name] for name in ("expected", "counted", "variance", "late_cash")},
    }


def _text(amount: Decimal, currency: str) -> str:
    return str(round_to(amount, currency))
