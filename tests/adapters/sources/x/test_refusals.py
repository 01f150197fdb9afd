"""What X answers instead of posts, and what follows from it (sources-x.md 9 and 10)."""

from datetime import timedelta
from typing import Any

import pytest

from adapters.base import (
    FeedFailed,
    FeedFault,
    FeedNotFound,
    FeedThrottled,
    FeedUnavailable,
    SourceError,
    SourceSuspended,
)
from adapters.http import Outbound
from adapters.sources.x import X
from tests.adapters.sources.x.parts import Follower
from tests.clock import MovableClock
from tests.fakes.x import BEARER, KEY, SECRET, Answer, FakeX
from tests.fakes.x.tricks import (
    CAPPED,
    NO_CREDITS,
    NOT_ENROLLED,
    OLD_TOO_MANY,
    OLD_UNAUTHORIZED,
    TOO_MANY,
    UNAUTHORIZED,
)


@pytest.fixture
async def nasa(source: X, clock: MovableClock) -> Follower:
    return await Follower(source, clock).follow("@nasa")


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (UNAUTHORIZED, SourceSuspended, "token"),
        (OLD_UNAUTHORIZED, SourceSuspended, "token"),
        (NO_CREDITS, SourceSuspended, "credits"),
        (NOT_ENROLLED, SourceSuspended, "attached to a Project"),
        (Answer(403, b'{"title":"Forbidden","type":"https://api.x.com/2/problems/user-suspended"}'),
         SourceSuspended, "Forbidden"),
        (Answer(403, b""), SourceSuspended, "no reason"),
        (Answer(403, b'{"title":"x","type":"https://api.x.com/2/problems/disallowed-resource"}'), FeedUnavailable, "x"),
        (CAPPED, SourceSuspended, "allowance"),
        (Answer(429, TOO_MANY), FeedThrottled, "wait"),
        (Answer(429, OLD_TOO_MANY), FeedThrottled, "wait"),
        (Answer.html(429), FeedThrottled, "wait"),
        (Answer(404, b'{"title":"Not Found Error","detail":"gone"}'), FeedUnavailable, "gone"),
        (Answer(404, b""), FeedFailed, "404"),
        (Answer(), FeedFailed, "503: Service Unavailable"),
        (Answer.html(), FeedFailed, "503"),
        (Answer(200, b"<html>"), FeedFailed, "cannot be read"),
        (Answer(200, b"[]"), FeedFailed, "cannot be read"),
        (Answer(200, b"[" * 100_000), FeedFailed, "cannot be read"),
        (Answer(200, b'{"data":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001), FeedFailed, "cannot be read"),
        (Answer(500, b"{" * 100_000), FeedFailed, "500"),
        (Answer(200, b'{"data":[{"id":"1"}', cut=True), FeedFailed, "broke off"),
        (Answer(302, b"", headers={"Location": "https://x.com/"}), FeedFailed, "302"),
        (Answer(200, b'{"errors":[{"title":"Authorization Error","type":"https://api.x.com/2/problems/not-authorized-for-resource"}]}'),
         FeedUnavailable, "protected"),
        (Answer(200, b'{"errors":[{"title":"Odd","detail":"something else"}]}'), FeedUnavailable, "something else"),
    ],
)  # fmt: skip
async def test_each_refusal_says_what_to_do(
    x: FakeX, nasa: Follower, answer: Answer, error: type[SourceError], reason: str
) -> None:
    x.fail("timeline", answer)
    with pytest.raises(error, match=reason) as raised:
        await nasa.poll()
    assert type(raised.value) is error or isinstance(raised.value, SourceSuspended)
    assert BEARER not in str(raised.value)


async def test_a_page_with_partial_errors_is_good(x: FakeX, nasa: Follower) -> None:
    gone = x.post("esa", "deleted later")
    x.post("NASA", "quoting", quote=gone)
    x.delete(gone)
    assert await nasa.poll() == ["quoting"]


async def test_an_empty_timeline_is_no_refusal(x: FakeX, nasa: Follower) -> None:
    x.fail(
        "timeline",
        Answer(200, b'{"meta":{"result_count":0}}'),
        Answer(200, b'{"meta":{"result_count":0}, "errors":[{"title":"x"}]}'),
    )
    assert await nasa.poll() == []
    assert await nasa.poll() == []


async def test_a_window_that_is_used_up_is_respected_without_asking(
    x: FakeX, outbound: Outbound, clock: MovableClock
) -> None:
    x.rules.limits["timeline"] = 2
    nasa = await Follower(X(outbound, x.config(search=False)), clock).follow("nasa")
    await nasa.poll()
    await nasa.poll()
    with pytest.raises(FeedThrottled) as raised:
        await nasa.poll()
    assert timedelta(0) < raised.value.after <= timedelta(minutes=15)
    assert x.requests["timeline"] == 2
    clock.advance(raised.value.after)
    await nasa.poll_now()


