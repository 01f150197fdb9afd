"""Credits: an account that counts them pays one for each alert, which is a post for a WhatsApp number.

A delivery takes its credit in the transaction that claims it, and has it back in the one that learns that it was
not sent.  What may have been sent keeps it, so neither a crash nor a repeat costs a second one.
"""

from collections import Counter
from collections.abc import Sequence

from storage import credits
from storage.database import Work
from storage.outbox.claiming import DueDelivery

CHANNEL = "whatsapp"  # and its further accounts, "whatsapp/sales"
NONE_LEFT = "no credits left"


def is_alert(due: DueDelivery) -> bool:
    """Whether it costs a credit where credits are counted."""
    return due.lane == "chat" and due.post_id is not None and due.channel.partition("/")[0] == CHANNEL


def take(work: Work, due: Sequence[DueDelivery]) -> Sequence[DueDelivery]:
    """Those of these claims that are paid for or cost nothing; the others have failed."""
    alerts = [one.id for one in due if is_alert(one)]
    unpaid = credits.unpaid(work.session, alerts) if alerts else []
    if not unpaid:
        return due
    left = credits.lock(work.session, list({account for _, account in unpaid}))
    paid: list[int] = []
    refused: set[int] = set()
    taken: Counter[int] = Counter()
    for id_, account in unpaid:
        if account not in left:  # it has stopped counting meanwhile
            continue
        if taken[account] < left[account]:
            taken[account] += 1
            paid.append(id_)
        else:
            refused.add(id_)
    credits.add(work.session, {account: -n for account, n in taken.items()})
    credits.charge(work.session, paid)
    credits.fail(work.session, sorted(refused), "no_credits", NONE_LEFT, work.now)
    return [one for one in due if one.id not in refused]


def give_back(work: Work, due: Sequence[DueDelivery]) -> None:
    """This attempt has sent none of these; what an earlier one has sent, perhaps, keeps its credit."""
    if alerts := [one.id for one in due if is_alert(one)]:
        credits.add(work.session, credits.uncharge(work.session, alerts))
