"""What `postbell doctor` learns about X."""

import pytest

from adapters.base import Examined
from adapters.http import Outbound
from adapters.sources.x import X
from tests.fakes.publisher import Publisher
from tests.fakes.x import BEARER, FakeX
from tests.fakes.x.tricks import CAPPED, NO_CREDITS, NOT_ENROLLED, UNAUTHORIZED, Answer


async def looked(source: X) -> list[tuple[bool, str]]:
    assert isinstance(source, Examined)
    found = await source.examine("")
    assert BEARER not in str(found)
    return [(one.ok, one.what) for one in found]


async def test_all_is_well(outbound: Outbound, x: FakeX) -> None:
    x.user("X")
    assert await looked(X(outbound, x.config(stream=True))) == [
        (True, "X takes the token"),
        (True, "the token may search"),
        (True, "the token may stream"),
    ]


async def test_nothing_is_set_up(outbound: Outbound) -> None:
    assert await looked(X(outbound)) == [(True, "not set up")]


@pytest.mark.parametrize("answer", [UNAUTHORIZED, NO_CREDITS, NOT_ENROLLED, CAPPED, Answer.html()])
async def test_a_token_that_is_not_taken(outbound: Outbound, x: FakeX, answer: Answer) -> None:
    x.always("users", answer)
    [(ok, what)] = await looked(X(outbound, x.config()))
    assert not ok
    assert what.startswith("X cannot be read: ")


async def test_a_plan_without_search_and_stream(outbound: Outbound, x: FakeX) -> None:
    x.always("search", NOT_ENROLLED)
    x.always("rules", NOT_ENROLLED)
    found = await looked(X(outbound, x.config(stream=True)))
    assert [(ok, what.partition(":")[0]) for ok, what in found] == [
        (True, "X takes the token"),
        (True, "the token may not search"),
        (False, "the token may not stream"),
    ]
    assert (True, "X_SEARCH is off: each account takes a request of its own") in await looked(
        X(outbound, x.config(search=False))
    )


async def test_the_activity_api(outbound: Outbound, x: FakeX, monkeypatch: pytest.MonkeyPatch) -> None:
    source = X(outbound, x.config(stream="activity"))
    assert (await looked(source))[-1] == (True, "the token may use the Activity API (0 of 1500 subscriptions)")
    monkeypatch.setattr("adapters.sources.x.subscriptions.MOST", 0)
    assert (await looked(source))[-1] == (
        True,
        "the Activity API takes no more accounts, the rest is polled (0 taken)",
    )
    x.always("subscriptions", NOT_ENROLLED)
    ok, what = (await looked(source))[-1]
    assert not ok
    assert what.startswith("the token may not use the Activity API: X does not allow it: Client Forbidden")
    x.always("subscriptions", Answer.html())
    ok, what = (await looked(source))[-1]
    assert ok
    assert what.startswith("the Activity API was not looked at")


async def test_bridges(outbound: Outbound) -> None:
    async with Publisher() as publisher:
        urls = [f"{publisher.url}/{name}/{{username}}" for name in ("good", "empty", "gone")]
        publisher.feed("/good/X").publish("x", id="2034419579089846272")
        publisher.feed("/empty/X")
        found = await looked(X(outbound, X.Config(bridge_url=" ".join(urls))))
    assert [(ok, what.partition(": ")[0]) for ok, what in found] == [
        (True, "the bridge 127.0.0.1 answers"),
        (True, "the bridge 127.0.0.1 answers, but with no posts"),
        (False, "the bridge 127.0.0.1 gives no feed"),
    ]
