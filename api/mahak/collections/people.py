"""People and their groups, the visitors who sell to them, and the company itself."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from api.documents import Document
from api.mahak.collections.collection import Collection
from api.mahak.collections.view import Column, Known, Link, View
from api.mahak.documents import Row
from api.mahak.values import read_code, read_day, read_degrees, read_int, read_text

PERSON_GROUPS = Collection(
    name="personGroups",
    entity="personGroup",
    fields="personGroupId:i, personGroupClientId:l, personGroupCode:i, name:s, color:s, icon:s, discountPercent:d,"
    " sellPriceLevel:i, deleted:b, rowVersion:l",
    views=(
        View(
            "party_group",
            names={
                "name": "name",
                "color": "color",
                "icon": "icon",
                "discountPercent": "discount_percent",
                "sellPriceLevel": "price_level",
            },
            columns=(Column("personGroupCode", "code", read_int),),
        ),
    ),
    guide=("personGroups",),
)


def _is_organization(document: Document, _: Known) -> int:
    return int(document.data.get("type") == "organization")


def _read_person_type(value: Any, zone: ZoneInfo, path: str) -> str:
    return "organization" if read_int(value, zone, path) == 1 else "person"


def _first_name(document: Document, _: Known) -> Any:
    """A person who has one name only has it as the first one; clients show first and last name, or the organization."""
    data = document.data
    if data.get("first_name") or data.get("last_name") or data.get("organization") or data.get("type") == "organization":
        return data.get("first_name")
    return data.get("name")


def _organization(document: Document, _: Known) -> Any:
    data = document.data
    if data.get("organization") or data.get("type") != "organization" or data.get("first_name") or data.get("last_name"):
        return data.get("organization")
    return data.get("name")


_NAMES = ("first_name", "last_name", "organization")
_UTC = ZoneInfo("UTC")


def _complete_person(row: Row, data: Row, before: Row) -> Row:
    """One name of the names; who comes from here buys and sells, because the vendor's people have no roles."""
    for name in ("first_name", "organization"):  # the one name of who has no other, as it was answered
        if before.get("name") and before.get(name) is None and data.get(name) == before["name"]:
            del data[name]
    after = {**before, **data}
    given = read_text(row.get("name") or "", _UTC, "name")  # the guide's customers have one name
    if given and given != before.get("name"):
        data["name"] = given
    elif not before or any(name in data and data[name] != before.get(name) for name in ("type", *_NAMES)):
        person = f"{str(after.get('first_name') or '').strip()} {str(after.get('last_name') or '').strip()}".strip()
        organization = str(after.get("organization") or "").strip()
        name = organization if organization and after.get("type") == "organization" else person or organization
        if name:
            data["name"] = name
    if row.get("notes") is not None and (notes := read_text(row["notes"], _UTC, "notes")) != (before.get("notes") or ""):
        data["notes"] = notes
    if row.get("customercode") is not None and not row.get("personcode"):
        code = read_code(row["customercode"], _UTC, "customerCode")
        if code is not None and code != before.get("code"):
            data["code"] = code
    if not before:
        data.setdefault("roles", ["customer", "supplier"])
    return data


def _guide_person(document: Document, row: Row, _: Known) -> Row:
    return {
        "customerId": row["personId"],
        "customerClientId": row["personClientId"],
        "customerCode": row["personCode"] or document.data.get("code"),
        "name": document.data.get("name"),
        "notes": document.data.get("notes"),
    }


