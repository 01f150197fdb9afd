"""What polls mean: newness, announcements, rhythm, failure and turns, against feeds.md 5 to 9."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.base import FeedFailed, FeedFault, FeedGone, FeedInfo, FeedThrottled, Page, Post
from bot.rules import polling
from bot.rules.polling import Candidate, Finding, Followed, Known, Queue, Rhythm
from tests.counts import count

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTES, HOURS, DAYS = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TEN = 10 * MINUTES

FOLLOWED = Followed(
    first_visit=False,
    last_seq=0,
    largest=0,
    interval=TEN,
    fixed=False,
    rhythm=None,
    longest_gap=None,
    hint=timedelta(0),
    failures=0,
    failing_since=None,
    told="",
    last_success_at=NOW - TEN,
    last_new_at=NOW - DAYS,
    created_at=NOW - 100 * DAYS,
)


def hashed(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()


def post(name: str, *, link: str | None = None, **fields: Any) -> Post:
    """A post with the identifier ``name``; its link follows from it."""
    link_key = hashed(f"link {link or name}")
    return Post(key=hashed(f"id {name}"), link_key=link_key, raw_id=name, title=name, **fields)


def posts(names: Iterable[object], **fields: Any) -> list[Post]:
    return [post(str(name), **fields) for name in names]


def stored(some: Sequence[Post], *, digest: bytes = b"same") -> list[Known]:
    return [Known(n, one.key, one.link_key, digest) for n, one in enumerate(some, 1)]


def find(
    document: Sequence[Post],
    known: Sequence[Known] = (),
    feed: Followed = FOLLOWED,
    *,
    backfill: str = "digest",
    digest: bytes = b"same",
    left_out: int = 0,
) -> Finding:
    page = Page(cursor={}, posts=document, left_out=[None] * left_out, info=FeedInfo())
    return polling.find(page, feed, known, [digest] * len(document), backfill, NOW)


def announced(finding: Finding) -> list[str]:
    return [fresh.post.title for fresh in finding.new if fresh.announce]


def silent(finding: Finding) -> list[str]:
    return [fresh.post.title for fresh in finding.new if not fresh.announce]


# --- What is new -----------------------------------------------------------------------------------------------


def test_the_first_visit_stores_everything_and_announces_nothing() -> None:
    finding = find(posts(range(200)), feed=replace(FOLLOWED, first_visit=True, last_success_at=None))
    assert (len(finding.new), announced(finding), finding.more, finding.suspicious) == (200, [], False, False)


def test_what_is_known_by_its_key_is_not_new() -> None:
    old = posts("abc")
    finding = find([*old, post("d")], stored(old))
    assert announced(finding) == ["d"]
    assert finding.new[0].digest == b"same"


def test_new_posts_keep_the_documents_order() -> None:
    old = posts(["m"])
    assert announced(find([*posts("zyx"), *old, *posts("abc")], stored(old))) == list("zyxabc")


def test_a_post_in_the_middle_or_behind_a_known_one_is_found() -> None:
    old = posts(["pinned", "third"])
    assert announced(find([old[0], post("inserted"), old[1]], stored(old))) == ["inserted"]


def test_an_item_that_stands_twice_in_the_document_is_one_post() -> None:
    old = posts("a")
    finding = find([*old, post("b"), post("b"), post("c")], stored(old))
    assert announced(finding) == ["b", "c"]


@pytest.mark.parametrize(("has_id", "expected"), [(False, []), (True, ["renamed"])])
def test_a_link_alone_makes_old_only_what_has_no_identifier(has_id: bool, expected: list[str]) -> None:
    old = posts(range(9))
    same_link = post("renamed", link="8", has_id=has_id)
    assert announced(find([*old[:8], same_link], stored(old))) == expected


@pytest.mark.parametrize(
    ("changed", "migration"),
    [(10, True), (6, True), (5, True), (4, False), (1, False)],
)
def test_identifiers_that_change_for_half_of_the_known_items_are_a_migration(changed: int, migration: bool) -> None:
    old = posts(range(10))
    document = [*(post(f"new-{n}", link=str(n)) for n in range(changed)), *old[changed:], post("fresh")]
    finding = find(document, stored(old))
    renamed = [f"new-{n}" for n in range(changed)]
    if migration:
        assert announced(finding) == ["fresh"]
        assert [(known.id, one.title) for known, one in finding.rekeyed] == list(enumerate(renamed, 1))
    else:
        assert announced(finding) == [*renamed, "fresh"]
        assert finding.rekeyed == ()


def test_what_was_left_out_counts_as_known() -> None:
    old = posts(range(10))
    strange = [post(f"new-{n}", link=str(n)) for n in range(4)]
    assert len(announced(find(strange, stored(old), left_out=6))) == 4
    assert find(strange, stored(old), left_out=6).rekeyed == ()
    assert len(find(strange, stored(old), left_out=4).rekeyed) == 4
    assert find(posts(range(11)), left_out=0).suspicious
    assert not find(posts(range(11)), left_out=1).suspicious


def test_an_item_without_identifier_is_known_again_by_its_link_and_not_renamed() -> None:
    old = [post("text-1", link="l", has_id=False)]
    finding = find([post("text-2", link="l", has_id=False)], stored(old))
    assert (finding.new, finding.rekeyed) == ((), ())


def test_a_post_without_a_link_key_is_never_matched_by_link() -> None:
    old = [replace(post("a"), link_key=None)]
    assert announced(find([replace(post("b"), link_key=None), *old], stored(old))) == ["b"]


def test_a_changed_digest_is_an_edit_and_an_equal_one_is_none() -> None:
    old = posts("ab")
    changed = find(old, stored(old), digest=b"other")
    assert [(known.id, one.title, digest) for known, one, digest in changed.edited] == [
        (1, "a", b"other"),
        (2, "b", b"other"),
    ]
    assert find(old, stored(old)).edited == ()


def test_an_empty_document_brings_nothing_and_renames_nothing() -> None:
    assert find([]) == Finding()


# --- What is announced -----------------------------------------------------------------------------------------


def read_to_the_end(
    document: Sequence[Post], known: list[Known], feed: Followed, backfill: str = "digest"
) -> Counter[str]:
    """Poll the same document until it holds nothing more; how often each post was announced, at most 50 a poll."""
    told: Counter[str] = Counter()
    for _ in range(100):
        finding = find(document, known, feed, backfill=backfill)
        assert len(announced(finding)) <= 50
        told.update(announced(finding))
        known = [*known, *stored([fresh.post for fresh in finding.new])]
        feed = replace(feed, last_success_at=NOW)
        if not finding.more:
            assert len(known) == len({one.key for one in known})
            return told
    raise AssertionError("it never ends")


def test_more_than_50_new_posts_are_told_50_a_poll_in_order_and_the_rest_next() -> None:
    old = posts(["known"])
    document = [*old, *posts(range(120))]
    first = find(document, stored(old))
    assert (announced(first), first.more) == ([str(n) for n in range(50)], True)
    assert read_to_the_end(document, stored(old), FOLLOWED) == Counter(str(n) for n in range(120))


def test_exactly_50_new_posts_are_one_poll() -> None:
    old = posts(["known"])
    assert not find([*old, *posts(range(50))], stored(old)).more


@pytest.mark.parametrize(
    ("new", "known", "suspicious"),
    [
        (10, 0, False),  # no more than 10
        (11, 0, True),
        (11, 1, False),  # a known one stands among them
        (400, 0, True),
    ],
)
def test_a_document_without_a_known_post_is_suspicious(new: int, known: int, suspicious: bool) -> None:
    old = posts(f"old {n}" for n in range(known))
    assert find([*old, *posts(range(new))], stored(old)).suspicious == suspicious


def test_of_a_suspicious_document_only_what_was_published_since_the_last_reading_is_told() -> None:
    document = [
        *posts(range(20), published=NOW - DAYS),
        post("undated"),
        post("from the future", published=NOW + HOURS),
        post("just now", published=NOW - MINUTES),
    ]
    finding = find(document)
    assert (announced(finding), len(finding.new)) == (["just now"], 23)


@pytest.mark.parametrize("size", [60, 120, 500])
def test_a_long_suspicious_document_does_not_flood_at_the_next_poll_either(size: int) -> None:
    document = [*posts(range(size), published=NOW - DAYS), post("just now", published=NOW - MINUTES)]
    assert read_to_the_end(document, [], FOLLOWED) == Counter(["just now"])


OUTAGE = replace(FOLLOWED, last_success_at=NOW - 7 * HOURS)


@pytest.mark.parametrize(
    ("backfill", "new", "told", "withheld"),
    [
        ("all", 20, 20, 0),
        ("none", 20, 0, 0),
        ("none", 1, 0, 0),
        ("digest", 5, 5, 0),
        ("digest", 6, 3, 3),
        ("digest", 50, 3, 47),
    ],
)
def test_after_an_outage_the_operators_choice_decides(backfill: str, new: int, told: int, withheld: int) -> None:
    old = posts(["known"])
    finding = find([*old, *posts(range(new))], stored(old), OUTAGE, backfill=backfill)
    assert announced(finding) == [str(n) for n in range(new - told, new)]  # the newest
    assert [one.title for one in finding.withheld] == [str(n) for n in range(withheld)]
    assert len(finding.new) == new


@pytest.mark.parametrize(
    ("backfill", "old", "told", "withheld"),
    [
        ("all", 20, 21, 0),
        ("none", 20, 1, 0),
        ("none", 0, 1, 0),
        ("digest", 5, 6, 0),
        ("digest", 6, 4, 3),
        ("digest", 50, 4, 47),
    ],
)
def test_after_a_silence_so_is_what_was_not_just_published(backfill: str, old: int, told: int, withheld: int) -> None:
    """As when a bridge's login died: it answered all the time, and then brings the gap at once."""
    known = posts(["known"])
    gap = posts(range(old), published=NOW - 3 * DAYS)
    document = [*known, *gap, post("just now", published=NOW - HOURS)]
    finding = find(document, stored(known), replace(FOLLOWED, told="quiet"), backfill=backfill)
    assert announced(finding) == [*[str(n) for n in range(old - told + 1, old)], "just now"]
    assert [one.title for one in finding.withheld] == [str(n) for n in range(withheld)]
    assert len(finding.new) == old + 1


