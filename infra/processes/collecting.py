"""How a process that handles batches collects garbage: seldom."""

from __future__ import annotations

import gc


def collect_seldom() -> None:
    """Leave what was imported alone, and look for cycles only after many new objects: what batches are made of holds none.

    A batch of 5,000 commands is some hundred thousand objects that all live until it is answered; at Python's own thresholds they
    would be walked a hundred times, which takes a third of the time of a write.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
