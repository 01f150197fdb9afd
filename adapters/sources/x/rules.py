"""The stream's rules, kept in step with who is followed (sources-x.md 7.2).  Values in, values out."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from adapters.sources.x.searching import packed

TAG: Final = "postbell"  # rules belong to the app: those of others are left alone
LENGTH, MOST = 1024, 1000
_FROM: Final = re.compile(r"from:([0-9]{1,19})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    value: str


@dataclass(frozen=True, slots=True)
class Change:
    """First what is to be added, then what is to be deleted: nobody may be without a rule meanwhile."""

    add: Sequence[str]  # values
    delete: Sequence[str]  # ids


def written(accounts: Iterable[str], *, replies: bool) -> str:
    """Reposts would be delivered and billed; who wants them has the timeline."""
    return f"({' OR '.join(f'from:{one}' for one in accounts)}) -is:retweet{'' if replies else ' -is:reply'}"


def change(there: Sequence[Rule], wanted: Collection[str], *, replies: bool, most: int = MOST) -> Change:
    """``there``: our rules as X lists them; those that are right stay.  ``most``: rules that we may have."""
    kept: list[tuple[Rule, list[str]]] = []
    dropped: list[Rule] = []
    covered: set[str] = set()
    for rule in there:
        accounts = _FROM.findall(rule.value)
        as_written = rule.value == written(accounts, replies=replies)
        if as_written and accounts and covered.isdisjoint(accounts) and set(accounts) <= set(wanted):
            kept.append((rule, accounts))
            covered.update(accounts)
        else:
            dropped.append(rule)
    missing = [one for one in wanted if one not in covered]
    if missing and kept:  # the one with most room takes them, so that rules stay few
        shortest = min(kept, key=lambda one: len(one[0].value))
        if len(shortest[0].value) + len(f" OR from:{missing[0]}") <= LENGTH:
            kept.remove(shortest)
            dropped.append(shortest[0])
            missing = [*shortest[1], *missing]
    values = [written(group, replies=replies) for group in packed(missing, len(written((), replies=replies)), LENGTH)]
    return Change(values[: most - len(kept)], [one.id for one in dropped])
