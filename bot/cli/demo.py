"""``postbell demo``: posts flow from a feed to a signed webhook, with no account anywhere.

Three actors, each on a real socket: a publisher and a receiver (the fakes of the tests, in this process), and between
them ``postbell serve`` itself, a process of its own on a database that is thrown away.  Now and then the receiver
fails on purpose.  The end is a verdict, so the demo is a smoke test too.
"""

import asyncio
import shlex
import sys
from asyncio.subprocess import Process
from contextlib import closing
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
import typer

from bot.cli.demo_chat import ChatDemo
from bot.cli.demo_gateway import ROOT, Postbell, on_signals, wide_console
from bot.cli.demo_ledger import Ledger, Request
from bot.cli.demo_screen import Arrival, Scene, Show, shown, summary
from bot.clock import utc_now
from bot.errors import UserError
from bot.usecases import deliveries
from storage.database import Database, StorageError
from storage.models import DeliveryState

if TYPE_CHECKING:
    from tests.fakes.publisher import Feed
    from tests.fakes.receiver import Received

OWNER: Final = "demo@example.org"
FEED: Final = "/news"
PUBLISH_EVERY: Final = 2.3  # seconds, as everything below; no multiple of the polling interval
FAIL_EVERY: Final = 7  # posts; the first that meets a failing receiver is the second
FAIL_FOR: Final = 2.5  # too short for five failures in a row, which would open the breaker for 30 s
QUIET: Final = 1.5  # at the end of a run of known length nothing new is published
GRACE: Final = 20.0  # what is under way after that has so long to arrive
START: Final = 30.0  # the gateway must have read the feed by then
LOOK: Final = 0.1


def demo(
    seconds: Annotated[float | None, typer.Option(min=1, help="End after so long; without it Ctrl-C does.")] = None,
    channel: Annotated[
        Literal["webhook", "feishu", "whatsapp"],
        typer.Option(help="Where posts go; a chat is played by a stand-in, with a person who talks to the bot."),
    ] = "webhook",
) -> None:
    """See posts flow from a feed to a signed webhook or into a chat, with no account anywhere."""
    if not (ROOT / "tests" / "fakes" / "publisher.py").exists():
        raise UserError(
            "the demo's publisher and platforms are not part of the installed package; "
            "run `./dev demo` in a clone of the repository"
        )
    sys.path.insert(0, str(ROOT))
    with TemporaryDirectory(prefix="postbell-demo-") as folder:
        try:
            if channel == "webhook":
                flawless = asyncio.run(_Demo(Path(folder), seconds).run())
            else:
                flawless = asyncio.run(ChatDemo(Path(folder), seconds, channel).run())
        except asyncio.CancelledError:  # the second Ctrl-C
            raise typer.Exit(130) from None
    raise typer.Exit(0 if flawless else 1)


