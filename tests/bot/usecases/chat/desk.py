"""Conversations held with the use cases alone, on real storage: what a message comes to, without any platform."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from sqlalchemy import select, update

from adapters.base import BadAddress
from adapters.inbound import ChatMessage, Reply
from bot.rules import commands, texts
from bot.usecases import feeds
from bot.usecases.chat import commands as chat_commands
from bot.usecases.chat.who import Chat, Looked, Phones, Terms
from storage import models
from storage.chat_models import Conversation, Identity
from storage.database import Database, Work
from tests import world
from tests.bot.usecases.chat.web import Web
from tests.clock import MovableClock

BOT = "@Postbell"
TRACE = "7f3a2c"


def normal_number(text: str) -> str:
    digits = re.sub(r"[\s()-]", "", text)
    if not re.fullmatch(r"\+\d{8,15}", digits):
        raise BadAddress("a number with its country")
    return digits


def naming(url: str) -> tuple[str, str]:
    if not url.startswith("https://"):
        raise ValueError("an address begins with https://")
    return url, "https://example.org:443"


TERMS = Terms(
    policy=world.POLICY,
    interval=world.INTERVAL,
    public_base_url="https://bell.example.org",
    naming=naming,
    phones=Phones("whatsapp", normal_number, "+15550100"),
    pepper=b"pepper",
)


class Driver(Protocol):
    """How a transcript is held: with the use cases, or through a server and a platform's stand-in."""

    def open(self, kind: str) -> None:
        """A new chat, "direct" or "group"."""

    def write(self, who: str, text: str, *, manager: bool, answering: bool = False) -> Reply | None:
        """``answering``: as a reply to the last post that arrived.  In a group a mention begins the text."""

    def press(self, who: str, label: str, *, manager: bool) -> Reply | None:
        """A button of this chat, the latest with that label."""

    def attach(self, who: str, file: bytes, *, manager: bool) -> Reply | None: ...

    def forward(self, who: str, text: str, *, manager: bool) -> Reply | None: ...

    def publish(self, feed: str, title: str) -> None:
        """A feed, by its title, brings something new, which is read, queued and sent."""

    def arrived(self) -> str:
        """The digits that came last to some phone."""

    def sleep(self, by: timedelta) -> None: ...


@dataclass
class Desk:
    """A chat at a time; its answers come from ``bot.usecases.chat.commands``."""

    database: Database
    clock: MovableClock
    web: Web
    terms: Terms = TERMS
    conversation: int = 0
    language: str = ""  # as the platform tells it
    buttons: dict[str, str] = field(default_factory=dict)  # by label, what each carries

    def open(self, kind: str) -> None:
        self.conversation = self.database.run(_add_chat, direct=kind == "direct")
        self.buttons = {}

    def write(self, who: str, text: str, *, manager: bool = True, answering: bool = False) -> Reply | None:
        answers = f"m{self.database.run(_last_sent, self.conversation)}" if answering else ""
        return self.send(who, manager, text=text, answers=answers)

    def press(self, who: str, label: str, *, manager: bool = True) -> Reply | None:
        return self.send(who, manager, action=self.buttons[label])

    def attach(self, who: str, file: bytes, *, manager: bool = True) -> Reply | None:
        return self.send(who, manager, file, kind="document", file="f1")

    def forward(self, who: str, text: str, *, manager: bool = True) -> Reply | None:
        return self.send(who, manager, text=text, forwarded=True)

    def publish(self, feed: str, title: str) -> None:
        key = next(key for key, known in self.web.titles.items() if known == feed)
        self.web.publish(key, title)
        due = self.database.run(_hurry, key)
        self.database.run(world.record, due, self.web.page(key))
        self.database.run(_send_all)

    def arrived(self) -> str:
        texts = [row.text for row in self.database.run(world.rows, models.Delivery, event="code")]
        return texts[-1] if texts else ""

    def sleep(self, by: timedelta) -> None:
        self.clock.advance(by)

    def send(self, who: str, manager: bool = True, attached: bytes | None = None, **fields: Any) -> Reply | None:
        """Any message; "@Postbell" at the beginning is a mention, as platforms cut it out."""
        row = self.row()
        text: str = fields.pop("text", "")
        known: dict[str, Any] = {
            "key": "k",
            "chat": row.address,
            "direct": row.direct,
            "sender": who.lower(),
            "language": self.language,
            "text": text.removeprefix(BOT).lstrip(),
            "addressed": row.direct or text.startswith(BOT) or "action" in fields,
        }
        message = ChatMessage(**known | fields)
        looked = self.web.look_up(name) if (name := commands.needs(message)) else None
        if commands.wants_file(message):
            looked = Looked(file=attached)
        reply = self.database.run(self._answer, message, manager, looked)
        if reply:
            self.buttons |= {one.label: one.value for one in reply.buttons}
        return reply

    def row(self) -> Any:
        return self.database.run(world.row, Conversation, self.conversation)

    def subscriptions(self, *, active: bool = True) -> list[Any]:
        """The chat's rows, by number."""
        return self.database.run(_subscriptions, self.conversation, active)

    def _answer(self, work: Work, message: ChatMessage, manager: bool, looked: Any) -> Reply | None:
        conversation = work.session.get(Conversation, self.conversation)
        assert conversation
        destination = work.session.execute(_destination(self.conversation)).scalar_one()
        chat = Chat(
            conversation=conversation,
            destination=destination,
            account_id=conversation.account_id,
            person=message.sender,
            manager=conversation.direct or manager,
            language=texts.matching(message.language) or conversation.language or "en",
            trace=TRACE,
        )
        return chat_commands.answer(work, self.terms, chat, message, looked)


