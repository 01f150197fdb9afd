"""By what posts are known again (feeds.md 5.2 and 12)."""

import random
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.formats import identity
from adapters.sources.formats.items import Item


def digest(kind: str, value: str) -> bytes:
    return sha256(kind.encode() + b"\0" + value.encode()).digest()[:16]


def keys(*items: Item) -> list[bytes]:
    return identity.keys(items, identity.links(items))


def link_keys(*items: Item) -> list[bytes | None]:
    return identity.link_keys(identity.links(items))


def test_the_raw_id_is_the_key_and_the_link_the_second() -> None:
    item = Item(raw_id="tag:example.org,1", link="http://Example.org/a?utm_source=x")
    assert keys(item) == [digest("id", "tag:example.org,1")]
    assert link_keys(item) == [digest("link", "https://example.org/a")]


def test_without_an_id_the_link_is_the_key() -> None:
    assert keys(Item(link="http://example.org/a")) == [digest("link", "https://example.org/a")]


def test_without_id_and_link_the_text_is_the_key_whatever_its_markup() -> None:
    plain = Item(title="Hello", published_text="Mon", content="A  long text &amp; more")
    marked = Item(title="Hello", published_text="Mon", content="<p>A <b>long</b>\ntext &amp; more</p>")
    assert keys(plain) == keys(marked) == [digest("text", "Hello\nMon\nA long text & more")]
    assert link_keys(plain) == [None]


def test_an_id_of_several_posts_is_told_apart_by_link_then_by_title_and_date() -> None:
    found = keys(
        Item(raw_id="same", link="https://e.org/1"),
        Item(raw_id="same", link="https://e.org/2"),
        Item(raw_id="same", title="A", published_text="Mon"),
        Item(raw_id="same", title="B", published_text="Tue"),
        Item(raw_id="own", link="https://e.org/3"),
    )
    assert found == [
        digest("id", "same\nhttps://e.org/1"),
        digest("id", "same\nhttps://e.org/2"),
        digest("id", "same\nA\nMon"),
        digest("id", "same\nB\nTue"),
        digest("id", "own"),
    ]


def test_a_post_listed_twice_keeps_the_key_it_has_alone() -> None:
    alone = Item(raw_id="1", link="https://e.org/1", title="Hello", published_text="Mon")
    pinned = Item(raw_id="1", link="https://e.org/1", title="Pinned: Hello", published_text="Mon")
    assert keys(alone, pinned) == keys(alone) * 2


def test_one_id_and_link_for_everything_loses_no_post() -> None:
    found = keys(
        Item(raw_id="1", link="https://e.org/", title="A", published_text="Mon"),
        Item(raw_id="1", link="https://e.org/", title="B", published_text="Tue"),
    )
    assert len(set(found)) == 2


def test_posts_without_ids_that_share_a_link_have_their_own_keys() -> None:
    down, up = Item(link="https://status.e.org/", title="Down"), Item(link="https://status.e.org/", title="Up")
    assert len(set(keys(down, up))) == 2
    assert link_keys(down, up) == [None, None]


def test_a_fragment_counts_only_where_it_alone_tells_links_apart() -> None:
    assert identity.links([Item(link="https://e.org/a#top"), Item(link="https://e.org/b#top")]) == [
        "https://e.org/a",
        "https://e.org/b",
    ]
    assert identity.links([Item(link="https://e.org/log#v1"), Item(link="https://e.org/log#v2")]) == [
        "https://e.org/log#v1",
        "https://e.org/log#v2",
    ]


@pytest.mark.parametrize(
    ("link", "normal"),
    [
        ("https://example.org/a", "https://example.org/a"),
        ("http://example.org/a", "https://example.org/a"),
        ("HTTPS://WWW.Example.ORG/Path/To", "https://www.example.org/Path/To"),
        ("http://example.org:80/a", "https://example.org/a"),
        ("https://example.org:443/a", "https://example.org/a"),
        ("https://example.org:8443/a", "https://example.org:8443/a"),
        ("https://example.org", "https://example.org/"),
        ("https://example.org/a#part", "https://example.org/a"),
        ("https://example.org/#!/a", "https://example.org/#!/a"),
        ("https://example.org/a?utm_source=rss&id=7&utm_medium=feed", "https://example.org/a?id=7"),
        ("https://example.org/a?fbclid=1&gclid=2&spm=3&from=rss", "https://example.org/a"),
        ("https://example.org/a?from=home", "https://example.org/a?from=home"),
        ("https://example.org/a?b=2&a=1", "https://example.org/a?b=2&a=1"),
        ("https://Ada:Key@Example.org/a", "https://Ada:Key@example.org/a"),
        ("", ""),
    ],
)
def test_links_are_compared_in_their_normal_form(link: str, normal: str) -> None:
    assert identity.normal_link(link) == normal


