"""Reading feed documents of every format: the traps of feeds.md 1 and 15, limits, hostile documents."""

import itertools
import json
import resource
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.base import Enclosure, FeedFailed, FeedFault, Post
from adapters.sources import formats

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
URL = "https://example.org/feeds/all.xml"
RSS_090 = "/".join(("http://my.netscape.com", "rdf", "simple", "0.9", ""))
NAMESPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
    'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" xmlns:yt="http://www.youtube.com/xml/schemas/2015"'
)


def rss(items: str, channel: str = "<title>T</title><link>https://example.org/</link>") -> str:
    return f'<?xml version="1.0"?><rss version="2.0" {NAMESPACES}><channel>{channel}{items}</channel></rss>'


def atom(entries: str, feed: str = "<title>T</title>", attributes: str = "") -> str:
    return f'<feed xmlns="http://www.w3.org/2005/Atom" {NAMESPACES} {attributes}>{feed}{entries}</feed>'


def json_feed(*items: Any, **feed: Any) -> str:
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": items, **feed})


def read(document: str | bytes, content_type: str = "", url: str = URL) -> formats.Document:
    body = document.encode() if isinstance(document, str) else document
    return formats.read(body, content_type=content_type, url=url, now=NOW)


def read_tolerant(document: str | bytes) -> formats.Document:
    body = document.encode() if isinstance(document, str) else document
    return formats.read_tolerant(body, content_type="", url=URL, now=NOW)


def only(document: formats.Document) -> Post:
    (post,) = document.posts
    return post


def item(inside: str) -> Post:
    return only(read(rss(f"<item>{inside}</item>")))


def entry(inside: str, **around: str) -> Post:
    return only(read(atom(f"<entry>{inside}</entry>", **around)))


def fault_of(document: str | bytes, by: Callable[[str | bytes], formats.Document] = read) -> FeedFault:
    with pytest.raises(FeedFailed) as caught:
        by(document)
    return caught.value.fault


# --- Recognising --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        rss("<item><title>A</title></item>"),
        "\ufeff \n" + rss("<item><title>A</title></item>"),
        "<!-- cached --><?xml-stylesheet href='x'?>" + rss("<item><title>A</title></item>"),
        '<!DOCTYPE rss PUBLIC "-//N//DTD RSS 0.91//EN" "http://my.netscape.com/rss-0.91.dtd">'
        '<rss version="0.91"><channel><item><title>A</title></item></channel></rss>',
        "<RSS><Channel><Item><Title>A</Title></Item></Channel></RSS>",
        "<rss><channel/><item><title>A</title></item></rss>",
        '<rss xmlns="http://misspelt.example/rss"><channel><item><title>A</title></item></channel></rss>',
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        '<channel rdf:about="x"><title>T</title></channel><item rdf:about="a"><title>A</title></item></rdf:RDF>',
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        f'xmlns="{RSS_090}"><channel/><item><title>A</title></item></rdf:RDF>',
        atom("<entry><title>A</title></entry>"),
        "<feed><entry><title>A</title></entry></feed>",
        '<a:feed xmlns:a="https://www.w3.org/2005/atom/"><a:entry><a:title>A</a:title></a:entry></a:feed>',
        '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><title>A</title></entry></feed>',
        json_feed({"id": "1", "title": "A"}),
        "  " + json.dumps({"items": [{"id": 1, "title": "A"}]}),
    ],
)
def test_a_feed_is_known_by_what_it_is(document: str) -> None:
    assert only(read(document, content_type="text/html")).title == "A"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b" \r\n\t ",
        b"Service unavailable",
        b"<html><head><title>Login</title></head></html>",
        b"<!DOCTYPE html><title>No tags to speak of",
        b"\xef\xbb\xbf<!doctype HTML>\n<HTML>",
        b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0//EN" "x.dtd"><html xmlns="x"/>',
        b"<urlset/>",
        b"<opml/>",
        b"<rss/>",
        b"[]",
        b'{"error": "not found"}',
        b'{"items": {}}',
    ],
)
def test_what_is_surely_no_feed_is_refused(document: bytes) -> None:
    assert fault_of(document) is FeedFault.NOT_A_FEED


