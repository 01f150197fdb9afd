"""How people name accounts, and what numbers of X tell (sources-x.md 4 and 12)."""

from datetime import UTC, datetime

import pytest

from adapters.base import FeedNotFound
from adapters.sources.x.names import Named, named
from adapters.sources.x.settings import Config
from adapters.sources.x.snowflakes import floor_id, made_at, number


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("@nasa", Named("nasa", certain=True)),
        ("NASA", Named("NASA", certain=False)),
        (" @nasa ", Named("nasa", certain=True)),
        ("x.com/nasa", Named("nasa", certain=True)),
        ("https://x.com/nasa?lang=en", Named("nasa", certain=True)),
        ("https://twitter.com/NASA/status/20/photo/1", Named("NASA", certain=True)),
        ("http://mobile.twitter.com/nasa#top", Named("nasa", certain=True)),
        ("https://vxtwitter.com/nasa/status/20", Named("nasa", certain=True)),
        ("<https://x.com/@nasa>", Named("nasa", certain=True)),
    ],
)
def test_an_account_is_named_in_many_ways(written: str, meant: Named) -> None:
    assert named(written) == meant


@pytest.mark.parametrize(
    "written",
    ["", "@", "nasa.gov", "a-b", "@sixteen_letters_", "https://x.com/home", "https://x.com/i/status/20",
     "https://example.com/nasa", "https://notx.com/nasa", "ｎａｓａ", "x.com/"],
)  # fmt: skip
def test_anything_else_names_none(written: str) -> None:
    with pytest.raises(FeedNotFound):
        named(written)


@pytest.mark.parametrize(
    ("identifier", "at"),
    [
        (1212092628029698048, "2019-12-31T19:26:16.771+00:00"),
        (1797123456789000000, "2024-06-02T04:29:55.694+00:00"),
        (2000000000000000000, "2025-12-14T00:28:52.860+00:00"),
    ],
)
def test_numbers_tell_their_time(identifier: int, at: str) -> None:
    assert made_at(identifier) == datetime.fromisoformat(at)


def test_the_smallest_number_of_a_moment() -> None:
    assert floor_id(datetime(2026, 1, 1, tzinfo=UTC)) == 2006515713438646272
    assert floor_id(datetime(2026, 3, 19, tzinfo=UTC)) == 2034419579089846272
    assert floor_id(datetime(2000, 1, 1, tzinfo=UTC)) == 0
    assert made_at(12345) is None
    assert number("2034419579089846272") == 2034419579089846272
    assert number("-1") is None


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"base_url": "api.x.com"}, "base_url"),
        ({"api_key": "key"}, "belong together"),
        ({"bridge_url": "https://nitter.example/rss"}, "username"),
        ({"poll_seconds": 0}, "poll_seconds"),
        ({"monthly_budget": -1}, "monthly_budget"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Config(**given)  # type: ignore[arg-type]  # that is the point


def test_secrets_are_not_shown() -> None:
    assert "hush" not in repr(Config(bearer_token="hush", api_key="key", api_secret="hush"))
