"""The BFF service: every object read, filtered, counted and searched across objects, and reports. It writes nothing."""

from __future__ import annotations

from api.fintrack.bff import reports, routes

HANDLERS = [*routes.HANDLERS, *reports.HANDLERS]
