"""Feeds at WebSub hubs: subscribing where a feed offers it, renewing, and leaving (feeds.md 11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from secrets import token_hex, token_urlsafe
from typing import Any

from adapters.base import FeedInfo, Post
from bot.rules import hubs as rules
from bot.rules.vault import Vault, WrongKey
from storage import feeds, hubs
from storage.database import Work
from storage.models import FeedState

LEASE = timedelta(seconds=120)  # of a request to a hub
TOKEN_BYTES, SECRET_BYTES = 32, 32


class HubState(StrEnum):
    WANTED = "wanted"  # not asked yet
    ASKED = "asked"  # the hub has not come back yet
    ACTIVE = "active"
    DENIED = "denied"
    LEAVING = "leaving"  # the hub has not confirmed yet
    LEFT = "left"


# A poll has seen what the feed offers


@dataclass(frozen=True, slots=True)
class Offer:
    """A document that names hubs, and what a poll found in it."""

    feed_id: int
    key: str
    info: FeedInfo
    new: Sequence[Post]
    relied: bool  # polled seldom, because its hub pushes
    interval: timedelta  # without a hub


def offered(work: Work, offers: Sequence[Offer]) -> None:
    """Subscribe where that is new, leave what is offered no more, and count what hubs have missed."""
    rows: dict[int, list[Any]] = {}
    for row in hubs.of_feeds(work.session, [one.feed_id for one in offers]):
        rows.setdefault(row.feed_id, []).append(row)
    for one in offers:
        known = rows.get(one.feed_id, [])
        _heed(work, one, known)
        if one.relied and rules.missed(one.new, work.now):
            _count_miss(work, one, known)


def _heed(work: Work, offer: Offer, known: Sequence[Any]) -> None:
    topic = offer.info.topic
    fits = [row for row in known if row.topic == topic and row.hub in offer.info.hubs]
    hub = fits[0].hub if fits else rules.choose(offer.info.hubs, topic, offer.key)
    for row in known:
        if (row.hub, row.topic) != (hub, topic):
            _leave(work, row)
        elif row.state in (HubState.LEAVING, HubState.LEFT):
            hubs.change(work.session, row.id, state=HubState.WANTED, due_at=work.now, lease_token=None, failures=0)
            work.wakes.add("hubs")
    if hub and not fits:
        now, token = work.now, token_urlsafe(TOKEN_BYTES)
        row = {"feed_id": offer.feed_id, "hub": hub, "topic": topic, "token": token, "due_at": now, "created_at": now}
        hubs.add(work.session, row | {"state": HubState.WANTED})
        work.wakes.add("hubs")


def _count_miss(work: Work, offer: Offer, known: Sequence[Any]) -> None:
    for row in known:
        if row.state == HubState.ACTIVE:
            hubs.change(work.session, row.id, misses=row.misses + 1)
            if row.misses + 1 == rules.MISSES:
                _poll_as_before(work, offer.feed_id, offer.interval)


def _poll_as_before(work: Work, feed_id: int, within: timedelta = timedelta(0)) -> None:
    feeds.set_pushed_until(work.session, feed_id, None)
    feeds.bring_forward(work.session, feed_id, work.now + within)


def leave(work: Work, feed_id: int) -> None:
    """Nobody wants the feed any more."""
    for row in hubs.of_feeds(work.session, [feed_id]):
        _leave(work, row)
    feeds.set_pushed_until(work.session, feed_id, None)


def _leave(work: Work, row: Any) -> None:
    if row.state in (HubState.WANTED, HubState.DENIED):
        hubs.forget(work.session, row.id)
    elif row.state in (HubState.ASKED, HubState.ACTIVE):
        leaving = {"state": HubState.LEAVING, "due_at": work.now, "lease_token": None, "failures": 0}
        hubs.change(work.session, row.id, **leaving)
        work.wakes.add("hubs")


# Asking hubs


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request to make of a hub, under its row's lease."""

    id: int
    lease_token: str
    mode: str  # "subscribe" or "unsubscribe"
    hub: str
    topic: str
    token: str  # of our callback's address
    secret: str
    failures: int  # in a row, before this


def take_due(work: Work, vault: Vault, limit: int) -> tuple[list[Ask], bool]:
    """Requests whose time has come, noted as made before they are: hubs may come back at once.  Also whether more
    may be due."""
    rows, lease_token = hubs.take_due(work.session, work.now, work.now + LEASE, limit)
    states = hubs.feed_states(work.session, sorted({row.feed_id for row in rows}))
    asks = []
    for row in rows:
        state = _next_state(row, states.get(row.feed_id, ""))
        if state == HubState.LEFT or (state == HubState.LEAVING and row.failures >= rules.FAREWELLS):
            hubs.forget(work.session, row.id)
            continue
        if state != HubState.ACTIVE or row.lease_until is None or row.lease_until <= work.now:
            if row.state == HubState.ACTIVE:  # its time ran out before the hub renewed it, or the feed is not read
                _poll_as_before(work, row.feed_id)
            state = HubState.LEAVING if state == HubState.LEAVING else HubState.ASKED
        hubs.change(work.session, row.id, state=state, asked_at=work.now)
        asks.append(_ask(work, vault, row, state, lease_token))
    return asks, len(rows) == limit


