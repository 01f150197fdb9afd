"""Our own side of the rate limits: exact in any window, waiting a little, else saying until when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import ChannelThrottled, Throttled
from adapters.channels.feishu.limits import LONGEST_WAIT, Limits, Window
from tests.clock import MovableClock


@given(st.lists(st.floats(0, 3), max_size=60), st.integers(1, 5))
def test_no_window_ever_holds_more_than_its_limit(gaps: list[float], limit: int) -> None:
    window, now, taken = Window(limit, 1.0), 0.0, []
    for gap in gaps:
        now += gap
        now = window.free_at(now)
        window.take(now)
        taken.append(now)
    assert all(later - first > 1.0 - 1e-9 for first, later in zip(taken, taken[limit:], strict=False))


class Waits:
    def __init__(self, clock: MovableClock) -> None:
        self.clock, self.slept = clock, 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.clock.advance(seconds=seconds)

    def limits(self, app: list[tuple[int, float]], target: list[tuple[int, float]]) -> Limits:
        return Limits(app, target, monotonic=lambda: self.clock().timestamp(), sleep=self.sleep)


@pytest.fixture
def waits(clock: MovableClock) -> Waits:
    return Waits(clock)


async def test_a_chat_waits_for_its_turn_and_does_not_hold_up_others(waits: Waits) -> None:
    limits = waits.limits([], [(2, 1.0)])
    for _ in range(2):
        await limits.turn("oc_1")
    await limits.turn("oc_2")
    assert waits.slept == 0
    await limits.turn("oc_1")
    assert waits.slept == pytest.approx(1.0)


async def test_a_longer_wait_is_told_and_takes_no_turn(waits: Waits) -> None:
    limits = waits.limits([], [(1, 10.0)])
    await limits.turn("oc_1")
    for _ in range(2):
        with pytest.raises(Throttled) as raised:
            await limits.turn("oc_1")
        assert raised.value.after is not None
        assert raised.value.after.total_seconds() == pytest.approx(10)
        assert not isinstance(raised.value, ChannelThrottled)
    waits.clock.advance(seconds=10 - LONGEST_WAIT)
    await limits.turn("oc_1")


async def test_the_limit_of_the_app_is_told_as_such(waits: Waits) -> None:
    limits = waits.limits([(3, 60.0)], [])
    for chat in "abc":
        await limits.turn(chat)
    with pytest.raises(ChannelThrottled):
        await limits.turn("d")
