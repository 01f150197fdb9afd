"""One person, several chats, one account: a code shown in one chat, typed in another, joins that one to the account."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from bot.clock import uuid7
from bot.errors import NotFound
from bot.rules import codes as rules
from bot.rules import options
from bot.usecases import feeds
from bot.usecases.chat.who import Chat, Terms
from bot.usecases.codes import ISSUING, Shown, TooManyCodes
from storage import accounts, codes, destinations, moves
from storage.database import Work
from storage.models import Destination


@dataclass(frozen=True, slots=True)
class Joined:
    """What a link code typed in a direct chat came to."""

    outcome: Literal["joined", "same", "wrong", "refused"]  # same: the chat is that account's already
    account_id: int | None = None  # whose the chat is now
    after: timedelta | None = None  # refused, for too many were wrong: until codes are looked at again


def link(work: Work, terms: Terms, *, account_id: int, conversation_id: int) -> Shown:
    """Show a direct chat of the account a code that joins another chat to it.  Raises TooManyCodes."""
    _direct(work, conversation_id)
    return _issue(work, terms, account_id, asked_in=conversation_id).shown


@dataclass(frozen=True, slots=True)
class Offered:
    """A link code as a page shows it; what becomes of it is asked by its ``uid``."""

    uid: UUID
    shown: Shown


def offer(work: Work, terms: Terms, account_id: int, *, group_on: str = "") -> Offered:
    """Show the account, outside of any chat, a code that brings a direct chat to it; or, of the channel ``group_on``,
    one that makes the group where a manager writes it a destination of the account.  Raises TooManyCodes."""
    return _issue(work, terms, account_id, channel=group_on)


def _issue(work: Work, terms: Terms, account_id: int, **fields: Any) -> Offered:
    accounts.set_fact(work.session, ISSUING, "")
    cap = rules.PER_ACCOUNT
    if wait := cap.wait(codes.asked_by(work.session, "link", account_id, work.now, cap.window, cap.count), work.now):
        raise TooManyCodes(wait)
    text, uid, expires_at = rules.new_link(), uuid7(work.now), work.now + rules.VALID
    code = rules.read_link(text)
    assert code
    codes.replace(work.session, account_id, fields.get("channel", ""), "", work.now)
    codes.add(
        work.session,
        uid=uid,
        purpose="link",
        account_id=account_id,
        digest=rules.link_digests([terms.pepper], code)[0],
        issued_at=work.now,
        expires_at=expires_at,
        **fields,
    )
    return Offered(uid, Shown(text, expires_at))


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of a code that was offered."""

    state: Literal["open", "used", "over"]
    destination: UUID | None = None  # that it brought, where there is one


def standing(work: Work, account_id: int, uid: UUID | None) -> Standing:
    """Raises NotFound."""
    row = codes.of_account(work.session, account_id, uid) if uid else None
    if row is None:
        raise NotFound("there is no such code")
    if row.used_at:
        there = destinations.get(work.session, row.destination_id) if row.destination_id else None
        return Standing("used", there.uid if there and there.account_id == account_id else None)
    return Standing("over" if row.void_at or row.expires_at <= work.now else "open")


def is_for_group(work: Work, terms: Terms, channel: str, text: str) -> bool:
    """Whether a text is an open code for a group of this channel."""
    code, usable = rules.read_link(text), codes.is_open(work.now, rules.AHEAD)
    return (
        bool(code)
        and codes.group_link(work.session, rules.link_digests(terms.peppers, code or ""), channel, usable) is not None
    )


def bring_group(work: Work, terms: Terms, chat: Chat, text: str, lane: str) -> Literal["brought", "refused", "none"]:
    """Make a group a destination of the account whose code was written there, which is used up by that.

    Only a manager may: it decides what everybody there gets to read.
    """
    session, here = work.session, chat.conversation
    code, usable = rules.read_link(text), codes.is_open(work.now, rules.AHEAD)
    digests = rules.link_digests(terms.peppers, code) if code else []
    account_id = codes.group_link(session, digests, here.channel, usable)
    if account_id is None:
        return "none"
    if not chat.manager:
        return "refused"
    there = destinations.find(session, account_id, here.channel, here.address)
    if there is None:
        fresh = Destination(
            uid=uuid7(work.now), account_id=account_id, channel=here.channel, lane=lane, address=here.address,
            name=here.title, conversation_id=here.id, created_at=work.now,
        )  # fmt: skip
        there = destinations.add(session, fresh)
    codes.verify(session, [there.id], work.now)
    codes.use_group_link(session, digests, here.channel, there.id, work.now)
    session.expire(there)
    return "brought"


