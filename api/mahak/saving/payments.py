"""Receipts and payments: the amount is the part in cash and its cheques, which may come with it or later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from api.mahak.saving.batch import Item
from api.mahak.saving.translation import Planned
from domain.command import Command
from domain.needs import Needs
from domain.record import Record
from infra.store.interface import Store


@dataclass(slots=True)
class _Sum:
    """What a payment comes to: its row where the batch has one, the record where there is one, and its cheques by their ids."""

    item: Item | None = None
    record: Record | None = None
    cheques: dict[str, Decimal] = field(default_factory=dict)


class Amounts:
    """The amounts of the payments that a batch touches."""

    def __init__(self, store: Store, company_id: UUID) -> None:
        self.store = store
        self.company_id = company_id
        self._sums: dict[str, _Sum] = {}

    def complete(self, items: Sequence[Item]) -> None:
        """Give the batch's payments their amounts."""
        for item in items:
            if item.kind == "payment" and not (item.deleted and item.record is not None):
                own = self._sums.setdefault(str(item.record_id), _Sum())
                own.item, own.record = item, item.record
        cheques = [item for item in items if item.kind == "cheque"]
        for item in cheques:
            for payment_id in self._owners(item):
                self._sums.setdefault(payment_id, _Sum())
        self._read()
        for item in cheques:
            self._count(item)
        for own in self._sums.values():
            if own.item is not None:
                own.item.data["amount"] = str(self._amount(own))

    def helping(self) -> list[Planned]:
        """Changes of the amounts of payments that the batch has no row of, because cheques of theirs came or went."""
        planned: list[Planned] = []
        for payment_id, own in self._sums.items():
            if own.item is None and own.record is not None and not own.record.deleted:
                amount = self._amount(own)
                if amount != Decimal(own.record.data["amount"]):
                    planned.append(_amounts_to(payment_id, amount))
        return planned

    def without(self, refused: Iterable[Item]) -> list[Planned]:
        """The amounts once these cheques were refused: what the payments that stand come to without them."""
        touched: set[str] = set()
        for item in refused:
            for payment_id in self._owners(item):
                own = self._sums.get(payment_id)
                if own is not None and own.cheques.pop(str(item.record_id), None) is not None:
                    touched.add(payment_id)
                    if item.record is not None and not item.record.deleted:
                        own.cheques[str(item.record_id)] = Decimal(item.record.data["amount"])
        return [_amounts_to(payment_id, self._amount(self._sums[payment_id])) for payment_id in sorted(touched)]

    @staticmethod
    def _owners(cheque: Item) -> set[str]:
        """The payments that a cheque is on, and was on."""
        before = cheque.record.data if cheque.record is not None else {}
        return {owner for data in (cheque.data, before) if isinstance(owner := data.get("payment_id"), str)}

    def _read(self) -> None:
        """The payments that are there already, and the cheques on them."""
        ids = {UUID(payment_id) for payment_id, own in self._sums.items() if own.item is None or own.record is not None}
        if not ids:
            return
        for record in self.store.read_records(self.company_id, Needs(ids=ids, parents=ids)).records:
            if record.kind == "payment" and (own := self._sums.get(str(record.id))) is not None:
                own.record = record
            elif record.kind == "cheque" and not record.deleted:
                owner = self._sums.get(str(record.data.get("payment_id")))
                if owner is not None:
                    owner.cheques[str(record.id)] = Decimal(record.data["amount"])

    def _count(self, cheque: Item) -> None:
        before = cheque.record.data if cheque.record is not None else {}
        own_id = str(cheque.record_id)
        if (was := self._sums.get(str(before.get("payment_id")))) is not None:
            was.cheques.pop(own_id, None)
        amount = cheque.data.get("amount", before.get("amount"))
        now = self._sums.get(str(cheque.data.get("payment_id", before.get("payment_id"))))
        if now is not None and amount is not None and not cheque.deleted:
            now.cheques[own_id] = Decimal(amount)

    @staticmethod
    def _amount(own: _Sum) -> Decimal:
        said = own.item.data.get("cash_amount") if own.item is not None else None
        if own.record is not None and own.record.data.get("cash_amount") is None:
            amount = Decimal(own.record.data["amount"])
            if said is None or Decimal(said) == amount:  # another dialect recorded it, and its row was answered as all in cash
                if own.item is not None:
                    own.item.data.pop("cash_amount", None)
                return amount
        elif said is None and own.record is not None:
            said = own.record.data["cash_amount"]
        elif said is None and own.item is not None:
            own.item.data["cash_amount"] = said = "0"
        return Decimal(said or 0) + sum(own.cheques.values(), Decimal(0))


def _amounts_to(payment_id: str, amount: Decimal) -> Planned:
    return Planned(None, Command(kind="payment", action="update", id=UUID(payment_id), data={"amount": str(amount)}))
