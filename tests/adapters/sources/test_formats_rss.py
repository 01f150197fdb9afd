"""Reading RSS of every age: the traps of feeds.md 1.2 and 1.3."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.base import Enclosure, Post
from tests.adapters.sources.documents import (
    URL,
    item,
    only,
    read,
    rss,
)


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
