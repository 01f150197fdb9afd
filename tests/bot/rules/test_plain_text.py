"""Texts are cleaned, measured and cut the way people see them."""

from time import process_time

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.plain_text import clean, cut, length, one_line

FAMILY = "👨‍👩‍👧‍👦"
SCOTLAND = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("", ""),
        ("  plain  ", "plain"),
        ("a\r\nb\rc\u2028d\u2029e\x85f", "a\nb\nc\nd\ne\nf"),
        ("a  \n \t\n\n\nb", "a\n\nb"),
        ("\n\n  a\n    indented", "a\n    indented"),
        ("nul\x00 bell\x07 esc\x1b[31m c1\x9b", "nul bell esc[31m c1"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("invoice\u202efdp.exe\u202c", "invoicefdp.exe"),
        ("\u2066isolated\u2069", "isolated"),
        ("pass\u200bwo\u2060rd\ufeff so\u00adft", "password soft"),
        ("\U000e0041\U000e0042hidden\U000e0001", "hidden"),
        ("a\u200d\u200d\u200d\u200cb", "a\u200db"),
        ("Z" + "\u0301" * 50, "Z" + "\u0301" * 8),
        # what looks alike but has a meaning
        (FAMILY, FAMILY),
        (SCOTLAND, SCOTLAND),
        ("👍🏽 🏳️‍🌈 ❤️ 1️⃣", "👍🏽 🏳️‍🌈 ❤️ 1️⃣"),
        ("می‌خواهم", "می‌خواهم"),
        ("שלום \u200fabc\u200e", "שלום \u200fabc\u200e"),
        ("क्षि ท้ำ ấ", "क्षि ท้ำ ấ"),
    ],
)
def test_what_is_unseen_goes_and_what_has_a_meaning_stays(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_one_line_has_no_breaks_and_single_blanks() -> None:
    assert one_line(" a\n\n b\t c\u2028d\u3000e ") == "a b c d e"


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("", 0),
        ("abc", 3),
        ("a\r\nb", 3),
        (FAMILY, 1),
        ("🇩🇪🇫🇷", 2),
        (SCOTLAND, 1),
        ("👍🏽👍🏿", 2),
        ("❤️", 1),
        ("e\u0301a\u0308\u0323", 2),
        ("日本語", 3),
        ("한국어", 3),
        ("\u1112\u1161\u11ab", 1),
        ("مَرْحَبًا", 5),
    ],
)
def test_length_counts_what_people_see(text: str, characters: int) -> None:
    assert length(text) == characters


@pytest.mark.parametrize(
    ("text", "limit", "kept"),
    [
        ("short", 5, "short"),
        ("short", 0, ""),
        ("short", -1, ""),
        ("short", 1, "…"),
        ("short", 2, "s…"),
        # after a sentence
        ("One two. Three four. Five six seven.", 24, "One two. Three four. …"),
        ("He said “stop!” Then he left the room.", 20, "He said “stop!” …"),
        ("Line one\nLine two goes on and on", 14, "Line one …"),
        ("Version 3.11 is out now and more", 24, "Version 3.11 is out now…"),
        ("今天天气很好。我们去公园玩吧。明天再说。", 12, "今天天气很好。 …"),
        ("「本当ですか？」はい、本当です。", 10, "「本当ですか？」 …"),
        ("هل هذا صحيح؟ نعم هذا صحيح تماما", 15, "هل هذا صحيح؟ …"),
        ("यह वाक्य है। यह दूसरा वाक्य है।", 12, "यह वाक्य है। …"),
        # else after a word, when half of the room is used
        ("Yes. But this one goes on and on and on", 30, "Yes. But this one goes on and…"),
        ("one two three four", 10, "one two…"),
        # else between two characters
        ("a bbbbbbbbbbbbbbbbbbbb", 10, "a bbbbbbb…"),
        ("今天天气很好我们去公园玩吧", 6, "今天天气很…"),
        (FAMILY * 5, 3, FAMILY * 2 + "…"),
        ("🇩🇪🇫🇷🇪🇸🇮🇹", 3, "🇩🇪🇫🇷…"),
        ("👍🏽👍🏿👍🏻", 2, "👍🏽…"),
        ("e\u0301" * 4, 3, "e\u0301" * 2 + "…"),
        ("e\u0301" * 4, 4, "e\u0301" * 4),
        # addresses are whole or not there
        ("See https://a.example/long/path for more", 20, "See…"),
        ("See https://a.example/x for more", 26, "See https://a.example/x…"),
        ("word (https://a.example/path) and on", 20, "word…"),
        ("word (https://a.example/path) and on", 32, "word (https://a.example/path)…"),
        ("https://a.example/a/very/long/path", 10, "…"),
        ("见https://a.example/x。然后继续说下去吧朋友们", 26, "见https://a.example/x。 …"),
        ("见https://a.example/path。然后继续", 12, "见…"),
        ("https://web.example/https://a.example/ x", 24, "…"),
    ],
)
def test_what_is_too_long_is_cut_where_it_hurts_least(text: str, limit: int, kept: str) -> None:
    assert cut(text, limit) == kept
    assert length(kept) <= max(limit, 0)


ADDRESS = "https://a.example/p?q=1#f"
PARTS = [
    *(ADDRESS, f"({ADDRESS})", " ", "\n", ". ", "。", "…", "!", "word", "字", "é", "e\u0301", "\u0600", "\r\n"),
    *(FAMILY, SCOTLAND, "🇩🇪", "👍🏽", "\u200d", "क्ष", "한", "\u1112", "\u1161", "شَ", "\ufe0f"),
]


@given(st.lists(st.sampled_from(PARTS)).map("".join) | st.text(), st.integers(-1, 60))
def test_a_cut_text_is_within_the_limit_and_cut_once(text: str, limit: int) -> None:
    kept = cut(text, limit)
    assert len(regex.findall(r"\X", kept)) <= max(limit, 0)
    assert cut(kept, limit) == kept


@given(st.lists(st.sampled_from([ADDRESS, " ", ". ", "字。", "｡", ".”", "word", FAMILY, "\n"])), st.integers(0, 60))
def test_no_half_address_is_left(parts: list[str], limit: int) -> None:
    text, address = "".join(parts), regex.compile(r"https?://[\w./?#=:&]+")
    assert set(address.findall(cut(text, limit))) <= set(address.findall(text))


@pytest.mark.parametrize("part", ["https://", "http", "｡", ". ", "\n", "e\u0301", "字", FAMILY, '."', "(https://a "])
def test_the_time_to_cut_is_bounded_whatever_is_repeated(part: str) -> None:
    for text in (part * (65_536 // len(part)), "https://a" + part * (65_536 // len(part))):
        began = process_time()
        for limit in (10, 4_000, 30_000):
            cut(clean(text), limit)
        assert process_time() - began < 1.0  # 0.03 s where it was measured


@given(st.text() | st.lists(st.sampled_from(PARTS)).map("".join))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    clean(text).encode()  # no lone surrogates: every store and every socket takes it
