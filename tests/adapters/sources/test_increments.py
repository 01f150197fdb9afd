"""Leaving out known items changes nothing but the work: against the whole reading, over the corpus and random edits."""

import random
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import FeedFailed, Post
from adapters.sources import formats
from adapters.sources.formats import Document, NotStrict
from adapters.sources.formats.increments import MOST_REMEMBERED
from tests.corpus import load_cases
from tests.counts import count

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
URL = "https://publisher.example/feed"
HEAD = (
    b'<rss version="2.0"><channel><title>Harbour</title><link>https://publisher.example/</link><language>en</language>'
)
TAIL = b"</channel></rss>"
ITEM = re.compile(rb"<(item|entry)(?=[\s>]).*?</\1>", re.DOTALL)


def read(body: bytes, seen: str = "", url: str = URL) -> Document:
    return formats.read_news(body, seen, content_type="application/xml", url=url, now=NOW)


def item(n: int, *, guid: str = "", link: str = "", more: str = "", date: bool = True) -> bytes:
    published = f"<pubDate>{datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n):%a, %d %b %Y %H:%M:%S GMT}</pubDate>"
    return (
        f"<item><title>Post {n}</title><link>{link or f'https://publisher.example/{n}'}</link>"
        f"<guid>{guid or n}</guid>{published if date else ''}<description>Text {n}.{more}</description></item>"
    ).encode()


def rss(*items: bytes, head: bytes = HEAD, between: bytes = b"\n  ", tail: bytes = TAIL) -> bytes:
    return head + between + between.join(items) + between + tail


def titles(document: Document) -> list[str]:
    return [post.title for post in document.posts]


def test_only_new_items_are_read() -> None:
    first = read(rss(item(2), item(1)))
    assert (titles(first), first.left_out) == (["Post 1", "Post 2"], ())
    second = read(rss(item(4), item(3), item(2), item(1)), first.seen)
    assert titles(second) == ["Post 3", "Post 4"]
    assert second.left_out == (datetime(2026, 1, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=UTC))
    assert second.info == first.info
    assert second.seen == read(rss(item(4), item(3), item(2), item(1))).seen
    third = read(rss(item(4), item(3)), second.seen)
    assert (titles(third), len(third.left_out)) == ([], 2)


def test_an_edited_item_is_read_again() -> None:
    seen = read(rss(item(2), item(1))).seen
    edited = read(rss(item(2), item(1, more=" Corrected.")), seen)
    assert [(post.title, post.content) for post in edited.posts] == [("Post 1", "Text 1. Corrected.")]
    assert len(edited.left_out) == 1


def test_links_are_enough_to_know_items_by() -> None:
    bare, new = (re.sub(rb"<guid>.*?</guid>", b"", item(n)) for n in (1, 2))
    second = read(rss(new, bare), read(rss(bare)).seen)
    assert (titles(second), len(second.left_out)) == (["Post 2"], 1)


def test_layout_between_items_and_dates_of_the_feed_make_nothing_new() -> None:
    def head(built: str) -> bytes:
        return HEAD + f"<lastBuildDate>{built}</lastBuildDate><pubDate>{built}</pubDate>".encode()

    seen = read(rss(item(2), item(1), head=head("Mon, 01 Jun 2026 10:00:00 GMT"))).seen
    later = rss(item(3), item(2), item(1), between=b"\r\n", head=head("Mon, 01 Jun 2026 11:00:00 +0000"))
    assert titles(read(later, seen)) == ["Post 3"]
    assert titles(read(later + b"<!-- served in 0.1 s -->\n", seen)) == ["Post 3"]


SAME = rss(item(2), item(1))


@pytest.mark.parametrize(
    "changed",
    [
        rss(item(3), item(2), item(1), head=HEAD.replace(b">en<", b">zh<")),
        rss(item(3), item(2), item(1), head=HEAD.replace(b"example/<", b"example/new/<")),
        rss(item(3), item(2), item(1), head=HEAD.replace(b"<channel", b'<channel xml:base="https://else.example/"')),
        rss(item(3), item(2), item(1), head=HEAD + b"<pubDate>--><title>x</title></pubDate>"),
    ],
    ids=["language", "link", "base", "a date that is none"],
)
def test_when_more_than_dates_changes_before_the_items_all_are_read(changed: bytes) -> None:
    assert read(changed, read(SAME).seen) == read(changed)
    assert len(read(changed).posts) == 3


