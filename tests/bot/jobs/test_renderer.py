"""Rendered posts are kept for a fan-out, and what had to make room is loaded again rather than given up."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from adapters.base import FeedInfo, Page, Post
from bot.jobs.dispatcher import Renderer
from bot.usecases import feeds, posts
from storage.database import Database, Work
from storage.models import Post as PostRow


async def test_a_post_that_made_room_for_others_is_still_shown(database: Database) -> None:
    wanted = await database.write(store, 4)
    renderer = Renderer(database, keep=2)
    for post in wanted:
        await renderer.load([post])
    shown = [await renderer.view(post, 100) for post in wanted]
    assert [view and view.title for view in shown] == ["Post 0", "Post 1", "Post 2", "Post 3"]


async def test_a_claim_of_more_posts_than_are_kept_shows_them_all(database: Database) -> None:
    wanted = await database.write(store, 4)
    renderer = Renderer(database, keep=2)
    await renderer.load(wanted)
    assert None not in [await renderer.view(post, 100) for post in wanted]


async def test_a_post_that_is_stored_no_more_is_not_shown(database: Database) -> None:
    assert await Renderer(database).view((1, 1), 100) is None


def store(work: Work, count: int) -> Sequence[tuple[int, int]]:
    """A feed with so many posts, as (id, version)."""
    feed = feeds.follow(work, "feed", "https://example.org/feed", "", UUID(int=1))
    found = [Post(key=bytes([n]) * 16, title=f"Post {n}") for n in range(count)]
    page = Page(cursor={}, posts=found, info=FeedInfo())
    posts.record(work, [posts.Polled(feeds.hurry(work, feed.id, timedelta(hours=1)), page)], posts.Policy({}))
    return [(row.id, row.version) for row in work.session.execute(select(PostRow.__table__).order_by("id"))]
