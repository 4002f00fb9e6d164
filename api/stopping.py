"""Ending open streams as soon as the process is asked to stop.

The HTTP server ends an application only when every answer has been sent, and a stream of events never ends by itself: so the
application listens for the same signals as the server, beside it, and ends its streams and long polls at once.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def on_stop(call: Callable[[], None]) -> Iterator[None]:
    """Call `call` in the running event loop when the process is asked to stop; whoever handled the signal before still does."""
    if threading.current_thread() is not threading.main_thread():  # as in tests: signals are not ours to handle
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(call)
        previous = before[signal.Signals(number)]
        if callable(previous):
            previous(number, frame)

    for number in SIGNALS:
        signal.signal(number, handle)
        signal.siginterrupt(number, False)  # as the event loop has it: system calls go on
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
