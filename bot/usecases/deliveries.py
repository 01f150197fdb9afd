"""Deliveries: which are due, what became of each attempt, and what a person may still do about them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from adapters.base import Receipt, SendError
from bot.errors import Conflict, NotFound
from bot.rules import breaker, retry
from bot.rules.retry import Schedules
from bot.usecases import notices
from storage import accounts, deliveries, destinations
from storage.database import Work
from storage.models import HEALTH, DeliveryState

LEASE = timedelta(seconds=60)  # well above the longest send
DESTINATIONS_A_CLAIM = 256
FULL_CLAIM = 5  # rows of one destination in one claim
HELD = "sending_held"  # the fact whose presence keeps everything from being sent


class DueDelivery(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message that this process is to send now, under its lease.  A Struct, because thousands are made a second."""

    id: int
    token: str
    lane: str
    channel: str
    destination_id: int
    destination_uid: str
    address: str
    sealed: bytes | None
    clean: bool  # the destination was healthy when this was claimed, so a success changes nothing of it
    attempts: int  # this one included
    throttled: int
    expires_at: datetime
    created_at: datetime
    first_ambiguous_at: datetime | None
    subscription_id: int | None
    post: tuple[int, int] | None  # (post id, version); None for a notice
    uid: UUID | None  # a notice's own
    event: str
    text: str

    def message_id(self, post_id: str) -> str:
        """The receiver's key against repeats; ``post_id``: the post's UUID.

        Made of what is delivered and for whom: equal even after a restored backup, and no other message has it.
        """
        return f"msg_{post_id.replace('-', '')}_{self.subscription_id}" if self.uid is None else f"msg_{self.uid.hex}"


