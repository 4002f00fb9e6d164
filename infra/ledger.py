"""The ledger: the one write path, for every dialect, one command or thousands.

Take the company's head, resolve idempotency keys, load what the commands name, decide, chain, append, commit, then hint the
followers. Whatever goes wrong before the commit stores nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from uuid import UUID

import msgspec

from domain.books import Books, stock_key
from domain.catalogue import CATALOGUE, fields_of
from domain.command import Actor, Command, Idempotency
from domain.decide import Result, decide, needs_history
from domain.decision import Credential, Decision
from domain.errors import BatchTooLarge, KeyReused, LedgerError, UnknownKind, ValueTaken
from domain.event import GENESIS, JSON
from domain.kind import CashOf, ChildrenOf, HolderOf, StockOf, TracesOf
from domain.needs import Needs, note_needs
from domain.resolving import find_target
from infra.ids import new_id
from infra.requests import check_key, fingerprint_of, typed
from infra.store.append import append_of, books_of, fill, now_after
from infra.store.interface import Answer, Head, Loaded, SequenceConflict, Store, WriteTransaction

MAX_COMMANDS = 5_000
OF_REQUEST, OF_COMMAND = "request ", "command "
"""Before a key in the store: a request and one of its commands may have the same."""
MAX_LOADS = 6
"""Rounds of loading until nothing more is wanted; a rule that wants more than this is a mistake in the rule."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why one item of a batch was refused; the items beside it stand."""

    type: str
    code: str
    message: str
    path: str = ""
    details: dict[str, object] = {}


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a request: one result (or refusal) per command, in order, and the seq of the log after it.

    `said` is what the dialect made of it (JSON), where it asked to; a replay says what was first said.
    """

    results: list[Result | Refusal]
    seq: int
    said: bytes = b""
    idempotent_replay: bool = msgspec.field(default_factory=bool)
    dry_run: bool = False


class _StoredOutcome(msgspec.Struct, frozen=True, kw_only=True):
    results: list[dict[str, object]]
    seq: int
    said: msgspec.Raw = msgspec.Raw(b"null")


Say = Callable[[Books, Sequence[Result]], bytes]
"""Makes a dialect's answer (JSON) of the books as they are after the commands. It may refuse them by raising a LedgerError."""
Meanwhile = Callable[[Books, Sequence[Result | Refusal]], None]
"""Uses the time that the store takes to store: it gets the books as they will be, and is for nothing where storing fails."""
Hint = Callable[[UUID, int], None]


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a caller read of a company once its log had reached `seq`: where it still ends there, it is not read again.

    `needs` is what was looked for: what of it is not in `loaded` is known not to exist.
    """

    seq: int
    needs: Needs
    loaded: Loaded


class Ledger:
    """Writes to companies' logs through a store. `hint` is told (company, seq) after each commit, and may lose it."""

    def __init__(self, store: Store, *, hint: Hint | None = None, make_id: Callable[[], UUID] = new_id) -> None:
        self.store = store
        self.hint = hint
        self.make_id = make_id

    def execute(
        self,
        company_id: UUID,
        commands: Sequence[Command],
        actor: Actor,
        *,
        idempotency: Idempotency | None = None,
        atomic: bool = True,
        dry_run: bool = False,
        credentials: Sequence[Credential] = (),
        say: Say | None = None,
        earlier: Earlier | None = None,
        meanwhile: Meanwhile | None = None,
    ) -> Outcome:
        """Execute commands as one transaction and say what became of each.

        `atomic`: the first refusal refuses the batch (raised, with its place in `path`); otherwise each refused command is
        answered with a Refusal and the others stand. `dry_run` decides everything and stores nothing. `say` makes the dialect's
        answer of what an atomic batch came to, which is stored with the idempotency key. `meanwhile` is called once everything is
        decided, while it is being stored. Raises LedgerError.
        """
        if len(commands) > MAX_COMMANDS:
            raise BatchTooLarge(f"A request may hold at most {MAX_COMMANDS} commands; this one has {len(commands)}.")
        commands, unreadable = _read(commands, atomic=atomic)
        keys = [OF_COMMAND + command.key for command in commands if command.key is not None]
        if idempotency is not None:
            check_key(idempotency)
            keys.append(OF_REQUEST + idempotency.key)
        needs = Needs(ids={company_id})
        for command in commands:
            note_needs(needs, CATALOGUE, command, actor)
        unread = needs if earlier is None else needs.without(earlier.needs)
        with self.store.write(company_id, unread, keys) as transaction:
            if idempotency is not None and (known := transaction.loaded.answers.get(OF_REQUEST + idempotency.key)):
                return replay(known, idempotency.fingerprint)
            books = books_of(company_id, transaction.head, undoable=not atomic)  # a batch is refused whole: no item is undone
            fill(books, transaction.loaded)
            if earlier is not None:
                is_current = transaction.head.seq == earlier.seq
                fill(books, earlier.loaded if is_current else transaction.load(needs.without(unread)))
            decision = Decision(
                CATALOGUE, books, actor, now_after(transaction.head), self.make_id, fields_of, correlation_id=self.make_id()
            )
            load_wishes(transaction, decision, commands, needs)
            results, answers = self._decide(decision, commands, transaction.loaded, atomic=atomic)
            results = _with_refusals(results, unreadable)
            decision.credentials.extend(_earned(credentials, results))
            said = b"" if say is None else say(books, [one for one in results if isinstance(one, Result)])
            outcome = Outcome(results=results, seq=books.seq, said=said, dry_run=dry_run)
            if dry_run:
                return outcome
            if idempotency is not None:
                answers.append(Answer(OF_REQUEST + idempotency.key, idempotency.fingerprint, _stored(outcome)))
            use_time = None if meanwhile is None else partial(meanwhile, books, results)
            if not (decision.events or answers or decision.credentials):
                if use_time is not None:
                    use_time()
                return outcome
            append_all(transaction, decision, answers, use_time)
        if self.hint is not None and decision.events:
            self.hint(company_id, books.seq)
        return outcome

    def _decide(
        self, decision: Decision, commands: Sequence[Command], loaded: Loaded, *, atomic: bool
    ) -> tuple[list[Result | Refusal], list[Answer]]:
        results: list[Result | Refusal] = []
        answers: dict[str, Answer] = {}
        for index, command in enumerate(commands):
            try:
                results.append(self._decide_one(decision, command, loaded.answers, answers))
            except LedgerError as error:
                if atomic:
                    raise error.at(f"commands[{index}]") from None
                results.append(refusal(command, error))
        return results, list(answers.values())

    def _decide_one(self, decision: Decision, command: Command, known: dict[str, Answer], answers: dict[str, Answer]) -> Result:
        if command.key is None:
            return decide(decision, command)
        fingerprint = fingerprint_of(msgspec.structs.replace(command, key=None))
        key = OF_COMMAND + command.key
        if answer := known.get(key) or answers.get(key):
            if answer.fingerprint != fingerprint:
                raise KeyReused(path="key", key=command.key)
            result = msgspec.json.decode(answer.answer, type=Result)
            return msgspec.structs.replace(result, idempotent_replay=True)
        result = decide(decision, command)
        answers[key] = Answer(key, fingerprint, JSON.encode(result))
        return result

    def find_answer(self, company_id: UUID, idempotency: Idempotency) -> Outcome | None:
        """The stored answer to a request that is not going to be executed: its body is invalid, or is a replay.

        The key is resolved before validation: an invalid body under a used key is a KeyReused, not a validation error.
        """
        check_key(idempotency)
        key = OF_REQUEST + idempotency.key
        with self.store.write(company_id, Needs(), [key]) as transaction:
            known = transaction.loaded.answers.get(key)
        return replay(known, idempotency.fingerprint) if known else None

    def register_company(
        self, commands: Sequence[Command], *, credentials: Sequence[Credential] = (), actor: Actor | None = None
    ) -> tuple[UUID, int, Outcome]:
        """Begin a company's log with `company.create` and whatever follows it; returns its id, database id and outcome.

        Raises ValueTaken where the codename or the database id is another company's.
        """
        first = _typed(commands[0], 0)
        company_id = first.id or self.make_id()
        complete = [msgspec.structs.replace(first, id=company_id)]
        complete += [_typed(command, index) for index, command in enumerate(commands[1:], 1)]
        now = datetime.now(timezone.utc)
        head = Head(0, now, GENESIS, {}, now)
        decision = Decision(
            CATALOGUE, Books(company_id), actor or Actor(), now, self.make_id, fields_of, correlation_id=self.make_id()
        )
        results, _ = self._decide(decision, complete, Loaded(), atomic=True)
        decision.credentials.extend(credentials)
        append = append_of(decision.books, decision.events, head, [], decision.credentials)
        database_id = self.store.register(company_id, first.data.codename, first.data.database_id, append)
        return company_id, database_id, Outcome(results=results, seq=decision.books.seq)


