"""Reads one account's own timeline so that nothing can be missed (sources-x.md 5)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from adapters.sources.x.api import Api
from adapters.sources.x.cursors import Place
from adapters.sources.x.refusals import BadRequest, unavailable
from adapters.sources.x.snowflakes import number
from adapters.sources.x.wire import Answer, Tweet

FIRST, PAGE = "5", "100"  # posts; the first look costs as little as X allows
CAP, MOST_PAGES = 300, 10  # in one poll; the walk goes on at the next

Row = tuple[Tweet, Answer]


@dataclass(slots=True)
class Walk:
    """``place``: where to go on; after the last page that is the newest post."""

    place: Place
    rows: list[Row] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)


async def walk(api: Api, user_id: str, place: Place, now: datetime, exclude: Sequence[str]) -> Walk:
    """``since_id`` stays the same on every page: changing it would lose posts.  Raises SourceError."""
    try:
        return await _walk(api, user_id, place, now, exclude)
    except BadRequest:
        if not place.token:
            raise
        return await _walk(api, user_id, replace(place, token="", top=0), now, exclude)


async def _walk(api: Api, user_id: str, place: Place, now: datetime, exclude: Sequence[str]) -> Walk:
    walk, token, top = Walk(place), place.token, place.top
    first = place.is_first()
    query = {"max_results": FIRST if first else PAGE}
    if place.since:
        query["since_id"] = str(place.since)
    if exclude:
        query["exclude"] = ",".join(exclude)
    author = place.wants_names(now)
    while True:
        page_query = query | {"pagination_token": token} if token else query
        answer = await api.timeline(user_id, now, page_query, author=author)
        tweets = answer.tweets()
        if answer.problems and not tweets and not answer.has_meta:
            raise unavailable(answer.problems)
        on_page = [(identifier, one) for one in tweets if (identifier := number(one.id)) is not None]
        top = top or max((identifier for identifier, _ in on_page), default=0)
        walk.answers.append(answer)
        walk.rows += [(one, answer) for identifier, one in on_page if identifier > place.since]
        token = answer.next_token  # an empty page may have one, too
        if not token or first:
            handed_on = [int(one.id) for one, _ in walk.rows]
            walk.place = place.after_timeline(top, handed_on, now)
            return walk
        if len(walk.rows) >= CAP or len(walk.answers) >= MOST_PAGES:
            walk.place = replace(place, token=token, top=top, looked=place.looked or 1)
            return walk
