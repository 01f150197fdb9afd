"""Verification codes, both ways: sent to a number and typed back, or shown to people and sent by the number's owner.

Nothing here words anything for people, and nothing tells one account of another.  What counts a wrong try returns its
outcome instead of raising it: an error would take the count back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from bot.clock import uuid7
from bot.errors import Unavailable
from bot.rules import codes as rules
from bot.usecases.chat.who import Terms
from storage import accounts, codes, destinations
from storage.database import Work
from storage.models import DeliveryState, Destination
from storage.outbox import recording

ISSUING = "codes"  # the fact whose row is locked while a code is issued: the caps are counted, then used
LANE = "code"
LOOK_BACK = 2 * rules.DAY + rules.VALID  # as long as a wrong try can matter
KEEP = timedelta(days=4)  # twice as long as any cap looks back


class TooManyCodes(Unavailable):
    """A cap is reached.  ``after``: until there is room again."""

    def __init__(self, after: timedelta) -> None:
        super().__init__("too many codes, try again later")
        self.after = after


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of the wish for a code.  Not sent and nothing to wait for: the number is verified already."""

    sent: bool
    wait: timedelta | None = None  # one was sent just now: so long until there may be another
    destination_id: int = 0
    expires_at: datetime | None = None  # of the code that is on its way


@dataclass(frozen=True, slots=True)
class Shown:
    """A code for a person to type or send elsewhere.  It is shown this once."""

    text: str = field(repr=False)
    expires_at: datetime
    link: str = field(default="", repr=False)  # opens the chat with the code filled in
    destination_id: int = 0


@dataclass(frozen=True, slots=True)
class Entered:
    """What digits typed in a direct chat came to."""

    outcome: Literal["verified", "wrong", "expired", "none"]  # none: nobody waits for a code
    verified: tuple[str, ...] = ()  # the numbers


# Sent to the person


def ask(
    work: Work,
    terms: Terms,
    *,
    account_id: int,
    channel: str,
    address: str,
    asked_in: int | None = None,
    caller: str = "",
    lane: str = "chat",
) -> Asked:
    """Queue a code for a number that the account wants as a destination; this is made, unverified, if missing.

    ``address`` in the channel's normal form; ``asked_in``: the direct chat where the digits may be typed, too;
    ``caller``: the network address of an API's caller; ``lane``: of the destination's posts.  Raises TooManyCodes,
    with nothing changed.
    """
    accounts.set_fact(work.session, ISSUING, "")
    known = destinations.find(work.session, account_id, channel, address)
    if known and known.verified_at:
        return Asked(sent=False, destination_id=known.id)
    last = codes.latest(work.session, account_id, channel, address)
    if known and last and last.used_at is None and abs(work.now - last.issued_at) < rules.BETWEEN:
        wait = last.issued_at + rules.BETWEEN - work.now
        return Asked(sent=False, wait=wait, destination_id=known.id, expires_at=last.expires_at)
    network = rules.network(caller)
    _check_caps(work, "verify", account_id, address, [*_sending_caps(work, terms, network)])
    destination = known or _new_destination(work, account_id, channel, address, lane)
    digits, expires_at = _issue(work, terms, "verify", destination, asked_in=asked_in, asked_from=network)
    _queue(work, destination, digits, expires_at)
    return Asked(sent=True, destination_id=destination.id, expires_at=expires_at)


def _check_caps(work: Work, purpose: str, account_id: int, address: str, more: Iterable[timedelta | None] = ()) -> None:
    """Raises TooManyCodes.  An empty ``address`` is no number's."""
    session, now = work.session, work.now
    cap = rules.PER_ACCOUNT
    waits = [*more, cap.wait(codes.asked_by(session, purpose, account_id, now, cap.window, cap.count), now)]
    if address:
        waits += [
            cap.wait(codes.sent_to(session, purpose, address, now, cap.window, cap.count), now)
            for cap in rules.PER_NUMBER
        ]
        locked = rules.locked_until(codes.tries_at(session, address, now - LOOK_BACK), now)
        waits.append(locked - now if locked else None)
    if reached := [wait for wait in waits if wait]:
        raise TooManyCodes(max(reached))