def test_old_dates_alone_are_no_gap() -> None:
    """Articles are collected late; only after a silence that was noticed is that a gap."""
    known = posts(["known"])
    late = posts(range(20), published=NOW - 3 * DAYS)
    assert len(announced(find([*known, *late], stored(known), backfill="none"))) == 20


@pytest.mark.parametrize(("backfill", "told"), [("all", 120), ("digest", 3), ("none", 0)])
def test_a_long_outage_is_settled_by_one_choice_however_many_polls_it_takes(backfill: str, told: int) -> None:
    old = posts(["known"])
    document = [*old, *posts(range(120))]
    assert read_to_the_end(document, stored(old), OUTAGE, backfill) == Counter(str(n) for n in range(120 - told, 120))


def test_a_slow_feed_is_not_in_an_outage_before_three_intervals() -> None:
    old = posts(["known"])
    weekly = replace(FOLLOWED, interval=DAYS, last_success_at=NOW - 2 * DAYS)
    assert len(announced(find([*old, *posts(range(20))], stored(old), weekly))) == 20


@given(st.lists(st.integers(0, 60), max_size=120), st.sets(st.integers(0, 60)))
def test_every_post_is_told_once_whatever_is_known_and_repeated(items: list[int], have: set[int]) -> None:
    pinned = post("pinned")
    known = stored([pinned, *posts(sorted(have))])
    told = read_to_the_end([pinned, *posts(items)], known, FOLLOWED)
    assert told == Counter(str(n) for n in set(items) - have)


