"""Settings: one typed, frozen Struct, read from `DAFTAR_…` environment variables, each documented where it is defined."""

from __future__ import annotations

import difflib
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

PREFIX = "DAFTAR_"
SECRET_FIELDS = frozenset(
    {
        "database_url",
        "api_database_url",
        "nats_url",
        "secret_key",
        "signing_key",
        "files_url",
        "smtp_url",
        "sms_url",
        "sms_token",
        "super_admin_password",
        "service_token",
    }
)
"""Fields whose values are never shown: they are, or contain, credentials."""
FEWEST_SECRET_CHARACTERS = 32
FEWEST_PASSWORD_CHARACTERS = 8


FILE_TYPES = (
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/bmp",
    "image/tiff",
    "image/heic",
    "image/avif",
    "image/svg+xml",
    "application/pdf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation",
    "application/zip",
    "application/json",
    "application/xml",
    "text/plain",
    "text/markdown",
    "text/csv",
)
"""What businesses attach: pictures, documents, tables. No pages, programs or sound."""


class SettingsError(Exception):
    """A setting is unknown, missing, or has a value that cannot be used; the message names its variable."""


def _default_processes() -> int:
    return max(1, min(4, os.cpu_count() or 1))


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting; field `x` is read from `DAFTAR_X`. An empty variable is the same as none."""

    database_url: Annotated[
        str,
        Meta(
            description="PostgreSQL URL of the role that owns the schema: migrations and workers. Empty: `daftar serve` starts"
            " its own PostgreSQL under the data folder."
        ),
    ] = ""
    api_database_url: Annotated[
        str,
        Meta(
            description="PostgreSQL URL of the role that HTTP requests use; row-level security binds it. Empty: the role"
            " `daftar_api`, which `daftar migrate` makes beside the owner."
        ),
    ] = ""
    nats_url: Annotated[
        str, Meta(description="NATS URL, JetStream on. Empty: `daftar serve` starts its own server under the data folder.")
    ] = ""
    secret_key: Annotated[
        str,
        Meta(
            description=f"Signs access tokens; at least {FEWEST_SECRET_CHARACTERS} characters. Empty: `daftar serve` makes one,"
            " once, in the data folder."
        ),
    ] = ""
    signing_key: Annotated[
        str,
        Meta(
            description="Signs heads and receipts (Ed25519): a PEM file's path, or 32 bytes in base64. Empty: derived from the"
            " secret key, and changes with it."
        ),
    ] = ""
    data_dir: Annotated[
        Path, Meta(description="Folder of everything that is kept on this machine: embedded servers, uploads, logs, the key.")
    ] = Path(".daftar")
    projections_dir: Annotated[
        Path,
        Meta(
            description="Folder of analysts' own projections, one Python file each (`daftar projections new` writes one). Every"
            " file in it is run: keep it as safe as the program."
        ),
    ] = Path("projections.d")
    host: Annotated[str, Meta(min_length=1, description="Address to listen on. 0.0.0.0 or :: for every interface.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65_535, description="TCP port of HTTP.")] = 8000
    api_processes: Annotated[int, Meta(ge=1, le=256, description="HTTP processes. Default: one per core, at most 4.")] = (
        msgspec.field(default_factory=_default_processes)
    )
    workers: Annotated[int, Meta(ge=0, le=256, description="Worker processes (following projections, relay, schedules).")] = 1
    relay: Annotated[bool, Meta(description="Workers publish every event to JetStream (stream DAFTAR_EVENTS).")] = True
    relay_max_age_days: Annotated[
        int, Meta(ge=0, le=36_500, description="How long the stream keeps a message, in days. 0: for ever.")
    ] = 30
    relay_max_bytes: Annotated[
        int, Meta(ge=0, le=2**60, description="Size of the stream, in bytes, beyond which its oldest messages go. 0: no limit.")
    ] = 0
    fintrack_events: Annotated[
        bool,
        Meta(description="Workers publish FinTrack's database and index events under their topic names (stream FINTRACK_EVENTS)."),
    ] = True
    fintrack_route_events: Annotated[
        bool, Meta(description="FinTrack's APIs publish what they answered (stream FINTRACK_ROUTES, kept for a day).")
    ] = True
    fintrack_routes_max_bytes: Annotated[
        int, Meta(ge=0, le=2**60, description="Size of that stream, in bytes, beyond which its oldest messages go. 0: no limit.")
    ] = 256 * 1024 * 1024
    pool_size: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000,
            description="Most database connections of one process; it has half as many beside them for lists, and one for polls.",
        ),
    ] = 10
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="Least severe message that is logged.")] = (
        "info"
    )
    log_format: Annotated[
        Literal["json", "console"], Meta(description="`json`: one object per line, for machines; `console`: for people.")
    ] = "json"
    public_url: Annotated[
        str,
        Meta(
            description="How clients reach this server, as https://books.example: the addresses of files begin with it. Empty: as"
            " each request says."
        ),
    ] = ""
    cors_origins: Annotated[
        tuple[str, ...], Meta(description="Origins that browsers may call from, separated by commas; `*` for any. Empty: none.")
    ] = ()
    otlp_endpoint: Annotated[
        str, Meta(description="OpenTelemetry collector (OTLP over HTTP), as http://collector:4318. Empty: no traces.")
    ] = ""
    max_body_bytes: Annotated[int, Meta(ge=1_024, le=2**31, description="Largest request body, in bytes; larger is 413.")] = (
        32 * 1024 * 1024
    )
    files_url: Annotated[
        str,
        Meta(
            description="Where uploaded files lie: `s3://bucket/prefix?endpoint=…&region=…` (S3, and what speaks like it; the"
            " credentials as parameters or as AWS_ variables), or `file:///folder`. Empty: `files` under the data folder."
        ),
    ] = ""
    max_file_bytes: Annotated[
        int, Meta(ge=1_024, le=2**40, description="Largest uploaded file, in bytes; larger is 413. A request holds up to 10.")
    ] = 20 * 1024 * 1024
    file_types: Annotated[
        tuple[str, ...],
        Meta(description="Media types that uploads may have, by their content, separated by commas; `image/*` for all of a kind."),
    ] = FILE_TYPES
    access_token_minutes: Annotated[int, Meta(ge=1, le=7 * 24 * 60, description="Life of an access token, in minutes.")] = 60
    refresh_token_days: Annotated[int, Meta(ge=1, le=3_650, description="Life of a refresh token, in days.")] = 30
    rate_limit_per_minute: Annotated[
        int, Meta(ge=0, description="Requests per user and minute, over all processes; more is 429. 0: no limit.")
    ] = 3_000
    rate_limit_logins_per_minute: Annotated[
        int, Meta(ge=0, description="Attempts to log in per address, account and minute; more is 429. 0: no limit.")
    ] = 30
    rate_limit_syncs_per_minute: Annotated[
        int, Meta(ge=0, description="Syncs (pulls, pushes and the like) per device and minute; more is 429. 0: no limit.")
    ] = 240
    registration: Annotated[
        bool, Meta(description="Whether anybody may register a company. false: only who is invited to one becomes a user.")
    ] = True
    public_businesses: Annotated[
        bool,
        Meta(
            description="Whether FinTrack's public list of businesses, which its log-in page offers, is filled. false: it is empty."
        ),
    ] = True
    super_admin_email: Annotated[
        str,
        Meta(
            description="E-mail of the service's administrator, who is made at the first start, and of the sample business's owner."
            " Empty: neither is made, but in demo mode."
        ),
    ] = ""
    super_admin_password: Annotated[
        str, Meta(description="Their first password; later starts change nothing. Needed with DAFTAR_SUPER_ADMIN_EMAIL.")
    ] = ""
    smtp_url: Annotated[
        str,
        Meta(
            description="Mail server: smtps://user:password@host:465, smtp+starttls://user:password@host:587, or smtp://host:25 for"
            " a relay nearby that needs neither. Empty: no mail is sent."
        ),
    ] = ""
    mail_from: Annotated[
        str, Meta(description="Sender of every mail: an address, or `Name <address>`. Needed with DAFTAR_SMTP_URL.")
    ] = ""
    sms_url: Annotated[
        str,
        Meta(
            description="SMS gateway. With {to} and {text} in it, it is asked by GET with both filled in; without, it gets a POST"
            ' of `{"to": …, "text": …}`. Empty: no SMS is sent.'
        ),
    ] = ""
    sms_token: Annotated[str, Meta(description="Sent to the SMS gateway as `Authorization: Bearer …`. Empty: no such header.")] = ""
    reveal_codes: Annotated[
        bool,
        Meta(
            description="Verification codes are in the answer, for development; so they are in demo mode. Never in production:"
            " refused together with DAFTAR_REQUIRE_HTTPS."
        ),
    ] = False
    service_token: Annotated[
        str,
        Meta(
            description="Opens FinTrack's machine-to-machine routes to whoever sends it in the header `fintrack-service-token`; at"
            f" least {FEWEST_SECRET_CHARACTERS} characters. Empty: there are no such routes."
        ),
    ] = ""
    require_https: Annotated[
        bool,
        Meta(description="Refuse requests that did not come over HTTPS (`X-Forwarded-Proto` of the proxy in front counts)."),
    ] = False
    demo: Annotated[
        bool,
        Meta(description="Demo mode: the demo company exists and its published password is accepted. Never in production."),
    ] = False

    def environment(self) -> dict[str, str]:
        """The variables that make another process read these same settings."""
        return {
            PREFIX + name.upper(): _as_text(value) for name, value in msgspec.structs.asdict(self).items() if value not in ("", ())
        }

    def __repr__(self) -> str:
        shown = ((k, "***" if k in SECRET_FIELDS and v else v) for k, v in msgspec.structs.asdict(self).items())
        return f"Settings({', '.join(f'{k}={v!r}' for k, v in shown)})"


def _as_text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def variables() -> dict[str, tuple[str, str]]:
    """Every variable with its default and its description, in order: for help texts and docs."""
    hints = get_type_hints(Settings, include_extras=True)
    found: dict[str, tuple[str, str]] = {}
    for field in msgspec.structs.fields(Settings):
        metas = [m for m in hints[field.name].__metadata__ if isinstance(m, Meta)]
        default = "" if field.default is msgspec.NODEFAULT else _as_text(field.default)
        found[PREFIX + field.name.upper()] = (default, metas[0].description or "")
    return found


def load(environ: Mapping[str, str] = os.environ, **overrides: Any) -> Settings:
    """Settings from `environ`; `overrides` (already typed, None is ignored) win, as command-line options do.

    Raises SettingsError for an unknown DAFTAR_ variable (naming the nearest known one) and for a value of the wrong form.
    """
    hints = get_type_hints(Settings, include_extras=True)
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or variable.startswith(PREFIX + "_"):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in hints or variable != variable.upper():
            near = difflib.get_close_matches(variable.upper(), [PREFIX + n.upper() for n in hints], n=1, cutoff=0.5)
            raise SettingsError(f"{variable} is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
        if text.strip():
            values[name] = _parse(name, text.strip(), hints[name])
    for name, value in overrides.items():
        if value is not None:
            values[name] = _parse(name, value, hints[name])
    settings = Settings(**values)
    _check(settings)
    return settings


_LOWER = frozenset(
    {"log_level", "log_format", "require_https", "demo", "relay", "registration", "public_businesses", "reveal_codes"}
    | {"fintrack_events", "fintrack_route_events"}
)
"""Settings whose values are written in any case."""


def _parse(name: str, value: Any, hint: Any) -> Any:
    if name in {"cors_origins", "file_types"} and isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if name in {"data_dir", "projections_dir"}:
        return Path(value).expanduser()
    if isinstance(value, str) and name in _LOWER:
        value = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(value.lower(), value.lower())
    try:
        return msgspec.convert(value, hint, strict=False)
    except msgspec.ValidationError as error:
        got = "" if name in SECRET_FIELDS else f" (it is {value!r})"
        raise SettingsError(f"{PREFIX}{name.upper()}: {error}{got}") from None


def _check(settings: Settings) -> None:
    for name in ("database_url", "api_database_url"):
        url = getattr(settings, name)
        if url and not url.startswith(("postgresql://", "postgres://")):
            raise SettingsError(f"{PREFIX}{name.upper()}: a URL that starts with postgresql:// is needed")
    if settings.nats_url and not settings.nats_url.startswith(("nats://", "tls://")):
        raise SettingsError("DAFTAR_NATS_URL: a URL that starts with nats:// or tls:// is needed")
    if settings.otlp_endpoint and not settings.otlp_endpoint.startswith(("http://", "https://")):
        raise SettingsError("DAFTAR_OTLP_ENDPOINT: a URL that starts with http:// or https:// is needed")
    if settings.files_url and not re.match(r"s3://[^/?#]+(/|\?|$)|file:///", settings.files_url):
        raise SettingsError("DAFTAR_FILES_URL: a URL such as s3://bucket/prefix or file:///folder is needed")
    if settings.public_url and not settings.public_url.startswith(("http://", "https://")):
        raise SettingsError("DAFTAR_PUBLIC_URL: a URL that starts with http:// or https:// is needed")
    for name in ("secret_key", "service_token"):
        if 0 < len(getattr(settings, name)) < FEWEST_SECRET_CHARACTERS:
            raise SettingsError(f"{PREFIX}{name.upper()}: at least {FEWEST_SECRET_CHARACTERS} characters are needed")
    if settings.api_database_url and not settings.database_url:
        raise SettingsError("DAFTAR_API_DATABASE_URL is set without DAFTAR_DATABASE_URL")
    _check_accounts(settings)


def _check_accounts(settings: Settings) -> None:
    """What verifying people needs: a sender, an administrator with a password, and no codes told in production."""
    if settings.smtp_url and not settings.smtp_url.startswith(("smtp://", "smtps://", "smtp+starttls://")):
        raise SettingsError("DAFTAR_SMTP_URL: a URL that starts with smtps://, smtp+starttls:// or smtp:// is needed")
    if settings.smtp_url.startswith("smtp://") and "@" in settings.smtp_url:
        raise SettingsError("DAFTAR_SMTP_URL: a password is not sent in the clear; use smtps:// or smtp+starttls://")
    for name in ("smtp_url", "sms_url"):
        try:
            _ = urlsplit(getattr(settings, name)).port
        except ValueError:
            raise SettingsError(f"{PREFIX}{name.upper()}: its port is not a number") from None
    if settings.smtp_url and "@" not in settings.mail_from:
        raise SettingsError("DAFTAR_MAIL_FROM is needed with DAFTAR_SMTP_URL: an address, or `Name <address>`")
    if settings.sms_url and not settings.sms_url.startswith(("http://", "https://")):
        raise SettingsError("DAFTAR_SMS_URL: a URL that starts with http:// or https:// is needed")
    if settings.reveal_codes and settings.require_https:
        raise SettingsError("DAFTAR_REVEAL_CODES is for development; it is refused together with DAFTAR_REQUIRE_HTTPS")
    if settings.super_admin_email and "@" not in settings.super_admin_email:
        raise SettingsError("DAFTAR_SUPER_ADMIN_EMAIL: an e-mail address is needed")
    if settings.super_admin_email and len(settings.super_admin_password) < FEWEST_PASSWORD_CHARACTERS:
        raise SettingsError(f"DAFTAR_SUPER_ADMIN_PASSWORD: at least {FEWEST_PASSWORD_CHARACTERS} characters are needed")


def require_servers(settings: Settings) -> Settings:
    """The same settings, if they name every server that one half of Daftar run alone needs; else SettingsError."""
    for name in ("database_url", "nats_url", "secret_key"):
        if not getattr(settings, name):
            raise SettingsError(f"{PREFIX}{name.upper()} is needed here; only `daftar serve` can do without")
    return settings


def new_secret_key() -> str:
    """A fresh signing key: 48 random bytes, as URL-safe text."""
    return secrets.token_urlsafe(48)
