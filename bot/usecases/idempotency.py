"""The same request, asked again because its answer was lost, is done once: effect and answer are one transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from bot.errors import Conflict
from bot.rules.vault import Vault, WrongKey
from storage import idempotency
from storage.database import Work

KEPT = timedelta(hours=24)
USED = "this Idempotency-Key came with another request within the last 24 hours"
UNREADABLE = "this was done before, and its answer can be read no more"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request under its Idempotency-Key."""

    account_id: int  # 0: of who has ADMIN_TOKEN
    operation: str  # "POST /api/v1/subscriptions"
    key: str
    digest: bytes  # of all that was asked

    @property
    def name(self) -> idempotency.Name:
        return self.account_id, self.operation, self.key


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: a status of HTTP and a body."""

    status: int
    body: bytes
    again: bool = False  # nothing was done now: it is the answer of the first time


class KeyUsed(Conflict):
    """Something else was asked under this key."""


def known(work: Work, vault: Vault, ticket: Ticket) -> Answer | None:
    """What was answered to this request before.  Raises KeyUsed, Conflict."""
    row = idempotency.get(work.session, ticket.name, work.now - KEPT)
    if row is None or row.answer is None:
        return None
    if row.digest != ticket.digest:
        raise KeyUsed(
            USED,
            field="Idempotency-Key",
            hint="use a new key for every new request",
        )
    try:
        return Answer(row.status, vault.open(row.answer, _place(ticket)), again=True)
    except WrongKey:
        raise Conflict(UNREADABLE, hint="look at what there is, with GET") from None


def once(work: Work, vault: Vault, ticket: Ticket, do: Callable[[Work], Answer]) -> Answer:
    """Do it and keep the answer, or give the answer of the first time.  What raises an error keeps nothing.

    Raises KeyUsed, Conflict, and what ``do`` raises.
    """
    if not idempotency.begin(work.session, ticket.name, ticket.digest, work.now - KEPT, work.now):
        if answer := known(work, vault, ticket):
            return answer
        raise Conflict("a request under this Idempotency-Key is being answered", hint="ask again in a moment")
    answer = do(work)
    idempotency.finish(work.session, ticket.name, answer.status, vault.seal(answer.body, _place(ticket)))
    return answer


def _place(ticket: Ticket) -> str:
    return f"idempotency|{ticket.account_id}|{ticket.operation}|{ticket.key}|answer"


def forget(work: Work, limit: int) -> int:
    """Drop answers that are not given again any more; returns how many, up to ``limit``."""
    return idempotency.forget(work.session, work.now - KEPT, limit)
