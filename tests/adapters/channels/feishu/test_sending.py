"""Messages through the app, against an Open API on a real socket: what arrives, and what each refusal leads to."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.base import (
    AddressGone,
    Ambiguous,
    Button,
    ChannelThrottled,
    Rejected,
    SendError,
    Suspended,
    Throttled,
    TryAgain,
)
from adapters.channels.feishu import Feishu
from adapters.channels.feishu import channel as channel_module
from tests.adapters.channels.feishu.conftest import MakeChannel, message
from tests.adapters.channels.posts import POST
from tests.clock import MovableClock
from tests.fakes.feishu import FakeFeishu, Script


async def test_a_post_arrives_as_a_card_and_text_as_text(channel: Feishu, feishu: FakeFeishu) -> None:
    chat = feishu.group("Team")
    receipt = await channel.send(message(chat.id, post=POST))
    await channel.send(message(chat.id, id="msg_2", text='two\nlines <at user_id="all"></at>'))
    card, text = feishu.shown(chat)
    assert (receipt.message_id, receipt.status) == (card.id, 200)
    assert card.msg_type == "interactive"
    assert "It flies." in card.text
    assert text.content == {"text": 'two\nlines <\u200bat user_id="all"><\u200b/at>'}


@pytest.mark.parametrize("kind", ["open_id", "union_id"])
async def test_a_person_is_an_address_as_well(channel: Feishu, feishu: FakeFeishu, kind: str) -> None:
    ada = feishu.person("Ada")
    await channel.send(message(getattr(ada, kind), text="hello"))
    assert [one.text for one in feishu.shown(feishu.private(ada))] == ["hello"]


async def test_a_repeat_has_the_same_uuid_and_shows_nothing_new(channel: Feishu, feishu: FakeFeishu) -> None:
    chat = feishu.group("Team")
    first = await channel.send(message(chat.id, text="hello"))
    again = await channel.send(message(chat.id, text="hello", attempt=2, sent_at=message("").sent_at))
    other = await channel.send(message(chat.id, id="msg_2", text="hello"))
    assert first.message_id == again.message_id != other.message_id
    assert len(feishu.shown(chat)) == 2
    assert all(0 < len(one.uuid) <= 50 for one in feishu.shown(chat))


async def test_a_reply_answers_its_message_and_stays_in_its_thread(channel: Feishu, feishu: FakeFeishu) -> None:
    ada = feishu.person("Ada")
    chat = feishu.group("Team", ada)
    asked = await feishu.say(chat, ada, "list", mention=True)
    asked.thread_id = "omt_1"
    await channel.send(message(chat.id, text="nothing yet", reply_to=asked.id))
    (reply,) = feishu.shown(chat)
    assert (reply.parent_id, reply.thread_id) == (asked.id, "omt_1")


@pytest.mark.parametrize("code", [230011, 230019, 230050, 230071, 230072, 230110, 230111])
async def test_what_cannot_be_answered_is_written_to_the_chat(channel: Feishu, feishu: FakeFeishu, code: int) -> None:
    ada = feishu.person("Ada")
    chat = feishu.group("Team", ada)
    asked = await feishu.say(chat, ada, "list", mention=True)
    feishu.scripts.append(Script(code=code))
    await channel.send(message(chat.id, text="nothing yet", reply_to=asked.id))
    assert [(one.text, one.parent_id) for one in feishu.shown(chat)] == [("nothing yet", "")]


async def test_a_strange_message_to_answer_is_no_path(channel: Feishu, feishu: FakeFeishu) -> None:
    chat = feishu.group("Team")
    await channel.send(message(chat.id, text="hello", reply_to="../../chats"))
    assert [path for _, path in feishu.api.calls if "chats" in path] == []


@pytest.mark.parametrize("code", [230099, 230025])
async def test_a_refused_card_goes_in_plainer_forms(channel: Feishu, feishu: FakeFeishu, code: int) -> None:
    chat = feishu.group("Team")
    feishu.scripts.append(Script(code=code))
    await channel.send(message(chat.id, post=POST))
    feishu.scripts += [Script(code=code), Script(code=code)]
    await channel.send(message(chat.id, id="msg_2", post=POST))
    assert [one.msg_type for one in feishu.shown(chat)] == ["post", "text"]
    assert all("It flies." in one.text and POST.url in one.text for one in feishu.shown(chat))


async def test_a_refused_card_with_buttons_goes_as_text(channel: Feishu, feishu: FakeFeishu) -> None:
    chat = feishu.group("Team")
    feishu.scripts.append(Script(code=230099))
    await channel.send(message(chat.id, text="sure?", buttons=(Button("Yes", "yes"),)))
    assert [(one.msg_type, one.text) for one in feishu.shown(chat)] == [("text", "sure?")]


async def test_when_nothing_plainer_is_left_it_is_refused(channel: Feishu, feishu: FakeFeishu) -> None:
    chat = feishu.group("Team")
    feishu.scripts += [Script(code=230025)] * 3
    with pytest.raises(Rejected) as raised:
        await channel.send(message(chat.id, post=POST))
    assert raised.value.code == "feishu_230025"
    assert feishu.shown(chat) == []


async def test_what_an_audit_refuses_is_masked_and_sent_once_more(channel: Feishu, feishu: FakeFeishu) -> None:
    chat = feishu.group("Team")
    private = replace(POST, text="Call +34 600 123 456 or ada@example.org", title="13812345678", author="x@y.example")
    feishu.scripts.append(Script(code=230028))
    await channel.send(message(chat.id, post=private))
    (card,) = feishu.shown(chat)
    assert "600" not in card.text
    assert "example.org" not in card.text
    assert "13812345678" not in json.dumps(card.content)
    assert "y.example" not in card.text
    assert POST.url in card.text
    feishu.scripts += [Script(code=230028)] * 2
    with pytest.raises(Rejected):
        await channel.send(message(chat.id, id="msg_2", post=private))


# --- Codes


async def test_a_code_goes_to_one_person_only(channel: Feishu, feishu: FakeFeishu) -> None:
    ada = feishu.person("Ada")
    group, private = feishu.group("Team", ada), feishu.private(ada)
    await channel.send(message(ada.open_id, code="123456", text="123456"))
    await channel.send(message(private.id, id="msg_2", code="654321"))
    with pytest.raises(Rejected) as raised:
        await channel.send(message(group.id, id="msg_3", code="111111", text="111111"))
    assert "111111" not in str(raised.value)
    texts = [one.text for one in feishu.shown(private)]
    assert [code in text for code, text in zip(("123456", "654321"), texts, strict=True)] == [True, True]
    assert feishu.shown(group) == []


async def test_a_code_waits_when_it_cannot_be_learnt_who_would_read_it(channel: Feishu, feishu: FakeFeishu) -> None:
    feishu.token_broken = True
    with pytest.raises(TryAgain):
        await channel.send(message("oc_1", code="123456"))


# --- Tokens


async def test_many_messages_at_once_fetch_one_token(channel: Feishu, feishu: FakeFeishu) -> None:
    chats = [feishu.group(f"g{number}") for number in range(12)]
    feishu.token_gate = asyncio.Event()
    sends = [asyncio.create_task(channel.send(message(chat.id, text="hello"))) for chat in chats]
    await feishu.api.token_asked.wait()
    sends[0].cancel()  # whoever began it may give up
    feishu.token_gate.set()
    await asyncio.gather(*sends, return_exceptions=True)
    assert feishu.api.token_calls == 1
    assert sum(len(feishu.shown(chat)) for chat in chats) == 11


async def test_a_token_is_renewed_ten_minutes_before_its_end(
    channel: Feishu, feishu: FakeFeishu, clock: MovableClock
) -> None:
    chat = feishu.group("Team")
    for minutes, calls in ((0, 1), (109, 1), (2, 2)):
        clock.advance(minutes=minutes)
        await channel.send(message(chat.id, id=f"msg_{calls}_{minutes}", text="hello"))
        assert feishu.api.token_calls == calls


async def test_while_an_old_token_lasts_a_failed_renewal_costs_nothing(
    make: MakeChannel, feishu: FakeFeishu, clock: MovableClock
) -> None:
    channel, chat = make(), feishu.group("Team")
    await channel.send(message(chat.id, text="hello"))
    clock.advance(minutes=111)
    feishu.token_broken = True
    await channel.send(message(chat.id, id="msg_2", text="hello"))
    assert len(feishu.shown(chat)) == 2
    clock.advance(minutes=10)
    with pytest.raises(TryAgain):
        await channel.send(message(chat.id, id="msg_3", text="hello"))


async def test_a_refused_token_is_fetched_anew_and_the_message_sent_once(channel: Feishu, feishu: FakeFeishu) -> None:
    chat = feishu.group("Team")
    await channel.send(message(chat.id, text="hello"))
    feishu.api.revoke()
    await channel.send(message(chat.id, id="msg_2", text="again"))
    assert feishu.api.token_calls == 2
    assert [one.text for one in feishu.shown(chat)] == ["hello", "again"]


async def test_a_token_refused_twice_stops_the_account(channel: Feishu, feishu: FakeFeishu) -> None:
    chat = feishu.group("Team")
    feishu.scripts += [Script(code=99991663)] * 2
    with pytest.raises(Suspended):
        await channel.send(message(chat.id, text="hello"))


async def test_a_wrong_secret_stops_the_account_and_does_not_show(make: MakeChannel, feishu: FakeFeishu) -> None:
    channel = make(app_secret="wrong-secret")
    with pytest.raises(Suspended, match="App Secret is wrong") as raised:
        await channel.send(message(feishu.group("Team").id, text="hello"))
    assert "wrong-secret" not in f"{raised.value!r} {raised.value.response}"


@pytest.mark.parametrize(
    ("name", "settings", "variable"),
    [
        ("feishu", {"app_id": ""}, "FEISHU_APP_ID"),
        ("feishu/sales", {"app_secret": ""}, "FEISHU_APP_SECRET__SALES"),
    ],
)
async def test_without_an_app_the_missing_setting_is_named(
    make: MakeChannel, feishu: FakeFeishu, name: str, settings: dict[str, str], variable: str
) -> None:
    with pytest.raises(Suspended, match=f"^{variable} is not set$"):
        await make(name, **settings).send(message("oc_1", text="hello"))
    assert feishu.api.calls == []


# --- Refusals and silence


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (Script(code=230013), AddressGone),
        (Script(code=230020), Throttled),
        (Script(code=99991400, status=429, headers={"x-ogw-ratelimit-reset": "7"}), ChannelThrottled),
        (Script(code=99991672), Suspended),
        (Script(code=230049), TryAgain),
        (Script(code=230022), Rejected),
        (Script(status=502, html=True), Ambiguous),
        (Script(cut=True), Ambiguous),
    ],
)
async def test_refusals_and_silence_have_their_class(
    channel: Feishu, feishu: FakeFeishu, script: Script, kind: type[SendError]
) -> None:
    feishu.scripts.append(script)
    with pytest.raises(SendError) as raised:
        await channel.send(message(feishu.group("Team").id, text="hello"))
    assert type(raised.value) is kind
    if kind is ChannelThrottled:
        assert raised.value.after == timedelta(seconds=7)


async def test_a_message_stored_before_the_line_broke_is_not_shown_twice(
    channel: Feishu, feishu: FakeFeishu, clock: MovableClock
) -> None:
    chat = feishu.group("Team")
    feishu.scripts.append(Script(cut=True, stores=True))
    with pytest.raises(Ambiguous):
        await channel.send(message(chat.id, post=POST))
    clock.advance(minutes=54)
    receipt = await channel.send(message(chat.id, post=POST, attempt=2))
    assert [one.id for one in feishu.shown(chat)] == [receipt.message_id]


async def test_an_unreachable_platform_is_tried_again(make: MakeChannel) -> None:
    with pytest.raises(TryAgain) as raised:
        await make(base_url="http://127.0.0.1:9").send(message("oc_1", text="hello"))
    assert raised.value.code == "connect"


async def test_a_chat_that_the_bot_left_is_gone(channel: Feishu, feishu: FakeFeishu) -> None:
    ada = feishu.person("Ada")
    chat = feishu.group("Team", ada)
    await feishu.remove_bot(chat, ada)
    with pytest.raises(AddressGone):
        await channel.send(message(chat.id, text="hello"))


async def test_our_own_pace_keeps_under_the_platforms_limits(
    channel: Feishu, feishu: FakeFeishu, clock: MovableClock
) -> None:
    feishu.limits = True
    chat = feishu.group("Team")
    started = clock()
    for number in range(11):
        await channel.send(message(chat.id, id=f"msg_{number}", text=str(number)))
    assert [one.text for one in feishu.shown(chat)] == [str(number) for number in range(11)]
    assert clock() - started >= timedelta(seconds=2)


async def test_a_message_has_its_time_and_may_have_been_sent_after_it(
    channel: Feishu, feishu: FakeFeishu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_module, "TOTAL_SECONDS", 0.2)
    chat = feishu.group("Team")
    feishu.scripts.append(Script(stores=True, delay_seconds=5))
    with pytest.raises(Ambiguous) as raised:
        await channel.send(message(chat.id, post=POST))
    assert raised.value.code == "timeout"
    assert len(feishu.shown(chat)) == 1
