"""The job that works off what people say: looked up, answered, tried again, given up, and handed back at a stop."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import pytest
import structlog

from adapters.base import AddressGone, FeedInfo, Found, Message, Receipt, TryAgain
from adapters.http import Egress, Outbound
from adapters.inbound import ChatMessage, StatusChanged
from bot.gate import Gate
from bot.jobs.inbox import Inbox, Parts
from bot.metrics import Metrics
from bot.usecases.chat.who import Terms
from bot.usecases.inbox import TRIES
from storage import models
from storage.chat_models import ParkedStatus
from storage.database import Database
from tests import chats
from tests.bot.jobs.test_lookup import OneAnswer, sources
from tests.chats import CLOSED, OPEN, says
from tests.clock import START, MovableClock
from tests.fakes.talking import Talk
from tests.world import MINUTE, page, rows

pytestmark = pytest.mark.usefixtures("small_talk")


class QuietTalk(Talk):
    """Keeps what is sent instead of sending it, and may hold up what it is asked."""

    def __init__(self) -> None:
        super().__init__(Outbound(Egress.parse("", []), user_agent="test"), "talk", Talk.Config())
        self.sent: list[Message] = []
        self.refusing = False
        self.hold_up: asyncio.Event | None = None
        self.at_once = self.most_at_once = 0

    async def send(self, message: Message) -> Receipt:
        if self.refusing:
            raise AddressGone("nobody lives there", code="gone")
        self.sent.append(message)
        return Receipt()

    async def download(self, message: ChatMessage) -> bytes:
        if message.file == "gone":
            raise TryAgain("no such file", code="http_404")
        return await super().download(message)

    async def managers(self, chat: str) -> Any:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if self.hold_up:
            await self.hold_up.wait()
        self.at_once -= 1
        return await super().managers(chat)


@dataclass
class Desk:
    """The job and what it stands on."""

    parts: Parts
    talk: QuietTalk
    database: Database

    def job(self, **changed: Any) -> Inbox:
        return Inbox(replace(self.parts, **changed))

    async def works_off(self, *events: Any, **changed: Any) -> list[str]:
        """The texts of all replies, once nothing runs any more."""
        await self.database.write(chats.store, *events)
        job = self.job(**changed)
        await job.tick()
        for _ in range(10):  # a piece is begun each turn
            await asyncio.sleep(0)
        await job.drain(5)
        return await self.replies()

    async def replies(self) -> list[str]:
        return await self.database.read(chats.replies)

    async def inbox(self) -> list[Any]:
        return await self.database.read(rows, models.InboundEvent)


@pytest.fixture
async def desk(database: Database, clock: MovableClock) -> Desk:
    talk = QuietTalk()
    parts = Parts(database, {"talk": talk}, {}, clock, Metrics(), Gate(), OPEN)
    return Desk(parts, talk, database)


@pytest.fixture
def silence() -> Any:
    """What goes wrong on purpose fills no log."""
    with structlog.testing.capture_logs() as logs:
        yield logs


def with_managers(setting: Any) -> Terms:
    return replace(OPEN, group_managers=setting)


async def test_what_is_said_is_answered_and_seen(desk: Desk) -> None:
    message = says("ping")
    assert await desk.works_off(message) == ["pong"]
    assert desk.talk.seen_messages == [message.key]
    assert (await desk.inbox())[0].done_at == START
    assert desk.parts.metrics.events.labels("talk", "done")._value.get() == 1


async def test_the_events_of_a_conversation_have_their_effect_in_their_order(desk: Desk) -> None:
    await desk.database.write(chats.store, *(says(f"look {n}") for n in range(5)))
    found = OneAnswer(Found("key", page(info=FeedInfo(title="A feed"))))
    job = desk.job(sources={"feed": found})
    desk.database.on_wake("inbox", job.pump.wake)
    job.pump.wake()
    async with asyncio.timeout(10):
        while len(await desk.replies()) < 5:  # noqa: ASYNC110 (nobody reports it)
            await asyncio.sleep(0.01)
    await job.drain(1)
    answered = [one.text for one in await desk.database.read(rows, models.Delivery, event="reply")]
    assert answered == ["A feed"] * 5
    done = await desk.inbox()
    assert [one.event_key for one in done] == sorted((one.event_key for one in done), key=lambda key: int(key[3:]))


async def test_one_conversation_never_has_two_events_at_once(desk: Desk) -> None:
    desk.talk.hold_up, desk.talk.group = asyncio.Event(), ["ann"]
    same = [says("/manage", chat="#team") for _ in range(3)]
    other = says("/manage", chat="#others")
    await desk.database.write(chats.store, *same, other)
    job = desk.job()
    desk.database.on_wake("inbox", job.pump.wake)
    await job.tick()
    async with asyncio.timeout(5):
        while desk.talk.at_once < 2:  # noqa: ASYNC110 (nobody reports it)
            await asyncio.sleep(0.01)
    await job.tick()
    assert desk.talk.most_at_once == 2
    desk.talk.hold_up.set()
    async with asyncio.timeout(10):
        while len(await desk.replies()) < 4:  # noqa: ASYNC110 (nobody reports it)
            await asyncio.sleep(0.01)
    await job.drain(1)
    assert desk.talk.most_at_once == 2


# What only the network knows


async def test_a_name_is_looked_up_before_the_command_is_carried_out(desk: Desk) -> None:
    known = sources(Found("key", page(info=FeedInfo(title="NASA"))))
    assert await desk.works_off(says("look nasa"), sources=known) == ["NASA"]


async def test_a_late_command_asks_nobody(desk: Desk) -> None:
    known = sources(Found("key", page()))
    replied = await desk.works_off(says("look nasa", at=START - 11 * MINUTE), sources=known)
    assert replied == ["this arrived late, please repeat it"]
    assert known["s0"].asked == 0


async def test_chatter_asks_nobody_and_is_not_seen(desk: Desk) -> None:
    known = sources(Found("key", page()))
    assert await desk.works_off(says("look nasa", chat="#team", addressed=False), sources=known) == []
    assert (known["s0"].asked, desk.talk.seen_messages) == (0, [])


@pytest.mark.parametrize(("file", "replies"), [("f1", ["7 bytes"]), ("gone", [])])
async def test_a_file_is_fetched(desk: Desk, file: str, replies: list[str]) -> None:
    assert await desk.works_off(says("", kind="file", file=file)) == replies
    assert (await desk.inbox())[0].done_at == START


@pytest.mark.parametrize(
    ("setting", "group", "asked", "text"),
    [
        ("admins", ["bob", "ann"], ["#team"], "managed"),
        ("owner", ["bob", "ann"], ["#team"], "only managers may do that"),
        ("admins", TryAgain("no answer", code="timeout"), ["#team"], "only managers may do that"),
        ("all", TryAgain("no answer", code="timeout"), [], "managed"),
        ("admins", None, ["#team"], "managed"),
    ],
)
async def test_managers_are_asked_for_where_it_matters(
    desk: Desk, setting: Any, group: Any, asked: list[str], text: str
) -> None:
    desk.talk.group = group
    assert await desk.works_off(says("/manage", chat="#team"), terms=with_managers(setting)) == [text]
    assert desk.talk.asked_managers == asked
    await desk.works_off(says("/ping", chat="#team"), says("manage"), terms=with_managers(setting))
    assert desk.talk.asked_managers == asked


# Strangers


async def test_a_stranger_is_refused_without_a_row_and_not_again_and_again(desk: Desk) -> None:
    job = desk.job(terms=CLOSED)
    for _ in range(3):
        await desk.database.write(chats.store, says("ping"))
        await job.tick()
        async with asyncio.timeout(5):
            while not all(one.done_at for one in await desk.inbox()):  # noqa: ASYNC110 (nobody reports it)
                await asyncio.sleep(0.01)
    await job.drain(1)
    assert [(one.address, one.text, one.event) for one in desk.talk.sent] == [
        ("chat of ann", "I do not know you", "reply")
    ]
    assert await desk.replies() == []


async def test_a_refusal_that_cannot_be_sent_is_no_trouble(desk: Desk) -> None:
    desk.talk.refusing = True
    assert await desk.works_off(says("ping"), terms=CLOSED) == []
    assert (await desk.inbox())[0].done_at == START


# Trouble


async def test_what_fails_is_tried_again_and_given_up_in_the_end(
    desk: Desk, clock: MovableClock, silence: list[Any]
) -> None:
    await desk.works_off(says("ping"))
    await desk.works_off(says("bug"))
    for _ in range(TRIES - 2):
        clock.advance(minutes=2)
        assert await desk.works_off() == ["pong"]
    clock.advance(minutes=2)
    _, last = await desk.works_off()
    assert last.startswith("something failed here, trace ")
    event = (await desk.inbox())[-1]
    assert (event.tries, event.error) == (TRIES, "RuntimeError")
    assert event.done_at
    assert last.endswith(next(one["trace"] for one in silence if one["event"] == "an event is given up"))


async def test_an_event_that_kills_its_worker_is_given_up(desk: Desk, clock: MovableClock, silence: list[Any]) -> None:
    await desk.database.write(chats.store, says("ping"))
    for _ in range(TRIES):
        await desk.database.write(chats.claim)
        clock.advance(minutes=2)
    assert await desk.works_off() == []
    assert (await desk.inbox())[0].error == "it fails again and again"
    assert [one.text[:21] for one in desk.talk.sent] == ["something failed here"]


async def test_the_next_in_a_conversation_waits_for_one_that_is_tried_again(
    desk: Desk, clock: MovableClock, silence: list[Any]
) -> None:
    assert await desk.works_off(says("bug"), says("ping")) == []
    clock.advance(milliseconds=500)
    assert await desk.works_off(says("ping", sender="bob")) == ["pong"]
    assert [one.done_at is None for one in await desk.inbox()] == [True, True, False]


async def test_nothing_is_claimed_while_nothing_can_be_stored(desk: Desk) -> None:
    gate = Gate()
    gate.writable = False
    assert await desk.works_off(says("ping"), gate=gate) == []
    assert (await desk.inbox())[0].tries == 0


async def test_what_was_not_begun_is_due_again_at_a_stop(desk: Desk) -> None:
    desk.talk.hold_up = asyncio.Event()
    await desk.database.write(chats.store, *(says("/manage", chat=f"#{n}") for n in range(3)))
    job = Inbox(desk.parts, slots=1)
    await job.tick()
    await asyncio.sleep(0)
    await job.drain(0.01)
    assert sorted(one.tries for one in await desk.inbox()) == [0, 0, 1]
    assert len(await desk.database.write(chats.claim)) == 2


# Statuses


async def test_statuses_go_together(desk: Desk) -> None:
    news = [StatusChanged(key=f"s:{n}", message_id=f"t{n}", status="read") for n in range(150)]
    await desk.works_off(*news, says("ping"))
    assert all(one.done_at for one in await desk.inbox())
    table = ParkedStatus.__table__
    parked = await desk.database.read(lambda work: len(work.session.execute(table.select()).all()))
    assert parked == 150
