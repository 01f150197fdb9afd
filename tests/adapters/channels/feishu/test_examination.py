"""What the doctor is told of a Feishu account: each thing that can be missing is named, with what to do."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from aiohttp import web

from adapters.base import Examined, Finding
from adapters.channels.feishu import Feishu
from adapters.inbound import Refused
from tests.adapters.channels.feishu.conftest import MakeChannel, callback
from tests.fakes.feishu import FakeFeishu
from tests.fakes.feishu.console import ASKED_FOR, Console

Breaks = Callable[[Console], object]


def problems(found: Sequence[Finding]) -> list[Finding]:
    return [one for one in found if not one.ok or one.mend]


class Door:
    """Our address, as the platform sees it."""

    def __init__(self, channel: Feishu) -> None:
        self.channel, self.status = channel, 0

    async def take(self, request: web.Request) -> web.Response:
        if self.status:
            return web.Response(status=self.status, text="<html>")
        try:
            parsed = await self.channel.parse(callback(dict(request.headers), await request.read()))
        except Refused as refused:
            return web.Response(status=refused.status)
        assert parsed.answer
        return web.Response(body=parsed.answer.body, content_type="application/json")


@pytest.fixture
async def door(channel: Feishu) -> AsyncIterator[tuple[Door, str]]:
    door, app = Door(channel), web.Application()
    app.router.add_post("/webhooks/feishu", door.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield door, f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/feishu"
    await runner.cleanup()


async def test_nothing_is_missing_in_a_whole_set_up(
    channel: Feishu, feishu: FakeFeishu, door: tuple[Door, str]
) -> None:
    assert isinstance(channel, Examined)
    feishu.console.request_url = door[1]
    found = await channel.examine(door[1])
    assert problems(found) == []
    assert [one.what for one in found] == [
        f"{feishu.base_url} takes App ID and App Secret",
        "the bot 'Bell' is enabled",
        "all permissions are granted",
        "all events are subscribed",
        f"{door[1]} answers the platform's handshake",
    ]


async def test_an_account_without_an_app_is_no_fault(make: MakeChannel, feishu: FakeFeishu) -> None:
    [one] = await make(app_id="", app_secret="").examine("")
    assert (one.ok, one.mend) == (True, "")
    assert feishu.api.calls == []


@pytest.mark.parametrize(
    ("breaks", "ok", "what", "mend"),
    [
        (lambda c: setattr(c, "has_bot", False), False, "no bot: ", "switch the bot on"),
        (lambda c: setattr(c, "activate_status", 1), False, "the organisation has disabled the app", "admin console"),
        (lambda c: setattr(c, "activate_status", 0), False, "the app is not installed yet", "release a version"),
        (lambda c: setattr(c, "installed", False), False, "permissions cannot be asked", "release a version"),
        (lambda c: c.scopes.pop("im:message:send_as_bot"), False, "no permission im:message:send_as_bot", "add im:"),
        (lambda c: c.scopes.pop("im:message.p2p_msg:readonly"), False, "no permission im:message.p2p", "add im:mess"),
        (
            lambda c: c.scopes.update({"im:message.p2p_msg:readonly": ASKED_FOR}),
            False,
            "no permission im:message.p2p_msg:readonly",
            "it is asked for and not granted",
        ),
        (lambda c: c.scopes.pop("im:message.group_at_msg:readonly"), True, "written in groups", "add im:message.group"),
        (lambda c: c.scopes.pop("im:chat:readonly"), True, "no permission im:chat:readonly", "add im:chat:readonly"),
        (lambda c: c.scopes.pop("im:resource"), True, "pictures and files stay behind", "add im:resource"),
        (
            lambda c: c.scopes.pop("application:application:self_manage"),
            True,
            "which events are subscribed cannot be asked",
            "add application:application:self_manage",
        ),
        (lambda c: setattr(c, "events", None), True, "does not tell which events", "look for im.message.receive_v1"),
        (lambda c: c.events.remove("im.message.receive_v1"), False, "no event im.message.receive_v1", "add it"),
        (lambda c: c.events.remove("im.chat.disbanded_v1"), True, "no event im.chat.disbanded_v1", "add it"),
        (lambda c: c.callbacks.clear(), False, "no callback card.action.trigger", "add card.action.trigger"),
        (lambda c: setattr(c, "online_version_id", ""), False, "no version of the app is released", "release one"),
        (lambda c: setattr(c, "unaudit_version_id", "oav_2"), True, "a version of the app waits", "have it approved"),
    ],
)
async def test_what_is_missing_at_the_platform_is_named(
    channel: Feishu, feishu: FakeFeishu, door: tuple[Door, str], breaks: Any, ok: bool, what: str, mend: str
) -> None:
    breaks(feishu.console)
    [one] = problems(await channel.examine(door[1]))
    assert one.ok is ok
    assert what in one.what
    assert mend in one.mend


@pytest.mark.parametrize(
    ("settings", "what", "mend"),
    [
        ({"app_secret": "wrong-secret"}, "no access token: App ID or App Secret is wrong", "larksuite.com"),
        ({"app_secret": ""}, "FEISHU_APP_SECRET is not set", "Credentials & Basic Info"),
        ({"base_url": "http://127.0.0.1:1"}, "no access token: no connection", "can this machine reach"),
        ({"verification_token": "", "encrypt_key": ""}, "every callback is refused", "Encryption Strategy"),
        ({"encrypt_key": ""}, "neither encrypted nor signed", "Encryption Strategy"),
        ({"verification_token": ""}, "FEISHU_VERIFICATION_TOKEN is not set, so", "Encryption Strategy"),
        ({"verification_token": "another"}, "refuses the platform's handshake", "FEISHU_VERIFICATION_TOKEN?"),
    ],
)
async def test_what_is_wrong_in_the_settings_is_named(
    make: MakeChannel, door: tuple[Door, str], settings: dict[str, str], what: str, mend: str
) -> None:
    [one] = problems(await make(**settings).examine(door[1]))
    assert what in one.what
    assert mend in one.mend


async def test_the_settings_of_a_second_account_are_named_as_they_are_written(make: MakeChannel) -> None:
    found = await make("feishu/lark", app_secret="", verification_token="", encrypt_key="").examine("")
    assert "FEISHU_APP_SECRET__LARK" in found[0].what
    assert "FEISHU_ENCRYPT_KEY__LARK" in found[1].what


async def test_an_address_that_the_platform_cannot_call_is_named(
    make: MakeChannel, channel: Feishu, door: tuple[Door, str]
) -> None:
    [one] = problems(await channel.examine(""))
    assert "WORKER_PUBLIC_BASE_URL is not set" in one.what
    [one] = problems(await channel.examine("http://127.0.0.1:1/webhooks/feishu"))
    assert "does not answer: no connection" in one.what
    door[0].status = 502
    [one] = problems(await channel.examine(door[1]))
    assert "does not answer as ours (HTTP 502)" in one.what
    found = await make(base_url="https://127.0.0.1:1").examine("http://gate.example/webhooks/feishu")
    assert "is not https" in found[-1].what


async def test_another_address_in_the_console_is_named(
    channel: Feishu, feishu: FakeFeishu, door: tuple[Door, str]
) -> None:
    feishu.console.request_url = "https://old.example/webhooks/feishu"
    found = problems(await channel.examine(door[1]))
    assert [one.what for one in found] == [
        f"the console sends {what} to https://old.example/webhooks/feishu" for what in ("events", "callbacks")
    ]
    assert all(door[1] in one.mend for one in found)


async def test_the_long_connection_is_asked_for_and_not_opened(make: MakeChannel, feishu: FakeFeishu) -> None:
    channel = make(mode="websocket", verification_token="", encrypt_key="")
    assert problems(await channel.examine("")) == []
    assert feishu.connections.clients == []
    feishu.connections.refusals = [403]
    [one] = problems(await channel.examine(""))
    assert "the app may not use the long connection" in one.what


async def test_no_secret_is_shown(make: MakeChannel, feishu: FakeFeishu) -> None:
    feishu.connections.refusals = [1]
    channel = make(app_secret="hunter2-secret", mode="websocket")
    said = repr(await channel.examine("")) + repr(await make().examine("http://127.0.0.1:1/x"))
    for secret in ("hunter2-secret", feishu.app_secret, feishu.verification_token, feishu.encrypt_key):
        assert secret not in said


async def test_what_an_operator_has_entered(make: MakeChannel) -> None:
    whole = make("feishu").prepared
    assert (whole.missing, whole.called, whole.token_setting) == ((), True, "FEISHU_VERIFICATION_TOKEN")
    assert whole.token
    assert whole.token not in repr(whole)
    bare = make("feishu/lark", app_id="", app_secret="", verification_token="", encrypt_key="").prepared
    assert bare.missing == ("FEISHU_APP_ID__LARK", "FEISHU_APP_SECRET__LARK", "FEISHU_VERIFICATION_TOKEN__LARK")
    connected = make("feishu", mode="websocket", verification_token="", encrypt_key="").prepared
    assert (connected.missing, connected.called, connected.token_setting) == ((), False, "")
