"""Official accounts are followed over a real socket: signed, paced, and with whatever the platform answers."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from adapters.base import (
    Cursor,
    Examined,
    FeedFailed,
    FeedFault,
    FeedNotFound,
    FeedThrottled,
    FeedUnavailable,
    Paced,
    Page,
    Source,
    SourceError,
    SourceSuspended,
)
from adapters.http import Egress, Outbound
from adapters.signatures import usersig
from adapters.sources.tencent import Config, Tencent, api, codes
from tests.clock import MovableClock
from tests.fakes.tencent import Account, FakeTencent
from tests.fakes.tencent.server import ADMINISTRATOR, KEY, SDKAPPID

NEWS = "@TOA#_news"


@pytest.fixture
async def tencent(clock: MovableClock) -> AsyncIterator[FakeTencent]:
    async with FakeTencent(clock) as tencent:
        yield tencent


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    async with Outbound(Egress.parse(""), user_agent="Postbell/test") as outbound:
        yield outbound


@pytest.fixture
def news(tencent: FakeTencent) -> Account:
    return tencent.account()


class Waits:
    """A time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waited = 0.0

    def clock(self) -> float:
        return self.now

    async def rest(self, seconds: float) -> None:
        self.now += seconds
        self.waited += seconds


class Reader:
    """The source, and what a gateway keeps of an account."""

    def __init__(self, outbound: Outbound, tencent: FakeTencent, clock: MovableClock, **settings: Any) -> None:
        self.waits = Waits()
        config = tencent.config(**settings)
        self.source = Tencent(outbound, config, clock=self.waits.clock, rest=self.waits.rest)
        self.clock = clock
        self.cursor: Cursor = {}

    async def poll(self, key: str = NEWS) -> Page:
        page = await self.source.poll(key, self.cursor, self.clock())
        self.cursor = json.loads(json.dumps(page.cursor))
        return page

    async def titles(self) -> list[str]:
        found: list[str] = []
        page = await self.poll()
        found += [post.title for post in page.posts]
        while page.more:
            page = await self.poll()
            found += [post.title for post in page.posts]
        return found

    async def error(self) -> SourceError:
        with pytest.raises(SourceError) as caught:
            await self.poll()
        assert KEY not in str(caught.value)
        assert "usersig" not in str(caught.value)
        return caught.value


@pytest.fixture
def reader(outbound: Outbound, tencent: FakeTencent, clock: MovableClock) -> Reader:
    return Reader(outbound, tencent, clock)


def test_it_is_a_source_with_a_pace_that_can_be_examined(reader: Reader) -> None:
    source: Source = reader.source
    assert isinstance(source, Paced)
    assert isinstance(source, Examined)
    assert source.host(NEWS) == f"tencent/{SDKAPPID}"


@pytest.mark.parametrize("seconds", [0, 86_401, float("nan")])
def test_a_pace_that_cannot_be_kept_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="poll_seconds"):
        Config(poll_seconds=seconds)


# Finding


async def test_an_account_is_found_by_its_id_with_what_it_has(
    reader: Reader, tencent: FakeTencent, news: Account
) -> None:
    tencent.send(news, "First", "Second")
    found = await reader.source.resolve(f" {NEWS}\n", reader.clock())
    assert found.key == NEWS
    assert [post.title for post in found.page.posts] == ["First 1", "Second 2"]
    assert found.page.info
    assert (found.page.info.title, found.page.info.image) == ("News", f"{tencent.url}/News.png")
    reader.cursor = found.page.cursor
    tencent.send(news, "Third")
    assert await reader.titles() == ["Third 3"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("https://example.org/", ""),
        ("@nasa", ""),
        ("@TOA#_", "looks like @TOA#_"),
        ("@TOA#_with blanks", "looks like @TOA#_"),
        ("@toa#_news", "looks like @TOA#_"),
        ("@TOA#_nobody", "does not exist"),
    ],
)
async def test_what_is_no_account_is_not_found(reader: Reader, name: str, reason: str) -> None:
    with pytest.raises(FeedNotFound) as missed:
        await reader.source.resolve(name, reader.clock())
    assert reason in str(missed.value)
    assert bool(str(missed.value)) == reader.source.claims(name)


