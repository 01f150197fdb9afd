"""Posts of the feeds that an account follows."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from adapters.base import PostView
from bot.errors import NotFound
from bot.rules import ids
from bot.usecases import views
from bot.usecases.native import feeds
from bot.usecases.native.pages import Page, Place, merged
from storage import owned
from storage.columns import from_micros
from storage.database import Work

LONGEST_TEXT = 4_000  # characters of a post
NEAR = timedelta(milliseconds=2)  # a post's id tells to the millisecond when it was found


def page(work: Work, account_id: int, *, feed: UUID | None, since: int, before: Place, limit: int) -> Page[PostView]:
    """Posts found at ``since`` (microseconds since 1970) or later, the newest first; ``feed``: only its own, else of
    all that the account follows now.  Raises NotFound."""
    session = work.session
    of = [feeds.get(work, account_id, feed).feed.id] if feed else owned.followed(session, account_id)
    tops = [top for top in owned.newest_post_of_each(session, of, before) if top[0][0] >= since]
    found = merged(tops, lambda one, last, n: owned.posts(session, one, before, max(last, (since, 0)), n), limit + 1)
    some = found[:limit]
    return Page(_shown(work, [(place[1], version) for place, version in some]), some[-1][0] if found[limit:] else None)


def get(work: Work, account_id: int, uid: UUID | None) -> PostView:
    """Raises NotFound."""
    found = None
    if uid and (made_at := ids.made_at(uid)) is not None:
        at = from_micros(made_at * 1000)
        found = owned.post(work.session, account_id, uid, at - NEAR, at + NEAR)
    if found is None:
        raise NotFound("there is no such post of a feed that you follow", hint="GET /api/v1/posts lists them")
    return _shown(work, [(found.id, found.version)])[0]


def _shown(work: Work, versions: Sequence[tuple[int, int]]) -> list[PostView]:
    loaded = views.load(work, versions)
    return [views.shown(loaded[one], LONGEST_TEXT) for one in versions if one in loaded]
