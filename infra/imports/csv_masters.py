"""CSV of parties and of products: one row per record, a column for every field that fits into a cell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, get_args

import msgspec

from domain.command import Command
from domain.errors import InvalidField, LedgerError
from domain.kind import Kind
from domain.kinds.party import PARTY
from domain.kinds.product import PRODUCT
from domain.money import require_exact
from infra.imports.csv_table import Column, Read, Row, amount, answer, count, currency, day, read_table, text
from infra.imports.known import Known
from infra.imports.model import Item, Options, Place, Plan, Problems, digest, natural_id

SOURCE = "import:csv"

_NOT_IN_CELLS = frozenset(
    {"id", "extra", "group_id", "category_id", "latitude", "longitude", "opening_balance", "opening_quantity", "gender"}
)
_SYNONYMS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "party": {
        "name": ("party", "full_name", "display_name", "customer", "supplier"),
        "code": ("party_code", "customer_code", "supplier_code", "customer_no", "party_no"),
        "roles": ("role",),
        "type": ("party_type",),
        "organization": ("company", "company_name", "organisation"),
        "email": ("e_mail", "mail", "email_address"),
        "phone": ("telephone", "tel", "phone_number"),
        "mobile": ("mobile_phone", "cell"),
        "address": ("street",),
        "postal_code": ("zip", "zip_code", "postcode"),
        "tax_number": ("vat_number", "vat_id", "tax_id"),
        "notes": ("note", "comment", "memo"),
        "is_active": ("active",),
    },
    "product": {
        "name": ("product", "product_name", "item", "title"),
        "sku": ("item_number", "article_number", "product_sku"),
        "code": ("product_code",),
        "price": ("unit_price", "sales_price", "net_price"),
        "cost": ("cost_price", "purchase_price"),
        "vat_rate": ("vat", "vat_percent", "tax_rate"),
        "barcode": ("ean", "gtin"),
        "unit": ("uom", "unit_of_measure"),
        "notes": ("note", "comment", "memo"),
        "is_active": ("active",),
        "is_tracked": ("tracked", "track_stock"),
    },
}
_PARTY_ROLES = {"customer": ["customer"], "supplier": ["supplier"], "vendor": ["supplier"], "both": ["customer", "supplier"]}


def _roles(cell: str, _: Options) -> list[str]:
    names = cell.casefold().replace("+", ",").replace("/", ",").replace("|", ",").replace(";", ",").split(",")
    roles: list[str] = []
    for name in names:
        found = _PARTY_ROLES.get(name.strip())
        if found is None:
            raise InvalidField(f"{cell!r} is none of customer, supplier, both.")
        roles += [role for role in found if role not in roles]
    return roles


def _columns(kind: Kind) -> list[Column]:
    """A column per field of the kind, read by the field's own type."""
    synonyms = _SYNONYMS[kind.name]
    made = [
        Column(f.name, _reader(f.name, f.type), synonyms.get(f.name, ()), required=f.name == "name")
        for f in msgspec.structs.fields(kind.fields)
        if f.name not in _NOT_IN_CELLS
    ]
    if kind is PRODUCT:
        made.append(Column("category", text, ("product_category", "category_name")))
    return made


def _reader(name: str, annotation: Any) -> Read:
    by_name: dict[str, Read] = {"roles": _roles, "currency": currency, "type": _lower}
    if name in by_name:
        return by_name[name]
    by_type: dict[type, Read] = {bool: answer, Decimal: amount, date: day, int: count}
    return next((read for wanted, read in by_type.items() if wanted in _parts(annotation)), text)


def _parts(annotation: Any) -> list[Any]:
    """The types that a type is made of, itself among them."""
    return [annotation, *(part for inner in get_args(annotation) for part in _parts(inner))]


def _lower(cell: str, _: Options) -> str:
    return cell.casefold()


PARTY_COLUMNS = _columns(PARTY)
PRODUCT_COLUMNS = _columns(PRODUCT)


def plan_parties(raw: bytes, options: Options, known: Known, problems: Problems) -> Plan:
    """A party per row; `code` names it for ever, else its name does."""
    rows = read_table(raw, PARTY_COLUMNS, options, problems)
    seen: dict[str, int] = {}
    items = [_item(PARTY, row, "code", known, seen, problems) for row in rows]
    return Plan([item for item in items if item is not None])


def plan_products(raw: bytes, options: Options, known: Known, problems: Problems) -> Plan:
    """A product per row; `sku` names it for ever, else its name does."""
    rows = read_table(raw, PRODUCT_COLUMNS, options, problems)
    seen: dict[str, int] = {}
    items = [_item(PRODUCT, row, "sku", known, seen, problems) for row in rows]
    return Plan([item for item in items if item is not None])


def _item(kind: Kind, row: Row, key: str, known: Known, seen: dict[str, int], problems: Problems) -> Item | None:
    data = dict(row.values)
    if "name" not in data:
        if "name" not in row.faulty:
            problems.invalid(*row.place("name"), "A name is needed.")
        return None
    by, value = (key, data[key]) if key in data else ("name", data["name"])
    client_id = natural_id(by, value if by == key else value.casefold())
    if kind.personal:  # client ids stay when a person is erased
        client_id = f"sha256:{digest(client_id)}"
    if client_id in seen:
        problems.invalid(*row.place(by), f"The {by} {value!r} is that of line {seen[client_id]:,} too.")
        return None
    seen[client_id] = row.line
    places: dict[str, Place] = row.places({column: column for column in data})
    _check_amounts(data, row, known, problems)
    if category := data.pop("category", None):
        places["data.category_id"] = row.place("category")
        try:
            data["category_id"] = known.one("product_category", category).id
        except LedgerError as error:
            problems.add(row.place("category"), error)
            return None
    # A record that somebody entered by hand is the same where its key is; of several, the first that was made
    same = min(known.by(kind.name, by, value), key=lambda entry: entry.number, default=None)
    return Item(
        line=row.line,
        name=data["name"],
        command=Command(kind=kind.name, action="create", client_id=client_id, source=SOURCE, data=data),
        places=places,
        existing=same.id if same else None,
    )


def _check_amounts(data: Mapping[str, Any], row: Row, known: Known, problems: Problems) -> None:
    """What is an amount, and not a price per unit, has no more decimals than its currency."""
    limit = data.get("credit_limit")
    if limit is None:
        return
    try:
        require_exact(limit, data.get("currency") or known.currency, "data.credit_limit")
    except LedgerError as error:
        problems.add(row.place("credit_limit"), error)
