"""From what people call a feed to the feed: over the network, and never inside a transaction."""

from dataclasses import dataclass

from adapters.base import FeedGone, FeedNotFound, FeedUnavailable, Found
from bot.errors import Invalid, Unavailable
from bot.jobs.lookup import look_up
from bot.web.apis.native.desk import Desk
from bot.web.surface import Refusal

MOST_CANDIDATES = 5


@dataclass(frozen=True, slots=True)
class Meant:
    """A feed, by the source that knows it."""

    source: str
    found: Found
    host: str


async def find(desk: Desk, name: str, source: str | None) -> Meant:
    """``source``: ask no other.  Raises Invalid, Refusal, Unavailable."""
    asked = desk.sources
    if source is not None:
        if source not in asked:
            known = ", ".join(sorted(asked))
            raise Invalid(
                f"there is no source of the kind {source!r}", field="source", code="invalid_value", hint=f"use {known}"
            )
        asked = {source: asked[source]}
    looked = await look_up(asked, name, desk.clock())
    if looked.found is not None:
        return Meant(looked.source, looked.found, looked.host)
    match looked.error:
        case FeedNotFound() as error:
            why = f"no feed is known by that name: {error}"
            raise Refusal(404, why, code="feed_not_found", field="name", hint=_perhaps(error))
        case FeedGone() | FeedUnavailable() as gone:
            raise Refusal(404, f"the feed is not there any more: {gone}", code="feed_gone", field="name")
    raise Unavailable(f"the feed cannot be read at present: {looked.error}", code="feed_unreadable", field="name")


def _perhaps(error: FeedNotFound) -> str:
    some = error.candidates[:MOST_CANDIDATES]
    return f"perhaps {' or '.join(some)}" if some else "give the address of a feed, or of a page that links to one"