def _destination(conversation: int) -> Any:
    return select(models.Destination).where(models.Destination.__table__.c.conversation_id == conversation)


def _add_chat(work: Work, /, *, direct: bool) -> int:
    account = models.Account(created_at=work.now)
    work.session.add(account)
    work.session.flush()
    count = len(world.rows(work, Conversation))
    conversation = Conversation(
        channel="feishu", address=f"oc_{count + 1}", account_id=account.id, direct=direct, created_at=work.now
    )
    work.session.add(conversation)
    work.session.flush()
    if direct:
        work.session.merge(Identity(channel="feishu", person="ann", account_id=account.id, created_at=work.now))
    work.session.add(
        models.Destination(
            uid=world.uid(1000 + conversation.id),
            account_id=account.id,
            channel="feishu",
            lane="chat",
            address=conversation.address,
            conversation_id=conversation.id,
            verified_at=work.now,
            created_at=work.now,
        )
    )
    return conversation.id


def _subscriptions(work: Work, /, conversation: int, active: bool) -> list[Any]:
    destination = work.session.execute(_destination(conversation)).scalar_one().id
    found = world.rows(work, models.Subscription, destination_id=destination, active=active)
    return sorted(found, key=lambda row: row.number)


def _hurry(work: Work, /, key: str) -> feeds.DueFeed:
    row = feeds.find(work, "feed", key)
    assert row
    return feeds.hurry(work, row.id, world.INTERVAL)


def _send_all(work: Work, /) -> None:
    """What is queued is sent; the platform calls each message by our number."""
    table = models.Delivery.__table__
    for row in world.rows(work, models.Delivery, state="ready"):
        sent = {"state": "sent", "sent_at": work.now, "message_id": f"m{row.id}", "attempts": 1}
        work.session.execute(update(table).where(table.c.id == row.id).values(**sent))


def _last_sent(work: Work, /, conversation: int) -> int:
    destination = work.session.execute(_destination(conversation)).scalar_one().id
    rows = world.rows(work, models.Delivery, destination_id=destination)
    return int(rows[-1].id) if rows else 0


# What tests look at and change


def said(reply: Reply | None) -> str:
    assert reply
    return reply.text


def set_deliveries(desk: Desk, **values: Any) -> None:
    def change(work: Work) -> None:
        work.session.execute(update(models.Delivery.__table__).values(**values))

    desk.database.run(change)
