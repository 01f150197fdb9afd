"""A post is shown with its title, its text and its whole link, within the limit."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import PostView
from bot.rules.plain_text import length
from bot.rules.rendering import Rendition, message_text, normal_text, view

URL = "https://blog.example/one"
WHEN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def rendered(
    title: str = "",
    content: str = "",
    *,
    is_html: bool = True,
    summary: str = "",
    url: str = URL,
    limit: int = 1000,
) -> Rendition:
    return view(title=title, content=content, is_html=is_html, summary=summary, base=URL, url=url, limit=limit)


def post(title: str = "", text: str = "", url: str = URL, author: str = "", feed: str = "") -> PostView:
    return PostView(
        id="0197", seq=1, version=1, feed_id="0198", feed_title=feed, feed_url="https://blog.example/feed",
        source="feed", title=title, text=text, url=url, author=author, published=None, updated=None, found=WHEN,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given_post", "expected"),
    [
        (rendered("T", "<p>a <b>b</b></p>"), Rendition("T", "a b")),
        (rendered("T", "1 < 2 &amp; <b>", is_html=False), Rendition("T", "1 < 2 &amp; <b>")),
        (rendered("T", "", summary="<i>s</i>"), Rendition("T", "s")),
        (rendered("T", "<img src=x>", summary="s"), Rendition("T", "s")),
        (rendered("T", "c", summary="s"), Rendition("T", "c")),
        (rendered(" A\n title\u202e "), Rendition("A title", "")),
        (rendered("T", "<a href=two>a</a> <a href=one>b</a>"), Rendition("T", "a (https://blog.example/two) b")),
        # no title: the text's beginning, then the address
        (rendered("", "<p>Hello there.</p>"), Rendition("Hello there.", "Hello there.")),
        (rendered("", "word " * 40), Rendition("word " * 15 + "word…", ("word " * 40).strip())),
        (rendered(), Rendition(URL, "")),
        (rendered(url=""), Rendition("", "")),
        # a title that the text repeats
        (rendered("Hello", "<h1>Hello</h1><p>World</p>"), Rendition("Hello", "World")),
        (rendered("Hello there", "<p>Hello  <b>there</b></p>"), Rendition("Hello there", "Hello there")),
        (rendered("Hello", "<p>Hello there</p>"), Rendition("Hello", "Hello there")),
    ],
)  # fmt: skip
def test_a_post_has_a_title_and_a_text(given_post: Rendition, expected: Rendition) -> None:
    assert given_post == expected


def test_a_title_has_an_end() -> None:
    assert length(rendered("long " * 500).title) <= 300


@pytest.mark.parametrize(
    ("given_post", "limit", "text"),
    [
        (post("T", "a\nb", author="Ann", feed="Blog"), 100, f"T\n\na\nb\n\nAnn · Blog\n{URL}"),
        (post("T", "a"), 100, f"T\n\na\n\n{URL}"),
        (post("T", "", feed="Blog", author="Blog"), 100, f"T\n\nBlog\n{URL}"),
        (post("T", "a", url=""), 100, "T\n\na"),
        (post("", ""), 100, URL),
        (post(URL, ""), 100, URL),
        # the text shows the title already
        (post("Hello.", "Hello."), 100, f"Hello.\n\n{URL}"),
        (post("Hello", "Hello\nmore"), 100, f"Hello\n\nmore\n\n{URL}".replace("\n\nmore", "\nmore")),
        (post("Hello you…", "Hello you all"), 100, f"Hello you all\n\n{URL}"),
        (post("A", "All of it"), 100, f"A\n\nAll of it\n\n{URL}"),
        # too long: the text first, then the names, then the title, never the link
        (post("T", "One two. Three four. Five.", author="Ann"), 57, f"T\n\nOne two. Three four. …\n\nAnn\n{URL}"),
        (post("T", "One two. Three four. Five.", author="Ann"), 47, f"T\n\nOne two. …\n\n{URL}"),
        (post("A long title", "Text"), 34, f"A long…\n\n{URL}"),
        (post("A long title", "Text"), 25, URL),
        (post("A long title", "Text"), 24, URL),
        (post("A long title", "Text"), 20, "A long title\n\nText"),
    ],
)  # fmt: skip
def test_a_message_ends_with_the_whole_link(given_post: PostView, limit: int, text: str) -> None:
    assert message_text(given_post, limit) == text


PARTS = [
    *("<p>", "</p>", "<a href='https://a.example/x?y=z'>", "</a>", "word ", ". ", "。", "&#x202e;", "\n"),
    *("👨‍👩‍👧‍👦", "🇩🇪", "e\u0301", "م", "\u200d"),
]
hostile = st.text() | st.lists(st.sampled_from(PARTS)).map("".join)


@given(hostile, hostile, hostile, st.booleans(), st.sampled_from([URL, ""]), st.integers(0, 200))
def test_whatever_was_published_is_within_the_limit(
    title: str, content: str, author: str, is_html: bool, url: str, limit: int
) -> None:
    shown = rendered(title, content, is_html=is_html, summary=author, url=url, limit=limit)
    assert length(shown.text) <= limit
    assert "\n" not in shown.title
    message = message_text(post(shown.title, shown.text, url, author, author), limit)
    assert length(message) <= limit
    assert message.endswith(url) or length(url) > limit


@given(hostile, st.integers(0, 200))
def test_plain_text_that_was_rendered_stays_as_it_is(content: str, limit: int) -> None:
    once = rendered("", content, is_html=False, limit=limit)
    assert rendered("", once.text, is_html=False, limit=limit).text == once.text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>Hello <b>you</b></p>", "<div class=x>hello\n you</div>"),
        ("<a href='https://a.example/?utm=1'>x</a>", "<a href='https://a.example/?utm=2'>x</a>"),
        ("text 12 comments", "text 1,013 comments"),
        ("text | 1.2k views | 3 likes", "text | 4M views | 0 Likes"),
        ("Points: 12 Comments: 3", "Points: 90 Comments: 44"),
        ("text 5 minutes ago", "text 2 hours ago"),
        ("正文 阅读 3.4万 点赞(5)", "正文 阅读 10万+ 点赞(77)"),
        ("正文 12条评论 3小时前", "正文 20条评论 1天前"),
        ("ﬁne", "fine"),
        ("<img src=a?token=1 alt=x>", "<img src=a?token=2 alt=x>"),
    ],
)
def test_noise_is_no_edit(before: str, after: str) -> None:
    assert normal_text(before, is_html=True) == normal_text(after, is_html=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Hello", "Hallo"),
        ("won by 3 points", "won by 5 points"),
        ("5 people died", "6 people died"),
        ("price: 10", "price: 12"),
        ("-5 %", "5 %"),
        ("共 12 人受伤", "共 15 人受伤"),
        ("in 5 minutes", "in 6 minutes"),
        ("", "Hello"),
    ],
)
def test_a_rewritten_text_is_an_edit(before: str, after: str) -> None:
    assert normal_text(before, is_html=True) != normal_text(after, is_html=True)
    assert normal_text(before, is_html=False) != normal_text(after, is_html=False)
