"""Upcasting: how events of topics that are no longer written are read as their successors.

A topic is never edited. When its meaning changes, the new shape gets a new topic (`.v2`) and the old one an entry here; the log
keeps its bytes, and readers see the new shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: Mapping[str, tuple[str, Upcaster]] = {}
"""Old topic → (the topic it is read as, how its fields become that topic's)."""


def topic_today(topic: str, upcasters: Mapping[str, tuple[str, Upcaster]] = UPCASTERS) -> str:
    """The topic that events of `topic` are read as."""
    while topic in upcasters:
        topic = upcasters[topic][0]
    return topic


class UnknownTopic(LookupError):
    """The log holds a topic that this version of the software does not know; it was written by a newer one."""


def upcast(
    topic: str, fields: dict[str, Any], upcasters: Mapping[str, tuple[str, Upcaster]] = UPCASTERS
) -> tuple[str, dict[str, Any]]:
    """Follow the upcasters from `topic` to a topic of today. Raises UnknownTopic."""
    if topic not in upcasters:
        raise UnknownTopic(f"No event has the topic {topic!r}, and nothing upcasts it.")
    while topic in upcasters:
        topic, change = upcasters[topic]
        fields = change(fields)
    return topic, fields
