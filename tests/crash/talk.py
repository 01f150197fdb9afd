"""People on both platforms who keep writing, and what must be true of their conversations in the end.

Each follows a feed that keeps publishing, and keeps changing their mind about another: had a command its effect
twice, or not at all, the next one would be answered in other words.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol, Self

from tests.conversations.town import environment
from tests.crash import ledger
from tests.crash.server import PATIENCE, until
from tests.crash.traffic import Traffic
from tests.fakes.feishu import Chat, FakeFeishu, Person
from tests.fakes.feishu import Shown as Card
from tests.fakes.publisher import Feed
from tests.fakes.whatsapp import FakeWhatsApp
from tests.fakes.whatsapp import Shown as Screen

UNDONE = "SELECT count(*) FROM inbox WHERE done_at IS NULL"
NEWS = (
    "SELECT deliveries.state, count(*) FROM deliveries JOIN destinations ON destinations.id = deliveries.destination_id"
    " WHERE destinations.channel = 'whatsapp' GROUP BY deliveries.state"
)
REPLIES = "SELECT count(*) FROM deliveries WHERE event = 'reply'"
PAUSE = 0.1  # seconds in which a platform tries again to tell us something


class Voice(Protocol):
    """A person, or a group, on one of the platforms."""

    async def say(self, text: str) -> str:
        """Write, and return when it was taken, and perhaps told again; the message's id."""

    def answers(self, message_id: str) -> Sequence[str]:
        """The beginnings of what came as an answer to that."""

    def copies(self, url: str) -> int:
        """How often the post has come."""

    def extra(self) -> Mapping[str, int]:
        """How often each of our messages came once more, by its id."""


@dataclass(eq=False)
class OnFeishu:
    platform: FakeFeishu
    chat: Chat
    person: Person

    async def say(self, text: str) -> str:
        message = await self.platform.say(self.chat, self.person, f"/{text}")
        [document] = [one for one in self.platform.events if _is_about(one, message)]
        while any(one.document is document for one in self.platform.pending):
            if await self.platform.deliver(document) is not None:
                self.platform.pending = [one for one in self.platform.pending if one.document is not document]
            await asyncio.sleep(PAUSE)
        if random.random() < 0.5:
            await self.platform.deliver(document)
        return message.id

    def answers(self, message_id: str) -> Sequence[str]:
        return [_beginning(card.text) for card in self._shown() if card.parent_id == message_id]

    def copies(self, url: str) -> int:
        return sum(does.get("default_url") == url for card in self._shown() for does in card.buttons.values())

    def extra(self) -> Mapping[str, int]:
        """The platform knows a message that comes again, and shows it once."""
        return {}

    def _shown(self) -> Sequence[Card]:
        return self.platform.shown(self.chat)


@dataclass(eq=False)
class OnWhatsApp:
    platform: FakeWhatsApp
    number: str

    async def say(self, text: str) -> str:
        callbacks, person = self.platform.callbacks, self.platform.person(self.number)
        message = self.platform.message(person, "text", {"body": text})
        posted = await callbacks.post(callbacks.entry(callbacks.messages([message], [person.contact()])))
        if random.random() < 0.5:
            await callbacks.post_bytes(posted.body)
        return str(message["id"])

    def answers(self, message_id: str) -> Sequence[str]:
        unlike = {one.data: _beginning(one.text) for one in self._shown() if one.quoted == message_id}
        return list(unlike.values())

    def copies(self, url: str) -> int:
        return len({one.data for one in self._shown() if url in one.text.splitlines()})

    def extra(self) -> Mapping[str, int]:
        count: dict[str, int] = {}
        for one in self._shown():
            count[one.data] = count.get(one.data, -1) + 1
        return {id_: n for id_, n in count.items() if n}

    def _shown(self) -> Sequence[Screen]:
        return self.platform.screen(self.number)


def _is_about(document: Mapping[str, Mapping[str, Mapping[str, str]]], message: Card) -> bool:
    return document["event"].get("message", {}).get("message_id") == message.id


def _beginning(text: str) -> str:
    return " ".join(text.split()[:4])


