"""Streams: made where they are missing, kept as the settings say."""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import BadRequestError, NotFoundError

STREAM = "DAFTAR_EVENTS"
DUPLICATE_WINDOW_SECONDS = 300.0
"""How long a message is known by its id: far longer than another worker takes to go on where a killed one stood. The server keeps
the ids of all messages of this time in memory, about 200 bytes each."""


class StreamNames(msgspec.Struct, frozen=True):
    """A stream's name and its subjects. `of_company`: the subjects of one company, where subjects tell companies apart."""

    name: str
    subjects: tuple[str, ...]
    of_company: str = ""


EVENTS = StreamNames(STREAM, ("daftar.*.*.*",), of_company="daftar.{codename}.>")


class Retention(msgspec.Struct, frozen=True):
    """How long and how much the stream keeps; 0 is without a limit."""

    days: int = 30
    bytes: int = 0


class StreamState(msgspec.Struct, frozen=True):
    """Which stream it is (when it was made), where it ends, and the largest message it takes."""

    created: datetime
    last_seq: int
    largest: int


async def ensure_stream(
    jetstream: JetStreamContext, retention: Retention, max_payload: int, names: StreamNames = EVENTS
) -> StreamState:
    """Make the stream, or change its retention to what it should be. What else an operator has set (replicas, …) stays."""
    try:
        info = await jetstream.stream_info(names.name)
    except NotFoundError:
        try:
            config = StreamConfig(name=names.name, storage=StorageType.FILE)
            info = await jetstream.add_stream(_wanted(config, retention, names))
        except BadRequestError:  # another worker has just made it
            info = await jetstream.stream_info(names.name)
    wanted = _wanted(info.config, retention, names)
    if wanted != info.config:
        info = await jetstream.update_stream(wanted)
    return state_of(info, max_payload)


def _wanted(config: StreamConfig, retention: Retention, names: StreamNames) -> StreamConfig:
    return config.evolve(
        subjects=list(names.subjects),
        max_age=float(retention.days * 86_400),
        max_bytes=retention.bytes or -1,
        discard=DiscardPolicy.OLD,
        duplicate_window=DUPLICATE_WINDOW_SECONDS,
    )


def state_of(info: StreamInfo, max_payload: int) -> StreamState:
    """What the relay has to know of a stream."""
    created = info.created or datetime.fromtimestamp(0, timezone.utc)
    limits = [max_payload, info.config.max_msg_size or -1]
    return StreamState(created, info.state.last_seq, min(limit for limit in limits if limit > 0))