def test_an_empty_feed_is_a_feed() -> None:
    for document in (rss(""), atom(""), json_feed()):
        assert read(document).posts == ()
        assert read(document).complete


def test_html_in_an_unknown_root_is_left_to_the_tolerant_reader_which_knows() -> None:
    with pytest.raises(formats.NotStrict):
        read("<CHANNEL HREF='http://a/'><ITEM HREF='http://a/1'><TITLE>x</TITLE></ITEM></CHANNEL>")
    assert fault_of("<thing><part>x</part></thing>", read_tolerant) is FeedFault.NOT_A_FEED


# --- RSS ------------------------------------------------------------------------------------------------------


def test_an_item_is_read_whole() -> None:
    post = item(
        "<title>Tom &amp;amp; &lt;b&gt;Jerry&lt;/b&gt;</title><link> /a </link>"
        '<guid isPermaLink="false"> tag:1 </guid><pubDate>Tue, 02 Jan 2024 15:04:05 GMT</pubDate>'
        "<author>ada@example.org (Ada Pike)</author><category>News</category><category>News</category>"
        "<category>Tech</category><description>Short</description>"
        "<content:encoded><![CDATA[<p>Long & full</p>]]></content:encoded>"
        '<enclosure url="https://example.org/a.mp3" length="123" type="audio/mpeg"/>'
        '<media:thumbnail url="/a.jpg"/>'
    )
    assert post == Post(
        key=post.key,
        link_key=post.link_key,
        raw_id="tag:1",
        title="Tom & Jerry",
        url="https://example.org/a",
        author="Ada Pike",
        content="<p>Long & full</p>",
        summary="Short",
        base=URL,
        published=datetime(2024, 1, 2, 15, 4, 5, tzinfo=UTC),
        image="https://example.org/a.jpg",
        enclosures=(Enclosure("https://example.org/a.mp3", "audio/mpeg", 123),),
        tags=("News", "Tech"),
    )


@pytest.mark.parametrize(
    ("inside", "url"),
    [
        ("<link>https://e.org/a</link><guid>https://e.org/b</guid>", "https://e.org/a"),
        ("<guid>https://e.org/b</guid>", "https://e.org/b"),  # a guid is a permalink unless it says otherwise
        ('<guid isPermaLink="false">https://e.org/b</guid>', "https://example.org/"),
        ("<guid>b</guid>", "https://example.org/"),
        ('<guid>b</guid><enclosure url="https://e.org/a.mp3"/>', "https://e.org/a.mp3"),
        ('<atom:link href="https://e.org/x" rel="self"/><link>https://e.org/a</link>', "https://e.org/a"),
        ('<atom:link href="https://e.org/x"/><link>https://e.org/a</link>', "https://e.org/a"),
        ('<guid>b</guid><atom:link href="https://e.org/x"/>', "https://e.org/x"),
        ('<link/><link href="https://e.org/a"/><guid>b</guid>', "https://e.org/a"),
        ("<link>\n  https://e.org/a b\n</link>", "https://e.org/a%20b"),
        ("<link>//e.org/a</link>", "https://e.org/a"),
        ("<link>HttpS://E.org/A</link>", "https://E.org/A"),
        ("<link>javascript:alert(1)</link><guid>b</guid>", "https://example.org/"),
        ("<link>data:text/html,x</link><guid>b</guid>", "https://example.org/"),
        ("<link>https://[bad/</link><guid>b</guid>", "https://example.org/"),
        ("<link>https://[2001:db8::1]:8080/a</link>", "https://[2001:db8::1]:8080/a"),
        (f"<link>https://e.org/{'x' * 2048}</link><guid>b</guid>", "https://example.org/"),
    ],
)
def test_the_link_is_the_items_own_before_any_other(inside: str, url: str) -> None:
    assert item(inside).url == url


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("Plain", "Plain"),
        ("  Two\n lines  ", "Two lines"),
        ("A &amp; B", "A & B"),
        ("A &amp;amp; B", "A & B"),
        ("A &amp;amp;amp; B", "A & B"),
        ("&lt;b&gt;Bold&lt;/b&gt; &lt;img src='x'/&gt;move", "Bold move"),
        ("<b>Not</b> escaped", "Not escaped"),
        ("<![CDATA[Caf&eacute; &#8211; now]]>", "Café – now"),
        ("Vec&lt;String&gt; is a type", "Vec<String> is a type"),
        ("1 &lt; 2", "1 < 2"),
        ("The &amp;lt;title&amp;gt; element", "The <title> element"),
        ("A\u202eB\u0085C", "ABC"),
        ("&amp;#8238;A&amp;#0;", "A\ufffd"),
        ("x" * 1200, "x" * 1000),
    ],
)
def test_a_title_is_plain_text_on_one_line(written: str, title: str) -> None:
    assert item(f"<title>{written}</title>").title == title