# --- When to come back -----------------------------------------------------------------------------------------


def dated(*hours_ago: float) -> list[datetime | None]:
    return [NOW - h * HOURS for h in hours_ago]


def test_the_rhythm_is_a_quarter_of_the_median_gap() -> None:
    beat = polling.rhythm(dated(30, 20, 12, 4, 3), Rhythm(None, None), NOW)  # gaps of 10, 8, 8 and 1 hours
    assert beat == Rhythm(2 * HOURS, 10 * HOURS)


def test_the_longest_gap_ever_seen_is_kept() -> None:
    assert polling.rhythm(dated(4, 3, 2, 1), Rhythm(None, 50 * HOURS), NOW).longest == 50 * HOURS


@pytest.mark.parametrize("document", [[], dated(3, 2, 1), dated(-1, -2, -3, -4), 6 * [None], dated(1, 1, 1, 1, 1)])
def test_too_few_dates_tell_nothing(document: list[datetime | None]) -> None:
    before = Rhythm(HOURS, 9 * HOURS)
    assert polling.rhythm(document, before, NOW) == before


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 10),
        ({"rhythm": HOURS}, 60),
        ({"rhythm": 20 * MINUTES}, 20),
        ({"rhythm": MINUTES}, 5),  # not faster than half of the base
        ({"rhythm": 9 * HOURS}, 60),  # nor slower than six times it
        ({"rhythm": HOURS, "last_new_at": NOW - 30 * MINUTES}, 5),  # eager after news
        ({"rhythm": MINUTES, "last_new_at": NOW - 15 * DAYS}, 60),  # quiet for two weeks
        ({"last_new_at": None, "created_at": NOW - DAYS}, 10),
        ({"last_new_at": None, "created_at": NOW - 15 * DAYS}, 60),
        ({"fixed": True, "rhythm": 9 * HOURS}, 10),
        ({"fixed": True, "last_new_at": NOW - 15 * DAYS}, 10),
        ({"hint": 30 * MINUTES}, 30),
        ({"hint": 7 * DAYS}, 60),  # believing a weekly ttl would make alerts useless
        ({"hint": MINUTES}, 10),
        ({"hint": 30 * MINUTES, "fixed": True}, 30),
    ],
)
def test_the_interval_follows_rhythm_and_wishes_within_bounds(changes: dict[str, Any], expected: int) -> None:
    assert polling.interval(replace(FOLLOWED, **changes), NOW) == expected * MINUTES