def join(
    work: Work,
    terms: Terms,
    *,
    conversation_id: int,
    channel: str,
    person: str,
    text: str,
    also: Sequence[str] = (),
) -> Joined:
    """Try a link code that a person wrote in a direct chat; ``also``: the person's other names on the channel.

    Right: the person, the chat, where its posts go and what it subscribed belong to the code's account.  Wrong ones
    are counted for the chat, so the outcome is returned and nothing is raised.
    """
    session, now = work.session, work.now
    chat = _direct(work, conversation_id)
    cap = rules.WRONG_LINKS
    if wait := cap.wait(codes.misses(session, conversation_id, now, cap.window, cap.count), now):
        return Joined("refused", chat.account_id, wait)
    code, usable = rules.read_link(text), codes.is_open(now, rules.AHEAD)
    digests = rules.link_digests(terms.peppers, code) if code else []
    account_id = codes.use_link(session, digests, chat.account_id, usable, now)
    if account_id is not None:
        _give(work, chat, account_id, channel, [person, *also])
        there = destinations.find(session, account_id, chat.channel, chat.address)
        codes.link_led_to(session, digests, there.id if there else None)
        return Joined("joined", account_id)
    if codes.is_link_of(session, digests, chat.account_id, usable):
        return Joined("same", chat.account_id)
    _count_miss(work, conversation_id)
    return Joined("wrong", chat.account_id)


def _direct(work: Work, conversation_id: int) -> Any:
    chat = moves.chat(work.session, conversation_id)
    if not chat.direct:
        raise ValueError("link codes are for direct chats: others must not read them")
    return chat


def _count_miss(work: Work, conversation_id: int) -> None:
    codes.add(
        work.session,
        uid=uuid7(work.now),
        purpose="miss",
        asked_in=conversation_id,
        digest=b"",
        issued_at=work.now,
        expires_at=work.now,
    )


# What is the chat's goes with it


def _give(work: Work, chat: Any, account_id: int, channel: str, persons: Sequence[str]) -> None:
    session = work.session
    moves.give_person(session, channel, persons, account_id, work.now)
    moves.give_chat(session, chat.id, account_id)
    for old in moves.destinations_of(session, chat, chat.account_id):
        if (other := destinations.find(session, account_id, chat.channel, old.address)) is None:
            moves.give_destination(session, old.id, account_id)
        else:
            _merge(work, old.id, other.id, account_id)
            codes.verify(session, [other.id], work.now)  # it is here that the code was typed
    session.expire_all()  # what was read of the chat before is out of date


def _merge(work: Work, old: int, into: int, account_id: int) -> None:
    """The account has a destination for this chat already, so there may be two subscriptions to one feed."""
    there = {one.feed_id: one for one in moves.subscriptions_at(work.session, into)}
    taken = {one.number for one in there.values() if one.active}
    moved: dict[int, int] = {}
    for one in moves.subscriptions_at(work.session, old):
        twin = there.get(one.feed_id)
        if twin is None:
            moved[one.id] = _number(one.number, taken) if one.active else one.number
            continue
        if one.active:
            number = twin.number if twin.active else _number(twin.number, taken)
            pauses = (one.paused_until, twin.paused_until) if twin.active else (one.paused_until,)
            wishes = options.together(one.options, twin.options if twin.active else "")
            wants = options.wants(wishes)
            moves.revive(work.session, twin.id, number, _earliest(pauses), options.written(wishes), wants)
            if wants:
                feeds.want(work, one.feed_id)
        moves.end_twin(work.session, one.id, twin.id, work.now)
    moves.move_subscriptions(work.session, moved, account_id, into)
    moves.disown(work.session, old)


def _number(wanted: int, taken: set[int]) -> int:
    """What a subscription is called at its new place: as before where that is free, else the lowest free number."""
    if wanted < 1 or wanted in taken:
        wanted = next(n for n in range(1, len(taken) + 2) if n not in taken)
    taken.add(wanted)
    return wanted


def _earliest(pauses: Iterable[datetime | None]) -> datetime | None:
    """None: one of them is not paused."""
    ends = [*pauses]
    known = [end for end in ends if end]
    return min(known) if len(known) == len(ends) else None
