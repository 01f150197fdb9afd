"""Custom bots: the other half of Feishu, with its own spelling of everything."""

import json
from datetime import timedelta

import pytest

from adapters.base import AddressGone, Ambiguous, Button, Rejected, SendError, Throttled, TryAgain
from adapters.channels.feishu import Feishu
from bot.simulator.feishu_checks import check_card
from tests.adapters.channels.feishu.conftest import MakeChannel, message
from tests.adapters.channels.posts import POST
from tests.clock import MovableClock
from tests.fakes.feishu import FakeFeishu


async def test_text_and_cards_arrive_in_the_custom_bots_own_form(channel: Feishu, feishu: FakeFeishu) -> None:
    url, bot = feishu.custom_bot()
    receipt = await channel.send(message(url, text='hello <at user_id="all"></at>'))
    await channel.send(message(url, post=POST, buttons=(Button("Mute", "mute:3"),)))
    text, card = bot.messages
    assert (receipt.message_id, receipt.status) == ("", 200)
    assert text["msg_type"] == "text"
    assert "<at" not in text["content"]["text"]
    check_card(card["card"], set())
    assert "Open" in json.dumps(card)
    assert "mute:3" not in json.dumps(card)  # a press would reach nobody


async def test_it_needs_no_app(make: MakeChannel, feishu: FakeFeishu) -> None:
    url, bot = feishu.custom_bot(old_spelling=True)
    await make(app_id="", app_secret="").send(message(url, text="hello"))
    assert len(bot.messages) == 1
    assert feishu.api.calls == []


@pytest.mark.parametrize(
    ("account", "destination", "accepted"),
    [
        ("right", (), True),
        ("wrong", (b"right", b"older"), True),
        ("right", (b"wrong",), False),
        ("", (), False),
    ],
)
async def test_messages_are_signed_by_the_newest_secret_of_the_destination_else_of_the_account(
    make: MakeChannel, feishu: FakeFeishu, account: str, destination: tuple[bytes, ...], accepted: bool
) -> None:
    url, bot = feishu.custom_bot(secret="right")
    sending = make(hook_secret=account).send(message(url, text="hello", secrets=destination))
    if accepted:
        await sending
        assert bot.messages[0]["timestamp"] == str(int(feishu.clock().timestamp()))
    else:
        with pytest.raises(TryAgain, match="sign secret is wrong"):
            await sending


@pytest.mark.parametrize("changes", [{"text": "hello"}, {"post": POST}])
async def test_a_prefix_satisfies_a_keyword(make: MakeChannel, feishu: FakeFeishu, changes: dict[str, object]) -> None:
    url, bot = feishu.custom_bot(keyword="[News]")
    with pytest.raises(TryAgain, match="FEISHU_HOOK_PREFIX"):
        await make().send(message(url, **changes))
    await make(hook_prefix="[News]").send(message(url, **changes))
    assert len(bot.messages) == 1


async def test_a_refused_card_goes_as_text(channel: Feishu, feishu: FakeFeishu) -> None:
    url, bot = feishu.custom_bot(cards_refused=True)
    await channel.send(message(url, post=POST))
    assert [one["msg_type"] for one in bot.messages] == ["text"]
    assert POST.url in bot.messages[0]["content"]["text"]


async def test_long_texts_fit_the_smaller_limit(channel: Feishu, feishu: FakeFeishu) -> None:
    url, bot = feishu.custom_bot()
    await channel.send(message(url, text="漢" * 30_000))
    assert 18_000 < len(json.dumps(bot.messages[0], ensure_ascii=False).encode()) <= 20_480


async def test_a_code_never_goes_to_a_custom_bot(channel: Feishu, feishu: FakeFeishu) -> None:
    url, bot = feishu.custom_bot()
    with pytest.raises(Rejected):
        await channel.send(message(url, code="123456", text="123456"))
    assert bot.messages == []


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"code": 9499, "msg": "too many request"}, Throttled),
        (200, {"code": 11232, "msg": "frequency limited"}, Throttled),
        (200, {"code": 19022, "msg": "Ip Not Allowed"}, TryAgain),
        (200, {"StatusCode": 9499, "StatusMessage": "Bad Request"}, Rejected),
        (502, None, Ambiguous),
    ],
)
async def test_refusals_have_their_class_and_hide_the_address(
    channel: Feishu, feishu: FakeFeishu, status: int, body: object, kind: type[SendError]
) -> None:
    url, bot = feishu.custom_bot()
    bot.scripts.append((status, b"<html>" if body is None else json.dumps(body).encode()))
    with pytest.raises(SendError) as raised:
        await channel.send(message(url, text="hello"))
    assert type(raised.value) is kind
    assert bot.token not in f"{raised.value!r} {raised.value.response}"
    if kind is Ambiguous:
        assert raised.value.after == timedelta(seconds=120)  # nothing knows a repeat: one late try


async def test_a_removed_bot_is_gone(channel: Feishu, feishu: FakeFeishu) -> None:
    url, _ = feishu.custom_bot(removed=True)
    with pytest.raises(AddressGone):
        await channel.send(message(url, text="hello"))


async def test_each_custom_bot_has_its_own_pace(channel: Feishu, feishu: FakeFeishu, clock: MovableClock) -> None:
    url, bot = feishu.custom_bot(limits=True)
    for number in range(100):
        await channel.send(message(url, id=f"msg_{number}", text="hello"))
    with pytest.raises(Throttled) as raised:
        await channel.send(message(url, id="msg_100", text="hello"))
    assert raised.value.code == "own_limit"
    assert len(bot.messages) == 100
    other, _ = feishu.custom_bot(limits=True)
    await channel.send(message(other, text="hello"))
