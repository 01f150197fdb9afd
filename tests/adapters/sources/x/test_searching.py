"""Many accounts in one search: requests are saved, posts are not lost (sources-x.md 6)."""

import asyncio
from collections.abc import Sequence

import pytest

from adapters.base import FeedThrottled, FeedUnavailable, SourceSuspended
from adapters.http import Outbound
from adapters.sources.x import X
from adapters.sources.x.api import Api
from adapters.sources.x.searching import Searcher, packed, written
from tests.adapters.sources.x.parts import Follower
from tests.clock import MovableClock
from tests.fakes.x import Answer, FakeX, floor_id
from tests.fakes.x.tricks import NO_CREDITS, NOT_ENROLLED

NAMES = ("nasa", "esa", "jaxa")


class Crowd:
    """Accounts that are always due together."""

    def __init__(self, x: FakeX, clock: MovableClock, followers: Sequence[Follower]) -> None:
        self.x, self.clock, self.followers = x, clock, followers

    async def poll(self, *, seconds: float = 60) -> list[list[str]]:
        self.clock.advance(seconds=seconds)
        return await asyncio.gather(*(one.poll_now() for one in self.followers))


@pytest.fixture
async def crowd(x: FakeX, source: X, clock: MovableClock) -> Crowd:
    for name in NAMES:
        x.user(name)
    crowd = Crowd(x, clock, [await Follower(source, clock).follow(name) for name in NAMES])
    x.requests.clear()
    return crowd


async def test_accounts_that_are_due_together_share_one_search(x: FakeX, crowd: Crowd) -> None:
    x.post("nasa", "a rocket")
    x.post("jaxa", "a probe")
    assert await crowd.poll() == [["a rocket"], [], ["a probe"]]
    assert dict(x.requests) == {"search": 1}
    assert await crowd.poll() == [[], [], []]
    assert [one.reads for one in crowd.followers] == [1, 0, 1]


async def test_one_alone_has_its_timeline_read(x: FakeX, crowd: Crowd) -> None:
    x.post("nasa", "a rocket")
    assert await crowd.followers[0].poll() == ["a rocket"]
    assert dict(x.requests) == {"timeline": 1}


async def test_what_search_finds_late_and_out_of_order_is_not_stepped_over(x: FakeX, crowd: Crowd) -> None:
    x.post("nasa", "late", late=70)
    crowd.clock.advance(seconds=1)
    x.post("nasa", "in time")
    assert (await crowd.poll(seconds=30))[0] == ["in time"]
    assert (await crowd.poll(seconds=30))[0] == []
    assert (await crowd.poll(seconds=30))[0] == ["late"]
    assert (await crowd.poll(seconds=30))[0] == []


async def test_what_search_never_finds_the_timeline_brings(x: FakeX, crowd: Crowd) -> None:
    x.post("nasa", "never indexed", late=10**6)
    found = [await crowd.poll(seconds=900) for _ in range(25)]
    assert [one[0] for one in found if one[0]] == [["never indexed"]]
    assert x.requests["timeline"] == 3  # one look at each account in six hours


async def test_a_quiet_account_does_not_get_stuck_behind_the_week(x: FakeX, crowd: Crowd) -> None:
    for _ in range(24):
        assert await crowd.poll(seconds=6000) == [[], [], []]  # forty hours; searches stay young
    crowd.clock.advance(days=20)  # and after a long stop nothing is asked of search that it refuses
    x.post("esa", "back")
    assert (await crowd.poll(seconds=1))[1] == ["back"]


async def test_a_search_is_never_asked_about_more_than_a_week(
    x: FakeX, outbound: Outbound, clock: MovableClock
) -> None:
    user = x.user("nasa")
    old = floor_id(clock())
    clock.advance(days=8)
    x.post("nasa", "new")
    harvest = await Searcher(Api(outbound, x.config()), allowed=True).search([str(user.id)], old, clock(), replies=True)
    assert harvest is not None
    assert [tweet.text for tweet, _ in harvest.rows] == ["new"]


async def test_pages_of_a_search_are_all_read(x: FakeX, crowd: Crowd) -> None:
    for number in range(150):
        x.post("nasa", f"{number}")
    x.post("esa", "one")
    assert await crowd.poll() == [[f"{number}" for number in range(150)], ["one"], []]
    assert dict(x.requests) == {"search": 2}


async def test_a_search_that_is_too_long_leaves_it_to_the_timelines(x: FakeX, crowd: Crowd) -> None:
    x.post("esa", "below")
    for number in range(510):
        x.post("nasa", f"{number}")
    found = await crowd.poll()
    assert found[1] == ["below"]
    assert found[0] == [f"{number}" for number in range(210, 510)]
    assert await crowd.followers[0].poll() == [f"{number}" for number in range(210)]
    assert x.requests["search"] == 5


