"""The bytes of an answer of GetAllData: at once where the first pages are all of it, else as they are read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import IO

from api.mahak.collections import OF_VENDOR
from api.mahak.pages import Progress, Reading

IN_MEMORY = 1_000_000
"""Bytes of a V2 answer that are kept in memory to be said again in the vendor's words; more are kept on the disk meanwhile."""
READ_BACK = 1024 * 1024

_BEGIN_V1, _END_V1 = b'{"Result":true,"Data":{"Objects":{', b"}}}"
_NAMES_V1 = [(collection.name, f'"{collection.pascal_name}":'.encode()) for collection in OF_VENDOR]
_BEGIN_V2 = b'{"success":true,"code":0,"message":"Data retrieved successfully","result":true,"data":{'


async def _pages(reading: Reading, progress: Progress) -> AsyncIterator[bytes]:
    """The rows of a collection, as the inside of a JSON list: while one page is sent, the next is read."""
    items, begun = progress.page.items, False
    threads = reading.services.threads
    while True:
        coming = threads.start(reading.next, progress)
        try:
            if items:
                yield b"," + items if begun else items
                begun = True
            if not await coming:
                return
        finally:
            coming.cancel()
        items = progress.page.items


def whole_v1(made: list[Progress]) -> bytes:
    """The answer of V1, of which the first pages are everything."""
    rows = {one.asked.collection.name: one.page.items for one in made}
    parts = [name + (b"[" + rows[key] + b"]" if key in rows else b"null") for key, name in _NAMES_V1]
    return _BEGIN_V1 + b",".join(parts) + _END_V1


async def stream_v1(reading: Reading, made: list[Progress]) -> AsyncIterator[bytes]:
    """The answer of V1, collection by collection."""
    asked = {one.asked.collection.name: one for one in made}
    start = _BEGIN_V1
    for key, name in _NAMES_V1:
        if key not in asked:
            start += name + b"null,"
            continue
        yield start + name + b"["
        async for items in _pages(reading, asked[key]):
            yield items
        start = b"],"
    reading.note()
    yield start.removesuffix(b",") + _END_V1


def _end_of(one: Progress) -> bytes:
    return b'],"rowVersion":%d,"hasMore":%s}' % (one.version, _truth(one.has_more))


def _truth(value: bool) -> bytes:
    return b"true" if value else b"false"


def _tail_v2(made: list[Progress]) -> bytes:
    return b'}},"hasMore":%s}' % _truth(any(one.has_more for one in made))


def whole_v2(made: list[Progress]) -> bytes:
    """The answer of V2, of which the first pages are everything."""
    entities = [b'"%b":{"records":[%b%b,' % (one.asked.name.encode(), one.page.items, _end_of(one)) for one in made]
    objects = {one.asked.collection.name: one.page.items for one in made if not one.asked.collection.is_of_guide}
    plain = b",".join(b'"%b":[%b]' % (name.encode(), items) for name, items in objects.items())
    return _BEGIN_V2 + b"".join(entities) + b'"objects":{' + plain + _tail_v2(made)


async def stream_v2(reading: Reading, made: list[Progress]) -> AsyncIterator[bytes]:
    """The answer of V2: the guide's entities, then the same rows in the vendor's words."""
    with SpooledTemporaryFile(max_size=IN_MEMORY) as spool:
        kept: dict[str, tuple[int, int]] = {}
        start = _BEGIN_V2
        for one in made:
            yield start + b'"%b":{"records":[' % one.asked.name.encode()
            began = spool.tell()
            async for items in _pages(reading, one):
                spool.write(items)
                yield items
            if not one.asked.collection.is_of_guide:
                kept[one.asked.collection.name] = (began, spool.tell())
            start = _end_of(one) + b","
        yield start + b'"objects":{'
        start = b""
        for name, (first, end) in kept.items():
            yield start + b'"%b":[' % name.encode()
            async for block in _read_back(reading, spool, first, end):
                yield block
            start = b"],"
        reading.note()
        yield start.removesuffix(b",") + _tail_v2(made)


async def _read_back(reading: Reading, spool: IO[bytes], first: int, end: int) -> AsyncIterator[bytes]:
    """What was kept between two places: while one block is sent, the next is read."""
    threads = reading.services.threads
    spool.seek(first)
    sizes = [min(READ_BACK, end - place) for place in range(first, end, READ_BACK)]
    coming = threads.start(spool.read, sizes[0]) if sizes else None
    for size in (*sizes[1:], 0):
        if coming is None:
            return
        block = await coming
        coming = threads.start(spool.read, size) if size else None
        try:
            yield block
        except BaseException:
            if coming is not None:
                coming.cancel()
            raise
