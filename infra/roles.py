"""The database's roles: of requests, and of what follows the logs. The owner is called what its URL says."""

from __future__ import annotations

import hashlib
import hmac

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infra.settings import Settings

API_ROLE = "daftar_api"
WORKER_ROLE = "daftar_worker"


def role_password(secret_key: str, role: str) -> str:
    """The role's password, derived from the deployment's secret so that no second secret has to be kept."""
    return hmac.new(secret_key.encode(), f"database role {role}".encode(), hashlib.sha256).hexdigest()


def role_url(owner_url: str, secret_key: str, role: str) -> str:
    """The owner's connection string, as `role`."""
    parts = conninfo_to_dict(owner_url)
    parts.update(user=role, password=role_password(secret_key, role))
    return make_conninfo("", **parts)


def api_url(settings: Settings) -> str:
    """Where requests find the database: what the settings say, else the owner's address as the role that `migrate` made."""
    return settings.api_database_url or role_url(settings.database_url, settings.secret_key, API_ROLE)