@dataclass(eq=False)
class Talk:
    """``async with Talk(…)``; then ``connect`` and ``begin``, and while it is ``flowing`` anything may be killed."""

    feishu: FakeFeishu
    whatsapp: FakeWhatsApp
    traffic: Traffic
    people: dict[Voice, Feed] = field(default_factory=dict)  # and what they follow all the time
    said: dict[Voice, list[str]] = field(default_factory=dict)  # ids of their messages, in order
    _known: dict[str, int] = field(default_factory=dict)  # posts that a feed held before anybody followed it
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _ends: bool = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nobody calls a server any more."""
        self.whatsapp.callbacks.tries = 0
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def connect(self, feishu_port: int, whatsapp_port: int) -> None:
        """Where the platforms call; they never give up."""
        self.feishu.callback_url = f"http://127.0.0.1:{feishu_port}/webhooks/feishu"
        self.whatsapp.callbacks.url = f"http://127.0.0.1:{whatsapp_port}/webhooks/whatsapp"
        self.whatsapp.callbacks.tries, self.whatsapp.callbacks.pause_seconds = 10**9, PAUSE

    async def begin(self) -> None:
        """Everybody follows their feed."""
        voices: list[Voice] = [OnWhatsApp(self.whatsapp, f"+3460000000{n}") for n in range(3)]
        people = [self.feishu.person(name) for name in ("Ann", "Ben")]
        voices += [OnFeishu(self.feishu, self.feishu.private(one), one) for one in people]
        voices.append(OnFeishu(self.feishu, self.feishu.group("Friends", *people), people[0]))
        self.people = dict(zip(voices, self.traffic.feeds, strict=False))
        self.said = {voice: [] for voice in voices}
        self._known = {feed.url: len(feed.items) for feed in self.people.values()}
        self.fickle = self.traffic.publisher.feed("/fickle.xml", title="Fickle", posts=1)
        await asyncio.gather(*(self._say(voice, f"subscribe {feed.url}") for voice, feed in self.people.items()))
        await until(lambda: not self.unanswered, "everybody follows something")

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Everybody writes, one message after the other, until the end of the block."""
        self._tasks = [asyncio.create_task(self._wavers(voice)) for voice in self.people]
        try:
            yield
        finally:
            self._ends = True

    async def _wavers(self, voice: Voice) -> None:
        while not self._ends:
            follows = len(self.said[voice]) % 2 == 0  # the first word was about another feed
            await self._say(voice, "unsubscribe fickle" if follows else f"subscribe {self.fickle.url}")
            await asyncio.sleep(random.uniform(0.1, 0.5))

    async def _say(self, voice: Voice, text: str) -> None:
        self.said[voice].append(await voice.say(text))

    # At the end

    @property
    def unanswered(self) -> int:
        return sum(not voice.answers(one) for voice, said in self.said.items() for one in said)

    @property
    def missing(self) -> int:
        return sum(not voice.copies(url) for voice, url in self._wanted())

    async def settled(self, seconds: float = PATIENCE) -> None:
        """Return when everything has arrived and been told, and nothing is left to do.  Fails after ``seconds``."""
        await asyncio.wait_for(asyncio.gather(*self._tasks), seconds)
        await until(lambda: not self.missing, "all posts have been shown", seconds)
        await until(lambda: not self.unanswered, "every command is answered", seconds)
        await asyncio.wait_for(self.whatsapp.quiet(), seconds)
        await until(lambda: ledger.rows(self.traffic.database, UNDONE) == [(0,)], "all is worked off", seconds)
        await until(lambda: not ledger.unfinished(self.traffic.database), "no delivery waits", seconds)

    def check(self) -> None:
        """Nothing lost, each command obeyed once, repeats only where the platform cannot tell them."""
        for voice, said in self.said.items():
            answers = [voice.answers(one) for one in said]
            assert all(len(one) == 1 for one in answers), answers
            wanted = ["You follow Fake feed", *["You follow Fickle now,", "You no longer follow"] * len(said)]
            assert [one for [one] in answers] == wanted[: len(said)]
        assert all(voice.copies(url) == 1 for voice, url in self._wanted())
        assert ledger.rows(self.traffic.database, REPLIES) == [(sum(map(len, self.said.values())),)]
        assert dict(ledger.rows(self.traffic.database, NEWS)).keys() == {"delivered"}  # no status was lost

    def check_repeats(self) -> None:
        """Only what was in flight at a kill came twice, and under its own id."""
        for voice in self.people:
            for id_, times in voice.extra().items():
                assert times <= self.traffic.possible_repeats[id_], id_

    @property
    def repeats(self) -> int:
        return sum(sum(voice.extra().values()) for voice in self.people)

    def _wanted(self) -> list[tuple[Voice, str]]:
        return [
            (voice, item.url) for voice, feed in self.people.items() for item in feed.items[self._known[feed.url] :]
        ]


def settings_of(feishu: FakeFeishu, whatsapp: FakeWhatsApp) -> dict[str, str]:
    return {**environment(feishu, whatsapp), "SIGNUP": "open"}
