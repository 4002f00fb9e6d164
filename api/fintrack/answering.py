"""How requests are answered: work in a thread, for who asks; and lists from memory, for as long as nothing has changed.

A list is the work of one statement, which tells where the log ended, too. So a session that is known needs no query of its own: the
work is done for it as it was known last, and its answer stands where the log has not moved since. And a list that was answered as
of the end of the log is the answer for as long as the log ends there: all that is asked for it is where the log ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from litestar.response.base import ASGIResponse

from api.fintrack.asking import Asked, Asker, admit, confirm, identify, read_request, today_of
from api.fintrack.envelope import Page, Rows, respond
from api.fintrack.roles import Gate
from api.http_errors import HttpRequest
from domain.errors import LedgerError, ServiceUnavailable
from domain.record import Record
from infra.identity.identity import Principal
from infra.identity.tokens import Claims
from infra.lists.listing import Found, Listing
from infra.processes.ending import end
from infra.relay.announcing import Announcer

Work = Callable[[Asker], ASGIResponse]

MOST_BYTES_IN_LOOP = 2**17
"""Of documents whose rows are made in the event loop, in a millisecond or two; more of them are a thread's."""


@dataclass(frozen=True, slots=True)
class AskedList:
    """A page of a list that is asked for: what is to be read, how it is called, and what makes rows of what was found.

    `asks_more`: making the rows asks the database more.
    """

    name: str
    listing: Listing
    page: Page
    rows: Callable[[Found], Rows]
    asks_more: bool = False


class Listed(NamedTuple):
    """A page of a list as of a `head`: the rows as they were sent, under this name, and what the envelope says of the page."""

    head: int
    name: str
    rows: Rows
    paging: Mapping[str, int]


async def answer_to(request: HttpRequest, work: Work, gate: Gate | None = None, topic: str = "") -> ASGIResponse:
    """The answer to a request of whoever is logged in and passes the `gate`: `work` is done in a thread.

    `topic`: under which the answer is announced. An answer that repeats an earlier one is not announced again.
    """
    asked = await read_request(request)

    def done() -> tuple[Asker, ASGIResponse]:
        asker = confirm(asked, gate=gate)
        return asker, work(asker)

    return _announced(topic, *await asked.services.threads.run(done))


async def answer_list(
    request: HttpRequest, ask: Callable[[Asker], AskedList], gate: Gate | None = None, topic: str = ""
) -> ASGIResponse:
    """The answer to a request for a list. `ask` says what is asked, and asks nobody. Raises as `confirm`.

    `topic`: under which the answer is announced.
    """
    began = time.perf_counter()
    asked = await read_request(request)
    token, claims = identify(asked)
    presumed = asked.services.identity.presume(claims)
    listed = None if presumed is None else _last_listed(asked, *presumed)
    has_moved = False
    if presumed and listed:
        has_moved = await asked.services.heads.current(claims.cid) != listed.head
        if not has_moved:
            asker = admit(asked, token, *presumed, gate, began)
            return _announced(topic, asker, _respond(asker, listed))
    reading = _Reading(asked, token, claims, ask, gate, began)
    return _announced(topic, *await reading.answer(presumed, has_moved=has_moved))


def _announced(topic: str, asker: Asker, answer: ASGIResponse) -> ASGIResponse:
    """The answer, after it was announced where there is a topic and somebody who announces."""
    announcer: Announcer | None = asker.request.app.state.get("announcer")
    if topic and announcer is not None and "idempotent-replay" not in answer.headers:
        headers = {"Daftar-Company": asker.codename, "Daftar-Company-Id": str(asker.company_id)}
        announcer.tell(topic, answer.body, headers)
    return answer


async def _read(asker: Asker, asked: AskedList, *, has_moved: bool = False) -> ASGIResponse:
    """The page, and the head as of which it was read is noted: None where nothing was."""
    found = await asker.services.read_list(asker.company_id, asked.listing, has_moved=has_moved)
    is_quick = not asked.asks_more and len(found.items) + len(found.beside) <= MOST_BYTES_IN_LOOP
    rows = asked.rows(found) if is_quick else await asker.services.threads.run(asked.rows, found)
    paging = asked.page.paging(found.total)
    asker.head = found.head
    if found.head is None:
        return respond(asker, "list", asked.name, rows, paging=paging)
    listed = Listed(found.head, asked.name, rows, paging)
    asker.services.lists.put(_question(asker, asker.principal, asker.today), listed, len(rows.json))
    return _respond(asker, listed)


def _respond(asker: Asker, listed: Listed) -> ASGIResponse:
    return respond(asker, "list", listed.name, listed.rows, paging=listed.paging)


def _last_listed(asked: Asked, principal: Principal, company: Record) -> Listed | None:
    """What was answered to this question as of the principal's head, if that is known."""
    if company.data["codename"] != asked.codename:
        return None
    found: Listed | None = asked.services.lists.get(_question(asked, principal, today_of(company)))
    return found if found is not None and found.head == principal.head else None


def _question(asked: Asked, principal: Principal, today: date) -> Hashable:
    """All that the rows depend on, beside what the log says."""
    scope = asked.request.scope
    return principal.company_id, principal.role, today, scope["path"], scope["query_string"]


@dataclass(frozen=True, slots=True)
class _Reading:
    """A list that is read, for whoever has this token."""

    asked: Asked
    token: str
    claims: Claims
    ask: Callable[[Asker], AskedList]
    gate: Gate | None
    began: float

    async def answer(self, presumed: tuple[Principal, Record] | None, *, has_moved: bool) -> tuple[Asker, ASGIResponse]:
        """Who asks, and the answer, which is read for the session as it was known last.

        It stands where the log has not moved since, and where it has, but neither the role nor the business has changed. Else it is
        read again. `has_moved`: whether it is known to have moved; the session is looked up beside the list then.
        """
        if presumed is None or presumed[1].data["codename"] != self.asked.codename:  # a visitor's business has to be looked up
            return await self._read_for(*await self._confirmed())
        confirming = asyncio.create_task(self._confirmed()) if has_moved else None
        try:
            asker, response = await self._presumed(*presumed, has_moved=has_moved)
            if response is not None and asker is not None:
                if asker.head == presumed[0].head:
                    return asker, response
                principal, company = await (confirming or self._confirmed())
                if asker.head is None or principal.head < asker.head:  # the session may have ended in between
                    principal, company = await self._confirmed()
                if (principal.role, company) == (presumed[0].role, presumed[1]):
                    return asker, response
            else:
                principal, company = await (confirming or self._confirmed())
        finally:
            if confirming is not None:
                await end([confirming])
        return await self._read_for(principal, company)

    async def _presumed(
        self, principal: Principal, company: Record, *, has_moved: bool
    ) -> tuple[Asker | None, ASGIResponse | None]:
        """The answer for the session as it was known. None where it is refused: a session that has ended is not even told that."""
        try:
            asker = admit(self.asked, self.token, principal, company, self.gate, self.began)
            return asker, await _read(asker, self.ask(asker), has_moved=has_moved)
        except ServiceUnavailable:
            raise
        except LedgerError:
            return None, None

    async def _confirmed(self) -> tuple[Principal, Record]:
        services = self.asked.services
        return await services.threads.run(services.identity.confirm_with_company, self.claims, has_moved=True)

    async def _read_for(self, principal: Principal, company: Record) -> tuple[Asker, ASGIResponse]:
        threads = self.asked.services.threads
        asker = await threads.run(admit, self.asked, self.token, principal, company, self.gate, self.began)
        return asker, await _read(asker, self.ask(asker))
