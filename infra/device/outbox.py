"""The outbox: what is done here goes in, leaves it once the server has accepted it, and stays with the reason if it has not."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from infra.device.errors import NoSuchRow, WrongUse
from infra.device.file import DeviceFile, dump
from infra.device.rows import Item, Row, read_items, read_rows

MOST_PER_REQUEST = 500


@dataclass(slots=True)
class Tally:
    """What became of items that were sent."""

    accepted: int = 0
    conflicts: int = 0
    rejected: int = 0


class Outbox:
    """The outbox of one file."""

    def __init__(self, file: DeviceFile) -> None:
        self.file = file

    # Writing --------------------------------------------------------------------------------------

    def add(self, table: str, data: Row, now: datetime) -> str:
        """A new row; returns its id, which holds until the server gives it another."""
        row_id = f"temp_{uuid4().hex[:12]}"
        with self.file.transaction() as connection:
            self._queue(connection, table, row_id, "INSERT", self._with_ids(connection, data), now)
        return row_id

    def update(self, table: str, row_id: str, changes: Row, now: datetime) -> None:
        """Columns of a row. A new row that was rejected is corrected itself, and goes out again. Raises NoSuchRow."""
        with self.file.transaction() as connection:
            row_id = self._row(connection, table, row_id)
            changes = self._with_ids(connection, changes)
            if rejected := self._rejected_insert(connection, row_id):
                self._again(connection, rejected, changes, now)
            else:
                self._queue(connection, table, row_id, "UPDATE", changes, now)

    def delete(self, table: str, row_id: str, now: datetime) -> None:
        """Delete a row. A new row that was rejected is discarded. Raises NoSuchRow."""
        with self.file.transaction() as connection:
            row_id = self._row(connection, table, row_id)
            if self._rejected_insert(connection, row_id):
                connection.execute("DELETE FROM outbox WHERE row_id = ?", (row_id,))
                return
            self._queue(connection, table, row_id, "DELETE", {}, now)

    def resolve(self, conflict: str, resolution: str, fields: Row, now: datetime) -> None:
        """How a conflict is to be settled. Raises NoSuchRow."""
        with self.file.transaction() as connection:
            self._row(connection, "conflicts", conflict)
            data = {"resolution": resolution} | ({"fields": self._with_ids(connection, fields)} if fields else {})
            self._queue(connection, "conflicts", conflict, "RESOLVE", data, now)

    def _queue(self, connection: sqlite3.Connection, table: str, row_id: str, operation: str, data: Row, now: datetime) -> None:
        """The version that the person saw is the one that the device had pulled."""
        count = int(self.file.fact("changes", 0)) + 1
        self.file.note(changes=count)
        connection.execute(
            "INSERT INTO outbox (table_name, row_id, operation, data, base_version, made_at) VALUES (?, ?, ?, ?, ?, ?)",
            (table, row_id, operation, dump(data), self.file.cursor, _said(now, count)),
        )

    def _row(self, connection: sqlite3.Connection, table: str, row_id: str) -> str:
        """The id of a row now, also if it is named by the one that it had before it was pushed. Raises NoSuchRow."""
        renamed = connection.execute("SELECT id FROM ids WHERE local_id = ? AND table_name = ?", (row_id, table)).fetchone()
        found = renamed[0] if renamed else row_id
        if found not in read_rows(connection, table):
            raise NoSuchRow(f"there is no row {row_id} in {table} on this device")
        return str(found)

    def _with_ids(self, connection: sqlite3.Connection, data: Row) -> Row:
        return _renamed(data, {local: int(found) for local, found in connection.execute("SELECT local_id, id FROM ids")})

    # What was rejected ----------------------------------------------------------------------------

    def retry(self, number: int | None, changes: Row, now: datetime) -> int:
        """Send rejected items again, all of them or one, which can be changed before. Returns how many. Raises NoSuchRow."""
        with self.file.transaction() as connection:
            items = self._rejected(connection, number)
            for item in items:
                self._again(connection, item, self._with_ids(connection, changes), now)
        return len(items)

    def discard(self, number: int | None) -> int:
        """Give rejected items up, all of them or one; with a new row go the changes of it. Returns how many. Raises NoSuchRow."""
        with self.file.transaction() as connection:
            items = self._rejected(connection, number)
            for item in items:
                connection.execute("DELETE FROM outbox WHERE number = ?", (item.number,))
                if item.operation == "INSERT":
                    connection.execute("DELETE FROM outbox WHERE row_id = ?", (item.row_id,))
        return len(items)

    @staticmethod
    def _rejected_insert(connection: sqlite3.Connection, row_id: str) -> Item | None:
        found = read_items(connection, "row_id = ? AND operation = 'INSERT' AND state = 'rejected'", row_id)
        return found[0] if found else None

    def _rejected(self, connection: sqlite3.Connection, number: int | None) -> list[Item]:
        items = read_items(connection, "state = 'rejected' AND number = coalesce(?, number)", number)
        if number is not None and not items:
            raise NoSuchRow(f"there is no rejected change {number}")
        return items

    def _again(self, connection: sqlite3.Connection, item: Item, changes: Row, now: datetime) -> None:
        """Queue a rejected item again. One that is changed is a new thing to say, and says when it was said."""
        made_at = item.made_at
        if changes:
            if item.operation not in ("INSERT", "UPDATE"):
                raise WrongUse(f"a {item.operation} has no columns to change")
            count = int(self.file.fact("changes", 0)) + 1
            self.file.note(changes=count)
            made_at = _said(now, count)
        connection.execute(
            "UPDATE outbox SET data = ?, made_at = ?, state = 'queued', code = '', message = '', field = '' WHERE number = ?",
            (dump(item.data | changes), made_at, item.number),
        )

    # Sending --------------------------------------------------------------------------------------

    def unanswered(self) -> list[Item]:
        """What went out and has had no answer: the same request goes out again, before anything else does."""
        return read_items(self.file.connection, "state = 'sent'")

    def next_request(self, most: int = MOST_PER_REQUEST) -> list[Item]:
        """What goes out next, marked as sent: the request that had no answer, else the first items of one sort."""
        with self.file.transaction() as connection:
            if sent := read_items(connection, "state = 'sent'"):
                return sent
            items = read_items(connection, "state = 'queued'")[:most]
            kinds = [item.operation == "RESOLVE" for item in items]
            items = items[: kinds.index(not kinds[0])] if len(set(kinds)) > 1 else items
            connection.executemany("UPDATE outbox SET state = 'sent' WHERE number = ?", [(item.number,) for item in items])
        return items

    def unsend(self, items: Sequence[Item]) -> None:
        """The request is too large for the server, so none of these were executed: they go out in smaller ones."""
        with self.file.transaction() as connection:
            numbers = [(item.number,) for item in items]
            connection.executemany("UPDATE outbox SET state = 'queued' WHERE number = ? AND state = 'sent'", numbers)

    def settle_changes(self, items: Sequence[Item], results: Sequence[Mapping[str, Any]]) -> Tally:
        """Take over what became of the changes of a push: rows that are accepted, new ids everywhere, reasons of rejections."""
        tally, names = Tally(), dict[str, int]()
        with self.file.transaction() as connection:
            cursor = self.file.cursor
            for item, result in zip(items, results, strict=True):
                if result["status"] == "rejected":
                    self._reject(connection, item, result)
                    tally.rejected += 1
                    continue
                if not connection.execute("DELETE FROM outbox WHERE number = ?", (item.number,)).rowcount:
                    continue  # another process on this file has had the answer already
                tally.accepted += 1
                tally.conflicts += result["status"] == "conflict"
                if item.operation == "INSERT":
                    names[item.row_id] = result["record_id"]
                    connection.execute(
                        "INSERT OR IGNORE INTO ids VALUES (?, ?, ?)", (item.row_id, item.table, str(result["record_id"]))
                    )
                if result["version"] > cursor and result["status"] != "conflict":
                    self._expect(connection, item, str(result["record_id"]))
            if names:
                self._rename(connection, names)
        return tally

    def settle_resolutions(self, items: Sequence[Item], answer: Mapping[str, Any]) -> Tally:
        """Take over what became of resolutions."""
        errors = {error["index"]: error for error in answer["errors"]}
        with self.file.transaction() as connection:
            for index, item in enumerate(items):
                if index in errors:
                    self._reject(connection, item, errors[index])
                else:
                    connection.execute("DELETE FROM outbox WHERE number = ?", (item.number,))
        return Tally(accepted=len(items) - len(errors), rejected=len(errors))

    @staticmethod
    def _reject(connection: sqlite3.Connection, item: Item, said: Mapping[str, Any]) -> None:
        reason = (str(said["code"]), str(said["message"]), str(said.get("field") or ""))
        connection.execute(
            "UPDATE outbox SET state = 'rejected', code = ?, message = ?, field = ? WHERE number = ?", (*reason, item.number)
        )

    @staticmethod
    def _expect(connection: sqlite3.Connection, item: Item, row_id: str) -> None:
        """The row as it was sent, until its pull comes: what was just seen here must not be gone for a moment."""
        place = (item.table, row_id)
        if item.operation == "DELETE":
            connection.execute("DELETE FROM rows WHERE table_name = ? AND id = ?", place)
            return
        stored = connection.execute("SELECT version, data FROM rows WHERE table_name = ? AND id = ?", place).fetchone()
        if item.operation == "INSERT" and stored is None:
            data = {"id": int(row_id), **item.data}
            connection.execute("INSERT INTO rows VALUES (?, ?, 0, ?)", (*place, dump(data)))
        elif stored is not None:
            connection.execute(
                "UPDATE rows SET data = ? WHERE table_name = ? AND id = ?", (dump(json.loads(stored[1]) | item.data), *place)
            )

    @staticmethod
    def _rename(connection: sqlite3.Connection, names: Mapping[str, int]) -> None:
        """Put the server's ids for the local ones: of rows, and where others name them. What is unanswered stays as it went out."""
        for item in read_items(connection, "state <> 'sent'"):
            row_id, data = str(names.get(item.row_id, item.row_id)), _renamed(item.data, names)
            if row_id != item.row_id or data != item.data:
                connection.execute("UPDATE outbox SET row_id = ?, data = ? WHERE number = ?", (row_id, dump(data), item.number))
        for table, row_id, data in connection.execute("SELECT table_name, id, data FROM rows").fetchall():
            if "temp_" in data:
                renamed = dump(_renamed(json.loads(data), names))
                connection.execute("UPDATE rows SET data = ? WHERE table_name = ? AND id = ?", (renamed, table, row_id))


def _renamed(data: Row, names: Mapping[str, int]) -> Row:
    """`data` with the server's ids in the columns that name rows; fields of a resolution are columns too."""
    renamed: Row = {
        name: names[value] if name.endswith("_id") and isinstance(value, str) and value in names else value
        for name, value in data.items()
    }
    fields = renamed.get("fields")
    if isinstance(fields, dict):
        renamed["fields"] = _renamed(fields, names)
    return renamed


def _said(now: datetime, count: int) -> str:
    """When a change was made, by this device's clock. The last three digits count: two changes never say the same moment."""
    moment = now.astimezone(timezone.utc)
    counted = moment.replace(microsecond=moment.microsecond // 1000 * 1000 + count % 1000, tzinfo=None)
    return counted.isoformat("T", "microseconds") + "Z"