def _earned(credentials: Sequence[Credential], results: Sequence[Result | Refusal]) -> list[Credential]:
    """The credentials whose commands were executed: a refused or repeated command sets no password."""
    done = {
        result.id
        for result in results
        if isinstance(result, Result) and result.kind == "user" and result.changed and not result.idempotent_replay
    }
    return [credential for credential in credentials if credential.user_id in done]


# The steps of a write ------------------------------------------------------------------------------


def _typed(command: Command, index: int) -> Command:
    """The command with its data as the Struct its kind and action take. Raises UnknownKind, InvalidField."""
    kind = CATALOGUE.get(command.kind)
    struct = kind.data_struct(command.action) if kind else None
    if struct is None:
        raise UnknownKind(f"There is no command {command.type!r}.", path=f"commands[{index}].type")
    try:
        return typed(command, struct)
    except LedgerError as error:
        raise error.at(f"commands[{index}]") from None


def _read(commands: Sequence[Command], *, atomic: bool) -> tuple[list[Command], dict[int, Refusal]]:
    """The commands with their data typed; where the batch is not atomic, what cannot be read is refused alone."""
    read: list[Command] = []
    refused: dict[int, Refusal] = {}
    for index, command in enumerate(commands):
        try:
            read.append(_typed(command, index))
        except LedgerError as error:
            if atomic:
                raise
            error.path = error.path.removeprefix(f"commands[{index}].")
            refused[index] = refusal(command, error)
    return read, refused