def _sending_caps(work: Work, terms: Terms, network: str) -> Iterable[timedelta | None]:
    session, now = work.session, work.now
    cap = rules.Cap(terms.codes_a_day, rules.DAY)
    yield cap.wait(codes.sent_in_all(session, "verify", now, cap.window, cap.count), now)
    cap = rules.PER_CALLER
    yield cap.wait(codes.asked_from(session, network, now, cap.window, cap.count), now)


def _new_destination(work: Work, account_id: int, channel: str, address: str, lane: str) -> Destination:
    return destinations.add(
        work.session,
        Destination(
            uid=uuid7(work.now),
            account_id=account_id,
            channel=channel,
            lane=lane,
            address=address,
            conversation_id=codes.conversation_at(work.session, channel, address),
            created_at=work.now,
        ),
    )


def _issue(work: Work, terms: Terms, purpose: str, destination: Destination, **fields: Any) -> tuple[str, datetime]:
    """A new code in the place of those before; returns its digits and its end."""
    digits, uid, expires_at = rules.new_digits(), uuid7(work.now), work.now + rules.VALID
    codes.replace(work.session, destination.account_id, destination.channel, destination.address, work.now)
    codes.recall(work.session, [destination.id], work.now)
    codes.add(
        work.session,
        uid=uid,
        purpose=purpose,
        account_id=destination.account_id,
        destination_id=destination.id,
        channel=destination.channel,
        address=destination.address,
        digest=rules.digest(terms.pepper, uid, destination.address, digits),
        issued_at=work.now,
        expires_at=expires_at,
        **fields,
    )
    return digits, expires_at


def _queue(work: Work, destination: Destination, digits: str, expires_at: datetime) -> None:
    row = {
        "account_id": destination.account_id,
        "destination_id": destination.id,
        "uid": uuid7(work.now),
        "event": "code",
        "text": digits,
        "lane": LANE,
        "state": DeliveryState.READY,
        "due_at": work.now,
        "expires_at": expires_at - rules.DELIVERY_MARGIN,
        "created_at": work.now,
    }
    recording.add(work.session, [row])
    work.wakes.add("deliveries")


# Typed back


def enter(
    work: Work,
    terms: Terms,
    *,
    channel: str,
    addresses: Sequence[str],
    digits: str,
    conversation_id: int | None = None,
) -> Entered:
    """Try digits that a person wrote in a direct chat.

    ``addresses``: the sender's on this channel, which the platform vouches for.  Tried are all open codes of these
    numbers, whoever asked for them, and those that were sent elsewhere at the wish of this very chat.  Codes shown to
    an account to be sent by the number's owner are taken from the number alone.  What is not six digits counts no try.
    """
    six = rules.read_digits(digits)
    asked = codes.numbers_asked_in(work.session, conversation_id, work.now - LOOK_BACK)
    locked = codes.of_numbers(work.session, {*addresses, *asked}, work.now - LOOK_BACK)
    mine = [
        code
        for code in locked
        if (code.channel == channel and code.address in addresses)
        or (code.purpose == "verify" and conversation_id is not None and code.asked_in == conversation_id)
    ]
    allowed = _allowed(work, locked, [code for code in mine if _is_open(code, work.now)])
    if hits := _try(work, terms, allowed if six else [], six or ""):
        return Entered("verified", tuple(sorted({hit.address for hit in hits})))
    if allowed:
        return Entered("wrong")
    return Entered("expired" if mine and not mine[-1].used_at else "none")


def enter_for(
    work: Work, terms: Terms, *, account_id: int, channel: str, address: str, digits: str
) -> Literal["ok", "not_found", "verified_already", "expired", "invalid"]:
    """Try digits that an account typed in for a number of its own.

    Checked in this order: the number is among the account's destinations, is not verified yet, waits for a code that
    may still be tried.  Anything but six ASCII digits is invalid and counts no try.
    """
    destination = destinations.find(work.session, account_id, channel, address)
    locked = codes.of_numbers(work.session, [address], work.now - LOOK_BACK)
    mine = [code for code in locked if code.account_id == account_id and code.channel == channel]
    wanted = [code for code in mine if code.purpose == "verify" and _is_open(code, work.now)]
    if destination is None:
        return "not_found"
    if destination.verified_at:
        return "verified_already"
    allowed = _allowed(work, locked, wanted)
    if not allowed:
        return "expired"
    if not (len(digits) == 6 and digits.isascii() and digits.isdecimal()):
        return "invalid"
    return "ok" if _try(work, terms, allowed, digits) else "invalid"


