"""Identities: a person on one account of a channel, under each of the platform's names for them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from storage import leases
from storage.chat_models import Identity

IDENTITIES = Identity.__table__


def find(session: Session, channel: str, names: Sequence[str]) -> Sequence[Identity]:
    """What is known under these names, in their order."""
    wanted = select(Identity).where(col(Identity.channel) == channel, col(Identity.person).in_(names))
    return sorted(session.exec(wanted), key=lambda one: list(names).index(one.person))


def learn(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep names that are new; what is known under a name stays as it is."""
    if rows:
        session.connection().execute(leases.insert_new(session, IDENTITIES).on_conflict_do_nothing(), rows)


def describe(session: Session, channel: str, names: Sequence[str], values: Mapping[str, Any]) -> None:
    """What is now known of the person with these names."""
    mine = (IDENTITIES.c.channel == channel) & IDENTITIES.c.person.in_(names)
    session.execute(update(IDENTITIES).where(mine).values(**values))


def rename(session: Session, channel: str, old: str, new: str) -> None:
    """The person is known by another name; under the former one nobody is known any more."""
    mine = (IDENTITIES.c.channel == channel) & (IDENTITIES.c.person == old)
    if find(session, channel, [new]):
        session.execute(delete(IDENTITIES).where(mine))
    else:
        session.execute(update(IDENTITIES).where(mine).values(person=new))


def hand_over(session: Session, conversation_id: int, account_id: int) -> None:
    """The person of a conversation belongs to this account."""
    mine = IDENTITIES.c.conversation_id == conversation_id
    session.execute(update(IDENTITIES).where(mine).values(account_id=account_id))
