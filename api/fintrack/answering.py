"""How requests are answered: work in a thread, for who asks; and lists from memory, for as long as nothing has changed.

A list is the work of one statement, which tells where the log ended, too. So a session that is known needs no query of its own: the
work is done for it as it was known last, and its answer stands where the log has not moved since. And a list that was answered as
of the end of the log is the answer for as long as the log ends there: all that is asked for it is where the log ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from datetime import date
from typing import NamedTuple

from litestar.response.base import ASGIResponse

from api.fintrack.asking import Asked, Asker, admit, confirm, identify, read_request, today_of
from api.fintrack.envelope import Rows, respond
from api.fintrack.roles import Gate
from api.http_errors import HttpRequest
from domain.errors import LedgerError, ServiceUnavailable
from domain.record import Record
from infra.identity.identity import Principal
from infra.identity.tokens import Claims
from infra.relay.announcing import Announcer

Work = Callable[[Asker], ASGIResponse]


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


async def answer_list(request: HttpRequest, work: Work, gate: Gate | None = None, topic: str = "") -> ASGIResponse:
    """The answer to a request for a list. The work only reads, and answers by `respond_list`. Raises as `confirm`.

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
    return _announced(topic, *await asked.services.threads.run(_answer_reading, asked, token, claims, presumed, work, gate))


def _announced(topic: str, asker: Asker, answer: ASGIResponse) -> ASGIResponse:
    """The answer, after it was announced where there is a topic and somebody who announces."""
    announcer: Announcer | None = asker.request.app.state.get("announcer")
    if topic and announcer is not None and "idempotent-replay" not in answer.headers:
        headers = {"Daftar-Company": asker.codename, "Daftar-Company-Id": str(asker.company_id)}
        announcer.tell(topic, answer.body, headers)
    return answer


def respond_list(asker: Asker, name: str, rows: Rows, paging: Mapping[str, int], head: int | None) -> ASGIResponse:
    """The page of a list that was read as of this `head`; None where nothing was read."""
    asker.head = head
    if head is not None:
        listed = Listed(head, name, rows, paging)
        asker.services.lists.put(_question(asker, asker.principal, asker.today), listed, len(rows.json))
        return _respond(asker, listed)
    return respond(asker, "list", name, rows, paging=paging)


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


def _answer_reading(
    asked: Asked, token: str, claims: Claims, presumed: tuple[Principal, Record] | None, work: Work, gate: Gate | None
) -> tuple[Asker, ASGIResponse]:
    """The answer of work that only reads, and notes the head as of which it did.

    It is done for the session as it was known last. The answer stands where the log has not moved since, and where it has, but
    neither the role nor the business has changed. Else it is done again.
    """
    began = time.perf_counter()
    response: ASGIResponse | None = None
    asker: Asker | None = None
    if presumed is not None:
        try:
            asker = admit(asked, token, *presumed, gate, began)
            response = work(asker)
        except ServiceUnavailable:
            raise
        except LedgerError:
            pass  # nothing is told to a session that has ended, not even this
        else:
            if asker.company_id == claims.cid and asker.head == asker.principal.head:
                return asker, response
    principal, company = asked.services.identity.confirm_with_company(claims)
    if response and asker and presumed and (principal.role, company) == (presumed[0].role, presumed[1]):
        return asker, response
    asker = admit(asked, token, principal, company, gate, began)
    return asker, work(asker)
