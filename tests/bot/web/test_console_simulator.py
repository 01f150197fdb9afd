"""The simulator: real channels whose platforms are ours, a chat on each for every account, and nobody else's."""

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import select
from yarl import URL

from adapters.base import Button, Message
from adapters.inbound import Nudging
from bot.simulator.feishu import Feishu
from bot.simulator.whatsapp import WhatsApp
from bot.usecases import held, links
from bot.usecases.administration import accounts as administration
from bot.usecases.audit import COMMAND_LINE
from bot.usecases.retention import forget
from storage import simulator
from storage.chat_models import Conversation, Identity
from storage.database import Work
from storage.models import Delivery, Destination
from storage.simulator_models import SimulatedMessage, SimulatedPerson
from tests import world
from tests.bot.web.gateway import Served, serving
from tests.bot.web.people import Person, signed_in
from tests.clock import MovableClock

pytestmark = pytest.mark.asyncio(loop_scope="module")

HTMX = {"HX-Request": "true"}
PLATFORMS = ("feishu", "whatsapp")
PATIENCE = 10.0


@pytest_asyncio.fixture(loop_scope="module", autouse=True, scope="module")
async def jobs(served: Served) -> AsyncIterator[None]:
    """What the dispatcher's role does."""
    async with at_work(served):
        yield


@asynccontextmanager
async def at_work(served: Served) -> AsyncIterator[None]:
    async def work() -> None:
        while True:
            await served.gateway.inbox.tick()
            await served.gateway.dispatcher.tick()
            await asyncio.sleep(0.02)

    task = asyncio.create_task(work())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest_asyncio.fixture(loop_scope="module")
async def ann(served: Served) -> AsyncIterator[Person]:
    async with await signed_in(served) as person:
        yield person


@pytest_asyncio.fixture(loop_scope="module")
async def ben(served: Served) -> AsyncIterator[Person]:
    async with await signed_in(served) as person:
        yield person


async def says(person: Person, platform: str, text: str) -> None:
    said = await person.post(f"/simulator/{platform}/say", {"text": text}, headers=HTMX)
    assert said.status == 200, said.words


async def sees(person: Person, platform: str, *texts: str) -> str:
    """The chat, once it shows all of these."""
    words = ""
    async with asyncio.timeout(PATIENCE):
        while True:
            shown = await person.get(f"/simulator/{platform}/chat")
            if all(text in (words := shown.words) for text in texts):
                return shown.text
            await asyncio.sleep(0.05)
    raise AssertionError(words)


async def follows(person: Person) -> None:
    shown = await person.post("/simulator/follow")
    assert "Followed in both chats" in shown.words


async def publishes(person: Person, title: str, **form: str) -> None:
    shown = await person.post("/simulator/publish", {"title": title, **form})
    assert (shown.status, "The post is published." in shown.words) == (200, True), shown.words


async def rows(served: Served, table: Any, **which: Any) -> list[Any]:
    def found(work: Work) -> list[Any]:
        wanted = select(table.__table__)
        for name, value in which.items():
            wanted = wanted.where(table.__table__.c[name] == value)
        return list(work.session.execute(wanted))

    return await served.database.read(found)


