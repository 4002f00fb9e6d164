"""Orders with their lines: an order and its new lines are one command, and an order comes with lines or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from api.mahak.collections import COLLECTIONS
from api.mahak.collections.money import ORDER_OF_PAYMENT
from api.mahak.collections.plan import Named
from api.mahak.collections.view import client_id_of
from api.mahak.saving.batch import Batch, Item
from api.mahak.saving.known import Known, client_key_of
from api.mahak.saving.translation import Planned
from api.mahak.saving.unnamed import digest_of
from domain.command import Command
from domain.errors import ReferenceMissing

LINES = {"orders": "orderDetails", "invoices": "invoiceDetails", "journalEntries": "journalEntryLines"}
_OWNER_OF_LINE = {"invoice_line": "invoice_id", "order_line": "order_id", "journal_line": "entry_id"}
KEY_OF_UNNAMED = "{entity}@{owner}#{place}"
"""The client's id of a line that has none, on an order that has one: where the order is sent again, the line is known too."""


def name_lines(lists: Mapping[str, Sequence[Item]]) -> None:
    """Give lines without a client's id one, after the order that they come with.

    On a new order that is its client's id and their place. On one that is there already it is what the order's row and all of its
    lines say, and their place: the very same rows again are a repetition, other words about the order bring other lines.
    """
    for owners, lines in LINES.items():
        by_client = {item.client_id: item for item in lists.get(owners, ()) if item.client_id and not item.id}
        places: dict[int, int] = {}
        for line in lists.get(lines, ()):
            named = next(iter(line.links.get(name) for name in _OWNER_OF_LINE.values() if line.links.get(name)), None)
            if named is None or named.id or line.id or line.client_id or named.client_id not in by_client:
                continue
            places[named.client_id] = place = places.get(named.client_id, 0) + 1
            owner = by_client[named.client_id]
            line.client_key = KEY_OF_UNNAMED.format(entity=line.collection.entity, owner=owner.client_key, place=place)
        _name_additions(lists.get(owners, ()), lists.get(lines, ()))


def _name_additions(owners: Sequence[Item], lines: Sequence[Item]) -> None:
    """Name the lines that a batch adds to orders which are there already, and whose rows it has too."""
    by_id = {item.id: item for item in owners if item.id}
    by_client = {item.client_id: item for item in owners if item.id and item.client_id}
    added: dict[int, list[Item]] = {}
    for line in lines:
        named = next((one for name in _OWNER_OF_LINE.values() if (one := line.links.get(name)) is not None), None)
        owner = None if named is None else by_id.get(named.id) if named.id else by_client.get(named.client_id)
        if owner is not None and line.error is None:
            added.setdefault(owner.id, []).append(line)
    for number, own in added.items():
        unnamed = [line for line in own if not line.id and not line.client_id and not line.deleted]
        if unnamed:
            digest = digest_of([by_id[number].row, *(line.row for line in own)])
            for place, line in enumerate(unnamed, 1):
                entity = by_id[number].collection.entity
                line.client_key = KEY_OF_UNNAMED.format(
                    entity=line.collection.entity, owner=f"{entity} {number} {digest}", place=place
                )


_RECEIPTS, _PAYMENTS = ("receipts", "receipt"), ("payments", "payment")
_SETTLED_BY: Mapping[str, tuple[tuple[str, str], ...]] = {
    "201": (_RECEIPTS,), "205": (_RECEIPTS,), "202": (_PAYMENTS,), "204": (_PAYMENTS,),
}  # fmt: skip
"""What an order of each type is settled by; others name either."""


def name_orders(batch: Batch) -> list[Item]:
    """Let receipts and payments name the order that names them, where they name none themselves.

    Those that came by an earlier request become items too, which are of no list; they are returned, because the batch is to have
    them only where they turn out to be there.
    """
    earlier: list[Item] = []
    here = {
        name: {key: item for item in batch.lists.get(name, ()) for key in (("id", item.id), ("client", item.client_id)) if key[1]}
        for name, _ in (_RECEIPTS, _PAYMENTS)
    }
    for order in batch.lists.get("orders", ()):
        settled = _SETTLED_BY.get(str(order.row.get("ordertype")).strip(), (_RECEIPTS, _PAYMENTS))
        for name, prefix in settled if (order.id or order.client_id) and not order.deleted else ():
            number, client_id = (_whole(order.row.get(f"{prefix}{suffix}")) for suffix in ("id", "clientid"))
            if not number and not client_id:
                continue
            link = Named(ORDER_OF_PAYMENT, f"{order.path}.{prefix}{'Id' if number else 'ClientId'}", order.id, order.client_id)
            item = here[name].get(("id", number)) or here[name].get(("client", client_id))
            if item is not None:
                item.links.setdefault("invoice_id", link)
            else:
                key = client_id_of(prefix, client_id)
                collection = COLLECTIONS[name]
                earlier.append(Item(collection, order.index, order.path, {}, number, client_id, key, links={"invoice_id": link}))
    return earlier


