"""Deliveries: which are due, what became of each attempt, and what a person may still do about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.errors import Conflict, NotFound
from bot.rules import breaker, retry
from bot.rules.retry import Schedules
from bot.usecases import codes, credits, held, providers
from storage import accounts, destinations, posts
from storage.database import Work
from storage.models import HEALTH
from storage.outbox import claiming, looking, recording, settling, sweeping, withdrawing
from storage.outbox.claiming import DueDelivery as DueDelivery

LEASE = timedelta(seconds=60)  # well above the longest send
DESTINATIONS_A_CLAIM = 256
FULL_CLAIM = 5  # rows of one destination in one claim
HELD = "sending_held"  # the fact whose presence keeps everything from being sent


@dataclass(frozen=True, slots=True)
class Claim:
    """What one round of claiming brought.  ``after``: where the next round goes on; 0: from the start."""

    due: Sequence[DueDelivery] = ()
    after: int = 0


# Claiming


def take_due(work: Work, lane: str, room: int, after: int, limits: Mapping[str, int]) -> Claim:
    """Lease up to ``room`` deliveries of a lane, taking turns over destinations from ``after`` on.

    ``limits``: sends to one destination at the same time, by channel; a channel that is absent rests, and so does
    one whose platform takes nothing at present.
    """
    session, now = work.session, work.now
    if accounts.fact(session, HELD):
        return Claim()
    claiming.wake_waiting(session, now, 1000)
    some = min(DESTINATIONS_A_CLAIM, room)
    found = claiming.destinations_with_work(session, lane, after, some)
    chats = [one.id for one in found if one.chats]
    resting = providers.resting(work) if chats else ()
    rooms = {one.id: 0 if one.channel in resting else min(limits.get(one.channel, 0), FULL_CLAIM) for one in found}
    if chats and lane in held.LANES:
        rooms |= dict.fromkeys(held.hold_stopped(work, chats), 0)
    rooms |= _rooms_of_troubled(work, lane, {one.id: rooms[one.id] for one in found if one.troubled})
    open_rooms = {id_: n for id_, n in rooms.items() if n}
    due = credits.take(work, claiming.take(session, lane, open_rooms, room, now, now + LEASE))
    return Claim(due, after=max(rooms) if len(found) == some else 0)


def _rooms_of_troubled(work: Work, lane: str, limits: Mapping[int, int]) -> Mapping[int, int]:
    """How many sends may be in flight to destinations that did not fare well; the queue of a disabled one fails."""
    rooms = {}
    for row in destinations.health(work.session, sorted(limits)):
        rooms[row.id] = breaker.room(health_of(row), 0, limits[row.id], work.now)
        if row.disabled_at:
            reason = f"destination disabled: {row.disabled_reason}"
            sweeping.fail_queue(work.session, row.id, lane, reason, work.now, 1000)
    return rooms


def health_of(row: Any) -> breaker.Health:
    """The breaker's view of a destination's row."""
    return breaker.Health(**{name: getattr(row, name) for name in HEALTH})


def message_id(due: DueDelivery, post_id: str) -> str:
    """The receiver's key against repeats; ``post_id``: the post's UUID.

    Made of what is delivered and for whom: equal even after a restored backup, and no other message has it.
    """
    return f"msg_{post_id.replace('-', '')}_{due.subscription_id}" if due.uid is None else f"msg_{due.uid}"


def hand_back(work: Work, due: Sequence[DueDelivery]) -> None:
    """Claimed, but never begun: ready again, and nothing was used up."""
    tokens = {one.id: one.token for one in due}
    mine = settling.still_leased(work.session, tokens)
    credits.give_back(work, [one for one in due if one.id in mine])
    settling.hand_back(work.session, tokens, work.now)


# Sweeping


@dataclass(frozen=True, slots=True)
class Swept:
    """``released``: leases of dead workers.  ``more``: there is more to do at once."""

    released: int
    more: bool


def sweep(work: Work, schedules: Schedules) -> Swept:
    """Leases of dead workers, messages past their time, due times that no schedule can have given."""
    session, now, limit = work.session, work.now, 1000
    released = sweeping.lease_over(session, now, 2 * LEASE, limit)
    expired = sweeping.fail_expired(session, now, limit)
    codes.wipe(work)
    longest = max(schedule.longest for schedule in schedules.values())
    sweeping.pull_forward(session, now + longest * 1.2 + timedelta(hours=1), now, limit)
    if released:
        work.wakes.add("deliveries")
    return Swept(released, more=max(released, expired) == limit)


def release_all(work: Work) -> int:
    """At the start of the only process: what is leased was a dead one's.  Returns how many, at most 1,000."""
    return sweeping.release_all(work.session, work.now, 1000)


