"""Collections that the ledger has no kind for: their rows are custom records, given back as they came.

What they say of other records is kept as references, so that it is followed; everything else stays under the vendor's names.
"""

from __future__ import annotations

from api.mahak.collections.collection import Collection
from api.mahak.collections.goods import DETAIL
from api.mahak.collections.view import Link, View, is_custom

_PERSON = Link("person", ("party_id",), "people")
_CUSTOMER = Link("customer", ("party_id",), "people", entity="person")
_VISITOR = Link("visitor", ("user_id",), "visitors")
_ORDER = Link("order", ("invoice_id", "order_id"), "orders")
_BANK = Link("bank", ("bank_id",), "banks")
_CASH = Link("cash", ("cash_id",), "cashes")
_PRODUCT = Link("product", ("product_id",), "products")


def _owner(prefix: str, collection: str) -> Link:
    return Link(prefix, ("owner_id",), collection)


def _collection(name: str, entity: str, fields: str, *links: Link, pascal: str = "", saved: str = "") -> Collection:
    return Collection(
        name=name,
        entity=entity,
        fields=f"{entity}Id:i, {entity}ClientId:l, {entity}Code:i, {fields}, deleted:b, rowVersion:l",
        views=(View("custom_record", links=links, shows=is_custom(name)),),
        pascal_name=pascal,
        saved_name=saved,
        guide=(name,),
    )


def _without_own_id(name: str, entity: str, fields: str, *links: Link, client_wire: str = "") -> Collection:
    """A collection whose rows no client gives an id or a code of its own."""
    return Collection(
        name=name,
        entity=entity,
        client_wire=client_wire,
        fields=fields,
        views=(View("custom_record", links=links, shows=is_custom(name)),),
        guide=(name,),
    )


_VISITOR_FIELDS = "visitorId:i, deleted:b, rowVersion:l"
_VISITOR_ENDS = "visitorClientId:l, visitorCode:i"

