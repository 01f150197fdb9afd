"""The stand-in for WhatsApp is as strict as the real one, where our own tests rely on it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, FormData

from bot.simulator.whatsapp_checks import check
from tests.clock import MovableClock
from tests.fakes.whatsapp import Failure, FakeWhatsApp, Template
from tests.fakes.whatsapp.platform import PHONE_NUMBER_ID, TOKEN, VERSION

ANA = "+34600123456"
HELLO = {"messaging_product": "whatsapp", "to": ANA, "type": "text", "text": {"body": "hello"}}
LOGIN = Template("login", parameters=1, category="AUTHENTICATION")
TEMPLATES = {(one.name, one.language): one for one in (LOGIN, Template("news", parameters=2))}


def interactive(kind: str, action: dict[str, Any], text: str = "Which?") -> dict[str, Any]:
    return {"type": "interactive", "interactive": {"type": kind, "body": {"text": text}, "action": action}}


def reply(title: str, value: str) -> dict[str, Any]:
    return {"type": "reply", "reply": {"id": value, "title": title}}


def filled(name: str, *texts: str, button: str = "", language: str = "en") -> dict[str, Any]:
    components = [{"type": "body", "parameters": [{"type": "text", "text": text} for text in texts]}]
    if button:
        components.append({"type": "button", "parameters": [{"type": "text", "text": button}]})
    template = {"name": name, "language": {"code": language}, "components": components}
    return {"type": "template", "template": template}


ROWS = [{"id": str(number), "title": f"row {number}"} for number in range(11)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"messaging_product": "telegraph"}, 131008),
        ({"to": "34600123456"}, 100),
        ({"surprise": 1}, 100),
        ({"biz_opaque_callback_data": "x" * 513}, 100),
        ({"type": "poll"}, 131051),
        ({"text": {"body": ""}}, 131008),
        ({"text": {"body": "👍" * 2049}}, 100),
        ({"type": "image", "image": {"link": "https://a.example/a.webp"}}, 131053),
        ({"type": "image", "image": {"link": "https://a.example/a.png", "caption": "x" * 1025}}, 100),
        (interactive("button", {"buttons": [reply("x" * 21, "1")]}), 131009),
        (interactive("button", {"buttons": [reply("same", "1"), reply("same", "2")]}), 131009),
        (interactive("button", {"buttons": [reply(str(number), str(number)) for number in range(4)]}), 131009),
        (interactive("button", {"buttons": [reply("a", "1")]}, "x" * 1025), 131009),
        (interactive("list", {"button": "Choose", "sections": [{"rows": ROWS}]}), 131009),
        (interactive("list", {"button": "Choose", "sections": [{"rows": [{"id": "1", "title": "x" * 25}]}]}), 131009),
        (filled("absent"), 132001),
        (filled("news", "a", "b", language="en_US"), 132001),
        (filled("news", "a"), 132000),
        (filled("news", "a", "two\nlines"), 132018),
        (filled("login", "482913"), 131008),
        ({"to": None, "recipient": "US.1", **filled("login", "1", button="1")}, 131062),
    ],
)
def test_what_the_platform_refuses_is_refused(changes: dict[str, Any], code: int) -> None:
    body = {name: value for name, value in ({**HELLO, **changes}).items() if value is not None}
    if body["type"] != "text":
        del body["text"]
    with pytest.raises(Failure) as failure:
        check(body, TEMPLATES)
    assert failure.value.code == code


@pytest.fixture
async def whatsapp(clock: MovableClock) -> AsyncIterator[FakeWhatsApp]:
    async with FakeWhatsApp(clock) as whatsapp:
        whatsapp.person(ANA).wrote_at = clock()
        yield whatsapp


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        yield session


async def send(session: ClientSession, whatsapp: FakeWhatsApp, **changes: Any) -> tuple[int, int]:
    """Status and error code of a send; 0: none."""
    url = f"{whatsapp.url}/{VERSION}/{PHONE_NUMBER_ID}/messages"
    async with session.post(url, json=HELLO | changes) as answer:
        return answer.status, (await answer.json()).get("error", {}).get("code", 0)


@pytest.mark.parametrize(
    ("version", "number", "token", "error"),
    [
        ("v1.0", PHONE_NUMBER_ID, TOKEN, (400, 2500)),
        (VERSION, "1", TOKEN, (400, 100)),
        (VERSION, PHONE_NUMBER_ID, "x", (401, 190)),
    ],
)
async def test_who_asks_wrongly_is_told(
    whatsapp: FakeWhatsApp, version: str, number: str, token: str, error: tuple[int, int]
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{whatsapp.url}/{version}/{number}/messages"
    async with ClientSession(headers=headers) as session, session.post(url, json=HELLO) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == error


async def test_one_person_takes_a_burst_and_then_one_in_six_seconds(
    session: ClientSession, whatsapp: FakeWhatsApp, clock: MovableClock
) -> None:
    codes = [await send(session, whatsapp) for _ in range(46)]
    assert codes == [(200, 0)] * 45 + [(400, 131056)]
    clock.advance(seconds=6)
    assert [await send(session, whatsapp) for _ in range(2)] == [(200, 0), (400, 131056)]


@pytest.mark.parametrize("status", [400, 429])
async def test_a_number_has_its_throughput(
    session: ClientSession, whatsapp: FakeWhatsApp, clock: MovableClock, status: int
) -> None:
    whatsapp.rules.throughput, whatsapp.rules.throttle_status = 2, status
    assert [await send(session, whatsapp) for _ in range(3)] == [(200, 0), (200, 0), (status, 130429)]
    clock.advance(seconds=1)
    assert await send(session, whatsapp) == (200, 0)


async def test_words_are_taken_for_24_hours(
    session: ClientSession, whatsapp: FakeWhatsApp, clock: MovableClock
) -> None:
    clock.advance(timedelta(hours=24, seconds=-1))
    assert await send(session, whatsapp) == (200, 0)
    clock.advance(seconds=1)
    assert await send(session, whatsapp) == (400, 131047)
    await whatsapp.say(ANA, "hi")
    assert await send(session, whatsapp) == (200, 0)


async def test_it_may_insist_on_its_own_spelling_of_a_number(session: ClientSession, whatsapp: FakeWhatsApp) -> None:
    whatsapp.person("5215512345678", dialled=("525512345678",)).wrote_at = whatsapp.clock()
    assert await send(session, whatsapp, to="+525512345678") == (200, 0)
    whatsapp.rules.exact_numbers = True
    assert await send(session, whatsapp, to="+525512345678") == (400, 131026)


async def test_a_file_can_be_put_and_fetched(session: ClientSession, whatsapp: FakeWhatsApp) -> None:
    form = FormData({"messaging_product": "whatsapp"})
    form.add_field("file", b"words", filename="a.txt", content_type="text/plain")
    async with session.post(f"{whatsapp.url}/{VERSION}/{PHONE_NUMBER_ID}/media", data=form) as answer:
        media_id = (await answer.json())["id"]
    async with session.get(f"{whatsapp.url}/{VERSION}/{media_id}") as answer:
        url = (await answer.json())["url"]
    async with session.get(url) as answer:
        assert await answer.read() == b"words"
    async with ClientSession() as stranger, stranger.get(url) as answer:
        assert answer.status == 401
