"""Plays transcripts over the platforms: writes as a person there, and reads what the platform then shows.

``held`` runs in a thread of its own, for it waits for every answer; all else goes on in the event loop.
"""

import asyncio
import html
import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, Generic, TypeVar

from adapters.base import Button
from adapters.inbound import Reply
from tests.bot.usecases.chat.desk import BOT, TRACE
from tests.bot.usecases.chat.web import SITE
from tests.conversations.town import Town
from tests.conversations.web import path_of, publish
from tests.fakes.feishu import Chat, Person
from tests.fakes.feishu import Shown as Card
from tests.fakes.whatsapp import Shown as Screen

T = TypeVar("T")
S = TypeVar("S")

PHONES = ("+34600100200", "+34600100201", "+34600100202")  # that transcripts send codes to
_TRACES = re.compile(r"(?<=\(trace )[0-9a-f]{8}(?=\))|(?<=（追踪号 )[0-9a-f]{8}(?=）)")


class Stage(Generic[S]):
    """What both platforms have in common; a driver of transcripts (``tests.bot.usecases.chat.desk.Driver``)."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self._loop = asyncio.get_running_loop()
        self._count = 1  # of chats: the desk, too, has opened one before
        self._names: dict[str, str] = {}  # as transcripts have them, by what the platform says instead
        self._posts: list[S] = []
        for phone in PHONES:
            town.whatsapp.person(phone)

    def publish(self, feed: str, title: str) -> None:
        self._wait(self._publish(feed, title))

    def arrived(self) -> str:
        shown = [screen for phone in PHONES for screen in self.town.whatsapp.screen(phone)]
        codes = [screen.parameters[0] for screen in shown if screen.template == "code"]
        return codes[-1] if codes else ""

    def sleep(self, by: timedelta) -> None:
        self._wait(self.town.sleep(by))

    # What the platforms do in their own way

    def shown(self) -> Sequence[S]:
        """All that the chat shows of ours, oldest first."""
        raise NotImplementedError

    def read(self, shown: S) -> Reply:
        raise NotImplementedError

    # Parts of these

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def _answer(self, act: Callable[[], Awaitable[Any]]) -> Reply | None:
        return self._wait(self._exchange(act))

    async def _exchange(self, act: Callable[[], Awaitable[Any]]) -> Reply | None:
        before = len(self.shown())
        await act()
        await self.town.quiet()
        fresh = self.shown()[before:]
        assert len(fresh) <= 1, "one message, not five"
        return self._known(self.read(fresh[0])) if fresh else None

    async def _publish(self, feed: str, title: str) -> None:
        before = len(self.shown())
        path = path_of(self.town.publisher, feed)
        publish(self.town.publisher, path, title)
        await self.town.poll(SITE + path)
        self._posts += self.shown()[before:]

    def _known(self, reply: Reply) -> Reply:
        """In the words of transcripts."""
        text = _TRACES.sub(TRACE, reply.text)
        for theirs, ours in self._names.items():
            text = text.replace(theirs, ours)
        return Reply(text, reply.buttons)

    def _called(self, ours: str, theirs: str) -> None:
        self._names[theirs] = ours


class FeishuStage(Stage[Card]):
    """Private chats and groups; Ann owns the groups, Cleo is an administrator of them, Ben just a member."""

    chat: Chat

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        self._people: dict[str, Person] = {}

    def open(self, kind: str) -> None:
        self._wait(self._open(kind == "direct"))

    async def _open(self, direct: bool) -> None:
        self._count += 1
        if direct or "Ann" not in self._people:
            self._meet("Ann", f"Ann{self._count}")
        for name in ("Ben", "Cleo"):
            if name not in self._people:
                self._meet(name, name)
        ann, ben, cleo = (self._people[name] for name in ("Ann", "Ben", "Cleo"))
        if direct:
            self.chat = self.town.feishu.private(ann)
        else:
            self.chat = self.town.feishu.group("Harbour friends", ann, ben, cleo)
            self.chat.managers.append(cleo)
            await self.town.feishu.add_bot(self.chat, ann)
            await self.town.quiet()
        self._called(f"oc_{self._count}", self.chat.id)

    def _meet(self, name: str, unlike_others: str) -> None:
        person = self._people[name] = self.town.feishu.person(unlike_others)
        self._called(f" {name.lower()} ", f" {person.open_id} ")
        self._called(f"：{name.lower()}（", f"：{person.open_id}（")

    def write(self, who: str, text: str, *, manager: bool, answering: bool = False) -> Reply | None:
        mention, text = text.startswith(BOT), text.removeprefix(BOT).lstrip()
        post = (self._posts[-1] if self._posts else None) if answering else None
        return self._answer(
            lambda: self.town.feishu.say(self.chat, self._people[who], text, mention=mention, answers=post)
        )

    def press(self, who: str, label: str, *, manager: bool) -> Reply | None:
        card = next(one for one in reversed(self.shown()) if label in one.offered)
        return self._wait(self._pressed(card, label, self._people[who]))

    async def _pressed(self, card: Card, label: str, by: Person) -> Reply | None:
        """The card becomes the answer, or it comes as a message of its own."""
        before = len(self.shown())
        answer = await self.town.feishu.press(card, label, by)
        await self.town.quiet()
        fresh = self.shown()[before:]
        assert len(fresh) + ("toast" in answer) == 1, "one answer, not five"
        if fresh:
            return self._known(self.read(fresh[0]))
        if "card" in answer:
            return self._known(self.read(card))
        return self._known(Reply(answer["toast"]["content"]))

    def attach(self, who: str, file: bytes, *, manager: bool) -> Reply | None:
        return self._answer(lambda: self.town.feishu.send_file(self.chat, self._people[who], "mine.opml", file))

    def forward(self, who: str, text: str, *, manager: bool) -> Reply | None:
        """What one message is forwarded as cannot be told from what a person writes."""
        return self.write(who, text, manager=manager)

    def shown(self) -> Sequence[Card]:
        return self.town.feishu.shown(self.chat)

    def read(self, shown: Card) -> Reply:
        if shown.msg_type == "text":
            return Reply(shown.content["text"].replace("\u200b", ""))
        text = shown.content["body"]["elements"][0]["content"]
        offered = [Button(label, "") for label, one in shown.buttons.items() if one["type"] == "callback"]
        return Reply(html.unescape(text), tuple(offered))


class WhatsAppStage(Stage[Screen]):
    """A new phone for each chat."""

    phone = ""

    def open(self, kind: str) -> None:
        assert kind == "direct", "there are no groups"
        self._count += 1
        self.phone = f"+3461000{self._count:04}"
        person = self.town.whatsapp.person(self.phone)
        self._called(f"feishu oc_{self._count}", f"whatsapp {self.phone}")
        self._called("ann", person.user_id)

    def write(self, who: str, text: str, *, manager: bool, answering: bool = False) -> Reply | None:
        post = self._posts[-1].id if self._posts else "wamid.of-somebody-else"
        more = {"context": {"id": post}} if answering else {}
        return self._answer(lambda: self.town.whatsapp.say(self.phone, text, **more))

    def press(self, who: str, label: str, *, manager: bool) -> Reply | None:
        return self._answer(lambda: self.town.whatsapp.press(self.phone, label))

    def attach(self, who: str, file: bytes, *, manager: bool) -> Reply | None:
        return self._answer(lambda: self.town.whatsapp.attach(self.phone, file, filename="mine.opml"))

    def forward(self, who: str, text: str, *, manager: bool) -> Reply | None:
        return self._answer(lambda: self.town.whatsapp.say(self.phone, text, context={"forwarded": True}))

    def shown(self) -> Sequence[Screen]:
        return self.town.whatsapp.screen(self.phone)

    def read(self, shown: Screen) -> Reply:
        return Reply(shown.text.replace("\u200d", ""), tuple(Button(*one) for one in shown.buttons))
