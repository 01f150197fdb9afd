"""Pages merged out of many lists: whatever the lists hold, together they are what one sorted list would be."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from bot.usecases.native.pages import START, Place, cut, merged

LISTS = st.lists(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), max_size=12), max_size=8)


@given(LISTS, st.integers(1, 10))
def test_walking_page_by_page_sees_every_entry_once_and_in_order(lists: list[list[Place]], limit: int) -> None:
    places = {place: owner for owner, some in enumerate(lists) for place in some}  # of one list each
    asked: list[int] = []

    def page(before: Place) -> Sequence[tuple[Place, Place]]:
        mine: dict[int, list[Place]] = {}
        for place, owner in places.items():
            if place < before:
                mine.setdefault(owner, []).append(place)
        tops = [(max(some), owner) for owner, some in mine.items()]

        def rest(owner: int, last: Place, most: int) -> list[tuple[Place, Place]]:
            asked.append(owner)
            some = sorted((place for place in mine[owner] if place >= last), reverse=True)
            return [(place, place) for place in some[:most]]

        found = merged(tops, rest, limit)
        assert len(asked) <= limit  # no more lists are read than the page has entries
        asked.clear()
        return found

    seen: list[Place] = []
    before = START
    while some := page(before):
        seen += [place for place, _ in some]
        before = seen[-1]
    assert seen == sorted(places, reverse=True)


def test_a_page_leads_on_only_if_there_is_more() -> None:
    assert cut([3, 2, 1], 2, lambda n: (0, n)).more == (0, 2)
    assert cut([3, 2], 2, lambda n: (0, n)).more is None
    assert cut([], 2, lambda n: (0, n)).entries == []