def _is_open(code: Any, now: datetime) -> bool:
    """As ``codes.is_open``, of a row that is locked; without a destination there is nothing to verify."""
    return (
        code.destination_id is not None
        and code.used_at is None
        and code.void_at is None
        and code.attempts < rules.TRIES
        and code.expires_at > now
        and code.issued_at <= now + rules.AHEAD
    )


def _allowed(work: Work, locked: Sequence[Any], wanted: Sequence[Any]) -> list[int]:
    """Ids of those codes for which their number has a wrong try left today, the latest first."""
    ids: list[int] = []
    for address in sorted({code.address for code in wanted}):
        left = rules.tries_left([code for code in locked if code.address == address], work.now)
        ids += [code.id for code in reversed(wanted) if code.address == address][:left]
    return ids


def _try(work: Work, terms: Terms, ids: Sequence[int], digits: str) -> list[Any]:
    """The atomic step of section 11; returns the codes that these digits are.  Right or wrong, the statements that
    run are the same."""
    session, now = work.session, work.now
    tried = codes.count_try(session, ids, rules.TRIES, codes.is_open(now, rules.AHEAD), now)
    hits = [one for one in tried if rules.matches(one.digest, terms.peppers, one.uid, one.address, digits)]
    codes.use(session, [hit.id for hit in hits], now)
    codes.verify(session, [hit.destination_id for hit in hits], now)
    codes.recall(session, [hit.destination_id for hit in hits], now)
    return hits


# Sent by the person


def prove(
    work: Work,
    terms: Terms,
    *,
    account_id: int,
    channel: str,
    address: str,
    number: str = "",
    lane: str = "chat",
) -> Shown:
    """Show the account a code that verifies its destination when it is sent to us from there.

    ``number``: ours on this channel, "+34…", for a link that fills the message in.  Raises TooManyCodes, with nothing
    changed.
    """
    accounts.set_fact(work.session, ISSUING, "")
    _check_caps(work, "prove", account_id, address)
    known = destinations.find(work.session, account_id, channel, address)
    destination = known or _new_destination(work, account_id, channel, address, lane)
    digits, expires_at = _issue(work, terms, "prove", destination)
    return Shown(digits, expires_at, rules.chat_link(number, digits), destination.id)


# Typed where others read it


def void(
    work: Work,
    terms: Terms,
    *,
    channel: str,
    person: str,
    text: str,
    conversation_id: int,
    addresses: Sequence[str] = (),
) -> bool:
    """Make the code void that a person typed in a group; False: it was none of theirs.  Counts no try.

    A digest cannot be searched for, so six digits are compared with the open codes that this person can know: of the
    numbers they are known by (``addresses``, and what the platform vouches for), those their account asked for, and
    those this group asked for.  A link code is found whosever it is.
    """
    session, now = work.session, work.now
    usable = codes.is_open(now, rules.AHEAD)
    if link := rules.read_link(text):
        return codes.void_link(session, rules.link_digests(terms.peppers, link), usable, now)
    if (digits := rules.read_digits(text)) is None:
        return False
    known = codes.identity(session, channel, person)
    numbers = {person, *addresses, *([known.phone] if known and known.phone else [])}
    open_ones = codes.in_reach(session, known.account_id if known else None, sorted(numbers), conversation_id, usable)
    hits = [one for one in open_ones if rules.matches(one.digest, terms.peppers, one.uid, one.address, digits)]
    codes.void(session, [hit.id for hit in hits], now)
    codes.recall(session, [hit.destination_id for hit in hits if hit.destination_id], now)
    return bool(hits)


# Afterwards


def wipe(work: Work) -> None:
    """Digits of deliveries that have ended are stored no longer.  Cheap where there are none."""
    codes.wipe(work.session)


def forget(work: Work, before: datetime, limit: int = 1000) -> int:
    """Drop codes issued before, but none that a cap may still count; returns how many, up to ``limit``."""
    return codes.forget(work.session, min(before, work.now - KEEP), limit)
