"""An account's subscriptions: making one within its plan, pausing, and ending it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from adapters.base import Found
from bot.clock import to_millis
from bot.errors import Conflict, LimitReached, NoCredits, NotFound
from bot.rules import ids, plans
from bot.rules.options import Options
from bot.usecases import subscriptions
from bot.usecases.chat.pausing import UNTIL_RESUMED
from bot.usecases.chat.who import Terms
from bot.usecases.native import destinations
from bot.usecases.native.pages import Page, cut
from storage import accounts, owned
from storage import subscriptions as stored
from storage.database import Work
from storage.models import Destination, Feed


@dataclass(frozen=True, slots=True)
class Wish:
    """This account wants a feed's posts there."""

    account_id: int
    destination: UUID | None
    latest: bool  # the newest post that is there now is sent, too
    options: Options | None = None  # None: as it was asked for before, else nothing beside ordinary posts


def check(work: Work, known: plans.Plans, wish: Wish, feed: Feed | None = None) -> Any | None:
    """What can be said before anybody is asked over the network: the subscription, if it is known to be there.

    Raises NotFound, Conflict, LimitReached, NoCredits.
    """
    account = accounts.get(work.session, wish.account_id)
    assert account is not None
    to = _to(work, wish)
    if feed is None and owned.feeds_of_destination(work.session, to.id):
        return None  # the name may mean one of these, which takes no quota
    return _check(work, known, account, wish, to, feed.id if feed else None)


def _to(work: Work, wish: Wish) -> Destination:
    """Raises NotFound, Conflict."""
    to = destinations.get(work, wish.account_id, wish.destination)
    if to.verified_at is None:
        raise Conflict(
            "the destination is not verified yet",
            code="unverified",
            field="destinationId",
            hint=f"POST /api/v1/destinations/{to.uid}/verify with the code that was sent there",
        )
    return to


def _check(
    work: Work, known: plans.Plans, account: Any, wish: Wish, to: Destination, feed_id: int | None
) -> Any | None:
    there = stored.find(work.session, wish.account_id, feed_id, to.id) if feed_id else None
    if there and there.active:
        return owned.subscription(work.session, wish.account_id, there.id)
    limit = plans.limits(known, account.plan, account.overrides).subscriptions
    if plans.is_reached(limit, stored.count_of_account(work.session, wish.account_id)):
        raise LimitReached(
            f"the plan allows {limit} subscriptions, and they are taken",
            hint="end one that is not needed any more, or ask for another plan",
        )
    if account.credits is not None and account.credits < 1:
        raise NoCredits("no credits are left", hint="ask whoever runs this server for more")
    return None


def subscribe(work: Work, terms: Terms, known: plans.Plans, wish: Wish, source: str, found: Found, host: str) -> Any:
    """Follow what was found; what was checked before holds now, too.  Returns the subscription, new or not.

    Raises what ``check`` raises.
    """
    account = accounts.lock(work.session, wish.account_id)
    feed = owned.feed_by_key(work.session, wish.account_id, source, found.key)
    to = _to(work, wish)
    if there := _check(work, known, account, wish, to, feed.id if feed else None):
        if wish.options is not None:
            subscriptions.set_options(work, there[0].id, wish.options)
        return there
    made = subscriptions.subscribe(
        work,
        account_id=wish.account_id,
        destination_id=to.id,
        source=source,
        found=found,
        host=host,
        policy=terms.policy,
        default_interval=terms.interval,
        latest=wish.latest,
        wishes=wish.options,
    )
    return owned.subscription(work.session, wish.account_id, made.subscription.id)


def page(
    work: Work, account_id: int, before: int, limit: int, *, feed: UUID | None, destination: UUID | None
) -> Page[Any]:
    """Active ones as (subscription, feed, destination), the newest first, with ids below ``before``."""
    found = owned.subscriptions(work.session, account_id, before, limit + 1, feed=feed, destination=destination)
    return cut(found, limit, lambda row: (0, row[0].id))


def get(work: Work, account_id: int, id_: str) -> Any:
    """Also one that has ended.  Raises NotFound."""
    return _get(work, account_id, id_, lock=False)


def _get(work: Work, account_id: int, id_: str, *, lock: bool) -> Any:
    told = ids.number_of(id_)
    row = owned.subscription(work.session, account_id, told[1], lock=lock) if told else None
    if row is None or told is None or to_millis(row[0].created_at) != told[0]:
        raise NotFound("there is no such subscription", hint="GET /api/v1/subscriptions lists yours")
    return row


def _active(work: Work, account_id: int, id_: str) -> Any:
    row = _get(work, account_id, id_, lock=True)
    if not row[0].active:
        raise Conflict("this subscription has ended", code="ended", hint="POST /api/v1/subscriptions makes it anew")
    return row


def pause(work: Work, account_id: int, id_: str, until: datetime | None) -> Any:
    """Pass over posts that are found until then; None: until it is resumed.  Raises NotFound, Conflict."""
    row = _active(work, account_id, id_)
    subscriptions.pause(work, [row[0].id], until or UNTIL_RESUMED)
    work.session.refresh(row[0])
    return row


def resume(work: Work, account_id: int, id_: str) -> Any:
    """Raises NotFound, Conflict."""
    row = _active(work, account_id, id_)
    subscriptions.resume(work, [row[0].id])
    work.session.refresh(row[0])
    return row


def change(work: Work, account_id: int, id_: str, wishes: Options) -> Any:
    """Ask for these besides ordinary posts from now on, and for nothing else.  Raises NotFound, Conflict."""
    row = _active(work, account_id, id_)
    subscriptions.set_options(work, row[0].id, wishes)
    return row


def end(work: Work, account_id: int, id_: str) -> None:
    """End it at once: what is queued for it fails.  Ending what has ended does nothing.  Raises NotFound."""
    row = _get(work, account_id, id_, lock=True)
    if row[0].active:
        subscriptions.unsubscribe(work, row[0].id)
