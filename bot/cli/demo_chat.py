"""``postbell demo --channel feishu|whatsapp``: a person follows a feed in a chat, and the conversation is printed.

A publisher and the platform are the fakes of the tests, in this process; between them runs ``postbell serve`` itself.
The person's part is a script, a scene at a time; each waits for what the bot has to do, so the end is a verdict.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from itertools import count, cycle
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from rich.text import Text

from bot.cli import output
from bot.cli.demo_gateway import Postbell, on_signals, wide_console
from bot.cli.demo_phones import OTHER, PERSON, FeishuPhone, Phone, Shown, WhatsAppPhone
from bot.clock import monotonic, utc_now
from bot.errors import UserError
from bot.usecases import deliveries
from storage.database import Database
from storage.models import DeliveryState

if TYPE_CHECKING:
    from tests.fakes.publisher import Feed

PATIENCE: Final = 20.0  # seconds until something that has not come counts as missing
START: Final = 30.0
LOOK: Final = 0.05
BETWEEN_SCENES: Final = 0.4
BETWEEN_POSTS: Final = {"feishu": 3.0, "whatsapp": 7.0}  # WhatsApp allows one message in 6 s to one person
UNTIL_NUDGED: Final = 90.0
NAME: Final = 22  # columns for who speaks

Scene = Callable[[], Awaitable[None]]


class _Over(Exception):
    """It is time, or Ctrl-C was pressed."""


class _Missing(Exception):
    """Something that the bot has to do has not happened; the text says what."""


class ChatDemo:
    """The plot."""

    def __init__(
        self, folder: Path, seconds: float | None, channel: Literal["feishu", "whatsapp"], scenes: int | None = None
    ) -> None:
        """Ends after so many seconds or scenes, else by Ctrl-C."""
        from tests.fakes.publisher import Publisher

        self._channel, self._seconds, self._most = channel, seconds, scenes
        self._phone: Phone = FeishuPhone() if channel == "feishu" else WhatsAppPhone()
        self._publisher, self._folder = Publisher(), folder
        self._console, self._stop = wide_console(), asyncio.Event()
        self._ends_at: float | None = None
        self._seen = self._published_at = 0  # messages of the screen: printed; there at the newest publication
        self._articles = _articles()
        self._sums = {"commands": 0, "posts": 0, "arrived": 0}

    async def run(self) -> bool:
        """True: everything came that had to.  Raises UserError when there is nothing to see."""
        on_signals(self._stop)
        async with self._publisher, self._phone:
            self._feed = self._open_newsroom()
            port = _free_port()
            url = f"http://127.0.0.1:{port}"
            settings = {"PORT": str(port), "WORKER_PUBLIC_BASE_URL": url, "SIGNUP": "open", **self._phone.settings()}
            self._postbell = Postbell(self._folder, settings)
            self._note(f"$ {' '.join(name + '=…' for name in self._phone.settings())} SIGNUP=open postbell serve")
            async with self._postbell.serve() as gateway:
                await self._until_listening(port)
                await self._phone.connect(url)
                self._note(f"{self._phone.title} (a stand-in on this machine) calls {url}/webhooks/{self._channel}")
                self._ends_at = monotonic() + self._seconds if self._seconds else None
                with closing(Database(self._postbell.database_url, utc_now)) as self._database:
                    missing = await self._play()
            if gateway.returncode:
                raise UserError(f"the gateway ended with code {gateway.returncode}. {self._postbell.end_of_log()}")
        self._sum_up(missing)
        return not missing

    async def _play(self) -> str:
        """The scenes until it is time; returns what was missing, if anything."""
        try:
            played = 0
            async for scene in self._scenes():
                if played == self._most:
                    break
                await scene()
                played += 1
                await self._rest(BETWEEN_SCENES)
        except _Over:
            return ""
        except _Missing as missing:
            return str(missing)
        return ""

    async def _scenes(self) -> AsyncIterator[Scene]:
        mine = self._feishu_scenes() if isinstance(self._phone, FeishuPhone) else self._whatsapp_scenes()
        for scene in (self._follows, self._a_post, self._presses, *mine, self._asks_why, self._pauses, self._speaks):
            yield scene
        for scene in cycle((self._a_post, self._a_post, self._a_post, self._lists, *mine[-1:])):
            await self._rest(BETWEEN_POSTS[self._channel])
            yield scene

    # --- Scenes that both platforms have

    async def _follows(self) -> None:
        await self._say(f"subscribe {self._feed.url}", expect="You follow")

    async def _a_post(self) -> None:
        await self._arrives(self._publish())

    async def _presses(self) -> None:
        await self._press("Show the newest")

    async def _lists(self) -> None:
        await self._say("list", expect="subscription")

    async def _asks_why(self) -> None:
        newest = next(one for one in self._phone.screen(self._published_at) if self._shows(one, self._title))
        if isinstance(self._phone, WhatsAppPhone):
            await self._phone.read()
        self._note(f"{PERSON} replies to that post")
        await self._say("why", expect="", answers=newest.id)

    async def _pauses(self) -> None:
        await self._say("pause", expect="paused")
        before, title = self._phone.written(), self._publish()
        requests = self._publisher.requests["/news"]
        await self._until(lambda: self._publisher.requests["/news"] >= requests + 2, "a look at the feed")
        if any(self._shows(one, title) for one in self._phone.screen(before)):
            raise _Missing("silence in a pause")
        self._sums["posts"] -= 1  # which was not to come
        self._note(f"nothing comes to {PERSON} in the pause")
        await self._press("Resume")

    async def _speaks(self) -> None:
        await self._say("lang español", expect="")
        await self._say("lista", expect="")
        await self._say("idioma English", expect="")

    # --- Scenes of one platform

    def _feishu_scenes(self) -> tuple[Scene, ...]:
        phone = self._phone
        assert isinstance(phone, FeishuPhone)

        async def group() -> None:
            self._note(f"{OTHER} makes a group, “Harbour watch”, and adds the bot")
            before = phone.written()
            await phone.found_group("Harbour watch")
            await self._until(lambda: phone.written() > before, "a greeting")
            self._line(OTHER, f"@Bell subscribe {self._feed.url}", "bold magenta")
            before = phone.written()
            await phone.mention(f"subscribe {self._feed.url}")
            await self._until(lambda: phone.written() > before, "an answer in the group")
            self._sums["commands"] += 1
            await self._arrives(self._publish(), chats=2)

        return (group,)

    def _whatsapp_scenes(self) -> tuple[Scene, ...]:
        phone = self._phone
        assert isinstance(phone, WhatsAppPhone)
        rounds = count()

        async def window() -> None:
            phone.forget()
            self._note(f"25 hours go by in which {PERSON} writes nothing: WhatsApp allows no free text to her")
            titles = [self._publish(), self._publish()]
            await self._until_held(len(titles))
            self._note("the posts are held: “the person has not written for 24 hours”")
            if next(rounds):
                before = phone.written()
                self._note("a minute later she is told by a template, which WhatsApp allows even now")
                await self._until(lambda: phone.written() > before, "the template", UNTIL_NUDGED)
            first = phone.written()
            await self._say("list", expect="subscription")
            for title in titles:
                await self._arrives(title)
            shown = [title for one in phone.screen(first) for title in titles if self._shows(one, title)]
            if shown != titles:
                raise _Missing("the order of what was held")
            self._note("what was held has come, in its order")

        return (window,)

    async def _until_held(self, rows: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                newest, _ = await self._database.read(deliveries.newest, 30)
                if sum(one.state == DeliveryState.HELD for one in newest) >= rows:
                    return
                await self._rest(LOOK)

    # --- What the person does

    async def _say(self, text: str, *, expect: str, answers: str = "") -> None:
        before = self._phone.written()
        self._line(PERSON, text, "bold cyan")
        self._sums["commands"] += 1
        await self._phone.say(text, answers)
        await self._until(
            lambda: any(expect in one.text for one in self._phone.screen(before)), f"the answer to {text!r}"
        )

    async def _press(self, label: str) -> None:
        self._line(PERSON, f"presses [{label}]", "bold cyan")
        self._sums["commands"] += 1
        before = self._phone.written()
        at_once = await self._phone.press(label)
        for shown in at_once:
            self._line("bell", shown, "green")
        await self._until(lambda: bool(at_once) or self._phone.written() > before, f"the answer to [{label}]")

    def _publish(self) -> str:
        title, html = next(self._articles)
        self._title = title
        self._feed.publish(title, html=html, at=utc_now())
        self._line("publisher", title, "yellow")
        self._published_at = self._phone.written()
        self._sums["posts"] += 1
        return title

    def _open_newsroom(self) -> "Feed":
        from tests.fakes.newsroom import NAME

        return self._publisher.feed("/news", format="atom", title=NAME, keep=20)

    # --- Waiting, and what is printed

    def _shows(self, one: Shown, title: str) -> bool:
        return title in one.text and not one.group

    async def _arrives(self, title: str, chats: int = 1) -> None:
        """Once in each chat, since the last one was published."""

        def shown() -> bool:
            return sum(title in one.text for one in self._phone.screen(self._published_at)) >= chats

        await self._until(shown, f"the post {title!r}")
        self._sums["arrived"] += 1

    async def _until(self, true: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        """Look on, and print what comes, until something has happened.  Raises _Over, _Missing."""
        patience = monotonic() + seconds
        while True:
            self._print_new()
            if true():
                return
            if monotonic() > patience:
                raise _Missing(what)
            await self._rest(LOOK)

    async def _rest(self, seconds: float) -> None:
        """Raises _Over."""
        until = monotonic() + seconds
        while True:
            self._print_new()
            now = monotonic()
            if self._stop.is_set() or (self._ends_at and now >= self._ends_at):
                raise _Over
            if now >= until:
                return
            await asyncio.sleep(min(LOOK, until - now))

    async def _until_listening(self, port: int) -> None:
        for _ in range(int(START / LOOK)):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(LOOK)
            else:
                writer.close()
                return
        raise UserError(f"the gateway has not begun to listen. {self._postbell.end_of_log()}")

    def _print_new(self) -> None:
        for one in self._phone.screen(self._seen):
            self._show(one)
            self._seen += 1

    def _show(self, one: Shown) -> None:
        who = f"bell in {one.group}" if one.group else "bell"
        buttons = "  ".join(f"[{label}]" for label in one.buttons)
        self._line(who, f"{one.text}\n{buttons}" if buttons else one.text, "green")

    def _line(self, who: str, text: str, style: str) -> None:
        """One thing that was said; what is long stays in its column."""
        first = Text.assemble((f"{utc_now().astimezone():%H:%M:%S.%f}"[:-3], "bright_black"), f"{'':{NAME}}  ")
        name = Text(who, style)
        first.right_crop(name.cell_len + 2)
        first.append_text(name).append("  ")
        for row in Text(text).wrap(self._console, max(self._console.width - first.cell_len, 20)):
            line = first + row
            line.rstrip()
            self._console.print(line, soft_wrap=True)
            first = Text(" " * first.cell_len)

    def _note(self, text: str) -> None:
        self._console.print(Text(f"— {text}", "bright_black"), soft_wrap=True)

    def _sum_up(self, missing: str) -> None:
        told, taken = self._phone.calls()
        commands, posts, arrived = (self._sums[one] for one in ("commands", "posts", "arrived"))
        late = f" ({posts - arrived} held or under way)" if posts > arrived else ""
        self._note(
            f"{output.counted(commands, 'command')} and presses, {arrived} of {output.counted(posts, 'post')} "
            f"arrived{late}, {taken} of {told} callbacks taken at once"
        )
        if missing:
            self._console.print(Text(f"Something was missing: {missing}.", "bold red"))
        else:
            self._console.print(Text("Everything came that had to.", "bold green"))
        self._console.print(Text("Next: README.md, “Connect a chat”", "cyan"))


def _articles() -> Iterator[tuple[str, str]]:
    """Title and HTML; every title is another, for it is how a post is known again."""
    from tests.fakes.newsroom import ARTICLES

    for edition in count(1):
        for one in ARTICLES:
            yield (one.title if edition == 1 else f"{one.title} ({edition})"), one.html


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