@given(
    base=st.integers(1, 86400),
    rhythm=st.none() | st.integers(0, 10**8),
    hint=st.integers(0, 10**8),
    silent_for=st.integers(-(10**6), 10**8),
    spread=st.floats(0.9, 1.1),
)
def test_the_next_poll_is_never_soon_and_never_far(
    base: int, rhythm: int | None, hint: int, silent_for: int, spread: float
) -> None:
    feed = replace(
        FOLLOWED,
        interval=timedelta(seconds=base),
        rhythm=None if rhythm is None else timedelta(seconds=rhythm),
        hint=timedelta(seconds=hint),
        last_new_at=NOW - timedelta(seconds=silent_for),
    )
    wait = (polling.next_due(feed, NOW, spread) - NOW).total_seconds()
    assert base / 2 * 0.9 - 1 <= wait <= max(6 * base, 3600) * 1.1 + 1


def test_the_spread_is_ten_percent() -> None:
    values = [polling.spread() for _ in range(1000)]
    assert 0.9 <= min(values) < 0.92 < 1.08 < max(values) <= 1.1


@pytest.mark.parametrize(
    ("longest", "silent_days", "told", "expected"),
    [
        (DAYS, 6, "", True),
        (DAYS, 4, "", False),
        (HOURS, 1.5, "", False),  # not within two days
        (HOURS, 2.5, "", True),
        (DAYS, 60, "quiet", False),  # said once
        (None, 60, "", False),
    ],
)
def test_a_feed_has_gone_quiet_after_five_times_its_longest_gap(
    longest: timedelta | None, silent_days: float, told: str, expected: bool
) -> None:
    feed = replace(FOLLOWED, longest_gap=longest, last_new_at=NOW - silent_days * DAYS, told=told)
    assert polling.gone_quiet(feed, NOW) == expected


# --- Failure ---------------------------------------------------------------------------------------------------

BROKEN = FeedFailed(FeedFault.HTTP, "the server answered 500", status=500)
UNREACHED = FeedFailed(FeedFault.DNS, "no such host")


def failing(failures: int, **changes: Any) -> Followed:
    return replace(FOLLOWED, failures=failures, failing_since=NOW - HOURS if failures else None, **changes)


@pytest.mark.parametrize(
    ("failures", "minutes"), [(0, 20), (1, 40), (2, 80), (4, 320), (5, 640), (6, 640), (1000, 640)]
)
def test_a_failing_feed_is_asked_less_and_less_often(failures: int, minutes: int) -> None:
    setback = polling.after_failure(failing(failures), BROKEN, NOW, 1.0, ours=False)
    assert (setback.due_at, setback.failures) == (NOW + minutes * MINUTES, failures + 1)
    assert (setback.fault, setback.reason) == ("http", "the server answered 500")


def test_the_back_off_ends_at_a_day() -> None:
    setback = polling.after_failure(failing(50, interval=6 * HOURS), BROKEN, NOW, 1.0, ours=False)
    assert setback.due_at == NOW + DAYS


