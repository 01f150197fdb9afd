"""What posts look like before they are sent: as they will be, and harmless."""

import json
from datetime import timedelta
from typing import Any

import pytest

from adapters.base import FeedInfo, Found, Page
from bot.web.apis.native.names import Meant
from bot.web.console.previews import Piece, Preview, of_found, pieces
from tests.clock import START
from tests.world import item


def preview(language: str = "en", **fields: Any) -> Preview:
    page = Page(cursor={}, posts=[item(1, **fields)], info=FeedInfo(title="A feed", home="https://example.org/"))
    (one,) = of_found(Meant("feed", Found("https://example.org/feed", page), ""), 3, language, START)
    return one


def text(some: Any) -> str:
    return "".join(one.text for one in some)


def test_all_three_hold_the_same_post() -> None:
    one = preview(author="Ann", published=START - timedelta(hours=1))
    assert (one.card.title, one.card.names, text(one.card.text)) == ("Post 1", "A feed · Ann", "The text of 1.")
    assert text(one.bubble.text) == "Post 1\n\nThe text of 1.\n\nAnn · A feed\nhttps://example.org/1"
    assert one.bubble.text[0] == Piece("Post 1", strong=True)
    assert one.bubble.text[-1] == Piece("https://example.org/1", href="https://example.org/1")
    body = json.loads(one.json)
    assert (body["type"], body["data"]["title"], body["data"]["text"]) == ("post.created", "Post 1", "The text of 1.")
    assert body["data"]["published_at"] == "2026-03-02T11:00:00Z"


def test_words_that_would_be_formatting_are_shown_as_they_stand() -> None:
    words = "*not bold* _nor this_ ~nor~ `this` [link](https://x.example) <at id=all></at> &amp; 1. one"
    one = preview(content=words, is_html=False, title="A *title*")
    assert text(one.card.text) == words
    assert words in text(one.bubble.text)
    assert one.bubble.text[0].text == "A *title*"


def test_the_button_speaks_the_visitors_language() -> None:
    assert [button.text for button in preview("zh-CN").card.buttons] == ["打开"]
    assert preview(url="").card.buttons == []


def test_pictures_are_told_of_and_never_named() -> None:
    one = preview(image="https://example.org/a.jpg")
    assert (one.card.picture, one.bubble.picture) == (True, True)
    assert "a.jpg" not in text(one.card.text) + text(one.bubble.text)
    assert not preview().bubble.picture


@pytest.mark.parametrize("title", ["", "https://example.org/1", "The text of 1."])
def test_a_post_without_a_title_of_its_own(title: str) -> None:
    one = preview(title=title)
    assert text(one.bubble.text).count("The text of 1.") == 1
    assert text(one.card.text) or one.card.title


def test_what_is_too_long_is_cut_as_it_is_when_it_is_sent() -> None:
    one = preview(content="<p>" + "A sentence of words. " * 2000 + "</p>", tags=("x" * 300_000,))
    assert 2000 < len(text(one.bubble.text)) <= 4096
    assert len(text(one.card.text)) <= 4000
    assert one.json == ""


def test_the_newest_come_first() -> None:
    page = Page(cursor={}, posts=[item(n) for n in range(1, 6)])
    some = of_found(Meant("feed", Found("https://example.org/feed", page), ""), 2, "en", START)
    assert [one.title for one in some] == ["Post 5", "Post 4"]
    assert [json.loads(one.json)["data"]["seq"] for one in some] == [5, 4]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", []),
        ("no link", [("no link", "")]),
        ("see https://a.example/b.", [("see ", ""), ("https://a.example/b", "https://a.example/b"), (".", "")]),
        ("(http://a.example)", [("(", ""), ("http://a.example", "http://a.example"), (")", "")]),
        ("javascript:alert(1)", [("javascript:alert(1)", "")]),
        ("https://))", [("https://", "https://"), ("))", "")]),  # which the page makes no link of
    ],
)
def test_addresses_in_a_text_can_be_pressed(words: str, found: list[tuple[str, str]]) -> None:
    assert [(one.text, one.href) for one in pieces(words)] == found
