"""Statuses: what became of messages after the platform took them; duplicated, late, early and out of order."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from adapters.inbound import StatusChanged
from bot.rules import receipts
from bot.usecases import held, inbox
from bot.usecases.inbox import DueEvent
from storage import statuses
from storage.database import Work

PARKED = timedelta(hours=24)  # that news waits for its message

_OURS = re.compile(r"msg_([0-9a-f]{32})(?:_([0-9]{1,18}))?")


@dataclass(frozen=True, slots=True)
class Applied:
    """What a batch of statuses came to."""

    changed: int = 0
    parked: int = 0


def take(work: Work, due: Sequence[DueEvent], keep: timedelta) -> Applied:
    """Let events that belong to no conversation have their effect, and be done with them."""
    changed = parked = 0
    by_channel: dict[str, list[StatusChanged]] = {}
    for one in inbox.all_done(work, due):
        if isinstance(one.event, StatusChanged):
            by_channel.setdefault(one.channel, []).append(one.event)
    for channel, news in by_channel.items():
        applied = apply(work, channel, news, keep)
        changed, parked = changed + applied.changed, parked + applied.parked
    return Applied(changed, parked)


def apply(work: Work, channel: str, news: Sequence[StatusChanged], keep: timedelta = held.HOLD) -> Applied:
    """Bring deliveries up to date; news of messages that nobody knows waits a day for them.

    What is still queued, and of which the platform has news, was sent: nobody sends it again.
    ``keep``: for what turns out to meet a closed window.
    """
    known = _find(work, channel, news)
    unknown = [one for one, row in zip(news, known, strict=True) if row is None]
    changed = _store(work, [(one, row) for one, row in zip(news, known, strict=True) if row is not None], keep)
    return Applied(changed, _park(work, channel, unknown))


def unpark(work: Work, channel: str, sent: Mapping[int, str]) -> None:
    """News that was here before the answer to the send.  ``sent``: the platform's id by delivery."""
    by_message = {message_id: delivery_id for delivery_id, message_id in sent.items() if message_id}
    parked = statuses.unpark(work.session, channel, sorted(by_message))
    if not parked:
        return
    rows = {row.id: row for row in statuses.by_id(work.session, channel, sorted(by_message.values()))}
    pairs = []
    for one in parked:
        row = rows.get(by_message[one.message_id])
        told = StatusChanged(
            key="", at=one.at, message_id=one.message_id, status=one.status, error_code=one.error_code,
            error=one.error, window_closed=one.window_closed, again=one.again,
        )  # fmt: skip
        if row is not None:
            pairs.append((told, row))
    _store(work, pairs, held.HOLD)


def forget(work: Work, limit: int) -> int:
    """Drop what waited in vain; answers how many, up to ``limit``."""
    return statuses.forget(work.session, work.now - PARKED, limit)


def _find(work: Work, channel: str, news: Sequence[StatusChanged]) -> list[Any]:
    """The delivery that each status is about, or None: by the platform's id, else by ours.

    What was underway at the first look may have ended at the second: its end brought the platform's id with it.
    """
    found = _by_message(work, channel, news)
    if None not in found:
        return found
    ours = _by_ours(work, channel, [one for one, row in zip(news, found, strict=True) if row is None])
    found = [row or ours.get(one.delivery) for one, row in zip(news, found, strict=True)]
    left = [one for one, row in zip(news, found, strict=True) if row is None and one.delivery]
    ended = dict(zip((one.key for one in left), _by_message(work, channel, left), strict=True)) if left else {}
    return [row or ended.get(one.key) for one, row in zip(news, found, strict=True)]


def _by_message(work: Work, channel: str, news: Sequence[StatusChanged]) -> list[Any]:
    ids = sorted({one.message_id for one in news if one.message_id})
    rows = {row.message_id: row for row in statuses.by_message(work.session, channel, ids)}
    return [rows.get(one.message_id) if one.message_id else None for one in news]


def _by_ours(work: Work, channel: str, news: Sequence[StatusChanged]) -> dict[str, Any]:
    session = work.session
    ours = {one.delivery: _parts(one.delivery) for one in news}
    uids = [uid for uid, subscription in filter(None, ours.values()) if subscription is None]
    by_uid = {row.uid: row for row in statuses.underway_by_uid(session, channel, uids)}
    found: dict[str, Any] = {}
    for name, parts in ours.items():
        if parts:
            uid, subscription = parts
            found[name] = (
                by_uid.get(uid)
                if subscription is None
                else statuses.underway_by_post(session, channel, uid, subscription)
            )
    return found


def _parts(name: str) -> tuple[UUID, int | None] | None:
    """Our ``Message.id`` (``DueDelivery.message_id``): a notice's uid, or a post's and the subscription."""
    if not (match := _OURS.fullmatch(name)):
        return None
    return UUID(hex=match[1]), int(match[2]) if match[2] else None


def _store(work: Work, pairs: Iterable[tuple[StatusChanged, Any]], keep: timedelta) -> int:
    fates: dict[int, receipts.Fate] = {}
    rows: dict[int, Any] = {}
    names: dict[int, str] = {}
    refused: set[int] = set()  # the window was closed: that is no end
    plainer: dict[int, StatusChanged] = {}  # another attempt may do
    for one, row in pairs:
        if one.status not in receipts.WORDS:
            continue
        rows[row.id] = row
        names[row.id] = names.get(row.id) or row.message_id or one.message_id
        before = fates.get(row.id) or _fate(row)
        at = min(one.at or work.now, work.now)
        fates[row.id] = receipts.after(before, one.status, at, one.error_code[:100], one.error[:500])
        if one.window_closed and fates[row.id].state == "failed":
            refused.add(row.id)
        elif one.again and row.attempts == 1 and fates[row.id].state == "failed":
            plainer[row.id] = one
        elif fates[row.id].state != "failed":
            refused.discard(row.id)
            plainer.pop(row.id, None)
    changed = {id_: fate for id_, fate in fates.items() if fate != _fate(rows[id_])}
    statuses.save(
        work.session,
        [
            {"_id": id_, "message_id": names[id_], **asdict(fate)}
            for id_, fate in changed.items()
            if id_ not in refused and id_ not in plainer
        ],
    )
    for id_, one in plainer.items():
        if id_ in changed:
            statuses.send_again(work.session, [id_], one.error_code[:100], one.error[:500], work.now)
            work.wakes.add("deliveries")
    held.hold_rows(work, sorted(refused & changed.keys()), held.WINDOW_CLOSED, keep)
    return len(changed)


def _fate(row: Any) -> receipts.Fate:
    return receipts.Fate(**{name: getattr(row, name) for name in statuses.FATE})


def _park(work: Work, channel: str, unknown: Sequence[StatusChanged]) -> int:
    rows = [
        {
            "channel": channel, "message_id": one.message_id, "status": one.status, "at": one.at,
            "error_code": one.error_code[:100], "error": one.error[:500], "window_closed": one.window_closed,
            "again": one.again,
            "received_at": work.now,
        }
        for one in unknown
        if one.message_id and one.status in receipts.WORDS
    ]  # fmt: skip
    statuses.park(work.session, rows)
    return len(rows)