@pytest.mark.parametrize("how", [NOT_ENROLLED, Answer(400, b"{}"), Answer(429, b"{}")])
async def test_where_search_is_refused_timelines_do(x: FakeX, crowd: Crowd, how: Answer) -> None:
    x.always("search", how)
    x.post("nasa", "a rocket")
    assert (await crowd.poll())[0] == ["a rocket"]
    assert x.requests["timeline"] == 3
    await crowd.poll()
    assert x.requests["timeline"] == 6
    if how is NOT_ENROLLED:
        assert x.requests["search"] == 1  # and is not tried again for an hour


async def test_when_searches_are_used_up_timelines_do_and_then_all_wait(x: FakeX, crowd: Crowd) -> None:
    x.rules.limits.update(search=1, timeline=3)
    await crowd.poll()
    await crowd.poll()
    assert dict(x.requests) == {"search": 1, "timeline": 3}
    with pytest.raises(FeedThrottled):
        await crowd.poll()
    assert dict(x.requests) == {"search": 1, "timeline": 3}


async def test_when_timelines_are_used_up_one_alone_is_searched_for(x: FakeX, crowd: Crowd) -> None:
    x.rules.limits["timeline"] = 1
    nasa = crowd.followers[0]
    await nasa.poll()
    x.post("nasa", "a rocket")
    assert await nasa.poll() == ["a rocket"]
    assert dict(x.requests) == {"timeline": 1, "search": 1}


async def test_no_money_is_everybodys_trouble(x: FakeX, crowd: Crowd) -> None:
    x.always("search", NO_CREDITS)
    crowd.clock.advance(seconds=60)
    found = await asyncio.gather(*(one.poll_now() for one in crowd.followers), return_exceptions=True)
    assert [type(one) for one in found] == [SourceSuspended] * 3
    assert x.requests["search"] == 1


async def test_reposts_are_not_in_searches_so_who_wants_them_has_the_timeline(x: FakeX, crowd: Crowd) -> None:
    crowd.followers[0].kinds = frozenset(("repost",))
    comet = x.post("esa", "a comet")
    x.post("nasa", repost=comet)
    assert await crowd.poll() == [["RT @esa: a comet"], ["a comet"], []]
    assert dict(x.requests) == {"search": 1, "timeline": 1}


async def test_who_is_suspended_is_noticed_though_searches_say_nothing(x: FakeX, crowd: Crowd) -> None:
    x.user("esa", suspended=True)
    esa = crowd.followers[1]
    assert await crowd.poll() == [[], [], []]
    for _ in range(5):
        await crowd.poll(seconds=3600)
    with pytest.raises(FeedUnavailable, match="suspended"):
        await crowd.poll(seconds=3600)
    assert esa.seen == []


async def test_a_renamed_account_is_followed_on_and_its_old_name_is_not(x: FakeX, crowd: Crowd) -> None:
    x.world.rename("nasa", "nasa_hq")
    x.post("nasa", "somebody else's")  # the name was free
    x.post("nasa_hq", "ours")
    assert await crowd.poll() == [["ours"], [], []]
    nasa = crowd.followers[0]
    crowd.clock.advance(days=8)
    x.post("nasa_hq", "later")
    await nasa.poll()
    assert nasa.seen[-1].url.startswith("https://x.com/nasa_hq/status/")


async def test_an_edited_post_comes_again_as_the_same(x: FakeX, crowd: Crowd) -> None:
    tweet = x.post("nasa", "teh")
    await crowd.poll()
    x.edit(tweet, "the")
    assert (await crowd.poll())[0] == ["the"]
    one, two = crowd.followers[0].seen
    assert one.key == two.key


async def test_search_can_be_switched_off(x: FakeX, outbound: Outbound, clock: MovableClock) -> None:
    source = X(outbound, x.config(search=False))
    crowd = Crowd(x, clock, [await Follower(source, clock).follow(x.user(name).username) for name in NAMES])
    await crowd.poll()
    assert (x.requests["search"], x.requests["timeline"]) == (0, 3)


async def test_many_accounts_take_few_requests(x: FakeX, source: X, clock: MovableClock) -> None:
    names = [f"user{number}" for number in range(200)]
    for name in names:
        x.user(name)
    found = await asyncio.gather(*(source.resolve(name, clock()) for name in names))
    assert x.requests["users"] == 2
    clock.advance(seconds=30)
    for name in names:
        x.post(name, f"by {name}")
    clock.advance(seconds=30)
    pages = await asyncio.gather(*(source.poll_kinds(one.key, one.page.cursor, clock(), frozenset()) for one in found))
    assert [page.posts[0].content for page in pages] == [f"by {name}" for name in names]
    assert x.requests["search"] <= 10
    assert x.requests["timeline"] == 0


def test_queries_are_as_long_as_allowed_and_no_longer() -> None:
    accounts = [f"{10**9 + number}" for number in range(100)]
    groups = list(packed(accounts, len(written((), replies=True))))
    assert [one for group in groups for one in group] == accounts
    assert max(len(written(group, replies=True)) for group in groups) <= 512
    assert min(len(group) for group in groups[:-1]) >= 24


def test_or_stands_in_parentheses_for_and_binds_tighter() -> None:
    query = written(["1", "2"], replies=False)
    assert query == "(from:1 OR from:2) -is:retweet -is:nullcast -is:reply"
