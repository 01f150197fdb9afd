"""What all of the native API's nouns stand on: the parts of the gateway, doing things once, places in lists."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from adapters.base import Channel, Source
from adapters.inbound import Phoned
from bot.clock import Clock
from bot.errors import Invalid
from bot.gate import Gate
from bot.metrics import Metrics
from bot.rules import cursors, ids, plans
from bot.rules.vault import Vault
from bot.usecases import idempotency
from bot.usecases.chat.who import Terms
from bot.usecases.idempotency import Answer
from bot.usecases.native.pages import END, START, Page, Place
from bot.web.once import once, ticket
from bot.web.surface import Call
from storage.database import Database, Work

PAGE = 50
NO_UUID = UUID(int=0)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Desk:
    """``cursor_keys``: under which places in lists are signed, the present one first."""

    database: Database
    vault: Vault
    channels: Mapping[str, Channel]
    sources: Mapping[str, Source]
    clock: Clock
    gate: Gate
    metrics: Metrics
    terms: Terms
    plans: plans.Plans
    cursor_keys: Sequence[bytes] = field(repr=False)

    @property
    def phones(self) -> Sequence[str]:
        """The channels whose destinations are phones, as plans count them."""
        return [name for name, way in self.channels.items() if isinstance(way, Phoned)]

    # Doing things once

    async def earlier(self, call: Call) -> Answer | None:
        """What was answered to this request before: for what needs the network before it can be done.

        Raises KeyUsed, Conflict.
        """
        if not call.once_key:
            return None
        return await self.database.read(idempotency.known, self.vault, ticket(call))

    async def once(
        self,
        call: Call,
        show: Callable[[T], Any],
        use_case: Callable[Concatenate[Work, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Answer:
        """As ``bot.web.once.once``."""
        return await once(self.database, self.vault, call, show, use_case, *args, **kwargs)

    # Lists

    def place(self, call: Call, of: str) -> Place:
        """Where the page that is asked for begins.  Raises Invalid."""
        if call.query.cursor is None:
            return START
        found = cursors.read(self.cursor_keys, call.account_id, call.query.cursor, of)
        if found is None:
            raise Invalid(
                "this cursor was not made for this list",
                code="invalid_cursor",
                field="cursor",
                hint="send nextCursor of the page before as it is, or no cursor to begin anew",
            )
        return found.at, found.id

    def cursor(self, call: Call, page: Page[Any], of: str) -> str | None:
        if page.more is None or page.more == END:
            return None
        return cursors.make(self.cursor_keys, call.account_id, cursors.Cursor(*page.more), of)


def size(call: Call) -> int:
    """How many entries the page may have."""
    return int(call.query.limit or PAGE)


def wanted_id(text: str | None) -> UUID | None:
    """Of a filter; what is no id is nobody's."""
    return None if text is None else ids.read(text) or NO_UUID
