"""A chat changes hands: from one account to another, with the destination and the subscriptions that are its own."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, literal_column, or_, select, update
from sqlmodel import Session

from storage import leases
from storage.chat_models import Conversation, Identity
from storage.models import Delivery, DeliveryState, Destination, Subscription

CONVERSATIONS = Conversation.__table__
DELIVERIES = Delivery.__table__
DESTINATIONS = Destination.__table__
IDENTITIES = Identity.__table__
SUBSCRIPTIONS = Subscription.__table__

LANES = ("chat", "reply", "code", "webhook")


def chat(session: Session, conversation_id: int) -> Row[Any]:
    """``id``, ``channel``, ``address``, ``account_id``, ``direct``; locked: what is done in one chat goes in turn."""
    columns = [CONVERSATIONS.c[name] for name in ("id", "channel", "address", "account_id", "direct")]
    return session.execute(select(*columns).where(CONVERSATIONS.c.id == conversation_id).with_for_update()).one()


def give_person(session: Session, channel: str, persons: Sequence[str], account_id: int, now: datetime) -> None:
    """A person, under all their names on a channel, belongs to this account from now on."""
    for person in persons:
        fresh = leases.insert_new(session, IDENTITIES).values(
            channel=channel, person=person, account_id=account_id, created_at=now
        )
        taken = fresh.on_conflict_do_update(index_elements=["channel", "person"], set_={"account_id": account_id})
        session.execute(taken)


def give_chat(session: Session, conversation_id: int, account_id: int) -> None:
    """What was asked there, and what could be undone, was the former account's."""
    mine = update(CONVERSATIONS).where(CONVERSATIONS.c.id == conversation_id)
    session.execute(mine.values(account_id=account_id, asked="", undo=""))


def destinations_of(session: Session, chat: Row[Any], account_id: int) -> Sequence[Row[Any]]:
    """Where an account's posts go to this chat: ``id`` and ``address``."""
    here = and_(DESTINATIONS.c.channel == chat.channel, DESTINATIONS.c.address == chat.address)
    wanted = select(DESTINATIONS.c.id, DESTINATIONS.c.address).order_by(DESTINATIONS.c.id).with_for_update()
    mine = or_(DESTINATIONS.c.conversation_id == chat.id, here)
    return session.execute(wanted.where(DESTINATIONS.c.account_id == account_id, mine)).all()


def give_destination(session: Session, destination_id: int, account_id: int) -> None:
    """With its subscriptions and what is queued for it.  The account has no destination of that address yet."""
    session.execute(update(DESTINATIONS).where(DESTINATIONS.c.id == destination_id).values(account_id=account_id))
    session.execute(
        update(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.destination_id == destination_id).values(account_id=account_id)
    )
    for queued in _queued_states():  # one by one, as each has its own index
        which = and_(DELIVERIES.c.destination_id == destination_id, queued)
        session.execute(update(DELIVERIES).where(which).values(account_id=account_id))


def _queued_states() -> list[Any]:
    def state(name: DeliveryState) -> Any:
        return DELIVERIES.c.state == literal_column(f"'{name}'")

    put_off = DELIVERIES.c.state.in_([literal_column(f"'{DeliveryState.WAITING}'"), literal_column("'held'")])
    ready = and_(state(DeliveryState.READY), DELIVERIES.c.lane.in_(LANES))
    return [ready, put_off, state(DeliveryState.LEASED)]


# Two destinations of one chat become one


def subscriptions_at(session: Session, destination_id: int) -> Sequence[Row[Any]]:
    """Active or not, in the order of ids; locked."""
    wanted = select(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.destination_id == destination_id)
    return session.execute(wanted.order_by(SUBSCRIPTIONS.c.id).with_for_update()).all()


def move_subscriptions(session: Session, numbers: Mapping[int, int], account_id: int, destination_id: int) -> None:
    """To another destination, of this account; ``numbers``: what each is called there, by id.

    What is queued for them stays where it is: it goes to the same chat, under the ids by which that knows repeats.
    """
    if not numbers:
        return
    rows = [{"_id": id_, "_number": number} for id_, number in numbers.items()]
    statement = update(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.id == bindparam("_id"))
    changes = {"account_id": account_id, "destination_id": destination_id, "number": bindparam("_number")}
    session.connection().execute(statement.values(**changes), rows)


def revive(
    session: Session, subscription_id: int, number: int, paused_until: datetime | None, options: str, wants: int
) -> None:
    session.execute(
        update(SUBSCRIPTIONS)
        .where(SUBSCRIPTIONS.c.id == subscription_id)
        .values(active=True, ended_at=None, number=number, paused_until=paused_until, options=options, wants=wants)
    )


def end_twin(session: Session, subscription_id: int, twin_id: int, now: datetime) -> None:
    """Another subscription brings the same posts to the same chat: what both have queued is sent by that one only."""
    active = and_(SUBSCRIPTIONS.c.id == subscription_id, SUBSCRIPTIONS.c.active)
    session.execute(update(SUBSCRIPTIONS).where(active).values(active=False, ended_at=now))
    twins = DELIVERIES.alias("twins")
    in_both = select(twins.c.id).where(twins.c.subscription_id == twin_id, twins.c.post_id == DELIVERIES.c.post_id)
    queued = DELIVERIES.c.state.in_([DeliveryState.READY, DeliveryState.WAITING, DeliveryState.HELD])
    session.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.subscription_id == subscription_id, queued, in_both.exists())
        .values(
            state=DeliveryState.FAILED,
            failed_at=now,
            error_code="duplicate",
            error="another subscription brings this post to the same chat",
        )
    )


def disown(session: Session, destination_id: int) -> None:
    """An address that is another account's from now on proves nothing for this one."""
    session.execute(update(DESTINATIONS).where(DESTINATIONS.c.id == destination_id).values(verified_at=None))
