"""Executing a batch: all of it or nothing (V2), or each row for itself (V1); and what became of each row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from api.mahak.collections import COLLECTIONS
from api.mahak.collections.view import id_of
from api.mahak.errors import BY_NAME, code_of
from api.mahak.saving.batch import Batch, Item, read_batch
from api.mahak.saving.discounts import OWNER_OF_LINE, Discounts
from api.mahak.saving.known import Known, read_codes, read_known
from api.mahak.saving.orders import check_orders, name_lines, name_orders, nest, there_already
from api.mahak.saving.payments import Amounts
from api.mahak.saving.pictures import Pictures, RowFiles
from api.mahak.saving.repeats import Became, Repeats
from api.mahak.saving.stock import Counts
from api.mahak.saving.translation import Planned, Translated, Translation
from api.mahak.saving.unnamed import name_by_content
from api.mahak.saving.writer import Writer
from domain.books import Books
from domain.decide import Result
from domain.errors import InvalidField, LedgerError, ReferenceMissing, ServiceUnavailable
from domain.event import JSON
from infra.composition import Services
from infra.ledger import MAX_COMMANDS, Earlier, Refusal
from infra.sync.change_reader import ChangeReader

MOST_TIMES = 5
"""How often a batch is begun again because the same rows came by another request meanwhile."""
MOST_ERRORS = 100
"""Rows that one refusal tells of."""
_SYNONYMS = (
    ("count1", "quantity"),
    ("price", "unitPrice"),
    ("cashAmount", "amount"),
    ("description", "notes"),
    ("personCode", "customerCode"),
)
"""The vendor's word for a field, and the guide's."""
_PLACE = re.compile(r"commands\[(\d+)\]\.?(.*)", re.DOTALL)
_LINE = re.compile(r"(?:data\.)?lines\[(\d+)\]\.?(.*)", re.DOTALL)


@dataclass(slots=True)
class Saved:
    """What became of a row: its record's id on the wire and the version it is at, or why it was refused.

    `outcome` is what the merge decided where others had changed the record too.
    """

    item: Item
    id: int = 0
    version: int = 0
    error: LedgerError | None = None
    outcome: str = ""


@dataclass(slots=True)
class Save:
    """One batch of one login."""

    services: Services
    writer: Writer
    form: Mapping[str, Any]
    is_atomic: bool
    files: RowFiles = field(default_factory=RowFiles)
    batch: Batch = field(default_factory=Batch)
    render: Callable[[dict[str, list[Saved]]], Any] | None = None
    """Makes the answer to an atomic batch; with it, `answer` is filled."""
    answer: bytes = b""
    """What became of an atomic batch, as it is told."""
    results: dict[int, Result] = field(default_factory=dict)
    """By `id()` of the item, what the ledger said of its command."""
    _is_overtaken: bool = False
    _earlier: Earlier | None = None
    _books: list[Books] = field(default_factory=list)
    """The books as they were after each transaction, the last one first."""
    _saved: dict[str, list[Saved]] | None = None

    def _note(self, planned: Planned, result: Result) -> None:
        """Note what became of a command; a record that was made under its client's id meanwhile is not the one it would make."""
        if planned.item is not None:
            self.results.setdefault(id(planned.item), result)
        if planned.command.action == "create" and planned.command.id != result.id:
            self._is_overtaken = True

    def execute(self) -> dict[str, list[Saved]]:
        """Do what can be done. What became of the rows, by collection, in the order of the request.

        Raises LedgerError: where the batch is atomic, with every row that is wrong in `details["errors"]`.
        """
        repeats = Repeats(self.services.ledger, self.writer.company_id, self.writer.actor)
        for _ in range(MOST_TIMES):
            try:
                saved = self._execute()
            except LedgerError:
                if not (self.is_atomic and repeats.has_versions(self.batch) and (before := repeats.find(self.form))):
                    raise
                return self._tell(self._as_before(before))
            if saved is not None:
                if self.is_atomic and repeats.has_versions(self.batch):
                    repeats.note(self.form, {name: [(r.id, r.version, r.outcome) for r in rows] for name, rows in saved.items()})
                return saved
        raise ServiceUnavailable("Others keep sending the same rows; try again.", retry_after=1)

    def _execute(self) -> dict[str, list[Saved]] | None:
        """Do it once; None where somebody sent the same rows meanwhile: then it is known what became of them."""
        writer, services = self.writer, self.services
        self.batch = batch = read_batch(self.form, writer.zone)
        name_lines(batch.lists)
        earlier = name_orders(batch)
        name_by_content(batch.lists)
        pictures = Pictures(services.store, writer.company_id, self.files)
        pictures.begin(batch)
        known = read_known(services.store, writer.company_id, writer.actor.source, batch, earlier)
        batch.items += there_already(earlier, known)
        read_codes(services.database, writer.company_id, batch, known)
        amounts = Amounts(services.store, writer.company_id)
        counts = Counts(services.database, writer.company_id)
        discounts = Discounts(services.store, writer.company_id, writer.currency)
        translated = self._translate(known, amounts, discounts, counts, pictures)
        self._earlier = Earlier(writer.head, known.needs, known.loaded)
        if self.is_atomic:
            self._refuse_together([item for item in batch.items if item.error is not None])
            self._execute_together(translated, discounts, counts)
        else:
            self._execute_each(translated, amounts, discounts)
        if self._is_overtaken:
            self._is_overtaken = False
            self.results.clear()
            self._books.clear()
            return None
        if self._saved is None:
            self._tell(self._became(translated, counts))
        return self._saved

    def _translate(self, known: Known, amounts: Amounts, discounts: Discounts, counts: Counts, pictures: Pictures) -> Translated:
        writer = self.writer

        def complete(items: list[Item]) -> None:
            check_orders(items, self.batch.lists)
            pictures.complete(items)
            right = [item for item in items if item.error is None and item.plan is not None]
            amounts.complete(right)
            discounts.complete(right)

        translation = Translation(
            self.batch,
            known,
            writer.zone,
            writer.actor,
            repeats_change=not self.is_atomic,
            brings_another=pictures.brings_another,
        )
        translated = translation.translate(complete)
        known.needs.ids |= translation.new_ids
        rows = [planned.item for planned in translated.commands if planned.item is not None]
        translated.commands = [*pictures.before(), *translated.commands, *pictures.after(rows)]
        translated.commands += amounts.helping()
        if self.is_atomic:
            translated.commands += discounts.late()
        translated.commands += counts.commands(translation)
        return translated

    # All or nothing -------------------------------------------------------------------------------

    def _refuse_together(self, refused: Sequence[Item]) -> None:
        if not refused:
            return
        told = [_told(item, item.error) for item in refused[:MOST_ERRORS] if item.error is not None]
        first = refused[0].error
        assert first is not None
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        raise type(first)(first.message + more, path=_path_of(refused[0], first), errors=told)

    def _execute_together(self, translated: Translated, discounts: Discounts, counts: Counts) -> None:
        commands, lines = nest(translated.commands)
        if not commands:
            return
        writer = self.writer

        def check(books: Books, _: Sequence[Result]) -> bytes:
            if (item := discounts.too_large(books)) is not None:
                error = InvalidField("The discount of the order is more than what the lines and the costs come to.", path=item.path)
                error.details["errors"] = [_told(item, error)]
                raise error
            return b""

        def note(books: Books, results: Sequence[Result | Refusal]) -> None:
            self._books.insert(0, books)
            for planned, result in zip(commands, results, strict=True):
                if isinstance(result, Result):
                    self._note(planned, result)
            if not (self._is_overtaken or translated.repeated or counts.products()):  # else there is something to be read
                self._tell(self._became(translated, counts))

        try:
            self.services.ledger.execute(
                writer.company_id,
                [planned.command for planned in commands],
                writer.actor,
                atomic=True,
                say=check,
                earlier=self._earlier,
                meanwhile=note,
            )
        except LedgerError as error:
            raise self._explain(error, commands, lines) from None

    @staticmethod
    def _explain(error: LedgerError, commands: Sequence[Planned], lines: Mapping[int, Sequence[Planned]]) -> LedgerError:
        """A refusal in the words of the batch: which row of which collection, and which of its fields."""
        place = _PLACE.match(error.path)
        if place is None:
            return error
        at, path = int(place[1]), place[2]
        planned = commands[at]
        if (line := _LINE.match(path)) is not None and at in lines:
            planned, path = lines[at][int(line[1])], line[2]
        if planned.item is None:
            return error
        error.path = path
        error = _in_words_of(planned.item, error)
        told = _told(planned.item, error)
        return type(error)(error.message, path=_path_of(planned.item, error), errors=[told])

    # Each for itself ------------------------------------------------------------------------------

    def _execute_each(self, translated: Translated, amounts: Amounts, discounts: Discounts) -> None:
        commands, lines = nest(translated.commands)
        refused = self._run(commands)
        taken = {at for at, planned in enumerate(commands) if at in lines and planned in refused}
        if taken:  # an order with a line that is wrong: the order stands, and every line for itself
            again: list[Planned] = []
            for at, planned in enumerate(commands):
                if at in taken:
                    if not _is_of_header(planned):
                        again.append(_alone(planned))
                    again += lines[at]
                elif planned in refused:
                    again.append(planned)
            refused = self._run(again)
        items = [planned.item for planned in refused if planned.item is not None and planned.item.plan is not None]
        corrections = amounts.without([item for item in items if item.kind == "cheque"])
        discounts.without([item for item in items if item.kind in OWNER_OF_LINE])
        self._run([*corrections, *discounts.late()])

    def _run(self, commands: Sequence[Planned]) -> list[Planned]:
        """Execute commands, each for itself; those that were refused."""
        if not commands:
            return []
        writer, found = self.writer, list[Result | Refusal]()
        for start in range(0, len(commands), MAX_COMMANDS):
            part = [planned.command for planned in commands[start : start + MAX_COMMANDS]]
            outcome = self.services.ledger.execute(
                writer.company_id,
                part,
                writer.actor,
                atomic=False,
                earlier=self._earlier,
                meanwhile=lambda books, _: self._books.insert(0, books),
            )
            found += outcome.results
        refused: list[Planned] = []
        for planned, result in zip(commands, found, strict=True):
            item = planned.item
            if isinstance(result, Refusal):
                refused.append(planned)
                if item is not None:
                    error = BY_NAME.get(result.code, InvalidField)(result.message, path=result.path, **result.details)
                    item.error = _in_words_of(item, error)
                continue
            if item is not None:
                item.error = None
            self._note(planned, result)
        return refused

    def _as_before(self, became: Mapping[str, Sequence[Became]]) -> dict[str, list[Saved]]:
        """What was answered when this very batch came first."""
        lists = self.batch.lists
        return {
            name: [Saved(item, *one[:2], outcome=one[2]) for item, one in zip(lists[name], rows, strict=True)]
            for name, rows in became.items()
        }

    # What became of it ----------------------------------------------------------------------------

    def _tell(self, saved: dict[str, list[Saved]]) -> dict[str, list[Saved]]:
        self._saved = saved
        if self.render is not None:
            self.answer = JSON.encode(self.render(saved))
        return saved

    def _current(self, reader: ChangeReader, record_ids: Sequence[UUID]) -> dict[UUID, tuple[int, int]]:
        """The number of each of these records, and the seq that it is at: as the transactions left it, or as it is."""
        found: dict[UUID, tuple[int, int]] = {}
        for record_id in record_ids:
            record = next((record for books in self._books if (record := books.record(record_id)) is not None), None)
            if record is not None:
                found[record_id] = (record.number, record.seq)
        unknown = [record_id for record_id in record_ids if record_id not in found]
        return found | reader.current(self.writer.company_id, unknown)

    def _became(self, translated: Translated, counts: Counts) -> dict[str, list[Saved]]:
        reader, company_id = ChangeReader(self.services.database), self.writer.company_id
        repeated = {id(item) for item in translated.repeated}
        first = reader.first_seqs(company_id, [item.record.id for item in translated.repeated if item.record is not None])
        done = [item for item in self.batch.items if item.error is None]
        there = [result.id if (result := self.results.get(id(item))) else item.record_id for item in done]
        current = self._current(reader, [one for one in there if one is not None] + counts.products())
        counted = counts.ids([item for item in done if item.plan is None], current)
        saved: dict[str, list[Saved]] = {}
        for name, items in self.batch.lists.items():
            saved[name] = rows = []
            for item in items:
                if item.error is not None:
                    rows.append(Saved(item, error=item.error))
                    continue
                result = self.results.get(id(item))
                record_id = result.id if result is not None else item.record_id
                number, version = current[record_id] if record_id is not None else (0, 0)
                if id(item) in repeated:
                    version = first.get(str(record_id), version)
                row_id = id_of(name, item.kind, number) if item.plan is not None else counted[id(item)]
                rows.append(Saved(item, row_id, version, outcome=(result.outcome or "") if result is not None else ""))
        return saved


