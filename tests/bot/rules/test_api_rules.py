"""Keys, plans, places in lists and ids, as values."""

import re
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules import cursors, ids, keys, plans
from bot.rules.cursors import Cursor

PLANS = plans.read("[free]\nphones = 1\nsubscriptions = 2\n[open]")
KEY, OLD = b"k" * 32, b"o" * 32


def test_keys_are_as_long_as_the_document_says_and_all_different() -> None:
    made = {keys.new_key() for _ in range(1000)}
    assert len(made) == 1000
    for key in made:
        assert re.fullmatch(r"bws_prod_[0-9A-Za-z]{27}", key)
        assert len(key) == 36
        assert len(keys.prefix(key)) == 12
        assert keys.looks_like_key(key)


@pytest.mark.parametrize("text", ["", "bws_", "bws_short", "whsec_" + "0" * 30, "bws_" + "0" * 61, "bws_prod_ключ"])
def test_what_is_no_key_is_seen_without_asking(text: str) -> None:
    assert not keys.looks_like_key(text)


def test_limits_are_a_plans_but_for_those_that_are_ones_own() -> None:
    assert plans.limits(PLANS, "free", "") == plans.Limits(phones=1, subscriptions=2)
    own = plans.limits(PLANS, "free", '{"phones": 5, "subscriptions": null, "unknown": 1}')
    assert own == plans.Limits(phones=5)
    assert plans.limits(PLANS, "open", "") == plans.Limits()
    assert plans.limits(PLANS, "no longer there", "") == plans.NOTHING
    assert (plans.is_reached(None, 10**9), plans.is_reached(2, 1), plans.is_reached(2, 2)) == (False, False, True)


@pytest.mark.parametrize(
    "text", ["[free", "[free]\nphones = -1", "[free]\nphones = 'x'", "[free]\nfones = 1", "free = 1"]
)
def test_plans_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        plans.read(text)


@given(st.integers(0, 2**62), st.integers(1, 2**62))
def test_a_place_comes_back_as_it_was_given(at: int, number: int) -> None:
    text = cursors.make([KEY], 7, Cursor(at, number))
    assert cursors.read([KEY], 7, text) == cursors.read([OLD, KEY], 7, text) == Cursor(at, number)
    assert cursors.read([KEY], 8, text) is cursors.read([OLD], 7, text) is None
    assert cursors.read([KEY], 7, text, "posts") is None
    assert cursors.read([KEY], 7, cursors.make([KEY], 7, Cursor(at, number), "posts"), "posts") == Cursor(at, number)


@given(st.text())
def test_any_text_is_no_place(text: str) -> None:
    assert cursors.read([KEY], 7, text) is None


def test_numbered_ids_are_uuids_that_sort_by_time() -> None:
    made = [UUID(ids.numbered(1_745_000_000_000 + n, 100 - n)) for n in range(3)]
    assert made == sorted(made)
    assert {(one.version, one.variant) for one in made} == {(7, RFC_4122)}
    assert ids.numbered(1, 2) != ids.numbered(1, 3) != ids.numbered(2, 3)


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**62 - 1))
def test_what_an_id_was_made_of_can_be_read_off_it(millis: int, number: int) -> None:
    made = ids.numbered(millis, number)
    assert ids.number_of(made) == ids.number_of(made.upper()) == (millis, number)
    assert ids.read(made) == UUID(made)
    assert ids.made_at(UUID(made)) == millis


@pytest.mark.parametrize(
    "text",
    ["", "1", "019c0ddc55c07a538a9d0f6f3a7d2b10", "{019c0ddc-55c0-7a53-8a9d-0f6f3a7d2b10}", "٠" * 36, "x" * 36],
)
def test_what_is_no_id_is_nobodys(text: str) -> None:
    assert ids.read(text) is None
    assert ids.number_of(text) is None


def test_an_id_that_was_not_made_of_a_number_has_none() -> None:
    assert ids.number_of("019c0ddc-55c0-7a53-8a9d-0f6f3a7d2b10") is None
    assert ids.made_at(UUID(int=1)) is None


@pytest.mark.parametrize(
    ("url", "post"),
    [
        ("https://x.com/elonmusk/status/1797123456789000000", "1797123456789000000"),
        ("https://twitter.com/i/web/status/12?s=20", "12"),
        ("https://mobile.twitter.com/a_b/statuses/12/photo/1", "12"),
        ("https://x.com/elonmusk", ""),
        ("https://x.com.example.org/a/status/12", ""),
        ("https://example.org/x.com/a/status/12", ""),
    ],
)
def test_the_id_of_a_post_on_x(url: str, post: str) -> None:
    assert ids.post_on_x(url) == post


@pytest.mark.parametrize(
    ("url", "article"),
    [
        ("https://mp.weixin.qq.com/s/AbC-dEf_123?scene=1#rd", "AbC-dEf_123"),
        ("http://mp.weixin.qq.com/s/abc-def_123", "abc-def_123"),
        (
            "https://mp.weixin.qq.com/s?__biz=MzA3MDM3NjE5NQ==&mid=2247483650&idx=1&sn=ab&chksm=c#wechat_redirect",
            "2247483650_1_MzA3MDM3NjE5NQ",
        ),
        (
            "http://mp.weixin.qq.com/s?sn=ab&amp;idx=2&amp;mid=2247483650&amp;__biz=MzA3MDM3NjE5NQ%3D%3D",
            "2247483650_2_MzA3MDM3NjE5NQ",
        ),
        ("https://mp.weixin.qq.com/s/?__biz=Mz+/A==&appmsgid=7&itemidx=3&sign=x", "7_3_Mz+/A"),
        ("https://mp.weixin.qq.com/s?src=11&timestamp=1&ver=1&signature=x", ""),
        ("https://mp.weixin.qq.com/s?__biz=MzA&mid=1", ""),
        ("https://mp.weixin.qq.com/s?__biz=MzA&mid=one&idx=1", ""),
        ("https://mp.weixin.qq.com/mp/appmsgalbum?__biz=MzA&mid=1&idx=1", ""),
        ("https://mp.weixin.qq.com/s", ""),
        ("https://mp.weixin.qq.com.example.org/s/abc", ""),
        ("https://example.org/s/abc", ""),
        ("", ""),
    ],
)
def test_the_id_of_an_article_on_wechat(url: str, article: str) -> None:
    assert ids.article_on_wechat(url) == article
