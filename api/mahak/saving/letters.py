"""Dead letters: what was refused of a login's batches is kept until it is accepted, or somebody discards it.

Of a V1 request each refused row is a letter, an order with its lines; of a V2 request, which is refused whole, the batch is one,
with everything that was wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from api.mahak.access import DIALECT
from api.mahak.collections import BY_ANY_NAME, name_as_sent
from api.mahak.saving.batch import Item
from api.mahak.saving.execution import Save, Saved, field_of
from api.mahak.saving.orders import LINES, owner_of
from domain import errors
from domain.errors import LedgerError
from infra.requests import fingerprint_of
from infra.sync.syncs import Rejected, Syncs

V1, V2 = "V1", "V2"
NOT_KEPT = (
    errors.ServiceUnavailable,
    errors.ProjectionBehind,
    errors.TooManyRequests,
    errors.BatchTooLarge,
    errors.NotAuthenticated,
)
"""Refusals that say nothing about what was sent: it is sent again, or in parts."""
_encoder = msgspec.json.Encoder(decimal_format="number")
DIGITS = 40


class Letter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of a refused item: which family it came by, the batch to send again, and all that was wrong with it."""

    family: str
    batch: dict[str, list[Any]]
    errors: list[dict[str, Any]] = []


def save_and_note(save: Save) -> dict[str, list[Saved]]:
    """Save a batch, and keep what is refused of it. Raises LedgerError as saving does."""
    syncs, writer = Syncs(save.services.database, DIALECT), save.writer
    try:
        saved = save.execute()
    except LedgerError as error:
        if not isinstance(error, NOT_KEPT):
            letter = _letter_of_batch(save, error)
            if letter is not None:
                syncs.note_items(writer.company_id, writer.actor.source, rejected=[letter], accepted=())
        raise
    rejected = [] if save.is_atomic else _letters_of_rows(saved)
    if not rejected and not syncs.has_rejected(writer.company_id, writer.actor.source):
        return saved  # as nearly always: no letter to forget
    accepted = {_key_of(row.item) for rows in saved.values() for row in rows if row.error is None}
    if not rejected and saved:
        accepted.add(_key_of_batch(save))
    accepted -= {one.item_key for one in rejected}
    if rejected or accepted:
        syncs.note_items(writer.company_id, writer.actor.source, rejected=rejected, accepted=accepted)
    return saved


def read_letter(kept: Rejected) -> Letter:
    """A kept letter."""
    return msgspec.json.decode(kept.item, type=Letter)


# What names a letter ------------------------------------------------------------------------------


def _key_of(item: Item) -> str:
    """What names a row among those of its login: when it is accepted, its letter is forgotten."""
    if item.id:
        return f"{item.collection.name} {item.id}"
    return item.client_key.partition("@")[0] or f"{item.collection.name} {_digest(item.row)}"


def _key_of_batch(save: Save) -> str:
    """What names a batch: the rows that it is of, so that it is known when it comes again with other words."""
    keys = sorted(_key_of(item) for item in save.batch.items)
    return f"batch {_digest(keys or _batch_of(save.form))}"


def _digest(said: Any) -> str:
    return fingerprint_of(said).hex()[:DIGITS]


# What it holds ------------------------------------------------------------------------------------


def _batch_of(form: Mapping[str, Any]) -> dict[str, Any]:
    return {name_as_sent(name): rows for name, rows in form.items() if name in BY_ANY_NAME and rows}


def _letter_of_batch(save: Save, error: LedgerError) -> Rejected | None:
    batch = _batch_of(save.form)
    if not all(isinstance(rows, list) for rows in batch.values()):
        return None  # a request that is no batch cannot be retried
    told = [one for one in error.details.get("errors") or () if isinstance(one, dict)]
    letter = Letter(family=V2, batch=batch, errors=told)
    return _rejected(_key_of_batch(save), letter, error, error.path)


def _letters_of_rows(saved: Mapping[str, Sequence[Saved]]) -> list[Rejected]:
    refused = [row.item for rows in saved.values() for row in rows if row.error is not None]
    orders = {item.client_key: item for item in refused if item.collection.name in LINES and item.client_key}
    with_order = {id(line): orders[owner] for line in _lines(saved) if (owner := owner_of(line)) in orders}
    found: dict[str, Rejected] = {}
    for item in refused:
        if id(item) in with_order:
            continue
        rows = {item.collection.name: [item.row]}
        lines = [line for line in _lines(saved) if with_order.get(id(line)) is item]
        if lines:
            rows[lines[0].collection.name] = [line.row for line in lines]
        assert item.error is not None, "these were refused"
        letter = _rejected(_key_of(item), Letter(family=V1, batch=rows), item.error, field_of(item, item.error))
        found.setdefault(letter.item_key, letter)
    return list(found.values())


def _lines(saved: Mapping[str, Sequence[Saved]]) -> Iterable[Item]:
    return (row.item for name in LINES.values() for row in saved.get(name, ()))


def _rejected(key: str, letter: Letter, error: LedgerError, field: str) -> Rejected:
    place = f"{letter.family} {','.join(letter.batch)}"[:200]
    return Rejected(key, place, _encoder.encode(letter).decode(), error.code, error.message, field)
