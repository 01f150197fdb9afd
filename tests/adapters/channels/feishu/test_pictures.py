"""The picture of a post: shown when it can be had, and nothing but left out when it cannot."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest
from aiohttp import web

from adapters.channels.feishu import Feishu, pictures
from adapters.http import Egress, Fetched, Outbound
from tests.adapters.channels.feishu.conftest import MakeChannel, message
from tests.adapters.channels.posts import POST
from tests.clock import MovableClock
from tests.fakes.feishu import FakeFeishu

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
KINDS = {"png": PNG, "jpeg": b"\xff\xd8\xff\xe0 jpeg", "gif": b"GIF89a gif", "webp": b"RIFF\x00\x00\x00\x00WEBPVP8 "}


class Site:
    """A web server with pictures, and with things that only look like some."""

    def __init__(self) -> None:
        self.requests = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        await self.gate.wait()
        name = request.path.strip("/")
        if name in KINDS:
            return web.Response(body=KINDS[name])
        if name.startswith("hop"):
            left = int(name.removeprefix("hop"))
            raise web.HTTPFound(f"/hop{left - 1}" if left > 1 else "/png")
        if name == "elsewhere":
            raise web.HTTPFound("http://10.0.0.1/png")
        bodies = {"html": b"<html>", "svg": b"<svg/>", "huge": PNG + bytes(5 * 1024 * 1024), "empty": b""}
        if name in bodies:
            return web.Response(body=bodies[name], content_type="image/png")
        raise web.HTTPNotFound


@pytest.fixture
async def site() -> Site:
    return Site()


@pytest.fixture
async def pages(site: Site) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{path:.*}", site.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    site.gate.set()
    await runner.cleanup()


def pictured(url: str) -> object:
    return replace(POST, image=url)


@pytest.mark.parametrize("name", [*KINDS, "hop3"])
async def test_a_picture_is_uploaded_and_shown(channel: Feishu, feishu: FakeFeishu, pages: str, name: str) -> None:
    chat = feishu.group("Team")
    await channel.send(message(chat.id, post=pictured(f"{pages}/{name}")))
    (card,) = feishu.shown(chat)
    assert card.msg_type == "interactive"
    assert [feishu.api.images[key] for key in card.image_keys] == [KINDS.get(name, PNG)]


@pytest.mark.parametrize("name", ["html", "svg", "huge", "empty", "missing", "hop4", "elsewhere"])
async def test_what_is_no_picture_is_left_out(channel: Feishu, feishu: FakeFeishu, pages: str, name: str) -> None:
    chat = feishu.group("Team")
    await channel.send(message(chat.id, post=pictured(f"{pages}/{name}")))
    (card,) = feishu.shown(chat)
    assert (card.msg_type, card.image_keys, feishu.api.images) == ("interactive", [], {})


async def test_a_picture_behind_the_guard_is_not_fetched(
    make: MakeChannel, feishu: FakeFeishu, pages: str, site: Site
) -> None:
    chat = feishu.group("Team")
    async with Outbound(Egress.parse(""), user_agent="Postbell/test") as guarded:
        channel = Feishu(guarded, "feishu", make()._config)
        await channel.send(message(chat.id, post=pictured(f"{pages}/png")))
        await channel.close()
    assert (len(feishu.shown(chat)), site.requests) == (1, 0)


async def test_one_post_for_many_chats_fetches_its_picture_once(
    channel: Feishu, feishu: FakeFeishu, pages: str, site: Site
) -> None:
    chats = [feishu.group(f"g{number}") for number in range(8)]
    await asyncio.gather(*(channel.send(message(chat.id, post=pictured(f"{pages}/png"))) for chat in chats))
    assert site.requests == 1
    assert len(feishu.api.images) == 1
    assert all(feishu.shown(chat)[0].image_keys for chat in chats)


async def test_a_picture_that_failed_is_not_asked_for_at_once_again(
    channel: Feishu, feishu: FakeFeishu, pages: str, site: Site, clock: MovableClock
) -> None:
    chat = feishu.group("Team")
    for number, (seconds, requests) in enumerate([(0, 1), (pictures.FAILED_SECONDS - 1, 1), (2, 2)]):
        clock.advance(seconds=seconds)
        await channel.send(message(chat.id, id=f"msg_{number}", post=pictured(f"{pages}/missing")))
        assert site.requests == requests


async def test_only_so_many_pictures_are_remembered(
    channel: Feishu, feishu: FakeFeishu, pages: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MAX_KEYS", 2)
    chat = feishu.group("Team")
    for number, name in enumerate(["png", "gif", "webp", "webp", "png"]):
        await channel.send(message(chat.id, id=f"msg_{number}", post=pictured(f"{pages}/{name}")))
    assert site.requests == 4  # the first had made room


class Redirect:
    """The door of feeds, behind which every address leads to one other."""

    def __init__(self, location: str) -> None:
        self.location = location
        self.asked: list[str] = []

    async def fetch(self, url: str, headers: Mapping[str, str]) -> Fetched:
        self.asked.append(url)
        return Fetched(302, {"Location": self.location}, b"", url)


@pytest.mark.parametrize(("location", "hops"), [("http://a.example/b", 1), ("https://a.example/b", 4), ("//b/c", 4)])
async def test_no_redirect_leads_from_https_to_http(location: str, hops: int) -> None:
    door = Redirect(location)
    finder = pictures.Pictures(door, None)  # type: ignore[arg-type]
    assert await finder.key("https://a.example/a") == ""
    assert len(door.asked) == hops


async def test_a_slow_picture_is_not_waited_for(
    channel: Feishu, feishu: FakeFeishu, pages: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "BUDGET_SECONDS", 0.05)
    chat = feishu.group("Team")
    site.gate.clear()
    await channel.send(message(chat.id, post=pictured(f"{pages}/png")))
    (card,) = feishu.shown(chat)
    assert card.image_keys == []


async def test_a_picture_that_the_platform_refuses_does_not_cost_the_message(
    channel: Feishu, feishu: FakeFeishu, pages: str
) -> None:
    chat = feishu.group("Team")
    feishu.images_refused = True
    await channel.send(message(chat.id, post=pictured(f"{pages}/png")))
    assert feishu.shown(chat)[0].image_keys == []


async def test_custom_bots_show_pictures_of_an_app_that_is_set_up(
    make: MakeChannel, feishu: FakeFeishu, pages: str
) -> None:
    url, bot = feishu.custom_bot()
    await make().send(message(url, post=pictured(f"{pages}/png")))
    await make(app_id="").send(message(url, post=pictured(f"{pages}/png")))
    with_app, without = (str(one["card"]) for one in bot.messages)
    assert "img_v3_1" in with_app
    assert "img_v3" not in without
