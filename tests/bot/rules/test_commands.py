"""What people write becomes the command that they meant, in every language; what is not for us stays unanswered."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.inbound import ChatMessage
from bot.rules import commands
from bot.rules.command_words import LANGUAGES, WORDS, Verb, word
from bot.rules.commands import Command, button, parse

FEED = "https://example.org/feed"


def message(text: str = "", **fields: Any) -> ChatMessage:
    known: dict[str, Any] = {"key": "k", "chat": "c", "direct": True, "sender": "s", "text": text}
    return ChatMessage(**known | fields)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_understood(language: str) -> None:
    for verb, words in WORDS.items():
        assert words[language], (verb, language)
        for name in words[language]:
            for written in (name, f"/{name}", name.upper(), f"{name}!", f" {name}。", f"“{name}”"):
                found = parse(written, "", True)
                assert found, written
                assert found.verb == verb, written
                assert found.language in ("", *LANGUAGES[1:])


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_means_two_things_in_one_language(language: str) -> None:
    words = [name for verb in WORDS for name in WORDS[verb][language]]
    assert len(words) == len(set(words))


WRITTEN = [
    (f"subscribe {FEED}", Verb.SUBSCRIBE, FEED),
    (f"/subscribe@postbell_bot {FEED}", Verb.SUBSCRIBE, FEED),
    (f"@Postbell subscribe {FEED}", Verb.SUBSCRIBE, FEED),
    (f"@Postbell\u00a0/sub\u3000{FEED}.", Verb.SUBSCRIBE, FEED),
    (f"Subscribe: <{FEED}>", Verb.SUBSCRIBE, FEED),
    (f"please subscribe “{FEED}”", Verb.SUBSCRIBE, FEED),
    (f"ＳＵＢＳＣＲＩＢＥ {FEED}", Verb.SUBSCRIBE, FEED),
    (f"订阅{FEED}", Verb.SUBSCRIBE, FEED),
    (f"请订阅：{FEED}", Verb.SUBSCRIBE, FEED),
    (f"{FEED} 구독", Verb.SUBSCRIBE, FEED),
    (f"구독 {FEED}", Verb.SUBSCRIBE, FEED),
    ("subscribe ＠ＮＡＳＡ", Verb.SUBSCRIBE, "@NASA"),
    ("@nasa", Verb.SUBSCRIBE, "@nasa"),
    (FEED, Verb.SUBSCRIBE, FEED),
    (f"  {FEED}  \n", Verb.SUBSCRIBE, FEED),
    ("www.example.org/feed", Verb.SUBSCRIBE, "www.example.org/feed"),
    ("https://example.org/?p=1&q=新", Verb.SUBSCRIBE, "https://example.org/?p=1&q=新"),
    (f"look at {FEED}", Verb.UNKNOWN, f"look at {FEED}"),
    ("订阅列表", Verb.LIST, ""),
    ("list  the\u00a0harbour", Verb.LIST, "the harbour"),
    ("退订第3个", Verb.UNSUBSCRIBE, "第3个"),
    ("取消订阅 3", Verb.UNSUBSCRIBE, "3"),
    ("3번 구독 취소", Verb.UNSUBSCRIBE, "3번"),
    ("cancelar suscripción 3", Verb.UNSUBSCRIBE, "3"),
    ("CANCELAR SUSCRIPCION 3", Verb.UNSUBSCRIBE, "3"),
    ("stop 3", Verb.UNSUBSCRIBE, "3"),
    ("por qué", Verb.WHY, ""),
    ("por que https://example.org/1", Verb.WHY, "https://example.org/1"),
    ("who am i?", Verb.WHOAMI, ""),
    ("?", Verb.HELP, ""),
    ("> what you said\nlist", Verb.LIST, ""),
    ("> list", Verb.UNKNOWN, "> list"),
    ("cancel", Verb.NO, ""),
    ("no, thank you", Verb.UNKNOWN, "no, thank you"),
    ("3", Verb.NUMBER, "3"),
    ("第３个", Verb.NUMBER, "3"),
    ("#12", Verb.NUMBER, "12"),
    ("123456", Verb.CODE, "123456"),
    ("１２３ ４５６", Verb.CODE, "123456"),
    ("١٢٣-٤٥٦", Verb.CODE, "123456"),
    ("code: 123 456", Verb.CODE, "123456"),
    ("verify 123456.", Verb.CODE, "123456"),
    ("1234567", Verb.UNKNOWN, "1234567"),
    ("K7Q2-9XMB", Verb.LINK, "K7Q2-9XMB"),
    ("link k7q2-9xmb", Verb.LINK, "k7q2-9xmb"),
    ("windows7", Verb.UNKNOWN, "windows7"),
    ("phone +34 600 100 200", Verb.PHONE, "+34 600 100 200"),
    ("pause all 7d", Verb.PAUSE, "all 7d"),
    ("hello there", Verb.UNKNOWN, "hello there"),
    ("/weather", Verb.UNKNOWN, "/weather"),
]


@pytest.mark.parametrize(("text", "verb", "argument"), WRITTEN)
def test_what_is_written_is_understood(text: str, verb: Verb, argument: str) -> None:
    found = parse(text, "", True)
    assert found
    assert (found.verb, found.argument) == (verb, argument)


STOPPING = [
    ("STOP", True), ("Stop.", True), ("stop all", True), ("please stop", True), ("Stop sending me this!", True),
    ("停止", True), ("停止给我发消息", True), ("停", True), ("중지", True), ("수신 거부", True), ("BAJA", True),
    ("parar", True), ("alto", True), ("quit", True), ("opt out", True), ("parar por favor", True),
    ("alto el fuego en todas partes", False), ("quit the job", False), ("baja el volumen", False),
    ("停车场在哪", False), ("don't stop", False), ("end of the world", False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "stops"), STOPPING)
def test_a_wish_to_stop_is_honoured_and_nothing_is_taken_for_one(text: str, stops: bool) -> None:
    found = parse(text, "", True)
    assert found
    assert (found.verb is Verb.STOP) == stops


def test_nothing_said_is_no_command() -> None:
    assert [parse(text, "", True) for text in ("", "  \n", "\u200b", "\ufeff")] == [None] * 4


def test_bare_values_count_only_in_direct_chats() -> None:
    for text in (FEED, "@nasa"):
        assert parse(text, "", False) == Command(Verb.UNKNOWN, text)


def test_codes_are_recognised_anywhere_for_in_groups_they_are_void() -> None:
    assert parse("123 456", "", False) == Command(Verb.CODE, "123456")
    assert parse("K7Q2-9XMB", "", False) == Command(Verb.LINK, "K7Q2-9XMB")


def test_a_list_that_is_pasted_stays_as_it_is() -> None:
    found = parse('import\n<opml version="2.0">\n<body/>\n</opml>', "", True)
    assert found == Command(Verb.IMPORT, '<opml version="2.0">\n<body/>\n</opml>')
    glued = parse('导入 <opml a="b">，。</opml>', "", True)
    assert glued == Command(Verb.IMPORT, '<opml a="b">，。</opml>', "zh-CN")


LANGUAGE_OF = [
    ("list", ""),
    ("列表", "zh-CN"),
    ("清單", "zh-TW"),
    ("訂閱 x", "zh-TW"),
    ("목록", "ko"),
    ("lista", "es"),
    ("no", ""),
]


@pytest.mark.parametrize(("text", "language"), LANGUAGE_OF)
def test_a_word_tells_the_language(text: str, language: str) -> None:
    found = parse(text, "", True)
    assert found
    assert found.language == language


# Buttons


@given(st.sampled_from(sorted(WORDS)), st.text(max_size=30), st.sampled_from(["", "yes", "no"]))
def test_a_button_comes_back_as_it_was_made(verb: Verb, argument: str, answer: Any) -> None:
    argument = "".join(c for c in argument if not 0xD800 <= ord(c) < 0xE000)
    value = button(verb, argument, answer)
    if value:
        assert value.isascii()
        assert value.isprintable()
        assert len(value) <= 200
        assert parse("ignored", value, False) == Command(verb, argument, "", answer)


def test_what_does_not_fit_into_a_button_makes_none() -> None:
    assert button(Verb.SUBSCRIBE, f"https://example.org/{'a' * 160}")
    assert button(Verb.SUBSCRIBE, f"https://example.org/{'a' * 170}") == ""


@pytest.mark.parametrize(
    "value", ["0:list", "2:list", "1:", "1:sing", "1:unknown", "1:list::maybe", "junk", ":::", "{}"]
)
def test_a_button_that_is_not_ours_or_too_old_does_nothing(value: str) -> None:
    assert parse("", value, True) == Command(Verb.STALE)


def test_a_template_s_button_carries_words() -> None:
    assert parse("Unsubscribe", "STOP", True) == Command(Verb.STOP)


# Who is meant


FOR_US = [
    ({"direct": True, "addressed": True}, "hello", True),
    ({"direct": False, "addressed": True}, "hello", True),
    ({"direct": False, "addressed": False}, "list", False),
    ({"direct": False, "addressed": False}, "/list", True),
    ({"direct": False, "addressed": False}, "／列表", True),
    ({"direct": False, "addressed": False}, "/weather", False),
    ({"direct": False, "addressed": False}, "123456", True),
    ({"direct": False, "addressed": False}, "K7Q2-9XMB", True),
    ({"direct": False, "addressed": False}, "12345", False),
    ({"direct": False, "addressed": False, "action": "1:list"}, "", True),
]


@pytest.mark.parametrize(("fields", "text", "ours"), FOR_US)
def test_in_groups_the_bot_hears_only_what_is_said_to_it(fields: dict[str, Any], text: str, ours: bool) -> None:
    assert commands.for_us(message(text, **fields)) == ours


NEEDS = [
    ({}, f"subscribe {FEED}", FEED),
    ({}, f"subscribe this one: {FEED}, please", FEED),
    ({}, f"subscribe ({FEED})", FEED),
    ({}, "subscribe  People's\u3000Daily", "People's Daily"),
    ({}, "subscribe", None),
    ({}, FEED, FEED),
    ({}, "list", None),
    ({"forwarded": True}, FEED, None),
    ({"direct": False, "addressed": False}, f"subscribe {FEED}", None),
    ({"direct": False, "addressed": False}, f"/subscribe {FEED}", FEED),
    ({"action": button(Verb.SUBSCRIBE, FEED)}, "", FEED),
    ({"kind": "image"}, f"subscribe {FEED}", FEED),
    ({"kind": "image"}, "look at this", None),
]


@pytest.mark.parametrize(("fields", "text", "name"), NEEDS)
def test_only_a_subscription_needs_a_look_up(fields: dict[str, Any], text: str, name: str | None) -> None:
    assert commands.needs(message(text, **fields)) == name


FILES = [
    ({"kind": "document"}, "", True),
    ({"kind": "document"}, "import", True),
    ({"kind": "document"}, "my list", True),
    ({"kind": "document"}, "list", False),
    ({"kind": "image"}, "", False),
    ({"kind": "document", "forwarded": True}, "", False),
    ({"kind": "document", "direct": False, "addressed": False}, "", False),
    ({"kind": "document", "file": ""}, "", False),
]


@pytest.mark.parametrize(("fields", "text", "wanted"), FILES)
def test_a_file_is_fetched_only_where_it_may_be_a_list(fields: dict[str, Any], text: str, wanted: bool) -> None:
    assert commands.wants_file(message(text, **{"file": "f"} | fields)) == wanted


def test_changes_need_a_manager_and_looks_do_not() -> None:
    managed = {verb for verb in Verb if commands.needs_manager(Command(verb))}
    assert managed == {
        Verb.SUBSCRIBE, Verb.UNSUBSCRIBE, Verb.PAUSE, Verb.RESUME, Verb.IMPORT, Verb.EXPORT, Verb.STOP, Verb.START,
    }  # fmt: skip


def test_who_manages_a_group_must_be_known_before_much_that_is_said_in_it() -> None:
    group = {"direct": False, "addressed": False}
    for text in ("/pause", "/help", "/yes", "/whoami"):
        assert commands.may_need_manager(message(text, **group)), text
    assert commands.may_need_manager(message("sing", direct=False))
    assert commands.may_need_manager(message("", direct=False))  # a mention alone: says what one may do here
    assert not commands.may_need_manager(message("", direct=False, addressed=False))
    assert commands.may_need_manager(message("", direct=False, kind="file", file="f"))
    assert not any(commands.may_need_manager(message(text, **group)) for text in ("pause", "/list", "/no", "123456"))
    assert commands.may_need_manager(message("K7Q2-9XMB", **group))  # may be what makes the group a destination


def test_strangers_are_heard_who_bring_a_code() -> None:
    for text in ("K7Q2-9XMB", "link K7Q2-9XMB", "绑定K7Q2-9XMB"):
        assert commands.brings_code(message(text)), text
    assert not any(commands.brings_code(message(text)) for text in ("link", "link it", "123456", "list", FEED))
    assert not commands.brings_code(message("K7Q2-9XMB", forwarded=True))


# Parts of arguments


DURATIONS = [
    ("3 7d", 7 * 24, "3"), ("all 2 weeks", 14 * 24, "all"), ("7天", 7 * 24, ""), ("3 7天", 7 * 24, "3"),
    ("2 semanas", 14 * 24, ""), ("todo 7 días", 7 * 24, "todo"), ("3번 2주", 14 * 24, "3번"), ("90 min", 1.5, ""),
    ("12小時", 12, ""), ("3", 0, "3"), ("harbour", 0, "harbour"), ("7 dwarfs", 0, "7 dwarfs"), ("", 0, ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "hours", "rest"), DURATIONS)
def test_durations_are_read_in_every_language(text: str, hours: float, rest: str) -> None:
    length, written, before = commands.duration(text)
    assert (length, before) == (timedelta(hours=hours), rest)
    assert bool(written) == bool(hours)


NEAR = [
    ("subcribe x", "en", Verb.SUBSCRIBE), ("lsit", "en", Verb.LIST), ("unsubscibe", "en", Verb.UNSUBSCRIBE),
    ("suscribr", "es", Verb.SUBSCRIBE), ("도움멀", "ko", Verb.HELP), ("hello", "en", None), ("hi", "en", None),
    ("supercalifragilisticexpialidocious", "en", None), ("推送内容", "zh-CN", None), ("", "en", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "language", "verb"), NEAR)
def test_a_slip_of_the_finger_suggests_the_nearest_command(text: str, language: str, verb: Verb | None) -> None:
    assert commands.nearest(text, language) == verb


@given(st.text(max_size=200), st.booleans())
def test_no_text_breaks_the_parser(text: str, direct: bool) -> None:
    found = parse(text, "", direct)
    assert found is None or isinstance(found.verb, Verb)
    parse("", text or "x", direct)
    commands.needs(message(text, direct=direct, addressed=False))
    commands.nearest(text, "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_people_are_told_to_write_works(language: str) -> None:
    for verb in WORDS:
        found = parse(f"/{word(verb, language)}", "", False)
        assert found
        assert found.verb == verb


@pytest.mark.parametrize("text", ["ok", "Show them", "yes", "👍", "好的"])
def test_what_only_shows_that_somebody_is_there(text: str) -> None:
    assert commands.shows_presence(message(text), "en")
    assert commands.shows_presence(message("", kind="sticker"), "en")
    assert commands.shows_presence(message(text, action=text), "en")  # a button of a template


@pytest.mark.parametrize("text", ["list", "lits", "stop", "no", "3", "https://example.org/blog", "123456"])
def test_what_asks_for_more(text: str) -> None:
    assert not commands.shows_presence(message(text), "en")
    assert not commands.shows_presence(message("", kind="document", file="f"), "en")
