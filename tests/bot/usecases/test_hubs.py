"""Hubs over time: asked once, renewed before the end, asked again hourly, relied on only while they prove right."""

from datetime import timedelta
from typing import Any

import pytest

from adapters.base import FeedInfo, Page
from bot.rules import hubs as rules
from bot.rules.vault import Vault
from bot.usecases import feeds, hub_pushes, hubs, posts
from storage import models
from storage.chat_models import Hub, HubPush
from storage.database import Database
from tests import world
from tests.clock import MovableClock
from tests.world import DAY, HOUR, INTERVAL, MINUTE, SECOND, item, page

VAULT = Vault(b"k" * 32)
HUB, TOPIC = "https://hub.example/", "https://1.example.org/feed"
INFO = FeedInfo(title="F", hubs=(HUB,), topic=TOPIC)


class Bureau:
    """A feed whose document names a hub, and a clock."""

    def __init__(self, database: Database, clock: MovableClock) -> None:
        self.database, self.clock = database, clock

    def poll(self, *some: Any, info: FeedInfo = INFO) -> None:
        self.clock.advance(SECOND)
        due = self.database.run(feeds.hurry, 1, INTERVAL)
        self.database.run(world.record, due, page(*some, info=info), POLICY_WITH_HUBS)

    def asks(self) -> list[hubs.Ask]:
        return self.database.run(hubs.take_due, VAULT, 10)[0]

    def verify(self, mode: str = "subscribe", lease: int | None = 1000, topic: str = TOPIC) -> bool:
        return self.database.run(hubs.verify, self.hub().token, mode, topic, lease)

    def push(self, *some: Any) -> None:
        self.database.run(hub_pushes.store, self.hub().id, "text/xml", b"<>")
        (due,) = self.database.run(hub_pushes.take_due, 10)[0]
        part = Page(cursor={}, posts=some, info=INFO, complete=False)
        self.database.run(hub_pushes.record, due, part, POLICY_WITH_HUBS, INTERVAL)

    def hubs(self) -> list[Any]:
        return self.database.run(world.rows, Hub)

    def hub(self) -> Any:
        (row,) = self.hubs()
        return row

    def feed(self) -> Any:
        return self.database.run(world.row, models.Feed, 1)

    def subscribe(self) -> None:
        self.poll(item(0))
        (ask,) = self.asks()
        assert self.verify()
        self.database.run(hubs.accepted, ask)


POLICY_WITH_HUBS = posts.Policy(world.SCHEDULES, websub=True)


@pytest.fixture
def bureau(database: Database, clock: MovableClock) -> Bureau:
    database.run(world.add_destinations, 1)
    database.run(world.add_feed, 1)
    database.run(world.subscribe, 1, [1])
    return Bureau(database, clock)


def test_a_hub_is_asked_once_however_often_it_is_offered(bureau: Bureau) -> None:
    bureau.poll(item(0))
    bureau.poll(item(0), item(1))
    (ask,) = bureau.asks()
    assert (ask.mode, ask.hub, ask.topic, len(ask.secret)) == ("subscribe", HUB, TOPIC, 64)
    assert bureau.asks() == []
    assert bureau.hub().state == "asked"


def test_without_an_address_of_our_own_no_hub_is_asked(bureau: Bureau) -> None:
    due = bureau.database.run(feeds.hurry, 1, INTERVAL)
    bureau.database.run(world.record, due, page(item(0), info=INFO), world.POLICY)
    assert bureau.hubs() == []


@pytest.mark.parametrize(
    "info", [FeedInfo(hubs=(HUB,)), FeedInfo(topic=TOPIC), FeedInfo(hubs=(HUB,), topic="https://a.b/")]
)
def test_what_is_no_offer_is_not_heeded(bureau: Bureau, info: FeedInfo) -> None:
    bureau.poll(item(0), info=info)
    assert bureau.hubs() == []


def test_the_hubs_word_on_the_lease_wins_and_it_is_renewed_at_80_percent(bureau: Bureau, clock: MovableClock) -> None:
    bureau.subscribe()
    row = bureau.hub()
    assert (row.state, row.lease_until, row.due_at) == (
        "active",
        clock.now + 1000 * SECOND,
        clock.now + 800 * SECOND,
    )
    clock.advance(seconds=799)
    assert bureau.asks() == []
    clock.advance(seconds=1)
    (again,) = bureau.asks()
    assert (again.mode, again.token) == ("subscribe", row.token)
    assert bureau.verify(lease=None)
    assert bureau.hub().lease_until == clock.now + rules.LEASE_WISHED


