"""Credits of accounts that count them: taken for deliveries, and given back; always as many rows as are marked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, exists, false, select, true, update
from sqlmodel import Session

from storage import leases
from storage.models import Account, Delivery, DeliveryState
from storage.statements import Query, packed

ACCOUNTS = Account.__table__
DELIVERIES = Delivery.__table__

_ANY = select(exists().where(ACCOUNTS.c.credits.is_not(None)))
_UNPAID = Query(
    """
    SELECT {row} deliveries.id, deliveries.account_id {/row}
    FROM deliveries JOIN accounts ON accounts.id = deliveries.account_id
    WHERE deliveries.id {in} {ids} {/in} AND accounts.credits IS NOT NULL AND NOT deliveries.charged
    """,
    tuple[int, int],
)


def unpaid(session: Session, ids: Sequence[int]) -> list[tuple[int, int]]:
    """Those of these deliveries that have to take a credit yet, in their order, each with its account.

    Where no account counts credits this is one step on an empty index.
    """
    if not session.connection().execute(_ANY).scalar():
        return []
    return sorted(_UNPAID.rows(session, ids=packed(ids)))


def lock(session: Session, accounts: Sequence[int]) -> dict[int, int]:
    """What is left of these accounts, without those that do not count; nobody else takes any until the end."""
    left: dict[int, int] = {}
    for some in leases.slices(sorted(accounts)):
        wanted = select(ACCOUNTS.c.id, ACCOUNTS.c.credits).where(ACCOUNTS.c.id.in_(some))
        wanted = wanted.where(ACCOUNTS.c.credits.is_not(None)).order_by(ACCOUNTS.c.id)
        left |= {row.id: row.credits for row in session.execute(wanted.with_for_update(key_share=True))}
    return left


_ADD = (
    update(ACCOUNTS)
    .where(ACCOUNTS.c.id == bindparam("_id"), ACCOUNTS.c.credits.is_not(None))
    .values(credits=ACCOUNTS.c.credits + bindparam("n"))
)


def add(session: Session, changes: Mapping[int, int]) -> None:
    """So many more, or fewer, by account."""
    if changes:
        session.connection().execute(_ADD, [{"_id": id_, "n": n} for id_, n in sorted(changes.items())])


def charge(session: Session, deliveries: Sequence[int]) -> None:
    for some in leases.slices(deliveries):
        session.execute(update(DELIVERIES).where(DELIVERIES.c.id.in_(some)).values(charged=true()))


def uncharge(session: Session, deliveries: Sequence[int]) -> Mapping[int, int]:
    """Take the mark off those that have never been sent, nor perhaps; returns how many there were, by account."""
    accounts: Counter[int] = Counter()
    never_sent = (DELIVERIES.c.sent_at.is_(None), DELIVERIES.c.first_ambiguous_at.is_(None))
    for some in leases.slices(deliveries):
        paid = update(DELIVERIES).where(DELIVERIES.c.id.in_(some), DELIVERIES.c.charged, *never_sent)
        found = session.execute(paid.values(charged=false()).returning(DELIVERIES.c.account_id))
        accounts.update(found.scalars())
    return accounts


def fail(session: Session, deliveries: Sequence[int], code: str, reason: str, now: datetime) -> None:
    """Leased, and not to be begun: the lease was no attempt."""
    for some in leases.slices(deliveries):
        session.execute(
            update(DELIVERIES)
            .where(DELIVERIES.c.id.in_(some))
            .values(
                state=DeliveryState.FAILED, failed_at=now, lease_token=None, attempts=DELIVERIES.c.attempts - 1,
                error_code=code, error=reason,
            )
        )  # fmt: skip