def _with_refusals(results: list[Result | Refusal], refused: Mapping[int, Refusal]) -> list[Result | Refusal]:
    """The results of what could be read, and what could not be in its place."""
    others = iter(results)
    return [refused[index] if index in refused else next(others) for index in range(len(results) + len(refused))]


def load_wishes(transaction: WriteTransaction, decision: Decision, commands: Sequence[Command], loaded: Needs) -> None:
    """Load what the rules want beside what the commands name: families, stock, histories. A query per round, not per record."""
    for _ in range(MAX_LOADS):
        wanted = Needs()
        for command in commands:
            _note_wishes(wanted, decision, command)
        missing = wanted.without(loaded)
        missing.ids = {record_id for record_id in missing.ids if record_id not in decision.books.records}
        if not missing:
            return
        fill(decision.books, transaction.load(missing))
        loaded.include(wanted)
    raise RuntimeError(f"the rules of {sorted({c.type for c in commands})} never stop wanting more records")


def _note_wishes(wanted: Needs, decision: Decision, command: Command) -> None:
    kind = CATALOGUE[command.kind]
    record = None
    if command.action != "create":
        try:
            record = find_target(decision, kind, command)
        except LedgerError:
            return  # deciding will say so, in the command's turn: an earlier one of the batch may make the record
        if needs_history(command, record):
            wanted.histories.add(record.id)
        if kind.person and kind.holds_personal(command.data):  # whether they were erased
            person_id = kind.person_of(record.id, record.data)
            if person_id is not None:
                wanted.ids.add(person_id)
    for wish in kind.wants(decision, command, record):
        if isinstance(wish, ChildrenOf):
            wanted.parents.add(wish.parent_id)
        elif isinstance(wish, HolderOf):
            wanted.holders.add((wish.kind, wish.unique, wish.value))
        elif isinstance(wish, StockOf):
            wanted.stock.add(stock_key(wish.product_id, wish.store_id))
        elif isinstance(wish, CashOf):
            wanted.shifts.add(wish.shift_id)
        elif isinstance(wish, TracesOf):
            wanted.traces.add(wish.person_id)
        else:
            wanted.ids.add(wish)


def refusal(command: Command, error: LedgerError) -> Refusal:
    """The answer to a refused item."""
    return Refusal(type=command.type, code=error.code, message=error.message, path=error.path, details=dict(error.details))


def replay(known: Answer, fingerprint: bytes) -> Outcome:
    """The stored answer, marked as a replay; raises KeyReused where the body is another."""
    if known.fingerprint != fingerprint:
        raise KeyReused(path="Idempotency-Key", key=known.key.removeprefix(OF_REQUEST))
    outcome = msgspec.json.decode(known.answer, type=_StoredOutcome)
    results: list[Result | Refusal] = []
    for item in outcome.results:
        if "code" in item:
            results.append(msgspec.convert(item, Refusal))
        else:
            results.append(msgspec.structs.replace(msgspec.convert(item, Result), idempotent_replay=True))
    said = bytes(outcome.said)
    return Outcome(results=results, seq=outcome.seq, said=b"" if said == b"null" else said, idempotent_replay=True)


def _stored(outcome: Outcome) -> bytes:
    """An outcome as it is kept; what was said is JSON in it."""
    if not outcome.said:
        return JSON.encode(outcome)
    return JSON.encode({"results": outcome.results, "seq": outcome.seq, "said": msgspec.Raw(outcome.said)})


def append_all(
    transaction: WriteTransaction, decision: Decision, answers: list[Answer], meanwhile: Callable[[], None] | None = None
) -> None:
    """Append and commit. A violated constraint is a broken invariant of ours, never the client's fault: it surfaces."""
    append = append_of(decision.books, decision.events, transaction.head, answers, decision.credentials, decision.erased)
    try:
        transaction.append(append, meanwhile)
    except SequenceConflict as error:
        if "unique_values" in str(error):
            raise ValueTaken from error
        raise
