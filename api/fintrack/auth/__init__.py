"""FinTrack's auth service, `/auth-api`; who is logged in, and what he may, is answered by every service."""

from __future__ import annotations

from api.fintrack.auth import businesses, profile, sessions, users, verification

HANDLERS = [
    *sessions.HANDLERS,
    *users.HANDLERS,
    *profile.HANDLERS,
    *businesses.HANDLERS,
    *verification.HANDLERS,
]
