"""A subscriber to an event stream, for tests."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import httpx

from .conftest import Company


class Stream:
    """A subscriber: the frames of an event stream, as they come."""

    def __init__(self, company: Company, query: str = "", **headers: str) -> None:
        self.frames: list[dict[str, str]] = []
        self.comments: list[str] = []
        self.ended = threading.Event()
        self._stack = contextlib.ExitStack()
        client = self._stack.enter_context(httpx.Client(base_url=company.client.base_url, timeout=30))
        request = client.stream(
            "GET", f"/ledger/v1/events/stream{query}", headers={"Authorization": f"Bearer {company.token}", **headers}
        )
        self.response = self._stack.enter_context(request)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        frame: dict[str, str] = {}
        with contextlib.suppress(httpx.HTTPError):
            for line in self.response.iter_lines():
                name, _, value = line.partition(": ")
                if not line:
                    if "data" in frame:
                        self.frames.append(frame)
                    frame = {}
                elif name == "":
                    self.comments.append(value)
                elif line.startswith(":"):
                    self.comments.append(line[1:].strip())
                else:
                    frame[name] = value
        self.ended.set()

    def wait_for(self, count: int, seconds: float = 10) -> list[int]:
        """The seqs, once there are this many."""
        deadline = time.monotonic() + seconds
        while len(self.frames) < count:
            assert time.monotonic() < deadline, f"{len(self.frames)} of {count} events after {seconds} s"
            time.sleep(0.005)
        return [int(frame["id"]) for frame in self.frames]

    def close(self) -> None:
        """Hang up."""
        connection = self.response.extensions["network_stream"].get_extra_info("socket")
        with contextlib.suppress(OSError):  # it is closed where the server has ended the stream
            connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._stack.close()


@contextlib.contextmanager
def stream(company: Company, query: str = "", **headers: str) -> Iterator[Stream]:
    """A subscriber for as long as the block lasts."""
    subscriber = Stream(company, query, **headers)
    try:
        yield subscriber
    finally:
        subscriber.close()
