"""Structured logs: structlog and the standard library's loggers through one chain, as JSON lines or coloured text.

    log = structlog.get_logger()
    log.info("invoice created", company=company_id, seq=seq)

What `bound` puts into the context (a request's id, say) is on every line that is logged meanwhile.
"""

from __future__ import annotations

import logging
import logging.config
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import msgspec
import structlog
from structlog.typing import Processor

from infra.settings import Settings

REDACTED = "[redacted]"
SECRET_WORDS = ("password", "secret", "token", "authorization", "api_key", "cookie", "database_url", "nats_url")

_encoder = msgspec.json.Encoder(enc_hook=repr)


def configure(settings: Settings, process: str) -> None:
    """Set up the logs of this process, named `process` (`api`, `worker`, …) on every line; they go to stderr."""
    logging.config.dictConfig(dict_config(settings, process))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(process),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def dict_config(settings: Settings, process: str) -> dict[str, Any]:
    """The same set-up for `logging.config.dictConfig`, for servers that configure logging themselves."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "daftar": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*_shared(process), structlog.stdlib.ExtraAdder()],
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, *_renderers(settings)],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "daftar"}},
        "root": {"handlers": ["stderr"], "level": settings.log_level.upper()},
        "loggers": {
            "_granian": {"handlers": [], "level": "WARNING", "propagate": True},
            "granian.access": {"handlers": [], "level": "WARNING", "propagate": True},
        },
    }


@contextmanager
def bound(**values: Any) -> Iterator[None]:
    """Put `values` on every line logged inside the block, by this task or thread; `request_id=…` for a request."""
    with structlog.contextvars.bound_contextvars(**values):
        yield


def redact(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank every value whose key names a secret, however deep it is in dicts."""
    for key, value in line.items():
        if any(word in key.lower() for word in SECRET_WORDS):
            line[key] = REDACTED
        elif isinstance(value, dict):
            line[key] = redact(_, __, dict(value))
    return line


def _shared(process: str) -> list[Processor]:
    def name_process(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line["process"] = process
        return line

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        name_process,
    ]


def _renderers(settings: Settings) -> list[Processor]:
    if settings.log_format == "console":
        return [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.RichTracebackFormatter(show_locals=False)
            )
        ]
    return [
        structlog.processors.StackInfoRenderer(),
        _tracebacks,
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(serializer=_to_json),
    ]


_tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
"""Tracebacks without the values of variables: those of a request hold its token, and of a log-in the password."""


def _to_json(line: Any, **_: Any) -> str:
    return _encoder.encode(line).decode()
