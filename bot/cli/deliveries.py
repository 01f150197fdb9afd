"""``postbell deliveries``, ``deliver-again`` and ``outbox …``: what was sent, what was not, and why."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from bot.cli import output
from bot.cli.beside import opened
from bot.clock import utc_now
from bot.usecases import deliveries
from bot.usecases.audit import Change
from storage.models import DeliveryState

QUEUED = (DeliveryState.READY, DeliveryState.WAITING, DeliveryState.LEASED, DeliveryState.HELD)
SHOWN_TRIES = 3  # of one delivery in a table; JSON has all

outbox = typer.Typer(no_args_is_help=True, help="What is queued, as a whole.")


class Attempt(msgspec.Struct, frozen=True):
    n: int
    started_at: datetime
    ended_at: datetime
    outcome: str  # "ok", "retry", "throttled", "ambiguous", "permanent", "gone"
    code: str
    status: int | None  # of the HTTP answer
    response: str  # its beginning


class Delivery(msgspec.Struct, frozen=True):
    id: int
    state: str
    event: str  # "post.created", or what a notice is about
    account_id: int
    subscription_id: int | None
    destination_id: int
    channel: str
    address: str
    post_id: int | None
    title: str  # of the post, or a notice's text
    url: str
    feed: str
    created_at: datetime
    next_at: datetime | None  # the next try; None: there is none to come
    expires_at: datetime
    sent_at: datetime | None
    failed_at: datetime | None
    error_code: str
    error: str
    attempts: list[Attempt]


def list_all(
    state: Annotated[
        list[str] | None, typer.Option(help="Only these: queued (all that is not finished), sent, failed, held, …")
    ] = None,
    destination: Annotated[int | None, typer.Option(help="Only those for this destination (id).")] = None,
    json: output.Json = False,
    limit: output.Limit = 30,
) -> None:
    """Deliveries, the latest first, with their attempts and reasons."""
    states = _states(state or [])
    with opened() as desk:
        rows, tries = desk.read(deliveries.newest, limit, states, destination)
        found = [_shown(row, tries.get(row.id, ())) for row in rows]
    none = "No such deliveries." if state or destination else "No deliveries yet."
    output.listing(found, lambda: _table(found), json=json, none=none, limit=limit)


def deliver_again(
    delivery: Annotated[int, typer.Argument(metavar="DELIVERY", help="As `postbell deliveries` shows it.")],
) -> None:
    """Send one delivery again, whatever became of it; the receiver knows it by the same id."""
    with opened() as desk:
        noted = Change(f"delivery {delivery}")
        desk.change("send again", lambda _: noted, deliveries.send_again, delivery)
        held = desk.read(deliveries.is_held)
    output.say(f"delivery {delivery} is queued again")
    if held:
        output.hint("Sending is held: `postbell outbox release` lets it go on.")


@outbox.command()
def expire(
    before: Annotated[str, typer.Option(metavar="T", help="Time like 2026-03-01T12:00Z, or how long ago: 2h, 3d.")],
) -> None:
    """Give up what was queued before a time, as after `restore`: it is not sent."""
    until, done = moment(before, utc_now()), 0
    with opened() as desk, output.progress("expiring") as bar:
        while expired := desk.change("expire deliveries", _expired(until), deliveries.expire_before, until):
            done += expired
            bar(done, None)
    output.say(f"{output.counted(done, 'delivery', 'deliveries')} queued before {until:%Y-%m-%d %H:%M:%S} UTC expired")


@outbox.command()
def release() -> None:
    """Send again after `serve --hold` or `restore`."""
    with opened() as desk:
        held = desk.change("release sending", _released, deliveries.release)
        queue = desk.read(deliveries.queue)
    waiting = output.counted(sum(queue.rows.values()), "delivery", "deliveries")
    output.say(f"sending goes on, with {waiting} queued" if held else "sending was not held")


def _expired(until: datetime) -> Callable[[int], Change | None]:
    before = {"before": until.isoformat()}
    return lambda expired: Change("deliveries", before, {"expired": expired}) if expired else None


def _released(held: bool) -> Change | None:
    return Change("sending", {"held": True}, {"held": False}) if held else None


_AGO = re.compile(r"(\d{1,5})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str, now: datetime) -> datetime:
    """A time as people write it; without a zone it is UTC.  Raises typer.BadParameter."""
    if match := _AGO.fullmatch(text.strip()):
        return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        at = datetime.fromisoformat(text.strip())
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        expected = "a time like 2026-03-01T12:00Z, or how long ago, like 90m, 2h or 3d"
        raise typer.BadParameter(f"expected {expected}", param_hint="--before") from None
    if at > now:
        raise typer.BadParameter(f"{at:%Y-%m-%d %H:%M} UTC is yet to come", param_hint="--before")
    return at


def _states(words: Sequence[str]) -> list[str]:
    known = {"queued": QUEUED} | {one.value: (one,) for one in DeliveryState}
    if unknown := set(words) - known.keys():
        raise typer.BadParameter(f"{', '.join(unknown)}: expected one of {', '.join(known)}", param_hint="--state")
    return [state for word in words for state in known[word]]


def _shown(row: Any, tries: Sequence[Any]) -> Delivery:
    same = (
        "id", "state", "account_id", "subscription_id", "destination_id", "channel", "address", "post_id",
        "created_at", "expires_at", "sent_at", "failed_at", "error_code", "error",
    )  # fmt: skip
    to_come = row.state in (DeliveryState.READY, DeliveryState.WAITING)
    return Delivery(
        **{name: getattr(row, name) for name in same},
        event=row.event or "post.created",
        title=row.title or row.text,
        url=row.url or "",
        feed=row.feed_title or "",
        next_at=row.due_at if to_come else None,
        attempts=[Attempt(*(getattr(one, name) for name in Attempt.__struct_fields__)) for one in tries],
    )


_GRADES = {"sent": "ok", "delivered": "ok", "read": "ok", "failed": "wrong"}


def _table(found: list[Delivery]) -> Table:
    now, last = utc_now(), "What happened"
    table = output.table("ID", "State", "Queued", "What", "To", last, wide=("What", "To", last), least={last: 32})
    for one in found:
        state = output.graded(one.state, _GRADES.get(one.state, "warning"))
        what = output.shortened(one.title or one.url or one.event, 60)
        to = f"{one.destination_id}: {output.place(one.address, 50)}"
        output.add_row(table, one.id, state, output.when(one.created_at, now), what, to, Text(_story(one, now)))
    return table


def _story(one: Delivery, now: datetime) -> str:
    """Its attempts, then how it stands; a line each."""
    lines = [_try(attempt) for attempt in one.attempts[-SHOWN_TRIES:]]
    if len(one.attempts) > SHOWN_TRIES:
        lines.insert(0, f"… {len(one.attempts) - SHOWN_TRIES} before")
    if one.error and one.state not in _DONE:
        lines.append(output.shortened(one.error, 120))
    if one.next_at:
        lines.append(f"next try {output.when(max(one.next_at, now), now)}" if one.attempts else "not tried yet")
    return "\n".join(lines)


_DONE = {DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.READ}


def _try(one: Attempt) -> str:
    millis = (one.ended_at - one.started_at) // timedelta(milliseconds=1)
    took = f"{millis} ms" if millis < 1000 else f"{millis / 1000:.1f} s"
    return f"{one.n}: {one.started_at:%H:%M:%S} {one.code or one.outcome}, {took}"
