"""Codes: what people type is read without guessing, digests give nothing away, and caps hold in every window."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules import codes
from bot.rules.codes import DAY, HOUR, Cap
from tests.clock import START

UID = UUID(int=7)


# Making


def test_digits_are_six_also_when_they_begin_with_zeros() -> None:
    made = {codes.new_digits() for _ in range(3000)}
    assert all(re.fullmatch("[0-9]{6}", one) for one in made)
    assert any(one.startswith("0") for one in made)
    assert len(made) > 2900


def test_a_link_code_is_read_back_from_the_form_in_which_it_is_shown() -> None:
    made = {codes.new_link() for _ in range(500)}
    assert len(made) == 500
    for one in made:
        assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", one)
        assert codes.read_link(one) == one.replace("-", "")


# Digesting


def test_a_digest_is_bound_to_pepper_code_and_number() -> None:
    made = {
        codes.digest(b"pepper", UID, "+34600000001", "123456"),
        codes.digest(b"PEPPER", UID, "+34600000001", "123456"),
        codes.digest(b"pepper", UUID(int=8), "+34600000001", "123456"),
        codes.digest(b"pepper", UID, "+34600000002", "123456"),
        codes.digest(b"pepper", UID, "+34600000001", "123457"),
        *codes.link_digests([b"pepper"], "123456"),
    }
    assert len(made) == 6
    assert {len(one) for one in made} == {32}


def test_there_is_no_digest_without_a_pepper() -> None:
    with pytest.raises(ValueError, match="pepper"):
        codes.digest(b"", UID, "+34600000001", "123456")
    with pytest.raises(ValueError, match="pepper"):
        codes.link_digests([b""], "K7Q29XMB")


@pytest.mark.parametrize(
    ("peppers", "digits", "right"),
    [((b"new",), "123456", False), ((b"new", b"old"), "123456", True), ((b"old", b"older"), "123456", True),
     ((b"old",), "123457", False), ((b"old",), "", False), ((), "123456", False)],
)  # fmt: skip
def test_a_code_matches_under_any_pepper_that_still_counts(peppers: Sequence[bytes], digits: str, right: bool) -> None:
    stored = codes.digest(b"old", UID, "+34600000001", "123456")
    assert codes.matches(stored, peppers, UID, "+34600000001", digits) is right


# Reading


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("123456", "123456"),
        ("  012345\n", "012345"),
        ("123 456", "123456"),
        ("123-456", "123456"),
        ("123 – 456", "123456"),
        ("1 2 3 4 5 6", "123456"),
        ("123\N{NO-BREAK SPACE}456", "123456"),
        ("123\N{IDEOGRAPHIC SPACE}456", "123456"),
        ("123\N{NON-BREAKING HYPHEN}456", "123456"),
        ("１２３４５６", "123456"),
        ("１２３ 456", "123456"),
        ("١٢٣٤٥٦", "123456"),
        ("۱۲۳-۴۵۶", "123456"),
        ("१२३४५६", "123456"),
        ("\N{RIGHT-TO-LEFT MARK}١٢٣\N{ZERO WIDTH SPACE}٤٥٦\N{POP DIRECTIONAL FORMATTING}", "123456"),
        ("12345", None),
        ("1234567", None),
        ("", None),
        ("-123456", None),
        ("123456-", None),
        ("12.34.56", None),
        ("123,456", None),
        ("123     456", None),
        ("code 123456", None),
        ("12345O", None),
        ("12345²", None),
        ("12345①", None),
        ("一二三四五六", None),
        ("+123456", None),
    ],
)
def test_six_digits_are_read_however_they_are_written(text: str, digits: str | None) -> None:
    assert codes.read_digits(text) == digits


@given(st.text(max_size=20))
def test_whatever_is_read_is_six_ascii_digits_and_reads_as_itself(text: str) -> None:
    digits = codes.read_digits(text)
    assert digits is None or (re.fullmatch("[0-9]{6}", digits) and codes.read_digits(digits) == digits)
    link = codes.read_link(text)
    assert link is None or codes.read_link(link) == link


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("K7Q2-9XMB", "K7Q29XMB"),
        ("k7q2 9xmb", "K7Q29XMB"),
        (" K7Q29XMB ", "K7Q29XMB"),
        ("Ｋ７Ｑ２－９ＸＭＢ", "K7Q29XMB"),
        ("K7Q2—9XMB", "K7Q29XMB"),
        ("KOQ2-9XMI", "K0Q29XM1"),
        ("kloq29xm", "K10Q29XM"),
        ("K7Q2-9XM", None),
        ("K7Q2-9XMBB", None),
        ("K7Q2-9XMU", None),
        ("K7-Q29X-MB", None),
        ("messages", None),
        ("followed", None),
        ("illinois", None),
        ("12345678", None),
        ("K7Q2_9XMB", None),
        ("", None),
    ],
)
def test_a_link_code_is_read_with_its_lookalikes_and_no_word_or_number_is_one(text: str, code: str | None) -> None:
    assert codes.read_link(text) == code


# Caps


@pytest.mark.parametrize(
    ("ages", "wait"),
    [
        ([], None),
        ([1, 2], None),
        ([1, 2, 3], 57),
        ([60, 2, 1], None),
        ([59, 2, 1], 1),
        ([59, 30, 2, 1], 30),
        ([-3, -2, -1], 61),
        ([-60, -2, -1], None),
    ],
)
def test_a_full_window_says_when_there_is_room_again(ages: list[int], wait: int | None) -> None:
    times = [START - timedelta(seconds=age) for age in ages]
    assert Cap(3, timedelta(seconds=60)).wait(times, START) == (None if wait is None else timedelta(seconds=wait))


def test_a_cap_of_nothing_lets_nothing_through() -> None:
    assert Cap(0, HOUR).wait([], START) == HOUR


STEPS = st.lists(st.integers(-90, 200), max_size=60)  # seconds; the clock also goes back


@given(STEPS, st.integers(1, 4))
def test_no_window_ever_holds_more_than_the_cap(steps: list[int], most: int) -> None:
    cap, now, taken = Cap(most, timedelta(seconds=60)), START, list[datetime]()
    for step in steps:
        now += timedelta(seconds=step)
        if cap.wait(taken, now) is None:
            taken.append(now)
    for start in taken:
        assert sum(start <= at < start + cap.window for at in taken) <= most


@given(STEPS, st.integers(1, 4))
def test_after_the_wait_there_is_room_and_not_before(steps: list[int], most: int) -> None:
    cap, now, taken = Cap(most, timedelta(seconds=60)), START, list[datetime]()
    for step in map(abs, steps):
        now += timedelta(seconds=step)
        if wait := cap.wait(taken, now):
            assert wait <= cap.window
            assert cap.wait(taken, now + wait - timedelta(microseconds=1)) is not None
            assert cap.wait(taken, now + wait) is None
        else:
            taken.append(now)


@given(STEPS, st.integers(61, 10_000))
def test_a_clock_that_jumps_back_by_more_than_the_window_locks_nobody(steps: list[int], back: int) -> None:
    cap, now, taken = Cap(1, timedelta(seconds=60)), START, list[datetime]()
    for step in map(abs, steps):
        now += timedelta(seconds=step)
        taken.append(now)
    assert cap.wait(taken, START - timedelta(seconds=back)) is None


@dataclass
class Tried:
    attempts: int
    tried_at: datetime | None


def tried(*parts: tuple[int, float]) -> list[Tried]:
    """Wrong tries as (how many, hours ago)."""
    return [Tried(n, START - timedelta(hours=ago)) for n, ago in parts]


@pytest.mark.parametrize(
    ("tries", "left", "locked_for"),
    [
        (tried(), 20, None),
        ([Tried(0, None)], 20, None),
        (tried((5, 1)), 15, None),
        (tried((5, 1), (5, 2), (5, 3), (4, 4)), 1, None),
        (tried((5, 1), (5, 2), (5, 3), (5, 4)), 0, 23),
        (tried((5, 23.5), (5, 23.6), (5, 23.7), (5, 23.8)), 0, 0.5),
        (tried((5, 24), (5, 24.1), (5, 24.2), (5, 24.3)), 20, None),
        # The first nineteen are a day old, but the lock lasts a day from the twentieth.
        (tried((1, 2), (5, 25), (5, 25), (5, 25), (4, 25)), 0, 22),
        (tried((1, 2), (5, 26), (5, 26), (5, 26), (4, 26)), 19, None),
        (tried((5, -25), (5, -25), (5, -25), (5, -25)), 20, None),
    ],
)
def test_twenty_wrong_tries_of_a_day_lock_a_number_for_a_day(
    tries: list[Tried], left: int, locked_for: float | None
) -> None:
    assert codes.tries_left(tries, START) == left
    until = None if locked_for is None else START + timedelta(hours=locked_for)
    assert codes.locked_until(tries, START) == until


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(1, 5)), max_size=60))
def test_no_day_holds_more_than_twenty_wrong_tries_and_a_full_one_is_followed_by_a_day_of_rest(
    steps: list[tuple[int, int]],
) -> None:
    now, tries = START, list[Tried]()
    for minutes, open_codes in steps:
        now += timedelta(minutes=minutes)
        if n := min(open_codes, codes.tries_left(tries, now)):
            tries.append(Tried(n, now))
    for last in tries:
        assert last.tried_at
        ended = [t for t in tries if t.tried_at and last.tried_at - DAY < t.tried_at <= last.tried_at]
        sum_ = sum(t.attempts for t in ended)
        assert sum_ <= 20
        if sum_ == 20 and tries[-1].tried_at:
            later = [t.tried_at for t in tries if t.tried_at and t.tried_at > last.tried_at]
            assert all(at >= last.tried_at + DAY for at in later)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", ""),
    ],
)
def test_a_caller_is_known_by_what_one_customer_has(address: str, network: str) -> None:
    assert codes.network(address) == network


def test_a_link_opens_the_chat_with_the_digits() -> None:
    assert codes.chat_link("+34600000001", "012345") == "https://wa.me/34600000001?text=012345"
    assert codes.chat_link("", "012345") == ""
