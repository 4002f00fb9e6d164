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
    """An application of the library; each application has a table of its own."""


class Appended(Application):
    """Takes the batches: events with our topics, which the library could not turn into aggregates."""


class Projected(Application):
    """Has just the events that its projection is timed with."""


FIELDS = {"name": "Some Customer", "phone": "+98 21 1234", "email": "a@b.example", "address": "Street 1, Tehran"}


def application(environment: Mapping[str, str], kind: type[Application] = Parties) -> Application:
    """The library's application on its own database."""
    return kind(env=dict(environment))


def save_one(app: Application) -> None:
    """Save one new aggregate."""
    app.save(Party(**FIELDS))