CUSTOM: tuple[Collection, ...] = (
    _collection(
        "currencies",
        "currency",
        "name:s, country:s, amount:d, comment:s, symbol:s, isBase:b, smallerUnit:s, currencyTIN:s",
    ),
    _collection(
        "checklists",
        "checklist",
        "visitorId:i, status:i, type:i, personId:i, description:s, date:t, priority:i, personClientId:l, personCode:i",
        _PERSON,
        _CUSTOMER,
        _VISITOR,
    ),
    _collection("costLevelNames", "costLevelName", "name:s"),
    _collection("expenseGroups", "expenseGroup", "name:s, comment:s"),
    _collection(
        "expenses",
        "expense",
        "name:s, expenseGroupId:i, amount:d, detailUniqueCode:i, defaultCost:d, comment:s, expenseGroupClientId:l,"
        " expenseGroupCode:i",
        _owner("expenseGroup", "expenseGroups"),
    ),
    _without_own_id("extraDatas", "extraData", "extraDataId:i, itemType:i, itemId:i, data:s, deleted:b, rowVersion:l"),
    _collection("incomeGroups", "incomeGroup", "name:s, comment:s"),
    _collection(
        "incomes",
        "income",
        "name:s, incomeGroupId:i, amount:d, detailUniqueCode:i, defaultCost:d, comment:s, incomeGroupClientId:l, incomeGroupCode:i",
        _owner("incomeGroup", "incomeGroups"),
    ),
    _collection(
        "mahakpays",
        "mahakPay",
        "isActive:b, pacakgeNo:i, apiKey:s, getwayType:i, bankId:i",
        _BANK,
        pascal="Mahakpays",
        saved="MahakPays",
    ),
    _collection(
        "missionDetails",
        "missionDetail",
        "statusProvided:b, descriptionProvided:b, accountId:i, databaseId:i, status:i, priority:i, date:t, type:i, personId:i,"
        " personAddressId:i, description:s, activityID:s, missionId:i, personClientId:l, personCode:i, missionClientId:l,"
        " missionCode:i",
        _PERSON,
        _owner("mission", "missions"),
    ),
    _collection(
        "missions",
        "mission",
        "databaseId:i, accountId:i, statusAdmin:i, date:t, statusDate:t, description:s",
    ),
    _collection(
        "notRegisters",
        "notRegister",
        "personId:i, visitorId:i, date:t, reasonCode:i, description:s, personClientId:l, personCode:i",
        _PERSON,
        _VISITOR,
    ),
    _without_own_id(
        "orderTaxStatuses",
        "orderTaxStatus",
        "orderTaxStatusId:i, taxId:s, operationDate:t, refrenceNumber:s, status:s, resultMessage:s, retryCount:i, orderId:i,"
        " visitorId:i, uid:s, errorCode:i, errorDetail:s, statusCode:i, deleted:b, rowVersion:l",
        _ORDER,
        _VISITOR,
    ),
    _collection(
        "personAddresses",
        "personAddress",
        "personId:i, title:s, description:s, address:s, postalCode:s, tel:s, mobile:s, cityId:i, latitude:d, longitude:d,"
        " isDefault:b, personClientId:l, personCode:i",
        _PERSON,
        _CUSTOMER,
    ),
    _without_own_id(
        "productProperties",
        "productProperty",
        "productPropertyId:i, productId:i, propertyDescriptionId:i, deleted:b, rowVersion:l, productClientId:l, productCode:i",
        _PRODUCT,
        _owner("propertyDescription", "propertyDescriptions"),
    ),
    _collection("projects", "project", "title:s, tafsili:i, parentCode:i, levelCode:i, comment:s, projectCrn:s"),
    _collection(
        "promotionDetails",
        "promotionDetail",
        "promotionId:i, otherFields:s, promotionClientId:l, promotionCode:i",
        _owner("promotion", "promotions"),
    ),
    _collection("promotionEntities", "promotionEntity", "promotionId:i, otherFields:s", _owner("promotion", "promotions")),
    _collection("promotions", "promotion", "visitors:s, stores:s, otherFields:s"),
    _collection(
        "propertyDescriptions",
        "propertyDescription",
        "name:s, title:s, emptyTitle:s, dataType:i, displayType:i, description:s, extraData:s",
    ),
    _collection("propertyDescriptionValues", "propertyDescriptionValue", "propertyDescriptionCode:i, row:i, value:s"),
    _without_own_id(
        "regions", "region", "cityID:i, cityName:s, provinceID:i, provinceName:s, mapCode:s, rowVersion:l", client_wire="cityID"
    ),
    _collection("returnReasons", "returnReason", "type:i, name:s, description:s"),
    _collection("settings", "setting", "visitorId:i, value:s", _VISITOR),
    _collection("stores", "store", "name:s, stock:d, comment:s"),
    _collection(
        "taxOrderReceipts",
        "taxOrderReceipt",
        "orderId:i, errorDetail:s, status:s, amount:d, operationType:i, operationDate:t",
        _ORDER,
    ),
    _collection(
        "transactions",
        "transaction",
        "personId:i, type:i, debtAmount:d, creditAmount:d, balance:d, status:i, description:s, row:i, date:t",
        _PERSON,
    ),
    _collection(
        "transferAccounts",
        "transferAccount",
        "date:t, type:i, receiverId:i, payerType:i, payerId:i, price:d, visitorId:i, projectId:i, description:s",
        _VISITOR,
        _owner("project", "projects"),
    ),
    _without_own_id(
        "transferStoreDetails",
        "transferStoreDetail",
        "transferStoreDetailId:i, transferStoreId:i, transferStoreDetailClientId:l, productDetailId:i, count1:d, count2:d,"
        " description:s, deleted:b, rowVersion:l",
        _owner("transferStore", "transferStores"),
        DETAIL,
    ),
    _collection(
        "transferStores",
        "transferStore",
        "senderVisitorId:i, receiverVisitorId:i, senderStoreCode:i, receiverStoreCode:i, date:t, isAccepted:i, description:s",
        Link("senderVisitor", ("user_id",), "visitors", entity="visitor"),
    ),
    _without_own_id(
        "visitorBanks",
        "visitorBank",
        f"visitorBankId:i, bankId:i, {_VISITOR_FIELDS}, bankClientId:l, bankCode:i, {_VISITOR_ENDS}",
        _BANK,
        _VISITOR,
    ),
    _without_own_id(
        "visitorCashes",
        "visitorCash",
        f"visitorCashId:i, cashId:i, {_VISITOR_FIELDS}, cashClientId:l, cashCode:i, {_VISITOR_ENDS}",
        _CASH,
        _VISITOR,
    ),
    _without_own_id(
        "visitorExpenses",
        "visitorExpense",
        f"visitorExpenseId:i, expenseId:i, {_VISITOR_FIELDS}, expenseClientId:l, expenseCode:i, {_VISITOR_ENDS}",
        _owner("expense", "expenses"),
        _VISITOR,
    ),
    _without_own_id(
        "visitorIncomes",
        "visitorIncome",
        f"visitorIncomeId:i, incomeId:i, {_VISITOR_FIELDS}, incomeClientId:l, incomeCode:i, {_VISITOR_ENDS}",
        _owner("income", "incomes"),
        _VISITOR,
    ),
    _without_own_id(
        "visitorLocations",
        "visitorLocation",
        "deleted:b, deletedProvided:b, visitorLocationId:i, visitorId:i, latitude:d, longitude:d, createDate:t, rowVersion:l",
        _VISITOR,
    ),
    _without_own_id(
        "visitorPeople",
        "visitorPerson",
        f"visitorPersonId:i, personId:i, {_VISITOR_FIELDS}, personClientId:l, personCode:i, {_VISITOR_ENDS}",
        _PERSON,
        _CUSTOMER,
        _VISITOR,
    ),
    _without_own_id(
        "visitorProducts",
        "visitorProduct",
        "visitorProductId:i, productDetailId:i, visitorId:i, count1:d, count2:d, price:d, serials:s, deleted:b, rowVersion:l,"
        f" productDetailClientId:l, productDetailCode:i, {_VISITOR_ENDS}",
        DETAIL,
        _VISITOR,
    ),
)