def test_the_hub_may_come_back_before_its_answer_is_read(bureau: Bureau, clock: MovableClock) -> None:
    bureau.poll(item(0))
    (ask,) = bureau.asks()
    assert bureau.verify()
    bureau.database.run(hubs.failed, ask, "too late")
    assert (bureau.hub().state, bureau.hub().failures) == ("active", 0)


def test_a_hub_that_fails_or_does_not_come_back_is_asked_again_hourly_then_daily(
    bureau: Bureau, clock: MovableClock
) -> None:
    bureau.poll(item(0))
    for n in range(1, 30):
        (ask,) = bureau.asks()
        bureau.database.run(hubs.failed, ask, "the hub answered 500")
        wait = DAY if n >= 24 else HOUR
        assert (bureau.hub().failures, bureau.hub().due_at) == (n, clock.now + wait)
        clock.advance(wait)
    (ask,) = bureau.asks()
    bureau.database.run(hubs.accepted, ask)
    assert bureau.hub().due_at == clock.now + HOUR


def test_a_hub_that_has_pushed_is_relied_on_until_its_lease_ends(bureau: Bureau, clock: MovableClock) -> None:
    bureau.subscribe()
    assert bureau.feed().pushed_until is None
    bureau.push(item(5))
    assert bureau.feed().pushed_until == bureau.hub().lease_until
    assert [row.title for row in bureau.database.run(world.rows, models.Post)] == ["Post 0", "Post 5"]
    bureau.poll(item(0), item(5), item(6, published=clock.now))
    assert bureau.feed().due_at - clock.now > 50 * MINUTE
    clock.advance(seconds=2000)
    assert len(bureau.asks()) == 1
    assert bureau.hub().state == "asked"
    assert (bureau.feed().pushed_until, bureau.feed().due_at) == (None, clock.now)
    assert bureau.verify()
    assert bureau.feed().pushed_until == bureau.hub().lease_until


def test_a_hub_that_misses_three_times_is_relied_on_no_more_until_it_pushes_again(
    bureau: Bureau, clock: MovableClock
) -> None:
    bureau.subscribe()
    bureau.push(item(5))
    known = [item(0), item(5)]
    for n in range(1, 4):
        assert bureau.feed().pushed_until
        fresh = item(f"fresh {n}", published=clock.now)
        missed = item(f"missed {n}", published=clock.now - 11 * MINUTE)
        bureau.poll(*known, fresh)
        assert bureau.hub().misses == n - 1
        bureau.poll(*known, missed)
        known += [fresh, missed]
    assert (bureau.hub().misses, bureau.feed().pushed_until) == (3, None)
    assert bureau.feed().due_at - clock.now <= INTERVAL
    bureau.push(item(99))
    assert (bureau.hub().misses, bureau.feed().pushed_until) == (0, bureau.hub().lease_until)


def test_a_denial_may_come_at_any_time(bureau: Bureau, clock: MovableClock) -> None:
    bureau.subscribe()
    bureau.push(item(5))
    token = bureau.hub().token
    assert not bureau.database.run(hubs.deny, token, "https://other.example/", "")
    assert bureau.database.run(hubs.deny, token, TOPIC, "no more")
    assert (bureau.hub().state, bureau.hub().reason, bureau.feed().pushed_until) == ("denied", "no more", None)
    assert not bureau.verify()
    clock.advance(7 * DAY)
    assert [ask.mode for ask in bureau.asks()] == ["subscribe"]


def test_a_feed_that_moves_to_another_hub_leaves_the_former(bureau: Bureau) -> None:
    bureau.subscribe()
    bureau.poll(item(0), info=FeedInfo(hubs=("https://other.example/",), topic=TOPIC))
    assert sorted((ask.mode, ask.hub) for ask in bureau.asks()) == [
        ("subscribe", "https://other.example/"),
        ("unsubscribe", HUB),
    ]


def test_a_feed_that_is_read_no_more_leaves_and_is_forgotten_a_day_later(bureau: Bureau, clock: MovableClock) -> None:
    bureau.subscribe()
    bureau.database.run(hubs.leave, 1)
    (ask,) = bureau.asks()
    assert ask.mode == "unsubscribe"
    assert not bureau.verify("subscribe")
    assert bureau.verify("unsubscribe")
    assert bureau.database.run(hubs.callback, VAULT, ask.token) == hubs.Callback(bureau.hub().id, None)
    clock.advance(DAY)
    assert bureau.asks() == []
    assert bureau.hubs() == []
    assert bureau.database.run(hubs.callback, VAULT, ask.token) is None