@dataclass(frozen=True, slots=True)
class Claim:
    """What one round of claiming brought.  ``after``: where the next round goes on; 0: from the start."""

    due: Sequence[DueDelivery] = ()
    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One finished attempt."""

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
    deliveries.wake_waiting(session, now, 1000)
    some = min(DESTINATIONS_A_CLAIM, room)
    found = {row.id: row for row in deliveries.destinations_with_work(session, lane, after, some)}
    if not found:
        return Claim()
    chosen = _chosen(work, lane, found, limits, room)[:room]
    due = [_due(row, found[row.destination_id], lane) for row in deliveries.take(session, chosen, now, now + LEASE)]
    return Claim(due, after=max(found) if len(found) == some else 0)


def _chosen(work: Work, lane: str, found: Mapping[int, Any], limits: Mapping[str, int], wanted: int) -> list[int]:
    """Ids of what may be sent now, about ``wanted``: everybody's oldest, then everybody's second, so that a cut
    is fair."""
    session, now = work.session, work.now
    health = {row.id: health_of(row) for row in found.values()}
    for row in found.values():
        if row.disabled_at:
            reason = f"destination disabled: {row.disabled_reason}"
            deliveries.fail_queue(session, row.id, lane, reason, now, 1000)
    limit = {row.id: min(limits.get(row.channel, 0), FULL_CLAIM) for row in found.values()}
    open_ones = [id_ for id_ in found if breaker.room(health[id_], 0, limit[id_], now)]
    room: dict[int, int] = {}
    turns: list[list[int]] = [[] for _ in range(FULL_CLAIM)]
    taken: dict[int, int] = dict.fromkeys(open_ones, 0)
    each = min(max(limit.values()), math.ceil(wanted / max(len(open_ones), 1)))
    for one in deliveries.oldest_ready(session, lane, open_ones, each):
        id_ = one.destination_id
        if id_ not in room:
            room[id_] = breaker.room(health[id_], one.in_flight, limit[id_], now)
        if taken[id_] < room[id_]:
            turns[taken[id_]].append(one.id)
            taken[id_] += 1
    return [id_ for turn in turns for id_ in turn]


def _due(row: Any, destination: Any, lane: str) -> DueDelivery:
    return DueDelivery(
        id=row.id,
        token=row.lease_token,
        lane=lane,
        channel=destination.channel,
        destination_id=destination.id,
        destination_uid=destination.uid.hex,
        address=destination.address,
        sealed=destination.secrets,
        clean=_untroubled(destination),
        attempts=row.attempts,
        throttled=row.throttled,
        expires_at=row.expires_at,
        created_at=row.created_at,
        first_ambiguous_at=row.first_ambiguous_at,
        subscription_id=row.subscription_id,
        post=(row.post_id, row.post_version) if row.post_id else None,
        uid=row.uid,
        event=row.event,
        text=row.text,
    )


def health_of(row: Any) -> breaker.Health:
    """The breaker's view of a destination's row."""
    if _untroubled(row) and row.disabled_at is None:
        return breaker.HEALTHY
    return breaker.Health(**{name: getattr(row, name) for name in HEALTH})


def _untroubled(row: Any) -> bool:
    return (
        row.first_failure_at is None
        and row.window_started_at is None
        and row.paused_until is None
        and row.open_until is None
        and row.ramp_from is None
    )


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
        decided = [(one, self._decide(one)) for one in sent]
        kept = self._store_ok(decided) + self._store_others(decided)
        deliveries.add_attempts(self._work.session, [_attempt(one, then) for one, then in kept])
        self._store_health(kept)
        outcomes: dict[tuple[str, str], int] = {}
        ended: dict[tuple[str, str], int] = {}
        for one, then in kept:
            _count(outcomes, (one.due.channel, then.outcome))
            if then.again_at is None:
                _count(ended, (one.due.channel, "sent" if then.outcome == "ok" else "failed"))
        return Settled(outcomes, ended)

    def _decide(self, one: Sent) -> retry.Next:
        due = one.due
        ambiguous_at = due.first_ambiguous_at
        tried = retry.Try(due.lane, due.attempts, due.throttled, due.expires_at, ambiguous_at, one.dedupe_window)
        return retry.after(one.result, tried, self._schedules, self._work.now)

    def _store_ok(self, decided: Sequence[tuple[Sent, retry.Next]]) -> list[tuple[Sent, retry.Next]]:
        ok = [(one, then) for one, then in decided if then.outcome == "ok"]
        tokens: dict[str, list[int]] = {}
        for one, _ in ok:
            tokens.setdefault(one.due.token, []).append(one.due.id)
        mine = deliveries.settle_sent(self._work.session, tokens, self._work.now)
        named = {
            one.due.id: _plain(one.result.message_id, 500)
            for one, _ in ok
            if isinstance(one.result, Receipt) and one.result.message_id and one.due.id in mine
        }
        deliveries.set_message_ids(self._work.session, named)
        return [(one, then) for one, then in ok if one.due.id in mine]

    def _store_others(self, decided: Sequence[tuple[Sent, retry.Next]]) -> list[tuple[Sent, retry.Next]]:
        others = [(one, then) for one, then in decided if then.outcome != "ok"]
        mine = deliveries.still_leased(self._work.session, {one.due.id: one.due.token for one, _ in others})
        kept = [(one, then) for one, then in others if one.due.id in mine]
        deliveries.settle(self._work.session, (self._values(one, then) for one, then in kept))
        return kept

    def _values(self, one: Sent, then: retry.Next) -> dict[str, Any]:
        now, due = self._work.now, one.due
        values: dict[str, Any] = {"_id": due.id, "error_code": _plain(then.code, 100), "error": _plain(then.error, 500)}
        if then.outcome == "throttled":
            values["throttled"] = due.throttled + 1
        if then.outcome == "ambiguous":
            values |= {"ambiguous_at": now, "first_ambiguous_at": due.first_ambiguous_at or now}
        if then.again_at is None:
            return values | {"state": DeliveryState.FAILED, "failed_at": now}
        return values | {"state": DeliveryState.WAITING, "due_at": then.again_at}

    def _store_health(self, kept: Sequence[tuple[Sent, retry.Next]]) -> None:
        """Apply what happened to each destination, in the order in which it happened."""
        touched = {one.due.destination_id for one, then in kept if then.outcome != "ok" or not one.due.clean}
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
        deliveries.fail_queue(work.session, row.id, row.lane, f"destination disabled: {reason}", work.now, 1000)
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


def _attempt(one: Sent, then: retry.Next) -> dict[str, Any]:
    return {
        "delivery_id": one.due.id,
        "n": one.due.attempts,
        "started_at": one.started_at,
        "ended_at": one.ended_at,
        "outcome": then.outcome,
        "code": _plain(then.code, 100),
        "status": one.result.status,
        "response": _plain(one.result.response, 4096),
    }


def _plain(text: str, longest: int) -> str:
    """At most so many bytes that every database takes: an attempt must be recorded, whatever came back."""
    return text.replace("\0", "").encode(errors="replace")[:longest].decode(errors="ignore")


def _count(counts: dict[tuple[str, str], int], key: tuple[str, str]) -> None:
    counts[key] = counts.get(key, 0) + 1


def hand_back(work: Work, due: Sequence[DueDelivery]) -> None:
    """Claimed, but never begun: ready again, and nothing was used up."""
    deliveries.hand_back(work.session, {one.id: one.token for one in due}, work.now)


# Sweeping


@dataclass(frozen=True, slots=True)
class Swept:
    """``released``: leases of dead workers.  ``more``: there is more to do at once."""

    released: int
    more: bool


def sweep(work: Work, schedules: Schedules) -> Swept:
    """Leases of dead workers, messages past their time, due times that no schedule can have given."""
    session, now, limit = work.session, work.now, 1000
    released = deliveries.lease_over(session, now, 2 * LEASE, limit)
    expired = deliveries.fail_expired(session, now, limit)
    longest = max(schedule.longest for schedule in schedules.values())
    deliveries.pull_forward(session, now + longest * 1.2 + timedelta(hours=1), now, limit)
    if released:
        work.wakes.add("deliveries")
    return Swept(released, more=max(released, expired) == limit)


def release_all(work: Work) -> int:
    """At the start of the only process: what is leased was a dead one's.  Returns how many, at most 1,000."""
    return deliveries.release_all(work.session, work.now, 1000)


