"""Documents built to hurt are refused or cost little, and no bytes at all break a reader."""

import itertools
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.base import FeedFailed, FeedFault
from adapters.sources import formats
from tests.adapters.sources.documents import (
    URL,
    fault_of,
    item,
    only,
    read,
    read_tolerant,
    rss,
)

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