def _next_state(row: Any, feed: str) -> str:
    if row.state not in (HubState.LEAVING, HubState.LEFT) and feed != FeedState.ACTIVE:
        return HubState.LEAVING
    return str(row.state)


def _ask(work: Work, vault: Vault, row: Any, state: str, lease_token: str) -> Ask:
    return Ask(
        id=row.id,
        lease_token=lease_token,
        mode="unsubscribe" if state == HubState.LEAVING else "subscribe",
        hub=row.hub,
        topic=row.topic,
        token=row.token,
        secret=_secret(work, vault, row),
        failures=row.failures,
    )


def _secret(work: Work, vault: Vault, row: Any) -> str:
    """The same as long as the subscription lasts, so that no push falls between two."""
    if row.secret is not None:
        try:
            return vault.open(row.secret, place(row.token)).decode()
        except WrongKey:  # sealed under a key that is gone: the hub gets another
            pass
    secret = token_hex(SECRET_BYTES)
    hubs.change(work.session, row.id, secret=vault.seal(secret.encode(), place(row.token)))
    return secret


def accepted(work: Work, ask: Ask) -> None:
    """The hub will come back; if it does not, it is asked again."""
    failures = ask.failures + (ask.mode == "unsubscribe")
    hubs.settle(work.session, ask.id, ask.lease_token, due_at=work.now + rules.RETRY, failures=failures)


def failed(work: Work, ask: Ask, reason: str) -> None:
    """The hub did not take it; until it does, the feed is polled."""
    failures = ask.failures + 1
    due = rules.retry_at(failures, work.now)
    hubs.settle(work.session, ask.id, ask.lease_token, due_at=due, failures=failures, reason=reason[:500])


def hand_back(work: Work, asks: Sequence[Ask]) -> None:
    """Claimed, and not asked: due again at once."""
    for ask in asks:
        hubs.settle(work.session, ask.id, ask.lease_token, due_at=work.now)


# Hubs come back


def verify(work: Work, token: str, mode: str, topic: str, lease_seconds: int | None) -> bool:
    """Whether we want what a hub is about to do.  Of a subscription, its lease counts from now."""
    row = _locked(work, token)
    if row is None or row.topic != topic:
        return False
    if mode == "subscribe" and row.state in (HubState.ASKED, HubState.ACTIVE):
        lease = rules.lease(lease_seconds)
        until, renew = work.now + lease, work.now + lease * rules.RENEW_AT
        known = {"asked_at": None, "lease_token": None, "failures": 0, "reason": ""}
        hubs.change(work.session, row.id, state=HubState.ACTIVE, lease_until=until, due_at=renew, **known)
        if row.delivered_at is not None and row.misses < rules.MISSES:
            feeds.set_pushed_until(work.session, row.feed_id, until)
        return True
    if mode == "unsubscribe" and row.state in (HubState.LEAVING, HubState.LEFT):
        forgotten = work.now + rules.REMEMBERED
        hubs.change(work.session, row.id, state=HubState.LEFT, asked_at=None, due_at=forgotten, lease_token=None)
        return True
    return False


def deny(work: Work, token: str, topic: str, reason: str) -> bool:
    """The hub will not, or will no more: poll as before.  False: it is not one of ours."""
    row = _locked(work, token)
    if row is None or row.topic != topic:
        return False
    if row.state in (HubState.LEAVING, HubState.LEFT):
        hubs.forget(work.session, row.id)
        return True
    due = work.now + rules.AFTER_DENIAL
    denied = {"state": HubState.DENIED, "asked_at": None, "lease_until": None, "due_at": due, "lease_token": None}
    hubs.change(work.session, row.id, reason=reason[:500], **denied)
    _poll_as_before(work, row.feed_id)
    return True


def _locked(work: Work, token: str) -> Any | None:
    """The feed is locked before the subscription, as where posts are recorded."""
    row = hubs.by_token(work.session, token)
    if row is None:
        return None
    feeds.lock(work.session, row.feed_id)
    return hubs.lock_by_token(work.session, token)


@dataclass(frozen=True, slots=True)
class Callback:
    """Whose callback an address is.  ``secret`` None: nothing from there counts any more."""

    hub_id: int
    secret: bytes | None


def callback(work: Work, vault: Vault, token: str) -> Callback | None:
    """None: there is no such address."""
    row = hubs.by_token(work.session, token)
    if row is None:
        return None
    if row.state not in (HubState.ASKED, HubState.ACTIVE) or row.secret is None:
        return Callback(row.id, None)
    try:
        return Callback(row.id, vault.open(row.secret, place(token)))
    except WrongKey:
        return Callback(row.id, None)


# Secrets


def place(token: str) -> str:
    """Where a subscription's secret is stored, to which it is bound."""
    return f"hubs|{token}|secret"


def reseal(work: Work, vault: Vault, after: int, limit: int) -> tuple[int, int]:
    """Seal secrets anew under the present master key, in the order of ids.

    Returns how many, and the last id.  Raises WrongKey.
    """
    found = hubs.sealed(work.session, after, limit)
    for row in found:
        where = place(row.token)
        hubs.change(work.session, row.id, secret=vault.seal(vault.open(row.secret, where), where))
        after = row.id
    return len(found), after
