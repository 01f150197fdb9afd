"""Looking names up: shared, remembered for a while, bounded, and never in anybody's way."""

import asyncio
import socket
import threading
from collections.abc import Sequence

import pytest

from adapters.http.resolver import MAX_ADDRESSES, Resolver


class Names:
    """A lookup that counts, and waits until it is let go."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[str] = []
        self.go = threading.Event()
        self.go.set()

    def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        self.go.wait(10)
        if not self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return self.addresses


async def test_both_families_come_in_the_order_of_the_lookup() -> None:
    resolver = Resolver(Names("2606:4700::1", "1.1.1.1"))
    found = await resolver.resolve("example.com", 443)
    assert [(one["host"], one["port"], one["family"]) for one in found] == [
        ("2606:4700::1", 443, socket.AF_INET6),
        ("1.1.1.1", 443, socket.AF_INET),
    ]
    await resolver.close()


async def test_those_who_ask_at_once_share_one_lookup_and_later_ones_its_answer() -> None:
    names = Names("1.1.1.1")
    names.go.clear()
    resolver = Resolver(names)
    asking = [asyncio.create_task(resolver.resolve("example.com", port)) for port in range(1, 20)]
    await asyncio.sleep(0)
    names.go.set()
    assert [(await task)[0]["port"] for task in asking] == list(range(1, 20))
    await resolver.resolve("example.com", 1)
    assert names.asked == ["example.com"]
    await resolver.close()


async def test_a_failure_is_not_remembered() -> None:
    names = Names()
    resolver = Resolver(names)
    with pytest.raises(OSError, match="no such name"):
        await resolver.resolve("example.com")
    names.addresses = ("1.1.1.1",)
    assert await resolver.resolve("example.com")
    await resolver.close()


async def test_one_who_gives_up_spoils_nothing_for_the_others() -> None:
    names = Names("1.1.1.1")
    names.go.clear()
    resolver = Resolver(names)
    hasty = asyncio.create_task(resolver.resolve("example.com"))
    patient = asyncio.create_task(resolver.resolve("example.com"))
    await asyncio.sleep(0)
    hasty.cancel()
    names.go.set()
    assert await patient
    assert hasty.cancelled() or hasty.cancelling()
    await resolver.close()


async def test_a_slow_name_delays_no_other() -> None:
    slow = threading.Event()

    def lookup(host: str) -> Sequence[str]:
        if host == "slow.example":
            slow.wait(10)
        return ["1.1.1.1"]

    resolver = Resolver(lookup)
    waiting = [asyncio.create_task(resolver.resolve("slow.example")) for _ in range(100)]
    await asyncio.sleep(0)
    assert await resolver.resolve("quick.example")
    slow.set()
    await asyncio.gather(*waiting)
    await resolver.close()


async def test_few_of_many_addresses_are_used() -> None:
    resolver = Resolver(Names(*(f"1.1.1.{i}" for i in range(200))))
    assert len(await resolver.resolve("example.com")) == MAX_ADDRESSES
    assert len(await resolver.resolve("example.com")) == MAX_ADDRESSES
    await resolver.close()


async def test_what_the_system_takes_for_no_name_is_an_ordinary_failure() -> None:
    resolver = Resolver()
    with pytest.raises(OSError, match=r"."):
        await resolver.resolve("a" * 64 + ".example")
    await resolver.close()