def test_another_address_reads_all() -> None:
    seen = read(SAME).seen
    assert len(read(SAME, seen).posts) == 0
    assert len(read(SAME, seen, url=URL + "/2").posts) == 2


@pytest.mark.parametrize(
    "stranger",
    [
        item(3, guid="1"),
        item(3, link="http://publisher.example/1"),
        item(3, link="https://publisher.example/1#comments"),
        b"<item><title>Nothing to know it by</title></item>",
        b"<item/>",
        b"<item></item>",
        item(3, more="<![CDATA[ <item> ]]>"),
        item(3, more="<![CDATA[ </item> ]]>"),
        item(3, more="<!-- " + item(1).decode() + " -->"),
        item(3, more="<![CDATA[" + item(1).decode() + item(2).decode() + "]]>"),
        b"<!--" + item(3) + b"-->",
        b"<item><title>a</title></item><!--</item>-->",
        b"<title>After an item</title>" + item(3),
        item(3) + b"\x0c",
        item(3, more="&nbsp;"),
        item(3, more="\x08"),
        item(3) + item(3),
        item(3) + item(4, date=False),
        item(3, date=False),
        b'<x:item xmlns:x="http://purl.org/rss/1.0/"><title>x</title></x:item>' + item(3),
        b'<a:entry xmlns:a="a"/>' + item(3),
        b"<ITEM><title>x</title><link>https://publisher.example/9</link></ITEM>" + item(3),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_what_could_be_mistaken_gives_what_the_whole_document_gives(stranger: bytes, first: bool) -> None:
    seen = read(SAME).seen
    items = [stranger, item(2), item(1)] if first else [item(2), item(1), stranger]
    assert_equivalent(rss(*items), {item(1), item(2)}, seen)


@pytest.mark.parametrize(
    "document",
    [
        rss(item(2), item(1, guid="2")),
        rss(item(2), item(1, link="https://publisher.example/2")),
        rss(item(2), item(1, link="https://publisher.example/2#c")),
        rss(item(2), item(2)),
        rss(item(2), b"<item><title>x</title><guid>x</guid></item>"),
        rss(*(item(n) for n in range(MOST_REMEMBERED + 1))),
        rss(item(1), head=b"<!DOCTYPE rss>" + HEAD),
        rss(item(1), head=HEAD.replace(b"<channel>", b"<x><item></item></x><channel>")),
        rss(item(1), head=HEAD + b"<!--<item>-->"),
        rss(item(1), tail=b"<title>Behind</title>" + TAIL),
        rss(item(1), tail=TAIL + b"<!-- </rss> -->"),
        rss(item(1)).replace(b"<channel>", b"").replace(b"</channel>", b""),
        b"\xef\xbb\xbf" + rss(item(1)),
        rss(item(1)).decode().encode("utf-16"),
        b'{"items": [{"id": "1"}]}',
        rss(head=HEAD),
    ],
)
def test_documents_in_which_items_depend_on_each_other_are_not_remembered(document: bytes) -> None:
    assert read(document).seen == ""


def test_a_document_of_the_greatest_remembered_length_fits_the_cursor() -> None:
    seen = read(rss(*(item(n) for n in range(MOST_REMEMBERED)))).seen
    assert 0 < len(seen) <= 22 * MOST_REMEMBERED


def test_undated_among_dated_items_keep_the_order_of_the_whole_document() -> None:
    old = read(rss(item(1, date=False), item(2))).seen
    assert_equivalent(rss(item(3), item(4), item(1, date=False), item(2)), {item(1, date=False), item(2)}, old)
    assert_equivalent(rss(item(3, date=False), item(4), item(2)), {item(2)}, old)


# --- The corpus -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(count(3, 40)))
def test_over_the_corpus_with_random_changes(seed: int) -> None:
    chance = random.Random(seed)
    incremental = 0
    for case in load_cases():
        pieces = ITEM.split(case.body)[::2]
        items = [match[0] for match in ITEM.finditer(case.body)]
        known = items[: chance.randint(0, len(items))]
        before = joined(pieces, known)
        after = joined(pieces, changed(items, chance))
        try:
            seen = formats.read_news(before, "", content_type=case.content_type, url=case.url, now=NOW).seen
        except (NotStrict, FeedFailed):
            continue
        incremental += assert_equivalent(after, set(known), seen, case.url, case.content_type)
    assert incremental > 15


def joined(between: list[bytes], items: list[bytes]) -> bytes:
    """Items in the place of a document's own."""
    return between[0] + (between[1] if len(between) > 2 else b"\n").join(items) + between[-1]


def changed(items: list[bytes], chance: random.Random) -> list[bytes]:
    """Some items less, some edited, some twice, some out of order."""
    changes: list[Callable[[bytes], list[bytes]]] = [
        lambda one: [one],
        lambda one: [one],
        lambda one: [one],
        lambda one: [],
        lambda one: [one.replace(b"e", b"ee", 3)],
        lambda one: [one.replace(b"</title>", b" (new)</title>", 1)],
        lambda one: [one, one],
        lambda one: [re.sub(rb"\d", lambda digit: b"%d" % ((int(digit[0]) + 1) % 10), one, count=9), one],
    ]
    found = [new for one in items for new in chance.choice(changes if chance.random() < 0.5 else changes[:4])(one)]
    if chance.random() < 0.3:
        chance.shuffle(found)
    return found


Sample = tuple[int, str, str, bool]  # number, guid (blank: none), end of the link, whether it has a date
GUIDS, LINKS = st.sampled_from(["", "a", "b", " "]), st.sampled_from(["", "1", "#1"])
SAMPLES = st.lists(st.tuples(st.integers(1, 6), GUIDS, LINKS, st.booleans()), max_size=6)


@given(before=SAMPLES, after=SAMPLES)
def test_over_items_that_share_identifiers_and_links(before: list[Sample], after: list[Sample]) -> None:
    def document(some: list[Sample]) -> list[bytes]:
        return [item(n, guid=g, link=x and f"https://publisher.example/x{x}", date=dated) for n, g, x, dated in some]

    known = document(before)
    assert_equivalent(rss(*document(after)), set(known), read(rss(*known)).seen)


def assert_equivalent(
    body: bytes, known: set[bytes], seen: str, url: str = URL, content_type: str = "application/xml"
) -> bool:
    """Reading with ``seen`` gives the posts of the whole document but those of ``known`` items, if any are left out."""

    def outcome(seen: str) -> Document | str:
        try:
            return formats.read_news(body, seen, content_type=content_type, url=url, now=NOW)
        except (NotStrict, FeedFailed) as error:
            return type(error).__name__

    whole, part = outcome(""), outcome(seen)
    if isinstance(whole, Document):
        assert replace(whole, seen="") == formats.read(body, content_type=content_type, url=url, now=NOW)
    if isinstance(whole, str) or isinstance(part, str):
        assert part == whole
        return False
    if not part.left_out:
        assert part == whole
        return False
    items = [match[0] for match in ITEM.finditer(body)]
    assert len(whole.posts) == len(items)
    in_order = [post for _, post in sorted(zip(whole.places, whole.posts, strict=True), key=lambda one: one[0])]
    left_out = [post for post, raw in zip(in_order, items, strict=True) if raw in known]
    assert part.posts == tuple(post for post in whole.posts if post not in left_out)
    assert part.left_out == tuple(whole_second(post) for post in left_out)
    assert (part.info, part.not_before, part.complete, part.seen) == (
        whole.info, whole.not_before, whole.complete, whole.seen,
    )  # fmt: skip
    return True


def whole_second(post: Post) -> datetime | None:
    return post.published and post.published.replace(microsecond=0)
