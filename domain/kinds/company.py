"""Company: the owner of one log. Its record's id is the company's id."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import available_timezones

from msgspec import Meta

from domain.decision import Decision
from domain.errors import InvalidField, StillReferenced
from domain.kind import Kind, Unique
from domain.money import minor_unit
from domain.policy import Policy
from domain.record import Record
from domain.values import Count, CurrencyCode, Email, Fields, Line, Name, Text, always

Codename = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$(?!\n)")]
"""How clients name the company: lower-case letters, digits and hyphens."""


class Company(Fields, frozen=True, kw_only=True):
    """A business: what its books are kept in, and how the four dialects call it.

    What only a vendor's profile page shows (SAIMPEX: bank details, social links, working hours; Mahak: a job description) is in
    `extra`.
    """

    name: Name
    codename: Codename
    currency: CurrencyCode = always("USD")
    time_zone: Line = always("UTC")
    country: Line | None = None
    language: Line | None = None
    address: Text | None = None
    phone: Line | None = None
    mobile: Line | None = None
    email: Email | None = None
    website: Line | None = None
    tax_number: Line | None = None
    economic_number: Line | None = None
    registration_number: Line | None = None
    national_id: Line | None = None
    postal_code: Line | None = None
    owner_name: Line | None = None
    logo_url: Line | None = None
    fiscal_year: Line | None = None
    fiscal_year_start: date | None = None
    fiscal_year_end: date | None = None
    fiscal_year_start_month: Annotated[int, Meta(ge=1, le=12)] = always(1)
    database_id: Count | None = None
    package_number: Count | None = None
    subscriber_id: Count | None = None
    is_active: bool = always(True)
    extra: dict[str, Any] = {}


class CompanyKind(Kind):
    """The currency and the codename are fixed; the log, once begun, is never taken away."""

    def decide_create(self, decision: Decision, record_id: UUID, data: Company) -> None:
        """A company is registered under its own id, as the first fact of its own log."""
        if record_id != decision.books.company_id:
            raise InvalidField("A company's record has the company's own id.", path="id")
        check_settings(data.currency, data.time_zone)
        decision.create(self, record_id, data)

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change the company's particulars."""
        if "time_zone" in changes:
            check_settings(record.data["currency"], changes["time_zone"])
        decision.change(self, record, changes)

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Refused: set `is_active` to false instead."""
        raise StillReferenced("A company's books are kept; set `is_active` to false to close it.", path="id")


@cache
def time_zones() -> frozenset[str]:
    """The names of the IANA time zones."""
    return frozenset(available_timezones())


def check_settings(currency: str, time_zone: str) -> None:
    """Raise unless the currency and the time zone exist."""
    minor_unit(currency)
    if time_zone not in time_zones():
        raise InvalidField(f"{time_zone!r} is not an IANA time zone.", path="data.time_zone")


COMPANY = CompanyKind(
    name="company",
    fields=Company,
    policy=Policy.MANUAL,
    unique=(Unique("codename", ("codename",), ignore_case=True),),
    fixed=frozenset({"codename", "currency", "database_id"}),
    verbs=("registered", "changed", "closed"),
)