X = "x:2001234567890123456"


@pytest.mark.parametrize(
    ("raw_id", "link", "canonical"),
    [
        ("https://twitter.com/nasa/status/2001234567890123456", "https://x.com/nasa/status/2001234567890123456", X),
        ("2001234567890123456", "https://nitter.example/nasa/status/2001234567890123456#m", X),
        ("", "https://x.com/i/web/statuses/2001234567890123456?s=20", X),
        ("", "https://example.org/status/12", ""),
        ("yt:video:dQw4w9WgXcQ", "https://www.youtube.com/watch?v=dQw4w9WgXcQ", "yt:dQw4w9WgXcQ"),
        ("", "https://www.youtube.com/watch?list=a&v=dQw4w9WgXcQ&t=3", "yt:dQw4w9WgXcQ"),
        ("", "https://youtu.be/dQw4w9WgXcQ", "yt:dQw4w9WgXcQ"),
        ("", "https://www.youtube.com/shorts/dQw4w9WgXcQ", "yt:dQw4w9WgXcQ"),
        ("", "https://www.youtube.com/@nasa", ""),
        ("AbC-dEf_123", "https://mp.weixin.qq.com/s/AbC-dEf_123?scene=1", "wx:s:AbC-dEf_123"),
        (
            "",
            "http://mp.weixin.qq.com/s?__biz=MzA5%3D%3D&amp;mid=265&amp;idx=1&amp;sn=ab#rd",
            "wx:a:MzA5==:265:1",
        ),
        ("", "https://mp.weixin.qq.com/s?idx=1&mid=265&scene=27&__biz=MzA5==", "wx:a:MzA5==:265:1"),
        ("", "https://mp.weixin.qq.com/s?__biz=MzA5==&appmsgid=265&itemidx=1&sign=ab", "wx:a:MzA5==:265:1"),
        ("", "https://mp.weixin.qq.com/s?src=11&timestamp=1&ver=1&signature=ab", ""),
        ("1", "https://example.org/a", ""),
    ],
)
def test_a_platforms_own_number_is_found_in_every_form_of_its_links(raw_id: str, link: str, canonical: str) -> None:
    assert identity.canonical_id(Item(raw_id=raw_id, link=link)) == canonical


def test_all_forms_of_a_link_to_one_post_give_one_second_key() -> None:
    rsshub = Item(
        raw_id="https://twitter.com/a/status/2001234567890123456", link="https://x.com/a/status/2001234567890123456"
    )
    nitter = Item(raw_id="2001234567890123456", link="https://nitter.example/a/status/2001234567890123456#m")
    assert link_keys(rsshub) == link_keys(nitter) == [digest("link", X)]


def test_youtubes_own_element_names_the_video() -> None:
    assert identity.canonical_id(Item(raw_id="anything", video_id="dQw4w9WgXcQ")) == "yt:dQw4w9WgXcQ"


few = st.sampled_from(["", "a", "b", "c"])
links_of = st.sampled_from(["", "https://e.org/", "https://e.org/1", "https://e.org/1#x", "http://e.org/1?utm_a=b"])
any_item = st.builds(Item, raw_id=few, link=links_of, title=few, published_text=few, content=few)


@given(st.lists(any_item, max_size=8), st.randoms(use_true_random=False))
def test_keys_do_not_depend_on_the_documents_order(items: list[Item], chance: random.Random) -> None:
    shuffled = items.copy()
    chance.shuffle(shuffled)
    before = dict(zip(map(id, items), zip(keys(*items), link_keys(*items), strict=True), strict=True))
    after = dict(zip(map(id, shuffled), zip(keys(*shuffled), link_keys(*shuffled), strict=True), strict=True))
    assert before == after


@given(st.lists(any_item, max_size=8))
def test_listing_everything_twice_changes_no_key(items: list[Item]) -> None:
    assert keys(*items, *items) == keys(*items) * 2
