"""Measuring two sides side by side: their rounds alternate, so that a noisy machine is noisy for both."""

from __future__ import annotations

import gc
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

Work = Callable[[], object]


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a rate per second or a time in seconds, and the latencies behind it where there are any."""

    value: float
    latencies: Sequence[float] = ()

    def percentile(self, fraction: float) -> float | None:
        """The latency below which `fraction` of them lie, in seconds."""
        if not self.latencies:
            return None
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * fraction))]


@dataclass(frozen=True)
class Row:
    """A line of the table. `ratio` is ours to the reference's, as rates (more is better) or as times (less is better)."""

    name: str
    ours: Side
    reference: Side
    reference_name: str
    target: float
    unit: str
    more_is_better: bool = True

    @property
    def ratio(self) -> float:
        """Ours divided by the reference's."""
        return self.ours.value / self.reference.value

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.ratio >= self.target if self.more_is_better else self.ratio <= self.target


@contextmanager
def quiet() -> Iterator[None]:
    """What a server process of ours does at start, for both sides: fewer passes of the garbage collector."""
    gc.collect()
    gc.freeze()
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def largest(read: Callable[[], int], *, pause_seconds: float = 0.01) -> Iterator[list[int]]:
    """Reads a figure again and again while the block runs; the list holds the largest seen."""
    seen = [0]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(pause_seconds):
            seen[0] = max(seen[0], read())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        stop.set()
        watcher.join()


def timed(work: Work) -> float:
    """Seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rates(ours: Work, reference: Work, *, rounds: int, units: int) -> tuple[Side, Side]:
    """Units per second of both, from the median of alternating rounds of `units` each."""
    ours(), reference()  # warm up
    pairs = [(timed(ours), timed(reference)) for _ in range(rounds)]
    return tuple(Side(units / statistics.median(side)) for side in zip(*pairs, strict=True))  # type: ignore[return-value]


def latencies(ours: Work, reference: Work, *, rounds: int, warm_up: int = 50) -> tuple[Side, Side]:
    """Median seconds of both, one call of each in turn."""
    for _ in range(warm_up):
        ours(), reference()
    pairs = [(timed(ours), timed(reference)) for _ in range(rounds)]
    return tuple(Side(statistics.median(side), side) for side in zip(*pairs, strict=True))  # type: ignore[return-value]
