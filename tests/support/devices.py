"""Devices of the Matrix dialect that speak to the application in this process, over a network that a test can disturb."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from infra.device import Answer, Device, ServerAway
from infra.device.file import DeviceFile

Row = dict[str, Any]


class Network:
    """Requests to an application in this process. `loss` is asked before each: "" or "request" or "answer" is what gets lost."""

    def __init__(self, client: Any, loss: Callable[[str], str] = lambda _: "") -> None:
        self.client = client
        self.loss = loss
        self.sent: list[tuple[str, str, dict[str, str], bytes | None]] = []

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        lost = self.loss(path)
        if lost == "request":
            self.sent.append((method, path, headers, body))
            raise ServerAway("the request was lost")
        self.sent.append((method, path, headers, body))
        answer = self.deliver(method, path, headers, body)
        if lost == "answer":
            raise ServerAway("the answer was lost")
        return answer

    def deliver(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        """Hand a request to the application: now, or again, or late."""
        answer = self.client.request(method, path, headers=headers, content=body)
        return Answer(answer.status_code, answer.content)


class Clock:
    """A clock that goes when it is told to, and may be days wrong."""

    def __init__(self, off: timedelta = timedelta(0)) -> None:
        self.off = off

    def __call__(self) -> datetime:
        return datetime.now(timezone.utc) + self.off


def new_file(path: Path, name: str, token: str, **facts: Any) -> Path:
    """The file of a device that is logged in with this token."""
    DeviceFile.create(path, {"server": "http://test", "device_id": name, "email": "-", "token": token, **facts})
    return path


def everything(device: Device) -> dict[tuple[str, str], Row]:
    """All that a device has of the server."""
    return device.server_rows()
