"""The outbox, as an operator searches and changes it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from bot.errors import Invalid, NotFound
from bot.rules import retry
from bot.usecases import audit
from bot.usecases import deliveries as everyday
from bot.usecases.audit import Actor
from storage import lists
from storage.database import Work
from storage.lists import Listed
from storage.lists import Sought as Sought
from storage.outbox import looking, recording

AT_ONCE = 1000  # are sent again by one call


@dataclass(frozen=True, slots=True)
class Again:
    """``before``: what the next call goes on with; None: that was all."""

    queued: int
    before: int | None


def page(work: Work, sought: Sought, before: int, limit: int) -> Listed:
    return lists.deliveries(work.session, sought, before, limit)


def get(work: Work, delivery_id: int) -> tuple[Any, Sequence[Any]]:
    """A delivery and its attempts.  Raises NotFound."""
    row = lists.delivery(work.session, delivery_id)
    if row is None:
        raise NotFound(f"there is no delivery {delivery_id}")
    return row, looking.attempts(work.session, [delivery_id])


def send_again(work: Work, actor: Actor, delivery_id: int) -> tuple[Any, Sequence[Any]]:
    """As ``get`` shows it then.  Raises NotFound, Conflict."""
    row, _ = get(work, delivery_id)
    everyday.send_again(work, delivery_id)
    audit.note(work, actor, "send again", f"delivery {delivery_id}", {"state": row.state, "error": row.error_code})
    return get(work, delivery_id)


def send_all_again(work: Work, actor: Actor, sought: Sought, before: int) -> Again:
    """The latest of those that fit, without what cannot be sent again: codes, and what goes to disabled
    destinations or is being sent."""
    found = lists.deliveries(work.session, sought, before, AT_ONCE)
    ids = [row.id for row in found.rows]
    queued = recording.send_all_again(work.session, ids, work.now + retry.MANUAL_TTL, work.now)
    asked = {name: _plain(value) for name, value in asdict(sought).items() if value}
    audit.note(
        work, actor, "send many again", "deliveries", asked, {"queued": queued, "first": ids[-1:], "last": ids[:1]}
    )
    work.wakes.add("deliveries")
    return Again(queued, found.before)


def expire(work: Work, actor: Actor, before: datetime) -> int:
    """Fail what was queued before that time; returns how many, at most 1,000 a call.  Raises Invalid."""
    if before > work.now:
        raise Invalid("before is yet to come")
    failed = everyday.expire_before(work, before)
    audit.note(work, actor, "expire deliveries", "deliveries", {"before": _plain(before)}, {"expired": failed})
    return failed


def hold(work: Work, actor: Actor) -> None:
    """Send nothing until ``release``."""
    before = {"held": everyday.is_held(work)}
    everyday.hold(work)
    audit.note(work, actor, "hold sending", "sending", before, {"held": True})


def release(work: Work, actor: Actor) -> None:
    before = {"held": everyday.release(work)}
    audit.note(work, actor, "release sending", "sending", before, {"held": False})


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


# Numbers


@dataclass(frozen=True, slots=True)
class Stats:
    """Each number up to ``counted_to``, so that it costs the same however much there is."""

    counted_to: int
    things: dict[str, int]
    unfinished: dict[str, int]  # deliveries by state
    latest: dict[str, int]  # the deliveries that were queued last, by state
    oldest_seconds: float  # how long the queued delivery that expires first has waited
    held: bool


def stats(work: Work) -> Stats:
    session = work.session
    return Stats(
        lists.COUNTED,
        lists.things(session),
        lists.unfinished(session),
        lists.latest(session),
        everyday.queue(work).oldest_seconds,
        everyday.is_held(work),
    )