def _is_of_header(order: Planned) -> bool:
    """Whether an order with its lines was refused for what its own row says; else the row may be right without them."""
    path = order.item.error.path if order.item is not None and order.item.error is not None else ""
    return path.startswith("data.") and _LINE.match(path) is None


def _alone(planned: Planned) -> Planned:
    """The command of an order without the lines that were put into it."""
    command = planned.command
    data = {name: value for name, value in command.data.items() if name != "lines"}
    return Planned(planned.item, msgspec.structs.replace(command, data=data))


def _in_words_of(item: Item, error: LedgerError) -> LedgerError:
    """A refusal of a reference by what the row says, and not by an id of ours, which its client never saw."""
    ours = error.path.removeprefix("data.")
    named = next((one for one in item.links.values() if ours in one.link.ours), None)
    if named is None or type(error) is not ReferenceMissing:
        return error
    entity, said = COLLECTIONS[named.link.collection].entity, named.id or named.client_id or named.code
    message = f"The {entity} with the {named.path.rpartition('.')[2]} {said} was refused or deleted."
    return ReferenceMissing(message, path=error.path)


def _path_of(item: Item, error: LedgerError) -> str:
    field_name = field_of(item, error)
    return f"{item.path}.{field_name}" if field_name else item.path


def field_of(item: Item, error: LedgerError) -> str:
    """The field that is wrong, in the words of the row that has it, the vendor's or the guide's; empty where it is the row."""
    path = error.path
    if path == item.path:
        return ""
    if path.startswith(f"{item.path}."):
        return path[len(item.path) + 1 :]
    ours = path.removeprefix("data.")
    if (named := item.links.get(ours)) is not None and named.path.startswith(f"{item.path}."):
        return named.path[len(item.path) + 1 :]
    wire = item.plan.wire_of(ours) if item.plan is not None and ours else ours
    if wire.lower() in item.row:
        return wire
    return next((other for words in _SYNONYMS if wire in words for other in words if other.lower() in item.row), wire)


def _told(item: Item, error: LedgerError) -> dict[str, Any]:
    return {
        "entity": item.path.partition("[")[0],
        "index": item.index,
        "field": field_of(item, error),
        "code": code_of(type(error)),
        "message": error.message,
        **({"clientId": item.client_id} if item.client_id else {}),
    }
