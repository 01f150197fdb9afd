"""The quick start of the alerts API's document ends with a delivered alert, by the stream and by polling."""

import sys
from pathlib import Path

import pytest

from tests.quick_start import By, play


@pytest.mark.parametrize("by", ["stream", "polling"])
async def test_a_post_is_on_the_phone_within_ten_seconds(by: By, tmp_path: Path) -> None:
    told = await play(tmp_path, by=by, interval=1.0, serve=(sys.executable, "-m", "bot", "serve"))
    assert told.status == "delivered"
    assert told.p99 <= 10
