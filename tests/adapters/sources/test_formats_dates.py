"""Dates as feeds write them (feeds.md 6)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.formats import dates

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "Tue, 02 Jan 2024 15:04:05 +0000",
        "Tue, 02 Jan 2024 15:04:05 GMT",
        "Tue, 02 Jan 2024 15:04:05 UT",
        "Tue, 02 Jan 2024 15:04:05 Z",
        "Tue, 02 Jan 2024 15:04:05",
        "  Tue, 02 Jan 2024\t15:04:05 GMT\n",
        "Tue, 2 Jan 2024 15:04:05 GMT",
        "2 Jan 2024 15:04:05 GMT",
        "Fri, 02 Jan 2024 15:04:05 GMT",  # it was a Tuesday
        "Tue, 02 Jan 24 15:04:05 GMT",
        "tue, 02 jan 2024 15:04:05 gmt",
        "Tue, 02-Jan-2024 15:04:05 GMT",
        "Tuesday, 2 January 2024 15:04:05 GMT",
        "Tue, 02 Jan 2024 10:04:05 EST",
        "Tue, 02 Jan 2024 11:04:05 EDT",
        "Tue, 02 Jan 2024 09:04:05 CST",
        "Tue, 02 Jan 2024 10:04:05 -0500",
        "Tue, 02 Jan 2024 23:04:05 +0800",
        "Tue, 02 Jan 2024 23:04:05 +08:00",
        "Tue, 02 Jan 2024 23:04:05 GMT+8",
        "Tue, 02 Jan 2024 23:04:05 UTC+0800",
        "Tue, 02 Jan 2024 16:04:05 CET",
        "Wed, 03 Jan 2024 00:04:05 JST",
        "Tue, 02 Jan 2024 15:04:05 +0000 (UTC)",
        "Tue, 02 Jan 2024 15:04:05 +9900",
        "Tue, 02 Jan 2024 15:04:05 XYZ",
        "Tue, 02 Jan 2024 3:04:05 PM",
        "Tue Jan  2 15:04:05 2024",
        "Tue Jan 2 15:04:05 UTC 2024",
        "January 2nd, 2024, 3:04:05 pm",
        "Jan 2, 2024 15:04:05",
        "2024-01-02T15:04:05Z",
        "2024-01-02t15:04:05z",
        "2024-01-02T15:04:05",
        "2024-01-02 15:04:05",
        "2024-01-02 23:04:05 +0800",
        "2024-01-02T23:04:05+08:00",
        "2024-01-02T23:04:05+08",
        "2024-01-02T15:04:05,25Z",
        "2024-01-02T15:04:05.123456789Z",
        "20240102T150405Z",
        "2024/1/2 15:04:05",
        "2024.1.2. 15:04:05",
        "2024年1月2日 15:04:05",
        "2024年1月2日（星期二）下午3:04:05",
        "2024年1月2日 15時04分05秒",
        "2024년 1월 2일 오후 3시 4분 5초",
        "mar., 2 janv. 2024 16:04:05 +0100",
        "2. Januar 2024 15:04:05 Uhr",
        "2 de enero de 2024 15:04:05",
        "вт, 2 января 2024 г. 15:04:05",
        "02.01.2024 15:04:05",
        "1704207845",
        "1704207845000",
    ],
)
def test_a_moment_is_read_in_every_form(written: str) -> None:
    read = dates.parse(written, NOW)
    assert read is not None
    assert read.replace(microsecond=0) == datetime(2024, 1, 2, 15, 4, 5, tzinfo=UTC)
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Tue, 02 Jan 2024 15:04 GMT", datetime(2024, 1, 2, 15, 4, tzinfo=UTC)),
        ("2024-01-02T15:04Z", datetime(2024, 1, 2, 15, 4, tzinfo=UTC)),
        ("2024-01-02", datetime(2024, 1, 2, tzinfo=UTC)),
        ("2024-01", datetime(2024, 1, 1, tzinfo=UTC)),
        ("2024", datetime(2024, 1, 1, tzinfo=UTC)),
        ("20240102", datetime(2024, 1, 2, tzinfo=UTC)),
        ("2 January 2024", datetime(2024, 1, 2, tzinfo=UTC)),
        ("12/31/2024", datetime(2024, 12, 31, tzinfo=UTC)),
        ("31/12/2024", datetime(2024, 12, 31, tzinfo=UTC)),
        ("Tue, 02 Jan 98 15:04:05 GMT", datetime(1998, 1, 2, 15, 4, 5, tzinfo=UTC)),
        ("Tue, 02 Jan 2024 24:00:00 GMT", datetime(2024, 1, 3, tzinfo=UTC)),
        ("Tue, 02 Jan 2024 23:59:60 GMT", datetime(2024, 1, 2, 23, 59, 59, tzinfo=UTC)),
        ("2030-01-01T00:00:00Z", datetime(2030, 1, 1, tzinfo=UTC)),  # the future is kept as written
    ],
)
def test_what_is_not_written_is_the_beginning(written: str, expected: datetime) -> None:
    assert dates.parse(written, NOW) == expected


@pytest.mark.parametrize(
    "written",
    [
        "",
        "   ",
        "yesterday",
        "soon, we promise",
        "0000-00-00 00:00:00",
        "0001-01-01T00:00:00Z",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Mon, 31 Feb 2024 00:00:00 GMT",
        "Tue, 02 Foo 2024 15:04:05 GMT",
        "2024-13-01",
        "2024-01-02T25:00:00Z",
        "02/03/2024",  # the second of March or the third of February
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "99999999999999999999",
        "Tue, 02 Jan 2024 15:04:05 GMT" + " " * 200 + "x",
    ],
)
def test_what_is_no_date_or_absurd_is_none(written: str) -> None:
    assert dates.parse(written, NOW) is None


@pytest.mark.parametrize(
    ("now", "chinese", "hours_ahead"),
    [
        (datetime(2026, 6, 15, tzinfo=UTC), False, -6),
        (datetime(2026, 6, 15, tzinfo=UTC), True, 8),
        (datetime(2026, 6, 1, 2, 0, tzinfo=UTC), False, 8),  # read as American it would lie 14 hours ahead
        (datetime(2026, 6, 1, 10, 0, tzinfo=UTC), False, -6),  # 6 hours ahead: not that mistake
    ],
)
def test_cst_is_chinese_where_the_feed_is_or_the_clock_says_so(now: datetime, chinese: bool, hours_ahead: int) -> None:
    local = datetime(2026, 6, 1, 10, 0, tzinfo=timezone(timedelta(hours=hours_ahead)))
    assert dates.parse("Mon, 01 Jun 2026 10:00:00 CST", now, chinese=chinese) == local


@given(st.text(max_size=120))
def test_any_text_gives_a_moment_in_utc_or_none(text: str) -> None:
    read = dates.parse(text, NOW)
    assert read is None or read.tzinfo is UTC


@given(st.integers(31_622_400, 2_000_000_000), st.integers(-14 * 60, 14 * 60))
def test_the_standard_forms_are_read_back_as_written(seconds: int, minutes: int) -> None:
    moment = datetime.fromtimestamp(seconds, timezone(timedelta(minutes=minutes)))
    assert dates.parse(moment.isoformat(), NOW) == moment
    assert dates.parse(f"{moment:%a, %d %b %Y %H:%M:%S %z}", NOW) == moment
