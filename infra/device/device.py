"""A device: its file, its clock, and the server that it knows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

from infra.device.errors import NoSuchRow, WrongUse
from infra.device.file import DeviceFile
from infra.device.outbox import Outbox
from infra.device.rows import CLEAN, Item, Row, Seen, read_items, read_rows, server_rows
from infra.device.server import Server, Transport, UrlTransport, ask
from infra.device.syncing import Report, sync

READ_ONLY = frozenset({"conflicts"})


def _now() -> datetime:
    return datetime.now(timezone.utc)


class Device:
    """One installation of an app: everything but `log_in` and `sync` works without a server."""

    def __init__(self, file: DeviceFile, transport: Transport | None = None, clock: Callable[[], datetime] = _now) -> None:
        """A device on its open file; without a `transport` it speaks HTTP to the server that the file names."""
        self.file = file
        self.clock = clock
        self.outbox = Outbox(file)
        self.transport = transport or UrlTransport(file.fact("server"))
        self.server = Server(file, self.transport)

    @classmethod
    def open(cls, path: Path) -> Device:
        """The device in a file. Raises FileProblem."""
        return cls(DeviceFile(path))

    @classmethod
    def create(cls, path: Path, address: str, credentials: Row, *, name: str = "", register: bool = False) -> Device:
        """Make the file of a new device, which is logged in; `register`: as a new user with a new company.

        Raises FileProblem, WrongUse, ServerAway, Refused; there is no file then.
        """
        transport = UrlTransport(address)
        DeviceFile.check_new(path)
        device_id = f"{name}-{uuid4().hex[:8]}" if name else str(uuid4())
        place = "register" if register else "login"
        answer = ask(transport, f"/api/auth/{place}", {**credentials, "device_id": device_id})
        DeviceFile.create(path, {"server": address, "device_id": device_id, "email": credentials["email"], **_session(answer)})
        return cls.open(path)

    def log_in(self, password: str) -> None:
        """Begin a new session. Raises ServerAway, Refused."""
        fact = self.file.fact
        said = {name: fact(name) for name in ("email", "device_id", "company_id")}
        self.file.note(**_session(ask(self.transport, "/api/auth/login", {**said, "password": password})))

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    # Reading --------------------------------------------------------------------------------------

    def tables(self) -> dict[str, int]:
        """The tables that have rows here, and how many."""
        connection = self.file.connection
        names = connection.execute("SELECT table_name FROM rows UNION SELECT table_name FROM outbox ORDER BY 1").fetchall()
        counts = {name: len(read_rows(connection, name)) for (name,) in names}
        return {name: count for name, count in counts.items() if count}

    def rows(self, table: str) -> list[Seen]:
        """The rows of a table as they are here, with what is queued on top."""
        return list(read_rows(self.file.connection, table).values())

    def row(self, table: str, row_id: str) -> Seen:
        """One row, by its id or the one it had before it was pushed. Raises NoSuchRow."""
        rows = read_rows(self.file.connection, table)
        found = rows.get(self.id_of(row_id) or row_id)
        if found is None:
            raise NoSuchRow(f"there is no row {row_id} in {table} on this device")
        return found

    def id_of(self, local_id: str) -> str | None:
        """The server's id of a row that was made here; None as long as it has none."""
        found = self.file.connection.execute("SELECT id FROM ids WHERE local_id = ?", (local_id,)).fetchone()
        return found[0] if found else None

    def items(self, *states: str) -> list[Item]:
        """The changes in the outbox, of these states or all."""
        return [item for item in read_items(self.file.connection) if not states or item.state in states]

    def conflicts(self, *, settled: bool = False) -> list[Row]:
        """The conflicts that are open, or also those that are settled."""
        return [row.data for row in self.rows("conflicts") if settled or (row.data["status"] == "open" and row.state == CLEAN)]

    def server_rows(self) -> dict[tuple[str, str], Row]:
        """Every row as the server had it at the last pull: (table, id) → row."""
        return server_rows(self.file.connection)

    # Writing --------------------------------------------------------------------------------------

    def add(self, table: str, data: Row) -> str:
        """A new row; returns its id on this device. Raises WrongUse."""
        _check_writable(table)
        return self.outbox.add(table, data, self.clock())

    def set(self, table: str, row_id: str, changes: Row) -> None:
        """Change columns of a row. Raises NoSuchRow, WrongUse."""
        _check_writable(table)
        if not changes:
            raise WrongUse("say what to change, as column=value")
        self.outbox.update(table, row_id, changes, self.clock())

    def delete(self, table: str, row_id: str) -> None:
        """Delete a row. Raises NoSuchRow, WrongUse."""
        _check_writable(table)
        self.outbox.delete(table, row_id, self.clock())

    def resolve(self, conflict: str, choice: str, fields: Row | None = None) -> None:
        """Settle a conflict: `server`, `client`, or `merged` with the columns to have. Raises NoSuchRow."""
        self.outbox.resolve(conflict, choice, fields or {}, self.clock())

    def retry(self, number: int | None = None, changes: Row | None = None) -> int:
        """Send rejected changes again. Raises NoSuchRow, WrongUse."""
        return self.outbox.retry(number, changes or {}, self.clock())

    def discard(self, number: int | None = None) -> int:
        """Give rejected changes up. Raises NoSuchRow."""
        return self.outbox.discard(number)

    def sync(self) -> Report:
        """Exchange everything with the server. Raises ServerAway, Refused."""
        return sync(self.file, self.server)


def _session(answer: dict[str, Any]) -> Row:
    return {name: answer[name] for name in ("token", "refresh_token", "company_id")}


def _check_writable(table: str) -> None:
    if table in READ_ONLY:
        raise WrongUse(f"{table} are not edited; settle one with `daftar device resolve`")
