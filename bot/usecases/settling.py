"""What attempts came to: the next states of deliveries, the health of destinations and of whole accounts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from adapters.base import Receipt, SendError
from bot.rules import breaker, retry
from bot.usecases import codes, credits, held, notices, providers, statuses
from bot.usecases.deliveries import DueDelivery, health_of
from bot.usecases.posts import Policy
from storage import destinations
from storage.columns import to_micros
from storage.database import Work
from storage.models import DeliveryState
from storage.outbox import settling, sweeping


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


def settle(work: Work, sent: Sequence[Sent], policy: Policy) -> Settled:
    """Store what attempts came to: the deliveries' next states, the attempts, how destinations and accounts fare.

    An attempt whose lease was somebody else's by now changes nothing.
    """
    return _Settling(work, policy).run(sent)


class _Settling:
    """One batch of finished attempts."""

    def __init__(self, work: Work, policy: Policy) -> None:
        self._work, self._policy = work, policy

    def run(self, sent: Sequence[Sent]) -> Settled:
        session = self._work.session
        mine = settling.still_leased(session, {one.due.id: one.due.token for one in sent})
        kept = [(one, self._decide(one)) for one in sent if one.due.id in mine]
        self._store_ok([one for one, then in kept if then is retry.SENT])
        others = [(one, then) for one, then in kept if then is not retry.SENT and not then.held]
        settling.settle(session, (self._values(one, then) for one, then in others))
        settling.add_attempts(session, [_attempt(one, then) for one, then in kept])
        self._store_health(kept)
        if chats := [(one, then) for one, then in kept if one.due.lane != "webhook"]:
            self._store_chats(chats)
        if any(one.due.lane == "code" for one in sent):  # also when a status was quicker than we
            codes.wipe(self._work)
        outcomes = Counter((one.due.channel, then.outcome) for one, then in kept)
        ended = Counter(
            (one.due.channel, "sent" if then is retry.SENT else "failed") for one, then in kept if then.ends
        )
        return Settled(outcomes, ended)

    def _decide(self, one: Sent) -> retry.Next:
        due = one.due
        if isinstance(one.result, Receipt):
            return retry.SENT
        ambiguous_at = due.first_ambiguous_at
        tried = retry.Try(due.lane, due.attempts, due.throttled, due.expires_at, ambiguous_at, one.dedupe_window)
        return retry.after(one.result, tried, self._policy.schedules, self._work.now)

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
        if then.free:
            values["throttled"] = due.throttled + 1
        if then.outcome == "ambiguous":
            values |= {"ambiguous_at": now, "first_ambiguous_at": due.first_ambiguous_at or now}
        if then.again_at is None:
            return values | {"state": DeliveryState.FAILED, "failed_at": now}
        return values | {"state": DeliveryState.WAITING, "due_at": then.again_at}

    def _store_chats(self, kept: Sequence[tuple[Sent, retry.Next]]) -> None:
        """What only people and their platforms have: windows, accounts that rest, early statuses."""
        work = self._work
        held.hold_rows(work, [one.due.id for one, then in kept if then.held], held.WINDOW_CLOSED, self._policy.hold)
        credits.give_back(work, [one.due for one, then in kept if then.outcome not in ("ok", "ambiguous")])
        for one, then in kept:
            if then.outcome == "suspended":
                where, schedules = self._policy.operator_destination, self._policy.schedules
                providers.suspend(work, one.due.channel, then.error, operator_destination=where, schedules=schedules)
            elif then.rest_until:
                providers.pause(work, one.due.channel, then.rest_until, then.error)
        named: dict[str, dict[int, str]] = {}
        for one, then in kept:
            if then is retry.SENT and isinstance(one.result, Receipt):
                named.setdefault(one.due.channel, {})[one.due.id] = one.result.message_id
        providers.resumed(work, named)
        for channel, messages in named.items():
            statuses.unpark(work, channel, messages)

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
        notices.tell_owner(work, row.account_id, row.id, "destination.disabled", text, self._policy.schedules)


def _health_after(health: breaker.Health, then: retry.Next, now: datetime) -> breaker.Health:
    match then.outcome:
        case "ok":
            return breaker.succeeded(health, now)
        case "throttled":
            return breaker.paused(health, then.pause_until) if then.pause_until else health
        case "gone":
            return breaker.disabled(health, now, then.error)
        case "permanent" | "suspended" | "held":  # the fault of the message, the account or nobody
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