PEOPLE = Collection(
    name="people",
    entity="person",
    fields="personId:i, personClientId:l, branchCode:s, personCode:i, personGroupId:i, personType:i, prifix:s, firstName:s,"
    " lastName:s, organization:s, gender:i, nationalCode:s, credit:d, balance:d, email:s, userName:s, password:s,"
    " discountPercent:d, sellPriceLevel:i, state:s, city:s, cityCode:i, zone:s, address:s, latitude:d, longitude:d, phone:s,"
    " mobile:s, fax:s, description:s, financeTaxPayerType:i, economicNo:s, postalCode:s, birthDate:t, deleted:b, rowVersion:l,"
    " personGroupClientId:l, personGroupCode:i",
    views=(
        View(
            "party",
            names={
                "prifix": "title",
                "lastName": "last_name",
                "gender": "gender",
                "nationalCode": "national_code",
                "credit": "credit_limit",
                "email": "email",
                "userName": "username",
                "discountPercent": "discount_percent",
                "sellPriceLevel": "price_level",
                "state": "state",
                "city": "city",
                "zone": "zone",
                "address": "address",
                "phone": "phone",
                "mobile": "mobile",
                "fax": "fax",
                "description": "notes",
                "economicNo": "economic_number",
                "postalCode": "postal_code",
            },
            columns=(
                Column("personType", "type", _read_person_type, derive=_is_organization),
                Column("firstName", "first_name", read_text, derive=_first_name),
                Column("organization", "organization", read_text, derive=_organization),
                Column("latitude", "latitude", read_degrees),
                Column("longitude", "longitude", read_degrees),
                Column("birthDate", "birth_date", read_day),
                Column("password", derive=lambda _, __: None),
            ),
            links=(Link("personGroup", ("group_id",), "personGroups"),),
            complete=_complete_person,
            guide=_guide_person,
        ),
    ),
    also="customer",
    guide=("people", "persons", "customers"),
    said="customerId:i, customerClientId:l, customerCode:s, name:s, notes:s",
)
"""A person's password is neither kept nor told. `description` and `notes` are one.

`balance` is what the accounting program said of it, else 0: what a person owes by our books changes with every posting, and a
person's row does not. The person's transactions say it.
"""


def _username(document: Document, _: Known) -> Any:
    return document.data.get("username") or document.data.get("email")


def _complete_visitor(_: Row, data: Row, before: Row) -> Row:
    """An e-mail that was answered for want of a name says nothing when it comes back."""
    if "username" not in before and before.get("email") is not None and data.get("username") == before["email"]:
        del data["username"]
    return data


VISITORS = Collection(
    name="visitors",
    entity="visitor",
    fields="visitorId:i, visitorClientId:l, visitorCode:i, name:s, extraInfo:s, username:s, password:s, visitorType:i,"
    " isActive:b, deleted:b, mobile:s, storeCode:i, cashCode:i, bankCode:i, chequeCredit:d, totalCredit:d, sellPriceLevel:i,"
    " selectedPriceLevels:s, hasPriceAccess:b, hasPriceLevelAccess:b, hasRadara:b, deviceId:s, color:s, personCode:i,"
    " rowVersion:l",
    views=(
        View(
            "user",
            names={"name": "name", "isActive": "is_active", "mobile": "phone"},
            columns=(
                Column("username", "username", read_text, derive=_username),
                Column("password", derive=lambda _, __: None),
            ),
            complete=_complete_visitor,
        ),
    ),
    guide=("visitors",),
)
"""Users. A password is never told, nor taken from a batch."""


def _fiscal_day(wire: str, ours: str) -> Column:
    """A day that the vendor writes as a text, by a calendar of its own: kept as it came; else ours."""

    def derive(document: Document, _: Known) -> Any:
        return (document.data.get("extra") or {}).get(wire) or document.data.get(ours)

    return Column(wire, f"extra.{wire}", read_text, derive=derive)


COMPANIES = Collection(
    name="companies",
    entity="companyInfo",
    asked="Company",
    fields="companyInfoId:i, name:s, fiscalYear:s, tel1:s, tel2:s, address:s, fiscalYearStartDate:s, fiscalYearEndDate:s,"
    " economicNo:s, registerationNumber:s, postalCode:s, jobDescription:s, nationalID:s, deleted:b, rowVersion:l",
    views=(
        View(
            "company",
            names={
                "name": "name",
                "fiscalYear": "fiscal_year",
                "tel1": "phone",
                "tel2": "mobile",
                "address": "address",
                "economicNo": "economic_number",
                "registerationNumber": "registration_number",
                "postalCode": "postal_code",
                "nationalID": "national_id",
            },
            columns=(
                _fiscal_day("fiscalYearStartDate", "fiscal_year_start"),
                _fiscal_day("fiscalYearEndDate", "fiscal_year_end"),
            ),
        ),
    ),
    pascal_name="companies",
    saved_name="Companies",
    guide=("companies",),
)