def test_items_without_anything_are_left_out() -> None:
    assert read(rss("<item/><item></item><item><pubDate>x</pubDate></item>")).posts == ()


def test_rdf_items_are_known_by_their_address() -> None:
    document = read(
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="x"><title>T</title>'
        "<dc:language>zh-CN</dc:language></channel>"
        '<item rdf:about="https://e.org/1"><title>A</title><link>https://e.org/a</link>'
        "<dc:creator>Ada</dc:creator><dc:subject>s</dc:subject><dc:date>2024-01-02T15:04:05+08:00</dc:date></item>"
        "</rdf:RDF>"
    )
    post = only(document)
    assert (post.raw_id, post.url, post.author, post.tags) == ("https://e.org/1", "https://e.org/a", "Ada", ("s",))
    assert post.published == datetime(2024, 1, 2, 7, 4, 5, tzinfo=UTC)
    assert document.info.language == "zh-CN"


def test_a_chinese_channel_means_china_by_cst() -> None:
    document = rss(
        "<item><title>A</title><pubDate>Tue, 02 Jan 2024 15:04:05 CST</pubDate></item>",
        channel="<language>zh-cn</language>",
    )
    assert only(read(document)).published == datetime(2024, 1, 2, 7, 4, 5, tzinfo=UTC)


def test_markup_that_nobody_escaped_is_content_all_the_same() -> None:
    post = item("<description><p>One<br/>two &amp; <a href='/x'>three</a></p></description>")
    assert post.content == '<p>One<br>two &amp; <a href="/x">three</a></p>'


def test_the_full_text_is_found_under_a_misspelt_namespace() -> None:
    document = (
        '<rss xmlns:c="http://purl.org/rss/1.0/modules/contents"><channel><item><title>A</title>'
        "<description>Short</description><c:encoded>Long</c:encoded></item></channel></rss>"
    )
    assert (only(read(document)).content, only(read(document)).summary) == ("Long", "Short")


@pytest.mark.parametrize(
    ("channel", "minutes"),
    [
        ("<ttl>20</ttl>", 20),
        ("<ttl>1440</ttl>", 60),
        ("<ttl>soon</ttl>", 0),
        ("<ttl>-5</ttl>", 0),
        (f"<ttl>{'9' * 5000}</ttl>", 0),
        ("<sy:updatePeriod> hourly </sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>", 15),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>", 60),
        ("<sy:updatePeriod>weekly</sy:updatePeriod>", 60),
        ("<sy:updatePeriod>often</sy:updatePeriod>", 0),
    ],
)
def test_the_publishers_wish_is_heard_up_to_an_hour(channel: str, minutes: int) -> None:
    assert read(rss("", channel=channel)).not_before == timedelta(minutes=minutes)


def test_a_channel_tells_of_itself() -> None:
    info = read(
        rss(
            "",
            channel='<atom:link rel="self" href="https://e.org/self"/><atom:link rel="hub" href="https://hub.e.org/"/>'
            '<atom:link rel="hub" href="https://hub2.e.org/"/><title>A &amp;amp; B</title><link>https://e.org</link>'
            "<image><title>Logo</title><link>https://logo.e.org</link></image><language>en-GB</language>",
        )
    ).info
    assert (info.title, info.home, info.language) == ("A & B", "https://e.org", "en-GB")
    assert (info.topic, info.hubs) == ("https://e.org/self", ("https://hub.e.org/", "https://hub2.e.org/"))


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


