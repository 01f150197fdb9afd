"""Subscriptions: from "this feed, please" to its posts at a destination."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec

from adapters.base import Found
from bot.clock import uuid7
from bot.errors import Invalid, NotFound
from bot.usecases import destinations, feeds, posts
from storage import posts as stored_posts
from storage import subscriptions
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
) -> Subscribed:
    """Follow what was found and send its posts from now on; ``latest``: also the newest one that is there.

    A feed that nobody followed before is stored with what it holds, and none of that is announced.
    Raises Invalid, NotFound.
    """
    destination = destinations.get(work, destination_id)
    if destination.account_id != account_id:
        raise NotFound(f"this account has no destination {destination_id}; `postbell destination list` shows them")
    if destination.verified_at is None:
        raise Invalid(f"destination {destination_id} is not verified yet")
    unread = _unread(feeds.find(work, source, found.key))
    feed = feeds.follow(work, source, found.key, host, uuid7(work.now))
    if unread:
        _store_baseline(work, feed, found, policy, default_interval)
    subscription, new = _subscription(work, account_id, feed.id, destination_id)
    queued = latest and _queue_latest(work, subscription.id, feed.id, policy)
    return Subscribed(subscription, feeds.get(work, feed.id), new, queued)


def _unread(feed: Feed | None) -> bool:
    return feed is None or feed.state != FeedState.ACTIVE or feed.last_success_at is None


def _store_baseline(work: Work, feed: Feed, found: Found, policy: posts.Policy, default_interval: timedelta) -> None:
    """The reading that found the feed is its first poll, also after a time unread: what was missed is no news."""
    due = feeds.hurry(work, feed.id, default_interval)
    first = msgspec.structs.replace(due, followed=msgspec.structs.replace(due.followed, first_visit=True))
    posts.record(work, [posts.Polled(first, found.page)], policy)
    work.session.expire(feed)


def _subscription(work: Work, account_id: int, feed_id: int, destination_id: int) -> tuple[Subscription, bool]:
    known = subscriptions.find(work.session, account_id, feed_id, destination_id)
    if known is None:
        fresh = Subscription(account_id=account_id, feed_id=feed_id, destination_id=destination_id, created_at=work.now)
        return subscriptions.add(work.session, fresh), True
    was_active, known.active, known.ended_at = known.active, True, None
    work.session.add(known)
    return known, not was_active


def _queue_latest(work: Work, subscription_id: int, feed_id: int, policy: posts.Policy) -> bool:
    newest = stored_posts.newest(work.session, feed_id, 1)
    if not newest:
        return False
    expires = policy.expires(work.now)
    made = recording.queue_post(work.session, subscription_id, newest[0].id, expires, work.now)
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
    feeds.forget_if_unwanted(work, subscription.feed_id)
    return subscription


def newest(work: Work, account_id: int | None, limit: int) -> Sequence[Any]:
    """Active subscriptions as (subscription, feed, destination, account), the latest first."""
    return subscriptions.of_account(work.session, account_id, limit)
