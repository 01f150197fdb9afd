"""Callbacks over real sockets, from people's phones to events, and files."""

from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession

from adapters.base import Button, Rejected, SendError, Suspended, TryAgain
from adapters.channels.whatsapp import WhatsApp
from adapters.http import Egress, Outbound
from adapters.inbound import AnyEvent, Callback, ChatMessage, HttpAnswer, Refused, Reply, StatusChanged, Unknown
from tests.adapters.channels.posts import POST
from tests.adapters.channels.whatsapp.parts import ANA, Hook, chat_message, message
from tests.clock import MovableClock
from tests.fakes.whatsapp import FakeWhatsApp, Statuses, Template


def chats(events: list[AnyEvent]) -> list[ChatMessage]:
    return [event for event in events if isinstance(event, ChatMessage)]


def statuses(events: list[AnyEvent]) -> list[tuple[str, str]]:
    return [(event.status, event.delivery) for event in events if isinstance(event, StatusChanged)]


async def test_what_a_person_says_arrives(hook: Hook, whatsapp: FakeWhatsApp, clock: MovableClock) -> None:
    message_id = await whatsapp.say(ANA, "subscribe é👍")
    (said,) = chats(hook.events)
    assert (said.chat, said.text, said.message_id, said.at) == (ANA, "subscribe é👍", message_id, clock())
    assert said.opens_window
    assert whatsapp.callbacks.posted[-1].answers == (200,)


@pytest.mark.parametrize("how", ["escaped", "spaced", "reordered"])
async def test_however_it_is_written(hook: Hook, whatsapp: FakeWhatsApp, how: str) -> None:
    setattr(whatsapp.callbacks.writing, how, True)
    await whatsapp.say(ANA, "subscribe é👍")
    assert [said.text for said in chats(hook.events)] == ["subscribe é👍"]


async def test_a_person_without_a_number(hook: Hook, whatsapp: FakeWhatsApp, channel: WhatsApp) -> None:
    whatsapp.person("15555550100", user_id="US.42", hidden=True)
    await whatsapp.say("15555550100", "hi")
    (said,) = chats(hook.events)
    assert (said.chat, said.sender, said.phone) == ("US.42", "US.42", "")
    await channel.send(message("hello", address=said.chat))
    assert [shown.text for shown in whatsapp.screen("15555550100")] == ["hello"]


@pytest.mark.parametrize("labels", [("Yes", "No"), ("One", "Two", "Three", "Four")], ids=["buttons", "list"])
async def test_a_pressed_button_comes_back_with_its_value(
    hook: Hook, whatsapp: FakeWhatsApp, channel: WhatsApp, labels: tuple[str, ...]
) -> None:
    buttons = tuple(Button(label, f"answer:{label}") for label in labels)
    receipt = await channel.send(message("Which?", buttons=buttons))
    await whatsapp.press(ANA, labels[1])
    (said,) = chats(hook.events)
    assert (said.action, said.text, said.answers) == (f"answer:{labels[1]}", labels[1], receipt.message_id)


async def test_a_button_of_a_template_comes_back_with_its_payload(
    hook: Hook, whatsapp: FakeWhatsApp, channel: WhatsApp, clock: MovableClock
) -> None:
    whatsapp.add(Template("news", "en", 3, buttons=("Unsubscribe",)))
    clock.advance(hours=25)
    receipt = await channel.send(message(post=POST, window_open=False))
    await whatsapp.press(ANA, "Unsubscribe")
    (said,) = chats(hook.events)
    assert (said.action, said.answers, said.kind) == ("Unsubscribe", receipt.message_id, "text")


async def test_a_reaction_is_nothing_to_answer(hook: Hook, whatsapp: FakeWhatsApp) -> None:
    await whatsapp.react(ANA, "wamid.OURS")
    (said,) = chats(hook.events)
    assert (said.kind, said.addressed, said.opens_window) == ("reaction", False, False)


# Statuses


async def test_a_message_is_followed_to_the_reader(hook: Hook, whatsapp: FakeWhatsApp, channel: WhatsApp) -> None:
    whatsapp.statuses = Statuses()
    receipt = await channel.send(message("hello"))
    await whatsapp.quiet()
    await whatsapp.read(ANA)
    assert statuses(hook.events) == [("sent", "msg_1"), ("delivered", "msg_1"), ("read", "msg_1")]
    assert {event.message_id for event in hook.events if isinstance(event, StatusChanged)} == {receipt.message_id}


