"""A sync: what is unanswered goes out again, what others did comes in, what was done here goes out, what became of it comes in."""

from __future__ import annotations

from dataclasses import dataclass

from infra.device.errors import Refused
from infra.device.file import DeviceFile, dump
from infra.device.outbox import MOST_PER_REQUEST, Outbox, Tally
from infra.device.rows import Item, Row
from infra.device.server import Server

ROWS_PER_PULL = 1_000
AS_OF_NOW = ("server_record", "server_deleted")
"""What a conflict's row says of its record at the moment of the pull; the device has the record's own row."""


@dataclass(slots=True)
class Report:
    """What a sync did."""

    sent: int = 0
    accepted: int = 0
    conflicts: int = 0
    rejected: int = 0
    received: int = 0
    version: int = 0

    def add(self, tally: Tally, sent: int) -> None:
        """Count a request."""
        self.sent += sent
        self.accepted += tally.accepted
        self.conflicts += tally.conflicts
        self.rejected += tally.rejected


def sync(file: DeviceFile, server: Server) -> Report:
    """Everything that a device and its server have for each other. Raises ServerAway, Refused; what was done until then stays."""
    outbox, report = Outbox(file), Report()
    if outbox.unanswered():  # before the pull, which would bring the same rows under the server's ids
        push(file, server, report)
    pull(file, server, report)
    if push(file, server, report):
        pull(file, server, report)
    report.version = file.cursor
    return report


def pull(file: DeviceFile, server: Server, report: Report, limit: int = ROWS_PER_PULL) -> None:
    """Every change since the last one, also those that the server made of this device's own."""
    has_more = True
    while has_more:
        after = file.cursor
        asked = {"last_version": after, "limit": limit, "include_own": True, "include_conflicts": True}
        answer = server.post("/api/sync/pull", asked)
        has_more = bool(answer["has_more"])
        with file.transaction() as connection:
            if file.cursor != after:
                continue  # another process on this file was faster
            for change in answer["changes"]:
                place, data = (change["table"], str(change["record_id"])), change["data"]
                if change["operation"] == "DELETE":
                    connection.execute("DELETE FROM rows WHERE table_name = ? AND id = ?", place)
                else:
                    if change["table"] == "conflicts":
                        data = {name: value for name, value in data.items() if name not in AS_OF_NOW}
                    connection.execute("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)", (*place, change["version"], dump(data)))
            file.note(last_version=answer["current_version"])
        report.received += len(answer["changes"])


def push(file: DeviceFile, server: Server, report: Report) -> bool:
    """Everything in the outbox, request by request. Returns whether there was anything."""
    outbox, count, most = Outbox(file), 0, MOST_PER_REQUEST
    while items := outbox.next_request(most):
        try:
            if items[0].operation == "RESOLVE":
                answer = server.post("/api/sync/resolve", {"resolutions": [_resolution(item) for item in items]})
                tally = outbox.settle_resolutions(items, answer)
            else:
                asked = {"last_version": file.cursor, "changes": [_change(item) for item in items]}
                tally = outbox.settle_changes(items, server.post("/api/sync/push", asked)["results"])
        except Refused as error:
            if error.status != 413 or len(items) == 1:
                raise
            outbox.unsend(items)
            most = len(items) // 2
            continue
        report.add(tally, len(items))
        count += len(items)
    return count > 0


def _change(item: Item) -> Row:
    """An item as the push has it. The same item always says the same, or the server would take it for another one."""
    said: Row = {"table": item.table, "operation": item.operation, "data": item.data, "timestamp": item.made_at}
    if item.operation == "INSERT":
        return {**said, "local_id": item.row_id}
    named: Row = {"local_id": item.row_id} if item.is_local else {"record_id": int(item.row_id)}
    return {**said, **named, "base_version": item.base_version}


def _resolution(item: Item) -> Row:
    return {"conflict_id": int(item.row_id), **item.data}
