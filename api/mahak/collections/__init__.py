"""The collections of the Sync API, in the order in which the vendor's server answers them, and by all their names."""

from __future__ import annotations

from collections.abc import Mapping

from api.mahak.collections.collection import Collection
from api.mahak.collections.custom import CUSTOM
from api.mahak.collections.files import PHOTO_GALLERIES, PICTURES, STORE_ASSETS
from api.mahak.collections.goods import PRODUCT_CATEGORIES, PRODUCT_DETAILS, PRODUCTS, UNITS
from api.mahak.collections.money import (
    BANK_GROUPS,
    BANKS,
    CASHES,
    CHEQUES,
    JOURNAL_ENTRIES,
    JOURNAL_ENTRY_LINES,
    PAYMENT_CHEQUES,
    PAYMENTS,
    RECEIPTS,
)
from api.mahak.collections.people import COMPANIES, PEOPLE, PERSON_GROUPS, VISITORS
from api.mahak.collections.plan import Plan
from api.mahak.collections.trade import INVOICE_DETAILS, INVOICES, ORDER_DETAILS, ORDERS

_ORDER = (
    "banks",
    "bankGroups",
    "currencies",
    "checklists",
    "cheques",
    "cashes",
    "expenseGroups",
    "orders",
    "orderDetails",
    "personGroups",
    "people",
    "personAddresses",
    "pictures",
    "photoGalleries",
    "products",
    "productCategories",
    "productDetails",
    "productProperties",
    "propertyDescriptions",
    "propertyDescriptionValues",
    "productDetailStoreAssets",
    "receipts",
    "transactions",
    "visitors",
    "visitorCashes",
    "visitorBanks",
    "visitorIncomes",
    "visitorExpenses",
    "visitorPeople",
    "visitorLocations",
    "visitorProducts",
    "promotions",
    "promotionDetails",
    "promotionEntities",
    "returnReasons",
    "transferAccounts",
    "transferStores",
    "transferStoreDetails",
    "incomes",
    "expenses",
    "incomeGroups",
    "costLevelNames",
    "notRegisters",
    "projects",
    "stores",
    "settings",
    "extraDatas",
    "regions",
    "missionDetails",
    "missions",
    "units",
    "orderTaxStatuses",
    "companies",
    "payments",
    "paymentCheques",
    "mahakpays",
    "taxOrderReceipts",
)
"""The keys of a captured answer, in their order."""

_OF_LEDGER = (
    BANKS,
    BANK_GROUPS,
    CHEQUES,
    CASHES,
    ORDERS,
    ORDER_DETAILS,
    PERSON_GROUPS,
    PEOPLE,
    PICTURES,
    PHOTO_GALLERIES,
    PRODUCTS,
    PRODUCT_CATEGORIES,
    PRODUCT_DETAILS,
    STORE_ASSETS,
    RECEIPTS,
    VISITORS,
    UNITS,
    COMPANIES,
    PAYMENTS,
    PAYMENT_CHEQUES,
)
_by_name = {collection.name: collection for collection in (*_OF_LEDGER, *CUSTOM)}

OF_VENDOR: tuple[Collection, ...] = tuple(_by_name[name] for name in _ORDER)
"""What V1 answers: 57 collections."""
OF_GUIDE: tuple[Collection, ...] = (INVOICES, INVOICE_DETAILS, JOURNAL_ENTRIES, JOURNAL_ENTRY_LINES)
"""What only the guide knows; V2 answers them beside the others."""
ALL: tuple[Collection, ...] = (*OF_VENDOR, *OF_GUIDE)

COLLECTIONS: Mapping[str, Collection] = {collection.name: collection for collection in ALL}
"""By their names in V2."""

BY_ANY_NAME: Mapping[str, Collection] = {
    name.lower(): collection for collection in ALL for name in (*collection.guide, collection.name, collection.saved_name)
}
"""By every name that a batch may have for them, in lower case: the vendor's, and the guide's (`customers` are people)."""
_OF_GUIDE_NAMES: Mapping[str, str] = {name.lower(): name for collection in ALL for name in (*collection.guide, collection.name)}


def name_as_sent(key: str) -> str:
    """The name in V2 that a batch has for a collection, of its key in lower case: `customers` are answered as customers."""
    return _OF_GUIDE_NAMES.get(key, BY_ANY_NAME[key].name)


BY_KIND: Mapping[str, tuple[Plan, ...]] = {
    kind: tuple(plan for collection in ALL if (plan := collection.plans.get(kind)) is not None)
    for kind in sorted({kind for collection in ALL for kind in collection.plans})
}
"""What a record of a kind is a row of, where the view shows it."""
