"""Examples of the reports in the OpenAPI document: one sale of 250.00 and 25.00 VAT, of which 100.00 was paid."""

from __future__ import annotations

from typing import Any

from api.native.examples import COMPANY_ID, RECORD_ID

_BETWEEN: dict[str, Any] = {"seq": 12, "from": "2026-03-01", "to": "2026-03-31", "by": "posted_on"}
_AT_DAY: dict[str, Any] = {"seq": 12, "to": "2026-03-31", "by": "posted_on"}
_AMOUNTS = {"opening": "0.00", "debit": "275.00", "credit": "100.00", "closing": "175.00"}
_RECEIVABLE = {"account": "1200", "name": "Accounts receivable"}
_LINE: dict[str, Any] = {
    "seq": 9,
    "line": 1,
    "posted_on": "2026-03-21",
    "dated": "2026-03-21",
    "account": "1200",
    "kind": "invoice",
    "record_id": COMPANY_ID,
    "number": 1,
    "party_id": RECORD_ID,
    "party": "Shirin Rugs",
    "document_id": COMPANY_ID,
    "due": "2026-03-25",
    "reverses": None,
    "currency": "USD",
    "debit": "275.00",
    "credit": "0.00",
    "balance": "275.00",
}
_LINES: dict[str, Any] = {"lines": [_LINE], "cursor": "12.2026-03-21.9.1"}
_BALANCES = [{"currency": "USD", **_AMOUNTS}]
_PARTY: dict[str, Any] = {"party_id": RECORD_ID, "party": "Shirin Rugs"}
_PARTY_BALANCE: dict[str, Any] = {
    **_BETWEEN,
    **_PARTY,
    "balances": _BALANCES,
    "accounts": [{**_RECEIVABLE, "currency": "USD", **_AMOUNTS}],
}
_BUCKETS = {"not_due": "0.00", "days_1_30": "175.00", "days_31_60": "0.00", "days_61_90": "0.00", "days_over_90": "0.00"}
_OPEN = {"currency": "USD", **_BUCKETS, "open": "175.00"}
_CREDIT = {"credit": "0.00", "net": "175.00"}
_DOCUMENT: dict[str, Any] = {
    **_PARTY,
    "document_id": COMPANY_ID,
    "kind": "invoice",
    "number": 1,
    "invoice_number": "2026/1",
    "dated": "2026-03-21",
    "due": "2026-03-25",
    "days_overdue": 6,
    **_OPEN,
}
_AGED: dict[str, Any] = {
    **_AT_DAY,
    "day": "2026-03-31",
    "parties": [{**_PARTY, **_OPEN, **_CREDIT}],
    "documents": [_DOCUMENT],
    "totals": [{**_OPEN, **_CREDIT}],
}
_REVENUE = {"type": "revenue", "account": "4000", "name": "Sales", "currency": "USD", "amount": "250.00"}
_RATE = {
    "direction": "output",
    "vat_rate": "10",
    "levy_rate": "0",
    "currency": "USD",
    "net": "250.00",
    "vat": "25.00",
    "levy": "0.00",
}
_PRODUCT: dict[str, Any] = {
    "product_id": RECORD_ID,
    "number": 1,
    "product": "Green tea, 500 g",
    "sku": "TEA-1",
    "quantity": "40",
    "average_cost": "3.25",
    "currency": "USD",
    "value": "130.00",
    "opening_quantity": "0",
    "opening_value": "0.00",
    "quantity_in": "40",
    "value_in": "130.00",
    "quantity_out": "0",
    "value_out": "0.00",
}

_SHIFT: dict[str, Any] = {
    "report": "Z",
    "id": RECORD_ID,
    "number": 12,
    "cashier_id": COMPANY_ID,
    "cashier": "Sara",
    "till": "1",
    "currency": "USD",
    "status": "closed",
    "opened_at": "2026-03-21T08:00:00Z",
    "closed_at": "2026-03-21T17:00:00Z",
    "variance_reason": "gave wrong change",
}
_TURNOVER: dict[str, Any] = {
    "gross": "260.00",
    "discounts": "10.00",
    "charges": "0.00",
    "net": "250.00",
    "vat": "25.00",
    "total": "275.00",
}
_COUNTED: dict[str, Any] = {"expected": "770.00", "counted": "765.00", "variance": "-5.00", "late_cash": None}

