"""A publisher on a real socket, and the source that follows its feeds."""

from collections.abc import AsyncIterator

import pytest

from adapters.http import Egress, Outbound
from adapters.sources.feeds import Feeds
from adapters.sources.parser import Parser
from tests.fakes.publisher import Publisher


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    async with Publisher() as publisher:
        yield publisher


@pytest.fixture
async def feeds() -> AsyncIterator[Feeds]:
    egress = Egress.parse("127.0.0.1/32")
    async with Outbound(egress, user_agent="Postbell/test") as outbound, Parser() as parser:
        yield Feeds(outbound, parser)