async def test_without_settings_nothing_is_asked(outbound: Outbound, clock: MovableClock) -> None:
    source = Tencent(outbound)
    with pytest.raises(FeedNotFound, match="TENCENT_SECRET_KEY"):
        await source.resolve(NEWS, clock())
    with pytest.raises(SourceSuspended, match="TENCENT_SECRET_KEY"):
        await source.poll(NEWS, {}, clock())
    await source.close()


# Reading


async def test_a_message_becomes_a_post(reader: Reader, tencent: FakeTencent, news: Account) -> None:
    await reader.poll()
    card = json.dumps({"title": "Card", "url": "https://example.org/card", "author": "Ann"})
    tencent.send(
        news,
        [
            {"MsgType": "TIMCustomElem", "MsgContent": {"Data": card}},
            {"MsgType": "TIMImageElem", "MsgContent": {"ImageInfoArray": [{"Type": 1, "URL": "https://e.org/a.png"}]}},
        ],
    )
    reader.clock.advance(minutes=1)
    (post,) = (await reader.poll()).posts
    assert (post.title, post.url, post.image) == ("Card", "https://example.org/card", "https://e.org/a.png")
    assert post.author == "Ann"
    assert (post.raw_id, post.is_html) == (news.messages[0].key, False)
    assert post.published == reader.clock() - timedelta(minutes=1)
    assert post.enclosures[0].url == "https://e.org/a.png"


async def test_keys_differ_by_app_and_account(outbound: Outbound, tencent: FakeTencent, clock: MovableClock) -> None:
    keys = set()
    for name in ("news", "sport"):
        account = tencent.account(name)
        tencent.send(account, "Same")
        keys.add((await Reader(outbound, tencent, clock).poll(account.id)).posts[0].key)
    tencent.sdkappid += 1
    keys.add((await Reader(outbound, tencent, clock).poll()).posts[0].key)
    assert len(keys) == 3


async def test_nothing_new_costs_one_request_and_no_write(reader: Reader, tencent: FakeTencent, news: Account) -> None:
    tencent.send(news, "Old")
    reader.clock.advance(minutes=1)
    await reader.poll()
    before = len(tencent.requests)
    page = await reader.source.poll(NEWS, reader.cursor, reader.clock())
    assert page.info is None
    assert page.cursor is reader.cursor
    assert len(tencent.requests) == before + 1


async def test_the_name_is_asked_for_once_a_day(reader: Reader, tencent: FakeTencent, news: Account) -> None:
    await reader.poll()
    news.name = "Renamed"
    reader.clock.advance(hours=23)
    assert (await reader.poll()).info is None
    reader.clock.advance(hours=1)
    info = (await reader.poll()).info
    assert info
    assert info.title == "Renamed"


async def test_a_server_that_knows_no_names_is_followed_all_the_same(
    reader: Reader, tencent: FakeTencent, news: Account
) -> None:
    tencent.knows_names = False
    info = (await reader.poll()).info
    assert info
    assert info.title == NEWS
    tencent.send(news, "Hello")
    reader.clock.advance(minutes=1)
    assert await reader.titles() == ["Hello 1"]


async def test_what_was_taken_back_is_withdrawn_under_the_key_it_came_with(
    reader: Reader, tencent: FakeTencent, news: Account
) -> None:
    tencent.send(news, "Wrong")
    reader.clock.advance(minutes=1)
    (post,) = (await reader.poll()).posts
    news.recall(1)
    page = await reader.poll()
    assert page.withdrawn == [post.key]
    assert page.info
    assert (await reader.poll()).withdrawn == []


async def test_a_gap_is_told_for_a_day(reader: Reader, tencent: FakeTencent, news: Account) -> None:
    tencent.send(news, "Old")
    reader.clock.advance(minutes=1)
    await reader.poll()
    tencent.send(news, *["New"] * 9)
    news.expire(5)
    reader.clock.advance(minutes=1)
    assert (await reader.poll()).note == "messages 2 to 5 could not be read: they had expired"
    reader.clock.advance(hours=23)
    assert (await reader.poll()).note
    reader.clock.advance(hours=1)
    assert (await reader.poll()).note == ""


