"""Devices of the Matrix dialect that speak to the application in this process, over a network that a test can disturb."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


class Killed(Exception):
    """The device's process ended here."""


class FragileFile(DeviceFile):
    """A file whose process may be killed before a transaction, before it is committed, and after."""

    fuse: int | None = None

    def step(self) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.fuse = None
                raise Killed

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        self.step()
        with super().transaction() as connection:
            yield connection
            self.step()
        self.step()


class Installation:
    """A device, and what a test knows of it: which rows were made on it, and which of them were given up."""

    def __init__(self, folder: Path, place: int, client: Any, token: str) -> None:
        self.path = new_file(folder / f"{place}.db", f"device-{place}", token, company_id=None)
        self.clock = Clock(timedelta(days=(0, -5, 400)[place % 3]))
        self.network = Network(client, self.lose)
        self.losses: list[str] = []
        self.made: dict[str, tuple[str, str]] = {}
        self.given_up: set[str] = set()
        self.open()

    def open(self) -> None:
        self.device = Device(FragileFile(self.path), self.network, self.clock)

    def lose(self, path: str) -> str:
        self.device.file.step()
        endpoint, _, lost = self.losses[0].partition(" ") if self.losses else ("", "", "")
        if not lost or not path.endswith(endpoint):
            return ""
        del self.losses[0]
        return lost

    def live(self, work: Callable[[], Any], fuse: int | None) -> Any:
        """Do something, and be killed when the fuse has burnt down; then start again from the disk."""
        self.device.file.fuse = fuse
        try:
            return work()
        except Killed:
            self.device.file.connection.close()
            self.open()
        finally:
            self.device.file.fuse = None
        return None
