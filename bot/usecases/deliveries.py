"""Deliveries: which are due, what became of each attempt, and what a person may still do about them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from adapters.base import Receipt, SendError
from bot.errors import Conflict, NotFound
from bot.rules import breaker, retry
from bot.rules.retry import Schedules
from bot.usecases import notices
from storage import accounts, destinations
from storage.columns import to_micros
from storage.database import Work
from storage.models import HEALTH, DeliveryState
from storage.outbox import claiming, looking, recording, settling, sweeping
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


class Sent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One finished attempt.  A Struct, because thousands are made a second."""

    due: DueDelivery
    result: Receipt | SendError
    started_at: datetime
    ended_at: datetime
    dedupe_window: timedelta | None = None  # how long the receiver knows a repeated id; None: for ever


@dataclass(frozen=True, slots=True)
class Settled:
    """What a batch of attempts came to: deliveries by (channel, outcome) and by (channel, final state)."""

    outcomes: Mapping[tuple[str, str], int]
    ended: Mapping[tuple[str, str], int]


# Claiming


def take_due(work: Work, lane: str, room: int, after: int, limits: Mapping[str, int]) -> Claim:
    """Lease up to ``room`` deliveries of a lane, taking turns over destinations from ``after`` on.

    ``limits``: sends to one destination at the same time, by channel; a channel that is absent rests.
    """
    session, now = work.session, work.now
    if accounts.fact(session, HELD):
        return Claim()
    claiming.wake_waiting(session, now, 1000)
    some = min(DESTINATIONS_A_CLAIM, room)
    found = claiming.destinations_with_work(session, lane, after, some)
    rooms = {one.id: min(limits.get(one.channel, 0), FULL_CLAIM) for one in found}
    rooms |= _rooms_of_troubled(work, lane, {one.id: rooms[one.id] for one in found if one.troubled})
    open_rooms = {id_: n for id_, n in rooms.items() if n}
    due = claiming.take(session, lane, open_rooms, room, now, now + LEASE)
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


# Settling


def settle(work: Work, sent: Sequence[Sent], schedules: Schedules) -> Settled:
    """Store what attempts came to: the deliveries' next states, the attempts, the destinations' health.

    An attempt whose lease was somebody else's by now changes nothing.
    """
    return _Settling(work, schedules).run(sent)


class _Settling:
    """One batch of finished attempts."""

    def __init__(self, work: Work, schedules: Schedules) -> None:
        self._work, self._schedules = work, schedules

    def run(self, sent: Sequence[Sent]) -> Settled:
        session = self._work.session
        mine = settling.still_leased(session, {one.due.id: one.due.token for one in sent})
        kept = [(one, self._decide(one)) for one in sent if one.due.id in mine]
        self._store_ok([one for one, then in kept if then is retry.SENT])
        settling.settle(session, (self._values(one, then) for one, then in kept if then is not retry.SENT))
        settling.add_attempts(session, [_attempt(one, then) for one, then in kept])
        self._store_health(kept)
        outcomes = Counter((one.due.channel, then.outcome) for one, then in kept)
        ended = Counter(
            (one.due.channel, "sent" if then is retry.SENT else "failed") for one, then in kept if then.again_at is None
        )
        return Settled(outcomes, ended)

    def _decide(self, one: Sent) -> retry.Next:
        due = one.due
        if isinstance(one.result, Receipt):
            return retry.SENT
        ambiguous_at = due.first_ambiguous_at
        tried = retry.Try(due.lane, due.attempts, due.throttled, due.expires_at, ambiguous_at, one.dedupe_window)
        return retry.after(one.result, tried, self._schedules, self._work.now)

    def _store_ok(self, ok: Sequence[Sent]) -> None:
        settling.settle_sent(self._work.session, [one.due.id for one in ok], self._work.now)
        named = {
            one.due.id: _plain(one.result.message_id, 500)
            for one in ok
            if isinstance(one.result, Receipt) and one.result.message_id
        }
        settling.set_message_ids(self._work.session, named)

    def _values(self, one: Sent, then: retry.Next) -> dict[str, Any]:
        now, due = self._work.now, one.due
        values: dict[str, Any] = {"_id": due.id, "_token": due.token}
        values |= {"error_code": _plain(then.code, 100), "error": _plain(then.error, 500)}
        if then.outcome == "throttled":
            values["throttled"] = due.throttled + 1
        if then.outcome == "ambiguous":
            values |= {"ambiguous_at": now, "first_ambiguous_at": due.first_ambiguous_at or now}
        if then.again_at is None:
            return values | {"state": DeliveryState.FAILED, "failed_at": now}
        return values | {"state": DeliveryState.WAITING, "due_at": then.again_at}

    def _store_health(self, kept: Sequence[tuple[Sent, retry.Next]]) -> None:
        """Apply what happened to each destination, in the order in which it happened."""
        touched = {one.due.destination_id for one, then in kept if then is not retry.SENT or one.due.troubled}
        if not touched:
            return
        rows = {row.id: row for row in destinations.health(self._work.session, sorted(touched))}
        before = {id_: health_of(row) for id_, row in rows.items()}
        after = dict(before)
        for one, then in sorted(kept, key=lambda pair: pair[0].ended_at):
            if (id_ := one.due.destination_id) in after:
                after[id_] = _health_after(after[id_], then, self._work.now)
        changed = [{"_id": id_, **asdict(health)} for id_, health in after.items() if health != before[id_]]
        destinations.set_health(self._work.session, changed)
        for id_, health in after.items():
            if health.disabled_at and not before[id_].disabled_at:
                self._disabled(rows[id_], health.disabled_reason)

    def _disabled(self, row: Any, reason: str) -> None:
        """One notice per disablement.  Its queue ends here; what is left of a long one ends as claims meet it."""
        work = self._work
        sweeping.fail_queue(work.session, row.id, row.lane, f"destination disabled: {reason}", work.now, 1000)
        text = (
            f"{row.name or row.address} is disabled: {reason}. `postbell destination enable {row.id}` tries it again."
        )
        notices.tell_owner(work, row.account_id, row.id, "destination.disabled", text, self._schedules)