EXAMPLES: dict[str, dict[str, Any]] = {
    "shift": {
        "seq": 12,
        "shift": {**_SHIFT, "notes": None, "closing_notes": None},
        "documents": [{"type": "sales", "currency": "USD", "count": 1, **_TURNOVER}],
        "vat": [{"type": "sales", "vat_rate": "10", "levy_rate": "0", "currency": "USD", "net": "250.00", "vat": "25.00"}],
        "payments": [
            {"method": "cash", "direction": "in", "currency": "USD", "count": 1, "amount": "275.00", "cash": "275.00"},
        ],
        "cash_movements": [{"direction": "in", "category": "change", "currency": "USD", "count": 1, "amount": "15.00"}],
        "expenses": [
            {"category": "cleaning", "method": None, "currency": "USD", "count": 1, "amount": "20.00", "cash": "-20.00"},
        ],
        "drawer": {
            "currency": "USD",
            "opening": "500.00",
            "payments_in": "275.00",
            "payments_out": "0.00",
            "moved_in": "15.00",
            "moved_out": "0.00",
            "expenses": "20.00",
            **_COUNTED,
        },
    },
    "shifts": {
        "seq": 12,
        "shifts": [{**_SHIFT, "sales": 1, "returns": 0, **_TURNOVER, "opening": "500.00", "cash": "270.00", **_COUNTED}],
        "cashiers": [
            {
                "cashier_id": COMPANY_ID,
                "cashier": "Sara",
                "currency": "USD",
                "shifts": 1,
                "sales": 1,
                "returns": 0,
                **_TURNOVER,
                "cash": "270.00",
                "variance": "-5.00",
            }
        ],
    },
    "trial-balance": {
        **_BETWEEN,
        "accounts": [{**_RECEIVABLE, "type": "asset", "currency": "USD", **_AMOUNTS}],
        "totals": [{"currency": "USD", "opening": "0.00", "debit": "375.00", "credit": "375.00", "closing": "0.00"}],
    },
    "general-ledger": {**_BETWEEN, **_RECEIVABLE, **_LINES, "balances": _BALANCES},
    "party-statement": {**_PARTY_BALANCE, **_LINES},
    "party-balance": _PARTY_BALANCE,
    "aged-receivables": _AGED,
    "aged-payables": {**_AGED, "parties": [], "documents": [], "totals": []},
    "income-and-expense": {
        **_BETWEEN,
        "accounts": [_REVENUE],
        "totals": [{"currency": "USD", "revenue": "250.00", "expense": "0.00", "net": "250.00"}],
    },
    "balance-sheet": {
        **_AT_DAY,
        "accounts": [{"type": "asset", **_RECEIVABLE, "currency": "USD", "amount": "175.00"}],
        "totals": [
            {
                "currency": "USD",
                "assets": "275.00",
                "liabilities": "25.00",
                "equity": "0.00",
                "earnings": "250.00",
                "liabilities_and_equity": "275.00",
            }
        ],
    },
    "vat-summary": {
        **_BETWEEN,
        "rates": [_RATE],
        "totals": [
            {
                "currency": "USD",
                "output_net": "250.00",
                "output_vat": "25.00",
                "output_levy": "0.00",
                "input_net": "0.00",
                "input_vat": "0.00",
                "input_levy": "0.00",
                "payable": "25.00",
            }
        ],
    },
    "stock-value": {
        "seq": 12,
        "from": "2026-03-01",
        "to": "2026-03-31",
        "products": [_PRODUCT],
        "totals": [{"currency": "USD", "value": "130.00"}],
    },
    "accounts": {
        **_AT_DAY,
        "accounts": [{**_RECEIVABLE, "type": "asset", "closed": False, "currency": "USD", "balance": "175.00"}],
    },
}
