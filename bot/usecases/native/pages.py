"""Pages of lists that run backwards in time, merged out of many: one for each feed, one for each subscription."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import chain
from operator import itemgetter
from typing import Generic, TypeVar

T = TypeVar("T")
Place = tuple[int, int]
"""Where an entry stands; what comes next is smaller."""

END: Place = (0, 0)
START: Place = (1 << 62, 1 << 62)  # later than any time or id


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Entries, the newest first.  ``more``: the place behind which the next page begins; None: this is the last."""

    entries: Sequence[T]
    more: Place | None = None


def cut(found: Sequence[T], limit: int, place: Callable[[T], Place]) -> Page[T]:
    """A page of ``limit`` entries out of one more, if there is one more."""
    more = place(found[limit - 1]) if len(found) > limit else None
    return Page(found[:limit], more)


def merged(
    tops: Sequence[tuple[Place, int]],
    rest: Callable[[int, Place, int], Sequence[tuple[Place, T]]],
    limit: int,
) -> list[tuple[Place, T]]:
    """The newest ``limit`` entries of many lists.

    ``tops``: the newest place in each list, and whose list it is; ``rest``: the entries of one list down to a place.
    Only lists whose newest is among the newest can have a share, and none older than the last of those is wanted.
    """
    first = nlargest(limit, tops)
    last = first[-1][0] if len(first) == limit else END
    found = chain.from_iterable(rest(owner, last, limit) for _, owner in first)
    return nlargest(limit, found, key=itemgetter(0))
