"""FinTrack's auth service, `/auth-api`; who is logged in, and what he may, is answered by every service."""

from __future__ import annotations

from api.fintrack.auth import business_administration, businesses, profile, sessions, user_administration, users, verification

HANDLERS = [
    *sessions.HANDLERS,
    *users.HANDLERS,
    *user_administration.HANDLERS,
    *profile.HANDLERS,
    *businesses.HANDLERS,
    *business_administration.HANDLERS,
    *verification.HANDLERS,
]
