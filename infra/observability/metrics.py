"""Metrics for Prometheus. Each process counts its own; where PROMETHEUS_MULTIPROC_DIR is set, a scrape sums over all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
ITEMS = (0, 1, 10, 100, 1_000, 10_000)

Measure = Callable[[], dict[str, dict[str, float]]]
"""Values looked up at a scrape: metric → (label value → value)."""


class _Looked(Collector):
    """What is looked up when somebody asks, instead of being counted."""

    def __init__(self, measure: Measure) -> None:
        self._measure = measure

    def collect(self) -> Iterator[Metric]:
        for name, values in self._measure().items():
            family = GaugeMetricFamily(f"daftar_{name}", name.replace("_", " "), labels=["of"])
            for label, value in values.items():
                family.add_metric([label], value)
            yield family


class Metrics:
    """What one API process counts."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self.requests = Counter(
            "daftar_http_requests", "Requests by route, method and status", ["route", "method", "status"], registry=registry
        )
        self.seconds = Histogram(
            "daftar_http_request_seconds", "Time to the end of the answer", ["route"], buckets=SECONDS, registry=registry
        )
        self.commands = Counter("daftar_commands", "Commands by type and outcome", ["type", "outcome"], registry=registry)
        self.refusals = Counter(
            "daftar_refusals", "Refused requests by dialect and error code", ["dialect", "code"], registry=registry
        )
        self.unannounced = Counter("daftar_route_events_dropped", "Answers that could not be announced on NATS", registry=registry)
        self.syncs = Counter("daftar_syncs", "Syncs of devices", ["dialect", "direction"], registry=registry)
        self.sync_seconds = Histogram(
            "daftar_sync_seconds", "Time of a device's sync", ["dialect", "direction"], buckets=SECONDS, registry=registry
        )
        self.sync_items = Counter(
            "daftar_sync_items", "Items of syncs by table and outcome", ["dialect", "table", "outcome"], registry=registry
        )
        self.pulled = Histogram("daftar_pulled_items", "Items in pulled pages", ["what"], buckets=ITEMS, registry=registry)
        self.subscribers = Gauge("daftar_subscribers", "Open event streams", registry=registry, multiprocess_mode="livesum")

    def render(self, measure: Measure) -> bytes:
        """Everything in Prometheus' text format, with what `measure` looks up now."""
        looked = CollectorRegistry()
        looked.register(_Looked(measure))
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry) + generate_latest(looked)
        together = CollectorRegistry()
        multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together) + generate_latest(looked)
