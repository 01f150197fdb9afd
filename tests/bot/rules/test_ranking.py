"""Ranks in a list by id: found whatever the gaps between the ids, in few looks."""

from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules import ranking


class Counted:
    """A list of ids that can say how many are above one, and how often it was asked."""

    def __init__(self, ids: list[int]) -> None:
        self.ids, self.asked = sorted(ids), 0

    def above(self, id_: int) -> int:
        self.asked += 1
        return len(self.ids) - bisect_right(self.ids, id_)

    def page(self, first: int, count: int) -> list[int]:
        """Found as a caller of ``span`` does."""
        bottom, top = self.ids[0] - 1, self.ids[-1]
        found = ranking.span(self.above, bottom, top, len(self.ids), first, count)
        inside = [id_ for id_ in reversed(self.ids) if found.low < id_ <= found.high]
        assert len(inside) <= count + 2 * ranking.SLACK
        return inside[found.skip : found.skip + count]


@given(
    st.lists(st.integers(1, 10**9), min_size=1, max_size=2000, unique=True),
    st.integers(0, 2000),
    st.integers(1, 100),
)
def test_any_page_of_any_list_is_found(ids: list[int], first: int, count: int) -> None:
    first = min(first, len(ids) - 1)
    assert Counted(ids).page(first, count) == sorted(ids, reverse=True)[first : first + count]


EVEN = list(range(1, 1_000_001))
BURSTS = [burst * 10**6 + n for burst in range(100) for n in range(10_000)]
ENDS = [*range(1, 500_001), *range(10**9, 10**9 + 500_000)]


@pytest.mark.parametrize(("ids", "looks"), [(EVEN, 6), (BURSTS, 90), (ENDS, 90)], ids=["even", "bursts", "ends"])
@pytest.mark.parametrize("first", [0, 50, 499_990, 777_777, 999_980, 999_999])
def test_few_looks_are_enough_however_deep_the_page_is(ids: list[int], looks: int, first: int) -> None:
    counted = Counted(ids)
    assert counted.page(first, 20) == ids[::-1][first : first + 20]
    assert counted.asked <= looks


TIMES = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 20), st.integers(0, 15)), max_size=300)


@given(TIMES, st.integers(-10, 3000))
def test_all_that_is_later_is_above_the_boundary_though_clocks_differ(
    steps: list[tuple[int, int, int]], at: int
) -> None:
    times, id_, now = {}, 0, 0
    for gap, passed, skew in steps:
        id_, now = id_ + gap, now + passed
        times[id_] = now + skew

    def last(id_: int) -> tuple[int, int] | None:
        below = [one for one in times if one <= id_]
        return (below[-1], times[below[-1]]) if below else None

    found = ranking.boundary(last, id_, at)
    assert all(id_ > found for id_, time in times.items() if time > at + 15)
    assert all(id_ <= found for id_, time in times.items() if time < at - 15)


def test_a_boundary_near_the_end_is_found_in_few_looks() -> None:
    looks = []

    def last(id_: int) -> tuple[int, int]:
        looks.append(id_)
        return id_, 10 * id_

    assert ranking.boundary(last, 10**9, 10 * (10**9 - 30)) == 10**9 - 31
    assert len(looks) <= 12
