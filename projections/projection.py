"""What a projection is: a read model's tables, and the fold that turns events into their rows.

The same fold serves live following, catch-up, rebuild and verification: it is given events in order and a view of its own
tables as they stand before them, and answers with the rows to change. It performs no I/O beside the view, and never learns
in which schema its tables are: a rebuild has tables of the same names in a schema of its own, and the search path decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from domain.event import RecordedEvent

Row = tuple[Any, ...]
"""Values in the order of the table's columns, without the company. A uuid may be its text, text may be UTF-8."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index beside the primary key; `columns` is SQL, and so is the condition `where`. `method` is btree where it is empty.

    `settled`: what a batch adds to an inverted index is gathered, and put into place at the end of the batch.
    """

    name: str
    columns: str
    unique: bool = False
    where: str = ""
    method: str = ""
    options: str = ""
    settled: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table of a projection. `company_id` comes first in it and in its primary key, and is never named here.

    `columns`: name → SQL type, one of uuid, bigint, integer, text, boolean, timestamptz, date, numeric, jsonb. `privileges` are
    what the API's role may do with it. `immaterial` is a condition on rows that say the same as no row would.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    nullable: frozenset[str] = frozenset()
    indexes: tuple[Index, ...] = ()
    privileges: str = "SELECT"
    immaterial: str = ""
    append_only: bool = False
    """The fold only ever inserts: aside, not even the primary key is needed before the rows are all there."""
    balanced: str = ""
    """SQL of an amount that must sum to zero per seq and currency; the database refuses anything else."""
    view: str = ""
    """A view of the company's own rows for the API's role. Row-level security keeps Postgres from using an index for conditions
    whose functions might leak (of jsonb, for one); a view of the owner's isolates as well, and every condition may use one."""


class View(Protocol):
    """The projection's own tables, as they stand before the events being folded, of one company."""

    def find(self, table: Table, by: Sequence[str], keys: Sequence[Row], select: Sequence[str]) -> Iterable[Row]:
        """The `select` columns of the rows whose `by` columns equal one of the keys."""


@dataclass(slots=True)
class Changes:
    """What a fold changes: rows to delete (by primary key), then rows that are new, then rows to insert or replace."""

    deletes: dict[Table, list[Row]] = field(default_factory=dict)
    inserts: dict[Table, list[Row]] = field(default_factory=dict)
    puts: dict[Table, list[Row]] = field(default_factory=dict)


class Projection(Protocol):
    """One read model. `version` grows when its tables or its fold change, which asks for a rebuild.

    `kinds`: the kinds whose events it handles, None for all. `inline`: the write path keeps the live tables, in the transaction
    that appends the events; followers leave them alone, and only rebuild and verification fold them here.
    """

    @property
    def name(self) -> str:
        """What commands call it; also its follower's name."""

    @property
    def version(self) -> int:
        """Grows with every change that needs a rebuild."""

    @property
    def kinds(self) -> frozenset[str] | None:
        """The kinds whose events it handles; None: all."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """Its tables."""

    @property
    def inline(self) -> bool:
        """Whether the write path keeps the live tables."""

    def fold(self, company_id: UUID, events: Sequence[RecordedEvent], view: View) -> Changes:
        """The changes that these events, the next of the company's log, make. An exception parks the company here."""
