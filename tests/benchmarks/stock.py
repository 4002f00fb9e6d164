"""The reference: the `eventsourcing` library as it comes, on the same Postgres, on its default path."""

from __future__ import annotations

from collections.abc import Mapping

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate


class Party(Aggregate):
    """The same fields that our benchmarks' parties have."""

    def __init__(self, name: str, phone: str, email: str, address: str) -> None:
        self.name, self.phone, self.email, self.address = name, phone, email, address


class Parties(Application):
    """An application of the library."""


FIELDS = {"name": "Some Customer", "phone": "+98 21 1234", "email": "a@b.example", "address": "Street 1, Tehran"}


def application(environment: Mapping[str, str]) -> Parties:
    """The library's application on its own database."""
    return Parties(env=dict(environment))


def save_one(app: Parties) -> None:
    """Save one new aggregate."""
    app.save(Party(**FIELDS))
