"""The alerts API's subscriptions and notifications: posts of X accounts to phones, and what became of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any

from adapters.base import Found
from bot.errors import Invalid, LimitReached, NoCredits, NotFound
from bot.rules import plans
from bot.rules.cursors import Cursor
from bot.usecases import subscriptions, views
from bot.usecases.chat.who import Terms
from storage import accounts, alerts, destinations
from storage.alerts import Alert as Alert
from storage.database import Work

SOURCE = "x"
LONGEST_TEXT = 4_000  # characters of a post in the list
LAST = 1 << 62  # later than any time or id


def profile(work: Work, account_id: int) -> Any:
    """The account's row.  Raises NotFound."""
    if (account := accounts.get(work.session, account_id)) is None:
        raise NotFound("account not found")
    return account


# Subscriptions


@dataclass(frozen=True, slots=True)
class Wish:
    """An account wants an X account's posts on a phone."""

    account_id: int
    channel: str
    number: str
    username: str  # in any case


def look(work: Work, known: plans.Plans, wish: Wish) -> Any | None:
    """What can be said before X is asked: the subscription if there is one already, None if there may be one.

    Raises Invalid, LimitReached, NoCredits.
    """
    account = accounts.get(work.session, wish.account_id)
    assert account is not None
    return _look(work, known, account, wish)


def _look(work: Work, known: plans.Plans, account: Any, wish: Wish) -> Any | None:
    session = work.session
    phone = destinations.find(session, wish.account_id, wish.channel, wish.number)
    if phone is None or phone.removed_at:
        raise Invalid("phone not found")
    if phone.verified_at is None:
        raise Invalid("phone not verified")
    there = alerts.subscriptions_named(session, wish.account_id, wish.channel, SOURCE, wish.username, wish.number)
    if active := [one for one in there if one.active]:
        return active[0]
    limit = plans.limits(known, account.plan, account.overrides).subscriptions
    if limit is not None and alerts.count_subscriptions(session, wish.account_id) >= limit:
        raise LimitReached("subscription limit reached")
    if account.credits is not None and account.credits < 1:
        raise NoCredits("insufficient credits")
    return None


def subscribe(work: Work, terms: Terms, known: plans.Plans, wish: Wish, found: Found, host: str) -> Any:
    """Follow what X answered; everything that was looked at before holds now, too.  Returns the subscription.

    Raises what ``look`` raises.
    """
    account = accounts.lock(work.session, wish.account_id)
    if there := _look(work, known, account, wish):
        return there
    phone = destinations.find(work.session, wish.account_id, wish.channel, wish.number)
    assert phone is not None
    made = subscriptions.subscribe(
        work,
        account_id=wish.account_id,
        destination_id=phone.id,
        source=SOURCE,
        found=found,
        host=host,
        policy=terms.policy,
        default_interval=terms.interval,
        latest=False,
    )
    return alerts.subscription(work.session, wish.account_id, wish.channel, SOURCE, made.subscription.id)


def of_account(work: Work, account_id: int, channel: str) -> Sequence[Any]:
    """Active and deactivated subscriptions, the oldest first."""
    return alerts.subscriptions(work.session, account_id, channel, SOURCE)


def unsubscribe(work: Work, account_id: int, channel: str, username: str) -> None:
    """End all of the account's subscriptions to that X account, whatever the phone.  Raises NotFound."""
    accounts.lock(work.session, account_id)
    there = alerts.subscriptions_named(work.session, account_id, channel, SOURCE, username)
    if not there:
        raise NotFound("subscription not found")
    for one in there:
        if one.active:
            subscriptions.unsubscribe(work, one.id)
    alerts.end(work.session, [one.id for one in there if not one.active], work.now)


# Notifications

Version = tuple[int, int]
"""A post's id and version."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of what was sent, the newest first."""

    alerts: Sequence[Alert]
    addresses: Mapping[int, str]  # of phones, by destination
    more: Cursor | None  # where the next page goes on


@dataclass(frozen=True, slots=True)
class Wanted:
    """Alerts made from ``since`` to before ``until`` (microseconds), behind ``after``."""

    account_id: int
    since: int
    until: int
    after: Cursor | None


def pages(work: Work, channel: str, wanted: Sequence[Wanted], limit: int) -> list[Listed]:
    """A page of each, in their order."""
    return [page(work, channel, one, limit) for one in wanted]


def page(work: Work, channel: str, wanted: Wanted, limit: int) -> Listed:
    """What is queued meanwhile stands before the first page, so nothing moves from one page to another."""
    end, after = (wanted.until, 0), wanted.after
    before = end if after is None else min(end, (after.at, after.id))
    phones = alerts.addresses(work.session, wanted.account_id, channel)
    each = [
        alerts.alerts(work.session, wanted.account_id, phone, since=wanted.since, before=before, limit=limit + 1)
        for phone in phones
    ]
    found = each[0] if len(each) == 1 else list(islice(merge(*each, key=alerts.place, reverse=True), limit + 1))
    more = Cursor(*alerts.place(found[limit - 1])) if len(found) > limit else None
    return Listed(found[:limit], phones, more)


def texts(work: Work, wanted: Sequence[Version]) -> Mapping[Version, str]:
    """What messages say of these posts; one that is stored no more has none."""
    return {version: _text(stored) for version, stored in views.load(work, wanted).items()}


def _text(stored: views.Stored) -> str:
    shown = views.shown(stored, LONGEST_TEXT)
    return shown.text or shown.title