def _health_after(health: breaker.Health, then: retry.Next, now: datetime) -> breaker.Health:
    match then.outcome:
        case "ok":
            return breaker.succeeded(health, now)
        case "throttled":
            return breaker.paused(health, then.pause_until) if then.pause_until else health
        case "gone":
            return breaker.disabled(health, now, then.error)
        case "permanent":  # the message's fault, not the destination's
            return health
        case _:
            return breaker.failed(health, now, ran_out=then.exhausted)


def _attempt(one: Sent, then: retry.Next) -> settling.Attempted:
    return (
        one.due.id,
        one.due.attempts,
        to_micros(one.started_at),
        to_micros(one.ended_at),
        then.outcome,
        _plain(then.code, 100),
        one.result.status,
        _plain(one.result.response, 4096),
    )


def _plain(text: str, longest: int) -> str:
    """At most so many bytes that every database takes: an attempt must be recorded, whatever came back."""
    if len(text) <= longest and text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode(errors="replace")[:longest].decode(errors="ignore")


def hand_back(work: Work, due: Sequence[DueDelivery]) -> None:
    """Claimed, but never begun: ready again, and nothing was used up."""
    settling.hand_back(work.session, {one.id: one.token for one in due}, work.now)


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
    oldest = looking.oldest_queued(work.session)
    age = (work.now - oldest.created_at).total_seconds() if oldest else 0.0
    return Queue(looking.queued(work.session, 10_000), max(age, 0.0))


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
    destination = destinations.get(work.session, delivery.destination_id)
    if destination and destination.disabled_at:
        raise Conflict(
            f"destination {destination.id} is disabled ({destination.disabled_reason}); "
            f"`postbell destination enable {destination.id}` first"
        )
    expires_at = max(delivery.expires_at, work.now + retry.MANUAL_TTL)
    if not recording.send_again(work.session, delivery_id, expires_at, work.now):
        raise Conflict(f"delivery {delivery_id} is being sent right now; look again in a minute")
    work.wakes.add("deliveries")


def hold(work: Work) -> None:
    """Send nothing until ``release``, over restarts too: for a restored backup, whose outbox is in the past."""
    accounts.set_fact(work.session, HELD, work.now.isoformat())


def release(work: Work) -> bool:
    """Send again; False when nothing was held."""
    held = accounts.fact(work.session, HELD)
    accounts.set_fact(work.session, HELD, "")
    work.wakes.add("deliveries")
    return bool(held)


def is_held(work: Work) -> bool:
    return bool(accounts.fact(work.session, HELD))


def expire_before(work: Work, before: datetime) -> int:
    """Fail what was queued before that time; returns how many, at most 1,000 a call."""
    return sweeping.fail_created_before(work.session, before, work.now, 1000)
