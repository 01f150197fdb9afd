"""The fake Feishu as others use it: with a web server that answers its callbacks, and by its plain routes."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, web

from adapters.base import Button
from adapters.channels.feishu import Config, Feishu
from adapters.http import Egress, Outbound
from adapters.inbound import Callback, ChatMessage, HttpAnswer, Refused, Reply
from tests.adapters.channels.feishu.conftest import message
from tests.clock import START, MovableClock
from tests.fakes.feishu import FakeFeishu


class Gateway:
    """As much of us as a callback sees: it reads, stores, and answers presses."""

    def __init__(self, feishu: FakeFeishu, channel: Feishu) -> None:
        self.feishu, self.channel = feishu, channel
        self.events: list[Any] = []
        self.failures = 0  # so many callbacks get a 503

    async def take(self, request: web.Request) -> web.Response:
        if self.failures:
            self.failures -= 1
            return web.Response(status=503)
        callback = Callback("POST", request.query, request.headers, await request.read(), START)
        try:
            parsed = await self.channel.parse(callback)
        except Refused as refused:
            return web.Response(status=refused.status)
        self.events += parsed.events
        answer = parsed.answer or HttpAnswer()
        if parsed.events and isinstance(parsed.events[0], ChatMessage) and parsed.events[0].wants_answer:
            answer = self.channel.answer(parsed.events[0], Reply("Done."))
        return web.Response(body=answer.body, content_type=answer.content_type)


@pytest.fixture
async def gateway(clock: MovableClock) -> AsyncIterator[Gateway]:
    async with FakeFeishu(clock=clock) as feishu, Outbound(Egress.parse(""), user_agent="Postbell/test") as outbound:
        config = Config(
            base_url=feishu.base_url,
            app_id=feishu.app_id,
            app_secret=feishu.app_secret,
            verification_token=feishu.verification_token,
            encrypt_key=feishu.encrypt_key,
        )
        gateway = Gateway(feishu, Feishu(outbound, "feishu", config))
        app = web.Application()
        app.router.add_post("/webhooks/feishu", gateway.take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        feishu.callback_url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/feishu"
        yield gateway
        await gateway.channel.close()
        await runner.cleanup()


@pytest.mark.parametrize("encrypt_key", ["test key", ""])
async def test_the_console_verifies_the_address(gateway: Gateway, encrypt_key: str) -> None:
    gateway.feishu.encrypt_key = encrypt_key
    assert await gateway.feishu.verify_url()
    gateway.feishu.verification_token = "another"
    assert not await gateway.feishu.verify_url()


async def test_what_is_said_arrives_and_what_is_pressed_is_answered(gateway: Gateway) -> None:
    feishu = gateway.feishu
    ada = feishu.person("Ada")
    chat = feishu.private(ada)
    await feishu.say(chat, ada, "list")
    assert [event.text for event in gateway.events] == ["list"]
    await gateway.channel.send(message(chat.id, text="sure?", buttons=(Button("Yes", "yes"),)))
    (card,) = feishu.shown(chat)
    await feishu.press(card, "Yes", ada)
    assert (feishu.toasts, card.text) == (["Done."], "Done.")


async def test_what_was_not_taken_comes_again_under_the_same_id(gateway: Gateway, clock: MovableClock) -> None:
    feishu = gateway.feishu
    ada = feishu.person("Ada")
    gateway.failures = 2
    await feishu.say(feishu.private(ada), ada, "list")
    for seconds, arrived in ((14, 0), (1, 0), (300, 1), (7200, 1)):
        clock.advance(seconds=seconds)
        await feishu.repeat()
        assert len(gateway.events) == arrived
    assert feishu.pending == []


async def test_repeats_end(gateway: Gateway, clock: MovableClock) -> None:
    gateway.failures = 99
    await gateway.feishu.push("im.test", {})
    clock.advance(hours=7)
    await gateway.feishu.repeat()
    assert gateway.feishu.pending == []


# --- Plain routes, which the channel does not need yet


async def test_messages_can_be_read_edited_and_taken_back(gateway: Gateway) -> None:
    feishu = gateway.feishu
    chat = feishu.group("Team")
    sent = await gateway.channel.send(message(chat.id, text="first"))
    path = f"/im/v1/messages/{sent.message_id}"
    edit = {"msg_type": "text", "content": json.dumps({"text": "second"})}
    assert (await ask(gateway, "PUT", path, edit))["code"] == 0
    items = (await ask(gateway, "GET", path))["data"]["items"]
    assert json.loads(items[0]["body"]["content"]) == {"text": "second"}
    assert (await ask(gateway, "DELETE", path))["code"] == 0
    assert (await ask(gateway, "GET", path))["code"] == 230011
    assert feishu.shown(chat) == []


async def test_cards_can_be_changed_where_they_are(gateway: Gateway, clock: MovableClock) -> None:
    feishu = gateway.feishu
    ada = feishu.person("Ada")
    chat = feishu.private(ada)
    sent = await gateway.channel.send(message(chat.id, text="sure?", buttons=(Button("Yes", "yes"),)))
    (card,) = feishu.shown(chat)
    changed = card.content | {"config": {"update_multi": True}}
    patch = {"content": json.dumps(changed)}
    assert (await ask(gateway, "PATCH", f"/im/v1/messages/{sent.message_id}", patch))["code"] == 0
    assert card.content == changed
    await feishu.press(card, "Yes", ada)
    (token,) = feishu.api.press_tokens
    update = {"token": token, "card": changed}
    codes = [(await ask(gateway, "POST", "/interactive/v1/card/update", update))["code"] for _ in range(4)]
    assert codes == [0, 0, 0, 300090]
    await feishu.press(card, "Yes", ada)
    clock.advance(minutes=31)
    update["token"] = list(feishu.api.press_tokens)[-1]
    assert (await ask(gateway, "POST", "/interactive/v1/card/update", update))["code"] == 300090


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"msg_type": "text", "content": {"text": "an object"}}, 99992402),
        ({"msg_type": "text", "content": "no json"}, 230001),
        ({"msg_type": "post", "content": '{"post":{"zh_cn":{"content":[]}}}'}, 230001),
        ({"msg_type": "interactive", "content": '{"schema":"2.0","body":{"elements":[{"tag":"action"}]}}'}, 230099),
        ({"msg_type": "interactive", "content": '{"schema":"2.0","extra":1,"body":{"elements":[]}}'}, 230099),
        ({"msg_type": "text", "content": json.dumps({"text": "x" * 160_000})}, 230025),
        ({"msg_type": "text", "content": '{"text":"x"}', "uuid": "x" * 51}, 99992402),
    ],
)
async def test_it_is_as_strict_as_the_platform(gateway: Gateway, given: dict[str, Any], code: int) -> None:
    chat = gateway.feishu.group("Team")
    path = "/im/v1/messages?receive_id_type=chat_id"
    assert (await ask(gateway, "POST", path, {"receive_id": chat.id, **given}))["code"] == code


async def ask(gateway: Gateway, method: str, path: str, body: Any = None) -> Any:
    headers = await gateway.channel._api.authorization()
    url = f"{gateway.feishu.base_url}/open-apis{path}"
    async with ClientSession() as client, client.request(method, url, headers=headers, json=body) as response:
        return await response.json()
