"""Party: a customer, a supplier, or both; and the groups parties are put in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta

from domain.command import Command
from domain.decision import Decision
from domain.erasing import PersonState, erase
from domain.errors import StillReferenced
from domain.kind import Action, ChildrenOf, Kind, NoFields, TracesOf, Wish
from domain.policy import Policy
from domain.record import Record
from domain.values import Count, CurrencyCode, Fields, Latitude, Line, Longitude, Name, Reference, Text, always


class PartyGroup(Fields, frozen=True, kw_only=True):
    """A group of parties, with the terms they share."""

    name: Name
    color: Line | None = None
    icon: Line | None = None
    discount_percent: Decimal | None = None
    price_level: Count | None = None
    code: Count | None = None
    extra: dict[str, Any] = {}


PARTY_GROUP = Kind(name="party_group", fields=PartyGroup, policy=Policy.MERGE)


class Party(Fields, frozen=True, kw_only=True):
    """Whoever the company sells to or buys from. Amounts are in `currency`, or the company's where it is absent.

    Numbers that only one dialect has (Mahak's branch, city and tax payer codes) are in `extra`.
    """

    name: Name
    roles: Annotated[list[Literal["customer", "supplier"]], Meta(min_length=1, max_length=2)] = always(("customer",))
    type: Literal["person", "organization"] = always("person")
    first_name: Line | None = None
    last_name: Line | None = None
    title: Line | None = None
    organization: Line | None = None
    contact_name: Line | None = None
    email: Line | None = None
    phone: Line | None = None
    mobile: Line | None = None
    fax: Line | None = None
    country_code: Line | None = None
    address: Text | None = None
    city: Line | None = None
    state: Line | None = None
    country: Line | None = None
    zone: Line | None = None
    postal_code: Line | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    tax_number: Line | None = None
    national_code: Line | None = None
    economic_number: Line | None = None
    gender: Count | None = None
    birth_date: date | None = None
    customer_class: Literal["retailer", "wholesaler", "other"] | None = None
    group_id: Reference | None = None
    code: Line | None = None
    currency: CurrencyCode | None = None
    opening_balance: Decimal | None = None
    credit_limit: Decimal | None = None
    payment_terms_days: Count | None = None
    discount_percent: Decimal | None = None
    price_level: Count | None = None
    username: Line | None = None
    notes: Text | None = None
    is_active: bool = always(True)
    extra: dict[str, Any] = {}


class PartyKind(Kind):
    """A party with unpaid invoices is not deleted."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """A deletion looks at the party's invoices, an erasure at whatever holds something of the party's."""
        if command.action == "delete" and record is not None:
            yield ChildrenOf(record.id)
        if command.action == "erase" and record is not None:
            yield TracesOf(record.id)

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Delete the party unless an invoice of it is still to be paid."""
        open_invoices = [
            invoice for invoice in decision.books.living_children(record.id, "invoice") if invoice.data["status"] != "paid"
        ]
        if open_invoices:
            raise StillReferenced(
                f"Party {record.number} still has {len(open_invoices)} unpaid invoice(s).",
                path="id",
                invoices=[str(invoice.id) for invoice in open_invoices[:10]],
            )
        decision.delete(self, record)


PARTY = PartyKind(
    name="party",
    fields=Party,
    derived=PersonState,
    policy=Policy.LATEST_WINS,
    references={"group_id": "party_group"},
    actions={"erase": Action(NoFields, erase, of_any=True)},
    personal=frozenset(
        {
            "name",
            "first_name",
            "last_name",
            "title",
            "organization",
            "contact_name",
            "email",
            "phone",
            "mobile",
            "fax",
            "country_code",
            "address",
            "city",
            "state",
            "country",
            "zone",
            "postal_code",
            "latitude",
            "longitude",
            "tax_number",
            "national_code",
            "economic_number",
            "gender",
            "birth_date",
            "code",
            "username",
            "notes",
            "extra",
        }
    ),
)
