"""An account's destinations as pages show them: how each fares, renaming, and a removal that can be taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from bot.errors import Conflict, LimitReached, NotFound
from bot.rules import plans
from bot.rules.plain_text import one_line
from bot.rules.vault import Vault, WrongKey
from bot.usecases import destinations as everyday
from bot.usecases import feeds, providers, subscriptions
from bot.usecases.chat.who import Terms
from bot.usecases.native import deliveries
from bot.usecases.native import destinations as native
from bot.usecases.native import subscriptions as native_subscriptions
from bot.usecases.native.pages import START, Page, cut
from storage import accounts, alerts, owned
from storage import destination_pages as pages
from storage.database import Work
from storage.models import Destination
from storage.outbox import looking

NAME = 100  # characters
SUBSCRIPTIONS, MESSAGES, NOTICES = 50, 10, 5  # on the page of one
HELD = 1000  # counted up to
TESTS, TESTS_WITHIN = 5, timedelta(minutes=1)
UNDO = timedelta(minutes=10)
NAMED = 300  # subscriptions that an undo names; of more, all that ended with the destination come back
PLACE = "console|removed destination"


@dataclass(frozen=True, slots=True)
class Standing:
    """A destination, and all that keeps messages from it."""

    row: Destination
    state: str  # as ``everyday.state``
    rests_until: datetime | None
    chat: Any | None  # of ``pages.chats``
    channel_rests: bool  # nothing goes through its channel at present, whosever it is

    @property
    def title(self) -> str:
        return self.row.name or (self.chat.title if self.chat else "")


@dataclass(frozen=True, slots=True)
class Message:
    """A delivery (``storage.owned``) with its attempts."""

    row: Any
    attempts: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Detail:
    standing: Standing
    held: int
    subscriptions: Sequence[Any]  # (subscription, feed, destination)
    more: bool  # there are more than these


def page(work: Work, account_id: int, before: int, limit: int) -> Page[Standing]:
    """The newest first, with ids below ``before``."""
    found = owned.destinations(work.session, account_id, before, limit + 1)
    part = cut(found, limit, lambda one: (0, one.id))
    return Page(_standings(work, part.entries), part.more)


def standing(work: Work, account_id: int, uid: UUID | None) -> Standing:
    """Raises NotFound."""
    return _standings(work, [native.get(work, account_id, uid)])[0]


def detail(work: Work, account_id: int, uid: UUID | None) -> Detail:
    """Raises NotFound."""
    one = standing(work, account_id, uid)
    part = native_subscriptions.page(work, account_id, START[1], SUBSCRIPTIONS, feed=None, destination=one.row.uid)
    held = pages.held(work.session, one.row.id, HELD)
    return Detail(one, held, part.entries, part.more is not None)


def messages(work: Work, account_id: int, uid: UUID | None) -> tuple[Standing, Sequence[Message]]:
    """The last that went there or are to go, the latest first.  Raises NotFound."""
    one, session = standing(work, account_id, uid), work.session
    ids = list(pages.notices(session, account_id, one.row.id, NOTICES))
    posts: Sequence[Any] = ()
    if pages.has_many(session, one.row.id):
        ids += pages.recent(session, account_id, one.row.id, MESSAGES)
    else:
        posts = deliveries.page(work, account_id, deliveries.Filter(destination=one.row.uid), START, MESSAGES).entries
    rows = [*posts, *(owned.shown_deliveries(session, account_id, ids) if ids else ())]
    rows = sorted(rows, key=lambda row: (row.created_at, row.id), reverse=True)[:MESSAGES]
    tries = looking.attempts(session, [row.id for row in rows])
    return one, [Message(row, [each for each in tries if each.delivery_id == row.id]) for row in rows]


def _standings(work: Work, rows: Sequence[Destination]) -> Sequence[Standing]:
    chats = {chat.destination_id: chat for chat in pages.chats(work.session, [row.id for row in rows])} if rows else {}
    resting = providers.resting(work)
    return [
        Standing(
            row,
            everyday.state(row, work.now),
            everyday.rests_until(row, work.now),
            chats.get(row.id),
            row.channel in resting,
        )
        for row in rows
    ]


def rename(work: Work, account_id: int, uid: UUID | None, name: str) -> None:
    """Raises NotFound."""
    one = native.get(work, account_id, uid)
    pages.rename(work.session, one.id, one_line(name)[:NAME])


def test(work: Work, terms: Terms, account_id: int, uid: UUID | None) -> None:
    """As ``native.test``, a few times a minute: a page has no key whose limits would bound it.

    Raises NotFound, Conflict.
    """
    one = native.get(work, account_id, uid)
    if pages.notices_since(work.session, one.id, "destination.test", work.now - TESTS_WITHIN, TESTS) >= TESTS:
        raise Conflict("this destination was tested often just now", code="often", hint="wait a minute")
    native.test(work, terms, account_id, uid)


# Removing, and taking that back


class _Undo(msgspec.Struct, frozen=True, array_like=True):
    account_id: int
    destination_id: int
    until: float  # seconds since 1970
    name: str
    verified: float | None
    secrets: bytes | None  # still sealed
    subscriptions: list[int] | None  # None: too many to name


def remove(work: Work, vault: Vault, account_id: int, uid: UUID | None) -> bytes:
    """As ``native.remove``; returns what ``restore`` takes, for ten minutes.  Raises NotFound."""
    one = native.get(work, account_id, uid)
    ids = pages.active(work.session, one.id, NAMED + 1)
    undo = _Undo(
        account_id,
        one.id,
        (work.now + UNDO).timestamp(),
        one.name,
        one.verified_at.timestamp() if one.verified_at else None,
        one.secrets,
        list(ids) if len(ids) <= NAMED else None,
    )
    native.remove(work, account_id, uid)
    return vault.seal(msgspec.msgpack.encode(undo), PLACE)


def restore(
    work: Work, vault: Vault, known: plans.Plans, phones: Sequence[str], account_id: int, sealed: bytes
) -> UUID:
    """Take a removal back: its subscriptions go on, what was queued then stays unsent.  ``phones``: the channels whose
    destinations count as such.  Raises NotFound, Conflict, LimitReached."""
    undo = _read(vault, sealed)
    if undo is None or undo.account_id != account_id or undo.until <= work.now.timestamp():
        raise NotFound("this can no longer be undone")
    account = accounts.lock(work.session, account_id)
    one = pages.removed(work.session, account_id, undo.destination_id)
    if one is None:
        raise Conflict("the destination is there again already")
    limits = plans.limits(known, account.plan, account.overrides)
    present = sum(alerts.count_phones(work.session, account_id, channel) for channel in phones)
    if one.channel in phones and plans.is_reached(limits.phones, present):
        raise LimitReached(f"the plan allows {limits.phones} phone numbers, and they are taken")
    verified_at = None if undo.verified is None else datetime.fromtimestamp(undo.verified, work.now.tzinfo)
    pages.put_back(work.session, one.id, name=undo.name, verified_at=verified_at, secrets=undo.secrets)
    _revive(work, one.id, undo.subscriptions, limits.subscriptions, account_id)
    uid = one.uid
    work.session.expire_all()
    return uid


def _read(vault: Vault, sealed: bytes) -> _Undo | None:
    try:
        return msgspec.msgpack.decode(vault.open(sealed, PLACE), type=_Undo)
    except (WrongKey, msgspec.DecodeError):
        return None


def _revive(work: Work, destination_id: int, ids: Sequence[int] | None, limit: int | None, account_id: int) -> None:
    """Raises LimitReached."""
    ended = pages.ended_with(work.session, destination_id, ids)
    there = subscriptions.count_of_account(work, account_id)
    if limit is not None and there + len(ended) > limit:
        raise LimitReached(f"the plan allows {limit} subscriptions, and they are taken")
    for row in ended:
        feed = feeds.get(work, row.feed_id)
        feeds.follow(work, feed.source, feed.key, feed.host, feed.uid)
    pages.revive(work.session, [row.id for row in ended])
    for row in ended:
        if row.wants:
            feeds.want(work, row.feed_id)


# Channels, for operators


@dataclass(frozen=True, slots=True)
class Seen:
    """What came from a platform."""

    last_event: datetime | None
    groups: Sequence[str]


def seen(work: Work, channel: str) -> Seen:
    last, groups = pages.last_callback(work.session, channel), pages.groups(work.session, channel, 5)
    return Seen(last, [one_line(name) for name in groups])
