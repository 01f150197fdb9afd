"""Every document of the corpus goes the whole way: over HTTP, through the reader, into storage, out as a message."""

import json
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import pytest

from adapters.base import Enclosure, FeedFailed, Page, Post, PostView
from adapters.http import Egress, Outbound
from adapters.sources.feeds import Feeds
from bot.rules.plain_text import length
from bot.rules.rendering import message_text
from bot.usecases import feeds, posts, views
from storage import posts as stored_posts
from storage.database import Database, Work
from tests.adapters.sources.test_corpus import seen_in
from tests.clock import MovableClock
from tests.corpus import NOW, Case, load_cases
from tests.fakes.publisher import Answer, Publisher
from tests.world import INTERVAL, POLICY, add_feed

LIMIT = 4000  # characters of a webhook's text
MARKUP = re.compile(r"<(script|style|img|iframe|svg|div|p|br|a)[ >/]|javascript:", re.IGNORECASE)
WORD = re.compile(r"\w{4,}")
SHOWN_AS_CODE = {"escaped-titles"}  # documents whose authors write about markup


@pytest.fixture
async def source() -> AsyncIterator[Feeds]:
    async with Outbound(Egress.parse("127.0.0.1/32"), user_agent="Postbell/test") as outbound:
        source = Feeds(outbound)
        yield source
        await source.close()


async def test_every_document_becomes_its_posts(database: Database, clock: MovableClock, source: Feeds) -> None:
    clock.now = NOW
    read = 0
    async with Publisher() as publisher:
        for number, case in enumerate(load_cases(), 1):
            page = await polled(case, publisher, source)
            if page is not None:
                found = await database.write(recorded, number, publisher.url, page)
                check(case, found, publisher.url)
                read += 1
    assert read >= 60


async def polled(case: Case, publisher: Publisher, source: Feeds) -> Page | None:
    """What the document gives, served at its own path; None: it is no feed, and was refused as such."""
    path = urlsplit(case.url)._replace(scheme="", netloc="").geturl()
    feed = publisher.feed(urlsplit(case.url).path)
    feed.always = Answer(body=case.body, content_type=case.content_type)
    try:
        page, fault = await source.poll(publisher.url + path, {}, NOW), None
    except FeedFailed as failed:
        page, fault = None, failed.fault
    assert fault == case.error or (page and not page.posts and not case.body.strip()), case.name
    return page if case.error is None else None


def recorded(work: Work, number: int, key: str, page: Page) -> Sequence[tuple[Post, PostView]]:
    """The posts as storage and rendering give them back, oldest first."""
    feed = add_feed(work, number, key=f"{key}/{number}", last_success_at=None)
    due = feeds.hurry(work, feed, INTERVAL)
    posts.record(work, [posts.Polled(due, page)], POLICY)
    rows = list(reversed(stored_posts.newest(work.session, feed, 1000)))
    shown = views.load(work, [(row.id, row.version) for row in rows])
    return [(as_post(row), views.shown(shown[row.id, row.version], LIMIT)) for row in rows]


def as_post(row: Any) -> Post:
    extras = json.loads(row.extras) if row.extras else {}
    return Post(
        key=row.key[8:],
        title=row.title,
        url=row.url,
        author=row.author,
        content=row.content,
        is_html=row.is_html,
        summary=row.summary,
        base=row.base,
        published=row.published_at,
        updated=row.updated_at,
        image=row.image,
        enclosures=tuple(Enclosure(**one) for one in extras.get("enclosures", ())),
    )


def check(case: Case, found: Sequence[tuple[Post, PostView]], here: str) -> None:
    """Each field that the document promises, as if it had come from where it really was published."""
    published = "{0.scheme}://{0.netloc}".format(urlsplit(case.url))
    assert len(found) == len(case.items), case.name
    for (post, view), item in zip(found, case.items, strict=True):
        wanted = {name: value for name, value in item.items() if name != "id"}  # ids live on as keys
        seen = {name: _moved(value, here, published) for name, value in seen_in(post, wanted).items()}
        assert seen == wanted, case.name
        reads_well(view, wanted, case.name)


def reads_well(view: PostView, item: dict[str, Any], name: str) -> None:
    assert view.title
    assert length(view.text) <= LIMIT
    assert name in SHOWN_AS_CODE or not MARKUP.search(view.text), name
    words = WORD.findall(item.get("text", ""))
    missing = [word for word in words[:-1] if word not in f"{view.title} {view.text}"]  # the last may be cut
    assert not missing, (name, missing)
    message = message_text(view, 500)
    assert length(message) <= 500
    assert not view.url or message.endswith(view.url)


def _moved(value: Any, here: str, there: str) -> Any:
    if isinstance(value, str):
        return value.replace(here, there)
    if isinstance(value, list):
        return [_moved(one, here, there) for one in value]
    return {key: _moved(one, here, there) for key, one in value.items()} if isinstance(value, dict) else value
