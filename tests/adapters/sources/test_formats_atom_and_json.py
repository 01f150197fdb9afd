"""Reading Atom and JSON Feed: the traps of feeds.md 1.4 and 1.5."""

from datetime import UTC, datetime

import pytest

from adapters.base import Enclosure, FeedFault, Post
from tests.adapters.sources.documents import (
    URL,
    entry,
    fault_of,
    json_feed,
    only,
    read,
    read_tolerant,
)

# --- Atom -----------------------------------------------------------------------------------------------------


def test_an_entry_is_read_whole() -> None:
    post = entry(
        '<id> tag:1 </id><title type="html">A &amp;amp; &lt;i&gt;B&lt;/i&gt;</title>'
        '<link rel="self" href="https://e.org/self"/><link rel="edit" href="https://e.org/edit"/>'
        '<link rel="alternate" type="application/json" href="https://e.org/json"/><link href="https://e.org/a"/>'
        '<link rel="enclosure" href="https://e.org/a.mp3" type="audio/mpeg" length="9"/>'
        "<author><name>Ada</name></author><author><name>Ben</name></author><category term='News' label='n'/>"
        "<published>2024-01-02T15:04:05Z</published><updated>2024-01-03T00:00:00Z</updated>"
        '<content type="html">&lt;p&gt;Full&lt;/p&gt;</content><summary>Less &lt; more</summary>'
    )
    assert post == Post(
        key=post.key,
        link_key=post.link_key,
        raw_id="tag:1",
        title="A & B",
        url="https://e.org/a",
        author="Ada, Ben",
        content="<p>Full</p>",
        summary="Less &lt; more",
        base=URL,
        published=datetime(2024, 1, 2, 15, 4, 5, tzinfo=UTC),
        updated=datetime(2024, 1, 3, tzinfo=UTC),
        enclosures=(Enclosure("https://e.org/a.mp3", "audio/mpeg", 9),),
        tags=("News",),
    )


@pytest.mark.parametrize(
    ("written", "content", "is_html"),
    [
        ("<content>1 &lt; 2</content>", "1 < 2", False),
        ('<content type="text">1 &lt; 2</content>', "1 < 2", False),
        ('<content type="html">&lt;b&gt;x&lt;/b&gt;</content>', "<b>x</b>", True),
        ('<content type="text/html">&lt;b&gt;x&lt;/b&gt;</content>', "<b>x</b>", True),
        (
            '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">1 &lt; <b class="a&quot;">2</b><br/>'
            '<svg:svg xmlns:svg="http://www.w3.org/2000/svg"/></div></content>',
            '1 &lt; <b class="a&quot;">2</b><br><svg></svg>',
            True,
        ),
        ('<content type="image/png">iVBORw0KGgo=</content><summary>S</summary>', "S", False),
        ('<content src="https://e.org/x"/><summary type="html">&lt;i&gt;S</summary>', "<i>S", True),
        ("<summary>Only this</summary>", "Only this", False),
        ("<media:group><media:description>Words</media:description></media:group>", "Words", False),
    ],
)
def test_content_is_text_or_html_as_it_says(written: str, content: str, is_html: bool) -> None:
    post = entry("<id>1</id>" + written)
    assert (post.content, post.is_html) == (content, is_html)


def test_plain_titles_of_atom_mean_what_they_say() -> None:
    assert entry("<id>1</id><title>&lt;b&gt; &amp;amp;</title>").title == "<b> &amp;"


def test_xml_base_counts_on_every_ancestor() -> None:
    post = entry(
        '<id>1</id><link href="a"/><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml" '
        'xml:base="c/">x</div></content>',
        attributes='xml:base="https://e.org/b/"',
    )
    assert (post.url, post.base) == ("https://e.org/b/a", "https://e.org/b/c/")


def test_a_feeds_author_wrote_the_entries_that_name_none() -> None:
    assert entry("<id>1</id>", feed="<author><name>Ada</name></author>").author == "Ada"