async def test_a_status_may_come_before_the_answer_to_the_send(
    hook: Hook, whatsapp: FakeWhatsApp, channel: WhatsApp
) -> None:
    whatsapp.statuses = Statuses(early=True)
    whatsapp.fail(ANA, "reset")
    with pytest.raises(SendError):
        await channel.send(message("hello"))
    assert statuses(hook.events) == [("sent", "msg_1"), ("delivered", "msg_1")]


async def test_statuses_come_twice_and_in_any_order(hook: Hook, whatsapp: FakeWhatsApp, channel: WhatsApp) -> None:
    whatsapp.statuses = Statuses(duplicate=True, reversed=True)
    await channel.send(message("hello"))
    await whatsapp.quiet()
    assert [status for status, _ in statuses(hook.events)] == ["delivered", "delivered", "sent", "sent"]
    assert len({event.key for event in hook.events}) == 2


async def test_a_closed_window_may_be_told_later(
    hook: Hook, whatsapp: FakeWhatsApp, channel: WhatsApp, clock: MovableClock
) -> None:
    whatsapp.statuses, whatsapp.rules.window = Statuses(), "later"
    clock.advance(hours=25)
    await channel.send(message("hello"))
    await whatsapp.quiet()
    (failed,) = hook.events
    assert isinstance(failed, StatusChanged)
    assert (failed.status, failed.error_code, failed.window_closed) == ("failed", "131047", True)
    assert not whatsapp.screen(ANA)


async def test_marks_have_no_statuses(hook: Hook, whatsapp: FakeWhatsApp, channel: WhatsApp) -> None:
    whatsapp.statuses = Statuses()
    await channel.seen(chat_message(message_id=await whatsapp.say(ANA, "hi")))
    await whatsapp.quiet()
    assert len(whatsapp.marks) == 1
    assert statuses(hook.events) == []


# Batches, repeats, strangers


async def test_a_batch_over_entries_changes_and_lists(hook: Hook, whatsapp: FakeWhatsApp) -> None:
    ana, bob, calls = whatsapp.person(ANA), whatsapp.person("15555550100"), whatsapp.callbacks
    contacts = [ana.contact(), bob.contact()]
    mixed = calls.messages(
        [
            whatsapp.message(ana, "text", {"body": "one"}),
            whatsapp.message(bob, "text", {"body": "two"}),
            whatsapp.message(bob, "hologram", {"depth": 3}, surprise=[1]),
        ],
        contacts,
        statuses=[{"id": "wamid.1", "status": "read", "timestamp": "1", "recipient_id": ana.number}],
    )
    foreign = calls.messages([whatsapp.message(ana, "text", {"body": "not ours"})])
    foreign["value"]["metadata"] = {"phone_number_id": "999"}
    last = calls.messages([whatsapp.message(ana, "text", {"body": "three"})], [ana.contact()])
    posted = await calls.post(calls.entry(mixed, foreign), calls.entry(calls.change("tea", {}), last, account="2"))
    assert posted.answers == (200,)
    assert [said.text for said in chats(hook.events)] == ["one", "two", "", "three"]
    assert [event.what for event in hook.events if isinstance(event, Unknown)] == ["the field 'tea'"]
    assert statuses(hook.events) == [("read", "")]


async def test_what_was_not_taken_comes_again_with_the_same_key(
    hook: Hook, whatsapp: FakeWhatsApp, clock: MovableClock
) -> None:
    hook.statuses = [503, 500]
    await whatsapp.say(ANA, "hi")
    posted = whatsapp.callbacks.posted[-1]
    assert posted.answers == (503, 500, 200)
    clock.advance(timedelta(days=6))
    await whatsapp.callbacks.post_bytes(posted.body)
    first, again = chats(hook.events)
    assert first == again


async def test_strangers_are_refused(hook: Hook, whatsapp: FakeWhatsApp) -> None:
    async with ClientSession() as session:
        for headers in ({}, {"X-Hub-Signature-256": "sha256=" + "0" * 64}, {"X-Hub-Signature": "sha1=1"}):
            async with session.post(hook.url, data=b"{}", headers=headers) as answer:
                assert answer.status == 401
        async with session.get(hook.url, params={"hub.mode": "subscribe", "hub.verify_token": "x"}) as answer:
            assert answer.status == 403
    assert hook.events == []


async def test_an_address_that_does_not_confirm_is_not_called(
    outbound: Outbound, whatsapp: FakeWhatsApp, clock: MovableClock
) -> None:
    other = WhatsApp(outbound, config=whatsapp.config(verify_token="another"))
    async with Hook(other, clock) as hook:
        with pytest.raises(ConnectionError):
            await whatsapp.connect(hook.url)