@dataclass(frozen=True, slots=True)
class Queue:
    """The outbox as gauges show it.  ``rows`` per lane, counted up to 10,000 in all."""

    rows: Mapping[str, int]
    oldest_seconds: float


def queue(work: Work) -> Queue:
    """What waits, at a cost that does not grow with it."""
    oldest = deliveries.oldest_queued(work.session)
    age = (work.now - oldest.created_at).total_seconds() if oldest else 0.0
    return Queue(deliveries.queued(work.session, 10_000), max(age, 0.0))


# What people do


def newest(
    work: Work, limit: int, states: Sequence[str] = (), destination_id: int | None = None
) -> tuple[Sequence[Any], Mapping[int, list[Any]]]:
    """Deliveries, the latest first, and their attempts by delivery."""
    rows = deliveries.newest(work.session, limit, states, destination_id)
    tries: dict[int, list[Any]] = {}
    for row in deliveries.attempts(work.session, [row.id for row in rows]):
        tries.setdefault(row.delivery_id, []).append(row)
    return rows, tries


def send_again(work: Work, delivery_id: int) -> None:
    """Queue a delivery once more, whatever became of it.  Raises NotFound, Conflict."""
    delivery = deliveries.get(work.session, delivery_id)
    if delivery is None:
        raise NotFound(f"there is no delivery {delivery_id}; `postbell deliveries` lists them")
    destination = destinations.get(work.session, delivery.destination_id)
    if destination and destination.disabled_at:
        raise Conflict(
            f"destination {destination.id} is disabled ({destination.disabled_reason}); "
            f"`postbell destination enable {destination.id}` first"
        )
    expires_at = max(delivery.expires_at, work.now + retry.MANUAL_TTL)
    if not deliveries.send_again(work.session, delivery_id, expires_at, work.now):
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
    return deliveries.fail_created_before(work.session, before, work.now, 1000)