async def until(found: Callable[[], Any]) -> Any:
    async with asyncio.timeout(PATIENCE):
        while not (value := await found()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return value


def button(text: str, label: str) -> dict[str, str]:
    """What pressing the newest button of that label sends."""
    forms = re.findall(r'name="message" value="([^"]+)">(.*?)</form>', text, re.DOTALL)
    for message, inner in reversed(forms):
        for number, shown in re.findall(r'name="number" value="(\d+)">([^<]*)', inner):
            if html.unescape(shown) == label:
                return {"message": html.unescape(message), "number": number}
    raise AssertionError(f"no button {label!r}")


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_what_is_written_is_answered_by_the_real_channel(served: Served, ann: Person, platform: str) -> None:
    shown = await ann.get("/simulator")
    assert shown.words.count("the bot answers here") == 2
    await says(ann, platform, "help")
    text = await sees(ann, platform, "help", "subscribe")
    requests = [html.unescape(one) for one in re.findall(r"<pre[^>]*><code>(.*?)</code>", text, re.DOTALL)]
    callback, request = requests
    assert f'"path": "/webhooks/simulator/{platform}"' in callback
    assert ("/open-apis/im/v1/messages" if platform == "feishu" else "/messages") in request
    secret = served.gateway.vault.derived("simulator")[0].hex()
    assert secret not in text
    assert "Bearer" not in text
    (chat,) = await rows(served, Conversation, account_id=ann.account_id)
    assert chat.channel == f"simulator/{platform}"


async def test_a_post_comes_to_both_and_its_receipts_go_back(served: Served, ann: Person) -> None:
    assert "Nobody follows the feed yet" in (await ann.post("/simulator/publish")).words
    await follows(ann)
    await publishes(ann, "Bells ring", post="All of them.")
    for platform in PLATFORMS:
        await sees(ann, platform, "Bells ring", "All of them.")
        destination = (await rows(served, Destination, account_id=ann.account_id, channel=f"simulator/{platform}"))[0]

        async def is_read(id_: int = destination.id, where: str = platform) -> bool:
            await ann.get(f"/simulator/{where}/chat")
            posts = [one for one in await rows(served, Delivery, destination_id=id_) if one.post_id]
            return [one.state for one in posts] == ["read"]

        await until(is_read)
    await sees(ann, "whatsapp", "Bells ring", "read")
    assert "accepted" not in (await ann.get("/simulator/whatsapp/chat")).words


async def test_a_day_passes_a_post_is_held_and_comes_when_the_person_writes(served: Served, ann: Person) -> None:
    await follows(ann)
    assert "24 more hours" in (await ann.get("/simulator")).words
    shown = await ann.post("/simulator/day")
    assert "The 24 hours are over" in shown.words
    await publishes(ann, "Waits for a word")
    text = await sees(ann, "whatsapp", "1 message waits.", "132001")
    assert "Waits for a word" not in re.sub(r"<pre.*?</pre>", "", text, flags=re.DOTALL)
    await sees(ann, "feishu", "Waits for a word")
    served.clock.advance(seconds=61)
    schedules = served.terms.policy.schedules
    nudging = [name for name, way in served.gateway.channels.items() if isinstance(way, Nudging) and way.nudges]
    assert nudging == ["simulator/whatsapp"]
    assert await served.database.write(held.nudge, nudging, schedules)
    await sees(ann, "whatsapp", "Messages are waiting for you: 1.")
    await says(ann, "whatsapp", "hello")
    await sees(ann, "whatsapp", "Waits for a word", "24 more hours")


async def test_with_an_approved_template_a_post_comes_all_the_same(served: Served, ann: Person) -> None:
    await follows(ann)
    await ann.post("/simulator/day")
    await ann.post("/simulator/template", {"approved": "yes"})
    await publishes(ann, "By template")
    text = await sees(ann, "whatsapp", "New from Postbell sample: By template")
    assert "postbell_alert" in text


async def test_long_posts_are_cut_and_linked(served: Served, ann: Person) -> None:
    await follows(ann)
    await publishes(ann, "Much to say", long="yes", post="A sentence of fifty characters, over and over again. " * 4)
    for platform in PLATFORMS:
        await sees(ann, platform, "Much to say", "…")
    assert "refused" not in (await ann.get("/simulator")).words


async def test_a_card_is_pressed_and_changes(served: Served, ann: Person) -> None:
    await says(ann, "feishu", "unsubscribe all")  # nothing to end
    await follows(ann)
    await says(ann, "feishu", "unsubscribe all")
    text = await sees(ann, "feishu", "Yes, end them all")
    pressed = await ann.post("/simulator/feishu/press", button(text, "Yes, end them all"), headers=HTMX)
    assert pressed.status == 200
    assert 'class="state toast"' in pressed.text
    assert "Yes, end them all" not in re.sub(r"<pre.*?</pre>", "", pressed.text, flags=re.DOTALL)
    assert (await ann.post("/simulator/feishu/press", {"message": "om_sim_none", "number": "0"})).status == 404
    assert (await ann.post("/simulator/feishu/press", {"message": "om_sim_none", "number": "x"})).status == 404


async def test_whatsapp_buttons_are_pressed_like_messages(served: Served, ann: Person) -> None:
    await follows(ann)
    text = await sees(ann, "whatsapp", "Undo")
    await ann.post("/simulator/whatsapp/press", button(text, "Undo"))
    await sees(ann, "whatsapp", "button_reply")

    async def taken_back() -> bool:
        return "Follow it in both chats" in (await ann.get("/simulator")).words

    await until(taken_back)


async def test_more_than_three_buttons_become_a_list(served: Served, ann: Person) -> None:
    await says(ann, "whatsapp", "help")
    await sees(ann, "whatsapp", "unsubscribe")
    way, to = served.gateway.channels["simulator/whatsapp"], (await person_of(served, ann)).number
    buttons = tuple(Button(f"Choice number {n}", f"help {n}") for n in range(5))
    now = served.clock()
    message = Message(
        id="msg_1", address=to, event="reply", created_at=now, sent_at=now, text="Which?", buttons=buttons
    )
    await way.send(message)
    text = await sees(ann, "whatsapp", "Which?", "Choose", "Choice number 4")
    assert 'class="bubble kind-list"' in text
    await ann.post("/simulator/whatsapp/press", button(text, "Choice number 4"))
    await sees(ann, "whatsapp", "list_reply")


async def test_what_the_platforms_refuse_is_refused_and_shown(served: Served, ann: Person) -> None:
    """The channels never ask for it, so their platforms are asked by hand."""
    await says(ann, "whatsapp", "help")
    her = await person_of(served, ann)
    whatsapp, feishu = WhatsApp(served.database), Feishu(served.database)
    url = URL("https://graph.facebook.com/v26.0/100000000000001/messages")
    reply = {"type": "reply", "reply": {"id": "a", "title": "A"}}
    body = {"messaging_product": "whatsapp", "to": her.number}
    for code, to, content in (
        (100, her.number, {"type": "text", "text": {"body": "x" * 4097}}),
        (131026, "+99912345678901", {"type": "text", "text": {"body": "x"}}),
        (132001, her.number, {"type": "template", "template": {"name": "none", "language": {"code": "en"}}}),
        (
            131009,
            her.number,
            {
                "type": "interactive",
                "interactive": {"type": "button", "body": {"text": "x"}, "action": {"buttons": [reply] * 4}},
            },
        ),
    ):
        answer = await whatsapp("POST", url, msgspec.json.encode({**body, "to": to, **content}))
        assert (answer.status, msgspec.json.decode(answer.body)["error"]["code"]) == (400, code)
    await sees(ann, "whatsapp", "(131009)", "1 to 3 buttons")
    url = URL("https://open.feishu.cn/open-apis/im/v1/messages?receive_id_type=open_id")
    for number, to, text in ((230013, "ou_sim_nobody", "x"), (230025, f"ou_{her.tail}", "x" * 150 * 1024)):
        given = {"receive_id": to, "msg_type": "text", "content": json.dumps({"text": text}), "uuid": "u"}
        answer = await feishu("POST", url, msgspec.json.encode(given))
        assert msgspec.json.decode(answer.body)["code"] == number
    given = {"receive_id": f"oc_{her.tail}", "msg_type": "text", "content": '{"text":"once"}', "uuid": "u1"}
    taken = [msgspec.json.decode((await feishu("POST", url, msgspec.json.encode(given))).body) for _ in range(2)]
    assert taken[0]["data"]["message_id"] == taken[1]["data"]["message_id"]
    assert msgspec.json.decode((await feishu("GET", URL("https://x/open-apis/im/v9/none"), b"")).body)["code"] == 404
    assert (await whatsapp("GET", URL("https://x/none"), b"")).status == 400


async def person_of(served: Served, person: Person) -> Any:
    """Who they are in the simulator."""
    (row,) = await rows(served, SimulatedPerson, account_id=person.account_id)
    return row


async def test_nothing_of_it_is_anybody_elses(served: Served, ann: Person, ben: Person) -> None:
    await follows(ann)
    text = await sees(ann, "feishu", "sample/")
    await says(ann, "whatsapp", "unsubscribe all")
    text = await sees(ann, "whatsapp", "Yes, end them all")
    theirs = button(text, "Yes, end them all")
    page = await ben.get("/simulator")
    assert page.words.count("the bot answers here") == 2
    assert (await ben.post("/simulator/whatsapp/press", theirs)).status == 404
    assert (await ben.post("/simulator/feishu/press", theirs)).status == 404
    hers, his = await person_of(served, ann), await person_of(served, ben)
    assert hers.number != his.number
    assert hers.number not in (await ben.get("/simulator")).text
    assert hers.sample not in (await ben.get("/simulator")).text
    assert not await rows(served, SimulatedMessage, account_id=ben.account_id)


async def test_who_is_joined_to_another_account_gets_a_new_person(served: Served, ann: Person, ben: Person) -> None:
    await says(ann, "whatsapp", "whoami")
    await sees(ann, "whatsapp", "Account:")
    await says(ben, "whatsapp", "whoami")
    await sees(ben, "whatsapp", "Account:")
    (his,) = await rows(served, Conversation, account_id=ben.account_id, channel="simulator/whatsapp")
    shown = await served.database.write(links.link, served.terms, account_id=ben.account_id, conversation_id=his.id)
    before = await person_of(served, ann)
    await says(ann, "whatsapp", shown.text)

    async def renewed() -> bool:
        await ann.get("/simulator")
        return bool((await person_of(served, ann)).number != before.number)

    await until(renewed)
    assert "the bot answers here" in (await ann.get("/simulator/whatsapp/chat")).words
    assert [one.account_id for one in await rows(served, Identity, person=before.number)] == [ben.account_id]


async def test_hostile_words_are_words(served: Served, ann: Person) -> None:
    bad = '<script>alert(1)</script><img src=x onerror=alert(1)> javascript:alert(1) https://x.example/"onclick="a'
    await follows(ann)
    await publishes(ann, bad, post=bad)
    for platform in PLATFORMS:
        await says(ann, platform, bad)
        text = await sees(ann, platform, "alert(1)")
        assert "<script>alert" not in text
        assert "<img src" not in text
        assert 'href="javascript' not in text
        assert '"onclick' not in text


async def test_what_whatsapp_would_not_let_anybody_write_is_refused(served: Served, ann: Person) -> None:
    shown = await ann.post("/simulator/whatsapp/say", {"text": "x" * 4097})
    assert (shown.status, "at most 4096 characters" in shown.words) == (422, True)
    assert (await ann.post("/simulator/telegram/say", {"text": "x"})).status == 404
    assert (await ann.get("/simulator/telegram/chat")).status == 404


async def test_the_language_of_the_page_is_the_bots(served: Served) -> None:
    async with await signed_in(served, language="zh-CN") as ann:
        assert "模拟器" in (await ann.get("/simulator")).words
        await says(ann, "feishu", "帮助")
        await sees(ann, "feishu", "订阅")


async def test_the_chat_is_an_event_stream(served: Served, ann: Person) -> None:
    url = f"{served.url}/console/simulator/feishu/chat"
    async with ann._session.get(url, headers={"Accept": "text/event-stream"}) as response:
        assert response.content_type == "text/event-stream"
        first = await asyncio.wait_for(response.content.readuntil(b"\n\n"), PATIENCE)
        assert b"the bot answers here" in first
        await says(ann, "feishu", "help")
        async with asyncio.timeout(PATIENCE):
            while b"unsubscribe" not in await response.content.readuntil(b"\n\n"):
                pass


async def test_strangers_are_not_shown_it(served: Served) -> None:
    async with Person(served.url) as stranger:
        assert "/sign-in" in (await stranger.get("/simulator")).url
        assert "/sign-in" in (await stranger.post("/simulator/feishu/say", {"text": "help"})).url


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_nobody_else_calls_as_the_platform(served: Served, platform: str) -> None:
    answer = await served.ask("POST", f"/webhooks/simulator/{platform}", json={"object": "whatsapp_business_account"})
    assert answer.status == 401


async def test_it_is_no_phone_of_anybodys(served: Served, ann: Person) -> None:
    assert served.terms.phones is not None
    assert served.terms.phones.channel == "whatsapp"
    await ann.get("/simulator")
    assert (await person_of(served, ann)).number.startswith("+999")
    caller = await served.caller()
    refused = await caller("POST", "/api/v1/destinations", {"channel": "simulator/whatsapp", "address": "+34600111222"})
    assert refused.status == 400


async def test_a_code_that_is_sent_there_is_read_there(served: Served, ann: Person) -> None:
    await ann.get("/simulator")
    hers = await person_of(served, ann)
    caller = await served.another_key(ann.account_id)
    added = await caller("POST", "/api/v1/destinations", {"channel": "simulator/whatsapp", "address": hers.number})
    assert added.status == 201, added.body
    text = await sees(ann, "whatsapp", "is your verification code")
    code = re.search(r"<strong>(\d{6})</strong>", text)
    assert code
    verified = await caller("POST", f"/api/v1/destinations/{added.body['id']}/verify", {"code": code[1]})
    assert verified.body["verified"] is True


async def test_deleting_the_account_and_time_take_it_all(served: Served) -> None:
    async with await signed_in(served) as ann, await signed_in(served) as ben:
        for person in (ann, ben):
            await says(person, "feishu", "help")
            await sees(person, "feishu", "subscribe")
        await served.database.write(administration.delete, COMMAND_LINE, ann.account_id)
        while await served.database.write(administration.erase):
            pass
        assert not await rows(served, SimulatedMessage, account_id=ann.account_id)
        assert not await rows(served, SimulatedPerson, account_id=ann.account_id)
        assert await rows(served, SimulatedMessage, account_id=ben.account_id)
        await served.database.write(aged, ben.account_id, served.clock)
        await served.database.write(forget, world.POLICY.hold)
        assert not await rows(served, SimulatedMessage, account_id=ben.account_id)


def aged(work: Work, account_id: int, clock: MovableClock) -> None:
    table = SimulatedMessage.__table__
    old = clock() - timedelta(days=31)
    work.session.execute(table.update().where(table.c.account_id == account_id).values(created_at=old))


async def test_only_the_newest_messages_are_kept(served: Served, ann: Person) -> None:
    await ann.get("/simulator")
    for n in range(6):
        await says(ann, "feishu", f"message number {n}")
    before, after = await served.database.write(trimmed, ann.account_id)
    assert len(before) > 3
    assert len(after) >= 3
    assert not set(after) & set(before[:-3])  # a reply may come between, so three of them is the most that stay


def trimmed(work: Work, account_id: int) -> tuple[list[int], list[int]]:
    """Ids before and after."""
    before = [row.id for row in simulator.newest(work.session, account_id, "feishu", 100)]
    simulator.trim(work.session, account_id, "feishu", 3)
    return before, [row.id for row in simulator.newest(work.session, account_id, "feishu", 100)]


async def test_it_can_be_switched_off(served: Served) -> None:
    async with serving(served.database, served.clock, simulator="off") as without:
        without.count = 500
        assert without.gateway.simulator is None
        assert not [name for name in without.gateway.channels if name.startswith("simulator")]
        async with await signed_in(without) as ann:
            home = await ann.get("/")
            assert "Simulator" not in home.words
            assert (await ann.get("/simulator")).status == 404
        assert (await without.ask("POST", "/webhooks/simulator/feishu", json={})).status == 404
