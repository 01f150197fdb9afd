"""Times in requests and answers."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.rules.times import instant, iso_millis

MARCH = datetime(2026, 3, 19, tzinfo=UTC)
NINE = MARCH + timedelta(hours=9)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-19T00:00:00.000Z", MARCH),
        ("2026-03-19T00:00:00Z", MARCH),
        ("2026-03-19t00:00:00z", MARCH),
        ("2026-03-19T00:00Z", MARCH),
        ("2026-03-19", MARCH),
        ("2026-03-19T09:00:00", NINE),
        ("2026-03-19 09:00", NINE),
        ("2026-03-19T17:00:00+08:00", NINE),
        ("2026-03-19T17:00:00 08:00", NINE),
        ("2026-03-19 17:00:00 0800", NINE),
        ("2026-03-19T17:00+08", NINE),
        ("2026-03-19T03:30:00-05:30", NINE),
        ("2026-03-19T00:00:00.000001Z", MARCH + timedelta(microseconds=1)),
        ("2026-03-19T00:00:00,5Z", MARCH + timedelta(milliseconds=500)),
        ("2026-03-19T00:00:00.123456789Z", MARCH + timedelta(microseconds=123_456)),
        ("1773878400000", MARCH),
        ("0", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_however_it_is_written(text: str, moment: datetime) -> None:
    assert instant(text) == moment
    assert instant(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "x", "yesterday", "2026-3-19", "2026-13-01", "2026-02-30T00:00:00Z", "2026-03-19T25:00:00Z",
        "2026-03-19T00:00:60Z", "2026-03-19T00:00:00+25:00", "20260319T000000Z", "2026-W12-4", "-1", "1.5", "1e12",
        "٢٠٢٦-03-19", "2026-03-19T00:00:00Z ", "2026-03-19T00:00:00Z08:00", "2026-03-19  08:00", "9" * 16, "9" * 15,
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00", "0000-01-01",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        instant(text)


def test_answers_have_milliseconds_and_a_z() -> None:
    assert iso_millis(MARCH) == "2026-03-19T00:00:00.000Z"
    assert iso_millis(MARCH + timedelta(microseconds=1999)) == "2026-03-19T00:00:00.001Z"
    assert iso_millis(datetime(33, 4, 3, tzinfo=UTC)) == "0033-04-03T00:00:00.000Z"