def test_a_hub_that_does_not_confirm_is_told_three_times(bureau: Bureau, clock: MovableClock) -> None:
    bureau.subscribe()
    bureau.database.run(hubs.leave, 1)
    for _ in range(3):
        (ask,) = bureau.asks()
        bureau.database.run(hubs.accepted, ask)
        clock.advance(HOUR)
    assert bureau.asks() == []
    assert bureau.hubs() == []


def test_who_wants_the_feed_again_meanwhile_stays(bureau: Bureau) -> None:
    bureau.subscribe()
    token = bureau.hub().token
    bureau.database.run(hubs.leave, 1)
    bureau.poll(item(0))
    assert [(ask.mode, ask.token) for ask in bureau.asks()] == [("subscribe", token)]


def test_a_feed_that_was_given_up_is_not_renewed(bureau: Bureau, clock: MovableClock) -> None:
    bureau.subscribe()
    bureau.database.run(_give_up)
    clock.advance(seconds=900)
    assert [ask.mode for ask in bureau.asks()] == ["unsubscribe"]


def _give_up(work: Any) -> None:
    work.session.get(models.Feed, 1).state = models.FeedState.GONE


def test_a_push_is_worked_off_once_and_tried_again_when_it_fails(bureau: Bureau, clock: MovableClock) -> None:
    bureau.subscribe()
    bureau.database.run(hub_pushes.store, bureau.hub().id, "text/xml", b"<>")
    (first,) = bureau.database.run(hub_pushes.take_due, 10)[0]
    assert bureau.database.run(hub_pushes.take_due, 10)[0] == []
    bureau.database.run(hub_pushes.failed, first)
    clock.advance(SECOND)
    (second,) = bureau.database.run(hub_pushes.take_due, 10)[0]
    assert second.tries == 2
    late = bureau.database.run(hub_pushes.record, first, page(item(9)), POLICY_WITH_HUBS, INTERVAL)
    assert (late.late, late.posts) == (1, 0)
    assert bureau.database.run(hub_pushes.record, second, page(item(9)), POLICY_WITH_HUBS, INTERVAL).deliveries == 1
    assert bureau.database.run(world.rows, HubPush) == []


def test_a_push_of_more_than_can_be_told_at_once_has_the_rest_polled(bureau: Bureau, clock: MovableClock) -> None:
    bureau.subscribe()
    bureau.push(item(0), *[item(f"p{n}") for n in range(60)])
    assert len(bureau.database.run(world.rows, models.Delivery)) == 1 + 50
    assert bureau.feed().due_at == clock.now


def test_secrets_are_sealed_anew_and_one_that_cannot_be_opened_is_replaced(bureau: Bureau, clock: MovableClock) -> None:
    bureau.subscribe()
    new = Vault(b"n" * 32, b"k" * 32)
    before = secret(bureau, VAULT)
    assert bureau.database.run(hubs.reseal, new, 0, 10)[0] == 1
    assert secret(bureau, Vault(b"n" * 32)) == before
    assert secret(bureau, VAULT) is None
    clock.advance(seconds=900)
    (ask,) = bureau.database.run(hubs.take_due, Vault(b"x" * 32), 10)[0]
    assert ask.secret.encode() != before


def secret(bureau: Bureau, vault: Vault) -> bytes | None:
    found = bureau.database.run(hubs.callback, vault, bureau.hub().token)
    assert found
    return found.secret


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(None, 10 * DAY), (0, SECOND), (2, 2 * SECOND), (86400, DAY), (10**12, 365 * DAY)],
)
def test_leases_have_bounds(seconds: int | None, expected: timedelta) -> None:
    assert rules.lease(seconds) == expected


@pytest.mark.parametrize(
    ("found", "topic", "feed", "expected"),
    [
        (("http://a/", "https://b/"), "https://x.org/f", "https://x.org/f", "https://b/"),
        (("http://a/",), "http://www.x.org/f", "https://feeds.x.org/f", "http://a/"),
        ((HUB,), "https://evil.org/f", "https://x.org/f", ""),
        ((HUB,), "https://org/f", "https://x.org/f", ""),
        ((HUB,), "https://[/", "https://x.org/f", ""),
        ((HUB,), "", "", ""),
        ((), "https://x.org/f", "https://x.org/f", ""),
    ],
)
def test_which_hub_is_chosen(found: tuple[str, ...], topic: str, feed: str, expected: str) -> None:
    assert rules.choose(found, topic, feed) == expected
