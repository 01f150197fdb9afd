"""What the official-account history API speaks of: ids, keys, and bodies that always fit."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.base import PostView
from bot.rules import official
from bot.rules.official import CustomElement, Element, ImageElement, Link, TextElement

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
POST = PostView(
    id=str(UUID(int=1)),
    seq=1,
    version=1,
    feed_id=str(UUID(int=2)),
    feed_title="A feed",
    feed_url="https://example.org/feed",
    source="feed",
    title="The title",
    text="The text.",
    url="https://example.org/1",
    author="Ann",
    published=AT,
    updated=None,
    found=AT,
)


def size(body: list[Element]) -> int:
    return len(msgspec.json.encode(body))


def text_of(body: list[Element]) -> str:
    assert isinstance(body[0], TextElement)
    return body[0].MsgContent.Text


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("@TOA#_15ERQPAER", True),
        ("@TOA#_" + "x" * 100, True),
        ("@TOA#_" + "x" * 101, False),
        ("@TOA#_", False),
        ("@TOA#_a\n", False),
        ("@TGS#_a", False),
        ("x@TOA#_a", False),
    ],
)
def test_an_account_has_an_id_of_this_form(text: str, right: bool) -> None:
    assert official.is_name(text) is right


def test_a_feed_keeps_the_id_of_its_platform_and_else_has_one_of_its_own() -> None:
    uid = UUID(int=7)
    assert official.name_of("tencent", "@TOA#_15ERQPAER", uid) == "@TOA#_15ERQPAER"
    assert official.name_of("wechat", "MzA3MDM3NjE5NQ==", uid) == "@TOA#_MzA3MDM3NjE5NQ=="
    made = official.name_of("feed", "https://example.org/@TOA#_x", uid)
    assert made == official.name_of("tencent", "unlike any", uid) == official.name_of("wechat", "a b", uid)
    assert official.is_name(made)
    assert made != official.name_of("feed", "", UUID(int=8))


@pytest.mark.parametrize(
    ("key", "seq"),
    [
        ("71_1_1698741698", 71),
        ("0_1_0", 0),
        ("9" * 18 + "_1_1", 10**18 - 1),
        ("9" * 19 + "_1_1", None),
        ("71_0_1698741698", None),
        ("71_1_", None),
        ("71_1_1\n", None),
        ("", None),
    ],
)
def test_a_key_is_read_or_not(key: str, seq: int | None) -> None:
    assert official.seq_of(key) == seq


@given(seq=st.integers(1, 2**40), at=st.integers(0, 2**36))
def test_every_key_that_is_made_is_read(seq: int, at: int) -> None:
    key = official.key_of(seq, datetime.fromtimestamp(at, UTC))
    assert official.seq_of(key) == seq
    assert len(key) <= 50


# Bodies


def test_a_post_is_its_text_its_picture_and_its_link() -> None:
    text, image, link = official.body_of(replace(POST, image="https://example.org/i.gif"))
    assert text == TextElement(official.Text("The title\n\nThe text.\n\nhttps://example.org/1"))
    assert isinstance(image, ImageElement)
    assert image.MsgContent.ImageFormat == 2
    assert isinstance(link, CustomElement)
    told = msgspec.json.decode(link.MsgContent.Data, type=Link)
    assert told == Link("https://example.org/1", "The title", "Ann", AT)


def test_what_a_post_does_not_have_is_left_out() -> None:
    (text,) = official.body_of(replace(POST, url="", author="", published=None))
    assert text == TextElement(official.Text("The title\n\nThe text."))
    _, link = official.body_of(replace(POST, title="", text="", author="", published=None))
    assert isinstance(link, CustomElement)
    assert link.MsgContent.Data == '{"url":"https://example.org/1"}'


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://example.org/a.jpg", 1),
        ("https://example.org/a.JPEG?b=c.png", 1),
        ("https://example.org/a.bmp#x", 4),
        ("https://example.org/a.webp", 255),
        ("https://example.org/", 255),
    ],
)
def test_a_picture_says_its_format(url: str, kind: int) -> None:
    image = official.body_of(replace(POST, image=url))[1]
    assert isinstance(image, ImageElement)
    assert image.MsgContent.ImageFormat == kind


@pytest.mark.parametrize("sentence", ["A sentence of some length. ", "这是一个相当长的句子。", 'Quoted "words" here. '])
def test_what_is_too_long_is_cut_after_a_sentence_with_the_link_behind_it(sentence: str) -> None:
    body = official.body_of(replace(POST, text=sentence * 2_000, image="https://example.org/i.png"))
    kept, _, link = text_of(body).rpartition("\n\n")
    assert link == POST.url
    assert kept.endswith(sentence.strip() + " …")
    assert official.LARGEST_BODY * 0.7 < size(body) <= official.LARGEST_BODY


@settings(max_examples=30)
@given(
    text=st.text(max_size=200),
    title=st.text(max_size=40),
    times=st.integers(0, 400),
    url=st.integers(0, 4_000),
    image=st.integers(0, 4_000),
)
def test_every_body_fits(text: str, title: str, times: int, url: int, image: int) -> None:
    address, picture = ("https://example.org/" + "é" * n if n else "" for n in (url, image))
    post = replace(POST, text=text * times, title=title, url=address, image=picture)
    assert size(official.body_of(post)) <= official.LARGEST_BODY


def test_one_character_that_is_larger_than_a_body_is_left_out() -> None:
    family = "\U0001f468\u200d" * 4_000
    body = official.body_of(replace(POST, title=family, text=family))
    assert size(body) <= official.LARGEST_BODY
    assert POST.url in text_of(body)