# --- Order and limits -------------------------------------------------------------------------------------------


def dated(*days: int | None) -> str:
    return rss(
        "".join(
            f"<item><guid>{n}</guid>" + (f"<pubDate>{day:02} Jan 2024</pubDate>" if day else "") + "</item>"
            for n, day in enumerate(days)
        )
    )


@pytest.mark.parametrize(
    ("days", "order"),
    [
        ((3, 2, 1), "210"),
        ((1, 2, 3), "012"),
        ((1, 9, 5), "021"),  # a pinned item comes first in the document
        ((5, 5, 5), "210"),
        ((9, None, 1), "210"),  # not all have dates: the document's order, reversed
        ((None, None), "10"),
    ],
)
def test_posts_come_oldest_first(days: tuple[int | None, ...], order: str) -> None:
    assert "".join(post.raw_id for post in read(dated(*days)).posts) == order


def test_only_the_newest_500_are_kept() -> None:
    posts = read(rss("".join(f"<item><guid>{n}</guid></item>" for n in range(600)))).posts
    assert [posts[0].raw_id, posts[-1].raw_id, len(posts)] == ["499", "0", 500]


def test_an_item_listed_twice_is_one_post() -> None:
    assert only(read(rss("<item><guid>1</guid><title>A</title></item>" * 2))).title == "A"


@pytest.mark.parametrize("letter", ["x", "é", "好", "😀"])
def test_content_is_cut_at_64_kib_and_not_within_a_tag(letter: str) -> None:
    content = item(f"<description>{letter * 70_000}</description>").content
    assert 64 * 1024 - 4 < len(content.encode()) <= 64 * 1024
    tagged = item("<description>" + "x" * 65_530 + "&lt;a href='https://e.org'&gt;</description>").content
    assert tagged == "x" * 65_530


@pytest.mark.parametrize("document", [rss, atom])
def test_nothing_unsafe_comes_through(document: Callable[[str], str]) -> None:
    unsafe = "\u202eA\u2066\x85&#x9b;&#8238;&#127;\r\n\tB"
    tag = "item" if document is rss else "entry"
    post = only(
        read(
            document(
                f"<{tag}><title>{unsafe}</title><id>{unsafe}</id><description>{unsafe}</description>"
                f"<content>{unsafe}</content><category term='{unsafe}'>{unsafe}</category></{tag}>"
            )
        )
    )
    assert post.title == "A B"
    assert set(post.content + post.raw_id + "".join(post.tags)) <= set("AB\n\t ")


# --- The tolerant reader ------------------------------------------------------------------------------------------


def test_a_truncated_document_gives_its_complete_items_and_says_so() -> None:
    whole = rss("".join(f"<item><guid>{n}</guid><title>{n} &amp; more</title></item>" for n in range(3)))
    cut = whole[: whole.index("2 &amp; more")]
    with pytest.raises(formats.NotStrict):
        read(cut)
    document = read_tolerant(cut)
    assert [post.raw_id for post in document.posts] == ["1", "0"]
    assert [post.key for post in document.posts] == [post.key for post in read(whole).posts[1:]]
    assert not document.complete


def test_a_document_cut_within_its_first_item_is_a_failure() -> None:
    assert fault_of(rss("<item><title>A")[:-20], read_tolerant) is FeedFault.PARSE


def test_tags_that_do_not_match_are_left_to_feedparser() -> None:
    document = rss("<item><guid>1</guid><title>A</title><description><p>x<br></description></item>")
    with pytest.raises(formats.NotStrict):
        read(document)
    tolerant = read_tolerant(document)
    assert (only(tolerant).raw_id, only(tolerant).title, tolerant.complete) == ("1", "A", True)


