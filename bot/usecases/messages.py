"""The messages API's list: what the WeChat accounts that an account follows have posted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from bot.rules import ranking
from storage import messages
from storage.columns import MICROSECOND, to_micros
from storage.database import Work

SOURCES = ("wechat", "tencent")
"""The kinds of feeds whose posts are messages.  A feed's address that a bridge made is a feed as any other."""

LOOK_BACK = timedelta(seconds=60)
"""By how much more than was asked for is listed: the longest that a post may be stored before it can be seen (a slow
transaction), and that clocks may differ."""

DISORDER = timedelta(seconds=60)
"""By how much the times of posts may be out of the order of their ids: that far around a time they are looked at."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Messages ``first`` (from 0) to ``first + count`` of an account's, the latest stored first."""

    account_id: int
    first: int
    count: int
    since: datetime | None = None  # those alone that were stored then or later; aware


@dataclass(frozen=True, slots=True)
class Listed:
    """One page, and how many messages there are on all pages."""

    messages: Sequence[Any]
    total: int


def page(work: Work, wanted: Wanted) -> Listed:
    """What is stored meanwhile stands before the first page: it can move a message to the next page, and none to the
    one before."""
    session = work.session
    messages.hold_still(session)
    feeds, all_, top = messages.lists(session, wanted.account_id, SOURCES)
    bottom = 0 if wanted.since is None else _before(work, top, wanted.since)
    total = all_ - (messages.count_up_to(session, feeds, bottom) if bottom else 0)
    if wanted.first >= total:
        return Listed((), total)

    def above(id_: int) -> int:
        return all_ - messages.count_up_to(session, feeds, id_)

    span = ranking.span(above, bottom, top, total, wanted.first, wanted.count)
    ids = sorted(messages.between(session, feeds, span.low, span.high), reverse=True)
    return Listed(messages.messages(session, ids[span.skip :][: wanted.count]), total)


def _before(work: Work, top: int, since: datetime) -> int:
    """An id above which everything is that was stored at ``since`` or later, and nothing else where clocks agree."""
    at = to_micros(since) - LOOK_BACK // MICROSECOND
    surely_before = ranking.boundary(partial(messages.last, work.session), top, at - DISORDER // MICROSECOND)
    first = messages.first(work.session, surely_before, at)
    return top if first is None else first - 1
