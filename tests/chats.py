"""Chat for tests of use cases: what people say, from the inbox to its effect, without sockets."""

from typing import Any

from adapters.inbound import AnyEvent
from bot.usecases import conversations, inbox
from bot.usecases.chat.scene import Managers, Taken
from bot.usecases.chat.who import Looked, Terms
from bot.usecases.inbox import DueEvent
from storage import models
from storage.chat_models import Conversation, Identity
from storage.database import Work
from tests.fakes.talking import said
from tests.world import INTERVAL, POLICY, rows

CHANNEL = "talk"
OPEN = Terms(policy=POLICY, interval=INTERVAL, public_base_url="https://bell.example.org", signup="open")
CLOSED = Terms(policy=POLICY, interval=INTERVAL, public_base_url="https://bell.example.org", signup="closed")


def store(work: Work, /, *events: AnyEvent, channel: str = CHANNEL) -> int:
    """Put events into the inbox; returns how many were new."""
    return inbox.store(work, [[inbox.incoming(channel, one) for one in events]])[0].new


def claim(work: Work, /) -> list[DueEvent]:
    """What is due, of conversations."""
    return list(inbox.take_due(work, 100).chats)


def happens(
    work: Work,
    /,
    event: AnyEvent,
    terms: Terms = OPEN,
    *,
    channel: str = CHANNEL,
    looked: Looked | None = None,
    managers: Managers = None,
    at_once: bool = False,
) -> Taken:
    """Store one event and let it have its effect at once."""
    store(work, event, channel=channel)
    [due] = [one for one in claim(work) if one.event == event]
    return conversations.take(work, terms, due, lane="chat", looked=looked, managers=managers, at_once=at_once)


_count = iter(range(1, 1_000_000))


def says(text: str, sender: str = "ann", chat: str = "", **more: Any) -> Any:
    """A message of its own; without a chat the direct one of its sender."""
    return said(sender=sender, chat=chat or f"chat of {sender}", text=text, id=f"m{next(_count)}", **more)


def conversation(work: Work, /, address: str = "chat of ann") -> Any:
    [row] = rows(work, Conversation, address=address)
    return row


def identities(work: Work, /) -> dict[str, Any]:
    """What is known of people, by their names."""
    table = Identity.__table__
    return {row.person: row for row in work.session.execute(table.select())}


def replies(work: Work, /) -> list[str]:
    """The texts of all replies, in the order in which they were queued."""
    return [row.text for row in rows(work, models.Delivery, event="reply")]
