"""Records as the desktop app has them: one function per kind. The ids are our numbers."""

from __future__ import annotations

from typing import Any

from api.saimpex.values import Row, number, quantity, time_text
from domain.record import Record
from infra.sync.deltas import Item

PRODUCT_TEXTS = ("sku", "barcode", "code", "description", "name_en", "name_fr", "name_ar", "unit")
PARTY_TEXTS = ("email", "phone", "mobile", "country_code", "address", "city", "country", "notes", "tax_number")


def times(record: Record) -> Row:
    """When a record was made and changed last."""
    return {"created_at": time_text(record.created_at), "updated_at": time_text(record.updated_at)}


def texts(data: Row, names: tuple[str, ...]) -> Row:
    """Fields that are answered as they are; null where there is none."""
    return {name: data.get(name) for name in names}


def product_row(item: Item) -> Row:
    """A product, and how much of it there is. `category_id` is put in by whoever knows its number."""
    record, data = item.record, item.record.data
    return {
        "id": record.number,
        "name": data["name"],
        **texts(data, PRODUCT_TEXTS),
        "type": data["type"],
        "price": number(data.get("price")),
        "cost_price": number(data.get("cost")),
        "tax_rate": number(data.get("vat_rate") or 0),
        "category_id": None,
        "image": data.get("image_url"),
        "stock": quantity(item.stock),
        "min_stock": number(data.get("min_stock")),
        "track_stock": data["is_tracked"],
        "status": int(data["is_active"]),
        **times(record),
    }


def customer_row(record: Record) -> Row:
    """A customer."""
    data = record.data
    return {
        "id": record.number,
        "name": data["name"],
        **texts(data, PARTY_TEXTS),
        "mobile": data.get("mobile") or data.get("phone"),
        "credit_limit": number(data.get("credit_limit")),
        "status": int(data["is_active"]),
        **times(record),
    }


def short_customer_row(record: Record) -> Row:
    """A customer in a drop-down list."""
    row = customer_row(record)
    return {name: row[name] for name in ("id", "name", "mobile", "email", "updated_at")}


def supplier_row(record: Record) -> Row:
    """A supplier."""
    data = record.data
    return {
        "id": record.number,
        "supplier_code": data.get("code"),
        "supplier_name": data["name"],
        "name": data["name"],
        "contact_person": data.get("contact_name"),
        **texts(data, PARTY_TEXTS),
        "payment_terms": data.get("payment_terms_days"),
        "status": int(data["is_active"]),
        **times(record),
    }


VENDOR_TEXTS = (
    "name",
    "country",
    "mobile",
    "phone",
    "email",
    "website",
    "address",
    "owner_name",
    "currency",
    "time_zone",
    "language",
)


def vendor_row(record: Record, company_number: int) -> Row:
    """The vendor: the company. What only this app shows is kept under its own names."""
    data = record.data
    extra: Row = data.get("extra", {})
    return {
        **{name: extra.get(name) for name in VENDOR_EXTRAS},
        "id": company_number,
        **texts(data, VENDOR_TEXTS),
        "image": data.get("logo_url"),
        "registration_number": data.get("registration_number"),
        "gst_no": data.get("tax_number"),
        "status": int(data["is_active"]),
        **times(record),
    }


VENDOR_EXTRAS = (
    "country_code",
    "facebook_url",
    "instagram_url",
    "twitter_url",
    "whatsapp_url",
    "account_holder_name",
    "account_number",
    "ifsc_code",
    "upi_id",
    "bank_name",
    "registration_date",
    "commission_percentage",
    "restaurant_type",
    "is_busy",
    "auto_accept_mode",
    "receipt_header",
    "receipt_footer",
    "working_hours",
)
"""Fields of the vendor that no other dialect has: kept in the company's `extra`."""


def invoice_lines(lines: list[Record], find: Any) -> list[Row]:
    """The lines of an invoice or an order."""
    return [
        {
            "id": line.number,
            "product_id": find(line.data.get("product_id")),
            "name": line.data.get("description"),
            "quantity": quantity(line.data["quantity"]),
            "unit_price": number(line.data.get("unit_price")),
            "discount": number(line.data.get("discount") or 0),
            "tax_rate": number(line.data.get("vat_rate") or 0),
            "tax_amount": number(line.data["vat"]),
            "subtotal": number(line.data["net"]),
            "total": number(line.data["total"]),
        }
        for line in lines
    ]
