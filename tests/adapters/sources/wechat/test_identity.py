"""What is the same article, the same account, the same moment: tables of cases."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.sources.formats.articles import Article, biz_in, is_wechat
from adapters.sources.wechat.accounts import Account, number_in
from adapters.sources.wechat.fields import Fields, failure_in, read_moment
from adapters.sources.wechat.settings import Config
from adapters.sources.wechat.zones import with_zone

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG = "a:MzA3MDM3NjE5NQ==:2650000001:1"


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("https://mp.weixin.qq.com/s/AbC-dEf_123?scene=1&from=x#rd", "s:AbC-dEf_123"),
        ("http://MP.weixin.qq.com/s/AbC-dEf_123", "s:AbC-dEf_123"),
        ("https://mp.weixin.qq.com/s/abc-def_123", "s:abc-def_123"),
        ("https://mp.weixin.qq.com/s/AbC-dEf_123&amp;scene=1", "s:AbC-dEf_123"),
        ("https://mp.weixin.qq.com/s?__biz=MzA3MDM3NjE5NQ==&mid=2650000001&idx=1&sn=ab&chksm=c&scene=27#rd", LONG),
        ("http://mp.weixin.qq.com/s?sn=ab&idx=1&amp;mid=2650000001&amp;__biz=MzA3MDM3NjE5NQ%3D%3D", LONG),
        ("https://mp.weixin.qq.com/s?__biz=MzA3MDM3NjE5NQ==&appmsgid=2650000001&itemidx=1&sign=ab", LONG),
        ("https://mp.weixin.qq.com/s/?__biz=MzA3MDM3NjE5NQ==&mid=2650000001&idx=1", LONG),
        ("https://mp.weixin.qq.com/s?src=11&timestamp=1&ver=1&signature=abc", ""),
        ("https://mp.weixin.qq.com/mp/appmsgalbum?__biz=MzA3MDM3NjE5NQ==&album_id=1", ""),
        ("https://mp.weixin.qq.com/mp/profile_ext?action=home&__biz=MzA3MDM3NjE5NQ==", ""),
        ("https://mp.weixin.qq.com.example.org/s/AbC-dEf_123", ""),
        ("https://example.org/?u=https://mp.weixin.qq.com/s/AbC-dEf_123", ""),
        ("AbC-dEf_123", ""),
    ],
)
def test_an_article_is_known_by_both_its_addresses(address: str, number: str) -> None:
    article = Article.at(address)
    assert (article.number if article else "") == number
    if article:
        again = Article.at(article.url)
        assert again == article
        assert "scene" not in article.url
        assert "chksm" not in article.url


def test_the_account_stands_in_every_long_address() -> None:
    assert biz_in("https://mp.weixin.qq.com/mp/profile_ext?action=home&amp;__biz=MzA3MDM3NjE5NQ%3D%3D") == (
        "MzA3MDM3NjE5NQ=="
    )
    assert biz_in("https://mp.weixin.qq.com/s/AbC") == biz_in("https://example.org/?__biz=MzA3MDM3NjE5NQ==") == ""
    assert is_wechat("http://mp.weixin.qq.com/mp/anything")
    assert not is_wechat("https://weixin.qq.com/")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("MzA3MDM3NjE5NQ==", "3070376195"),
        ("MzA3MDM3NjE5NQ", "3070376195"),
        ("MP_WXS_3070376195", "3070376195"),
        ("3070376195", "3070376195"),
        ("gh_052bfae75c8a", ""),
        ("technology", ""),
        ("港口新闻", ""),
        ("MzA3MDM3NjE5NQ==x", ""),
        ("____", ""),
    ],
)
def test_an_accounts_number_has_many_forms(text: str, number: str) -> None:
    assert number_in(text) == number


def test_accounts_are_the_same_by_any_name_unless_their_numbers_differ() -> None:
    by_number, by_name = Account.called("3070376195"), Account.called("Ｈarbour  news")
    assert Account.described(["MP_WXS_3070376195"], "Harbour news").is_same(by_number)
    assert Account.described(["MP_WXS_3070376195"], "harbour news").is_same(by_name)
    assert not Account.described(["1234567890"], "Harbour").is_same(Account.described(["1234567891"], "Harbour"))
    assert not by_number.is_same(by_name)
    assert by_number.with_(by_name).key == "MzA3MDM3NjE5NQ=="


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1772366400, "2026-03-01T12:00:00+00:00"),
        (1772366400000, "2026-03-01T12:00:00+00:00"),
        ("1772366400", "2026-03-01T12:00:00+00:00"),
        ("2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00+00:00"),
        ("2026-03-01T20:00:00+08:00", "2026-03-01T12:00:00+00:00"),
        ("2026-03-01T20:00:00", "2026-03-01T12:00:00+00:00"),
        ("2026-03-01 20:00:00", "2026-03-01T12:00:00+00:00"),
        (0, None),
        (-5, None),
        (10**17, None),
        (True, None),
        (None, None),
        ("soon", None),
        ({}, None),
        ("9" * 5000, None),
        (float("nan"), None),
    ],
)
def test_moments_come_in_many_forms(value: Any, expected: str | None) -> None:
    found = read_moment(value, timedelta(hours=8), NOW)
    assert (found.isoformat() if found else None) == expected


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ([{"id": 1}], 1),
        ({"data": [{"id": 1}, "x", None]}, 1),
        ({"success": True, "articles": [{}, {}]}, 2),
        ({"data": {"list": [{}], "total": 1}}, 1),
        ({"data": {"total": 0}}, None),
        ("text", None),
        (None, None),
        ({"items": {}}, None),
    ],
)
def test_the_list_is_found_where_it_is(body: Any, count: int | None) -> None:
    found = Fields().items(body)
    assert (None if found is None else len(found)) == count


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"success": True, "data": []}, ""),
        ({"code": 0, "message": "success"}, ""),
        ({"err": "", "data": []}, ""),
        ({"code": 200}, ""),
        ({"errcode": None}, ""),
        ([], ""),
        ({"success": False, "error": {"code": "x", "message": "Invalid API key"}}, "Invalid API key"),
        ({"success": False, "error": "no"}, "no"),
        ({"err": "token错误"}, "token错误"),
        ({"code": 50001}, "code 50001"),
        ({"code": False}, "code False"),
        ({"code": {"deep": 1}}, "code {'deep': 1}"),
    ],
)
def test_a_failure_is_found_in_a_body_that_comes_with_200(body: Any, said: str) -> None:
    assert failure_in(body) == said


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("<pubDate>Sun, 01 Mar 2026 20:00:00</pubDate>", "<pubDate>Sun, 01 Mar 2026 20:00:00 +0800</pubDate>"),
        ("<pubDate> 2026-03-01 20:00:00 </pubDate>", "<pubDate> 2026-03-01 20:00:00 +0800 </pubDate>"),
        ("<updated>2026-03-01T20:00:00.5</updated>", "<updated>2026-03-01T20:00:00.5 +0800</updated>"),
        ('{"date_published": "2026-03-01T20:00:00"}', '{"date_published": "2026-03-01T20:00:00+08:00"}'),
        ("<pubDate>Sun, 01 Mar 2026 20:00:00 GMT</pubDate>", ""),
        ("<published>2026-03-01T20:00:00Z</published>", ""),
        ("<updated>2026-03-01T20:00:00+08:00</updated>", ""),
        ("<title>2026-03-01 20:00:00</title>", ""),
        ("<pubDate>soon</pubDate>", ""),
    ],
)  # fmt: skip
def test_dates_get_the_zone_that_was_left_out(document: str, expected: str) -> None:
    assert with_zone(document.encode(), timedelta(hours=8)).decode() == (expected or document)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"wewe_url": "localhost:4000"}, "wewe_url"),
        ({"messages_base_url": "https://api.example"}, "messages_key"),
        ({"rsshub_url": "https://rsshub.example/wechat"}, "put {biz}"),
        ({"wewe_format": "xml"}, "atom, rss or json"),
        ({"we_mp_time_zone": "Asia/Shanghai"}, r"\+08:00"),
        ({"messages_page_size": 0}, "1 to 100"),
        ({"messages_overlap_hours": -1}, "0 to 720"),
        ({"messages_fields": "list"}, "none of list="),
        ({"providers": "wewe"}, "none of messages, wewe-rss"),
    ],
)
def test_a_wrong_setting_says_what_is_expected(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Config(**given)
