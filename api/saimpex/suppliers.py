"""Suppliers: made, changed, listed and pulled."""

from __future__ import annotations

from api.saimpex import tags, values
from api.saimpex.deltas import Cache
from api.saimpex.forms import Form, field, ref
from api.saimpex.rows import supplier_row
from api.saimpex.values import Row
from api.saimpex.writing import Asked, Made, Plan, writes
from domain.errors import RecordNotFound
from domain.record import Record

SUPPLIER = (
    field("supplier_code", values.text(), "code", also=("code",)),
    field("contact_person", values.text(), "contact_name"),
    field("phone", values.text()),
    field("mobile", values.text()),
    field("country_code", values.text()),
    field("email", values.text(254)),
    field("address", values.text(20_000)),
    field("city", values.text()),
    field("country", values.text()),
    field("tax_number", values.text(), also=("gst_no", "tax_id")),
    field("payment_terms", values.whole(0, 36_500), "payment_terms_days", type_=int),
    field("notes", values.text(20_000)),
    field("is_active", values.flag, type_=bool, also=("status",)),
)
NEW_SUPPLIER = Form("NewSupplier", field("supplier_name", values.name, "name", required=True, also=("name",)), *SUPPLIER)
CHANGED_SUPPLIER = Form(
    "ChangedSupplier",
    ref("supplier_id", "id", required=True, also=("id",)),
    field("supplier_name", values.name, "name", also=("name",)),
    *SUPPLIER,
)
EXAMPLE: Row = {"id": 4, "supplier_code": "SUP-4", "supplier_name": "Sahel Trading", "status": 1}


def is_supplier(record: Record) -> bool:
    """Whether a party is a supplier that was not deleted."""
    return not record.deleted and "supplier" in record.data["roles"]


def _say(made: Made) -> Row:
    return supplier_row(made.record())


@writes(
    "erp/addSupplier",
    id="saimpexAddSupplier",
    tag=tags.ERP,
    summary="Make a supplier",
    form=NEW_SUPPLIER,
    body_example={"supplier_code": "SUP-4", "supplier_name": "Sahel Trading", "contact_person": "Moussa", "phone": "+22245250001"},
    answer=Row,
    example=EXAMPLE,
    created=201,
    message="Supplier added successfully",
)
def add_supplier(asked: Asked) -> Plan:
    """A party that is a supplier."""
    data = {**asked.values, "roles": ["supplier"], "type": "organization"}
    return Plan([asked.create("party", data)], _say)


@writes(
    "erp/updateSupplier",
    id="saimpexUpdateSupplier",
    tag=tags.ERP,
    summary="Change a supplier",
    form=CHANGED_SUPPLIER,
    body_example={"supplier_id": 4, "phone": "+22245250009"},
    answer=Row,
    example=EXAMPLE,
    message="Supplier updated successfully",
)
def update_supplier(asked: Asked) -> Plan:
    """The fields that were sent."""
    data = dict(asked.values)
    return Plan([asked.command("party", "update", data, data.pop("id"))], _say_changed)


def _say_changed(made: Made) -> Row:
    if not is_supplier(made.record()):
        raise RecordNotFound("There is no such supplier.", path="id")
    return _say(made)


SUPPLIERS = Cache("suppliers", "party", lambda item: supplier_row(item.record), is_supplier)


get_suppliers = SUPPLIERS.handler(
    "erp/getSuppliers",
    id_="saimpexGetSuppliers",
    summary="Suppliers, or those that changed since a cursor",
    tag=tags.ERP,
    title="Suppliers",
    example=EXAMPLE,
)

HANDLERS = [*add_supplier, *update_supplier, get_suppliers]
