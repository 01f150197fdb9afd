"""The pump: so many at once and no more, claims in handfuls, awake from any thread, quiet when told."""

import asyncio
import threading
from collections.abc import Sequence

from bot.clock import monotonic
from bot.jobs.pump import LONG_TURN, Pump


class Source:
    """Work that waits to be claimed, and the door at which each piece stands until told."""

    def __init__(self, pieces: int = 0, *, slots: int = 2, ahead: int = 3) -> None:
        self.waiting = list(range(pieces))
        self.claims: list[int] = []
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.most = 0
        self.entered = asyncio.Event()  # a claim is under way, or was
        self.door = asyncio.Event()
        self.pump: Pump[int] = Pump(self._claim, self._work, slots, ahead)

    async def _claim(self, room: int) -> tuple[Sequence[int], bool]:
        self.entered.set()
        await asyncio.sleep(0)
        self.claims.append(room)
        taken, self.waiting = self.waiting[:room], self.waiting[room:]
        return taken, bool(self.waiting)

    async def _work(self, piece: int) -> None:
        self.begun.append(piece)
        self.most = max(self.most, len(self.begun) - len(self.ended))
        try:
            await self.door.wait()
        finally:
            self.ended.append(piece)

    async def close(self) -> None:
        """Let everything that has begun end."""
        self.pump.stop()
        self.door.set()
        await self.pump.drain(1)


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_tick_begins_what_fits_claims_a_little_ahead_and_does_not_wait() -> None:
    source = Source(20, slots=2, ahead=3)
    await asyncio.wait_for(source.pump.tick(), 1)
    await settle()
    assert source.begun == [0, 1]
    assert source.claims == [5]
    assert source.waiting == list(range(5, 20))
    await asyncio.wait_for(source.pump.tick(), 1)
    assert source.claims == [5]  # no room, no claim
    await source.close()


async def test_everything_is_done_in_order_and_never_more_at_once_than_slots() -> None:
    source = Source(40, slots=4, ahead=6)
    source.door.set()
    for _ in range(60):
        await source.pump.tick()
        await settle()
    assert source.begun == list(range(40))
    assert sorted(source.ended) == list(range(40))
    assert source.most <= 4


async def test_what_was_claimed_ahead_begins_without_another_tick() -> None:
    source = Source(5, slots=2, ahead=3)
    await source.pump.tick()
    await settle()
    source.door.set()
    await settle()
    assert source.ended == [0, 1, 2, 3, 4]


async def test_a_tick_asked_for_during_a_claim_is_not_lost() -> None:
    source = Source(0)
    ticking = asyncio.create_task(source.pump.tick())
    await asyncio.sleep(0)
    source.pump.wake()
    await asyncio.sleep(0)
    source.waiting = [7]
    await ticking
    await settle()
    assert source.begun == [7]
    await source.close()


async def test_it_can_be_woken_from_another_thread() -> None:
    source = Source(1)
    thread = threading.Thread(target=source.pump.wake)
    thread.start()
    thread.join()
    await settle()
    assert source.begun == [0]
    await source.close()


async def test_a_wake_without_work_is_one_claim() -> None:
    source = Source(0)
    source.pump.wake()
    await settle()
    assert len(source.claims) == 1


async def test_a_piece_that_raises_frees_its_slot() -> None:
    seen: list[int] = []

    async def claim(room: int) -> tuple[Sequence[int], bool]:
        return ([len(seen)] if len(seen) < 5 else []), False

    async def work(piece: int) -> None:
        seen.append(piece)
        raise KeyError(piece)

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)
    pump: Pump[int] = Pump(claim, work, 1, 0)
    for _ in range(5):
        await pump.tick()
        await settle()
    assert len(seen) == 5
    assert pump.running == 0


async def test_after_stop_nothing_is_claimed_or_begun() -> None:
    source = Source(20, slots=2, ahead=3)
    await source.pump.tick()
    await settle()
    source.pump.stop()
    source.door.set()
    await source.pump.tick()
    source.pump.wake()
    source.pump.refill()
    await settle()
    assert source.begun == [0, 1]
    assert source.claims == [5]


async def test_draining_waits_for_what_runs_and_returns_what_never_began() -> None:
    source = Source(20, slots=2, ahead=3)
    await source.pump.tick()
    await settle()
    source.pump.stop()
    draining = asyncio.create_task(source.pump.drain(5))
    await settle()
    assert not draining.done()
    source.door.set()
    assert list(await draining) == [2, 3, 4]
    assert source.ended == [0, 1]


async def test_draining_cancels_what_does_not_end() -> None:
    source = Source(2)
    await source.pump.tick()
    await settle()
    source.pump.stop()
    await asyncio.wait_for(source.pump.drain(0.01), 2)
    assert sorted(source.ended) == [0, 1]
    assert source.pump.running == 0


async def test_draining_waits_for_a_claim_that_is_under_way() -> None:
    """What it brings is under lease by then and must be handed back."""
    source = Source(4)
    ticking = asyncio.create_task(source.pump.tick())
    await source.entered.wait()
    source.pump.stop()
    assert list(await source.pump.drain(1)) == [0, 1, 2, 3]
    await ticking
    assert source.begun == []


async def test_few_run_at_once_while_the_processor_is_what_is_short() -> None:
    running, most, left = 0, 0, list(range(60))

    async def claim(room: int) -> tuple[Sequence[int], bool]:
        taken, left[:] = left[:room], left[room:]
        return taken, bool(left)

    async def work(piece: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        end = monotonic() + 2 * LONG_TURN
        while monotonic() < end:
            pass
        await asyncio.sleep(5 * LONG_TURN)  # the network
        running -= 1

    pump: Pump[int] = Pump(claim, work, 20, 40, few=3)
    await pump.tick()
    while left or running:  # noqa: ASYNC110 (nobody reports it)
        await asyncio.sleep(0.01)
    pump.stop()
    assert await pump.drain(1) == ()
    assert 3 <= most <= 5  # the first turn has to be seen, too
