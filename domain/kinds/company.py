"""Company: the owner of one log. Its record's id is the company's id."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

from msgspec import Meta

from domain.decision import Decision
from domain.errors import InvalidField, StillReferenced
from domain.event import Changed
from domain.kind import Action, Kind, Unique
from domain.kinds.account import open_default_chart
from domain.money import minor_unit
from domain.policy import Policy
from domain.record import Record
from domain.values import Count, CurrencyCode, Day, Email, Fields, Line, Name, Text, always

Codename = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$(?!\n)")]
"""How clients name the company: lower-case letters, digits and hyphens. A UUID is none: clients name companies by id, too."""


class Company(Fields, frozen=True, kw_only=True):
    """A business: what its books are kept in, and how the four dialects call it.

    `late_facts` says what becomes of a fact that is dated in a closed period: `move` takes it with its own date and posts it to
    the first open day, `refuse` refuses it with `period_closed`. Where it is absent it is `move`.
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
    late_facts: Literal["move", "refuse"] = "move"
    extra: dict[str, Any] = {}


class ClosedPeriod(Fields, frozen=True, kw_only=True):
    """The books are closed through this day, and the next one is the first that is open; absent while nothing was closed."""

    closed_through: Day | None = None


class CloseBooks(Fields, frozen=True, kw_only=True):
    """The last day to close; later than what is closed already, and not after today in the company's time zone."""

    through: Day


class ReopenBooks(Fields, frozen=True, kw_only=True):
    """The day through which the books stay closed, earlier than now; null opens all of them."""

    through: Day | None


class BooksClosed(Changed, frozen=True, kw_only=True):
    """The books are closed through this day: later facts of that time are posted to the first open day, or refused."""

    closed_through: Day


class BooksReopened(Changed, frozen=True, kw_only=True):
    """The books stay closed through this day only; null: all of them are open again."""

    closed_through: Day | None


def _close_books(decision: Decision, company: Record, data: CloseBooks) -> None:
    closed = company.data.get("closed_through")
    if closed is not None and data.through <= Day.fromisoformat(closed):
        raise InvalidField(f"The books are closed through {closed} already; name a later day, or reopen them.", path="data.through")
    if data.through > decision.today:
        raise InvalidField(f"Today is {decision.today}; days to come cannot be closed.", path="data.through")
    decision.emit(COMPANY, company.id, BooksClosed(closed_through=data.through))


def _reopen_books(decision: Decision, company: Record, data: ReopenBooks) -> None:
    closed = company.data.get("closed_through")
    if closed is None:
        raise InvalidField("The books are not closed.", path="data.through")
    if data.through is not None and data.through >= Day.fromisoformat(closed):
        raise InvalidField(
            f"The books are closed through {closed}; name an earlier day, or null for all of them.", path="data.through"
        )
    decision.emit(COMPANY, company.id, BooksReopened(closed_through=data.through))


class CompanyKind(Kind):
    """The currency and the codename are fixed; the log, once begun, is never taken away."""

    def decide_create(self, decision: Decision, record_id: UUID, data: Company) -> None:
        """A company is registered under its own id, as the first fact of its own log; its default chart of accounts follows."""
        if record_id != decision.books.company_id:
            raise InvalidField("A company's record has the company's own id.", path="id")
        check_settings(data.currency, data.time_zone)
        if is_uuid(data.codename):
            raise InvalidField(f"The codename {data.codename!r} is a UUID, and would be taken for an id.", path="data.codename")
        decision.create(self, record_id, data)
        open_default_chart(decision)

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change the company's particulars."""
        if "time_zone" in changes:
            check_settings(record.data["currency"], changes["time_zone"])
        decision.change(self, record, changes)

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Refused: set `is_active` to false instead."""
        raise StillReferenced("A company's books are kept; set `is_active` to false to close it.", path="id")


def is_uuid(codename: str) -> bool:
    """Whether this is how an id is written, with hyphens or without."""
    try:
        UUID(codename)
    except ValueError:
        return False
    return True


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
    derived=ClosedPeriod,
    policy=Policy.MANUAL,
    unique=(Unique("codename", ("codename",), ignore_case=True),),
    fixed=frozenset({"codename", "currency", "database_id"}),
    verbs=("registered", "changed", "closed"),
    actions={"close_books": Action(CloseBooks, _close_books), "reopen_books": Action(ReopenBooks, _reopen_books)},
    extra_events={"company.books-closed.v1": BooksClosed, "company.books-reopened.v1": BooksReopened},
)
