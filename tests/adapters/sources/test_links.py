"""The header Link: hubs and topic, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import FeedInfo
from adapters.http.answer import Headers
from adapters.sources.feeds import Feeds
from adapters.sources.links import announced
from tests.adapters.doors import outbound
from tests.clock import START
from tests.fakes.publisher import Publisher

URL = "https://site.org/feed"
WRITTEN = FeedInfo(title="T", hubs=("https://in.org/hub",), topic="https://in.org/feed")
BOTH = (("https://hub.org/",), "https://site.org/self")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], (WRITTEN.hubs, WRITTEN.topic)),
        (['<https://hub.org/>; rel="hub"', '<https://site.org/self>; rel="self"'], BOTH),
        (['<https://hub.org/>; rel="hub", <https://site.org/self>; rel=self'], BOTH),
        (['</self>; REL="SELF"; type="a, b; c" ,<https://hub.org/>;title="x";rel="other hub"'], BOTH),
        (
            ["<https://hub.org/>; rel=hub, <https://two.org/>; rel=hub, </self>; rel=self, </other>; rel=self"],
            (("https://hub.org/", "https://two.org/"), "https://site.org/self"),
        ),
        (['<https://hub.org/>; rel="hub"'], (WRITTEN.hubs, WRITTEN.topic)),
        (['</self>; rel="self"'], (WRITTEN.hubs, WRITTEN.topic)),
        (['<javascript:1>; rel="hub", </self>; rel=self'], (WRITTEN.hubs, WRITTEN.topic)),
        (["<<<;;;,,,", '"', "rel=hub"], (WRITTEN.hubs, WRITTEN.topic)),
    ],
)
def test_the_header_goes_before_the_document_if_it_names_both(
    lines: list[str], expected: tuple[tuple[str, ...], str]
) -> None:
    info = announced(Headers([(b"link", line.encode()) for line in lines]), URL, WRITTEN)
    assert (info.hubs, info.topic) == expected
    assert info.title == "T"


@given(st.text(alphabet='<>;,= "relhubslf/:.\t', max_size=300))
def test_no_header_is_too_odd(written: str) -> None:
    assert announced({"Link": written}, URL, WRITTEN).title == "T"


def test_a_long_header_takes_no_time() -> None:
    for piece in ("<a>", "<a>;", "<a> ; rel", ";", " ", "<"):
        announced({"Link": piece * 100_000}, URL, WRITTEN)


async def test_a_poll_knows_the_hub_from_its_header() -> None:
    async with Publisher() as publisher, outbound() as out:
        feed = publisher.feed("/a", posts=1)
        feed.headers["Link"] = f'<https://hub.org/>; rel="hub", <{feed.url}>; rel="self"'
        feeds = Feeds(out)
        page = await feeds.poll(feed.url, {}, START)
        assert page.info is not None
        assert (page.info.hubs, page.info.topic) == (("https://hub.org/",), feed.url)
