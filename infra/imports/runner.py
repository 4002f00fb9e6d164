"""Running a plan: what is there already is compared, all is decided as a dry run, and only then it is stored.

Up to 5,000 commands are one transaction. A longer file takes several, each decided beforehand as it will be executed; client ids
make a run that was cut off continue where it ended.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from domain.catalogue import CATALOGUE
from domain.command import Actor, Command
from domain.errors import BatchTooLarge, LedgerError
from infra.imports.comparing import Found, changes_of, find_existing
from infra.imports.model import MOST_REPORTED, Difference, Item, Options, Plan, Problem, Problems, Progress, Report, refused
from infra.ledger import MAX_COMMANDS, Ledger, Outcome, Refusal
from infra.requests import typed

AT_ONCE = MAX_COMMANDS
"""Commands of one transaction."""
MOST_RECORDS = 50_000
"""Records that one transaction makes, lines counted: so long nobody else writes to the company."""
MOST_SUPPORT = 2_000
"""Accounts that a file of several transactions may open: they are decided with each of them."""
_INDEX = re.compile(r"commands\[(\d+)\]\.?(.*)")


@dataclass(frozen=True, slots=True)
class _Step:
    """An item and the commands that are left to do for it."""

    item: Item
    commands: Sequence[Command]
    is_new: bool

    @property
    def weight(self) -> int:
        return sum(1 + len(getattr(command.data, "lines", None) or ()) for command in self.commands)


@dataclass(slots=True)
class _Counts:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    differs: int = 0
    deleted: int = 0
    differences: list[Difference] = field(default_factory=list)


class Runner:
    """Runs one plan on one company's books."""

    def __init__(self, ledger: Ledger, company_id: UUID, actor: Actor, options: Options, progress: Progress) -> None:
        self.ledger = ledger
        self.company_id = company_id
        self.actor = actor
        self.options = options
        self.progress = progress
        self.counts = _Counts()

    def run(self, format_: str, kind: str, plan: Plan) -> Report:
        """Compare, decide, store. Raises ImportRefused with every problem that was found."""
        items = self._typed(plan.items)
        steps = list(self._steps(items))
        chunks = list(_chunks(steps, AT_ONCE))
        self._decide(chunks)
        if self.options.dry_run:
            for step in steps:
                self._count(step, changed=True)
        else:
            self._store(chunks)
        return Report(
            format=format_,
            kind=kind,
            dry_run=self.options.dry_run,
            rows=len(items),
            created=self.counts.created,
            updated=self.counts.updated,
            unchanged=self.counts.unchanged,
            differs=self.counts.differs,
            deleted=self.counts.deleted,
            differences=self.counts.differences,
            notes=list(plan.notes[:MOST_REPORTED]),
            seq=self.ledger.store.head(self.company_id).seq,
        )

    def _typed(self, items: Sequence[Item]) -> list[Item]:
        """The items with their data as the ledger's Structs; whatever is no such data is a problem."""
        problems = Problems()
        made: list[Item] = []
        for item in items:
            struct = CATALOGUE[item.command.kind].data_struct("create")
            assert struct is not None, "an import creates records"
            try:
                made.append(_with(item, typed(item.command, struct)))
            except LedgerError as error:
                problems.add(item.place_of(error.path), error)
        problems.refuse()
        return made

    def _steps(self, items: Sequence[Item]) -> Iterator[_Step]:
        """What is left to do: items that are not there, and with `update` those that differ."""
        pairs = zip(items, find_existing(self.ledger, self.company_id, items), strict=True)
        for done, (item, found) in enumerate(pairs, 1):
            if done % 100 == 0 or done == len(items):
                self.progress("comparing", done, len(items))
            if found is None:
                yield _Step(item, (item.command,), is_new=True)
            elif found.record.deleted:
                self.counts.deleted += 1
            elif item.only_if_missing:
                self.counts.unchanged += 1
            elif (changes := self._compared(item, found)) is not None:
                yield _Step(item, changes, is_new=False)

    def _compared(self, item: Item, found: Found) -> Sequence[Command] | None:
        """The commands that are wanted for a record that exists; counts it where there are none."""
        names, commands = changes_of(item, found)
        if not names:
            self.counts.unchanged += 1
            return None
        if self.options.update:
            return commands
        self.counts.differs += 1
        if len(self.counts.differences) < MOST_REPORTED:
            self.counts.differences.append(
                Difference(line=item.line, kind=found.record.kind, id=found.record.id, name=item.name, fields=names)
            )
        return None

    # Deciding -------------------------------------------------------------------------------------

    def _decide(self, chunks: Sequence[Sequence[_Step]]) -> None:
        """Decide everything without storing it, and collect every refusal. What others need is decided with each part."""
        problems = Problems()
        blamed: set[int] = set()
        total = sum(map(len, chunks))
        support = [step for chunk in chunks for step in chunk if step.item.supports] if len(chunks) > 1 else []
        if len(support) > MOST_SUPPORT:
            line = support[MOST_SUPPORT].item.line
            problems.add((line, ""), BatchTooLarge(f"A file of this length can open at most {MOST_SUPPORT:,} accounts."))
        problems.refuse()
        done = 0
        for chunk in chunks:
            rest = [step for step in chunk if not (support and step.item.supports)]
            for part in _chunks(rest, AT_ONCE - len(support)) if support else [chunk]:
                self._decide_part([*support, *part], problems, blamed)
            done += len(chunk)
            self.progress("checking", done, total)
        problems.refuse()

    def _decide_part(self, steps: Sequence[_Step], problems: Problems, blamed: set[int]) -> None:
        commands, owners = _flat(steps)
        try:
            outcome = self.ledger.execute(self.company_id, commands, self.actor, atomic=False, dry_run=True)
        except LedgerError as error:  # of the form of one command; the form of creates was checked before
            if _INDEX.match(error.path) is None:
                raise
            problems.add(*_blamed(error, owners))
            return
        for owner, result in zip(owners, outcome.results, strict=True):
            if isinstance(result, Refusal) and id(owner) not in blamed:  # one reason per record
                blamed.add(id(owner))
                problems.add(owner.place_of(result.path), _Refused(result))

    # Storing --------------------------------------------------------------------------------------

    def _store(self, chunks: Sequence[Sequence[_Step]]) -> None:
        done = 0
        total = sum(map(len, chunks))
        for chunk in chunks:
            commands, owners = _flat(chunk)
            try:
                outcome = self.ledger.execute(self.company_id, commands, self.actor)
            except LedgerError as error:
                if _INDEX.match(error.path) is None:
                    raise  # no row is to blame: the database went away
                place, reason = _blamed(error, owners)
                problem = Problem(line=place[0], column=place[1], code=reason.code, message=reason.message)
                raise refused([problem], 1, stored=done) from None
            self._count_chunk(chunk, outcome)
            done += len(chunk)
            self.progress("storing", done, total)

    def _count_chunk(self, chunk: Sequence[_Step], outcome: Outcome) -> None:
        results = iter(outcome.results)
        for step in chunk:
            changed = [getattr(next(results), "changed", False) for _ in step.commands]
            self._count(step, changed=any(changed))

    def _count(self, step: _Step, *, changed: bool) -> None:
        if not changed:
            self.counts.unchanged += 1  # somebody imported the same at the same time
        elif step.is_new:
            self.counts.created += 1
        else:
            self.counts.updated += 1


