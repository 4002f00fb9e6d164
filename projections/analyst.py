"""An analyst's own projection: one Python file, run as any other, and kept from harming what is not its own.

The file defines a class with the members of `Projection` and makes one of it, or is the class alone. What is wrong with it is
said with the file and the line, when it is loaded (FileProblem) or when it folds (FoldProblem, which parks the company).
"""

from __future__ import annotations

import ast
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

from domain.catalogue import CATALOGUE
from domain.event import RecordedEvent
from projections.projection import Changes, Index, Projection, Row, Table, View

COLUMN_TYPES = frozenset({"uuid", "bigint", "integer", "text", "boolean", "timestamptz", "date", "numeric"})
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
RESERVED = frozenset({"relay", "overdue", "scheduler", "search"})
"""Names of followers that are no projections: a projection of the name would share their positions."""
MEMBERS = ("name", "version", "kinds", "tables", "fold")


class FileProblem(Exception):
    """A file that holds no usable projection. `line` counts from 1; None where it is about the file as a whole."""

    def __init__(self, file: Path, line: int | None, reason: str) -> None:
        super().__init__(f"{file}{f', line {line}' if line else ''}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


class FoldProblem(Exception):
    """An analyst's fold failed, or answered with what cannot be stored; the message names the file and the line."""


class AnalystProjection:
    """A projection from a file: never inline, its tables in a schema of their own, its fold confined to them."""

    inline = False

    def __init__(self, file: Path, line: int, source: str, made: Any) -> None:
        self.file = file
        self.line = line
        self.source = source
        self._made: Projection = made
        self.name: str = made.name
        self.version: int = made.version
        self.kinds: frozenset[str] | None = None if made.kinds is None else frozenset(made.kinds)
        self.tables: tuple[Table, ...] = tuple(made.tables)

    def problem(self, reason: str) -> FileProblem:
        """What is wrong with it as a whole."""
        return FileProblem(self.file, self.line, reason)

    def fold(self, company_id: UUID, events: Sequence[RecordedEvent], view: View) -> Changes:
        """The changes that the file's fold makes. Raises FoldProblem."""
        try:
            changes: Any = self._made.fold(company_id, events, _OwnView(self, view))
        except Exception as error:
            if type(error).__module__.partition(".")[0] == "psycopg":
                raise  # the database's own, which is no fault of the file
            raise FoldProblem(f"{_place(self.file, error)}: {type(error).__name__}: {error}") from error
        if not isinstance(changes, Changes):
            raise FoldProblem(f"{self.file.name}: fold answers with {type(changes).__name__}, and should with Changes")
        for table, rows in changes.deletes.items():
            self._check(table, rows, len(table.key), "the key of a row to delete")
        for written in (changes.inserts, changes.puts):
            for table, rows in written.items():
                self._check(table, rows, len(table.columns), "a row")
        return changes

    def _check(self, table: Table, rows: Sequence[Any], width: int, what: str) -> None:
        if table not in self.tables:
            raise FoldProblem(f"{self.file.name}: fold changes the table {table.name!r}, which is not among its tables")
        for row in rows:
            if not isinstance(row, tuple) or len(row) != width:
                raise FoldProblem(f"{self.file.name}: {what} of {table.name!r} is a tuple of {width} values, not {row!r}")


class _OwnView:
    """The projection's own tables: what others keep may be behind or ahead of these events, and would not fold alike again."""

    def __init__(self, projection: AnalystProjection, view: View) -> None:
        self._projection = projection
        self._view = view

    def find(self, table: Table, by: Sequence[str], keys: Sequence[Row], select: Sequence[str]) -> Iterable[Row]:
        """The `select` columns of the rows whose `by` columns equal one of the keys."""
        if table not in self._projection.tables:
            raise ValueError(f"the table {table.name!r} is not among the tables of {self._projection.name!r}")
        for name in (*by, *select):
            if name not in table.columns:
                raise ValueError(f"the table {table.name!r} has no column {name!r}; it has {', '.join(table.columns)}")
        return self._view.find(table, by, keys, select)


# Loading a file -----------------------------------------------------------------------------------


def load_file(file: Path) -> list[AnalystProjection]:
    """The projections that a file defines. Raises FileProblem."""
    try:
        source = file.read_text("utf-8")
        tree = ast.parse(source, str(file))
        module = ModuleType(f"projections.d.{file.stem}")
        module.__file__ = str(file)
        # Classes look their module up while they are made (dataclasses do)
        sys.modules[module.__name__] = module
        exec(compile(tree, str(file), "exec"), module.__dict__)  # noqa: S102 (the operator put the file there to be run)
    except OSError as error:
        raise FileProblem(file, None, f"it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileProblem(file, None, f"it is not UTF-8: {error.reason} at byte {error.start}") from error
    except SyntaxError as error:
        raise FileProblem(file, error.lineno, f"{type(error).__name__}: {error.msg}") from error
    except (Exception, SystemExit) as error:
        raise FileProblem(file, _line(file, error), f"{type(error).__name__}: {error}") from error
    found = list(_projections_in(file, module, tree, source))
    if not found:
        raise FileProblem(
            file,
            None,
            f"it defines no projection: a class with {', '.join(MEMBERS[:-1])} and fold; `daftar projections new` writes one",
        )
    return found


def _projections_in(file: Path, module: ModuleType, tree: ast.Module, source: str) -> Iterator[AnalystProjection]:
    """Every class of the file that says it is a projection: it has a name and tables, or a fold."""
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        made = getattr(module, node.name, None)
        if not isinstance(made, type) or not (hasattr(made, "fold") or (hasattr(made, "tables") and hasattr(made, "name"))):
            continue
        try:
            instance = made()
        except Exception as error:
            raise FileProblem(file, _line(file, error) or node.lineno, f"{type(error).__name__}: {error}") from error
        if reason := _wrong(instance):
            raise FileProblem(file, node.lineno, f"{node.name}: {reason}")
        yield AnalystProjection(file, node.lineno, source, instance)


def _wrong(made: Any) -> str | None:
    """What is wrong with a projection, or None."""
    missing = [name for name in MEMBERS if not hasattr(made, name)]
    if missing:
        return f"it has no {' and no '.join(missing)}"
    if not isinstance(made.name, str) or not NAME.fullmatch(made.name):
        return f"the name {made.name!r} is not a lower-case letter followed by at most 39 lower-case letters, digits and _"
    if made.name in RESERVED:
        return f"the name {made.name!r} is taken by Daftar; choose another"
    if not isinstance(made.version, int) or isinstance(made.version, bool) or not 1 <= made.version < 2**31:
        return f"version is {made.version!r}, and should be a whole number from 1"
    if getattr(made, "inline", False):
        return "inline is for Daftar's own projections: the write path waits for nobody's file"
    if not callable(made.fold):
        return "fold is not a method"
    if made.kinds is not None:
        if isinstance(made.kinds, str) or not isinstance(made.kinds, Iterable):
            return f"kinds is {made.kinds!r}, and should be a frozenset of kinds, or None for all"
        for kind in made.kinds:
            if kind not in CATALOGUE:
                return f"there is no kind {kind!r}; there are {', '.join(sorted(CATALOGUE))}"
    if not isinstance(made.tables, (tuple, list)) or not made.tables:
        return "tables is not a tuple of at least one Table"
    names: set[str] = set()
    for table in made.tables:
        if not isinstance(table, Table):
            return f"tables holds {table!r}, which is no Table"
        if table.name in names:
            return f"it has two tables {table.name!r}"
        names.add(table.name)
        if reason := _wrong_table(table):
            return f"table {table.name!r}: {reason}"
    return None


def _wrong_table(table: Any) -> str | None:
    if not isinstance(table.name, str) or not NAME.fullmatch(table.name):
        return "its name is not a lower-case letter followed by at most 39 lower-case letters, digits and _"
    if not table.columns:
        return "it has no columns"
    for name, type_ in table.columns.items():
        if not isinstance(name, str) or not NAME.fullmatch(name) or name == "company_id":
            return f"{name!r} cannot be a column's name" + (
                "; every table has a company_id already" if name == "company_id" else ""
            )
        if type_ not in COLUMN_TYPES:
            return f"column {name!r} has the type {type_!r}; there are {', '.join(sorted(COLUMN_TYPES))}"
    if not table.key or isinstance(table.key, str):
        return 'its key is not a tuple of at least one column, as in key=("id",)'
    for name in (*table.key, *table.nullable):
        if name not in table.columns:
            return f"{name!r} is not one of its columns"
    if clash := set(table.key) & table.nullable:
        return f"{', '.join(sorted(clash))} of its key cannot be nullable"
    for index in table.indexes:
        if not isinstance(index, Index):
            return f"indexes holds {index!r}, which is no Index"
    if table.privileges != "SELECT":
        return "privileges are for Daftar's own projections; readers may SELECT"
    return None


def _place(file: Path, error: BaseException) -> str:
    line = _line(file, error)
    return f"{file.name}, line {line}" if line else file.name


def _line(file: Path, error: BaseException) -> int | None:
    """The last line of the file that the error passed through."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return lines[-1] if lines else None
