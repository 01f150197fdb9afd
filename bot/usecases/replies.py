"""Messages that are no posts and go into a conversation: how they lie in the outbox, and how they come out of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from adapters.base import Button
from bot.clock import uuid7
from storage import statuses
from storage.database import Work
from storage.models import DeliveryState, Destination
from storage.outbox import recording


class Extras(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a message has besides its text; the fields of ``adapters.base.Message`` of the same names."""

    buttons: tuple[Button, ...] = ()
    reply_to: str = ""
    language: str = ""  # empty: the conversation's
    waiting: int = 0


NO_EXTRAS = Extras()


def unpack(text: str) -> Extras:
    """Of the column ``deliveries.extras``."""
    return msgspec.json.decode(text, type=Extras) if text else NO_EXTRAS


def queue(
    work: Work,
    destination: Destination,
    *,
    event: str,
    lane: str,
    text: str,
    extras: Extras = NO_EXTRAS,
    expires_at: datetime,
    after: timedelta = timedelta(0),
) -> UUID:
    """Queue one message, to be sent when ``after`` has passed; answers its uid."""
    uid = uuid7(work.now)
    packed = "" if extras == NO_EXTRAS else msgspec.json.encode(extras).decode()
    row = {
        "account_id": destination.account_id,
        "destination_id": destination.id,
        "uid": uid,
        "event": event,
        "text": text,
        "extras": packed,
        "lane": lane,
        "state": DeliveryState.WAITING if after else DeliveryState.READY,
        "due_at": work.now + after,
        "expires_at": expires_at,
        "created_at": work.now,
    }
    recording.add(work.session, [row])
    work.wakes.add("deliveries")
    return uid


def answered(work: Work, uids: Sequence[UUID]) -> None:
    """These were given as answers to requests before their time to be sent came."""
    statuses.answered(work.session, uids, work.now)
