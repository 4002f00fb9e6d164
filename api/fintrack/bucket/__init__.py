"""`/bucket`: files in buckets, written with a bucket's own token and read by anybody where the bucket is public."""

from __future__ import annotations

from api.fintrack.bucket import reading, writing

HANDLERS = [*writing.HANDLERS, *reading.HANDLERS]
