"""Batches: everything is stored once, in order, in few calls, and nobody waits for a batch to fill."""

import asyncio
from collections.abc import Sequence

from bot.jobs.batches import Batches


class Store:
    """Keeps what it is given; ``open`` lets it go on."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, values: Sequence[int]) -> None:
        await self.open.wait()
        self.batches.append(list(values))


async def test_a_lone_value_goes_at_once() -> None:
    store = Store()
    await asyncio.wait_for(Batches(store, 10).stored(1), 1)
    assert store.batches == [[1]]


async def test_while_a_batch_is_stored_the_next_gathers_up_to_the_limit() -> None:
    store = Store()
    store.open.clear()
    batches = Batches(store, 10)
    first = asyncio.create_task(batches.stored(0))
    await asyncio.sleep(0)
    later = [asyncio.create_task(batches.stored(n)) for n in range(1, 26)]
    await asyncio.sleep(0)
    assert not first.done()
    store.open.set()
    await asyncio.gather(first, *later)
    assert [len(batch) for batch in store.batches] == [1, 10, 10, 5]
    assert [n for batch in store.batches for n in batch] == list(range(26))


async def test_a_small_batch_waits_for_company_but_a_full_one_does_not() -> None:
    store = Store()
    batches = Batches(store, 3, linger=3600)
    few = asyncio.create_task(batches.stored(1))
    await asyncio.sleep(0.01)
    assert not few.done()
    await asyncio.wait_for(asyncio.gather(batches.stored(2), batches.stored(3), few), 1)
    assert store.batches == [[1, 2, 3]]


async def test_draining_stores_what_waits_for_company() -> None:
    store = Store()
    batches = Batches(store, 10, linger=3600)
    batches.add(1)
    await asyncio.sleep(0)
    await batches.drain(1)
    assert store.batches == [[1]]


async def test_draining_also_waits_for_what_is_added_meanwhile() -> None:
    store = Store()
    store.open.clear()
    batches = Batches(store, 1)
    batches.add(1)
    draining = asyncio.create_task(batches.drain(5))
    await asyncio.sleep(0)
    batches.add(2)
    store.open.set()
    await draining
    assert store.batches == [[1], [2]]


async def test_draining_ends_though_the_store_hangs() -> None:
    store = Store()
    store.open.clear()
    batches = Batches(store, 1)
    batches.add(1)
    await asyncio.sleep(0)
    await asyncio.wait_for(batches.drain(0.01), 1)
    assert store.batches == []


async def test_who_gave_up_waiting_does_not_stop_the_others() -> None:
    store = Store()
    store.open.clear()
    batches = Batches(store, 10)
    impatient, patient = (asyncio.create_task(batches.stored(n)) for n in (1, 2))
    await asyncio.sleep(0)
    impatient.cancel()
    store.open.set()
    await asyncio.wait_for(patient, 1)
    await asyncio.wait_for(batches.stored(3), 1)
    assert store.batches == [[1, 2], [3]]


async def test_draining_nothing_is_done() -> None:
    await asyncio.wait_for(Batches(Store(), 1).drain(5), 1)
