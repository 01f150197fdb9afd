"""``Retry-After`` in all its forms, most of them wrong."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.http import retry_after

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 120 ", 120),
        ("999999999", 999_999_999),
        ("Fri, 20 Nov 2026 12:01:00 GMT", 60),
        ("Friday, 20-Nov-26 12:01:00 GMT", 60),
        ("Fri Nov 20 12:01:00 2026", 60),
        ("Fri, 20 Nov 2026 13:01:00 +0100", 60),
        (None, None),
        ("", None),
        ("0", None),
        ("-5", None),
        ("+5", None),
        ("1.5", None),
        ("1e9", None),
        ("nan", None),
        ("inf", None),
        ("１２", None),
        ("9" * 5000, None),
        ("soon", None),
        ("Fri, 20 Nov 2026 11:59:00 GMT", None),
        ("Fri, 99 Nov 2026 12:01:00 GMT", None),
        ("Fri, 20 Nov 2026 12:01:00 +9999999", None),
        ("Fri, 20 Nov 99999 12:01:00 GMT", None),
    ],
)
def test_seconds_and_dates_are_read_and_the_rest_ignored(value: str | None, seconds: int | None) -> None:
    assert retry_after(value, NOW) == (None if seconds is None else timedelta(seconds=seconds))


@given(st.text())
def test_no_text_makes_it_fail(value: str) -> None:
    retry_after(value, NOW)
