"""What a post says, as people read it (sources-x.md 3.2 and 13)."""

import json
from typing import Any

import pytest

from adapters.base import Enclosure, Post
from adapters.sources.x.posts import Person, read
from adapters.sources.x.wire import Answer

ME = Person("1", "ada", "Ada")
ID = "2034419579089846272"


def posted(text: str = "", includes: dict[str, Any] | None = None, **fields: Any) -> Post:
    tweet = {"id": ID, "author_id": "1", "text": text, "created_at": "2026-03-19T00:00:00.000Z", **fields}
    answer = Answer(json.dumps({"data": [tweet], "includes": includes or {}}).encode())
    post = read(answer.tweets()[0], answer, ME)
    assert post is not None
    return post


def link(short: str, whole: str = "", **more: Any) -> dict[str, Any]:
    return {"url": f"https://t.co/{short}", "expanded_url": whole, **more}


QUOTED = {"id": "1797123456789000000", "author_id": "2", "text": "a comet\nover there https://t.co/q"}
QUOTED["entities"] = {"urls": [link("q", "https://esa.example/c")]}  # type: ignore[assignment]
INCLUDED = {"tweets": [QUOTED], "users": [{"id": "2", "username": "esa", "name": "ESA"}]}
QUOTING = [{"type": "quoted", "id": QUOTED["id"]}]
QUOTE_LINK = link("w", "https://twitter.com/esa/status/1797123456789000000")


@pytest.mark.parametrize(
    ("text", "urls", "shown"),
    [
        ("plain", [], "plain"),
        ("a &lt;b&gt; &amp;amp; c", [], "a <b> &amp; c"),  # unescaped once
        ("see https://t.co/a", [link("a", "https://e.example/x?a=1&lt=2")], "see https://e.example/x?a=1&lt=2"),
        ("see https://t.co/a", [link("a", "https://e.example/x", unwound_url="https://far.example/")], "see https://far.example/"),
        ("twice https://t.co/a https://t.co/a", [link("a", "https://e.example/")], "twice https://e.example/ https://e.example/"),
        ("👩‍🚀🚀 https://t.co/a", [link("a", "https://e.example/", start=1, end=2)], "👩‍🚀🚀 https://e.example/"),
        ("https://t.co/ab https://t.co/a", [link("a", "https://one.example/"), link("ab", "https://two.example/")],
         "https://two.example/ https://one.example/"),
        ("photo https://t.co/p", [link("p", f"https://x.com/ada/status/{ID}/photo/1")], "photo"),
        ("film https://t.co/p", [link("p", "https://x.com/ada/status/1797123456789000000/video/1")], "film"),
        ("media https://t.co/p", [link("p", "https://x.com/whatever", media_key="3_1")], "media"),
        ("bad https://t.co/b", [link("b", "javascript:alert(1)")], "bad https://t.co/b"),
        ("none https://t.co/b", [link("b")], "none https://t.co/b"),
        ("two\r\nlines  \n\n", [], "two\nlines"),
        ("direction \u202eoverridden\x00", [], "direction overridden"),
    ],
)  # fmt: skip
def test_text_is_spelled_out(text: str, urls: list[dict[str, Any]], shown: str) -> None:
    assert posted(text, entities={"urls": urls}).content == shown


def test_a_long_post_is_shown_whole_with_its_own_links() -> None:
    note = {"text": "long &amp; longer https://t.co/n", "entities": {"urls": [link("n", "https://n.example/")]}}
    assert posted("long… https://t.co/x", note_tweet=note).content == "long & longer https://n.example/"
    assert posted("long…", note_post=note).content == "long & longer https://n.example/"


def test_an_article_is_its_title_and_its_link() -> None:
    urls = [link("a", "https://x.com/i/article/1")]
    post = posted("https://t.co/a", article={"title": "On comets"}, entities={"urls": urls})
    assert post.content == "On comets\n\nhttps://x.com/i/article/1"


def test_a_quoted_post_stands_below_and_its_link_is_dropped() -> None:
    post = posted("look https://t.co/w", INCLUDED, referenced_tweets=QUOTING, entities={"urls": [QUOTE_LINK]})
    assert post.content == "look\n\n> @esa: a comet\n> over there https://esa.example/c"
    assert post.kind == ""


