"""A Feishu on real sockets, a channel that talks to it, and a clock for both that only tests move."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from adapters.base import Message
from adapters.channels.feishu import Config, Feishu
from adapters.http import Egress, Outbound
from adapters.inbound import AnyEvent, Callback
from tests.clock import START, MovableClock
from tests.fakes.feishu import FakeFeishu

MakeMessage = Callable[..., Message]
MakeChannel = Callable[..., Feishu]


def message(address: str, **changes: Any) -> Message:
    given: dict[str, Any] = {"id": "msg_1", "address": address, "created_at": START, "sent_at": START}
    return Message(**(given | changes))


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    async with Outbound(Egress.parse("127.0.0.0/8"), user_agent="Postbell/test") as outbound:
        yield outbound


@pytest.fixture
async def feishu(clock: MovableClock) -> AsyncIterator[FakeFeishu]:
    async with FakeFeishu(clock=clock) as feishu:
        yield feishu


@pytest.fixture
async def make(feishu: FakeFeishu, outbound: Outbound, clock: MovableClock) -> AsyncIterator[MakeChannel]:
    """Makes channels for the fake's app; settings can be given otherwise."""
    made: list[Feishu] = []

    async def sleep(seconds: float) -> None:
        clock.advance(seconds=seconds)

    def channel(name: str = "feishu", **settings: Any) -> Feishu:
        given: dict[str, Any] = {
            "base_url": feishu.base_url,
            "app_id": feishu.app_id,
            "app_secret": feishu.app_secret,
            "verification_token": feishu.verification_token,
            "encrypt_key": feishu.encrypt_key,
        }
        config = Config(**(given | settings))
        made.append(Feishu(outbound, name, config, monotonic=lambda: clock().timestamp(), sleep=sleep))
        return made[-1]

    yield channel
    for one in made:
        await one.close()


@pytest.fixture
def channel(make: MakeChannel) -> Feishu:
    return make()


async def heard(channel: Feishu, feishu: FakeFeishu, document: Any = None) -> list[AnyEvent]:
    """What the channel makes of a document, by default of what happened last, as a callback brings it."""
    headers, body = feishu.request(feishu.events[-1] if document is None else document)
    return list((await channel.parse(callback(headers, body))).events)


def callback(headers: dict[str, str], body: bytes, method: str = "POST") -> Callback:
    return Callback(method, {}, headers, body, START)
