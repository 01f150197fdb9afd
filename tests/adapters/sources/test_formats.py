"""Reading feed documents: what is one, in which order its posts come, what the tolerant reader adds."""

import json
from collections.abc import Callable

import pytest

from adapters.base import FeedFault
from adapters.sources import formats
from tests.adapters.sources.documents import (
    RSS_090,
    URL,
    atom,
    fault_of,
    item,
    json_feed,
    only,
    read,
    read_tolerant,
    rss,
)

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