async def test_pages_of_large_texts_are_read_whole(reader: Reader, tencent: FakeTencent, news: Account) -> None:
    await reader.poll()
    tencent.send(news, *["字" * 4_000] * 45)
    reader.clock.advance(minutes=1)
    assert len(await reader.titles()) == 45


async def test_a_cursor_of_another_make_is_begun_anew(reader: Reader, tencent: FakeTencent, news: Account) -> None:
    tencent.send(news, "One")
    reader.clock.advance(minutes=1)
    reader.cursor = {"history": "long ago"}
    assert await reader.titles() == ["One 1"]


# What fails


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (10002, FeedFailed), (10003, FeedFailed), (10004, FeedFailed), (10007, FeedUnavailable),
        (10010, FeedUnavailable), (10015, FeedUnavailable), (60006, SourceSuspended), (60007, FeedThrottled),
        (60008, FeedFailed), (60010, SourceSuspended), (60011, FeedThrottled), (60018, FeedThrottled),
        (60020, SourceSuspended), (60021, SourceSuspended), (70003, SourceSuspended), (70009, SourceSuspended),
        (70013, SourceSuspended), (70014, SourceSuspended), (70020, SourceSuspended), (70050, FeedThrottled),
        (70169, FeedFailed), (70402, FeedFailed), (70500, FeedFailed), (99999, FeedFailed), (-3, FeedFailed),
    ],
)  # fmt: skip
async def test_each_code_says_what_to_do(
    reader: Reader, tencent: FakeTencent, code: int, expected: type[SourceError]
) -> None:
    tencent.fail(code)
    error = await reader.error()
    assert type(error) is expected
    assert str(code) in str(error)
    assert tencent.signatures[0] not in str(error)
    assert "as told" in str(error)


@pytest.mark.parametrize(
    ("trouble", "expected", "fault"),
    [
        ("html", FeedFailed, FeedFault.HTTP),
        ("garbage", FeedFailed, FeedFault.NOT_A_FEED),
        ("cut", FeedFailed, FeedFault.CONNECT),
        ("slow down", FeedThrottled, None),
    ],
)
async def test_what_is_no_answer_of_the_platform_is_tried_again(
    reader: Reader, tencent: FakeTencent, news: Account, trouble: str, expected: type[SourceError], fault: Any
) -> None:
    tencent.fail(trouble)
    error = await reader.error()
    assert type(error) is expected
    assert getattr(error, "fault", None) == fault
    assert await reader.titles() == []


async def test_nobody_there_is_a_failure(outbound: Outbound, tencent: FakeTencent, clock: MovableClock) -> None:
    reader = Reader(outbound, tencent, clock, base_url="http://127.0.0.1:1")
    error = await reader.error()
    assert isinstance(error, FeedFailed)
    assert error.fault is FeedFault.CONNECT


async def test_who_is_told_to_slow_down_again_and_again_waits_longer(
    reader: Reader, tencent: FakeTencent, news: Account
) -> None:
    waits = []
    for code in (60007, 60007, 60011, 70050):
        tencent.fail(code)
        error = await reader.error()
        assert isinstance(error, FeedThrottled)
        waits.append(error.after.total_seconds())
    assert waits == [1, 2, 4, 480]
    await reader.poll()
    tencent.fail(60007)
    error = await reader.error()
    assert isinstance(error, FeedThrottled)
    assert error.after == timedelta(seconds=1)


async def test_what_was_read_before_a_failure_is_kept(reader: Reader, tencent: FakeTencent, news: Account) -> None:
    tencent.send(news, "Old")
    reader.clock.advance(minutes=1)
    await reader.poll()
    tencent.send(news, *["New"] * 90)
    reader.clock.advance(minutes=1)
    found: list[str] = []
    for _ in range(12):  # of three requests one fails
        tencent.fail("", "", 10002)
        page = await reader.poll()
        found += [post.title for post in page.posts]
        tencent._script.clear()
    assert found == [f"New {n}" for n in range(2, 92)]


