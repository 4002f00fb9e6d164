"""What a request's rows name, looked up before it is decided: products by their numbers or by the actions that made them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from api.saimpex import values
from api.saimpex.access import Till
from api.saimpex.values import Row
from domain.errors import ReferenceMissing
from domain.needs import Needs
from domain.record import Record
from domain.values import Ref
from infra.sync.change_reader import ChangeReader


def find_all(till: Till, kind: str, references: Iterable[Row], *, or_deleted: bool = False) -> dict[str, Record]:
    """The living records that these references name (or those that were deleted, too), by their keys (`key_of`), in one query."""
    needs = Needs()
    wanted = [msgspec.convert(one, Ref) for one in references]
    for one in wanted:
        needs.reference(kind, one, till.actor)
    loaded = till.services.store.read_records(till.principal.company_id, needs)
    by_id = {record.id: record for record in loaded.records if or_deleted or not record.deleted}
    found = {key_of({"number": record.number}): record for record in by_id.values()}
    for (_, _, client_id), record_id in loaded.clients.items():
        if record_id in by_id:
            found[key_of({"client_id": client_id})] = by_id[record_id]
    return found


def key_of(reference: Row) -> str:
    """A reference as a key."""
    return str(reference.get("number") or reference.get("client_id"))


def number_beside(till: Till, kind: str, reference: Row, name: str) -> int | None:
    """The number of what a record names in a field: a command on that record does not load what it leaves as it is."""
    record = find_all(till, kind, [reference]).get(key_of(reference))
    named = values.uuid_or_none(record.data.get(name)) if record is not None else None
    return ChangeReader(till.services.database).numbers(till.principal.company_id, [named]).get(named) if named else None


def fill_prices(till: Till, lines: Sequence[Row], *, offline: bool) -> list[Row]:
    """Lines with what the catalogue says where they do not. Raises ReferenceMissing, naming the line, for an unknown product.

    An `offline` till did not know yet that a product was deleted.
    """
    products = find_all(till, "product", [line["product_id"] for line in lines], or_deleted=offline)
    filled: list[Row] = []
    for index, line in enumerate(lines):
        product = products.get(key_of(line["product_id"]))
        if product is None:
            more: dict[str, Any] = {} if "client_id" in line["product_id"] else {"reference": key_of(line["product_id"])}
            raise ReferenceMissing(
                f"There is no product {key_of(line['product_id'])}.", path=f"lines[{index}].product_id", kind="product", **more
            )
        said = {"unit_price": Decimal(product.data.get("price") or 0), "vat_rate": Decimal(product.data.get("vat_rate") or 0)}
        filled.append({**said, **line})
    return filled
