"""Words for WhatsApp: their length, and that feeds cannot format our messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.channels.whatsapp.text import JOINER, cut, defused, one_line, units


@pytest.mark.parametrize(("text", "size"), [("", 0), ("abc", 3), ("é中", 2), ("👍", 2), ("👨‍👩‍👧", 8), ("\ud800", 1)])
def test_characters_count_as_the_platform_counts(text: str, size: int) -> None:
    assert units(text) == size


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("plain", "plain"),
        ("*bold*", "^*bold^*"),
        ("_a_ ~b~ ```c```", "^_a^_ ^~b^~ ^`^`^`c^`^`^`"),
        ("snake_case_name 2*3*4", "snake_case_name 2*3*4"),
        ("中*文*字", "中^*文^*字"),
        ("> quoted\n>also", "^> quoted\n^>also"),
        ("a > b", "a > b"),
        ("see https://a.example/_x_/*y* now", "see https://a.example/_x_/*y* now"),
        ("- a list\n- stays one", "- a list\n- stays one"),
    ],
)
def test_markers_of_formatting_lose_their_meaning(text: str, harmless: str) -> None:
    assert defused(text) == harmless.replace("^", JOINER)


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("short", 5, "short"),
        ("One is here. Two is there.", 20, "One is here. …"),
        ("no sentence at all here", 15, "no sentence…"),
        ("第一句。第二句。第三句。", 10, "第一句。第二句。 …"),
        ("aaaaaaaaaaaa", 6, "aaaa…"),
        ("👍👍👍👍", 7, "👍👍…"),
        ("go to https://a.example/long/path now", 25, "go to…"),
        ("anything", 1, ""),
    ],
)
def test_what_is_too_long_ends_at_a_sentence_or_a_word(text: str, limit: int, short: str) -> None:
    assert cut(text, limit) == short


@given(st.text(), st.integers(0, 40))
def test_what_is_cut_fits(text: str, limit: int) -> None:
    assert units(cut(text, limit)) <= limit or text == cut(text, limit) == ""


def test_labels_are_one_line() -> None:
    assert one_line(" a\n\tb     c ", 20) == "a b c"
