"""Custom record: a row of a client's own collection that the ledger has no kind for, kept as it came and given back."""

from __future__ import annotations

from typing import Any

from domain.kind import Kind
from domain.policy import Policy
from domain.values import Fields, Name, Reference


class CustomRecord(Fields, frozen=True, kw_only=True):
    """`type` is the client's collection (Mahak's `visitorPeople`, `regions`, `promotions`), `data` what it says there.

    The records that it is about are named by their ids, so that they can be followed; `owner_id` is the custom record that it is
    a part of. The ledger makes nothing of `data`.
    """

    type: Name
    data: dict[str, Any] = {}
    owner_id: Reference | None = None
    party_id: Reference | None = None
    user_id: Reference | None = None
    product_id: Reference | None = None
    product_detail_id: Reference | None = None
    bank_id: Reference | None = None
    cash_id: Reference | None = None
    invoice_id: Reference | None = None
    order_id: Reference | None = None
    attachment_id: Reference | None = None


CUSTOM_RECORD = Kind(
    name="custom_record",
    fields=CustomRecord,
    policy=Policy.MERGE,
    references={
        "owner_id": "custom_record",
        "party_id": "party",
        "user_id": "user",
        "product_id": "product",
        "product_detail_id": "product_detail",
        "bank_id": "bank",
        "cash_id": "cash",
        "invoice_id": "invoice",
        "order_id": "order",
        "attachment_id": "attachment",
    },
    parent="owner_id",
    fixed=frozenset({"type"}),
    personal=frozenset({"data"}),
    person="party_id",
)
"""What is kept of a party (its addresses, its transactions) is that party's, and is erased with it."""
