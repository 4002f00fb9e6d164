"""Devices of the Matrix app, as tests speak for them."""

from __future__ import annotations

from typing import Any


class Device:
    """One installation of the app, with somebody's token."""

    def __init__(self, client: Any, token: str, name: str) -> None:
        self.client, self.token, self.name, self.version = client, token, name, 0

    def call(self, method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "X-Device-Id": self.name, **more.pop("headers", {})}
        return self.client.request(method, f"/api{path}", headers=headers, **more)

    def post(self, path: str, **body: Any) -> Any:
        return self.call("POST", f"/sync/{path}", json={"device_id": self.name, **body})

    def push(self, *changes: dict[str, Any], **more: Any) -> dict[str, Any]:
        answer = self.post("push", changes=list(changes), **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def made(self, *changes: dict[str, Any], **more: Any) -> dict[str, int]:
        """Push what must succeed; the ids it got."""
        answer = self.push(*changes, **more)
        assert answer["errors"] == []
        return answer["id_mappings"]

    def pull(self, **more: Any) -> list[dict[str, Any]]:
        answer = self.post("pull", last_version=self.version, **more)
        assert answer.status_code == 200, answer.text
        self.version = answer.json()["current_version"]
        return answer.json()["changes"]

    def status(self) -> dict[str, Any]:
        answer = self.call("GET", "/sync/status")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def row(self, table: str, row_id: int) -> dict[str, Any]:
        """The latest state of a row, pulled from the beginning."""
        answer = self.post("pull", last_version=0, include_own=True, tables=[table]).json()
        return next(change for change in answer["changes"] if change["record_id"] == row_id)


def insert(table: str, local_id: str, **data: Any) -> dict[str, Any]:
    return {"table": table, "operation": "INSERT", "local_id": local_id, "data": data}


def update(table: str, row_id: Any, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"table": table, "operation": "UPDATE", "record_id": row_id, "data": data, **more}


def delete(table: str, row_id: Any, **more: Any) -> dict[str, Any]:
    return {"table": table, "operation": "DELETE", "record_id": row_id, "data": {"id": row_id}, **more}
