"""A running gateway with both platforms and a publisher around it, and how tests wait for what follows from a word."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from bot import app, logs
from bot.settings import load
from bot.usecases import feeds
from storage.database import Work
from storage.models import Delivery, InboundEvent
from tests.clock import MovableClock
from tests.fakes.feishu import FakeFeishu
from tests.fakes.publisher import Publisher
from tests.fakes.whatsapp import FakeWhatsApp, Template
from tests.fakes.whatsapp.platform import APP_SECRET, PHONE_NUMBER_ID, TOKEN, VERIFY_TOKEN

PATIENCE = 60.0  # seconds in which whatever must happen has happened, on a busy machine too
TEMPLATES = (
    Template("code", parameters=1, category="AUTHENTICATION"),
    Template("alert", parameters=3, category="UTILITY"),
    Template("nudge", parameters=1, category="UTILITY", buttons=("Show them",)),
)


@dataclass(frozen=True)
class Town:
    """All that a conversation needs."""

    gateway: app.Gateway
    feishu: FakeFeishu
    whatsapp: FakeWhatsApp
    publisher: Publisher
    clock: MovableClock

    async def quiet(self) -> None:
        """Return when everything has followed that does not wait for a time or for a person."""
        await self.whatsapp.quiet()
        await until(self._has_nothing_to_do, "all is worked off")
        await self.whatsapp.quiet()
        await until(self._has_nothing_to_do, "all is worked off")

    async def _has_nothing_to_do(self) -> bool:
        return not await self.gateway.database.read(_work_left)

    async def poll(self, key: str) -> None:
        """Have a feed read at once, whatever its turn, and wait until what it brings has arrived."""
        row = await self.gateway.database.read(feeds.find, "feed", key)
        assert row, f"nobody follows {key}"
        due = await self.gateway.database.write(feeds.hurry, row.id, timedelta(minutes=10))
        await self.gateway.poller.poll(due)
        await self.quiet()

    async def sleep(self, by: timedelta) -> None:
        """Time passes, and what waited for it is done."""
        self.clock.advance(by)
        await self.gateway.janitor.sweep()
        self.gateway.dispatcher.wake()
        self.gateway.inbox.pump.wake()
        await self.quiet()

    async def rows(self, what: Any, **equal: Any) -> list[Any]:
        """Stored rows with these values."""

        def look(work: Work, /) -> list[Any]:
            table = what.__table__
            wanted = select(table).order_by(table.c.id)
            return list(work.session.execute(wanted.where(*(table.c[k] == v for k, v in equal.items()))))

        return await self.gateway.database.read(look)


def _work_left(work: Work, /) -> int:
    events, deliveries = InboundEvent.__table__, Delivery.__table__
    undone = select(func.count()).select_from(events).where(events.c.done_at.is_(None))
    unsent = select(func.count()).select_from(deliveries).where(deliveries.c.state.in_(("ready", "leased", "waiting")))
    return int(work.session.execute(undone).scalar_one()) + int(work.session.execute(unsent).scalar_one())


async def until(true: Callable[[], Any], what: str) -> None:
    """Return when ``true()`` is; it may be awaitable.  Fails after ``PATIENCE``."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not (await found if asyncio.iscoroutine(found := true()) else found):  # noqa: ASYNC110
                await asyncio.sleep(0.005)  # it looks at work that nobody reports
    except TimeoutError:
        raise AssertionError(f"not within {PATIENCE:.0f} s: {what}") from None


def environment(feishu: FakeFeishu, whatsapp: FakeWhatsApp, **more: str) -> Mapping[str, str]:
    """Settings of both channels that fit the platforms."""
    return {
        "FEISHU_BASE_URL": feishu.base_url,
        "FEISHU_APP_ID": feishu.app_id,
        "FEISHU_APP_SECRET": feishu.app_secret,
        "FEISHU_VERIFICATION_TOKEN": feishu.verification_token,
        "FEISHU_ENCRYPT_KEY": feishu.encrypt_key,
        "WHATSAPP_BASE_URL": whatsapp.url,
        "WHATSAPP_TOKEN": TOKEN,
        "WHATSAPP_PHONE_NUMBER_ID": PHONE_NUMBER_ID,
        "WHATSAPP_APP_SECRET": APP_SECRET,
        "WHATSAPP_VERIFY_TOKEN": VERIFY_TOKEN,
        "WHATSAPP_DISPLAY_NUMBER": "+15550100",
        "WHATSAPP_CODE_TEMPLATE": "code",
        "WHATSAPP_NUDGE_TEMPLATE": "nudge",
        **more,
    }


@asynccontextmanager
async def running(
    folder: Path,
    database_url: str,
    feishu: FakeFeishu,
    whatsapp: FakeWhatsApp,
    publisher: Publisher,
    clock: MovableClock,
    **settings: Any,
) -> AsyncIterator[Town]:
    """A gateway that polls only when told to, and is connected to both platforms."""
    logs.configure("error", "json")
    given: dict[str, Any] = {"signup": "open", "host_gap_seconds": 0, "egress_allow": "127.0.0.1/32"}
    loaded = load(
        data_dir=folder, database_url=database_url, port=0, metrics_port=0,
        master_key=b64encode(b"k" * 32).decode(), **(given | settings),
    )  # fmt: skip
    whatsapp.add(*TEMPLATES)
    async with app.run(loaded, ("web", "dispatcher"), clock=clock) as gateway:
        address = f"http://127.0.0.1:{gateway.port}/webhooks"
        await whatsapp.connect(f"{address}/whatsapp")
        feishu.callback_url = f"{address}/feishu"
        assert await feishu.verify_url()
        yield Town(gateway, feishu, whatsapp, publisher, clock)