async def test_a_429_is_waited_for_until_the_moment_it_names(x: FakeX, nasa: Follower, clock: MovableClock) -> None:
    reset = int((clock() + timedelta(seconds=460)).timestamp())
    headers = {"x-rate-limit-limit": "10", "x-rate-limit-remaining": "0", "x-rate-limit-reset": str(reset)}
    x.fail("timeline", Answer(429, TOO_MANY, headers=headers))
    with pytest.raises(FeedThrottled) as raised:
        await nasa.poll()
    assert timedelta(seconds=400) <= raised.value.after <= timedelta(seconds=403)


async def test_a_429_that_names_none_doubles(x: FakeX, outbound: Outbound, clock: MovableClock) -> None:
    source = X(outbound, x.config())
    nasa = await Follower(source, clock).follow("nasa")
    x.fail("timeline", *[Answer(429, TOO_MANY)] * 3)
    waits = []
    for _ in range(3):
        with pytest.raises(FeedThrottled) as raised:
            await nasa.poll_now()
        waits.append(raised.value.after.total_seconds())
        clock.advance(raised.value.after)
    assert waits == [60, 120, 240]


async def test_no_money_stops_everybody_and_is_tried_again_later(x: FakeX, nasa: Follower, clock: MovableClock) -> None:
    x.always("timeline", NO_CREDITS)
    for _ in range(5):
        with pytest.raises(SourceSuspended, match="credits"):
            await nasa.poll()
    assert x.requests["timeline"] == 1
    x.always("timeline", None)
    x.post("NASA", "paid")
    assert await nasa.poll(seconds=3600) == ["paid"]


async def test_trouble_of_x_is_no_accounts_fault_and_asked_about_less_and_less(
    x: FakeX, nasa: Follower, clock: MovableClock
) -> None:
    x.always("timeline", Answer())
    waits = []
    for _ in range(3):
        with pytest.raises(FeedFailed) as failed:
            await nasa.poll_now()
        assert failed.value.fault is FeedFault.HTTP
    for _ in range(10):
        with pytest.raises(FeedThrottled) as throttled:
            await nasa.poll_now()
        waits.append(throttled.value.after.total_seconds())
        clock.advance(throttled.value.after)
        with pytest.raises(FeedFailed):
            await nasa.poll_now()
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]
    x.always("timeline", None)
    clock.advance(minutes=15)
    assert await nasa.poll_now() == []


async def test_one_accounts_limit_is_not_the_others(x: FakeX, nasa: Follower, source: X, clock: MovableClock) -> None:
    """Looking names up has a window of its own."""
    x.rules.limits["users"] = 1
    with pytest.raises(FeedThrottled):
        await source.resolve("esa", clock())
    assert await nasa.poll() == []


async def test_a_token_is_got_with_key_and_secret_and_renewed_when_refused(
    x: FakeX, outbound: Outbound, clock: MovableClock
) -> None:
    source = X(outbound, x.config(bearer_token="", api_key=KEY, api_secret=SECRET))
    nasa = await Follower(source, clock).follow("nasa")
    await nasa.poll()
    assert x.requests["token"] == 1
    x.fail("timeline", UNAUTHORIZED)
    assert await nasa.poll() == []
    assert x.requests["token"] == 2
    await source.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(403, b'{"errors":[{"code":99}]}'), SourceSuspended),
        (Answer(), FeedFailed),
        (Answer(200, b'{"token_type":"mac","access_token":"x"}'), FeedFailed),
        (Answer(200, b"<html>"), FeedFailed),
    ],
)
async def test_a_token_that_cannot_be_got_is_said(
    x: FakeX, outbound: Outbound, clock: MovableClock, answer: Answer, error: type[SourceError]
) -> None:
    source = X(outbound, x.config(bearer_token="", api_key=KEY, api_secret=SECRET))
    x.fail("token", answer)
    with pytest.raises(error) as raised:
        await source.resolve("nasa", clock())
    assert SECRET not in str(raised.value)


async def test_an_x_that_is_not_there_is_a_failure_of_the_network(outbound: Outbound, clock: MovableClock) -> None:
    config: Any = {"base_url": "http://127.0.0.1:9", "bearer_token": "x"}
    source = X(outbound, X.Config(**config))
    with pytest.raises(FeedFailed) as raised:
        await source.poll("1", {}, clock())
    assert raised.value.fault is FeedFault.CONNECT


async def test_without_settings_nothing_is_asked(outbound: Outbound, clock: MovableClock) -> None:
    source = X(outbound)
    with pytest.raises(FeedNotFound, match="cannot be followed here"):
        await source.resolve("nasa", clock())
    with pytest.raises(SourceSuspended, match="X_BEARER_TOKEN"):
        await source.resolve("@nasa", clock())
    with pytest.raises(SourceSuspended, match="X_BEARER_TOKEN"):
        await source.poll("1", {}, clock())