@pytest.mark.parametrize(
    ("failures", "told", "expected"),
    [(0, "", ""), (1, "", ""), (2, "", "failing"), (2, "failing", ""), (9, "failing", ""), (2, "quiet", "failing")],
)
def test_subscribers_hear_of_the_third_failure_and_of_no_later_one(failures: int, told: str, expected: str) -> None:
    setback = polling.after_failure(failing(failures, told=told), BROKEN, NOW, 1.0, ours=False)
    assert (setback.tell, setback.state) == (expected, None)


def test_being_told_to_wait_is_no_failure_and_holds_for_the_host() -> None:
    error = FeedThrottled("429", 2 * HOURS)
    setback = polling.after_failure(failing(2), error, NOW, 1.0, ours=False)
    assert setback.due_at == setback.host_blocked_until == NOW + 2 * HOURS
    assert (setback.failures, setback.tell, setback.state) == (2, "", None)


def test_a_short_throttle_does_not_shorten_the_interval() -> None:
    assert polling.after_failure(FOLLOWED, FeedThrottled("429", MINUTES), NOW, 1.0, ours=False).due_at == NOW + TEN


def test_what_is_gone_is_asked_no_more_and_told_once() -> None:
    setback = polling.after_failure(FOLLOWED, FeedGone("410"), NOW, 1.0, ours=False)
    assert (setback.state, setback.tell) == ("gone", "gone")


@pytest.mark.parametrize(
    ("since_days", "success_days", "failures", "state"),
    [
        (15, 15, 40, "disabled"),
        (13, 13, 40, None),
        (15, 1, 40, None),  # it worked meanwhile
        (15, None, 40, "disabled"),  # it never worked
        (15, 15, 1, None),  # we were away, not the feed: one failure before, one after
    ],
)
def test_a_feed_is_given_up_after_two_weeks_of_failures(
    since_days: int, success_days: int | None, failures: int, state: str | None
) -> None:
    feed = replace(
        FOLLOWED,
        failures=failures,
        failing_since=NOW - since_days * DAYS,
        last_success_at=None if success_days is None else NOW - success_days * DAYS,
        told="failing",
    )
    setback = polling.after_failure(feed, BROKEN, NOW, 1.0, ours=False)
    assert (setback.state, setback.tell) == (state, state or "")


@pytest.mark.parametrize(("error", "counts"), [(UNREACHED, False), (BROKEN, True)])
def test_our_own_outage_does_not_count_against_a_feed(error: FeedFailed, counts: bool) -> None:
    setback = polling.after_failure(failing(2), error, NOW, 1.0, ours=True)
    assert (setback.failures == 3) is counts
    assert (setback.tell == "failing") is counts
    if not counts:
        assert setback.due_at == NOW + TEN


# --- Turns at a host -------------------------------------------------------------------------------------------

GAP = timedelta(seconds=1)
HOST = "https://example.org:443"


class Host:
    """A host with its feeds: plays the claims of a poller against the rule, a tick a second."""

    def __init__(self, feeds: int, *, at_once: int = 2, seconds_a_poll: float = 0.2) -> None:
        self.queue = Queue(NOW)
        self.at_once, self.poll = at_once, timedelta(seconds=seconds_a_poll)
        self.due: dict[int, tuple[datetime, datetime | None]] = dict.fromkeys(range(feeds), (NOW, None))
        self.put_off: Counter[int] = Counter()
        self.starts: list[datetime] = []
        self.ends: list[datetime] = []
        self.read: list[int] = []

    def tick(self, now: datetime, claim: int = 128) -> None:
        while some := sorted((at, id_) for id_, (at, _) in self.due.items() if at <= now)[:claim]:
            candidates = [Candidate(id_, HOST, *self.due[id_]) for _, id_ in some]
            running = sum(end > now for end in self.ends)
            self.queue = Queue(self.queue.free_at, self.queue.blocked_until, running)
            turns = polling.give_turns(candidates, {HOST: self.queue}, GAP, self.at_once, now)
            assert sorted([*turns.now, *turns.later]) == sorted(one.id for one in candidates)
            assert all(at > now for at in turns.later.values())
            for id_ in turns.now:
                del self.due[id_]
                self.read.append(id_)
                self.starts.append(now)
                self.ends.append(now + self.poll)
            for id_, at in turns.later.items():
                self.due[id_] = at, at
                self.put_off[id_] += 1
            assert sum(end > now for end in self.ends) <= self.at_once

    def run(self, seconds: int, begin: datetime = NOW) -> datetime:
        for second in range(seconds):
            self.tick(begin + second * GAP)
        return begin + seconds * GAP