async def test_signed_nonsense_is_taken_and_kept(hook: Hook, whatsapp: FakeWhatsApp) -> None:
    posted = await whatsapp.callbacks.post_bytes(b"{ nonsense")
    assert posted.answers == (200,)
    assert [type(event) for event in hook.events] == [Unknown]


@pytest.mark.parametrize(
    ("missing", "method", "variable"),
    [("app_secret", "POST", "WHATSAPP_APP_SECRET__SALES"), ("verify_token", "GET", "WHATSAPP_VERIFY_TOKEN__SALES")],
)
async def test_without_its_secret_nothing_is_taken(
    outbound: Outbound, whatsapp: FakeWhatsApp, clock: MovableClock, missing: str, method: str, variable: str
) -> None:
    channel = WhatsApp(outbound, "whatsapp/sales", whatsapp.config(**{missing: ""}))
    with pytest.raises(Refused, match=variable):
        await channel.parse(Callback(method, {}, {}, b"", clock()))


def test_nothing_is_answered_in_the_response(channel: WhatsApp) -> None:
    for reply in (None, Reply("hello")):
        assert channel.answer(chat_message(), reply) == HttpAnswer(200, b"{}", "application/json")


def test_bodies_of_three_megabytes_are_let_in(channel: WhatsApp) -> None:
    assert channel.max_body == 4 * 1024 * 1024


# Files


async def test_an_attached_file_is_fetched(hook: Hook, whatsapp: FakeWhatsApp, channel: WhatsApp) -> None:
    content = b"<opml/>" * 100_000
    await whatsapp.attach(ANA, content, filename="feeds.opml", caption="import")
    (said,) = chats(hook.events)
    assert (said.kind, said.text) == ("document", "import")
    assert await channel.download(said) == content


MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("size", "about"),
    [(5 * MIB + 1, {}), (10, {"file_size": 5 * MIB + 1}), (5 * MIB + 1, {"file_size": 10, "packed": True})],
    ids=["as told", "only told", "once unpacked"],
)
async def test_a_file_that_is_too_large_is_refused(
    whatsapp: FakeWhatsApp, channel: WhatsApp, size: int, about: dict[str, Any]
) -> None:
    file = whatsapp.store(b"x" * size, **about)
    with pytest.raises(Rejected) as error:
        await channel.download(chat_message(file=file))
    assert error.value.code == "too_large"


async def test_half_a_file_is_none(whatsapp: FakeWhatsApp, channel: WhatsApp) -> None:
    with pytest.raises(TryAgain, match="whole"):
        await channel.download(chat_message(file=whatsapp.store(b"half", broken=True)))


async def test_a_file_whose_size_is_a_lie_is_not_kept(whatsapp: FakeWhatsApp, channel: WhatsApp) -> None:
    file = whatsapp.store(b"x" * (5 * MIB + 1), file_size=10)
    with pytest.raises(TryAgain):
        await channel.download(chat_message(file=file))


@pytest.mark.parametrize("file", ["", "../1/messages", "300000000000009"])
async def test_a_file_that_is_not_there(channel: WhatsApp, file: str) -> None:
    with pytest.raises(Rejected):
        await channel.download(chat_message(file=file))


async def test_a_file_is_not_given_to_a_wrong_token(outbound: Outbound, whatsapp: FakeWhatsApp) -> None:
    channel = WhatsApp(outbound, config=whatsapp.config(token="wrong"))
    with pytest.raises(Suspended):
        await channel.download(chat_message(file=whatsapp.store(b"x")))


async def test_the_token_goes_nowhere_in_the_open(outbound: Outbound, whatsapp: FakeWhatsApp) -> None:
    """The address of a file is the platform's word; without encryption only the operator's own host is trusted."""
    file = whatsapp.store(b"x")
    elsewhere = whatsapp.config(base_url=whatsapp.url.replace("127.0.0.1", "localhost"))
    with pytest.raises(Rejected, match="no address"):
        await WhatsApp(outbound, config=elsewhere).download(chat_message(file=file))


async def test_a_file_behind_a_closed_door_may_come_later(whatsapp: FakeWhatsApp) -> None:
    async with Outbound(Egress.parse(""), user_agent="Postbell/test") as outbound:
        channel = WhatsApp(outbound, config=whatsapp.config())
        with pytest.raises(TryAgain):
            await channel.download(chat_message(file=whatsapp.store(b"x")))
