"""Times as points of a company's log: `recorded_at` strictly increases with `seq`, so every time names one."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from domain.errors import CompanyNotFound, InvalidField, LogBroken
from domain.record import decode_record
from infra.database import Connection
from infra.reading.reader import Reader

Moment = Annotated[datetime, Meta(tz=True)]
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

# Halves what is left of the log, so that a log of a million events costs twenty look-ups by primary key and no index of its own
_SEARCH = """
WITH RECURSIVE search (low, high) AS (
    SELECT 0::bigint, seq FROM heads WHERE company_id = %b
    UNION ALL
    SELECT CASE WHEN e.recorded_at {compared} %b THEN e.seq ELSE low END,
        CASE WHEN e.recorded_at {compared} %b THEN high ELSE e.seq - 1 END
    FROM search JOIN events e ON e.company_id = %b AND e.seq = (low + high + 1) / 2 WHERE low < high
) SELECT low FROM search WHERE low = high
"""
_BEFORE = _SEARCH.format(compared="<").encode()
_AT = _SEARCH.format(compared="<=").encode()


def seq_before(connection: Connection, company_id: UUID, moment: datetime) -> int:
    """The last event that was recorded before this time; 0 where none was."""
    return _search(connection, _BEFORE, company_id, moment)


def seq_at(connection: Connection, company_id: UUID, moment: datetime) -> int:
    """The last event that was recorded by this time; 0 where none was."""
    return _search(connection, _AT, company_id, moment)


def _search(connection: Connection, statement: bytes, company_id: UUID, moment: datetime) -> int:
    row = connection.execute(statement, (company_id, moment, moment, company_id)).fetchone()
    if row is None:
        raise LogBroken
    return int(row[0])


def zone_of(reader: Reader, company_id: UUID) -> ZoneInfo:
    """The zone in which the company's days begin. Raises CompanyNotFound."""
    company = reader.find_record(company_id, "company", company_id)
    if company is None:
        raise CompanyNotFound
    return ZoneInfo(decode_record(company.document).data.get("time_zone", "UTC"))


def moment_of(text: str, zone: ZoneInfo, path: str, *, end: bool = False) -> datetime:
    """A time with its zone, or the beginning (for an `end`: the end) of a day in the company's zone. Raises InvalidField."""
    try:
        if _DATE.fullmatch(text):
            day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
            return datetime.combine(day, time(), zone)
        return msgspec.convert(text, Moment)
    except (ValueError, OverflowError):  # msgspec's error is a ValueError
        raise InvalidField(
            f"{text!r} is neither a date, as 2026-03-21, nor a time with its zone, as 2026-03-21T08:30:00Z.", path=path
        ) from None


def last_moment_of(text: str, zone: ZoneInfo, path: str) -> datetime:
    """A time with its zone, or the last microsecond of a day in the company's zone. Raises InvalidField."""
    moment = moment_of(text, zone, path, end=True)
    return moment - timedelta(microseconds=1) if _DATE.fullmatch(text) else moment
