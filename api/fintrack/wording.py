"""Refusals in FinTrack's words: its names of fields and of things, and what its documents say themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from api.fintrack.objects import OBJECTS
from api.fintrack.objects.invoices import needs_partner
from api.fintrack.objects.object import Object
from domain.errors import LedgerError, PartyRoleMissing, ReferenceMissing, StillReferenced, ValueTaken

_PART = re.compile(r"([A-Za-z_]\w*)((?:\[\d+\])*)")
_QUOTED = re.compile(r"`([a-z_]+)`")
_ITEM = OBJECTS["invoiceItem"]


def still_unpaid(noun: str, count: int) -> str:
    """Why a party is not deleted."""
    return f"This {noun} still has {count or 'some'} unpaid invoice(s), so it cannot be deleted."


@dataclass(slots=True)
class Words:
    """Whose words: those of an object. `invoice_type` is that of the invoice that is written, once it is known."""

    object_: Object
    invoice_type: str | None = None

    @contextmanager
    def spoken(self) -> Iterator[None]:
        """Refusals raised inside name this object's fields."""
        try:
            yield
        except LedgerError as error:
            self.reword(error)
            raise

    def reword(self, error: LedgerError) -> None:
        """Say this refusal in the object's words."""
        object_, ours = self.object_, error.path
        error.path = self._path(ours)
        field = error.path.rpartition(".")[2]
        noun = object_.nouns.get(object_.kind, re.sub(r"([A-Z])", r" \1", object_.name).lower())
        if isinstance(error, ValueTaken) and error.details.get("field"):
            error.message = f"Another {noun} already has the {field} {error.details.get('value')!r}."
        elif self.invoice_type and isinstance(error, ReferenceMissing | PartyRoleMissing) and ours.endswith("party_id"):
            error.message = f"{needs_partner(self.invoice_type)}: there is no such {field.removesuffix('Id')}."
        elif isinstance(error, PartyRoleMissing):
            error.message = f"There is no such {field.removesuffix('Id')}."
        elif isinstance(error, StillReferenced):
            count = re.search(r"\d+(?= unpaid)", error.message)
            error.message = still_unpaid(noun, int(count[0]) if count else 0)
        else:
            nested = "lines[" in ours
            message = _QUOTED.sub(lambda found: f"`{self._name(found[1], nested=nested)}`", error.message)
            for kind, word in {**object_.nouns, "invoice line": "invoice item"}.items():
                message = re.sub(rf"\b{kind}\b", word, message)
                message = re.sub(rf"\b{kind.capitalize()}\b", word.capitalize(), message)
            error.message = message

    def _path(self, path: str) -> str:
        """A place in a command as one in the form: `commands[0].data.lines[1].unit_price` is `items[1].unitPrice`."""
        path = re.sub(r"^commands\[\d+\]\.", "", path).removeprefix("data.")
        nested = path.startswith("lines[")
        parts = (_PART.sub(lambda found: self._name(found[1], nested=nested) + found[2], part) for part in path.split("."))
        return ".".join(parts)

    def _name(self, ours: str, *, nested: bool) -> str:
        if ours == "party_id" and self.invoice_type:
            return "supplierId" if self.invoice_type == "purchase" else "customerId"
        if ours == "id":
            return _ITEM.id_name if nested else self.object_.id_name
        found = self.object_.wire_of(ours)
        return _ITEM.wire_of(ours) if found == ours and nested else found