def test_feedparser_hands_on_what_is_dangerous_only_where_it_is_rendered_later() -> None:
    post = only(
        read_tolerant(
            rss("<item><guid>1</guid><link>javascript:x()</link><description>&lt;script&gt;</description><b></item>")
        )
    )
    assert post.url == "https://example.org/"
    assert "<script>" in post.content


def test_both_readers_give_the_same_keys() -> None:
    document = rss(
        '<item><guid isPermaLink="false">a&amp;b</guid><link>https://e.org/1?a=1&amp;b=2</link></item>'
        "<item><guid>https://e.org/2</guid><title>A</title></item>"
        "<item><link>https://e.org/3</link><title>A &amp;amp; B</title></item>"
        "<item><title>A &lt;b&gt;B&lt;/b&gt;</title><pubDate>Tue, 02 Jan 2024 15:04:05 GMT</pubDate>"
        "<description>Some &lt;i&gt;words&lt;/i&gt; &amp;amp; more</description></item>"
        "<item><title>Only</title><dc:date>2024-01-02</dc:date></item>"
        "<item><guid>x</guid><link>https://e.org/5</link></item><item><guid>x</guid><link>https://e.org/6</link></item>"
    )
    strict, tolerant = read(document).posts, read_tolerant(document).posts
    assert [(p.key, p.link_key) for p in strict] == [(p.key, p.link_key) for p in tolerant]


# --- Hostile documents --------------------------------------------------------------------------------------------


BOMB = (
    "<!DOCTYPE rss [<!ENTITY a0 'lol'>"
    + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))
    + "]>"
    + rss("<item><title>&a9;</title></item>").removeprefix('<?xml version="1.0"?>')
)
EXTERNAL = "<!DOCTYPE rss [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + rss("<item><title>&a;</title></item>")[21:]


@pytest.mark.parametrize("document", [BOMB, EXTERNAL, "<rss>" + "<a>" * 300, rss("<a>" * 300 + "</a>" * 300)])
def test_documents_built_to_hurt_are_refused(document: str) -> None:
    assert fault_of(document) is FeedFault.HOSTILE


@pytest.mark.parametrize(
    "document",
    [
        rss("<item><description>" + "<!--" * 88_000 + "</description></item>"),
        rss("<item " + " ".join(f'a{n}=""' for n in range(40_000)) + "></item"),
        rss("<b>" * 200_001),
        BOMB,
    ],
)
def test_feedparser_never_sees_what_it_is_slow_at(document: str) -> None:
    assert fault_of(document, read_tolerant) is FeedFault.HOSTILE


def test_a_document_type_that_declares_characters_is_harmless() -> None:
    document = "<!DOCTYPE rss [<!ENTITY uuml '&#252;'>]>" + rss("<item><title>&uuml;ber</title></item>")[21:]
    assert only(read(document)).title == "über"


def test_only_small_documents_without_huge_tags_fit_in_the_process() -> None:
    small = rss("<item><title>A</title></item>" * 100).encode()
    assert formats.fits_in_process(small)
    assert formats.fits_in_process(rss("x > y " * 20_000).encode())
    assert formats.fits_in_process(b"<rss><a " + b"a" * 15_000 + b"/></rss>")
    assert not formats.fits_in_process(small + b" " * 256 * 1024)
    for value in ("", ">", "'", "=\n"):
        tag = " ".join(f'a{n}="{value}"' for n in range(4000))
        assert not formats.fits_in_process(f"<rss><item {tag}/></rss>".encode())
        assert not formats.fits_in_process(f"<rss><item {tag}".encode())
    assert not formats.fits_in_process(small.decode().encode("utf-16"))


def test_documents_full_of_new_names_leave_nothing_in_the_memory() -> None:
    """Some parsers keep every name they have ever seen."""
    numbers = itertools.count()

    def read_names(documents: int) -> None:
        for _ in range(documents):
            names = "".join(f'<name{n:08} a{n:08}=""/>' for n in itertools.islice(numbers, 3000))
            item(f"<title>A</title><description>{names}</description>")

    read_names(10)
    before = resident_bytes()
    read_names(50)
    assert resident_bytes() - before < 4 * 2**20


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_a_namespace_is_not_written_out_thousands_of_times() -> None:
    names = f'<rss xmlns:x="{"u" * 600}"><channel><item>{"<x:x/>" * 40_000}</item></channel></rss>'
    assert fault_of(names) is FeedFault.HOSTILE


