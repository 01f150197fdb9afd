"""The web that transcripts speak of, ``https://example.org``: it lies on a publisher on this machine.

Only the last step is another one: what is fetched from there goes to the publisher.
"""

from collections.abc import Mapping
from datetime import datetime

from adapters.base import Cursor, FeedFailed, FeedFault, FeedInfo, FeedNotFound, Found, Page
from adapters.http import Fetched, Outbound
from adapters.sources.feeds import Feeds
from tests.bot.usecases.chat.web import SITE
from tests.clock import START
from tests.fakes.publisher import Answer, Feed, Publisher
from tests.world import HOUR

PUBLISHED = START - 3 * HOUR
NASA = "https://x.example/nasa"


class Elsewhere(Feeds):
    """The source ``feed``, for which ``https://example.org`` is at ``place``."""

    place = ""

    def __init__(self, outbound: Outbound) -> None:
        super().__init__(_Detour(outbound, self.place))  # type: ignore[arg-type]  # it asks for two doors only


class _Detour:
    def __init__(self, outbound: Outbound, place: str) -> None:
        self._outbound, self._place, self.egress = outbound, place, outbound.egress

    async def fetch(self, url: str, headers: Mapping[str, str]) -> Fetched:
        path = url.removeprefix(SITE)
        if path == "/slow":
            raise FeedFailed(FeedFault.TIMEOUT, "no answer in 20 s")
        fetched = await self._outbound.fetch(self._place + path, headers)
        return Fetched(fetched.status, fetched.headers, fetched.body, url, fetched.truncated)


class Handles:
    """A source that knows one handle, which has said nothing yet."""

    kind = "x"

    def __init__(self, outbound: Outbound) -> None:
        pass

    async def resolve(self, name: str, now: datetime) -> Found:
        if name.lower() != "@nasa":
            raise FeedNotFound("no handle")
        return Found(NASA, await self.poll(NASA, {}, now))

    async def poll(self, key: str, cursor: Cursor, now: datetime) -> Page:
        return Page(cursor={}, info=FeedInfo(title="NASA"))

    def host(self, key: str) -> str:
        return "https://x.example:443"

    async def close(self) -> None:
        """Holds nothing."""


def furnish(publisher: Publisher) -> None:
    """Put everything there that ``tests.bot.usecases.chat.web`` knows."""
    titles = {"/harbour": "Harbour news", "/weather": "Weather", "/blog/posts.xml": "Blog"}
    for path, title in (titles | {f"/feed/{n}": f"Feed number {n}" for n in range(1, 26)}).items():
        publisher.feed(path, title=title).url = SITE + path
    publish(publisher, "/harbour", "Boat race")
    publish(publisher, "/weather", "Fog until noon")
    publish(publisher, "/blog/posts.xml", "Hello")
    publisher.feeds["/blog/posts.xml"].answers.append(Answer(status=503))  # else it is followed without a question
    links = "".join(
        f'<link rel="alternate" type="application/rss+xml" href="{SITE}/blog/{name}.xml">'
        for name in ("posts", "comments")
    )
    publisher.page("/blog", f"<html><head>{links}</head><body>Words</body></html>")
    publisher.page("/page", "<html><body>Words</body></html>")
    publisher.page("/busy", status=429, headers={"Retry-After": "600"})


def publish(publisher: Publisher, path: str, title: str) -> Feed:
    feed = publisher.feeds[path]
    url = f"{feed.url}/{len(feed.items) + 1}"
    feed.publish(title, url=url, html=f"<p>The text of {url}.</p>", at=PUBLISHED)
    return feed


def path_of(publisher: Publisher, title: str) -> str:
    """Of the feed with this title."""
    return next(path for path, feed in publisher.feeds.items() if feed.title == title)
