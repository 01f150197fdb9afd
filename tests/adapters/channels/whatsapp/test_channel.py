"""Sending, against a platform that refuses: what is put right at once, and what each refusal becomes."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.base import (
    AddressGone,
    Ambiguous,
    BadAddress,
    Button,
    Channel,
    ChannelThrottled,
    Message,
    Receipt,
    Rejected,
    SendError,
    Suspended,
    Throttled,
    TryAgain,
    WindowClosed,
)
from adapters.channels.whatsapp import Config, WhatsApp
from adapters.http import Outbound
from adapters.inbound import Talking
from tests.adapters.channels.posts import POST
from tests.adapters.channels.whatsapp.parts import ANA, Monotonic, chat_message, message
from tests.clock import MovableClock
from tests.fakes.whatsapp import Failure, FakeWhatsApp, Template
from tests.fakes.whatsapp.platform import Trick

LOGIN = Template("login", "en", 1, "AUTHENTICATION", "{{1}} is your verification code.")
NEWS = Template("news", "en", 3, text="News from {{1}}: {{2}} {{3}}", buttons=("Stop",))
WAITING = Template("waiting", "en", 1, text="{{1}} posts wait for you.")
PICTURE = "https://nasa.example/a.jpg"


async def refused(channel: WhatsApp, message: Message) -> SendError:
    with pytest.raises(SendError) as error:
        await channel.send(message)
    return error.value


def test_it_is_a_channel_that_people_can_write_to(channel: WhatsApp) -> None:
    as_channel: Channel = channel
    assert isinstance(channel, Talking)
    assert (as_channel.name, as_channel.lane, as_channel.in_flight, as_channel.needs_secret) == (
        "whatsapp",
        "chat",
        1,
        False,
    )
    assert channel.dedupe_window == timedelta(0)


def test_an_address_is_normal_or_refused_with_advice(channel: WhatsApp) -> None:
    assert channel.normal_address("+34 600 123 456") == ANA
    with pytest.raises(BadAddress, match=r"\+34600123456"):
        channel.normal_address("ana@example.org")


def test_links_to_us_and_nudges_need_settings(channel: WhatsApp, outbound: Outbound) -> None:
    bare = WhatsApp(outbound)
    assert (channel.is_set_up, channel.number, channel.nudges) == (True, "+15555550199", True)
    assert (bare.is_set_up, bare.number, bare.nudges) == (False, "", False)


async def test_a_reply_appears_on_the_phone(channel: WhatsApp, whatsapp: FakeWhatsApp) -> None:
    receipt = await channel.send(message("hello", reply_to="wamid.HERS"))
    (shown,) = whatsapp.screen(ANA)
    assert (shown.kind, shown.text, shown.quoted, shown.data) == ("text", "hello", "wamid.HERS", "msg_1")
    assert receipt == Receipt(message_id=shown.id, status=200)


async def test_a_person_without_a_number_is_reached_by_their_id(channel: WhatsApp, whatsapp: FakeWhatsApp) -> None:
    bob = whatsapp.person("15555550100", user_id="US.42", hidden=True)
    bob.wrote_at = whatsapp.clock()
    await channel.send(message("hello", address="US.42"))
    assert [shown.text for shown in bob.screen] == ["hello"]
    assert whatsapp.accepted[0]["recipient"] == "US.42"


async def test_the_platforms_name_for_a_dialled_number_is_not_needed(channel: WhatsApp, whatsapp: FakeWhatsApp) -> None:
    """It answers with another spelling than was dialled, and takes both."""
    whatsapp.person("5215512345678", dialled=("525512345678",)).wrote_at = whatsapp.clock()
    for _ in range(2):
        await channel.send(message("hello", address="+525512345678"))
    assert [body["to"] for body in whatsapp.accepted] == ["+525512345678"] * 2


# Settings


@pytest.mark.parametrize(
    ("name", "missing", "variable"),
    [
        ("whatsapp", "token", "WHATSAPP_TOKEN"),
        ("whatsapp", "phone_number_id", "WHATSAPP_PHONE_NUMBER_ID"),
        ("whatsapp/sales", "token", "WHATSAPP_TOKEN__SALES"),
    ],
)
async def test_a_missing_setting_is_named(
    outbound: Outbound, whatsapp: FakeWhatsApp, name: str, missing: str, variable: str
) -> None:
    channel = WhatsApp(outbound, name, whatsapp.config(**{missing: ""}))
    error = await refused(channel, message("hello"))
    assert isinstance(error, Suspended)
    assert str(error) == f"{variable} is not set"


def test_secrets_are_not_shown_with_the_settings() -> None:
    text = repr(Config(token="EAAx", app_secret="s3", verify_token="v3"))
    assert not any(secret in text for secret in ("EAAx", "s3", "v3"))


@pytest.mark.parametrize(
    ("changes", "code"), [({"token": "wrong"}, "190"), ({"phone_number_id": "1"}, "33")], ids=["token", "number"]
)
async def test_wrong_settings_suspend_and_no_token_is_quoted(
    outbound: Outbound, whatsapp: FakeWhatsApp, changes: dict[str, str], code: str
) -> None:
    error = await refused(WhatsApp(outbound, config=whatsapp.config(**changes)), message("hello"))
    assert (type(error), error.code) == (Suspended, code)
    assert "wrong" not in str(error) + error.response


# What the platform refuses


@pytest.mark.parametrize(
    ("code", "kind", "after"),
    [
        (131048, Suspended, 3600),
        (131042, Suspended, None),
        (4, ChannelThrottled, 60),
        (130429, ChannelThrottled, 1),
        (131057, ChannelThrottled, 45),
        (131056, Throttled, 1),
        (2, TryAgain, 5),
        (134101, TryAgain, 120),
        (131000, Ambiguous, 5),
        (135000, Rejected, None),
        (130403, AddressGone, None),
    ],
)
@pytest.mark.parametrize("status", [400, 429, 500, 200])
async def test_the_code_decides_and_not_the_status(
    channel: WhatsApp, whatsapp: FakeWhatsApp, code: int, kind: type[SendError], after: float | None, status: int
) -> None:
    whatsapp.fail(ANA, Failure(code, "as told", status))
    error = await refused(channel, message("hello"))
    assert (type(error), error.code, error.status) == (kind, str(code), status)
    assert error.after == (None if after is None else timedelta(seconds=after))
    assert "as told" in str(error)


async def test_an_unknown_code_is_final_the_second_time(channel: WhatsApp, whatsapp: FakeWhatsApp) -> None:
    whatsapp.fail(ANA, 987654, 987654, 987654)
    assert type(await refused(channel, message("hello"))) is TryAgain
    assert type(await refused(channel, message("hello", id="msg_2"))) is TryAgain
    assert type(await refused(channel, message("hello"))) is Rejected


async def test_what_may_hide_a_bad_request_is_not_tried_for_ever(channel: WhatsApp, whatsapp: FakeWhatsApp) -> None:
    whatsapp.fail(ANA, 1, 1, 1, 1)
    errors = [type(await refused(channel, message("hello"))) for _ in range(4)]
    assert errors == [Ambiguous, Ambiguous, Ambiguous, Rejected]


@pytest.mark.parametrize(("code", "waits"), [(131056, [1, 4, 16, 64]), (130429, [1, 2, 4, 8])])
async def test_who_is_told_to_slow_down_waits_longer_each_time(
    channel: WhatsApp, whatsapp: FakeWhatsApp, monotonic: Monotonic, code: int, waits: list[int]
) -> None:
    told = []
    whatsapp.fail(ANA, *(code for _ in waits))
    for _ in waits:
        monotonic.now += 60
        error = await refused(channel, message("hello"))
        assert error.after is not None
        told.append(error.after.total_seconds())
    monotonic.now += 60
    await channel.send(message("hello"))
    whatsapp.fail(ANA, code)
    error = await refused(channel, message("hello"))
    assert (told, error.after) == (waits, timedelta(seconds=1))


async def test_who_cannot_be_reached_three_times_in_a_row_is_gone(
    channel: WhatsApp, whatsapp: FakeWhatsApp, monotonic: Monotonic
) -> None:
    whatsapp.fail(ANA, 131026, 131026)
    kinds = [type(await refused(channel, message("hello"))) for _ in range(2)]
    await channel.send(message("hello"))
    whatsapp.fail(ANA, 131026, 131026, 131026)
    kinds += [type(await refused(channel, message("hello"))) for _ in range(3)]
    assert kinds == [Rejected, Rejected, Rejected, Rejected, AddressGone]


@pytest.mark.parametrize(("how", "status"), [("html", 502), ("empty", 200)])
async def test_an_answer_that_says_nothing_leaves_open_what_happened(
    channel: WhatsApp, whatsapp: FakeWhatsApp, how: Trick, status: int
) -> None:
    whatsapp.fail(ANA, how)
    error = await refused(channel, message("hello"))
    assert (type(error), error.code, error.status) == (Ambiguous, f"http_{status}", status)


@pytest.mark.parametrize(
    ("given", "seconds"), [({"text": "hello"}, 5), ({"code": "482913", "event": "code"}, 5), ({"post": POST}, 120)]
)
async def test_a_message_without_an_answer_may_have_been_sent(
    channel: WhatsApp, whatsapp: FakeWhatsApp, given: dict[str, Any], seconds: int
) -> None:
    whatsapp.add(LOGIN)
    whatsapp.fail(ANA, "reset")
    error = await refused(channel, message(**given))
    assert (type(error), error.after) == (Ambiguous, timedelta(seconds=seconds))
    assert len(whatsapp.screen(ANA)) == 1


async def test_nobody_waits_for_ever(outbound: Outbound, whatsapp: FakeWhatsApp) -> None:
    channel = WhatsApp(outbound, config=whatsapp.config(), timeout_seconds=0.1)
    whatsapp.fail(ANA, "hang")
    async with asyncio.timeout(5):
        error = await refused(channel, message("hello"))
    assert (type(error), error.code) == (Ambiguous, "timeout")


async def test_all_that_is_tried_has_one_time_limit(
    outbound: Outbound, whatsapp: FakeWhatsApp, clock: MovableClock
) -> None:
    await closed(whatsapp, clock, replace(NEWS, parameters=0))  # found at the fourth try
    whatsapp.rules.slow_seconds = 0.12
    channel = WhatsApp(outbound, config=whatsapp.config(alert_template="news"), timeout_seconds=0.3)
    error = await refused(channel, message(post=POST, window_open=False))
    assert (type(error), error.code) == (Ambiguous, "timeout")
    assert len(whatsapp.refused) < 3


async def test_a_platform_that_is_not_there_is_tried_again(outbound: Outbound, whatsapp: FakeWhatsApp) -> None:
    channel = WhatsApp(outbound, config=whatsapp.config(base_url="http://127.0.0.1:1"))
    error = await refused(channel, message("hello"))
    assert (type(error), error.code) == (TryAgain, "connect")


async def test_there_must_be_something_to_send(channel: WhatsApp, whatsapp: FakeWhatsApp) -> None:
    assert type(await refused(channel, message(" \n"))) is Rejected
    assert not whatsapp.refused


# What is put right at once


@pytest.mark.parametrize("code", [100, 131009, 131053])
@pytest.mark.parametrize(
    "given",
    [
        {"post": replace(POST, image=PICTURE)},
        {"text": "Which?", "buttons": (Button("Yes", "yes"),)},
        {"text": "hello", "reply_to": "wamid.GONE"},
    ],
    ids=["picture", "buttons", "quote"],
)
async def test_what_is_not_taken_as_it_is_goes_as_plain_text(
    channel: WhatsApp, whatsapp: FakeWhatsApp, code: int, given: dict[str, Any]
) -> None:
    whatsapp.fail(ANA, code)
    await channel.send(message(**given))
    (shown,) = whatsapp.screen(ANA)
    assert (shown.kind, shown.picture, shown.buttons, shown.quoted) == ("text", "", (), "")


async def test_plain_text_that_is_not_taken_is_not_repeated(channel: WhatsApp, whatsapp: FakeWhatsApp) -> None:
    whatsapp.fail(ANA, 100, 100)
    assert type(await refused(channel, message("hello"))) is Rejected
    assert len(whatsapp.refused) == 1


@pytest.mark.parametrize(
    ("dialled", "known"),
    [("+525512345678", "5215512345678"), ("+541123456789", "5491123456789"), ("+5511987654321", "551187654321")],
)
@pytest.mark.parametrize("code", [131026, 131030])
async def test_the_other_spelling_of_a_number_is_tried_once_and_remembered(
    channel: WhatsApp, whatsapp: FakeWhatsApp, dialled: str, known: str, code: int
) -> None:
    whatsapp.person(known).wrote_at = whatsapp.clock()
    whatsapp.fail(dialled, code)
    for _ in range(2):
        await channel.send(message("hello", address=dialled))
    assert [body["to"] for _, body in whatsapp.refused] == [dialled]
    assert [body["to"] for body in whatsapp.accepted] == ["+" + known, "+" + known]


async def test_a_number_without_another_spelling_is_tried_once(channel: WhatsApp, whatsapp: FakeWhatsApp) -> None:
    assert (await refused(channel, message("hello", address="+14155550100"))).code == "131026"
    assert len(whatsapp.refused) == 1


async def test_another_refusal_is_no_matter_of_spelling(channel: WhatsApp, whatsapp: FakeWhatsApp) -> None:
    whatsapp.fail("+525512345678", 135000)
    assert (await refused(channel, message("hello", address="+525512345678"))).code == "135000"
    assert len(whatsapp.refused) == 1


async def test_a_number_nobody_has_in_either_spelling_is_refused(channel: WhatsApp, whatsapp: FakeWhatsApp) -> None:
    assert type(await refused(channel, message("hello", address="+525512345678"))) is Rejected
    assert [body["to"] for _, body in whatsapp.refused] == ["+525512345678", "+5215512345678"]


# Codes


async def test_a_code_goes_by_its_template_even_to_who_has_not_written(
    channel: WhatsApp, whatsapp: FakeWhatsApp
) -> None:
    whatsapp.add(LOGIN)
    whatsapp.person(ANA).wrote_at = None
    await channel.send(message(code="482913", window_open=False, event="code"))
    (shown,) = whatsapp.screen(ANA)
    assert (shown.template, shown.text) == ("login", "482913 is your verification code.")


async def test_without_a_template_no_code_leaves(outbound: Outbound, whatsapp: FakeWhatsApp) -> None:
    error = await refused(WhatsApp(outbound, config=whatsapp.config()), message("482913", code="482913"))
    assert type(error) is Rejected
    assert "WHATSAPP_CODE_TEMPLATE" in str(error)
    assert not whatsapp.accepted
    assert not whatsapp.refused


async def test_a_template_that_is_missing_is_no_reason_to_send_a_code_as_text(
    channel: WhatsApp, whatsapp: FakeWhatsApp
) -> None:
    error = await refused(channel, message("482913", code="482913"))
    assert (type(error), error.code) == (Rejected, "132001")
    assert "482913" not in str(error)
    assert not whatsapp.screen(ANA)


async def test_codes_need_a_phone_number(channel: WhatsApp) -> None:
    error = await refused(channel, message(code="482913", address="US.42"))
    assert (type(error), error.code) == (Rejected, "131062")


@pytest.mark.parametrize(
    ("approved", "spoken", "tries"), [("ko", "ko", 1), ("en", "ko", 2), ("en_US", "ko", 3), ("en_US", "en", 2)]
)
async def test_a_template_is_found_in_another_language_and_then_known(
    channel: WhatsApp, whatsapp: FakeWhatsApp, approved: str, spoken: str, tries: int
) -> None:
    whatsapp.add(replace(LOGIN, language=approved))
    for _ in range(2):
        await channel.send(message(code="482913", language=spoken))
    assert [shown.text for shown in whatsapp.screen(ANA)] == ["482913 is your verification code."] * 2
    assert len(whatsapp.refused) == tries - 1


# The 24 hours


async def closed(whatsapp: FakeWhatsApp, clock: MovableClock, *templates: Template) -> None:
    whatsapp.add(*templates)
    clock.advance(hours=25)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (3, "News from NASA: Launch – today https://nasa.example/launch"),
        (2, "News from NASA: Launch – today {{3}}"),
        (1, "News from NASA: {{2}} {{3}}"),
        (0, "News from {{1}}: {{2}} {{3}}"),
    ],
)
async def test_a_post_to_who_is_silent_fills_as_many_gaps_as_there_are(
    channel: WhatsApp, whatsapp: FakeWhatsApp, clock: MovableClock, parameters: int, text: str
) -> None:
    await closed(whatsapp, clock, replace(NEWS, parameters=parameters))
    for _ in range(2):
        await channel.send(message(post=POST, window_open=False))
    assert [shown.text for shown in whatsapp.screen(ANA)] == [text, text]
    assert len(whatsapp.refused) == 3 - parameters


async def test_a_template_that_was_changed_is_found_out_anew(
    channel: WhatsApp, whatsapp: FakeWhatsApp, clock: MovableClock, monotonic: Monotonic
) -> None:
    await closed(whatsapp, clock, replace(NEWS, parameters=1))
    await channel.send(message(post=POST, window_open=False))
    whatsapp.add(NEWS)
    assert type(await refused(channel, message(post=POST, window_open=False))) is WindowClosed
    monotonic.now += 60
    await channel.send(message(post=POST, window_open=False))
    assert [len(shown.parameters) for shown in whatsapp.screen(ANA)] == [1, 3]


@pytest.mark.parametrize("given", [{"text": "hello"}, {"text": "gone", "event": "feed.gone"}])
async def test_words_to_who_is_silent_wait(
    channel: WhatsApp, whatsapp: FakeWhatsApp, clock: MovableClock, given: dict[str, str]
) -> None:
    await closed(whatsapp, clock, NEWS)
    error = await refused(channel, message(**given, window_open=False))
    assert type(error) is WindowClosed
    assert not whatsapp.refused


async def test_a_post_waits_where_no_template_is_set(outbound: Outbound, whatsapp: FakeWhatsApp) -> None:
    channel = WhatsApp(outbound, config=whatsapp.config())
    assert type(await refused(channel, message(post=POST, window_open=False))) is WindowClosed


@pytest.mark.parametrize("code", [131047, 131049, 131050, 132001, 132007, 132015, 132016, 130472])
async def test_a_post_waits_while_the_template_is_withheld(
    channel: WhatsApp, whatsapp: FakeWhatsApp, clock: MovableClock, code: int
) -> None:
    await closed(whatsapp, clock, NEWS)
    whatsapp.fail(ANA, *[code] * 3)
    error = await refused(channel, message(post=POST, window_open=False))
    assert (type(error), error.code) == (WindowClosed, str(code))


@pytest.mark.parametrize(("code", "kind"), [(130429, ChannelThrottled), (190, Suspended), (131026, Rejected)])
async def test_other_troubles_of_a_template_are_what_they_always_are(
    channel: WhatsApp, whatsapp: FakeWhatsApp, clock: MovableClock, code: int, kind: type[SendError]
) -> None:
    await closed(whatsapp, clock, NEWS)
    whatsapp.fail(ANA, code)
    assert type(await refused(channel, message(post=POST, window_open=False))) is kind


async def test_the_platform_is_believed_when_it_says_that_the_time_is_over(
    channel: WhatsApp, whatsapp: FakeWhatsApp, clock: MovableClock
) -> None:
    await closed(whatsapp, clock, NEWS)
    await channel.send(message(post=POST, window_open=True))
    assert [code for code, _ in whatsapp.refused] == [131047]
    assert [shown.template for shown in whatsapp.screen(ANA)] == ["news"]
    assert type(await refused(channel, message("hello", window_open=True))) is WindowClosed


async def test_a_nudge_says_how_much_waits(channel: WhatsApp, whatsapp: FakeWhatsApp, clock: MovableClock) -> None:
    await closed(whatsapp, clock, WAITING)
    await channel.send(message("12 wait", event="nudge", waiting=12, window_open=False))
    assert [shown.text for shown in whatsapp.screen(ANA)] == ["12 posts wait for you."]


async def test_without_a_template_nobody_is_nudged(outbound: Outbound, whatsapp: FakeWhatsApp) -> None:
    channel = WhatsApp(outbound, config=whatsapp.config())
    assert type(await refused(channel, message(event="nudge", waiting=1, window_open=False))) is Rejected


# Pace


async def test_one_person_gets_ten_at_once_and_then_one_in_six_seconds(channel: WhatsApp, monotonic: Monotonic) -> None:
    for _ in range(10):
        await channel.send(message("hello"))
    error = await refused(channel, message("hello"))
    assert (type(error), error.code, error.after) == (Throttled, "pair_rate", timedelta(seconds=6))
    assert monotonic.rests == []
    monotonic.now += 4.5
    await channel.send(message("hello"))
    assert monotonic.rests == pytest.approx([1.5])


async def test_others_do_not_wait_for_one(channel: WhatsApp, whatsapp: FakeWhatsApp, monotonic: Monotonic) -> None:
    for _ in range(10):
        await channel.send(message("hello"))
    whatsapp.person("15555550100").wrote_at = whatsapp.clock()
    await channel.send(message("hello", address="+15555550100"))
    assert monotonic.rests == []


async def test_a_number_sends_twenty_at_once_and_makes_others_wait_two_seconds_at_most(
    outbound: Outbound, whatsapp: FakeWhatsApp
) -> None:
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    channel = WhatsApp(outbound, config=whatsapp.config(), clock=lambda: 0.0, rest=rest)
    addresses = [f"+1555555{number:04}" for number in range(70)]
    for address in addresses:
        whatsapp.person(address).wrote_at = whatsapp.clock()
    sends = (channel.send(message("hello", address=address)) for address in addresses)
    results = await asyncio.gather(*sends, return_exceptions=True)
    late = [error for error in results if isinstance(error, ChannelThrottled)]
    assert (len(whatsapp.accepted), len(rests), max(rests), len(late)) == (60, 40, 2.0, 10)
    assert {error.after for error in late} == {timedelta(seconds=2.05)}


async def test_a_refusal_empties_the_bucket(channel: WhatsApp, whatsapp: FakeWhatsApp) -> None:
    whatsapp.fail(ANA, 131056)
    await refused(channel, message("hello"))
    assert (await refused(channel, message("hello"))).code == "pair_rate"


async def test_our_pace_is_one_that_the_platform_takes(
    channel: WhatsApp, whatsapp: FakeWhatsApp, clock: MovableClock, monotonic: Monotonic
) -> None:
    whatsapp.rules.pair_burst = 10
    for _ in range(20):
        try:
            await channel.send(message("hello"))
        except Throttled as error:
            wait = error.after or timedelta(0)
            monotonic.now += wait.total_seconds()
            clock.advance(wait)
    assert not whatsapp.refused


# Signs of life


async def test_a_message_is_marked_as_read_and_being_answered(channel: WhatsApp, whatsapp: FakeWhatsApp) -> None:
    message_id = await whatsapp.say(ANA, "hi")
    await channel.seen(chat_message(message_id=message_id))
    assert whatsapp.marks == [
        {
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": message_id,
            "typing_indicator": {"type": "text"},
        }
    ]


@pytest.mark.parametrize("changes", [{}, {"token": ""}, {"token": "wrong"}, {"base_url": "http://127.0.0.1:1"}])
@pytest.mark.parametrize("message_id", ["", "wamid.UNKNOWN"])
async def test_marking_never_fails(
    outbound: Outbound, whatsapp: FakeWhatsApp, changes: dict[str, str], message_id: str
) -> None:
    await WhatsApp(outbound, config=whatsapp.config(**changes)).seen(chat_message(message_id=message_id))
    assert not whatsapp.marks


async def test_nobody_manages_a_direct_chat(channel: WhatsApp) -> None:
    assert await channel.managers(ANA) is None
    await channel.close()
