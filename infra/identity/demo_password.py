"""The demo's published password, and the check that keeps it out of everything but a demo.

A password that stands in the README is no password: outside demo mode it opens nothing and is accepted for nobody.
"""

from __future__ import annotations

import hashlib
import hmac

DEMO_EMAIL = "admin@daftar.example"
DEMO_PASSWORD = "daftar-demo"  # noqa: S105 - published on purpose
DEMO_PASSWORD_REFUSED = "The demo password is accepted in demo mode only (`daftar serve --demo`, DAFTAR_DEMO=true)."  # noqa: S105

_SECRETS = (DEMO_PASSWORD.encode(), hashlib.md5(DEMO_PASSWORD.encode(), usedforsecurity=False).hexdigest().encode())


def is_demo_password(secret: str) -> bool:
    """Whether `secret` is the demo password, or the MD5 hex of it that some clients send instead."""
    given = secret.encode("utf-8", "surrogatepass")
    return any([hmac.compare_digest(given, _SECRETS[0]), hmac.compare_digest(given.lower(), _SECRETS[1])])