@dataclass(frozen=True, slots=True)
class Queue:
    """The outbox as gauges show it.  ``rows`` per lane, counted up to 10,000 in all."""

    rows: Mapping[str, int]
    oldest_seconds: float


def queue(work: Work) -> Queue:
    """What waits, at a cost that does not grow with it."""
    return Queue(looking.queued(work.session, 10_000), oldest_seconds(work))


def oldest_seconds(work: Work) -> float:
    """How long the one that expires first has waited; 0: none waits."""
    oldest = looking.oldest_queued(work.session)
    return max((work.now - oldest.created_at).total_seconds(), 0.0) if oldest else 0.0


# What people do


def newest(
    work: Work, limit: int, states: Sequence[str] = (), destination_id: int | None = None
) -> tuple[Sequence[Any], Mapping[int, list[Any]]]:
    """Deliveries, the latest first, and their attempts by delivery."""
    rows = looking.newest(work.session, limit, states, destination_id)
    tries: dict[int, list[Any]] = {}
    for row in looking.attempts(work.session, [row.id for row in rows]):
        tries.setdefault(row.delivery_id, []).append(row)
    return rows, tries


def send_again(work: Work, delivery_id: int) -> None:
    """Queue a delivery once more, whatever became of it.  Raises NotFound, Conflict."""
    delivery = looking.get(work.session, delivery_id)
    if delivery is None:
        raise NotFound(f"there is no delivery {delivery_id}; `postbell deliveries` lists them")
    if delivery.lane == "code":
        raise Conflict("a code is sent once and then forgotten; ask for a new one")
    destination = destinations.get(work.session, delivery.destination_id)
    if destination and destination.disabled_at:
        raise Conflict(
            f"destination {destination.id} is disabled ({destination.disabled_reason}); "
            f"`postbell destination enable {destination.id}` first"
        )
    if delivery.post_id and posts.content(work.session, delivery.post_id).withdrawn_at:
        raise Conflict(f"the post of delivery {delivery_id} was {withdrawing.REASON}; there is nothing left to send")
    expires_at = max(delivery.expires_at, work.now + retry.MANUAL_TTL)
    if not recording.send_again(work.session, delivery_id, expires_at, work.now):
        raise Conflict(f"delivery {delivery_id} is being sent right now; look again in a minute")
    work.wakes.add("deliveries")


def hold(work: Work) -> None:
    """Send nothing until ``release``, over restarts too: for a restored backup, whose outbox is in the past."""
    accounts.set_fact(work.session, HELD, work.now.isoformat())


def release(work: Work) -> bool:
    """Send again; False when nothing was held."""
    was_held = is_held(work)
    accounts.set_fact(work.session, HELD, "")
    work.wakes.add("deliveries")
    return was_held


def is_held(work: Work) -> bool:
    return bool(accounts.fact(work.session, HELD))


def expire_before(work: Work, before: datetime) -> int:
    """Fail what was queued before that time; returns how many, at most 1,000 a call."""
    failed = sweeping.fail_created_before(work.session, before, work.now, 1000)
    codes.wipe(work)
    return failed