def test_a_document_of_bases_alone_is_left_to_the_child() -> None:
    with pytest.raises(formats.NotStrict):
        item('<a xml:base="x/"/>' * 2001)


def test_a_base_that_is_no_web_address_changes_nothing() -> None:
    document = '<item xml:base="mailto:a@example.org"><guid>1</guid><link>/a</link></item>'
    post = only(read(rss(document)))
    assert (post.url, post.base) == ("https://example.org/a", URL)


def either_reader(body: bytes) -> None:
    try:
        document = read(body)
    except (FeedFailed, formats.NotStrict):
        try:
            document = read_tolerant(body)
        except FeedFailed:
            return
    for post in document.posts:
        assert len(post.key) == 16
        assert post.url == "" or post.url.startswith(("http://", "https://"))
        post.content.encode()


TOKENS = (
    "<rss> <rss <channel> <item> </item> </channel> </rss> <title> </title> <link> </link> <guid> </guid> <feed> "
    "<entry> </entry> </feed> <content </content> <description> </description> <pubDate> </pubDate> <![CDATA[ ]]> "
    "<!-- --> & &amp; &nbsp; &#0; &#x41; <!DOCTYPE [ ]> <!ENTITY http:// x 1 2024-01-01 { } [ ] \" ' : , items id "
    "\x00 \x1b \xff \ud800 é 好 > < = xml:base= type= rel= href= <media:group> <dc:date> <?xml ?> <RDF>"
)
MARKUP = st.lists(st.sampled_from(TOKENS.split(" ")), max_size=40)


@settings(max_examples=150)
@given(st.one_of(st.binary(max_size=300), MARKUP.map(lambda parts: " ".join(parts).encode("utf-8", "surrogatepass"))))
def test_any_bytes_give_a_document_or_a_failure(body: bytes) -> None:
    either_reader(body)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_document_with_one_wrong_byte_gives_a_document_or_a_failure(at: int, byte: int) -> None:
    body = bytearray(
        rss("<item><guid>1</guid><title>A &amp; B</title><description><![CDATA[x]]></description></item>").encode()
    )
    body[at % len(body)] = byte
    either_reader(bytes(body))


# --- Pages that announce feeds --------------------------------------------------------------------------------------


PAGE = """<!doctype html><html><head><base href="/blog/"><title>B</title>
<!-- <link rel="alternate" type="application/rss+xml" href="/old"> -->
<link rel="stylesheet" href="x.css"><link rel=alternate type=application/rss+xml href=rss>
<LINK HREF='https://feeds.e.org/atom?a=1&amp;b=2' REL='Alternate Home' TYPE='application/atom+xml; charset=utf-8'/>
<link rel="alternate" type="application/feed+json" href="//e.org/feed.json" title="a > b">
<link rel="alternate" type="application/json" href="/wp-json/wp/v2/posts/1">
<link rel="alternate" type="application/rss+xml" href="rss">
<link rel="alternate" type="text/html" hreflang="de" href="/de">
<link rel="alternate" type="application/rss+xml" href="javascript:x()"></head>
<body><link rel="alternate" type="application/rss+xml" href="/comment-of-a-visitor"></body></html>"""


def test_a_page_announces_its_feeds_in_its_head() -> None:
    found = formats.discover(PAGE.encode(), content_type="text/html", url="https://example.org/index.html")
    assert found == (
        "https://example.org/blog/rss",
        "https://feeds.e.org/atom?a=1&b=2",
        "https://e.org/feed.json",
    )


@pytest.mark.parametrize("body", [b"", b"{}", rss("").encode(), b"\xff\xfe\x00", b"<html>" + b"<link " * 50_000])
def test_what_announces_nothing_has_no_feeds(body: bytes) -> None:
    assert formats.discover(body, content_type="", url=URL) == ()
