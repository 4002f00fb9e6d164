"""Ending what runs beside the requests."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

AGAIN_SECONDS = 1.0
"""How long a task has for its end before it is cancelled anew."""


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they are done. Once is not always enough: the NATS client swallows a cancellation while it hangs up."""
    waiting = {task for task in tasks if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=AGAIN_SECONDS)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # what it died of is told where it happened; here nobody asks
