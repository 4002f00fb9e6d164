"""What answers of the native API have beside their JSON: ETags, and the pieces of pages."""

from __future__ import annotations

from infra.reading.reader import Page


def etag(seq: int) -> str:
    """The ETag of a record at this seq."""
    return f'"{seq}"'


def page_tail(page: Page) -> bytes:
    """The end of a page's JSON: its cursor, and whether there is more right now."""
    return b'],"cursor":%d,"has_more":%s}' % (page.cursor, b"true" if page.has_more else b"false")
