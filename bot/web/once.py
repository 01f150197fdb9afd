"""Idempotency-Keys of requests: what is asked again under one is done once, and answered as the first time."""

import hashlib
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec

from bot.rules.vault import Vault
from bot.usecases import idempotency
from bot.usecases.idempotency import Answer, Ticket
from bot.web.surface import Call, as_json
from storage.database import Database, Work

P = ParamSpec("P")
T = TypeVar("T")


async def once(
    database: Database,
    vault: Vault,
    call: Call,
    show: Callable[[T], Any],
    use_case: Callable[Concatenate[Work, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Answer:
    """Run a use case and answer with what ``show`` makes of its result; under an Idempotency-Key, one time.

    ``show`` may return an Answer, for another status than 200.  Raises KeyUsed, Conflict, and what the use case raises.
    """

    def do(work: Work) -> Answer:
        shown = show(use_case(work, *args, **kwargs))
        return shown if isinstance(shown, Answer) else Answer(200, as_json(shown))

    if not call.once_key:
        return await database.write(do)
    return await database.write(idempotency.once, vault, ticket(call), do)


def ticket(call: Call) -> Ticket:
    asked = msgspec.json.encode([dict(call.path), call.body], order="deterministic")
    return Ticket(call.account_id, call.operation, call.once_key, hashlib.sha256(asked).digest())
