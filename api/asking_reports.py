"""Asking a report for a request, on every dialect: never older than the request, and only for a session that is still open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from domain.errors import CursorAhead, LedgerError
from infra.composition import Services
from infra.followers.waiting import standing_of, until_reached
from infra.identity.tokens import Claims
from infra.reports.asking import Answer, Question, Report, ask


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, and the seq that it stands for."""

    answer: Answer
    seq: int


async def tell(services: Services, claims: Claims, report: Callable[[Question], Report], question: Question) -> Told:
    """What the report says, waiting for its projection where it has to. Raises NotAuthenticated, CursorAhead, ProjectionBehind."""
    run = services.threads.run
    answered = report(question)
    wanted: int | None = None
    while True:
        answer = await run(_ask, services, claims, question, answered)
        if wanted is None:
            wanted = answer.head if question.at_seq is None else question.at_seq
            if wanted > answer.head:
                message = f"This company's log ends at {answer.head}."
                raise CursorAhead(message, path="at_seq", head=answer.head)
        if answer.reached >= wanted:
            return Told(answer, answer.reached if question.at_seq is None else question.at_seq)
        look = partial(run, standing_of, services.database, answered.follower, claims.cid)
        await until_reached(look, answered.follower, wanted)


def _ask(services: Services, claims: Claims, question: Question, report: Report) -> Answer:
    """The answer; it and that the session is open are known from the same round trip while the log stands still."""
    try:
        answer = ask(services.database, question, report)
    except LedgerError:
        services.identity.confirm(claims)
        raise
    services.identity.confirm(claims, answer.head)
    return answer