def test_atom_03_is_read_too() -> None:
    post = only(
        read(
            '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><id>1</id>'
            "<issued>2024-01-02T15:04:05Z</issued><modified>2024-01-03T00:00:00Z</modified>"
            '<content type="text/html" mode="base64">PGI+eDwvYj4=</content></entry></feed>'
        )
    )
    assert (post.content, post.is_html) == ("<b>x</b>", True)
    assert (post.published, post.updated) == (
        datetime(2024, 1, 2, 15, 4, 5, tzinfo=UTC),
        datetime(2024, 1, 3, tzinfo=UTC),
    )


def test_a_video_is_known_by_its_number() -> None:
    post = entry(
        "<id>yt:video:dQw4w9WgXcQ</id><yt:videoId>dQw4w9WgXcQ</yt:videoId><media:group>"
        '<media:title>V</media:title><media:thumbnail url="https://i.e.org/v.jpg"/></media:group>'
    )
    same = entry('<id>other</id><link href="https://youtu.be/dQw4w9WgXcQ"/>')
    assert (post.title, post.image) == ("V", "https://i.e.org/v.jpg")
    assert post.link_key is not None
    assert post.link_key == same.link_key


# --- JSON Feed ------------------------------------------------------------------------------------------------


def test_a_json_item_is_read_whole() -> None:
    document = read(
        json_feed(
            {
                "id": 17,
                "external_url": "/a",
                "title": " <b>A</b> &amp; ",
                "content_html": "<p>x</p>",
                "content_text": "x",
                "summary": "1 < 2",
                "image": "/i.png",
                "date_published": "2024-01-02T15:04:05Z",
                "authors": [{"name": "Ada"}, {"url": "https://e.org"}],
                "tags": ["a", 1, "a", "b"],
                "attachments": [{"url": "/a.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 9}, {"url": 3}, 4],
            },
            home_page_url="https://example.org/",
            feed_url="https://example.org/feed.json",
            language="en",
            expired=True,
            hubs=[{"type": "WebSub", "url": "https://hub.e.org/"}, {"type": "other", "url": "https://x/"}],
        )
    )
    post = only(document)
    assert post == Post(
        key=post.key,
        link_key=post.link_key,
        raw_id="17",
        title="<b>A</b> &amp;",
        url="https://example.org/a",
        author="Ada",
        content="<p>x</p>",
        summary="1 &lt; 2",
        base=URL,
        published=datetime(2024, 1, 2, 15, 4, 5, tzinfo=UTC),
        image="https://example.org/i.png",
        enclosures=(Enclosure("https://example.org/a.mp3", "audio/mpeg", 9),),
        tags=("a", "b"),
    )
    assert document.ended
    assert document.info.hubs == ("https://hub.e.org/",)
    assert document.info.topic == "https://example.org/feed.json"


def test_json_text_is_not_html() -> None:
    post = only(read(json_feed({"id": "1", "content_text": "1 < 2\r\n3"}, author={"name": "Ada"})))
    assert (post.content, post.is_html, post.author) == ("1 < 2\n3", False, "Ada")


def test_json_items_without_a_usable_id_are_discarded() -> None:
    items = [{"title": "a"}, {"id": None}, {"id": " "}, {"id": True}, {"id": {}}, {"id": []}, "x", {"id": 1.5}]
    assert [post.raw_id for post in read(json_feed(*items)).posts] == ["1.5"]


@pytest.mark.parametrize(
    "damaged", [b'{"items": [{"id": "1"}, ', b'{"items": [{"id": "\\ud800"}]}', b'{"items":' + b"[" * 9999]
)
def test_partial_json_is_never_used(damaged: bytes) -> None:
    assert fault_of(damaged) is FeedFault.PARSE
    assert fault_of(damaged, read_tolerant) is FeedFault.PARSE