def there_already(earlier: Iterable[Item], known: Known) -> Iterator[Item]:
    """Those of the earlier receipts and payments that are there, and on no order yet."""
    for item in earlier:
        number, key = ("payment", item.id), ("payment", item.client_key)
        record = known.by_number.get(number) if item.id else known.by_client.get(key)
        if record is None or record.deleted or (record.data["direction"] == "in") != (item.collection.name == "receipts"):
            continue
        if not record.data.get("invoice_id") and not record.data.get("order_id"):
            item.id = record.number
            known.add(record)
            yield item


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdecimal() and len(str(value)) < 20 else 0


def owner_of(line: Item) -> str:
    """The client's id of the order that a line names, in the words of the ledger; empty where it names it otherwise."""
    named = (line.links.get(name) for name in _OWNER_OF_LINE.values())
    return next((client_key_of(one) for one in named if one is not None and one.client_id and not one.id), "")


def check_orders(items: Sequence[Item], lists: Mapping[str, Sequence[Item]]) -> None:
    """Note on new orders and invoices that they come without a line.

    A new journal entry with its lines is posted, unless it says that it is a draft. `items` are the readable rows, `lists` all of
    them: a line that is wrong is a line too.
    """
    lines: dict[str, list[Item]] = {}
    for item in items:
        field = _OWNER_OF_LINE.get(item.kind) if item.plan is not None else None
        if field is not None and isinstance(owner := item.data.get(field), str):
            lines.setdefault(owner, []).append(item)
    for item in items:
        if item.collection.name not in LINES or item.deleted or not item.is_new:
            continue
        own = lines.get(str(item.record_id), [])
        if item.kind == "journal_entry":
            if own and str(item.row.get("status")).casefold() != "draft":
                item.data["post_now"] = True
        elif not own and not _has_line(item, lists):
            owned = LINES[item.collection.name]
            item.error = ReferenceMissing(
                f"The {item.collection.entity} comes without a line: send its {owned} in the same request.", path=item.path
            )


def _has_line(order: Item, lists: Mapping[str, Sequence[Item]]) -> bool:
    named = (line.links.get(name) for line in lists.get(LINES[order.collection.name], ()) for name in _OWNER_OF_LINE.values())
    return any(one is not None and one.client_id == order.client_id != 0 for one in named)


def nest(commands: Sequence[Planned]) -> tuple[list[Planned], dict[int, list[Planned]]]:
    """Commands with the new lines of new orders inside these, and by the place of such an order the lines that it took."""
    orders = {
        str(planned.command.id): place
        for place, planned in enumerate(commands)
        if planned.command.action == "create" and planned.command.kind in ("invoice", "order", "journal_entry")
    }
    if not orders:
        return list(commands), {}
    taken: dict[int, list[Planned]] = {}
    rest: list[tuple[int, Planned]] = []
    for place, planned in enumerate(commands):
        command = planned.command
        field = _OWNER_OF_LINE.get(command.kind)
        owner = command.data.get(field) if field is not None and command.action == "create" else None
        at = orders.get(owner) if isinstance(owner, str) else None
        if at is None or planned.item is None or planned.item.deleted:
            rest.append((place, planned))
        else:
            taken.setdefault(at, []).append(planned)
    nested: list[Planned] = []
    by_new_place: dict[int, list[Planned]] = {}
    for place, planned in rest:
        lines = taken.get(place)
        if lines:
            by_new_place[len(nested)] = lines
            command = planned.command
            data = {**command.data, "lines": [_nested(line.command) for line in lines]}
            planned = Planned(planned.item, msgspec.structs.replace(command, data=data))  # noqa: PLW2901
        nested.append(planned)
    return nested, by_new_place


def _nested(command: Command) -> dict[str, Any]:
    data = {name: value for name, value in command.data.items() if name not in _OWNER_OF_LINE.values()}
    data["id"] = command.id
    if command.client_id is not None:
        data["client_id"] = command.client_id
    return data