class _Refused(LedgerError):
    """A refusal of the ledger, by its own code."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message, path=refusal.path)
        self.code = refusal.code  # type: ignore[misc]  # of the instance: the refusal's own


def _with(item: Item, command: Command) -> Item:
    return dataclasses.replace(item, command=command, said=item.command.data)


def _flat(steps: Sequence[_Step]) -> tuple[list[Command], list[Item]]:
    """The commands of steps, and the item that each belongs to."""
    commands = [command for step in steps for command in step.commands]
    owners = [step.item for step in steps for _ in step.commands]
    return commands, owners


def _blamed(error: LedgerError, owners: Sequence[Item]) -> tuple[tuple[int, str], LedgerError]:
    """The place of the file that a refusal of a batch is about."""
    found = _INDEX.match(error.path)
    owner = owners[int(found[1])] if found else owners[0]
    return owner.place_of(found[2] if found else ""), error


def _chunks(steps: Sequence[_Step], most: int) -> Iterator[list[_Step]]:
    """Steps that are stored together: as many as one transaction takes. Raises ImportRefused where one alone is too many."""
    chunk: list[_Step] = []
    commands = records = 0
    for step in steps:
        if len(step.commands) > MAX_COMMANDS:
            error = BatchTooLarge(
                f"{step.item.name!r} takes {len(step.commands):,} commands; at most {MAX_COMMANDS:,} are done at once."
            )
            raise refused([Problem(line=step.item.line, code=error.code, message=error.message)], 1)
        if chunk and (commands + len(step.commands) > most or records + step.weight > MOST_RECORDS):
            yield chunk
            chunk, commands, records = [], 0, 0
        chunk.append(step)
        commands += len(step.commands)
        records += step.weight
    if chunk:
        yield chunk
