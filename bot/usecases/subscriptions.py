"""Subscriptions: from "this feed, please" to its posts at a destination."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from adapters.base import Found
from bot.clock import uuid7
from bot.errors import Conflict, Invalid, NotFound
from bot.rules import options
from bot.rules.options import Options
from bot.usecases import destinations, feeds, posts
from storage import accounts, subscriptions
from storage.database import Work
from storage.models import Feed, FeedState, Subscription
from storage.outbox import recording, sweeping


@dataclass(frozen=True, slots=True)
class Subscribed:
    """What a wish came to."""

    subscription: Subscription
    feed: Feed
    new: bool  # False: it was there before
    latest_queued: bool


def subscribe(
    work: Work,
    *,
    account_id: int,
    destination_id: int,
    source: str,
    found: Found,
    host: str,
    policy: posts.Policy,
    default_interval: timedelta,
    latest: bool,
    wishes: Options | None = None,
) -> Subscribed:
    """Follow what was found and send its posts from now on; ``latest``: also the newest one that is there.

    A feed that nobody followed before is stored with what it holds, and none of that is announced.  ``wishes``: what
    else it is to bring; None: as it was asked for before, else nothing.
    Raises Invalid, NotFound, Conflict.
    """
    _check_open(work, account_id)
    destination = destinations.get(work, destination_id)
    if destination.account_id != account_id:
        raise NotFound(f"this account has no destination {destination_id}; `postbell destination list` shows them")
    if destination.verified_at is None:
        raise Invalid(f"destination {destination_id} is not verified yet")
    unread = _unread(feeds.find(work, source, found.key))
    feed = feeds.follow(work, source, found.key, host, uuid7(work.now))
    if unread:
        _store_baseline(work, feed, found, policy, default_interval)
    elif found.page.reads > 0:
        posts.count(work, feed.id, source, found.page, policy)
    subscription, new = _want(work, account_id, feed.id, destination_id, wishes)
    queued = latest and _queue_latest(work, subscription, policy)
    return Subscribed(subscription, feeds.get(work, feed.id), new, queued)


def _check_open(work: Work, account_id: int) -> None:
    """A disabled account gets nothing new, by whatever way somebody asks for it."""
    account = accounts.get(work.session, account_id)
    if account is not None and account.disabled_at:
        raise Conflict(f"account {account_id} is disabled; `postbell account enable {account_id}` lets it in again")


def _unread(feed: Feed | None) -> bool:
    return feed is None or feed.state != FeedState.ACTIVE or feed.last_success_at is None


def _store_baseline(work: Work, feed: Feed, found: Found, policy: posts.Policy, default_interval: timedelta) -> None:
    """The reading that found the feed is its first poll, also after a time unread: what was missed is no news."""
    due = feeds.hurry(work, feed.id, default_interval)
    first = msgspec.structs.replace(due, followed=msgspec.structs.replace(due.followed, first_visit=True))
    posts.record(work, [posts.Polled(first, found.page)], policy)
    work.session.expire(feed)


def _want(
    work: Work, account_id: int, feed_id: int, destination_id: int, wishes: Options | None = None
) -> tuple[Subscription, bool]:
    """The subscription, active and with a number; also whether it was not active before."""
    wish = subscriptions.find(work.session, account_id, feed_id, destination_id)
    new = wish is None or not wish.active
    wish = wish or _wish(work, account_id, feed_id, destination_id)
    if new:
        _activate(wish, subscriptions.numbers(work.session, destination_id))
    if new or wishes is not None:
        _ask_for(work, wish, options.read(wish.options) if wishes is None else wishes)
    return wish, new


def _ask_for(work: Work, wish: Subscription, wishes: Options) -> None:
    before = wish.wants
    wish.options, wish.wants = options.written(wishes), options.wants(wishes)
    subscriptions.add(work.session, wish)
    if before or wish.wants:
        feeds.want(work, wish.feed_id)


def set_options(work: Work, subscription_id: int, wishes: Options) -> Subscription:
    """Ask for these besides ordinary posts from now on, and for nothing else.  Raises NotFound."""
    wish = subscriptions.get(work.session, subscription_id)
    if wish is None or not wish.active:
        raise NotFound(f"there is no active subscription {subscription_id}; `postbell subscriptions` lists them")
    _ask_for(work, wish, wishes)
    return wish


def _wish(work: Work, account_id: int, feed_id: int, destination_id: int) -> Subscription:
    return Subscription(
        account_id=account_id, feed_id=feed_id, destination_id=destination_id, active=False, created_at=work.now
    )


def _activate(wish: Subscription, taken: set[int]) -> bool:
    """Give it a number that is not taken at its destination; False: it is active already."""
    if wish.active:
        return False
    wish.number = _free(wish.number or 0, taken)
    wish.active, wish.ended_at, wish.paused_until = True, None, None
    return True


def _free(wanted: int, taken: set[int]) -> int:
    """The number that a subscription had, if nobody has it now, else the lowest free one; it is taken from then on."""
    if wanted < 1 or wanted in taken:
        wanted = next(number for number in range(1, len(taken) + 2) if number not in taken)
    taken.add(wanted)
    return wanted


def _queue_latest(work: Work, wish: Subscription, policy: posts.Policy) -> bool:
    newest = posts.newest(work, wish.feed_id, 1, wish.wants)
    if not newest:
        return False
    expires = policy.expires(work.now)
    made = recording.queue_post(work.session, wish.id, newest[0].id, expires, work.now)
    work.wakes.add("deliveries")
    return bool(made)


def unsubscribe(work: Work, subscription_id: int) -> Subscription:
    """End a subscription at once: what is queued for it fails.  Raises NotFound."""
    subscription = subscriptions.get(work.session, subscription_id)
    if subscription is None or not subscription.active:
        raise NotFound(f"there is no active subscription {subscription_id}; `postbell subscriptions` lists them")
    subscription.active, subscription.ended_at = False, work.now
    work.session.add(subscription)
    work.session.flush()
    sweeping.fail_subscription(work.session, subscription_id, work.now, 1000)
    if subscription.wants:
        feeds.want(work, subscription.feed_id)
    feeds.forget_if_unwanted(work, subscription.feed_id)
    return subscription


def subscribe_unread(
    work: Work, account_id: int, destination_id: int, source: str, named: Mapping[str, tuple[str, str]]
) -> list[int]:
    """Follow feeds without asking the network: host and title by name.  Returns the new subscriptions.

    The poller's first visit finds out what each is, and announces nothing of what it holds then.  Raises Conflict.
    """
    _check_open(work, account_id)
    session = work.session
    wanted = feeds.follow_all(work, source, named)
    known = subscriptions.of_feeds(session, account_id, destination_id, [feed.id for feed in wanted.values()])
    taken = subscriptions.numbers(session, destination_id)
    new = []
    for key in named:
        wish = known.get(wanted[key].id) or _wish(work, account_id, wanted[key].id, destination_id)
        if _activate(wish, taken):
            new.append(wish)
    subscriptions.add_all(session, new)
    for wish in new:
        if wish.wants:  # as it was asked for before
            feeds.want(work, wish.feed_id)
    return [wish.id for wish in new]


def restore(work: Work, subscription_id: int, destination_id: int) -> bool:
    """Take an end back: under its number, if that is still free, and with what was queued.

    False if it has not ended, or is no longer the destination's.
    """
    known = subscriptions.get(work.session, subscription_id)
    if known is None or known.active or known.ended_at is None or known.destination_id != destination_id:
        return False
    ended_at = known.ended_at
    feed = feeds.get(work, known.feed_id)
    feeds.follow(work, feed.source, feed.key, feed.host, feed.uid)
    paused_until = known.paused_until
    _want(work, known.account_id, known.feed_id, known.destination_id)
    known.paused_until = paused_until
    if subscriptions.requeue(work.session, subscription_id, ended_at, work.now):
        work.wakes.add("deliveries")
    return True


def move(work: Work, subscription_id: int, destination_id: int) -> Subscription:
    """Have its posts sent to another destination of the account's from now on, with the same wishes and pause.

    What still waits for the former destination is not sent.  Raises NotFound, Conflict.
    """
    known = subscriptions.get(work.session, subscription_id)
    if known is None or not known.active:
        raise NotFound(f"there is no active subscription {subscription_id}; `postbell subscriptions` lists them")
    wish, new = _want(work, known.account_id, known.feed_id, destination_id, options.read(known.options))
    if not new:
        raise Conflict("this feed's posts go there already", code="goes_there")
    wish.paused_until = known.paused_until
    subscriptions.add(work.session, wish)
    unsubscribe(work, subscription_id)
    return wish


def pause(work: Work, ids: Sequence[int], until: datetime) -> None:
    """Pass over posts that are found before ``until``."""
    subscriptions.set_paused(work.session, ids, until)


def resume(work: Work, ids: Sequence[int]) -> None:
    """Posts are announced again from now on."""
    subscriptions.set_paused(work.session, ids, None)


def of_destination(work: Work, destination_id: int) -> Sequence[Any]:
    """Active ones by number, with what the health of their feed is."""
    return subscriptions.of_destination(work.session, destination_id)


def count_of_account(work: Work, account_id: int) -> int:
    """Active ones of an account, wherever they go."""
    return subscriptions.count_of_account(work.session, account_id)


def newest(work: Work, account_id: int | None, limit: int) -> Sequence[Any]:
    """Active subscriptions as (subscription, feed, destination, account), the latest first."""
    return subscriptions.of_account(work.session, account_id, limit)
