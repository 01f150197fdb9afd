"""``/console/simulator``: Feishu and WhatsApp side by side, each a real channel whose platform is ours.

What stands here is confined to the signed-in account: its own person on each platform, and its own sample feed.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from adapters.sources import push
from bot.clock import to_millis
from bot.errors import Invalid, NotFound, Unavailable
from bot.rules.command_words import WORDS, Verb
from bot.rules.plain_text import one_line
from bot.simulator import looks
from bot.simulator.looks import Looks
from bot.simulator.simulator import Simulator as Platforms
from bot.usecases import simulator
from bot.usecases.simulator import CHANNELS, ChatView
from bot.web.apis.native import Desk
from bot.web.console.forms import natural
from bot.web.console.pages import Goto, Page, Result, Shown, Visit

HERE = "/console/simulator"
LONGEST = {"feishu": 20_000, "whatsapp": 4096}  # characters that a person can write at once
LONG_POST = 40  # times the sample's text: more than one message holds
FOLLOW_SECONDS, LOOK_SECONDS = 2.0, 0.1  # that following may take until the page comes without it
TRIES = (Verb.HELP, Verb.LIST, Verb.STATUS, Verb.QUOTA, Verb.LANG)

Piece = tuple[str, str]
"""What a part of a text is ("text", "bold", "link"), and what it says."""

_PIECES = re.compile(r"(?P<link>https?://[^\s<>\"]+)|(?<![^\s(])\*(?P<bold>[^*\n]+)\*(?![^\s.,:;!?)])")


@dataclass(frozen=True, slots=True)
class Line:
    """One message on the page."""

    row: Any
    looks: Looks
    pieces: Sequence[Piece]
    request: str
    quote: str


@dataclass(frozen=True, slots=True)
class Chat:
    """One chat on the page.  ``open_hours``: of WhatsApp's day, begun ones counted; None: nobody has written yet."""

    platform: str
    view: ChatView
    lines: Sequence[Line]
    open_hours: int | None