def test_ten_thousand_feeds_of_one_host_stay_a_second_apart_and_are_put_off_once() -> None:
    host = Host(feeds := count(2_000, 10_000))
    host.run(feeds)
    assert sorted(host.read) == list(range(feeds))
    assert min(later - earlier for earlier, later in zip(host.starts, host.starts[1:], strict=False)) >= GAP
    assert max(host.put_off.values()) == 1


def test_after_a_downtime_late_turns_are_given_anew_without_a_rush() -> None:
    host = Host(600)
    begin = host.run(10) + 300 * GAP  # five minutes in which nobody came
    host.run(1500, begin)
    assert sorted(host.read) == list(range(600))
    assert min(later - earlier for earlier, later in zip(host.starts, host.starts[1:], strict=False)) >= GAP
    assert max(host.put_off.values()) <= 5


def test_a_slow_host_never_gets_more_than_its_share_and_everybody_has_a_turn() -> None:
    host = Host(30, seconds_a_poll=10)
    host.run(600)
    assert sorted(host.read) == list(range(30))
    assert max(host.put_off.values()) < 30


def test_ticks_that_are_early_and_late_let_nobody_wait_for_another_round() -> None:
    host = Host(300)
    for second in range(400):
        host.tick(NOW + second * GAP + (second % 3 - 1) * timedelta(milliseconds=20 if second else 0))
    assert sorted(host.read) == list(range(300))
    assert min(later - earlier for earlier, later in zip(host.starts, host.starts[1:], strict=False)) >= GAP * 0.95
    assert max(abs(place - id_) for place, id_ in enumerate(host.read)) <= 3


def test_a_blocked_host_is_not_asked_before_its_time() -> None:
    host = Host(5)
    host.queue.blocked_until = NOW + 60 * GAP
    host.run(120)
    assert min(host.starts) >= NOW + 60 * GAP
    assert len(host.read) == 5


def test_a_block_also_holds_for_turns_given_before_it() -> None:
    candidate = Candidate(1, HOST, NOW, NOW)
    queues = {HOST: Queue(NOW - HOURS, blocked_until=NOW + HOURS)}
    turns = polling.give_turns([candidate], queues, GAP, 2, NOW)
    assert turns.now == []
    assert turns.later[1] >= NOW + HOURS


def test_hosts_do_not_wait_for_each_other_and_no_politeness_is_owed_to_none() -> None:
    queues = {f"https://{n}": Queue(NOW) for n in range(50)}
    due = [Candidate(n, f"https://{n}", NOW, None) for n in range(50)]
    due += [Candidate(n, "", NOW, None) for n in range(50, 60)]
    assert polling.give_turns(due, queues, GAP, 1, NOW).now == list(range(60))


def test_a_host_at_its_limit_starts_nothing() -> None:
    queues = {HOST: Queue(NOW, running=2)}
    turns = polling.give_turns([Candidate(1, HOST, NOW, None)], queues, GAP, 2, NOW)
    assert (turns.now, turns.later) == ([], {1: NOW + GAP})


@pytest.mark.parametrize(
    ("usual", "fixed", "ahead", "expected"),
    [
        (10 * MINUTES, False, HOURS, HOURS),
        (20 * MINUTES, False, HOURS, 2 * HOURS),
        (40 * MINUTES, False, HOURS, 3 * HOURS),
        (5 * HOURS, False, HOURS, 5 * HOURS),
        (10 * MINUTES, False, -HOURS, 10 * MINUTES),  # the hub's promise has run out
        (10 * MINUTES, True, HOURS, 10 * MINUTES),  # a person's word goes first
    ],
)
def test_what_a_hub_pushes_is_polled_less_but_never_left_alone(
    usual: timedelta, fixed: bool, ahead: timedelta, expected: timedelta
) -> None:
    feed = replace(FOLLOWED, interval=usual, fixed=fixed, rhythm=usual, created_at=NOW - DAYS, pushed_until=NOW + ahead)
    assert polling.interval(feed, NOW) == expected