async def test_an_anchor_that_the_platform_has_forgotten_does_not_stop_it(
    reader: Reader, tencent: FakeTencent, news: Account
) -> None:
    tencent.send(news, "Old")
    reader.clock.advance(minutes=1)
    await reader.poll()
    tencent.send(news, *["New"] * 150)
    reader.clock.advance(minutes=1)
    assert (await reader.poll()).more
    tencent.fail(10004)
    assert await reader.titles() == []
    assert len(await reader.titles()) == 150
    tencent.fail(10004)
    assert isinstance(await reader.error(), FeedFailed)


# Signatures and pace


async def test_a_signature_serves_for_half_its_life(reader: Reader, tencent: FakeTencent, news: Account) -> None:
    for _ in range(2):
        await reader.poll()
    assert len(set(tencent.signatures)) == 1
    usersig.verify(tencent.signatures[0], SDKAPPID, KEY, ADMINISTRATOR, reader.clock())
    reader.clock.advance(api.LIFETIME / 2)
    await reader.poll()
    assert len(set(tencent.signatures)) == 2
    reader.clock.advance(-api.LIFETIME)
    await reader.poll()
    assert len(set(tencent.signatures)) == 3


@pytest.mark.parametrize("code", sorted(codes.EXPIRED))
async def test_an_expired_signature_is_made_anew_at_once(
    reader: Reader, tencent: FakeTencent, news: Account, code: int
) -> None:
    await reader.poll()
    reader.clock.advance(seconds=1)
    tencent.fail(code)
    await reader.poll()
    assert len(set(tencent.signatures)) == 2
    tencent.fail(code, code)
    assert type(await reader.error()) is SourceSuspended


async def test_a_machine_whose_clock_is_wrong_signs_by_the_platforms(
    reader: Reader, tencent: FakeTencent, news: Account
) -> None:
    tencent.fast = timedelta(days=3)
    tencent.send(news, "Hello")
    tencent.fast += timedelta(minutes=1)
    assert await reader.titles() == ["Hello 1"]
    assert len(set(tencent.signatures)) == 2


async def test_an_app_is_asked_fifty_times_a_second_at_most(
    reader: Reader, tencent: FakeTencent, news: Account
) -> None:
    await reader.poll()
    began = reader.waits.now
    await asyncio.gather(*(reader.source.poll(NEWS, reader.cursor, reader.clock()) for _ in range(60)))
    assert 0.9 <= reader.waits.now - began <= 70


# The doctor


@pytest.mark.parametrize(
    ("settings", "trouble", "ok", "what"),
    [
        ({}, (), True, "takes the app's signature"),
        ({"sdkappid": 0, "secret_key": ""}, (), True, "not set up"),
        ({"sdkappid": 0}, (), False, "TENCENT_SDKAPPID is not set"),
        ({"secret_key": ""}, (), False, "TENCENT_SECRET_KEY is not set"),
        ({"secret_key": "x" * 64}, (), False, "not made with the app's key"),
        ({"identifier": "eve"}, (), False, "no administrator"),
        ({"sdkappid": 7}, (), False, "of another region"),
        ({"base_url": "http://127.0.0.1:1"}, (), False, "no connection"),
        ({}, ("garbage",), False, "is TENCENT_BASE_URL right?"),
    ],
)
async def test_the_doctor_says_what_is_missing(
    outbound: Outbound, tencent: FakeTencent, clock: MovableClock, settings: Any, trouble: Any, ok: bool, what: str
) -> None:
    tencent.fail(*trouble)
    found = await Tencent(outbound, tencent.config(**settings)).examine("")
    assert (found[0].ok, what in found[0].what) == (ok, True), found
    assert KEY not in str(found)


async def test_a_key_that_is_cut_off_is_pointed_out(outbound: Outbound, tencent: FakeTencent) -> None:
    found = await Tencent(outbound, tencent.config(secret_key=KEY[:60])).examine("")
    assert [one.ok for one in found] == [False, False]
    assert "does not look like a key" in found[1].what


def test_no_secret_is_shown_with_the_settings() -> None:
    assert KEY not in repr(replace(Config(), secret_key=KEY))


def test_the_signature_in_an_address_needs_no_encoding() -> None:
    signature = usersig.make(SDKAPPID, KEY, ADMINISTRATOR, MovableClock()(), api.LIFETIME)
    assert quote(signature, safe="*") == signature
