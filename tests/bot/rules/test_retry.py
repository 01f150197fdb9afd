"""What follows an attempt, against the reliability page, section 3."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import (
    AddressGone,
    Ambiguous,
    ChannelThrottled,
    Receipt,
    Rejected,
    SendError,
    Suspended,
    Throttled,
    TryAgain,
    WindowClosed,
)
from bot import parts
from bot.rules import retry
from bot.rules.retry import Schedule, Try
from bot.settings import load

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)

SCHEDULES = {
    **parts.make_schedules(load()),
    "code": Schedule((2 * SECOND, 5 * SECOND, 15 * SECOND, 45 * SECOND), 14 * MINUTE),
    "reply": Schedule((SECOND, 3 * SECOND, 10 * SECOND), 2 * MINUTE),
}


def tried(
    lane: str = "webhook",
    attempts: int = 1,
    throttled: int = 0,
    expires: timedelta = 1000 * HOUR,
    ambiguous: datetime | None = None,
    window: timedelta | None = None,
) -> Try:
    return Try(lane, attempts, throttled, NOW + expires, ambiguous, window)


def wait(result: SendError, one: Try, spread: float = 1.0) -> timedelta:
    then = retry.after(result, one, SCHEDULES, NOW, lambda: spread)
    assert then.again_at is not None, then
    return then.again_at - NOW


def broken(after: timedelta | None = None) -> TryAgain:
    return TryAgain("the receiver answered 500", code="http_500", after=after)


def test_the_shipped_schedules_are_the_published_ones() -> None:
    webhook, chat = SCHEDULES["webhook"], SCHEDULES["chat"]
    minutes = [delay / MINUTE for delay in webhook.delays]
    assert minutes == [5 / 60, 5, 30, 120, 300, 600, 840, 1200, 1440]
    assert [delay / SECOND for delay in chat.delays] == [2, 10, 30, 120, 600, 1800, 3600, 7200, 14400, 28800]
    assert chat.expires == 24 * HOUR
    assert webhook.expires >= sum(webhook.delays, timedelta(0)) * 1.2  # the last attempt still falls within its time
    assert webhook.longest == 24 * HOUR


def test_a_receipt_ends_it() -> None:
    assert retry.after(Receipt(), tried(), SCHEDULES, NOW) == retry.Next("ok")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(Rejected("no", code="too_long"), "permanent"), (AddressGone("gone", code="http_410"), "gone")],
)
def test_what_can_never_arrive_fails_at_once_and_not_for_lack_of_tries(error: SendError, outcome: str) -> None:
    then = retry.after(error, tried(), SCHEDULES, NOW)
    assert then == retry.Next(outcome, code=error.code, error=str(error))


@pytest.mark.parametrize("lane", sorted(SCHEDULES))
def test_each_attempt_waits_as_its_lane_says_until_none_is_left(lane: str) -> None:
    delays = SCHEDULES[lane].delays
    for n, delay in enumerate(delays, 1):
        assert wait(broken(), tried(lane, n)) == delay
    last = retry.after(broken(), tried(lane, len(delays) + 1), SCHEDULES, NOW)
    assert (last.again_at, last.exhausted, last.code) == (None, True, "http_500")
    assert "no attempt left" in last.error


@given(st.sampled_from(sorted(SCHEDULES)), st.floats(0.8, 1.2))
def test_waits_only_grow_and_stay_within_a_fifth(lane: str, spread: float) -> None:
    waits = [wait(broken(), tried(lane, n), spread) for n in range(1, len(SCHEDULES[lane].delays) + 1)]
    assert all(earlier < later for earlier, later in pairwise(waits))
    for waited, delay in zip(waits, SCHEDULES[lane].delays, strict=True):
        assert abs(waited / delay - 1) < 0.201


def test_the_jitter_is_a_fifth() -> None:
    values = [retry.jitter() for _ in range(1000)]
    assert 0.8 <= min(values) < 0.83 < 1.17 < max(values) <= 1.2


# Rate limits


def test_being_throttled_uses_up_no_attempt() -> None:
    limit = Throttled("429", code="http_429")
    many = retry.after(limit, tried(attempts=500, throttled=499), SCHEDULES, NOW, lambda: 1.0)
    assert (many.outcome, many.exhausted) == ("throttled", False)
    assert many.again_at == NOW + MINUTE
    after_it = retry.after(broken(), tried(attempts=501, throttled=500), SCHEDULES, NOW, lambda: 1.0)
    assert after_it.again_at == NOW + 5 * SECOND  # the first of the schedule, as if nothing had been


def test_a_rate_limit_pauses_the_destination_and_an_error_does_not() -> None:
    limited = retry.after(Throttled("429", code="http_429"), tried(), SCHEDULES, NOW, lambda: 1.0)
    assert limited.pause_until == limited.again_at
    assert retry.after(broken(), tried(), SCHEDULES, NOW).pause_until is None


def test_a_late_message_that_is_throttled_does_not_pause_its_destination_for_hours() -> None:
    limited = retry.after(Throttled("429", code="http_429"), tried(attempts=9), SCHEDULES, NOW, lambda: 1.0)
    assert limited.pause_until is not None
    assert limited.pause_until <= NOW + HOUR


# What the receiver asks for


@pytest.mark.parametrize(
    ("asked", "attempts", "expected"),
    [
        (None, 1, 60 * SECOND),
        (timedelta(0), 1, 60 * SECOND),
        (-HOUR, 1, 60 * SECOND),
        (2 * MINUTE, 1, 2 * MINUTE),
        (HOUR, 1, 15 * MINUTE),
        (365 * 24 * HOUR, 1, 15 * MINUTE),
        (45 * MINUTE, 4, 45 * MINUTE),  # 30 minutes by schedule: up to twice that
        (9 * HOUR, 4, HOUR),
        (MINUTE, 4, 30 * MINUTE),  # never less than the schedule
    ],
)
def test_a_users_endpoint_may_ask_for_little_more_than_the_schedule(
    asked: timedelta | None, attempts: int, expected: timedelta
) -> None:
    assert wait(Throttled("429", code="http_429", after=asked), tried(attempts=attempts)) == expected


def test_an_error_with_a_wish_is_heard_too() -> None:
    assert wait(broken(10 * MINUTE), tried()) == 10 * MINUTE


@pytest.mark.parametrize(
    ("asked", "expected"),
    [(None, 2 * SECOND), (SECOND, 2 * SECOND), (10 * MINUTE, 10 * MINUTE), (HOUR, HOUR), (9 * HOUR, HOUR)],
)
def test_a_provider_is_obeyed_for_up_to_an_hour(asked: timedelta | None, expected: timedelta) -> None:
    assert wait(Throttled("429", code="rate", after=asked), tried("chat")) == expected


@given(
    st.sampled_from(sorted(SCHEDULES)),
    st.integers(1, 12),
    st.none() | st.integers(-(10**9), 10**9),
    st.floats(0.8, 1.2),
    st.sampled_from([Throttled, TryAgain, Ambiguous]),
)
def test_whatever_is_asked_the_wait_is_bounded_and_ahead(
    lane: str, attempts: int, asked: int | None, spread: float, kind: type[SendError]
) -> None:
    error = kind("x", code="x", after=None if asked is None else timedelta(seconds=asked))
    then = retry.after(error, tried(lane, attempts), SCHEDULES, NOW, lambda: spread)
    if then.again_at is not None:
        longest = max(SCHEDULES[lane].longest * 2.4, HOUR)
        assert timedelta(0) < then.again_at - NOW <= longest


# Time limits


def test_no_retry_is_planned_beyond_the_messages_time() -> None:
    then = retry.after(broken(), tried(expires=5 * SECOND), SCHEDULES, NOW, lambda: 1.0)
    assert (then.again_at, then.exhausted) == (None, True)
    assert "no time left" in then.error
    assert wait(broken(), tried(expires=6 * SECOND)) == 5 * SECOND


def test_a_throttled_message_expires_too() -> None:
    then = retry.after(Throttled("429", code="x"), tried(expires=MINUTE), SCHEDULES, NOW, lambda: 1.0)
    assert (then.again_at, then.exhausted, then.pause_until) == (None, True, None)


# Ambiguous

LOST = Ambiguous("no answer came", code="timeout")


def test_an_unanswered_webhook_waits_a_minute_at_least() -> None:
    assert wait(LOST, tried()) == MINUTE
    assert wait(LOST, tried(attempts=2)) == 5 * MINUTE


@pytest.mark.parametrize("lane", ["webhook", "chat"])
def test_posts_are_repeated_though_the_receiver_may_have_forgotten_them(lane: str) -> None:
    long_ago = tried(lane, 2, ambiguous=NOW - 2 * HOUR, window=55 * MINUTE)
    assert retry.after(LOST, long_ago, SCHEDULES, NOW).again_at is not None


@pytest.mark.parametrize(
    ("ambiguous", "window", "ends"),
    [
        (NOW - 2 * HOUR, 55 * MINUTE, True),
        (NOW - MINUTE, 55 * MINUTE, False),
        (NOW - 2 * HOUR, None, False),  # the receiver never forgets
        (None, 55 * MINUTE, False),
    ],
)
def test_a_reply_is_given_up_rather_than_said_twice(
    ambiguous: datetime | None, window: timedelta | None, ends: bool
) -> None:
    then = retry.after(LOST, tried("reply", 1, ambiguous=ambiguous, window=window), SCHEDULES, NOW)
    assert (then.again_at is None) is ends
    assert then.outcome == "ambiguous"


def test_a_limit_of_the_whole_account_rests_the_channel_and_not_the_address() -> None:
    error = ChannelThrottled("too many messages", code="130429", after=40 * SECOND)
    then = retry.after(error, tried("chat"), SCHEDULES, NOW, lambda: 1.0)
    assert (then.outcome, then.free, then.pause_until) == ("throttled", True, None)
    assert then.again_at == then.rest_until == NOW + 40 * SECOND


def test_what_needs_a_person_is_tried_again_and_uses_nothing_up() -> None:
    error = Suspended("WHATSAPP_TOKEN is not accepted any more", code="190")
    many = tried("chat", attempts=50, throttled=49)
    then = retry.after(error, many, SCHEDULES, NOW, lambda: 1.0)
    assert (then.outcome, then.free, then.again_at) == ("suspended", True, NOW + MINUTE)
    late = retry.after(error, tried("chat", expires=SECOND), SCHEDULES, NOW)
    assert (late.again_at, late.exhausted) == (None, True)


def test_where_the_person_must_write_first_the_message_is_held() -> None:
    then = retry.after(WindowClosed("nobody wrote for 24 hours", code="131047"), tried("chat"), SCHEDULES, NOW)
    assert then == retry.Next("held", held=True, code="131047", error="nobody wrote for 24 hours")
    assert then.free


@pytest.mark.parametrize(("lane", "least"), [("chat", 2 * MINUTE), ("code", 5 * SECOND), ("reply", 5 * SECOND)])
def test_where_repeats_show_the_platforms_own_word_is_waited_for(lane: str, least: timedelta) -> None:
    """Codes and replies go again soon: twice is better than never, and nothing would recognise the repeat."""
    unanswered = Ambiguous("no answer", code="timeout")
    assert wait(unanswered, tried(lane, window=timedelta(0))) == least
    again = tried(lane, attempts=2, ambiguous=NOW - HOUR, window=timedelta(0))
    assert retry.after(unanswered, again, SCHEDULES, NOW).again_at is not None
