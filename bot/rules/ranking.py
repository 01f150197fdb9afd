"""Finds a place in a long list without walking to it: the ids between which the wanted ranks lie.

Page 50,000 of a list that is sorted by id is as quick to find as the first, if it can be told quickly how many there
are above an id.  The search guesses by proportion, for ids mostly come at an even pace; where that misleads it halves
every other time, so that no list can make it slow.
"""

from collections.abc import Callable
from dataclasses import dataclass

SLACK = 200  # more than is wanted: what it costs to read that many ids is less than one more guess
TRUST = 4  # guesses by proportion, before the list is taken for an uneven one


@dataclass(frozen=True, slots=True)
class Span:
    """Ids above ``low`` and up to ``high``; ``skip``: how many of them come before the wanted."""

    low: int
    high: int
    skip: int


def span(above: Callable[[int], int], bottom: int, top: int, total: int, first: int, count: int) -> Span:
    """Where ranks ``first`` (from 0, which has the highest id) to ``first + count`` lie, among few others.

    ``above``: how many of the list have an id above this one.  All ``total`` of them are above ``bottom`` and none is
    above ``top``.
    """
    assert 0 <= first < total
    end = min(first + count, total)
    looks = [(bottom, total)]

    def look(id_: int) -> _Look:
        looks.append((id_, above(id_)))
        return looks[-1]

    high = _near(look, (bottom, total), (top, 0), max(first - SLACK, 0), first)
    below = max(one for one in looks if one[1] >= end)
    low = _near(look, below, high, end, min(end + SLACK, total))
    return Span(low[0], high[0], first - high[1])


_Look = tuple[int, int]
"""An id, and how many are above it."""


def _near(look: Callable[[int], _Look], low: _Look, high: _Look, least: int, most: int) -> _Look:
    """An id with ``least`` to ``most`` above it; ``low`` has so many at least, ``high`` so many at most."""
    guesses = 0
    while high[1] < least and low[1] > most:
        guesses += 1
        halve = guesses > TRUST and guesses % 2
        share = 0.5 if halve else ((least + most) / 2 - high[1]) / (low[1] - high[1])
        guess = min(max(high[0] - int((high[0] - low[0]) * share), low[0] + 1), high[0] - 1)
        found = look(guess)
        if found[1] < least:
            high = found
        elif found[1] > most:
            low = found
        else:
            return found
    return high if high[1] >= least else low


def boundary(last: Callable[[int], tuple[int, int] | None], top: int, at: int) -> int:
    """An id from which on things are of ``at`` or later, for times that mostly grow with the ids.

    ``last``: the highest id up to this one, and its time; None: there is none.  Where times are out of order by so
    much, what is above the answer is all that is later than ``at`` by more than that.  Searched from the end, where
    callers ask.
    """
    low, high, step = 0, top + 1, 1
    while high - low > 1:
        guess = max(high - step, low + 1) if step else (low + high) // 2
        found = last(guess)
        if found and found[0] > low and found[1] >= at:
            high, step = found[0], 4 * step
        else:
            low, step = guess, 0
    return low