class _Demo:
    """The plot."""

    def __init__(self, folder: Path, seconds: float | None) -> None:
        from tests.fakes.publisher import Publisher
        from tests.fakes.receiver import Receiver

        self._postbell, self._seconds = Postbell(folder), seconds
        self._publisher, self._receiver = Publisher(), Receiver(seen=self._seen)
        self._ledger, self._scene = Ledger(), Scene(folder=folder)
        self._console, self._stop = wide_console(), asyncio.Event()

    async def run(self) -> bool:
        """True: every post arrived once, signed.  Raises UserError when there is nothing to see."""
        on_signals(self._stop)
        async with self._publisher, self._receiver:
            feed = self._open_newsroom()
            await self._type_in("account", "add", OWNER)
            self._say("$ postbell serve &")
            async with self._postbell.serve() as gateway:
                await self._subscribe(feed)
                await self._until_polled(gateway)
                with (
                    closing(Database(self._postbell.database_url, utc_now)) as database,
                    shown(self._console, self._ledger, self._scene) as show,
                ):
                    await self._watch(feed, gateway, database, show)
        if gateway.returncode:
            raise UserError(f"the gateway ended with code {gateway.returncode}. {self._postbell.end_of_log()}")
        self._console.print(summary(self._ledger))
        return self._ledger.flawless

    # Before

    def _open_newsroom(self) -> "Feed":
        """A feed with two older posts, which nobody who subscribes now is to get."""
        from tests.fakes.newsroom import NAME, OLD

        feed = self._publisher.feed(FEED, format="atom", title=NAME, keep=20)
        for hours, article in OLD.items():
            feed.publish(article.title, html=article.html, at=utc_now() - timedelta(hours=hours))
        return feed

    async def _subscribe(self, feed: "Feed") -> None:
        """As anybody would, beside the running gateway."""
        hook = await self._type_in("destination", "add", OWNER, "webhook", self._receiver.url())
        self._receiver.secret = hook["secret"]
        await self._type_in("subscribe", OWNER, feed.url, str(hook["id"]))
        self._scene.feed_url, self._scene.hook_url = feed.url, self._receiver.url()

    async def _type_in(self, *arguments: str) -> Any:
        self._say(f"$ postbell {shlex.join(arguments)}")
        return await self._postbell.command(*arguments)

    def _say(self, text: str) -> None:
        self._console.print(text, style="bright_black", markup=False, highlight=False, soft_wrap=True)

    async def _until_polled(self, gateway: Process) -> None:
        """The gateway is there when it has read the feed by itself."""
        before = self._publisher.requests[FEED]
        for _ in range(int(START / LOOK)):
            if self._publisher.requests[FEED] > before or gateway.returncode is not None:
                break
            await asyncio.sleep(LOOK)
        if self._publisher.requests[FEED] == before:
            raise UserError(f"the gateway has not begun to read feeds. {self._postbell.end_of_log()}")
        self._scene.pid = gateway.pid

    # Meanwhile

    async def _watch(self, feed: "Feed", gateway: Process, database: Database, show: Show) -> None:
        """Publish and look on until it is time, then until everything has arrived."""
        started = utc_now()
        self._scene.ends_at = started + timedelta(seconds=self._seconds) if self._seconds else None
        publishing = asyncio.create_task(self._publish(feed))
        closed_at: datetime | None = None
        while gateway.returncode is None:
            await self._look(database)
            show(now := utc_now())
            if closed_at is None and self._is_time(now):
                closed_at = now
                publishing.cancel()
                self._answer_well()
                self._scene.closing = True
            if closed_at and self._is_over(now, closed_at):
                break
            await asyncio.sleep(LOOK)

    def _is_time(self, now: datetime) -> bool:
        ends_at = self._scene.ends_at
        return self._stop.is_set() or bool(ends_at and now >= ends_at - timedelta(seconds=QUIET))

    def _is_over(self, now: datetime, closed_at: datetime) -> bool:
        if self._ledger.undelivered:
            return now >= closed_at + timedelta(seconds=GRACE)
        return self._stop.is_set() or not self._scene.ends_at or now >= self._scene.ends_at

    async def _publish(self, feed: "Feed") -> None:
        from tests.fakes.newsroom import ARTICLES

        for number in count():
            if number % FAIL_EVERY == 1:
                self._answer_badly()
            article, now = ARTICLES[number % len(ARTICLES)], utc_now()
            item = feed.publish(article.title, html=article.html, at=now)
            self._ledger.published(item.url, item.title, now)
            await asyncio.sleep(PUBLISH_EVERY)

    def _answer_badly(self) -> None:
        self._receiver.behave(statuses=[503] * 100)
        self._scene.failing = True
        self._ledger.note(utc_now(), "receiver", "answers 503 from now on, on purpose")
        asyncio.get_running_loop().call_later(FAIL_FOR, self._answer_well)

    def _answer_well(self) -> None:
        self._receiver.behave()
        if self._scene.failing:
            self._scene.failing = False
            self._ledger.note(utc_now(), "receiver", "answers 200 again")

    def _seen(self, one: "Received") -> None:
        """A request has reached the receiver, which answers as it was told."""
        if not one.verified:
            self._ledger.forged(one.at)
            return
        post = msgspec.json.decode(one.body)["data"]
        url = post.get("url", "")
        if url:
            self._ledger.found(url, datetime.fromisoformat(post["found_at"]))
        status = 503 if self._scene.failing else 200
        self._ledger.received(url, Request(one.at, one.id, status))
        self._scene.last = Arrival(one.id, status, post.get("title", ""), post.get("text", ""), url)

    async def _look(self, database: Database) -> None:
        """What the gateway's own books say."""
        try:
            rows, _ = await database.read(deliveries.newest, 30)
        except StorageError:  # busy; there is another look soon
            return
        for row in rows:
            self._ledger.found(row.url, row.created_at)
            if row.state == DeliveryState.WAITING:
                self._ledger.waits(row.url, row.due_at, utc_now())
