"""The Activity API's subscriptions, kept in step with who is followed (sources-x.md 8).  Values in, values out."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

TAG: Final = "postbell-"  # begins the tag of ours: subscriptions belong to the app, those of others are left alone
MOST: Final = 1500  # that an app may have, without a contract
NEW, GONE = "post.create", "post.delete"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One kind of event of one account."""

    event_type: str
    account: str


@dataclass(frozen=True, slots=True)
class Subscription:
    id: str
    what: Wanted


@dataclass(frozen=True, slots=True)
class Change:
    """First what is to be deleted, which makes room, then what is to be added, new posts before deletions."""

    delete: Sequence[str]  # ids
    add: Sequence[Wanted]
    kept: frozenset[str]  # accounts whose new posts are told already


def change(there: Sequence[Subscription], accounts: Collection[str], *, most: int = MOST) -> Change:
    """``there``: ours as X lists them; ``most``: that we may have.

    New posts come first, so deletions are told only of as many accounts as there is room for; where there is none
    for all new posts, who is there already stays.
    """
    by_what: dict[Wanted, str] = {}
    for one in there:
        by_what.setdefault(one.what, one.id)
    wanted = [one for event_type in (NEW, GONE) for one in _settled_first(event_type, accounts, by_what)][
        : max(most, 0)
    ]
    staying = {by_what[one] for one in wanted if one in by_what}
    return Change(
        delete=[one.id for one in there if one.id not in staying],
        add=[one for one in wanted if one not in by_what],
        kept=frozenset(one.account for one in wanted if one in by_what and one.event_type == NEW),
    )


def _settled_first(event_type: str, accounts: Collection[str], there: Collection[Wanted]) -> Iterator[Wanted]:
    wanted = [Wanted(event_type, account) for account in accounts]
    yield from (one for one in wanted if one in there)
    yield from (one for one in wanted if one not in there)
