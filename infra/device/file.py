"""The file of a device: its schema, its transactions, and the few facts that it keeps about itself."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.device.errors import FileProblem

FORMAT = 1
BUSY_SECONDS_MAX = 30.0
"""How long to wait for another process that has the same file open: somebody edits while `watch` runs."""

_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- The server's rows as they were last pulled. A row with version 0 was pushed and accepted, and its pull is still to come.
CREATE TABLE rows (
    table_name TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (table_name, id)
) WITHOUT ROWID;

-- What was done here and is not on the server yet. `sent`: it went out and no answer has come, so it goes out again unchanged.
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    table_name TEXT NOT NULL, row_id TEXT NOT NULL,
    operation TEXT NOT NULL CHECK (operation IN ('INSERT', 'UPDATE', 'DELETE', 'RESOLVE')),
    data TEXT NOT NULL, base_version INTEGER NOT NULL, made_at TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'rejected')),
    code TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '', field TEXT NOT NULL DEFAULT ''
);

-- What the ids that were made here are called by the server.
CREATE TABLE ids (local_id TEXT PRIMARY KEY, table_name TEXT NOT NULL, id TEXT NOT NULL) WITHOUT ROWID;
"""


def dump(value: Any) -> str:
    """JSON as the file keeps it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class DeviceFile:
    """One open file. Every change of it is a transaction that is on the disk when `transaction()` is left."""

    def __init__(self, path: Path) -> None:
        """Open a file that `create` made. Raises FileProblem."""
        if not path.is_file():
            raise FileProblem(f"there is no file {path}; make it with `daftar device init {path} --server URL --email E-MAIL`")
        self.path = path
        self.connection = sqlite3.connect(path, timeout=BUSY_SECONDS_MAX, isolation_level=None)
        try:
            found = self.connection.execute("PRAGMA user_version").fetchone()[0]
            self.connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.DatabaseError:
            self.connection.close()
            raise FileProblem(f"{path} is no file of a device") from None
        if found != FORMAT:
            self.connection.close()
            raise FileProblem(f"{path} is no file of a device, or of another version of this program")

    @staticmethod
    def check_new(path: Path) -> None:
        """Raise FileProblem unless a file can be made here."""
        if path.exists():
            raise FileProblem(f"{path} exists already; another device needs a file of its own")
        if not path.parent.is_dir():
            raise FileProblem(f"there is no folder {path.parent}")

    @classmethod
    def create(cls, path: Path, facts: dict[str, Any]) -> None:
        """Make a new file, complete or not at all, that only its owner may read: it holds tokens. Raises FileProblem."""
        cls.check_new(path)
        draft = path.with_name(path.name + ".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        connection = sqlite3.connect(draft, isolation_level=None)
        try:
            connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT")
            connection.executemany("INSERT INTO facts VALUES (?, ?)", [(name, dump(value)) for name, value in facts.items()])
        finally:
            connection.close()
        draft.rename(path)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing of what is done inside."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    # Facts ----------------------------------------------------------------------------------------

    def fact(self, name: str, default: Any = None) -> Any:
        """Something that the device knows about itself."""
        row = self.connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return default if row is None else json.loads(row[0])

    def note(self, **facts: Any) -> None:
        """Remember facts, in the transaction that is open or else in one of its own."""
        pairs = [(name, dump(value)) for name, value in facts.items()]
        if self.connection.in_transaction:
            self.connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", pairs)
            return
        with self.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", pairs)

    @property
    def cursor(self) -> int:
        """The version up to which this device has pulled everything."""
        return int(self.fact("last_version", 0))