def test_a_quoted_post_that_is_gone_leaves_its_link() -> None:
    post = posted("look https://t.co/w", referenced_tweets=QUOTING, entities={"urls": [QUOTE_LINK]})
    assert post.content == "look https://twitter.com/esa/status/1797123456789000000"


def test_a_repost_is_shown_whole_though_its_own_text_is_cut() -> None:
    references = [{"type": "retweeted", "id": QUOTED["id"]}]
    post = posted("RT @esa: a com…", INCLUDED, referenced_tweets=references)
    assert (post.kind, post.content) == ("repost", "RT @esa: a comet\nover there https://esa.example/c")
    assert posted("RT @esa: a com…", referenced_tweets=references).content == "RT @esa: a com…"
    assert post.key != posted("a comet", id=QUOTED["id"]).key
    assert post.link_key is None


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, ""),
        ({"text": "RT @esa: only words"}, ""),
        ({"text": "@esa only words"}, ""),
        ({"in_reply_to_user_id": "2", "referenced_tweets": [{"type": "replied_to", "id": "9"}]}, "reply"),
        ({"in_reply_to_user_id": "2"}, "reply"),
        ({"referenced_tweets": [{"type": "replied_to", "id": "9"}]}, "reply"),
        ({"in_reply_to_user_id": "1", "referenced_tweets": [{"type": "replied_to", "id": "9"}]}, ""),
        ({"in_reply_to_user_id": "2", "referenced_tweets": [*QUOTING, {"type": "replied_to", "id": "9"}]}, "reply"),
        ({"referenced_posts": [{"type": "retweeted", "id": "9"}]}, "repost"),
    ],
)
def test_its_kind_is_told_by_what_it_refers_to(fields: dict[str, Any], kind: str) -> None:
    assert posted(**fields).kind == kind


def test_pictures_and_films_go_along() -> None:
    media = [
        {"media_key": "3_1", "type": "photo", "url": "https://pbs.example/1.jpg"},
        {"media_key": "7_1", "type": "video", "preview_image_url": "https://pbs.example/2.jpg", "variants": [
            {"content_type": "application/x-mpegURL", "url": "https://v.example/list.m3u8"},
            {"content_type": "video/mp4", "url": "https://v.example/low.mp4", "bit_rate": 1000},
            {"content_type": "video/mp4", "url": "https://v.example/high.mp4", "bit_rate": 9000}]},
        {"media_key": "3_2", "type": "photo", "url": "file:///etc/passwd"},
    ]  # fmt: skip
    post = posted("x", {"media": media}, attachments={"media_keys": ["3_1", "7_1", "3_2", "3_missing"]})
    assert post.image == "https://pbs.example/1.jpg"
    assert post.enclosures == (
        Enclosure("https://pbs.example/1.jpg", "image/jpeg"),
        Enclosure("https://v.example/high.mp4", "video/mp4"),
    )
    assert posted("x", {"media": media}, attachments={"media_keys": ["7_1"]}).image == "https://pbs.example/2.jpg"


def test_an_edited_post_keeps_the_key_of_its_first_version() -> None:
    first = posted("teh", id="2034419579089846272")
    edited = posted("the", id="2034419579089846999", edit_history_tweet_ids=[first.raw_id, "2034419579089846999"])
    assert (edited.key, edited.link_key, edited.raw_id) == (first.key, first.link_key, first.raw_id)
    assert edited.url.endswith("2034419579089846999")
    assert edited.updated is not None
    assert first.updated is None


def test_the_time_is_in_the_number_when_nothing_else_tells_it() -> None:
    post = posted(created_at="yesterday")
    assert post.published is not None
    assert post.published.isoformat() == "2026-03-19T00:00:00+00:00"


def test_a_strange_part_costs_the_part_and_not_the_post() -> None:
    assert posted("text", entities="strange", referenced_tweets={"a": 1}).content == "text"


@pytest.mark.parametrize("identifier", ["", "abc", "12345678901234567890", "١٢٣٤٥"])
def test_what_has_no_number_is_no_post(identifier: str) -> None:
    answer = Answer(json.dumps({"data": [{"id": identifier, "text": "x"}]}).encode())
    assert read(answer.tweets()[0], answer, ME) is None
