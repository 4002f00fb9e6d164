"""What every request of the sync has: its session, its form, its device; counted, throttled and timed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from api.bearer import claims_of
from api.http_errors import HttpRequest
from api.matrix import forms
from api.matrix.access import Asker, asker_of, device_named
from api.reading_requests import query_pairs, read_body, services_of
from infra.composition import Services
from infra.identity.tokens import Claims
from infra.sync.syncs import Syncs

DIALECT = "matrix"


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """A request of a device. Who asks is confirmed with its first query."""

    services: Services
    claims: Claims
    form: Mapping[str, Any]
    device: str
    began: float = field(default_factory=time.perf_counter)

    def asker(self) -> Asker:
        """Who asks. Raises as `asker_of`."""
        return asker_of(self.services, self.claims, self.form, self.device)

    @property
    def syncs(self) -> Syncs:
        """What devices leave behind."""
        return Syncs(self.services.database, DIALECT)

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.perf_counter() - self.began

    def note(self, direction: str, items: Mapping[tuple[str, str], int]) -> None:
        """Count a sync that was done: `items` by table and outcome."""
        metrics = self.services.metrics
        metrics.syncs.labels(DIALECT, direction).inc()
        metrics.sync_seconds.labels(DIALECT, direction).observe(self.seconds)
        for (table, outcome), count in items.items():
            metrics.sync_items.labels(DIALECT, table, outcome).inc(count)


async def sync_request(request: HttpRequest) -> SyncRequest:
    """The request of a device, counted against its own limit. Raises NotAuthenticated, TooManyRequests, InvalidField."""
    claims = claims_of(request, "sync")
    services = services_of(request)
    if request.method in ("GET", "DELETE"):
        form: dict[str, Any] = dict(query_pairs(request))
    else:
        form = forms.body_of(await read_body(request, compressed=True))
    device = device_named(request, form)
    services.limits.count(f"sync:{claims.sub}:{device}", services.settings.rate_limit_syncs_per_minute)
    return SyncRequest(services, claims, form, device)