class Simulator:
    """``base_url``: our public address, to which sample posts link."""

    def __init__(self, desk: Desk, platforms: Platforms, base_url: str) -> None:
        self._desk, self._platforms, self._base_url = desk, platforms, base_url

    def pages(self) -> list[Page]:
        return [
            Page("GET", "/simulator", self.show),
            Page("GET", "/simulator/{platform}/chat", self.chat, live=True),
            Page("POST", "/simulator/{platform}/say", self.say),
            Page("POST", "/simulator/{platform}/press", self.press),
            Page("POST", "/simulator/follow", self.follow),
            Page("POST", "/simulator/publish", self.publish),
            Page("POST", "/simulator/day", self.let_a_day_pass),
            Page("POST", "/simulator/template", self.approve),
        ]

    async def show(self, visit: Visit) -> Result:
        chats = [await self._chat(visit, platform) for platform in CHANNELS]
        followed = await self._desk.database.read(simulator.followed, visit.account_id)
        person = chats[0].view.person
        return Shown("simulator.html", {"chats": chats, "followed": followed, "person": person, "tries": _tries(visit)})

    # One chat

    async def chat(self, visit: Visit) -> Result:
        """While it is looked at, what it shows is read a step at a time."""
        chat = await self._chat(visit, _platform(visit))
        await self._platforms.switch_phone_on(visit.account_id, chat.platform, chat.view)
        return Shown("simulator_chat.html", {"chat": chat, "live": True})

    async def say(self, visit: Visit) -> Result:
        platform, form = _platform(visit), await visit.form()
        longest = LONGEST[platform]
        try:
            text = form.text("try", longest) or form.text("text", longest)
        except Invalid:
            raise Invalid(visit.say("simulator.too_long", longest=longest)) from None
        if text:
            await self._platforms.say(visit.account_id, platform, text, visit.language)
        return await self._changed(visit, platform, "simulator_said.html")

    async def press(self, visit: Visit) -> Result:
        platform, form = _platform(visit), await visit.form()
        if (number := natural(form.text("number", 3))) is None:
            raise NotFound(visit.say("error.nothing_here"))
        word = await self._platforms.press(
            visit.account_id, platform, form.text("message", 200), number, visit.language
        )
        return await self._changed(visit, platform, "simulator_chat.html", word)

    async def _changed(self, visit: Visit, platform: str, template: str, word: str = "") -> Result:
        if not visit.partial:
            return Goto(HERE)
        chat = await self._chat(visit, platform)
        return Shown(template, {"chat": chat, "live": True, "tries": _tries(visit), "word": word})

    async def _chat(self, visit: Visit, platform: str) -> Chat:
        view = await self._platforms.look(visit.account_id, platform)
        texts = {row.message_id: one_line(looks.read(row.looks).text)[:80] for row in view.messages}
        lines = [_line(row, texts) for row in view.messages]
        return Chat(platform, view, lines, _open_hours(view, self._desk))

    # The sample feed

    async def follow(self, visit: Visit) -> Result:
        """In both chats, as anybody would: by writing it; and a moment until it is done."""
        account_id, read = visit.account_id, self._desk.database.read
        followed = await read(simulator.followed, account_id)
        for platform in CHANNELS.keys() - followed:
            sample = (await self._platforms.look(account_id, platform)).person.sample
            await self._platforms.say(account_id, platform, f"{_word(visit, Verb.SUBSCRIBE)} {sample}", visit.language)
        loop = asyncio.get_running_loop()
        until = loop.time() + FOLLOW_SECONDS
        while loop.time() < until and len(await read(simulator.followed, account_id)) < len(CHANNELS):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)  # another process may do it
        return Goto(HERE)

    async def publish(self, visit: Visit) -> Result:
        desk, form = self._desk, await visit.form()
        if not desk.gate.may_ingest:
            raise Unavailable(visit.say("error.storage"))
        now = desk.clock()
        title = form.text("title", 300) or visit.say("simulator.post_title", time=f"{now:%H:%M:%S}")
        text = form.text("post", 100_000) or visit.say("simulator.post_text")
        if form.on("long"):
            text = "\n\n".join([text] * LONG_POST)
        number = str(to_millis(now))
        item = {"id": number, "title": title, "text": text, "url": f"{self._base_url}{HERE}?post={number}"}
        received = await desk.database.write(
            simulator.publish, visit.account_id, push.read(item, now), desk.terms.policy, desk.terms.interval
        )
        desk.metrics.posts.inc(received.recorded.posts)
        desk.metrics.queued.inc(received.recorded.deliveries)
        if visit.partial:
            return Shown("simulator_published.html", {"title": title})
        return Goto(f"{HERE}?done=published")

    # The 24 hours

    async def let_a_day_pass(self, visit: Visit) -> Result:
        await self._desk.database.write(simulator.let_a_day_pass, visit.account_id)
        return Goto(f"{HERE}?done=day_passed")

    async def approve(self, visit: Visit) -> Result:
        form = await visit.form()
        await self._desk.database.write(simulator.approve, visit.account_id, form.text("approved", 3) == "yes")
        return Goto(HERE)


def _platform(visit: Visit) -> str:
    """Raises NotFound."""
    platform = visit.request.match_info["platform"]
    if platform not in CHANNELS:
        raise NotFound(visit.say("error.nothing_here"))
    return platform


def _open_hours(view: ChatView, desk: Desk) -> int | None:
    if view.window_until is None:
        return None
    left = (view.window_until - desk.clock()).total_seconds()
    return -int(-left // 3600) if left > 0 else 0


def _tries(visit: Visit) -> list[str]:
    """Commands to begin with, in the visitor's words."""
    return [_word(visit, verb) for verb in TRIES]


def _word(visit: Visit, verb: Verb) -> str:
    words: Mapping[str, tuple[str, ...]] = WORDS[verb]
    return words.get(visit.language, words["en"])[0]


def _line(row: Any, texts: Mapping[str, str]) -> Line:
    shown, pieces, request = _drawn(row.looks, row.request)
    return Line(row, shown, pieces, request, texts.get(shown.quotes, ""))


@lru_cache(1024)
def _drawn(looks_: str, request: str) -> tuple[Looks, Sequence[Piece], str]:
    """The same for as long as a message looks so; a page that shows what happens asks twice a second."""
    shown = looks.read(looks_)
    return shown, pieces(shown.text), json.dumps(json.loads(request), indent=2, ensure_ascii=False)


def pieces(text: str) -> Sequence[Piece]:
    """What WhatsApp shows bold, and addresses."""
    found: list[Piece] = []
    end = 0
    for match in _PIECES.finditer(text):
        found += [("text", text[end : match.start()]), (str(match.lastgroup), str(match[match.lastgroup or 0]))]
        end = match.end()
    return [piece for piece in (*found, ("text", text[end:])) if piece[1]]
