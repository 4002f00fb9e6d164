"""How requests are answered: work in a thread, for who asks; and lists from memory, for as long as nothing has changed.

A list is the work of one statement, which tells where the log ended, too. So a session that is known needs no query of its own: the
work is done for it as it was known last, and its answer stands where the log has not moved since. And a list that was answered as
of the end of the log is the answer for as long as the log ends there: all that is asked for it is where the log ends.
"""

from __future__ import annotations

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
from infra.identity import Principal
from infra.listing import Found, Listing
from infra.relay.announcing import Announcer
from infra.tokens import Claims

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
    if presumed and listed and await asked.services.heads.current(claims.cid) == listed.head:
        asker = admit(asked, token, *presumed, gate, began)
        return _announced(topic, asker, _respond(asker, listed))
    return _announced(topic, *await _answer_reading(asked, token, claims, presumed, ask, gate, began))


def _announced(topic: str, asker: Asker, answer: ASGIResponse) -> ASGIResponse:
    """The answer, after it was announced where there is a topic and somebody who announces."""
    announcer: Announcer | None = asker.request.app.state.get("announcer")
    if topic and announcer is not None and "idempotent-replay" not in answer.headers:
        headers = {"Daftar-Company": asker.codename, "Daftar-Company-Id": str(asker.company_id)}
        announcer.tell(topic, answer.body, headers)
    return answer


async def _read(asker: Asker, asked: AskedList) -> ASGIResponse:
    """The page, and the head as of which it was read is noted: None where nothing was."""
    found = await asker.services.read_list(asker.company_id, asked.listing)
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


async def _answer_reading(
    asked: Asked,
    token: str,
    claims: Claims,
    presumed: tuple[Principal, Record] | None,
    ask: Callable[[Asker], AskedList],
    gate: Gate | None,
    began: float,
) -> tuple[Asker, ASGIResponse]:
    """The answer of a list that is read, as of the head that it was read under.

    It is read for the session as it was known last. The answer stands where the log has not moved since, and where it has, but
    neither the role nor the business has changed. Else it is read again.
    """
    threads, identity = asked.services.threads, asked.services.identity
    response: ASGIResponse | None = None
    asker: Asker | None = None
    if presumed is not None and presumed[1].data["codename"] == asked.codename:  # a visitor's business has to be looked up
        try:
            asker = admit(asked, token, *presumed, gate, began)
            response = await _read(asker, ask(asker))
        except ServiceUnavailable:
            raise
        except LedgerError:
            pass  # nothing is told to a session that has ended, not even this
        else:
            if asker.company_id == claims.cid and asker.head == asker.principal.head:
                return asker, response
    principal, company = await threads.run(identity.confirm_with_company, claims)
    if response and asker and presumed and (principal.role, company) == (presumed[0].role, presumed[1]):
        return asker, response
    asker = await threads.run(admit, asked, token, principal, company, gate, began)
    return asker, await _read(asker, ask(asker))
